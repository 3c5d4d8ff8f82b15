"""Rows as estimators take them: equal rows merged, in an order that is the same however they came."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from mixot.errors import InputError
from mixot.incomplete import Incomplete
from mixot.measures import Samples


def weighted_rows(x: np.ndarray, sample_weight: Any = None) -> Samples | Incomplete:
    """Return distinct rows with their weights; `Incomplete` ones where some values are NaN.

    Whole weights are counts, how often each row was seen, and a row of weight m is the same as m equal rows, to the
    last bit; rows in another order are the same, too. Other weights are importance weights (see `Samples`).

    Parameters
    ----------
    x : (n, d)
        Finite numbers, or NaN for what is missing.
    sample_weight : (n,), a number or None
        Not negative, not all zero.

    Raises
    ------
    InputError
        On weights that are negative, not finite, of another number, or all zero.

    Examples
    --------
    >>> rows = weighted_rows(np.array([[2.0], [1.0], [2.0]]))
    >>> rows.points.tolist(), rows.counts.tolist()
    ([[1.0], [2.0]], [1.0, 2.0])
    """
    weights = row_weights(x, sample_weight)
    seen = weights > 0
    if not seen.all():
        x, weights = x[seen], weights[seen]
    gaps = np.isnan(x)
    order, first = _order(np.hstack([np.nan_to_num(x), gaps]) if gaps.any() else x)
    mass = np.add.reduceat(weights[order], first)
    points = x[order[first]]
    kind = Incomplete if gaps.any() else Samples
    if (weights == np.floor(weights)).all():
        return kind(points, counts=mass)
    return kind(points, mass / mass.sum())


def row_weights(x: np.ndarray, sample_weight: Any) -> np.ndarray:
    """The weight of each row, (n,) float64; ones where none are given."""
    if sample_weight is None:
        return np.ones(len(x))
    try:
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64)
    except ValueError as wrong:
        raise InputError(f"sample_weight must be one number for each of {len(x)} rows: {wrong}") from wrong
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        raise InputError(f"sample_weight must not be negative, got {weights[bad[0]]:g} at row {bad[0]}")
    if not weights.any():
        raise InputError("sample_weight must not be zero for all rows: there is nothing to fit; leave it out")
    return weights


def _order(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An order of the rows that brings equal ones together, and the places in it where a new row begins."""
    key = np.zeros(len(x))
    for j, column in enumerate(x.T):  # column by column, so that equal rows have equal keys, to the bit
        key += np.cos(1.0 + j) * column
    order = np.argsort(key, kind="stable")
    level, rows = key[order], x[order]
    new = (rows[1:] != rows[:-1]).any(axis=1)
    if (new & (level[1:] == level[:-1])).any():  # different rows of one key: their order would depend on how they came
        order = np.lexsort(x.T)
        rows = x[order]
        new = (rows[1:] != rows[:-1]).any(axis=1)
    return order, np.flatnonzero(np.concatenate([[True], new]))


def seed_of(random_state: Any) -> np.random.Generator:
    """The generator of mixot that scikit-learn's ``random_state`` stands for: a seed, a RandomState, None, or itself.

    As everywhere in scikit-learn, None follows ``numpy.random.seed``.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
