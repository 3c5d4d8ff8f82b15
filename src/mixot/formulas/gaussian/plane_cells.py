"""Integrals of Gaussians over convex regions of the plane, bounded or not, to rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixot._native import gaussian_derivatives, integrate_gaussians
from mixot._shapes import ArrayLike, Float, Int
from mixot.threads import thread_count


@dataclass(frozen=True, eq=False, slots=True)
class Regions:
    """n convex regions of the plane, each its corners counterclockwise.

    A row ``(x, y, 1)`` of ``corners`` is a corner, ``(x, y, 0)`` the direction of one at infinity; region i has the
    rows ``start[i]`` to ``start[i + 1]``, and edge v runs from row v to the next of its region. Directions that follow
    each other turn by less than half a turn: a half-plane is ``(P, 1), (u, 0), (-n, 0), (-u, 0)`` with P on its border,
    u along it and n the outward normal, and the plane is three directions. A region without corners is empty.

    Examples
    --------
    >>> plane = Regions.of([[(1, 0, 0), (-1, 1, 0), (-1, -1, 0)]])
    >>> region_moments(plane, [[0.0, 0.0]], [1.0], [[1.0, 2.0]], [np.eye(2)]).round(12).tolist()
    [[1.0, 1.0, 2.0, 2.0, 2.0, 5.0]]
    """

    corners: Float[np.ndarray, "v 3"]
    start: Int[np.ndarray, " n1"]

    @classmethod
    def of(cls, regions: Sequence[ArrayLike]) -> Regions:
        """Regions from lists of corners, (v, 2) where all are finite or (v, 3)."""
        rows = [np.asarray(region, dtype=np.float64) for region in regions]
        full = [np.column_stack([r, np.ones(len(r))]) if r.shape[1:] == (2,) else r.reshape(-1, 3) for r in rows]
        start = np.cumsum([0, *(len(r) for r in full)], dtype=np.int64)
        return cls(np.ascontiguousarray(np.concatenate([*full, np.empty((0, 3))])), start)

    def __len__(self) -> int:
        return len(self.start) - 1


def region_moments(
    regions: Regions, centers: ArrayLike, weights: ArrayLike, means: ArrayLike, covs: ArrayLike
) -> Float[np.ndarray, "n 6"]:
    """Integrals of 1, x, y, x^2, x y, y^2, seen from each region's center, times ``sum_k weights[k] N(m_k, S_k)``.

    Whitened polygons have them as sums over their edges, by Green's theorem: see
    ``native/densities/gaussian_edges.hpp``. Absolute errors are a few 1e-16 of the largest moment; masses are not
    negative, and far from all means they keep their digits relative to themselves (up to the rounding of the corners).

    Parameters
    ----------
    regions : Regions
        n of them.
    centers : (n, 2)
        What the moments are taken about.
    weights, means, covs : (k,), (k, 2), (k, 2, 2)
        The sum of Gaussians, covariances positive definite.

    Returns
    -------
    (n, 6)
        1, x, y, x^2, x y, y^2
    """
    total = np.empty((len(regions), 6))
    integrate_gaussians(*_arrays(regions, centers, weights, means, covs), total, None, None, None, thread_count())
    return total


def region_moments_each(
    regions: Regions, centers: ArrayLike, means: ArrayLike, covs: ArrayLike
) -> Float[np.ndarray, "n k 6"]:
    """The same for each law on its own, (n, k, 6)."""
    arrays = _arrays(regions, centers, np.ones(len(np.asarray(means))), means, covs)
    total, each = np.empty((len(regions), 6)), np.empty((len(regions), len(arrays[3]), 6))
    integrate_gaussians(*arrays, total, each, None, None, thread_count())
    return each


def edge_integrals(regions: Regions, weights: ArrayLike, means: ArrayLike, covs: ArrayLike) -> Float[np.ndarray, " v"]:
    """Integrals of ``sum_k weights[k] N(m_k, S_k)`` by arc length along each edge, segment or ray; zero at infinity."""
    arrays = _arrays(regions, np.zeros((len(regions), 2)), weights, means, covs)
    total, lines = np.empty((len(regions), 6)), np.empty(len(regions.corners))
    integrate_gaussians(*arrays, total, None, lines, None, thread_count())
    return lines


@dataclass(frozen=True, eq=False, slots=True)
class MixtureGradient:
    """Derivatives of a cost with respect to a Gaussian mixture.

    ``weights`` is defined up to a constant, since weights sum to one; ``covs`` are symmetric: the change of the cost is
    ``sum_ij covs[k, i, j] dS_k[i, j]``.
    """

    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k d"]
    covs: Float[np.ndarray, "k d d"]


def transport_gradient(
    regions: Regions,
    points: Float[np.ndarray, "n 2"],
    potentials: Float[np.ndarray, " n"],
    law: tuple[ArrayLike, ArrayLike, ArrayLike],
) -> MixtureGradient:
    """Derivatives of ``int min_i (|x - y_i|^2 - w_i) f(x) dx`` with respect to f, the sum of Gaussians.

    The regions are the Laguerre cells of the points y and the potentials w. At the potentials of optimal transport
    from the points to f these are the derivatives of ``W2^2``. For component k of weight a, mean c and covariance S,
    with phi the minimum,

        d/da = int phi N,   d/dc = a sum_i 2 int_i (x - y_i) N,   d/dS = a sym sum_i int_i (x - y_i) (x - c)' N S^-1,

    by parts, since phi is continuous, from ``dN/dc = -grad N`` and ``dN/dS = 1/2 grad grad' N``.
    """
    arrays = _arrays(regions, points, *law)
    weights, means, covs = arrays[3:]
    sums = np.empty((len(weights), 7))
    corners, start, y = arrays[:3]
    gaussian_derivatives(
        corners,
        start,
        y,
        np.ascontiguousarray(potentials, dtype=np.float64),
        weights,
        means,
        covs,
        sums,
        thread_count(),
    )
    bent = np.linalg.solve(covs, sums[:, 3:].reshape(-1, 2, 2).swapaxes(1, 2))  # S^-1 times the transposed sums
    spread = (bent + bent.swapaxes(1, 2)) / 2
    return MixtureGradient(sums[:, 0], 2 * weights[:, None] * sums[:, 1:3], weights[:, None, None] * spread)


def _arrays(regions: Regions, centers: ArrayLike, *law: ArrayLike) -> tuple[np.ndarray, ...]:
    """What the compiled loops read."""
    return regions.corners, regions.start, *(np.ascontiguousarray(a, dtype=np.float64) for a in (centers, *law))
