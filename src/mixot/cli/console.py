"""What people and machines see of a command: tables, JSON, progress, one-line errors, exit codes.

Results go to standard output; progress, remarks and errors to standard error. Where a file is piped to standard output,
nothing else is printed there.
"""

from __future__ import annotations

import io
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from mixot._interrupts import INTERRUPTED, stop_listening, unwinding
from mixot.cli.piping import is_piping, streams
from mixot.errors import AccuracyWarning, MixotError, SolveError

if TYPE_CHECKING:
    from rich.table import Table

    from mixot.results import Progress, ProgressCallback

NO_FIGURE = 'none: pip install "mixot[plot]"'  # where a figure would be named
BAD_INPUT, USAGE, NOT_SOLVED, UNREAD = 1, 2, 3, 141  # the last as of programs that the signal of a broken pipe ends
# What the command that runs has told so far: readers and fits speak deep inside it, its JSON document repeats them all.
_TOLD: ContextVar[dict[str, None] | None] = ContextVar("notes", default=None)


class Commands(TyperGroup):
    """Commands whose expected failures end in one line and an exit code, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with _collecting():
                return super().invoke(ctx)
        except SolveError as stopped:
            raise _failed(stopped, NOT_SOLVED) from stopped
        except BrokenPipeError:  # whoever reads has seen enough; see `main`
            raise
        except (MixotError, OSError) as wrong:
            raise _failed(wrong, BAD_INPUT) from wrong
        except KeyboardInterrupt:
            stop_listening()  # once is enough: all that was open is closed
            raise _failed("interrupted", INTERRUPTED) from None


class Command(TyperCommand):
    """A command of which a file may be ``-``: standard input or output."""

    def invoke(self, ctx: Any) -> Any:
        with unwinding(), streams(self.name or "", ctx.params):
            return super().invoke(ctx)


class ManyValues(Command):
    """A command of which some options take all the values that follow, up to the next option."""

    gathering: ClassVar[dict[str, Callable[[str], bool]]] = {}  # each with what counts as its value

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.spread(args))

    def spread(self, args: list[str]) -> list[str]:
        """The words with the option before each of its values: ``--weights .2 --weights .8`` of ``.2 .8``."""
        spread: list[str] = []
        option = ""
        for word in args:
            if option and self.gathering[option](word):
                spread += [option, word] if spread[-1] != option else [word]
                continue
            option = word if word in self.gathering else ""
            spread.append(word)
        return spread


def _are_numbers(word: str) -> bool:
    try:
        return bool([float(part) for part in word.split(",")])
    except ValueError:
        return False


def _is_no_option(word: str) -> bool:
    return not word.startswith("-") or word == "-"


class ManyNumbers(ManyValues):
    """A command whose ``--weights`` take all the numbers that follow: ``--weights .2 .3 .5``, or ``.2,.3,.5``."""

    gathering: ClassVar = {"--weights": _are_numbers}


class ManyFiles(ManyValues):
    """A command whose ``--against`` takes all the files that follow."""

    gathering: ClassVar = {"--against": _is_no_option}


class ManyPalettes(ManyValues):
    """A command of one picture whose ``--palette`` takes all the files that follow, and ``--weights`` the numbers.

    The picture may stand behind, ``--palette a.jpg b.jpg photo.png``: where no other word is one, the last file is.
    """

    gathering: ClassVar = {"--palette": _is_no_option, "--weights": _are_numbers}

    def spread(self, args: list[str]) -> list[str]:
        spread = super().spread(args)
        takes = {name for each in self.params if not getattr(each, "is_flag", True) for name in each.opts}
        values = {at + 1 for at, word in enumerate(spread) if word in takes}
        alone = [at for at, word in enumerate(spread) if at not in values and _is_no_option(word)]
        files = [at for at in sorted(values) if spread[at - 1] == "--palette" and at < len(spread)]
        if not alone and len(files) > 1:
            del spread[files[-1] - 1]
        return spread


def _failed(reason: object, code: int) -> typer.Exit:
    typer.echo(f"error: {reason}", err=True)
    return typer.Exit(code)


def emit(document: dict[str, Any]) -> None:
    """Print the result of a command for machines; numbers that JSON has no word for become null, and a note says where.

    Its ``notes`` are those of the document and all that were told by `note` since the command began.
    """
    lost: dict[str, None] = {}
    printable = _printable(document, "", lost)
    notes = [*printable.get("notes", ()), *(_TOLD.get() or ())]
    if lost:
        notes.append(f"infinite, or not a number, and null here: {', '.join(lost)}")
        note(notes[-1])
    printable["notes"] = notes
    typer.echo(json.dumps(printable, indent=2, allow_nan=False))


def _printable(value: Any, place: str, lost: dict[str, None]) -> Any:
    """The same with null for infinities and NaN, whose places are collected without the numbers of rows."""
    if isinstance(value, dict):
        return {name: _printable(part, f"{place}.{name}" if place else name, lost) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(part, place, lost) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        lost[place] = None
        return None
    return value


def degrade_output() -> None:
    """Let streams that cannot hold every letter, such as ASCII ones, write escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def note(text: str) -> None:
    """Tell, once, what somebody should know about an answer: on standard error, and in the JSON document."""
    told = _TOLD.get()
    if told is None or text not in told:
        typer.echo(f"note: {text}", err=True)
    if told is not None:
        told[text] = None


@contextmanager
def _collecting() -> Iterator[None]:
    """Keep the notes of one command, and make notes of the warnings about accuracy that its verbs give."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, AccuracyWarning):
            note(str(message))
        else:
            otherwise(message, category, *where, **more)

    begun = _TOLD.set({})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", AccuracyWarning)
            otherwise, warnings.showwarning = warnings.showwarning, show
            yield
    finally:
        _TOLD.reset(begun)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, most: int = 40) -> None:
    """Print a table for people; of more than ``most`` rows the first ones, and how many are left out."""
    from rich.table import Table

    table = Table(header_style="bold cyan", box=None)
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows[:most]:
        table.add_row(*(cell if isinstance(cell, str) else f"{cell:.6g}" for cell in row))
    _print(title, table, f"... and {len(rows) - most} more" if len(rows) > most else "")


def show_facts(title: str, facts: dict[str, object]) -> None:
    """Print names and values for people."""
    from rich.table import Table

    table = Table(show_header=False, box=None)
    table.add_column(style="cyan")
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, f"{value:.10g}" if isinstance(value, float) else str(value))
    _print(title, table, "")


def written(output: Path | None) -> dict[str, object]:
    """The line that says which file was written, if any."""
    return {} if output is None else {"written": output}


def say(text: str) -> None:
    """Print a sentence for people."""
    if not is_piping():
        typer.echo(text)


def _print(title: str, table: Table, below: str) -> None:
    if is_piping():
        return
    from rich.console import Console

    console = Console(markup=False, highlight=False)  # a file name may hold brackets
    if title:
        console.print(title, style="bold", soft_wrap=True)
    console.print(table)
    if below:
        console.print(below, style="dim")


@contextmanager
def working(task: str, *, quiet: bool = False) -> Iterator[ProgressCallback | None]:
    """Show how far a long job is, where standard error is a terminal; hands over the ``progress`` callback."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(task, total=None)

        def callback(tick: Progress) -> None:
            value = "" if tick.value is None else f" {tick.value:.5g}"
            bar.update(line, description=f"{task}: {tick.stage}{value}", completed=tick.step, total=tick.total)

        yield callback
