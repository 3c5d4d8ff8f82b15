"""Fewer rows for the starts, and how many rows differ."""

from __future__ import annotations

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM


def thinned(em: GaussianEM, size: int, k: int, rng: np.random.Generator) -> GaussianEM:
    """EM on ``size`` rows drawn by weight (once a row, with its count), or on all where they are fewer."""
    n, weights = len(em.points), em.weights
    if n <= size:
        return em
    if weights.min() == weights.max():
        rows = np.sort(rng.choice(n, size, replace=False))
        counts = np.ones(size)
    else:
        rows, counts = np.unique(rng.choice(n, size, p=weights / weights.sum()), return_counts=True)
    thin = em.take(rows, counts.astype(np.float64))
    return thin if distinct_rows(thin.points, k) == k else em


def distinct_rows(points: np.ndarray, enough: int) -> int:
    """Number of distinct rows, counted up to ``enough``."""
    size = 4 * enough
    while True:
        count = len(np.unique(points[:size], axis=0))
        if count >= enough or size >= len(points):
            return min(count, enough)
        size *= 8
