"""``mixot components``: how many components on both sides, by likelihood and by how firm the plan between them is."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Options, PointsFile, TargetFile
from mixot.cli.console import NO_FIGURE, emit, note, show_facts, show_table, working
from mixot.cli.fitting_options import with_options
from mixot.errors import AccuracyWarning, InputError

if TYPE_CHECKING:
    from mixot.fitting.joint.component_choice import ComponentChoice

_COLUMNS = ("k", "l", "excess", "excess_error", "instability", "instability_error", "second_singular_value", "likely")


@with_options(without=("k", "k_max", "missing"))
def components(
    a: PointsFile,
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for models and table.", show_default=False)],
    k_min: Annotated[int, typer.Option("--k-min", min=1, help="Fewest components to try.")] = 1,
    k_max: Annotated[int, typer.Option("--k-max", min=1, help="Most components to try.")] = 8,
    equal: Annotated[bool, typer.Option("--equal", help="The same number on both sides.")] = False,
    lam: Annotated[
        float | None,
        typer.Option("--lam", min=0, help="Entropy of the plan, a squared distance; by default as OMT does."),
    ] = None,
    splits: Annotated[int, typer.Option("--splits", min=2, help="How many times the rows are halved.")] = 8,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """How many components A and B should have: likely on both sides, with a plan between them that is firm."""
    from mixot.cli.sources import open_points
    from mixot.fitting.joint.component_choice import ComponentSearch, choose_components
    from mixot.io import check_folder
    from mixot.solvers.entropic.omt import OMT

    if k_min > k_max:
        raise InputError(f"--k-min {k_min} is above --k-max {k_max}")
    folder = check_folder(output)
    search = ComponentSearch(pairs="equal" if equal else "all", splits=splits, solver=OMT(lam=lam))
    p, q = open_points(a, b, options)
    with working("fitting both", quiet=json) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # told below, on one line each
        found = choose_components(
            p.measure,
            q.measure,
            options.family,
            ks=range(k_min, k_max + 1),
            structure=options.structure,
            method=search,
            rng=options.seed,
            progress=progress,
        )
    for path, fit in zip((a, b), found.fits, strict=True):
        for text in fit.notes:
            note(f"{path}: {text}")
    files = _write(found, folder)
    if json:
        emit(_document(found, (a, b), files))
    else:
        _tell(found, f"{a} and {b}", files)


def _rows(found: ComponentChoice) -> list[tuple[Any, ...]]:
    return [tuple(getattr(each, name) for name in _COLUMNS) for each in found.candidates]


def _write(found: ComponentChoice, folder: Path) -> dict[str, Path]:
    """Write both models, the table of all pairs, and, where matplotlib is installed, the figure."""
    from mixot.io import save, write_table

    files = {"source": folder / "source.json", "target": folder / "target.json", "table": folder / "candidates.csv"}
    save(found.source, files["source"])
    save(found.target, files["target"])
    rows = [(*row[:-1], int(row[-1])) for row in _rows(found)]
    write_table(files["table"], [list(column) for column in zip(*rows, strict=True)], _COLUMNS)
    if find_spec("matplotlib"):
        from mixot.plot import component_choice
        from mixot.plot import save as save_figure

        files["figure"] = save_figure(component_choice(found), folder / "components.png", close=True)
    return files


def _tell(found: ComponentChoice, both: str, files: dict[str, Path]) -> None:
    """What people are told."""
    rows = _rows(found)
    show_table(
        f"{both}: {len(rows)} pairs were tried; those within one standard error of the lowest BIC",
        _COLUMNS[:-1],
        [(str(row[0]), str(row[1]), *row[2:-1]) for row in rows if row[-1]],
    )
    facts: dict[str, object] = {"chosen": f"{found.k} components and {found.l}", "lam": found.plan.lam}
    show_facts("", facts | files | ({} if "figure" in files else {"figure": NO_FIGURE}))


def _document(found: ComponentChoice, paths: tuple[Path, Path], files: dict[str, Path]) -> dict[str, Any]:
    """What machines are told."""
    from mixot.cli.fit_facts import describe, describe_fit

    sides = zip(("source", "target"), paths, found.fits, strict=True)
    return {
        "command": "components",
        "k": found.k,
        "l": found.l,
        "lam": found.plan.lam,
        "cost": found.plan.cost,
        "candidates": [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(found)],
        **{
            side: {"path": str(path), "model": str(files[side]), **describe(fit.mixture), "fit": describe_fit(fit)}
            for side, path, fit in sides
        },
        "table": str(files["table"]),
        "figure": str(files["figure"]) if "figure" in files else None,
    }
