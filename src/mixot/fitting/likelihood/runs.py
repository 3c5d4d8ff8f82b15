"""One run of EM from one start, components that empty on the way sent elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import EMLimits, EMPath, KernelState
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.starts.empty_components import reseed
from mixot.results import Progress, ProgressCallback, Status

LEAST_MASS = 1e-3  # a component with less mass than this share of an average row is empty
_RESEEDS = 3  # times that a run may send its empty components elsewhere
_STATUS = {"limit": Status.MAX_ITER, "emptied": Status.MAX_ITER}  # others have converged

Report = Callable[[int, float], Any]


@dataclass(frozen=True, eq=False)
class Run:
    """Where a run ended, the objective after each of its iterations, and whether it stood still."""

    em: GaussianEM
    path: EMPath
    history: list[float]
    status: Status

    @property
    def objective(self) -> float:
        """The largest objective of the run: that of its last state."""
        return self.path.objective

    @property
    def shares(self) -> np.ndarray:
        """Each component's share of the mass, (k,)."""
        return self.path.shares

    @cached_property
    def state(self) -> Parameters:
        """The last state, in the units of the data."""
        return self.em.out_of_kernel(self.path.state)

    @cached_property
    def at_floor(self) -> bool:
        """Whether some covariance is what ``reg`` makes it."""
        if self.path.noise_share < 0.5 and self.em.reg > self.em.rounding:  # thicker than the noise in every direction
            return False
        return self.em.spread(self.state).at_floor > 0

    @cached_property
    def determined(self) -> bool:
        """Whether the rows determine every covariance."""
        return not self.em.few_rows(self.shares) and not self.at_floor


@dataclass(frozen=True, eq=False, slots=True)
class Climb:
    """How a run goes on: iterations at most, the gain at which it stands still, the draws of new places, and who hears.

    With ``tol=0`` it makes the iterations it is asked for, of plain EM.
    """

    max_iter: int
    tol: float
    rng: np.random.Generator
    report: Report

    def start(self, em: GaussianEM, start: KernelState, most: int | None = None) -> Run:
        """A run from ``start``, of up to ``most`` iterations (``max_iter``, where not given)."""
        return self._go(em, None, start, self.max_iter if most is None else min(most, self.max_iter))

    def further(self, run: Run, more: int | None = None) -> Run:
        """``run`` and up to so many iterations more (to ``max_iter`` in all, where not given), unless it has ended."""
        left = self.max_iter - len(run.history)
        left = left if more is None else min(more, left)
        if run.status is not Status.MAX_ITER or left <= 0:
            return run
        return self._go(run.em, run, run.path.following, left)

    def _go(self, em: GaussianEM, run: Run | None, state: KernelState, most: int) -> Run:
        history = list(run.history) if run else []
        level, reseeds, limit = run.objective if run else -np.inf, _RESEEDS, len(history) + most
        while True:
            first = run is None  # the objective of a start is no iteration's
            least = LEAST_MASS / len(em.points) if reseeds else 0.0
            told = _numbered(self.report, len(history) - first) if self.report is not silent else None
            limits = EMLimits(limit - len(history), self.tol, least, accelerated=self.tol > 0, report=told)
            path = em.run(state, limits, level)
            if path.end == "fell" and run is not None:  # rounding has the last word
                return replace(run, status=Status.CONVERGED)
            history += path.history[int(first) :].tolist()
            run = Run(em, path, history, _STATUS.get(path.end, Status.CONVERGED))
            if path.end != "emptied":
                return run
            reseeds, state, level = reseeds - 1, path.following, path.objective
            empty = path.shares * len(em.points) < LEAST_MASS
            moved = em.into_kernel(reseed(em, em.out_of_kernel(state), empty, self.rng))
            if em.run(moved, EMLimits(0, 0.0)).objective >= level:  # else the look at some of the rows misled it
                state, level = moved, -np.inf


def reporter(progress: ProgressCallback | None, stage: str, total: int) -> Report:
    """What tells ``progress``, if there is one, of a step and its value."""
    if progress is None:
        return silent
    return lambda step, value: progress(Progress(stage, step, total, value))


def silent(step: int, value: float) -> None:
    """A report to nobody."""


def _numbered(report: Report, count: int) -> Callable[[float], None]:
    """What tells ``report`` of the iterations from number ``count + 1`` on; a start is number 0."""
    step = count

    def told(objective: float) -> None:
        nonlocal step
        step += 1
        if step > 0:
            report(step, objective)

    return told
