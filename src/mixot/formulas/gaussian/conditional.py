"""Conditional laws of Gaussian, and so of elliptical laws: some coordinates given the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float, Int
from mixot.formulas.gaussian.support import Support

_FLAT = 1e-13  # of a variance: what is left of it, below which nothing is left but rounding


@dataclass(frozen=True, eq=False, slots=True)
class Regression:
    """The law of some coordinates y of each of k laws, given the others x: ``E[y | x] = mean_y + gain (x - mean_x)``.

    ``left`` is the covariance of y given x, and ``whiten`` makes ``|whiten' (x - mean_x)|^2`` the squared Mahalanobis
    distance of x. Where the covariance of x is singular, x is taken to lie on its support.
    """

    gain: Float[np.ndarray, "k m o"]
    left: Float[np.ndarray, "k m m"]
    whiten: tuple[Float[np.ndarray, "o r"], ...]


def regression(covs: Float[np.ndarray, "k d d"], known: Int[np.ndarray, " o"]) -> Regression:
    """The regression of the coordinates that are not ``known`` on those that are, ``S_yx S_xx^-1`` and ``S_yy - ...``.

    Examples
    --------
    >>> found = regression(np.array([[[4.0, 2.0], [2.0, 2.0]]]), np.array([0]))
    >>> found.gain.tolist(), found.left.tolist()
    ([[[0.5]]], [[[1.0]]])
    """
    d = covs.shape[1]
    unknown = np.setdiff1d(np.arange(d), known)
    gain, left, whiten = [], [], []
    for cov in covs:
        support = Support.of(np.zeros(len(known)), cov[np.ix_(known, known)])
        across = cov[np.ix_(unknown, known)] @ support.whiten
        gain.append(across @ support.whiten.T)
        left.append(_without(cov[np.ix_(unknown, unknown)], across))
        whiten.append(support.whiten)
    return Regression(np.stack(gain), np.stack(left), tuple(whiten))


def conditional_means(
    means: Float[np.ndarray, "k d"], law: Regression, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"]
) -> Float[np.ndarray, "n k m"]:
    """Means of the unknown coordinates of each law given each of the points x, (n, k, m)."""
    away = x[:, None, :] - means[:, known]
    return np.delete(means, known, axis=1) + np.einsum("nko,kmo->nkm", away, law.gain)


def _without(cov: np.ndarray, across: np.ndarray) -> np.ndarray:
    """``cov - across across'``, positive semi-definite whatever the rounding."""
    units = np.sqrt(np.diagonal(cov))
    units = np.where(units > 0, units, 1.0)
    rest = (cov - across @ across.T) / units / units[:, None]
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    if values[0] < _FLAT:
        rest = (vectors * np.where(values > _FLAT, values, 0.0)) @ vectors.T
    rest = rest * units * units[:, None]
    return (rest + rest.T) / 2
