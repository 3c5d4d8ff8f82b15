"""Tables as text: the layout is found out, the csv module parses, and what is refused is named by its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mixot._checks import is_rounded
from mixot.errors import InputError
from mixot.io.columns import Table, listed, pick, shortened
from mixot.io.decimals import NOTE, are_numbers, has_commas, with_points

_MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
_BLOCK = 4096  # rows that are held as text at a time
_WHOLE = 2.0**53  # float64 holds all whole numbers up to here
_LONGEST = 1000  # lines that a quoted name in the header may go over


@dataclass(frozen=True)
class _Layout:
    """How the numbers stand in a text file."""

    delimiter: str | None  # None: blanks
    names: list[str]
    named: bool
    labelled: bool  # the first column holds text, so a row may begin with #
    commas: bool = False  # before decimals
    notes: tuple[str, ...] = ()

    def rows(self, file: Any) -> _Rows:
        """The rows of an open file, the header left out."""
        rows = _Rows(file, self.delimiter, len(self.names) if self.labelled else None, commas=self.commas)
        if self.named:
            next(iter(rows))
        return rows


@dataclass
class _Column:
    """What `_explain` found in one column."""

    text: tuple[str, int] | None = None  # the first text and its line
    rounded: tuple[str, int] | None = None  # the first whole number that float64 would round, and its line
    numbers: int = 0
    holes: list[int] = field(default_factory=list)


class _Rows:
    """The cells of each row and the line that it begins on; empty lines and lines of comment are left out.

    A line is looked at only where a row begins: inside quotes a # or an empty line is text like any other.
    """

    def __init__(self, file: Any, delimiter: str | None, width: int | None = None, *, commas: bool = False) -> None:
        self.line = 0  # that the row begins on
        self.text = ""  # of the row, as it stands in the file
        self.comments: list[tuple[int, str]] = []
        self._delimiter, self._width, self._begins, self._commas = delimiter, width, True, commas
        lines = self._lines(file)
        # strict: a quote that is never closed, or closed inside a cell, is damage and not a cell
        self._cells = map(_split, lines) if delimiter is None else csv.reader(lines, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in self._cells:
                self._begins = True
                yield self.line, with_points(cells) if self._commas else cells
        except csv.Error as damage:
            raise csv.Error(f"from line {self.line} on: {damage}; a quote that is not closed?") from damage

    def _lines(self, file: Any) -> Iterator[str]:
        for number, text in enumerate(file, start=1):
            if not self._begins:
                self.text += text
            else:
                bare = text.strip(" \r\n" if self._delimiter else None)
                if not bare:
                    continue
                if bare.startswith("#") and self._width != _width(bare, self._delimiter):
                    self.comments.append((number, bare))
                    continue
                self.line, self.text, self._begins = number, text, False
            yield text


def read_text(path: Path, columns: Sequence[str] | None, header: bool | None = None) -> Table:
    """The table in a text file; see `mixot.io.tables.read_table`."""
    try:
        layout = _layout(path, header)
        labels = [j for j, name in enumerate(layout.names) if layout.named and not name.strip()]
        wanted = (
            pick(layout.names, columns, path) if columns else [j for j in range(len(layout.names)) if j not in labels]
        )
        values, comments = _plain(path, layout, wanted), []
        if values is None:
            with _opened(path) as file:
                rows = layout.rows(file)
                values, comments = _parse(path, layout, rows, wanted), rows.comments
    except UnicodeDecodeError as binary:
        raise InputError(f"{path}: not a text file in UTF-8; export the table again as CSV (UTF-8)") from binary
    except csv.Error as damage:
        raise InputError(f"{path}: not a table that can be read, {damage} Export it again as CSV") from damage
    notes = (*layout.notes, *_commented(comments, layout))
    return Table(tuple(layout.names[j] for j in wanted), values, named=layout.named, notes=notes)


def _opened(path: Path) -> Any:
    return path.open(encoding="utf-8-sig", newline="")  # the csv module finds the ends of lines itself


def _parse(path: Path, layout: _Layout, rows: _Rows, wanted: list[int]) -> np.ndarray:
    """Numbers of the wanted columns, (n, d), each the float64 next to what is written."""
    blocks, width, at = [], len(layout.names), iter(rows)
    while block := [cells for _, cells in islice(at, _BLOCK)]:
        if any(len(cells) != width for cells in block):
            raise _explain(path, layout, wanted)
        flat = list(chain.from_iterable([cells[j] for j in wanted] for cells in block))
        try:
            numbers = np.array(list(map(float, flat)), dtype=np.float64)
        except ValueError:
            raise _explain(path, layout, wanted) from None
        if not np.isfinite(numbers).all() or "_" in "".join(flat):  # float would take 1_000
            raise _explain(path, layout, wanted)
        if (np.abs(numbers) >= _WHOLE).any() and any(map(_is_rounded, flat)):
            raise _explain(path, layout, wanted)
        blocks.append(numbers.reshape(len(block), len(wanted)))
    return np.concatenate(blocks) if blocks else np.empty((0, len(wanted)))


def _plain(path: Path, layout: _Layout, wanted: list[int]) -> np.ndarray | None:
    """The same by NumPy, in half the time, where nothing in the file can be read in two ways; None where it cannot.

    That is: there are no quotes and no #.
    """
    if layout.commas:
        return None
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if b'"' in chunk or b"#" in chunk:
                return None
    whole = wanted == list(range(len(layout.names)))
    if not whole and layout.delimiter is None:
        return None
    with path.open(encoding="utf-8-sig") as file:
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
    exact = (np.abs(values) < _WHOLE).all()  # also false where one is not finite
    return values if exact and values.shape[1] == len(wanted) else None


def _counted(file: Any, delimiter: str, width: int) -> Iterator[str]:
    """The lines of a file, each of so many cells; NumPy does not see that a row is too long where it takes a part."""
    for line in file:
        if line.count(delimiter) != width - 1 and line.strip():
            raise ValueError
        yield line


def _layout(path: Path, header: bool | None) -> _Layout:
    """Find the delimiter, whether the first row is a header, and what the first column holds."""
    with _opened(path) as file:
        delimiter = _delimiter(_head(file, path), path)
    first, second, quoted = _first_rows(path, delimiter)
    if delimiter is None and second is not None and len(second) == 1:  # the blanks are those of one name
        delimiter = ","
        first, second, quoted = _first_rows(path, delimiter)
    commas = delimiter != "," and _has_commas(path, delimiter)
    numbers, second = (row if row is None or not commas else with_points(row) for row in (first, second))
    assert numbers is not None
    named, notes = (header, ()) if header is not None else _is_header(numbers, second, quoted)
    body = second if named else numbers
    if body is None:
        raise InputError(f"{path}: there are no rows of numbers in this table, only the header {listed(first)}")
    names = [name.strip() for name in first] if named else [f"x{j + 1}" for j in range(len(first))]
    notes = (*notes, NOTE) if commas else notes
    return _Layout(delimiter, names, named, not (_is_number(body[0]) or _is_missing(body[0])), commas, notes)


def _has_commas(path: Path, delimiter: str | None) -> bool:
    """Whether decimals stand behind commas in a file whose cells something else parts."""
    with path.open("rb") as file:
        if not any(b"," in chunk for chunk in iter(lambda: file.read(1 << 20), b"")):
            return False
    with _opened(path) as file:
        return has_commas(cells for _, cells in _Rows(file, delimiter))


def _first_rows(path: Path, delimiter: str | None) -> tuple[list[str], list[str] | None, bool]:
    """The first two rows (of one, None is the second), and whether only the first has all its cells in quotes."""
    with _opened(path) as file:
        rows = _Rows(file, delimiter)
        at = iter(rows)
        (_, first), raw = next(at), rows.text
        second = next((cells for _, cells in at), None)
        quoted = second is not None and _is_quoted(raw, delimiter) and not _is_quoted(rows.text, delimiter)
    return first, second, quoted


def _head(file: Any, path: Path) -> str:
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


def _delimiter(head: str, path: Path) -> str | None:
    if path.suffix.lower() == ".tsv":
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
    numbers = [cell.strip() for cell in first if _is_number(cell)]
    texts = [j for j, cell in enumerate(first) if not _is_number(cell) and not _is_missing(cell)]
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
    if not any(j < len(second) and _is_number(second[j]) for j in texts):
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
    if any(_is_number(cell) and not re.fullmatch(r"\s*[+-]?\d+\s*", cell) for cell in second):
        return len(set(values)) == len(values)
    rising = len(values) > 1 and all(a < b for a, b in pairwise(values))
    years = all(1500 <= value <= 2200 for value in values)
    return rising or (years and not all(_is_number(cell) and 1500 <= float(cell) <= 2200 for cell in second))


def _explain(path: Path, layout: _Layout, wanted: list[int]) -> InputError:
    """Read the file once more and say what is wrong with it, where."""
    found = [_Column() for _ in layout.names]
    with _opened(path) as file:
        for line, row in layout.rows(file):
            if len(row) != len(layout.names):
                return InputError(
                    f"{path}: line {line} has {len(row)} cells, expected {len(layout.names)}; mend that line"
                )
            for column, cell in zip(found, row, strict=True):
                if _is_number(cell) and np.isfinite(float(cell)):
                    column.numbers += 1
                    if column.rounded is None and _is_rounded(cell):
                        column.rounded = (cell, line)
                elif _is_number(cell) or _is_missing(cell):
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
    return InputError(
        f"{path}: every cell must be a finite number; empty, NaN or infinite in {'; '.join(holes)}; "
        "drop or fill these rows"
    )


def _is_rounded(cell: str) -> bool:
    """Whether a cell is a whole number in digits alone that float64 does not hold."""
    return bool(re.fullmatch(r"\s*[+-]?[0-9]{16,}\s*", cell)) and is_rounded(int(cell))


def _remark(cell: str) -> str:
    """What a person may have meant by a cell that is no number."""
    if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) and not re.fullmatch(r"\s*[+-]?\d{1,3}(,\d{3})+\s*", cell):
        return " (write decimals with a point)"
    if re.fullmatch(r"\s*[+-]?\d{1,3}([,_'. \u00a0\u202f]\d{3})+([.,]\d*)?\s*", cell):
        return " (write numbers without marks between thousands)"
    return " (only whole lines are comments)" if re.match(r"\s*[-+.\d]+\s*#", cell) else ""


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:5]))
    return (
        f"on line {shown}" if len(lines) == 1 else f"on {len(lines)} lines: {shown}{', ...' if len(lines) > 5 else ''}"
    )


def _commented(comments: list[tuple[int, str]], layout: _Layout) -> tuple[str, ...]:
    """A note on lines of comment that have as many cells as a row: they may have been meant as rows."""
    width = len(layout.names)
    like = [
        line for line, text in comments if layout.delimiter and width > 1 and _width(text, layout.delimiter) == width
    ]
    if not like:
        return ()
    return (f"text that begins with # is a comment, although it has as many cells as a row, {_lines(like)}",)


def _width(text: str, delimiter: str | None) -> int:
    """Number of cells in a line; 0 where blanks part them, as they part the words of a comment."""
    if delimiter is None:
        return 0
    try:
        return len(next(csv.reader([text], delimiter=delimiter)))
    except csv.Error:
        return 0


def _split(text: str) -> list[str]:
    """Cells that blanks part, those in quotes whole."""
    if '"' not in text:
        return text.split()
    return [cell[1:-1].replace('""', '"') if cell[0] == '"' else cell for cell in re.findall(_CELL, text)]


_CELL = re.compile(r'"(?:[^"]|"")*"(?!\S)|\S+')


def _is_quoted(text: str, delimiter: str | None) -> bool:
    """Whether every cell of a row stands in quotes."""
    between = r"\s+" if delimiter is None else re.escape(delimiter)
    return re.fullmatch(rf'"[^"]*"(?:{between}"[^"]*")*', text.strip()) is not None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


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
