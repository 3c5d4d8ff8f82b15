"""W2 between Gaussian mixtures in the plane from both sides, through points that stand for one of them."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.formulas.gaussian.plane_cells import Regions, region_moments
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import PlaneCells, power_cells
from mixot.solvers.semidiscrete.moments import cell_moments
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport.plans import gaussian_target
from mixot.transport.quantize import quantize

_MASS_TOL = 1e-12
_LEAST = 1e-11  # mass of a point that is worth having
_RINGS, _AROUND = (4.0, 5.2, 6.5), 16  # standard deviations at which further points surround a component, and how many
_ROUNDING = 1e-12  # floating-point error of a squared distance, as a share of the second moments
_OUTWARD = np.array([[0.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])  # normal of side -s of a box


def semidiscrete_sandwich(p: Mixture, q: Mixture, n: int) -> tuple[float, float]:
    """Return ``(lower, upper)`` with ``lower <= W2(p, q) <= upper``, for Gaussian mixtures in the plane.

    The less spread of the two, say p, is quantized to n points and a few in its tails, y_i with Voronoi cells of mass
    nu_i, and these are transported to q. Both sides miss W2^2 by about 1 / n.

    - Above: the parts of p and q that belong to one point are coupled independently.
    - Below: the potentials w of the points give ``phi(z) = min_i |z - y_i|^2 - w_i`` on the side of q, and on that of p
      ``psi(x) = min_z |x - z|^2 - phi(z)``, so that ``int psi dp + int phi dq`` is a value of the dual. In z that is
      linear on each Laguerre cell, hence least at one of their corners: psi is known from finitely many corners v, and
      corner v has the x in the triangle of the points whose cells meet in it (`_dual_regions`).

    A margin of 1e-12 of the second moments stands against rounding in these sums, and for the mass of q beyond 12
    standard deviations. The points are those of an iteration that stops at a tolerance: other last bits of p or q give
    others, whose bounds hold as well and differ by some 1e-5.
    """
    if np.trace(p.cov()) > np.trace(q.cov()):
        p, q = q, p
    origin = p.mean()
    source, target = (gaussian_target(law.affine(1.0, -origin)) for law in (p, q))
    points, near = _with_tails(quantize(source.measure, n, weights="free", tol=0.03, rng=0).samples.points, source)
    weights = near[:, 0] / near[:, 0].sum()
    plan = Semidiscrete(tol=_MASS_TOL).solve(Samples(points, weights), target)
    there = cell_moments(points, plan.potentials, target)
    margin = _ROUNDING * (_second(source) + _second(target))
    lower = _dual_value(points, plan.potentials, there, source, target) - margin
    upper = _glued(near, there) + margin
    return float(np.sqrt(max(lower, 0.0))), float(np.sqrt(upper))


def _with_tails(points: np.ndarray, law: GaussianTarget) -> tuple[np.ndarray, np.ndarray]:
    """The points and rings around all components, those whose Voronoi cells have mass, with moments of the cells.

    Outside of the points' convex hull psi falls as steeply as the box is large: there should be no mass.
    """
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    roots = np.linalg.cholesky(law.covs)
    rings = np.concatenate(
        [
            mean + radius * np.column_stack([np.cos(angle + 0.2 * s), np.sin(angle + 0.2 * s)]) @ root.T
            for mean, root in zip(law.means, roots, strict=True)
            for s, radius in enumerate(_RINGS)
        ]
    )
    off = np.linalg.solve(roots[None], (rings[:, None] - law.means)[..., None])[..., 0]
    rings = rings[(off**2).sum(axis=2).min(axis=1) > 0.99 * _RINGS[0] ** 2]
    points = np.concatenate([points, rings])
    moments = cell_moments(points, np.zeros(len(points)), law)
    while (moments[:, 0] <= _LEAST).any():
        points = points[moments[:, 0] > _LEAST]
        moments = cell_moments(points, np.zeros(len(points)), law)
    return points, moments


def _dual_value(
    points: np.ndarray, potentials: np.ndarray, there: np.ndarray, source: GaussianTarget, target: GaussianTarget
) -> float:
    """``int psi dp + int phi dq`` for the phi of these potentials."""
    moved = there[:, 3] + there[:, 5] - 2 * (points * there[:, 1:3]).sum(axis=1) + (points**2).sum(axis=1) * there[:, 0]
    cells = power_cells(points, potentials, target.bounds)
    regions, at = _dual_regions(points, cells)
    corners = cells.corners[at]
    own = np.repeat(np.arange(len(cells)), np.diff(cells.first))[at]
    phi = ((corners - points[own]) ** 2).sum(axis=1) - potentials[own]
    parts = region_moments(regions, corners, source.weights, source.means, source.covs)
    if abs(parts[:, 0].sum() - 1) > 1e-9:  # cells that do not fit together would prove nothing
        return 0.0
    psi = parts[:, 3] + parts[:, 5] - phi * parts[:, 0]
    return float(moved.sum() - potentials @ there[:, 0] + psi.sum())


def _dual_regions(points: Float[np.ndarray, "n 2"], cells: PlaneCells) -> tuple[Regions, np.ndarray]:
    """Where in the plane which corner of the cells is the best, and the place of each among all corners.

    A corner where three cells meet has the triangle of their points; one on a side of the box the half-strip from the
    points of its two cells outward; a corner of the box what lies between the normals of its two sides.
    """
    count = np.diff(cells.first)
    own, after = np.repeat(np.arange(len(cells)), count), cells.neighbors
    before = np.empty_like(after)
    before[1:] = after[:-1]
    full = count > 0
    before[cells.first[:-1][full]] = after[cells.first[1:][full] - 1]
    inner = np.flatnonzero((before >= 0) & (after >= 0) & (own < before) & (own < after))
    side, end = np.flatnonzero((before >= 0) & (after < 0)), np.flatnonzero((before < 0) & (after < 0))

    def at(index: np.ndarray) -> np.ndarray:
        return np.column_stack([points[index], np.ones(len(index))])

    def beyond(index: np.ndarray) -> np.ndarray:
        return np.column_stack([_OUTWARD[-index], np.zeros(len(index))])

    rows = [
        np.stack([at(own[inner]), at(before[inner]), at(after[inner])], axis=1),
        np.stack([at(own[side]), at(before[side]), beyond(after[side])], axis=1),
        np.stack([at(own[end]), beyond(before[end]), beyond(after[end])], axis=1),
    ]
    corners = np.ascontiguousarray(np.concatenate(rows).reshape(-1, 3))
    return Regions(corners, np.arange(0, len(corners) + 1, 3)), np.concatenate([inner, side, end])


def _glued(here: np.ndarray, there: np.ndarray) -> float:
    """Cost of coupling the cells of two laws one by one, each pair independently; from their moments (n, 6)."""
    shared = np.clip(np.minimum(here[:, 0], there[:, 0]), 0.0, None)
    means, spread, rest = [], np.zeros(len(here)), 0.0
    for moments in (here, there):
        mass, second = np.maximum(moments[:, 0], 1e-300), moments[:, 3] + moments[:, 5]
        mean = moments[:, 1:3] / mass[:, None]
        means.append(mean)
        spread += np.maximum(second / mass - (mean**2).sum(axis=1), 0.0)
        # what is left over pays at most twice its second moments about the origin, on either side
        rest += 2 * float(((1 - np.minimum(shared / mass, 1.0)) * second).sum())
    return float(shared @ (((means[0] - means[1]) ** 2).sum(axis=1) + spread)) + rest


def _second(law: GaussianTarget) -> float:
    """Second moment about the origin."""
    return float(law.weights @ (np.trace(law.covs, axis1=1, axis2=2) + (law.means**2).sum(axis=1)))
