"""Points against a density on the line: sort, and cut the density at quantiles."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.measures import Grid


def line_cells(
    points: Float[np.ndarray, "n 1"], weights: Float[np.ndarray, " n"], grid: Grid, bounds: Float[np.ndarray, "1 2"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """Return potentials and moments (mass, first, second) of the optimal cells of distinct points.

    The cell of the i-th point from the left is ``[x_i, x_(i+1)]``, x_i the quantile of the weights before it (in a
    stretch without mass, its left end); continuity of ``|x - y_i|^2 - w_i`` at the cuts gives the potentials.

    Parameters
    ----------
    points, weights : (n, 1), (n,)
        Of total weight one.
    grid : Grid
        The density, whose bounds are read as ``bounds``.
    bounds : (1, 2)
        In the coordinates of the points.
    """
    order = np.argsort(points[:, 0], kind="stable")
    y = points[order, 0]
    density = Pieces(grid, bounds[0])
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    cuts = density.quantile(np.minimum(below / below[-1], 1.0))
    cuts[0], cuts[-1] = bounds[0]
    inner = cuts[1:-1]
    rise = (inner - y[1:]) ** 2 - (inner - y[:-1]) ** 2
    potentials, sums = np.empty(len(y)), np.empty((len(y), 3))
    potentials[order] = np.concatenate([[0.0], np.cumsum(rise)])
    sums[order] = np.diff(density.moments_below(cuts), axis=0)
    return potentials, sums


class Pieces:
    """A density on the line, linear on each piece, ``height + slope (x - start)``, of total mass one."""

    def __init__(self, grid: Grid, ends: np.ndarray) -> None:
        low, high = ends
        n, step = len(grid.values), (high - low) / len(grid.values)
        height = grid.values / step
        if grid.degree == 0:
            knots = low + step * np.arange(n + 1)
            left = right = height
        else:  # linear between the centers, constant beyond the outermost ones
            knots = np.concatenate([[low], low + step * (np.arange(n) + 0.5), [high]])
            left, right = height[[0, *range(n)]], height[[*range(n), n - 1]]
        knots[-1] = high
        width = np.diff(knots)
        self.knots, self.height, self.slope = knots, left, (right - left) / width
        self.below = np.vstack([np.zeros(3), np.cumsum(self._within(np.arange(len(width)), width), axis=0)])

    def _within(self, piece: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Integrals of 1, x, x^2 times the density from the start of a piece over the length t, (m, 3)."""
        x, a, b = self.knots[piece], self.height[piece], self.slope[piece]
        zero, one, two = a * t + b * t**2 / 2, a * t**2 / 2 + b * t**3 / 3, a * t**3 / 3 + b * t**4 / 4
        return np.column_stack([zero, x * zero + one, x**2 * zero + 2 * x * one + two])

    def moments_below(self, x: np.ndarray) -> np.ndarray:
        """Integrals of 1, x, x^2 times the density up to x, (m, 3)."""
        piece = np.clip(np.searchsorted(self.knots, x, side="right") - 1, 0, len(self.height) - 1)
        return self.below[piece] + self._within(piece, x - self.knots[piece])

    def quantile(self, share: np.ndarray) -> np.ndarray:
        """Smallest x with this share of the mass below it."""
        mass = self.below[:, 0] / self.below[-1, 0]
        piece = np.clip(np.searchsorted(mass, share, side="left") - 1, 0, len(self.height) - 1)
        rest = np.maximum(share * self.below[-1, 0] - self.below[piece, 0], 0.0)
        a, b = self.height[piece], self.slope[piece]
        # the root of a t + b t^2 / 2 = rest, written so that it does not cancel
        root = a + np.sqrt(np.maximum(a**2 + 2 * b * rest, 0.0))
        t = np.where(rest > 0, 2 * rest / np.where(root > 0, root, 1.0), 0.0)
        return self.knots[piece] + np.minimum(t, np.diff(self.knots)[piece])
