"""Paths between two mixtures along which each pair of components moves on its own geodesic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from mixot._shapes import Float, Int
from mixot._typing import Law
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import common
from mixot.families.roles import Interpolated, require
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.base import Solver
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.plans import between_mixtures, joined_pairs

P = TypeVar("P", bound="Interpolation")


@dataclass(frozen=True, eq=False)
class Interpolation(Generic[Law]):
    """A path of mixtures from p at t = 0 to q at t = 1 along any plan; ``path(t)`` is the mixture at time t.

    ``p_t = sum_kl w_kl p_kl(t)``: the pair (k, l) of components has the weight that the plan gives it and moves along
    its own W2 geodesic. It is the law of ``(1 - t) x + t y`` for x and y joined by the random map of the plan. Only for
    the plan of MW2 is it a geodesic, of constant speed (`Geodesic`). Where marginals were relaxed it goes from the part
    of p that moves to where that arrives, both of mass one.

    Parameters
    ----------
    source, target : components of p and of q
    rows, cols : (s,), the pairs of components that the plan joins
    weights : (s,), the mass of each pair
    plan : the plan, with its certificate
    columns : names of the coordinates, those of p, or None

    Examples
    --------
    >>> from mixot import OMT, Gaussian, Mixture
    >>> p = Mixture([0.5, 0.5], Gaussian([0.0, 4.0], [1.0, 1.0]))
    >>> path = Interpolation.along(p, p, between_mixtures(p, p, OMT(lam=1e9)))
    >>> len(path), path(0.5).components.means.ravel().tolist()
    (4, [0.0, 2.0, 2.0, 4.0])
    """

    source: Law
    target: Law
    rows: Int[np.ndarray, " s"]
    cols: Int[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]
    plan: Plan
    columns: tuple[str, ...] | None = None

    @classmethod
    def along(cls: type[P], p: Mixture, q: Mixture, plan: Plan) -> P:
        """Return the path along a plan between the components of p and q, optimal or not."""
        source, target = common(p.components, q.components)
        if isinstance(plan, OMTPlan) and (plan.eps > 0 or plan.component_cost != "w2"):
            raise UnsupportedError(
                "components move along W2 geodesics: leave out eps and cost, or draw paths of points, "
                "transport_map(p, q, solver=...).trajectories(x, times)"
            )
        rows, cols = joined_pairs(plan)
        weights = plan.coupling[rows, cols]
        return cls(source, target, rows, cols, weights / weights.sum(), plan, p.columns)

    def __len__(self) -> int:
        return len(self.weights)

    def __call__(self, t: Any) -> Mixture[Law]:
        """Return the mixture at time t in [0, 1]; at 0 and 1 its components are those of p and q, to the bit.

        Raises
        ------
        InputError
            Where t is not one number in [0, 1].
        """
        try:
            several = np.ndim(t) != 0
            time = np.nan if several else float(t)
        except Exception:  # whatever a stranger's object raises
            raise InputError(f"t must be a number in [0, 1], got {t!r}") from None
        if several:
            raise InputError(f"t must be one number, got shape {np.shape(t)}; write [geodesic(t) for t in times]")
        if not 0.0 <= time <= 1.0:
            raise InputError(f"t must lie in [0, 1], got {time:g}")
        laws = require(self.source, Interpolated).between(self.target, self.rows, self.cols, time)
        return Mixture(self.weights, laws, columns=self.columns)

    @property
    def distance(self) -> float:
        """Root of what the plan costs: MW2(p, q), the length of the path, where it is a `Geodesic`."""
        return self.plan.distance


class Geodesic(Interpolation[Law]):
    """The path of mixtures from p at t = 0 to q at t = 1; ``geodesic(t)`` is the mixture at time t.

    The `Interpolation` along the plan of MW2 (Delon and Desolneux 2020, Corollary 2; Chen, Georgiou and Tannenbaum
    2019, Theorem 2). It has constant speed, ``MW2(p_s, p_t) = |t - s| distance``, and at most K0 + K1 - 1 components.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [0.04, 0.04]))
    >>> q = Mixture([1.0], Gaussian([2.0], [0.16]))
    >>> half = Geodesic.between(p, q)(0.5)
    >>> half.components.means.ravel().tolist(), half.components.covs.ravel().round(12).tolist()
    ([1.0, 1.5], [0.09, 0.09])
    """

    @classmethod
    def between(cls, p: Mixture, q: Mixture) -> Geodesic:
        """Solve for the plan between p and q and return the path it gives."""
        return cls.along(p, q, between_mixtures(p, q, Exact()))


def path_between(p: Mixture, q: Mixture, solver: Solver) -> Interpolation:
    """Return the path along the solver's plan: a `Geodesic`, unless the plan is one of optimal mixture transport."""
    plan = between_mixtures(p, q, solver)
    return (Interpolation if isinstance(plan, OMTPlan) else Geodesic).along(p, q, plan)
