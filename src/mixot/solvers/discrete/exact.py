"""Exact transport between finitely many atoms, with dual potentials as proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import network_simplex
from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan, Status


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
        that ``gap`` is a proof. ``iterations`` counts the pivots after a greedy start.

        Raises
        ------
        InputError
            Where a cost is not finite, a weight is negative or not finite, or a and b have different totals.
        SolveError
            Where ``max_iter`` was too small; its ``result`` is feasible, and its ``gap`` holds.
        """
        if cost.shape != (len(a), len(b)) or not cost.size:
            raise InputError(f"costs of shape {cost.shape} do not go with {len(a)} and {len(b)} weights")
        coupling, f, g = np.zeros(cost.shape), np.empty(len(a)), np.empty(len(b))
        end, pivots, value, bound, error = network_simplex(
            _plain(cost), _plain(a), _plain(b), min(self.max_iter, _MOST_PIVOTS), coupling, f, g
        )
        if end == "optimal":
            return Plan(coupling, value, bound, Status.OPTIMAL, pivots, error, cost, (f, g))
        if end != "max pivots":
            raise _refusal(end, cost, a, b)
        plan = Plan(coupling, value, bound, Status.MAX_ITER, pivots, error, cost, (f, g))
        raise SolveError(f"the linear program did not finish: {plan.status.advice}; gap {plan.gap:.3g}", plan)


_MOST_PIVOTS = 2**62  # what the kernel can count


def _plain(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64)


def _refusal(end: str, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> InputError:
    if end == "cost not finite":
        return InputError(f"costs must be finite, got NaN or infinity at {np.argwhere(~np.isfinite(cost))[0]}")
    if end == "unequal totals":
        return InputError(f"both sides must have the same mass, got {a.sum():.9g} and {b.sum():.9g}")
    for name, weights in (("a", a), ("b", b)):
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(bad):
            return InputError(f"weights must be finite and not negative, got {weights[bad[0]]} in {name} at {bad[0]}")
    return InputError("weights must not be all zero: there is no mass")
