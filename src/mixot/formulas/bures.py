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

    ``|m - n|^2 + tr(a + b - 2 (a^1/2 b a^1/2)^1/2)`` (Delon and Desolneux 2020, eq. 2.8); right for singular
    matrices as it stands.
    """
    xp = array_namespace(m, a, n, b)
    root = sqrtm_psd(a)
    lam = xp.linalg.eigvalsh(root @ b @ root)
    cross = xp.sum(xp.sqrt(xp.clip(lam, min=0.0)), axis=-1)
    trace = xp.sum(xp.linalg.diagonal(a) + xp.linalg.diagonal(b), axis=-1)
    return xp.clip(xp.sum((m - n) ** 2, axis=-1) + trace - 2 * cross, min=0.0)
