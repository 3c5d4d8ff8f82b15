"""The barycenter on components that are given: weights only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.families.base import Family, common
from mixot.families.roles import Compared, require
from mixot.mixture import Mixture, aligned_all
from mixot.results import MultiPlan
from mixot.solvers.multimarginal.given_support import GivenSupport
from mixot.transport.barycenter import Average, Barycenter

_WEIGHTS = GivenSupport()


@dataclass(frozen=True, eq=False)
class GivenComponents:
    """Weights of given components that make them the best barycenter (Chen, Georgiou and Tannenbaum 2019, eq. 19).

    ``lower_bound`` of the result bounds all mixtures of these components, not all mixtures. Components that get no
    weight are left out of the result. Families without a formula for barycenters will do: only W2 costs are asked for.

    Parameters
    ----------
    candidates : a family of components, such as ``Gaussian(means, covs)``, or a mixture, whose components are meant
    weights : how the linear program is solved

    Examples
    --------
    >>> from mixot import Gaussian, Mixture, barycenter
    >>> p, q = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([6.0], [1.0]))
    >>> grid = Gaussian([0.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    >>> barycenter([p, q], [0.7, 0.3], solver=GivenComponents(grid)).mixture.mean().tolist()
    [2.0]
    """

    candidates: Any
    weights: GivenSupport = _WEIGHTS

    def barycenter(self, problem: Average) -> Barycenter:
        """Return the best mixture of the candidates, as the verb ``barycenter`` does."""
        problem, candidates = self._together(problem)
        costs = [
            share * require(candidates, Compared).cost(family)
            for share, family in zip(problem.lambdas, problem.families, strict=True)
        ]
        try:
            plan, labels = self.weights.solve(costs, problem.marginals)
        except SolveError as unfinished:
            if unfinished.result is None:
                raise
            raise SolveError(str(unfinished), on_candidates(problem, candidates, *unfinished.result)) from unfinished
        return on_candidates(problem, candidates, plan, labels)

    def _together(self, problem: Average) -> tuple[Average, Family]:
        """The inputs and the candidates in one family."""
        given = self.candidates
        if isinstance(given, Mixture):
            given = aligned_all([*problem.inputs, given])[-1].components
        if not isinstance(given, Family):
            raise InputError(f"candidates must be a family such as Gaussian(means, covs), got {type(given).__name__}")
        try:
            shared = [common(p.components, given) for p in problem.inputs]
        except (InputError, UnsupportedError) as differ:
            raise type(differ)(f"candidates do not go with the mixtures: {differ}") from None
        inputs = tuple(
            Mixture(p.weights, ours, columns=p.columns) for p, (ours, _) in zip(problem.inputs, shared, strict=True)
        )
        return Average(inputs, problem.weights), shared[0][1]


def on_candidates(problem: Average, candidates: Family, plan: MultiPlan, labels: np.ndarray) -> Barycenter:
    """The barycenter whose tuple s meets at candidate ``labels[s]``; candidates without mass are left out."""
    used, place = np.unique(labels, return_inverse=True)
    weights = np.bincount(place, plan.weights)
    mixture = Mixture(weights / weights.sum(), candidates.take(used), columns=problem.columns)
    full = problem.in_inputs(plan)
    return Barycenter(mixture, problem.inputs, problem.weights, full, place, plan.lower_bound)
