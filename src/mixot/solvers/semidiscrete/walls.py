"""Walls between Laguerre cells, where mass changes hands, and integrals of a density over them, in dimension 1 to 3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import gaussian_walls, voxel_walls
from mixot._shapes import Float, Int
from mixot.errors import UnsupportedError
from mixot.measures import Grid
from mixot.solvers.semidiscrete.edge_quadrature import edge_sums
from mixot.solvers.semidiscrete.frame import UnitFrame
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.laguerre import power_cells
from mixot.solvers.semidiscrete.line import cells_of_potentials, density_on_line
from mixot.threads import thread_count

_SQUARE = [[0, 3, 4], [3, 1, 5], [4, 5, 2]]  # where xx, yy, zz, xy, xz, yz stand in a matrix


@dataclass(frozen=True, eq=False)
class CellWalls:
    """Walls between cells: a cut on the line, an edge in the plane, a face in space.

    Integrals are by length or area, on the line they are values; x is seen from the middle of the density's box.
    """

    first: Int[np.ndarray, " e"]  # the cells on both sides
    second: Int[np.ndarray, " e"]
    mass: Float[np.ndarray, " e"]  # integral of the density,
    mass_x: Float[np.ndarray, "e d"]  # times x,
    mass_xx: Float[np.ndarray, "e d d"]  # times x x'


def cell_walls(
    points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget
) -> CellWalls:
    """Return the walls between the cells of any potentials.

    Raises
    ------
    UnsupportedError
        On the line, where a law is an atom and has no density.

    Examples
    --------
    >>> walls = cell_walls(np.array([[0.2], [0.6]]), np.zeros(2), Grid(np.ones(2), [[0, 1]]))
    >>> walls.mass.round(12).tolist(), walls.mass_x.round(12).tolist()
    ([1.0], [[-0.1]])
    """
    return (_on_line, _in_plane, _in_space)[density.dim - 1](points, potentials, density)


def _on_line(points: np.ndarray, potentials: np.ndarray, density: Grid | GaussianTarget) -> CellWalls:
    if not isinstance(density, Grid) and not (density.covs > 0).all():
        raise UnsupportedError("cells have no derivatives against a law of variance zero, which has no density")
    visible, cuts = cells_of_potentials(points[:, 0], potentials)
    inside = (cuts >= density.bounds[0, 0]) & (cuts <= density.bounds[0, 1])
    x = (cuts[inside] - density.bounds.mean())[:, None]
    mass = density_on_line(density, cuts[inside])
    return CellWalls(
        visible[:-1][inside], visible[1:][inside], mass, mass[:, None] * x, mass[:, None, None] * x[:, :, None] ** 2
    )


def _in_plane(points: np.ndarray, potentials: np.ndarray, density: Grid | GaussianTarget) -> CellWalls:
    cells = power_cells(points, potentials, density.bounds)
    owner = np.repeat(np.arange(len(points)), np.diff(cells.first))
    following = np.arange(len(owner)) + 1
    filled = cells.first[1:] > cells.first[:-1]
    following[cells.first[1:][filled] - 1] = cells.first[:-1][filled]
    once = np.flatnonzero(owner < cells.neighbors)  # each edge from one side; borders of the box do not move
    middle = density.bounds.mean(axis=1)
    sums = edge_sums(density, cells.corners[once], cells.corners[following[once]], middle)
    return CellWalls(owner[once], cells.neighbors[once], *sums)


def _in_space(points: np.ndarray, potentials: np.ndarray, density: Grid | GaussianTarget) -> CellWalls:
    frame = UnitFrame.around(density)
    cloud = frame.inward(points), np.ascontiguousarray(potentials / frame.unit**2)
    if isinstance(density, Grid):
        values = np.ascontiguousarray(density.values)
        first, second, sums = voxel_walls(*cloud, values, frame.bounds, density.degree, thread_count())
        mass, mass_x, mass_xx = sums[:, 0], sums[:, 1:4], sums[:, 4:][:, _SQUARE]
    else:
        law = density.inside(frame.center, frame.unit)
        parts = gaussian_walls(*cloud, law.weights, law.means, law.covs, frame.bounds, thread_count())
        first, second, mass, mass_x, mass_xx = *parts[:2], *_from_laws(law, *parts[2:5])
    ends = first.view(np.int64), second.view(np.int64)  # C knows two integers of 64 bits
    return CellWalls(*ends, mass / frame.unit, mass_x, mass_xx * frame.unit)


def _from_laws(
    law: GaussianTarget, zeroth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integrals of the sum times 1, x and x x' from those of each law times 1, q and q q', where x = c + S q."""
    by_law = law.weights * zeroth
    moved = np.einsum("k,kab,ekb->eka", law.weights, law.covs, first)
    squares = np.einsum("k,kab,ekbc,kcd->ead", law.weights, law.covs, second[:, :, _SQUARE], law.covs, optimize=True)
    crossed = np.einsum("eka,kb->eab", moved, law.means)
    centers = np.einsum("ek,ka,kb->eab", by_law, law.means, law.means)
    return (
        by_law.sum(axis=1),
        by_law @ law.means + moved.sum(axis=1),
        squares + crossed + crossed.swapaxes(1, 2) + centers,
    )
