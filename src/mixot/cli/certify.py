"""``mixot certify``: how much better than a fit any mixture could be, with proof."""

from __future__ import annotations

import json as json_text
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import FIGURES, Json, Options, PointsFile
from mixot.cli.console import emit, say, show_facts, show_table, written
from mixot.cli.fitting_options import with_options
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.inference.certificate import Certificate
    from mixot.measures import Samples
    from mixot.mixture import Mixture


class Floors(StrEnum):
    """Which floors the fit suggests."""

    common = "common"
    shapes = "shapes"


class Criterion(StrEnum):
    """What charges for components."""

    bic = "bic"
    aic = "aic"
    icl = "icl"


@with_options(without=("missing", "mask"))
def certify(
    data: PointsFile,
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A model (.json, .npz); fitted if not given.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The certificate (.json), or its figure (.png .svg .pdf).", show_default=False
        ),
    ] = None,
    floors: Annotated[
        Floors, typer.Option("--floors", help="Below all fitted covariances, or each of these.")
    ] = Floors.common,
    floor: Annotated[
        float | None,
        typer.Option("--floor", min=0, help="In place of these: a least standard deviation, in all directions."),
    ] = None,
    factor: Annotated[
        float | None,
        typer.Option(
            "-c", "--factor", min=0, help="Of the floors' covariances; half, and the critical one is searched."
        ),
    ] = None,
    gap: Annotated[
        float, typer.Option("--gap", min=0, help="How far the bound may be above the supremum, in nats.")
    ] = 0.3,
    criterion: Annotated[
        Criterion, typer.Option("--criterion", help="What charges for more components.")
    ] = Criterion.bic,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """How much better than a fit any mixture could be, of any number of components, and which numbers are excluded.

    Proven for all Gaussian mixtures whose covariances are above a floor, and for all mixtures of a family of one
    parameter (a model of Poisson laws, say). Without a model one is fitted first.
    """
    from mixot.cli.certificate_facts import describe_certificate, prove, rivals_table, tell_certificate
    from mixot.io import check_target

    if output is not None:
        check_target(output, (".json", *FIGURES))
    if floor is not None and floors is not Floors.common:
        raise InputError("--floor is a floor of your own, and --floors takes those of the fit; give one of the two")
    points, mixture, facts, title = _open(data, model, options)
    chosen = floors.value if floor is None else f"sd >= {floor!r}"
    proof = prove(points, mixture, quiet=json, floors=chosen, c=factor, gap=gap, criterion=criterion.value)
    told = {"command": "certify", **facts, "certificate": describe_certificate(proof)}
    _write(proof, points, told, output)
    if json:
        emit({**told, **({} if output is None else {"output": str(output)})})
        return
    show_table(*rivals_table(proof))
    show_facts(title, tell_certificate(proof) | written(output))
    say(str(proof))


def _open(data: Path, model: Path | None, options: Options) -> tuple[Samples, Mixture, dict[str, Any], str]:
    """The points, the mixture, and what machines and people are told of both."""
    from mixot.cli.fit_facts import describe
    from mixot.cli.sources import open_mixture, open_rows
    from mixot.io import kind_of, load

    if model is None:
        if kind_of(data) not in ("table", "cells"):
            raise InputError(f"{data}: the data must be a table, or cells (.h5ad); a model comes after them")
        source = open_mixture(data, options)
        assert source.points is not None
        return source.points, source.measure, source.summary(), source.line()
    if kind_of(model) != "model":
        raise InputError(f"{model}: not a model; the data come first, then a model (.json, .npz)")
    if options.k is not None or options.k_max is not None:
        raise InputError("-k and --k-max are for a fit, and here a model is given; leave them out")
    if options.family != "gaussian":
        raise InputError("--family is for a fit, and here a model is given, which has one; leave it out")
    rows, mixture = open_rows(data, options), load(model)
    facts = {**rows.summary(), "rows": len(rows.measure), "model": {"path": str(model), **describe(mixture)}}
    return rows.measure, mixture, facts, f"{rows.line()}\n{model} (model: {len(mixture)} components)"


def _write(proof: Certificate, points: Samples, told: dict[str, Any], output: Path | None) -> None:
    """Write the certificate, or its figure."""
    if output is None:
        return
    if output.suffix.lower() in FIGURES:
        from mixot.plot import certificate, save

        save(certificate(proof, points), output, close=True)
        return
    from mixot.io import replacing

    with replacing(output) as file:
        file.write((json_text.dumps(told, indent=2, allow_nan=False) + "\n").encode())
