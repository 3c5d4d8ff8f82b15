"""What EM does to one family: the E step and the M step, and how many parameters they fit.

Gaussian families have a compiled pass. Any other family takes part by declaring ``m_step`` in its own file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.families.base import Family, lookup
from mixot.families.gaussian import Gaussian
from mixot.fitting import statistics as gaussian
from mixot.fitting.statistics import Frame, Weights
from mixot.mixture import Mixture

_GAUSSIAN = {"gaussian": gaussian.STRUCTURES, "diagonal": ("diagonal", "spherical")}
_CHUNK = 65_536  # rows whose log-densities are held at once


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One E step under a state: mean log-density, what the prior takes off it, shares of mass, and the next state."""

    log_likelihood: float
    penalty: float
    shares: np.ndarray
    following: Any

    @property
    def objective(self) -> float:
        """What never decreases from step to step."""
        return self.log_likelihood - self.penalty


class Steps(ABC):
    """EM on one data set; ``state`` is whatever the subclass keeps its parameters in."""

    points: np.ndarray
    weights: np.ndarray

    @abstractmethod
    def from_labels(self, labels: np.ndarray, k: int) -> Any:
        """The state fitted to clusters: an M step whose responsibilities are zero and one."""

    @abstractmethod
    def state(self, mixture: Mixture) -> Any:
        """The state that ``mixture`` stands for."""

    @abstractmethod
    def mixture(self, state: Any) -> Mixture:
        """The mixture that ``state`` stands for."""

    @abstractmethod
    def step(self, state: Any) -> Step:
        """One E step, and the M step after it."""

    @abstractmethod
    def log_joint(self, state: Any, points: np.ndarray) -> np.ndarray:
        """Log of weight times density of every component at every point, (n, k)."""

    @abstractmethod
    def on(self, points: np.ndarray, weights: np.ndarray) -> "Steps":
        """The same on other data."""

    @abstractmethod
    def free_parameters(self, state: Any) -> int:
        """How many numbers the fit chose."""

    def determined(self, state: Any, shares: np.ndarray) -> bool:
        """Whether each component has rows enough to determine its parameters."""
        return True

    @abstractmethod
    def standard(self) -> np.ndarray:
        """The points in units in which Euclidean distances are fair, float64."""

    def component(self, state: Any, points: np.ndarray) -> Family:
        """One new component fitted to ``points``, to go with those of ``state``."""
        local = self.on(points, np.ones(len(points)))
        return local.mixture(local.from_labels(np.zeros(len(points), dtype=np.int64), 1)).components

    def entropy(self, state: Any) -> float:
        """Mean entropy of the responsibilities, in nats."""
        total = 0.0
        for x, w in _chunks(self.points, self.weights):
            joint = self.log_joint(state, x)
            excess = joint - joint.max(axis=1, keepdims=True)
            sums = np.exp(excess).sum(axis=1, keepdims=True)
            shares = np.exp(excess) / sums
            terms = np.where(shares > 0, shares * (np.log(sums) - excess), 0.0)
            total += float(w @ terms.sum(axis=1))
        return total / float(self.weights.sum())


class GaussianSteps(Steps):
    """Gaussian components of any structure, by the compiled pass."""

    def __init__(
        self, points: np.ndarray, weights: np.ndarray, structure: str, reg: float, spread: np.ndarray, frame: Frame
    ) -> None:
        self.points, self.weights = points, weights
        self.structure, self.reg, self.spread, self.frame = structure, reg, spread, frame
        self._lifted = Weights.of(weights, len(points))

    def on(self, points: np.ndarray, weights: np.ndarray) -> "GaussianSteps":
        return GaussianSteps(points, weights, self.structure, self.reg, self.spread, self.frame)

    def from_labels(self, labels: np.ndarray, k: int) -> gaussian.Parameters:
        sums = gaussian.of_labels(self.points, self.weights, labels, k, self.structure)
        return gaussian.m_step(sums, self.reg, self.spread)

    def state(self, mixture: Mixture) -> gaussian.Parameters:
        return gaussian.parameters_of(mixture, self.structure)

    def mixture(self, state: gaussian.Parameters) -> Mixture:
        return gaussian.mixture_of(state, self.structure)

    def step(self, state: gaussian.Parameters) -> Step:
        sums = gaussian.e_step(state, self.points, self._lifted, self.structure, self.frame)
        return Step(
            log_likelihood=sums.log_likelihood / sums.weight,
            penalty=gaussian.penalty(state, self.structure, self.reg, self.spread),
            shares=sums.mass / sums.weight,
            following=gaussian.m_step(sums, self.reg, self.spread),
        )

    def log_joint(self, state: gaussian.Parameters, points: np.ndarray) -> np.ndarray:
        return gaussian.log_joint(state, points, self.structure, self.frame)

    def free_parameters(self, state: gaussian.Parameters) -> int:
        k, d = state.means.shape
        covs = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diagonal": k * d, "spherical": k}
        return k - 1 + k * d + covs[self.structure]

    def determined(self, state: gaussian.Parameters, shares: np.ndarray) -> bool:
        least = {"full": state.means.shape[1] + 1, "diagonal": 2, "spherical": 2, "tied": 0}[self.structure]
        return bool((shares * len(self.points) >= least).all())

    def standard(self) -> np.ndarray:
        unit = np.sqrt(self.spread.mean() if self.structure == "spherical" else self.spread)
        return (self.points - self.frame.center) / unit

    def component(self, state: gaussian.Parameters, points: np.ndarray) -> Family:
        if self.structure == "tied":
            return Gaussian(points.mean(axis=0, dtype=np.float64)[None], state.covs[None])
        return super().component(state, points)


class FamilySteps(Steps):
    """Any family that declares ``m_step``, through its log-density."""

    def __init__(self, points: np.ndarray, weights: np.ndarray, family: type[Family]) -> None:
        self.points, self.weights, self.family = points.astype(np.float64, copy=False), weights, family

    def on(self, points: np.ndarray, weights: np.ndarray) -> "FamilySteps":
        return FamilySteps(points, weights, self.family)

    def from_labels(self, labels: np.ndarray, k: int) -> Mixture:
        one_hot = np.zeros((len(labels), k))
        one_hot[np.arange(len(labels)), labels] = self.weights
        return self._fit(one_hot, None)

    def state(self, mixture: Mixture) -> Mixture:
        return mixture

    def mixture(self, state: Mixture) -> Mixture:
        return state

    def step(self, state: Mixture) -> Step:
        joint = self.log_joint(state, self.points)
        top = joint.max(axis=1, keepdims=True)
        shares = np.exp(joint - top)
        sums = shares.sum(axis=1, keepdims=True)
        shares *= self.weights[:, None] / sums
        total = float(self.weights.sum())
        value = float(self.weights @ (top + np.log(sums))[:, 0]) / total
        return Step(value, 0.0, shares.sum(axis=0) / total, self._fit(shares, state.components))

    def log_joint(self, state: Mixture, points: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return state.components.log_prob(points) + np.log(state.weights)

    def free_parameters(self, state: Mixture) -> int:
        return len(state) - 1 + sum(value.size for value in state.components.parameters().values())

    def standard(self) -> np.ndarray:
        center, variances = center_and_variances(self.points, self.weights)
        return (self.points - center) / np.sqrt(gaussian.proportionate(variances, center))

    def _fit(self, responsibilities: np.ndarray, before: Family | None) -> Mixture:
        mass = responsibilities.sum(axis=0)
        return Mixture(mass / mass.sum(), self.family.m_step(self.points, responsibilities, before))


def steps_for(
    family: str, structure: str, points: np.ndarray, weights: np.ndarray, reg: float
) -> Steps:
    """The steps of ``family`` on these data; `InputError` or `UnsupportedError` names what exists."""
    law = lookup(family)
    if family in _GAUSSIAN:
        if family == "diagonal" and structure == "full":
            structure = "diagonal"  # what "full" means where nothing but a diagonal is there
        if structure not in _GAUSSIAN[family]:
            raise InputError(
                f"unknown structure {structure!r}; the {family} family has {', '.join(_GAUSSIAN[family])}"
            )
        center, variances = center_and_variances(points, weights)
        spread = gaussian.proportionate(variances, center)
        return GaussianSteps(points, weights, structure, reg, spread, Frame.of(center, variances))
    if structure != "full":
        raise InputError(f"unknown structure {structure!r}; the {family} family has only its own, leave it out")
    return FamilySteps(points, weights, law)


def center_and_variances(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variances, (d,) twice, in float64; a constant column has exactly its value and zero."""
    total = weights.sum()
    center = sum(w @ x.astype(np.float64) for x, w in _chunks(points, weights)) / total
    lowest = points.min(axis=0)
    constant = lowest == points.max(axis=0)
    center = np.where(constant, lowest, center)
    variances = sum(w @ (x.astype(np.float64) - center) ** 2 for x, w in _chunks(points, weights)) / total
    return center, np.where(constant, 0.0, variances)


def _chunks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    return (tuple(a[at : at + _CHUNK] for a in arrays) for at in range(0, len(arrays[0]), _CHUNK))
