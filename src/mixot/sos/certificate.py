"""A lower bound that is a proof: how large the unknown moments of any true answer can be.

A dual iterate is feasible only up to a residual; weighed with these bounds, the residual is subtracted from the bound
that the iterate gives (`mixot.solvers.sdp.dual_bound`).
"""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.sos.monomials import Basis
from mixot.sos.relaxation import Relaxation


def variable_bounds(relaxation: Relaxation) -> Float[np.ndarray, " n"]:
    """Bounds of the absolute values of the unknowns, for any mixing measure on the region and any coupling.

    Moments of phi: the polynomials' largest values on the region's box. Moments of the coupling or of the common part:
    by Hoelder's inequality ``E |x^a y^b| <= rho^a sigma^b``, rho_i and sigma_i the 2r-th roots of the 2r-th moments of
    target and mixture; the largest values on the box of the data serve where they are smaller.
    """
    layout, out = relaxation.layout, np.empty(relaxation.layout.total)
    phi = relaxation.parameters.peaks()
    out[: layout.mixing] = phi[~relaxation.bound] if relaxation.distance == "matched" else phi[1:]
    if relaxation.room is not None:
        out[layout.slack :] = relaxation.room.sizes
    ours = _absolute_moments(relaxation.points, _roots(relaxation))
    if relaxation.boxed:
        ours = np.minimum(ours, relaxation.points.peaks())
    if relaxation.distance == "tv":
        out[layout.couple : layout.slack] = ours
    elif relaxation.distance == "w2":
        theirs = _absolute_moments(relaxation.points, _roots(relaxation, of_mixture=True))
        d, basis = relaxation.model.dim, relaxation.coupling.basis
        first, last = basis.exponents[:, :d], basis.exponents[:, d:]
        free = first.any(axis=1) & last.any(axis=1)
        places = [relaxation.points.find(part[free]) for part in (first, last)]
        out[layout.couple : layout.slack] = ours[places[0]] * theirs[places[1]]
    return out


def _roots(relaxation: Relaxation, *, of_mixture: bool = False) -> Float[np.ndarray, " d"]:
    """``(E u_i^(2r))^(1/2r)`` for the target, or the largest of it over the region for the mixture."""
    top, d = 2 * relaxation.order, relaxation.model.dim
    out = np.empty(d)
    for i in range(d):
        pure = np.zeros((top + 1, d), dtype=np.int64)
        pure[:, i] = np.arange(top + 1)
        powers = relaxation.points.axes[i].from_powers[top]
        at = relaxation.points.find(pure)
        if of_mixture:
            value = np.abs(powers @ relaxation.moment_table[at]) @ relaxation.parameters.peaks()
        else:
            value = powers @ relaxation.target.moments(relaxation.points)[at]
            # Where moments are matched up to slack, the law that is bounded has them anywhere within it.
            if relaxation.room is not None:
                value += np.abs(powers) @ np.append(0.0, relaxation.room.sizes)[at]
        out[i] = max(value, 0.0) ** (1 / top)
    return out


def _absolute_moments(points: Basis, roots: Float[np.ndarray, " d"]) -> Float[np.ndarray, " s"]:
    """Bounds of ``E |b_a|`` by those of monomials, ``E |u^a| <= roots^a``, axis by axis."""
    out = np.ones(len(points))
    for i, axis in enumerate(points.axes):
        size = len(axis.to_powers)
        out *= (np.abs(axis.to_powers) @ roots[i] ** np.arange(size))[points.exponents[:, i]]
    return out
