"""Entropic losses between mixtures, and between clouds of points, with first and second derivatives.

The loss is what `OMT` minimises, ``L = min <C, w> + lam KL(w | a b') + rho_p KL(w 1 | a) + rho_q KL(w' 1 | b)``. By the
envelope theorem it has the gradient ``w`` in the costs, and in the weights a, up to a constant, ``f`` where their
marginal is kept, else ``(rho_p + lam) (1 - s)``, ``s_i = exp(-f_i / rho_p)``. With s = 1 where it is kept, potentials
solve

    sum_j b_j e_ij = s_i,   sum_i a_i e_ij = t_j,   e_ij = exp((f_i + g_j - C_ij) / lam),   w_ij = a_i b_j e_ij,

and how they change with C, a and b is the solution of the linear system that differentiating both sides gives (implicit
function theorem): so the second derivatives are in closed form, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.solvers.entropic.omt import OMT
from mixot.transport.array_groups import Kind
from mixot.transport.batches import Atoms
from mixot.transport.cost_functions import CostFunction, as_wanted, cost_function, in_arrays, shaped
from mixot.transport.entropic_batches import Slopes, Solved


@dataclass(frozen=True)
class EntropicFunction(CostFunction):
    """The loss as a function of arrays; debiased, ``L(p, q) - L(p, p) / 2 - L(q, q) / 2``, which is zero at p = q."""

    solver: OMT = field(default_factory=lambda: OMT(lam=1.0))
    debiased: bool = False

    def cost(self, *arrays: np.ndarray) -> Any:
        """The losses, of the shape of the batch."""
        lead, rows = self.in_rows(arrays)
        if not len(rows[0]):
            return np.empty(lead)
        terms = self._terms(*self.sides(rows))
        values = [share * Solved.of(p, q, self.solver).values for share, p, q in terms]
        return shaped(np.sum(values, axis=0), lead)

    def cost_and_gradients(self, wanted: tuple[bool, ...], *arrays: np.ndarray) -> tuple[Any, tuple[np.ndarray, ...]]:
        """The losses, and their gradients in each array, in float64; zero where not wanted."""
        lead, rows = self.in_rows(arrays)
        shapes = [(*lead, *row.shape[1:]) for row in rows]
        if not len(rows[0]):
            return np.empty(lead), tuple(np.empty(shape) for shape in shapes)
        values, slopes = np.zeros(len(rows[0])), []
        covs, weights = self._covs_among(wanted), self._weights_among(wanted)
        terms = self._terms(*self.sides(rows))
        for share, p, q in terms:
            solved = Solved.of(p, q, self.solver)
            values += share * solved.values
            slopes.append(solved.gradients(covs, weights and p is not q))
        return shaped(values, lead), self._outward(terms, slopes, wanted, rows, shapes)

    def bend(
        self, active: tuple[bool, ...], arrays: Sequence[np.ndarray], steps: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        """How the gradients in the active arrays change along steps of them: a row block of the Hessian times steps.

        Steps and answer are of all arrays; zero for those that are not active.

        Raises
        ------
        UnsupportedError
            Where second derivatives do not exist: at a singular covariance, and for a coupling in parts.
        """
        count = len(arrays)
        lead, rows = self._in_rows_of(arrays, steps)
        rows, moves = rows[:count], rows[count:]
        shapes = [(*lead, *row.shape[1:]) for row in rows]
        if not len(rows[0]):
            return tuple(np.empty(shape) for shape in shapes)
        moves = [move if on else np.zeros(move.shape) for on, move in zip(active, moves, strict=True)]
        p, q = self.sides(rows)
        step_p = self.p.inside(moves[: self.p.count], p)
        step_q = self.q.inside(moves[self.p.count :], q)
        pairs = [(step_p, step_q), (step_p, step_p), (step_q, step_q)]
        terms, covs, weights = self._terms(p, q), self._covs_among(active), self._weights_among(active)
        slopes = [
            # Where both sides are one, the offset between parts of a coupling drops out of what is added up.
            Solved.of(left, right, self.solver).bend(*pair, covs, weights and left is not right)
            for (_, left, right), pair in zip(terms, pairs, strict=False)
        ]
        return self._outward(terms, slopes, active, rows, shapes)

    def _in_rows_of(
        self, arrays: Sequence[np.ndarray], steps: Sequence[np.ndarray]
    ) -> tuple[tuple[int, ...], list[np.ndarray]]:
        """Arrays and steps with one axis for the batch of both in front."""
        ranks = self.ranks
        fronts = [x.shape[: x.ndim - r] for x, r in zip([*arrays, *steps], [*ranks, *ranks], strict=True)]
        lead = np.broadcast_shapes(*fronts)
        spread = [
            np.broadcast_to(x, (*lead, *x.shape[x.ndim - r :]))
            for x, r in zip([*arrays, *steps], [*ranks, *ranks], strict=True)
        ]
        return lead, [x.reshape(int(np.prod(lead)), *x.shape[len(lead) :]) for x in spread]

    def _terms(self, p: Atoms, q: Atoms) -> list[tuple[float, Atoms, Atoms]]:
        return [(1.0, p, q), *([(-0.5, p, p), (-0.5, q, q)] if self.debiased else [])]

    def _covs_among(self, wanted: tuple[bool, ...]) -> bool:
        return self.p.kind is Kind.MIXTURE and (wanted[2] or wanted[5])

    def _weights_among(self, wanted: tuple[bool, ...]) -> bool:
        sides = (self.p, wanted[: self.p.count]), (self.q, wanted[self.p.count :])
        return any(as_wanted(form, want)[0] for form, want in sides)

    def _outward(
        self,
        terms: Sequence[tuple[float, Atoms, Atoms]],
        slopes: Sequence[tuple[Slopes, Slopes]],
        wanted: tuple[bool, ...],
        rows: Sequence[np.ndarray],
        shapes: Sequence[tuple[int, ...]],
    ) -> tuple[np.ndarray, ...]:
        """From what all terms give on both of their sides to gradients in the arrays that were given."""
        in_p, in_q = (list(side) for side in slopes[0])
        for (share, _, _), (first, second), side in zip(terms[1:], slopes[1:], (in_p, in_q), strict=False):
            for at in range(len(side)):
                side[at] = side[at] + share * (first[at] + second[at])
        out = [*in_arrays(self.p, in_p, rows), *in_arrays(self.q, in_q, rows)]
        return tuple(
            x.reshape(shape) if want else np.zeros(shape) for x, want, shape in zip(out, wanted, shapes, strict=True)
        )


def entropic_function(p: Any, q: Any, solver: OMT, debiased: bool) -> tuple[EntropicFunction, list[Any]]:
    """The loss of p and q as a function of their arrays, and these arrays, as they came; see `array_groups`.

    Raises
    ------
    InputError
        As `cost_function`; where ``lam`` is no positive number, and where points are compared with ``eps > 0``.
    UnsupportedError
        Between other than two mixtures or two clouds of points; for the KL cost.
    """
    if not isinstance(solver, OMT):
        raise InputError(f"an entropic loss is solved by OMT(lam=...), got {type(solver).__name__}")
    if solver.lam in (None, "auto") or not float(solver.lam) > 0:
        raise InputError(
            f"lam must be a positive number, got {solver.lam!r}: left to the costs it changes with what is "
            "differentiated; default_lam of the first costs is a good one, and lam = 0 is cost(p, q)"
        )
    if solver.cost != "w2":
        raise UnsupportedError('losses are differentiated through the costs "w2", with or without eps, not "kl"')
    function, arrays = cost_function(p, q)
    if not function.discrete:
        raise UnsupportedError("entropic losses are between two mixtures, or two clouds of points; see cost(p, q)")
    if solver.eps > 0 and function.p.kind is not Kind.MIXTURE:
        raise InputError("points have no inner couplings: between samples leave out eps, lam is the entropy")
    return EntropicFunction(function.p, function.q, solver, debiased), arrays


def no_third_derivatives() -> UnsupportedError:
    """The error for a Hessian that is differentiated again."""
    return UnsupportedError(
        "an entropic loss is differentiated twice at most; use finite differences of its second derivatives"
    )
