"""Squared W2 between Gaussian laws (the Bures-Wasserstein distance), batched over any leading axes."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def sqrtm_psd(a: Float[np.ndarray, "*batch d d"]) -> Float[np.ndarray, "*batch d d"]:
    """Symmetric square root of PSD matrices, (..., d, d) -> (..., d, d)."""
    lam, q = np.linalg.eigh(a)
    root = np.sqrt(np.maximum(lam, 0.0))
    return (q * root[..., None, :]) @ q.swapaxes(-1, -2)


def bures_cost(
    m: Float[np.ndarray, "... d"],
    a: Float[np.ndarray, "... d d"],
    n: Float[np.ndarray, "... d"],
    b: Float[np.ndarray, "... d d"],
) -> Float[np.ndarray, "..."] | float:
    """Squared W2 between N(m, a) and N(n, b), (..., d), (..., d, d) twice -> (...).

    ``|m - n|^2 + tr(a + b - 2 (a^1/2 b a^1/2)^1/2)`` (Delon and Desolneux 2020, eq. 2.7); right for singular
    matrices as it stands.
    """
    root = sqrtm_psd(a)
    lam = np.linalg.eigvalsh(root @ b @ root)
    cross = np.sqrt(np.maximum(lam, 0.0)).sum(axis=-1)
    trace = np.trace(a, axis1=-2, axis2=-1) + np.trace(b, axis1=-2, axis2=-1)
    return np.maximum(((m - n) ** 2).sum(axis=-1) + trace - 2 * cross, 0.0)


def procrustes_cost(
    f: Float[np.ndarray, "... r d"], g: Float[np.ndarray, "... r d"]
) -> Float[np.ndarray, "..."] | float:
    """Squared W2 between N(0, f^T f) and N(0, g^T g), (..., r, d) twice -> (...).

    ``min |f - u g|_F^2`` over orthogonal u (r, r), reached by the polar factor of ``f g^T``; equal to `bures_cost`
    without its cancellation: the result is never negative, and an error in u counts only squared (Bhatia, Jain and
    Lim 2019, Theorem 1).
    """
    p, _, qt = np.linalg.svd(f @ g.swapaxes(-1, -2), full_matrices=False)
    return ((f - p @ (qt @ g)) ** 2).sum(axis=(-2, -1))
