"""Components that become two, and pairs that become one: what a run of EM cannot do by itself.

Which split of a component pays is found by EM, with two components on the rows of one; which pair costs least by the
bound of Runnalls (IEEE Trans. Aerospace and Electronic Systems 43, 2007). Neither knows the axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixot._native import component_splits
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.threads import thread_count

_PASSES = 5  # of the EM with two components


class Split(NamedTuple):
    """Two components for one, and by how much they raise the mean log-likelihood of all rows, on their own."""

    component: int
    gain: float
    halves: Parameters


def splits(em: GaussianEM, state: Parameters, shares: np.ndarray) -> list[Split]:
    """The best split of each component that has rows enough, largest gain first; responsibilities ``shares`` (n, k)."""
    d, root = em.points.shape[1], np.sqrt(em.units)
    rows = (np.ascontiguousarray(em.standard(state)), np.ascontiguousarray(em.weights, dtype=np.float64))
    gains, weights, means, covs = component_splits(*rows, shares, em.reg, em.structure, _PASSES, thread_count())
    shape = {"full": (2, d, d), "tied": (d, d)}.get(em.structure, (2, d))
    units = np.outer(root, root) if em.dense else em.units
    return [
        Split(
            j,
            float(gains[j]),
            Parameters(weights[j], em.center + means[j] * root, covs[j].reshape(shape) * units),
        )
        for j in np.argsort(-gains, kind="stable").tolist()
        if np.isfinite(gains[j])
    ]


def merges(state: Parameters) -> list[tuple[int, int, float]]:
    """All pairs of components with Runnalls' bound on what their merger loses per row; full covariances."""
    i, j = np.tril_indices(len(state.weights), -1)
    log_det = np.linalg.slogdet(state.covs)[1]
    weight, _, cov = merged(state, i, j)
    costs = weight * np.linalg.slogdet(cov)[1] - state.weights[i] * log_det[i] - state.weights[j] * log_det[j]
    return list(zip(i.tolist(), j.tolist(), (costs / 2).tolist(), strict=True))


def merged(state: Parameters, i: np.ndarray, j: np.ndarray) -> Parameters:
    """Weights, means and covariances of pairs of components, each taken as one."""
    weights, means, covs = state
    both = np.maximum(weights[i] + weights[j], 1e-300)
    a, b = weights[i] / both, weights[j] / both
    away = means[i] - means[j]
    spread = (a * b)[:, None, None] * away[:, :, None] * away[:, None, :]
    return Parameters(
        both,
        a[:, None] * means[i] + b[:, None] * means[j],
        a[:, None, None] * covs[i] + b[:, None, None] * covs[j] + spread,
    )


def with_split(em: GaussianEM, state: Parameters, split: Split) -> Parameters:
    """``state`` with one component more; a covariance that all share stays as it is."""
    j, halves = split.component, split.halves
    keep = np.arange(len(state.weights)) != j
    return Parameters(
        np.concatenate([state.weights[keep], state.weights[j] * halves.weights]),
        np.concatenate([state.means[keep], halves.means]),
        state.covs if em.structure == "tied" else np.concatenate([state.covs[keep], halves.covs]),
    )


def with_merge(state: Parameters, i: int, j: int) -> Parameters:
    """``state`` with one component less, of the same mean and covariance."""
    one = merged(state, np.array([i]), np.array([j]))
    keep = np.ones(len(state.weights), dtype=bool)
    keep[[i, j]] = False
    return Parameters(*(np.concatenate([each[keep], new]) for each, new in zip(state, one, strict=True)))
