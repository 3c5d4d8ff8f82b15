"""Couplings that miss their marginals, made to meet them."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def to_marginals(
    coupling: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"]
) -> Float[np.ndarray, "k l"]:
    """A coupling of a and b near one that misses them (Altschuler, Weed and Rigollet 2017, Algorithm 2).

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> to_marginals(np.array([[0.5, 0.5], [0.5, 0.0]]), half, half).sum(axis=0).tolist()
    [0.5, 0.5]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.nan_to_num(np.minimum(a / coupling.sum(axis=1), 1.0))
        coupling = coupling * rows[:, None]
        coupling = coupling * np.nan_to_num(np.minimum(b / coupling.sum(axis=0), 1.0))
    short_a, short_b = np.maximum(a - coupling.sum(axis=1), 0.0), np.maximum(b - coupling.sum(axis=0), 0.0)
    missing = short_a.sum()
    return coupling + np.outer(short_a, short_b) / missing if missing > 0 else coupling
