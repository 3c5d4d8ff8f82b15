"""Optimal couplings of the components of two mixtures, of two clouds of points, of points and a density."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, overload

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.families.base import Family, common
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.roles import Compared, Divergent, EntropicallyCompared, require
from mixot.formulas.gaussian.cost_matrix import point_costs
from mixot.measures import Grid, Samples
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.solvers.base import Solver
from mixot.solvers.discrete.partial import PartialPlan
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.plan import CellSolver, SemidiscretePlan

P = TypeVar("P", bound=Plan)

P = TypeVar("P", bound=Plan)

_OF_LAWS = {"W2": "MW2", "partial W2": "partial MW2"}  # what the distances of atoms are called where these are laws
_MOST = 2**31  # bytes of one cost matrix; the solver needs about six of that size
_LEAST = 1e-17  # share of both its components below which a pair is not seen in their sums


@overload
def between_mixtures(p: Mixture, q: Mixture, solver: OMT) -> OMTPlan: ...
@overload
def between_mixtures(p: Mixture, q: Mixture, solver: Solver) -> Plan: ...
def between_mixtures(p: Mixture, q: Mixture, solver: Solver) -> Plan:
    """MW2 or OMT: the coupling of the weights of p and q that is best under the component costs.

    ``min sum_kl w_kl W2^2(p_k, q_l)`` over couplings w of the weights (Delon and Desolneux 2020, eq. 4.4; Chen,
    Georgiou and Tannenbaum 2019, eq. 9); `OMT` adds the entropy of w, and may use entropic costs or KL instead.

    Raises
    ------
    InputError
        Where p and q live in different dimensions, or a cost is infinite (KL between laws of different supports).
    UnsupportedError
        Where the families differ, or this one has no formula for the costs.

    Examples
    --------
    >>> from mixot import Exact, Gaussian
    >>> p = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
    >>> q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
    >>> round(between_mixtures(p, q, Exact()).cost, 12)
    0.12475
    """
    source, target = common(p.components, q.components)
    try:
        return of_components(solver.solve(component_costs(source, target, solver), p.weights, q.weights))
    except SolveError as unfinished:
        raise SolveError(str(unfinished), of_components(unfinished.result)) from unfinished


def of_components(plan: Any) -> Any:
    """The plan by its name: a solver sees costs of atoms, W2, and does not know that they are laws, MW2."""
    if isinstance(plan, Plan) and plan.distance_name in _OF_LAWS:
        return replace(plan, distance_name=_OF_LAWS[plan.distance_name])
    return plan


def component_costs(source: Family, target: Family, solver: Solver) -> Float[np.ndarray, "k l"]:
    """What it costs to move each component of the source onto each of the target, as the solver counts it.

    Examples
    --------
    >>> from mixot import Exact, Gaussian
    >>> component_costs(Gaussian([0.0], [1.0]), Gaussian([3.0, 0.0], [1.0, 4.0]), Exact()).tolist()
    [[9.0, 1.0]]
    """
    if isinstance(solver, OMT) and solver.cost == "kl":
        return _divergences(source, target)
    if isinstance(solver, OMT) and solver.eps > 0:
        return require(source, EntropicallyCompared).entropic_cost(target, solver.eps)
    return require(source, Compared).cost(target)


def _divergences(source: Family, target: Family) -> Float[np.ndarray, "k l"]:
    cost = require(source, Divergent).divergence(target)
    far = np.argwhere(~np.isfinite(cost))
    if len(far):
        k, l = far[0].tolist()  # noqa: E741
        raise InputError(
            f"KL(p_k | q_l) is infinite for {len(far)} of {cost.size} pairs of components, the first is k = {k}, "
            f'l = {l}: the target has no mass where the source has some; use cost="w2"'
        )
    return cost


def joined_pairs(plan: Plan, tail: float = 0.0) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """Pairs of components that the plan joins, in order of rows: all that change a digit of either one's mass.

    With a ``tail``, of each component on either side the largest ones that carry all but this share of its mass.

    Examples
    --------
    >>> from mixot import Exact, Gaussian
    >>> p = Mixture([0.5, 0.5], Gaussian([0.0, 9.0], [1.0, 1.0]))
    >>> [part.tolist() for part in joined_pairs(between_mixtures(p, p, Exact()))]
    [[0, 1], [0, 1]]
    """
    w = plan.coupling
    left, arrived = w.sum(axis=1, keepdims=True), w.sum(axis=0)
    seen = (w > _LEAST * left) | (w > _LEAST * arrived)
    if tail > 0:
        seen &= _without_tails(w, tail) | _without_tails(w.T, tail).T
    rows, cols = np.nonzero(seen)
    return rows, cols


def left_out(plan: Plan, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> float:
    """Share of the plan's mass that goes along other pairs than these."""
    rest = plan.coupling.copy()
    rest[rows, cols] = 0.0
    return float(rest.sum() / plan.coupling.sum())


def rows_to_one(w: np.ndarray) -> np.ndarray:
    """Rows divided by their sums; zero where nothing is."""
    total = w.sum(axis=1, keepdims=True)
    return np.divide(w, total, out=np.zeros_like(w), where=total > 0)


def _without_tails(w: np.ndarray, tail: float) -> np.ndarray:
    """Which entries of each row carry all but the share ``tail`` of its sum: (k, l) -> (k, l)."""
    order = np.argsort(w, axis=1)
    rising = np.cumsum(np.take_along_axis(w, order, axis=1), axis=1)
    kept = np.empty(w.shape, dtype=bool)
    np.put_along_axis(kept, order, rising > tail * rising[:, -1:], axis=1)
    return kept


def reversed_plan(plan: P) -> P:
    """The plan as the target sees it: rows and columns exchanged.

    Examples
    --------
    >>> from mixot import Exact, Gaussian
    >>> p, q = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([0.5, 0.5], Gaussian([0.0, 3.0], [1.0, 1.0]))
    >>> reversed_plan(between_mixtures(p, q, Exact())).coupling.tolist()
    [[0.5], [0.5]]
    """
    exchanged: dict[str, Any] = {
        "coupling": plan.coupling.T,
        "cost_matrix": plan.cost_matrix.T,
        "potentials": plan.potentials[::-1],
    }
    if isinstance(plan, OMTPlan | PartialPlan):
        exchanged |= {"source_weights": plan.target_weights, "target_weights": plan.source_weights}
    if isinstance(plan, OMTPlan):
        exchanged |= {"rho": plan.rho[::-1], "entropic_potentials": plan.entropic_potentials[::-1]}
    return replace(plan, **exchanged)


def between_samples(p: Samples, q: Samples, solver: Solver) -> Plan:
    """Exact discrete W2: cheapest coupling of the points under squared distances; with `OMT`, the entropic one.

    Raises
    ------
    InputError
        Where p and q live in different spaces, their cost matrix would take more than 2 GiB, or the solver has
        options that points have no use for.

    Examples
    --------
    >>> from mixot import Exact
    >>> between_samples(Samples([0.0, 1.0]), Samples([3.0, 2.0]), Exact()).distance
    2.0
    """
    if p.dim != q.dim:
        raise InputError(f"p and q must live in the same space, got dimension {p.dim} and {q.dim}")
    if isinstance(solver, OMT) and (solver.eps > 0 or solver.cost != "w2"):
        raise InputError("points have no inner couplings: between samples leave out eps and cost, lam is the entropy")
    size = 8 * len(p) * len(q)
    if size > _MOST:
        raise InputError(
            f"an exact plan between {len(p)} and {len(q)} points needs a cost matrix of {size / 2**30:.1f} GiB, and "
            "about six times that to solve; take a sample of the points, or fit a mixture to each and compare those"
        )
    return solver.solve(point_costs(p.points, q.points), p.weights, q.weights)


def between_points_and_density(points: Samples, density: Grid | Mixture, solver: CellSolver) -> SemidiscretePlan:
    """Exact semi-discrete W2 between points and a grid or a mixture of Gaussians, in dimension one to three.

    Raises
    ------
    InputError
        Where both live in different spaces.
    UnsupportedError
        For other families, in dimensions above 3, and beyond the line for singular covariances.

    Examples
    --------
    >>> from mixot import Gaussian, Semidiscrete
    >>> q = Mixture([1.0], Gaussian([[1.0, 0.0]], [np.diag([2.0, 3.0])]))
    >>> round(between_points_and_density(Samples([[4.0, 4.0]]), q, Semidiscrete()).cost, 10)  # 9 + 16 + 2 + 3
    30.0
    """
    return solver.solve(points, density if isinstance(density, Grid) else gaussian_target(density))


def gaussian_target(q: Mixture) -> GaussianTarget:
    """The density of a mixture of Gaussians that points can be transported to.

    Raises
    ------
    UnsupportedError
        For other families, in dimensions above 3, and beyond the line for singular covariances.
    """
    wide = q.components.widen()
    if not isinstance(wide, Gaussian) or q.dim > 3:
        raise UnsupportedError(
            "points are transported to mixtures of Gaussians in dimension 1 to 3, got "
            f"{q.components.name} laws in dimension {q.dim}; transport to a sample of it, Samples(q.sample(n)), or "
            "fit a mixture to the points"
        )
    seen = q.weights > 0
    flat = np.flatnonzero(seen & (wide.rank() < q.dim)) if q.dim > 1 else np.empty(0, int)
    if len(flat):
        raise UnsupportedError(
            f"components {flat[:5].tolist()} have a singular covariance, so the mixture has no density; "
            "add a small multiple of the identity to the covariances"
        )
    return GaussianTarget(q, q.weights[seen], wide.means[seen], wide.covs[seen])
