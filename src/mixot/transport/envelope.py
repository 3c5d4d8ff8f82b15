"""Gradients of squared transport distances in closed form, from the plan that attains them.

By the envelope theorem no optimal plan is differentiated; `mixot.transport.batches` says it for finitely many atoms.
Gradients in weights are returned with mean zero: a step along them stays on the plane in which weights sum to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import SolveError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.discrete.potentials import balanced_potentials
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport import plans
from mixot.transport.batches import Atoms, Couplings, Gradients, Wanted, gradients

_TOL = 1e-12  # of the masses of cells: gradients feel their error to first order
_LOOSE = 1e-8  # accepted where rounding allows no better


@dataclass(frozen=True, eq=False)
class Envelope:
    """How the cost between two kinds of measures is differentiated.

    Parameters
    ----------
    plan : ``plan(p, q)``, solved as well as gradients need it
    gradients : ``gradients(p, q, plan, want_p, want_q)``, those in the arrays of p and of q
        The arrays of ``Samples`` are ``(points, weights)``, those of a Gaussian mixture ``(weights, means, covs)``,
        those of a ``Grid`` ``(values, bounds)``, the values of total one; what is not wanted is zero.
    """

    plan: Callable[[Any, Any], Any]
    gradients: Callable[[Any, Any, Any, Wanted, Wanted], tuple[Gradients, Gradients]]


def no_gradients(p: Measure, q: Measure) -> UnsupportedError:
    """The error for two measures whose distance is not differentiated."""
    return UnsupportedError(
        f"no gradients of a distance between {type(p).__name__} and {type(q).__name__}; there are for two Gaussian "
        "mixtures, two clouds of points, and points against a grid or a Gaussian mixture"
    )


def _plan_of_samples(p: Samples, q: Samples) -> Plan:
    return plans.between_samples(p, q, Exact())


def _plan_of_mixtures(p: Mixture, q: Mixture) -> Plan:
    if not (isinstance(p.components, Gaussian) and isinstance(q.components, Gaussian)):
        raise no_gradients(p, q)
    return plans.between_mixtures(p, q, Exact())


def _of_samples(p: Samples, q: Samples, plan: Plan, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """In points and weights; see `batches.gradients`."""
    left, right = (Atoms(m.weights[None], m.points[None].astype(np.float64)) for m in (p, q))
    in_p, in_q = _alone(left, right, plan, want_p[::-1], want_q[::-1])
    return in_p[::-1], in_q[::-1]


def _of_mixtures(p: Mixture, q: Mixture, plan: Plan, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """In weights, means and covariances; see `batches.gradients`."""
    left, right = (Atoms(m.weights[None], m.components.mean()[None], m.components.cov()[None]) for m in (p, q))
    return _alone(left, right, plan, want_p, want_q)


def _alone(p: Atoms, q: Atoms, plan: Plan, want_p: Wanted, want_q: Wanted) -> tuple[Gradients, Gradients]:
    """Gradients of one pair."""
    f, g = balanced_potentials(plan) if want_p[0] or want_q[0] else plan.potentials
    found = Couplings(
        np.array([plan.cost]), plan.coupling[None], (f[None], g[None]), np.array([plan.cost_matrix.max()])
    )
    in_p, in_q = gradients(p, q, found, want_p, want_q)
    return tuple(x[0] for x in in_p), tuple(x[0] for x in in_q)


def _plan_of_cells(points: Samples, target: Mixture | Grid) -> SemidiscretePlan:
    """The semi-discrete plan, its masses as exact as rounding lets them be."""
    try:
        return plans.between_points_and_density(points, target, Semidiscrete(tol=_TOL))
    except SolveError as error:
        if error.result.marginal_error > _LOOSE:
            raise
        return error.result


def _of_cells(
    points: Samples, target: Mixture | Grid, plan: SemidiscretePlan, want_points: Wanted, want_target: Wanted
) -> tuple[Gradients, Gradients]:
    """``2 m_i (y_i - b_i)`` in the points, potentials in their weights, and what the density feels."""
    in_points = plan.points_gradient(), _centered(plan.weights_gradient())
    if isinstance(target, Mixture):
        return in_points, _in_mixture(plan, target, any(want_target))
    in_bounds = plan.bounds_gradient() if want_target[1] else np.zeros(target.bounds.shape)
    return in_points, (_in_values(plan, target.values, want_target[0]), in_bounds)


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
        return np.zeros(values.shape)  # not zeros_like, which writes them
    phi = plan.values_gradient()
    return phi - (values * phi).sum()


def _centered(potential: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return potential - potential.mean()


OF_SAMPLES = Envelope(_plan_of_samples, _of_samples)
OF_MIXTURES = Envelope(_plan_of_mixtures, _of_mixtures)
OF_CELLS = Envelope(_plan_of_cells, _of_cells)
