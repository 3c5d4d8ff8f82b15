"""One pair of dual potentials out of all that are optimal: the balanced one."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float, Int
from mixot.results import Plan


def balanced_potentials(plan: Plan) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
    """Derivatives (f, g) of the optimal cost in the weights, each up to a constant.

    They are dual potentials. Where the support of the plan falls apart into T > 1 trees (equal weights do that), the
    cost has a kink, and many potentials are optimal, all of them subgradients: tree s may shift by an offset of its
    own, ``f + o_s`` and ``g - o_s``, within ``o_s - o_t <= w_st``, the least slack between a row of s and a column of
    t. With D the shortest paths under w, ``o_s = D_st`` and ``o_s = -D_ts`` are extreme offsets for each t. Returned
    is their mean over all t: whatever path the solver took, it treats all atoms alike, and is zero between a law and
    itself. The paths take ``T^3`` steps.

    An atom of weight zero gets the derivative towards the inside of the simplex.

    Examples
    --------
    >>> from mixot import Exact
    >>> half = np.full(2, 0.5)
    >>> f, g = balanced_potentials(Exact().solve(np.array([[0.0, 9.0], [9.0, 0.0]]), half, half))
    >>> (f - f[0]).tolist(), (g - g[0]).tolist()
    ([0.0, 0.0], [0.0, 0.0])
    """
    rows, cols = np.flatnonzero(plan.coupling.any(axis=1)), np.flatnonzero(plan.coupling.any(axis=0))
    live = np.ix_(rows, cols)
    f, g = plan.potentials[0][rows], plan.potentials[1][cols]
    tree_of_row, tree_of_col = _trees(plan.coupling[live])
    trees = int(tree_of_row.max()) + 1
    if trees > 1:
        slack = np.full((trees, trees), np.inf)
        least = np.maximum(plan.cost_matrix[live] - f[:, None] - g, 0.0)
        np.minimum.at(slack, (tree_of_row[:, None], tree_of_col), least)
        paths = _shortest_paths(slack)
        offset = (paths.mean(axis=1) - paths.mean(axis=0)) / 2
        f, g = f + offset[tree_of_row], g - offset[tree_of_col]
    every_f, every_g = (plan.cost_matrix[:, cols] - g).min(axis=1), (plan.cost_matrix[rows] - f[:, None]).min(axis=0)
    every_f[rows], every_g[cols] = f, g
    return every_f, every_g


def _trees(coupling: np.ndarray) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " l"]]:
    """Number of the tree of the support that each row and each column belongs to; every one has an entry."""
    k, l = coupling.shape  # noqa: E741
    parent = list(range(k + l))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for i, j in zip(*(index.tolist() for index in np.nonzero(coupling)), strict=True):
        parent[root(i)] = root(k + j)
    _, label = np.unique([root(node) for node in range(k + l)], return_inverse=True)
    return label[:k], label[k:]


def _shortest_paths(length: np.ndarray) -> np.ndarray:
    """Floyd and Warshall's algorithm, (t, t) -> (t, t), for lengths that are not negative."""
    out = length.copy()
    np.fill_diagonal(out, 0.0)
    for through in range(len(out)):
        np.minimum(out, out[:, through, None] + out[through], out=out)
    return out
