"""Named columns of numbers, and the checks that every kind of table file shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.incomplete import Incomplete
from mixot.measures import Samples


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of finite numbers, or NaN where missing ones were let in.

    ``weights`` is None where the rows count alike.

    ``notes`` say, each in a sentence, what in the file could have been read in another way.
    """

    columns: tuple[str, ...]
    values: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"] | None = None
    named: bool = True  # False where the file has no names, and columns are x1, x2, ...
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns as names of coordinates; None where the file has none, or one name twice."""
        return self.columns if self.named and len(set(self.columns)) == len(self.columns) else None

    def rows(self, **tally: Any) -> Samples | Incomplete:
        """The rows as points, `Incomplete` where some values are missing; ``tally`` counts in place of weights."""
        held = Incomplete if np.isnan(self.values).any() else Samples
        return held(self.values, **(tally or {"weights": self.weights}), columns=self.names)


def pick(names: Sequence[str], columns: Sequence[str] | None, path: object) -> list[int]:
    """Positions of the asked columns among ``names``; all of them where ``columns`` is None."""
    if columns is None:
        return list(range(len(names)))
    unknown = [name for name in columns if name not in names]
    if unknown or not columns:
        raise InputError(f"{path}: no column {listed([repr(name) for name in unknown])}; columns are {listed(names)}")
    twice = [name for name in columns if list(names).count(name) > 1]
    if twice:
        raise InputError(f"{path}: several columns are called {twice[0]!r}; give them different names")
    again = next((name for name in columns if list(columns).count(name) > 1), None)
    if again is not None:
        raise InputError(f"{path}: the column {again!r} is asked for twice; name each column once")
    return [list(names).index(name) for name in columns]


def advice_on(empty: Sequence[str], rows: str) -> str:
    """What to do about gaps in ``rows``; columns that are ``empty`` no other reading of gaps would fill."""
    if empty:
        shown = listed([repr(name) for name in empty], 5)
        return f"there is no value at all in column {shown}: leave it out (--columns, or columns=[...] in Python)"
    return f"drop or fill {rows}, or {LET_IN}"


def listed(words: Sequence[str], most: int = 20) -> str:
    """Words in one line, of many or long ones the beginning."""
    shown = ", ".join(shortened(word) for word in words[:most])
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")


def shortened(text: str, most: int = 60) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else f"{text[:most]}..."


LET_IN = "fit what is there: mixot fit --missing ignore (missing='ignore' in Python)"  # the advice to who meets a gap


def check_names(table: Table) -> Table:
    """The table, with a note where its columns have no names of their own because two are called alike."""
    if not table.named or table.names is not None:
        return table
    twice = next(name for name in table.columns if table.columns.count(name) > 1)
    text = f"several columns are called {shortened(twice)!r}: coordinates go by position, and names are not looked at"
    return replace(table, notes=(*table.notes, text))


def check_finite(path: object, values: np.ndarray, missing: str = "error", names: Sequence[str] | None = None) -> None:
    """Refuse NaN and infinity, naming the rows, and the columns where they have names."""
    good = ~np.isinf(values) if missing == "ignore" else np.isfinite(values)
    rows = np.flatnonzero(~good.all(axis=1))
    if len(rows):
        what = "infinity" if missing == "ignore" else "NaN or infinity"
        shown = ", ".join(map(str, rows[:5].tolist())) + (", ..." if len(rows) > 5 else "")
        lost = np.flatnonzero(~good.all(axis=0)).tolist()
        empty = [] if names is None else [names[j] for j in lost if np.isnan(values[:, j]).all()]
        what_of = "numbers" if names is None else f"column {listed([repr(names[j]) for j in lost], 5)}"
        raise InputError(
            f"{path}: {what_of} must be finite, got {what} in {len(rows)} rows (counted from 0): {shown}; "
            + ("mend them" if missing == "ignore" else advice_on(empty, "them"))
        )
