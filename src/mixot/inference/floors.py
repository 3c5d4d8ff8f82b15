"""Floors that a fit suggests: what the covariances of a mixture must at least be, for its likelihood to be bounded."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float

KINDS = ("common", "shapes")
_EQUAL = 1e-9  # shapes that differ by less, as shares of their size, are one


def common_floor(covs: Float[np.ndarray, "k d d"]) -> Float[np.ndarray, "d d"]:
    """Return the matrix A of the largest determinant below all of some covariances, (k, d, d) -> (d, d).

    ``max log det A`` subject to ``covs[k] - A`` positive semi-definite for all k: the largest ellipsoid inside those of
    all covariances. A barrier method; the answer is below all of them, and within 1e-5 of the largest ``log det``.

    Examples
    --------
    >>> import numpy as np
    >>> common_floor(np.array([[[4.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 4.0]]])).round(4).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if covs.shape[1] == 1 or len(covs) == 1:
        return covs[int(covs[:, 0, 0].argmin())].copy()
    root = np.linalg.cholesky(covs.mean(axis=0))
    back = np.linalg.inv(root)
    white = back @ covs @ back.T  # in units in which none of them is far from the identity
    inner = root @ _inner_ellipsoid(white) @ root.T
    return (inner + inner.T) / 2


def _inner_ellipsoid(covs: Float[np.ndarray, "k d d"]) -> Float[np.ndarray, "d d"]:
    from scipy.optimize import minimize  # only now: a certificate of given floors needs no optimizer

    dim = covs.shape[1]
    entries = np.tril_indices(dim)
    lowest = float(np.linalg.eigvalsh(covs)[:, 0].min())
    x = (np.sqrt(0.9 * lowest) * np.eye(dim))[entries]

    def matrix(x: np.ndarray) -> np.ndarray:
        factor = np.zeros((dim, dim))
        factor[entries] = x
        return factor

    def barrier(x: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        factor = matrix(x)
        inner = factor @ factor.T
        values, vectors = np.linalg.eigh(covs - inner)
        sign, log_det = np.linalg.slogdet(inner)
        if sign <= 0 or values.min() <= 0:
            return 1e10, np.zeros_like(x)
        pull = np.einsum("kij,kj,klj->il", vectors, 1 / values, vectors)
        slope = 2 * (strength * pull - np.linalg.inv(inner)) @ factor
        return float(-log_det - strength * np.log(values).sum()), slope[entries]

    for strength in 10.0 ** -np.arange(7):
        x = minimize(barrier, x, args=(strength,), jac=True, method="BFGS").x
    factor = matrix(x)
    inner = factor @ factor.T
    return inner * (1 - 1e-12)


def fitted_floors(covs: Float[np.ndarray, "k d d"], kind: str) -> Float[np.ndarray, "j d d"]:
    """The floors that a fit suggests: one below all its covariances, or each of them."""
    if kind == "common":
        return common_floor(covs)[None]
    kept: list[np.ndarray] = []
    for cov in covs:
        if all(np.abs(cov - other).max() > _EQUAL * np.abs(other).max() for other in kept):
            kept.append(cov)
    return np.stack(kept)


def is_above(covs: Float[np.ndarray, "k d d"], floors: Float[np.ndarray, "j d d"]) -> bool:
    """Whether each covariance is at least one of the floors, S - A positive semi-definite."""
    roots = np.linalg.inv(np.linalg.cholesky(floors))
    lowest = np.linalg.eigvalsh(roots[None] @ covs[:, None] @ roots[None].swapaxes(-1, -2))[..., 0]
    return bool((lowest.max(axis=1) >= 1 - 1e-9).all())
