"""Options of ``mixot fit --method moments``, as one argument of the command."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from mixot.cli.grouping import grouped
from mixot.errors import InputError

_PANEL = "Options of --method moments"


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


_Distance = Annotated[
    Closeness | None,
    typer.Option("--distance", help="What is minimised; tv if not given.", rich_help_panel=_PANEL),
]
_Order = Annotated[
    int | None,
    typer.Option("--order", min=1, help="Order of the relaxation; obeyed or refused.", rich_help_panel=_PANEL),
]
_Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="TEXT",
        help='Parameters searched, "mean in [-3, 3], sd in [0.5, 2]"; by the data if not given.',
        rich_help_panel=_PANEL,
    ),
]
_Slack = Annotated[
    float | None,
    typer.Option(
        "--slack",
        min=0,
        help="Standard errors that the moments may be off; none if not given.",
        rich_help_panel=_PANEL,
    ),
]
_Regularizer = Annotated[
    Rule | None,
    typer.Option(
        "--regularizer", help="What chooses among mixing measures; auto if not given.", rich_help_panel=_PANEL
    ),
]
_Confidence = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        metavar="LEVEL",
        help="Speak of the population, too, at this level: 0.95.",
        rich_help_panel=_PANEL,
    ),
]
_Coverage = Annotated[
    Coverage | None,
    typer.Option("--coverage", help="With --confidence: how sure; asymptotic if not given.", rich_help_panel=_PANEL),
]
_Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="LO,HI",
        help="With --confidence: ends known to hold the population.",
        rich_help_panel=_PANEL,
    ),
]
_DECLARED: dict[str, tuple[Any, Any]] = {
    "distance": (_Distance, None),
    "order": (_Order, None),
    "region": (_Region, None),
    "slack": (_Slack, None),
    "regularizer": (_Regularizer, None),
    "confidence": (_Confidence, None),
    "coverage": (_Coverage, None),
    "domain": (_Domain, None),
}
_NAMES = {"region": "support"}  # options that are called otherwise in Python


def _given(*, json: bool, **typed: Any) -> dict[str, Any]:
    """Those that were typed."""
    return {name: value for name, value in typed.items() if value is not None}


with_moment_options = grouped("moments", _DECLARED, _given)


def of_moments(method: Method, given: dict[str, Any]) -> dict[str, Any]:
    """The options of a fit to moments that were typed, by the names that `MomentSOS` has for them."""
    if method is not Method.moments:
        for name in given:
            raise InputError(f"--{name} is an option of --method moments; leave it out, or add that")
    if "confidence" not in given:
        for name in given.keys() & {"coverage", "domain"}:
            raise InputError(f"--{name} says how a statement with --confidence is made; leave it out, or add that")
    out = {_NAMES.get(name, name): value for name, value in given.items()}
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
