"""A barycenter with a chosen number of components, by alternating minimisation, and how far from optimal it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixot._checks import check_whole
from mixot.errors import SolveError
from mixot.families.base import Family
from mixot.families.roles import Averaged, Compared, require
from mixot.results import MultiPlan, Status
from mixot.solvers.multimarginal.given_support import GivenSupport
from mixot.solvers.multimarginal.multi_marginal import MultiMarginal
from mixot.transport.barycenter import Average, Barycenter
from mixot.transport.given_components import on_candidates

_BOUND = MultiMarginal(tol=1e-4, max_iter=100, max_nodes=10_000_000)


@dataclass(frozen=True)
class FixedPoint:
    """At most k components: weights and couplings for given components, then components for given couplings, and so on.

    Each half step solves its problem to optimality, so the objective never increases; the fixed point is a local
    optimum among mixtures of k components. ``lower_bound`` of the result holds for mixtures of any number of
    components (it comes from the multi-marginal program with pairwise costs), hence ``gap`` is the most that could be
    gained by the exact barycenter.

    Parameters
    ----------
    k : number of components
    tol : relative decrease of the objective at which it stops
    max_iter : rounds before it gives up and raises `SolveError`
    bound : how the lower bound is sought; its plan is where the components start

    Examples
    --------
    >>> from mixot import Gaussian, Mixture, barycenter
    >>> p, q = Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [1.0, 1.0])), Mixture([1.0], Gaussian([4.0], [1.0]))
    >>> mean = barycenter([p, q], solver=FixedPoint(k=1))
    >>> mean.mixture.mean().tolist(), mean.objective >= mean.lower_bound
    ([2.25], True)
    """

    k: int
    tol: float = 1e-9
    max_iter: int = 200
    bound: MultiMarginal = _BOUND

    def __post_init__(self) -> None:
        for name in ("k", "max_iter"):
            check_whole(getattr(self, name), name, 1)

    def barycenter(self, problem: Average) -> Barycenter:
        """Return a barycenter with at most k components, as the verb ``barycenter`` does."""
        relaxed = self._relax(problem)
        components = self._start(problem, relaxed)
        previous, status, step, tuples = np.inf, Status.MAX_ITER, 0, relaxed.tuples
        while True:
            step += 1
            costs = [
                share * require(components, Compared).cost(family)
                for share, family in zip(problem.lambdas, problem.families, strict=True)
            ]
            plan, labels = GivenSupport().solve(costs, problem.marginals, tuples)
            if previous - plan.cost <= self.tol * plan.cost:
                status = Status.CONVERGED
            if status.solved or step >= self.max_iter:
                break
            previous, tuples = plan.cost, plan.tuples
            components = _recenter(problem, components, plan, labels)
        plan = replace(plan, lower_bound=min(relaxed.lower_bound, plan.cost), status=status, iterations=step)
        found = on_candidates(problem, components, plan, labels)
        if not status.solved:
            raise SolveError(
                f"the fixed point did not settle in {step} rounds: {status.advice}; its objective is "
                f"{found.objective:.6g}, at most {found.gap:.3g} above the optimum; it is attached as .result",
                found,
            )
        return found

    def _relax(self, problem: Average) -> MultiPlan:
        """The plan under pairwise costs, and its lower bound, which holds for the true costs all the more."""
        if len(problem.kept) == 1:
            weights = problem.marginals[0]
            labels = np.arange(len(weights))
            return MultiPlan(labels[:, None], weights, np.zeros(len(weights)), 0.0, 0.0, Status.OPTIMAL, 0, 0.0)
        pairs = problem.pairs()
        try:
            return self.bound.solve(pairs, problem.marginals, lambda index: np.zeros(len(index)))
        except SolveError as unfinished:
            if not isinstance(unfinished.result, MultiPlan):
                raise
            return unfinished.result

    def _start(self, problem: Average, relaxed: MultiPlan) -> Family:
        """Barycenters of k tuples of the relaxed plan that are spread out and heavy."""
        centers = problem.meet(relaxed.tuples)[0]
        if len(centers) <= self.k:
            return centers
        chosen = [int(relaxed.weights.argmax())]
        distance = require(centers, Compared).cost(centers.take(np.array(chosen)))[:, 0]
        while len(chosen) < self.k:
            chosen.append(int((relaxed.weights * distance).argmax()))
            distance = np.minimum(distance, require(centers, Compared).cost(centers.take(np.array(chosen[-1:])))[:, 0])
        return centers.take(np.array(chosen))


def _recenter(problem: Average, components: Family, plan: MultiPlan, labels: np.ndarray) -> Family:
    """Each component moved to the barycenter of all that is coupled to it; one without mass stays."""
    place = np.arange(len(components))
    for n in np.unique(labels):
        mine = labels == n
        families, index, shares = [], [], []
        for j, family in enumerate(problem.families):
            mass = np.bincount(plan.tuples[mine, j], plan.weights[mine])
            held = np.flatnonzero(mass)
            families += [family] * len(held)
            index.append(held)
            shares.append(problem.lambdas[j] * mass[held])  # as much mass of each input: scaled to one below
        weights = np.concatenate(shares)
        center, _ = require(families[0], Averaged).barycenter(
            families[1:], np.concatenate(index)[None], weights / weights.sum()
        )
        place[n] = len(components)
        components = components.append(center)
    return components.take(place)
