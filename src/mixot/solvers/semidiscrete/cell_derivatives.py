"""How masses and centers of Laguerre cells change with points, potentials and weights, in dimension one to three.

Cells i and j meet where ``|x - y_i|^2 - w_i = |x - y_j|^2 - w_j``. When points and potentials move, a place x on that
wall moves outward from cell i by

    (dw_i - dw_j + 2 (x - y_i) . dy_i - 2 (x - y_j) . dy_j) / (2 |y_i - y_j|),

so that changes of masses and first moments are integrals of the density times 1, x and x x' over the walls. At an
optimal plan masses are the weights, which determines the potentials: their changes solve a linear system with the
Laplacian of the walls (implicit function theorem), and with them centers change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import UnsupportedError
from mixot.measures import Grid
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.moments import cell_moments
from mixot.solvers.semidiscrete.walls import cell_walls


@dataclass(frozen=True, eq=False)
class CellDerivatives:
    """Derivatives of ``masses`` (n,) and ``centroids`` (n, d) of cells in points (n, d), potentials and weights (n,).

    ``along`` takes steps to changes, ``back`` gradients in masses and centroids to gradients in points and potentials;
    ``optimal_along`` and ``optimal_back`` do so for the cells of the optimal plan, whose masses are the weights. A cell
    without mass has its point for a center. Where a cell is about to vanish they are those of one side.

    Examples
    --------
    >>> grid = Grid(np.ones((2, 2)), [[0, 1], [0, 1]])
    >>> cells = CellDerivatives.of(np.array([[0.25, 0.5], [0.75, 0.5]]), np.zeros(2), grid)
    >>> masses, centroids = cells.along(np.zeros((2, 2)), np.array([0.1, 0.0]))  # the border moves by 0.1 / (2 * 0.5)
    >>> masses.round(12).tolist(), centroids[:, 0].round(12).tolist()
    ([0.1, -0.1], [0.05, 0.05])
    """

    points: Float[np.ndarray, "n d"]  # as seen from the middle of the box, as all below
    masses: Float[np.ndarray, " n"]
    centroids: Float[np.ndarray, "n d"]
    first: Int[np.ndarray, " e"]  # the cells on both sides of each wall
    second: Int[np.ndarray, " e"]
    line: Float[np.ndarray, " e"]  # over each wall, by 2 |y_i - y_j|: the density,
    line_x: Float[np.ndarray, "e d"]  # times x,
    line_xx: Float[np.ndarray, "e d d"]  # times x x'

    @classmethod
    def of(
        cls, points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget
    ) -> CellDerivatives:
        """The derivatives at points, potentials and a density.

        Raises
        ------
        UnsupportedError
            On the line, where a law is an atom.
        """
        d, middle = density.dim, density.bounds.mean(axis=1)
        points = points.astype(np.float64)
        sums = cell_moments(points, potentials, density, center=middle)
        mass, full = np.maximum(sums[:, 0], 0.0), sums[:, 0] > 0
        centers = points - middle
        centers[full] = sums[full, 1 : 1 + d] / mass[full, None]
        walls = cell_walls(points, potentials, density)
        apart = np.linalg.norm(points[walls.first] - points[walls.second], axis=1)
        # points in one place have a wall where rounding has left them cells
        scale = np.where(apart > 0, 0.5 / np.where(apart > 0, apart, 1.0), 0.0)
        line, line_x, line_xx = walls.mass * scale, walls.mass_x * scale[:, None], walls.mass_xx * scale[:, None, None]
        return cls(points - middle, mass, centers, walls.first, walls.second, line, line_x, line_xx)

    def along(
        self, points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n d"]]:
        """Changes of masses and centroids along steps of points and potentials."""
        i, j = self.first, self.second
        push = potentials[i] - potentials[j] - 2 * self._own(points, i) + 2 * self._own(points, j)
        step = 2 * (points[i] - points[j])
        mass = push * self.line + (step * self.line_x).sum(axis=1)
        moment = push[:, None] * self.line_x + np.einsum("eab,eb->ea", self.line_xx, step)
        masses, moments = self._differences(mass), self._differences(moment)
        return masses, self._of_centers(masses, moments, points)

    def back(
        self, masses: Float[np.ndarray, " n"], centroids: Float[np.ndarray, "n d"]
    ) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
        """Gradients in points and potentials of what has these in masses and centroids."""
        share = np.where(self.masses > 0, 1 / np.where(self.masses > 0, self.masses, 1.0), 0.0)
        moments = centroids * share[:, None]
        in_masses = masses - (self.centroids * moments).sum(axis=1)
        in_points, in_potentials = self._back(in_masses, moments)
        return in_points + np.where(share[:, None] > 0, 0.0, centroids), in_potentials

    def optimal_along(
        self, points: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n d"]]:
        """Changes of potentials, up to a constant, and of centroids where masses change as weights do."""
        drift, _ = self.along(points, np.zeros(len(points)))
        potentials = self._solve(weights - drift)
        return potentials, self.along(points, potentials)[1]

    def optimal_back(
        self, centroids: Float[np.ndarray, "n d"]
    ) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
        """Gradients in points and weights, the latter up to a constant, of what has this in centroids."""
        in_points, in_potentials = self.back(np.zeros(len(centroids)), centroids)
        in_weights = self._solve(in_potentials)
        return in_points - self._back(in_weights, np.zeros_like(centroids))[0], in_weights

    def _own(self, points: np.ndarray, at: np.ndarray) -> np.ndarray:
        return (self.points[at] * points[at]).sum(axis=1)

    def _differences(self, values: np.ndarray) -> np.ndarray:
        """What crosses each wall, added to the first cell and taken from the second."""
        out = np.zeros((len(self.points), *values.shape[1:]))
        np.add.at(out, self.first, values)
        np.subtract.at(out, self.second, values)
        return out

    def _of_centers(self, masses: np.ndarray, moments: np.ndarray, points: np.ndarray) -> np.ndarray:
        full = self.masses > 0
        out = points.copy()
        out[full] = (moments[full] - self.centroids[full] * masses[full, None]) / self.masses[full, None]
        return out

    def _back(self, masses: np.ndarray, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The transpose of changes of masses and first moments."""
        i, j = self.first, self.second
        mass, moment = masses[i] - masses[j], moments[i] - moments[j]
        push = mass * self.line + (moment * self.line_x).sum(axis=1)
        pull = 2 * (mass[:, None] * self.line_x + np.einsum("eab,eb->ea", self.line_xx, moment))
        potentials = self._differences(push)
        return self._differences(pull) - 2 * self.points * potentials[:, None], potentials

    @cached_property
    def _factor(self) -> tuple[np.ndarray, Any]:
        """Cells with mass but the first, whose potential stays, and the factored Laplacian of these."""
        from scipy.sparse import coo_array  # only now: few ask for derivatives of cells
        from scipy.sparse.linalg import splu

        n, full = len(self.points), np.flatnonzero(self.masses > 0)
        i, j, line = self.first, self.second, self.line
        entries = np.concatenate([line, line, -line, -line])
        places = np.concatenate([i, j, i, j]), np.concatenate([i, j, j, i])
        laplacian = coo_array((entries, places), shape=(n, n)).tocsr()
        free = full[1:]
        if len(free) == 0:
            return free, None
        try:
            return free, splu(laplacian[free][:, free].tocsc())
        except RuntimeError as error:
            raise UnsupportedError(
                "cells of given masses have no derivatives here: some are cut off from the others by places without "
                "density, so that their potentials are not determined"
            ) from error

    def _solve(self, right: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Potentials, of mean zero, that give the cells this much more mass."""
        free, factor = self._factor
        out = np.zeros(len(right))
        live = self.masses > 0
        if factor is not None:
            out[free] = factor.solve(right[free] - right[live].mean())
        out[live] -= out[live].mean()
        return out
