"""Points of which some coordinates are missing: what EM fits to, and nothing else can be asked of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from mixot._checks import as_numbers, check_columns, is_one_of
from mixot._frames import column_names, opened
from mixot._shapes import ArrayLike, Bool, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.measures import Measure, Moments, Samples, as_measure
from mixot.tallies import check_tally, with_named

MISSING = ("error", "ignore")  # what NaN is: a mistake, or a value that is missing
_PART = 4096  # rows that are looked at together
_SHOWN = 5  # places that a message names


@dataclass(frozen=True, eq=False)
class Incomplete(Measure):
    """Points in R^d of which some coordinates were not observed: NaN marks them.

    They are no measure on R^d, so that no verb but `fit` takes them, with ``EM(missing="ignore")``: the likelihood is
    that of what was observed. Ask everything else of the mixture that is fitted, or of rows that it completes
    (`Mixture.impute`).

    Parameters
    ----------
    points : (n, d), NaN (None, a masked entry, a gap of a dataframe) where a value is missing, copied as float64; a
        vector (n,) is n points on the line
    weights, counts : (n,), as those of `Samples`
    columns : d names of the coordinates; those of a dataframe where not given, None of arrays

    Raises
    ------
    InputError
        On infinite values, a column without any value, no points, bad weights or counts, or names that do not fit.

    Examples
    --------
    >>> points = Incomplete([[1.0, np.nan], [2.0, 3.0]], columns=["height", "weight"])
    >>> points.gaps.tolist(), points.observed.tolist()
    ([0, 1], [[True, False], [True, True]])
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]
    observations: float
    counts: Float[np.ndarray, " n"] | None = None
    columns: tuple[str, ...] | None = None

    def __init__(
        self,
        points: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        columns: Any = None,
    ) -> None:
        rows, weights, counts = with_named(opened(points), weights, counts)
        array = as_numbers(rows, "points")
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise InputError(f"points must have shape (n, d), got {array.shape}")
        if len(array) == 0:
            raise InputError("points must not be empty: there are zero rows")
        names = column_names(rows) if columns is None else check_columns(columns, array.shape[1])
        _check_values(array, names)
        share, observations, times = check_tally(weights, counts, len(array))
        object.__setattr__(self, "points", np.array(array, dtype=np.float64, order="C"))
        object.__setattr__(self, "weights", share)
        object.__setattr__(self, "observations", observations)
        object.__setattr__(self, "counts", times)
        object.__setattr__(self, "columns", names)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dim(self) -> int:
        return self.points.shape[1]

    @property
    def observed(self) -> Bool[np.ndarray, "n d"]:
        """Which values are there."""
        return ~np.isnan(self.points)

    @property
    def gaps(self) -> Int[np.ndarray, " d"]:
        """How many values of each column are missing."""
        return np.isnan(self.points).sum(axis=0)

    def take(self, rows: Int[np.ndarray, " m"]) -> Incomplete:
        """Some of the rows, with their counts, or with weights that are scaled to sum to one."""
        if self.counts is not None:
            return Incomplete(self.points[rows], counts=self.counts[rows], columns=self.columns)
        return Incomplete(self.points[rows], self.weights[rows] / self.weights[rows].sum(), columns=self.columns)

    def moved(self, points: Float[np.ndarray, "n e"], *, columns: Any = None) -> Incomplete:
        """Other points in place of these, with their weights or counts."""
        if self.counts is not None:
            return Incomplete(points, counts=self.counts, columns=columns)
        return Incomplete(points, self.weights, columns=columns)

    def complete(self) -> Samples:
        """The rows without a gap.

        They are a fair sample only where what is missing has nothing to do with the values. `InputError` where there
        are none.
        """
        rows = np.flatnonzero(self.observed.all(axis=1) & (self.weights > 0))
        if not len(rows):
            raise InputError(f"every one of the {len(self)} rows has a gap; fit them as they are: EM(missing='ignore')")
        whole = self.take(rows)
        if whole.counts is not None:
            return Samples(whole.points, counts=whole.counts, columns=whole.columns)
        return Samples(whole.points, whole.weights, columns=whole.columns)

    def mean(self) -> Float[np.ndarray, " d"]:
        self._refuse("mean")

    def cov(self) -> Float[np.ndarray, "d d"]:
        self._refuse("covariance")

    def moments(self, order: int) -> Moments:
        self._refuse("moments")

    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedError(
            f"points with missing values have no {what} of their own; fit them first, "
            "fit(points, method=EM(missing='ignore')), and ask the mixture"
        )


def as_rows(data: Any, missing: str) -> Measure:
    """What `as_measure` makes of data; where ``missing`` is "ignore", points with NaN become `Incomplete`.

    Examples
    --------
    >>> type(as_rows([[1.0, np.nan], [2.0, 3.0]], "ignore")).__name__
    'Incomplete'
    """
    if missing == "error" or isinstance(data, Measure) or hasattr(data, "mixture"):
        return as_measure(data)
    points, weights = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    points = opened(points)
    try:
        array = as_numbers(points, "points")
    except InputError:
        return as_measure(data)  # says what is wrong with it, or takes it: pictures and their like
    if array.ndim not in (1, 2) or not np.isnan(array).any():
        return as_measure(points if weights is None else (points, weights))
    return Incomplete(points, weights)


def patterns(points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which coordinates are known, (o,), and of which rows, (n,): some at a time."""
    seen, number = patterns_of(~np.isnan(points))
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=len(seen)))
    for known, rows in zip(seen, np.split(order, ends[:-1]), strict=True):
        for at in range(0, len(rows), _PART):
            yield np.flatnonzero(known), rows[at : at + _PART]


def patterns_of(seen: Bool[np.ndarray, "n d"]) -> tuple[Bool[np.ndarray, "p d"], Int[np.ndarray, " n"]]:
    """The different rows of ``seen``, (p, d), and which of them each is, (n,).

    Examples
    --------
    >>> patterns_of(np.array([[True, False], [False, True], [True, False]]))[1].tolist()
    [1, 0, 1]
    """
    bits = np.packbits(seen, axis=1)
    words = np.zeros((len(seen), -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
    words[:, : bits.shape[1]] = bits
    first, number = alike(words.view(">u8").astype(np.uint64))
    return seen[first], number


def alike(rows: np.ndarray) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]:
    """The first of each kind of equal rows of words of 64 bits, (m,), and of which kind each row is, (n,)."""
    bits = rows.view(np.uint64)
    if bits.shape[1] == 1:
        _, first, number = np.unique(bits[:, 0], return_index=True, return_inverse=True)
        return first, number.reshape(-1)
    odd = np.random.default_rng(0).integers(1 << 62, size=bits.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = ((bits ^ (bits >> np.uint64(31))) * odd).sum(axis=1, dtype=np.uint64)
    _, first, number = np.unique(mixed ^ (mixed >> np.uint64(29)), return_index=True, return_inverse=True)
    if not (bits == bits[first[number.reshape(-1)]]).all():  # two kinds of rows have one number: sort them
        _, first, number = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return first, number.reshape(-1)


def check_missing(missing: Any) -> None:
    """Raise an `InputError` unless ``missing`` is "error" or "ignore"."""
    if not is_one_of(missing, MISSING):
        raise InputError(f"missing must be one of {', '.join(MISSING)}, got {missing!r}")


def named(columns: tuple[str, ...] | None, at: int) -> str:
    """How a message calls a column.

    Examples
    --------
    >>> named(("height", "weight"), 1), named(None, 1)
    ("'weight'", '1')
    """
    return str(at) if columns is None else repr(columns[at])


def _check_values(array: np.ndarray, names: tuple[str, ...] | None) -> None:
    """Refuse infinite values, and columns without any."""
    places = np.argwhere(np.isinf(array))
    if len(places):
        shown = ", ".join(f"row {i}, column {named(names, j)}" for i, j in places[:_SHOWN].tolist())
        more = ", ..." if len(places) > _SHOWN else ""
        raise InputError(f"points must be finite, or NaN where they are missing, got infinity in {shown}{more}")
    empty = np.flatnonzero(np.isnan(array).all(axis=0)).tolist()
    if len(empty) == array.shape[1]:
        raise InputError(f"points must hold some values, got {len(array)} rows in which all are missing")
    if empty:
        shown = ", ".join(named(names, j) for j in empty[:_SHOWN]) + (", ..." if len(empty) > _SHOWN else "")
        raise InputError(f"points must hold some value in every column, all are missing in {shown}; leave these out")
