"""Runs of EM whose steps are compiled passes, every second one of them accelerated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixot.mixture import Mixture
from mixot.results import Progress, ProgressCallback, Status

_FIRST, _GROWTH = 4.0, 4.0  # the longest extrapolation at first, and what a success or failure makes of it
_CLOSE = 1e-2  # gain of a plain step below which the run has chosen its hill: before, leaps would land on another


@dataclass(frozen=True, eq=False)
class Ascent:
    """EM by the steps of a family that plays `mixot.families.roles.Fused`.

    After two plain steps a point beyond them is looked at, and taken where the likelihood there is no lower: the
    history never falls.

    Parameters
    ----------
    steps : what the family gave
    tol : gain per observation of a plain step that ends the run
    iterations : most states that may follow the first
    stage, progress : what is told, and whom
    """

    steps: Any
    tol: float
    iterations: int
    stage: str
    progress: ProgressCallback | None

    def climb(self, mixture: Mixture, history: list[float]) -> tuple[Mixture, list[float], Status]:
        """Where the run from a mixture ends, and the likelihoods of its states after those of ``history``."""
        at: tuple[Any, Any] = (mixture.weights, mixture.components)
        likelihood, *after = self.steps.step(*at)
        history, first, longest, other = list(history or [likelihood]), max(len(history), 1), _FIRST, False
        before = None  # the state that ``at`` follows by a plain step, near enough for leaps
        while len(history) - first < self.iterations:
            beyond = None if before is None else self.steps.ahead([before, at, tuple(after)], longest, other)
            if beyond is not None:
                state, length = beyond
                likelihood, *following = self.steps.step(*state)
                if likelihood >= history[-1]:
                    longest = longest * _GROWTH if length >= longest else longest
                    at, before, after = state, None, following
                    self._tell(history, likelihood, first)
                    continue
                longest, other = max(longest / _GROWTH, 1.0), not other
            last, at = at, tuple(after)
            likelihood, *after = self.steps.step(*at)
            gain = likelihood - history[-1]
            before = last if gain < _CLOSE else None
            self._tell(history, likelihood, first)
            if gain < self.tol:
                return Mixture(*at), history, Status.CONVERGED
        return Mixture(*at), history, Status.MAX_ITER

    def _tell(self, history: list[float], likelihood: float, first: int) -> None:
        history.append(likelihood)
        if self.progress is not None:
            self.progress(Progress(self.stage, len(history) - first, self.iterations, likelihood))
