"""Transport whose marginals are not given, only rewarded: the plan of a joint fit for given components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixot._shapes import Bool, Float
from mixot.errors import SolveError
from mixot.solvers.base import Task
from mixot.solvers.discrete.exact import Exact


@dataclass(frozen=True)
class FreeMarginals:
    """Network simplex in which the marginals give way: Newton's method on a support, which pivots enlarge.

    ``min <w, cost> - p @ log(w 1) - q @ log(w^T 1)`` over nonnegative w (k, l) of total mass one. It is optimal where,
    for prices ``f = p / (w 1)``, ``g = q / (w^T 1)`` and some level t,

    ``cost_ij + t - f_i - g_j >= 0``, with equality wherever ``w_ij > 0``.

    On its support, a forest, w is moved by Newton's method, entries that reach zero drop out; then the entry that
    violates the inequality most joins it. Every step lowers the objective, so no support comes back.

    Parameters
    ----------
    max_iter : Newton steps
    tol : violation of the inequality that is left, as a share of the prices

    Examples
    --------
    >>> w = FreeMarginals().solve(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.4, 0.6]), np.array([0.6, 0.4]))
    >>> w.round(3).tolist()  # to move mass costs more than it is worth: the marginals meet half way
    [[0.5, 0.0], [0.0, 0.5]]
    """

    task: ClassVar[Task] = Task.MARGINALS

    max_iter: int = 10_000
    tol: float = 1e-10

    def solve(
        self,
        cost: Float[np.ndarray, "k l"],
        p: Float[np.ndarray, " k"],
        q: Float[np.ndarray, " l"],
        start: Float[np.ndarray, "k l"] | None = None,
    ) -> Float[np.ndarray, "k l"]:
        """Return the optimal w, begun at ``start``, the answer to a similar problem, if there is one.

        Rewards p and q are not negative, and neither is all zero.

        Raises
        ------
        SolveError
            Where it does not settle: ``max_iter`` too small, or rewards and costs many orders apart; its ``result`` is
            the last w.
        """
        unit = float(p.sum() + q.sum())
        problem = _MarginalProgram((cost - cost.min()) / unit, np.concatenate([p, q]) / unit)
        w = self._start(cost, p, q, start)
        value, support = problem.value(w), w > 0
        for _ in range(self.max_iter):
            change, decrement = problem.newton(w, support)
            if decrement > _STILL:
                w, value, moved = problem.move(w, change, value)
                support &= w > 0
                if moved and decrement > 1e4 * _STILL:
                    continue
            slack, scale = problem.slack(w)
            worst = np.unravel_index(slack.argmin(), slack.shape)
            if slack[worst] >= -self.tol * scale:
                return w
            if support[worst]:  # it has joined already: as far as floating point goes, or astray
                if slack[worst] >= -_ROUNDING * scale:
                    return w
                break
            support[worst] = True
        raise SolveError("the plan of a joint fit did not settle; raise max_iter, or bring costs and rewards closer", w)

    def _start(self, cost: np.ndarray, p: np.ndarray, q: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        """A plan whose support is a forest, with mass wherever there is a reward."""
        a, b = p / p.sum(), q / q.sum()
        if start is not None:
            w = start / start.sum()
            mine, theirs = w.sum(axis=1), w.sum(axis=0)
            covered = (mine[p > 0] > 0).all() and (theirs[q > 0] > 0).all()
            if covered and (w > 0).sum() < sum(w.shape):
                return w
            a, b = (0.5 * mine + 0.5 * a, 0.5 * theirs + 0.5 * b) if not covered else (mine, theirs)
        return Exact().solve(cost, a / a.sum(), b / b.sum()).coupling


_ROUNDING = 1e-6  # violation, as a share of the prices, that badly scaled costs may leave
_STILL = 1e-20  # Newton decrement, in units of all rewards, that is rounding
_FAR = 1e100  # beyond every step in shares of one: where next to nothing bends, as good as infinite


@dataclass(frozen=True, eq=False, slots=True)
class _MarginalProgram:
    """Costs (k, l) and rewards (k + l,) in units of all rewards."""

    cost: np.ndarray
    reward: np.ndarray

    def value(self, w: np.ndarray) -> float:
        """The objective."""
        marginals = _marginals(w)
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(self.reward > 0, marginals, 1.0))
        return float((w * self.cost).sum() - self.reward @ logs)

    def newton(self, w: np.ndarray, support: Bool[np.ndarray, "k l"]) -> tuple[np.ndarray, float]:
        """Newton's direction on the support, at constant total mass, and its decrement."""
        rows, cols = np.nonzero(support)
        k, size = len(w), len(rows)
        ends = np.zeros((len(self.reward), size))
        ends[rows, np.arange(size)] = ends[k + cols, np.arange(size)] = 1.0
        marginals = np.maximum(_marginals(w), np.finfo(float).tiny)
        price = self.reward / marginals
        slope = self.cost[rows, cols] - price @ ends
        hessian = (ends.T * (price / marginals)) @ ends
        unit = 1 / np.sqrt(np.maximum(np.diagonal(hessian), np.finfo(float).tiny))
        system = np.zeros((size + 1, size + 1))
        # where the newcomer closes a cycle nothing bends along it: then the step goes as far as an entry drops out
        system[:size, :size] = unit[:, None] * hessian * unit + 1e-13 * np.eye(size)
        norm = np.linalg.norm(unit)
        system[size, :size] = system[:size, size] = unit / norm
        with np.errstate(over="ignore"):
            change = unit * np.linalg.solve(system, np.append(-unit * slope, 0.0))[:size]
        change = np.clip(change, -_FAR, _FAR)
        out = np.zeros_like(w)
        out[rows, cols] = change
        return out, float(-slope @ change)

    def move(self, w: np.ndarray, change: np.ndarray, value: float) -> tuple[np.ndarray, float, bool]:
        """The plan after a step along ``change``, as far as it lowers the objective, its value, and whether it did."""
        falling = change < 0
        limit = np.divide(-w, change, out=np.full(w.shape, np.inf), where=falling)
        first = np.unravel_index(limit.argmin(), w.shape)
        share = min(1.0, float(limit[first]))
        dropped = limit[first] <= 1.0
        for _ in range(40):
            ahead = np.maximum(w + share * change, 0.0)
            if dropped:
                ahead[first] = 0.0
            ahead /= ahead.sum()
            reached = self.value(ahead)
            if reached < value:
                return ahead, reached, True
            share, dropped = share / 2, False
        return w, value, False

    def slack(self, w: np.ndarray) -> tuple[np.ndarray, float]:
        """``cost + t - f - g``, zero on average over the mass, and the largest price."""
        k = len(w)
        price = self.reward / np.maximum(_marginals(w), np.finfo(float).tiny)
        slack = self.cost - price[:k, None] - price[k:]
        return slack - (slack * w).sum(), float(price.max())


def _marginals(w: np.ndarray) -> np.ndarray:
    return np.concatenate([w.sum(axis=1), w.sum(axis=0)])
