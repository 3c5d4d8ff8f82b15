"""What is known of supports beyond the region's own constraints, which tightens a relaxation almost for free.

A moment matrix of order r knows more of ``v`` in [lo, hi] than the matrices of ``v - lo`` and ``hi - v`` say: that of
``(v - lo)(hi - v)``, which the two do not imply where v has weighted degree 2. And a measure that is known to lie in a
box shares that with whatever is a part of it, or coupled to it.
"""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.formulas.polynomial.polynomials import Polynomial, symbols
from mixot.solvers.sdp.problem import Block
from mixot.sos.monomials import Basis
from mixot.sos.sequences import MomentSequence, in_basis

Localizer = tuple[list[list[np.ndarray]], int]


def end_products(ends: Float[np.ndarray, "p 2"], basis: Basis, order: int) -> list[Localizer]:
    """``(t - lo)(hi - t)`` over the basis for each parameter of weighted degree 2 or more, as far as order r holds it.

    A parameter of degree 1 has it in the region itself (`mixot.formulas.polynomial.regions.Box`).
    """
    out: list[Localizer] = []
    for t, degree, (low, high) in zip(symbols(len(ends)), basis.degrees, ends.tolist(), strict=True):
        if 1 < degree <= order:
            out.append(([[in_basis(_between(t, low, high), basis)]], degree))
    return out


def box_blocks(sequence: MomentSequence, ends: Float[np.ndarray, "d 2"], order: int) -> list[Block]:
    """Localising matrices of ``(x_i - lo_i)(hi_i - x_i)`` for the first d variables of a sequence of order r."""
    x = symbols(len(sequence.basis.degrees))
    return [
        sequence.localizing([[in_basis(_between(x[i], low, high), sequence.basis)]], order - 1)
        for i, (low, high) in enumerate(ends.tolist())
    ]


def _between(t: Polynomial, low: float, high: float) -> Polynomial:
    return (t - low) * (high - t)
