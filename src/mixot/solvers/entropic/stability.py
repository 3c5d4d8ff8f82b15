"""How much a plan of optimal mixture transport can change when the mixtures do.

Balanced, ``w = exp(alpha + beta - C / lam)`` has row sums a and column sums b. Write ``M = Da^-1/2 w Db^-1/2``
with singular values ``1 = s1 > s2 >= ...``. A small change of weights changes w by ``w_ij (u_i + v_j)`` with

    (I  M; M' I) (sqrt(a) u; sqrt(b) v) = (da / sqrt(a); db / sqrt(b)),

and by Cauchy and Schwarz ``|dw|_1^2 <= sum dw^2 / w <= (sum da^2 / a + sum db^2 / b) / (1 - s2)``. Where marginals are
relaxed the identities become ``1 + lam / rho``, a and b on the left the marginals of w, and on the right
``(1 + lam / rho) sqrt(w 1) da / a``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._checks import as_floats
from mixot._native import largest_interaction
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.solvers.entropic.arrow_errors import arrow_errors
from mixot.threads import thread_count

if TYPE_CHECKING:
    from mixot.solvers.entropic.omt_plan import OMTPlan  # which has the door to this report

_MANY = 200  # components beyond which the summary leaves out what takes the fourth power of those of a side
_SHOWN = 1e-13  # mass of an arrow below which the marginals of a plan, kept to rounding, do not determine it
_LEAST = 1e-139  # conductance, whose squares of inverses are finite


@dataclass(frozen=True, eq=False, slots=True)
class Stability:
    """Bounds on the change of a plan, and the numbers that drive them; ``str(...)`` explains them.

    Changes of the plan are measured as ``|w' - w|_1``, twice the mass that goes elsewhere. ``second_singular_value`` is
    s2 of ``Da^-1/2 w Db^-1/2``, zero where the components are independent and one where the plan falls apart into
    pieces; ``interaction`` is ``D = max |C_kl + C_k'l' - C_kl' - C_k'l| / lam``, with which ``s2 <= tanh(D / 4)``
    whatever the weights (Birkhoff); ``margin`` is what first-order bounds are divided by, ``1 - s2`` where marginals
    are kept.

    ==========================  ========================================================================
    `weights_bound`             first order in the change of the weights
    `weights_bound_everywhere`  for any change of the weights; says little where D is large
    `cost_bound`                for any change of the costs, ``osc(C' - C) / (2 lam)``
    `component_bound`           the same, for components that move by at most so much in W2
    `relative_errors`           of each arrow, when the weights are shares among n observations
    ==========================  ========================================================================

    Examples
    --------
    >>> from mixot import OMT
    >>> half = np.full(2, 0.5)
    >>> found = OMT(lam=1.0).solve(np.array([[0.0, 1.0], [1.0, 0.0]]), half, half).stability()
    >>> round(found.second_singular_value, 9), round(float(np.tanh(found.interaction / 4)), 9)
    (0.462117157, 0.462117157)
    """

    plan: OMTPlan = field(repr=False)
    second_singular_value: float
    interaction: float
    margin: float

    @classmethod
    def of(cls, plan: OMTPlan) -> Stability:
        """The report on a plan; of the linear program's, ``lam = 0``, nothing is sure."""
        rows, cols = np.flatnonzero(plan.coupling.sum(axis=1) > 0), np.flatnonzero(plan.coupling.sum(axis=0) > 0)
        rest = _without_first(plan.coupling[np.ix_(rows, cols)])
        gram = rest @ rest.T if len(rows) <= len(cols) else rest.T @ rest
        second = float(np.sqrt(np.clip(np.linalg.eigvalsh(gram)[-1], 0.0, 1.0)))
        if plan.lam == 0:
            return cls(plan, second, np.inf, 0.0)
        interaction = largest_interaction(np.ascontiguousarray(plan.cost_matrix), thread_count()) / plan.lam
        if plan.balanced:
            return cls(plan, second, interaction, 1 - second)
        p, q = _relaxations(plan)
        return cls(plan, second, interaction, 1 + (p + q) / 2 - float(np.hypot((p - q) / 2, 1.0)))

    def weights_bound(self, source: Any = None, target: Any = None) -> float:
        """First-order bound on ``|w' - w|_1`` when the weights become ``source`` and ``target``.

        ``sqrt((sum da^2 / a + sum db^2 / b) / (1 - s2))``: right up to terms of second order in the change. Weights
        that are not given stay.
        """
        p, q = _relaxations(self.plan)
        squares = 0.0
        marginals = self.plan.coupling.sum(axis=1), self.plan.coupling.sum(axis=0)
        ends = (source, self.plan.source_weights, p), (target, self.plan.target_weights, q)
        for (given, weights, relaxation), marginal in zip(ends, marginals, strict=True):
            change = _weights(given, weights) - weights
            if (change[weights == 0] != 0).any():
                return np.inf
            seen = weights > 0
            relative = (1 + relaxation) * change[seen] / weights[seen]
            squares += float((marginal[seen] * relative**2).sum())
        mass = float(self.plan.coupling.sum())
        return float(np.sqrt(mass * squares / self.margin)) if squares > 0 and self.margin > 0 else _or_inf(squares)

    def weights_bound_everywhere(self, source: Any = None, target: Any = None) -> float:
        """Bound on ``|w' - w|_1`` for any change of the weights, however large.

        ``2 sqrt((t_a^2 + t_b^2) / (1 - tanh(D / 4)))`` with the angles ``cos t_a = sum sqrt(a a')``: the first-order
        bound along the great circle between the roots of the weights, with what is known of s2 everywhere.
        """
        if not self.plan.balanced:
            raise UnsupportedError("the bound for all weights is known where marginals are kept; use weights_bound")
        squares = 0.0
        for given, weights in ((source, self.plan.source_weights), (target, self.plan.target_weights)):
            chord = np.linalg.norm(np.sqrt(_weights(given, weights)) - np.sqrt(weights))
            squares += float(2 * np.arcsin(min(chord / 2, 1.0))) ** 2
        if squares == 0:
            return 0.0
        with np.errstate(over="ignore"):  # 1 / (1 - tanh(D / 4)) = (1 + exp(D / 2)) / 2
            return min(2 * float(np.sqrt(squares * (1 + np.exp(self.interaction / 2)) / 2)), 2.0)

    def cost_bound(self, cost: Any) -> float:
        """Bound on ``|w' - w|_1`` when the component costs become ``cost``, (k, l): ``osc(C' - C) / (2 lam)``.

        Costs that separate, ``x_k + y_l``, change no plan, and half the range of rows and then of columns is taken off
        first. Where marginals are relaxed it is a first-order bound, ``sqrt(m sum w (C' - C)^2) / lam``, m the mass.
        """
        change = as_floats(cost, "cost") - self.plan.cost_matrix
        if change.shape != self.plan.cost_matrix.shape:
            raise InputError(f"cost must have shape {self.plan.cost_matrix.shape}, got {np.shape(cost)}")
        w = self.plan.coupling
        if not self.plan.balanced:
            return float(np.sqrt(w.sum() * (w * change**2).sum())) / self.plan.lam
        change = change[np.ix_(self.plan.source_weights > 0, self.plan.target_weights > 0)]
        narrow = change - (change.max(axis=1, keepdims=True) + change.min(axis=1, keepdims=True)) / 2
        narrow = narrow - (narrow.max(axis=0) + narrow.min(axis=0)) / 2
        return self._by_range(min(float(np.ptp(change)), float(np.ptp(narrow))))

    def component_bound(self, source: Any = 0.0, target: Any = 0.0) -> float:
        """Bound on ``|w' - w|_1`` when no component moves by more than this in W2.

        Numbers, or one for each component, (k,) and (l,). By ``|C'_kl - C_kl| <= d (2 sqrt(C_kl) + d)`` with
        ``d = source_k + target_l``, and then `cost_bound`. For W2 costs only.
        """
        plan = self.plan
        if plan.eps > 0 or plan.component_cost != "w2" or not plan.balanced:
            raise UnsupportedError("how far costs follow components is known for W2 costs and kept marginals only")
        moves = [
            np.broadcast_to(as_floats(x, "moves"), n)
            for x, n in zip((source, target), plan.coupling.shape, strict=True)
        ]
        if any(not (x >= 0).all() for x in moves):
            raise InputError("moves are distances, not negative")
        d = moves[0][:, None] + moves[1]
        most = (d * (2 * np.sqrt(np.maximum(plan.cost_matrix, 0.0)) + d))[
            np.ix_(plan.source_weights > 0, plan.target_weights > 0)
        ]
        return self._by_range(2 * float(most.max()))

    def relative_errors(self, n_source: float | int = 1, n_target: float | int = 1) -> Float[np.ndarray, "k l"]:
        """Relative standard error of each arrow, when the weights are shares among so many observations, (k, l).

        By the delta method, to first order: how much ``w_kl`` varies, as a share of itself, when a and b are the
        frequencies of n_source and n_target independent draws; infinity makes a side certain. With n = 1 on both sides
        it is also the worst case: no change of weights moves ``w_kl`` by more than this times
        ``w_kl sqrt(sum da^2 / a + sum db^2 / b)``. However little parts of the plan exchange, errors inside them are
        right; an arrow between them may have a large multiple of itself. For ``lam = 0`` they are infinite: unknown.
        """
        plan, out = self.plan, np.zeros(self.plan.coupling.shape)
        if not plan.balanced:
            raise UnsupportedError(
                "errors of arrows are known where marginals are kept; refit resampled weights instead"
            )
        if plan.lam == 0:
            return np.where(plan.coupling > 0, np.inf, out)
        seen = np.ix_(plan.source_weights > 0, plan.target_weights > 0)
        out[seen] = arrow_errors(conductances(plan)[seen], float(n_source), float(n_target))
        return np.where(plan.coupling > 0, out, 0.0)

    def __str__(self) -> str:
        plan, s2 = self.plan, self.second_singular_value
        if plan.lam == 0:
            return (
                "stability: none is proven. lam = 0 is the linear program, whose plan can jump when a mixture moves;\n"
                "OMT() with lam > 0 has a plan that cannot."
            )
        tail = 2 / (1 + np.exp(min(self.interaction / 2, 700.0)))
        bound = "no number: parts of the plan exchange next to nothing"
        if self.margin > 0:
            bound = f"{1 / np.sqrt(self.margin):.4g} sqrt(sum da^2/a + sum db^2/b), to first order"
        unit = "nats" if plan.component_cost == "kl" else "squared units of the data"
        lines = [
            f"stability of the plan, lam = {plan.lam:.4g} {unit}",
            f"  second singular value  {s2:.6g}, and below one by at least {tail:.2g} whatever the weights",
            f"  weights  a change of a, b moves |dw|_1 <= {bound}",
        ]
        if plan.balanced:
            largest = float(plan.coupling.max())
            if sum(plan.coupling.shape) <= _MANY:
                lines.append(
                    f"           from 1,000 observations each, a typical arrow is off by {self._typical():.2%}"
                )
            lines += [
                f"  costs    an error whose values range over e moves |dw|_1 <= e / (2 lam) = {0.5 / plan.lam:.4g} e",
                "  arrows   one of mass w cannot vanish while costs are known to a range below 8 lam w: "
                f"{8 * plan.lam * largest:.4g} for the largest",
            ]
        return "\n".join(lines)

    def _typical(self) -> float:
        """Relative standard error of the arrows at 1,000 observations each, on average over the mass."""
        return float((self.plan.coupling * self.relative_errors(1000, 1000)).sum() / self.plan.coupling.sum())

    def _by_range(self, width: float) -> float:
        if self.plan.lam == 0:
            return _or_inf(width)
        return min(width / (2 * self.plan.lam), 2.0)


def _without_first(w: np.ndarray) -> Float[np.ndarray, "k l"]:
    """``Dr^-1/2 w Ds^-1/2`` (r, s the marginals of w) without its first singular triple: one, sqrt(r) and sqrt(s)."""
    left, arrived, mass = np.sqrt(w.sum(axis=1)), np.sqrt(w.sum(axis=0)), w.sum()
    return w / left[:, None] / arrived - np.outer(left, arrived) / mass


def conductances(plan: OMTPlan) -> Float[np.ndarray, "k l"]:
    """The plan with arrows of next to no mass as their law, ``a_k b_l exp((f_k + g_l - C_kl) / lam)``, has them.

    In the coupling itself, whose marginals are exact, they are what rounding leaves.
    """
    f, g = plan.entropic_potentials
    law = np.outer(plan.source_weights, plan.target_weights)
    law = law * np.exp(np.minimum((f[:, None] + g - plan.cost_matrix) / plan.lam, 0.0))
    return np.where(plan.coupling > _SHOWN, plan.coupling, np.clip(law, _LEAST, _SHOWN))


def _relaxations(plan: OMTPlan) -> tuple[float, float]:
    return plan.lam / plan.rho[0], plan.lam / plan.rho[1]


def _weights(given: Any, weights: np.ndarray) -> Float[np.ndarray, " k"]:
    if given is None:
        return weights
    out = as_floats(given, "weights")
    if out.shape != weights.shape or not (out >= 0).all():
        raise InputError(f"weights must be {len(weights)} numbers that are not negative, got shape {out.shape}")
    return out


def _or_inf(size: float) -> float:
    return np.inf if size > 0 else 0.0
