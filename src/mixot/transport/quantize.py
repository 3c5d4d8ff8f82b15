"""The n points that stand best for a density."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mixot._checks import as_generator, check_whole, is_whole
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.formulas.gaussian.points_on_line import nearest_parts
from mixot.measures import Grid, Measure, Samples, as_measure
from mixot.mixture import Mixture
from mixot.results import Progress, ProgressCallback, Status
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.line import nearest_cells
from mixot.solvers.semidiscrete.moments import cell_moments, second_moments
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport.plans import gaussian_target

_MEMORY = 8  # steps that the curvature is estimated from
_MASS_TOL = 1e-3  # of a mass, while the points are far from where they will be; then this share of the residual
_FINAL_TOL = 1e-9
_ROUNDING = 1e-13  # of a cost


@dataclass(frozen=True, eq=False, slots=True)
class Quantization:
    """Points in place of a density, and how far they are from it.

    ``cost`` is the squared W2 between ``samples`` and the density, ``history`` the cost before each step, ``residual``
    the distance, root mean square over the mass, of the points from the centers of their cells, over the root of the
    cost: zero where no small move of any point helps.
    """

    samples: Samples
    cost: float
    residual: float
    status: Status
    iterations: int
    history: Float[np.ndarray, " i"]

    @property
    def distance(self) -> float:
        """W2 between the samples and the density."""
        return float(np.sqrt(max(self.cost, 0.0)))


def quantize(
    q: Any,
    n: int,
    *,
    weights: Literal["equal", "free"] = "equal",
    tol: float = 1e-2,
    max_iter: int = 200,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Quantization:
    """Return n points that stand for q: ``W2(sum_i nu_i delta(y_i), q)`` is as small as moving them can make it.

    At such points every y_i is the mean of its cell. Lloyd's step moves each there; it is the gradient step
    ``y_i - grad_i / (2 nu_i)``, and here the first guess of a quasi-Newton method (L-BFGS), which needs several times
    fewer steps. With equal weights each step solves for transport, from the last potentials on; the points are then
    spread like blue noise.

    Parameters
    ----------
    q : Grid, Mixture or Fit
        A density on pixels or voxels, or a mixture of Gaussians, in dimension one to three.
    n : int
        Number of points.
    weights : "equal" or "free"
        All ``1 / n``, or each the mass that is nearest to its point, which brings the points nearer to q.
    tol : float
        Ends where the distance of the points from their cells' centers is this share of the distance to q.
    max_iter : int
        Most steps; where they do not suffice the status says so.
    rng : seed, Generator or None
        The start is a draw from q (but for free weights on the line, where a better one is known).
    progress : callable, optional
        Called with a `Progress` after each step.

    Returns
    -------
    Quantization
        ``.samples .cost .distance .residual .status .iterations .history``

    Raises
    ------
    InputError
        Where n is not a positive number.
    UnsupportedError
        For other measures.
    SolveError
        Where the transport to some points does not converge.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> round_law = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    >>> two = quantize(round_law, 2, tol=1e-6, rng=0)
    >>> np.linalg.norm(two.samples.points, axis=1).round(4).tolist()  # sqrt(2 / pi)
    [0.7979, 0.7979]

    References
    ----------
    Mérigot, Santambrogio and Sarrazin (2021) on the cost and its gradient; Liu et al. (2009) on L-BFGS for it.
    """
    if not is_whole(n) or n < 1:
        raise InputError(f"n must be a whole number of 1 or more, got {n!r}")
    if weights not in ("equal", "free"):
        raise InputError(f'weights must be "equal" or "free", got {weights!r}')
    measure = as_measure(q)
    density = _density(measure)
    check_whole(max_iter, "max_iter")
    start = _draw(measure, int(n), as_generator(rng))
    if weights == "equal":
        return _descend(_EqualCells(density, int(n)), start, tol, max_iter, progress)
    if density.dim > 1:
        return _descend(_NearestCells(density), start, tol, max_iter, progress)
    if isinstance(density, Grid) or density.covs.all():  # no atoms
        start = _spread_on_line(density, int(n))
    return _descend(_NearestOnLine(density), start, tol, max_iter, progress)


def _density(q: Measure) -> Grid | GaussianTarget:
    if isinstance(q, Grid) and q.dim <= 3:
        return q
    if isinstance(q, Mixture):
        return gaussian_target(q)
    raise UnsupportedError(
        "quantize works on a Grid or a mixture of Gaussians in dimension 1 to 3, got "
        f"{type(q).__name__} in dimension {q.dim}"
    )


def _draw(q: Measure, n: int, rng: np.random.Generator) -> np.ndarray:
    if isinstance(q, Mixture):
        return q.sample(n, rng=rng)
    assert isinstance(q, Grid)
    odds = np.cumsum(q.values.ravel())
    pixels = np.searchsorted(odds / odds[-1], rng.random(n), side="right").clip(0, q.values.size - 1)
    at = np.column_stack(np.unravel_index(pixels, q.values.shape)) + rng.random((n, q.dim))
    return q.bounds[:, 0] + at * q.spacing


def _spread_on_line(q: Grid | GaussianTarget, n: int) -> np.ndarray:
    """Points as dense as the cube root of the density: so are the best of free weights as n grows (Bennett 1948)."""
    if isinstance(q, Grid):
        edges, height = np.linspace(q.bounds[0, 0], q.bounds[0, 1], len(q.values) + 1), q.values
    else:
        knots = q.line().knots()
        edges = np.interp(np.arange(0, len(knots) - 1, 1 / 16), np.arange(len(knots)), knots)
        middles = (edges[1:] + edges[:-1]) / 2
        z = q.line().standardized(middles)
        height = np.exp(-0.5 * z**2) @ (q.weights / np.sqrt(q.covs[:, 0, 0]))
    share = np.concatenate([[0.0], np.cumsum(np.cbrt(height) * np.diff(edges))])
    return np.interp((np.arange(n) + 0.5) / n * share[-1], share, edges)[:, None]


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    """Points, what their cells hold, the cost, and the plan where there is one."""

    points: np.ndarray
    masses: np.ndarray
    centers: np.ndarray
    cost: float
    plan: SemidiscretePlan | None = None

    @property
    def gradient(self) -> np.ndarray:
        return 2 * self.masses[:, None] * (self.points - self.centers)

    @property
    def residual(self) -> float:
        """How far the points are from the centers of their cells, as a share of how far they are from the density."""
        away = self.masses @ ((self.points - self.centers) ** 2).sum(axis=1)
        return float(np.sqrt(away / max(self.cost, 1e-300)))


class _EqualCells:
    """Cells of equal mass."""

    def __init__(self, density: Grid | GaussianTarget, n: int) -> None:
        self.density, self.n = density, n

    def at(self, points: np.ndarray, near: _State | None, tol: float | None = None) -> _State:
        """Cells of these points, from the potentials of others nearby."""
        if tol is None:
            tol = _MASS_TOL if near is None else max(_MASS_TOL * min(1.0, 30 * near.residual), _FINAL_TOL)
        start = None if near is None else near.plan
        plan = Semidiscrete(tol=tol / self.n).solve(Samples(points), self.density, start)
        return _State(points, np.full(self.n, 1.0 / self.n), plan.centroids, plan.cost, plan)

    def finish(self, state: _State) -> _State:
        return self.at(state.points, state, _FINAL_TOL)


class _NearestCells:
    """Voronoi cells."""

    def __init__(self, density: Grid | GaussianTarget) -> None:
        self.density = density

    def at(self, points: np.ndarray, near: _State | None) -> _State:
        middle = points.mean(axis=0)
        none = np.zeros(len(points))
        sums = cell_moments(points, none, self.density, center=middle)
        y, mass = points - middle, np.maximum(sums[:, 0], 0.0)
        first = sums[:, 1 : 1 + points.shape[1]]
        cost = second_moments(sums) - 2 * (y * first).sum(axis=1) + (y**2).sum(axis=1) * mass
        full = mass > 0
        centers = points.copy()
        centers[full] = middle + first[full] / mass[full, None]
        return _State(points, mass, centers, float(cost.sum()))

    def finish(self, state: _State) -> _State:
        return state


class _NearestOnLine:
    """What is nearest to each of some points on the line."""

    def __init__(self, density: Grid | GaussianTarget) -> None:
        self.density = density

    def at(self, points: np.ndarray, near: _State | None) -> _State:
        order = np.argsort(points[:, 0], kind="stable")
        y, q = points[order, 0], self.density
        sums = np.empty((len(y), 3))
        sums[order] = nearest_cells(y, q) if isinstance(q, Grid) else nearest_parts(y, q.line())
        mass, shift = np.maximum(sums[:, 0], 0.0), np.zeros(len(y))
        np.divide(sums[:, 1], mass, out=shift, where=mass > 0)
        return _State(points, mass, points + shift[:, None], float(sums[:, 2].sum()))

    def finish(self, state: _State) -> _State:
        return state


_Cells = _EqualCells | _NearestCells | _NearestOnLine


def _descend(
    cells: _Cells, start: np.ndarray, tol: float, max_iter: int, progress: ProgressCallback | None
) -> Quantization:
    state = cells.at(start, None)
    history, pairs = [state.cost], deque[tuple[np.ndarray, np.ndarray]](maxlen=_MEMORY)
    status = Status.CONVERGED
    while state.residual > tol:
        if len(history) > max_iter:
            status = Status.MAX_ITER
            break
        fresh = _step(cells, state, pairs)
        if fresh is None:
            status = Status.STALLED
            break
        pairs.append((fresh.points - state.points, fresh.gradient - state.gradient))
        state = fresh
        history.append(state.cost)
        if progress is not None:
            progress(Progress("quantize", len(history) - 1, None, state.cost))
    state = cells.finish(state)
    samples = Samples(state.points, state.masses / state.masses.sum())
    return Quantization(samples, state.cost, state.residual, status, len(history) - 1, np.array(history))


def _step(cells: _Cells, state: _State, pairs: deque) -> _State | None:
    """The next state along the quasi-Newton direction, or along Lloyd's where that does not lower the cost."""
    scale = 0.5 / np.maximum(state.masses, 0.01 / len(state.masses))[:, None]
    for direction in (_quasi_newton(state.gradient, pairs, scale), -scale * state.gradient):
        slope = float((direction * state.gradient).sum())
        size = 1.0
        for _ in range(4 if slope < 0 else 0):
            fresh = cells.at(state.points + size * direction, state)
            if fresh.cost < state.cost + 1e-4 * size * slope:
                return fresh
            if fresh.cost <= (1 + _ROUNDING) * state.cost and fresh.residual < state.residual:
                return fresh
            size /= 3
        pairs.clear()
    return None


def _quasi_newton(gradient: np.ndarray, pairs: deque, scale: np.ndarray) -> np.ndarray:
    """Minus the inverse of the Hessian times the gradient: two-loop recursion of L-BFGS, from a diagonal ``scale``."""
    out, used = -gradient, []
    for step, change in reversed(pairs):
        curvature = float((step * change).sum())
        if curvature <= 1e-10 * float((step * step / scale).sum()):
            continue
        alpha = float((step * out).sum()) / curvature
        out = out - alpha * change
        used.append((step, change, curvature, alpha))
    out = scale * out
    for step, change, curvature, alpha in reversed(used):
        out = out + (alpha - float((change * out).sum()) / curvature) * step
    return out
