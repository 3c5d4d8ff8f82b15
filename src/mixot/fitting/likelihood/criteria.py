"""What likelihoods are compared by: information criteria, for observations that may be weighted."""

from __future__ import annotations

import numpy as np


def bic(log_likelihood: float, parameters: int, count: float) -> float:
    """Return Schwarz's criterion per observation, ``-2 log_likelihood + parameters log(count) / count``; low is good.

    Parameters
    ----------
    log_likelihood : float
        Mean over the observations, in nats.
    parameters : int
        How many numbers the fit has chosen.
    count : float
        Number of observations: the sum of counts, or Kish's effective number where they are weighted.

    References
    ----------
    Schwarz, Ann. Statist. 6 (1978).

    Examples
    --------
    >>> round(bic(-1.0, 2, 100.0), 4)
    2.0921
    """
    return float(-2 * log_likelihood + parameters * np.log(count) / count)
