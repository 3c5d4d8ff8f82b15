"""Tables as text: the layout is found out, NumPy parses, and what it refuses is explained by line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mixot.errors import InputError
from mixot.io.columns import Table, pick

_MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}


@dataclass(frozen=True)
class _Layout:
    """How the numbers stand in a text file."""

    delimiter: str | None  # None: blanks
    names: list[str]
    first_line: int  # lines before the data
    named: bool


@dataclass
class _Column:
    """What `_explain` found in one column."""

    text: tuple[str, int] | None = None  # the first text and its line
    numbers: int = 0
    holes: list[int] = field(default_factory=list)


def read_text(path: Path, columns: Sequence[str] | None) -> Table:
    """The table in a text file; see `mixot.io.tables.read_table`."""
    try:
        layout = _layout(path)
        labels = [j for j, name in enumerate(layout.names) if layout.named and not name.strip()]
        wanted = (
            pick(layout.names, columns, path) if columns else [j for j in range(len(layout.names)) if j not in labels]
        )
        values = _parse(path, layout, wanted)
    except UnicodeDecodeError as binary:
        raise InputError(f"{path}: not a text file in UTF-8; export the table again as CSV (UTF-8)") from binary
    except csv.Error as damage:
        raise InputError(f"{path}: not a table that can be read ({damage}); export it again as CSV") from damage
    return Table(tuple(layout.names[j] for j in wanted), values, named=layout.named)


def _parse(path: Path, layout: _Layout, wanted: list[int]) -> np.ndarray:
    whole = len(wanted) == len(layout.names)
    try:
        values = np.loadtxt(
            path,
            delimiter=layout.delimiter,
            skiprows=layout.first_line,
            usecols=None if whole and wanted == sorted(wanted) else wanted,
            quotechar='"',
            encoding="utf-8-sig",
            ndmin=2,
        )
    except ValueError as refused:
        if isinstance(refused, UnicodeDecodeError):
            raise
        raise _explain(path, layout, wanted, str(refused)) from None
    if not np.isfinite(values).all() or values.shape[1] != len(wanted):
        raise _explain(path, layout, wanted, f"rows have {values.shape[1]} numbers, the header {len(wanted)} names")
    return values


def _layout(path: Path) -> _Layout:
    """Find the delimiter, whether the first row is a header, and where the data start."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = next((line for line in file if _is_row(line)), None)
    if head is None:
        raise InputError(f"{path}: there are no rows of numbers in this table")
    if "\0" in head:
        raise InputError(f"{path}: not a text file; export the table again as CSV (UTF-8)")
    bare = re.sub(r'"[^"]*"', "", head).strip("\r\n")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(";\t|,", key=bare.count)
    if delimiter not in bare:
        delimiter = None if re.search(r"\S\s+\S", bare) and path.suffix.lower() != ".tsv" else ","
    rows = _rows(path, delimiter)
    _, first = next(rows)
    line, second = next(rows, (0, None))
    if not _is_header(first, second):
        return _Layout(delimiter, [f"x{j + 1}" for j in range(len(first))], 0, named=False)
    if second is None:
        raise InputError(f"{path}: there are no rows of numbers in this table, only the header {', '.join(first)}")
    return _Layout(delimiter, [name.strip() for name in first], line - 1, named=True)


def _is_header(first: list[str], second: list[str] | None) -> bool:
    """A first row of names only, or one whose text stands over a number."""
    texts = [j for j, cell in enumerate(first) if not _is_number(cell) and cell.strip().lower() not in _MISSING]
    if not texts:
        return False
    if second is None or not any(_is_number(cell) for cell in first):
        return True
    return any(j < len(second) and _is_number(second[j]) for j in texts)


def _explain(path: Path, layout: _Layout, wanted: list[int], fallback: str) -> InputError:
    """Read the file once more, slowly, and say what is wrong with it, where."""
    found = [_Column() for _ in layout.names]
    for line, row in _rows(path, layout.delimiter):
        if line <= layout.first_line:
            continue
        if len(row) != len(layout.names):
            return InputError(f"{path}: line {line} has {len(row)} cells, expected {len(layout.names)}; mend that line")
        for column, cell in zip(found, row, strict=True):
            if _is_number(cell) and np.isfinite(float(cell)):
                column.numbers += 1
            elif _is_number(cell) or cell.strip().lower() in _MISSING:
                column.holes.append(line)
            elif column.text is None:
                column.text = (cell, line)
    for j in wanted:
        text = found[j].text
        if text is not None:
            usable = [layout.names[i] for i in wanted if found[i].text is None]
            advice = f"keep the numeric columns: --columns {','.join(usable)}" if usable else "numbers are needed"
            return InputError(
                f"{path}: column {layout.names[j]!r} must hold numbers, line {text[1]} has {text[0]!r}; {advice} "
                "(columns=[...] in Python)"
            )
    holes = [f"column {layout.names[j]!r} {_lines(found[j].holes)}" for j in wanted if found[j].holes]
    if holes:
        return InputError(
            f"{path}: every cell must be a finite number; empty, NaN or infinite in {'; '.join(holes)}; "
            "drop or fill these rows"
        )
    return InputError(f"{path}: not a table of numbers ({fallback})")


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:5]))
    return (
        f"on line {shown}" if len(lines) == 1 else f"on {len(lines)} lines: {shown}{', ...' if len(lines) > 5 else ''}"
    )


def _rows(path: Path, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they end on, comments and empty lines left out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if delimiter is None:
            for line, text in enumerate(file, start=1):
                if _is_row(text):
                    yield line, text.split("#")[0].split()
            return
        reader = csv.reader(file, delimiter=delimiter)
        for row in reader:
            if _is_row("".join(row)):
                yield reader.line_num, row


def _is_row(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith("#")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def text_writer(delimiter: str) -> Callable[[BinaryIO, list[np.ndarray], list[str]], None]:
    """A function that writes named columns as text with that delimiter."""

    def write(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*(part.tolist() for part in parts), strict=True))  # repr: floats come back exactly
        text.flush()
        text.detach()

    return write
