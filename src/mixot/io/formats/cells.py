"""Columns of Python values as a table of numbers; what is none is named by its place."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from mixot._checks import is_rounded
from mixot.errors import InputError
from mixot.io.columns import LET_IN, Table, listed, shortened
from mixot.io.text.gaps import is_missing

_DATES = (datetime.date, datetime.time, datetime.timedelta)
_NUMBERS = (float, int, Decimal, np.floating, np.integer, np.bool_)  # bool is an int


def table_of(
    place: object,
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
    where: Callable[[int, int], str],
    *,
    named: bool = True,
    hole: str = "empty",
    missing: str = "error",
    notes: tuple[str, ...] = (),
) -> Table:
    """A table of these columns, all of one length, in which holes are refused, or let in as NaN.

    Holes, which messages call ``hole``, are None, NaN, empty texts and those that stand for nothing, such as NA.
    ``where`` tells the place of a row, counted from 0, and of a column in words; ``named`` and ``notes`` are those of
    the `Table`, ``place`` is what messages call the file.

    Raises
    ------
    InputError
        Where a column holds text, dates or anything else that is no number, a whole number that float64 would round,
        infinity, or holes that are not let in.
    """
    other = [(j, _first_other(column)) for j, column in enumerate(columns)]
    bad = [(j, row) for j, row in other if row is not None]
    if bad:
        j, row = bad[0]
        good = [name for name, (_, at) in zip(names, other, strict=True) if at is None]
        advice = f"keep the numeric columns: --columns {shortened(','.join(good), 500)} (columns=[...] in Python)"
        raise InputError(
            f"{place}: column {shortened(names[j])!r} must hold numbers, {where(row, j)} holds "
            f"{_described(columns[j][row])}; {advice if good else 'numbers are needed'}"
        )
    parts = [
        _floats(place, name, column, lambda row, j=j: where(row, j))
        for j, (name, column) in enumerate(zip(names, columns, strict=True))
    ]
    values = np.column_stack(parts) if parts else np.empty((0, 0))
    _check_whole(place, names, values, where, hole, missing)
    return Table(tuple(names), values, named=named, notes=notes)


def _first_other(column: Sequence[Any]) -> int | None:
    """The row of the first value that is neither a number nor nothing."""
    kinds = {kind for kind in set(map(type, column)) if not issubclass(kind, (*_NUMBERS, type(None)))}
    if not kinds:
        return None
    rows = (i for i, value in enumerate(column) if type(value) in kinds)
    return next((i for i in rows if not (isinstance(column[i], str) and is_missing(column[i]))), None)


def _described(value: Any) -> str:
    if isinstance(value, _DATES):
        kind = (
            "a duration"
            if isinstance(value, datetime.timedelta)
            else "a time"
            if isinstance(value, datetime.time)
            else "a date"
        )
        return f"{kind} ({value}); turn it into a number, for instance of days"
    if isinstance(value, str):
        return f"the text {shortened(value)!r}"
    return f"{'a nested value' if isinstance(value, dict | list) else type(value).__name__} ({shortened(repr(value))})"


def _floats(place: object, name: str, column: Sequence[Any], where: Callable[[int], str]) -> np.ndarray:
    """One column as float64, NaN for what is missing."""
    kinds = set(map(type, column))
    if any(issubclass(kind, int) for kind in kinds):
        for row, value in enumerate(column):
            if isinstance(value, int) and is_rounded(value):
                raise InputError(
                    f"{place}: column {shortened(name)!r}, {where(row)} has the whole number {shortened(str(value))}, "
                    "which float64 would round; leave that column out if it holds identifiers (--columns, or "
                    "columns=[...] in Python)"
                )
    plain = all(issubclass(kind, _NUMBERS) for kind in kinds)
    return np.array(
        column if plain else [np.nan if value is None or isinstance(value, str) else value for value in column],
        dtype=np.float64,
    )


def _check_whole(
    place: object, names: Sequence[str], values: np.ndarray, where: Callable[[int, int], str], hole: str, missing: str
) -> None:
    bad = np.isinf(values) if missing == "ignore" else ~np.isfinite(values)
    lost = np.flatnonzero(bad.any(axis=0)) if values.size else np.empty(0, int)
    if not len(lost):
        return
    told = []
    for j in map(int, lost[:5]):
        rows = np.flatnonzero(bad[:, j]).tolist()
        shown = listed([where(row, j) for row in rows], 5)
        told.append(f"column {shortened(names[j])!r} ({shown})")
    more = f"; {len(lost) - 5} more columns" if len(lost) > 5 else ""
    if missing == "ignore":
        raise InputError(f"{place}: numbers must be finite, or missing; infinite in {'; '.join(told)}{more}")
    raise InputError(
        f"{place}: every cell must be a finite number; {hole}, NaN or infinite in {'; '.join(told)}{more}; drop or "
        f"fill these rows, or {LET_IN}"
    )
