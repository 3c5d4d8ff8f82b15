"""Coresets: weighted points in the place of data in a fit by transport, with a proven bound of how far off they are."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import UnsupportedError
from mixot.measures import Grid, Measure, Samples
from mixot.solvers.semidiscrete.line import Pieces

_ON_LINE = 20_000  # parts of a density on the line


@dataclass(frozen=True, eq=False, slots=True)
class Coreset:
    """Weighted points, each the center of mass of a part of the data.

    ``spread`` is what the parts vary about their centers, summed over their masses, and bounds the squared W2 between
    the points and the data (by the plan that sends each part to its center); zero where the points are the data, whose
    row i is then point ``label[i]``, or -1 where it has no weight.
    Because each point is the mean of its part, ``W2(p, data)^2 <= W2(p, points)^2 + spread`` for every p: join the
    plan from p to the points with an independent draw from the part.
    """

    samples: Samples
    spread: float = 0.0
    label: Int[np.ndarray, " rows"] | None = None

    def coarse(self, n: int) -> Coreset:
        """At most n points in the place of these."""
        points, weights = self.samples.points, self.samples.weights
        if len(points) <= n:
            return self
        label = parts(points, weights, n)
        mass = np.bincount(label, weights)
        centers = np.stack([np.bincount(label, weights * x) / mass for x in points.T], axis=1)
        lost = float(weights @ ((points - centers[label]) ** 2).sum(axis=1))
        return Coreset(Samples(centers, mass / mass.sum()), self.spread + lost)


def coreset(data: Measure, most: int | None = None) -> Coreset:
    """Return at most ``most`` points in the place of points or of a density on pixels.

    Points stay as they are where there are few enough. The mass of a pixel stands at its center, that of a quarter,
    an eighth, ... of it where ``most`` allows; a density on the line is cut into parts of equal mass.

    Raises
    ------
    UnsupportedError
        On a measure that is neither `Samples` nor `Grid`.

    Examples
    --------
    >>> four = coreset(Grid(np.ones(1), [[0, 1]]), 4)
    >>> four.samples.points.ravel().tolist(), round(four.spread, 12) == round(1 / (12 * 4**2), 12)
    ([0.125, 0.375, 0.625, 0.875], True)
    """
    if isinstance(data, Samples):
        out = _distinct(data)
    elif not isinstance(data, Grid):
        raise UnsupportedError(
            f"a mixture of least W2 is fitted to Samples and Grids, got {type(data).__name__}; draw points from it "
            "first, as in p.sample(10_000)"
        )
    elif data.dim == 1:
        return _on_line(data, _ON_LINE if most is None else most)
    else:
        out = _pixels(data, most)
    return out if most is None else out.coarse(most)


def _distinct(data: Samples) -> Coreset:
    """The same with equal points taken together, and those of weight zero left out."""
    seen = np.flatnonzero(data.weights > 0)
    points, place = np.unique(data.points[seen].astype(np.float64), axis=0, return_inverse=True)
    label = np.full(len(data), -1)
    label[seen] = place.ravel()
    weights = np.bincount(place.ravel(), data.weights[seen])
    return Coreset(Samples(points, weights / weights.sum()), 0.0, label)


def _on_line(grid: Grid, n: int) -> Coreset:
    pieces = Pieces(grid, grid.bounds[0] - grid.bounds[0].mean())
    cuts = pieces.quantile(np.arange(n + 1) / n)
    cuts[[0, -1]] = pieces.knots[[0, -1]]
    mass, first, second = np.diff(pieces.moments_below(cuts), axis=0).T
    centers = np.clip(first / mass, cuts[:-1], cuts[1:])
    spread = float(np.maximum(second - centers * first, 0.0).sum())
    return Coreset(Samples(centers + grid.bounds[0].mean(), mass / mass.sum()), spread)


def _pixels(grid: Grid, most: int | None) -> Coreset:
    """Centers of mass of what the value of each pixel contributes to the density, and what it varies about them."""
    cut = 1 if most is None or grid.degree else max(1, int((most / (grid.values > 0).sum()) ** (1 / grid.dim) + 1e-9))
    values = grid.values
    for axis in range(grid.dim):
        values = values.repeat(cut, axis=axis)
    samples = Grid(values, grid.bounds).centers()
    points, weights = samples.points.copy(), samples.weights
    varied = np.zeros(grid.dim)
    for axis, (size, step) in enumerate(zip(values.shape, grid.spacing / cut, strict=True)):
        if not grid.degree or size == 1:
            varied[axis] = step**2 / 12
            continue
        # A hat varies by step^2 / 6; half of one and a flat half pixel, at the ends, by step^2 / 8 about the pixel's
        # center, and its mean is step / 24 further in.
        place = np.unravel_index(np.arange(len(points)), values.shape)[axis]
        ends = (place == 0) | (place == size - 1)
        points[:, axis] += np.where(place == 0, step / 24, np.where(place == size - 1, -step / 24, 0.0))
        varied[axis] = step**2 * (weights @ np.where(ends, 1 / 8 - 1 / 576, 1 / 6))
    seen = weights > 0
    return Coreset(Samples(points[seen], weights[seen] / weights[seen].sum()), float(varied.sum()))


def parts(points: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], count: int) -> Int[np.ndarray, " n"]:
    """Label points so that those of a part lie close: (n, d), (n,) -> (n,), at most ``count`` parts.

    The part that varies most, weighted by its mass, is halved at its mean along the axis along which it does, until
    there are ``count``: little slower than median splits, and nearer to what the best points would be.
    """
    label, made = np.zeros(len(points), dtype=np.int64), 1
    queue = [(*_variation(points, weights), 0, np.arange(len(points)))]
    while made < count and queue:
        variation, axis, _, rows = heapq.heappop(queue)
        if variation >= 0:
            break
        x = points[rows, axis]
        right = x > np.average(x, weights=weights[rows])
        if right.all() or not right.any():  # they differ by less than their mean can tell
            continue
        label[rows[right]] = made
        for name, side in ((label[rows[~right][0]], rows[~right]), (made, rows[right])):
            heapq.heappush(queue, (*_variation(points[side], weights[side]), int(name), side))
        made += 1
    return label


def _variation(points: np.ndarray, weights: np.ndarray) -> tuple[float, int]:
    """Minus the sum of squares along the axis where it is largest, and that axis."""
    mass = weights.sum()
    off = points - weights @ points / mass
    squares = weights @ off**2
    axis = int(np.argmax(squares))
    return -float(squares[axis]), axis
