"""Weighted medians, many at once."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float

_TIE = 1e-13  # a cumulated weight this close to one half, relatively, is one half: what summation rounds away


def weighted_medians(x: Float[np.ndarray, " n"], shares: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Where ``sum_i shares[i, k] |x_i - m_k|`` is least, (n,), (n, k) -> (k,).

    One sort, O(n log n + n k). Where a whole interval is best (half of the weight on each side) it is its midpoint.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_medians(np.array([3.0, 1.0, 2.0, 8.0]), np.array([[1.0, 5.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    array([2.5, 3. ])
    """
    order = None if (x[1:] >= x[:-1]).all() else np.argsort(x)
    x = x if order is None else x[order]
    out = np.empty(shares.shape[1])
    for k, column in enumerate(shares.T):
        below = np.cumsum(column if order is None else column[order])
        half = below[-1] / 2
        first, last = np.searchsorted(below, half * np.array([1 - _TIE, 1 + _TIE]))
        last = min(last, len(x) - 1)  # a single point may hold all of the weight
        # The midpoint, so that the answer is the same whether equal points are told apart or merged into one.
        out[k] = x[first] + (x[last] - x[first]) / 2
    return out
