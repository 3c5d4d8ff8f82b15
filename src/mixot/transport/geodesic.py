"""The path between two mixtures along which each component moves by its own optimal map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.families.base import Family, common
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete import Exact


@dataclass(frozen=True, eq=False)
class Geodesic:
    """``geodesic(t)``: the MW2 geodesic (Delon and Desolneux 2020, Corollary 2), of constant speed ``distance``."""

    source: Family
    target: Family
    rows: Int[np.ndarray, " s"]
    cols: Int[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]
    plan: Plan

    @classmethod
    def between(cls, p: Mixture, q: Mixture) -> Geodesic:
        source, target = common(p.components, q.components)
        plan = Exact().solve(source.cost(target), p.weights, q.weights)
        rows, cols = np.nonzero(plan.coupling)
        weights = plan.coupling[rows, cols]
        return cls(source, target, rows, cols, weights / weights.sum(), plan)

    def __call__(self, t: float) -> Mixture:
        """The mixture at time t in [0, 1]."""
        if not 0.0 <= t <= 1.0:
            raise InputError(f"t must lie in [0, 1], got {t:g}")
        return Mixture(self.weights, self.source.between(self.target, self.rows, self.cols, t))
