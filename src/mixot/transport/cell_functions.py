"""Masses and centers of cells as functions of arrays, with their derivatives, in NumPy: what the fronts call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot._checks import check_finite
from mixot.errors import InputError, UnsupportedError
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.solvers.semidiscrete.cell_derivatives import CellDerivatives
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.transport import plans
from mixot.transport.array_groups import read
from mixot.transport.envelope import OF_CELLS
from mixot.transport.warm_costs import fixed_measure


@dataclass(frozen=True, eq=False)
class CellFunction:
    """Masses (n,) and centers (n, d) of cells, a function of points (n, d) and of potentials (n,) or weights (n,).

    ``optimal`` says which: with weights, the cells are those of the optimal plan, whose masses are the weights.
    """

    target: Grid | Mixture
    optimal: bool
    _last: list[Any] = field(default_factory=list)

    def values(self, *arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Masses and centers."""
        found = self.derivatives(arrays)
        return found.masses, found.centroids + _density(self.target).bounds.mean(axis=1)

    def along(self, arrays: Sequence[np.ndarray], steps: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """How both change along steps of both arrays."""
        points, others = (np.asarray(step, dtype=np.float64) for step in steps)
        if self.optimal:
            others = others - others.mean()
            return others, self.derivatives(arrays).optimal_along(points, others)[1]
        return self.derivatives(arrays).along(points, others)

    def back(self, arrays: Sequence[np.ndarray], outer: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Gradients in both arrays of what has these in masses and centers; those in weights have mean zero."""
        masses, centroids = (np.asarray(slope, dtype=np.float64) for slope in outer)
        if not self.optimal:
            return self.derivatives(arrays).back(masses, centroids)
        points, weights = self.derivatives(arrays).optimal_back(centroids)
        weights = weights + masses
        return points, weights - weights.mean()

    def derivatives(self, arrays: Sequence[np.ndarray]) -> CellDerivatives:
        """Of the cells of these arrays; those of the last call are at hand, as both directions ask for them."""
        if self._last and all(np.array_equal(a, b) for a, b in zip(self._last[0], arrays, strict=True)):
            return self._last[1]
        points, others = (np.array(array, dtype=np.float64) for array in arrays)
        if self.optimal:
            found = OF_CELLS.plan(Samples(points, others / others.sum()), self.target).cell_derivatives()
        else:
            _check(points, others)
            found = CellDerivatives.of(points, others, _density(self.target))
        self._last[:] = [(points, others), found]
        return found


def cell_function(points: Any, others: Any, target: Any, *, optimal: bool) -> CellFunction:
    """The function for arrays of these shapes and a fixed target.

    Raises
    ------
    InputError
        Where points are no (n, d), or the other array no (n,).
    UnsupportedError
        Where the target is no density in dimension one to three.
    """
    measure = target if isinstance(target, Measure) else fixed_measure(target)
    if not isinstance(measure, Grid | Mixture) or measure.dim > 3:
        raise UnsupportedError(
            "cells are differentiated against a grid or a Gaussian mixture in dimension 1 to 3, got "
            f"{type(measure).__name__} in dimension {measure.dim}"
        )
    name = "weights" if optimal else "potentials"
    if len(points.shape) != 2 or points.shape[1] != measure.dim or others.shape != points.shape[:1]:
        raise InputError(
            f"expected points (n, {measure.dim}) and {name} (n,), got {tuple(points.shape)} and {tuple(others.shape)}"
        )
    return CellFunction(measure, optimal)


def points_and_weights(p: Any) -> tuple[Any, Any]:
    """The arrays of weighted points, the weights None where they are not given."""
    form, arrays = read(p)
    if not form.discrete:
        raise UnsupportedError("cells have points: pass an array of points, or (points, weights)")
    return arrays[0], arrays[1] if len(arrays) == 2 else None


def _density(target: Grid | Mixture) -> Grid | GaussianTarget:
    return target if isinstance(target, Grid) else plans.gaussian_target(target)


def _check(points: np.ndarray, potentials: np.ndarray) -> None:
    check_finite(points, "points", "rows")
    check_finite(potentials, "potentials", "rows")
