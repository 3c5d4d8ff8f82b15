"""Semi-discrete transport: weighted points against a density, exact, with a proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixot._checks import check_whole
from mixot._native import (
    gaussian_transport,
    solid_corners,
    solid_gaussian_transport,
)
from mixot._shapes import Float
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.measures import Grid, Samples
from mixot.results import Status
from mixot.solvers.base import Task
from mixot.solvers.semidiscrete.frame import Atoms, UnitFrame
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.kept_grid import grid_transport
from mixot.solvers.semidiscrete.laguerre import power_cells
from mixot.solvers.semidiscrete.line import line_cells
from mixot.solvers.semidiscrete.moments import MONOMIALS, second_moments
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.threads import thread_count

_REMOTE = 1e3  # sizes of the density, beyond which squared distances lose digits of the masses
_FROM_BLOCKS = (
    "damped Newton's method gave up, as it does where a density lies in separate spots or points lie nearly on a line; "
    "the cells come from an exact transport of the points to blocks of the density and Levenberg and Marquardt's method"
)
_OUTCOMES = (Status.CONVERGED, Status.MAX_ITER, Status.STALLED, Status.STALLED)


@dataclass(frozen=True)
class Semidiscrete:
    """Damped Newton's method on the dual, from coarse to fine (Kitagawa, Merigot and Thibert 2019; Merigot 2011).

    On the line the plan is sorted and solved in closed form. Where the density is zero, one that is not is blended in
    and taken out step by step. Where that leads nowhere, as in a density of separate spots, the points are first
    transported to blocks of the density by the network simplex; from there Levenberg and Marquardt's method raises the
    dual value, for which cells may be empty on the way, by turns with Newton's. The plan then has a note that says so.

    Parameters
    ----------
    tol : largest error of the mass of a cell, of a total of one
    max_iter : diagrams that are computed before it gives up and raises `SolveError`

    Examples
    --------
    >>> points, grid = Samples([[0.25, 0.5], [0.75, 0.5]]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]])
    >>> plan = Semidiscrete().solve(points, grid)
    >>> plan.masses.round(9).tolist(), round(plan.cost, 12)
    ([0.5, 0.5], 0.104166666667)
    """

    task: ClassVar[Task] = Task.CELLS

    tol: float = 1e-8
    max_iter: int = 2000

    def __post_init__(self) -> None:
        if not (0 < self.tol < 1 and self.max_iter >= 1):
            raise InputError(f"tol must lie in (0, 1) and max_iter be positive, got {self.tol} and {self.max_iter}")
        check_whole(self.max_iter, "max_iter", 1)

    def solve(
        self,
        source: Samples,
        target: Grid | GaussianTarget,
        start: SemidiscretePlan | Float[np.ndarray, " n"] | None = None,
    ) -> SemidiscretePlan:
        """Return the optimal plan from points to a density.

        Parameters
        ----------
        source, target : Samples, Grid or GaussianTarget
            Of one dimension.
        start : SemidiscretePlan or (n,)
            The plan of as many points nearby, whose potentials are corrected for the way that each point has gone
            since, or potentials. Where they leave more than a few cells empty, or lead nowhere, the plan is solved
            from coarse to fine as without; `SemidiscretePlan.warm_start` says which.

        Raises
        ------
        InputError
            Where the dimensions differ, or start does not fit.
        UnsupportedError
            In dimensions above 3.
        SolveError
            Where the masses were not reached; its ``result`` is the best plan, and its gap holds.
        """
        if source.dim != target.dim:
            raise InputError(
                f"points and density must live in the same space, got dimension {source.dim} and {target.dim}"
            )
        if target.dim > 3:
            raise UnsupportedError(
                "points and a density are solved in dimension 1 to 3, got a "
                f"{type(target).__name__} of dimension {target.dim}"
            )
        if isinstance(start, SemidiscretePlan):
            start = start.potentials_near(source.points)
        if start is not None and (np.shape(start) != (len(source),) or not np.isfinite(start).all()):
            raise InputError(
                f"start must be {len(source)} finite potentials, one for each point, got {np.shape(start)}"
            )
        frame = UnitFrame.around(target)
        atoms = Atoms.of(frame.inward(source.points), source.weights)
        initial = None if start is None else np.asarray(start, np.float64)[atoms.first] / frame.unit**2
        if initial is not None:
            initial = initial - 2 * atoms.points @ atoms.offset
        solved = self._line(atoms, target, frame) if target.dim == 1 else self._newton(atoms, target, frame, initial)
        plan = _certified(source, target, frame, atoms, solved)
        if not plan.status.solved:
            raise SolveError(
                f"the masses are off by {plan.marginal_error:.2g}, more than {self.tol:g}: "
                f"{plan.status.advice if plan.status is not Status.STALLED else _stalled(atoms)}",
                plan,
            )
        return plan

    def _line(self, atoms: Atoms, target: Grid | GaussianTarget, frame: UnitFrame) -> _Solved:
        if isinstance(target, Grid):
            found = line_cells(atoms.points, atoms.weights, target, frame.bounds)
        else:
            found = target.inside(frame.center, frame.unit).cells_on_line(atoms.points, atoms.weights)
        return _Solved(*found, 0.0, Status.OPTIMAL, 0)

    def _newton(
        self, atoms: Atoms, target: Grid | GaussianTarget, frame: UnitFrame, start: np.ndarray | None
    ) -> _Solved:
        n, d = len(atoms.weights), target.dim
        weights, moments = np.empty(n), np.empty((n, MONOMIALS[d]))
        rest = start, self.tol, self.max_iter, thread_count(), weights, moments
        if isinstance(target, GaussianTarget):
            law = target.inside(frame.center, frame.unit)
            kernel = solid_gaussian_transport if d == 3 else gaussian_transport
            report = kernel(atoms.points, atoms.weights, law.weights, law.means, law.covs, frame.bounds, *rest)
        else:
            report = grid_transport(target, frame.bounds, atoms.points, atoms.weights, rest)
        outcome, gap, iterations, _, _, warm, from_blocks = report
        sums = np.column_stack([moments[:, : d + 1], second_moments(moments)])
        notes = (_FROM_BLOCKS,) if from_blocks else ()
        return _Solved(weights, sums, gap, _OUTCOMES[outcome], iterations, notes, warm)


def _stalled(atoms: Atoms) -> str:
    """What helps where floating point ends; other units do not, as everything is solved in those of the density."""
    size = np.linalg.norm(atoms.points, axis=1)
    remote = int(size.argmax())
    row = int(atoms.first[remote])
    told = f"; the most remote point, row {row}, is {size[remote]:.2g} times the size of the density away"
    return (
        "no further progress is possible in floating point, in any units; leave out remote points or join those that "
        f"nearly coincide, or loosen tol{told if size[remote] > _REMOTE else ''}"
    )


@dataclass(frozen=True, eq=False)
class _Solved:
    """Potentials (k,) of the atoms, mass, first moments and trace of the second (k, d + 2), and how it went."""

    potentials: np.ndarray
    sums: np.ndarray
    gap: float
    status: Status
    iterations: int
    notes: tuple[str, ...] = ()
    warm: bool = False


def _certified(
    source: Samples, target: Grid | GaussianTarget, frame: UnitFrame, atoms: Atoms, solved: _Solved
) -> SemidiscretePlan:
    """The plan of all points from that of the atoms."""
    d, sums = target.dim, solved.sums
    y, nu, mass = atoms.points, atoms.weights, sums[:, 0]
    w = solved.potentials - nu @ solved.potentials
    own = sums[:, 1 + d] - 2 * (y * sums[:, 1 : 1 + d]).sum(axis=1) + mass * (y**2).sum(axis=1)
    away = nu @ y + 0.5 * atoms.offset - sums[:, 1 : 1 + d].sum(axis=0) / mass.sum()
    cost = float(own.sum() + w @ (nu - mass) + 2 * atoms.offset @ away)
    centers = sums[:, 1 : 1 + d] / np.where(mass > 0, mass, 1.0)[:, None]
    gap = solved.gap if np.isfinite(solved.gap) else _gap(frame.bounds, y, w, np.maximum(mass - nu, 0.0).sum())
    y, w = y + atoms.offset, w + 2 * (y - nu @ y) @ atoms.offset
    atom, heavy = atoms.atom, atoms.atom >= 0
    share = np.where(heavy, source.weights / nu[atom], 0.0)
    potentials = np.where(heavy, w[atom], 0.0)
    if not heavy.all():
        potentials[~heavy] = _hidden(frame, target, y, w, frame.inward(source.points[~heavy]))
    unit = frame.unit
    return SemidiscretePlan(
        source,
        target if isinstance(target, Grid) else target.measure,
        target,
        potentials * unit**2,
        share * mass[atom],
        np.where(heavy[:, None], frame.center + unit * centers[atom], source.points),
        max(cost, 0.0) * unit**2,
        gap * unit**2,
        solved.status,
        solved.iterations,
        float(np.abs(mass - nu).max()),
        solved.notes,
        solved.warm,
    )


def _gap(bounds: np.ndarray, y: np.ndarray, w: np.ndarray, excess: float) -> float:
    """What it costs at most to bring the masses of the cells to the weights.

    A plan that moves x from its own point to another, j, pays ``|x - y_j|^2 - w_j - phi(x)`` more than the dual value.
    The first part is convex, so largest in a corner c of the box; phi is at least ``min_j |c' - y_j|^2 - w_j``, c' the
    nearest place of the box to y_j.
    """
    corners = np.stack(np.meshgrid(*bounds, indexing="ij"), axis=-1).reshape(-1, len(bounds))
    worst = max(float((((corner - y) ** 2).sum(axis=1) - w).max()) for corner in corners)
    nearest = np.clip(y, bounds[:, 0], bounds[:, 1])
    least = float((((nearest - y) ** 2).sum(axis=1) - w).min())
    return float(excess) * max(worst - least, 0.0)


def _hidden(frame: UnitFrame, target: Grid | GaussianTarget, y: np.ndarray, w: np.ndarray, z: np.ndarray) -> np.ndarray:
    """For points z of no weight: ``min_x |x - z|^2 - phi(x)`` over the box, attained in a corner of a cell."""
    if target.dim == 1:
        order = np.argsort(y[:, 0])
        a, h = y[order, 0], w[order]
        between = (a[1:] ** 2 - a[:-1] ** 2 - np.diff(h)) / (2 * np.diff(a))
        x = np.clip(np.concatenate([frame.bounds[0], between]), *frame.bounds[0])[:, None]
        owner = order[[0, len(y) - 1, *range(len(y) - 1)]]
    elif target.dim == 2:
        cells = power_cells(y, w, frame.bounds)
        x, owner = cells.corners, np.repeat(np.arange(len(y)), np.diff(cells.first))
    else:
        x, owner = solid_corners(y, w, frame.bounds, thread_count())
    phi = ((x - y[owner]) ** 2).sum(axis=1) - w[owner]
    return np.array([(((x - point) ** 2).sum(axis=1) - phi).min() for point in z])
