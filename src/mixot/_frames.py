"""Tables of named columns from outside: which objects are some, what stands in them, and how one is given back.

Frames of pandas are read by their own methods, without any other package. All others (polars, Arrow, DuckDB, what
gives its columns through the Arrow PyCapsule interface) are read through narwhals, imported when the first one comes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    columns : series of pandas, or of narwhals; arrays of codes where columns were read as levels
    whole : the frame that they are of, of pandas or of narwhals
    levels : names of the levels that codes stand for, by column
    """

    names: tuple[Any, ...]
    columns: tuple[Any, ...]
    whole: Any
    levels: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

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
        return self.ordered(rest), self.ordered(at).values()[:, 0]

    def ordered(self, order: Sequence[int]) -> Frame:
        """The columns ``order``, which were not read as levels before."""
        return Frame(tuple(self.names[j] for j in order), tuple(self.columns[j] for j in order), self.whole)

    def reading_levels(self, levels: Mapping[int, tuple[str, ...] | None]) -> Frame:
        """The columns, some of them as codes of levels: of those given, or of those that are there where None is.

        Categories keep their order, numbers are sorted, and so is text. `InputError` names a column with a missing
        entry, or with one that is none of the levels.
        """
        columns, found = list(self.columns), dict(self.levels)
        for at, names in levels.items():
            if at < len(columns) and at not in found:  # what was read as levels already stays
                columns[at], found[at] = coded(columns[at], str(self.names[at]), names)
        return Frame(self.names, tuple(columns), self.whole, found)

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

    def like(
        self, values: np.ndarray, names: tuple[str, ...] | None, levels: Mapping[int, tuple[str, ...]] | None = None
    ) -> Any:
        """A frame of this kind that holds the rows of ``values`` (n, d); the index of pandas is kept.

        Codes of ``levels``, by column, become their names again, in a column of the type that it came with where this
        has room for them.
        """
        columns, levels = self.names if names is None else names, levels or {}
        if hasattr(self.whole, "iloc"):
            back: Any = type(self.whole)(values, index=self.whole.index, columns=list(columns))
            for at, words in levels.items():
                back.isetitem(at, _named_again(self.whole, columns[at], words, values[:, at], back.index))
            return back
        nw = _narwhals()
        parts = {str(name): values[:, j] for j, name in enumerate(columns)}
        parts |= {str(columns[at]): np.array(words)[values[:, at].astype(int)] for at, words in levels.items()}
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


def given_back(
    came: Any,
    values: np.ndarray,
    names: tuple[str, ...] | None,
    levels: Mapping[int, tuple[str, ...]] | None = None,
) -> Any:
    """``values`` in a frame like the one that came, see `Frame.like`; themselves where none came."""
    return came.like(values, names, levels) if isinstance(came, Frame) else values


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


def _named_again(frame: Any, name: Any, words: tuple[str, ...], codes: np.ndarray, index: Any) -> Any:
    """A series of pandas with the names of levels, of categories where the column came so and has all of them."""
    came = frame.iloc[:, list(frame.columns).index(name)] if name in frame.columns else frame.iloc[:, 0]
    named = type(came)(np.array(words, dtype=object)[codes.astype(int)], index=index, name=name)
    categories = getattr(came.dtype, "categories", None)
    return named if categories is None or not set(words) <= set(categories) else named.astype(came.dtype)


def coded(column: Any, name: str, levels: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """A column as codes of levels, (n,) float64, and their names: ``levels``, or those that the column has.

    Examples
    --------
    >>> import pandas
    >>> codes, names = coded(pandas.Series(["red", "blue", "red"]), "color", None)
    >>> codes.tolist(), names
    ([1.0, 0.0, 1.0], ('blue', 'red'))
    """
    pandas = hasattr(column, "iloc")
    items = column.tolist() if pandas else column.to_list()
    gone = np.flatnonzero(column.isna() if pandas else [item is None or item != item for item in items]).tolist()
    if gone:
        shown = ", ".join(map(str, gone[:5])) + (", ..." if len(gone) > 5 else "")
        raise InputError(
            f"column {name!r} must name a level in every row, got none in {len(gone)} of {len(items)} rows: {shown}; "
            "drop them, or fill them with a level of their own"
        )
    words = [_as_level(item, name) for item in items]
    names = _own_levels(column, items, name) if levels is None else levels
    code = {word: at for at, word in enumerate(names)}
    strange = next((at for at, word in enumerate(words) if word not in code), None)
    if strange is not None:
        raise InputError(
            f"column {name!r} must hold the levels {_listed(names)}, got {words[strange]!r} in row {strange}"
        )
    return np.array([code[word] for word in words], dtype=np.float64), names


def _as_level(item: Any, name: str) -> str:
    if isinstance(item, float) and not item.is_integer():
        raise InputError(f"column {name!r} must hold levels, got the number {item!r}; fit it by a family of numbers")
    return str(int(item)) if isinstance(item, float) else str(item)


def _own_levels(column: Any, items: list[Any], name: str) -> tuple[str, ...]:
    """The levels of a column: its categories, or what is there, in order."""
    kinds = getattr(column.dtype, "categories", None)
    if kinds is None and str(column.dtype) == "Categorical":  # of polars, or a dictionary of Arrow
        kinds = column.cat.get_categories().to_list()
    try:
        kinds = sorted(set(items)) if kinds is None else kinds
    except TypeError:  # numbers and text side by side have no order but that of their names
        kinds = sorted({_as_level(item, name) for item in items})
    return tuple(dict.fromkeys(_as_level(kind, name) for kind in kinds))


def _numbers(column: Any, name: str) -> np.ndarray | str:
    """The numbers of a column, missing ones as NaN; what it holds, in a word, where they are none."""
    if isinstance(column, np.ndarray):  # codes of levels
        return column
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
