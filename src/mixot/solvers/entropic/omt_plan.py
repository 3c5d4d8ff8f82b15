"""What optimal mixture transport returns: the coupling, its certificate, the mass it makes and loses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mixot._shapes import Float
from mixot.results import Plan
from mixot.results import Status as Status  # for who reads the annotations of the inherited fields
from mixot.solvers.entropic.stability import Stability


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class OMTPlan(Plan):
    """The coupling that minimises ``<C, w> + lam KL(w | a b')``, with a certificate of both terms.

    It is a `Plan`: ``cost`` is ``<C, w>``, the squared distance it achieves without the entropy of the coupling (for
    ``eps > 0`` the component costs hold their own entropic term), ``distance`` its root, at least MW2 and no metric;
    ``potentials`` are feasible for the linear program, ``f[i] + g[j] <= cost_matrix[i, j]``, and no coupling with the
    marginals of this one costs less than ``lower_bound``, their dual value. ``excess = cost - lower_bound`` is what
    smoothness costs at most.

    What was minimised is ``primal``; ``dual`` is the value of ``entropic_potentials`` (f, g), with which
    ``coupling = a_i b_j exp((f_i + g_j - C_ij) / lam)`` up to rounding, and ``gap = primal - dual`` is proven. With
    ``lam = 0`` all of this is the linear program's: ``primal = cost`` and ``dual = lower_bound``.

    ``component_cost`` is "w2" or "kl", what ``C`` is made of. Where marginals are relaxed, ``rho`` finite, ``primal``
    includes ``rho_p KL(w 1 | a) + rho_q KL(w' 1 | b)``; `created` and `destroyed` tell what the plan makes and loses.
    """

    lam: float
    eps: float
    rho: tuple[float, float]
    component_cost: str
    primal: float
    dual: float
    source_weights: Float[np.ndarray, " k"]
    target_weights: Float[np.ndarray, " l"]
    entropic_potentials: tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]
    distance_name: str = field(init=False)  # not MW2, which is least among such roots

    def __post_init__(self) -> None:
        object.__setattr__(self, "distance_name", "OMT" if self.component_cost == "w2" else "OMT (KL)")

    @property
    def gap(self) -> float:
        """Proven distance to the optimum of what was minimised: ``primal - dual >= 0``."""
        return self.primal - self.dual

    @property
    def excess(self) -> float:
        """``cost - lower_bound``: how much cheaper a coupling with these marginals can be, at most."""
        return self.cost - self.lower_bound

    @property
    def balanced(self) -> bool:
        """Whether both marginals were asked for exactly."""
        return not np.isfinite(self.rho).any()

    def stability(self) -> Stability:
        """Return bounds on how far the coupling moves when weights or costs change; printed, it explains itself.

        Examples
        --------
        >>> from mixot import OMT
        >>> cost, half = np.array([[0.0, 1.0], [1.0, 0.0]]), np.full(2, 0.5)
        >>> found = OMT(lam=0.5).solve(cost, half, half).stability()
        >>> round(found.cost_bound(cost + [[0.0, 0.1], [0.0, 0.0]]), 9)
        0.05
        """
        return Stability.of(self)

    @property
    def created(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
        """Mass made at each component: what leaves a source beyond its weight, what a target has that none sends."""
        left, arrived = self._change
        return np.maximum(left, 0.0), np.maximum(arrived, 0.0)

    @property
    def destroyed(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
        """Mass lost at each component: what never leaves a source, what arrives at a target beyond its weight."""
        left, arrived = self._change
        return np.maximum(-left, 0.0), np.maximum(-arrived, 0.0)

    @property
    def growth(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
        """Factor by which each component's mass changes on its side of the journey; one where nothing is relaxed.

        ``w 1 / a`` at the sources, above one for a population that grows, and ``b / w' 1`` at the targets, above one
        where newcomers join. Components without weight have the factor one.
        """
        left, arrived = self.coupling.sum(axis=1), self.coupling.sum(axis=0)
        return (
            _factor(left, self.source_weights, self.source_weights, self.rho[0]),
            _factor(self.target_weights, arrived, self.target_weights, self.rho[1]),
        )

    @property
    def _change(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
        """Mass made (positive) or lost at each source and each target, exactly zero where a marginal is kept."""
        left = self.coupling.sum(axis=1) - self.source_weights
        arrived = self.target_weights - self.coupling.sum(axis=0)
        return left * np.isfinite(self.rho[0]), arrived * np.isfinite(self.rho[1])


def _factor(over: np.ndarray, under: np.ndarray, weights: np.ndarray, rho: float) -> np.ndarray:
    out = np.ones_like(over)
    with np.errstate(divide="ignore"):
        return np.divide(over, under, out=out, where=weights > 0) if np.isfinite(rho) else out
