"""How the numbers stand in a text: what parts the cells, whether there is a header, how numbers are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from mixot.errors import InputError
from mixot.io.columns import listed, pick, shortened
from mixot.io.text.decimals import Style, are_numbers, style_of
from mixot.io.text.gaps import is_missing
from mixot.io.text.rows import Rows, Text, is_number, is_quoted

_LONGEST = 1000  # lines that a quoted name in the header may go over


@dataclass(frozen=True)
class Layout:
    """How the numbers stand in a text file."""

    delimiter: str | None  # None: blanks
    names: list[str]
    named: bool
    labelled: bool  # the first column holds text, so a row may begin with #
    style: Style | None = None  # of numbers that Python does not read
    notes: tuple[str, ...] = ()

    def rows(self, file: Any) -> Rows:
        """The rows of an open file, the header left out."""
        rows = Rows(file, self.delimiter, len(self.names) if self.labelled else None, style=self.style)
        if self.named:
            next(iter(rows))
        return rows


def layout_of(path: Text, header: bool | None, style: Style | None = None) -> Layout:
    """Find the delimiter, whether the first row is a header, and what the first column holds."""
    with path.open() as file:
        delimiter = _delimiter(_head(file, path), path)
    first, second, quoted = _first_rows(path, delimiter)
    if delimiter is None and second is not None and len(second) == 1:  # the blanks are those of one name
        delimiter = ","
        first, second, quoted = _first_rows(path, delimiter)
    if style is None and delimiter != "," and _has_commas(path):
        style = style_in(path, delimiter)
    numbers, second = (row if row is None or not style else style.plain(row) for row in (first, second))
    assert numbers is not None
    named, notes = (header, ()) if header is not None else _is_header(numbers, second, quoted)
    body = second if named else numbers
    if body is None:
        raise InputError(f"{path}: there are no rows of numbers in this table, only the header {listed(first)}")
    names = [name.strip() for name in first] if named else [f"x{j + 1}" for j in range(len(first))]
    notes = (*notes, style.note) if style else notes
    return Layout(delimiter, names, named, not (is_number(body[0]) or is_missing(body[0])), style, notes)


def wanted_of(text: Text, layout: Layout, columns: Sequence[str] | None) -> list[int]:
    """The places of the columns that are asked for; else of all, but those that hold the labels of rows."""
    if columns:
        return pick(layout.names, columns, text)
    return [j for j, name in enumerate(layout.names) if not layout.named or name.strip()]


def _has_commas(path: Text) -> bool:
    with path.content.open() as file:
        return any(b"," in chunk for chunk in iter(lambda: file.read(1 << 20), b""))


def style_in(path: Text, delimiter: str | None) -> Style | None:
    """How numbers are written, where it is not as Python does and can be nothing else."""
    with path.open() as file:
        style = style_of(cells for _, cells in Rows(file, delimiter))
    # Where commas part cells, one in quotes is none before decimals, and 1 234,5 would be two cells.
    return None if style and delimiter == "," and (style.point == "," or style.mark == " ") else style


def _first_rows(path: Text, delimiter: str | None) -> tuple[list[str], list[str] | None, bool]:
    """The first two rows (of one, None is the second), and whether only the first has all its cells in quotes."""
    with path.open() as file:
        rows = Rows(file, delimiter)
        at = iter(rows)
        (_, first), raw = next(at), rows.text
        second = next((cells for _, cells in at), None)
        quoted = second is not None and is_quoted(raw, delimiter) and not is_quoted(rows.text, delimiter)
    return first, second, quoted


def _head(file: Any, path: Text) -> str:
    """The first row as it stands in the file, with all lines of a name in quotes."""
    lines = (line for line in file if line.strip() and not line.lstrip().startswith("#"))
    head = next(lines, None)
    if head is None:
        raise InputError(f"{path}: there are no rows of numbers in this table")
    for line in islice(file, _LONGEST):
        if head.count('"') % 2 == 0:
            break
        head += line
    if "\0" in head:
        raise InputError(f"{path}: not a text file; export the table again as CSV (UTF-8)")
    return head


def _delimiter(head: str, path: Text) -> str | None:
    if path.content.suffix == ".tsv":
        return "\t"
    bare = re.sub(r'"[^"]*"', "q", head).strip("\r\n")
    delimiter = max(";\t|,", key=bare.count)
    if delimiter == ",":  # before decimals there may be more of them than of what parts the cells
        delimiter = next((mark for mark in ";\t|" if mark in bare and are_numbers(bare.split(mark))), delimiter)
    return delimiter if delimiter in bare or not re.search(r"\S\s+\S", bare) else None


def _is_header(first: list[str], second: list[str] | None, quoted: bool) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row holds names, and what has to be said about it where it could be read in two ways.

    It does where it has names only, where text stands over a number, or where it alone is in quotes.
    """
    numbers = [cell.strip() for cell in first if is_number(cell)]
    texts = [j for j, cell in enumerate(first) if not is_number(cell) and not is_missing(cell)]
    if quoted and not texts and numbers:
        return True, ()
    if not texts:
        if not _could_be_names(numbers, second):
            return False, ()
        return False, (
            f"the first row is numbers ({listed(numbers, 4)}) and is read as data, not as names; if these are "
            "names, put them into quotes or give header=True in Python",
        )
    if second is None or not numbers:
        return True, ()
    if not any(j < len(second) and is_number(second[j]) for j in texts):
        return False, ()
    return True, (
        f"the first row holds text ({shortened(first[texts[0]].strip())!r}) and numbers ({listed(numbers, 4)}) and is "
        "read as names, not as data; if it is data, mend its text or give header=False in Python",
    )


def _could_be_names(cells: list[str], second: list[str] | None) -> bool:
    """Whether whole numbers in the first row look like names: years, 0 1 2, or whole over decimal numbers."""
    if not cells or second is None or not all(re.fullmatch(r"\d{1,9}", cell) for cell in cells):
        return False
    values = [int(cell) for cell in cells]
    if any(is_number(cell) and not re.fullmatch(r"\s*[+-]?\d+\s*", cell) for cell in second):
        return len(set(values)) == len(values)
    rising = len(values) > 1 and all(a < b for a, b in pairwise(values))
    years = all(1500 <= value <= 2200 for value in values)
    return rising or (years and not all(is_number(cell) and 1500 <= float(cell) <= 2200 for cell in second))
