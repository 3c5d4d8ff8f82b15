"""``mixot distances``: all pairs of many inputs, as a matrix."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Options,
    Seed,
    Shape,
    Structure,
    fit_options,
)
from mixot.cli.console import emit, show_table, working
from mixot.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from mixot.cli.sources import Source

_SUFFIXES = (".csv", ".tsv", ".npy", ".parquet")
_SHOWN = 12  # columns that people are shown


def distances(
    inputs: Annotated[list[Path], typer.Argument(metavar="A B ...", help=READABLE, show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The matrix: .csv, .tsv, .parquet or .npy.", show_default=False),
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
    from mixot.io import check_target
    from mixot.verbs import distances

    if len(inputs) < 2:
        raise InputError("distances are between two or more inputs, got one; mixot fit shows one")
    for target, suffixes in ((output, _SUFFIXES), (plot, FIGURES)):
        if target is not None:
            check_target(target, suffixes)
    options = replace(fit_options(k, k_max, structure, seed, columns, json), family=family)
    sources, called = _opened(inputs, options, exact=exact), "W2" if exact else "MW2"
    with working("comparing", quiet=json):
        matrix = distances([source.measure for source in sources])
    names = _names(inputs)
    if output is not None:
        _write(matrix, names, output)
    if plot is not None:
        _draw(matrix, names, plot, called)
    if json:
        files = {name: None if path is None else str(path) for name, path in (("output", output), ("figure", plot))}
        told = {"names": list(names), "distance_name": called, "distances": matrix.tolist()}
        emit({"command": "distances", **told, "inputs": [source.summary() for source in sources], **files})
        return
    _tell(matrix, names, called)
    for target in filter(None, (output, plot)):
        typer.echo(f"written: {target}")


def _opened(inputs: list[Path], options: Options, *, exact: bool) -> Sequence[Source[Any]]:
    """The inputs as mixtures, or, with --exact, as points."""
    from mixot.cli.sources import open_all_points, open_mixtures
    from mixot.io import kind_of

    if not exact:
        return open_mixtures(inputs, options)
    if options.k is not None or options.k_max is not None:
        raise InputError("-k and --k-max are for fits, and --exact compares points as they are; leave them out")
    for path in inputs:
        if kind_of(path) == "model":
            raise InputError(f"{path}: --exact compares points as they are, this is a model; leave it, or --exact, out")
    return open_all_points(inputs, options)


def _tell(matrix: np.ndarray, names: Sequence[str], distance_name: str) -> None:
    rows = [[name, *(f"{value:.5g}" for value in row[:_SHOWN])] for name, row in zip(names, matrix, strict=True)]
    more = f", the first {_SHOWN} columns of {len(names)}" if len(names) > _SHOWN else ""
    show_table(f"{distance_name} between {len(names)} inputs{more}", ["", *names[:_SHOWN]], rows)


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the inputs are called: the names of the files, with their folders where these are needed."""
    short = [path.stem for path in paths]
    short = short if len(set(short)) == len(short) else [path.name for path in paths]
    short = short if len(set(short)) == len(short) else [str(path) for path in paths]
    return tuple(short)


def _write(matrix: np.ndarray, names: Sequence[str], target: Path) -> None:
    import numpy as np

    from mixot.io import write_table
    from mixot.io.atomic import replacing

    if target.suffix.lower() == ".parquet":  # rows in the order of the columns
        write_table(target, matrix, names)
        return
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
