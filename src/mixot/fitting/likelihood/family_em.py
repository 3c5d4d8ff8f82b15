"""Maximum likelihood for any family that knows its own M step."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_whole, is_whole
from mixot._native import fast_exp
from mixot._shapes import Float
from mixot.errors import AccuracyWarning, InputError, UnsupportedError
from mixot.families.base import Family
from mixot.families.elliptical.student_em import EACH
from mixot.families.registry import factor_names, law_of
from mixot.families.roles import Climbing, Fused, Started, plays, require
from mixot.fitting.base import register_fitter
from mixot.fitting.likelihood.ascent import Ascent
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.linked_steps import LinkedSteps
from mixot.fitting.likelihood.run_notes import of_one_value
from mixot.fitting.likelihood.search.candidates import choice, judged
from mixot.fitting.likelihood.starts.k_means import kmeans_labels
from mixot.fitting.likelihood.starts_from_means import fitting_start, mixture_or_means, nearest
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Candidate, Fit, Progress, ProgressCallback, Status

_SHORT = 10  # iterations that each start gets before the best goes on alone,
_LONG, _COARSE = 100, 1e-5  # and where they are compiled: so many, and the gain that ends them
_LLOYD = 11  # iterations of k-means at most: a start need not be at rest
_SUBSAMPLE = 20_000  # points that the starts look at
_TIED = 1e-6  # variance below which, relative to that of all points, those of a component are one point
_DF = ("common", "each")
_TAILED = "student"
_OF_ONE_SCALE = ("exponential", "rayleigh")  # as wide as they are far from zero, on one point, too
_FLAT = 1e-11  # of correlation, in a direction: none
_BLOCK = 8192  # points whose densities are computed in one go


@register_fitter("family-em")
@dataclass(frozen=True)
class FamilyEM:
    """Expectation-maximisation that leaves the M step to the family.

    Weighted points, a monotone likelihood, several starts: one that splits the points into k parts along their
    principal axis, the others by k-means. Each runs a few iterations, the best runs on. Where k is not given, the
    number with the lowest BIC is taken.

    Parameters
    ----------
    max_iter : iterations of the final run
    tol : it has converged when the log-likelihood per observation grows by less than this
    starts : how many starts are tried
    k_max : the largest number of components that is tried where k is not given
    fixed : parameters that keep the value given here, such as ``{"df": 5.0}`` for "student" or ``{"shapes": 2.0}``
        for "gamma"; for a product by place, ``{"0.shapes": 2.0}``
    start : a mixture of this family to start from, instead of the starts above; or means (k, d), the points nearest to
        each of which begin as its component, all of equal weight (that of the mean, where they are weighted `Samples`)
    df : "common" or "each": whether Student laws share their degrees of freedom; where each component has its own, its
        tails are as heavy as its points say, for k - 1 parameters more

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.measures import Samples
    >>> counts = np.random.default_rng(0).poisson(np.repeat([2.0, 20.0], 500))
    >>> FamilyEM().fit(Samples(counts), "poisson", k=2, rng=0).mixture.components.rates.round().tolist()
    [2.0, 20.0]
    """

    max_iter: int = 2000
    tol: float = 1e-9
    starts: int = 4
    k_max: int = 10
    fixed: Mapping[str, Any] = field(default_factory=dict)
    start: Any = None
    df: str = "common"

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", mixture_or_means(self.start))
        if self.df not in _DF:
            raise InputError(f'df must be one of {", ".join(_DF)}, got {self.df!r}; fixed={{"df": 5.0}} holds it')
        for name in ("max_iter", "starts", "k_max"):
            check_whole(getattr(self, name), name, 1)

    def fit(
        self,
        data: Measure,
        family: str,
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> Fit:
        """Return the mixture of k components of ``family`` of largest likelihood for the samples.

        Samples may be weighted; a grid stands for its pixels' masses at their centres. ``family`` is a name;
        "gamma,poisson" is a product whose columns follow these laws, and "poisson*20" one of 20 columns of counts. A
        number in brackets holds the one parameter that fits of a family can hold: "binomial(10)" is of 10 trials.
        Where k is not given it is chosen by BIC.
        ``structure`` must be "full": what there is to choose is said by ``fixed`` and ``df``. ``rng`` is for the
        starts, ``progress`` is called once an iteration. An `AccuracyWarning` repeats each of the fit's notes.

        Raises
        ------
        InputError
            Where there are fewer rows than components, rows outside the family's support, or unknown ``fixed`` names.
        UnsupportedError
            Where the family has no M step or the data are no samples.
        """
        data = data.centers() if isinstance(data, Grid) else data
        if not isinstance(data, Samples):
            raise UnsupportedError(f"EM needs samples, got {type(data).__name__}; draw some from it first")
        if structure != "full":
            raise UnsupportedError(f'structure={structure!r} is for Gaussian families; {family!r} has "full" only')
        law, fixed = law_of(family, self.fixed)
        fixed |= _own_tails(family) if self.df == "each" else {}
        law.check_fixed(fixed)
        law.check_points(data.points.astype(np.float64), fixed)
        x, weights = _distinct(data)
        generator = as_generator(rng)
        run = _Run(self, law, fixed, x, weights, data.observations, progress)
        if self.start is not None:
            fit = run.onwards(self._begun(run, data, k))
        else:
            fit = self._by_bic(run, generator) if k is None else run.best(_check_k(k, len(data)), generator)
        fit = replace(fit, notes=fit.notes + _flat(fit.mixture, data))
        for note in fit.notes:
            warnings.warn(note, AccuracyWarning, stacklevel=2)
        most = self.k_max if k is None and self.start is None else None
        _, candidates, notes = judged(fit.candidates, data.observations, most)
        return replace(fit, candidates=candidates, notes=(*fit.notes, *notes))

    def _begun(self, run: _Run, data: Samples, k: int | None) -> Mixture:
        """The mixture that was given to start from, or that of the points about the means that were."""
        start = fitting_start(self.start, data, k)
        if isinstance(start, Samples):
            return run.around(start.points, start.weights)
        if type(start.components) is not run.law:
            raise InputError(f"start must be a mixture of laws of the {run.law.name} family, got {start!r}")
        return start

    def _by_bic(self, run: _Run, generator: np.random.Generator) -> Fit:
        """The fit of lowest BIC; the search ends after two numbers in a row that are worse than the best."""
        fits: list[Fit] = []
        tried: tuple[Candidate, ...] = ()
        for k in range(1, min(self.k_max, len(run.x)) + 1):
            fits.append(run.best(k, generator))
            tried += fits[-1].candidates
            if len(tried) - 1 - choice(tried) >= 2:
                break
        return replace(fits[choice(tried)], candidates=tried)


@dataclass(frozen=True, eq=False)
class _Run:
    """The points and options that all runs of one fit share."""

    options: FamilyEM
    law: type[Family]
    fixed: Mapping[str, Any]
    x: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]
    count: float  # effective number of points
    progress: ProgressCallback | None

    def best(self, k: int, generator: np.random.Generator) -> Fit:
        """The best of several starts, run to its end; where points are many, the starts see some of them."""
        few, begun = self._some(generator), []
        short, tol = (_LONG, max(self.options.tol, _COARSE)) if plays(self.law, Fused) else (_SHORT, self.options.tol)
        for start in range(self.options.starts if k > 1 else 1):
            features = self.law.features(few.x, self.fixed)
            shares = _start_shares(features, few.weights, k, generator, principal=start == 0)
            mixture = Mixture(shares.sum(axis=0), require(self.law, Started).start(few.x, shares, self.fixed))
            begun.append(few._climb(mixture, short, tol, [], f"start {start + 1}"))
        begun.sort(key=lambda run: -run[1][-1])
        mixture, history, _ = begun[0]
        if short == _LONG:  # so far on, a component that holds next to nothing is there to stay
            mixture, history, _ = next((run for run in begun if few._determines(run[0])), begun[0])
        history = history if few is self else []
        mixture, history, status = self._climb(mixture, self.options.max_iter, self.options.tol, history, "em")
        return self._result(mixture, status, history)

    def _some(self, generator: np.random.Generator) -> _Run:
        """The run on a random part of the points; on all where they are few."""
        if len(self.x) <= _SUBSAMPLE:
            return self
        rows = np.sort(generator.choice(len(self.x), size=_SUBSAMPLE, replace=False))
        weights = self.weights[rows] / self.weights[rows].sum()
        return replace(self, x=self.x[rows], weights=weights)

    def around(self, means: np.ndarray, weights: np.ndarray) -> Mixture:
        """The mixture of these weights whose components suit the points that are nearest to each of the means."""
        both = _evenly_spread(np.vstack([self.x, means]), np.append(self.weights, np.zeros(len(means))))
        labels = nearest(both[: len(self.x)], both[len(self.x) :])
        shares = _shares_of(labels, self.weights, len(means))
        return Mixture(weights, require(self.law, Started).start(self.x, shares, self.fixed))

    def onwards(self, mixture: Mixture) -> Fit:
        """The run from a given mixture."""
        mixture, history, status = self._climb(mixture, self.options.max_iter, self.options.tol, [], "em")
        return self._result(mixture, status, history)

    def _climb(
        self, mixture: Mixture, iterations: int, tol: float, history: list[float], stage: str
    ) -> tuple[Mixture, list[float], Status]:
        """Up to ``iterations`` iterations more; ``history`` holds the likelihoods so far, that of this mixture last."""
        if plays(self.law, Fused) and (mixture.components.rank() == mixture.dim).all():
            steps = require(self.law, Fused).em_steps(self.x, self.weights, tuple(self.fixed))
            return Ascent(steps, tol, iterations, stage, self.progress).climb(mixture, history)
        if LinkedSteps.suit(mixture.components):
            linked = LinkedSteps(self._step, tuple(self.fixed))
            return Ascent(linked, tol, iterations, stage, self.progress).climb(mixture, history)
        likelihood, shares = self._expect(mixture)
        history = history or [likelihood]
        for at in range(iterations):
            mixture = Mixture(*self._maximised(mixture.components, shares))
            likelihood, shares = self._expect(mixture)
            history = [*history, likelihood]
            if self.progress is not None:
                self.progress(Progress(stage, at + 1, iterations, likelihood))
            if history[-1] - history[-2] < tol:
                return mixture, history, Status.CONVERGED
        return mixture, history, Status.MAX_ITER

    def _maximised(self, components: Any, shares: np.ndarray) -> tuple[np.ndarray, Family]:
        """Weights and components of the M step."""
        mass = shares.sum(axis=0)
        shares[:, mass < 1e-290] = 1e-290 * self.weights[:, None]  # without data: any law will do, its weight is 0
        return mass / mass.sum(), require(components, Climbing).m_step(self.x, shares, tuple(self.fixed))

    def _step(self, weights: np.ndarray, components: Family) -> tuple[float, np.ndarray, Family]:
        """The likelihood of a mixture, and weights and components of the one after it."""
        likelihood, shares = self._expect(Mixture(weights, components))
        return likelihood, *self._maximised(components, shares)

    def _expect(self, mixture: Mixture) -> tuple[float, Float[np.ndarray, "n k"]]:
        """Mean log-density of the points, and each component's share of each; by blocks that the cache holds."""
        with np.errstate(divide="ignore"):
            level = np.log(mixture.weights)[:, None]
        shares, likelihood = np.empty((len(mixture), len(self.x))), 0.0
        for first in range(0, len(self.x), _BLOCK):
            block = slice(first, first + _BLOCK)
            joint = np.ascontiguousarray(
                (mixture.components.log_prob(self.x[block])).T
            )  # (k, n): sums over k are quick
            joint += level
            top = joint.max(axis=0)
            joint -= top
            part = np.empty_like(joint)
            fast_exp(joint.ravel(), part.ravel())
            total = part.sum(axis=0)
            likelihood += float(self.weights[block] @ (top + np.log(total)))
            np.multiply(part, self.weights[block] / total, out=shares[:, block])
        return likelihood, shares.T

    def _result(self, mixture: Mixture, status: Status, history: list[float]) -> Fit:
        free = len(mixture) - 1 + mixture.components.free_parameters(tuple(self.fixed))
        empty = np.flatnonzero(mixture.weights < 1e-12)
        notes = mixture.components.fit_notes() + mixture.components.mixture_notes()
        if len(empty):
            notes += (f"components {empty.tolist()} hold no data",)
        if not status.solved and self.options.tol > 0:
            notes = (f"the fit {status.advice}", *notes)
        score = bic(history[-1], free, self.count)
        judged_by: Any = {"n_parameters": free, "observations": self.count}
        reason = self._undetermined(mixture, free)
        tried = (Candidate(len(mixture), history[-1], score, reason, mixture=mixture, **judged_by),)
        past = np.array(history[1:])
        return Fit(mixture, status, len(past), history[-1], score, past, tried, notes, **judged_by)

    def _determines(self, mixture: Mixture) -> bool:
        return not self._undetermined(mixture, len(mixture) - 1 + mixture.components.free_parameters(tuple(self.fixed)))

    def _undetermined(self, mixture: Mixture, free: int) -> str:
        """Why the points do not determine some component, in words: they are too few, or one point; else empty."""
        shares, k = self._expect(mixture)[1], len(mixture)
        mass, each = shares.sum(axis=0), (free - k + 1) / k
        if (mass > 0).all() and (mass * self.count < each).any():
            return f"a component has fewer points than the {each:g} numbers that describe it"
        if mixture.components.discrete:  # one number alone may well be a law on the integers
            return ""
        away = self.x - self.weights @ self.x
        mass, shares = mass[mass > 0, None], shares[:, mass > 0]
        spread = shares.T @ away**2 / mass - (shares.T @ away / mass) ** 2
        low = int((spread < _TIED * (self.weights @ away**2)).any(axis=1).sum())
        return f"{low} of {k} components stand on points that are one, to the digit or nearly" if low else ""


def _flat(mixture: Mixture, data: Samples) -> tuple[str, ...]:
    """Notes on columns, or directions, in which the points are one, so that a law is as narrow as it can be."""
    x = data.points[data.weights > 0].astype(np.float64)
    laws = getattr(mixture.components, "factors", None) or (mixture.components,) * x.shape[1]
    narrow = [not (law.discrete or law.name in _OF_ONE_SCALE) for law in laws]
    constant = np.ptp(x, axis=0) == 0
    columns, notes = np.flatnonzero(constant & narrow), ()
    if len(columns):
        shown = of_one_value(columns, x[0], data.columns)
        notes += (f"constant columns: {shown}; likelihood there is that of the narrowest laws; leave them out",)
    left = int((~constant).sum())
    if mixture.components.name == _TAILED and left > 1:
        rank = int((np.linalg.eigvalsh(np.corrcoef(x[:, ~constant], rowvar=False)) > _FLAT * left).sum())
        if rank < left:
            notes += (
                f"the rows vary in {rank} of {x.shape[1]} directions only, as if some columns were sums of others: "
                "across these, likelihood is that of the narrowest laws; leave columns out",
            )
    return notes


def _own_tails(family: str) -> dict[str, Any]:
    """What tells Student laws, among the parameters that a fit holds, that their df is not common."""
    names, several = factor_names(family), "," in family or "*" in family
    told = {f"{place}." * several + EACH: True for place, name in enumerate(names) if name == _TAILED}
    if not told:
        raise InputError(f'df="each" is for the {_TAILED} family, the {family} family has no df; leave it out')
    return told


def _check_k(k: int, n: int) -> int:
    if not is_whole(k) or k < 1:
        raise InputError(f"k must be a whole number of 1 or more, got {k!r}")
    if k > n:
        raise InputError(f"k must be at most the number of rows, got k = {k} and {n} rows")
    return int(k)


def _distinct(data: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights in float64; those of a line in order, equal ones as one: counts shrink to a short table."""
    x, weights = data.points.astype(np.float64), data.weights
    if data.dim > 1:
        return x, weights
    order = np.argsort(x[:, 0], kind="stable")
    x, weights = x[order], weights[order]
    first = np.flatnonzero(np.append(True, x[1:, 0] != x[:-1, 0]))
    return (x, weights) if 2 * len(first) > len(x) else (x[first], np.add.reduceat(weights, first))


def _start_shares(
    x: np.ndarray, weights: np.ndarray, k: int, generator: np.random.Generator, *, principal: bool
) -> np.ndarray:
    """Shares of k parts of the points."""
    y = _evenly_spread(x, weights)
    if principal:
        axis = np.linalg.eigh((y * weights[:, None]).T @ y)[1][:, -1]
        rank = y @ axis * np.sign(axis[np.abs(axis).argmax()])
        order = np.argsort(rank, kind="stable")
        labels = np.empty(len(x), dtype=np.intp)
        labels[order] = np.minimum((np.cumsum(weights[order]) - weights[order] / 2) * k, k - 1e-9).astype(np.intp)
    else:
        labels = kmeans_labels(y, weights, k, generator, max_iter=_LLOYD, candidates=1)
    return _shares_of(labels, weights, k)


def _evenly_spread(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Points in units in which distances are fair."""
    y = np.where((x >= 0).all(axis=0), np.sqrt(np.abs(x)), x)  # counts and waiting times: of even spread by their root
    y = y - weights @ y
    std = np.sqrt(weights @ y**2)
    return y / np.where(std > 0, std, 1.0)


def _shares_of(labels: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Shares of k parts; a tenth of each point goes to all, so that no part begins empty or flat."""
    return weights[:, None] * (0.9 * (labels[:, None] == np.arange(k)) + 0.1 / k)
