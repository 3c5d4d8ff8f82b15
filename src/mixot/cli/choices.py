"""``mixot components``: how many components on both sides, by likelihood and by how firm the plan between them is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Columns, Json, Seed, Shape, Structure, TargetFile, fit_options
from mixot.cli.console import emit, remark, show_facts, show_table, working

if TYPE_CHECKING:
    from mixot.fitting.joint.component_choice import ComponentChoice


def components(
    a: Annotated[Path, typer.Argument(metavar="A", help="A table or a picture.", show_default=False)],
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for models and table.", show_default=False)],
    k_min: Annotated[int, typer.Option("--k-min", min=1, help="Fewest components to try.")] = 1,
    k_max: Annotated[int, typer.Option("--k-max", min=1, help="Most components to try.")] = 8,
    equal: Annotated[bool, typer.Option("--equal", help="The same number on both sides.")] = False,
    lam: Annotated[
        float | None,
        typer.Option("--lam", min=0, help="Entropy of the plan, a squared distance; by default 0.05 median cost."),
    ] = None,
    splits: Annotated[int, typer.Option("--splits", min=2, help="How many times the rows are halved.")] = 8,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """How many components A and B should have: likely on both sides, with a plan between them that is firm."""
    import warnings
    from importlib.util import find_spec

    from mixot import io
    from mixot.cli.sources import open_points
    from mixot.errors import AccuracyWarning, InputError
    from mixot.fitting.joint.component_choice import ComponentSearch, choose_components
    from mixot.measures import Samples
    from mixot.solvers.entropic.omt import OMT

    if k_min > k_max:
        raise InputError(f"--k-min {k_min} is above --k-max {k_max}")
    folder = io.check_folder(output)
    search = ComponentSearch(pairs="equal" if equal else "all", splits=splits, solver=OMT(lam=lam))
    x, y = open_points(a, b, fit_options(None, None, structure, seed, columns, json))
    p, q = (Samples(side.values, side.weights) for side in (x, y))
    sizes = range(k_min, k_max + 1)
    with working("fitting both", quiet=json) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # told below, on one line each
        found = choose_components(p, q, ks=sizes, structure=structure.value, method=search, rng=seed, progress=progress)
    for path, fit in zip((a, b), found.fits, strict=True):
        for note in fit.notes:
            remark(f"note: {path}: {note}")
    files = {"source": folder / "source.json", "target": folder / "target.json", "table": folder / "candidates.csv"}
    for mixture, name in ((found.source, "source"), (found.target, "target")):
        io.save(mixture, files[name])
    names, rows = _table(found)
    io.write_table(
        files["table"],
        [list(column) for column in zip(*((*row[:-1], int(row[-1])) for row in rows), strict=True)],
        names,
    )
    if find_spec("matplotlib"):
        from mixot import plot

        files["figure"] = plot.save(plot.component_choice(found), folder / "components.png", close=True)
    if json:
        emit(_document(found, a, b, files))
        return
    shown = [row for row, each in zip(rows, found.candidates, strict=True) if each.likely]
    show_table(
        f"{a} and {b}: {len(rows)} pairs were tried; those within one standard error of the lowest BIC",
        names[:-1],
        [(str(row[0]), str(row[1]), *row[2:-1]) for row in shown],
    )
    drawn: dict[str, Any] = {} if "figure" in files else {"figure": 'none: pip install "mixot[plot]"'}
    facts: dict[str, Any] = {"chosen": f"{found.k} components and {found.l}", "lam": found.plan.lam}
    show_facts("", facts | {name: str(file) for name, file in files.items()} | drawn)


def _table(found: ComponentChoice) -> tuple[list[str], list[tuple[Any, ...]]]:
    names = ["k", "l", "excess", "excess_error", "instability", "instability_error", "second_singular_value", "likely"]
    return names, [tuple(getattr(each, name) for name in names) for each in found.candidates]


def _document(found: ComponentChoice, a: Path, b: Path, files: dict[str, Path]) -> dict[str, Any]:
    from mixot.cli.sources import describe, describe_fit

    names, rows = _table(found)
    sides = zip(("source", "target"), (a, b), found.fits, strict=True)
    return {
        "command": "components",
        "k": found.k,
        "l": found.l,
        "lam": found.plan.lam,
        "cost": found.plan.cost,
        "candidates": [dict(zip(names, row, strict=True)) for row in rows],
        **{
            side: {"path": str(path), "model": str(files[side]), **describe(fit.mixture), "fit": describe_fit(fit)}
            for side, path, fit in sides
        },
        "table": str(files["table"]),
        "figure": str(files["figure"]) if "figure" in files else None,
    }
