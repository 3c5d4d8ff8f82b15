"""``mixot fit``: a mixture of a table, of the colors of a picture, or of cells."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mixot.cli.arguments import (
    Columns,
    Components,
    Counts,
    Json,
    Label,
    MostComponents,
    Options,
    Rep,
    Seed,
    Shape,
    Structure,
    Weights,
    fit_options,
)
from mixot.cli.console import emit, show_facts, show_table
from mixot.errors import InputError


class Method(StrEnum):
    """How a mixture is found."""

    em = "em"
    moments = "moments"
    wasserstein = "wasserstein"


class Closeness(StrEnum):
    """What a fit to moments minimises."""

    w2 = "w2"
    tv = "tv"


def fit(
    data: Annotated[Path, typer.Argument(help="A table, a picture, or cells (.h5ad).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The model: .json or .npz.", show_default=False)
    ] = None,
    k: Components = None,
    k_max: MostComponents = None,
    structure: Shape = Structure.full,
    method: Annotated[
        Method, typer.Option("--method", help="EM, relaxations of moments, with a bound, or least W2.")
    ] = Method.em,
    distance: Annotated[
        Closeness | None, typer.Option("--distance", help="With moments: what is minimised; tv if not given.")
    ] = None,
    order: Annotated[int | None, typer.Option("--order", min=1, help="With moments: order of the relaxation.")] = None,
    rep: Rep = None,
    label: Label = None,
    seed: Seed = 0,
    columns: Columns = None,
    counts: Counts = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Fit a mixture to a table or to the colors of a picture, show it, and save it where -o says."""
    from mixot.cli.fit_facts import components_table, tell_fit
    from mixot.cli.sources import open_mixture
    from mixot.io import save

    _check(data, output)
    options = _with_method(fit_options(k, k_max, structure, seed, columns, json, rep, label), method, distance, order)
    options = replace(options, counts=counts, weights=weights)
    source = open_mixture(data, options)
    if output is not None:
        save(source.measure, output)
    if json:
        emit({"command": "fit", **source.summary(), **({} if output is None else {"output": str(output)})})
        return
    assert source.fitted is not None
    show_table(*components_table(source.measure, source.columns, source.labels))
    show_facts(source.line(), tell_fit(source.fitted) | {"model": output or "not saved; add -o model.json"})


def _check(data: Path, output: Path | None) -> None:
    """Whether there is something to fit, and a place for the model if it is to be saved."""
    from mixot.io import check_target, kind_of
    from mixot.io.models import SUFFIXES

    if output is not None:
        check_target(output, SUFFIXES)
    if kind_of(data) == "model":
        raise InputError(f"{data}: already a model; pass the table or the picture to fit")


def _with_method(options: Options, method: Method, distance: Closeness | None, order: int | None) -> Options:
    for name, value in (("--order", order), ("--distance", distance)):
        if method is not Method.moments and value is not None:
            raise InputError(f"{name} is an option of --method moments; leave it out, or add that")
    return replace(options, method=method.value, distance=(distance or Closeness.tv).value, order=order)
