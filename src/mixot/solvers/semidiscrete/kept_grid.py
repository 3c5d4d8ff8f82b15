"""Grids that are transported to: once, or kept with their sums for many clouds of points, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._native import KeptPixels, KeptVoxels, pixel_transport, voxel_transport
from mixot.measures import Grid
from mixot.solvers.semidiscrete.frame import UnitFrame


class KeptGrid(Grid):
    """A `Grid` in the plane or in space with the sums that its integrals are made of; about six times its memory."""

    def __init__(self, grid: Grid) -> None:
        for name in ("values", "bounds", "degree"):
            object.__setattr__(self, name, getattr(grid, name))
        kept = KeptVoxels if grid.dim == 3 else KeptPixels
        values, bounds = np.ascontiguousarray(grid.values), UnitFrame.around(grid).bounds
        object.__setattr__(self, "_kept", kept(values, bounds, grid.degree))

    def __reduce__(self) -> tuple[Any, ...]:  # compiled sums are made again where a copy or a file is opened
        return _keep, (self.values, self.bounds, self.degree)

    def transport(self, *args: Any) -> Any:
        """The compiled solver on this grid."""
        return self._kept.transport(*args)  # pyright: ignore[reportAttributeAccessIssue]


def _keep(values: np.ndarray, bounds: np.ndarray, degree: int) -> KeptGrid:
    return KeptGrid(Grid(values, bounds, degree))


def grid_transport(grid: Grid, bounds: np.ndarray, points: np.ndarray, weights: np.ndarray, rest: Any) -> Any:
    """What the compiled solver reports of points against a grid, in the frame of ``bounds``."""
    if isinstance(grid, KeptGrid):
        return grid.transport(points, weights, *rest)
    kernel = voxel_transport if grid.dim == 3 else pixel_transport
    return kernel(points, weights, np.ascontiguousarray(grid.values), bounds, grid.degree, *rest)
