"""Standard input and output as files: ``-`` is what is piped into a command, or what it pipes into another."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mixot.errors import InputError

STREAM = "-"
# What a command writes to standard output, unless the name says: -.parquet, say. Others write folders.
_FORMATS = {
    "fit": ".json",
    "barycenter": ".json",
    "certify": ".json",
    "map": ".csv",
    "plan": ".csv",
    "distances": ".csv",
    "quantize": ".csv",
    "palette": ".json",
    "recolor": ".png",
    "texture": ".png",
}
_TEXT = (".json", ".csv", ".tsv", ".txt", ".svg", ".gpl", ".cube")
_PIPES: ContextVar[bool] = ContextVar("pipes", default=False)


def is_piping() -> bool:
    """Whether the command writes its file to standard output, where nothing else belongs then."""
    return _PIPES.get()


@contextmanager
def streams(command: str, typed: dict[str, Any]) -> Iterator[None]:
    """Let the files of a command that are called ``-`` be standard input and output; of its arguments by name.

    The output goes to a temporary file, which is copied when the block ends well: half a table is never piped on.
    """
    _check_inputs(typed)
    output = typed.get("output")
    suffix = _format(command, output) if isinstance(output, Path) else None
    if suffix is None:
        yield
        return
    _check_output(suffix, typed)
    begun = _PIPES.set(True)
    try:
        with TemporaryDirectory(prefix="mixot-") as folder:
            draft = typed["output"] = Path(folder) / f"output{suffix}"
            try:
                yield
            except InputError as wrong:
                raise InputError(str(wrong).replace(str(draft), f"{output}")) from wrong
            sys.stdout.flush()
            sys.stdout.buffer.write(draft.read_bytes())
            sys.stdout.buffer.flush()
    finally:
        _PIPES.reset(begun)


def _format(command: str, output: Path) -> str | None:
    """The extension of what goes to standard output; None where a file is named."""
    if str(output) != STREAM and not (str(output).startswith(f"{STREAM}.") and output.parent == Path()):
        return None
    if command not in _FORMATS:
        raise InputError(f"-o {output}: {command} writes several files, into a folder; name one")
    return str(output)[1:] or _FORMATS[command]


def _check_inputs(typed: Mapping[str, Any]) -> None:
    given = [value for name, value in typed.items() if name != "output"]
    paths = [path for value in given for path in (value if isinstance(value, list | tuple) else [value])]
    if sum(isinstance(path, Path) and str(path) == STREAM for path in paths) > 1:
        raise InputError("-: only one input can be standard input; name files for the others")


def _check_output(suffix: str, typed: Mapping[str, Any]) -> None:
    output = typed["output"]
    if typed.get("json"):
        raise InputError(f"--json and -o {output} both write to standard output; leave one out, or name a file")
    if typed.get("certify"):
        raise InputError(f"-o {output} is the model alone, and --certify would not show; leave one out")
    if sys.stdout is None:
        raise InputError(f"-o {output}: standard output is closed; name a file")
    if suffix.lower() not in _TEXT and sys.stdout.isatty():
        raise InputError(f"-o {output}: {suffix} is not text, and this is a terminal; name a file, or pipe it: | other")
