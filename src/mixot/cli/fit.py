"""``mixot fit``: a mixture of a table, of the colors of a picture, or of cells."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import FITTING, Json, Options
from mixot.cli.console import emit, note, say, show_facts, show_table
from mixot.cli.fitting_options import with_options
from mixot.cli.moment_options import Method, of_moments, with_moment_options
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import MixtureSource
    from mixot.inference.certificate import Certificate


class Prior(StrEnum):
    """A prior on Gaussian components."""

    fraley_raftery = "fraley-raftery"


class Tails(StrEnum):
    """Whether the components of a Student mixture share their degrees of freedom."""

    common = "common"
    each = "each"


@with_options(cells=True)
@with_moment_options
def fit(
    data: Annotated[Path, typer.Argument(help="A table, a picture, or cells (.h5ad).", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The model: .json or .npz; - for standard output.", show_default=False),
    ] = None,
    *,
    certify: Annotated[
        bool, typer.Option("--certify", help="Prove how much any number of components could still gain.")
    ] = False,
    method: Annotated[
        Method,
        typer.Option(
            "--method", help="EM, relaxations of moments, with a bound, or least W2.", rich_help_panel=FITTING
        ),
    ] = Method.em,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start",
            help="With EM: a model to start from, or a table of means.",
            show_default=False,
            rich_help_panel=FITTING,
        ),
    ] = None,
    prior: Annotated[
        Prior | None,
        typer.Option("--prior", help="With EM: on Gaussian components, where rows are few.", rich_help_panel=FITTING),
    ] = None,
    df: Annotated[
        Tails | None,
        typer.Option(
            "--df",
            help="With --family student: one df for all components, or its own for each.",
            rich_help_panel=FITTING,
        ),
    ] = None,
    background: Annotated[
        bool,
        typer.Option(
            "--background",
            help="With EM: rows may belong to no component, but to a uniform background.",
            rich_help_panel=FITTING,
        ),
    ] = False,
    options: Options,
    moments: dict[str, Any],
    json: Json = False,
) -> None:
    """Fit a mixture to a table or to the colors of a picture, show it, and save it where -o says."""
    from mixot.cli.sources import open_mixture
    from mixot.io import save

    _check(data, output)
    options = replace(options, method=method.value, moments=of_moments(method, moments))
    options = replace(options, **_of_em(method, start, prior, df, background))
    source = open_mixture(data, options)
    proof = _proof(source, json) if certify else None
    if output is not None:
        if background:
            note(f"{output}: a model is a mixture, and the background beside it is not in the file")
        save(source.measure, output)
    if json:
        emit(_document(source, proof, output))
    else:
        _tell(source, proof, output)


def _document(source: MixtureSource, proof: Certificate | None, output: Path | None) -> dict[str, Any]:
    """What machines are told."""
    document: dict[str, Any] = {"command": "fit", **source.summary()}
    if proof is not None:
        document["certificate"] = _described(proof)
    return document | ({} if output is None else {"output": str(output)})


def _tell(source: MixtureSource, proof: Certificate | None, output: Path | None) -> None:
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
    say(str(proof))


def _proof(source: MixtureSource, quiet: bool) -> Certificate:
    """What any number of components could still gain over the fit."""
    from mixot.cli.certificate_facts import prove
    from mixot.measures import Samples

    if source.points is None or source.kind == "picture":
        raise InputError(f"{source.path}: --certify is for tables and cells; leave it out")
    if not isinstance(source.points, Samples):
        raise InputError(f"{source.path}: --certify is for rows without missing values; leave it out")
    return prove(source.points, source.measure, quiet=quiet)


def _of_em(
    method: Method, start: Path | None, prior: Prior | None, df: Tails | None, background: bool
) -> dict[str, Any]:
    """The options of a fit by EM that were typed."""
    from mixot.cli.sources import open_start

    if method is not Method.em:
        for name, value in (("--start", start), ("--prior", prior), ("--df", df), ("--background", background or None)):
            if value is not None:
                raise InputError(f"{name} is an option of --method em; leave it out, or take that")
    for name, value in (("--start", start), ("--prior", prior)):
        if background and value is not None:
            raise InputError(f"{name} is for fits without --background; leave one of the two out")
    words = {name: None if choice is None else choice.value for name, choice in (("prior", prior), ("df", df))}
    return {"start": None if start is None else open_start(start), "background": background, **words}


def _check(data: Path, output: Path | None) -> None:
    """Whether there is something to fit, and a place for the model if it is to be saved."""
    from mixot.io import check_target, kind_of, load
    from mixot.io.models import SUFFIXES

    if output is not None:
        check_target(output, SUFFIXES)
    if kind_of(data) == "model":
        load(data)  # of JSON that is something else it says so
        raise InputError(f"{data}: already a model; pass the table or the picture to fit")
