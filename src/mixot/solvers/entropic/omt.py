"""Optimal mixture transport: one stable coupling of the components of two mixtures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mixot._checks import check_whole, is_one_of
from mixot._native import entropic_coupling
from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan, Status
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.entropic.interaction import typical_interaction
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.solvers.entropic.rounding import to_marginals

_DEFAULT = 0.1  # lam, as a share of the typical interaction
_LIMIT = 1e-11  # lam, relative to the range of the costs, below which the exact plan is optimal to ten digits

Potentials = tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]


@dataclass(frozen=True)
class OMT:
    """Optimal mixture transport: ``min <C, w> + lam KL(w | a b')`` over couplings w of the weights.

    ``C_kl`` is what it costs to move component k onto component l, ``eps`` included. For ``lam > 0`` the objective is
    strictly convex: the plan is unique, positive, and changes continuously with the mixtures, where the plan of MW2,
    ``lam = 0``, jumps. This is a reconstruction of the formulation that Jin, Sümbül and Marghi (2026) describe in their
    abstract; see "Optimal mixture transport" in the documentation for statements and proofs.

    Parameters
    ----------
    lam : weight of the entropy of the coupling, in squared units of the data
        None or "auto", the default: 0.1 of the typical size of the costs less their separable part, so that it does not
        change when one side is moved as a whole (see `default_lam`); 0 is the linear program of MW2. Below 1e-11 of the
        range of the costs the linear program's plan is returned: it is optimal to ten digits.
    eps : weight of the entropy of the couplings inside each pair, in squared units; 0 gives W2 between components
        ``OMT(lam=e, eps=e)`` is entropic transport of weight e of the labelled laws, points that know their component;
        at 0 the objective is no longer strictly biconvex, though its minimiser is unique
    rho : what it costs to miss the marginals, ``rho KL(w 1 | a)``, in squared units; one number, or (source, target)
        Not given or infinite: the marginals are kept. Finite: mass may be created and destroyed, needs ``lam > 0``.
    cost : "w2", or "kl" for ``C_kl = KL(p_k | q_l)``, in nats: a plan between components, without a map of points
    tol : the gap at which a plan counts as solved, relative to the largest cost
    max_iter : Newton steps before it gives up and raises `SolveError`

    Raises
    ------
    InputError
        Where lam, eps or rho is negative or NaN, or rho is zero.

    References
    ----------
    Jin, Sümbül and Marghi, A biconvex formulation for stable transport of mixture models with a unique solution
    (2026), arXiv 2606.02515; Cuturi (2013) and Chizat, Peyré, Schmitzer and Vialard (2018) for the coupling.

    Examples
    --------
    >>> found = OMT(lam=1.0).solve(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    >>> (2 * found.coupling).round(6).tolist(), round(float(1 / (1 + np.exp(-1))), 6)
    ([[0.731059, 0.268941], [0.268941, 0.731059]], 0.731059)
    """

    lam: float | int | Literal["auto"] | None = None
    eps: float | int = 0.0
    rho: float | int | tuple[float | int, ...] | None = None
    cost: Literal["w2", "kl"] = "w2"
    tol: float = 1e-9
    max_iter: int = 500

    def __post_init__(self) -> None:
        if not (self.lam is None or is_one_of(self.lam, ("auto",))):
            _check("lam", self.lam)
        _check("eps", self.eps)
        if not is_one_of(self.cost, ("w2", "kl")):
            raise InputError(f'cost must be "w2" or "kl", got {self.cost!r}')
        if self.cost == "kl" and self.eps > 0:
            raise InputError("eps is the entropy of couplings of points, which the KL cost has none of; leave it out")
        if np.isfinite(self.marginal_costs).any() and self.lam == 0:
            raise InputError("relaxed marginals need lam > 0: leave lam out for its default, or rho for the exact plan")
        check_whole(self.max_iter, "max_iter", 0)

    @property
    def marginal_costs(self) -> tuple[float, float]:
        """What it costs to miss the marginals of p and of q; infinite where they are kept."""
        given = (np.inf, np.inf) if self.rho is None else self.rho
        pair = given if isinstance(given, tuple) else (given, given)
        if len(pair) != 2:
            raise InputError(f"rho must be one number or a pair (source, target), got {len(pair)} numbers")
        first, second = (_check("rho", rho, open_end=True) for rho in pair)
        return first, second

    def solve(
        self,
        cost: Float[np.ndarray, "k l"],
        a: Float[np.ndarray, " k"],
        b: Float[np.ndarray, " l"],
        *,
        start: Potentials | None = None,
    ) -> OMTPlan:
        """Return the optimal coupling of a and b under the component costs, with its certificate.

        Parameters
        ----------
        cost : (k, l)
            Finite.
        a : (k,)
            Weights of the source, not negative.
        b : (l,)
            Weights of the target, of the sum of a unless marginals are relaxed.
        start : potentials (f, g) to set out from, such as those of a plan nearby
            The answer does not depend on them; without, the method follows the plans from large lam down.

        Raises
        ------
        InputError
            Where a cost is not finite.
        SolveError
            Where the gap stayed above ``tol``; ``result`` holds the best plan.
        """
        if not np.isfinite(cost).all():
            at = tuple(np.argwhere(~np.isfinite(cost))[0].tolist())
            raise InputError(f"costs must be finite, got {cost[at]:g} between components {at[0]} and {at[1]}")
        rows, cols = np.flatnonzero(a > 0), np.flatnonzero(b > 0)
        active = np.ascontiguousarray(cost[np.ix_(rows, cols)], dtype=np.float64)
        lam = default_lam(active, a[rows], b[cols]) if self.lam in (None, "auto") else float(self.lam)
        problem = _EntropicProgram(active, a[rows], b[cols], lam, self.marginal_costs)
        if problem.balanced and lam <= _LIMIT * problem.spread:
            f, g, w, steps = problem.limit()
        else:
            kept = None if start is None else (start[0][rows], start[1][cols])
            f, g, w, steps = problem.proven(kept, self.max_iter, self.tol)
        whole = _EntropicProgram(cost, a, b, lam, self.marginal_costs)
        coupling = np.zeros(cost.shape)
        coupling[np.ix_(rows, cols)] = w
        primal, dual = problem.primal(w), problem.dual(f, g)
        converged = problem.closed(f, g, w, self.tol)
        status = Status.OPTIMAL if lam == 0 else Status.CONVERGED if converged else Status.MAX_ITER
        plan = whole.plan(
            coupling, (float(self.eps), self.cost), (primal, dual), whole.extended(f, g, rows, cols), (status, steps)
        )
        if not status.solved:
            raise SolveError(f"optimal mixture transport did not finish: {status.advice}; gap {plan.gap:.3g}", plan)
        return plan


def default_lam(
    cost: Float[np.ndarray, "k l"],
    a: Float[np.ndarray, " k"] | None = None,
    b: Float[np.ndarray, " l"] | None = None,
) -> float:
    """Return the default weight of entropy, 0.1 of the typical interaction between components (k, l) of weights a, b.

    See `typical_interaction`: costs ``x_k + y_l`` added to C leave it as it is, it has the units of the costs, and the
    order of the components does not matter. Where costs separate, every weight gives the same coupling of kept
    marginals: then it is 0.05 of the mean cost, or one where every cost is zero.
    """
    return _DEFAULT * typical_interaction(cost, a, b) or 0.05 * float(np.abs(cost).mean()) or 1.0


@dataclass(frozen=True, eq=False)
class _EntropicProgram:
    """``min <C, w> + lam KL(w | a b') + rho_p KL(w 1 | a) + rho_q KL(w' 1 | b)``."""

    cost: np.ndarray
    a: np.ndarray
    b: np.ndarray
    lam: float
    rho: tuple[float, float]

    @property
    def balanced(self) -> bool:
        return not np.isfinite(self.rho).any()

    @property
    def reduced(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row minima, column minima of the rest, and the rest: costs that separate carry no digits of the plan."""
        rows = self.cost.min(axis=1)
        rest = self.cost - rows[:, None]
        cols = rest.min(axis=0)
        return rows, cols, rest - cols

    @property
    def spread(self) -> float:
        return float(self.reduced[2].max())

    def limit(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """The plan of the linear program and its potentials."""
        exact: Plan = Exact().solve(self.cost, self.a, self.b)
        return *exact.potentials, exact.coupling, 0

    def proven(
        self, start: Potentials | None, max_iter: int, tol: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """`solved`, and again from the linear program's potentials should its gap be too wide.

        For small lam they are close to the optimum. The way down from large lam can be lost where parts of the plan
        come to hang together by less than rounding.
        """
        f, g, w, steps = self.solved(start, max_iter)
        if not self.balanced or self.closed(f, g, w, tol):
            return f, g, w, steps
        again = self.solved(self.limit()[:2], max_iter)
        if not self.primal(again[2]) - self.dual(*again[:2]) < self.primal(w) - self.dual(f, g):
            again = f, g, w, 0
        return *again[:3], steps + again[3]

    def closed(self, f: np.ndarray, g: np.ndarray, w: np.ndarray, tol: float) -> bool:
        """Whether the gap is at most ``tol``, relative to the largest cost."""
        return self.primal(w) - self.dual(f, g) <= tol * max(float(np.abs(self.cost).max()), self.lam)

    def solved(self, start: Potentials | None, max_iter: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """Potentials, coupling with the marginals that are kept, and the number of sweeps and Newton steps."""
        k, l = self.cost.shape  # noqa: E741
        if l > k:  # Newton's system is in the columns
            turned = _EntropicProgram(
                np.ascontiguousarray(self.cost.T), self.b, self.a, self.lam, (self.rho[1], self.rho[0])
            )
            f, g, w, steps = turned.solved(None if start is None else (start[1], start[0]), max_iter)
            return g, f, np.ascontiguousarray(w.T), steps
        first = self.lam
        if start is None:
            f, g, rest = self.reduced
            first = max(first, float(rest.max()))
        else:
            f, g = (np.array(x, dtype=np.float64) for x in start)
        w = np.empty(self.cost.shape)
        logs = np.log(self.a), np.log(self.b)
        _, sweeps, newton, _ = entropic_coupling(self.cost, *logs, self.lam, self.rho, first, max_iter, f, g, w)
        return f, g, self._feasible(w), sweeps + newton

    def _feasible(self, w: np.ndarray) -> np.ndarray:
        """The coupling with exactly the marginals that are kept."""
        if self.balanced:
            return to_marginals(w, self.a, self.b)
        if not np.isfinite(self.rho[0]):
            return w * (self.a / w.sum(axis=1))[:, None]
        return w if np.isfinite(self.rho[1]) else w * (self.b / w.sum(axis=0))

    def primal(self, w: np.ndarray) -> float:
        """What is minimised, at a feasible w."""
        value = float((self.cost * w).sum())
        if self.lam > 0:
            entropy = w * (_log(w) - np.log(self.a)[:, None] - np.log(self.b))
            value += self.lam * float(entropy.sum() - w.sum() + self.a.sum() * self.b.sum())
        for rho, weights, marginal in zip(self.rho, (self.a, self.b), (w.sum(axis=1), w.sum(axis=0)), strict=True):
            if np.isfinite(rho):
                off = marginal / weights - 1  # the divergence is a second power of it: nothing cancels
                logs = np.log1p(off, out=np.zeros_like(off), where=off > -1)
                value += rho * float(weights @ ((1 + off) * logs - off))
        return value

    def dual(self, f: np.ndarray, g: np.ndarray) -> float:
        """The dual value of any potentials, never above the primal value of any feasible coupling."""
        value = 0.0
        for rho, weights, potential in zip(self.rho, (self.a, self.b), (f, g), strict=True):
            kept = not np.isfinite(rho)
            value += float(weights @ potential) if kept else -rho * float(weights @ np.expm1(-potential / rho))
        if self.lam > 0:
            mass = np.exp((f[:, None] + g - self.cost) / self.lam + np.log(self.a)[:, None] + np.log(self.b)).sum()
            value -= self.lam * float(mass - self.a.sum() * self.b.sum())
        return value

    def extended(self, f: np.ndarray, g: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> Potentials:
        """The potentials on all components: where there is no weight, what the other side asks for."""
        full_f, full_g = np.zeros(len(self.a)), np.zeros(len(self.b))
        full_f[rows], full_g[cols] = f, g
        none_a, none_b = np.flatnonzero(self.a == 0), np.flatnonzero(self.b == 0)
        full_f[none_a] = self._response(self.cost[np.ix_(none_a, cols)], g, self.b[cols], self.rho[0])
        full_g[none_b] = self._response(self.cost[np.ix_(rows, none_b)].T, f, self.a[rows], self.rho[1])
        return full_f, full_g

    def _response(self, cost: np.ndarray, other: np.ndarray, weights: np.ndarray, rho: float) -> np.ndarray:
        """``-lam log sum_j b_j exp((g_j - C_ij) / lam)``, damped where the marginal is relaxed."""
        reach = cost - other
        least = reach.min(axis=1)
        if self.lam == 0:
            return least
        soft = least - self.lam * np.log(np.exp((least[:, None] - reach) / self.lam) @ weights)
        return soft if not np.isfinite(rho) else soft * (rho / (rho + self.lam))

    def plan(
        self,
        w: np.ndarray,
        kind: tuple[float, str],
        values: tuple[float, float],
        potentials: Potentials,
        ending: tuple[Status, int],
    ) -> OMTPlan:
        g = (self.cost - potentials[0][:, None]).min(axis=0)
        f = (self.cost - g).min(axis=1)
        left, arrived = w.sum(axis=1), w.sum(axis=0)
        cost = float((w * self.cost).sum())
        bound = min(float(f @ left + g @ arrived), cost)
        kept = ~np.isfinite(self.rho)
        error = max(np.abs(left - self.a).max() * kept[0], np.abs(arrived - self.b).max() * kept[1])
        primal = values[0]
        dual = min(values[1], primal)  # at the optimum they agree but for rounding
        status, steps = ending
        return OMTPlan(
            w,
            cost,
            bound,
            status,
            steps,
            float(error),
            self.cost,
            (f, g),
            lam=self.lam,
            eps=kind[0],
            rho=self.rho,
            component_cost=kind[1],
            primal=primal,
            dual=dual,
            source_weights=self.a,
            target_weights=self.b,
            entropic_potentials=potentials,
        )


def _log(x: np.ndarray) -> np.ndarray:
    """Logarithms, and zero where x is: next to a factor x."""
    return np.log(x, out=np.zeros_like(x), where=x > 0)


def _check(name: str, value: Any, *, open_end: bool = False) -> float:
    """The number: positive, infinity included, where open_end, else finite and not negative."""
    try:
        number = float(value) if np.ndim(value) == 0 else np.nan
    except Exception:  # whatever a stranger's object raises
        raise InputError(f"{name} must be a number, got {value!r}") from None
    if not (number > 0 if open_end else 0 <= number < np.inf):
        what = "positive (infinite keeps the marginal)" if open_end else "finite and not negative"
        raise InputError(f"{name} must be {what}, got {number:g}")
    return number
