"""Coordinates in which points and a density are solved: a box of side one, and atoms in place of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Int
from mixot.measures import Grid
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget

_EQUAL = 1e-10  # of the longest side of the box: points closer than this are one
_NOTHING = 64 * float(np.finfo(np.float64).eps)  # share of all weights that no cell is measured finely enough to have
_FAR = 1.0  # the same, between the middles of a cloud and of the box


@dataclass(frozen=True, eq=False)
class UnitFrame:
    """Coordinates in which the box of a grid has its middle at zero and a longest side of one."""

    center: np.ndarray
    unit: float
    bounds: np.ndarray

    @classmethod
    def around(cls, grid: Grid | GaussianTarget) -> UnitFrame:
        center, unit = grid.bounds.mean(axis=1), float(np.diff(grid.bounds).max())
        return cls(center, unit, np.ascontiguousarray((grid.bounds - center[:, None]) / unit))

    def inward(self, points: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((points.astype(np.float64) - self.center) / self.unit)


@dataclass(frozen=True, eq=False)
class Atoms:
    """Distinct points of positive weight: ``points[atom[i]] + offset`` is where point i is, -1 where it has no weight.

    A weight below rounding (1e-14) next to the sum of all is none.

    A cloud far from the density is moved to it, which leaves the cells as they are (with ``w - 2 points . offset`` for
    potentials) and saves the digits that squared distances would lose.
    """

    points: np.ndarray
    offset: np.ndarray
    weights: np.ndarray
    first: np.ndarray
    atom: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, weights: np.ndarray) -> Atoms:
        heavy = np.flatnonzero(weights > _NOTHING * weights.sum())
        label = _groups(points[heavy])
        first = heavy[np.unique(label, return_index=True)[1]]
        atom = np.full(len(points), -1)
        atom[heavy] = label
        total = np.bincount(label, weights[heavy])
        share = total / total.sum()
        # the median, which a remote point does not move: most of the cloud then has coordinates of its own size
        middle = np.array([_median(column, share) for column in points[first].T])
        offset = middle if np.abs(middle).max() > _FAR else np.zeros_like(middle)
        return cls(np.ascontiguousarray(points[first] - offset), offset, share, first, atom)


def _median(x: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(x, kind="stable")
    return float(x[order[np.searchsorted(np.cumsum(weights[order]), 0.5)]])


def _groups(points: np.ndarray) -> Int[np.ndarray, " n"]:
    """Label points, 0, 1, ... in the order of their first members, so that those closer than `_EQUAL` share one."""
    n = len(points)
    doubtful = np.arange(n)
    for x in points.T:  # who is close to nobody in one coordinate is close to nobody
        order = doubtful[np.argsort(x[doubtful], kind="stable")]
        near = np.diff(x[order]) <= _EQUAL
        doubtful = order[np.concatenate([near, [False]]) | np.concatenate([[False], near])] if len(near) else order[:0]
    if len(doubtful) == 0:
        return np.arange(n)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    places, place = np.unique(points[doubtful], axis=0, return_inverse=True)
    pairs = KDTree(places).query_pairs(_EQUAL, output_type="ndarray")
    joined = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(places), len(places)))
    group = connected_components(joined, directed=False)[1][place.ravel()]
    first = np.arange(n)
    leader = np.full(group.max() + 1, n)
    np.minimum.at(leader, group, doubtful)
    first[doubtful] = leader[group]
    return np.unique(first, return_inverse=True)[1]
