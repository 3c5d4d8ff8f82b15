"""Mixing measures of few atoms with given moments: the rank of the moment matrix, lowered until it is k.

Where the distance is zero, the mixtures with the target's moments still form a large set. Of these one is wanted with
the fewest atoms: the smallest k for which the eigenvalues of M_r(phi) beyond the k largest can be brought to zero.
Their sum is a difference of convex functions; each step minimises it linearised, which is a relaxation whose
regulariser is known from the step before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.sos import regularizers
from mixot.sos.extraction import Atoms, MixingMoments
from mixot.sos.hierarchy import mixing_of
from mixot.sos.relaxation import Relaxation
from mixot.solvers.sdp import SDP

_SHARES = (0.1, 0.01, 0.5)  # sizes of components, relative to the data's variance, from which steps set out
_STEPS = 15
_STUCK = 0.9  # a step that leaves more than this of the tail ends the search


@dataclass(frozen=True, eq=False)
class Concentrated:
    """A mixing measure with the target's moments, and the share of its trace that k eigenvalues leave."""

    k: int
    tail: float
    mixing: MixingMoments
    steps: int


def concentrate(
    relaxation: Relaxation,
    k: int,
    *,
    solver: Any = None,
    tol: float = 1e-8,
    report: Callable[[int, float], Any] | None = None,
) -> Concentrated | None:
    """Return a mixing measure of nearly k atoms with the moments of the target; the best of a few starts.

    None where the solver finds no measure on the region with these moments.
    """
    matched = replace(relaxation, distance="matched", eps=1.0, regularizer=None)
    best: Concentrated | None = None
    for share in _SHARES if len(relaxation.model.parameters) > relaxation.model.dim else _SHARES[:1]:
        rule = regularizers.named("spread", matched, share)
        last = np.inf
        for step in range(_STEPS):
            found = _matched(replace(matched, regularizer=rule), solver)
            if found is None:
                break
            left = regularizers.tail(found, k)
            if best is None or left < best.tail:
                best = Concentrated(k, left, found, step + 1)
            if report is not None:
                report(step + 1, left)
            if left < tol or (step > 2 and left > _STUCK * last):
                break
            last, rule = left, regularizers.beyond(matched, found, k)
        if best is not None and best.tail < tol:
            break
    return best


def _matched(relaxation: Relaxation, solver: Any) -> MixingMoments | None:
    if not relaxation.layout.total:  # the moments leave nothing to choose
        return mixing_of(relaxation, np.zeros(0))
    try:
        solution = (solver or SDP()).solve(relaxation.problem)
    except UnsupportedError:
        return None
    if not np.isfinite(solution.objective):
        return None
    return mixing_of(relaxation, solution.y)


def sharpen(relaxation: Relaxation, atoms: Atoms, *, max_iter: int = 200) -> tuple[Atoms, float]:
    """Return atoms moved to where their mixture has the moments of the target, and the largest moment still missed.

    Least squares over weights and parameters, from atoms that are right to a few digits; points leave [-1, 1] never.
    """
    basis, table = relaxation.parameters, relaxation.moment_table
    goal = relaxation.target.moments(relaxation.points)[1:]
    k, p = atoms.points.shape

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
    inside = np.clip(begin, low + 1e-9, 1 - 1e-9)
    found = least_squares(
        missed, inside, slopes, bounds=(low, 1.0), ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=max_iter, x_scale="jac"
    )
    weights, points = unpack(found.x)
    error = float(np.abs(found.fun).max(initial=0.0))
    if weights.min() < 0 or error >= np.abs(missed(inside)).max(initial=0.0):
        return atoms, float(np.abs(missed(inside)).max(initial=0.0))
    return Atoms(weights, points, atoms.commutator), error


def theta_of(relaxation: Relaxation, atoms: Atoms) -> Float[np.ndarray, "k p"]:
    """Parameters of atoms in the units of the data, kept inside the region's box."""
    return relaxation.frame.theta(np.clip(atoms.points, -1.0, 1.0))
