"""Solving one order of the hierarchy, and what its answer says: value, bound, mixing measure."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.polynomial.regions import enclosing_box
from mixot.results import Status
from mixot.solvers.sdp.dual_bound import lower_bound
from mixot.solvers.sdp.interior_point import SDP
from mixot.solvers.sdp.problem import SDPSolution
from mixot.sos.certificate import variable_bounds
from mixot.sos.extraction import Atoms, MixingMoments
from mixot.sos.relaxation import Relaxation


@dataclass(frozen=True, eq=False)
class Relaxed:
    """One relaxation, solved.

    ``objective`` is its value and ``distance`` the part without the regulariser, both as W2^2 in the squared units of
    the data, or as total variation; ``bound`` is proven to lie below the objective of every mixture.
    """

    relaxation: Relaxation
    solution: SDPSolution
    mixing: MixingMoments
    objective: float
    distance: float
    bound: float
    seconds: float

    @property
    def status(self) -> Status:
        """How the solver ended."""
        return self.solution.status

    @property
    def accurate(self) -> bool:
        """Whether the answer is good for more than its bound: solved, or stalled close to it."""
        return self.status.solved or (self.status is Status.STALLED and self.solution.relative_gap < 1e-3)


def solve(relaxation: Relaxation, solver: Any = None) -> Relaxed:
    """Return the answer of one relaxation; the solver is ``SDP()`` where none is given."""
    begin = time.perf_counter()
    problem = relaxation.problem
    solution = (solver or SDP()).solve(problem)
    unit = relaxation.unit
    bound = -np.inf
    if solution.status is not Status.INFEASIBLE:
        bound = unit * lower_bound(problem, solution, variable_bounds(relaxation))
    elif np.isfinite(solution.objective) or solution.objective > 0:
        bound = np.inf
    constant, cost = relaxation.distance_cost
    distance = unit * (constant + float(cost @ solution.y))
    seconds = time.perf_counter() - begin
    return Relaxed(
        relaxation, solution, mixing_of(relaxation, solution.y), unit * solution.objective, distance, bound, seconds
    )


def mixing_of(relaxation: Relaxation, y: Float[np.ndarray, " n"]) -> MixingMoments:
    """Moments of the mixing measure where the unknowns are y."""
    sequence = relaxation.mixing
    return replace(_empty(relaxation), values=sequence.constant + sequence.matrix @ y)


def mixing_of_atoms(relaxation: Relaxation, atoms: Atoms) -> MixingMoments:
    """Moments of a measure of atoms."""
    return replace(_empty(relaxation), values=atoms.weights @ relaxation.parameters.values(atoms.points))


def _empty(relaxation: Relaxation) -> MixingMoments:
    step = max([half for _, half in relaxation.localizers] + list(relaxation.model.degrees))
    zero = np.zeros(len(relaxation.parameters))
    return MixingMoments(relaxation.parameters, zero, relaxation.order, step, relaxation.model.leading)


def check_region(relaxation: Relaxation) -> None:
    """Raise an `InputError` where no mixture over the region has the target's mean and second moments."""
    model, target = relaxation.model, relaxation.target
    box = enclosing_box(relaxation.region, model.names)
    units, origin = relaxation.frame.factor, relaxation.frame.offset
    ends = (box - origin[:, None]) / units[:, None]
    corners = np.stack(
        np.meshgrid(*[[low, float(np.clip(0.0, low, high)), high] for low, high in ends], indexing="ij"), axis=-1
    ).reshape(-1, len(ends))
    values = relaxation.parameters.values(corners) @ relaxation.moment_table.T @ relaxation.points.from_monomials().T
    moments = relaxation.points.from_monomials() @ target.moments(relaxation.points)
    for j in range(model.dim):
        for degree, what in ((1, "mean"), (2, "mean square")):
            exponent = np.zeros((1, model.dim), dtype=np.int64)
            exponent[0, j] = degree
            at = relaxation.points.find(exponent)[0]
            low, high, value = values[:, at].min(), values[:, at].max(), moments[at]
            room = 1e-9 * (1 + abs(value))
            if not low - room <= value <= high + room:
                raise InputError(
                    f"the region of the parameters does not contain the data's scale: the {what} of coordinate {j} "
                    f"(in units of the data's half-width, from their middle) is {value:.3g}, while components of the "
                    f"region have {low:.3g} to {high:.3g}; the data suggest the region {model.region(target.extent)!r}"
                )
