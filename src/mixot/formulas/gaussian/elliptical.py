"""What maximum likelihood of elliptical laws is made of: weighted scatter matrices, and what bounds them."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Bool, Float

_REG = 1e-6  # in fits: no variance below this share of the data's, so that no component shrinks to a point


def scatters(
    x: Float[np.ndarray, "n d"], centers: Float[np.ndarray, "k d"], shares: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, "k d d"]:
    """``sum_i shares[i, k] (x_i - c_k) (x_i - c_k)^T``, (n, d), (k, d), (n, k) -> (k, d, d)."""
    out = np.empty((len(centers), x.shape[1], x.shape[1]))
    for k, center in enumerate(centers):
        y = x - center
        out[k] = (y * shares[:, k, None]).T @ y
    return out


def variance_floor(x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " d"]:
    """Least variance that a fit allows along each axis: a share of the data's, or of the widest for a constant axis."""
    weights = np.ascontiguousarray(shares.T).sum(axis=0)  # (k, n): sums over k are then quick
    weights /= weights.sum()
    variances = np.array([weights @ (column - weights @ column) ** 2 for column in np.ascontiguousarray(x.T)])
    top = variances.max()
    return _REG * np.where(variances > 0, variances, top if top > 0 else 1.0)


def clip_spectrum(
    covs: Float[np.ndarray, "k d d"], floor: Float[np.ndarray, " d"]
) -> tuple[Float[np.ndarray, "k d d"], Bool[np.ndarray, " k"]]:
    """The covariances with no variance below ``floor`` in any direction, and which of them had one.

    Of all matrices ``>= D``, D = diag(floor), the answer has the largest Gaussian likelihood for the scatter S.
    """
    units = np.sqrt(floor)
    lam, q = np.linalg.eigh(covs / units[:, None] / units)
    low = lam[:, 0] < 1.0
    # Eigenvalues of D^-1/2 S D^-1/2 are raised to one: the likelihood is largest so, and EM stays monotone.
    raised = (q * np.maximum(lam, 1.0)[:, None, :]) @ q.swapaxes(1, 2) * units[:, None] * units
    return np.where(low[:, None, None], raised, covs), low


def standard_scores(
    x: Float[np.ndarray, " n"], locs: Float[np.ndarray, " k"], scales: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "n k"]:
    """``(x - loc) / scale``; where the scale is 0, an atom: inf from the atom on, -inf before it."""
    away = x[:, None] - locs
    atoms = np.where(away >= 0, np.inf, -np.inf)
    return np.divide(away, scales, out=atoms, where=np.broadcast_to(scales > 0, away.shape))
