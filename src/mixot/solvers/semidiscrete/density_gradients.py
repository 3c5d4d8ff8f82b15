"""Derivatives of the semi-discrete cost in what describes the density: values of a grid, parameters of a mixture."""

from __future__ import annotations

import numpy as np

from mixot._native import pixel_potentials, voxel_potentials
from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.formulas.gaussian.plane_cells import MixtureGradient, Regions, transport_gradient
from mixot.formulas.gaussian.points_on_line import points_to_line
from mixot.formulas.gaussian.solid_cells import transport_gradient_in_space
from mixot.measures import Grid, Samples
from mixot.solvers.semidiscrete.frame import Atoms, UnitFrame
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import cells_in_plane
from mixot.solvers.semidiscrete.line import line_cells, line_potentials
from mixot.solvers.semidiscrete.moments import cell_moments
from mixot.threads import thread_count


def values_gradient(
    source: Samples, potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget
) -> Float[np.ndarray, "..."]:
    """Derivative of the least cost in the values of a grid, up to a constant: ``phi``, averaged over each pixel.

    ``phi(x) = min_i |x - y_i|^2 - w_i`` for the points y of ``source`` and their ``potentials`` w; of the shape of the
    values.

    Raises
    ------
    UnsupportedError
        Where the density is no grid.
    """
    if not isinstance(density, Grid):
        name = type(density.measure).__name__
        raise UnsupportedError(f"this gradient is computed for grids, the target is a {name}")
    frame = UnitFrame.around(density)
    points, weights = frame.inward(source.points), potentials / frame.unit**2
    if density.dim == 1:
        atoms = Atoms.of(points, source.weights)
        out = line_potentials(atoms.points + atoms.offset, weights[atoms.first], density, frame.bounds)
    else:
        out = np.empty(density.values.shape)
        kernel = voxel_potentials if density.dim == 3 else pixel_potentials
        kernel(points, weights, frame.bounds, density.degree, thread_count(), out)
    return out * frame.unit**2


def bounds_gradient(
    source: Samples, potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget
) -> Float[np.ndarray, "d 2"]:
    """Derivative of the least cost in the bounds of a grid, whose values stretch with its box.

    A place x at the share u of the way from one end of an axis to the other moves by ``(1 - u) d lower + u d upper``,
    and pays ``2 (x - y_i)`` for each unit of its way, y_i the point that gets it: integrals over the cells.

    Raises
    ------
    UnsupportedError
        Where the density is no grid.
    """
    if not isinstance(density, Grid):
        raise UnsupportedError("a mixture has no bounds: this gradient is computed for grids")
    d, middle = density.dim, density.bounds.mean(axis=1)
    if d == 1:
        frame = UnitFrame.around(density)
        atoms = Atoms.of(frame.inward(source.points), source.weights)
        sums = line_cells(atoms.points, atoms.weights, density, frame.bounds)[1]
        sums = sums * frame.unit ** np.arange(3)
        y = frame.unit * (atoms.points + atoms.offset)
        square = sums[:, 2:]
    else:
        sums = cell_moments(source.points.astype(np.float64), potentials, density, center=middle)
        y, square = source.points - middle, sums[:, [3, 5] if d == 2 else [4, 5, 6]]
    mass, first, low = sums[:, :1], sums[:, 1 : 1 + d], density.bounds[:, 0] - middle
    both = 2 * (first - y * mass).sum(axis=0)
    upper = 2 * (square - low * first - y * (first - low * mass)).sum(axis=0) / np.diff(density.bounds)[:, 0]
    return np.column_stack([both - upper, upper])


def mixture_gradient(
    source: Samples, potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget
) -> MixtureGradient:
    """Derivatives of the least cost in weights, up to a constant, means and covariances of a Gaussian mixture.

    Raises
    ------
    UnsupportedError
        Where the density is no mixture.
    """
    if not isinstance(density, GaussianTarget):
        raise UnsupportedError("this gradient is computed for Gaussian mixtures, the target is a Grid")
    points = source.points.astype(np.float64)
    if density.dim == 1:
        found = points_to_line(points[:, 0], source.weights, density.line())
        by_weight, by_mean, by_variance = found.law_gradient()
        return MixtureGradient(by_weight, by_mean[:, None], by_variance[:, None, None])
    law = density.weights, density.means, density.covs
    if density.dim == 3:
        return transport_gradient_in_space(density.bounds, points, potentials, law)
    cells = cells_in_plane(points, potentials, density.bounds)
    corners = np.column_stack([cells.corners, np.ones(len(cells.corners))])
    regions = Regions(corners, np.ascontiguousarray(cells.first))
    return transport_gradient(regions, points, potentials, law)
