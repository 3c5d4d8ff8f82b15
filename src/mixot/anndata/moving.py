"""From one population of cells to another: the plan between their types, and where each cell goes."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from mixot._checks import as_generator
from mixot._shapes import Int
from mixot.anndata.fitting import copied, fit_cells
from mixot.anndata.populations import PopulationPlan
from mixot.anndata.reading import check_object, labels_key, observations
from mixot.anndata.results import Transport, wide
from mixot.anndata.storing import fit_to_dict, plan_to_dict, planned_from, stability_to_dict, stored_under, words
from mixot.errors import AccuracyWarning, InputError
from mixot.io.observations import Labels, Observations, listed
from mixot.solvers.entropic.interaction import typical_interaction
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.plans import component_costs
from mixot.verbs import plan as plan_between

KEY = "transport"
WRITTEN = ("images", "fates", "origins", "ancestors")
_MAIN = 0.75  # share of a type beyond which it counts as going to one type
_GROWTH = 0.5  # what growth by a factor of e costs, relative to the typical interaction of two components


@dataclass(frozen=True)
class Choices:
    """How populations become mixtures, and what joins them; see `transport`."""

    labels: str | None = None
    rep: str = "X_pca"
    k: int | str | None = None
    family: str = "gaussian"
    structure: str = "full"
    dims: int | None = None
    solver: Any = None
    growth: bool = False
    assign: str | None = None

    def __post_init__(self) -> None:
        if self.growth and self.solver is not None:
            raise InputError("growth=True chooses a solver; with one of your own say it there: OMT(rho=...)")
        if self.assign not in (None, "label", "density"):
            raise InputError(f'assign must be "label" or "density", got {self.assign!r}')
        if self.assign == "label" and self.labels is None:
            raise InputError('assign="label" needs labels, the column of obs with the type of each cell')


def transport(
    adata: AnnData,
    target_adata: AnnData | None = None,
    *,
    groupby: str | None = None,
    source: Any = None,
    target: Any = None,
    labels: str | None = None,
    rep: str = "X_pca",
    k: int | str | None = None,
    family: str = "gaussian",
    structure: str = "full",
    dims: int | None = None,
    solver: Any = None,
    growth: bool = False,
    assign: str | None = None,
    write: Collection[str] | None = None,
    key_added: str = KEY,
    copy: bool = False,
    rng: Any = None,
) -> AnnData | tuple[AnnData, AnnData] | None:
    """Move one population of cells onto another, cell type by cell type.

    Both populations become mixtures on the representation, with components for each type (few cells: see
    `mixot.fitting.likelihood.labelled`); the solver's plan joins the components, and each cell is moved by those of
    its type.

    Parameters
    ----------
    adata : AnnData
        The cells of the source, and of the target where ``target_adata`` is not given.
    target_adata : AnnData, optional
        The cells of the target. Both must hold the same representation: one PCA of all cells together.
    groupby : str
        Of one object, the column of ``.obs`` that tells the populations apart: "time", "condition".
    source, target : optional
        Groups of ``groupby``; the first and the second one where it has two.
    labels : str, optional
        Column of ``.obs`` with the types of the cells; where not given, components are found by EM on each side.
    rep, k, family, structure, dims
        As in `mixot.anndata.fit`; ``k`` is the number of components for each type, chosen by BIC where not given, as
        fates differ between the cells of a type only where the type has several components.
    solver : solver, optional
        ``OMT()``, which is unique and stable, where not given; ``Exact()`` is the plan of MW2.
    growth : bool
        Let the types of the source grow and shrink on their way, as real populations do: ``OMT(rho=(r, inf))`` with
        half the typical size of the costs between two components, less their separable part, for r. Where the shares of
        types differ, a plan without it turns the surplus of one type into another; with it this happens only between
        types so close that one grew by ``exp(cost / r)`` more than the other.
    assign : "label" or "density", optional
        What decides where in its own population a cell stands: its label (the default where there are labels; cells
        without one go by density), or its responsibilities under the mixture.
    write : some of "images", "fates", "origins", "ancestors"
        What to compute for each cell and write beside the plan; all four where not given. Images and origins are the
        long part of it.
    key_added : str
        Where results go, see below.
    copy : bool
        Leave the objects as they are and return copies that have the results.
    rng : seed, Generator or None
        What EM starts from and random images are drawn from.

    Returns
    -------
    None, or the copy; the pair of copies where two objects came. What is written (K = ``key_added``), NaN where it does
    not apply to a cell; with two objects the first three lines go to the first, the next three to the second:

    ``.obsm[K + "_image"]``, ``.obsm[K + "_image_random"]``
        Cells of the source, where they go in the representation: on average, which is smooth but does not push one
        population onto the other, and at random, which does.
    ``.obsm[K + "_fates"]``
        Cells of the source, the probability of each type of the target, in the order of
        ``.uns[K]["target"]["labels"]``.
    ``.obs[K + "_fate"]``, ``.obs[K + "_growth"]``
        The most probable of them, and the mass that leaves a cell per unit that is there: one, unless types may grow.
    ``.obsm[K + "_origin"]``, ``.obsm[K + "_origin_random"]``, ``.obsm[K + "_ancestors"]``, ``.obs[K + "_ancestor"]``
        Cells of the target, the same backwards.
    ``.uns[K]``
        ``"flows"``, a table of mass, share of the source type, distance and relative standard error (from the numbers
        of cells; NaN where unknown) for each pair of types; ``"growth"``, the factor by which each type grows, one
        where marginals are kept; ``"stability"``, how far to trust the plan (``["report"]`` says it in words); the
        mixtures, the plan with its certificate, and the options. `flows` and `planned` read it. ``"left_out"`` is the
        share of the mass that images do not follow: of each component they take the pairs that carry all but 1e-6.

    Raises
    ------
    InputError
        On a missing representation or column (those that exist are listed), empty groups, cells with NaN (named).
    SolveError
        Where the solver gave up.

    Warns
    -----
    AccuracyWarning
        Of types with few cells, of a single type, of two objects whose PCAs differ, and of types of one component that
        go to several others: all of their cells have the same fates. The notes of the mixtures say it, too.
    """
    choices = Choices(labels, rep, k, family, structure, dims, solver, growth, assign)
    asked = _asked(write)
    p, q, rows, cols = _populations(adata, target_adata, groupby, source, target, choices)
    generator = as_generator(rng)
    found = _join(p, q, choices, generator)
    both = (adata,) if target_adata is None else (adata, target_adata)
    out = tuple(copied(each) for each in both) if copy else both
    groups = {"groupby": groupby, "from": p.place, "to": q.place}
    params = {field.name: getattr(choices, field.name) for field in fields(choices)} | groups
    stored = {"params": words(params | {"assign": found.assign}), **_stored(found)}
    sides = (  # before anything is written
        _Side.of(found, rows, generator, images="images" in asked, fates="fates" in asked),
        _Side.of(_turned(found), cols, generator, images="origins" in asked, fates="ancestors" in asked),
    )
    for each in out:
        _clear(each, key_added)  # what an earlier call wrote, and this one was not asked for
        each.uns[key_added] = dict(stored)
    sides[0].write(out[0], key_added, ("image", "fate", "fates"))
    out[0].obs[f"{key_added}_growth"] = _spread(found.growth()[:, None], rows, out[0].n_obs)[:, 0]
    sides[1].write(out[-1], key_added, ("origin", "ancestor", "ancestors"))
    return None if not copy else out[0] if len(out) == 1 else (out[0], out[1])


def between(
    source: AnnData | Observations,
    target: AnnData | Observations,
    *,
    labels: str | None = None,
    rep: str = "X_pca",
    k: int | str | None = None,
    family: str = "gaussian",
    structure: str = "full",
    dims: int | None = None,
    solver: Any = None,
    growth: bool = False,
    assign: str | None = None,
    rng: Any = None,
) -> Transport:
    """Return the plan between the cell types of two populations, and write nothing.

    Parameters
    ----------
    source, target : AnnData, or cells that ``mixot.io.read_observations`` read
        Both populations; views such as ``adata[adata.obs["time"] == "0"]`` will do.
    labels, rep, k, family, structure, dims, solver, growth, assign, rng
        As in `transport`.

    Returns
    -------
    Transport
        ``.flows() .table() .fates() .ancestors() .images(kind) .origins(kind) .plan .populations``
    """
    choices = Choices(labels, rep, k, family, structure, dims, solver, growth, assign)
    p, q = (_cells(each, name, choices) for each, name in ((source, "source"), (target, "target")))
    return _join(p, q, choices, as_generator(rng))


def planned(adata: AnnData, key: str = KEY) -> PopulationPlan:
    """Return the mixtures and the plan that `transport` wrote under ``key``; it moves other cells, too."""
    return planned_from(stored_under(check_object(adata, "adata").uns, key, "transport", "plan"))


def flows(adata: AnnData, key: str = KEY) -> pd.DataFrame:
    """Return the plan that `transport` wrote as a table: mass from source types (rows) to target types (columns)."""
    return wide(planned(adata, key))


def _cells(data: Any, name: str, choices: Choices) -> Observations:
    if isinstance(data, Observations):
        return data
    return observations(data, rep=choices.rep, labels=labels_key(choices.labels), dims=choices.dims, name=name)


def _populations(
    adata: Any, target_adata: Any, groupby: str | None, source: Any, target: Any, choices: Choices
) -> tuple[Observations, Observations, Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """The cells of both sides, and which rows of their objects they are."""
    if target_adata is not None:
        if groupby is not None or source is not None or target is not None:
            raise InputError("groupby, source and target split one object; leave them out, or target_adata")
        p, q = _cells(adata, "adata", choices), _cells(target_adata, "target_adata", choices)
        return p, q, np.arange(len(p)), np.arange(len(q))
    if groupby is None:
        raise InputError(
            "name the column that tells the two populations apart, groupby='condition', or pass two objects"
        )
    keys = (groupby, *labels_key(choices.labels))
    cells = observations(adata, rep=choices.rep, labels=keys, dims=choices.dims)
    return split(cells, groupby, source, target)


def split(
    cells: Observations, groupby: str, source: Any, target: Any
) -> tuple[Observations, Observations, Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Two groups of the cells, and which rows they are."""
    groups = cells.labels[groupby]
    start, end = _ends(groups, source, target)
    if start == end:
        raise InputError(f"source and target are the same group of {groupby!r}, {groups.names[start]!r}")
    rows, cols = np.flatnonzero(groups.codes == start), np.flatnonzero(groups.codes == end)
    p, q = (replace(cells.take(each), place=groups.names[code]) for each, code in ((rows, start), (cols, end)))
    return p, q, rows, cols


def _ends(groups: Labels, source: Any, target: Any) -> tuple[int, int]:
    """Codes of the source and the target; of two groups the first and the second, or the other one."""
    present = groups.present()
    if len(present) == 2 and (source is None or target is None):
        first, second = (groups.code_of(name, "group") for name in present)
        if source is None and target is None:
            return first, second
        given = groups.code_of(source if target is None else target, "source" if target is None else "target")
        other = second if given == first else first
        return (given, other) if target is None else (other, given)
    if source is None or target is None:
        raise InputError(
            f"{groups.key!r} has {len(present)} groups with cells ({listed(present)}); name two: source=, target="
        )
    return groups.code_of(source, "source"), groups.code_of(target, "target")


def _join(p: Observations, q: Observations, choices: Choices, rng: np.random.Generator) -> Transport:
    """Mixtures of both sides and the plan between them."""
    if p.points.shape[1] != q.points.shape[1]:
        raise InputError(
            f"{choices.rep!r} has {p.points.shape[1]} columns in {p.place} and {q.points.shape[1]} in {q.place}; "
            "compute one representation of all cells together"
        )
    q = q.in_order_of(p)
    if not p.shares_axes(q):
        _warn(
            f"{choices.rep!r} of {p.place} and of {q.place} come from two PCAs, whose coordinates mean different "
            "things; compute one PCA of all cells together"
        )
    k = "auto" if choices.k is None and choices.labels is not None else choices.k
    sides = [fit_cells(each, choices.labels, k, choices.family, choices.structure, "em", rng)[0] for each in (p, q)]
    if choices.labels is not None and all(len(side.names) == 1 for side in sides):
        _warn(
            f"{choices.labels!r} has one group on each side, {sides[0].names[0]!r} and {sides[1].names[0]!r}: the plan "
            "has a single flow"
        )
    solver = choices.solver or OMT()
    if choices.growth:
        costs = component_costs(sides[0].mixture.components, sides[1].mixture.components, solver)
        weights = sides[0].mixture.weights, sides[1].mixture.weights
        solver = OMT(rho=(_GROWTH * typical_interaction(costs, *weights) or 1.0, np.inf))
    plan = plan_between(sides[0].mixture, sides[1].mixture, solver=solver)
    assign = choices.assign or ("density" if choices.labels is None else "label")
    found = PopulationPlan(sides[0], sides[1], plan)
    if assign == "label":
        forth, back = _with_alike(found, "fates"), _with_alike(found.reversed, "ancestors")
        found = PopulationPlan(forth.source, back.source, plan)
    return Transport(found, p, q, choices.labels, assign)


def _with_alike(populations: PopulationPlan, what: str) -> PopulationPlan:
    """The same with a note on types, told as a warning, whose cells cannot be told apart and go to several types."""
    source, flows = populations.source, populations.flows()
    main = flows.max(axis=1) <= _MAIN * flows.sum(axis=1)
    alike = [source.names[code] for code in np.flatnonzero(main & (np.bincount(source.owner) == 1))]
    if not alike:
        return populations
    note = (
        f"types that are a single component, all of whose cells have the same {what}: {listed(alike)}; "
        'k="auto" or a number gives each type several where its cells suffice, fewer dims ask for fewer cells'
    )
    _warn(note)
    return replace(populations, source=replace(source, notes=(*source.notes, note)))


def _turned(found: Transport) -> Transport:
    """The same transport, from the target to the source."""
    return replace(found, populations=found.populations.reversed, source=found.target, target=found.source)


def _stored(found: Transport) -> dict[str, Any]:
    """What goes to uns."""
    populations = found.populations
    out, back = populations.growth()
    names = [*populations.source.names, *populations.target.names]
    sides = ["source"] * len(out) + ["target"] * len(back)
    growth = {"side": sides, "label": names, "growth": np.concatenate([out, back])}
    return {
        "flows": found.table(),
        "growth": pd.DataFrame(growth, index=pd.Index([str(row) for row in range(len(names))])),
        "source": fit_to_dict(populations.source),
        "target": fit_to_dict(populations.target),
        "plan": plan_to_dict(found.plan),
        "left_out": populations.left_out,
        **({"stability": stability_to_dict(found.plan)} if isinstance(found.plan, OMTPlan) else {}),
    }


@dataclass(frozen=True, eq=False)
class _Side:
    """What becomes of the cells of one population: their rows, images on average and at random, fates; if asked."""

    found: Transport
    rows: np.ndarray
    images: tuple[np.ndarray, np.ndarray] | None
    fates: np.ndarray | None

    @classmethod
    def of(
        cls, found: Transport, rows: np.ndarray, rng: np.random.Generator, *, images: bool = True, fates: bool = True
    ) -> _Side:
        moved = (found.images(), found.images("random", rng=rng)) if images else None
        ends = found.populations.fates(found.source.points, found.source_codes) if fates else None
        return cls(found, rows, moved, ends)

    def write(self, adata: AnnData, key: str, names: tuple[str, str, str]) -> None:
        """Write it where `transport` says; NaN for other cells."""
        image, fate, fates = (f"{key}_{name}" for name in names)
        if self.images is not None:
            adata.obsm[image], adata.obsm[f"{image}_random"] = (
                _spread(each, self.rows, adata.n_obs) for each in self.images
            )
        if self.fates is None:
            return
        adata.obsm[fates] = _spread(self.fates, self.rows, adata.n_obs)
        codes = np.full(adata.n_obs, -1)
        codes[self.rows] = self.fates.argmax(axis=1)
        types = list(self.found.populations.target.names)
        adata.obs[fate] = pd.Categorical.from_codes(codes, types)
        held = self.found.target.labels.get(self.found.labels or "")
        colors = dict(zip(held.names, held.colors, strict=False)) if held else {}
        if colors and all(name in colors for name in types):
            adata.uns[f"{fate}_colors"] = [colors[name] for name in types]


def _asked(write: Any) -> set[str]:
    """What is to be written for each cell."""
    if write is None:
        return set(WRITTEN)
    asked = {write} if isinstance(write, str) or not isinstance(write, Collection) else set(write)
    if not asked <= set(WRITTEN):
        raise InputError(f"write takes some of {', '.join(WRITTEN)}; got {', '.join(map(str, asked - set(WRITTEN)))}")
    return asked


def _clear(adata: AnnData, key: str) -> None:
    for name in ("image", "image_random", "fates", "origin", "origin_random", "ancestors"):
        adata.obsm.pop(f"{key}_{name}", None)
    for name in ("fate", "growth", "ancestor"):
        if f"{key}_{name}" in adata.obs:
            del adata.obs[f"{key}_{name}"]  # pyright: ignore[reportIndexIssue]
        adata.uns.pop(f"{key}_{name}_colors", None)


def _spread(values: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """Values of some rows as an array of all rows."""
    if len(rows) == n:
        return values
    out = np.full((n, values.shape[1]), np.nan, dtype=values.dtype)
    out[rows] = values
    return out


def _warn(text: str) -> None:
    warnings.warn(text, AccuracyWarning, stacklevel=4)
