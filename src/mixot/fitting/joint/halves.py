"""The rows behind a measure, halves of them, and some of them, whether rows are weighted or counted."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.fitting.likelihood.inputs import rows_of
from mixot.measures import Measure, Samples

_COUNTABLE = 10**9  # observations of which NumPy draws some without putting them back


def seen_rows(data: Measure) -> Samples:
    """The rows of positive weight, with their counts and names; a grid stands for its pixels.

    Raises
    ------
    UnsupportedError
        On a measure that is not made of points.
    """
    points, weights = rows_of(data)
    if not isinstance(data, Samples):
        return Samples(points, weights / weights.sum())
    return data if len(points) == len(data) else data.take(np.flatnonzero(data.weights > 0))


def split(data: Samples, rng: np.random.Generator, most: int) -> tuple[Samples, Samples]:
    """Two disjoint halves of the rows, of at most ``most`` rows together, drawn anew.

    Where rows are counted, it is what they count that is halved: each half is what half of the observations would be.
    """
    if data.counts is not None:
        return _split_counts(data, data.counts, rng, most)
    size = min(len(data), most) // 2
    rows = rng.permutation(len(data))[: 2 * size]
    first, second = (np.sort(part) for part in (rows[:size], rows[size:]))
    return data.take(first), data.take(second)


def _split_counts(
    data: Samples, counts: Float[np.ndarray, " n"], rng: np.random.Generator, most: int
) -> tuple[Samples, Samples]:
    size = int(min(data.observations, most)) // 2
    if data.observations < _COUNTABLE:
        whole = counts.astype(np.int64)
        first = rng.multivariate_hypergeometric(whole, size, method="marginals")
        second = rng.multivariate_hypergeometric(whole - first, size, method="marginals")
    else:  # of so many, hardly any is drawn twice
        first, second = (rng.multinomial(size, data.weights) for _ in range(2))
    halves = [Samples(data.points[part > 0], counts=part[part > 0], columns=data.columns) for part in (first, second)]
    return halves[0], halves[1]


def some(data: Samples, count: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """So many of the points, drawn by weight; all, once each, where they are fewer and weigh the same."""
    points = data.points.astype(np.float64)
    if np.ptp(data.weights) > 0:
        return points[np.sort(rng.choice(len(data), count, p=data.weights))]
    return points if len(data) <= count else points[np.sort(rng.choice(len(data), count, replace=False))]
