"""Exact transport between finitely many atoms, with dual potentials as proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mixot._checks import check_whole
from mixot._native import network_simplex
from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan, Status


@dataclass(frozen=True)
class Exact:
    """Network simplex for the transport linear program.

    The coupling is a vertex of the polytope: its support is a forest, of at most k + l - 1 entries. Where several
    couplings are optimal, it is the vertex at which the simplex stopped, the same at every run. An infinite cost
    forbids a pair.

    Parameters
    ----------
    max_iter : pivots before it gives up and raises `SolveError`

    Examples
    --------
    >>> plan = Exact().solve(np.array([[0.0, 4.0], [1.0, 1.0]]), np.array([0.5, 0.5]), np.array([0.75, 0.25]))
    >>> plan.coupling.tolist(), plan.cost, plan.gap
    ([[0.5, 0.0], [0.25, 0.25]], 0.5, 0.0)
    """

    max_iter: int = 10_000_000

    def __post_init__(self) -> None:
        check_whole(self.max_iter, "max_iter", 0)

    def solve(self, cost: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"]) -> Plan:
        """Return the cheapest coupling of a and b: ``min <w, cost>`` over w >= 0, w 1 = a, w^T 1 = b.

        The potentials maximise ``f @ a + g @ b`` over ``f[i] + g[j] <= cost[i, j]``, atoms of weight zero included, so
        that ``gap`` is a proof. ``iterations`` counts the pivots after a greedy start.

        Raises
        ------
        InputError
            Where a cost is NaN or -infinity, a weight is negative or not finite, a and b have different totals, or no
            coupling avoids the infinite costs (the message names rows with more mass than the columns they can go to).
        SolveError
            Where ``max_iter`` was too small; its ``result`` is feasible, and its ``gap`` holds.
        """
        if cost.shape != (len(a), len(b)) or not cost.size:
            raise InputError(f"costs of shape {cost.shape} do not go with {len(a)} and {len(b)} weights")
        plan = self._as_it_is(cost, a, b)
        proven = plan.gap <= _LOST * abs(plan.cost) or not np.isfinite(cost).all()  # those were solved around
        return plan if proven else self._finer(plan, a, b)

    def _as_it_is(self, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> Plan:
        """The plan with the proof that rounding leaves of it; raises as `solve` does."""
        coupling, f, g = np.zeros(cost.shape), np.empty(len(a)), np.empty(len(b))
        end, pivots, value, bound, error = network_simplex(
            _plain(cost), _plain(a), _plain(b), min(self.max_iter, _MOST_PIVOTS), coupling, f, g
        )
        if end == "optimal":
            return Plan(coupling, value, bound, Status.OPTIMAL, pivots, error, cost, (f, g))
        if end == "cost not finite" and (cost > -np.inf).all():  # false for NaN
            return self._around(np.isinf(cost), cost, a, b, self.solve)
        if end != "max pivots":
            raise _refusal(end, cost, a, b)
        plan = Plan(coupling, value, bound, Status.MAX_ITER, pivots, error, cost, (f, g))
        raise SolveError(f"the linear program did not finish: {plan.status.advice_for(self)}; gap {plan.gap:.3g}", plan)

    def _finer(self, plan: Plan, a: np.ndarray, b: np.ndarray) -> Plan:
        """The plan with its proof where some costs are so large that sums with them lose the digits of the others.

        Pairs that cost more than any detour along the cheaper ones are as good as forbidden. The potentials stay below
        the costs of all pairs, so the gap of what comes out is a proof as before.
        """
        cost, mass = plan.cost_matrix, float(a.sum())
        low, high = float(cost.min()), float(cost.max())
        if not np.isfinite(plan.gap) or not np.isfinite(high - low):
            raise InputError(f"costs from {low:.3g} to {high:.3g} are too large for sums of them: scale them")
        many = float(min(cost.shape) + 3)
        level, before = 2 * max(plan.cost / mass - low, plan.gap / mass), 0
        while low + many * level < high:
            above = int((cost > low + level).sum())
            if above != before and above == int((cost >= low + many * level).sum()):
                before = above
                try:
                    found = self._around(cost > low + level, cost, a, b, self._as_it_is)
                except InputError:  # no coupling without them
                    found = plan
                if found.gap < plan.gap:
                    plan = replace(found, cost_matrix=cost)
                if plan.gap <= _LOST * abs(plan.cost):
                    return plan
            level *= 4
        return plan

    def _around(
        self,
        forbidden: np.ndarray,
        cost: np.ndarray,
        a: np.ndarray,
        b: np.ndarray,
        solve: Callable[[np.ndarray, np.ndarray, np.ndarray], Plan],
    ) -> Plan:
        """The cheapest coupling without the forbidden pairs, as that where they cost more than any detour."""
        allowed = cost[~forbidden]
        low, high = (float(allowed.min()), float(allowed.max())) if len(allowed) else (0.0, 0.0)
        # A coupling that avoids the pairs differs from one that does not by cycles of at most min(k, l) pairs each way.
        price = high + ((min(cost.shape) + 1) * (high - low) or 0.5 * abs(high) or 1.0)
        if not np.isfinite(price):
            raise InputError(f"costs between {low:.3g} and {high:.3g} beside infinite ones are too large: scale them")
        plan = solve(np.where(forbidden, price, cost), a, b)
        on = np.where(forbidden, plan.coupling, 0.0)
        apart = abs(a.sum() - b.sum())  # totals may differ by rounding, and that has to go somewhere
        if on.sum() > apart + _DUST * a.sum():
            raise _infeasible(forbidden, a, b)
        kept = plan.coupling - on
        error = max(np.abs(kept.sum(axis=1) - a).max(), np.abs(kept.sum(axis=0) - b).max())
        value = float((kept[~forbidden] * allowed).sum())
        return replace(
            plan,
            coupling=kept,
            cost=value,
            lower_bound=min(plan.lower_bound, value),
            marginal_error=float(error),
            cost_matrix=cost,
        )


_LOST = 1e-9  # gap, as a share of the cost, beyond what rounding explains
_DUST = 1e-12  # of the mass: what rounding may leave on pairs that are forbidden
_MOST_PIVOTS = 2**62  # what the kernel can count


def _plain(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64)


def _refusal(end: str, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> InputError:
    if end == "cost not finite":
        bad = np.argwhere(~(cost > -np.inf))[0]
        return InputError(
            f"costs must be numbers, or infinite where a pair is forbidden, got {cost[tuple(bad)]} at {bad}"
        )
    if end == "unequal totals":
        return InputError(f"both sides must have the same mass, got {a.sum():.9g} and {b.sum():.9g}")
    for name, weights in (("a", a), ("b", b)):
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(bad):
            return InputError(f"weights must be finite and not negative, got {weights[bad[0]]} in {name} at {bad[0]}")
    return InputError("weights must not be all zero: there is no mass")


def _infeasible(forbidden: np.ndarray, a: np.ndarray, b: np.ndarray) -> InputError:
    """Words that prove it: rows whose mass is more than that of all columns they can go to (Hall's condition)."""
    # The least mass on forbidden pairs is positive, so that of its potentials, zeros and ones but for a shift, the rows
    # at the top can only pay nothing toward the columns at the bottom.
    f, g = Exact().solve(forbidden.astype(np.float64), a, b).potentials
    rows, cols = np.flatnonzero(f > f.max() - 0.5), np.flatnonzero(g < g.max() - 0.5)
    names = [f"{_listed(at)}, of mass {weights[at].sum():.9g}" for at, weights in ((rows, a), (cols, b))]
    where = f"the columns {names[1]}" if len(cols) else "no column"
    return InputError(f"no coupling avoids the infinite costs: the rows {names[0]}, have finite costs only to {where}")


def _listed(index: np.ndarray, most: int = 8) -> str:
    words = ", ".join(map(str, index[:most].tolist()))
    return f"{words}, ... ({len(index)} in all)" if len(index) > most else words
