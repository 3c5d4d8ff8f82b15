"""``mixot map``: points moved from one input onto the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Bright, Exact, Json, Kind, Options, SourceFile, TargetFile
from mixot.cli.console import emit, note, show_facts, written
from mixot.cli.fitting_options import with_options
from mixot.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from mixot.cli.sources import Source
    from mixot.io import Table


_FILLED = {
    Kind.mean: "each goes to the mean of its images over what is missing, given what is there, by the mixture of A",
    Kind.random: "what is missing is drawn from the mixture of A, given what is there",
}


@dataclass(frozen=True, eq=False)
class Moved:
    """Points after a map, (n, d), and what machines and people are told of it beside their number."""

    points: np.ndarray
    columns: tuple[str, ...]
    facts: dict[str, Any]
    title: str
    way: str
    lines: dict[str, object]


@with_options()
def move(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table of the moved points.", show_default=False)],
    points: Annotated[Path | None, typer.Option("--points", help="Move these points instead of those of A.")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="The mean map, or the random one.")] = Kind.mean,
    exact: Exact = False,
    bright: Bright = False,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Move the points of A onto B, and write them as a table.

    With --exact, or where a table of two columns meets a picture: to the centers of their cells.
    """
    from mixot.cli.sources import open_as_they_are
    from mixot.io import check_target, write_table
    from mixot.io.tables import SUFFIXES

    check_target(output, SUFFIXES)
    pair = open_as_they_are(a, b, options, exact=exact, bright=bright)
    found = _by_components(a, b, points, kind, options) if pair is None else _by_cells(*pair, points, kind, options)
    write_table(output, found.points, found.columns)
    n = len(found.points)
    if json:
        emit({"command": "map", "kind": kind.value, "rows": n, "output": str(output), **found.facts})
        return
    show_facts(found.title, {"moved": f"{n:,} points {found.way}", **found.lines, **written(output)})


def _by_components(a: Path, b: Path, points: Path | None, kind: Kind, options: Options) -> Moved:
    """Points moved by the map between two mixtures."""
    import numpy as np

    from mixot.cli.sources import in_order, open_mixtures, read_points, sides, title
    from mixot.verbs import transport_map

    # before the fits: it may be what is wrong; a mask says what counts in these, and all points move
    table = read_points(points or a, replace(options, mask=None))
    p, q = open_mixtures([a, b], options)
    found = transport_map(p.measure, q.measure, kind=kind.value)
    for text in found.notes:
        note(text)
    if p.measure.columns is not None:
        table = in_order(table, p.measure.columns, points or a)
    gaps = int(np.isnan(table.values).any(axis=1).sum())
    if gaps:
        note(f"{points or a}: {gaps} of {len(table.values)} rows have gaps: {_FILLED[kind]}")
        moved = found.of_observed(table.values, rng=options.seed)
    else:
        moved = found.sample(table.values, rng=options.seed) if kind is Kind.random else found(table.values)
    apart = found.plan.distance
    facts = {"distance": apart, **sides(p, q)}
    return Moved(moved, table.columns, facts, title(p, q), f"by the {kind.value} map", {"MW2": apart})


def _named(points: Path, options: Options, p: Source, q: Source) -> Table:
    """The table of points to move, its columns in the order of the inputs' where both have names."""
    from mixot.cli.sources import in_order, read_points
    from mixot.mixture import columns_of

    table, names = read_points(points, replace(options, mask=None)), columns_of(p.measure, q.measure)
    return table if names is None else in_order(table, names, points)


def _by_cells(p: Source, q: Source, points: Path | None, kind: Kind, options: Options) -> Moved:
    """Points moved to the centers of their cells, or points of a density to those whose cells they lie in."""
    from mixot.cli.sources import title
    from mixot.cli.views.plans import view_of
    from mixot.transport.pairs import problem
    from mixot.verbs import transport_map

    asked = problem(p.measure, q.measure)
    if kind is Kind.random:
        raise InputError("--kind random is for fits; between points and a density there is one map")
    if asked.pair.map is None:
        raise InputError("between two tables there is a plan, but no map; leave out --exact, or see mixot plan --exact")
    forward = asked.points_side == 0
    if forward and points is not None:
        raise InputError("--points: a plan from points moves those points only; leave it out, or exchange A and B")
    if not forward and points is None:
        raise InputError(f"{p.path}: a density has no points to move; name a table of them with --points")
    found = transport_map(p.measure, q.measure)
    moved = found.plan.centroids if points is None else found(_named(points, options, p, q).values)
    view = view_of(p, q, found.plan)
    facts = {"exact": True, "distance": view.plan.distance, **view.proof(), **view.sides()}
    way = "to the centers of their cells" if forward else f"to the points of {q.path}"
    return Moved(moved, (p if forward else q).columns, facts, title(p, q), way, view.lines())
