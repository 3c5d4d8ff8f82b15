"""Covariances of few observations, drawn towards a target that many determine."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def shrinkage(cov: Float[np.ndarray, "d d"], target: Float[np.ndarray, "d d"], n: int | float) -> float:
    """Share of ``target`` in the mix ``(1 - share) cov + share target`` that comes closest to the true covariance.

    In the metric of the target, ``S = L^-1 cov L^-T`` with ``target = L L'``, the best share is
    ``E |S - E S|^2 / E |S - I|^2``. For Gaussian observations ``(n - 1) E |S - E S|^2 = tr (E S)^2 + (tr E S)^2``, so

        ``share = (tr S^2 + (tr S)^2) / (n |S - I|^2)``,  no less than 1 / n and no more than 1,

    with n in place of n - 1 because ``tr S^2`` and ``(tr S)^2`` overshoot by about that factor. It is the same in any
    linear coordinates. The lower limit counts the target as one more observation: what no observation spreads over
    keeps some width. One observation (n <= 1) leaves the target.

    Parameters
    ----------
    cov : (d, d)
        Unbiased covariance of n observations.
    target : (d, d)
        Positive definite.
    n : number
        How many observations, or their effective number.

    Examples
    --------
    >>> shrinkage(np.diag([2.0, 0.5]), np.eye(2), 40)
    0.21
    >>> shrinkage(np.zeros((2, 2)), np.eye(2), 1)
    1.0

    References
    ----------
    The best share: Ledoit and Wolf, J. Multivariate Anal. 88 (2004), section 2; for Gaussian observations: Chen,
    Wiesel, Eldar and Hero, IEEE Trans. Signal Process. 58 (2010), both towards a multiple of the identity.
    Towards the covariance within all groups: Friedman, J. Amer. Statist. Assoc. 84 (1989).
    """
    if n <= 1:
        return 1.0
    root = np.linalg.cholesky(target)
    half = np.linalg.solve(root, cov)
    seen = np.linalg.solve(root, half.T)
    away = ((seen - np.eye(len(cov))) ** 2).sum()
    noise = (seen**2).sum() + np.trace(seen) ** 2
    return float(np.clip(noise / (n * away), 1 / n, 1.0)) if away > 0 else float(1 / n)


def diagonal_shrinkage(variances: Float[np.ndarray, " d"], target: Float[np.ndarray, " d"], n: int | float) -> float:
    """The same share for independent coordinates, where ``(n - 1) E |S - E S|^2 = 2 tr (E S)^2``.

    Examples
    --------
    >>> round(diagonal_shrinkage(np.array([2.0, 0.5]), np.ones(2), 40), 12)
    0.17
    """
    if n <= 1:
        return 1.0
    seen = variances / target
    away = ((seen - 1) ** 2).sum()
    return float(np.clip(2 * (seen**2).sum() / (n * away), 1 / n, 1.0)) if away > 0 else float(1 / n)
