"""Exact transport of a share of the mass, the cheapest to move, with dual potentials as proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, SolveError
from mixot.results import Plan
from mixot.results import Status as Status  # for who reads the annotations of the inherited fields
from mixot.solvers.discrete.exact import Exact


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class PartialPlan(Plan):
    """The cheapest way to move a share of the mass, from wherever it is cheap to wherever it is.

    It is a `Plan` whose ``coupling`` has the total ``mass`` and marginals of at most the weights; `unmoved` is what is
    left of both. ``cost`` is ``<w, cost_matrix>``, the sum over the mass that is moved and no mean; ``distance`` is its
    root, and no metric. ``price`` is what the cost rises by, per unit, where the mass does. The potentials f and g are
    not positive, ``f[i] + g[j] + price <= cost_matrix[i, j]``, and ``lower_bound`` is their dual value
    ``f @ a + g @ b + price * mass``.
    """

    mass: float
    price: float
    source_weights: Float[np.ndarray, " k"]
    target_weights: Float[np.ndarray, " l"]
    notes: tuple[str, ...] = field(default=())

    @property
    def unmoved(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]:
        """Mass that stays at each atom of the source, and mass of each of the target that nothing arrives for."""
        left = self.source_weights - self.coupling.sum(axis=1), self.target_weights - self.coupling.sum(axis=0)
        return np.maximum(left[0], 0.0), np.maximum(left[1], 0.0)


@dataclass(frozen=True)
class Partial:
    """Network simplex for the transport of a share of the mass; what `mixot.plan` takes for ``mass=``.

    A further atom on each side takes the rest at no cost, and no mass may go from one of these to the other: that is a
    linear program of transport as any other, and its answer exact.

    Parameters
    ----------
    mass : share of the mass that is moved, above 0 and at most 1
    exact : solves the program

    Raises
    ------
    InputError
        Where mass is no such share.

    Examples
    --------
    >>> half = Partial(0.5).solve(np.array([[1.0, 9.0], [4.0, 0.0]]), np.array([0.7, 0.3]), np.array([0.5, 0.5]))
    >>> half.coupling.round(12).tolist(), round(half.cost, 12), half.unmoved[0].round(12).tolist()
    ([[0.2, 0.0], [0.0, 0.3]], 0.2, [0.5, 0.0])

    References
    ----------
    Chapel, Alaya and Gasso, Partial optimal transport with applications on positive-unlabeled learning (2020).
    """

    mass: Any  # checked below, in words
    exact: Exact = field(default_factory=Exact)

    def __post_init__(self) -> None:
        share: Any = self.mass
        number = isinstance(share, int | float | np.integer | np.floating) and not isinstance(share, bool)
        if not (number and 0 < share <= 1):
            raise InputError(f"mass must be a share above 0 and at most 1, got {self.mass!r}")

    def solve(
        self, cost: Float[np.ndarray, "k l"], a: Float[np.ndarray, " k"], b: Float[np.ndarray, " l"]
    ) -> PartialPlan:
        """Return ``min <w, cost>`` over w >= 0 of total mass ``mass``, ``w 1 <= a``, ``w^T 1 <= b``; a, b sum to one.

        Raises
        ------
        InputError
            Where costs are negative or not finite, or weights are none of a probability.
        SolveError
            Where ``exact.max_iter`` was too small; ``.result`` is its best plan.
        """
        if not (np.isfinite(cost) & (cost >= 0)).all():
            raise InputError("a share of the mass is moved under costs that are finite and not negative")
        mass = float(self.mass)
        # Of mass between both further atoms, and some that is moved, the first could be put to zero and the second
        # lowered by as much: any positive cost of that pair keeps it empty.
        wide = np.zeros((cost.shape[0] + 1, cost.shape[1] + 1))
        wide[:-1, :-1] = cost
        wide[-1, -1] = float(cost.max()) or 1.0
        try:
            plan = self.exact.solve(wide, np.append(a, 1 - mass), np.append(b, 1 - mass))
        except SolveError as unfinished:
            raise SolveError(str(unfinished), self._without(unfinished.result, cost, a, b)) from unfinished
        return self._without(plan, cost, a, b)

    def _without(self, plan: Plan, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> PartialPlan:
        """The plan without the further atoms, and what their potentials say of the price."""
        f, g = plan.potentials
        coupling, mass = plan.coupling[:-1, :-1].copy(), float(self.mass)
        value = float((coupling * cost).sum())
        over = [(coupling.sum(axis=axis) - weights).max() for axis, weights in ((1, a), (0, b))]
        notes = (
            () if mass == 1 else (f"a share of {mass:.6g} of the mass is moved, and the cost is that of this share",)
        )
        return PartialPlan(
            coupling,
            value,
            min(plan.lower_bound, value),
            plan.status,
            plan.iterations,
            float(max(*over, abs(coupling.sum() - mass), 0.0)),
            cost,
            (f[:-1] + g[-1], g[:-1] + f[-1]),
            distance_name="partial W2",
            mass=mass,
            price=float(-f[-1] - g[-1]),
            source_weights=a,
            target_weights=b,
            notes=notes,
        )
