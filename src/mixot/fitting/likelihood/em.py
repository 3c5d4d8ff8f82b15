"""Maximum likelihood by expectation-maximisation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_not_negative, check_whole
from mixot.errors import AccuracyWarning, InputError, SolveError, UnsupportedError
from mixot.families.registry import factor_names, lookup
from mixot.fitting.base import Fitter, as_fitter, checked_start, register_fitter
from mixot.fitting.likelihood.candidates import judged
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.empty_components import reseed
from mixot.fitting.likelihood.gaussian_em import EMStep, GaussianEM
from mixot.fitting.likelihood.k_means import kmeans_labels
from mixot.fitting.likelihood.statistics import STRUCTURES, Parameters
from mixot.measures import Grid, Measure, Samples
from mixot.results import Candidate, Fit, Progress, ProgressCallback, Status

_LEAST_MASS = 1e-3  # a component with less mass than this share of an average row is empty
_RESEEDS = 3  # times that a run may send its empty components elsewhere
_SAME = 1e-9  # starts that end so close ended in one place: take the first, whatever the rounding
_SHORT = 20  # iterations that tell a good start from a bad one
_CRITERIA = ("bic", "icl")
_OWN = {"gaussian": STRUCTURES, "diagonal": ("diagonal", "spherical")}  # structures by family; others have their own EM
_OTHERS = "family-em"


@register_fitter("em")
@dataclass(frozen=True)
class EM:
    """Expectation-maximisation from a k-means start.

    What never decreases from iteration to iteration, and what ``Fit.history`` holds, is

    ``mean_i log sum_k weight_k N(x_i; mean_k, cov_k) exp(-reg / 2 tr(diag(v) inv(cov_k)))``

    (mean by weight, v the variances of the data): a lower bound on the log-likelihood of the data blurred by noise of
    covariance ``reg * diag(v)``, which is then part of every covariance, so that none collapses. With ``reg=0`` it is
    the log-likelihood itself. Because ``reg`` is measured in the variances of the data, a fit does not depend on
    units: data times 1e8 give the same mixture times 1e8. A constant column gets ``reg`` times the average variance
    of the others, and an `AccuracyWarning` says so.

    Data in float32 are computed in float32 (about 6 digits) and summed in float64.

    Parameters
    ----------
    max_iter : most iterations of one run; to reach it is no error, ``Fit.status``, a note and an `AccuracyWarning` say
        so
    tol : stop when an iteration adds less than this to the objective, in nats per observation; 0 asks for ``max_iter``
        iterations, and no warning follows them
    reg : variance added to every covariance, relative to the variance of the data (averaged, if spherical)
    starts : number of k-means starts, in standardised and in plain coordinates by turns; after 20 iterations on the
        subsample the best goes on, first there and then on all the data
    k_max : where k is not given, 1 .. k_max are tried
    criterion : "bic" (Schwarz) or "icl" (BIC plus twice the entropy of the responsibilities) chooses among them, those
        left out in which the rows do not determine some component's covariance: they are too few, or, tied or on a
        flat of their own, vary by less than ``reg``, which alone bounds its density. ``Candidate.reason`` says which
    subsample : starts are run on so many rows, drawn by weight
    start : a mixture to start from, instead of k-means

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([[-3.0], [3.0]], size=(2, 500)).reshape(-1, 1)
    >>> fit = EM().fit(Samples(x), "gaussian", k=2, rng=0)
    >>> str(fit.status), sorted(fit.mixture.components.means.ravel().round().tolist())
    ('converged', [-3.0, 3.0])

    References
    ----------
    Dempster, Laird and Rubin, J. R. Statist. Soc. B 39 (1977). ICL: Biernacki, Celeux and Govaert, IEEE PAMI 22 (2000).
    """

    max_iter: int = 500
    tol: float = 1e-5
    reg: float = 1e-6
    starts: int = 4
    k_max: int = 10
    criterion: str = "bic"
    subsample: int = 20_000
    start: Any = None  # checked below, so that what is no mixture is refused in words

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", checked_start(self.start))
        for name in ("max_iter", "starts", "k_max", "subsample"):
            check_whole(getattr(self, name), name)
        for name in ("tol", "reg"):
            check_not_negative(getattr(self, name), name)
        if self.criterion not in _CRITERIA:
            raise InputError(f"criterion must be one of {', '.join(_CRITERIA)}, got {self.criterion!r}")

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
        """Return the mixture of k components of ``family`` that makes ``data`` most likely.

        Parameters
        ----------
        data : Measure
            `Samples`, or a `Grid`, which stands for its pixels' masses at their centers
        family : str
            "gaussian" or "diagonal"; any other goes, with the options that were changed, to the fitter "family-em"
        k : int, optional
            number of components; chosen by ``criterion`` among 1 .. ``k_max`` where not given
        structure : str
            "full", "diagonal", "spherical" (covariance v I) or "tied" (one covariance for all)
        rng : seed, Generator or None
            for the starts
        progress : callable, optional
            called with a `Progress` after every iteration

        Raises
        ------
        InputError
            On an unknown family or structure, or fewer rows, distinct rows or positive weights than components.
        UnsupportedError
            On a measure that is not made of points, or a family that no fitter fits.
        SolveError
            Where a covariance becomes singular, which ``reg > 0`` prevents.
        """
        if family not in _OWN:
            return self._handed_over(family).fit(data, family, k=k, structure=structure, rng=rng, progress=progress)
        em = GaussianEM.of(*rows_of(data), structure_of(family, structure), self.reg, observations_of(data))
        generator = as_generator(rng)
        sizes = self._sizes(k, em)
        runs = [self._run_of(em, size, generator, progress) for size in sizes]
        tried = [self._candidate(em, run) for run in runs]
        most = self.k_max if k is None and self.start is None else None
        best, candidates, notes = judged(tried, em.observations, most)
        run = runs[best]
        stopped = not run.status.solved and self.tol > 0  # with tol=0, max_iter iterations are what was asked for
        alarms = (f"the fit {run.status.advice}",) if stopped else ()
        alarms += (*_constant_columns(em), *_empty(em, run))
        for note in alarms:
            warnings.warn(note, AccuracyWarning, stacklevel=2)
        return Fit(
            mixture=em.mixture(run.state),
            status=run.status,
            iterations=len(run.history),
            log_likelihood=candidates[best].log_likelihood,
            criterion=candidates[best].criterion,
            history=np.array(run.history),
            candidates=candidates,
            notes=(*alarms, *_flat_rows(em, run.state), *notes),
        )

    def _handed_over(self, family: str) -> Fitter:
        """The fitter of the families that have no compiled pass, with those of its options that were changed here."""
        for name in factor_names(family):  # a product is named by its factors; an unknown name ends here
            lookup(name)
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        try:
            other = type(as_fitter(_OTHERS))
        except InputError:
            raise UnsupportedError(f"EM cannot fit the {family} family; it can fit {', '.join(_OWN)}") from None
        strange = sorted(set(changed) - {f.name for f in fields(other)})  # type: ignore[arg-type]
        if strange:
            raise InputError(
                f"{', '.join(strange)}: an option of Gaussian fits, the {family} family has none; leave it out"
            )
        return other(**changed)

    def _sizes(self, k: int | None, em: GaussianEM) -> list[int]:
        """Numbers of components to try, each possible with these data."""
        if self.start is not None:
            if k not in (None, len(self.start)):
                raise InputError(f"k={k} was asked for, but start has {len(self.start)} components; leave k out")
            if self.start.dim != em.points.shape[1]:
                raise InputError(f"start has dimension {self.start.dim}, the data {em.points.shape[1]}")
            k = len(self.start)
        if k is not None:
            check_whole(k, "k")
        n, most = len(em.points), self.k_max if k is None else k
        distinct = _distinct(em.points, most)
        if k is None:
            return list(range(1, min(most, distinct) + 1))
        if distinct < k:
            rows = f"{n} rows" if distinct == n else f"{distinct} distinct rows among {n}"
            raise InputError(
                f"k={k} components need at least as many distinct rows of positive weight, got {rows}; lower k"
            )
        return [int(k)]

    def _run_of(self, em: GaussianEM, k: int, rng: np.random.Generator, progress: ProgressCallback | None) -> _Run:
        """The best of ``starts`` runs on the subsample, carried on over all the data."""
        if self.start is not None:
            return self._run(em, em.state(self.start), rng, reporter(progress, f"EM, k={k}", self.max_iter))
        coarse = _thinned(em, max(self.subsample, k), k, rng)
        views = (coarse.standard(), coarse.points - coarse.center)
        starts = self.starts if k > 1 else 1
        tries, first = [], self.max_iter if starts == 1 else min(self.max_iter, _SHORT)
        for s in range(starts):
            labels = kmeans_labels(views[s % 2], coarse.weights, k, rng)
            report = reporter(progress, f"EM, k={k}, start {s + 1} of {starts}", first)
            tries.append(self._run(coarse, coarse.from_labels(labels, k), rng, report, first))
        best = self._best(coarse, tries, first, rng, reporter(progress, f"EM, k={k}", self.max_iter))
        if coarse is em:
            return best
        return self._run(em, best.state, rng, reporter(progress, f"EM, k={k}, all rows", self.max_iter))

    def _best(
        self, em: GaussianEM, tries: list[_Run], first: int, rng: np.random.Generator, report: Callable[..., Any]
    ) -> _Run:
        """The most likely of runs of ``first`` iterations, carried on; one with a component at the floor comes last.

        At the floor a likelihood is as large as ``reg`` is small, so it is no reason to prefer a start.
        """
        left, ends = list(tries), []
        while left:
            most = max(run.last.objective for run in left)
            run = next(run for run in left if run.last.objective >= most - _SAME)
            left.remove(run)
            if run.status is Status.MAX_ITER and first < self.max_iter:
                run = self._run(em, run.state, rng, report, self.max_iter - first, run)
            if not em.spread(run.state).at_floor:
                return run
            ends.append(run)
        return ends[0]

    def _run(
        self,
        em: GaussianEM,
        state: Parameters,
        rng: np.random.Generator,
        report: Callable[[int, float], Any],
        max_iter: int | None = None,
        before: _Run | None = None,
    ) -> _Run:
        """Iterate until the objective stands still, from ``state`` or from where ``before`` stopped."""
        last, history = (before.last, list(before.history)) if before else (em.step(state), [])
        status, left = Status.MAX_ITER, _RESEEDS
        for _ in range(self.max_iter if max_iter is None else max_iter):
            empty = last.shares * len(em.points) < _LEAST_MASS
            reseeded = bool(empty.any()) and left > 0
            proposal = reseed(em, last.following, empty, rng) if reseeded else last.following
            step = em.step(proposal)
            if reseeded:
                left -= 1
                if step.objective < last.objective:  # the look at some of the rows misled it
                    reseeded, proposal = False, last.following
                    step = em.step(proposal)
            gain = step.objective - last.objective
            if not np.isfinite(step.objective):
                raise SolveError("the log-likelihood is not finite: data and covariances differ too much in scale")
            state, last = proposal, step
            history.append(step.objective)
            report(len(history), step.objective)
            if gain <= self.tol and not reseeded:
                status = Status.CONVERGED
                break
        return _Run(state, last, history, status)

    def _candidate(self, em: GaussianEM, run: _Run) -> Candidate:
        """The likelihood and criterion of a run (BIC or ICL per observation), and why it does not compete, if so."""
        k, likelihood, spread = len(run.state.weights), em.log_likelihood(run.state), em.spread(run.state)
        score = bic(likelihood, em.free_parameters(k, spread.rank), em.observations)
        score += 2 * em.entropy(run.state) if self.criterion == "icl" else 0.0
        floor = (
            f"{spread.at_floor} of {k} components have a covariance at the floor, which reg and not the rows determines"
            if spread.at_floor
            else ""
        )
        return Candidate(k, likelihood, score, em.few_rows(run.last.shares) or floor)


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    """Where one run of EM ended: its last state, the E step there, and the objective after each iteration."""

    state: Parameters
    last: EMStep
    history: list[float]
    status: Status


def structure_of(family: str, structure: str) -> str:
    """The structure meant: for the diagonal family, "full" is all it has."""
    structure = "diagonal" if (family, structure) == ("diagonal", "full") else structure
    if structure not in _OWN[family]:
        raise InputError(f"unknown structure {structure!r}; the {family} family has {', '.join(_OWN[family])}")
    return structure


def rows_of(data: Measure) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights, rows of weight zero left out."""
    if isinstance(data, Grid):
        data = data.centers()
    if not isinstance(data, Samples):
        raise UnsupportedError(
            f"EM fits Samples and Grids, got {type(data).__name__}; draw points from it first, as in p.sample(10_000)"
        )
    seen = data.weights > 0
    return (data.points, data.weights) if seen.all() else (data.points[seen], data.weights[seen])


def observations_of(data: Measure) -> float | None:
    """How many observations the points stand for, where somebody said so."""
    return data.observations if isinstance(data, Samples) else None


def _thinned(em: GaussianEM, size: int, k: int, rng: np.random.Generator) -> GaussianEM:
    """EM on ``size`` rows drawn by weight (once a row, with its count), or on all where they are fewer."""
    n, weights = len(em.points), em.weights
    if n <= size:
        return em
    if weights.min() == weights.max():
        rows = np.sort(rng.choice(n, size, replace=False))
        counts = np.ones(size)
    else:
        rows, counts = np.unique(rng.choice(n, size, p=weights / weights.sum()), return_counts=True)
    thin = em.on(em.points[rows], counts.astype(np.float64))
    return thin if _distinct(thin.points, k) == k else em


def _distinct(points: np.ndarray, enough: int) -> int:
    """Number of distinct rows, counted up to ``enough``."""
    size = 4 * enough
    while True:
        count = len(np.unique(points[:size], axis=0))
        if count >= enough or size >= len(points):
            return min(count, enough)
        size *= 8


def _constant_columns(em: GaussianEM) -> tuple[str, ...]:
    columns = np.flatnonzero(em.variances == 0)
    if not len(columns):
        return ()
    shown = ", ".join(f"{c} (value {em.center[c]:g})" for c in columns[:5]) + (", ..." if len(columns) > 5 else "")
    return (f"constant columns: {shown}; their variance is set to reg times the others' average",)


def _flat_rows(em: GaussianEM, state: Parameters) -> tuple[str, ...]:
    """A note where the rows lie in a flat, up to the noise of ``reg``; constant columns have one of their own."""
    d, varied = em.points.shape[1], int((em.variances > 0).sum())
    rank = em.spread(state).rank
    if em.structure in ("diagonal", "spherical") or rank >= varied:
        return ()
    return (
        f"the rows vary in {rank} of {d} directions only, as if some columns were sums of others: across these, "
        "densities and the log-likelihood are what reg makes them; leave columns out",
    )


def _empty(em: GaussianEM, run: _Run) -> tuple[str, ...]:
    """A note on components without mass."""
    empty = int((run.last.shares * len(em.points) < _LEAST_MASS).sum())
    return (f"{empty} of {len(run.state.weights)} components carry no mass; ask for fewer",) if empty else ()


def reporter(progress: ProgressCallback | None, stage: str, total: int) -> Callable[[int, float], Any]:
    """What tells ``progress``, if there is one, of a step and its value."""
    if progress is None:
        return lambda step, value: None
    return lambda step, value: progress(Progress(stage, step, total, value))
