"""``mixot barycenter``: several mixtures averaged."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import FIGURES, READABLE, READING, Json, Options
from mixot.cli.completion import column
from mixot.cli.console import NO_FIGURE, emit, show_facts, show_table
from mixot.cli.fitting_options import with_options
from mixot.cli.piping import is_piping
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import MixtureSource
    from mixot.transport.barycenter import Barycenter


@with_options(without=("k", "weights"))
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
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw it here (.png .svg .pdf); as OUTPUT with .png if not given.")
    ] = None,
    *,
    options: Options,
    rows: Annotated[
        str | None,
        typer.Option(
            "--row-weights",
            metavar="COLUMN",
            help="Column of tables that says how much each row matters.",
            autocompletion=column,
            rich_help_panel=READING,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Average of A, B, ...: the mixture with the least weighted sum of squared distances MW2, and what that proves."""
    from mixot.cli.sources import open_mixtures
    from mixot.io import check_target, save
    from mixot.io.models import SUFFIXES
    from mixot.transport.fixed_point import FixedPoint
    from mixot.verbs import barycenter

    check_target(output, SUFFIXES)
    picture = _figure_target(output, figure)
    shares = numbers(weights, len(inputs))
    sources = open_mixtures(inputs, replace(options, k=fit_k if options.k_max else fit_k or k, weights=rows))
    solver = None if k is None else FixedPoint(k=k)
    found = barycenter([source.measure for source in sources], shares, solver=solver)
    save(found.mixture, output)
    drawn = None if picture is None else _draw(found, sources, picture)
    if json:
        emit(_document(found, sources, output, drawn))
    else:
        _tell(found, sources, output, drawn)


def _figure_target(output: Path, figure: Path | None) -> Path | None:
    """Where the figure goes; None without a place, or without matplotlib, where none was asked for."""
    from mixot.io import check_target

    if figure is None and (is_piping() or not find_spec("matplotlib")):
        return None
    return check_target(figure or output.with_suffix(".png"), FIGURES)


def numbers(words: list[str] | None, count: int) -> list[float] | None:
    """What stands after ``--weights``, one number for each of the inputs."""
    if words is None:
        return None
    try:
        values = [float(part) for word in words for part in word.split(",")]
    except ValueError:
        raise InputError(f"--weights must be numbers, got {' '.join(words)}") from None
    if len(values) != count:
        raise InputError(f"--weights must be one number for each of the {count} inputs, got {len(values)}")
    return _shares(values)


def _shares(values: list[float]) -> list[float]:
    """Weights that are shares, or an error before anything is fitted, in words for those who type them."""
    from mixot.tallies import check_weights

    try:
        check_weights(values, len(values), "inputs")
    except InputError as wrong:
        total = sum(values)
        if min(values) < 0 or not 0 < total < float("inf"):
            raise InputError(f"--{wrong}") from None
        raise InputError(f"--weights must sum to one, got {total:.9g}; divide each of them by that") from None
    return values


def _draw(found: Barycenter, sources: list[MixtureSource], target: Path) -> Path:
    from mixot.plot import average, save

    names = next((source.columns for source in sources if source.kind != "model"), None)
    return save(average(found, labels=[source.path.name for source in sources], names=names), target, close=True)


def _tell(found: Barycenter, sources: list[MixtureSource], output: Path, drawn: Path | None) -> None:
    """What people are told."""
    shown = [(f"{share:.4g}", source.line()) for share, source in zip(found.weights, sources, strict=True)]
    show_table("", ["weight", "input"], shown)
    show_table("what meets, component by component", *_meetings(found))
    facts = {
        "components": len(found.mixture),
        "objective": found.objective,
        "at least": f"{found.lower_bound:.10g} (proven: gap {found.gap:.2g})",
        "status": str(found.status),
    }
    show_facts("", facts | {"written": output, "figure": drawn or NO_FIGURE})


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


def _document(found: Barycenter, sources: list[MixtureSource], output: Path, drawn: Path | None) -> dict[str, Any]:
    """What machines are told."""
    from mixot.cli.fit_facts import describe

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
