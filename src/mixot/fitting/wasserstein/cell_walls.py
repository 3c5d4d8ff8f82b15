"""The walls between the cells of points in a Gaussian mixture, and integrals of its components over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import gaussian_walls, integrate_gaussians
from mixot._shapes import Float, Int
from mixot.formulas.gaussian.points_on_line import points_to_line
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import PlaneCells, power_cells
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.threads import thread_count

_ROOT = np.sqrt(2 * np.pi)


@dataclass(frozen=True, eq=False, slots=True)
class Walls:
    """Walls e between cells ``below`` and ``above``, and what the laws N(c, S) have there.

    With ``q = S^-1 (x - c)`` the integrals over each wall are ``zeroth`` of N, ``first`` of q N and ``second`` of
    q q' N. ``normals`` point from the cell below to that above, ``apart`` is the distance of their points, and
    ``shares`` are the masses of each law in each cell.
    """

    below: Int[np.ndarray, " e"]
    above: Int[np.ndarray, " e"]
    normals: Float[np.ndarray, "e d"]
    apart: Float[np.ndarray, " e"]
    zeroth: Float[np.ndarray, "e k"]
    first: Float[np.ndarray, "e k d"]
    second: Float[np.ndarray, "e k d d"]
    shares: Float[np.ndarray, "n k"]


def walls(plan: SemidiscretePlan, law: GaussianTarget) -> Walls:
    """The walls of a plan's cells: points on the line, edges in the plane, faces in space."""
    return {1: _on_line, 2: _in_plane, 3: _in_space}[law.dim](plan, law)


def shares(
    points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"], law: GaussianTarget
) -> Float[np.ndarray, "n k"] | None:
    """Masses of each law in the cells of any potentials, (n, k); None where they are not known."""
    if law.dim == 1:
        from scipy.special import ndtr

        order = np.argsort(points[:, 0], kind="stable")
        y, w = points[order, 0], potentials[order]
        apart = np.diff(y)
        cuts = (y[1:] + y[:-1] - np.diff(w) / np.maximum(apart, 1e-300)) / 2
        if not (apart > 0).all() or (np.diff(cuts) < 0).any():  # some cells are empty
            return None
        below = ndtr(law.line().standardized(cuts))
        out, one = np.empty((len(y), below.shape[1])), np.ones((1, below.shape[1]))
        out[order] = np.diff(np.concatenate([0 * one, below, one]), axis=0)
        return out
    if law.dim == 2:
        return _moments(power_cells(points, potentials, law.bounds), points, law)[:, :, 0]
    return _solid_walls(points, potentials, law)[-1]


def _moments(cells: PlaneCells, points: np.ndarray, law: GaussianTarget) -> Float[np.ndarray, "n k 6"]:
    corners = np.column_stack([cells.corners, np.ones(len(cells.corners))])
    each = np.empty((len(points), len(law.weights), 6))
    arrays = (np.ascontiguousarray(a) for a in (cells.first, points, law.weights, law.means, law.covs))
    integrate_gaussians(corners, *arrays, np.empty((len(points), 6)), each, None, None, thread_count())
    return each


def _on_line(plan: SemidiscretePlan, law: GaussianTarget) -> Walls:
    from scipy.special import ndtr

    points, line = plan.source.points[:, 0].astype(np.float64), law.line()
    ends = points_to_line(points, plan.source.weights, line).ends
    order = np.argsort(points, kind="stable")
    cuts = ends[order[:-1], 1]
    z = line.standardized(cuts)
    below = np.concatenate([np.zeros((1, z.shape[1])), ndtr(z), np.ones((1, z.shape[1]))])
    shares = np.empty((len(points), z.shape[1]))
    shares[order] = np.diff(below, axis=0)
    zeroth, q = np.exp(-z * z / 2) / (line.stds * _ROOT), (z / line.stds)[:, :, None]
    normals, apart = np.ones((len(cuts), 1)), np.diff(points[order])
    first = zeroth[:, :, None] * q
    return Walls(order[:-1], order[1:], normals, apart, zeroth, first, first[:, :, None, :] * q[:, :, :, None], shares)


def _in_plane(plan: SemidiscretePlan, law: GaussianTarget) -> Walls:
    y, cells = plan.source.points.astype(np.float64), plan.cells()
    owner, following = np.repeat(np.arange(len(y)), np.diff(cells.first)), np.arange(len(cells.corners)) + 1
    last = cells.first[1:] > cells.first[:-1]
    following[cells.first[1:][last] - 1] = cells.first[:-1][last]
    once = np.flatnonzero(cells.neighbors > owner)
    i, j = owner[once], cells.neighbors[once]
    off = y[j] - y[i]
    apart = np.maximum(np.linalg.norm(off, axis=1), 1e-300)
    start, end = cells.corners[once], cells.corners[following[once]]
    return Walls(i, j, off / apart[:, None], apart, *_edge_integrals(start, end, law), _moments(cells, y, law)[:, :, 0])


def _in_space(plan: SemidiscretePlan, law: GaussianTarget) -> Walls:
    y = plan.source.points.astype(np.float64)
    below, above, zeroth, first, second, shares = _solid_walls(y, plan.potentials, law)
    off = y[above] - y[below]
    apart = np.maximum(np.linalg.norm(off, axis=1), 1e-300)
    square = second[:, :, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]
    return Walls(below, above, off / apart[:, None], apart, zeroth, first, square, shares)


def _solid_walls(points: np.ndarray, potentials: np.ndarray, law: GaussianTarget) -> tuple[np.ndarray, ...]:
    center, unit = law.bounds.mean(axis=1), float(np.diff(law.bounds).max())
    inner = law.inside(center, unit)
    below, above, zeroth, first, second, shares = gaussian_walls(
        np.ascontiguousarray((points - center) / unit),
        np.ascontiguousarray(potentials / unit**2),
        *(inner.weights, inner.means, inner.covs),
        np.ascontiguousarray((law.bounds - center[:, None]) / unit),
        thread_count(),
    )
    ends = below.view(np.int64), above.view(np.int64)  # C knows two integers of 64 bits
    return *ends, zeroth / unit, first / unit**2, second / unit**3, shares


def _edge_integrals(
    start: np.ndarray, end: np.ndarray, law: GaussianTarget
) -> tuple[Float[np.ndarray, "e k"], Float[np.ndarray, "e k 2"], Float[np.ndarray, "e k 2 2"]]:
    """Integrals of N, q N and q q' N along segments.

    Along u a Gaussian is one in the arc length t, of variance ``1 / (u' S^-1 u)``, and q is affine.
    """
    from scipy.special import ndtr

    length = np.maximum(np.linalg.norm(end - start, axis=1), 1e-300)
    along = (end - start) / length[:, None]
    inverse = np.linalg.inv(law.covs)
    slope = np.einsum("kij,ej->eki", inverse, along)  # dq / dt
    q = np.einsum("kij,ekj->eki", inverse, start[:, None, :] - law.means)
    spread = 1 / np.sqrt(np.einsum("eki,ei->ek", slope, along))
    peak = -np.einsum("eki,ei->ek", q, along) * spread**2
    q += peak[:, :, None] * slope  # where the density is largest, q is across the line
    exponent = np.einsum("eki,kij,ekj->ek", q, law.covs, q, optimize=True)
    height = np.exp(-exponent / 2) / (2 * np.pi * np.sqrt(np.linalg.det(law.covs)))
    a, b = -peak / spread, (length[:, None] - peak) / spread
    swapped = a > 0  # differences of the smaller tails
    mass = ndtr(np.where(swapped, -a, b)) - ndtr(np.where(swapped, -b, a))
    low, high = np.exp(-a * a / 2) / _ROOT, np.exp(-b * b / 2) / _ROOT
    height = height * _ROOT * spread
    zeroth, ones = height * mass, height * spread * (low - high)
    squares = height * spread**2 * (mass + a * low - b * high)
    first = zeroth[:, :, None] * q + ones[:, :, None] * slope
    cross = ones[:, :, None, None] * q[:, :, :, None] * slope[:, :, None, :]
    second = zeroth[:, :, None, None] * q[:, :, :, None] * q[:, :, None, :] + cross + cross.swapaxes(2, 3)
    second += squares[:, :, None, None] * slope[:, :, :, None] * slope[:, :, None, :]
    return zeroth, first, second
