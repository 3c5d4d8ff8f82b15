"""What the verbs return: frozen, passive, each with the proof of what it claims."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, cast

import numpy as np

from mixot._shapes import Float, Int
from mixot._typing import Law
from mixot.display import cards, lines

if TYPE_CHECKING:
    from mixot.mixture import Mixture


class Status(StrEnum):
    """How a solver ended, and what to do about it."""

    OPTIMAL = "optimal"
    CONVERGED = "converged"
    MAX_ITER = "max_iter"
    STALLED = "stalled"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"

    @property
    def solved(self) -> bool:
        """Whether the answer meets the tolerance that was asked for."""
        return self in (Status.OPTIMAL, Status.CONVERGED)

    @property
    def advice(self) -> str:
        """One sentence for the person who reads the result."""
        return _ADVICE[self]

    def advice_for(self, options: Any) -> str:
        """The same, naming only those options that ``options``, the solver or the fitter, has."""
        facts, *moves = self.advice.split("; ")
        apart = [move for each in moves for move in re.split(r",? or ", each)]
        held = [move for move in apart if not _OPTION.match(move) or _has(options, move)]
        return "; ".join([facts, *([" or ".join(held)] if held else [])])


_ADVICE = {
    Status.OPTIMAL: "solved to proven optimality",
    Status.CONVERGED: "converged to the tolerance that was asked for",
    Status.MAX_ITER: "stopped at the iteration limit; raise max_iter or loosen tol",
    Status.STALLED: "no further progress is possible in floating point; loosen tol, or leave out what is orders apart",
    Status.INFEASIBLE: "no point meets all constraints, as the certificate proves; relax those it weighs most",
    Status.UNBOUNDED: "the objective falls forever along the ray that is attached; bound the variables that it moves",
}


_OPTION = re.compile(r"(?:raise|loosen) (\w+)$")


def _has(options: Any, move: str) -> bool:
    named = _OPTION.match(move)
    return named is not None and hasattr(options, named[1])


@dataclass(frozen=True, slots=True)
class Progress:
    """One tick of a long job, handed to the caller's ``progress`` callback."""

    stage: str
    step: int
    total: int | None = None
    value: float | None = None


ProgressCallback = Callable[[Progress], Any]


class Likelihood:
    """Information criteria of what has a mean ``log_likelihood``, ``n_parameters`` and a number of ``observations``.

    They are totals over the observations, as they are usually printed, and NaN where there is no likelihood; lower is
    better.
    """

    __slots__ = ()

    log_likelihood: float
    n_parameters: int
    observations: float

    @property
    def bic(self) -> float:
        """Schwarz's criterion, ``-2 log L + n_parameters log(observations)``, log L that of all observations.

        Examples
        --------
        >>> round(Candidate(1, -1.5, 3.0921, n_parameters=2, observations=100.0).bic, 4)
        309.2103
        """
        return self._deviance + self.n_parameters * float(np.log(self.observations))

    @property
    def aic(self) -> float:
        """Akaike's criterion, ``-2 log L + 2 n_parameters``, log L that of all observations.

        Examples
        --------
        >>> Candidate(1, -1.5, 3.0921, n_parameters=2, observations=100.0).aic
        304.0
        """
        return self._deviance + 2.0 * self.n_parameters

    @property
    def _deviance(self) -> float:
        return -2.0 * self.log_likelihood * self.observations


@dataclass(frozen=True, eq=False, slots=True)
class Candidate(Likelihood, Generic[Law]):
    """One number of components that was tried, and how it fared.

    ``structure`` is the model of the covariances, "EII" to "VVV" ("E" and "V" on the line), of a Gaussian mixture that
    EM fitted; empty otherwise. ``reason`` says why the candidate did not compete, or what else keeps its numbers from
    being taken at their word; it is empty where there is nothing to say. ``mixture`` is what was fitted, and
    ``n_parameters``, ``observations``, ``bic`` and ``aic`` are as in `Fit`.
    """

    k: int
    log_likelihood: float
    criterion: float
    reason: str = ""
    structure: str = ""
    mixture: Mixture[Law] = field(default=cast("Any", None), repr=False, kw_only=True)  # fitters give it, every time
    n_parameters: int = field(default=0, kw_only=True)
    observations: float = field(default=float("nan"), kw_only=True)


@dataclass(frozen=True, eq=False, slots=True)
class Background:
    """A uniform law beside a mixture, for the rows that belong to none of its components.

    It has ``weight`` of the mass, spread evenly over ``volume``, and the responsibility ``shares[i]`` for row i; the
    density of the rows is ``weight / volume + (1 - weight) * mixture.density(x)``.
    """

    weight: float
    volume: float
    shares: Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False, slots=True)
class Fit(Likelihood, Generic[Law]):
    """A mixture fitted to data, and how well.

    ``log_likelihood`` is the mean per unit of weight (nats per observation), ``criterion`` the information criterion
    per observation, lower is better (BIC unless ICL was asked for), ``history`` the objective after each iteration: it
    never decreases, and is the log-likelihood where nothing regularises it (``EM.reg``, ``EM.prior``). ``candidates``
    are the numbers of components that were tried, each with its mixture, ``notes`` what the data did to the fit, one
    sentence each.
    ``structure`` is the model of the covariances, "EII" to "VVV" ("E" and "V" on the line), where EM fitted a Gaussian
    mixture.

    ``n_parameters`` numbers were free to be chosen (weights included; directions in which the rows do not vary left
    out), for ``observations`` rows: the sum of counts, or Kish's effective number of weighted rows. ``bic`` and ``aic``
    are totals, as the field prints them; ``criterion`` is ``bic / observations``, where it is BIC. ``background`` is
    the uniform law beside the mixture that `EM` fits with ``background=True``: the likelihood is that of both together.
    """

    mixture: Mixture[Law]
    status: Status
    iterations: int
    log_likelihood: float
    criterion: float
    history: Float[np.ndarray, " i"]
    candidates: tuple[Candidate[Law], ...] = ()
    notes: tuple[str, ...] = field(default=())
    structure: str = field(default="", kw_only=True)
    n_parameters: int = field(default=0, kw_only=True)
    observations: float = field(default=float("nan"), kw_only=True)
    background: Background | None = field(default=None, kw_only=True)

    def named(self, columns: tuple[str, ...] | None) -> Fit[Law]:
        """The same fit, the coordinates of its mixtures called so, (d,)."""
        tried = tuple(
            each if each.mixture is None else replace(each, mixture=each.mixture.named(columns))
            for each in self.candidates
        )
        return replace(self, mixture=self.mixture.named(columns), candidates=tried)

    def __repr__(self) -> str:
        return lines.of_fit(self)

    def _repr_html_(self) -> str:
        return cards.fit_card(self)


@dataclass(frozen=True, eq=False, slots=True)
class Level:
    """One order of the moment-SOS hierarchy, and what it proved.

    ``objective`` is the relaxation's value and ``lower_bound`` a proven bound of the distance, both as W2^2 in the
    squared units of the data, or as total variation (0 to 2); ``lower_bound`` counts what lower orders proved, too.
    ``ranks`` are those of the moment matrices of this order and of the lower one that flatness compares, by
    ``singular_values`` of the first, relative to the largest. ``vacuous`` says that the lower one has full rank, so
    that equal ranks prove nothing. ``regularized`` is the value tau of the relaxation with the regulariser, the least
    ``distance + eps int R dphi`` in the same units as ``objective``; NaN where none was solved.
    """

    order: int
    objective: float
    lower_bound: float
    status: Status
    flat: bool
    vacuous: bool
    ranks: tuple[int, int]
    singular_values: Float[np.ndarray, " n"]
    commutator: float
    variables: int
    seconds: float
    regularized: float = float("nan")


@dataclass(frozen=True, eq=False, slots=True)
class PopulationBound:
    """How close any mixture can come to the law that samples were drawn from, at a level of confidence.

    With probability ``level`` over the draws, no mixture over the region of the fit is closer to the population than
    ``lower_bound`` in ``distance_name`` ("tv", between 0 and 2, or "w2"), by moments up to degree ``2 order``. The
    statement is "finite-sample", true for every number of independent draws, or "asymptotic": its probability tends to
    the level as their number grows. ``box`` (d, 2) is where the moments were taken and ``outside`` what the population
    has outside of it at most, zero where it is known to lie there.
    """

    level: float
    lower_bound: float
    distance_name: str
    order: int
    coverage: str
    outside: float
    box: Float[np.ndarray, "d 2"]

    def __str__(self) -> str:
        name = "W2" if self.distance_name == "w2" else "total variation"
        how = "for this many draws" if self.coverage == "finite-sample" else "as draws grow many"
        if not self.lower_bound > 0:
            return f"nothing is shown of the population at {self.level:.4g} ({self.coverage})"
        return (
            f"{name} of the population to any mixture over the region: at least {self.lower_bound:.6g}, with "
            f"probability {self.level:.4g} {how}"
        )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class MomentFit(Fit[Law]):
    """A mixture found from moments, with a proof of how close any mixture can come.

    ``lower_bound`` is proven: no mixture of the family with parameters in the region S, of however many components, is
    closer to the data in ``distance_name`` ("w2", a distance and not its square, or "tv") than that; zero proves
    nothing. ``region`` is S in words. The data are the law of the samples themselves, their noise included; of the law
    that they were drawn from ``population`` speaks, where a level of confidence was asked for. ``regularized`` is tau,
    the value of the last relaxation with the regulariser ``regularizer``, beside ``hierarchy[-1].objective``, its value
    without; NaN where the fewest atoms were searched instead. ``flat`` says that the moment matrix of order ``order``
    is that of ``ranks[0]`` atoms, which is the number of components where moments are exact, and shows the noise where
    they are those of samples; ``ranks`` are the two that were compared, and ``hierarchy`` holds every order that was
    solved. ``projection`` (d, 2 or 3) is the map to the coordinates that were fitted where the data have more than
    three; the bound then is of the projected data, and holds all the more for all of them. Without data, only moments,
    there is no likelihood: ``log_likelihood`` and ``criterion`` are NaN, and ``notes`` say so. ``starts`` are the atoms
    of the last relaxation, a mixture for each number of components that was read from it.
    """

    lower_bound: float = 0.0
    distance_name: str = "tv"
    order: int = 0
    flat: bool = False
    ranks: tuple[int, int] = (0, 0)
    hierarchy: tuple[Level, ...] = ()
    projection: Float[np.ndarray, "d e"] | None = None
    starts: tuple[Mixture[Law], ...] = ()
    region: str = ""
    regularizer: str = ""
    population: PopulationBound | None = None

    @property
    def regularized(self) -> float:
        """The value tau of the last relaxation with its regulariser: W2 squared or total variation, plus its share."""
        return self.hierarchy[-1].regularized if self.hierarchy else float("nan")


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A feasible coupling with a certificate of its cost.

    ``coupling[i, j]`` is the mass that goes from atom (or component) i of the source to j of the target, ``cost`` the
    squared distance it achieves under ``cost_matrix``, ``potentials`` a pair of dual feasible vectors ``(f, g)``,
    ``f[i] + g[j] <= cost_matrix[i, j]``, and ``lower_bound`` their dual value. ``distance_name`` is what ``distance``
    is called: "W2" between atoms that cost what ``cost_matrix`` says, which is all that a solver knows; who made the
    costs of two mixtures' components calls it "MW2".
    """

    coupling: Float[np.ndarray, "k l"]
    cost: float
    lower_bound: float
    status: Status
    iterations: int
    marginal_error: float
    cost_matrix: Float[np.ndarray, "k l"]
    potentials: tuple[Float[np.ndarray, " k"], Float[np.ndarray, " l"]]
    distance_name: str = field(default="W2", kw_only=True)

    @property
    def gap(self) -> float:
        """Proven distance to the optimum: ``cost - lower_bound >= 0``."""
        return self.cost - self.lower_bound

    @property
    def distance(self) -> float:
        """Square root of the cost, in the units of the data."""
        return float(np.sqrt(max(self.cost, 0.0)))

    def __repr__(self) -> str:
        return lines.of_plan(self)

    def _repr_html_(self) -> str:
        return cards.plan_card(self)


@dataclass(frozen=True, eq=False, slots=True)
class MultiPlan:
    """A coupling of J marginals, as the tuples that carry mass, with a certificate of its cost.

    Mass ``weights[s]`` joins component ``tuples[s, j]`` of each marginal j, at ``costs[s]`` per unit of mass;
    ``cost`` is the total, and no coupling costs less than ``lower_bound``.
    """

    tuples: Int[np.ndarray, "s j"]
    weights: Float[np.ndarray, " s"]
    costs: Float[np.ndarray, " s"]
    cost: float
    lower_bound: float
    status: Status
    iterations: int
    marginal_error: float

    @property
    def gap(self) -> float:
        """Proven distance to the optimum: ``cost - lower_bound >= 0``, up to rounding."""
        return self.cost - self.lower_bound

    def marginal(self, j: int, size: int) -> Float[np.ndarray, " k"]:
        """Mass of each of the ``size`` components of marginal j."""
        return np.bincount(self.tuples[:, j], self.weights, minlength=size)


@dataclass(frozen=True, eq=False, slots=True)
class Interval:
    """``lower <= value <= upper``, both proven, with the name of the argument that gave each side."""

    lower: float
    upper: float
    lower_by: str
    upper_by: str

    @property
    def width(self) -> float:
        """Length of the interval, ``upper - lower >= 0``."""
        return self.upper - self.lower

    def __repr__(self) -> str:
        return lines.of_interval(self)

    def _repr_html_(self) -> str:
        return cards.interval_card(self)
