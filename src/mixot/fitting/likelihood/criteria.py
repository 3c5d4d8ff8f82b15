"""What likelihoods are compared by: information criteria, for observations that may be weighted."""

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
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def bic(log_likelihood: float, parameters: int, count: float) -> float:
    """Return Schwarz's criterion per observation, ``-2 log_likelihood + parameters log(count) / count``; low is good.

    Parameters
    ----------
    log_likelihood : float
        Mean over the observations, in nats.
    parameters : int
        How many numbers the fit has chosen.
    count : float
        Number of observations, the effective one where they are weighted.

    References
    ----------
    Schwarz, Ann. Statist. 6 (1978).

    Examples
    --------
    >>> round(bic(-1.0, 2, 100.0), 4)
    2.0921
    """
    return float(-2 * log_likelihood + parameters * np.log(count) / count)
