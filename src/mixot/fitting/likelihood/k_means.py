"""Where EM starts: k-means on weighted points.

Written here because scipy's k-means knows no weights and scikit-learn's costs more than a second of import.
"""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float, Int


def kmeans_labels(
    points: Float[np.ndarray, "n d"],
    weights: Float[np.ndarray, " n"],
    k: int,
    rng: np.random.Generator,
    *,
    max_iter: int = 20,
) -> Int[np.ndarray, " n"]:
    """Return the cluster of each point, 0 .. k - 1, by Lloyd's iteration from a greedy k-means++ start.

    (n, d), (n,) -> (n,). There must be k distinct points of positive weight; then no cluster comes out empty.

    References
    ----------
    Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007; the greedy choice among
    2 + log k candidates is theirs too (section 5).
    """
    return lloyd(points, weights, _spread_out(points, weights, k, rng), max_iter=max_iter)[0]


def lloyd(
    points: Float[np.ndarray, "n d"],
    weights: Float[np.ndarray, " n"],
    centers: Float[np.ndarray, "k d"],
    *,
    max_iter: int,
) -> tuple[Int[np.ndarray, " n"], int]:
    """Return the cluster of each point and the iterations it took, by Lloyd's iteration from given centers.

    A cluster that comes out empty gets the point that pays most.
    """
    k, labels, iteration = len(centers), np.full(len(points), -1), 0
    for iteration in range(1, max_iter + 1):  # noqa: B007
        cost = squared_distances(points, centers)
        before, labels = labels, np.argmin(cost, axis=1)
        mass = np.bincount(labels, weights, minlength=k)
        for empty in np.flatnonzero(mass == 0):  # give it the point that pays most
            own = cost[np.arange(len(points)), labels] * weights * (mass[labels] > weights)
            far = int(np.argmax(own))
            mass[labels[far]] -= weights[far]
            labels[far], mass[empty] = empty, weights[far]
        if np.array_equal(labels, before):
            break
        mass = np.bincount(labels, weights, minlength=k)
        sums = np.stack([np.bincount(labels, weights * column, minlength=k) for column in points.T], axis=1)
        centers = sums / mass[:, None]
    return labels, iteration


def squared_distances(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "n k"]:
    """|x_i - y_j|^2, not negative, by one matrix product."""
    cost = x @ (-2 * y.T)
    cost += (x * x).sum(axis=1)[:, None]
    cost += (y * y).sum(axis=1)
    return np.maximum(cost, 0.0, out=cost)


def _spread_out(points: np.ndarray, weights: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Draw k of the points, each drawn with probability weight times squared distance to those already chosen."""
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    trials = 2 + int(np.log(k))
    while len(chosen) < k:
        reach = np.cumsum(weights * nearest)
        draws = np.minimum(np.searchsorted(reach, rng.random(trials) * reach[-1], side="right"), len(points) - 1)
        after = np.minimum(squared_distances(points, points[draws]), nearest[:, None])
        best = int(np.argmin(weights @ after))
        chosen.append(int(draws[best]))
        nearest = after[:, best]
        nearest[chosen[-1]] = 0.0
    return points[chosen]
