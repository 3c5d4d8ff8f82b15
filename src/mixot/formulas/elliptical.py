"""Elliptical laws ``x = m + sqrt(w) z``, z ~ N(0, S), w independent of z: moments, and weighted scatter matrices."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Bool, Float
from mixot.formulas.moments import exponents


def elliptical_moments(
    locs: Float[np.ndarray, "k d"], scales: Float[np.ndarray, "k d d"], radial: Float[np.ndarray, " j"], order: int
) -> Float[np.ndarray, "k s"]:
    """Raw moments E[x^a], |a| <= order, given ``radial[j] = E[w^j]`` up to j = order // 2.

    Stein's recursion for the Gaussian given w, ``E[x_i x^a] = m_i E[x^a] + w sum_j S_ij a_j E[x^(a - e_j)]``, run on
    the coefficients of the powers of w; columns as in `exponents`.
    """
    k, dim = locs.shape
    powers = exponents(dim, order)
    column = {tuple(power): s for s, power in enumerate(powers.tolist())}
    out = np.zeros((k, len(powers), order // 2 + 1))
    out[:, 0, 0] = 1.0
    for s, power in enumerate(powers.tolist()[1:], start=1):
        i = next(axis for axis in range(dim) if power[axis])
        lower = [value - (axis == i) for axis, value in enumerate(power)]
        out[:, s] = locs[:, i, None] * out[:, column[tuple(lower)]]
        for j in range(dim):
            if lower[j]:
                lowest = [value - (axis == j) for axis, value in enumerate(lower)]
                term = (scales[:, i, j] * lower[j])[:, None] * out[:, column[tuple(lowest)]]
                out[:, s, 1:] += term[:, :-1]
    return out @ radial


def scatters(
    x: Float[np.ndarray, "n d"], centers: Float[np.ndarray, "k d"], shares: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, "k d d"]:
    """``sum_i shares[i, k] (x_i - c_k) (x_i - c_k)^T``, (n, d), (k, d), (n, k) -> (k, d, d)."""
    out = np.empty((len(centers), x.shape[1], x.shape[1]))
    for k, center in enumerate(centers):
        y = x - center
        out[k] = (y * shares[:, k, None]).T @ y
    return out


def clip_spectrum(
    covs: Float[np.ndarray, "k d d"], floor: Float[np.ndarray, " d"]
) -> tuple[Float[np.ndarray, "k d d"], Bool[np.ndarray, " k"]]:
    """The covariances with no variance below ``floor`` in any direction, and which of them had one.

    Eigenvalues of ``D^-1/2 S D^-1/2``, D = diag(floor), are raised to one. Of all matrices ``>= D`` this has the
    largest Gaussian likelihood for the scatter S, so EM stays monotone under the bound.
    """
    units = np.sqrt(floor)
    lam, q = np.linalg.eigh(covs / units[:, None] / units)
    low = lam[:, 0] < 1.0
    raised = (q * np.maximum(lam, 1.0)[:, None, :]) @ q.swapaxes(1, 2) * units[:, None] * units
    return np.where(low[:, None, None], raised, covs), low


def standard_scores(
    x: Float[np.ndarray, " n"], locs: Float[np.ndarray, " k"], scales: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "n k"]:
    """``(x - loc) / scale``; where the scale is 0, an atom: inf from the atom on, -inf before it."""
    away = x[:, None] - locs
    atoms = np.where(away >= 0, np.inf, -np.inf)
    return np.divide(away, scales, out=atoms, where=np.broadcast_to(scales > 0, away.shape))
