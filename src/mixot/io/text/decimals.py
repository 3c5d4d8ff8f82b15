"""How numbers are written in a table of text: which mark stands before the decimals, which between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mixot.io.text.gaps import is_missing

_EXPONENT = r"(?:[eE][+-]?\d+)?\s*"
_POINT = re.compile(rf"\s*[+-]?(?:\d+\.\d*|\.\d+){_EXPONENT}")
_COMMA = re.compile(rf"\s*[+-]?(?:\d+,\d*|,\d+){_EXPONENT}")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
NOTE = "decimals are written with commas, and read so"
_INFINITE = {"inf", "-inf", "+inf"}
_BLANKS = " \u00a0\u2009\u202f"
_NAMES = {" ": "blanks", ".": "points", ",": "commas", "'": "apostrophes"}
# A number with marks between thousands, and perhaps decimals behind another mark; 1'234.5, 1 234,56, 1.234.567.
_MARKED = re.compile(
    rf"\s*[+-]?[1-9]\d{{0,2}}(?P<mark>[,.'\u2019{_BLANKS}])\d{{3}}(?:(?P=mark)\d{{3}})*(?:(?P<point>[.,])\d*)?\s*"
)


@dataclass(frozen=True)
class Style:
    """How the numbers of a table are written: ``point`` stands before decimals, ``mark`` between thousands."""

    point: str = "."
    mark: str = ""

    @property
    def note(self) -> str:
        """What is said of a table that is read so."""
        if not self.mark:
            return NOTE
        behind = "" if self.point == "." else ", decimals behind commas"
        return f"numbers are written with {_NAMES[self.mark]} between thousands{behind}, and read so"

    def plain(self, cells: list[str]) -> list[str]:
        """The cells, their numbers written as Python writes them."""
        return [self._number(cell) for cell in cells]

    def _number(self, cell: str) -> str:
        found = _MARKED.fullmatch(cell) if self.mark else None
        if found and _kind(found["mark"]) == self.mark and found["point"] in (None, self.point):
            return cell.replace(found["mark"], "").replace(",", ".").strip(_BLANKS)
        if self.point == "," and _COMMA.fullmatch(cell):
            return cell.replace(",", ".")
        return cell


def has_commas(rows: Iterable[list[str]]) -> bool:
    """Return whether numbers in these cells have decimals behind a comma, and can be read in no other way.

    One must not look like thousands, as ``1,234`` does, and none may have a decimal point.

    Examples
    --------
    >>> [has_commas([row]) for row in (["1,5", "2"], ["1,234", "2"], ["1,5", "2.5"], ["1,234", "0,234"])]
    [True, False, False, True]
    """
    found = style_of(rows)
    return found is not None and found.point == ","


def style_of(rows: Iterable[list[str]]) -> Style | None:
    """Return how numbers are written in these cells where it is not as Python does, and in one way only.

    What is proof: marks between thousands and before decimals in one number (``1.234,5``), the same mark twice
    (``1,234,567``), a comma that can only stand before decimals (``1,5``), an apostrophe or a blank between thousands.
    ``1,234`` alone, and ``1.5`` beside ``1,5``, are none. Columns with text prove nothing.

    Examples
    --------
    >>> [style_of([row]) for row in (["1.234,5", "1.234"], ["1,234"], ["1'234.5"], ["1,234,567", "2,345"])]
    [Style(point=',', mark='.'), None, Style(point='.', mark="'"), Style(point='.', mark=',')]
    """
    shown: list[set[str] | None] = []  # what each column shows; None where it holds text
    for row, cells in enumerate(rows):
        shown += [set() for _ in range(len(cells) - len(shown))]
        for j, cell in enumerate(cells):
            held = shown[j]
            if held is None or cell.isdigit():
                continue
            found = _signs(cell)
            if found is not None:
                held |= found
            elif (
                row and not is_missing(cell) and cell.strip().lower() not in _INFINITE
            ):  # text in the first row may be a name
                shown[j] = None
    return _style(set().union(*(held for held in shown if held)))


def _signs(cell: str) -> set[str] | None:
    """What a cell shows of how numbers are written; None of text."""
    if _WHOLE.fullmatch(cell):
        return set()
    marked = _MARKED.fullmatch(cell)
    if marked:
        mark, point = _kind(marked["mark"]), marked["point"]
        if point == marked["mark"]:
            return None
        once = cell.count(marked["mark"]) == 1 and point is None
        if mark in ".," and once:
            return {f"perhaps {mark}"}
        return {f"mark {mark}"} | ({f"point {point}"} if point else set())
    if _POINT.fullmatch(cell):
        return {"point ."}
    return {"point ,"} if _COMMA.fullmatch(cell) else None


def _style(signs: set[str]) -> Style | None:
    """The one way of writing that all signs fit; None where there is none, or it is that of Python."""
    marks = [sign[-1] for sign in signs if sign.startswith("mark")]
    points = [sign[-1] for sign in signs if sign.startswith("point")]
    if len(marks) > 1 or len(points) > 1 or not (marks or "," in points):
        return None
    mark = marks[0] if marks else ""
    point = points[0] if points else ("," if mark == "." else ".")
    for other in ".,":  # 1.234 and 1,234 are known where their mark is one of the two, as others show
        if f"perhaps {other}" in signs and other not in (mark, *points):
            return None
    return Style(point, mark) if mark != point else None


def _kind(mark: str) -> str:
    """One mark for all apostrophes, and one for all blanks."""
    return " " if mark in _BLANKS else "'" if mark == "\u2019" else mark


def are_numbers(cells: Iterable[str]) -> bool:
    """Return whether all of these cells are whole numbers, or have commas or marks as numbers do."""
    return all(_WHOLE.fullmatch(cell) or _COMMA.fullmatch(cell) or _MARKED.fullmatch(cell) for cell in cells)
