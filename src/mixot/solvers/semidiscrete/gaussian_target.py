"""A mixture of Gaussians as the density that points are transported to, in dimension one to three."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import gaussian_moments, solid_gaussian_moments
from mixot._shapes import Float
from mixot.formulas.gaussian.points_on_line import points_to_line
from mixot.formulas.gaussian.quantiles import Line
from mixot.measures import Measure
from mixot.threads import thread_count

_REACH = 12.0  # standard deviations beyond which a component has less than 1e-32 of its mass


@dataclass(frozen=True, eq=False, slots=True)
class GaussianTarget:
    """``sum_k weights[k] N(means[k], covs[k])`` with positive weights of sum one; beyond the line no cov is singular.

    The cells of points end at ``bounds``, 12 standard deviations beyond every component. ``measure`` is what the sum
    is called elsewhere.
    """

    measure: Measure
    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k d"]
    covs: Float[np.ndarray, "k d d"]

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.means.shape[1]

    @property
    def bounds(self) -> Float[np.ndarray, "d 2"]:
        """Lower and upper end of each axis."""
        spread = _REACH * np.sqrt(np.diagonal(self.covs, axis1=1, axis2=2))
        low, high = (self.means - spread).min(axis=0), (self.means + spread).max(axis=0)
        flat = np.where(high > low, 0.0, np.maximum(np.abs(low), 1.0))  # on the line all of it may be one atom
        return np.column_stack([low - flat, high + flat])

    def inside(self, center: Float[np.ndarray, " d"], unit: float) -> GaussianTarget:
        """The same law in coordinates ``(x - center) / unit``."""
        means = np.ascontiguousarray((self.means - center) / unit)
        return GaussianTarget(self.measure, self.weights, means, np.ascontiguousarray(self.covs / unit**2))

    def line(self) -> Line:
        """The law on the line."""
        return Line(self.weights, self.means[:, 0], np.sqrt(self.covs[:, 0, 0]))

    def cells_on_line(
        self, points: Float[np.ndarray, "n 1"], weights: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
        """Potentials and moments (mass, first, second) of the optimal cells of points on the line."""
        found = points_to_line(points[:, 0], weights, self.line())
        second = found.spreads + found.centers**2
        return found.potentials, np.column_stack([weights, weights * found.centers, weights * second])

    def moments(
        self, points: Float[np.ndarray, "n d"], potentials: Float[np.ndarray, " n"], bounds: Float[np.ndarray, "d 2"]
    ) -> Float[np.ndarray, "n s"]:
        """Moments of the density over the cells of any potentials, in the order of `cell_moments`."""
        kernel, size = (gaussian_moments, 6) if self.dim == 2 else (solid_gaussian_moments, 10)
        out = np.empty((len(points), size))
        kernel(points, potentials, self.weights, self.means, self.covs, bounds, thread_count(), out)
        return out
