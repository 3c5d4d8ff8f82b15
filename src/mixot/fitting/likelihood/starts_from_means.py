"""Starts that are known by their means alone: the rows near each say how wide a component is to begin with."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.fitting.base import checked_start
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture, aligned
from mixot.results import Fit

_PART = 8192  # rows whose distances to all means are held at once


def mixture_or_means(start: Any) -> Mixture | Samples | None:
    """What a fit is to start from: a mixture, that of a `Fit` too, or means (k, d), as points whose weights are theirs.

    Raises
    ------
    InputError
        On what is neither, and on means that are not numbers, not finite, or twice the same.

    Examples
    --------
    >>> mixture_or_means([[0.0, 0.0], [4.0, 0.0]]).weights.tolist()
    [0.5, 0.5]
    """
    if start is None or isinstance(start, Mixture | Fit):
        return checked_start(start)
    if isinstance(start, Measure) and not isinstance(start, Samples):
        raise InputError(f"start must be a Mixture, a Fit, or means (k, d), got {type(start).__name__}")
    try:
        means = start if isinstance(start, Samples) else Samples(start)
    except InputError as why:
        raise InputError(f"start must be a Mixture, a Fit, or means (k, d): {why}") from None
    same = [
        tuple(pair) for pair in np.argwhere((means.points[:, None] == means.points).all(axis=2)) if pair[0] < pair[1]
    ]
    if same:
        raise InputError(
            f"the means {same[0][0]} and {same[0][1]} of start are the same, and EM never parts equal components; move "
            "one of them"
        )
    return means


def fitting_start(start: Mixture | Samples, data: Measure, k: int | None) -> Mixture | Samples:
    """The start with its coordinates in the order of the data's, where both have names.

    Raises
    ------
    InputError
        Where it has another number of components than k, or of coordinates than the data, or other names.
    """
    what = "components" if isinstance(start, Mixture) else "means"
    if k not in (None, len(start)):
        raise InputError(f"k={k} was asked for, but start has {len(start)} {what}; leave k out")
    if start.dim != data.dim:
        raise InputError(f"start has dimension {start.dim}, the data {data.dim}")
    return aligned(data, start)


def nearest(points: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The nearest of the means (k, d) to each of the points (n, d), both in units in which distances are fair, (n,).

    Examples
    --------
    >>> nearest(np.array([[0.0], [3.0], [9.0]]), np.array([[1.0], [8.0]])).tolist()
    [0, 0, 1]
    """
    labels = np.empty(len(points), dtype=np.int64)
    for at in range(0, len(points), _PART):
        part = points[at : at + _PART, None, :] - means
        labels[at : at + _PART] = (part**2).sum(axis=2).argmin(axis=1)
    return labels
