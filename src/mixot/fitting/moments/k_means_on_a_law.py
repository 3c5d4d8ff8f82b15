"""Centers for k-means from a mixture: Lloyd's iteration on the mixture itself, not on the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.mixture import Mixture

_NODES = 5  # a component stands for so many points along each of its axes
_MAX_ITER = 50


def gauss_hermite_nodes(mixture: Mixture, count: int = _NODES) -> tuple[np.ndarray, np.ndarray]:
    """Points (k count^d, d) and weights that integrate polynomials of degree 2 count - 1 as the Gaussian mixture does.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> points, weights = gauss_hermite_nodes(Mixture([1.0], Gaussian([2.0], [9.0])))
    >>> round(float(weights @ points[:, 0] ** 2), 9)
    13.0
    """
    line, mass = np.polynomial.hermite_e.hermegauss(count)
    mass = mass / mass.sum()
    d = mixture.dim
    unit = np.array([*product(line, repeat=d)])
    share = np.prod([*product(mass, repeat=d)], axis=1)
    values, vectors = np.linalg.eigh(mixture.components.cov())
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    points = mixture.components.mean()[:, None, :] + unit @ roots.swapaxes(1, 2)
    return points.reshape(-1, d), (mixture.weights[:, None] * share).ravel()


def kmeans_seeds(mixture: Mixture, starts: Sequence[Float[np.ndarray, "k d"]] = ()) -> Float[np.ndarray, "k d"]:
    """Return centers (k, d) from which k-means on data of this law has little left to do.

    Lloyd's iteration on the Gauss-Hermite nodes of the mixture, from its means and from each of ``starts`` (k, d); the
    centers of lowest cost. It costs what k-means on a few hundred points does, whatever the number of data.

    Raises
    ------
    InputError
        Where starts differ in shape from the means.
    """
    means = mixture.components.mean()
    for start in starts:
        if start.shape != means.shape:
            raise InputError(f"starts must have shape {means.shape} like the means, got {start.shape}")
    points, weights = gauss_hermite_nodes(mixture)
    centers = np.stack([means, *starts])
    size = (points**2).sum(axis=1)
    before, total = np.inf, np.full(len(centers), np.inf)
    for _ in range(_MAX_ITER):
        cost = size[:, None] - 2 * points @ centers.swapaxes(1, 2) + (centers**2).sum(axis=2)[:, None, :]
        total = weights @ cost.min(axis=2).T
        if not total.sum() < before - 1e-9 * abs(total.sum()):
            break
        before = total.sum()
        shares = (cost.argmin(axis=2)[:, :, None] == np.arange(len(means))) * weights[:, None]
        mass = shares.sum(axis=1)
        moved = shares.swapaxes(1, 2) @ points / np.where(mass > 0, mass, 1.0)[:, :, None]
        centers = np.where(mass[:, :, None] > 0, moved, centers)
    return centers[int(np.argmin(total))]
