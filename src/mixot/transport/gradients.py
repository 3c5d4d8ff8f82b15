"""Squared transport distances with their gradients in every array that describes the measures.

- points and means: ``2 sum_l w_kl (x_k - y_l)``; points against a density: ``2 m_i (y_i - b_i)``, m and b mass and
  center of their cells;
- weights: the potentials, shifted to mean zero, so that a step stays on the plane in which weights sum to one;
- covariances: ``sum_l w_kl (I - T_kl)``, a symmetric matrix (moving two mirrored entries together counts twice). It is
  safe at equal eigenvalues. At a singular covariance it is the derivative among covariances of the same rank, which is
  what a factor ``L`` of ``L L'`` needs, and zero on the complement of the support;
- values of a grid: the mean of ``phi(x) = min_i |x - y_i|^2 - w_i`` over each pixel, less its mean over the density;
- its bounds: what places pay that stretch with them.

How they come about is in `mixot.transport.envelope`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mixot.measures import Measure
from mixot.transport.envelope import Gradients, Wanted, no_gradients
from mixot.transport.pairs import Problem, pair_of, problem

_ALL = (True, True, True)


@dataclass(frozen=True, eq=False, slots=True)
class CostGradients:
    """A squared distance, and its gradients in the arrays of p and of q.

    The arrays of ``Samples`` are ``(points, weights)``, those of a Gaussian mixture ``(weights, means, covs)``, those
    of a ``Grid`` ``(values, bounds)``, the values of total one. Where the cost is zero, its minimum, all gradients are
    zero, and so are those that were not wanted. Gradients in the weights of mixtures, or of points, are zero already
    where the cost is no more than what rounding of the weights makes of it, 1e-15 of the largest cost of two atoms:
    zero is a subgradient there.
    """

    cost: float
    p: Gradients
    q: Gradients


def cost_between(p: Measure, q: Measure) -> float:
    """Squared distance of p and q alone: MW2 between Gaussian mixtures, W2 otherwise; raises as `cost_and_gradients`.

    Examples
    --------
    >>> from mixot import Samples
    >>> cost_between(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    4.0
    """
    found = _problem(p, q)
    return found.pair.gradients.plan(*found.ordered).cost


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
    >>> from mixot import Samples
    >>> both = cost_and_gradients(Samples([0.0, 1.0]), Samples([3.0, 2.0]))
    >>> both.cost, both.p[0].ravel().tolist()  # 2 w_ij (x_i - y_j): each point moves 2 to the right
    (4.0, [-2.0, -2.0])
    """
    found = _problem(p, q)
    rule = found.pair.gradients
    plan = rule.plan(*found.ordered)
    wanted = (want_q, want_p) if found.turned else (want_p, want_q)
    gradients = rule.gradients(*found.ordered, plan, *wanted)
    if not plan.cost > 0:
        gradients = tuple(tuple(0 * g for g in side) for side in gradients)
    in_p, in_q = reversed(gradients) if found.turned else gradients
    return CostGradients(plan.cost, in_p, in_q)


def _problem(p: Measure, q: Measure) -> Problem:
    if pair_of(type(p), type(q)) is None:
        raise no_gradients(p, q)
    return problem(p, q)
