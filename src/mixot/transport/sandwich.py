"""W2 between Gaussian mixtures in the plane from both sides, through points that stand for one of them."""

from __future__ import annotations

import numpy as np

from mixot.mixture import Mixture
from mixot.solvers.plane_targets import CellSums, GaussianTarget
from mixot.transport.quantize import gaussian_target, quantize

_MASS_TOL = 1e-12
_ROUNDING = 1e-12  # floating-point error of a squared distance, as a share of the second moments


def semidiscrete_sandwich(p: Mixture, q: Mixture, n: int) -> tuple[float, float]:
    """Return ``(lower, upper)`` with ``lower <= W2(p, q) <= upper``, for Gaussian mixtures in the plane.

    The less spread of the two, say p, is quantized to n points p_n with cells of mass nu_i and means b_i. Then

    - ``W2(p, q) >= W2(p_n, q) - W2(p_n, p)``, the triangle inequality, both with their exact potentials: any
      potentials bound the first term from below, and the cells are a coupling for the second;
    - the parts of p and of q that go to the same point are coupled independently, which costs
      ``sum_i nu_i (|b_i - c_i|^2 + tr var_p(i) + tr var_q(i))``, c_i the means of the Laguerre cells of q: about
      ``(W2(p_n, q)^2 + W2(p_n, p)^2)^1/2``. Where masses differ by rounding, the rest is coupled independently, too.

    The margin of rounding is 1e-12 of the second moments.
    """
    if np.trace(p.cov()) > np.trace(q.cov()):
        p, q = q, p
    center = p.mean()
    source, target = (gaussian_target(law.affine(1.0, -center)) for law in (p, q))
    found = quantize(p.affine(1.0, -center), n, weights="free", tol=0.03, rng=0)
    seen = found.samples.weights > 0
    points, masses = found.samples.points[seen], found.samples.weights[seen]
    near = source.cells(points, np.zeros(len(points)))
    there = target.transport(points, masses / masses.sum(), tol=_MASS_TOL)
    margin = _ROUNDING * (_second(source) + _second(target))
    away = max(float(near.second.sum()), 0.0) + margin
    dual = there.dual(masses / masses.sum()) - margin
    lower = np.sqrt(max(dual, 0.0)) - np.sqrt(away)
    return max(float(lower), 0.0), float(np.sqrt(_glued(points, near, there) + margin))


def _glued(points: np.ndarray, here: CellSums, there: CellSums) -> float:
    """Cost of joining the cells of two laws one by one, each pair independently."""
    shared = np.clip(np.minimum(here.masses, there.masses), 0.0, None)
    moved, spread, rest = [], np.zeros(len(points)), 0.0
    for cells in (here, there):
        mass = np.maximum(cells.masses, 1e-300)
        shift = cells.first / mass[:, None]
        moved.append(shift)
        spread += np.maximum(cells.second / mass - (shift**2).sum(axis=1), 0.0)
        # what is left over pays at most twice its second moments about the origin, on either side
        far = cells.second / mass + 2 * (points * shift).sum(axis=1) + (points**2).sum(axis=1)
        rest += 2 * float((np.maximum(cells.masses - shared, 0.0) * far).sum())
    return float(shared @ (((moved[0] - moved[1]) ** 2).sum(axis=1) + spread)) + rest


def _second(law: GaussianTarget) -> float:
    """Second moment about the origin."""
    return float(law.weights @ (np.trace(law.covs, axis1=1, axis2=2) + (law.means**2).sum(axis=1)))
