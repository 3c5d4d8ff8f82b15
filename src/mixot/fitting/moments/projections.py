"""Data of many dimensions, seen along the few in which relaxations are small enough to solve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture

_KEPT = 2


@dataclass(frozen=True, eq=False)
class Projection:
    """Samples seen through ``x @ matrix``, orthonormal columns; the way back for mixtures, and the view of them."""

    measure: Samples
    matrix: Float[np.ndarray, "d e"]
    note: str
    lift: Callable[[Mixture], Mixture]
    see: Callable[[Mixture], Mixture]


def project(data: Measure, how: str) -> Projection:
    """Two principal components of the samples ("pca"), or the pair of coordinates that look least Gaussian ("pairs").

    A mixture found there is lifted by its responsibilities: each component gets the weighted mean and covariance that
    its share of the points has in all dimensions.
    """
    if not isinstance(data, Samples):
        raise UnsupportedError(
            f"moments in dimension {data.dim} are too many for a relaxation; project the measure to at most three "
            "dimensions first, or pass samples"
        )
    x = data.points.astype(np.float64)
    center = data.weights @ x
    if how == "pca":
        lam, q = np.linalg.eigh(data.cov())
        matrix = q[:, ::-1][:, :_KEPT]
        held = lam[::-1][:_KEPT].sum() / lam.sum()
        note = f"projected to {_KEPT} principal components, which hold {held:.0%} of the variance"
    else:
        pair = max(combinations(range(data.dim), 2), key=lambda axes: _not_gaussian(x[:, axes], data.weights))
        matrix = np.eye(data.dim)[:, pair]
        note = f"projected to the coordinates {pair[0]} and {pair[1]}, the pair that looks least Gaussian"
    flat = (x - center) @ matrix

    def lift(mixture: Mixture) -> Mixture:
        shares = mixture.responsibilities(flat) * data.weights[:, None]
        mass = shares.sum(axis=0)
        kept = mass > 1e-9
        shares = shares[:, kept] / mass[kept]
        means = shares.T @ x
        covs = np.stack([((x - m) * s[:, None]).T @ (x - m) for m, s in zip(means, shares.T, strict=True)])
        floor = 1e-6 * np.diag(np.diagonal(data.cov()))
        return Mixture(mass[kept] / mass[kept].sum(), Gaussian(means, covs + floor))

    def see(mixture: Mixture) -> Mixture:
        return mixture.affine(matrix.T, -center @ matrix)

    return Projection(data.moved(flat), np.ascontiguousarray(matrix), note, lift, see)


def structured(mixture: Mixture, structure: str) -> Mixture:
    """A Gaussian mixture with the covariances that a structure keeps of its own."""
    if structure not in ("diagonal", "spherical"):
        return mixture
    variances = np.einsum("kii->ki", mixture.components.cov())
    if structure == "spherical":
        variances = np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape)
    return Mixture(mixture.weights, DiagonalGaussian(mixture.components.mean(), variances))


def _not_gaussian(x: np.ndarray, weights: np.ndarray) -> float:
    """How far moments of degree 3 and 4 of whitened points are from a Gaussian law's: squares of standard errors."""
    y = x - weights @ x
    lam, q = np.linalg.eigh((y * weights[:, None]).T @ y)
    if lam[0] <= 1e-12 * lam[-1]:
        return -np.inf
    z = y @ q / np.sqrt(lam)
    powers = [(a, n - a) for n in (3, 4) for a in range(n + 1)]
    double = {0: 1, 1: 0, 2: 1, 3: 0, 4: 3, 6: 15, 8: 105}
    total = 0.0
    for a, b in powers:
        expected = double[a] * double[b]
        variance = double[2 * a] * double[2 * b] - expected**2
        total += (float(weights @ (z[:, 0] ** a * z[:, 1] ** b)) - expected) ** 2 / variance
    return total
