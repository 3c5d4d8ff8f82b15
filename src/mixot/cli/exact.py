"""``mixot distance | plan | map`` between points and what they are compared with, exact: nothing is fitted.

Tables are the points they hold, pictures densities on their sheet, models mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixot.cli.console import emit, show_facts, show_table
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import Options
    from mixot.measures import Measure
    from mixot.results import Plan
    from mixot.solvers.semidiscrete.semidiscrete import SemidiscretePlan

_FIGURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, eq=False)
class Side:
    """One input as it is, and where it comes from."""

    path: Path
    kind: str
    measure: Measure
    columns: tuple[str, ...]
    what: str

    def summary(self) -> dict[str, Any]:
        """What machines are told about it."""
        return {"path": str(self.path), "kind": self.kind, "measure": self.what, "dim": self.measure.dim}

    def line(self) -> str:
        """What people are told about it."""
        return f"{self.path} ({self.kind}: {self.what}, dimension {self.measure.dim})"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two inputs between which something moves, and the plan for it."""

    p: Side
    q: Side
    plan: Plan | SemidiscretePlan

    @property
    def points(self) -> Side:
        """The side of the points, or the first of two such sides."""
        return self.p if self.p.kind == "table" else self.q

    @property
    def title(self) -> str:
        """Both sides for people."""
        return f"{self.p.line()}\n{self.q.line()}"

    @property
    def unit(self) -> str:
        """Of distances, where it is known."""
        return " pixels" if "picture" in (self.p.kind, self.q.kind) else ""

    def facts(self) -> dict[str, Any]:
        """What machines are told about the plan and both sides."""
        found = self.plan
        proof = {"cost": found.cost, "lower_bound": found.lower_bound, "gap": found.gap, "status": str(found.status)}
        return {**proof, "source": self.p.summary(), "target": self.q.summary()}

    def told(self) -> dict[str, object]:
        """What people are told about the plan."""
        status = f"{self.plan.status}, gap {self.plan.gap:.2g} in the squared distance"
        return {"W2": f"{self.plan.distance:.10g}{self.unit}", "plan": status}


def open_pair(a: Path, b: Path, options: Options, *, exact: bool, bright: bool) -> Pair | None:
    """Both inputs as they are, solved; None where they are to be fitted.

    They are taken so where ``--exact`` asks for it, and where a table of two columns meets a picture: its colors have
    three coordinates, so it can only be the sheet that is meant.
    """
    from mixot import verbs
    from mixot.io import kind_of

    kinds = kind_of(a), kind_of(b)
    sheet = sorted(kinds) == ["picture", "table"] and _columns(a if kinds[0] == "table" else b, options) == 2
    if not (exact or sheet):
        if bright:
            raise InputError("--bright says how a picture is a density; add --exact, or leave it out")
        return None
    if "table" not in kinds:
        raise InputError("--exact is for points: one of A and B must be a table; leave it out to compare fits")
    if options.k is not None or options.k_max is not None:
        raise InputError("-k and --k-max are for fits, and here points are compared as they are; leave them out")
    p, q = _sides(a, b, options, bright)
    if p.measure.dim != q.measure.dim:
        raise InputError(
            f"both must have as many coordinates, got {p.measure.dim} in {a} and {q.measure.dim} in {b}; choose those "
            "of a table with --columns"
        )
    return Pair(p, q, verbs.plan(p.measure, q.measure))


def distance(pair: Pair, quiet: bool) -> None:
    """Tell the distance."""
    if quiet:
        emit({"command": "distance", "distance": pair.plan.distance, "exact": True, **pair.facts()})
        return
    show_facts(pair.title, pair.told())


def plan(pair: Pair, output: Path | None, quiet: bool) -> None:
    """Tell, write or draw what goes where."""
    from mixot import io

    names, parts = _table(pair)
    if output is not None and output.suffix.lower() in _FIGURES:
        _draw(pair, output)
    elif output is not None:
        io.write_table(output, parts, names)
    entries = list(zip(*(part.tolist() for part in parts), strict=True))
    if quiet:
        listed = [dict(zip(names, entry, strict=True)) for entry in entries]
        emit({"command": "plan", "distance": pair.plan.distance, "exact": True, "plan": listed, **pair.facts()})
        return
    whole = {name for name, part in zip(names, parts, strict=True) if part.dtype.kind == "i"}
    rows = [[str(x) if name in whole else x for name, x in zip(names, entry, strict=True)] for entry in entries]
    show_table(pair.title, names, rows)
    show_facts("", pair.told() | ({} if output is None else {"written": output}))


def move(pair: Pair, output: Path, points: Path | None, options: Options) -> None:
    """Move points, and write them as a table."""
    from mixot import io
    from mixot.cli.sources import read_points
    from mixot.transport.cells import PointMap

    found = _semidiscrete(pair)
    if pair.p.kind == "table":
        if points is not None:
            raise InputError("--points: a plan from points moves those points only; leave it out, or exchange A and B")
        moved = found.centroids
    elif points is None:
        raise InputError(f"{pair.p.path}: a density has no points to move; name a table of them with --points")
    else:
        moved = PointMap(found)(read_points(points, options.columns).values)
    io.write_table(output, moved, pair.points.columns)
    if options.quiet:
        facts = {"command": "map", "kind": "mean", "rows": len(moved), "output": str(output), "exact": True}
        emit({**facts, "distance": found.distance, **pair.facts()})
        return
    where = "the centers of their cells" if pair.p.kind == "table" else f"the points of {pair.q.path}"
    told = {"moved": f"{len(moved):,} points to {where}", **pair.told(), "written": output}
    show_facts(pair.title, told)


def _columns(path: Path, options: Options) -> int:
    from mixot.io import read_table

    return len(read_table(path, columns=options.columns).columns)


def _sides(a: Path, b: Path, options: Options, bright: bool) -> tuple[Side, Side]:
    from mixot.cli.sources import open_points
    from mixot.io import kind_of

    if kind_of(a) == kind_of(b) == "table":
        first, second = open_points(a, b, options)
        return _points(a, first), _points(b, second)
    p, q = (_side(path, options, bright) for path in (a, b))
    return p, q


def _side(path: Path, options: Options, bright: bool) -> Side:
    from mixot.cli.sources import told_table
    from mixot.imaging.stipple import density
    from mixot.io import kind_of, load, read_picture

    kind = kind_of(path)
    if kind == "table":
        return _points(path, told_table(path, options.columns))
    if kind == "model":
        mixture = load(path)
        names = tuple(f"x{j + 1}" for j in range(mixture.dim))
        return Side(path, kind, mixture, names, f"{len(mixture)} component{'s' if len(mixture) > 1 else ''}")
    if kind != "picture":
        raise InputError(f"{path}: --exact is for tables, pictures and models; leave it out")
    try:
        grid = density(read_picture(path).pixels, bright=bright)
    except InputError as wrong:
        raise InputError(f"{path}: {wrong}") from None
    width, height = grid.values.shape
    return Side(path, kind, grid, ("x", "y"), f"{'light' if bright else 'darkness'} of {width} x {height} pixels")


def _points(path: Path, table: Any) -> Side:
    from mixot.measures import Samples

    many = len(table.values)
    what = f"{many:,} point{'s' if many > 1 else ''}"
    return Side(path, "table", Samples(table.values, table.weights), table.columns, what)


def _semidiscrete(pair: Pair) -> SemidiscretePlan:
    from mixot.solvers.semidiscrete.semidiscrete import SemidiscretePlan

    if not isinstance(pair.plan, SemidiscretePlan):
        raise InputError("between two tables there is a plan, but no map; leave out --exact, or see mixot plan --exact")
    return pair.plan


def _table(pair: Pair) -> tuple[list[str], list[Any]]:
    """Names and columns: each pair of points, or each point and the center of its cell."""
    import numpy as np

    from mixot.solvers.semidiscrete.semidiscrete import SemidiscretePlan

    found = pair.plan
    if not isinstance(found, SemidiscretePlan):
        rows, cols = np.nonzero(found.coupling)
        return ["source", "target", "mass", "cost"], [
            rows,
            cols,
            found.coupling[rows, cols],
            found.cost_matrix[rows, cols],
        ]
    moved = np.linalg.norm(found.centroids - found.source.points, axis=1)
    count = np.arange(len(moved))
    names = ["point", "mass", *(f"center {name}" for name in pair.points.columns), "moved", "potential"]
    return names, [count, found.masses, *found.centroids.T, moved, found.potentials]


def _draw(pair: Pair, output: Path) -> None:
    """The cells over the density; between two tables, the matrix."""
    from mixot import plot
    from mixot.solvers.semidiscrete.semidiscrete import SemidiscretePlan

    if not isinstance(pair.plan, SemidiscretePlan):
        ax = plot.plan_heatmap(pair.plan)
        ax.set(xlabel=f"row of {pair.q.path.name}", ylabel=f"row of {pair.p.path.name}")
    elif pair.p.measure.dim > 2:
        raise InputError("cells are drawn on the line and in the plane, these are in space; write a table: -o plan.csv")
    else:
        ax = plot.cells(pair.plan, names=pair.points.columns)
        if pair.unit:
            ax.invert_yaxis()  # rows of a picture go down
    ax.set_title(f"W2 = {pair.plan.distance:.4g}{pair.unit}")
    plot.save(ax, output, close=True)
