"""Squared W2 between Gaussian laws (the Bures-Wasserstein distance), batched over any leading axes."""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace


def sqrtm_psd(a: Any) -> Any:
    """Symmetric square root of PSD matrices, (..., d, d) -> (..., d, d)."""
    xp = array_namespace(a)
    lam, q = xp.linalg.eigh(a)
    root = xp.sqrt(xp.clip(lam, min=0.0))
    return (q * root[..., None, :]) @ xp.linalg.matrix_transpose(q)


def bures_cost(m: Any, a: Any, n: Any, b: Any) -> Any:
    """Squared W2 between N(m, a) and N(n, b), (..., d), (..., d, d) twice -> (...).

    ``|m - n|^2 + tr(a + b - 2 (a^1/2 b a^1/2)^1/2)`` (Delon and Desolneux 2020, eq. 2.7); right for singular
    matrices as it stands.
    """
    xp = array_namespace(m, a, n, b)
    root = sqrtm_psd(a)
    lam = xp.linalg.eigvalsh(root @ b @ root)
    cross = xp.sum(xp.sqrt(xp.clip(lam, min=0.0)), axis=-1)
    trace = xp.sum(xp.linalg.diagonal(a) + xp.linalg.diagonal(b), axis=-1)
    return xp.clip(xp.sum((m - n) ** 2, axis=-1) + trace - 2 * cross, min=0.0)


def procrustes_cost(f: Any, g: Any) -> Any:
    """Squared W2 between N(0, f^T f) and N(0, g^T g), (..., r, d) twice -> (...).

    ``min |f - u g|_F^2`` over orthogonal u (r, r), reached by the polar factor of ``f g^T``; equal to `bures_cost`
    without its cancellation: the result is never negative, and an error in u counts only squared (Bhatia, Jain and
    Lim 2019, Theorem 1).
    """
    xp = array_namespace(f, g)
    p, _, qt = xp.linalg.svd(f @ xp.linalg.matrix_transpose(g), full_matrices=False)
    return xp.sum((f - p @ (qt @ g)) ** 2, axis=(-2, -1))
