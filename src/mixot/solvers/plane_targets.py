"""Densities in the plane that points are transported to: pixels, and sums of Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixot import _native
from mixot._shapes import Float
from mixot.threads import thread_count

_REACH = 12.0  # standard deviations beyond which a component has less than 1e-32 of its mass


@dataclass(frozen=True, eq=False, slots=True)
class CellSums:
    """Potentials of n points, and what their cells hold: mass, first and second moments about their points.

    ``residual`` is the largest difference between a mass and what it should be, ``outcome`` 0 where that is within the
    tolerance, 1 at the limit of updates, 2 where no step makes progress, 3 where cells stay empty.
    """

    potentials: Float[np.ndarray, " n"]
    masses: Float[np.ndarray, " n"]
    first: Float[np.ndarray, "n 2"]  # int (x - y_i)
    second: Float[np.ndarray, " n"]  # int |x - y_i|^2
    outcome: int
    residual: float
    iterations: int

    def dual(self, masses: Float[np.ndarray, " n"]) -> float:
        """``sum nu_i w_i + int min_i (|x - y_i|^2 - w_i) f``, which no coupling can cost less than."""
        return float(self.second.sum() + self.potentials @ (masses - self.masses))


@dataclass(frozen=True, eq=False, slots=True)
class PixelTarget:
    """Pixels (nx, ny) of a box, constant (degree 0) or bilinear (1), of total mass one."""

    values: Float[np.ndarray, "x y"]
    bounds: Float[np.ndarray, "2 2"]
    degree: int

    def transport(
        self,
        points: Float[np.ndarray, "n 2"],
        masses: Float[np.ndarray, " n"],
        *,
        tol: float,
        start: Float[np.ndarray, " n"] | None = None,
        max_updates: int = 2000,
    ) -> CellSums:
        """Potentials whose cells have these masses up to tol; the points are distinct, the masses positive."""
        frame = _Frame.of(self.bounds)
        return frame.solve(_native.pixel_transport, points, masses, self._law(frame), (start, tol, max_updates))

    def cells(self, points: Float[np.ndarray, "n 2"], potentials: Float[np.ndarray, " n"]) -> CellSums:
        """What the Laguerre cells of these potentials hold."""
        frame = _Frame.of(self.bounds)
        return frame.sums(_native.pixel_moments, points, potentials, self._law(frame))

    def _law(self, frame: _Frame) -> tuple:
        return np.ascontiguousarray(self.values), frame.box(self.bounds), self.degree


@dataclass(frozen=True, eq=False, slots=True)
class GaussianTarget:
    """``sum_k weights[k] N(means[k], covs[k])``, covariances positive definite; cells end 12 deviations out."""

    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k 2"]
    covs: Float[np.ndarray, "k 2 2"]

    @property
    def bounds(self) -> Float[np.ndarray, "2 2"]:
        spread = _REACH * np.sqrt(np.diagonal(self.covs, axis1=1, axis2=2))
        return np.column_stack([(self.means - spread).min(axis=0), (self.means + spread).max(axis=0)])

    def transport(
        self,
        points: Float[np.ndarray, "n 2"],
        masses: Float[np.ndarray, " n"],
        *,
        tol: float,
        start: Float[np.ndarray, " n"] | None = None,
        max_updates: int = 2000,
    ) -> CellSums:
        """Potentials whose cells have these masses up to tol; the points are distinct, the masses positive."""
        frame = _Frame.of(self.bounds)
        return frame.solve(_native.gaussian_transport, points, masses, self._law(frame), (start, tol, max_updates))

    def cells(self, points: Float[np.ndarray, "n 2"], potentials: Float[np.ndarray, " n"]) -> CellSums:
        """What the Laguerre cells of these potentials hold."""
        frame = _Frame.of(self.bounds)
        return frame.sums(_native.gaussian_moments, points, potentials, self._law(frame))

    def _law(self, frame: _Frame) -> tuple:
        return self.weights, frame.inside(self.means), self.covs / frame.unit**2, frame.box(self.bounds)


PlaneTarget = PixelTarget | GaussianTarget


@dataclass(frozen=True, slots=True)
class _Frame:
    """Coordinates in which a box has its middle at zero and its longest side one, as the compiled solver wants it."""

    middle: np.ndarray
    unit: float

    @classmethod
    def of(cls, bounds: np.ndarray) -> _Frame:
        return cls(bounds.mean(axis=1), float(np.diff(bounds).max()))

    def inside(self, points: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((points - self.middle) / self.unit)

    def box(self, bounds: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((bounds - self.middle[:, None]) / self.unit)

    def solve(
        self, kernel: Callable[..., tuple], points: np.ndarray, masses: np.ndarray, law: tuple, options: tuple
    ) -> CellSums:
        start, tol, max_updates = options
        y, w, raw = self.inside(points), np.empty(len(points)), np.empty((len(points), 6))
        first = None if start is None else np.ascontiguousarray(start / self.unit**2)
        outcome, residual, iterations, *_ = kernel(y, masses, *law, first, tol, max_updates, thread_count(), w, raw)
        return self._outside(y, w, raw, (outcome, residual, iterations))

    def sums(self, kernel: Callable[..., None], points: np.ndarray, potentials: np.ndarray, law: tuple) -> CellSums:
        y, w, raw = self.inside(points), np.ascontiguousarray(potentials / self.unit**2), np.empty((len(points), 6))
        kernel(y, w, *law, thread_count(), raw)
        return self._outside(y, w, raw, (0, 0.0, 0))

    def _outside(self, y: np.ndarray, w: np.ndarray, raw: np.ndarray, report: tuple[int, float, int]) -> CellSums:
        mass, scale = raw[:, 0], self.unit**2
        shift = raw[:, 1:3] - y * raw[:, :1]
        second = raw[:, 3] + raw[:, 5] - 2 * (y * raw[:, 1:3]).sum(axis=1) + (y**2).sum(axis=1) * mass
        return CellSums(w * scale, mass, shift * self.unit, second * scale, *report)
