"""Laguerre cells of weighted points in a box: who is nearest, where distances are handicapped by weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import plane_cells
from mixot._shapes import Float, Int
from mixot.errors import UnsupportedError
from mixot.threads import thread_count


@dataclass(frozen=True, eq=False, slots=True)
class PlaneCells:
    """Convex polygons that tile a rectangle, cell i being where ``|x - y_i|^2 - w_i`` is least.

    ``corners[first[i]:first[i + 1]]`` are the corners of cell i, counterclockwise, and ``neighbors`` in the same places
    says what lies beyond the edge from each corner to the next: a point, or -1, -2, -3, -4 for the lower, right, upper
    and left side of the rectangle. A hidden point has a cell without corners.
    """

    first: Int[np.ndarray, " rows"]
    corners: Float[np.ndarray, "all 2"]
    neighbors: Int[np.ndarray, " all"]

    def __len__(self) -> int:
        return len(self.first) - 1

    def polygon(self, i: int) -> Float[np.ndarray, "c 2"]:
        """Corners of cell i, counterclockwise."""
        return self.corners[self.first[i] : self.first[i + 1]]

    def beyond(self, i: int) -> Int[np.ndarray, " c"]:
        """What lies beyond each edge of cell i."""
        return self.neighbors[self.first[i] : self.first[i + 1]]

    def areas(self) -> Float[np.ndarray, " n"]:
        """Area of each cell, zero for hidden points."""
        following = np.arange(len(self.corners)) + 1
        filled = self.first[1:] > self.first[:-1]
        following[self.first[1:][filled] - 1] = self.first[:-1][filled]
        anchor = np.repeat(self.corners[self.first[:-1][filled]], np.diff(self.first)[filled], axis=0)
        here, there = self.corners - anchor, self.corners[following] - anchor
        twice = here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]
        owner = np.repeat(np.arange(len(self)), np.diff(self.first))
        return np.bincount(owner, twice / 2, minlength=len(self))


def power_cells(
    points: Float[np.ndarray, "n 2"], weights: Float[np.ndarray, " n"], bounds: Float[np.ndarray, "2 2"]
) -> PlaneCells:
    """Return the Laguerre cells of weighted points, ``{x : |x - y_i|^2 - w_i <= |x - y_j|^2 - w_j for all j}``.

    Equal weights give the Voronoi diagram. Of equal points the one with the larger weight has the cell, and of those
    with equal weights the first.

    Parameters
    ----------
    points : (n, 2)
        Inside or outside the rectangle.
    weights : (n,)
        Squared lengths.
    bounds : (2, 2)
        Lower and upper end of each axis.

    Examples
    --------
    >>> cells = power_cells(np.array([[0.25, 0.5], [0.75, 0.5]]), np.zeros(2), np.array([[0.0, 1.0], [0.0, 1.0]]))
    >>> cells.areas().tolist()
    [0.5, 0.5]
    """
    center, unit = bounds.mean(axis=1), float(np.diff(bounds).max())
    first, corners, neighbors = plane_cells(
        np.ascontiguousarray((points - center) / unit),
        np.ascontiguousarray(weights / unit**2),
        np.ascontiguousarray((bounds - center[:, None]) / unit),
        thread_count(),
    )
    corners = np.clip(center + unit * corners, bounds[:, 0], bounds[:, 1])
    return PlaneCells(first.view(np.int64), corners, neighbors.view(np.int64))  # C knows two integers of 64 bits


def cells_in_plane(
    points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"], bounds: Float[np.ndarray, "d 2"]
) -> PlaneCells:
    """`power_cells` of points that may be float32; `UnsupportedError` where they do not lie in the plane."""
    if points.shape[1] != 2:
        raise UnsupportedError(f"cells are drawn in the plane, these points have dimension {points.shape[1]}")
    return power_cells(points.astype(np.float64), potentials, bounds)
