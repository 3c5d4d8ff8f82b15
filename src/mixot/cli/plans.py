"""``mixot distance | plan``: how far two mixtures are apart, and which component goes where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli import cells
from mixot.cli import exact as as_they_are
from mixot.cli.arguments import (
    Bright,
    Columns,
    Components,
    Exact,
    Json,
    Label,
    MostComponents,
    Rep,
    Seed,
    Shape,
    SourceFile,
    Structure,
    TargetFile,
    fit_options,
)
from mixot.cli.console import emit, show_facts, show_table, written
from mixot.cli.smooth import Eps, Lam, Rho, show_smooth, smooth_facts, smooth_solver

if TYPE_CHECKING:
    from mixot.results import Plan

_FIGURES = (".png", ".svg", ".pdf")


def distance(
    a: SourceFile,
    b: TargetFile,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    lam: Lam = None,
    eps: Eps = None,
    rho: Rho = None,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Distance MW2 between A and B, and an interval that is proven to hold W2 between their mixtures.

    With --exact, or where a table of two columns meets a picture: W2 itself from the points to the other side. With
    --lam, --eps or --rho: the root of the cost of the smooth plan (OMT), and how stable that is.
    """
    from mixot import verbs
    from mixot.cli.sources import open_pair, sides

    solver = smooth_solver(lam, eps, rho, exact=exact)
    options = fit_options(k, k_max, structure, seed, columns, json)
    pair = None if solver else as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        as_they_are.distance(pair, json)
        return
    p, q = open_pair(a, b, options)
    found = verbs.plan(p.mixture, q.mixture, solver=solver)
    interval = verbs.bounds(p.mixture, q.mixture)
    if json:
        ends = {"lower": interval.lower, "upper": interval.upper}
        proofs = {"lower_by": interval.lower_by, "upper_by": interval.upper_by}
        facts = {"command": "distance", "distance": found.distance, "w2": ends | proofs}
        emit({**facts, **_facts(found), **sides(p, q)})
        return
    show_facts(
        f"{p.line()}\n{q.line()}",
        {
            found.distance_name: found.distance,
            "W2 at least": f"{interval.lower:.10g} (proven by: {interval.lower_by})",
            "W2 at most": f"{interval.upper:.10g} (proven by: {interval.upper_by})",
            "plan": f"{found.status}, gap {found.gap:.2g} in the squared distance",
        },
    )
    show_smooth(found)


def plan(
    a: SourceFile,
    b: Annotated[Path | None, typer.Argument(metavar="B", help="The same, where it goes; see --groupby.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A table (.csv ...) or a figure (.png .svg .pdf).")
    ] = None,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    rep: Rep = None,
    label: Label = None,
    groupby: Annotated[
        str | None, typer.Option("--groupby", metavar="COLUMN", help="Of one .h5ad: column of obs that splits it.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="GROUP", help="With --groupby: what moves.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="GROUP", help="With --groupby: where to.")] = None,
    growth: Annotated[bool, typer.Option("--growth", help="With --label: types may grow and shrink.")] = False,
    lam: Lam = None,
    eps: Eps = None,
    rho: Rho = None,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Which component of A goes to which of B: mass and squared distance of each pair.

    With --exact, or where a table of two columns meets a picture: the cell of each point, its mass and center.
    Of cells (.h5ad) with --label, which type goes to which; with --groupby both populations stand in A.
    With --lam, --eps or --rho the plan is smooth (OMT), and the report says how stable it is; "--lam auto" is a start.
    """
    import numpy as np

    from mixot import io, verbs
    from mixot.cli.sources import open_pair, sides
    from mixot.io import tables

    figure = output is not None and output.suffix.lower() in _FIGURES
    if output is not None:
        io.check_target(output, (*tables.SUFFIXES, *_FIGURES))
    solver = smooth_solver(lam, eps, rho, exact=exact, growth=growth)
    options = fit_options(k, k_max, structure, seed, columns, json, rep, label)
    if label is not None or groupby is not None:
        cells.plan(a, b, cells.Groups(groupby, source, target, growth, solver), options, output)
        return
    if b is None:
        raise typer.BadParameter("missing; with one .h5ad file, name --groupby", param_hint="B")
    pair = None if solver else as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        as_they_are.plan(pair, output, json)
        return
    p, q = open_pair(a, b, options)
    found = verbs.plan(p.mixture, q.mixture, solver=solver)
    rows, cols = np.nonzero(found.coupling)
    parts = [rows, cols, found.coupling[rows, cols], found.cost_matrix[rows, cols]]
    names = ["source", "target", "mass", "cost"]
    if output is not None and not figure:
        io.write_table(output, parts, names)
    if output is not None and figure:
        from mixot import plot

        plot.save(plot.plan_heatmap(found), output, close=True)
    entries = list(zip(*(part.tolist() for part in parts), strict=True))
    if json:
        listed = [dict(zip(names, entry, strict=True)) for entry in entries]
        emit({"command": "plan", "distance": found.distance, "plan": listed, **_facts(found), **sides(p, q)})
        return
    show_table(f"{p.line()}\n{q.line()}", names, [(str(i), str(j), mass, cost) for i, j, mass, cost in entries])
    show_facts(
        "", {found.distance_name: found.distance, "status": f"{found.status}, gap {found.gap:.2g}", **written(output)}
    )
    show_smooth(found)


def _facts(plan: Plan) -> dict[str, Any]:
    """What machines are told of a plan."""
    facts = {"cost": plan.cost, "lower_bound": plan.lower_bound, "gap": plan.gap, "status": str(plan.status)}
    return {**facts, **smooth_facts(plan)}
