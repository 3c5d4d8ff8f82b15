"""Squared transport distances with their gradients in every array that describes the measures.

By the envelope theorem no optimal coupling is differentiated: with coupling w and dual potentials f, g, the cost
``sum_ij w_ij c_ij`` has the gradient w in the costs c, and f and g in the weights, each up to a constant. Gradients in
weights are returned with mean zero: a step along them stays on the plane in which weights sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.families.gaussian import Gaussian
from mixot.formulas.gaussian_gradients import bures_gradients
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete import Exact
from mixot.solvers.potentials import balanced_potentials
from mixot.transport import plans

Gradients = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False, slots=True)
class CostGradients:
    """A squared distance, and its gradients in the arrays of p and of q.

    The arrays of ``Samples`` are ``(points, weights)``, those of a Gaussian mixture ``(weights, means, covs)``, those
    of a ``Grid`` ``(values,)``. Where the cost is zero, its minimum, all gradients are zero.
    """

    cost: float
    p: Gradients
    q: Gradients


def cost_between(p: Measure, q: Measure) -> float:
    """Squared distance of p and q alone: MW2 between Gaussian mixtures, W2 otherwise.

    Examples
    --------
    >>> cost_between(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    4.0
    """
    match p, q:
        case (Samples(), Samples()) | (Mixture(), Mixture()):
            return _plan(p, q).cost
    return cost_and_gradients(p, q).cost


def cost_and_gradients(p: Measure, q: Measure) -> CostGradients:
    """Squared distance of p and q with its gradients in the arrays of both.

    Raises
    ------
    UnsupportedError
        For a pair that no solver here joins, and for mixtures of other than Gaussian laws.
    InputError
        Where p and q live in different dimensions.

    Examples
    --------
    >>> both = cost_and_gradients(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    >>> both.cost, both.p[0].ravel().tolist()  # 2 w_ij (x_i - y_j): each point moves 2 to the right
    (4.0, [-2.0, -2.0])
    """
    match p, q:
        case Mixture(), Mixture():
            plan = _plan(p, q)
            return _unless_zero(plan.cost, *_of_mixtures(p, q, plan))
        case Samples(), Samples():
            plan = _plan(p, q)
            return _unless_zero(plan.cost, *_of_samples(p, q, plan))
        case Samples(), (Mixture() | Grid()):
            return semidiscrete_cost_and_gradients(p, q)
        case ((Mixture() | Grid()), Samples()):
            turned = semidiscrete_cost_and_gradients(q, p)
            return CostGradients(turned.cost, turned.q, turned.p)
    raise _unsupported(p, q)


def semidiscrete_cost_and_gradients(points: Samples, target: Mixture | Grid) -> CostGradients:
    """Squared W2 between points and a density, with its gradients."""
    raise _unsupported(points, target)


def _unsupported(p: Measure, q: Measure) -> UnsupportedError:
    return UnsupportedError(
        f"no gradients of a distance between {type(p).__name__} and {type(q).__name__}; there are for two Gaussian "
        "mixtures and for two clouds of points"
    )


def _plan(p: Measure, q: Measure) -> Plan:
    match p, q:
        case Mixture(components=Gaussian()), Mixture(components=Gaussian()):
            return plans.between_mixtures(p, q, Exact())
        case Samples(), Samples():
            return plans.between_samples(p, q, Exact())
    raise UnsupportedError("gradients are known for mixtures of Gaussian laws only; pass (weights, means, covs)")


def _of_samples(p: Samples, q: Samples, plan: Plan) -> tuple[Gradients, Gradients]:
    """``2 sum_j w_ij (x_i - y_j)`` in point i of p, and the potentials in the weights."""
    rows, cols = np.nonzero(plan.coupling)
    pull = 2 * plan.coupling[rows, cols, None] * (p.points[rows] - q.points[cols])
    f, g = balanced_potentials(plan)
    return (_sum_by(rows, pull, len(p)), _centered(f)), (_sum_by(cols, -pull, len(q)), _centered(g))


def _of_mixtures(p: Mixture, q: Mixture, plan: Plan) -> tuple[Gradients, Gradients]:
    """The same in weights and means, and ``sum_l w_kl (I - T_kl)`` in the covariance of component k of p."""
    source, target = p.components, q.components
    rows, cols = np.nonzero(plan.coupling)
    mass = plan.coupling[rows, cols]
    pull = 2 * mass[:, None] * (source.mean()[rows] - target.mean()[cols])
    in_a, in_b = (mass[:, None, None] * g for g in bures_gradients(source.cov()[rows], target.cov()[cols]))
    f, g = balanced_potentials(plan)
    return (
        (_centered(f), _sum_by(rows, pull, len(p)), _sum_by(rows, in_a, len(p))),
        (_centered(g), _sum_by(cols, -pull, len(q)), _sum_by(cols, in_b, len(q))),
    )


def _unless_zero(cost: float, in_p: Gradients, in_q: Gradients) -> CostGradients:
    if cost > 0:
        return CostGradients(cost, in_p, in_q)
    return CostGradients(cost, tuple(0 * g for g in in_p), tuple(0 * g for g in in_q))


def _sum_by(label: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    out = np.zeros((count, *values.shape[1:]))
    np.add.at(out, label, values)
    return out


def _centered(potential: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return potential - potential.mean()
