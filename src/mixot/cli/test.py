"""``mixot test``: whether rows are of one law, or of a null that is named, and how far apart two populations are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixot.cli.arguments import TABLES, Json, Options
from mixot.cli.console import emit, note, show_facts, working
from mixot.cli.fitting_options import with_options
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.cli.sources import Source
    from mixot.measures import Samples


class Distance(StrEnum):
    """What is permuted."""

    mw2 = "mw2"
    w2 = "w2"
    energy = "energy"


class Scale(StrEnum):
    """Units of columns."""

    columns = "columns"
    data = "data"


_ROWS = f"A table ({TABLES}) or cells (.h5ad); of two also pictures: their colors."
_NULL = (
    'Of one input: "gaussian mixture, sd >= 0.5", "one component", the name of a family, or a model: an e-value. '
    "If not given, a likelihood ratio of several Gaussians against one: a p-value."
)


@with_options(without=("k", "k_max", "structure", "family", "weights", "missing", "scale", "cofactor", "compensate"))
def test(
    a: Annotated[Path, typer.Argument(metavar="A", help=_ROWS, show_default=False)],
    b: Annotated[Path | None, typer.Argument(metavar="B", help="A second sample.", show_default=False)] = None,
    null: Annotated[str | None, typer.Option("--null", metavar="NULL", help=_NULL)] = None,
    floor: Annotated[
        str | None, typer.Option("--floor", metavar="SD", help='Least sd of "gaussian mixture": 0.5, or "0.4 sd".')
    ] = None,
    alternative: Annotated[
        str | None, typer.Option("--alternative", metavar="FAMILY", help='Fitted against NULL; or "counts".')
    ] = None,
    splits: Annotated[int | None, typer.Option("--splits", min=1, help="How often rows are halved for NULL.")] = None,
    statistic: Annotated[
        Distance | None, typer.Option("--statistic", help="Between A and B; mw2, for --interval w2.")
    ] = None,
    interval: Annotated[bool, typer.Option("--interval", help="An interval for the distance of A and B.")] = False,
    level: Annotated[float | None, typer.Option("--level", help="Of the interval; 0.95 if not given.")] = None,
    scale: Annotated[Scale | None, typer.Option("--scale", help="Units of columns of A and B.")] = None,
    k: Annotated[int | None, typer.Option("-k", "--components", min=1, help="Components of what is fitted.")] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=19, help="Draws, permutations or halves.")] = None,
    *,
    options: Options,
    json: Json = False,
) -> None:
    """Test rows, with a level that holds in finite samples.

    A alone: are they of one Gaussian law, or of several? By the likelihood ratio, whose p-value comes from draws. With
    --null: are they of a law that is named so? By an e-value, another test, with less power where both can be asked, as
    with --null "one component". A and B: are both of one law? With --interval: how far apart are the populations that
    they are samples of?
    """
    from mixot.cli.views.tests import Question, document, lines

    asked = Question(null, floor, alternative, splits, statistic, interval, level, scale, k, draws)
    way = asked.way(b is not None)
    rows = _rows(a, b, options)
    with working("testing", quiet=json) as progress:
        found = asked.answer(way, [source.measure for source in rows], options.seed, progress)
    for text in found.notes:
        note(text)
    if json:
        emit({"command": "test", **document(way, found), "inputs": [source.summary() for source in rows]})
        return
    show_facts("\n".join(source.line() for source in rows), lines(found))


def _rows(a: Path, b: Path | None, options: Options) -> list[Source[Samples]]:
    """The rows of one input or of two, whose columns are matched by name."""
    from mixot.cli.sources import open_points, open_rows
    from mixot.io import kind_of

    if b is None:
        return [open_rows(a, options)]
    for path in (a, b):
        if kind_of(path) == "model":
            raise InputError(f"{path}: a model has no rows that were observed; pass the table that it was fitted to")
    return list(open_points(a, b, options))
