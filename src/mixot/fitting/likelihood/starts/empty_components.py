"""Reseeding of empty components: a component that holds no data is sent where the mixture explains them worst."""

from __future__ import annotations

import numpy as np

from mixot.families.base import Family
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.starts.k_means import kmeans_labels, squared_distances
from mixot.mixture import Mixture

_ROWS = 2048  # a look at so many rows decides
_PLACES = 8


def reseed(em: GaussianEM, state: Parameters, empty: np.ndarray, rng: np.random.Generator) -> Parameters:
    """Return ``state`` with each component of ``empty`` (k,) fitted to a neighbourhood of low density, if that helps.

    A new law q with a small weight raises the likelihood of the mixture p exactly where the mean of q / p over the
    data is above one (Lindsay 1983); of several places the one where it is largest is taken, and its weight maximises
    the likelihood with all else fixed, a concave problem in one number. Without such a place the component stays as
    it is. Components that share a covariance start over from k-means instead: theirs is too wide for a neighbourhood.
    """
    size = min(_ROWS, len(em.points))
    rows = rng.choice(len(em.points), size, replace=False, p=em.weights / em.weights.sum())
    few = em.take(rows, np.ones(size))
    if em.structure == "tied":
        k = len(state.weights)
        if len(np.unique(few.points, axis=0)) < k:
            return state
        return few.from_labels(kmeans_labels(few.standard(), few.weights, k, rng), k)
    joint = few.log_joint(state)
    joint[:, empty] = -np.inf
    log_p = np.logaddexp.reduce(joint, axis=1)
    mixture = em.mixture(state)
    weights, components = mixture.weights.copy(), mixture.components
    for j in np.flatnonzero(empty):
        law, log_q = _best_place(few, log_p, len(weights), rng)
        weight = _best_weight(log_q - log_p)
        if weight <= 0:
            break
        weights[j] = 0.0
        weights *= (1 - weight) / weights.sum()
        weights[j] = weight
        order = np.arange(len(weights))
        order[j] = len(weights)
        components = components.append(law).take(order)
        log_p = np.logaddexp(np.log1p(-weight) + log_p, np.log(weight) + log_q)
    return em.state(Mixture(weights, components))


def _best_place(few: GaussianEM, log_p: np.ndarray, k: int, rng: np.random.Generator) -> tuple[Family, np.ndarray]:
    """A law fitted to the neighbours of one row, and its log-density at all: the best of badly explained rows."""
    n, d = few.points.shape
    worst = np.argsort(log_p)[: _PLACES // 2]
    places = np.concatenate([worst, rng.choice(n, min(n, _PLACES // 2), replace=False)])
    units = few.standard()
    near = np.argsort(squared_distances(units[places], units), axis=1)[:, : max(2 * (d + 1), n // (4 * k))]
    laws = [few.component(few.points[rows]) for rows in near]
    log_q = [few.log_density(law) for law in laws]
    best = int(np.argmax([np.logaddexp.reduce(each - log_p) for each in log_q]))
    return laws[best], log_q[best]


def _best_weight(log_ratio: np.ndarray) -> float:
    """The e in [0, 1) that maximises the mean of log(1 - e + e exp(log_ratio)), by EM on that one number."""
    if np.logaddexp.reduce(log_ratio) <= np.log(len(log_ratio)):
        return 0.0
    ratio = np.exp(np.minimum(log_ratio, 300.0))
    weight = 1 / len(ratio)
    for _ in range(50):
        weight = float(np.mean(weight * ratio / (1 - weight + weight * ratio)))
    return min(weight, 0.5)
