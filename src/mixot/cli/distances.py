"""``mixot distances``: how far apart many inputs are, all from all."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import FIGURES, READABLE, Json, Options
from mixot.cli.console import emit, show_facts, show_table, working
from mixot.cli.fitting_options import with_options
from mixot.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from mixot.cli.sources import Source

_MOST = 12  # inputs up to which the matrix is printed


class Seen(StrEnum):
    """How distances are drawn."""

    heatmap = "heatmap"
    map = "map"


@with_options()
def distances(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="A B ...", help=f"{READABLE} Here each file of a pattern is one.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The matrix, with names: .csv .tsv .parquet .npy ...", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="A figure of it: .png .svg .pdf.", show_default=False)
    ] = None,
    view: Annotated[
        Seen, typer.Option("--view", help="With --plot: clustered colors, or points in the plane.")
    ] = Seen.heatmap,
    exact: Annotated[bool, typer.Option("--exact", help="Fit nothing: tables are points; W2 itself.")] = False,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Distances MW2 between all inputs, as a matrix: models, and mixtures that are fitted to the others.

    With --exact: W2 between the rows of tables, with nothing fitted. It is what "mixot distance" says of each pair.
    """
    import numpy as np

    from mixot.cli.sources import open_all_points, open_mixtures
    from mixot.io import check_target
    from mixot.io.tables import SUFFIXES
    from mixot.verbs import distances

    for target, suffixes in ((output, SUFFIXES), (plot, FIGURES)):
        if target is not None:
            check_target(target, suffixes)
    paths = listed(inputs)
    sources = open_all_points(_points(paths, options), options) if exact else open_mixtures(paths, options)
    with working(f"comparing {len(paths)} inputs", quiet=json) as progress:
        found = distances([source.measure for source in sources], progress=progress)
    np.fill_diagonal(found, 0.0)  # where rounding says 1e-17
    names, called = short_names(paths), "W2" if exact else "MW2"
    _write(found, names, output)
    _draw(found, names, called, plot, view)
    if json:
        emit(_document(found, names, called, sources, {"output": output, "figure": plot}))
    else:
        _tell(found, names, called, {"written": output, "figure": plot})


def listed(inputs: list[Path]) -> list[Path]:
    """The files that are named, those of a pattern by name; at least two."""
    paths: list[Path] = []
    for path in inputs:
        name = str(path)
        if path.exists() or not any(mark in name for mark in "*?["):
            paths.append(path)
            continue
        found = sorted(file for file in map(Path, glob(name, recursive=True)) if file.is_file())
        if not found:
            raise InputError(f"{name}: no such file, and no file is called like this pattern")
        paths += found
    if len(paths) < 2:
        raise InputError(f"distances are between two or more inputs, got {len(paths)}: {', '.join(map(str, paths))}")
    return paths


def short_names(paths: list[Path]) -> list[str]:
    """Names as short as they can be while all are different: of files without ending or folder, if that will do."""
    parts = [(*path.parts[:-1], path.stem) for path in paths]
    most = max(map(len, parts))
    for ends in (parts, [path.parts for path in paths]):
        for depth in range(1, most + 1):
            tails = [part[-depth:] for part in ends]
            folders = [tail[:-1] for tail in tails]
            if depth > 1 and len({tail[-1] for tail in tails}) == 1 and len(set(folders)) == len(folders):
                tails = folders  # run1/model.json, run2/model.json
            if len(set(tails)) == len(tails):
                return ["/".join(tail) for tail in tails]
    return [  # one file, more than once
        f"{path} ({paths[:i].count(path) + 1})" if paths.count(path) > 1 else str(path) for i, path in enumerate(paths)
    ]


def _points(paths: list[Path], options: Options) -> list[Path]:
    """The same, where all are points that can be compared as they are."""
    from mixot.cli.sources import check_unfitted
    from mixot.io import kind_of

    check_unfitted(options)
    for path in paths:
        if kind_of(path) == "model":
            raise InputError(f"{path}: --exact compares points as they are, this is a model; leave it, or --exact, out")
    return paths


def _write(found: np.ndarray, names: list[str], output: Path | None) -> None:
    """Write the matrix; in text the first column holds the names."""
    from mixot.io import write_table

    if output is None:
        return
    if output.suffix.lower() in (".npy", ".npz", ".parquet"):  # rows in the order of the columns
        write_table(output, found, names)
    else:
        write_table(output, [names, *found.T], ["name", *names])


def _draw(found: np.ndarray, names: list[str], called: str, plot: Path | None, view: Seen) -> None:
    if plot is None:
        return
    from mixot.plot import distance_heatmap, distance_map, save

    draw = distance_heatmap if view is Seen.heatmap else distance_map
    save(draw(found, names, distance_name=called), plot, close=True)


def _document(
    found: np.ndarray, names: list[str], called: str, sources: Sequence[Source], files: dict[str, Path | None]
) -> dict[str, Any]:
    """What machines are told."""
    return {
        "command": "distances",
        "names": names,
        "distance_name": called,
        "distances": found.tolist(),
        "inputs": [source.summary() for source in sources],
        **{name: None if path is None else str(path) for name, path in files.items()},
    }


def _tell(found: np.ndarray, names: list[str], distance: str, files: dict[str, Path | None]) -> None:
    """What people are told: the matrix, or of many inputs the closest and the farthest pair."""
    n = len(names)
    if n <= _MOST:
        rows = [(name, *(f"{value:.4g}" for value in row)) for name, row in zip(names, found, strict=True)]
        show_table(f"{distance} between {n} inputs", ["", *names], rows)
    pairs = [(float(found[i, j]), names[i], names[j]) for i in range(n) for j in range(i)]
    facts: dict[str, object] = {
        word: f"{value:.6g} between {one} and {other}"
        for word, (value, one, other) in (("closest", min(pairs)), ("farthest", max(pairs)))
    }
    show_facts("" if n <= _MOST else f"{distance} between {n} inputs", facts | {k: v for k, v in files.items() if v})
