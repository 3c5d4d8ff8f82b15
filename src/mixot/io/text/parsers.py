"""Text parsed by NumPy and by Arrow, where it can be read in one way only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BufferedIOBase, RawIOBase
from typing import Any

import numpy as np

from mixot.extras import require
from mixot.io.text.layout import Layout
from mixot.io.text.rows import Text
from mixot.threads import apart

WHOLE = 2.0**53  # float64 holds all whole numbers up to here
_LARGE = 1 << 22  # bytes from which on Arrow, which takes its time to be loaded, parses
_ENCODINGS = {"utf-8-sig": "utf8"}  # Arrow passes over the mark itself


def parsed_by_libraries(path: Text, layout: Layout, wanted: list[int]) -> np.ndarray | None:
    """Numbers of the wanted columns, (n, d), where nothing in the text can be read in two ways; else None.

    That is: there are no quotes and no #. NumPy takes half the time of the csv module, Arrow a tenth.
    """
    if layout.style:
        return None
    with path.content.open() as file:
        while chunk := file.read(1 << 20):
            if b'"' in chunk or b"#" in chunk:
                return None
    whole = wanted == list(range(len(layout.names)))
    if not whole and layout.delimiter is None:
        return None
    if path.content.size > _LARGE and layout.delimiter and find_spec("pyarrow"):
        values = _by_arrow(path, layout, wanted)
        if values is not None:
            return values
    with path.open(newline=None) as file:
        if layout.named:
            next(line for line in file if line.strip())
        lines = file if whole else _counted(file, str(layout.delimiter), len(layout.names))
        try:
            chosen = None if whole else wanted
            values = np.loadtxt(lines, delimiter=layout.delimiter, usecols=chosen, comments=None, ndmin=2)
        except ValueError as refused:
            if isinstance(refused, UnicodeDecodeError):
                raise
            return None
    exact = (np.abs(values) < WHOLE).all()  # also false where one is not finite
    return values if exact and values.shape[1] == len(wanted) else None


def _by_arrow(path: Text, layout: Layout, wanted: list[int]) -> np.ndarray | None:
    """The same by Arrow, whose numbers are those next to what is written, too; None where it finds something else."""
    csv_reader, arrow = (require(name, "table", "reading large tables") for name in ("pyarrow.csv", "pyarrow"))
    with path.open() as file:
        if not file.readline().strip():
            return None  # Arrow would pass over this line in place of the header
    names = [str(j) for j in range(len(layout.names))]

    def read(is_waited_for: Callable[[], bool]) -> Any:
        # Arrow hears Ctrl-C in the main thread alone, and there it may lose it.
        with path.content.open() as file:
            return csv_reader.read_csv(
                _Stopping(file, is_waited_for),
                read_options=csv_reader.ReadOptions(
                    column_names=names,
                    skip_rows_after_names=int(layout.named),
                    encoding=_ENCODINGS.get(path.encoding, path.encoding),
                ),
                parse_options=csv_reader.ParseOptions(delimiter=layout.delimiter, quote_char=False),
                convert_options=csv_reader.ConvertOptions(
                    column_types={names[j]: arrow.float64() for j in wanted},
                    include_columns=[names[j] for j in wanted],
                    null_values=[],
                ),
            )

    try:
        table = apart(read)
    except (arrow.ArrowException, UnicodeDecodeError, LookupError):
        return None  # whoever parses next says what is wrong
    values = np.empty((len(table), len(wanted)))
    for j, name in enumerate(table.column_names):
        at = 0
        for part in table[name].chunks:  # their to_numpy would load pandas, which takes as long as to parse
            values[at : at + len(part), j] = np.frombuffer(part.buffers()[1], np.float64, len(part), 8 * part.offset)
            at += len(part)
    return values if (np.abs(values) < WHOLE).all() else None


class _Stopping(RawIOBase):
    """A file that ends where nobody waits for the rest."""

    def __init__(self, file: BufferedIOBase, is_waited_for: Callable[[], bool]) -> None:
        self._file, self._is_waited_for = file, is_waited_for

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size) if self._is_waited_for() else b""


def _counted(file: Any, delimiter: str, width: int) -> Iterator[str]:
    """The lines of a file, each of so many cells; NumPy does not see that a row is too long where it takes a part."""
    for line in file:
        if line.count(delimiter) != width - 1 and line.strip():
            raise ValueError
        yield line
