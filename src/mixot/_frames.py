"""Tables of named columns from outside: which objects are some, what stands in them, and how one is given back.

Frames of pandas are read by their own methods, without any other package. All others (polars, Arrow, DuckDB, what
gives its columns through the Arrow PyCapsule interface) are read through narwhals, imported when the first one comes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from mixot._numbers import as_number, check_exact, inexact, is_number
from mixot.errors import AccuracyWarning, InputError
from mixot.extras import require

_PLAIN = np.ndarray | list | tuple | int | float  # what most callers bring: no frame, and told apart at once
_SURE = 15  # digits of a decimal that float64 gives back


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame that was opened: in memory, its columns read out of it once (a stream of Arrow cannot be read twice).

    Parameters
    ----------
    names : of the columns, as they came: texts or not, some of them twice or not
    columns : series of pandas, or of narwhals
    whole : the frame that they are of, of pandas or of narwhals
    """

    names: tuple[Any, ...]
    columns: tuple[Any, ...]
    whole: Any

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self), len(self.columns)

    def without(self, name: Any, role: str) -> tuple[Frame, np.ndarray]:
        """The other columns, and the numbers (n,) of the one called so; ``role`` is what these are taken for."""
        at = [j for j, other in enumerate(self.names) if other == name]
        if len(at) != 1:
            count = "no column is" if not at else "several columns are"
            raise InputError(
                f"{role}={name!r} names a column, and {count} called so; columns are {_listed(self.names)}"
            )
        rest = [j for j in range(len(self.names)) if j != at[0]]
        other = Frame(tuple(self.names[j] for j in rest), tuple(self.columns[j] for j in rest), self.whole)
        return other, Frame((name,), (self.columns[at[0]],), self.whole).values()[:, 0]

    def values(self) -> np.ndarray:
        """The numbers, (n, d), what is missing as NaN; float32 where all columns are, else float64.

        Truth values are 0 and 1, decimals are rounded once. `InputError` names the columns that hold something else.
        """
        parts = [_numbers(column, str(name)) for name, column in zip(self.names, self.columns, strict=True)]
        other = {str(name): part for name, part in zip(self.names, parts, strict=True) if isinstance(part, str)}
        if other:
            kinds = dict.fromkeys(other.values())
            levels = (
                '; a fit takes text and categories as levels where families are named column by column, such as "'
                + ",".join("diagonal" if isinstance(part, np.ndarray) else "categorical" for part in parts[:6])
                + '"'
            )
            raise InputError(
                f"every column must be numeric, these are not: {_listed(tuple(other))}; select the numeric ones "
                f"(those hold {', '.join(kinds)}{levels if {'text', 'categories'} & set(kinds) else ''})"
            )
        return np.column_stack(parts) if parts else np.empty(self.shape)

    def like(self, values: np.ndarray, names: tuple[str, ...] | None) -> Any:
        """A frame of this kind that holds the rows of ``values`` (n, d); the index of pandas is kept."""
        columns = self.names if names is None else names
        if hasattr(self.whole, "iloc"):
            return type(self.whole)(values, index=self.whole.index, columns=list(columns))
        nw = _narwhals()
        parts = {str(name): values[:, j] for j, name in enumerate(columns)}
        return nw.from_dict(parts, backend=self.whole.implementation).to_native()


def is_frame(value: Any) -> bool:
    """Whether ``value`` is a table of named columns: of pandas, polars, Arrow, DuckDB, or their like."""
    if isinstance(value, _PLAIN):
        return False
    kind = type(value)
    if kind is Frame or (hasattr(kind, "collect_schema") and hasattr(kind, "collect")):  # the second: lazy
        return True
    if hasattr(kind, "__arrow_c_stream__") and not hasattr(kind, "__array__"):  # a series has both
        return True
    held = hasattr(value, "__getitem__") and (hasattr(value, "to_numpy") or hasattr(value, "to_pandas"))
    return held and (hasattr(value, "column_names") or hasattr(value, "columns"))


def opened(value: Any) -> Any:
    """``value`` as a `Frame` where it is one, collected if it is lazy; anything else as it is."""
    if isinstance(value, _PLAIN) or not is_frame(value) or isinstance(value, Frame):
        return value
    if hasattr(value, "iloc"):  # pandas, where two columns may have one name
        return Frame(tuple(value.columns), tuple(value.iloc[:, j] for j in range(value.shape[1])), value)
    nw = _narwhals(type(value).__name__)
    try:
        try:
            whole = nw.from_native(value)
        except TypeError:  # not one that narwhals knows
            stream = hasattr(value, "__arrow_c_stream__")
            whole = nw.from_arrow(value, backend="pyarrow") if stream else nw.from_native(value.to_pandas())
        whole = whole.collect() if isinstance(whole, nw.LazyFrame) else whole
        names = tuple(whole.columns)
        return Frame(names, tuple(whole[name] for name in names), whole)
    except ImportError:
        raise
    except Exception as why:  # of the library whose frame it is: a file that is gone, a column that is there twice
        said = " ".join(str(why).split())[:200]
        raise InputError(f"a frame must be one that can be read, this {type(value).__name__} says: {said}") from why


def given_back(came: Any, values: np.ndarray, names: tuple[str, ...] | None) -> Any:
    """``values`` in a frame like the one that came, see `Frame.like`; themselves where none came."""
    return came.like(values, names) if isinstance(came, Frame) else values


def column_names(value: Any) -> tuple[str, ...] | None:
    """Names of the columns of a frame, where all are text and none is there twice; None of everything else."""
    value = opened(value)
    texts = _texts(list(value.names)) if isinstance(value, Frame) else None
    return texts if texts is not None and len(set(texts)) == len(texts) else None


def row_names(value: Any, dim: int) -> tuple[str, ...] | None:
    """Names of the numbers of one row of a frame with d columns, d > 1, as pandas hands it out; None of all else."""
    if is_frame(value) or not (hasattr(value, "iloc") and hasattr(value, "index")) or not 1 < len(value) == dim:
        return None
    return _texts(list(value.index))


def column_order(names: tuple[str, ...], came: tuple[str, ...] | None, what: str) -> list[int] | None:
    """Where the columns ``names`` stand among those that came; None where nothing is to be done.

    `InputError` where they are not the same names: then the order does not say which is which.
    """
    if came is None or came == names:
        return None
    if set(came) != set(names):
        missing, more = ([name for name in one if name not in other] for one, other in ((names, came), (came, names)))
        told = [
            f"{word} {', '.join(map(repr, each[:5]))}" for word, each in (("without", missing), ("with", more)) if each
        ]
        raise InputError(
            f"{what} must have the columns {', '.join(map(repr, names[:12]))}, got a table {' and '.join(told)}; "
            "give both the same names, or leave names out to go by position (plain arrays, a table without a header)"
        )
    return [came.index(name) for name in names]


def _narwhals(what: str = "such a frame") -> Any:
    return require("narwhals.stable.v2", "table", f"reading {what}")


def _texts(names: list[Any]) -> tuple[str, ...] | None:
    """Names of one level or of several, which are joined; None unless all are text then."""
    joined = ["/".join(map(str, name)) if isinstance(name, tuple) else name for name in names]
    return tuple(joined) if all(isinstance(name, str) for name in joined) else None


def _listed(names: tuple[Any, ...], most: int = 12) -> str:
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def _numbers(column: Any, name: str) -> np.ndarray | str:
    """The numbers of a column, missing ones as NaN; what it holds, in a word, where they are none."""
    return _of_pandas(column, name) if hasattr(column, "iloc") else _of_narwhals(column, name)


def _of_pandas(column: Any, name: str) -> np.ndarray | str:
    kind = getattr(column.dtype, "kind", "O")
    if kind not in "fiub":
        if str(column.dtype) == "category":
            return "categories"
        gone = column.isna().to_numpy()
        items = [None if lost else item for item, lost in zip(column.tolist(), gone, strict=True)]
        return _of_objects(items if kind == "O" else [], name, kind)
    if kind in "iu":  # whole numbers beside missing ones would be rounded on the way to float64
        check_exact((column.fillna(0) if column.hasnans else column).to_numpy(), f"column {name!r}")
    narrow = kind == "f" and getattr(column.dtype, "itemsize", 8) == 4
    return column.to_numpy(dtype=np.float32 if narrow else np.float64, na_value=np.nan)


def _of_narwhals(column: Any, name: str) -> np.ndarray | str:
    nw, dtype = _narwhals(), column.dtype
    if dtype.is_decimal() or dtype in (nw.Int128, nw.UInt128, nw.Object):
        return _of_objects(column.to_list(), name, "O")
    if dtype.is_integer():
        check_exact((column.fill_null(0) if column.null_count() else column).to_numpy(), f"column {name!r}")
    if dtype.is_numeric():
        values = column.to_numpy()
        return values if values.dtype == np.float32 else values.astype(np.float64)
    if dtype == nw.Boolean:
        return column.cast(nw.Int8).to_numpy().astype(np.float64)
    if column.null_count() == len(column):  # of no type at all
        return np.full(len(column), np.nan)
    kinds = {nw.String: "text", nw.Categorical: "categories", nw.Enum: "categories"}
    return kinds.get(dtype.base_type(), "dates or times" if dtype.is_temporal() else str(dtype))


def _of_objects(items: list[Any], name: str, kind: str) -> np.ndarray | str:
    """Numbers of a column that holds objects: decimals, whole numbers of any size, truth values."""
    if kind in "mM":
        return "dates or times"
    if kind in "USTV" or any(isinstance(item, str | bytes) for item in items):
        return "text"
    strange = next((item for item in items if not is_number(item)), None)
    if isinstance(strange, int):
        raise inexact(f"column {name!r}", (items.index(strange),), strange)
    if kind != "O" or strange is not None:
        return "complex numbers" if kind == "c" else type(strange).__name__
    values = np.array([as_number(item) for item in items], dtype=np.float64)
    lost = [at for at, item in enumerate(items) if isinstance(item, Decimal) and _loses_digits(item)]
    if lost:
        warnings.warn(
            f"column {name!r}: {len(lost)} of {len(items)} decimals have more digits than float64 holds and are "
            f"rounded, the first, {items[lost[0]]}, in row {lost[0]}",
            AccuracyWarning,
            stacklevel=2,
        )
    return values


def _loses_digits(item: Decimal) -> bool:
    return len(item.as_tuple().digits) > _SURE and item.is_finite() and Decimal(repr(float(item))) != item
