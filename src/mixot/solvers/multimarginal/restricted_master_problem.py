"""The linear program that column generation on multi-marginal transport grows, and the certificate it works towards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mixot.errors import SolveError
from mixot.results import MultiPlan, Status

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


def _silent_highs() -> Any:
    """HiGHS, which writes nothing to standard output, where a command's results go."""
    import highspy  # here: it takes a while to import

    class Silent(highspy.Highs):
        def enableCallbacks(self) -> Any:
            # From 1.16 on the constructor comes by here, and prints a banner below Python unless it is told not to.
            self.setOptionValue("output_flag", False)
            return super().enableCallbacks()

    return Silent()


class RestrictedMasterProblem:
    """``min <costs, w>`` over weights w >= 0 of the tuples that have entered so far, with given marginals.

    HiGHS keeps its basis from one solve to the next.
    """

    def __init__(self, marginals: Sequence[np.ndarray]) -> None:
        self.marginals = marginals
        self.tuples = np.empty((0, len(marginals)), dtype=np.int32)
        self.costs = np.empty(0)
        # One row of each marginal but the first follows from the others; its potential is zero.
        self.rows: list[np.ndarray] = []
        height = 0
        for a in marginals:
            size = len(a) - (height > 0)
            row = height + np.arange(len(a))
            self.rows.append(np.where(np.arange(len(a)) < size, row, -1))
            height += size
        right = np.concatenate([a[row >= 0] for a, row in zip(marginals, self.rows, strict=True)])
        none = np.empty(0, dtype=np.int32)
        self.highs = _silent_highs()
        for name, value in _OPTIONS.items():
            self.highs.setOptionValue(name, value)
        self.highs.addRows(height, right, right, 0, none, none, np.empty(0))

    def add(self, tuples: np.ndarray, costs: np.ndarray) -> None:
        """Let ``tuples`` in, at ``costs``."""
        n = len(tuples)
        if n == 0:
            return
        at = np.stack([row[tuples[:, j]] for j, row in enumerate(self.rows)], axis=1)
        begins = np.concatenate([[0], np.cumsum((at >= 0).sum(axis=1))[:-1]]).astype(np.int32)
        entries = at[at >= 0].astype(np.int32)
        ones, top = np.ones(len(entries)), np.full(n, np.inf)
        self.highs.addCols(n, _LP_UNIT * costs, np.zeros(n), top, len(entries), begins, entries, ones)
        self.tuples = np.concatenate([self.tuples, tuples.astype(np.int32)])
        self.costs = np.concatenate([self.costs, costs])

    def reprice(self, which: np.ndarray, costs: np.ndarray) -> None:
        """Give the columns ``which`` new costs."""
        self.costs[which] = costs
        self.highs.changeColsCost(len(which), which.astype(np.int32), _LP_UNIT * costs)

    def solve(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Optimal weights of the tuples, a vertex, and dual potentials of the marginals."""
        self.highs.run()
        status = self.highs.getModelStatus()
        solution = self.highs.getSolution()
        weights = np.array(solution.col_value)
        if self.highs.modelStatusToString(status) != "Optimal":
            raise SolveError(f"the linear program failed: {self.highs.modelStatusToString(status)}")
        dual = np.append(np.array(solution.row_dual) / _LP_UNIT, 0.0)
        return self._sharpen(np.where(weights > _ZERO, weights, 0.0)), [dual[row] for row in self.rows]

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


class Incumbent:
    """The best plan and the best bound so far, in the solver's unit of cost."""

    def __init__(self) -> None:
        self.cost, self.lower = np.inf, -np.inf
        self.tuples = np.empty((0, 0), dtype=np.int64)
        self.weights, self.costs, self.labels = np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)

    @property
    def scale(self) -> float:
        """What ``tol`` is a share of: the objective, or a hundredth of the unit where that is more."""
        return max(self.cost, 0.01) if np.isfinite(self.cost) else 1.0

    def raise_bound(self, lower: float) -> None:
        self.lower = max(self.lower, lower)

    def lower_cost(
        self, tuples: np.ndarray, weights: np.ndarray, costs: np.ndarray, labels: np.ndarray | None = None
    ) -> None:
        cost = float(weights @ costs)
        if cost < self.cost:
            self.cost, self.tuples, self.weights, self.costs = cost, tuples.astype(np.int64), weights, costs
            self.labels = np.arange(len(weights)) if labels is None else labels

    def plan(self, unit: float, marginals: Sequence[np.ndarray], status: Status, iterations: int) -> MultiPlan:
        error = max(
            float(np.abs(np.bincount(self.tuples[:, j], self.weights, minlength=len(a)) - a).max())
            for j, a in enumerate(marginals)
        )
        costs = unit * self.costs
        cost = float(self.weights @ costs)
        lower = min(unit * self.lower, cost)  # above it by rounding only
        return MultiPlan(self.tuples, self.weights, costs, cost, lower, status, iterations, error)


def north_west(marginals: Sequence[np.ndarray]) -> np.ndarray:
    """Tuples of a plan, whatever the costs: all marginals are used up in their own order."""
    left = [a.copy() for a in marginals]
    at = [0] * len(marginals)
    out = [tuple(at)]
    while True:
        mass = min(a[k] for a, k in zip(left, at, strict=True))
        for a, k in zip(left, at, strict=True):
            a[k] -= mass
        free = [j for j, a in enumerate(left) if at[j] + 1 < len(a)]
        if not free:
            return np.array(out)
        at[min(free, key=lambda j: left[j][at[j]])] += 1
        out.append(tuple(at))


def unsolved(plan: MultiPlan) -> SolveError:
    """The error to raise when the gap could not be closed, with the best plan attached."""
    return SolveError(
        f"the multi-marginal program stopped at a gap of {plan.gap:.3g} (cost {plan.cost:.6g}, proven lower bound "
        f"{plan.lower_bound:.6g}): {plan.status.advice}; the best plan is attached as .result",
        plan,
    )
