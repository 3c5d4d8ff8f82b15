"""What a plan between two labelled mixtures says of labels and of single points: flows, growth, fates, images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mixot._shapes import Float, Int
from mixot.fitting.labelled import LabelledFit
from mixot.results import Plan
from mixot.transport.maps import TransportMap


@dataclass(frozen=True, eq=False)
class PopulationPlan:
    """A plan between two populations whose components belong to labels.

    A point x with the label a may be moved by the components of that label alone (``codes`` given), or, like a point
    of a plain mixture, by all of them according to their responsibilities. Either way, x drawn from the source has
    random images with the law of the target.

    Parameters
    ----------
    source, target : mixtures with labels
    plan : between their components
    """

    source: LabelledFit
    target: LabelledFit
    plan: Plan

    @property
    def reversed(self) -> PopulationPlan:
        """The same plan, seen from the target."""
        f, g = self.plan.potentials
        back = replace(self.plan, coupling=self.plan.coupling.T, cost_matrix=self.plan.cost_matrix.T, potentials=(g, f))
        return PopulationPlan(self.target, self.source, back)

    def flows(self) -> Float[np.ndarray, "a b"]:
        """Mass that goes from each label of the source to each of the target."""
        return self.source.membership.T @ self.plan.coupling @ self.target.membership

    def costs(self) -> Float[np.ndarray, "a b"]:
        """Mean squared distance of each flow, NaN where nothing flows."""
        paid = self.source.membership.T @ (self.plan.coupling * self.plan.cost_matrix) @ self.target.membership
        flows = self.flows()
        return np.divide(paid, flows, out=np.full_like(paid, np.nan), where=flows > 0)

    def growth(self) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " b"]]:
        """Mass that the plan moves, relative to the mass there is, for each label of the source and of the target.

        All ones where the plan keeps its marginals. Above one in the source a label grows on its way; below one in
        the target some of a label came from nowhere.
        """
        flows = self.flows()
        before = self.source.membership.T @ self.source.mixture.weights
        after = self.target.membership.T @ self.target.mixture.weights
        return flows.sum(axis=1) / before, flows.sum(axis=0) / after

    def fates(self, x: Any, codes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, "n b"]:
        """Probability of each label of the target for the points x of the source, (n, d) -> (n, b).

        ``sum_kl r_k(x) w_kl / w_k`` over the components l of a label, with the responsibilities r of x.

        Parameters
        ----------
        x : (n, d)
            Points.
        codes : (n,), optional
            Their labels as indices into ``source.names``, -1 where unknown.
        """
        return self.source.responsibilities(x, codes) @ (self._conditional() @ self.target.membership)

    def push(
        self,
        x: Any,
        codes: Int[np.ndarray, " n"] | None = None,
        *,
        kind: Literal["mean", "random"] = "mean",
        rng: Any = None,
    ) -> Float[np.ndarray, "n d"]:
        """Images of the points x of the source, (n, d) -> (n, d).

        Parameters
        ----------
        x : (n, d)
            Points.
        codes : (n,), optional
            Their labels as indices into ``source.names``, -1 where unknown.
        kind : "mean" or "random"
            The mean image, smooth, whose law is narrower than the target; or a random one, whose law is the target's.
        rng : seed, Generator or None
            What random images are drawn from.
        """
        generator = np.random.default_rng(rng)
        points = self.source.mixture.as_points(x)
        whole = np.full(len(points), -1) if codes is None else codes
        out = np.empty(points.shape, points.dtype)
        for components, rows in self.source.parts(whole):
            out[rows] = self._map(components, kind)(np.ascontiguousarray(points[rows]), rng=generator)
        return out

    def _conditional(self) -> Float[np.ndarray, "k l"]:
        """Probability of each component of the target given one of the source."""
        mass = self.plan.coupling.sum(axis=1, keepdims=True)
        return np.divide(self.plan.coupling, mass, out=np.zeros_like(self.plan.coupling), where=mass > 0)

    def _map(self, components: Int[np.ndarray, " s"], kind: Literal["mean", "random"]) -> TransportMap:
        """The map by some components of the source alone."""
        part, (f, g) = self.source.part(components), self.plan.potentials
        own = replace(
            self.plan,
            coupling=part.weights[:, None] * self._conditional()[components],
            cost_matrix=self.plan.cost_matrix[components],
            potentials=(f[components], g),
        )
        return TransportMap.along(part, self.target.mixture, own, kind=kind)
