"""Mixing measures of few atoms with given moments: the rank of the moment matrix, lowered until it is k.

Where the distance is zero, the mixtures with the target's moments still form a large set. Of these one is wanted with
the fewest atoms: the smallest k for which the eigenvalues of M_r(phi) beyond the k largest can be brought to zero.
Their sum is a difference of convex functions; each step minimises it linearised, which is a relaxation whose
regulariser is known from the step before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.solvers.sdp.interior_point import SDP
from mixot.sos import regularizers
from mixot.sos.extraction import Atoms, Compression, MixingMoments
from mixot.sos.hierarchy import mixing_of
from mixot.sos.relaxation import Relaxation

_SHARES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # sizes of components, relative to the data's variance, to begin at
_STARTS = 4  # of these, for each number of atoms the ones that already come closest
_STEPS = 15
_STUCK = 0.9  # a step that leaves more than this of the tail ends a search
_HOPELESS = 0.02  # where a search ends above this tail the number of atoms is too small, and no other start is tried
_NEAR = 0.01  # tail below which the atoms are good enough to be moved to where the moments are right


@dataclass(frozen=True, eq=False)
class Atomic:
    """Atoms that have the moments of the target, up to ``error`` in any Chebyshev moment, and how they were found.

    They are in the coordinates of ``relaxation``.

    ``tail`` is the share of the moment matrix's trace that the relaxation left beyond k eigenvalues, before the atoms
    were moved.
    """

    relaxation: Relaxation
    atoms: Atoms
    error: float
    tail: float
    steps: int


def fewest_atoms(
    relaxation: Relaxation,
    most: int,
    *,
    least: int = 1,
    solver: Any = None,
    tol: float = 1e-8,
    report: Callable[[int, float], Any] | None = None,
) -> Atomic | None:
    """Return the mixing measure of fewest atoms, ``least`` to ``most``, that has the moments of the target.

    None where no such measure is found. The atoms are fewer than the moments determine, so that to be found is proof.
    """
    matched = replace(relaxation, distance="matched", eps=1.0, regularizer=None, basis="chebyshev")
    try:
        tried = [_matched(replace(matched, regularizer=rule), solver) for rule in _rules(matched)]
    except UnsupportedError:
        return None
    begin = [mixing for mixing in tried if mixing is not None]
    for k in range(least, min(most, determined(relaxation)) + 1):
        for mixing in sorted(begin, key=partial(regularizers.tail, k=k))[:_STARTS]:
            found = _concentrated(matched, mixing, k, solver, tol)
            if report is not None:
                report(k, found.tail)
            if found.error < tol:
                return found
            if found.tail > _HOPELESS:
                break
    return None


def determined(relaxation: Relaxation) -> int:
    """How many atoms the moments of this order determine with an equation to spare, and flatness can show."""
    equations, unknowns = len(relaxation.points) - 1, len(relaxation.model.parameters) + 1
    lower = mixing_of(relaxation, np.zeros(relaxation.layout.total))
    return min(equations // unknowns, relaxation.parameters.size(lower.order - lower.step) - 1)


def _rules(relaxation: Relaxation) -> list[Any]:
    one = len(relaxation.model.parameters) == len(relaxation.model.leading)
    return [regularizers.named("spread", relaxation, share) for share in (_SHARES[:1] if one else _SHARES)]


def _concentrated(relaxation: Relaxation, mixing: MixingMoments, k: int, solver: Any, tol: float) -> Atomic:
    """Steps that lower the eigenvalues beyond the k largest, until the atoms can be moved into place."""
    best, last = _moved(relaxation, mixing, k, 0), np.inf
    for step in range(1, _STEPS + 1):
        left = regularizers.tail(mixing, k)
        if best.error < tol or (step > 2 and left > _STUCK * last):
            break
        following = _matched(replace(relaxation, regularizer=regularizers.beyond(relaxation, mixing, k)), solver)
        if following is None:
            break
        mixing, last = following, left
        found = _moved(relaxation, mixing, k, step)
        if (found.error, found.tail) < (best.error, best.tail):
            best = found
    return best


def _moved(relaxation: Relaxation, mixing: MixingMoments, k: int, step: int) -> Atomic:
    left = regularizers.tail(mixing, k)
    atoms = Compression(mixing, True).atoms(k)
    if left > _NEAR:
        return Atomic(relaxation, atoms, np.inf, left, step)
    atoms, error = sharpen(relaxation, atoms)
    return Atomic(relaxation, atoms, error, left, step)


def _matched(relaxation: Relaxation, solver: Any) -> MixingMoments | None:
    if not relaxation.layout.total:  # the moments leave nothing to choose
        return mixing_of(relaxation, np.zeros(0))
    solution = (solver or SDP()).solve(relaxation.problem)
    return mixing_of(relaxation, solution.y) if np.isfinite(solution.objective) else None


def sharpen(relaxation: Relaxation, atoms: Atoms, *, max_iter: int = 200) -> tuple[Atoms, float]:
    """Return atoms moved to where their mixture has the moments of the target, and the largest moment still missed.

    Least squares over weights and parameters, from atoms that are right to a few digits; points leave [-1, 1] never.
    """
    basis, table = relaxation.parameters, relaxation.moment_table
    goal = relaxation.target.moments(relaxation.points)[1:]
    k, p = atoms.points.shape

    # The first weight is what the others leave, so that weights sum to one at every step.
    def unpack(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.append(1.0 - z[: k - 1].sum(), z[: k - 1]), z[k - 1 :].reshape(k, p)

    def missed(z: np.ndarray) -> np.ndarray:
        weights, points = unpack(z)
        return weights @ (basis.values(points) @ table[1:].T) - goal

    def slopes(z: np.ndarray) -> np.ndarray:
        weights, points = unpack(z)
        values = basis.values(points) @ table[1:].T
        moves = np.einsum("k,kps->skp", weights, basis.gradients(points) @ table[1:].T)
        return np.hstack([(values[1:] - values[0]).T, moves.reshape(len(goal), k * p)])

    begin = np.concatenate([atoms.weights[1:], np.clip(atoms.points, -1.0, 1.0).ravel()])
    low = np.concatenate([np.zeros(k - 1), -np.ones(k * p)])
    # Off the bounds, so that every weight and every point can move both ways at the first step.
    inside = np.clip(begin, low + 1e-9, 1 - 1e-9)
    found = least_squares(
        missed,
        inside,
        jac=slopes,  # type: ignore[arg-type]
        bounds=(low, 1.0),
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
        max_nfev=max_iter,
        x_scale="jac",
    )
    weights, points = unpack(found.x)
    error = float(np.abs(found.fun).max(initial=0.0))
    # The bounds hold the other weights, not the first: where it went negative, or nothing was gained, the atoms stay.
    if weights.min() < 0 or error >= np.abs(missed(inside)).max(initial=0.0):
        return atoms, float(np.abs(missed(inside)).max(initial=0.0))
    return Atoms(weights, points, atoms.commutator), error


def theta_of(relaxation: Relaxation, atoms: Atoms) -> Float[np.ndarray, "k p"]:
    """Parameters of atoms in the units of the data, kept inside the region's box."""
    return relaxation.frame.theta(np.clip(atoms.points, -1.0, 1.0))
