"""A dense primal-dual interior-point method for block semidefinite programs, made for moment relaxations.

The homogeneous self-dual embedding of ``min <c, y>, C + A y = X >= 0`` with multiplier Z has unknowns (y, X, Z, tau,
kappa): ``C tau + A y = X``, ``A' Z = c tau``, ``-<c, y> - <C, Z> = kappa``. It needs no feasible start, and where tau
vanishes it ends in a certificate of infeasibility or unboundedness. Newton's direction is the one of Helmberg, Rendl,
Vanderbei and Wolkowicz (1996), ``dZ = sigma mu X^-1 - Z - sym(X^-1 dX Z)``, which leads to the Schur matrix
``S_ab = tr(A_a X^-1 A_b Z)`` (``native/linear_algebra/schur.cpp``); Mehrotra's predictor chooses sigma and the
second-order term. Everything runs on one thread of mixot's own kernels: on blocks of this size the threads of a BLAS
cost more than they bring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mixot._checks import check_whole
from mixot._native import (
    add_schur_rows,
    cholesky,
    cholesky_solve,
    psd_inverse_factors,
    psd_inverses,
    psd_least_eigenvalue,
    psd_sandwich,
    symmetric_product,
)
from mixot.errors import InputError
from mixot.results import Progress, ProgressCallback, Status
from mixot.solvers.base import Task
from mixot.solvers.sdp.problem import Certificate, ConicProblem, SDPSolution
from mixot.solvers.sdp.schur import SchurPlan
from mixot.solvers.sdp.solutions import certified_solution, measured_solution, solution_from_certificate, with_cost
from mixot.solvers.sdp.standard_form import StandardForm, standard_form

_REGULAR = 1e-15  # added to the diagonal of the Schur matrix, relative
_PATIENCE = 8  # iterations without progress before it gives up
_VANISHING = 1e-3  # tau below this share of kappa is on its way to zero
_COLD = 0.02  # share of the identity in a warm start
_LOST = 100.0  # what the way back to the user's units may lose, as a multiple of tol
_SHORTEST = 1e-7  # a step below it is no progress


@dataclass(frozen=True)
class SDP:
    """Interior-point solver of small and middling block semidefinite programs; ``solve`` returns an `SDPSolution`.

    Parameters
    ----------
    tol : infeasibilities and gap, relative, at which the answer counts as optimal
    max_iter : iterations before it gives up
    threads : that sum up the Schur matrix

    Examples
    --------
    The largest eigenvalue of a matrix M is the least y for which ``y I - M`` is positive semidefinite:

    >>> from mixot.solvers.sdp.problem import Block
    >>> block = Block([[-2.0, -1.0], [-1.0, -2.0]], [0, 0], [0, 1], [0, 1], [1.0, 1.0])
    >>> round(SDP().solve(ConicProblem([1.0], [block])).objective, 6)
    3.0
    """

    task: ClassVar[Task] = Task.CONIC

    tol: float = 1e-8
    max_iter: int = 100
    threads: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.tol < 1 and self.max_iter >= 1 and self.threads >= 1):
            raise InputError(
                f"expected 0 < tol < 1, max_iter >= 1 and threads >= 1, got {self.tol}, {self.max_iter}, {self.threads}"
            )
        for name in ("max_iter", "threads"):
            check_whole(getattr(self, name), name, 1)

    def solve(
        self, problem: ConicProblem, progress: ProgressCallback | None = None, start: SDPSolution | None = None
    ) -> SDPSolution:
        """Return a point and multipliers that meet the tolerance, or the best found; ``status`` says which.

        Parameters
        ----------
        problem : ConicProblem
            Any; the cost of an iteration grows with its variables cubed and its blocks' rows to the fourth power.
        progress : callable, optional
            Called after each iteration with the largest of infeasibilities and gap.
        start : SDPSolution, optional
            The answer to a similar problem of the same shape.
        """
        form = standard_form(problem)
        if isinstance(form, Certificate):
            return self._unless_infeasible(problem, solution_from_certificate(problem, form, 0))
        best, status, steps, condition = _iterate(self, form, progress, _first(form, start))
        point = best.point
        if status is Status.INFEASIBLE or status is Status.UNBOUNDED:
            found = certified_solution(problem, status, form.variables(point.y), *form.multipliers(point.z), steps)
            return self._unless_infeasible(problem, found)
        multipliers, rows = form.multipliers(point.z / point.tau)
        y = form.variables(point.y / point.tau)
        found = measured_solution(problem, y, multipliers, rows, status, steps, condition)
        missed = max(found.primal_infeasibility, found.dual_infeasibility, found.relative_gap)
        if status is Status.OPTIMAL and missed > _LOST * self.tol:  # y is so large that the constants drown in it
            found = replace(found, status=Status.STALLED)
        return found

    def _unless_infeasible(self, problem: ConicProblem, found: SDPSolution) -> SDPSolution:
        """The same result, but a ray counts only where there may be feasible points for it to start from."""
        if found.status is Status.UNBOUNDED and problem.cost.any():
            without_cost = self.solve(with_cost(problem, 0 * problem.cost))
            if without_cost.status is Status.INFEASIBLE:
                return without_cost
        return found


@dataclass(frozen=True, eq=False, slots=True)
class _Point:
    """An iterate of the embedding, blocks flat, in the units of the standard form."""

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    tau: float
    kappa: float

    def moved(self, by: "_Point", length: float) -> "_Point":
        return _Point(
            self.y + length * by.y,
            self.x + length * by.x,
            self.z + length * by.z,
            self.tau + length * by.tau,
            self.kappa + length * by.kappa,
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Best:
    point: _Point
    error: float


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.einsum("i,i->", a, b))  # no BLAS, which would start threads


def _first(form: StandardForm, start: SDPSolution | None) -> _Point:
    """The identity, or a point between it and a given answer (Skajaa, Andersen and Ye 2013)."""
    identity = np.concatenate([np.zeros(0), *(np.eye(n).ravel() for n in form.sizes)])
    cold = _Point(np.zeros(len(form.cost)), identity, identity, 1.0, 1.0)
    if start is None or start.certificate is not None:
        return cold
    given = [len(start.y), *map(len, start.multipliers), len(start.inequality_multipliers)]
    wanted = [len(form.problem.cost), *map(len, form.problem.blocks), len(form.problem.inequality_offset)]
    if given != wanted:
        raise InputError(f"start must have the sizes of the problem, {wanted}, got {given}")
    y, z = form.point(start.y, start.multipliers, start.inequality_multipliers)
    x = form.constant + form.operator @ y
    warm = cold.moved(_Point(y - cold.y, x - cold.x, z - cold.z, 0.0, _COLD - 1), 1 - _COLD)
    inside = all(psd_inverse_factors(form.sizes, part, np.empty_like(part)) for part in (warm.x, warm.z))
    return warm if inside else cold


class _Residuals:
    """What an iterate leaves of the three equations, and how far it is from an answer."""

    def __init__(self, form: StandardForm, p: _Point) -> None:
        self.primal = form.constant * p.tau + form.operator @ p.y - p.x
        self.dual = form.cost * p.tau - form.adjoint @ p.z
        self.mu = (_inner(p.x, p.z) + p.tau * p.kappa) / (form.sizes.sum() + 1)
        value, dual_value = _inner(form.cost, p.y), -_inner(form.constant, p.z)
        scale, offset = form.unit * form.price, form.problem.offset / (form.unit * form.price)
        size = min(1.0, 1 / scale) + max(abs(value / p.tau + offset), abs(dual_value / p.tau + offset))
        self.gap = abs(value - dual_value) / p.tau / size
        cost = max(np.abs(form.problem.cost).max(initial=0.0), 1.0)
        in_units = form.price / form.column / cost * np.abs(self.dual)
        self.error = max(
            self.gap,
            np.abs(self.primal).max(initial=0.0) / p.tau,
            np.abs(self.dual).max(initial=0.0) / p.tau,
            in_units.max(initial=0.0) / p.tau,
        )
        # Relative size of what is missing to a certificate, should it be one.
        missing = np.abs(self.dual - form.cost * p.tau).max(initial=0.0)
        self.infeasible = missing / dual_value if dual_value > 0 else np.inf
        missing = np.abs(self.primal - form.constant * p.tau).max(initial=0.0)
        self.unbounded = missing / -value if value < 0 else np.inf
        self.measures = np.array([self.error, self.infeasible, self.unbounded])

    def verdict(self, tol: float) -> Status | None:
        """What the iterate proves; a sharp certificate goes before an answer, which may then be of any size."""
        if min(self.infeasible, self.unbounded) > 1e-3 * tol and self.error <= tol:
            return Status.OPTIMAL
        if self.infeasible <= tol:
            return Status.INFEASIBLE
        return Status.UNBOUNDED if self.unbounded <= tol else None


def _iterate(
    options: SDP, form: StandardForm, progress: ProgressCallback | None, point: _Point
) -> tuple[_Best, Status, int, float]:
    work = _Workspace.of(form, options.threads)
    best, since, newton, record = _Best(point, np.inf), 0, None, np.full(3, np.inf)
    step = 0
    for step in range(options.max_iter + 1):
        left = _Residuals(form, point)
        ahead = np.minimum(record, left.measures)
        since = 0 if (ahead < 0.9 * record).any() else since + 1
        record = ahead
        if left.error < best.error:
            best = _Best(point, float(left.error))
        if progress is not None:
            progress(Progress("sdp", step, options.max_iter, float(left.error)))
        condition = newton.condition if newton else 1.0
        status = left.verdict(options.tol)
        if status is not None:
            return _Best(point, float(left.error)), status, step, condition
        if since > _PATIENCE or step == options.max_iter:
            break
        newton = _Newton(form, work, point, left)
        moved = newton.step() if newton.valid else None
        if moved is None:
            since = _PATIENCE + 1
            break
        point = moved
    status = Status.STALLED if since > _PATIENCE else Status.MAX_ITER
    return best, status, step, newton.condition if newton else 1.0


@dataclass(frozen=True, eq=False, slots=True)
class _Workspace:
    """What stays the same from one iterate to the next: how to sum up the Schur matrix, and where."""

    plans: list[SchurPlan]
    rows: tuple[np.ndarray, ...]
    first_row: int
    schur: np.ndarray
    factor: np.ndarray
    space: np.ndarray
    threads: int

    @classmethod
    def of(cls, form: StandardForm, threads: int) -> "_Workspace":
        plans, m = form.plans(), len(form.cost)
        first = int((form.sizes[form.sizes > 1] ** 2).sum())
        rows = form.operator[first:]
        lists = rows.indptr.astype(np.int32), rows.indices.astype(np.int32), rows.data
        space = np.empty(max((plan.space for plan in plans), default=0))
        return cls(plans, lists, first, np.empty((m, m)), np.empty((m, m)), space, threads)


class _Newton:
    """The linear system at one iterate, factored.

    On the way to an answer it is written for ``dy - (y / tau) dtau``, with the constant ``C + A y / tau = (X + primal
    residual) / tau``: nothing then cancels in the equation of tau. On the way to a certificate, where tau vanishes, it
    is written for dy itself.
    """

    def __init__(self, form: StandardForm, work: _Workspace, p: _Point, left: _Residuals) -> None:
        self.form, self.p, self.left = form, p, left
        self.factor_x, self.factor_z, self.inverse = (np.empty_like(p.x) for _ in range(3))
        self.valid = psd_inverse_factors(form.sizes, p.x, self.factor_x) and psd_inverse_factors(
            form.sizes, p.z, self.factor_z
        )
        self.condition = 1.0
        if not self.valid:
            return
        psd_inverses(form.sizes, self.factor_x, self.inverse)
        self._factor(work)
        self.pull = self._sandwich(left.primal, p.z)  # of the primal residual
        if p.tau >= _VANISHING * p.kappa:
            self.anchor = p.y / p.tau
            self.constant = (p.x + left.primal) / p.tau
            image = (p.z + self.pull) / p.tau  # of that constant
            self.tilt = (left.dual - form.adjoint @ self.pull) / p.tau  # c - g, g the adjoint of the image
            self.closing = _inner(self.constant, p.z) + p.kappa
        else:
            self.anchor, self.constant = np.zeros_like(p.y), form.constant
            image = self._sandwich(form.constant, p.z)
            self.tilt = form.cost - form.adjoint @ image
            self.closing = _inner(form.cost, p.y) + _inner(form.constant, p.z) + p.kappa
        self.v = self._solve(2 * form.cost - self.tilt)  # c + g
        self.curvature = _inner(self.constant, image) + p.kappa / p.tau + _inner(self.tilt, self.v)
        self.valid = bool(np.isfinite(self.curvature) and self.curvature > 0)

    def _factor(self, work: _Workspace) -> None:
        self.schur, self.factor = work.schur, work.factor
        self.schur.fill(0.0)
        for plan in work.plans:
            plan.add_to(self.schur, self.inverse, self.p.z, work.threads, work.space)
        weights = (self.inverse * self.p.z)[work.first_row :]
        add_schur_rows(*work.rows, weights, self.schur)
        diagonal = np.diag(self.schur).copy()
        np.copyto(self.factor, self.schur)
        np.fill_diagonal(self.factor, (1 + _REGULAR) * diagonal)
        cholesky(self.factor, _REGULAR * diagonal)
        pivots = np.diag(self.factor)
        pivots = pivots[pivots < 1e90]
        self.condition = float((pivots.max() / pivots.min()) ** 2) if len(pivots) else 1.0

    def _solve(self, right: np.ndarray) -> np.ndarray:
        x, image = right.copy(), np.empty_like(right)
        cholesky_solve(self.factor, x)
        for _ in range(2):
            symmetric_product(self.schur, x, image)
            change = right - image
            cholesky_solve(self.factor, change)
            x += change
        return x

    def _sandwich(self, d: np.ndarray, z: np.ndarray) -> np.ndarray:
        out = np.empty_like(d)
        psd_sandwich(self.form.sizes, self.inverse, d, z, out)
        return out

    def direction(self, sigma: float, second: _Point | None) -> _Point:
        """Newton's direction to ``sigma mu``, with the products of the direction ``second`` in the complementarity."""
        form, p, left = self.form, self.p, self.left
        eta = 1 - sigma
        h = sigma * left.mu * self.inverse - p.z - eta * self.pull
        corner = sigma * left.mu - p.tau * p.kappa
        if second is not None:
            h -= self._sandwich(second.x, second.z)
            corner -= second.tau * second.kappa
        u = self._solve(form.adjoint @ h - eta * left.dual)
        right = eta * self.closing + _inner(self.constant, h) + _inner(self.tilt, u)
        tau = (right + corner / p.tau) / self.curvature
        y = u - tau * self.v
        image = form.operator @ y + tau * self.constant
        z = h - self._sandwich(image, p.z)
        kappa = (corner - p.kappa * tau) / p.tau
        return _Point(y + tau * self.anchor, image + eta * left.primal, z, tau, kappa)

    def longest(self, d: _Point) -> float:
        """The longest step along d that stays in the cones."""
        p = self.p
        least = min(
            psd_least_eigenvalue(self.form.sizes, self.factor_x, d.x),
            psd_least_eigenvalue(self.form.sizes, self.factor_z, d.z),
            d.tau / p.tau,
            d.kappa / p.kappa,
        )
        return -1 / least if least < 0 else np.inf

    def step(self) -> _Point | None:
        """The next iterate, or None where no step is worth taking."""
        ahead = self.direction(0.0, None)
        reach = min(1.0, self.longest(ahead))
        sigma = max((1 - reach) ** 3, 1e-6)
        d = self.direction(sigma, ahead)
        length = min(1.0, (0.9 + 0.09 * reach) * self.longest(d))
        if not length > _SHORTEST:
            return None
        moved = self.p.moved(d, length)
        size = moved.tau + moved.kappa  # the embedding is homogeneous: keep its numbers near one
        return replace(
            moved, y=moved.y / size, x=moved.x / size, z=moved.z / size, tau=moved.tau / size, kappa=moved.kappa / size
        )
