"""What a plan between two labelled mixtures says of labels and of single points: flows, growth, fates, images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from mixot._checks import as_generator
from mixot._shapes import Float, Int
from mixot.fitting.likelihood.labelled import LabelledFit
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.entropic.arrow_errors import arrow_errors
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.solvers.entropic.stability import conductances
from mixot.transport.maps import TransportMap
from mixot.transport.plans import joined_pairs, left_out, reversed_plan, rows_to_one

_TAIL = 1e-6  # share of a component's mass that images need not follow: hundreds of components make 1e5 pairs


@dataclass(frozen=True, eq=False)
class PopulationPlan:
    """A plan between two populations whose components belong to labels.

    A point x with the label a may be moved by the components of that label alone (``codes`` given), or, like a point
    of a plain mixture, by all of them according to their responsibilities. Either way, x drawn from the source, and
    weighted by its `growth_at` where marginals are relaxed, has random images with the law that the plan arrives at.

    Parameters
    ----------
    source, target : mixtures with labels
    plan : between their components
    """

    source: LabelledFit
    target: LabelledFit
    plan: Plan

    @cached_property
    def reversed(self) -> PopulationPlan:
        """The same plan, seen from the target."""
        return PopulationPlan(self.target, self.source, reversed_plan(self.plan))

    @property
    def left_out(self) -> float:
        """Share of the mass that images do not follow: of each component, images follow what carries all but 1e-6.

        `fates` and `flows` leave out nothing.
        """
        return left_out(self.plan, *joined_pairs(self.plan, _TAIL))

    def flows(self) -> Float[np.ndarray, "a b"]:
        """Mass that goes from each label of the source to each of the target."""
        return self.source.membership.T @ self.plan.coupling @ self.target.membership

    def costs(self) -> Float[np.ndarray, "a b"]:
        """Mean squared distance of each flow, NaN where nothing flows."""
        paid = self.source.membership.T @ (self.plan.coupling * self.plan.cost_matrix) @ self.target.membership
        flows = self.flows()
        return np.divide(paid, flows, out=np.full_like(paid, np.nan), where=flows > 0)

    def growth(self) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " b"]]:
        """Factor by which each label's mass changes on its side of the journey; one where the plan keeps its marginals.

        What leaves a label of the source over what it has, above one where it grows; what a label of the target has
        over what arrives, above one where newcomers join.
        """
        flows = self.flows()
        before = self.source.membership.T @ self.source.mixture.weights
        after = self.target.membership.T @ self.target.mixture.weights
        relaxed = self._relaxed
        with np.errstate(divide="ignore"):
            out, back = flows.sum(axis=1) / before, after / flows.sum(axis=0)
        return out if relaxed[0] else np.ones_like(out), back if relaxed[1] else np.ones_like(back)

    def errors(self) -> Float[np.ndarray, "a b"]:
        """Relative standard error of each flow, from the counts behind the shares of the labels alone.

        How much a flow varies, as a share of itself, when as many points as there were are drawn again; positions and
        covariances are taken as they are, and of a label with several components so is which points belong to which.
        NaN where it is not known: for plans without entropy or with relaxed marginals.
        """
        flows = self.flows()
        if not (isinstance(self.plan, OMTPlan) and self.plan.balanced and self.plan.lam > 0):
            return np.full_like(flows, np.nan)
        seen = self.plan.source_weights > 0, self.plan.target_weights > 0
        errors = arrow_errors(
            conductances(self.plan)[np.ix_(*seen)],
            int(self.source.counts.sum()),
            int(self.target.counts.sum()),
            self.source.membership[seen[0]],
            self.target.membership[seen[1]],
        )
        return np.where(flows > 0, errors, 0.0)

    @property
    def moving(self) -> LabelledFit:
        """The source as the plan moves it: its components weighted by the mass that leaves them."""
        if not self._relaxed[0]:
            return self.source
        mass = self.plan.coupling.sum(axis=1)
        before = self.source.mixture
        return replace(self.source, mixture=Mixture(mass / mass.sum(), before.components, columns=before.columns))

    def growth_at(self, x: Any, codes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, " n"]:
        """Mass that leaves each point x per unit that is there, (n, d) -> (n,); one where marginals are kept.

        Parameters
        ----------
        x : (n, d)
            Points.
        codes : (n,), optional
            Their labels as indices into ``source.names``, -1 where unknown.
        """
        if not self._relaxed[0]:
            return np.ones(len(self.source.mixture.as_points(x)))
        here, leaving = self.source.mixture.weights, self.plan.coupling.sum(axis=1)
        factors = np.divide(leaving, here, out=np.ones_like(here), where=here > 0)
        return self.source.responsibilities(x, codes) @ factors

    @property
    def _relaxed(self) -> tuple[bool, bool]:
        rho = self.plan.rho if isinstance(self.plan, OMTPlan) else (np.inf, np.inf)
        return bool(np.isfinite(rho[0])), bool(np.isfinite(rho[1]))

    def fates(self, x: Any, codes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, "n b"]:
        """Probability of each label of the target for the points x of the source, (n, d) -> (n, b).

        ``sum_kl r_k(x) w_kl / w_k`` over the components l of a label, with the responsibilities r of x in the part of
        the source that moves.

        Parameters
        ----------
        x : (n, d)
            Points.
        codes : (n,), optional
            Their labels as indices into ``source.names``, -1 where unknown.
        """
        return self.moving.responsibilities(x, codes) @ (rows_to_one(self.plan.coupling) @ self.target.membership)

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
        generator = as_generator(rng)
        points = self.source.mixture.as_points(x)
        whole = np.full(len(points), -1) if codes is None else codes
        out = np.empty(points.shape, points.dtype)
        for components, rows in self.source.parts(whole):
            route, mine = self._routes[tuple(components.tolist())], np.ascontiguousarray(points[rows])
            out[rows] = route.mean(mine) if kind == "mean" else route.random(mine, rng=generator)
        return out

    @cached_property
    def _routes(self) -> dict[tuple[int, ...], _Route]:
        """How the source moves, by the components that are asked: all of them, and those of each label alone."""
        owner, moving = self.source.owner, self.moving
        kept = np.zeros_like(self.plan.coupling)
        followed = joined_pairs(self.plan, _TAIL)  # of the whole plan: in a part, little of a component may be much
        kept[followed] = self.plan.coupling[followed]
        conditional = rows_to_one(kept)
        routes = {}
        for components in (np.arange(len(owner)), *(np.flatnonzero(owner == code) for code in np.unique(owner))):
            part = moving.part(components)
            own = _rows(self.plan, components, part.weights, conditional[components])
            arriving = Mixture(own.coupling.sum(axis=0), self.target.mixture.components)
            routes[tuple(components.tolist())] = _Route(part, arriving, own)
        return routes


@dataclass(frozen=True, eq=False)
class _Route:
    """Part of a population, where it goes, and its share of the plan; what the couplings of a map cost is paid once."""

    source: Mixture
    target: Mixture
    plan: Plan

    @cached_property
    def mean(self) -> TransportMap:
        return self.random.of_kind("mean")

    @cached_property
    def random(self) -> TransportMap:
        return TransportMap.along(self.source, self.target, self.plan, kind="random", tail=0.0)


def _rows(
    plan: Plan, rows: Int[np.ndarray, " s"], weights: Float[np.ndarray, " s"], conditional: Float[np.ndarray, "s l"]
) -> Plan:
    """The plan of some components of the source alone, with all their mass."""
    coupling, costs, (f, g) = weights[:, None] * conditional, plan.cost_matrix[rows], plan.potentials
    own: dict[str, Any] = {
        "coupling": coupling,
        "cost": float((coupling * costs).sum()),
        "cost_matrix": costs,
        "potentials": (f[rows], g),
    }
    if isinstance(plan, OMTPlan):
        f, g = plan.entropic_potentials
        marginals = {"source_weights": weights, "target_weights": coupling.sum(axis=0), "rho": (np.inf, np.inf)}
        own |= marginals | {"entropic_potentials": (f[rows], g)}
    return replace(plan, **own)
