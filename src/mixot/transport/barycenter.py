"""The average of several mixtures under MW2: exact, on given components, or with few components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Generic, Literal, Protocol, runtime_checkable

import numpy as np

from mixot._shapes import Float, Int
from mixot._typing import Law
from mixot.display import cards, lines
from mixot.errors import InputError, SolveError, UnsupportedError
from mixot.families.base import Family
from mixot.families.roles import Averaged, Compared, require
from mixot.mixture import Mixture, columns_of
from mixot.results import MultiPlan, Plan, Status
from mixot.solvers.base import wrong_solver
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.multimarginal.multi_marginal import MultiMarginal
from mixot.tallies import check_weights
from mixot.transport.maps import TransportMap
from mixot.transport.plans import of_components

_SOLVERS = ("MultiMarginal", "GivenComponents", "FixedPoint")  # the last two are built on this file


@dataclass(frozen=True, eq=False)
class Barycenter(Generic[Law]):
    """The mixture that minimises ``sum_j weights[j] MW2^2(mixture, inputs[j])``, and the plan that shows it.

    Each tuple of the plan joins one component of every input at a component of ``mixture``. For the exact barycenter
    that component is the tuple's own barycenter (Delon and Desolneux 2020, Corollary 3), so there are at most
    ``sum_j K_j - J + 1``.

    Parameters
    ----------
    mixture : the barycenter
    inputs : what was averaged, in the family of the barycenter
    weights : (J,), of the inputs
    plan : tuples (s, J) of components, their weights and costs; -1 stands for an input of weight zero
    labels : (s,), the component of ``mixture`` at which each tuple meets
    lower_bound : no mixture has a smaller objective (among those the solver chose from: see the solver)
    """

    mixture: Mixture[Law]
    inputs: tuple[Mixture[Law], ...]
    weights: Float[np.ndarray, " j"]
    plan: MultiPlan
    labels: Int[np.ndarray, " s"]
    lower_bound: float

    @property
    def objective(self) -> float:
        """``sum_j weights[j] MW2^2(mixture, inputs[j])``."""
        return self.plan.cost

    @property
    def gap(self) -> float:
        """Proven distance to the optimum: ``objective - lower_bound >= 0``, up to rounding."""
        return self.objective - self.lower_bound

    @property
    def status(self) -> Status:
        """How the solver ended."""
        return self.plan.status

    @property
    def tuples(self) -> Int[np.ndarray, "s j"]:
        """Components of the inputs that meet, tuple by tuple; -1 for an input of weight zero."""
        return self.plan.tuples

    def marginal(self, j: int) -> Float[np.ndarray, " k"]:
        """Weights of the components of input j, as the plan has them."""
        return self.plan.marginal(self.position(j), len(self.inputs[j]))

    def coupling(self, j: int) -> Plan:
        """The plan between input j and the barycenter, (K_j, k), with its certificate."""
        return coupling_with_input(self, self.position(j))

    def map(self, j: int, *, kind: Literal["mean", "random"] = "mean") -> TransportMap:
        """The map from input j to the barycenter along the plan; as `mixot.transport_map`, without solving again."""
        return TransportMap.along(self.inputs[self.position(j)], self.mixture, self.coupling(j), kind=kind)

    def __repr__(self) -> str:
        return lines.of_barycenter(self)

    def _repr_html_(self) -> str:
        return cards.barycenter_card(self)

    def position(self, j: int) -> int:
        """Input j, counted from the start; `InputError` where the plan has none."""
        count = len(self.inputs)
        if not -count <= j < count:
            raise InputError(f"j must be one of the {count} inputs, got {j}")
        if self.weights[j] == 0:
            raise InputError(f"input {j} has weight zero and is not in the plan; take transport_map(p, result.mixture)")
        return j % count


def coupling_with_input(mean: Barycenter, j: int) -> Plan:
    """Return the plan between input j of a barycenter and the barycenter: what its tuples say, and the exact bound."""
    source, target = mean.inputs[j], mean.mixture
    coupling = np.zeros((len(source), len(target)))
    np.add.at(coupling, (mean.tuples[:, j], mean.labels), mean.plan.weights)
    costs = require(source.components, Compared).cost(target.components)
    best = of_components(Exact().solve(costs, source.weights, target.weights))
    error = max(
        np.abs(coupling.sum(axis=1) - source.weights).max(), np.abs(coupling.sum(axis=0) - target.weights).max()
    )
    cost = float((coupling * best.cost_matrix).sum())
    return replace(best, coupling=coupling, cost=cost, marginal_error=float(error))


@runtime_checkable
class BarycenterSolver(Protocol):
    """A way to average mixtures: a frozen dataclass of options with one method."""

    def barycenter(self, problem: Average) -> Barycenter:
        """Return the barycenter of the problem's inputs."""
        ...


@dataclass(frozen=True, eq=False)
class Average:
    """The inputs in one family, and the weights; what has no weight is left out of ``families`` and ``marginals``."""

    inputs: tuple[Mixture, ...]
    weights: Float[np.ndarray, " j"]

    @classmethod
    def of(cls, measures: Sequence[Mixture], weights: Any) -> Average:
        """Check the inputs and bring them to one family."""
        count = len(measures)
        if count == 0:
            raise InputError("measures must hold at least one mixture, got none")
        shares = np.full(count, 1 / count) if weights is None else check_weights(weights, count, "mixtures")
        dims = [p.dim for p in measures]
        if len(set(dims)) > 1:
            raise InputError(f"all mixtures must live in the same space, got dimensions {dims}")
        if len({type(p.components) for p in measures}) > 1:
            measures = [Mixture(p.weights, p.components.widen(), columns=p.columns) for p in measures]
        names = [p.components.name for p in measures]
        if len(set(names)) > 1:
            raise UnsupportedError(
                f"no barycenter of mixtures of different families, got {names}; fit all with one family"
            )
        return cls(tuple(measures), shares)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the coordinates, where an input has them."""
        return columns_of(*self.inputs)

    @cached_property
    def kept(self) -> Int[np.ndarray, " i"]:
        """Inputs of positive weight."""
        return np.flatnonzero(self.weights > 0)

    @cached_property
    def lambdas(self) -> Float[np.ndarray, " i"]:
        """Their weights."""
        return self.weights[self.kept]

    @cached_property
    def live(self) -> list[np.ndarray]:
        """For each of them, its components of positive weight."""
        return [np.flatnonzero(self.inputs[j].weights > 0) for j in self.kept]

    @cached_property
    def families(self) -> list[Family]:
        """For each of them, the laws of these components."""
        return [self.inputs[j].components.take(k) for j, k in zip(self.kept, self.live, strict=True)]

    @cached_property
    def marginals(self) -> list[np.ndarray]:
        """For each of them, their weights."""
        return [self.inputs[j].weights[k] for j, k in zip(self.kept, self.live, strict=True)]

    def pairs(self) -> dict[tuple[int, int], np.ndarray]:
        """``lambda_i lambda_j W2^2`` of all components: over a tuple they add up to at most its true cost.

        ``sum_j lambda_j |x_j - x|^2 = sum_{i<j} lambda_i lambda_j |x_i - x_j|^2`` at the mean x, and each pair of
        laws is coupled at no less than W2^2.
        """
        return {
            (i, j): self.lambdas[i] * self.lambdas[j] * require(self.families[i], Compared).cost(self.families[j])
            for i, j in combinations(range(len(self.kept)), 2)
        }

    def meet(self, index: Int[np.ndarray, "s i"]) -> tuple[Family, Float[np.ndarray, " s"]]:
        """Barycenters of tuples of components, and what they cost."""
        return require(self.families[0], Averaged).barycenter(self.families[1:], index, self.lambdas)

    def in_inputs(self, plan: MultiPlan) -> MultiPlan:
        """The plan with its tuples in terms of the components of all inputs."""
        tuples = np.full((len(plan.tuples), len(self.inputs)), -1)
        for i, j in enumerate(self.kept):
            tuples[:, j] = self.live[i][plan.tuples[:, i]]
        return replace(plan, tuples=tuples)


def of_mixtures(measures: Sequence[Mixture], weights: Any = None, solver: Any = None) -> Barycenter:
    """Barycenter of the mixtures by ``solver``, the exact one if there is none; `InputError` names those that fit."""
    if solver is None:
        solver = MultiMarginal()
    if isinstance(solver, MultiMarginal):
        return _exact(Average.of(measures, weights), solver)
    if isinstance(solver, type | Family) or not isinstance(solver, BarycenterSolver):  # families average laws, too
        raise wrong_solver(solver, _SOLVERS, "barycenters are")
    return solver.barycenter(Average.of(measures, weights))


def _exact(problem: Average, solver: MultiMarginal) -> Barycenter:
    """Delon and Desolneux 2020, eqs. 5.3 and 5.7; true costs only where the plan has mass."""
    if len(problem.kept) == 1:
        return _alone(problem)
    met = _Met(problem)
    try:
        plan = solver.solve(problem.pairs(), problem.marginals, met.costs)
    except SolveError as unfinished:
        if not isinstance(unfinished.result, MultiPlan):
            raise
        raise SolveError(str(unfinished), _assemble(problem, unfinished.result, met)) from unfinished
    return _assemble(problem, plan, met)


def _assemble(problem: Average, plan: MultiPlan, met: _Met) -> Barycenter:
    mixture = Mixture(plan.weights / plan.weights.sum(), met.laws(plan.tuples), columns=problem.columns)
    labels = np.arange(len(plan.weights))
    return Barycenter(mixture, problem.inputs, problem.weights, problem.in_inputs(plan), labels, plan.lower_bound)


def _alone(problem: Average) -> Barycenter:
    """One mixture is its own barycenter."""
    weights, family = problem.marginals[0], problem.families[0]
    labels = np.arange(len(weights))
    plan = MultiPlan(labels[:, None], weights, np.zeros(len(weights)), 0.0, 0.0, Status.OPTIMAL, 0, 0.0)
    mixture = Mixture(weights, family, columns=problem.columns)
    return Barycenter(mixture, problem.inputs, problem.weights, problem.in_inputs(plan), labels, 0.0)


class _Met:
    """Remembers the barycenters whose costs the solver asked for: the answer is made of some of them."""

    def __init__(self, problem: Average) -> None:
        self.problem = problem
        self.at: dict[tuple[int, ...], int] = {}
        self.family: Family | None = None

    def costs(self, index: Int[np.ndarray, "s i"]) -> Float[np.ndarray, " s"]:
        family, costs = self.problem.meet(index)
        self.at.update({tuple(row): len(self.at) + s for s, row in enumerate(index.tolist())})
        self.family = family if self.family is None else self.family.append(family)
        return costs

    def laws(self, index: Int[np.ndarray, "s i"]) -> Family:
        if self.family is None or any(tuple(row) not in self.at for row in index.tolist()):
            return self.problem.meet(index)[0]
        return self.family.take(np.array([self.at[tuple(row)] for row in index.tolist()]))
