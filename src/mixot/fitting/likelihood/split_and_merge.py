"""Moves that a run of EM cannot make by itself: one component becomes two, two become one.

EM climbs from where it is. Where two components share one cluster and one covers two, no short way leads up. After
Ueda, Nakano, Ghahramani and Hinton (Neural Computation 12, 2000), a pair is merged and a third component split, and EM
decides. Which split pays is found by EM itself, with two components on the rows of one; which pair costs least by the
bound of Runnalls (IEEE Trans. Aerospace and Electronic Systems 43, 2007). Neither knows the axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixot.errors import SolveError
from mixot.fitting.likelihood.gaussian_em import EMLimits, EMPath, GaussianEM
from mixot.fitting.likelihood.statistics import Parameters

_PASSES = 5  # of the EM with two components
_LIGHT, _HEAVY = 0.95, 1.05  # kurtosis, relative to that of a Gaussian law, of light and of heavy tails
_LEAST_SHARE = 1e-3  # of a row that counts
_LEAST_ROWS = 2  # rows, in units of what determines a covariance, below which a component is not split


class Split(NamedTuple):
    """Two components for one, and by how much they raise the mean log-likelihood of all rows, on their own."""

    component: int
    gain: float
    halves: Parameters


def splits(em: GaussianEM, state: Parameters) -> list[Split]:
    """The best split of each component that has rows enough, largest gain first."""
    joint = em.log_joint(state)
    joint -= joint.max(axis=1, keepdims=True)
    shares = np.exp(joint, out=joint)
    shares *= (em.weights / shares.sum(axis=1))[:, None]
    standard, total, found = em.standard(), float(em.weights.sum()), []
    for j in range(len(state.weights)):
        rows = np.flatnonzero(shares[:, j] > _LEAST_SHARE * em.weights)
        if len(rows) < 2 * _LEAST_ROWS * (em.points.shape[1] + 1):
            continue
        weights = shares[rows, j]
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
    best: EMPath | None = None
    for labels in _cuts(z @ (axes / np.sqrt(np.maximum(values, 1e-12 * values.max()))), share, own.dense):
        if min(np.bincount(labels, minlength=2)) <= d:
            continue
        try:
            path = own.run(own.on_labels(labels, 2), EMLimits(_PASSES, 0.0))
        except SolveError:  # without reg a half may collapse
            continue
        best = path if best is None or path.objective > best.objective else best
    if best is None:
        return None
    # one component has the rows' covariance and the noise, in which its own objective is known
    variances = values + own.reg if own.structure != "spherical" else np.full(d, values.mean() + own.reg)
    level = -0.5 * (d * np.log(2 * np.pi) + d + np.log(np.maximum(variances, 1e-300)).sum() + np.log(own.units).sum())
    return best.objective - float(level), own.out_of_kernel(best.following)


def _cuts(y: np.ndarray, share: np.ndarray, dense: bool) -> list[np.ndarray]:
    """Halves along the axis of lowest kurtosis, where clusters lie apart; core and rest where tails are heavy."""
    d, square = y.shape[1], (y * y).sum(axis=1)
    fourth = (y * (square * share)[:, None]).T @ y / (d + 2)  # the identity for a Gaussian law
    if dense:
        kurtosis, axes = np.linalg.eigh(fourth)
    else:
        kurtosis, axes = np.diagonal(fourth), np.eye(d)
    at = int(kurtosis.argmin())
    cuts = [y @ axes[:, at] > 0] if kurtosis[at] < _LIGHT or np.trace(fourth) < d * _HEAVY else []
    if np.trace(fourth) > d * _HEAVY:
        cuts.append(square > d)
    return [np.ascontiguousarray(cut, dtype=np.int64) for cut in cuts]


def merges(state: Parameters) -> list[tuple[int, int, float]]:
    """All pairs of components with Runnalls' bound on what their merger loses per row; full covariances."""
    weights, means, covs = state
    i, j = np.tril_indices(len(weights), -1)
    both = np.maximum(weights[i] + weights[j], 1e-300)
    a, b = (weights[i] / both)[:, None, None], (weights[j] / both)[:, None, None]
    away = means[i] - means[j]
    merged = a * covs[i] + b * covs[j] + a * b * away[:, :, None] * away[:, None, :]
    log_det = np.linalg.slogdet(covs)[1]
    costs = both * np.linalg.slogdet(merged)[1] - weights[i] * log_det[i] - weights[j] * log_det[j]
    return list(zip(i.tolist(), j.tolist(), (costs / 2).tolist(), strict=True))


def _merged(state: Parameters, i: int, j: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Weight, mean and covariance of two components taken as one."""
    weights, means, covs = state
    both = float(weights[i] + weights[j]) or 1.0
    a, b = weights[i] / both, weights[j] / both
    away = means[i] - means[j]
    return both, a * means[i] + b * means[j], a * covs[i] + b * covs[j] + a * b * np.outer(away, away)


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
    weight, mean, cov = _merged(state, i, j)
    keep = np.ones(len(state.weights), dtype=bool)
    keep[[i, j]] = False
    return Parameters(
        np.append(state.weights[keep], weight),
        np.concatenate([state.means[keep], mean[None]]),
        np.concatenate([state.covs[keep], cov[None]]),
    )


def moves(em: GaussianEM, state: Parameters, count: int) -> list[Parameters]:
    """Starts of as many components as ``state``, the most promising first: one split, two of the others merged."""
    if em.structure != "full" or len(state.weights) < 3:
        return []
    pairs, found = sorted(merges(state), key=lambda pair: pair[2]), splits(em, state)
    apart = [[(split, i, j) for i, j, _ in pairs if split.component not in (i, j)] for split in found]
    promised = [move for each in apart for move in each[:2]]
    return [_moved(em, state, *move) for move in promised[:count]]


def _moved(em: GaussianEM, state: Parameters, split: Split, i: int, j: int) -> Parameters:
    whole = with_split(em, state, split)
    places = [at for at in range(len(state.weights)) if at != split.component]
    return with_merge(whole, places.index(i), places.index(j))
