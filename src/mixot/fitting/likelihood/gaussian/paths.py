"""What a run of EM is told, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mixot.fitting.likelihood.gaussian.statistics import Parameters


@dataclass(frozen=True, eq=False, slots=True)
class EMStep:
    """One iteration: the objective, which never decreases, shares of the mass, and the M step that follows."""

    objective: float
    shares: np.ndarray
    following: Parameters


@dataclass(frozen=True, eq=False, slots=True)
class EMLimits:
    """When a run of EM ends: passes at most, the gain of an iteration, and the share at which a component is empty.

    Without ``accelerated`` every iteration is one of plain EM. ``report`` is told each objective.
    """

    max_passes: int
    tol: float
    least: float = 0.0
    accelerated: bool = True
    report: Callable[[float], object] | None = None


class KernelState(NamedTuple):
    """Weights, means and covariances as the compiled loop keeps them: in its own units, flat."""

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class EMPath:
    """Where a run of EM led: its best state and the M step after it, the shares there and the objectives on the way.

    ``objective`` is the last and largest of these; ``end`` is "converged", "limit" (of passes), "emptied" (a component)
    or "fell" (the start, below what it follows); ``noise_share`` is the largest ``tr(diag(noise) inv(cov))`` of a
    component.
    """

    state: KernelState
    following: KernelState
    shares: np.ndarray
    history: np.ndarray
    objective: float
    end: str
    noise_share: float
