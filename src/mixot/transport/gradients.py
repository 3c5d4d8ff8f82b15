"""Squared transport distances with their gradients in every array that describes the measures.

By the envelope theorem no optimal coupling is differentiated: with coupling w and dual potentials f, g, the cost
``sum_ij w_ij c_ij`` has the gradient w in the costs c, and f and g in the weights, each up to a constant. Gradients in
weights are returned with mean zero: a step along them stays on the plane in which weights sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.errors import SolveError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.formulas.gaussian.gradients import bures_gradients
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.discrete.potentials import balanced_potentials
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete, SemidiscretePlan
from mixot.transport import plans

Gradients = tuple[np.ndarray, ...]
Wanted = tuple[bool, ...]

_ALL = (True, True, True)
_TOL = 1e-12  # of the masses of cells: gradients feel their error to first order
_LOOSE = 1e-8  # accepted where rounding allows no better


@dataclass(frozen=True, eq=False, slots=True)
class CostGradients:
    """A squared distance, and its gradients in the arrays of p and of q.

    The arrays of ``Samples`` are ``(points, weights)``, those of a Gaussian mixture ``(weights, means, covs)``, those
    of a ``Grid`` ``(values,)``, of total one. Where the cost is zero, its minimum, all gradients are zero, and so are
    those that were not wanted.
    """

    cost: float
    p: Gradients
    q: Gradients


def cost_between(p: Measure, q: Measure) -> float:
    """Squared distance of p and q alone: MW2 between Gaussian mixtures, W2 otherwise; raises as `cost_and_gradients`.

    Examples
    --------
    >>> cost_between(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    4.0
    """
    match p, q:
        case Samples(), (Mixture() | Grid()):
            return _cells(p, q).cost
        case ((Mixture() | Grid()), Samples()):
            return _cells(q, p).cost
    return _plan(p, q).cost


def cost_and_gradients(p: Measure, q: Measure, want_p: Wanted = _ALL, want_q: Wanted = _ALL) -> CostGradients:
    """Squared distance of p and q with its gradients in the arrays of both.

    Parameters
    ----------
    p, q : Samples, Mixture or Grid
        Two of a kind (not grids), or Samples and another.
    want_p, want_q : tuple of bool
        Which gradients to compute, in the order of the arrays; all unless said otherwise.

    Raises
    ------
    UnsupportedError
        For a pair that no solver here joins, and for mixtures of other than Gaussian laws.
    InputError
        Where p and q live in different dimensions.
    SolveError
        Where the solver gave up.

    Examples
    --------
    >>> both = cost_and_gradients(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    >>> both.cost, both.p[0].ravel().tolist()  # 2 w_ij (x_i - y_j): each point moves 2 to the right
    (4.0, [-2.0, -2.0])
    """
    match p, q:
        case Mixture(), Mixture():
            plan = _plan(p, q)
            return _unless_zero(plan.cost, *_of_mixtures(p, q, plan, want_p, want_q))
        case Samples(), Samples():
            plan = _plan(p, q)
            return _unless_zero(plan.cost, *_of_samples(p, q, plan, want_p, want_q))
        case Samples(), (Mixture() | Grid()):
            return _of_cells(p, q, want_q)
        case ((Mixture() | Grid()), Samples()):
            turned = _of_cells(q, p, want_p)
            return CostGradients(turned.cost, turned.q, turned.p)
    raise _unsupported(p, q)


def _plan(p: Measure, q: Measure) -> Plan:
    match p, q:
        case Mixture(components=Gaussian()), Mixture(components=Gaussian()):
            return plans.between_mixtures(p, q, Exact())
        case Samples(), Samples():
            return plans.between_samples(p, q, Exact())
    raise _unsupported(p, q)


def _unsupported(p: Measure, q: Measure) -> UnsupportedError:
    return UnsupportedError(
        f"no gradients of a distance between {type(p).__name__} and {type(q).__name__}; there are for two Gaussian "
        "mixtures, two clouds of points, and points against a grid or a Gaussian mixture"
    )


def _of_samples(p: Samples, q: Samples, plan: Plan, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """``2 sum_j w_ij (x_i - y_j)`` in point i of p, and the potentials in the weights."""
    rows, cols = np.nonzero(plan.coupling)
    pull = 2 * plan.coupling[rows, cols, None] * (p.points[rows] - q.points[cols])
    f, g = _potentials(plan, want_p[1] or want_q[1])
    return (_sum_by(rows, pull, len(p)), f), (_sum_by(cols, -pull, len(q)), g)


def _of_mixtures(p: Mixture, q: Mixture, plan: Plan, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """The same in weights and means, and ``sum_l w_kl (I - T_kl)`` in the covariance of component k of p."""
    source, target = p.components, q.components
    rows, cols = np.nonzero(plan.coupling)
    mass = plan.coupling[rows, cols]
    pull = 2 * mass[:, None] * (source.mean()[rows] - target.mean()[cols])
    in_a, in_b = np.zeros((2, len(rows), p.dim, p.dim))
    if want_p[2] or want_q[2]:
        in_a, in_b = bures_gradients(source.cov()[rows], target.cov()[cols])
    in_a, in_b = mass[:, None, None] * in_a, mass[:, None, None] * in_b
    f, g = _potentials(plan, want_p[0] or want_q[0])
    return (
        (f, _sum_by(rows, pull, len(p)), _sum_by(rows, in_a, len(p))),
        (g, _sum_by(cols, -pull, len(q)), _sum_by(cols, in_b, len(q))),
    )


def _cells(points: Samples, target: Mixture | Grid) -> SemidiscretePlan:
    """The semi-discrete plan, its masses as exact as rounding lets them be."""
    solver = Semidiscrete(tol=_TOL)
    try:
        if isinstance(target, Mixture):
            return plans.between_points_and_mixture(points, target, solver)
        return solver.solve(points, target)
    except SolveError as error:
        if error.result.marginal_error > _LOOSE:
            raise
        return error.result


def _of_cells(points: Samples, target: Mixture | Grid, want_target: Wanted) -> CostGradients:
    """``2 m_i (y_i - b_i)`` in the points, potentials in their weights, and what the density feels."""
    plan = _cells(points, target)
    in_points = plan.points_gradient(), _centered(plan.weights_gradient())
    if isinstance(target, Mixture):
        return CostGradients(plan.cost, in_points, _in_mixture(plan, target, any(want_target)))
    return CostGradients(plan.cost, in_points, (_in_values(plan, target.values, want_target[0]),))


def _in_mixture(plan: SemidiscretePlan, q: Mixture, wanted: bool) -> Gradients:
    """Gradients in weights, means and covariances; a component of weight zero is not looked at, and has none."""
    out = np.zeros(len(q)), np.zeros((len(q), q.dim)), np.zeros((len(q), q.dim, q.dim))
    if not wanted:
        return out
    seen = q.weights > 0
    if not q.components.cov()[seen].any(axis=(1, 2)).all():
        raise UnsupportedError(
            "a component without variance is an atom, and points against atoms have no gradient in its variance; "
            "add a small variance"
        )
    gradient = plan.mixture_gradient()
    out[0][seen], out[1][seen], out[2][seen] = _centered(gradient.weights), gradient.means, gradient.covs
    return out


def _in_values(plan: SemidiscretePlan, values: np.ndarray, wanted: bool) -> np.ndarray:
    """Mean of phi over each pixel, less its mean over the density: scaling all values changes nothing."""
    if not wanted:
        return np.zeros_like(values)
    phi = plan.values_gradient()
    return phi - (values * phi).sum()


def _unless_zero(cost: float, in_p: Gradients, in_q: Gradients) -> CostGradients:
    if cost > 0:
        return CostGradients(cost, in_p, in_q)
    return CostGradients(cost, tuple(0 * g for g in in_p), tuple(0 * g for g in in_q))


def _potentials(plan: Plan, wanted: bool) -> tuple[np.ndarray, np.ndarray]:
    if not wanted:
        return np.zeros(plan.coupling.shape[0]), np.zeros(plan.coupling.shape[1])
    f, g = balanced_potentials(plan)
    return _centered(f), _centered(g)


def _sum_by(label: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    out = np.zeros((count, *values.shape[1:]))
    np.add.at(out, label, values)
    return out


def _centered(potential: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return potential - potential.mean()
