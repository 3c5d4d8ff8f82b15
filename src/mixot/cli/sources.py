"""The inputs of a command, all through one door: a file becomes a measure, as it is or as a mixture fitted to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from mixot._frames import column_order
from mixot.cli.arguments import Options
from mixot.cli.console import note, working
from mixot.cli.fit_facts import describe, describe_fit
from mixot.cli.picture_sources import COLORS, colors_of, density_of, each_masked, fitted_colors
from mixot.errors import AccuracyWarning, InputError
from mixot.fitting.base import Fitter
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.labelled import fit_labelled
from mixot.incomplete import Incomplete
from mixot.io import Observations, Table, kind_of, load, read_observations, read_table
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture, aligned, columns_of
from mixot.results import Fit, Status
from mixot.transport.pairs import pair_of
from mixot.verbs import fit

_AS_IT_IS: dict[str, type[Measure]] = {"table": Samples, "cells": Samples, "picture": Grid, "model": Mixture}
M = TypeVar("M", bound=Measure)
S = TypeVar("S", bound="Source[Any]")


@dataclass(frozen=True, eq=False)
class Source(Generic[M]):
    """One input of a command: a measure, and the file that it comes from.

    ``kind`` is that of the file: "model", "table", "picture" or "cells"; ``columns`` name the coordinates, ``what``
    says what the measure is, in words.
    """

    path: Path
    kind: str
    measure: M
    columns: tuple[str, ...]
    what: str

    def summary(self) -> dict[str, Any]:
        """What machines are told about it."""
        return {"path": str(self.path), "kind": self.kind, "measure": self.what, "dim": self.measure.dim}

    def line(self) -> str:
        """What people are told about it."""
        return f"{self.path} ({self.kind}: {self.what}, dimension {self.measure.dim})"


@dataclass(frozen=True, eq=False)
class MixtureSource(Source[Mixture]):
    """An input that is a mixture: a model, or what was fitted to ``points``; ``labels`` name its components."""

    points: Any = None  # Samples, or Incomplete
    fitted: Fit | None = None
    labels: tuple[str, ...] = ()
    used: int = 0  # rows that the fit is of: those without any value, say, are left out

    def summary(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"path": str(self.path), "kind": self.kind, **describe(self.measure)}
        if self.fitted is not None and self.points is not None:
            facts |= {"rows": len(self.points), "fitted_rows": self.used, "fit": describe_fit(self.fitted)}
        if self.labels:
            facts["labels"] = list(self.labels)
        return facts

    def line(self) -> str:
        whole = 0 if self.points is None else len(self.points)
        of_all = f" of {whole:,}" if self.used != whole else ""
        came = f", fitted to {self.used:,}{of_all} points" if whole else ""
        return f"{self.path} ({self.kind}: {self.what}, dimension {self.measure.dim}{came})"


def sides(p: Source, q: Source) -> dict[str, Any]:
    """What machines are told about both inputs of a command."""
    return {"source": p.summary(), "target": q.summary()}


def title(p: Source, q: Source) -> str:
    """What people are told about both inputs, on two lines."""
    return f"{p.line()}\n{q.line()}"


def open_mixture(path: Path, options: Options) -> MixtureSource:
    """Load the model in ``path``, or read the table, picture or cells there and fit one to it."""
    kind = kind_of(path)
    (options,) = each_masked([path], [kind], options)
    _check_scale(path, kind, options)
    if kind != "cells" and (options.rep is not None or options.label is not None):
        raise InputError(f"{path}: --rep and --label are for annotated data (.h5ad); leave them out")
    if kind == "table":
        return _fit_tallied(path, options)
    if options.missing != "error":
        raise InputError(f"{path}: --missing is for tables; leave it out")
    if options.counts is not None or options.weights is not None:
        raise InputError(f"{path}: --counts and --weights name columns of a table; leave them out")
    if kind == "cells":
        return _fit_cells(path, options)
    if kind == "picture":
        return _fit_picture(path, options)
    return MixtureSource(*_model(path))


def open_mixtures(paths: Sequence[Path], options: Options) -> list[MixtureSource]:
    """Mixtures of all inputs, their coordinates in the order of the first that names them."""
    kinds = [kind_of(path) for path in paths]  # a wrong name of the last file is told before the first one is fitted
    if set(kinds) == {"model"} and options.family != "gaussian":
        raise InputError(f"{paths[0]}: --family is for fits, and models have one; leave it out")
    # What is said of rows concerns the tables among the inputs.
    others = replace(options, counts=None, weights=None, missing="error") if "table" in kinds else options
    sources: list[MixtureSource] = []
    first: tuple[str, ...] | None = None
    for path, kind, theirs in zip(paths, kinds, each_masked(paths, kinds, others), strict=True):
        if first is None or options.columns is not None or kind != "table":
            sources.append(open_mixture(path, replace(options, mask=None) if kind == "table" else theirs))
        else:  # names that do not fit are told before a fit that would be in vain
            sources.append(_fit_tallied(path, options, first))
        first = columns_of(*(source.measure for source in sources))
    return in_one_order(sources)


def open_points(a: Path, b: Path, options: Options) -> tuple[Source[Samples], Source[Samples]]:
    """The points of both inputs, columns matched as `open_mixtures` does; weights of rows, or counts, are kept."""
    p, q = open_all_points([a, b], options)
    return p, q


def open_all_points(paths: Sequence[Path], options: Options) -> list[Source[Samples]]:
    """The points of all inputs, their coordinates in the order of the first that names them."""
    each = each_masked(paths, [kind_of(path) for path in paths], options)
    if options.counts is not None or options.weights is not None:
        return in_one_order([_source(path, *_tallied(path, options)) for path in paths])
    return in_one_order([_points(path, read_points(path, how)) for path, how in zip(paths, each, strict=True)])


def open_start(path: Path) -> Mixture | Samples:
    """What a fit is to start from: a model, or the rows of a table as means."""
    return load(path) if kind_of(path) == "model" else named_points(read_table(path))


def open_rows(path: Path, options: Options) -> Source[Any]:
    """The rows of a table or of cells as points, with the counts or weights that a column holds, and gaps if let in."""
    if kind_of(path) not in ("table", "cells"):
        raise InputError(f"{path}: the data must be a table, or cells (.h5ad)")
    (options,) = each_masked([path], [kind_of(path)], options)
    if options.missing != "error" and kind_of(path) != "table":
        raise InputError(f"{path}: --missing is for tables; leave it out")
    if options.counts is not None or options.weights is not None or options.missing != "error":
        return _source(path, *_tallied(path, options))
    return _points(path, read_points(path, options))


def check_unfitted(options: Options) -> None:
    """Whether nothing is asked of fits, where points are compared as they are."""
    if options.k is not None or options.k_max is not None:
        raise InputError("-k and --k-max are for fits, and here points are compared as they are; leave them out")
    for name, value, usual in (("--family", options.family, "gaussian"), ("--missing", options.missing, "error")):
        if value != usual:
            raise InputError(f"{name} is for fits, and here points are compared as they are; leave it out")


def open_sides(a: Path, b: Path, options: Options, *, fitted: bool, exact: bool, bright: bool) -> Sequence[Source]:
    """Both inputs, as they are where that is asked for or can only be meant, and ``fitted`` does not forbid it."""
    pair = None if fitted else open_as_they_are(a, b, options, exact=exact, bright=bright)
    return pair or open_mixtures([a, b], options)


def open_as_they_are(a: Path, b: Path, options: Options, *, exact: bool, bright: bool) -> tuple[Source, Source] | None:
    """Both inputs with nothing fitted; None where they are to be fitted.

    They are taken so where ``--exact`` asks for it, and where a table of two columns meets a picture: its colors have
    three coordinates, so it can only be the sheet that is meant.
    """
    kinds = kind_of(a), kind_of(b)
    sheet = set(kinds) == {"table", "picture"} and _width(a if kinds[0] == "table" else b, options) == 2
    if not (exact or sheet):
        if bright:
            raise InputError("--bright says how a picture is a density; add --exact, or leave it out")
        return None
    pair = pair_of(*(_AS_IT_IS[kind] for kind in kinds))
    if pair is None or not pair.exact:
        raise InputError("--exact is for points: one of A and B must be a table; leave it out to compare fits")
    check_unfitted(options)
    if kinds == ("table", "table"):
        p, q = open_points(a, b, options)
    else:
        each = each_masked((a, b), kinds, options)
        p, q = (_as_it_is(path, kind, how, bright) for path, kind, how in zip((a, b), kinds, each, strict=True))
    if p.measure.dim != q.measure.dim:
        raise InputError(
            f"both must have as many coordinates, got {p.measure.dim} in {a} and {q.measure.dim} in {b}; choose those "
            "of a table with --columns"
        )
    p, q = in_one_order([p, q])
    return p, q


def read_points(path: Path, options: Options) -> Table:
    """The points of a table or of cells, or the colors of a picture, as a table; a column of weights is left out."""
    kind = kind_of(path)
    if kind == "table":
        tally = options.counts or options.weights
        if tally is None or options.columns is not None:
            return told_table(path, options.columns, options)
        names = read_table(path).columns
        return told_table(path, [name for name in names if name != tally] if tally in names else None, options)
    _check_scale(path, kind, options)
    if kind == "picture":
        colors = colors_of(path, options)
        return Table(COLORS, colors.points, colors.weights)
    if kind == "cells":
        cells = read_observations(path)
        return Table(_coordinates(cells), cells.points)
    raise InputError(f"{path}: a model has no points to move; pass a table, or name one with --points")


def _check_start(path: Path, options: Options, why: str) -> None:
    given = {"--start": options.start, "--prior": options.prior, "--df": options.df}
    for name, value in {**given, "--background": options.background or None}.items():
        if value is not None:
            raise InputError(f"{path}: {why}; leave {name} out")


def _check_scale(path: Path, kind: str, options: Options) -> None:
    if kind != "table" and (options.scale != "linear" or options.compensate):
        raise InputError(f"{path}: --scale and --compensate are for tables; leave them out")


def _on_scale(path: Path, table: Table, options: Options) -> Table:
    """A table whose column of weights was taken away, on the scale that is asked for."""
    from mixot.io.scales import as_scale, scaled

    table = scaled(table, as_scale(options.scale))
    for text in table.notes:
        note(f"{path}: {text}")
    return table


def named_points(table: Table) -> Samples:
    """The rows of a table as a measure, whose coordinates are called as its columns are where those have names."""
    return Samples(table.values, table.weights, columns=table.names)


def told_table(path: Path, columns: Sequence[str] | None, options: Options | None = None) -> Table:
    """The table in a file; what in it could have been read in another way is told."""
    how = {} if options is None else {name: getattr(options, name) for name in ("scale", "compensate", "missing")}
    table = read_table(path, columns=columns, **how)
    for text in table.notes:
        note(f"{path}: {text}")
    return table


def _width(path: Path, options: Options) -> int:
    return len(read_table(path, columns=options.columns).columns)


def _as_it_is(path: Path, kind: str, options: Options, bright: bool) -> Source:
    if kind == "table":
        return _source(path, *_tallied(path, options))
    if kind == "model":
        return Source(*_model(path))
    if kind == "picture":
        return _sheet(path, bright, options)
    raise InputError(f"{path}: --exact is for tables, pictures and models; leave it out")


def _sheet(path: Path, bright: bool, options: Options) -> Source:
    """A picture as a density on its sheet."""
    grid = density_of(path, options, bright=bright)
    width, height = grid.values.shape
    return Source(
        path, "picture", grid, ("x", "y"), f"{'light' if bright else 'darkness'} of {width} x {height} pixels"
    )


def _model(path: Path) -> tuple[Path, str, Mixture, tuple[str, ...], str]:
    """What is known of a model, as the fields of a `Source`."""
    mixture = load(path)
    columns = mixture.columns or tuple(f"x{j + 1}" for j in range(mixture.dim))
    return path, "model", mixture, columns, _components(mixture)


def _points(path: Path, table: Table) -> Source[Samples]:
    return _source(path, table, named_points(table))


def _source(path: Path, table: Table, points: Any) -> Source[Any]:
    what = f"{len(points):,} point{'s' if len(points) > 1 else ''}"
    return Source(path, kind_of(path), points, table.columns, what)


def _components(mixture: Mixture) -> str:
    return f"{len(mixture)} component{'s' if len(mixture) > 1 else ''}"


def in_order(theirs: Table, mine: tuple[str, ...], path: Path) -> Table:
    """The table in ``path`` with its columns in the order of some names; `InputError` where it has other names."""
    if theirs.names is None or len(mine) != len(theirs.columns):
        return theirs
    order = column_order(mine, theirs.names, f"{path}: this table")
    return theirs if order is None else replace(theirs, columns=mine, values=theirs.values.take(order, axis=1))


def in_one_order(sources: Sequence[S]) -> list[S]:
    """Inputs with their coordinates in the order of the first that names them, by the rule of the verbs."""
    named = next((source for source in sources if columns_of(source.measure) is not None), None)
    if named is None:
        return list(sources)
    out: list[S] = []
    for source in sources:
        try:
            measure = aligned(named.measure, source.measure)
        except InputError as wrong:
            raise InputError(f"{named.path}, {source.path}: {wrong}") from None
        same = measure is source.measure
        out.append(source if same else replace(source, measure=measure, columns=columns_of(measure)))
    return out


def _fitted(
    path: Path,
    kind: str,
    found: Fit,
    columns: tuple[str, ...],
    points: Any,
    labels: tuple[str, ...] = (),
    used: int | None = None,
) -> MixtureSource:
    """The mixture that was fitted; what troubled the fit is told on one line each."""
    ended, here = (f"the fit {advice}" for advice in (found.status.advice, found.status.advice_for(None)))
    for text in found.notes:
        note(f"{path}: {here if text == ended else text}")  # commands have no such options
    if not found.status.solved and ended not in found.notes:
        note(f"{path}: {here}")
    mixture = found.mixture
    used = _with_values(points) if used is None else used
    return MixtureSource(path, kind, mixture, columns, _components(mixture), points, found, labels, used)


def _with_values(points: Samples | Incomplete) -> int:
    """The rows that a likelihood is of."""
    counted = points.weights > 0
    return int((counted & points.observed.any(axis=1) if isinstance(points, Incomplete) else counted).sum())


def _fit_tallied(path: Path, options: Options, order: tuple[str, ...] | None = None) -> MixtureSource:
    """A table whose rows count as one of its columns says, if any."""
    table, points = _tallied(path, options, order)
    return _fit_table(path, table, options, points=points)


def _tallied(path: Path, options: Options, order: tuple[str, ...] | None = None) -> tuple[Table, Any]:
    """A table without the column that says how its rows count, if one does, and its points, with gaps if let in.

    Columns that have names stand in ``order``.
    """
    name = options.counts or options.weights
    if name is None:
        table = told_table(path, options.columns, options)
        table = table if order is None else in_order(table, order, path)
        try:
            return table, table.rows()
        except InputError as wrong:
            raise InputError(f"{path}: {wrong}") from None
    if options.counts is not None and options.weights is not None:
        raise InputError("--counts say how often rows were seen, --weights how much they matter; give one of them")
    if kind_of(path) != "table":
        raise InputError(f"{path}: --counts and --weights name columns of a table; leave them out")
    table = told_table(
        path, None if options.columns is None else (*options.columns, name), replace(options, scale="linear")
    )
    if name not in table.columns or len(table.columns) < 2:
        raise InputError(f"{path}: no column {name!r} beside the data; columns are {', '.join(table.columns)}")
    at = table.columns.index(name)
    tally, rest = table.values[:, at].astype(np.float64), np.delete(table.values, at, axis=1)
    left = replace(table, columns=tuple(c for c in table.columns if c != name), values=rest, notes=())
    left = _on_scale(path, left, options)
    left = left if order is None else in_order(left, order, path)
    try:
        shares = tally / tally.sum() if tally.sum() > 0 else tally
        weights: dict[str, np.ndarray] = {"counts": tally} if options.counts else {"weights": shares}
        return left, left.rows(**weights)
    except InputError as wrong:
        raise InputError(f"{path}: column {name}: {wrong}") from None


def _fit_table(path: Path, table: Table, options: Options, kind: str = "table", points: Any = None) -> MixtureSource:
    points = named_points(table) if points is None else points
    with working(f"fitting {path.name}", quiet=options.quiet) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # the notes of the fit say the same, on one line
        found = fit(
            points,
            options.family,
            k=options.k,
            method=_method(options),
            structure=options.structure,
            rng=options.seed,
            progress=progress,
        )
    return _fitted(path, kind, found, table.columns, points)


def _fit_cells(path: Path, options: Options) -> MixtureSource:
    """Cells of an .h5ad file, fitted like a table, or, with labels, a component for each type."""
    if options.columns is not None:
        raise InputError(f"{path}: columns can be chosen from a table, these are cells; --rep names the representation")
    labels = () if options.label is None else (options.label,)
    cells = read_observations(path, rep=options.rep or "X_pca", labels=labels)
    if options.label is None:
        table = Table(_coordinates(cells), cells.points, named=cells.columns is not None)
        return _fit_table(path, table, options, "cells", cells.samples())
    if options.method != "em":
        raise InputError(
            f"{path}: with --label each type gets components of its own; leave --method {options.method} out"
        )
    _check_start(path, options, "with --label each type starts by itself, and shrinks what few cells say")
    if options.family != "gaussian":
        raise InputError(f"{path}: with --label each type gets Gaussian laws; leave --family {options.family} out")
    held = cells.labels[options.label]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = fit_labelled(
            cells.points, held.codes, held.names, k=options.k or 1, structure=options.structure, rng=options.seed
        )
    n, likelihood = len(cells), float(found.mixture.log_density(cells.points).mean())
    free = found.mixture.components.free_parameters() + len(found.mixture) - 1
    criterion = float(-2 * likelihood + free * np.log(n) / n)
    whole = Fit(
        found.mixture.named(cells.columns),
        Status.CONVERGED,
        1,
        likelihood,
        criterion,
        np.array([likelihood]),
        notes=found.notes,
        n_parameters=free,
        observations=float(n),
    )
    owners = tuple(found.names[owner] for owner in found.owner)
    named = int((held.codes >= 0).sum())
    return _fitted(path, "cells", whole, _coordinates(cells), Samples(cells.points), owners, named)


def _coordinates(cells: Observations) -> tuple[str, ...]:
    if cells.columns is not None:
        return cells.columns
    stem = "PC" if cells.rep == "X_pca" else cells.rep.removeprefix("X_")
    return tuple(f"{stem}{j + 1}" for j in range(cells.points.shape[1]))


def _method(options: Options) -> Fitter:
    more: dict[str, Any] = {} if options.k_max is None else {"k_max": options.k_max}
    if options.missing != "error" and options.method != "em":
        raise InputError(f"--missing {options.missing} is an option of --method em; leave it out, or --method")
    if options.df is not None:
        return _tails(options, more)
    if options.method == "em":
        given = {"prior": options.prior, "start": options.start, "missing": options.missing}
        return EM(background=options.background, **given, **more)
    if options.method == "wasserstein":
        from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein

        return MinimumWasserstein(em=EM(**more))
    from mixot.fitting.moments.moment_sos import MomentSOS

    return MomentSOS(**options.moments, **more)


def _tails(options: Options, more: dict[str, Any]) -> Fitter:
    """The fitter of Student laws, told whether their degrees of freedom are common."""
    from mixot.families.registry import factor_names
    from mixot.fitting.likelihood.family_em import FamilyEM

    if "student" not in factor_names(options.family):
        raise InputError(f"--df is an option of --family student, not of {options.family}; leave it out, or add that")
    told_of_gaussians = {
        "--prior": options.prior is not None,
        "--missing ignore": options.missing != "error",
        "--background": options.background,
    }
    for name, told in told_of_gaussians.items():
        if told:
            raise InputError(f"{name} is for Gaussian laws, not for those of the {options.family} family; leave it out")
    return FamilyEM(df=options.df or "common", start=options.start, **more)


def _fit_picture(path: Path, options: Options) -> MixtureSource:
    if options.method == "moments":
        raise InputError(f"{path}: --method moments is for tables, this is a picture; use --method em")
    if options.family != "gaussian":
        raise InputError(f"{path}: --family {options.family} is for tables; the colors of a picture get Gaussian laws")
    if options.columns is not None:
        raise InputError(f"{path}: columns can be chosen from a table, this is a picture")
    _check_start(path, options, "the colors of a picture have starts of their own")
    found, colors = fitted_colors(path, options)
    return _fitted(path, "picture", found, COLORS, colors)
