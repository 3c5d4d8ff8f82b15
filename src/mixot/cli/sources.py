"""The inputs of a command: models are loaded, tables and pictures are read and fitted, all through one door."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixot.cli.console import remark, working
from mixot.errors import AccuracyWarning, InputError
from mixot.fitting.base import Fitter
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.labelled import fit_labelled
from mixot.io import Observations, Table, kind_of, load, read_observations, read_picture, read_table
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit, MomentFit, ProgressCallback, Status
from mixot.verbs import fit


@dataclass(frozen=True)
class Options:
    """How tables and pictures are read and fitted."""

    k: int | None = None
    k_max: int | None = None
    structure: str = "full"
    seed: int = 0
    columns: tuple[str, ...] | None = None
    quiet: bool = False
    method: str = "em"
    distance: str = "tv"  # of a fit to moments, and its order
    order: int | None = None
    rep: str | None = None  # of annotated data: the representation, and the column with the types of the cells
    label: str | None = None

    def __post_init__(self) -> None:
        if self.k is not None and self.k_max is not None:
            raise InputError("-k fixes the number of components and --k-max chooses it; give one of the two")


@dataclass(frozen=True, eq=False)
class Source:
    """One input: its mixture, and where that comes from."""

    path: Path
    kind: str
    mixture: Mixture
    columns: tuple[str, ...]
    points: Samples | None = None  # None for a model
    fitted: Fit | None = None
    names: tuple[str, ...] = ()  # of the components, where they have any

    def summary(self) -> dict[str, Any]:
        """What machines are told about it."""
        facts: dict[str, Any] = {"path": str(self.path), "kind": self.kind, **describe(self.mixture)}
        if self.fitted is not None and self.points is not None:
            facts |= {"rows": len(self.points), "fit": describe_fit(self.fitted)}
        if self.names:
            facts["labels"] = list(self.names)
        return facts

    def line(self) -> str:
        """What people are told about it."""
        components = f"{len(self.mixture)} component{'s' if len(self.mixture) > 1 else ''}"
        came = "" if self.points is None else f", fitted to {len(self.points):,} points"
        return f"{self.path} ({self.kind}: {components}, dimension {self.mixture.dim}{came})"


def describe(mixture: Mixture) -> dict[str, Any]:
    """Family and size of a mixture, for machines."""
    return {"family": mixture.components.name, "k": len(mixture), "dim": mixture.dim}


def describe_fit(fitted: Fit) -> dict[str, Any]:
    """How well a fit went, for machines."""
    return {
        "status": str(fitted.status),
        "iterations": int(fitted.iterations),
        "log_likelihood": float(fitted.log_likelihood),
        "criterion": float(fitted.criterion),
        "candidates": [{"k": c.k, "criterion": float(c.criterion)} for c in fitted.candidates],
        "notes": list(fitted.notes),
        **_describe_proof(fitted),
    }


def _describe_proof(fitted: Fit) -> dict[str, Any]:
    """What a fit to moments, or of least W2, proves, for machines."""
    if type(fitted) is Fit:
        return {}
    if not isinstance(fitted, MomentFit):
        return _describe_distance(fitted)
    levels = [
        {
            "order": level.order,
            "objective": float(level.objective),
            "lower_bound": float(level.lower_bound),
            "status": str(level.status),
            "flat": level.flat,
            "ranks": list(level.ranks),
            "seconds": round(level.seconds, 4),
        }
        for level in fitted.hierarchy
    ]
    return {
        "distance": fitted.distance_name,
        "lower_bound": float(fitted.lower_bound),
        "order": fitted.order,
        "flat": fitted.flat,
        "ranks": list(fitted.ranks),
        "hierarchy": levels,
    }


def _describe_distance(fitted: Fit) -> dict[str, Any]:
    """How near a fit of least W2 came, and to how many points, for machines."""
    from mixot.fitting.wasserstein.minimum_wasserstein import WassersteinFit

    assert isinstance(fitted, WassersteinFit)
    assert fitted.plan is not None
    names = ("distance", "lower_bound", "upper_bound", "start_distance", "residual")
    return {**{name: float(getattr(fitted, name)) for name in names}, "points": len(fitted.plan.source)}


def open_source(path: Path, options: Options) -> Source:
    """Load the model in ``path``, or read the table or picture there and fit one to it."""
    kind = kind_of(path)
    if kind != "cells" and (options.rep is not None or options.label is not None):
        raise InputError(f"{path}: --rep and --label are for annotated data (.h5ad); leave them out")
    if kind == "table":
        return _fit_table(path, told_table(path, options.columns), options)
    if kind == "cells":
        return _fit_cells(path, options)
    if kind == "picture":
        return _fit_picture(path, options)
    mixture = load(path)
    return Source(path, kind, mixture, tuple(f"x{j + 1}" for j in range(mixture.dim)))


def sides(p: Source, q: Source) -> dict[str, Any]:
    """What machines are told about both inputs of a command."""
    return {"source": p.summary(), "target": q.summary()}


def open_pair(a: Path, b: Path, options: Options) -> tuple[Source, Source]:
    """Both inputs of a command, as `open_all` reads them."""
    p, q = open_all([a, b], options)
    return p, q


def open_all(paths: Sequence[Path], options: Options) -> list[Source]:
    """All inputs of a command; columns of tables are matched by name where they have the names of the first table."""
    for path in paths:
        kind_of(path)  # a wrong name of the last file is told before the first one is fitted
    sources: list[Source] = []
    first: Source | None = None
    for path in paths:
        columns = options.columns
        if columns is None and first is not None and kind_of(path) == "table":
            columns = _matching(first.columns, read_table(path))
        sources.append(open_source(path, replace(options, columns=columns)))
        if first is None and sources[-1].kind == "table":
            first = sources[-1]
    return sources


def open_points(a: Path, b: Path, options: Options) -> tuple[Table, Table]:
    """The points of both inputs of a command, columns matched as `open_all` does; weights of rows are kept."""
    mine = read_points(a, options.columns)
    theirs = options.columns
    if theirs is None and kind_of(a) == kind_of(b) == "table" and mine.named:
        theirs = _matching(mine.columns, read_table(b))
    return mine, read_points(b, theirs)


def read_points(path: Path, columns: Sequence[str] | None) -> Table:
    """The points of a table or the colors of a picture, as a table."""
    kind = kind_of(path)
    if kind == "table":
        return told_table(path, columns)
    if kind == "picture":
        return Table(("red", "green", "blue"), _rgb(path).points)
    if kind == "cells":
        cells = read_observations(path)
        return Table(_coordinates(cells), cells.points)
    raise InputError(f"{path}: a model has no points to move; pass a table, or name one with --points")


def told_table(path: Path, columns: Sequence[str] | None) -> Table:
    """The table in a file; what in it could have been read in another way is told."""
    table = read_table(path, columns=columns)
    for note in table.notes:
        remark(f"note: {path}: {note}")
    return table


def _matching(mine: tuple[str, ...], theirs: Table) -> tuple[str, ...] | None:
    if not theirs.named or mine == theirs.columns or len(mine) != len(theirs.columns):
        return None
    if set(mine) == set(theirs.columns):
        return mine
    pairs = ", ".join(f"{m} - {t}" for m, t in zip(mine, theirs.columns, strict=True) if m != t)
    remark(f"note: the tables name their columns differently, they are matched by position: {pairs}")
    return None


def _fit_table(path: Path, table: Table, options: Options) -> Source:
    points = Samples(table.values, table.weights)
    method = _method(options)
    with working(f"fitting {path.name}", quiet=options.quiet) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # the notes of the fit say the same, on one line
        fitted = fit(
            points, k=options.k, method=method, structure=options.structure, rng=options.seed, progress=progress
        )
    _tell_trouble(path, fitted)
    return Source(path, "table", fitted.mixture, table.columns, points, fitted)


def _fit_cells(path: Path, options: Options) -> Source:
    """Cells of an .h5ad file, fitted like a table, or, with labels, a component for each type."""
    if options.columns is not None:
        raise InputError(f"{path}: columns can be chosen from a table, these are cells; --rep names the representation")
    labels = () if options.label is None else (options.label,)
    cells = read_observations(path, rep=options.rep or "X_pca", labels=labels)
    if options.label is None:
        fitted = _fit_table(path, Table(_coordinates(cells), cells.points), options)
        return replace(fitted, kind="cells")
    if options.method != "em":
        raise InputError(
            f"{path}: with --label each type gets components of its own; leave --method {options.method} out"
        )
    held = cells.labels[options.label]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = fit_labelled(
            cells.points, held.codes, held.names, k=options.k or 1, structure=options.structure, rng=options.seed
        )
    n, likelihood = len(cells), float(found.mixture.log_density(cells.points).mean())
    free = found.mixture.components.free_parameters() + len(found.mixture) - 1
    criterion = float(-2 * likelihood + free * np.log(n) / n)
    fitted = Fit(found.mixture, Status.CONVERGED, 1, likelihood, criterion, np.array([likelihood]), notes=found.notes)
    _tell_trouble(path, fitted)
    names = tuple(found.names[owner] for owner in found.owner)
    return Source(path, "cells", found.mixture, _coordinates(cells), Samples(cells.points), fitted, names)


def _coordinates(cells: Observations) -> tuple[str, ...]:
    stem = "PC" if cells.rep == "X_pca" else cells.rep.removeprefix("X_")
    return tuple(f"{stem}{j + 1}" for j in range(cells.points.shape[1]))


def _method(options: Options) -> Fitter:
    more: dict[str, Any] = {} if options.k_max is None else {"k_max": options.k_max}
    if options.method == "em":
        return EM(**more)
    if options.method == "wasserstein":
        from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein

        return MinimumWasserstein(em=EM(**more))
    from mixot.fitting.moments.moment_sos import MomentSOS

    return MomentSOS(distance=options.distance, order=options.order, **more)


def _fit_picture(path: Path, options: Options) -> Source:
    from mixot.imaging.color import fit_colors

    if options.method == "moments":
        raise InputError(f"{path}: --method moments is for tables, this is a picture; use --method em")
    if options.columns is not None:
        raise InputError(f"{path}: columns can be chosen from a table, this is a picture")
    picture = read_picture(path)
    with working(f"fitting {path.name}", quiet=options.quiet) as progress:
        fitted = fit_colors(
            picture.pixels,
            k=options.k,
            k_max=options.k_max,
            structure=options.structure,
            rng=options.seed,
            progress=progress,
        )
        if options.method == "wasserstein":
            fitted = _nearest(_rgb(path), fitted, options, progress)
    _tell_trouble(path, fitted)
    return Source(path, "picture", fitted.mixture, ("red", "green", "blue"), _rgb(path), fitted)


def _nearest(colors: Samples, start: Fit, options: Options, progress: ProgressCallback | None) -> Fit:
    """The mixture of least W2 to the colors of all pixels, from one that was fitted to them; equal pixels are one."""
    from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein

    different, counts = np.unique(colors.points, axis=0, return_counts=True)
    method = MinimumWasserstein(start=start.mixture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        fitted = fit(
            Samples(different, counts / counts.sum()), method=method, structure=options.structure, progress=progress
        )
    return replace(fitted, candidates=start.candidates)


def _rgb(path: Path) -> Samples:
    colors = read_picture(path).samples()
    return colors if colors.dim == 3 else Samples(colors.points.repeat(3, axis=1))


def _tell_trouble(path: Path, fitted: Fit) -> None:
    for note in fitted.notes:
        remark(f"note: {path}: {note}")
    if not fitted.status.solved:
        remark(f"note: {path}: the fit {fitted.status.advice}")
