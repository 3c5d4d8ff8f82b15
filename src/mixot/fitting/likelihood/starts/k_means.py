"""k-means on weighted points: where EM starts, and where Lloyd's iteration leads from given centers.

Written here because scipy's k-means knows no weights and scikit-learn's costs more than a second of import.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixot._native import lloyd as native_lloyd
from mixot._native import spread_out
from mixot._shapes import Float, Int


class Clusters(NamedTuple):
    """Where k-means ended: the cluster of each point (n,), the centers (k, d), and the iterations it took."""

    labels: np.ndarray
    centers: np.ndarray
    iterations: int


def kmeans_labels(
    points: Float[np.ndarray, "n d"],
    weights: Float[np.ndarray, " n"],
    k: int,
    rng: np.random.Generator,
    *,
    max_iter: int = 20,
    candidates: int | None = None,
) -> Int[np.ndarray, " n"]:
    """Return the cluster of each point, 0 .. k - 1, by Lloyd's iteration from a k-means++ start.

    (n, d), (n,) -> (n,). Where there are k distinct points of positive weight, no cluster comes out empty.

    Parameters
    ----------
    points, weights : (n, d), (n,)
        Finite, and not negative.
    k : int
        Number of clusters.
    rng : Generator
        What draws the start.
    max_iter : int
        Iterations of Lloyd's at most.
    candidates : int, optional
        How many points are drawn for each center of the start, of which the best is taken: ``2 + log k`` where not
        given, 1 for plain k-means++.

    References
    ----------
    Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007; the greedy choice among
    2 + log k candidates is theirs too (section 5).
    """
    start = _spread_out(points, weights, k, rng, 2 + int(np.log(k)) if candidates is None else candidates)
    return lloyd(points, weights, start, max_iter=max_iter).labels


def lloyd(
    points: Float[np.ndarray, "n d"],
    weights: Float[np.ndarray, " n"],
    centers: Float[np.ndarray, "k d"],
    *,
    max_iter: int,
) -> Clusters:
    """Return what Lloyd's iteration makes of given centers.

    A cluster that comes out empty gets the point that pays most, as long as some cluster has two points.
    """
    moved, labels = np.array(centers, dtype=np.float64), np.empty(len(points), dtype=np.int64)
    iterations = native_lloyd(_plain(points), _plain(weights), moved, max_iter, labels)
    return Clusters(labels, moved, iterations)


def squared_distances(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "n k"]:
    """|x_i - y_j|^2, not negative, by one matrix product."""
    cost = x @ (-2 * y.T)
    cost += (x * x).sum(axis=1)[:, None]
    cost += (y * y).sum(axis=1)
    return np.maximum(cost, 0.0, out=cost)


def _spread_out(
    points: np.ndarray, weights: np.ndarray, k: int, rng: np.random.Generator, candidates: int
) -> np.ndarray:
    """Draw k of the points, each drawn with probability weight times squared distance to those already chosen."""
    first = int(rng.choice(len(points), p=weights / weights.sum()))
    chosen = np.empty(k, dtype=np.int64)
    spread_out(_plain(points), _plain(weights), first, rng.random((k - 1, candidates)), chosen)
    return points[chosen]


def _plain(array: np.ndarray) -> np.ndarray:
    """What the compiled loops read."""
    return np.ascontiguousarray(array, dtype=np.float64)
