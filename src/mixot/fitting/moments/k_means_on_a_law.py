"""Centers for k-means from a mixture: Lloyd's iteration on the mixture itself, not on the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.fitting.likelihood.starts.k_means import lloyd, squared_distances
from mixot.mixture import Mixture

_NODES = 5  # a component stands for so many points along each of its axes
_MAX_ITER = 50
_SAME = 1e-9  # centers whose costs are so close are the same: the first are taken, whatever the rounding


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


def kmeans_centers(mixture: Mixture, starts: Sequence[Float[np.ndarray, "k d"]] = ()) -> Float[np.ndarray, "k d"]:
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
    ends = [lloyd(points, weights, start, max_iter=_MAX_ITER).centers for start in (means, *starts)]
    costs = np.array([float(weights @ squared_distances(points, end).min(axis=1)) for end in ends])
    return ends[int(np.argmax(costs <= costs.min() * (1 + _SAME)))]
