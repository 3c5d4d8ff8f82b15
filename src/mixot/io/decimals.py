"""Which mark stands before the decimals in a table of text."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EXPONENT = r"(?:[eE][+-]?\d+)?\s*"
_POINT = re.compile(rf"\s*[+-]?(?:\d+\.\d*|\.\d+){_EXPONENT}")
_COMMA = re.compile(rf"\s*[+-]?(?:\d+,\d*|,\d+){_EXPONENT}")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")  # 1,234 may be either
NOTE = "decimals are written with commas, and read so"


def has_commas(rows: Iterable[list[str]]) -> bool:
    """Return whether numbers in these cells have decimals behind a comma, and can be read in no other way.

    One must not look like thousands, as ``1,234`` does, and none may have a decimal point.

    Examples
    --------
    >>> [has_commas([row]) for row in (["1,5", "2"], ["1,234", "2"], ["1,5", "2.5"], ["1,234", "0,234"])]
    [True, False, False, True]
    """
    found = False
    for cells in rows:
        for cell in cells:
            if _POINT.fullmatch(cell):
                return False
            found = found or bool(_COMMA.fullmatch(cell) and not _THOUSANDS.fullmatch(cell))
    return found


def are_numbers(cells: Iterable[str]) -> bool:
    """Return whether all of these cells are whole numbers or have decimals behind a comma."""
    return all(_WHOLE.fullmatch(cell) or _COMMA.fullmatch(cell) for cell in cells)


def with_points(cells: list[str]) -> list[str]:
    """The cells, with points for the commas of numbers."""
    return [cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell for cell in cells]
