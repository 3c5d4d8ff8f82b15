"""Multi-marginal transport between finitely many atoms each, exact, without the tensor of all tuples.

The linear program is ``min sum_t w_t c(t)`` over weights of the tuples ``t = (k_0, ..., k_{J-1})`` with given marginals
(Delon and Desolneux 2020, eq. 5.3). It has as many unknowns as there are tuples; its answers need only
``sum_j K_j - J + 1`` of them. Two ideas make it small:

- *lazy costs*: ``c(t) >= sum_{i<j} pair_ij[k_i, k_j]``, and the right side needs tables only. The program is solved
  with these bounds; the true cost is asked for where the plan has mass; and so on until every tuple of the plan is
  priced truly. It is then the optimum of a program whose costs are nowhere too high, hence optimal.
- *column generation*: tuples enter when their reduced cost, the bound minus the dual potentials of their components,
  is negative. Branch and bound over the tree of all tuples finds the cheapest (``native/discrete/tuple_pricing.cpp``).

The search also returns ``rho``, below which no reduced cost lies; since every plan has mass one,
``sum_j <a_j, y_j> + rho`` is a lower bound on the optimum whatever the potentials y: this is the certificate, valid at
each round and however early the search was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from mixot._checks import check_whole
from mixot._native import price_tuples
from mixot._shapes import Float, Int
from mixot.results import MultiPlan, Progress, ProgressCallback, Status
from mixot.solvers.base import Task
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.multimarginal.restricted_master_problem import Incumbent, RestrictedMasterProblem, unsolved
from mixot.threads import thread_count

Pairs = dict[tuple[int, int], np.ndarray]


@dataclass(frozen=True)
class MultiMarginal:
    """Column generation on lower bounds, refined where the plan has mass.

    Parameters
    ----------
    tol : proven gap, as a share of the objective (of a hundredth of what independent marginals cost, where that is
        more), at which it stops
    max_iter : linear programs before it gives up and raises `SolveError`
    max_nodes : tuples (and beginnings of tuples) that one search may look at; beyond, the search is cut short and its
        bound is weaker but still proven
    columns : tuples that enter the linear program at once
    progress : called after each linear program with the proven gap
    """

    task: ClassVar[Task] = Task.TUPLES

    tol: float = 1e-10
    max_iter: int = 5000
    max_nodes: int = 1_000_000_000
    columns: int = 200
    progress: ProgressCallback | None = None

    def __post_init__(self) -> None:
        for name in ("max_iter", "max_nodes", "columns"):
            check_whole(getattr(self, name), name, 0)

    def solve(
        self,
        pairs: Pairs,
        marginals: Sequence[Float[np.ndarray, " _"]],
        true_costs: Callable[[Int[np.ndarray, "s j"]], Float[np.ndarray, " s"]],
    ) -> MultiPlan:
        """Return the cheapest coupling of the marginals, as tuples and their weights.

        Parameters
        ----------
        pairs : (K_i, K_j) for each i < j
            Their sum over a tuple is a lower bound on its cost.
        marginals : (K_j,) each
            Positive weights that sum to one.
        true_costs : function
            What tuples (s, j) cost, (s,).
        """
        unit = _unit(pairs, marginals)
        search = _Search(self, {key: table / unit for key, table in pairs.items()}, marginals)
        best = Incumbent()
        search.add(_greedy(search.tables, marginals))
        for step in range(1, self.max_iter + 1):
            weights, potentials = search.master.solve()
            new, bound = search.price(potentials, 0.1 * self.tol * best.scale)
            best.raise_bound(bound)
            support = np.flatnonzero(weights)
            settled = float(weights @ search.master.costs) - best.lower <= 0.5 * self.tol * best.scale
            refined = False
            if settled or not len(new):
                refined = search.refine(support, lambda index: true_costs(index) / unit)
                best.lower_cost(search.master.tuples[support], weights[support], search.master.costs[support])
            if self.progress is not None:
                self.progress(Progress("barycenter", step, None, unit * (best.cost - best.lower)))
            if best.cost - best.lower <= self.tol * best.scale:
                return best.plan(unit, marginals, Status.OPTIMAL, step)
            if not refined and not len(new):
                raise unsolved(best.plan(unit, marginals, Status.STALLED, step))
            search.add(new)
        weights, _ = search.master.solve()
        support = np.flatnonzero(weights)
        search.refine(support, lambda index: true_costs(index) / unit)
        best.lower_cost(search.master.tuples[support], weights[support], search.master.costs[support])
        raise unsolved(best.plan(unit, marginals, Status.MAX_ITER, self.max_iter))


class _Search:
    """The tuples that have entered, which of them are priced truly, and the search for more."""

    def __init__(self, options: MultiMarginal, tables: Pairs, marginals: Sequence[np.ndarray]) -> None:
        self.options, self.tables, self.marginals = options, tables, marginals
        self.master = RestrictedMasterProblem(marginals)
        self.exact = np.empty(0, dtype=bool)
        self.sizes = np.array([len(a) for a in marginals], dtype=np.int32)
        self.flat = np.concatenate([tables[pair].ravel() for pair in combinations(range(len(marginals)), 2)])

    def add(self, tuples: np.ndarray) -> None:
        """Let ``tuples`` in, at the lower bounds on their costs."""
        bounds = np.zeros(len(tuples))
        for (i, j), table in self.tables.items():
            bounds += table[tuples[:, i], tuples[:, j]]
        self.master.add(tuples, bounds)
        self.exact = np.concatenate([self.exact, np.zeros(len(tuples), dtype=bool)])

    def refine(self, which: np.ndarray, true_costs: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Replace bounds by true costs for the columns ``which``; False where all had theirs already."""
        vague = which[~self.exact[which]]
        if not len(vague):
            return False
        # A true cost is below its bound by rounding only.
        costs = np.maximum(true_costs(self.master.tuples[vague].astype(np.int64)), self.master.costs[vague])
        self.master.reprice(vague, costs)
        self.exact[vague] = True
        return True

    def price(self, potentials: list[np.ndarray], tol: float) -> tuple[np.ndarray, float]:
        """The cheapest tuples that have not entered, and the lower bound on the optimum that the potentials prove."""
        tuples = self.master.tuples
        known = np.ascontiguousarray(tuples[np.lexsort(tuples.T[::-1])])
        rows = np.empty((self.options.columns, tuples.shape[1]), dtype=np.int32)
        found, rho, _, _ = price_tuples(
            self.sizes,
            self.flat,
            np.concatenate(potentials),
            known,
            -tol,
            self.options.max_nodes,
            thread_count(),
            rows,
            np.empty(self.options.columns),
        )
        inside = self.master.costs - sum(y[tuples[:, j]] for j, y in enumerate(potentials))
        value = sum(float(a @ y) for a, y in zip(self.marginals, potentials, strict=True))
        return rows[:found], value + min(rho, float(inside.min()))


def _unit(pairs: Pairs, marginals: Sequence[np.ndarray]) -> float:
    """A cost that is typical of the problem: that of independent marginals, or 1 where all costs vanish."""
    typical = sum(float(marginals[i] @ table @ marginals[j]) for (i, j), table in pairs.items())
    return typical if typical > 0 else 1.0


def _greedy(pairs: Pairs, marginals: Sequence[np.ndarray]) -> np.ndarray:
    """Tuples of some good plans: each couples one marginal after the other optimally to the tuples made so far."""
    count = len(marginals)
    plans = []
    for first in range(count):
        order = [(first + step) % count for step in range(count)]
        tuples = np.full((len(marginals[first]), count), -1)
        tuples[:, first] = np.arange(len(marginals[first]))
        mass = marginals[first]
        for at, j in enumerate(order[1:], start=1):
            cost = np.zeros((len(tuples), len(marginals[j])))
            for i in order[:at]:
                table = pairs[i, j] if i < j else pairs[j, i].T
                cost += table[tuples[:, i]]
            coupling = Exact().solve(cost, mass / mass.sum(), marginals[j]).coupling
            rows, cols = np.nonzero(coupling)
            tuples, mass = tuples[rows], coupling[rows, cols]
            tuples[:, j] = cols
        plans.append(tuples)
    return np.unique(np.concatenate(plans), axis=0)
