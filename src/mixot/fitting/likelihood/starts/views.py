"""Coordinates in which k-means looks for clusters before EM does.

Clusters of one shape are round in one system of coordinates, those of another in another, and no single one is best on
all data. A Gaussian mixture itself knows no axes: an affine image of the data has the image of the mixture. So beside
the data's own coordinates stand systems that an affine map of the data leaves as they are, but for a rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.starts.k_means import kmeans_labels, lloyd

_FLAT = 1e-10  # variance, relative to the largest, of directions in which the rows do not vary
_ROUNDS = 2  # times that the scatter within the clusters becomes the unit of length
_LLOYD = 7  # iterations of k-means: a start need not be at rest


class Views:
    """The coordinates for one data set, each computed when it is first asked for.

    *Whitened* coordinates have the identity as covariance. Their axes of extreme kurtosis are the eigenvectors of
    ``E |y|^2 y y'``: clusters apart make it small along the axis that separates them, heavy tails make it large
    (invariant coordinates of Tyler, Critchley, Duembgen and Oja, J. R. Statist. Soc. B 71, 2009).
    """

    def __init__(self, em: GaussianEM) -> None:
        self.em = em

    def labels(self, start: int, k: int, rng: np.random.Generator) -> np.ndarray:
        """Clusters of the rows, (n,), for start number ``start``: the views take turns."""
        turns: tuple[Callable[[int], np.ndarray], ...] = (lambda k: self.standard, self._plain)
        if self.em.points.shape[1] > 1:
            turns = (turns[0], self._white, self._one_axis, self._light_tails, self._axes, turns[1], self._within(rng))
        points = turns[start % len(turns)](k)
        return kmeans_labels(points, self.em.weights, k, rng, max_iter=_LLOYD)

    @cached_property
    def standard(self) -> np.ndarray:
        """Each column over its standard deviation."""
        return self.em.standard()

    def _plain(self, k: int) -> np.ndarray:
        return self.em.points - self.em.center

    @cached_property
    def _invariant(self) -> tuple[np.ndarray, np.ndarray]:
        """Whitened points along the axes of kurtosis, lowest first, and these kurtoses, one where Gaussian."""
        y = whitened(self.standard, self.em.weights)
        square, share = (y * y).sum(axis=1), self.em.weights / self.em.weights.sum()
        kurtosis, axes = np.linalg.eigh((y * (square * share)[:, None]).T @ y / (y.shape[1] + 2))
        return y @ axes, kurtosis

    def _white(self, k: int) -> np.ndarray:
        return self._invariant[0]

    def _one_axis(self, k: int) -> np.ndarray:
        return self._invariant[0][:, :1]

    def _axes(self, k: int) -> np.ndarray:
        """As many axes as separate k means."""
        return self._invariant[0][:, : max(k - 1, 1)]

    def _light_tails(self, k: int) -> np.ndarray:
        """Axes of heavy tails shortened, those along which the rows fall apart stretched."""
        y, kurtosis = self._invariant
        return y / np.maximum(kurtosis, _FLAT)

    def _within(self, rng: np.random.Generator) -> Callable[[int], np.ndarray]:
        """Coordinates in which the scatter within the clusters is the identity, k-means after k-means."""

        def view(k: int) -> np.ndarray:
            weights, y = self.em.weights, self._invariant[0]
            labels = kmeans_labels(y, weights, k, rng, max_iter=_LLOYD // 2)
            for _ in range(_ROUNDS):
                centers = _means(y, weights, labels, k)
                y = whitened(y, weights, y - centers[labels])
                labels = lloyd(y, weights, _means(y, weights, labels, k), max_iter=_LLOYD // 2).labels
            return y

        return view


def whitened(points: np.ndarray, weights: np.ndarray, residuals: np.ndarray | None = None) -> np.ndarray:
    """Points in coordinates in which ``residuals`` (points less their mean, where not given) have covariance one.

    (n, d) -> (n, rank): directions without residuals are left out, unless all are.
    """
    share = weights / weights.sum()
    z = points - share @ points if residuals is None else residuals
    values, vectors = np.linalg.eigh((z * share[:, None]).T @ z)
    seen = values > _FLAT * values[-1]
    if not seen.any():
        return points
    return points @ (vectors[:, seen] / np.sqrt(values[seen]))


def _means(points: np.ndarray, weights: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Weighted mean of each cluster, (k, d)."""
    one_hot = (labels == np.arange(k)[:, None]) * weights
    return (one_hot @ points) / np.maximum(one_hot.sum(axis=1, keepdims=True), 1e-300)
