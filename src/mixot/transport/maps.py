"""Maps between mixtures (scaffold)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mixot.families.base import AffineCoupling, common
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.discrete import Exact


@dataclass(frozen=True, eq=False)
class TransportMap:
    """``map(x)`` and ``map.sample(x)`` (Delon and Desolneux 2020, section 6.3)."""

    source: Mixture
    plan: Plan
    rows: Any
    cols: Any
    pieces: AffineCoupling
    kind: str

    @classmethod
    def between(cls, p: Mixture, q: Mixture, *, kind: Literal["mean", "random"] = "mean") -> TransportMap:
        source, target = common(p.components, q.components)
        return cls.along(p, q, Exact().solve(source.cost(target), p.weights, q.weights), kind=kind)

    @classmethod
    def along(cls, p: Mixture, q: Mixture, plan: Plan, *, kind: Literal["mean", "random"] = "mean") -> TransportMap:
        """Return the map along a plan between the components of p and q, optimal or not."""
        source, target = common(p.components, q.components)
        rows, cols = np.nonzero(plan.coupling)
        return cls(Mixture(p.weights, source), plan, rows, cols, source.coupling(target, rows, cols), kind)

    def __call__(self, x: Any) -> np.ndarray:
        points = self.source.as_points(x)
        r = self.source.responsibilities(points)
        share = self.plan.coupling[self.rows, self.cols] / self.source.weights[self.rows]
        moved = np.einsum("sij,nj->nsi", self.pieces.linear, points) + self.pieces.shift
        return np.einsum("ns,nsi->ni", r[:, self.rows] * share, moved)

    def sample(self, x: Any, *, rng: Any = None) -> np.ndarray:
        return self(x)
