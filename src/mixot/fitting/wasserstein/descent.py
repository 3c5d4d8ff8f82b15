"""Descent of the squared W2 of a Gaussian mixture from points, down from any mixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.fitting.wasserstein.objective import Point, TransportObjective
from mixot.results import Status

_ACCURACY = 1e-3  # of a mass, while the mixture is far from where it will be; then this share of the residual
_SHARE = 0.03
_FINAL = 1e-8
_SOFT = 1e-3  # least stiffness of the logarithm of a weight, over the cost and the weight
_BOLD = 1.0  # change of a log weight that counts as one step
_REACH = 2.0  # the first step, in steps of the fixed-point iteration
_FLAT = 1e-6  # curvature, relative to that of the upper bound, that a step reckons with at least
_KEPT = 0.1  # share of the promised decrease that a step must keep
_ILL, _WELL = 0.25, 0.75  # shares that shorten the next step, and that lengthen it
_TRIALS = 8
_EVEN = 1e-10  # change of the cost, relative to it, that is none
_NOTHING = 1e-13  # of the cost: a decrease that is not worth a trial


@dataclass(frozen=True, eq=False, slots=True)
class Descent:
    """Where a descent ended. ``residual`` is how far a fixed-point step would move mass, over the distance."""

    point: Point
    history: list[float]
    residual: float
    status: Status


def descend(
    objective: TransportObjective,
    start: Point,
    *,
    tol: float,
    max_iter: int,
    report: Callable[[int, float], Any] = lambda step, value: None,
) -> Descent:
    """Return the mixture that the cost leads to from ``start``; the history of costs never increases.

    Newton's method in a trust region. Lengths are measured in the second derivatives of an upper bound of the cost, in
    which a gradient step is ``c_k <- E_k T, F_k <- E_k[DT] F_k``, with T the transport to the points: a fixed-point
    iteration like Lloyd's, which never raises the cost, and which short steps come close to.

    Between groups of components that are far apart the cost has a kink where their weights are those of the points:
    what is smooth there are the potentials. Those that answer to a step to first order start the transport of a trial,
    and give it its weights.
    """
    model, history = _Model.at(start), [start.cost]
    trust = _Trust(_REACH * float(np.linalg.norm(model.slope)), 0.0)
    while True:
        if model.residual <= tol:
            return Descent(model.point, history, model.residual, Status.CONVERGED)
        if len(history) > max_iter:
            return Descent(model.point, history, model.residual, Status.MAX_ITER)
        after, trust = _try(objective, model, trust)
        if after is None:
            exact = objective.refined(model.point, _FINAL)
            if exact.plan.marginal_error < model.point.plan.marginal_error / 2:  # its slope was too rough
                model = _Model.at(exact)
                trust = _Trust(_REACH * float(np.linalg.norm(model.slope)), 0.0)
                continue
            # A kink: where groups of components are far apart, the slope in weights never vanishes
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

    def after(self, kept: float, size: float, *, held: bool) -> _Trust:
        """What a step of this length teaches that kept so much of its promise."""
        reach = max(self.reach, 3 * size) if kept > _WELL else self.reach if kept > _ILL else size / 2
        if held:
            return _Trust(reach, self.stiffer)
        return _Trust(reach, self.pull if kept <= _WELL else self.pull / 8 if self.pull > 1 else 0.0)

    @property
    def stiffer(self) -> float:
        return max(8 * self.pull, 2.0)


def _try(objective: TransportObjective, model: _Model, trust: _Trust) -> tuple[_Model | None, _Trust]:
    """The model at a point of lower cost, and the trust in models from there on.

    Near a kink the curvature in the weights changes by orders of magnitude within a step, that in the rest does not:
    where a step fails that succeeds with the weights held, it was the weights that went too far. A step that only
    brings the potentials to where the slope is less is a step, too.
    """
    point, held = model.point, model.without_weights()
    tol = objective.tolerance(point, max(min(_ACCURACY, _SHARE * model.residual), _FINAL))
    for _ in range(_TRIALS):
        failed: dict[bool, float] = {}
        for moving in (model, held) if model.count else (model,):
            step, size, promised = moving.step(trust)
            if promised <= _NOTHING * point.cost:
                continue
            fresh = _moved(objective, moving, step, tol)
            kept = -np.inf if fresh is None else (point.cost - fresh.cost) / promised
            if fresh is not None and kept >= _KEPT:
                return _Model.at(fresh), trust.after(kept, size, held=moving is not model)
            if fresh is not None and abs(fresh.cost - point.cost) <= _EVEN * point.cost:
                after = _Model.at(fresh)
                if after.residual < model.residual / 2:
                    return after, trust
            failed[moving is model] = size
        if not failed:
            break
        last = failed.get(False, failed.get(True) if not model.count else None)
        reach = trust.reach if last is None else min(trust.reach, last / 4)
        trust = _Trust(reach, trust.stiffer if True in failed else trust.pull)
    return None, trust


def _moved(objective: TransportObjective, model: _Model, step: np.ndarray, tol: float) -> Point | None:
    """The point at a step, where its transport is found at once.

    The weights follow the cells of the potentials to come: near a kink they are anything but linear in them.
    """
    point = model.point
    vector, start = point.vector + step, point.plan.potentials + model.lead(step)
    return objective.at(objective.balanced(vector, start, point) if model.count else vector, start, tol)


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
    def at(cls, point: Point) -> _Model:
        """The model near a point."""
        coordinates, curvature, k = point.coordinates, point.curvature, point.coordinates.k
        least = np.diag(_SOFT * point.cost * point.law.weights + np.abs(point.gradient[:k]))
        values, vectors = np.linalg.eigh(curvature.through_weights + least)
        turn = np.zeros((len(point.vector),) * 2)
        turn[:k, :k] = vectors / np.sqrt(np.maximum(values, 1e-13 * values[-1]))
        turn[k:, k:] = np.diag(1 / np.sqrt(coordinates.stiffness(point.law)))
        whole = cls(point, turn, coordinates.hessian(point.vector, curvature), k)
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

    def step(self, trust: _Trust) -> tuple[np.ndarray, float, float]:
        """The best step within reach, its length, and the decrease that it promises; weights are pulled back."""
        reach, pull = trust.reach, trust.pull
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
        """How the potentials answer to a step, to first order."""
        return self.point.curvature.lead(self.point.coordinates.jacobian(self.point.vector) @ step)
