"""``mixot distances``: all pairs of many inputs, as a matrix."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mixot.cli.arguments import (
    FIGURES,
    READABLE,
    Columns,
    Components,
    Exact,
    Family,
    Json,
    MostComponents,
    Seed,
    Shape,
    Structure,
    fit_options,
)
from mixot.cli.console import emit, show_table, working, written
from mixot.errors import InputError

_SUFFIXES = (".csv", ".tsv", ".npy")
_SHOWN = 12  # columns that people are shown


def distances(
    inputs: Annotated[list[Path], typer.Argument(metavar="A B ...", help=READABLE, show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The matrix: .csv or .tsv with names, or .npy.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it, inputs that are alike side by side: .png .svg .pdf.")
    ] = None,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    family: Family = "gaussian",
    exact: Exact = False,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Distance MW2 between every two of A, B, ...; with --exact W2 between tables of points as they are."""
    from mixot.cli.sources import open_all_points, open_mixtures
    from mixot.io import check_target
    from mixot.verbs import distances

    if len(inputs) < 2:
        raise InputError("distances are between two or more inputs, got one; mixot fit shows one")
    for target, suffixes in ((output, _SUFFIXES), (plot, FIGURES)):
        if target is not None:
            check_target(target, suffixes)
    options = replace(fit_options(k, k_max, structure, seed, columns, json), family=family)
    if exact and (k is not None or k_max is not None):
        raise InputError("-k and --k-max are for fits, and --exact compares points as they are; leave them out")
    sources = open_all_points(inputs, options) if exact else open_mixtures(inputs, options)
    with working("comparing", quiet=json):
        matrix = distances([source.measure for source in sources])
    names = _names(inputs)
    if output is not None:
        _write(matrix, names, output)
    if plot is not None:
        _draw(matrix, names, plot, "W2" if exact else "MW2")
    if json:
        files = {name: None if path is None else str(path) for name, path in (("output", output), ("figure", plot))}
        distance_name = "W2" if exact else "MW2"
        told = {"names": list(names), "distance_name": distance_name, "distances": matrix.tolist()}
        emit({"command": "distances", **told, "inputs": [source.summary() for source in sources], **files})
        return
    rows = [[name, *(f"{value:.5g}" for value in row[:_SHOWN])] for name, row in zip(names, matrix, strict=True)]
    more = f", the first {_SHOWN} columns of {len(names)}" if len(names) > _SHOWN else ""
    show_table(f"{'W2' if exact else 'MW2'} between {len(names)} inputs{more}", ["", *names[:_SHOWN]], rows)
    for target in (output, plot):
        for word, path in written(target).items():
            typer.echo(f"{word}: {path}")


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the inputs are called: the names of the files, with their folders where these are needed."""
    short = [path.stem for path in paths]
    short = short if len(set(short)) == len(short) else [path.name for path in paths]
    short = short if len(set(short)) == len(short) else [str(path) for path in paths]
    return tuple(short)


def _write(matrix: np.ndarray, names: Sequence[str], target: Path) -> None:
    from mixot.io.atomic import replacing

    with replacing(target) as file:
        if target.suffix.lower() == ".npy":
            np.save(file, matrix, allow_pickle=False)
            return
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t" if target.suffix.lower() == ".tsv" else ",", lineterminator="\n")
        writer.writerow(["name", *names])
        writer.writerows([name, *map(repr, row)] for name, row in zip(names, matrix.tolist(), strict=True))
        file.write(text.getvalue().encode())


def _draw(matrix: np.ndarray, names: Sequence[str], target: Path, distance_name: str) -> None:
    from mixot.plot import distance_heatmap, save

    save(distance_heatmap(matrix, names, distance_name=distance_name), target, close=True)
