"""``mixot fit``: a mixture of a table, of the colors of a picture, or of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import (
    Cofactor,
    Columns,
    Compensate,
    Components,
    Counts,
    Family,
    Json,
    Label,
    Missing,
    MostComponents,
    OnScale,
    Rep,
    Seed,
    Shape,
    Structure,
    TakenOn,
    Weights,
    fit_options,
    on_scale,
)
from mixot.cli.console import emit, show_facts, show_table
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import MixtureSource
    from mixot.inference.certificate import Certificate


STANDARD = "-"  # standard output, as the name of a file


class Method(StrEnum):
    """How a mixture is found."""

    em = "em"
    moments = "moments"
    wasserstein = "wasserstein"


class Closeness(StrEnum):
    """What a fit to moments minimises."""

    w2 = "w2"
    tv = "tv"


class Rule(StrEnum):
    """What chooses among the mixing measures of one mixture."""

    auto = "auto"
    rank = "rank"
    spread = "spread"
    published = "published"
    trace = "trace"
    none = "none"


class Coverage(StrEnum):
    """When a statement about the population has its level of confidence."""

    asymptotic = "asymptotic"
    finite_sample = "finite-sample"


class Prior(StrEnum):
    """A prior on Gaussian components."""

    fraley_raftery = "fraley-raftery"


class Tails(StrEnum):
    """Whether the components of a Student mixture share their degrees of freedom."""

    common = "common"
    each = "each"


_NAMES = {"--region": "support"}  # options that are called otherwise in Python


def fit(
    data: Annotated[Path, typer.Argument(help="A table, a picture, or cells (.h5ad).", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The model: .json or .npz; - for standard output.", show_default=False),
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
    order: Annotated[
        int | None, typer.Option("--order", min=1, help="With moments: order of the relaxation; obeyed or refused.")
    ] = None,
    family: Family = "gaussian",
    start: Annotated[
        Path | None,
        typer.Option("--start", help="With EM: a model to start from, or a table of means.", show_default=False),
    ] = None,
    prior: Annotated[
        Prior | None, typer.Option("--prior", help="With EM: on Gaussian components, where rows are few.")
    ] = None,
    df: Annotated[
        Tails | None,
        typer.Option("--df", help="With --family student: one df for all components, or its own for each."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="TEXT",
            help='With moments: parameters searched, "mean in [-3, 3], sd in [0.5, 2]"; by the data if not given.',
        ),
    ] = None,
    slack: Annotated[
        float | None,
        typer.Option("--slack", min=0, help="With moments: standard errors that they may be off; none if not given."),
    ] = None,
    regularizer: Annotated[
        Rule | None,
        typer.Option("--regularizer", help="With moments: what chooses among mixing measures; auto if not given."),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            metavar="LEVEL",
            help="With moments: speak of the population, too, at this level: 0.95.",
        ),
    ] = None,
    coverage: Annotated[
        Coverage | None, typer.Option("--coverage", help="With --confidence: how sure; asymptotic if not given.")
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option("--domain", metavar="LO,HI", help="With --confidence: ends known to hold the population."),
    ] = None,
    rep: Rep = None,
    label: Label = None,
    seed: Seed = 0,
    columns: Columns = None,
    scale: OnScale = TakenOn.linear,
    cofactor: Cofactor = None,
    compensate: Compensate = False,
    counts: Counts = None,
    weights: Weights = None,
    missing: Annotated[
        Missing, typer.Option("--missing", help="Empty cells, NA, NaN: an error, or ignored, to fit what is there.")
    ] = Missing.error,
    certify: Annotated[
        bool, typer.Option("--certify", help="Prove how much any number of components could still gain.")
    ] = False,
    json: Json = False,
) -> None:
    """Fit a mixture to a table or to the colors of a picture, show it, and save it where -o says."""
    from mixot.cli.sources import open_mixture
    from mixot.io import save
    from mixot.io.models import text_of

    _check(data, output, json or certify)
    moments = {
        "--distance": distance,
        "--order": order,
        "--region": region,
        "--slack": slack,
        "--regularizer": regularizer,
        "--confidence": confidence,
        "--coverage": coverage,
        "--domain": domain,
    }
    options = fit_options(k, k_max, structure, seed, columns, json, rep, label)
    options = on_scale(options, scale, cofactor, compensate)
    options = replace(options, method=method.value, family=family, moments=_of_moments(method, moments))
    options = replace(options, counts=counts, weights=weights, missing=missing.value)
    options = replace(options, **_of_em(method, start, prior, df))
    source = open_mixture(data, options)
    proof = _proof(source, json) if certify else None
    if str(output) == STANDARD:
        typer.echo(text_of(source.measure), nl=False)
        return
    if output is not None:
        save(source.measure, output)
    if json:
        emit(_document(source, output, proof))
    else:
        _tell(source, output, proof)


def _document(source: MixtureSource, output: Path | None, proof: Certificate | None) -> dict[str, Any]:
    """What machines are told."""
    certificate = {} if proof is None else {"certificate": _described(proof)}
    where = {} if output is None else {"output": str(output)}
    return {"command": "fit", **source.summary(), **certificate, **where}


def _tell(source: MixtureSource, output: Path | None, proof: Certificate | None) -> None:
    """What people are told."""
    from mixot.cli.fit_facts import components_table, structures_table, tell_fit

    assert source.fitted is not None
    show_table(*components_table(source.measure, source.columns, source.labels))
    if (table := structures_table(source.fitted)) is not None:
        show_table(*table)
    show_facts(source.line(), tell_fit(source.fitted) | {"model": output or "not saved; add -o model.json"})
    if proof is not None:
        _show(proof)


def _described(proof: Certificate) -> dict[str, Any]:
    from mixot.cli.certificate_facts import describe_certificate

    return describe_certificate(proof)


def _show(proof: Certificate) -> None:
    from mixot.cli.certificate_facts import rivals_table

    show_table(*rivals_table(proof))
    typer.echo(str(proof))


def _proof(source: MixtureSource, quiet: bool) -> Certificate:
    """What any number of components could still gain over the fit."""
    from mixot.cli.certificate_facts import prove
    from mixot.measures import Samples

    if source.points is None or source.kind == "picture":
        raise InputError(f"{source.path}: --certify is for tables and cells; leave it out")
    if not isinstance(source.points, Samples):
        raise InputError(f"{source.path}: --certify is for rows without missing values; leave it out")
    return prove(source.points, source.measure, quiet=quiet)


def _of_em(method: Method, start: Path | None, prior: Prior | None, df: Tails | None) -> dict[str, Any]:
    """The options of a fit by EM that were typed."""
    from mixot.cli.sources import open_start

    if method is not Method.em:
        for name, value in (("--start", start), ("--prior", prior), ("--df", df)):
            if value is not None:
                raise InputError(f"{name} is an option of --method em; leave it out, or take that")
    words = {name: None if choice is None else choice.value for name, choice in (("prior", prior), ("df", df))}
    return {"start": None if start is None else open_start(start), **words}


def _check(data: Path, output: Path | None, told: bool) -> None:
    """Whether there is something to fit, and a place for the model if it is to be saved."""
    from mixot.io import check_target, kind_of, load
    from mixot.io.models import SUFFIXES

    if str(output) == STANDARD and told:
        raise InputError("-o - writes the model to standard output, where --json and --certify print; leave one out")
    if output is not None and str(output) != STANDARD:
        check_target(output, SUFFIXES)
    if kind_of(data) == "model":
        load(data)  # of JSON that is something else it says so
        raise InputError(f"{data}: already a model; pass the table or the picture to fit")


def _of_moments(method: Method, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a fit to moments that were typed, by the names that `MomentSOS` has for them."""
    given = {name: value for name, value in typed.items() if value is not None}
    if method is not Method.moments:
        for name in given:
            raise InputError(f"{name} is an option of --method moments; leave it out, or add that")
    if "--confidence" not in given:
        for name in given.keys() & {"--coverage", "--domain"}:
            raise InputError(f"{name} says how a statement with --confidence is made; leave it out, or add that")
    out = {_NAMES.get(name, name.removeprefix("--")): value for name, value in given.items()}
    out |= {name: value.value for name, value in out.items() if isinstance(value, StrEnum)}
    if out.get("regularizer") == Rule.none:
        out["regularizer"] = None
    if "domain" in out:
        out["domain"] = _ends(out["domain"])
    return out


def _ends(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"two numbers, LO,HI, got {text!r}", param_hint="--domain") from None
    return low, high
