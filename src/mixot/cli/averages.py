"""``mixot barycenter`` and ``mixot joint``: several mixtures averaged, two fitted together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import (
    READABLE,
    Columns,
    Components,
    Json,
    MostComponents,
    Seed,
    Shape,
    Structure,
    TargetFile,
    fit_options,
)
from mixot.cli.console import emit, show_facts, show_table, working

if TYPE_CHECKING:
    from mixot.cli.sources import Source
    from mixot.transport.barycenter import Barycenter


def barycenter(
    inputs: Annotated[list[Path], typer.Argument(metavar="A B ...", help=READABLE, show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The average: .json or .npz; a figure is drawn beside it.")
    ],
    weights: Annotated[
        list[str] | None, typer.Option("--weights", metavar="W W ...", help="One for each input; equal if not given.")
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("-k", "--components", min=1, help="Most components of the average; exact if not given."),
    ] = None,
    fit_k: Annotated[
        int | None,
        typer.Option("--fit-components", min=1, help="Components to fit to each input; if not given -k, or by BIC."),
    ] = None,
    k_max: MostComponents = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw it here (.png .svg .pdf); as OUTPUT with .png if not given.")
    ] = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Average of A, B, ...: the mixture with the least weighted sum of squared distances MW2, and what that proves."""
    from mixot import FixedPoint, io, verbs
    from mixot.cli.sources import open_all
    from mixot.io import models

    io.check_target(output, models.SUFFIXES)
    picture = _figure_target(output, figure)
    shares = _numbers(weights, len(inputs))
    sources = open_all(inputs, fit_options(fit_k if k_max else fit_k or k, k_max, structure, seed, columns, json))
    solver = None if k is None else FixedPoint(k=k)
    found = verbs.barycenter([source.mixture for source in sources], shares, solver=solver)
    io.save(found.mixture, output)
    drawn = None if picture is None else _draw(found, sources, picture)
    if json:
        emit(_document(found, sources, output, drawn))
        return
    shown = [(f"{share:.4g}", source.line()) for share, source in zip(found.weights, sources, strict=True)]
    show_table("", ["weight", "input"], shown)
    show_table("what meets, component by component", *_meetings(found))
    facts = {
        "components": len(found.mixture),
        "objective": found.objective,
        "at least": f"{found.lower_bound:.10g} (proven: gap {found.gap:.2g})",
        "status": str(found.status),
    }
    show_facts("", facts | {"written": output, "figure": drawn or 'none: pip install "mixot[plot]"'})


def joint(
    a: Annotated[Path, typer.Argument(metavar="A", help="A table or a picture.", show_default=False)],
    b: TargetFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for both models.", show_default=False)],
    lam: Annotated[
        float, typer.Option("--lam", help="Weight of the likelihoods, a squared distance.", show_default=False)
    ],
    k: Components = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Fit mixtures to A and B together: each likely, and both close, the closer the smaller --lam is."""
    from mixot import io
    from mixot.cli.sources import describe, open_points
    from mixot.fitting.joint.joint_em import fit_pair
    from mixot.measures import Samples

    folder = io.check_folder(output)
    x, y = open_points(a, b, fit_options(k, None, structure, seed, columns, json))
    p, q = (Samples(side.values, side.weights) for side in (x, y))
    with working("fitting both", quiet=json) as progress:
        found = fit_pair(p, q, lam=lam, k=k, structure=structure.value, rng=seed, progress=progress)
    files = folder / "source.json", folder / "target.json"
    for mixture, file in zip((found.source, found.target), files, strict=True):
        io.save(mixture, file)
    facts = {"lam": found.lam, "objective": found.objective, "distance": found.distance, "status": str(found.status)}
    if json:
        models = {
            side: {"path": str(path), "model": str(file), "log_likelihood": likelihood, **describe(mixture)}
            for side, path, file, likelihood, mixture in zip(
                ("source", "target"), (a, b), files, found.log_likelihoods, (found.source, found.target), strict=True
            )
        }
        emit({"command": "joint", **facts, "iterations": found.iterations, **models})
        return
    show_facts(
        f"{a} and {b}, fitted together",
        {
            "MW2": found.distance,
            "log-likelihoods": "  ".join(f"{value:.6g}" for value in found.log_likelihoods) + " nats per row",
            "status": f"{found.status} after {found.iterations} iterations",
            "models": f"{files[0]} {files[1]}",
        },
    )


def _figure_target(output: Path, figure: Path | None) -> Path | None:
    """Where the figure goes; None without matplotlib, which only a figure that was asked for needs."""
    from importlib.util import find_spec

    from mixot import io

    if figure is None and not find_spec("matplotlib"):
        return None
    return io.check_target(figure or output.with_suffix(".png"), (".png", ".svg", ".pdf"))


def _numbers(words: list[str] | None, count: int) -> list[float] | None:
    from mixot.errors import InputError

    if words is None:
        return None
    try:
        values = [float(part) for word in words for part in word.split(",")]
    except ValueError:
        raise InputError(f"--weights must be numbers, got {' '.join(words)}") from None
    if len(values) != count:
        raise InputError(f"--weights must be one number for each of the {count} inputs, got {len(values)}")
    return values


def _draw(found: Barycenter, sources: list[Source], target: Path) -> Path:
    from mixot import plot

    names = next((source.columns for source in sources if source.kind != "model"), None)
    return plot.save(
        plot.average(found, labels=[source.path.name for source in sources], names=names), target, close=True
    )


def _meetings(found: Barycenter) -> tuple[list[str], list[tuple[str, ...]]]:
    """The tuples of the plan as a table, heaviest first."""
    order = (-found.plan.weights).argsort(kind="stable")
    heading = ["mass", "at", *(f"of input {j + 1}" for j in range(len(found.inputs)))]
    rows = [
        (
            f"{found.plan.weights[s]:.4f}",
            str(found.labels[s]),
            *("-" if at < 0 else str(at) for at in found.tuples[s]),
        )
        for s in order
    ]
    return heading, rows


def _document(found: Barycenter, sources: list[Source], output: Path, drawn: Path | None) -> dict[str, Any]:
    from mixot.cli.sources import describe

    return {
        "command": "barycenter",
        "objective": found.objective,
        "lower_bound": found.lower_bound,
        "gap": found.gap,
        "status": str(found.status),
        **describe(found.mixture),
        "weights": found.weights.tolist(),
        "tuples": found.tuples.tolist(),
        "masses": found.plan.weights.tolist(),
        "labels": found.labels.tolist(),
        "inputs": [source.summary() for source in sources],
        "output": str(output),
        "figure": None if drawn is None else str(drawn),
    }
