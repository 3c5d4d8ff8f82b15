"""``mixot geodesic | map``: mixtures on the way from one to another, and points moved along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mixot.cli import exact as as_they_are
from mixot.cli.arguments import (
    Bright,
    Columns,
    Components,
    Exact,
    Json,
    Kind,
    MostComponents,
    Seed,
    Shape,
    SourceFile,
    Structure,
    TargetFile,
    fit_options,
)
from mixot.cli.console import emit, show_facts, written


def geodesic(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the models.", show_default=False)],
    steps: Annotated[int, typer.Option("--steps", min=2, help="Points on the path, both ends included.")] = 6,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Mixtures on the way from A to B: a model file for each, and a figure of their densities."""
    from importlib.util import find_spec

    import numpy as np

    from mixot import io, verbs
    from mixot.cli.sources import open_pair, sides

    folder = io.check_folder(output)
    p, q = open_pair(a, b, fit_options(k, k_max, structure, seed, columns, json))
    path = verbs.geodesic(p.mixture, q.mixture)
    times = np.linspace(0.0, 1.0, steps)
    files = [folder / f"step-{i:0{len(str(steps - 1))}d}.json" for i in range(steps)]
    for t, file in zip(times, files, strict=True):
        io.save(path(float(t)), file)
    figure = folder / "geodesic.png" if find_spec("matplotlib") else None
    if figure is not None:
        from mixot import plot

        names = p.columns if p.kind != "model" else q.columns
        plot.save(plot.geodesic_panels(path, times, names=names), figure, close=True)
    if json:
        listed = [{"t": float(t), "model": str(file)} for t, file in zip(times, files, strict=True)]
        drawn = None if figure is None else str(figure)
        emit({"command": "geodesic", "distance": path.plan.distance, "steps": listed, "figure": drawn, **sides(p, q)})
        return
    facts: dict[str, Any] = {f"t = {t:.3g}": file for t, file in zip(times, files, strict=True)}
    drawn = 'none: pip install "mixot[plot]"' if figure is None else figure
    show_facts(f"{p.line()}\n{q.line()}", {**facts, "figure": drawn, "MW2": path.plan.distance})


def move(
    a: SourceFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table of the moved points.", show_default=False)],
    points: Annotated[Path | None, typer.Option("--points", help="Move these points instead of those of A.")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="The mean map, or the random one.")] = Kind.mean,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    exact: Exact = False,
    bright: Bright = False,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Move the points of A onto B, and write them as a table.

    With --exact, or where a table of two columns meets a picture: to the centers of their cells.
    """
    from mixot import io, verbs
    from mixot.cli.sources import open_pair, read_points, sides
    from mixot.errors import InputError
    from mixot.io import tables

    io.check_target(output, tables.SUFFIXES)
    options = fit_options(k, k_max, structure, seed, columns, json)
    pair = as_they_are.open_pair(a, b, options, exact=exact, bright=bright)
    if pair is not None:
        if kind is Kind.random:
            raise InputError("--kind random is for fits; between points and a density there is one map")
        as_they_are.move(pair, output, points, options)
        return
    table = read_points(points or a, options.columns)  # before the fits: it may be what is wrong
    p, q = open_pair(a, b, options)
    found = verbs.transport_map(p.mixture, q.mixture, kind=kind.value)
    moved = found.sample(table.values, rng=seed) if kind is Kind.random else found(table.values)
    io.write_table(output, moved, table.columns)
    if json:
        facts = {"command": "map", "kind": kind.value, "rows": len(moved), "output": str(output)}
        emit({**facts, "distance": found.plan.distance, **sides(p, q)})
        return
    facts = {"moved": f"{len(moved):,} points by the {kind.value} map", "MW2": found.plan.distance}
    show_facts(f"{p.line()}\n{q.line()}", facts | written(output))
