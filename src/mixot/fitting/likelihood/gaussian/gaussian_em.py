"""The E and M steps of Gaussian mixtures on one data set, whatever the structure of the covariances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mixot._native import em_into_model, em_run, em_state_log_joint, em_state_of_labels, exchange_rows
from mixot.errors import SolveError
from mixot.families.base import Family
from mixot.fitting.likelihood.gaussian.covariance_models import CovarianceModel
from mixot.fitting.likelihood.gaussian.paths import EMLimits, EMPath, EMStep, KernelState
from mixot.fitting.likelihood.gaussian.statistics import (
    Frame,
    Parameters,
    Statistics,
    Weights,
    collapsed,
    e_step,
    log_joint,
    m_step,
    mixture_of,
    parameters_of,
    proportionate,
)
from mixot.fitting.likelihood.priors import NormalInverseWishart, Spreads
from mixot.fitting.likelihood.starts_from_means import nearest
from mixot.formulas.weights import effective_count
from mixot.mixture import Mixture
from mixot.threads import thread_count

E = TypeVar("E", bound="GaussianEM")
_CHUNK = 65_536  # rows whose log-densities are held at once
_ROUNDING = 64  # a variance below so many roundings of the data's is none


class Spread(NamedTuple):
    """Directions in which rows vary by more than the noise, and the number of components that do not."""

    rank: int
    at_floor: int


@dataclass(frozen=True, eq=False)
class GaussianEM:
    """EM on weighted points; ``center`` and ``variances``, (d,), are those of all the data, whatever ``points`` are.

    ``observations`` is the number of rows that the points stand for: Kish's effective one of the weights where it is
    not told. ``structure`` is how the covariances of the ``model`` are kept; ``concentration`` is that of the Dirichlet
    prior of the weights.
    """

    points: np.ndarray
    weights: np.ndarray
    structure: str
    reg: float
    center: np.ndarray
    variances: np.ndarray
    observations: float
    model: CovarianceModel
    prior: NormalInverseWishart | None = None
    concentration: float = 1.0

    @classmethod
    def of(
        cls,
        points: np.ndarray,
        weights: np.ndarray,
        structure: str,
        reg: float,
        observations: float | None = None,
        prior: NormalInverseWishart | None = None,
    ) -> GaussianEM:
        """EM on all the data."""
        count = effective_count(weights) if observations is None else observations
        model = CovarianceModel.of(structure)
        means_and_variances = center_and_variances(points, weights)
        return cls(points, weights, model.stored, reg, *means_and_variances, count, model, prior)

    def on(self, points: np.ndarray, weights: np.ndarray) -> GaussianEM:
        """The same objective on other data."""
        return self._handed_on(replace(self, points=points, weights=weights, observations=effective_count(weights)))

    def take(self, rows: np.ndarray, weights: np.ndarray) -> GaussianEM:
        """The same objective on some of the rows."""
        return self.on(self.points[rows], weights)

    def _handed_on(self, other: E) -> E:
        """``other`` with what is of all the data, too: not computed again."""
        for name in ("units", "noise", "_frame", "_threads", *(("_spreads",) if self.prior else ())):
            other.__dict__[name] = getattr(self, name)
        return other

    @property
    def whole(self) -> bool:
        """Whether the rows are points: nothing of them is missing, and they have no noise of their own."""
        return True

    @cached_property
    def units(self) -> np.ndarray:
        """Variances that lengths are measured in: those of the data, none of them zero; their mean, if spherical."""
        each = proportionate(self.variances, self.center)
        return np.full_like(each, each.mean()) if self.model.spherical else each

    @cached_property
    def noise(self) -> np.ndarray:
        """Variances of the noise in the objective, (d,); a prior takes its place there, and starts keep it."""
        return self.reg * self.units

    @cached_property
    def _spreads(self) -> Spreads:
        """What a prior wants to know of all the data."""
        total, d = self.weights.sum(), self.points.shape[1]
        cov = np.zeros((d, d))
        for x, w in _chunks(self.points, self.weights):
            away = x.astype(np.float64) - self.center
            cov += (away.T * w) @ away / total
        rows = self.observations
        return Spreads(self.center, cov * (rows / (rows - 1) if rows > 1 else 1.0), self.noise, rows)

    def _prior_of(self, k: int) -> tuple[Any, ...] | None:
        """The prior for k components as the compiled loop wants it: in its units, for all the rows."""
        if self.prior is None:
            return None
        center, scale = self._frame
        numbers = self.prior.of(self._spreads, k, "spherical" if self.model.spherical else self.structure)
        matrix = numbers.scale / (np.outer(scale, scale) if self.dense else scale**2)
        mean = (numbers.mean - center) / scale
        return self._spreads.rows, numbers.shrinkage, numbers.dof, mean, np.ascontiguousarray(matrix).ravel()

    def from_labels(self, labels: np.ndarray, k: int) -> Parameters:
        """An M step whose responsibilities are zero and one, in the units of the data."""
        return self.out_of_kernel(self.on_labels(np.ascontiguousarray(labels, dtype=np.int64), k))

    def around(self, means: np.ndarray, weights: np.ndarray) -> Parameters:
        """Components at ``means`` (k, d), all of the covariance of the points about the nearest of them."""
        root = np.sqrt(self.units)
        labels = nearest((self.points - self.center) / root, (means - self.center) / root)
        away = self.points.astype(np.float64) - means[labels]
        share = self.weights / self.weights.sum()
        k, d = means.shape
        if self.dense:
            cov = (away * share[:, None]).T @ away + np.diag(self.noise)
            return Parameters(weights, means, np.tile(cov, (k, 1, 1)) if self.structure == "full" else cov)
        variances = share @ away**2 + self.noise
        variances = np.full(d, variances.mean()) if self.structure == "spherical" else variances
        return Parameters(weights, means, np.tile(variances, (k, 1)))

    def step(self, state: Parameters) -> EMStep:
        """The E step under ``state``, and the M step after it."""
        sums = self.sums(state)
        return EMStep(sums.objective / sums.weight, sums.mass / sums.weight, m_step(sums))

    def run(self, start: KernelState, limits: EMLimits, before: float = -np.inf) -> EMPath:
        """EM from ``start``, which follows a state of objective ``before``, in one compiled loop.

        The history begins with the objective of ``start``. Every second step is extrapolated where that pays
        (native/mixtures/em_run.hpp).
        """
        stops = (limits.max_passes, limits.tol, limits.least, before, limits.accelerated, self._threads)
        end, state, following, shares, history, component, noise_share = em_run(
            *self._rows, *start, *stops, limits.report, self._parts, self._prior_of(len(start.weights)), self._ahead
        )
        if end == "singular":
            raise collapsed(np.array([component]))
        if end == "not_finite":
            raise SolveError("the log-likelihood is not finite: data and covariances differ too much in scale")
        return EMPath(
            KernelState(*state), KernelState(*following), shares, history, float(history[-1]), end, noise_share
        )

    @property
    def _ahead(self) -> float:
        """Mass that the prior of the weights gives each component, in the unit of the lifted weights."""
        return (self.concentration - 1) * float(self._lifted.values.sum()) / self.observations

    @property
    def by_likelihood(self) -> bool:
        """Whether the objective is the likelihood, but for ``reg``."""
        return self.prior is None and self.concentration == 1

    @cached_property
    def _rows(self) -> tuple[Any, ...]:
        """Points, weights, center, units, noise and variances as the compiled loop wants them, and the structure."""
        center, scale = self._frame
        return (
            np.ascontiguousarray(self.points),
            self._lifted.values,
            center,
            1 / scale,
            (np.zeros_like(self.noise) if self.prior else self.noise) / scale**2,
            proportionate(self.variances, self.center) / scale**2,
            self.model.kernel,
        )

    @cached_property
    def _parts(self) -> tuple[Any, ...] | None:
        """What is seen of the rows, for the compiled loops; None where they are whole."""
        return None

    def on_labels(self, labels: np.ndarray, k: int) -> KernelState:
        """An M step whose responsibilities are zero and one."""
        return KernelState(*em_state_of_labels(*self._rows, labels, k, self._prior_of(k)))

    def into_kernel(self, state: Parameters) -> KernelState:
        """A state in the units of the compiled loop, its covariances the closest ones of the model."""
        center, scale = self._frame
        covs = state.covs / (np.outer(scale, scale) if self.dense else scale**2)
        plain = KernelState(state.weights, ((state.means - center) / scale).ravel(), covs.ravel())
        return plain if self.model.kernel == self.structure else KernelState(*em_into_model(*self._rows, *plain))

    def within(self, state: Parameters) -> Parameters:
        """The state of the model closest to ``state``: what its M step makes of these covariances."""
        return self.out_of_kernel(self.into_kernel(state))

    def out_of_kernel(self, state: KernelState) -> Parameters:
        """A state in the units of the data."""
        (weights, means, covs), k = state, len(state.weights)
        center, scale = self._frame
        d = len(scale)
        shape = {"full": (k, d, d), "tied": (d, d)}.get(self.structure, (k, d))
        units = np.outer(scale, scale) if self.dense else scale**2
        return Parameters(weights, center + means.reshape(k, d) * scale, covs.reshape(shape) * units)

    @cached_property
    def _threads(self) -> int:
        return thread_count()

    @property
    def dense(self) -> bool:
        """Whether covariances are matrices."""
        return self.structure in ("full", "tied")

    def sums(self, state: Parameters) -> Statistics:
        """What the E step under ``state`` leaves of the data."""
        return self._sums(state, self.noise)

    def log_likelihood(self, state: Parameters) -> float:
        """Mean log-density of the points: the objective without noise."""
        rows = (*self._rows[:4], np.zeros_like(self.noise), *self._rows[5:])
        stops = (0, 0.0, 0.0, -np.inf, False, self._threads)
        return float(em_run(*rows, *self.into_kernel(state), *stops, None, self._parts)[4][0])

    @cached_property
    def _lifted(self) -> Weights:
        unit = float(self.weights.mean()) or 1.0
        return Weights(np.ascontiguousarray(self.weights / unit), unit)

    @cached_property
    def _frame(self) -> Frame:
        return Frame.of(self.center, self.variances)

    def _sums(self, state: Parameters, noise: np.ndarray) -> Statistics:
        return e_step(state, self.points, self._lifted, self.structure, noise, self._frame)

    def state(self, mixture: Mixture) -> Parameters:
        """The parameters of ``mixture``."""
        return parameters_of(mixture, self.structure)

    def mixture(self, state: Parameters) -> Mixture:
        """The mixture of these parameters."""
        return mixture_of(state, self.structure)

    def log_joint(self, state: Parameters) -> np.ndarray:
        """Log of weight times density of every component at every point, (n, k)."""
        joint = em_state_log_joint(*self._rows, *self.into_kernel(state), self._threads)
        return log_joint(state, self.points, self.structure, self._frame) if joint is None else joint  # or says why not

    def exchanged(self, state: KernelState) -> KernelState | None:
        """A state of an M step after the few rows that gain most have changed their components, or None if none gains.

        A row pulls the component that it belongs to towards itself. Where components have few rows for their dimension
        that pull holds it there, and each assignment of such rows is a place where EM stands still
        (native/mixtures/exchanges.hpp).
        """
        found = exchange_rows(*self._rows, *state, self.observations) if self.model.free else None
        return None if found is None else KernelState(*found)

    def component(self, points: np.ndarray) -> Family:
        """One component fitted to ``points``."""
        local = self.on(points, np.ones(len(points)))
        return local.mixture(local.from_labels(np.zeros(len(points), dtype=np.int64), 1)).components

    def entropy(self, state: Parameters) -> float:
        """Mean entropy of the responsibilities, in nats."""
        total = 0.0
        for joint, w in self._joints(state):
            below = joint - joint.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(below).sum(axis=1))
            shares = np.exp(below - log_sum[:, None])
            terms = np.where(shares > 0, shares * (log_sum[:, None] - below), 0.0)
            total += float(w @ terms.sum(axis=1))
        return total / float(self.weights.sum())

    def _joints(self, state: Parameters) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What `log_joint` returns of some of the rows at a time, and their weights."""
        for x, w in _chunks(self.points, self.weights):
            yield log_joint(state, x, self.structure, self._frame), w

    def log_density(self, law: Family) -> np.ndarray:
        """Log-density of a single component at the rows, (n,)."""
        return law.log_prob(self.points.astype(np.float64))[:, 0]

    def free_parameters(self, k: int, rank: int | None = None) -> int:
        """How many numbers a fit of k components chooses, of rows that vary in ``rank`` directions (all, if None)."""
        r = self.points.shape[1] if rank is None else rank
        return k - 1 + k * r + self.model.free_parameters(k, r)

    def few_rows(self, shares: np.ndarray) -> str:
        """Why the rows do not determine some component's covariance, in words; empty where they, or a prior, do."""
        if self.prior is not None:
            return ""
        return self.model.few_rows(shares * self.observations, self.points.shape[1])

    @property
    def rounding(self) -> float:
        """The variance, relative to that of the data, that is none."""
        return _ROUNDING * float(np.finfo(self.points.dtype).eps)

    def spread(self, state: Parameters) -> Spread:
        """In how many directions the rows vary by more than ``reg``, and how many components vary in all of them.

        Whatever a covariance holds below ``reg`` is noise that was added to it: a component at that floor is as likely
        as the noise makes it. The rows' own covariance is that of the mixture, which an M step leaves as it was.
        """
        weights, means, covs = state
        floor = max(self.reg, self.rounding)
        root = np.sqrt(self.units)
        away = (means - self.center) / root
        if self.structure in ("diagonal", "spherical"):
            scatter = covs / self.units - self.reg
            varied = (weights @ (scatter + away**2)) > floor
            low = (scatter[:, varied] <= floor).any(axis=1) & (self.prior is None)
            return Spread(int(varied.sum()), int(low.sum()))
        scatter = (covs / np.outer(root, root)).reshape(-1, len(root), len(root)) - self.reg * np.eye(len(root))
        shares = weights if len(scatter) > 1 or len(weights) == 1 else np.ones(1)
        values, vectors = np.linalg.eigh(np.einsum("k,kij->ij", shares, scatter) + (away.T * weights) @ away)
        inner = vectors[:, values > floor]
        if not inner.shape[1] or self.prior is not None:  # with a prior, none is determined by reg
            return Spread(inner.shape[1], 0)
        low = np.linalg.eigvalsh(inner.T @ scatter @ inner)[:, 0] <= floor
        return Spread(inner.shape[1], int(low.sum()) if self.structure == "full" else len(weights) * int(low[0]))

    def standard(self, state: Parameters | None = None) -> np.ndarray:
        """The points in units in which Euclidean distances are fair, float64.

        ``state`` is the mixture that says what to expect of rows that are not whole.
        """
        return (self.points - self.center) / np.sqrt(self.units)


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
