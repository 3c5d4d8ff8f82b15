"""What weights of observations amount to."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def effective_count(weights: Float[np.ndarray, " n"]) -> float:
    """Return Kish's effective number of observations, ``(sum w)^2 / sum w^2``: n where all weigh the same.

    References
    ----------
    Kish, Survey Sampling (1965), section 11.7.

    Examples
    --------
    >>> effective_count(np.array([0.5, 0.5, 0.0]))
    2.0
    >>> effective_count(np.full(59, 1 / 60))
    59.0
    >>> effective_count(np.array([3.0, 3.0, 2.0, 1.0, 1.0])) == 100 / 24
    True
    """
    most = weights.max()
    alike = weights == most
    if (alike | (weights == 0)).all():
        return float(alike.sum())
    times = np.ldexp(weights, -np.frexp(most)[1])  # exact, and so are sums of whole numbers and of their squares
    return float(times.sum() ** 2 / (times**2).sum())
