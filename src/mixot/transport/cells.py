"""Maps between points and a density, from the cells of a semi-discrete plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._frames import column_names, column_order, given_back, opened
from mixot._shapes import Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.measures import Measure, Samples
from mixot.solvers.semidiscrete.plan import CellSolver, SemidiscretePlan
from mixot.transport.plans import between_points_and_density


@dataclass(frozen=True, eq=False)
class PointMap:
    """The optimal map from a density onto points: ``map(x)`` is the point whose cell x lies in.

    ``T(x) = y_i`` where ``|x - y_i|^2 - w_i`` is least; it pushes the density onto the weighted points.

    Examples
    --------
    >>> from mixot import Grid, Samples, plan
    >>> move = PointMap(plan(Samples([[0.0], [2.0]]), Grid([1.0, 1.0])))
    >>> move([[0.2], [1.7]]).ravel().tolist()
    [0.0, 2.0]
    """

    plan: SemidiscretePlan

    def labels(self, x: Any) -> Int[np.ndarray, " m"]:
        """Number of the point that each x, (m, d), is sent to."""
        from scipy.spatial import KDTree

        points = _as_rows(opened(x), self.plan)
        y, w = self.plan.source.points.astype(np.float64), self.plan.potentials
        heavy = np.flatnonzero(self.plan.source.weights > 0)
        # |x - y|^2 - w is, but for a constant, a squared distance in one dimension more
        height = np.sqrt(w[heavy].max() - w[heavy])
        tree = KDTree(np.column_stack([y[heavy], height]))
        return heavy[tree.query(np.column_stack([points, np.zeros(len(points))]))[1]]

    def __call__(self, x: Any) -> Any:
        """Return the images of the points x, (m, d) -> (m, d); of a dataframe, a dataframe of that kind."""
        x = opened(x)
        return given_back(x, self.plan.source.points[self.labels(x)], self.plan.source.columns)


@dataclass(frozen=True, eq=False)
class CentroidMap:
    """The mean image of each point under the optimal plan to a density: the center of mass of its cell.

    The plan spreads a point over its cell, so that no map sends the points onto the density; this is the best guess of
    where a point goes, and the step of Lloyd's method.

    Examples
    --------
    >>> from mixot import Grid, Samples, plan
    >>> move = CentroidMap(plan(Samples([[0.0], [2.0]]), Grid([1.0, 1.0])))
    >>> move([[2.0]]).ravel().tolist()
    [1.5]
    """

    plan: SemidiscretePlan

    def __call__(self, x: Any) -> Any:
        """Return the images of x, (m, d) -> (m, d), which must be among the points that were transported.

        Of a dataframe the images are one of that kind.

        Raises
        ------
        InputError
            Where a row of x is none of them.
        """
        from scipy.spatial import KDTree

        source, x = self.plan.source, opened(x)
        points = _as_rows(x, self.plan)
        distance, at = KDTree(source.points.astype(np.float64)).query(points)
        far = np.flatnonzero(distance > 1e-9 * np.diff(self.plan.density.bounds).max())
        if len(far):
            raise InputError(
                f"a plan from points moves those points only: row {far[0]} of x, {points[far[0]].tolist()}, is none of "
                "them; take transport_map(grid, points) for a map of all of space"
            )
        return given_back(x, self.plan.centroids[at], source.columns)


def map_between(p: Measure, q: Measure, kind: str, solver: CellSolver) -> PointMap | CentroidMap:
    """Return the map along the semi-discrete plan: from a density to points, or from points to centers of cells.

    Raises
    ------
    UnsupportedError
        For another kind than "mean".
    """
    if kind != "mean":
        raise UnsupportedError(f'between samples and a density there is one map, kind="mean"; got {kind!r}')
    forward = isinstance(p, Samples)
    points, density = (p, q) if forward else (q, p)
    plan = between_points_and_density(points, density, solver)  # pyright: ignore[reportArgumentType]
    return CentroidMap(plan) if forward else PointMap(plan)


def _as_rows(x: Any, plan: SemidiscretePlan) -> Float[np.ndarray, "m d"]:
    """The points x, (m, d); columns of a frame by name where the points of the plan have names."""
    d, names, came = plan.source.dim, plan.source.columns, column_names(x)
    rows = as_floats(x, "x")
    order = None if names is None else column_order(names, came, "x")
    if rows.ndim == 1:
        rows = rows[:, None] if d == 1 else rows[None, :]
    rows = rows if order is None else rows[:, order]
    if rows.ndim != 2 or rows.shape[1] != d:
        raise InputError(f"x must have shape (m, {d}), got {rows.shape}")
    check_finite(rows, "x", "rows", columns=names or came)
    return rows
