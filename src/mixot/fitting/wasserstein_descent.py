"""Descent of the squared W2 of a Gaussian mixture from points, down from any mixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.fitting.wasserstein_problem import Point, Problem
from mixot.results import Status

_ACCURACY = 1e-3  # of a mass, while the mixture is far from where it will be; then this share of the residual
_SHARE = 0.03
_FINAL = 1e-6
_SOFT, _STIFF = 1e-3, 1.0  # least stiffness of the weights, where their curvature is known (by cost), and where not
_BOLD = 1.0  # change of a log weight that counts as one step
_REACH = 2.0  # the first step, in steps of the fixed-point iteration
_FLAT = 1e-6  # curvature, relative to that of the upper bound, that a step reckons with at least
_KEPT = 0.1  # share of the promised decrease that a step must keep
_TRIALS = 12
_EVEN = 1e-10  # change of the cost, relative to it, that is none
_DUST = 1e-3  # of the error of a mass
_ROUNDING = 1e-13  # of the cost


@dataclass(frozen=True, eq=False, slots=True)
class Descent:
    """Where a descent ended. ``residual`` is how far a fixed-point step would move mass, over the distance."""

    point: Point
    history: list[float]
    residual: float
    status: Status


def descend(
    problem: Problem,
    start: Point,
    *,
    tol: float,
    max_iter: int,
    report: Callable[[int, float], Any] = lambda step, value: None,
) -> Descent:
    """Return the mixture that the cost leads to from ``start``; the history of costs never increases.

    Newton's method in a trust region. Lengths are measured in the second derivatives of an upper bound of the cost, in
    which a gradient step is ``c_k <- E_k T, F_k <- E_k[DT] F_k``, with T the transport to the points: a fixed-point
    iteration like Lloyd's, which never raises the cost, and which the trust region falls back to. The second
    derivatives are exact where the walls of the cells are known, else rank-one updates (SR1) of that bound's.

    Between groups of components that are far apart the cost has a kink where their weights are those of the points;
    there the weights are held, and all else moves. The potentials of a trial start from those that answer to the step
    to first order.
    """
    model, history = _Model.at(problem, start, None), [start.cost]
    trust = _Trust(_REACH * float(np.linalg.norm(model.slope)), 0.0)
    while True:
        if model.residual <= tol:
            return Descent(model.point, history, model.residual, Status.CONVERGED)
        if len(history) > max_iter:
            return Descent(model.point, history, model.residual, Status.MAX_ITER)
        after, trust = _try(problem, model, trust)
        if after is None:  # a kink: where groups of components are far apart, the slope in weights never vanishes
            rest = model.without_weights().residual
            return Descent(model.point, history, rest, Status.CONVERGED if rest <= tol else Status.STALLED)
        model = after
        history.append(model.point.cost)
        report(len(history) - 1, model.point.cost)


@dataclass(frozen=True, slots=True)
class _Trust:
    """How long a step may be, and how much stiffer the weights are than the model has them."""

    reach: float
    pull: float


def _try(problem: Problem, model: _Model, trust: _Trust) -> tuple[_Model | None, _Trust]:
    """The model at a point of lower cost, and the trust in models from there on.

    Near a kink the curvature in the weights changes by orders of magnitude within a step, that in the rest does not:
    where a step fails that succeeds with the weights held, it was the weights that went too far.
    """
    point, held, reach, pull = model.point, model.without_weights(), trust.reach, trust.pull
    tol = problem.tolerance(point, max(min(_ACCURACY, _SHARE * model.residual), _FINAL))
    for _ in range(_TRIALS):
        failed: dict[bool, float] = {}
        for moving in (model, held) if model.count else (held,):
            step, size, promised = moving.step(reach, pull)
            if promised <= _ROUNDING * point.cost:
                continue
            start = point.plan.potentials + moving.lead(step)
            vector = point.vector + step
            if moving is not held:
                vector = problem.balanced(vector, start, point)
            fresh = problem.at(vector, start, tol)
            kept = -np.inf if fresh is None else (point.cost - fresh.cost) / promised
            if fresh is None or kept < _KEPT:
                even = fresh is not None and abs(fresh.cost - point.cost) <= _EVEN * point.cost
                after = _Model.at(problem, fresh, model) if even and fresh is not None else None
                if after is not None and after.residual < model.residual / 2:
                    return after, _Trust(reach, pull)
                failed[moving is held] = size
                continue
            if moving is not held or not model.count:
                pull = pull if kept <= 0.75 else pull / 8 if pull > 1 else 0.0
            else:
                pull = max(8 * pull, 2.0)
            further = max(reach, 3 * size) if kept > 0.75 else reach if kept > 0.25 else size / 2
            return _Model.at(problem, fresh, model), _Trust(further, pull)
        if not failed:
            break
        pull = max(8 * pull, 2.0) if False in failed else pull
        reach = min(reach, failed[True] / 4) if True in failed else reach
    return None, _Trust(reach, pull)


@dataclass(frozen=True, eq=False)
class _Model:
    """The cost near a point, ``slope s + s' bend s / 2`` along ``turn s``; coordinates s in which the bound is round.

    ``second`` are the second derivatives in the vector; the first ``count`` of the coordinates move weights.
    """

    point: Point
    turn: Float[np.ndarray, "v s"]
    second: Float[np.ndarray, "v v"]
    count: int

    @classmethod
    def at(cls, problem: Problem, point: Point, before: _Model | None) -> _Model:
        """The model near a point, after the one before."""
        coordinates, curvature, k = problem.coordinates, point.curvature, problem.coordinates.k
        shapes = coordinates.stiffness(point.law)
        weights = np.diag(point.law.weights * (_STIFF if curvature is None else _SOFT * point.cost))
        if curvature is None:
            whole = np.diag(np.concatenate([np.diag(weights), shapes]))
            second = whole if before is None else _updated(before, point)
        else:
            second = coordinates.hessian(point.vector, curvature)
            weights += curvature.through_weights + np.diag(np.abs(point.gradient[:k]))
        values, vectors = np.linalg.eigh(weights)
        turn = np.zeros((len(point.vector),) * 2)
        turn[:k, :k] = vectors / np.sqrt(np.maximum(values, 1e-13 * values[-1]))
        turn[k:, k:] = np.diag(1 / np.sqrt(shapes))
        whole = cls(point, turn, second, k)
        return whole if coordinates.free_weights else whole.without_weights()

    def without_weights(self) -> _Model:
        """The same with the weights held."""
        return _Model(self.point, self.turn[:, self.count :], self.second, 0) if self.count else self

    @property
    def slope(self) -> np.ndarray:
        return self.point.gradient @ self.turn

    @property
    def residual(self) -> float:
        """Root mean square distance that a fixed-point step would move mass by, over the distance of the points."""
        return float(np.linalg.norm(self.slope) / np.sqrt(2 * max(self.point.cost, 1e-300)))

    def step(self, reach: float, pull: float) -> tuple[np.ndarray, float, float]:
        """The best step within reach, its length, and the decrease that it promises; weights are pulled back."""
        bend = self.turn.T @ self.second @ self.turn
        stiff = np.arange(len(bend)) < self.count
        values, vectors = np.linalg.eigh((bend + bend.T) / 2 + np.diag(pull * stiff))
        slope = self.slope @ vectors
        low = max(0.0, _FLAT - values[0])
        s = -slope / (values + low)
        if np.linalg.norm(s) > reach:  # of the length of reach, by bisection of the multiplier
            high = low + np.linalg.norm(slope) / reach
            for _ in range(60):
                middle = (low + high) / 2
                s = -slope / (values + middle)
                low, high = (middle, high) if np.linalg.norm(s) > reach else (low, middle)
            s = -slope / (values + high)
        step = self.turn @ (vectors @ s)
        bold = float(np.ptp(step[: len(self.point.law.weights)]))
        part = min(1.0, _BOLD / bold) if bold > 0 else 1.0
        promised = -part * float(slope @ s) - part**2 * float(values @ s**2) / 2
        return part * step, part * float(np.linalg.norm(s)), promised

    def lead(self, step: np.ndarray) -> np.ndarray:
        """How the potentials answer to a step, to first order, where that is known."""
        point = self.point
        if point.curvature is None:
            return np.zeros(len(point.plan.masses))
        return point.curvature.lead(point.coordinates.jacobian(point.vector) @ step)


def _updated(before: _Model, point: Point) -> np.ndarray:
    """Second derivatives that fit the change of the gradient since the last point: a symmetric rank-one update."""
    step = point.vector - before.point.vector
    left = point.gradient - before.point.gradient - before.second @ step
    across = float(left @ step)
    if abs(across) < 1e-8 * float(np.linalg.norm(left) * np.linalg.norm(step)):
        return before.second
    return before.second + np.outer(left, left) / across
