"""The rows that tests are of: each one observation, independent of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import check_range
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.incomplete import Incomplete, as_rows
from mixot.measures import Samples, as_measure

_MOST = 2**24  # rows that counts may stand for
_FLAT = 1e-10  # of the largest: an eigenvalue of the correlations below it is rounding


def samples_of(data: Any, name: str) -> Samples:
    """The data as samples whose rows are observations, or an error that says why they are none.

    Raises
    ------
    InputError
        On rows that are weighted by importance, which stand for no number of observations.
    UnsupportedError
        On measures that are not made of points.
    """
    measure = as_measure(data)
    if not isinstance(measure, Samples):
        raise UnsupportedError(
            f"a test is of rows that were observed, got a {type(measure).__name__} for {name}; pass the rows themselves"
        )
    _check_rows(measure, name)
    return measure


def observed_of(data: Any, name: str, missing: str) -> Samples | Incomplete:
    """What `samples_of` returns, or rows with gaps, where these come as such or ``missing`` is "ignore"."""
    measure = as_rows(data, missing)
    if not isinstance(measure, Incomplete):
        return samples_of(measure, name)
    _check_rows(measure, name)
    return measure


def _check_rows(measure: Samples | Incomplete, name: str) -> None:
    """Whether every row is one observation, or as many as it counts for, of values whose squares can be had."""
    if measure.counts is None and np.ptp(measure.weights) > 1e-12 * measure.weights.max():
        raise InputError(
            f"{name} must be rows of equal weight: importance weights stand for no number of observations, and a test "
            "counts these; say how often each row was seen with counts, Samples(points, counts=...), or leave them out"
        )
    check_range(np.nan_to_num(measure.points), "points")


def rows_of(samples: Samples | Incomplete, name: str) -> Float[np.ndarray, "n d"]:
    """The observations themselves, (n, d), float64: a row that was counted c times stands there c times."""
    points = samples.points.astype(np.float64)
    if samples.counts is None:
        return points
    if samples.observations > _MOST:
        raise InputError(
            f"the counts of {name} stand for {samples.observations:.0f} rows, and tests take up to {_MOST}; test a "
            "sample of them"
        )
    return points.repeat(samples.counts.astype(np.int64), axis=0)


def is_spread(x: Float[np.ndarray, "n d"]) -> bool:
    """Whether the rows vary in every direction, beyond rounding."""
    try:
        check_spread(x, None)
    except InputError:
        return False
    return True


def check_spread(x: Float[np.ndarray, "n d"], names: tuple[str, ...] | None) -> None:
    """Raise an `InputError` where a column is constant, or columns depend on each other: no Gaussian is their law."""
    low, high = x.min(axis=0), x.max(axis=0)
    constant = np.flatnonzero(low == high)
    if len(constant):
        shown = ", ".join(_called(column, names) for column in constant[:5].tolist())
        raise InputError(f"every column must vary, these are constant: {shown}; leave them out")
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    values = np.linalg.eigvalsh(standard.T @ standard / len(x))
    if values[0] <= _FLAT * values[-1]:
        rank = int((values > _FLAT * values[-1]).sum())
        raise InputError(
            f"the rows vary in {rank} of {x.shape[1]} directions only, as if some columns were sums of others, and "
            "have no density; leave columns out"
        )


def repeated(*parts: Float[np.ndarray, "n d"]) -> tuple[str, ...]:
    """A note where rows repeat others, which rows of a law with a density never do."""
    rows = np.concatenate(parts)
    twice = len(rows) - len(np.unique(rows, axis=0))
    if not twice:
        return ()
    return (
        f"{twice} of {len(rows)} rows repeat others, as rounded or counted data do: no law with a density gives such "
        "rows, so the null is false by itself, and a rejection may say no more than that",
    )


def _called(column: int, names: tuple[str, ...] | None) -> str:
    return str(column) if names is None else repr(names[column])
