"""W2 barycenters of Gaussian laws, batched over tuples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.formulas.bures import sqrtm_psd


@dataclass(frozen=True, eq=False, slots=True)
class Barycenters:
    """Covariances of s barycenters, what each costs, and how well it solves its fixed-point equation."""

    covs: Float[np.ndarray, "s d d"]
    costs: Float[np.ndarray, " s"]
    residuals: Float[np.ndarray, " s"]


def mean_barycenter(
    points: Float[np.ndarray, "s j d"], weights: Float[np.ndarray, " j"]
) -> tuple[Float[np.ndarray, "s d"], Float[np.ndarray, " s"]]:
    """Weighted means of s tuples of points and their weighted squared deviations, (s, j, d) -> (s, d), (s,)."""
    center = np.einsum("j,sjd->sd", weights, points)
    return center, np.einsum("j,sjd->s", weights, (points - center[:, None]) ** 2)


def gaussian_barycenter(
    covs: Float[np.ndarray, "s j d d"], weights: Float[np.ndarray, " j"], *, tol: float = 1e-12
) -> Barycenters:
    """Barycenters of s tuples of centred Gaussian laws."""
    s = np.einsum("j,sjab->sab", weights, covs)
    residual = np.full(len(s), np.inf)
    for _ in range(1000):
        root = sqrtm_psd(s)
        middle = np.einsum("j,sjab->sab", weights, sqrtm_psd(root[:, None] @ covs @ root[:, None]))
        residual = np.linalg.norm(middle - s, axis=(1, 2)) / np.linalg.norm(s, axis=(1, 2))
        if (residual <= tol).all():
            break
        inv = np.linalg.inv(root)
        s = inv @ middle @ middle @ inv
    trace = np.einsum("j,sjaa->s", weights, covs)
    return Barycenters(s, trace - np.einsum("saa->s", s), residual)
