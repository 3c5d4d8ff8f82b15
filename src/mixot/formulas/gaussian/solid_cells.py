"""Integrals of Gaussians over convex polyhedra, to rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixot._native import integrate_faces, solid_gaussian_derivatives
from mixot._shapes import ArrayLike, Float
from mixot.formulas.gaussian.plane_cells import MixtureGradient
from mixot.threads import thread_count

Law = tuple[ArrayLike, ArrayLike, ArrayLike]


def face_integrals(
    faces: Sequence[ArrayLike], weights: ArrayLike, means: ArrayLike, covs: ArrayLike
) -> tuple[Float[np.ndarray, "f 10"], Float[np.ndarray, " f"]]:
    """What flat faces add to integrals of ``f = sum_k weights[k] N(m_k, S_k)`` over the polyhedron that they bound.

    Summed over the faces of a bounded convex polyhedron the first array has the integrals of f times 1, x, y, z, x^2,
    y^2, z^2, x y, x z, y z; the second has the integral of f over each face, by area. Whitened faces have them as sums
    over their edges, by the divergence theorem: see ``native/densities/gaussian_faces.hpp``. Absolute errors are about
    1e-15 of the largest moment.

    Parameters
    ----------
    faces : list of (v, 3)
        The corners of each, counterclockwise seen from outside.
    weights, means, covs : (k,), (k, 3), (k, 3, 3)
        The sum of Gaussians, covariances positive definite.

    Examples
    --------
    >>> corners = 20 * np.array([[-1.0, -1, -1], [3, -1, -1], [-1, 3, -1], [-1, -1, 3]])
    >>> faces = [corners[list(face)] for face in ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))]
    >>> moments, _ = face_integrals(faces, [1.0], [[1.0, 2.0, 3.0]], [np.eye(3)])
    >>> moments.sum(axis=0).round(12).tolist()
    [1.0, 1.0, 2.0, 3.0, 2.0, 5.0, 10.0, 2.0, 3.0, 6.0]
    """
    rows = [np.asarray(face, dtype=np.float64) for face in faces]
    start = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    moments, areas = np.empty((len(rows), 10)), np.empty(len(rows))
    integrate_faces(np.ascontiguousarray(np.concatenate(rows)), start, *_arrays((weights, means, covs)), moments, areas)
    return moments, areas


def transport_gradient_in_space(
    bounds: Float[np.ndarray, "3 2"],
    points: Float[np.ndarray, "n 3"],
    potentials: Float[np.ndarray, " n"],
    law: Law,
) -> MixtureGradient:
    """Derivatives of ``int min_i (|x - y_i|^2 - w_i) f(x) dx`` over a box with respect to f, the sum of Gaussians.

    The formulas are those of `mixot.formulas.gaussian.plane_cells.transport_gradient` in the plane; the box must hold
    all but nothing of the mass.
    """
    weights, means, covs = _arrays(law)
    center, unit = bounds.mean(axis=1), float(np.diff(bounds).max())
    sums = np.empty((len(weights), 13))
    solid_gaussian_derivatives(
        *_arrays(((points - center) / unit, potentials / unit**2)),
        weights,
        *_arrays(((means - center) / unit, covs / unit**2, (bounds - center[:, None]) / unit)),
        thread_count(),
        sums,
    )
    by_place = np.linalg.solve(covs / unit**2, sums[:, 4:].reshape(-1, 3, 3).swapaxes(1, 2))  # S^-1 int (x - c)(x - y)'
    spread = (by_place + by_place.swapaxes(1, 2)) / 2
    return MixtureGradient(
        unit**2 * sums[:, 0], 2 * unit * weights[:, None] * sums[:, 1:4], weights[:, None, None] * spread
    )


def _arrays(arrays: Sequence[ArrayLike]) -> tuple[np.ndarray, ...]:
    """What the compiled loops read."""
    return tuple(np.ascontiguousarray(array, dtype=np.float64) for array in arrays)
