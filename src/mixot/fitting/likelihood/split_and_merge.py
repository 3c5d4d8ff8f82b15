"""Components that become two, and pairs that become one: what a run of EM cannot do by itself.

Which split of a component pays is found by EM, with two components on the rows of one; which pair costs least by the
bound of Runnalls (IEEE Trans. Aerospace and Electronic Systems 43, 2007). Neither knows the axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixot.errors import SolveError
from mixot.fitting.likelihood.gaussian_em import EMLimits, GaussianEM
from mixot.fitting.likelihood.statistics import Parameters

_PASSES = 5  # of the EM with two components
_HEAVY = 1.05  # kurtosis, relative to that of a Gaussian law, of heavy tails
_PURSUIT = 6  # steps towards an axis of low kurtosis
_BLUR = 1e-6  # variance added to halves
_LEAST_SHARE = 1e-3  # of a row that counts
_LEAST_ROWS = 2  # rows, in units of what determines a covariance, below which a component is not split


class Split(NamedTuple):
    """Two components for one, and by how much they raise the mean log-likelihood of all rows, on their own."""

    component: int
    gain: float
    halves: Parameters


def splits(em: GaussianEM, state: Parameters, shares: np.ndarray) -> list[Split]:
    """The best split of each component that has rows enough, largest gain first; responsibilities ``shares`` (n, k)."""
    standard, total, found = em.standard(), float(em.weights.sum()), []
    for j in range(len(state.weights)):
        rows = np.flatnonzero(shares[:, j] > _LEAST_SHARE)
        if len(rows) < 2 * _LEAST_ROWS * (em.points.shape[1] + 1):
            continue
        weights = shares[rows, j] * em.weights[rows]
        halves = _halves(em.on(em.points[rows], weights), standard[rows])
        if halves is not None:
            found.append(Split(j, halves[0] * float(weights.sum()) / total, halves[1]))
    return sorted(found, key=lambda each: -each.gain)


def _halves(own: GaussianEM, standard: np.ndarray) -> tuple[float, Parameters] | None:
    """The best two components for rows that one describes, by their gain per row, over a few ways to cut them."""
    share, d = own.weights / own.weights.sum(), standard.shape[1]
    z = standard - share @ standard
    cov = (z * share[:, None]).T @ z
    if not np.trace(cov) > 0:  # one point, many times
        return None
    values, axes = np.linalg.eigh(cov) if own.dense else (np.diagonal(cov), np.eye(d))
    y = z @ (axes / np.sqrt(np.maximum(values, 1e-12 * values.max())))
    labels = _best_cut(y, share, own.dense)
    if labels is None:
        return None
    try:
        best = own.run(own.on_labels(labels, 2), EMLimits(_PASSES, 0.0))
    except SolveError:  # without reg a half may collapse
        return None
    # one component has the rows' covariance and the noise, in which its own objective is known
    variances = values + own.reg if own.structure != "spherical" else np.full(d, values.mean() + own.reg)
    level = -0.5 * (d * np.log(2 * np.pi) + d + np.log(np.maximum(variances, 1e-300)).sum() + np.log(own.units).sum())
    return best.objective - float(level), own.out_of_kernel(best.following)


def _best_cut(y: np.ndarray, share: np.ndarray, dense: bool) -> np.ndarray | None:
    """Two halves, of rows whose covariance is the identity, as labels: of several ones those that are most likely."""
    d, best, top = y.shape[1], None, -np.inf
    for cut in _cuts(y, share, dense):
        level = 0.0
        for side in (cut, ~cut):
            mass = float(share[side].sum())
            if int(side.sum()) <= d or not mass > 0:
                level = -np.inf
                break
            part = share[side] / mass
            z = y[side] - part @ y[side]
            log_det = (
                np.linalg.slogdet((z * part[:, None]).T @ z + _BLUR * np.eye(d))[1]
                if dense
                else np.log(part @ (z * z) + _BLUR).sum()
            )
            level += mass * (np.log(mass) - log_det / 2)
        if level > top:
            best, top = cut, level
    return None if best is None else best.astype(np.int64)


def _cuts(y: np.ndarray, share: np.ndarray, dense: bool) -> list[np.ndarray]:
    """Core and rest where tails are heavy; halves along axes of low kurtosis, where clusters lie apart.

    These are the eigenvector of ``E |y|^2 y y'`` of the lowest eigenvalue and, from there and from the axis of skewness
    ``E |y|^2 y``, where the fixed point iteration of Hyvarinen (IEEE Trans. Neural Networks 10, 1999) leads.
    """
    d, square = y.shape[1], (y * y).sum(axis=1)
    fourth = (y * (square * share)[:, None]).T @ y / (d + 2)  # the identity for a Gaussian law
    cuts = [square > d] if np.trace(fourth) > d * _HEAVY else []
    if not dense or d == 1:
        return [y[:, int(np.diagonal(fourth).argmin())] > 0, *cuts]
    axes = np.column_stack([np.linalg.eigh(fourth)[1][:, 0], (square * share) @ y])
    axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-300)
    sides = [y @ axes]
    for _ in range(_PURSUIT):
        along = y @ axes
        axes = 3 * axes - y.T @ (share[:, None] * along**3)
        axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-300)
    sides.append(y @ axes)
    return [*(np.concatenate(sides, axis=1) > 0).T, *cuts]


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
