"""Points against a density on the line: sort, and cut the density at quantiles."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float, Int
from mixot.formulas.gaussian.points_on_line import partial_moments
from mixot.measures import Grid
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget


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


def nearest_cells(points: Float[np.ndarray, " n"], grid: Grid) -> Float[np.ndarray, "n 3"]:
    """Return the moments of what is nearest to each point: integrals of 1, x - y_i and (x - y_i)^2 times the density.

    Of equal points the first in order has what lies to the left, the last what lies to the right.

    Parameters
    ----------
    points : (n,)
        y, in increasing order.
    grid : Grid
        A density on the line.

    Examples
    --------
    >>> nearest_cells(np.array([1.0, 3.0]), Grid([3.0, 1.0], [[0, 4]]))[:, 0].tolist()
    [0.75, 0.25]
    """
    density = Pieces(grid, grid.bounds[0])
    return density.moments_from(points, np.clip((points[1:] + points[:-1]) / 2, *grid.bounds[0]))


def line_potentials(
    points: Float[np.ndarray, "n 1"], potentials: Float[np.ndarray, " n"], grid: Grid, bounds: Float[np.ndarray, "1 2"]
) -> Float[np.ndarray, " m"]:
    """Return the means of ``phi(x) = min_i |x - y_i|^2 - w_i`` over the mass that each value of the grid carries.

    phi is a parabola between the cuts of the cells, and what a value carries linear between knots: two nodes of
    Gauss-Legendre on each part are exact.

    Parameters
    ----------
    points, potentials : (n, 1), (n,)
        Distinct points and potentials at which none is hidden.
    grid : Grid
        Its bounds are read as ``bounds``, its values not at all.
    bounds : (1, 2)
        In the coordinates of the points.
    """
    (low, high), m = bounds[0], len(grid.values)
    step, order = (high - low) / m, np.argsort(points[:, 0], kind="stable")
    y, w = points[order, 0], potentials[order]
    cuts = (np.diff(y**2) - np.diff(w)) / (2 * np.diff(y))
    knots = low + step * (np.arange(m + 1) if grid.degree == 0 else np.concatenate([[0], np.arange(m) + 0.5, [m]]))
    ends = np.unique(np.clip(np.concatenate([cuts, knots]), low, high))
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    own = np.searchsorted(cuts, middle)
    place = (middle - low) / step - 0.5 * grid.degree
    left = np.floor(place).astype(int)
    out = np.zeros(m)
    for node in (-1 / np.sqrt(3), 1 / np.sqrt(3)):
        x = middle + node * half
        part = ((x - y[own]) ** 2 - w[own]) * half / step
        t = ((x - low) / step - 0.5 - left) if grid.degree else np.zeros(len(x))
        for at, share in ((left, 1 - t), (left + 1, t)):
            out += np.bincount(np.clip(at, 0, m - 1), part * share, m)
    return out


def cells_of_potentials(
    points: Float[np.ndarray, " n"], potentials: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " cuts"]]:
    """Which points have a cell ``{x : |x - y_i|^2 - w_i <= |x - y_j|^2 - w_j}``, from left to right, and their ends.

    They are the corners of the lower convex hull of ``(y_i, y_i^2 - w_i)``, and the cuts half the slopes between these.
    Of equal points the one with the largest potential has the cell, and of those the first.

    Examples
    --------
    >>> visible, cuts = cells_of_potentials(np.array([1.0, 0.0, 0.4]), np.array([0.0, 0.0, -1.0]))
    >>> visible.tolist(), cuts.tolist()
    ([1, 0], [0.5])
    """
    order = np.lexsort((np.arange(len(points)), -potentials, points))
    order = order[np.concatenate([[True], np.diff(points[order]) > 0])]
    while True:
        y = points[order]
        # as (y_1 + y_2) / 2 - (w_2 - w_1) / (2 (y_2 - y_1)), squares do not cancel
        cuts = 0.5 * (y[1:] + y[:-1]) - 0.5 * np.diff(potentials[order]) / np.diff(y)
        # who lies on or above the chord of its neighbors is no corner, whoever else is none
        keep = np.concatenate([[True], cuts[1:] > cuts[:-1], [True]]) if len(order) > 2 else np.ones(len(order), bool)
        if keep.all():
            return order, cuts
        order = order[keep]


def moments_on_line(
    points: Float[np.ndarray, " n"], potentials: Float[np.ndarray, " n"], density: Grid | GaussianTarget, center: float
) -> Float[np.ndarray, "n 3"]:
    """Integrals of 1, x - center and (x - center)^2 times a density over the cells of any potentials."""
    visible, cuts = cells_of_potentials(points, potentials)
    low, high = density.bounds[0]
    ends = np.concatenate([[low], np.clip(cuts, low, high), [high]])
    out = np.zeros((len(points), 3))
    if isinstance(density, Grid):
        out[visible] = np.diff(Pieces(density, density.bounds[0] - center).moments_below(ends - center), axis=0)
        return out
    law = density.line()
    m0, m1, m2 = partial_moments(law, np.column_stack([ends[:-1], ends[1:]]))
    off = law.means - center
    out[visible, 0] = m0 @ law.weights
    out[visible, 1] = (law.stds * m1 + off * m0) @ law.weights
    out[visible, 2] = (law.stds**2 * m2 + 2 * off * law.stds * m1 + off**2 * m0) @ law.weights
    return out


def density_on_line(density: Grid | GaussianTarget, x: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Values of the density; where it jumps, of what lies to the right."""
    if isinstance(density, Grid):
        return Pieces(density, density.bounds[0]).density(x)
    law = density.line()
    z = law.standardized(x)
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) @ (law.weights / law.stds)


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

    def density(self, x: np.ndarray) -> np.ndarray:
        """Its values, (m,)."""
        piece = np.clip(np.searchsorted(self.knots, x, side="right") - 1, 0, len(self.height) - 1)
        return self.height[piece] + self.slope[piece] * (x - self.knots[piece])

    def moments_from(self, points: np.ndarray, cuts: np.ndarray) -> np.ndarray:
        """Integrals of 1, x - y, (x - y)^2 times the density between the cuts around each sorted point, (n, 3)."""
        edges = np.unique(np.concatenate([self.knots, cuts]))
        start, t = edges[:-1], np.diff(edges)
        middle = start + t / 2
        piece = np.clip(np.searchsorted(self.knots, middle) - 1, 0, len(self.height) - 1)
        owner = np.searchsorted(cuts, middle)
        b, away = self.slope[piece], start - points[owner]
        a = self.height[piece] + b * (start - self.knots[piece])
        zero, one, two = a * t + b * t**2 / 2, a * t**2 / 2 + b * t**3 / 3, a * t**3 / 3 + b * t**4 / 4
        parts = zero, away * zero + one, away**2 * zero + 2 * away * one + two
        return np.column_stack([np.bincount(owner, part, minlength=len(points)) for part in parts])

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
