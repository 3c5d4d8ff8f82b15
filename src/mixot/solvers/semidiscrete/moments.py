"""Moments of a density over cells: what is known of a diagram without drawing it."""

from __future__ import annotations

import numpy as np

from mixot._native import pixel_moments, voxel_moments
from mixot._shapes import Float
from mixot.measures import Grid
from mixot.solvers.semidiscrete.frame import UnitFrame
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.line import moments_on_line
from mixot.threads import thread_count

MONOMIALS = {1: 3, 2: 6, 3: 10}  # how many there are up to degree two
_PAIRS = {1: ((0, 0),), 2: ((0, 0), (0, 1), (1, 1)), 3: ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))}


def cell_moments(
    points: Float[np.ndarray, "n d"],
    potentials: Float[np.ndarray, " n"],
    density: Grid | GaussianTarget,
    *,
    center: Float[np.ndarray, " d"] | None = None,
) -> Float[np.ndarray, "n s"]:
    """Moments of a density over the cells of any potentials: integrals of monomials over each cell.

    On the line those of 1, x and x^2, in the plane of 1, x, y, x^2, x y and y^2, in space of 1, x, y, z, x^2, y^2, z^2,
    x y, x z and y z; seen from ``center``, or the origin. Exact for the density that a grid or a mixture describes, up
    to rounding.

    Examples
    --------
    >>> grid = Grid(np.ones((3, 3)), [[0, 1], [0, 1]])
    >>> cell_moments(np.array([[0.2, 0.3]]), np.zeros(1), grid).round(12).tolist()
    [[1.0, 0.5, 0.5, 0.333333333333, 0.25, 0.333333333333]]
    """
    frame, d = UnitFrame.around(density), density.dim
    if d == 1:
        return moments_on_line(points[:, 0], potentials, density, 0.0 if center is None else float(center[0]))
    args = frame.inward(points), np.ascontiguousarray(potentials / frame.unit**2)
    if isinstance(density, Grid):
        out = np.empty((len(points), MONOMIALS[d]))
        kernel = voxel_moments if d == 3 else pixel_moments
        kernel(*args, np.ascontiguousarray(density.values), frame.bounds, density.degree, thread_count(), out)
    else:
        out = density.inside(frame.center, frame.unit).moments(*args, frame.bounds)
    m, first, u = out[:, 0].copy(), out[:, 1 : 1 + d] * frame.unit, frame.unit
    away = frame.center if center is None else frame.center - center
    out[:, 1 : 1 + d] = first + m[:, None] * away
    for at, (a, b) in enumerate(_PAIRS[d], 1 + d):
        out[:, at] = out[:, at] * u**2 + away[a] * first[:, b] + away[b] * first[:, a] + away[a] * away[b] * m
    return out


def second_moments(moments: Float[np.ndarray, "n s"]) -> Float[np.ndarray, " n"]:
    """Integrals of ``|x|^2`` from the rows of `cell_moments`."""
    return moments[:, 4:7].sum(axis=1) if moments.shape[1] == MONOMIALS[3] else moments[:, 3] + moments[:, 5]
