"""The barycenter whose atoms are given and whose weights are free: a linear program, solved by column generation.

``min sum_j <w_j, cost_j>`` over couplings w_j of one free vector of weights p on n candidates with each marginal
(Chen, Georgiou and Tannenbaum 2019, eq. 19). Glued along the candidates, the couplings are weights of columns
``(i, t)``, candidate i with a tuple t of components, at ``sum_j cost_j[i, t_j]``: a program with ``sum_j K_j`` rows, in
which the cheapest column of each candidate, given dual potentials, is found marginal by marginal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixot._checks import check_whole
from mixot._shapes import Float, Int
from mixot.errors import SolveError
from mixot.results import MultiPlan, Status
from mixot.solvers.base import Task
from mixot.solvers.multimarginal.restricted_master_problem import (
    Incumbent,
    RestrictedMasterProblem,
    north_west,
    unsolved,
)


@dataclass(frozen=True)
class GivenSupport:
    """Column generation over candidates.

    Parameters
    ----------
    tol : proven gap, as a share of the objective, at which it stops
    max_iter : linear programs before it gives up and raises `SolveError`
    """

    task: ClassVar[Task] = Task.TUPLES

    tol: float = 1e-10
    max_iter: int = 5000

    def __post_init__(self) -> None:
        check_whole(self.max_iter, "max_iter", 0)

    def solve(
        self,
        costs: Sequence[Float[np.ndarray, "n _"]],
        marginals: Sequence[Float[np.ndarray, " _"]],
        start: Int[np.ndarray, "t j"] | None = None,
    ) -> tuple[MultiPlan, Int[np.ndarray, " s"]]:
        """Return the cheapest tuples with their weights, and the candidate each belongs to.

        Parameters
        ----------
        costs : (n, K_j) for each marginal
            From candidate to component, weighted.
        marginals : (K_j,) each
            Positive weights that sum to one.
        start : (t, j)
            Tuples that are likely to carry mass.
        """
        unit = sum(float((cost @ a).mean()) for cost, a in zip(costs, marginals, strict=True)) or 1.0
        scaled = [cost / unit for cost in costs]
        master, best = RestrictedMasterProblem(marginals), Incumbent()
        labels = np.empty(0, dtype=np.int64)
        new = north_west(marginals)
        new = new if start is None else np.unique(np.concatenate([new, start]), axis=0)
        at, price = _cheapest_candidate(scaled, new)
        for step in range(1, self.max_iter + 1):
            master.add(new, price)
            labels = np.concatenate([labels, at])
            weights, potentials = master.solve()
            support = np.flatnonzero(weights)
            best.lower_cost(master.tuples[support], weights[support], master.costs[support], labels[support])
            reduced = [cost - y for cost, y in zip(scaled, potentials, strict=True)]
            rest = np.sum([r.min(axis=1) for r in reduced], axis=0)
            value = sum(float(a @ y) for a, y in zip(marginals, potentials, strict=True))
            best.raise_bound(value + float(rest.min()))
            if best.cost - best.lower <= self.tol * best.scale:
                return best.plan(unit, marginals, Status.OPTIMAL, step), best.labels
            at = np.flatnonzero(rest < -0.1 * self.tol)
            if not len(at):
                raise self._unsolved(best, best.plan(unit, marginals, Status.STALLED, step))
            new = np.stack([r[at].argmin(axis=1) for r in reduced], axis=1)
            price = np.sum([cost[at, new[:, j]] for j, cost in enumerate(scaled)], axis=0)
        raise self._unsolved(best, best.plan(unit, marginals, Status.MAX_ITER, self.max_iter))

    def _unsolved(self, best: Incumbent, plan: MultiPlan) -> SolveError:
        return SolveError(str(unsolved(plan)), (plan, best.labels))


def _cheapest_candidate(costs: Sequence[np.ndarray], tuples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = np.sum([cost[:, tuples[:, j]] for j, cost in enumerate(costs)], axis=0)
    at = total.argmin(axis=0)
    return at, total[at, np.arange(len(tuples))]
