"""Exact transport between finitely many atoms, with dual potentials as proof."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan, Status

_DUST = 1e-15  # flows this small are rounding: the weights sum to one


@dataclass(frozen=True)
class Exact:
    """Network simplex for the transport linear program (POT's ``emd``).

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
        that ``gap`` is a proof. POT does not count pivots: ``iterations`` is zero.

        Raises
        ------
        InputError
            Where a cost is not finite.
        SolveError
            Where ``max_iter`` was too small; its ``result`` is feasible, and its ``gap`` holds.
        """
        if not np.isfinite(cost).all():
            raise InputError(f"costs must be finite, got NaN or infinity at {np.argwhere(~np.isfinite(cost))[0]}")
        if min(cost.shape) == 1:  # one coupling only, and no need to load POT
            coupling, status = np.outer(a, b), Status.OPTIMAL
            f = cost[:, 0] if len(b) == 1 else np.zeros(1)
        else:
            coupling, f, status = self._simplex(cost, a, b)
        plan = _certified(coupling, cost, a, b, f, status)
        if not status.solved:
            raise SolveError(f"the linear program did not finish: {status.advice}; gap {plan.gap:.3g}", plan)
        return plan

    def _simplex(self, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, Status]:
        from ot import emd  # here: it loads every array library that is installed, which takes seconds

        # Costs of any unit and far-away atoms: the simplex sees what is left of the costs at unit scale.
        rows = cost.min(axis=1)
        reduced = cost - rows[:, None]
        cols = reduced.min(axis=0)
        reduced -= cols
        unit = np.ldexp(1.0, int(np.frexp(reduced.max())[1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what went wrong is in result_code
            coupling, log = emd(a, b, reduced / unit, numItermax=self.max_iter, log=True, center_dual=False)
        f, g = rows + unit * log["u"], cols + unit * log["v"]
        if log["result_code"] != 1:
            return to_marginals(coupling, a, b), f, Status.MAX_ITER
        coupling = _without_dust(coupling, cost, a, b, f, g)
        return coupling, _tight_potential(coupling, cost, f, g), Status.OPTIMAL


def _certified(
    coupling: np.ndarray, cost: np.ndarray, a: np.ndarray, b: np.ndarray, f: np.ndarray, status: Status
) -> Plan:
    """The plan with feasible potentials near f: each is the largest that the other allows, weight zero or not."""
    g = (cost - f[:, None]).min(axis=0)
    f = (cost - g).min(axis=1)
    value, bound = float((coupling * cost).sum()), float(f @ a + g @ b)
    # At the optimum both sums agree but for rounding, which must not claim a bound above a price that is achieved.
    bound = min(bound, value)
    error = max(np.abs(coupling.sum(axis=1) - a).max(), np.abs(coupling.sum(axis=0) - b).max())
    return Plan(coupling, value, bound, status, 0, float(error), cost, (f, g))


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

    The simplex updates potentials at every pivot and so piles up rounding; here each tree of the support is walked
    from a root that keeps its value.
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


def to_marginals(coupling: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A coupling of a and b near one that misses them (Altschuler, Weed and Rigollet 2017, Algorithm 2)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.nan_to_num(np.minimum(a / coupling.sum(axis=1), 1.0))
        coupling = coupling * rows[:, None]
        coupling = coupling * np.nan_to_num(np.minimum(b / coupling.sum(axis=0), 1.0))
    short_a, short_b = np.maximum(a - coupling.sum(axis=1), 0.0), np.maximum(b - coupling.sum(axis=0), 0.0)
    missing = short_a.sum()
    return coupling + np.outer(short_a, short_b) / missing if missing > 0 else coupling
