"""The E and M steps of Gaussian mixtures on rows that are seen in part, or with noise of known covariance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mixot._native import em_state_log_joint
from mixot.errors import UnsupportedError
from mixot.families.base import Family
from mixot.fitting.likelihood.gaussian.covariance_models import CovarianceModel
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import EMLimits, KernelState
from mixot.fitting.likelihood.gaussian.statistics import Parameters, Statistics, collapsed
from mixot.fitting.likelihood.incomplete.expected_rows import expected_rows, left_unknown
from mixot.fitting.likelihood.incomplete.groups import Groups, grouped
from mixot.formulas.weights import effective_count
from mixot.mixture import Mixture

_ROWS = 20_000  # that the law of one component, from which the starts come, is fitted to
_PASSES, _TOL = 100, 1e-4  # of that fit
_REG = 1e-6  # what keeps that law from being flat


@dataclass(frozen=True, eq=False, kw_only=True)
class IncompleteEM(GaussianEM):
    """EM on what was observed of each row: the likelihood of these coordinates, noise and all.

    ``values`` (n, d), NaN where missing, stand in the order of ``groups``. ``points`` are what one Gaussian law,
    ``law``, expects of the rows: it is fitted to what was observed, like everything here. Starts look at them, and
    whatever else proposes where EM should go; EM itself never does.
    """

    values: np.ndarray
    groups: Groups
    law: tuple[np.ndarray, np.ndarray] | None
    columns: tuple[str, ...] | None = None  # for notes

    @classmethod
    def of_rows(
        cls,
        values: np.ndarray,
        weights: np.ndarray,
        structure: str,
        reg: float,
        observations: float | None = None,
        noise: np.ndarray | None = None,
    ) -> IncompleteEM:
        """EM on all the data; ``noise`` as `grouped` takes it."""
        order, groups = grouped(~np.isnan(values), noise)
        values, weights = np.ascontiguousarray(values[order], dtype=np.float64), weights[order]  # what kernels read
        center, variances = _center_and_variances(values, weights)
        count = effective_count(weights) if observations is None else observations
        filled = np.where(np.isnan(values), center, values)
        model = CovarianceModel.of(structure)
        own: dict[str, Any] = {"values": values, "groups": groups, "law": None}
        em = cls(filled, weights, model.stored, reg, center, variances, count, model, **own)
        law = em._one_law()
        return replace(em, points=expected_rows(values, groups, *law), law=law)

    def _one_law(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the law of these rows, or of some of them where they are many."""
        step = -(-len(self.values) // _ROWS)
        rows = np.arange(0, len(self.values), step)
        model = CovarianceModel.of("full" if self.dense else "spherical" if self.model.spherical else "diagonal")
        own = {"structure": model.stored, "model": model, "reg": max(self.reg, _REG)}
        thin = replace(self, **self._of(rows), weights=self.weights[rows], **own)
        start = Parameters(np.ones(1), self.center[None], np.diag(thin.units)[None] if self.dense else thin.units[None])
        end = thin.out_of_kernel(thin.run(thin.into_kernel(start), EMLimits(_PASSES, _TOL)).following)
        return end.means[0], end.covs[0] if self.dense else np.diag(end.covs[0])

    def _matrix(self, state: Parameters, j: int) -> np.ndarray:
        """The covariance of one component."""
        cov = state.covs if self.structure == "tied" else state.covs[j]
        return cov if self.dense else np.diag(cov)

    @property
    def whole(self) -> bool:
        return False

    @cached_property
    def _rows(self) -> tuple[Any, ...]:
        return (np.nan_to_num(self.values), *super()._rows[1:])

    @cached_property
    def _parts(self) -> tuple[Any, ...] | None:
        return self.groups.native(self._frame.scale)

    def take(self, rows: np.ndarray, weights: np.ndarray) -> IncompleteEM:
        order = np.argsort(rows, kind="stable")
        rows, weights = rows[order], weights[order]
        count = effective_count(weights)
        return self._handed_on(replace(self, **self._of(rows), weights=weights, observations=count))

    def _of(self, rows: np.ndarray) -> dict[str, Any]:
        return {"points": self.points[rows], "values": self.values[rows], "groups": self.groups.take(rows)}

    def on(self, points: np.ndarray, weights: np.ndarray) -> GaussianEM:
        """EM on complete points, in the units of these."""
        count = effective_count(weights)
        own = (self.structure, self.reg, self.center, self.variances)
        return self._handed_on(GaussianEM(points, weights, *own, count, self.model))

    def on_labels(self, labels: np.ndarray, k: int) -> KernelState:
        """An M step whose responsibilities are zero and one, of the conditional laws under ``law``."""
        state = self.out_of_kernel(self.on(self.points, self.weights).on_labels(labels, k))
        assert self.law is not None
        left = left_unknown(self.groups, self.law[1])
        share = np.zeros((len(self.groups), k))
        np.add.at(share, (self.groups.owner, labels), self.weights / self.weights.sum())
        more = np.einsum("gk,gij->kij", share, left)
        if self.structure == "tied":
            return self.into_kernel(state._replace(covs=state.covs + more.sum(axis=0)))
        mass = share.sum(axis=0)
        more = more / np.where(mass > 0, mass, 1.0)[:, None, None]
        if self.structure == "full":
            return self.into_kernel(state._replace(covs=state.covs + more))
        diagonal = np.diagonal(more, axis1=1, axis2=2)
        if self.model.spherical:
            diagonal = np.repeat(diagonal.mean(axis=1, keepdims=True), diagonal.shape[1], axis=1)
        return self.into_kernel(state._replace(covs=state.covs + diagonal))

    def sums(self, state: Parameters) -> Statistics:
        raise UnsupportedError("sums that add up over chunks are for complete rows without noise")

    def log_joint(self, state: Parameters) -> np.ndarray:
        """Log of weight times density of what is seen of every row, of every component, (n, k)."""
        joint = em_state_log_joint(*self._rows, *self.into_kernel(state), self._threads, self._parts)
        if joint is None:
            raise collapsed(np.arange(len(state.weights)))
        return joint

    def _joints(self, state: Parameters) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield self.log_joint(state), self.weights

    def log_density(self, law: Family) -> np.ndarray:
        return self.log_joint(self.state(Mixture([1.0], law)))[:, 0]

    def exchanged(self, state: KernelState) -> KernelState | None:
        return None

    def standard(self, state: Parameters | None = None) -> np.ndarray:
        """What ``state`` expects of the rows, or ``law``, in units in which Euclidean distances are fair."""
        if state is None:
            return super().standard()
        joint = self.log_joint(state)
        shares = np.exp(joint - joint.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        points = np.zeros_like(self.values)
        for j in range(len(state.weights)):
            points += shares[:, j, None] * expected_rows(
                self.values, self.groups, state.means[j], self._matrix(state, j)
            )
        return (points - self.center) / np.sqrt(self.units)

    def seen(self, state: Parameters) -> np.ndarray:
        """How many rows of each component show each coordinate, (k, d), in observations."""
        joint = self.log_joint(state)
        shares = np.exp(joint - joint.max(axis=1, keepdims=True))
        shares *= (self.weights / self.weights.sum() * self.observations / shares.sum(axis=1))[:, None]
        return shares.T @ ~np.isnan(self.values)


def _center_and_variances(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variances of what was observed of each column, (d,) twice."""
    there = ~np.isnan(values)
    mass = weights @ there
    lowest, highest = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    constant = lowest == highest
    center = np.where(constant, lowest, weights @ np.where(there, values, 0.0) / mass)
    variances = weights @ np.where(there, values - center, 0.0) ** 2 / mass
    return center, np.where(constant, 0.0, variances)
