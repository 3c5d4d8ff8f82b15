"""Costs of points against a density in a loop: each solved from the potentials of the one before it.

What one solution leaves for the next is a `WarmState` of plain arrays, so that a framework may carry it along. A start
is tried as long as points have not gone further than where one has failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.measures import Grid, Measure, Samples
from mixot.solvers.semidiscrete.kept_grid import KeptGrid
from mixot.solvers.semidiscrete.plan import SemidiscretePlan, moved_potentials
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport import plans
from mixot.transport.array_groups import Form, read
from mixot.transport.envelope import OF_CELLS
from mixot.transport.pairs import pair_of

_FEW = 4  # Newton steps; a start that needs more saves nothing over the way from coarse to fine
_LOOSE = 1e-8  # error of the masses that is accepted where rounding allows no better


@dataclass(frozen=True)
class WarmStarts:
    """How often a loop was solved from the solution before it.

    Parameters
    ----------
    warm : the start led to the solution
    first : there was none
    far : it was not tried, as points had gone further than where it fails
    lost : it was tried in vain, so that all was solved from coarse to fine, or it took as long
    """

    warm: int
    first: int
    far: int
    lost: int

    @property
    def calls(self) -> int:
        """How often it was solved at all."""
        return self.warm + self.cold

    @property
    def cold(self) -> int:
        """How often it was not solved from the solution before."""
        return self.first + self.far + self.lost

    def __str__(self) -> str:
        return (
            f"{self.calls} calls: {self.warm} started warm, {self.cold} cold ({self.first} without a start, {self.far} "
            f"too far from it, {self.lost} in vain)"
        )


class WarmState(NamedTuple):
    """What a solution leaves for the next: points (n, d), their potentials (n,), the centers of their cells (n, d).

    ``reach`` is how far points may go, root mean square, before a start is not tried, and ``counts`` are those of
    `WarmStarts`. ``steps`` (n, d) is how far points went to get here, and ``errors`` (n,) how much higher potentials
    were than those from which it started, corrected for the way; in a descent the next step errs much the same. All
    are arrays of float64.
    """

    points: Any
    potentials: Any
    centroids: Any
    reach: Any
    counts: Any
    steps: Any
    errors: Any

    @classmethod
    def empty(cls, n: int, d: int) -> WarmState:
        """Before the first solution."""
        nothing = np.full((n, d), np.nan)
        return cls(nothing, nothing[:, 0], nothing, np.array(np.inf), np.zeros(4), np.zeros((n, d)), np.zeros(n))

    @property
    def summary(self) -> WarmStarts:
        """How often the loop was solved from the solution before it."""
        return WarmStarts(*(int(count) for count in np.asarray(self.counts)))


# Not as text: other modules show this class as theirs, and would look the names of types up among their own.
WarmState.__new__.__annotations__ = dict.fromkeys(WarmState._fields, Any)


@dataclass(frozen=True, eq=False)
class WarmCost:
    """The squared distance of a measure p, as a function of its arrays, to a fixed one, and what it leaves to the next.

    One of both is points and the other a density in dimension one to three.
    """

    p: Form
    target: Any
    turned: bool  # the target is the points
    tol: float

    @classmethod
    def of(cls, p: Any, target: Any, tol: float) -> tuple[WarmCost, list[Any]]:
        """The function for the arrays of p, and these arrays as they came.

        Raises
        ------
        InputError
            On a batch.
        UnsupportedError
            Unless points stand against a density.
        """
        form, arrays = read(p)
        shapes = [np.ndim(array) if not hasattr(array, "ndim") else array.ndim for array in arrays]
        if any(rank != shape for rank, shape in zip(form.ranks, shapes, strict=True)):
            raise InputError(
                "a loss that keeps potentials takes one measure, not a batch: make a loss for each of them"
            )
        kinds = (form.measure_type, type(target))
        row = pair_of(*kinds)
        if row is None or not row.semidiscrete:
            raise UnsupportedError(
                "potentials are kept between points and a density, a grid or a Gaussian mixture, got "
                f"{kinds[0].__name__} and {kinds[1].__name__}; see cost(p, q)"
            )
        return cls(form, target, isinstance(target, Samples), tol), arrays

    @property
    def ranks(self) -> tuple[int, ...]:
        """How many axes each array of p has."""
        return self.p.ranks

    def size(self, arrays: Sequence[Any]) -> tuple[int, int]:
        """How many points there are, and in which dimension."""
        if self.turned:
            return self.target.points.shape
        shape = tuple(arrays[0].shape)
        return shape if len(shape) == 2 else (*shape, 1)

    def solve(self, arrays: Sequence[np.ndarray], state: WarmState) -> tuple[SemidiscretePlan, WarmState]:
        """The plan, and what it leaves."""
        points, density = self._ordered(self.p.measure(arrays))
        y, last = points.points.astype(np.float64), WarmState(*(np.asarray(part) for part in state))
        known = last.points.shape == y.shape and bool(np.isfinite(last.potentials).all()) and density.dim > 1
        move = float(np.sqrt(((y - last.points) ** 2).sum(axis=1).mean())) if known else np.inf
        tried = known and move <= last.reach
        moved = moved_potentials(last.potentials, last.points, last.centroids, y) if tried else None
        plan = self._plan(points, density, None if moved is None else moved + _likely_errors(last, y))
        good = tried and plan.warm_start and plan.iterations <= _FEW
        # Where a start has failed, shorter ways only; and a little longer ones again from call to call.
        reach = max(float(last.reach), move) if good else 0.7 * move if tried else 1.2 * float(last.reach)
        counts = last.counts + np.array([good, not known, known and not tried, tried and not good])
        steps, errors = np.zeros_like(y), np.zeros(len(y))
        if moved is not None and plan.warm_start:
            steps, errors = y - last.points, plan.potentials - moved
            errors = errors - errors.mean()
        return plan, WarmState(
            y, plan.potentials, plan.centroids, np.array(reach), counts, steps, errors - errors.mean()
        )

    def gradients(
        self, wanted: tuple[bool, ...], arrays: Sequence[np.ndarray], plan: SemidiscretePlan
    ) -> list[np.ndarray]:
        """Those in the arrays of p, of their shapes."""
        points, density = self._ordered(self.p.measure(arrays))
        want, none = (*wanted, False), (False, False, False)
        both = OF_CELLS.gradients(points, density, plan, *((none, want) if self.turned else (want, none)))
        slopes = self.p.outside(both[int(self.turned)], arrays)
        return [slope.reshape(array.shape) for slope, array in zip(slopes, arrays, strict=True)]

    def _ordered(self, p: Measure) -> tuple[Samples, Any]:
        pair = (self.target, p) if self.turned else (p, self.target)
        assert isinstance(pair[0], Samples)
        return pair[0], pair[1]

    def _plan(self, points: Samples, density: Any, start: Float[np.ndarray, " n"] | None) -> SemidiscretePlan:
        solver = Semidiscrete(tol=self.tol)
        if points.dim != density.dim:
            raise InputError(f"p and q must live in the same space, got dimension {points.dim} and {density.dim}")
        try:
            return solver.solve(points, density if isinstance(density, Grid) else plans.gaussian_target(density), start)
        except SolveError as error:
            if error.result.marginal_error > max(_LOOSE, self.tol):
                raise
            return error.result


def _likely_errors(last: WarmState, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Those of the last step, by as much as the next one repeats it."""
    squares = (last.steps**2).sum()
    share = ((points - last.points) * last.steps).sum() / squares if squares > 0 else 0.0
    return min(max(share, 0.0), 1.0) * last.errors


def fixed_measure(target: Any) -> Measure:
    """The measure that a loss is taken to again and again; a grid keeps the sums that integrals are made of.

    Raises
    ------
    InputError
        On a batch.
    """
    form, arrays = read(target)
    arrays = [np.asarray(array) for array in arrays]
    if any(array.ndim != rank for array, rank in zip(arrays, form.ranks, strict=True)):
        raise InputError("the target of a loss that keeps potentials is one measure, not a batch")
    measure = form.measure(arrays)
    return KeptGrid(measure) if isinstance(measure, Grid) and measure.dim in (2, 3) else measure
