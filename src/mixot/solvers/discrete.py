"""Exact transport between finitely many atoms, with dual potentials as proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot import _native
from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan, Status

_DUST = 1e-15  # flows this small are rounding: the weights sum to one


@dataclass(frozen=True)
class Exact:
    """Network simplex for the transport linear program.

    The coupling is a vertex of the polytope: its support is a forest, of at most k + l - 1 entries. Where several
    couplings are optimal, it is the vertex at which the simplex stopped, the same at every run.

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

    def solve(self, cost: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"]) -> Plan:
        """Return the cheapest coupling of a and b: ``min <w, cost>`` over w >= 0, w 1 = a, w^T 1 = b.

        The potentials maximise ``f @ a + g @ b`` over ``f[i] + g[j] <= cost[i, j]``, atoms of weight zero included, so
        that ``gap`` is a proof; ``iterations`` counts pivots.

        Raises
        ------
        InputError
            Where a cost is not finite.
        SolveError
            Where ``max_iter`` was too small; its ``result`` is feasible, and its ``gap`` holds.
        """
        if not np.isfinite(cost).all():
            raise InputError(f"costs must be finite, got NaN or infinity at {np.argwhere(~np.isfinite(cost))[0]}")
        if min(cost.shape) == 1:  # one coupling only
            coupling, pivots = np.outer(a, b), 0
            f = cost[:, 0] if len(b) == 1 else np.zeros(1)
        else:
            coupling, f, pivots = self._simplex(cost, a, b)
        plan = _certified(
            coupling, cost, a, b, f, pivots, Status.MAX_ITER if pivots > self.max_iter else Status.OPTIMAL
        )
        if not plan.status.solved:
            raise SolveError(f"the linear program did not finish: {plan.status.advice}; gap {plan.gap:.3g}", plan)
        return plan

    def _simplex(self, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Coupling, potential f, and the number of pivots; one more than ``max_iter`` where they did not suffice."""
        live = np.ix_(a > 0, b > 0)
        # Costs of any unit and far-away atoms: the simplex sees what is left of the costs at unit scale.
        rows = cost[live].min(axis=1)
        reduced = cost[live] - rows[:, None]
        cols = reduced.min(axis=0)
        reduced -= cols
        unit = np.ldexp(1.0, int(np.frexp(reduced.max())[1]))
        some, u, v, pivots = _solve(reduced / unit, a[a > 0], b[b > 0], self.max_iter)
        g = cols + unit * v
        f, coupling = (cost[:, b > 0] - g).min(axis=1), np.zeros(cost.shape)
        f[a > 0], coupling[live] = rows + unit * u, some
        if pivots > self.max_iter:
            return coupling, f, pivots
        every_g = (cost - f[:, None]).min(axis=0)
        every_g[b > 0] = g
        coupling = _without_dust(coupling, cost, a, b, f, every_g)
        return coupling, _tight_potential(coupling, cost, f, every_g), pivots


def _solve(
    cost: np.ndarray, a: np.ndarray, b: np.ndarray, max_iter: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Coupling, potentials and number of pivots, for positive weights; the kernel wants its rows long."""
    if len(a) > len(b):
        coupling, v, u, pivots = _solve(cost.T, b, a, max_iter)
        return coupling.T, u, v, pivots
    coupling, u, v = np.zeros(cost.shape), np.empty(len(a)), np.empty(len(b))
    pivots = _native.transport_simplex(np.ascontiguousarray(cost), a, b, max_iter, coupling, u, v)
    return coupling, u, v, pivots


def _certified(
    coupling: np.ndarray, cost: np.ndarray, a: np.ndarray, b: np.ndarray, f: np.ndarray, pivots: int, status: Status
) -> Plan:
    """The plan with feasible potentials near f: each is the largest that the other allows, weight zero or not."""
    g = (cost - f[:, None]).min(axis=0)
    f = (cost - g).min(axis=1)
    value, bound = float((coupling * cost).sum()), float(f @ a + g @ b)
    # At the optimum both sums agree but for rounding, which must not claim a bound above a price that is achieved.
    bound = min(bound, value)
    error = max(np.abs(coupling.sum(axis=1) - a).max(), np.abs(coupling.sum(axis=0) - b).max())
    return Plan(coupling, value, bound, status, pivots, float(error), cost, (f, g))


def _without_dust(
    coupling: np.ndarray, cost: np.ndarray, a: np.ndarray, b: np.ndarray, f: np.ndarray, g: np.ndarray
) -> np.ndarray:
    """The coupling without flows that are rounding; atoms too light for the simplex go where that costs nothing."""
    rows, cols = _support(coupling)
    flow = coupling[rows, cols]
    dust = (flow <= _DUST) & (flow <= 1e-3 * np.minimum(a[rows], b[cols]))
    coupling[rows[dust], cols[dust]] = 0.0
    rows, cols = rows[~dust], cols[~dust]
    for i in np.flatnonzero((a > 0) & (np.bincount(rows, minlength=len(a)) == 0)):
        coupling[i, np.argmin(np.where(b > 0, cost[i] - g, np.inf))] = a[i]
    for j in np.flatnonzero((b > 0) & (np.bincount(cols, minlength=len(b)) == 0)):
        coupling[np.argmin(np.where(a > 0, cost[:, j] - f, np.inf)), j] = b[j]
    return coupling


def _support(coupling: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.divmod(np.flatnonzero(coupling.ravel() > 0), coupling.shape[1])
    return rows, cols


def _tight_potential(coupling: np.ndarray, cost: np.ndarray, f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The potential f with which ``f[i] + g[j] = cost[i, j]`` holds on the support to the last digit.

    The simplex knows them up to the rounding of its unit; here each tree of the support is walked from a root that
    keeps its value.
    """
    k = len(f)
    rows, cols = _support(coupling)
    # Both ends of every entry, grouped by where it starts: plain numbers, which the garbage collector does not count.
    here, there = np.concatenate([rows, k + cols]), np.concatenate([k + cols, rows])
    order = np.argsort(here, kind="stable")
    first = np.searchsorted(here[order], np.arange(k + len(g) + 1)).tolist()
    ends, prices = there[order].tolist(), np.tile(cost[rows, cols], 2)[order].tolist()
    value = np.concatenate([f, g]).tolist()
    known = [False] * len(value)
    for root in range(k):
        if known[root]:
            continue
        known[root] = True
        stack = [root]
        while stack:
            node = stack.pop()
            for at in range(first[node], first[node + 1]):
                end = ends[at]
                if not known[end]:
                    value[end] = prices[at] - value[node]
                    known[end] = True
                    stack.append(end)
    return np.array(value[:k])
