"""Multi-marginal transport between finitely many atoms each, exact, without the tensor of all tuples.

The linear program is ``min sum_t w_t c(t)`` over weights of the tuples ``t = (k_0, ..., k_{J-1})`` with given marginals
(Delon and Desolneux 2020, eq. 5.3). It has as many unknowns as there are tuples; its answers need only
``sum_j K_j - J + 1`` of them. Two ideas make it small:

- *lazy costs*: ``c(t) >= sum_{i<j} pair_ij[k_i, k_j]``, and the right side needs tables only. The program is solved with
  these bounds; the true cost is asked for where the plan has mass; and so on until every tuple of the plan is priced
  truly. What the plan then costs is at most the optimum of a program whose costs are too low, hence optimal.
- *column generation*: tuples enter when their reduced cost, the bound minus the dual potentials of their components, is
  negative. A branch and bound search over the tree of all tuples finds the cheapest ones (``native/tuple_pricing.cpp``).

The search also returns ``rho``, below which no reduced cost lies; since every plan has mass one,
``sum_j <a_j, y_j> + rho`` is a lower bound on the optimum whatever the potentials y: this is the certificate, valid at
each round and however early the search was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mixot import _native
from mixot._shapes import Float, Int
from mixot.errors import SolveError
from mixot.results import MultiPlan, Progress, ProgressCallback, Status
from mixot.solvers.discrete import Exact
from mixot.threads import thread_count

Pairs = dict[tuple[int, int], np.ndarray]


@dataclass(frozen=True)
class MultiMarginal:
    """Column generation on lower bounds, refined where the plan has mass.

    Parameters
    ----------
    tol : proven gap, as a share of the objective, at which it stops
    max_iter : linear programs before it gives up and raises `SolveError`
    max_nodes : tuples (and beginnings of tuples) that one search may look at; beyond, the search is cut short and its
        bound is weaker but still proven
    columns : tuples that enter the linear program at once
    progress : called after each linear program with the proven gap
    """

    tol: float = 1e-10
    max_iter: int = 5000
    max_nodes: int = 1_000_000_000
    columns: int = 200
    progress: ProgressCallback | None = None

    def solve(
        self,
        pairs: Pairs,
        marginals: Sequence[Float[np.ndarray, " _"]],
        true_costs: Callable[[Int[np.ndarray, "s j"]], Float[np.ndarray, " s"]],
    ) -> MultiPlan:
        """Return the cheapest coupling of the marginals, as tuples and their weights.

        Parameters
        ----------
        pairs : (K_i, K_j) for each i < j; their sum over a tuple is a lower bound on its cost
        marginals : positive weights (K_j,), each summing to one
        true_costs : what tuples (s, j) cost, (s,)
        """
        unit = _unit(pairs, marginals)
        tables = {key: table / unit for key, table in pairs.items()}
        master, best = _Master(marginals, tables), _Incumbent()
        master.add(_greedy(tables, marginals))
        for step in range(1, self.max_iter + 1):
            weights, potentials, objective = master.solve()
            rows, rho = self._price(master, tables, potentials)
            best.raise_bound(sum(float(a @ y) for a, y in zip(marginals, potentials, strict=True)) + rho, potentials)
            if self.progress is not None:
                self.progress(Progress("barycenter", step, None, unit * (best.cost - best.lower)))
            if len(rows) and objective - best.lower > 0.5 * self.tol * best.scale:
                master.add(rows)
                continue
            support = np.flatnonzero(weights)
            refined = master.refine(support, lambda index: true_costs(index) / unit)
            best.lower_cost(master.tuples[support], weights[support], master.costs[support])
            if best.cost - best.lower <= self.tol * best.scale:
                return best.plan(unit, marginals, Status.OPTIMAL, step)
            if not refined and not len(rows):
                return _give_up(best.plan(unit, marginals, Status.STALLED, step))
            master.add(rows)
        support = np.flatnonzero(weights)
        master.refine(support, lambda index: true_costs(index) / unit)
        best.lower_cost(master.tuples[support], weights[support], master.costs[support])
        return _give_up(best.plan(unit, marginals, Status.MAX_ITER, self.max_iter))

    def _price(self, master: _Master, tables: Pairs, potentials: list[np.ndarray]) -> tuple[np.ndarray, float]:
        """Cheapest tuples outside ``master``, and a number that no reduced cost, in or outside it, is below."""
        y = np.concatenate(potentials)
        known = np.ascontiguousarray(master.tuples[np.lexsort(master.tuples.T[::-1])])
        rows = np.empty((self.columns, known.shape[1]), dtype=np.int32)
        found, lower, _, _ = _native.price_tuples(
            np.array([len(p) for p in potentials], dtype=np.int32),
            np.concatenate([tables[pair].ravel() for pair in combinations(range(len(potentials)), 2)]),
            y,
            known,
            -0.1 * self.tol,
            self.max_nodes,
            thread_count(),
            rows,
            np.empty(self.columns),
        )
        inside = sum(potentials[j][master.tuples[:, j]] for j in range(len(potentials)))
        return rows[:found], min(lower, float((master.costs - inside).min()))


class _Incumbent:
    """The best plan and the best bound so far, in the solver's unit of cost."""

    def __init__(self) -> None:
        self.cost, self.lower = np.inf, -np.inf
        self.potentials: list[np.ndarray] = []
        self.support: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def scale(self) -> float:
        """What ``tol`` is a share of: the objective, or the unit where that is smaller."""
        return max(self.cost, 1.0) if np.isfinite(self.cost) else 1.0

    def raise_bound(self, lower: float, potentials: list[np.ndarray]) -> None:
        if lower > self.lower:
            # Shifted by rho, spread over the marginals, the potentials are dual feasible: their value is the bound.
            self.lower, self.potentials = lower, potentials

    def lower_cost(self, tuples: np.ndarray, weights: np.ndarray, costs: np.ndarray) -> None:
        cost = float(weights @ costs)
        if cost < self.cost:
            self.cost, self.support = cost, (tuples, weights, costs)

    def plan(self, unit: float, marginals: Sequence[np.ndarray], status: Status, iterations: int) -> MultiPlan:
        assert self.support is not None
        tuples, weights, costs = self.support
        error = max(
            float(np.abs(np.bincount(tuples[:, j], weights, minlength=len(a)) - a).max())
            for j, a in enumerate(marginals)
        )
        return MultiPlan(
            tuples.astype(np.int64),
            weights,
            unit * costs,
            float(weights @ costs) * unit,
            self.lower * unit,
            status,
            iterations,
            error,
        )


class _Master:
    """The linear program over the tuples that have entered so far; HiGHS keeps its basis from one solve to the next."""

    def __init__(self, marginals: Sequence[np.ndarray], tables: Pairs) -> None:
        import highspy  # here: it takes a while to import

        self.marginals, self.tables = marginals, tables
        # One row of each marginal but the first follows from the others; its potential is zero.
        rows = [np.arange(len(a)) for a in marginals]
        start = 0
        for j, a in enumerate(marginals):
            size = len(a) - (j > 0)
            rows[j] = np.where(np.arange(len(a)) < size, start + np.arange(len(a)), -1)
            start += size
        self.rows, self.height = rows, start
        self.tuples = np.empty((0, len(marginals)), dtype=np.int32)
        self.costs = np.empty(0)
        self.exact = np.empty(0, dtype=bool)
        right = np.concatenate([a[r >= 0] for a, r in zip(marginals, rows, strict=True)])
        none = np.empty(0, dtype=np.int32)
        self.highs = highspy.Highs()
        for name, value in _OPTIONS.items():
            self.highs.setOptionValue(name, value)
        self.highs.addRows(start, right, right, 0, none, none, np.empty(0))

    def add(self, tuples: np.ndarray) -> None:
        """Let ``tuples`` in, at the lower bounds on their costs."""
        if not len(tuples):
            return
        at = np.stack([self.rows[j][tuples[:, j]] for j in range(tuples.shape[1])], axis=1)
        begins = np.concatenate([[0], np.cumsum((at >= 0).sum(axis=1))[:-1]]).astype(np.int32)
        entries = at[at >= 0].astype(np.int32)
        costs = pair_bound(self.tables, tuples)
        n = len(tuples)
        self.highs.addCols(
            n, _LP_UNIT * costs, np.zeros(n), np.full(n, np.inf), len(entries), begins, entries, np.ones(len(entries))
        )
        self.tuples = np.concatenate([self.tuples, tuples.astype(np.int32)])
        self.costs = np.concatenate([self.costs, costs])
        self.exact = np.concatenate([self.exact, np.zeros(n, dtype=bool)])

    def refine(self, which: np.ndarray, true_costs: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Replace bounds by true costs for the columns ``which``; False where all had theirs already."""
        vague = which[~self.exact[which]]
        if not len(vague):
            return False
        # A true cost is below its bound by rounding only.
        self.costs[vague] = np.maximum(true_costs(self.tuples[vague].astype(np.int64)), self.costs[vague])
        self.exact[vague] = True
        self.highs.changeColsCost(len(vague), vague.astype(np.int32), _LP_UNIT * self.costs[vague])
        return True

    def solve(self) -> tuple[np.ndarray, list[np.ndarray], float]:
        """Weights of the tuples, potentials of the components, objective."""
        self.highs.run()
        solution = self.highs.getSolution()
        weights = np.array(solution.col_value)
        if not len(solution.row_dual) or not np.isfinite(weights).all():
            raise SolveError(f"the linear program failed: {self.highs.modelStatusToString(self.highs.getModelStatus())}")
        weights = self._sharpen(np.where(weights > _ZERO, weights, 0.0))
        dual = np.append(np.array(solution.row_dual) / _LP_UNIT, 0.0)
        return weights, [dual[r] for r in self.rows], float(weights @ self.costs)

    def _sharpen(self, weights: np.ndarray) -> np.ndarray:
        """The same vertex with its marginals met to the last digit."""
        support = np.flatnonzero(weights)
        matrix = np.concatenate(
            [np.arange(len(a))[:, None] == self.tuples[support, j] for j, a in enumerate(self.marginals)]
        ).astype(float)
        miss = np.concatenate(list(self.marginals)) - matrix @ weights[support]
        if np.abs(miss).max() < 1e-15:
            return weights
        out = weights.copy()
        out[support] = np.maximum(out[support] + np.linalg.lstsq(matrix, miss, rcond=None)[0], 0.0)
        return out


# Primal simplex: the basis stays feasible when columns enter or costs change. Costs are scaled up because the finest
# tolerance HiGHS accepts, 1e-10, is coarser than the gap we want.
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "simplex_strategy": 4,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}
_LP_UNIT = 1e3
_ZERO = 1e-12  # weights below this are rounding of the simplex


def pair_bound(pairs: Pairs, tuples: Int[np.ndarray, "s j"]) -> Float[np.ndarray, " s"]:
    """``sum_{i<j} pair_ij[k_i, k_j]`` of each tuple."""
    out = np.zeros(len(tuples))
    for (i, j), table in pairs.items():
        out += table[tuples[:, i], tuples[:, j]]
    return out


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


def _give_up(plan: MultiPlan) -> MultiPlan:
    raise SolveError(
        f"the multi-marginal program stopped at a gap of {plan.gap:.3g} (cost {plan.cost:.6g}, proven lower bound "
        f"{plan.lower_bound:.6g}): {plan.status.advice}; the best plan is attached as .result",
        plan,
    )
