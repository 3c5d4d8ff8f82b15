"""What semi-discrete transport returns: the cells of the points, with a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.formulas.gaussian.plane_cells import MixtureGradient
from mixot.measures import Grid, Measure, Samples
from mixot.results import Status
from mixot.solvers.semidiscrete.cell_derivatives import CellDerivatives
from mixot.solvers.semidiscrete.density_gradients import bounds_gradient, mixture_gradient, values_gradient
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import PlaneCells, cells_in_plane


@dataclass(frozen=True, eq=False, slots=True)
class SemidiscretePlan:
    """Which part of a density each point gets, with a certificate of the cost.

    Point i gets its Laguerre cell, ``{x : |x - y_i|^2 - w_i <= |x - y_j|^2 - w_j for all j}``, w the ``potentials``.
    With ``phi(x) = min_i |x - y_i|^2 - w_i`` the dual value ``sum_i weights[i] w_i + int phi dq`` is a lower bound of
    the squared distance for any w; it is ``cost``, and the squared distance lies in ``[cost, cost + gap]``.

    Points closer than 1e-10 of the box are one: they share a cell, potential and centroid, and its mass is divided in
    proportion to their weights. A point of weight zero has an empty cell, its own place for a centroid, and the
    largest potential with which it would have none.

    Attributes
    ----------
    source, target : the points and what they are transported to
    density : the target as a density on a box
    potentials : (n,), w above, of mean zero under the weights
    masses : (n,), of the cells; they sum to one, and are the weights up to ``marginal_error``
    centroids : (n, d), centers of mass of the cells
    cost : lower bound of the squared distance, and its value to second order in ``marginal_error``
    gap : proven distance from ``cost`` to the squared distance
    iterations : steps of Newton's method, on all levels
    notes : what the density did to the solution, one sentence each; of most plans nothing is to be said
    warm_start : whether the start that was given led to it; False where there was none, or it was too far off
    """

    source: Samples
    target: Measure
    density: Grid | GaussianTarget
    potentials: Float[np.ndarray, " n"]
    masses: Float[np.ndarray, " n"]
    centroids: Float[np.ndarray, "n d"]
    cost: float
    gap: float
    status: Status
    iterations: int
    marginal_error: float
    notes: tuple[str, ...] = ()
    warm_start: bool = False

    @property
    def lower_bound(self) -> float:
        """Dual value, no more than the squared distance."""
        return self.cost

    @property
    def upper_bound(self) -> float:
        """Price of a feasible plan near this one, no less than the squared distance."""
        return self.cost + self.gap

    @property
    def distance(self) -> float:
        """Square root of the cost, in the units of the data."""
        return float(np.sqrt(max(self.cost, 0.0)))

    @property
    def distance_name(self) -> str:
        """What ``distance`` is called: it is exact."""
        return "W2"

    def cells(self) -> PlaneCells:
        """Polygons of the cells and their neighbors, in the plane."""
        return cells_in_plane(self.source.points, self.potentials, self.density.bounds)

    def potentials_near(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Potentials to start from when each point has gone to one of ``points``, in the same order.

        ``w_i + |s_i|^2 - 2 s_i . (b_i - y_i)`` for a step s_i from y_i, whose cell has its center in b_i: the mass
        there goes on paying its point what it paid before.

        Raises
        ------
        InputError
            Where there are more or fewer points, or of another dimension.
        """
        if np.shape(points) != self.source.points.shape:
            raise InputError(
                f"a plan of points of shape {self.source.points.shape} is no start for points of shape "
                f"{np.shape(points)}: they must be the same ones, moved"
            )
        return moved_potentials(self.potentials, self.source.points, self.centroids, points)

    def cell_derivatives(self) -> CellDerivatives:
        """How masses and centroids of the cells change with points, potentials and weights.

        Raises
        ------
        UnsupportedError
            Where points coincide, whose cells are one, and against an atom on the line.
        """
        found = CellDerivatives.of(self.source.points, self.potentials, self.density)
        lost = np.flatnonzero((self.masses > 0) & ~(found.masses > 0))
        if len(lost):
            raise UnsupportedError(
                f"point {int(lost[0])} shares its cell with another in the same place, where cells have no derivatives"
            )
        return found

    def points_gradient(self) -> Float[np.ndarray, "n d"]:
        """Derivative of the cost with respect to the points, ``2 masses[i] (y_i - centroids[i])``."""
        return 2 * self.masses[:, None] * (self.source.points - self.centroids)

    def weights_gradient(self) -> Float[np.ndarray, " n"]:
        """Derivative of the cost with respect to the weights of the points, up to a constant: the potentials."""
        return self.potentials

    def values_gradient(self) -> Float[np.ndarray, "..."]:
        """Derivative of the cost with respect to the values of the grid, up to a constant: phi, averaged over each."""
        return values_gradient(self.source, self.potentials, self.density)

    def bounds_gradient(self) -> Float[np.ndarray, "d 2"]:
        """Derivative of the cost with respect to the bounds of the grid, whose values stretch with them."""
        return bounds_gradient(self.source, self.potentials, self.density)

    def mixture_gradient(self) -> MixtureGradient:
        """Derivatives of the cost with respect to weights, means and covariances of a Gaussian mixture.

        Components of weight zero are left out. Those of the weights are defined up to a constant.
        """
        return mixture_gradient(self.source, self.potentials, self.density)


def moved_potentials(
    potentials: Float[np.ndarray, " n"],
    points: Float[np.ndarray, "n d"],
    centroids: Float[np.ndarray, "n d"],
    new: Float[np.ndarray, "n d"],
) -> Float[np.ndarray, " n"]:
    """See `SemidiscretePlan.potentials_near`."""
    step = new - points
    return potentials + (step * (step - 2 * (centroids - points))).sum(axis=1)


@runtime_checkable
class CellSolver(Protocol):
    """A way to transport points to a density: `Semidiscrete`, or any object with this method."""

    def solve(self, points: Samples, density: Grid | GaussianTarget, /) -> SemidiscretePlan:
        """Return the plan, its masses near the weights of the points."""
        ...
