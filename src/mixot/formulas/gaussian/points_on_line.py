"""Exact transport on the line from weighted points to a Gaussian mixture: its quantiles cut it into cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.formulas.gaussian.quantiles import Line


@dataclass(frozen=True, eq=False, slots=True)
class LineTransport:
    """What the monotone coupling of n points and a mixture on the line consists of, in the order of the points.

    Point i has the cell between ``ends[i, 0]`` and ``ends[i, 1]``, of its own mass and of mean ``centers[i]`` and
    variance ``spreads[i]``. The potentials w attain the dual ``sum_i nu_i w_i + int min_i ((x - y_i)^2 - w_i) f dx``.
    """

    law: Line
    points: Float[np.ndarray, " n"]
    masses: Float[np.ndarray, " n"]
    ends: Float[np.ndarray, "n 2"]
    centers: Float[np.ndarray, " n"]
    spreads: Float[np.ndarray, " n"]
    potentials: Float[np.ndarray, " n"]

    @property
    def cost(self) -> float:
        """Squared W2."""
        return float(self.masses @ ((self.centers - self.points) ** 2 + self.spreads))

    def point_gradient(self) -> Float[np.ndarray, " n"]:
        """Derivative of the cost with respect to the points, ``2 nu_i (y_i - b_i)``."""
        return 2 * self.masses * (self.points - self.centers)

    def law_gradient(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Derivatives of the cost with respect to weights, means and variances of the mixture (none is an atom).

        With phi the minimum in the dual and N of mean c and variance v, ``int phi N`` (up to a constant),
        ``a sum_i 2 int_i (x - y_i) N`` and ``a sum_i int_i (x - y_i) (x - c) N / v``.
        """
        m0, m1, m2 = partial_moments(self.law, self.ends)
        off, stds, weights = self.law.means - self.points[:, None], self.law.stds, self.law.weights
        first, second = _seen_from(off, stds, m0, m1, m2)
        by_weight = (second - self.potentials[:, None] * m0).sum(axis=0)
        by_variance = weights * (m2 + off / stds * m1).sum(axis=0)
        return by_weight, 2 * weights * first.sum(axis=0), by_variance


def points_to_line(points: Float[np.ndarray, " n"], masses: Float[np.ndarray, " n"], law: Line) -> LineTransport:
    """Return the optimal transport from points on the line to a Gaussian mixture, exact to rounding.

    Sorted points take consecutive parts of the mixture, so that the i-th cell ends at the quantile of the masses up to
    i (safeguarded Newton); the cells' moments have closed forms. Equal points and points without mass are fine: the
    latter get the largest potential that leaves them without a cell.

    Parameters
    ----------
    points : (n,)
        In any order.
    masses : (n,)
        Not negative, of sum one.
    law : Line
        The mixture.

    Returns
    -------
    LineTransport
        cost, cells, potentials and derivatives

    Examples
    --------
    >>> one = Line(np.array([1.0]), np.array([0.0]), np.array([1.0]))
    >>> halves = points_to_line(np.array([1.0, -1.0]), np.array([0.5, 0.5]), one)
    >>> round(halves.cost, 10), float(round(2 - 2 * np.sqrt(2 / np.pi), 10))
    (0.4042308784, 0.4042308784)
    """
    order = np.argsort(points, kind="stable")
    y, mass = points[order], masses[order]
    has = np.flatnonzero(mass > 0)
    far = law.knots()[[0, -1]]
    levels = np.cumsum(mass[has])[:-1]
    cuts, mean, variance = _parts(law, levels)
    # cell s of those with mass is between cuts s - 1 and s; a point without mass stands at the cut after the last one
    place = np.searchsorted(has, np.arange(len(y)), side="right")
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    near = np.clip(np.concatenate([far[:1], cuts, far[1:]]), *far)[place]
    ends = np.column_stack([near, near])
    ends[has] = np.column_stack([edges[:-1], edges[1:]])
    center, spread = near.copy(), np.zeros(len(y))
    center[has], spread[has] = mean, variance
    between = np.clip(ends[:-1, 1], *far)  # where the cells of neighbors in the order meet
    steps = np.diff(y) * (y[1:] + y[:-1] - 2 * between)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    potentials = np.concatenate([[0.0], np.cumsum(steps)])[back]
    potentials -= masses @ potentials  # one constant is free
    return LineTransport(law, points, masses, ends[back], center[back], spread[back], potentials)


def nearest_parts(points: Float[np.ndarray, " n"], law: Line) -> Float[np.ndarray, "n 3"]:
    """Return the moments of what is nearest to each point: integrals of 1, x - y_i and (x - y_i)^2 times the density.

    Of equal points the first in order has what lies to the left, the last what lies to the right.

    Parameters
    ----------
    points : (n,)
        y, in increasing order.
    law : Line
        A Gaussian mixture on the line.

    Examples
    --------
    >>> one = Line(np.array([1.0]), np.array([0.0]), np.array([1.0]))
    >>> nearest_parts(np.array([-1.0, 1.0]), one)[:, 0].tolist()
    [0.5, 0.5]
    """
    edges = np.concatenate([[-np.inf], (points[1:] + points[:-1]) / 2, [np.inf]])
    m0, m1, m2 = partial_moments(law, np.column_stack([edges[:-1], edges[1:]]))
    first, second = _seen_from(law.means - points[:, None], law.stds, m0, m1, m2)
    return np.column_stack([m0 @ law.weights, first @ law.weights, second @ law.weights])


def _seen_from(
    off: np.ndarray, stds: np.ndarray, m0: np.ndarray, m1: np.ndarray, m2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and second moments of parts of components about points from which their means are ``off`` away."""
    return stds * m1 + off * m0, stds**2 * m2 + 2 * off * stds * m1 + off**2 * m0


def _parts(law: Line, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantiles of the levels, and mean and variance of the law between them."""
    if not len(levels):
        mean = law.weights @ law.means
        return levels, np.array([mean]), np.array([law.weights @ (law.stds**2 + (law.means - mean) ** 2)])
    cuts = law.quantile(levels)
    return cuts, *law.cells(cuts, levels)


def partial_moments(law: Line, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moments of degree 0, 1, 2 of the standard law between the ends, as each component sees them, (n, k)."""
    from scipy.special import ndtr

    low, high = law.standardized(ends[:, 0]), law.standardized(ends[:, 1])
    phi_low, phi_high = (np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) for z in (low, high))
    m0 = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    return m0, phi_low - phi_high, m0 + low * phi_low - high * phi_high
