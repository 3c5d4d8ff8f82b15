"""The cells of each row of a text, and the line that it begins on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any

from mixot.io.contents import Content
from mixot.io.text.decimals import Style
from mixot.io.text.gaps import begins_with_failure

_CELL = re.compile(r'"(?:[^"]|"")*"(?!\S)|\S+')


@dataclass(frozen=True, eq=False)
class Text:
    """The letters of a table."""

    content: Content
    encoding: str

    def __str__(self) -> str:
        return str(self.content)

    def open(self, *, newline: str | None = "") -> TextIOWrapper:
        """The text; the csv module finds the ends of lines itself."""
        stored: Any = self.content.open()  # buffered, which is all that is needed
        return TextIOWrapper(stored, encoding=self.encoding, newline=newline)


class Rows:
    """The cells of each row and the line that it begins on; empty lines and lines of comment are left out.

    A line is looked at only where a row begins: inside quotes a # or an empty line is text like any other.
    """

    def __init__(
        self, file: Any, delimiter: str | None, width: int | None = None, *, style: Style | None = None
    ) -> None:
        self.line = 0  # that the row begins on
        self.text = ""  # of the row, as it stands in the file
        self.comments: list[tuple[int, str]] = []
        self._delimiter, self._width, self._begins, self._style = delimiter, width, True, style
        lines = self._lines(file)
        # strict: a quote that is never closed, or closed inside a cell, is damage and not a cell
        self._cells = map(_split, lines) if delimiter is None else csv.reader(lines, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in self._cells:
                self._begins = True
                yield self.line, self._style.plain(cells) if self._style else cells
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
                if bare.startswith("#") and not self._is_row(bare):
                    self.comments.append((number, bare))
                    continue
                self.line, self.text, self._begins = number, text, False
            yield text

    def _is_row(self, line: str) -> bool:
        """Whether a line that starts with # is a row: of the labels of rows, or with #N/A and the like in front."""
        return self._width == width_of(line, self._delimiter) or begins_with_failure(line, self._delimiter)


def width_of(text: str, delimiter: str | None) -> int:
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


def is_quoted(text: str, delimiter: str | None) -> bool:
    """Whether every cell of a row stands in quotes."""
    between = r"\s+" if delimiter is None else re.escape(delimiter)
    return re.fullmatch(rf'"[^"]*"(?:{between}"[^"]*")*', text.strip()) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number as Python writes one, without marks between digits."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
