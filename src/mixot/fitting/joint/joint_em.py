"""Mixtures for two data sets at once: each likely, and both close to each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from mixot._checks import check_not_negative, check_whole
from mixot._shapes import ArrayLike, Float
from mixot.errors import AccuracyWarning, InputError, SolveError
from mixot.families.roles import Compared, require
from mixot.fitting.joint.halves import seen_rows
from mixot.fitting.joint.joint_m_step import Graph, covariances_of, m_step_of_means, paired_weights, scatters_about
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters, m_step
from mixot.fitting.likelihood.inputs import structure_of
from mixot.fitting.likelihood.runs import reporter
from mixot.measures import Measure, Samples, as_measure
from mixot.mixture import Mixture, aligned, aligned_all, columns_of
from mixot.results import Plan, ProgressCallback, Status
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.entropic.free_marginals import FreeMarginals

_SHORT = 20  # iterations that tell the better start
_COUPLINGS = ("free", "paired")
_NO_STEP = (
    "a joint fit draws the covariances of one mixture towards those of the other, which leads out of models that share "
    "volumes, shapes or axes (fit both apart for these: fit(x), fit(y))"
)


@dataclass(frozen=True, eq=False, slots=True)
class JointFit:
    """Two mixtures fitted together, and the plan between them.

    ``objective = plan.cost - lam * (sum of the likelihoods that EM climbs)`` is what ``history`` holds after each
    iteration, and never increases (at the end the plan is solved for once more, which may lower it a little).
    ``log_likelihoods`` are the mean log-densities of x under ``source`` and of y under ``target``.
    """

    source: Mixture
    target: Mixture
    plan: Plan
    lam: float
    objective: float
    log_likelihoods: tuple[float, float]
    history: Float[np.ndarray, " i"]
    status: Status
    iterations: int
    notes: tuple[str, ...] = field(default=())

    @property
    def distance(self) -> float:
        """Square root of what the plan costs: MW2 between the two, if the coupling is free."""
        return self.plan.distance


def fit_pair(
    x: Any,
    y: Any,
    family: str = "gaussian",
    *,
    lam: float,
    k: int | tuple[int, ...] | None = None,
    structure: str = "full",
    method: JointEM | None = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> JointFit:
    """Return mixtures p for x and q for y that are likely and close to each other.

    They minimise ``MW2^2(p, q) - lam E_x log p - lam E_y log q``, with E the means over the data: the energy
    ``E_{K,lam}`` of Delon and Desolneux (2020, eq. 6.1). As lam grows it is two fits by maximum likelihood; as it
    falls, p and q come to be one mixture, that of both data sets together. ``lam`` has the unit of a squared distance:
    moving all mass by d is worth ``d^2 / lam`` nats per observation.

    Parameters
    ----------
    x, y : anything that `as_measure` reads
        Points, weighted or counted points, dataframes, pictures; of one dimension, their columns matched by name.
    family : str
        "gaussian" or "diagonal".
    lam : float
        Weight of the likelihoods, positive.
    k : int or pair of int, optional
        Numbers of components; chosen for each data set alone where not given.
    structure : str
        Of the covariances: "full", "diagonal", "spherical" or "tied".
    method : JointEM, optional
        Its options; ``JointEM(coupling="paired")`` is the energy with exactly k pairs of components.
    rng : seed, Generator or None
        For the starts.
    progress : callable, optional
        Called with a `Progress` after every iteration.

    Returns
    -------
    JointFit
        ``.source .target .plan .objective .log_likelihoods .history .status``

    Raises
    ------
    InputError
        On lam that is not positive, data of different dimensions, and all that `fit` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([[0.0], [5.0]], 1.0, size=(2, 500)).ravel()
    >>> apart, close = (fit_pair(x, x + 1.0, k=2, lam=lam, rng=0) for lam in (100.0, 0.01))
    >>> round(apart.distance, 1), round(close.distance, 1)
    (1.0, 0.0)
    """
    p, q = aligned_all([as_measure(x), as_measure(y)])
    energy = _JointEnergy.of(p, q, family, structure, lam, method or JointEM())
    return energy.fit(energy.starts(family, structure, k, rng, progress), progress)


def joint_path(
    x: Any,
    y: Any,
    family: str = "gaussian",
    *,
    lams: ArrayLike,
    k: int | tuple[int, ...] | None = None,
    structure: str = "full",
    method: JointEM | None = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> tuple[JointFit, ...]:
    """Return the fits of `fit_pair` for each of ``lams``, in their order.

    They are found from the largest lam to the smallest, each from the one before, so that components keep their
    place along the path (Delon and Desolneux 2020, Fig. 6).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> path = joint_path(x, x + 3.0, k=1, lams=[10.0, 1.0, 0.1], rng=0)
    >>> [round(fit.distance, 2) for fit in path]
    [2.01, 0.24, 0.02]
    """
    values = np.asarray(lams, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"lams must be a vector of at least one number, got shape {values.shape}")
    options = method or JointEM()
    p, q = aligned_all([as_measure(x), as_measure(y)])
    energies = [_JointEnergy.of(p, q, family, structure, float(lam), options) for lam in values]
    fits: dict[int, JointFit] = {}
    last: JointFit | None = None
    begun = _Starts({})
    for at in np.argsort(-values, kind="stable").tolist():
        energy = energies[at]
        if last is None:
            begun = energy.starts(family, structure, k, rng, progress)
        else:
            begun = _Starts({"from the fit before": energy.state(last.source, last.target)}, begun.notes)
        fits[at] = last = energy.fit(begun, progress)
    return tuple(fits[at] for at in range(len(values)))


@dataclass(frozen=True)
class JointEM:
    """How a joint fit is found: an E step for each data set, then the plan, means and covariances by turns.

    Every part of the M step lowers the same upper bound of the objective: the plan by `FreeMarginals`, exactly; the
    means of all components by one linear system; their covariances by a majorising step and a Newton step with line
    search (`mixot.fitting.joint.joint_m_step`). So the objective never increases.

    It starts from the two separate fits and, for equal numbers of components, from one fit to both data sets, the
    limits of large and small lam; after some iterations the better one goes on.

    Parameters
    ----------
    coupling : "free" for mixtures of k components each, with weights of their own and any plan between them; "paired"
        for k pairs of components that share a weight, a mixture of exactly k components as joint law (eq. 6.1 to the
        letter)
    max_iter : most iterations
    tol : stop when an iteration lowers the objective by less than ``tol * lam``, in nats per observation as in `EM`
    em : options of the separate fits; ``em.reg`` regularises the joint one too
    start : mixtures for x and y to start from, instead of all that
    """

    coupling: str = "free"
    max_iter: int = 500
    tol: float = 1e-6
    em: EM = field(default_factory=EM)
    start: tuple[Mixture, Mixture] | None = None

    def __post_init__(self) -> None:
        if self.coupling not in _COUPLINGS:
            raise InputError(f"coupling must be one of {', '.join(_COUPLINGS)}, got {self.coupling!r}")
        check_whole(self.max_iter, "max_iter")
        check_not_negative(self.tol, "tol")


class _State(NamedTuple):
    """Parameters of both mixtures, whose weights are the marginals of the plan (k, l)."""

    source: Parameters
    target: Parameters
    plan: np.ndarray


class _Starts(NamedTuple):
    """States to start from, by name, and notes on how they came about."""

    states: dict[str, _State]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    state: _State
    history: list[float]
    status: Status


@dataclass(frozen=True, eq=False)
class _JointEnergy:
    """Both data sets, the weight of their likelihoods, and the options."""

    x: GaussianEM
    y: GaussianEM
    lam: float
    options: JointEM
    data: tuple[Samples, Samples]  # what stands behind x and y, with counts and names

    @classmethod
    def of(cls, x: Measure, y: Measure, family: str, structure: str, lam: float, options: JointEM) -> _JointEnergy:
        if family not in ("gaussian", "diagonal"):
            raise InputError(f"joint fits are of the families gaussian and diagonal, got {family!r}")
        if not (np.ndim(lam) == 0 and np.isfinite(lam) and lam > 0):
            raise InputError(
                f"lam must be positive and finite, got {lam!r}; for lam = inf fit both apart: fit(x), fit(y)"
            )
        if x.dim != y.dim:
            raise InputError(f"x and y must live in the same space, got dimension {x.dim} and {y.dim}")
        shape = structure_of(family, structure, _NO_STEP)
        if options.em.prior is not None:
            raise InputError("a joint fit has no prior: leave em.prior out, or fit both apart with it")
        if options.em.concentration != 1:
            raise InputError(
                "a joint fit has no prior of weights: leave em.concentration out, or fit both apart with it"
            )
        data = seen_rows(x), seen_rows(y)
        mine, theirs = (
            GaussianEM.of(each.points, each.weights, shape, options.em.reg, each.observations) for each in data
        )
        return cls(mine, theirs, float(lam), options, data)

    @property
    def paired(self) -> bool:
        return self.options.coupling == "paired"

    def starts(
        self,
        family: str,
        structure: str,
        k: int | tuple[int, ...] | None,
        rng: Any,
        progress: ProgressCallback | None,
    ) -> _Starts:
        """States to start from, by name, and what the separate fits that chose their sizes say."""
        sizes = k if isinstance(k, tuple) else (k, k)
        if len(sizes) != 2:
            raise InputError(f"k must be a number or a pair of numbers, got {k!r}")
        if self.options.start is not None:
            named = next((each for each in self.data if each.columns is not None), self.data[0])
            p, q = (aligned(named, law) for law in self.options.start)
            return _Starts({"from the start given": self.state(p, q)})
        if self.paired and sizes[0] != sizes[1]:
            raise InputError(f"paired components are equal in number on both sides, got k = {k!r}")
        em = self.options.em
        shared = {"structure": structure, "progress": progress}
        out: dict[str, _State] = {}
        notes: tuple[str, ...] = ()
        if not self.paired or k is not None:
            fits = [
                em.fit(each, family, k=size, rng=rng, **shared) for each, size in zip(self.data, sizes, strict=True)
            ]
            p, q = (fit.mixture for fit in fits)
            notes = tuple(
                f"{name}: {note}"
                for name, fit, size in zip("xy", fits, sizes, strict=True)
                for note in fit.notes
                if size is None and not note.startswith("the fit ")  # it goes on, where it stopped as a start
            )
            out["from separate fits"] = self.state(p, q)
            sizes = len(p), len(q)
        if sizes[0] == sizes[1]:
            both = em.fit(self._pooled(), family, k=sizes[0], rng=rng, **shared).mixture
            out["from one fit to both"] = self.state(both, both)
        return _Starts(out, notes)

    def _pooled(self) -> Samples:
        weights = [side.weights / (2 * side.weights.sum()) for side in (self.x, self.y)]
        return Samples(np.concatenate([self.x.points, self.y.points]), np.concatenate(weights))

    def state(self, p: Mixture, q: Mixture) -> _State:
        """The state of two mixtures: with their best plan or, paired, with each component's best partner."""
        for name, law in (("x", p), ("y", q)):
            if law.dim != self.x.points.shape[1]:
                raise InputError(f"the start for {name} has dimension {law.dim}, the data {self.x.points.shape[1]}")
        source, target = self.x.state(p), self.y.state(q)
        cost = require(p.components, Compared).cost(q.components)
        if not self.paired:
            return _State(source, target, Exact().solve(cost, p.weights, q.weights).coupling)
        if len(p) != len(q):
            raise InputError(f"paired components are equal in number on both sides, got {len(p)} and {len(q)}")
        even = np.full(len(p), 1 / len(p))
        partner = Exact().solve(cost, even, even).coupling.argmax(axis=1)
        weights = (p.weights + q.weights[partner]) / 2
        covs = target.covs if self.y.structure == "tied" else target.covs[partner]
        matched = Parameters(weights, target.means[partner], covs)
        return _State(source._replace(weights=weights), matched, np.diag(weights))

    def fit(self, starts: _Starts, progress: ProgressCallback | None) -> JointFit:
        """The best of the runs from these states."""
        runs, most = {}, self.options.max_iter
        for name, state in starts.states.items():
            first = most if len(starts.states) == 1 else min(_SHORT, most)
            runs[name] = self._run(
                _Run(state, [], Status.MAX_ITER), first, reporter(progress, f"joint fit, {name}", first)
            )
        name = min(runs, key=lambda name: runs[name].history[-1])
        best = runs[name]
        if best.status is Status.MAX_ITER and len(best.history) < most:
            best = self._run(best, most - len(best.history), reporter(progress, "joint fit", most))
        return self._result(best, starts.notes)

    def _run(self, before: _Run, iterations: int, report: Callable[[int, float], Any]) -> _Run:
        """Go on for some iterations, or until the objective stands still."""
        state, history = before.state, list(before.history)
        objective, following = self._step(state)
        for _ in range(iterations):
            reached, after = self._step(following)
            if not np.isfinite(reached):
                raise SolveError("the likelihoods are not finite: data and covariances differ too much in scale")
            gain = objective - reached
            if gain < 0:  # rounding: no step of the algorithm raises it
                small = -gain <= 1e-9 * (abs(objective) + self.lam)
                history.append(objective)
                return _Run(state, history, Status.CONVERGED if small else Status.STALLED)
            state, objective, following = following, reached, after
            history.append(objective)
            report(len(history), objective)
            if gain <= self.options.tol * self.lam:
                return _Run(state, history, Status.CONVERGED)
        return _Run(state, history, Status.MAX_ITER)

    def _step(self, state: _State) -> tuple[float, _State]:
        """The objective at ``state``, and the state that follows."""
        sums = self.x.sums(state.source), self.y.sums(state.target)
        source, target = (law.components for law in self._laws(state))
        cost = require(source, Compared).cost(target)
        likelihood = sum(each.objective / each.weight for each in sums)
        objective = float((state.plan * cost).sum()) - self.lam * likelihood
        mass = [np.where(each.mass > 1e-14 * each.weight, each.mass / each.weight, 0.0) for each in sums]
        plan = self._plan(state.plan, cost, mass)
        try:
            return objective, self._move(state, plan, [m_step(each) for each in sums], mass)
        except np.linalg.LinAlgError:
            raise SolveError(
                "a covariance became singular, so its component has no density; raise em.reg or lower k"
            ) from None

    def _plan(self, plan: np.ndarray, cost: np.ndarray, mass: list[np.ndarray]) -> np.ndarray:
        if self.paired:
            return np.diag(paired_weights(np.diagonal(cost), self.lam * (mass[0] + mass[1])))
        try:
            return FreeMarginals().solve(cost, self.lam * mass[0], self.lam * mass[1], plan)
        except SolveError as unfinished:  # better than before all the same
            return unfinished.result

    def _move(self, state: _State, plan: np.ndarray, data: list[Parameters], mass: list[np.ndarray]) -> _State:
        """Means and covariances that follow the data, ``data`` being what EM would take, and each other."""
        k, structure = len(plan), self.x.structure
        graph, strength = Graph.of(plan), self.lam / 2 * np.concatenate(mass)
        sides = state.source, state.target
        covariances = covariances_of(structure, sides)
        precisions = covariances.precisions()
        if structure == "tied":
            precisions = np.repeat(precisions, plan.shape, axis=0)
        elif structure == "spherical":
            precisions = np.repeat(precisions, self.x.points.shape[1], axis=1)
        centers = np.concatenate([side.means for side in data])
        means = m_step_of_means(np.concatenate([side.means for side in sides]), centers, precisions, graph, strength)
        scatters = scatters_about(structure, data, mass, means - centers)
        if structure == "tied":
            graph, strength = Graph.of(np.ones((1, 1))), np.full(2, self.lam / 2)
        covs = covariances.m_step(graph, scatters, strength)
        if structure == "spherical":
            covs = np.repeat(covs, self.x.points.shape[1], axis=1)
        elif structure == "full":
            covs = covs.reshape(len(covs), *state.source.covs.shape[1:])
        parts = (covs[0], covs[1]) if structure == "tied" else (covs[:k], covs[k:])
        return _State(
            Parameters(plan.sum(axis=1), means[:k], parts[0]), Parameters(plan.sum(axis=0), means[k:], parts[1]), plan
        )

    def _laws(self, state: _State) -> tuple[Mixture, Mixture]:
        return self.x.mixture(state.source), self.y.mixture(state.target)

    def _result(self, run: _Run, notes: tuple[str, ...]) -> JointFit:
        if not run.status.solved and self.options.tol > 0:  # with tol=0, max_iter iterations are what was asked for
            notes = (f"the joint fit {run.status.advice}", *notes)
            warnings.warn(notes[0], AccuracyWarning, stacklevel=4)
        p, q = self._laws(run.state)
        plan = Exact().solve(require(p.components, Compared).cost(q.components), p.weights, q.weights)
        if self.paired:
            coupling = run.state.plan
            error = max(np.abs(coupling.sum(axis=1) - p.weights).max(), np.abs(coupling.sum(axis=0) - q.weights).max())
            cost = float((coupling * plan.cost_matrix).sum())
            plan = replace(plan, coupling=coupling, cost=cost, marginal_error=float(error))
        sums = self.x.sums(run.state.source), self.y.sums(run.state.target)
        climbed = sum(each.objective / each.weight for each in sums)
        likelihoods = self.x.log_likelihood(run.state.source), self.y.log_likelihood(run.state.target)
        columns = columns_of(*self.data)
        return JointFit(
            source=p.named(columns),
            target=q.named(columns),
            plan=plan,
            lam=self.lam,
            objective=plan.cost - self.lam * climbed,
            log_likelihoods=likelihoods,
            history=np.array(run.history),
            status=run.status,
            iterations=len(run.history),
            notes=notes,
        )
