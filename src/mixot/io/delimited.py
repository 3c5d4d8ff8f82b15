"""Tables as text: the layout is found out, the csv module parses, and what is refused is named by its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from itertools import chain, islice
from typing import BinaryIO

import numpy as np

from mixot._checks import is_rounded
from mixot.errors import InputError
from mixot.io.columns import Table, advice_on, shortened
from mixot.io.contents import Content
from mixot.io.text.encodings import encoding_of, other_than_utf_8
from mixot.io.text.gaps import is_missing
from mixot.io.text.layout import Layout, layout_of, style_in, wanted_of
from mixot.io.text.parsers import WHOLE, parsed_by_libraries
from mixot.io.text.rows import Rows, Text, is_number, width_of

_BLOCK = 4096  # rows that are held as text at a time


def read_text(
    content: Content, columns: Sequence[str] | None, header: bool | None = None, missing: str = "error"
) -> Table:
    """The table in a text file; see `mixot.io.tables.read_table`."""
    encoding, notes = encoding_of(content)
    try:
        try:
            table = _read(Text(content, encoding), columns, header, missing)
        except UnicodeDecodeError:
            encoding, notes = other_than_utf_8(content)
            table = _read(Text(content, encoding), columns, header, missing)
    except UnicodeDecodeError as binary:
        raise InputError(f"{content}: not a text file in {encoding}; export the table again as CSV (UTF-8)") from binary
    except csv.Error as damage:
        raise InputError(f"{content}: not a table that can be read, {damage} Export it again as CSV") from damage
    return replace(table, notes=(*notes, *table.notes))


def _read(text: Text, columns: Sequence[str] | None, header: bool | None, missing: str) -> Table:
    layout = layout_of(text, header)
    wanted = wanted_of(text, layout, columns)
    values, comments = parsed_by_libraries(text, layout, wanted), []
    if values is None:
        try:
            values, comments = _parse(text, layout, wanted, missing)
        except InputError:
            # Marks between thousands are looked for only where numbers cannot be read without.
            style = None if layout.style else style_in(text, layout.delimiter)
            if style is None:
                raise
            layout = layout_of(text, header, style)
            values, comments = _parse(text, layout, wanted_of(text, layout, columns), missing)
    notes = (*layout.notes, *_commented(comments, layout))
    return Table(tuple(layout.names[j] for j in wanted), values, named=layout.named, notes=notes)


def _parse(path: Text, layout: Layout, wanted: list[int], missing: str) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Numbers of the wanted columns, (n, d), each the float64 next to what is written; and the lines of comment."""
    with path.open() as file:
        rows = layout.rows(file)
        return _numbers(path, layout, rows, wanted, missing), rows.comments


def _numbers(path: Text, layout: Layout, rows: Rows, wanted: list[int], missing: str) -> np.ndarray:
    gaps = missing == "ignore"
    blocks, width, at = [], len(layout.names), iter(rows)
    while block := [cells for _, cells in islice(at, _BLOCK)]:
        if any(len(cells) != width for cells in block):
            raise _explain(path, layout, wanted, missing)
        flat = list(chain.from_iterable([cells[j] for j in wanted] for cells in block))
        try:
            numbers = np.array(list(map(_or_gap if gaps else float, flat)), dtype=np.float64)
        except ValueError:
            raise _explain(path, layout, wanted, missing) from None
        if not (~np.isinf(numbers) if gaps else np.isfinite(numbers)).all() or "_" in "".join(
            flat
        ):  # float would take 1_000
            raise _explain(path, layout, wanted, missing)
        if (np.abs(numbers) >= WHOLE).any() and any(map(_is_rounded, flat)):
            raise _explain(path, layout, wanted, missing)
        blocks.append(numbers.reshape(len(block), len(wanted)))
    return np.concatenate(blocks) if blocks else np.empty((0, len(wanted)))


def _or_gap(cell: str) -> float:
    """The number in a cell, NaN where it says that there is none."""
    return np.nan if is_missing(cell) else float(cell)


@dataclass
class _Column:
    """What `_explain` found in one column."""

    text: tuple[str, int] | None = None  # the first text and its line
    rounded: tuple[str, int] | None = None  # the first whole number that float64 would round, and its line
    numbers: int = 0
    holes: list[int] = field(default_factory=list)


def _explain(path: Text, layout: Layout, wanted: list[int], missing: str) -> InputError:
    """Read the file once more and say what is wrong with it, where."""
    found = [_Column() for _ in layout.names]
    with path.open() as file:
        for line, row in layout.rows(file):
            if len(row) != len(layout.names):
                return InputError(
                    f"{path}: line {line} has {len(row)} cells, expected {len(layout.names)}; mend that line"
                )
            for column, cell in zip(found, row, strict=True):
                if is_number(cell) and np.isfinite(float(cell)):
                    column.numbers += 1
                    if column.rounded is None and _is_rounded(cell):
                        column.rounded = (cell, line)
                elif is_missing(cell) and missing == "ignore":
                    continue
                elif is_number(cell) or is_missing(cell):
                    column.holes.append(line)
                elif column.text is None:
                    column.text = (cell, line)
    for j in wanted:
        text = found[j].text
        if text is not None:
            usable = [layout.names[i] for i in wanted if found[i].text is None]
            advice = (
                f"keep the numeric columns: --columns {shortened(','.join(usable), 500)}"
                if usable
                else "numbers are needed"
            )
            return InputError(
                f"{path}: column {shortened(layout.names[j])!r} must hold numbers, line {text[1]} has "
                f"{shortened(text[0])!r}"
                f"{_remark(text[0])}; {advice} (columns=[...] in Python)"
            )
    for j in wanted:
        whole = found[j].rounded
        if whole is not None:
            return InputError(
                f"{path}: column {shortened(layout.names[j])!r}, line {whole[1]} has the whole number "
                f"{shortened(whole[0].strip())}, which float64 would round; leave that column out if it holds "
                "identifiers (--columns, or columns=[...] in Python), or give it a decimal point to have it rounded"
            )
    lost = [j for j in wanted if found[j].holes]
    holes = [f"column {shortened(layout.names[j])!r} {_lines(found[j].holes)}" for j in lost[:5]]
    holes += [f"{len(lost) - 5} more columns"] if len(lost) > 5 else []
    if missing == "ignore":
        return InputError(f"{path}: numbers must be finite, or missing; infinite in {'; '.join(holes)}")
    return InputError(
        f"{path}: every cell must be a finite number; empty, NaN or infinite in {'; '.join(holes)}; "
        + advice_on([layout.names[j] for j in lost if not found[j].numbers and len(found[j].holes) > 1], "these rows")
    )


def _is_rounded(cell: str) -> bool:
    """Whether a cell is a whole number in digits alone that float64 does not hold."""
    return bool(re.fullmatch(r"\s*[+-]?[0-9]{16,}\s*", cell)) and is_rounded(int(cell))


def _remark(cell: str) -> str:
    """What a person may have meant by a cell that is no number."""
    if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) and not re.fullmatch(r"\s*[+-]?\d{1,3}(,\d{3})+\s*", cell):
        return " (write decimals with a point)"
    if re.fullmatch(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*", cell):
        bare = cell.strip()
        return f" ({bare.replace(',', '')} or {bare.replace(',', '.')}? write numbers without marks between thousands)"
    if re.fullmatch(r"\s*[+-]?\d{1,3}([,_'. \u00a0\u202f]\d{3})+([.,]\d*)?\s*", cell):
        return " (write numbers without marks between thousands)"
    return " (only whole lines are comments)" if re.match(r"\s*[-+.\d]+\s*#", cell) else ""


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:5]))
    return (
        f"on line {shown}" if len(lines) == 1 else f"on {len(lines)} lines: {shown}{', ...' if len(lines) > 5 else ''}"
    )


def _commented(comments: list[tuple[int, str]], layout: Layout) -> tuple[str, ...]:
    """A note on lines of comment that have as many cells as a row: they may have been meant as rows."""
    width = len(layout.names)
    like = [
        line for line, text in comments if layout.delimiter and width > 1 and width_of(text, layout.delimiter) == width
    ]
    if not like:
        return ()
    return (f"text that begins with # is a comment, although it has as many cells as a row, {_lines(like)}",)


def text_writer(delimiter: str) -> Callable[[BinaryIO, list[np.ndarray], list[str]], None]:
    """A function that writes named columns as text with that delimiter."""

    def write(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*(part.tolist() for part in parts), strict=True))  # repr: floats come back exactly
        text.flush()
        text.detach()

    return write
