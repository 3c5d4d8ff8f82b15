"""Maximum likelihood by expectation-maximisation."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_not_negative, check_whole
from mixot.errors import AccuracyWarning, InputError, UnsupportedError
from mixot.families.registry import factor_names, lookup
from mixot.fitting.base import Fitter, as_fitter, register_fitter
from mixot.fitting.likelihood.covered.covered_fit import CoveredFit
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.gaussian.covariance_models import models_of, structure_of_em
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.incomplete.data import partial_data, refused_gaps, unseen
from mixot.fitting.likelihood.incomplete.incomplete_em import IncompleteEM
from mixot.fitting.likelihood.incomplete.noise import as_noise
from mixot.fitting.likelihood.inputs import OWN, observations_of, rows_of, seen_rows
from mixot.fitting.likelihood.priors import checked_prior
from mixot.fitting.likelihood.run_notes import constant_columns, empty_components, flat_rows
from mixot.fitting.likelihood.runs import Climb, Run, reporter
from mixot.fitting.likelihood.search.candidates import choice, judged
from mixot.fitting.likelihood.search.search import SAME, Search, look, on_more_rows
from mixot.fitting.likelihood.search.sizes import runs_of_sizes
from mixot.fitting.likelihood.search.structure_runs import StructureRuns
from mixot.fitting.likelihood.starts.subsample import distinct_rows, thinned
from mixot.fitting.likelihood.starts_from_means import fitting_start, mixture_or_means
from mixot.incomplete import Incomplete, check_missing
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture, columns_of
from mixot.results import Candidate, Fit, ProgressCallback, Status

_TOL = 1e-5  # nats per observation that a run may lack
_PER_PARAMETER = 1e-3  # or nats in all for each parameter, whose sampling error costs half a nat
_SURE_MOVES, _PROMISE = 3, 3.0  # moves that are tried on many rows, and nats in all that they have to promise
_CRITERIA = ("bic", "icl")
_OTHERS = "family-em"


@register_fitter("em")
@dataclass(frozen=True)
class EM:
    """Expectation-maximisation from many starts, of which the best goes on.

    What never decreases from iteration to iteration, and what ``Fit.history`` holds, is

    ``mean_i log sum_k weight_k N(x_i; mean_k, cov_k) exp(-reg / 2 tr(diag(v) inv(cov_k)))``

    (mean by weight, v the variances of the data): a lower bound on the log-likelihood of the data blurred by noise of
    covariance ``reg * diag(v)``, which is then part of every covariance, so that none collapses. With ``reg=0`` it is
    the log-likelihood itself. Because ``reg`` is measured in the variances of the data, a fit does not depend on
    units: data times 1e8 give the same mixture times 1e8. It is diagonal in the coordinates of the data, though: a
    rotation, or a shear, of the columns moves what it adds (by ``reg`` of a variance, felt where components are nearly
    flat); ``reg=0`` follows any affine map. A constant column gets ``reg`` times the average variance
    of the others, and an `AccuracyWarning` says so.

    Data in float32 are computed in float32 (about 6 digits) and summed in float64.

    Parameters
    ----------
    max_iter : most iterations of one run; to reach it is no error, ``Fit.status``, a note and an `AccuracyWarning` say
        so
    tol : stop when all that is left to gain, by Aitken's rule, is below this, in nats per observation; where not given
        the larger of 1e-5 and 1e-3 times free parameters over observations (what a parameter's sampling error costs is
        500 times that); 0 asks for ``max_iter`` iterations, none of them extrapolated, and no warning follows them
    reg : variance added to every covariance, relative to the variance of the data (averaged, if spherical)
    starts : number of k-means starts, in systems of coordinates that take turns: standardised, plain, and several
        that no affine map of the data changes. All go a few iterations on some of the rows, the better ones a few more,
        the best two to their end; then components are split, merged and put on small dense clusters that none
        describes, and with full covariances rows change their components, as long as that helps, on these rows and
        again on up to ``subsample``. Where three of the first starts converge at once, in one place, no more are made;
        a single start is followed to its end, on these rows without such moves
    k_max : where k is not given, 1 .. k_max are tried, each from splits of the one before and a k-means start; the
        choice is searched as if it had been given. With ``structure="auto"`` each covariance model is tried for each of
        them, from partitions of the rows that all models share; those that may be the choice are carried to their end
    criterion : "bic" (Schwarz) or "icl" (BIC plus twice the entropy of the responsibilities) chooses among them, those
        left out in which the rows do not determine some component's covariance: they are too few, or, tied or on a
        flat of their own, vary by less than ``reg``, which alone bounds its density. ``Candidate.reason`` says which
    subsample : starts are run on so many rows at most, drawn by weight (on fewer at first), before all the data
    prior : None, "fraley-raftery", or a `NormalInverseWishart`: means and covariances of largest posterior density, for
        rows that are few. ``Fit.history`` is then the mean log-likelihood plus the log-density of the prior over the
        number of rows, up to a constant, and ``reg`` only keeps the prior's scale from being singular. Likelihood and
        criteria are those of the mixture that is found, as in mclust, and few rows keep no number of components from
        being chosen
    concentration : of the Dirichlet prior of the weights, at least 1: weights of largest posterior density are in
        proportion to the rows of each component plus ``concentration - 1``. 1 is no prior; above it no component comes
        to nothing, and the objective has ``(concentration - 1) sum_k log(weight_k)`` over the number of rows more
    start : a mixture to start from, instead of k-means; or means (k, d), each the middle of a component of equal weight
        (that of its point, where they are `Samples` with weights), the covariance of all of them that of the rows about
        the nearest mean, in standardised coordinates. Coordinates go by name where both have names
    missing : what NaN is: "error", or "ignore" for a value that is missing. The likelihood is then that of what was
        observed of each row (rows without any value are left out), which is right where what is missing does not
        depend on the missing values themselves ("missing at random"); notes say how much is missing, and where
    noise : what is known of the noise of the points, which is independent of them: variances (d,) or a covariance
        (d, d) of all rows, or one for each, (n, d) or (n, d, d). The fit is then the law without noise: row i is as
        likely as under components of covariance ``cov_k + noise_i`` ("extreme deconvolution")
    background : whether rows may belong to no component: a uniform law over the smaller of two boxes around the rows
        (along the coordinates, along the principal axes) stands beside the mixture. ``Fit.background`` has its weight,
        its volume and its share in each row, ``Fit.mixture`` is the mixture of the rest, and the likelihood and the
        criterion are of both; two numbers more are chosen, that weight and that volume

    With missing values or noise, computations are in float64, and splits are proposed by what the mixture expects of
    each row; moves of single rows, and components for small dense clusters, are not looked for.

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
    Missing values: Ghahramani and Jordan, NIPS 6 (1994). Noise: Bovy, Hogg and Roweis, Ann. Appl. Stat. 5 (2011).
    Covariance models: Celeux and Govaert, Pattern Recognition 28 (1995); Browne and McNicholas, Adv. Data Anal.
    Classif. 8 (2014). Background: Banfield and Raftery, Biometrics 49 (1993).
    """

    max_iter: int = 500
    tol: float | None = None
    reg: float = 1e-6
    starts: int = 10
    k_max: int = 10
    criterion: str = "bic"
    subsample: int = 20_000
    prior: Any = None
    concentration: float = 1.0
    start: Any = None  # checked below, so that what is no mixture is refused in words
    missing: str = "error"
    noise: Any = field(default=None, compare=False)  # an array, which has no one answer to ==
    background: Any = False  # checked below, like start

    def __post_init__(self) -> None:
        check_missing(self.missing)
        if not isinstance(self.background, bool | np.bool_):
            raise InputError(f"background must be True or False, got {self.background!r}")
        object.__setattr__(self, "noise", None if self.noise is None else as_noise(self.noise))
        object.__setattr__(self, "start", mixture_or_means(self.start))
        object.__setattr__(self, "prior", checked_prior(self.prior))
        for name in ("max_iter", "starts", "k_max", "subsample"):
            check_whole(getattr(self, name), name)
        for name in ("tol", "reg"):
            if getattr(self, name) is not None or name == "reg":
                check_not_negative(getattr(self, name), name)
        check_not_negative(self.concentration, "concentration")
        if not 1 <= self.concentration < np.inf:
            raise InputError(
                f"concentration must be finite and at least 1 (below, a component without rows is infinitely likely), "
                f"got {self.concentration:g}"
            )
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
            "full", "diagonal", "spherical" (covariance v I) or "tied" (one covariance for all); one of fourteen models,
            "EII" to "VVV", by whether volume, shape and orientation are equal (E), variable (V) or those of the
            identity (I); or "auto", which chooses among the fourteen, and k with them where it is not given
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
        if family not in OWN:
            return self._handed_over(family).fit(data, family, k=k, structure=structure, rng=rng, progress=progress)
        structure = structure_of_em(family, structure, data.dim)
        models = () if structure != "auto" else models_of(family, data.dim)
        em, remarks = self._on(data, models[-1] if models else structure)
        generator = as_generator(rng)
        start = None if self.start is None else fitting_start(self.start, data, k)
        sizes = self._sizes(k if start is None else len(start), em)
        if self.background:
            return self._covered(em, k, generator, progress).over(models or (em.model.name,), sizes, seen_rows(data))
        if models:
            runs, tried = self._runs_of_models(em, models, sizes, start, generator, progress)
        else:
            runs = self._runs(em, sizes, start, generator, progress)
            tried = [self._candidate(run) for run in runs]
            at = choice(tried)
            runs[at] = self._closer(runs[at], generator, progress)
            tried[at] = self._candidate(runs[at])
        tried = [replace(each, mixture=run.em.mixture(run.state)) for each, run in zip(tried, runs, strict=True)]
        most = self.k_max if k is None and self.start is None else None
        best, candidates, notes = judged(tried, em.observations, most)
        run = runs[best]
        em = run.em
        stopped = not run.status.solved and self.tol != 0  # with tol=0, max_iter iterations are what was asked for
        alarms = (f"the fit {run.status.advice}",) if stopped else ()
        alarms += (*constant_columns(em, columns_of(data)), *empty_components(em, run))
        for note in alarms:
            warnings.warn(note, AccuracyWarning, stacklevel=2)
        return Fit(
            mixture=candidates[best].mixture,
            status=run.status,
            iterations=len(run.history),
            log_likelihood=candidates[best].log_likelihood,
            criterion=candidates[best].criterion,
            history=np.array(run.history),
            candidates=candidates,
            notes=(*alarms, *remarks, *flat_rows(em, run.state), *notes),
            structure=candidates[best].structure,
            n_parameters=candidates[best].n_parameters,
            observations=em.observations,
        )

    def _covered(
        self, em: GaussianEM, k: int | None, rng: np.random.Generator, progress: ProgressCallback | None
    ) -> CoveredFit:
        """Fits over a uniform background."""
        if self.start is not None:
            raise InputError("background=True finds its own starts; leave start out")
        if self.prior is not None:
            raise InputError("a prior is for mixtures without a background; leave one of the two out")
        if self.concentration != 1:
            raise InputError("concentration is for mixtures without a background; leave one of the two out")

        def climb(em: GaussianEM, k: int) -> Climb:
            return self._climb(em, k, ("EM over a background", em.model.name, f"k={k}"), rng, progress)

        return CoveredFit(em, climb, self.starts, self.criterion == "icl", self.k_max if k is None else None, rng)

    def _on(self, data: Measure, structure: str) -> tuple[GaussianEM, tuple[str, ...]]:
        """The steps of EM on the data, and what has to be said of what is missing in them."""
        if isinstance(data, Incomplete) and data.gaps.any() and self.missing == "error":
            raise refused_gaps(data)
        if isinstance(data, Incomplete) or (self.noise is not None and isinstance(data, Samples)):
            if self.prior is not None:
                raise UnsupportedError("a prior is for complete points without noise; leave one of them out")
            found = partial_data(data, structure, self.reg, self.noise)
            return replace(found.em, concentration=self.concentration), found.notes
        if self.noise is not None:
            raise UnsupportedError(f"noise is of points, got {type(data).__name__}; leave it out")
        em = GaussianEM.of(*rows_of(data), structure, self.reg, observations_of(data), self.prior)
        return em if self.concentration == 1 else replace(em, concentration=self.concentration), ()

    def _handed_over(self, family: str) -> Fitter:
        """The fitter of the families that have no compiled pass, with those of its options that were changed here."""
        for name in factor_names(family):  # a product is named by its factors; an unknown name ends here
            lookup(name)
        if self.missing != "error" or self.noise is not None:
            raise UnsupportedError(
                f"missing values and noise are integrated out of Gaussian laws only ({', '.join(OWN)}), not of the "
                f"{family} family; fit one of these, or fill the gaps first: "
                "fit(x, method=EM(missing='ignore')).mixture.impute(x)"
            )
        plain = [f for f in fields(self) if f.compare]
        changed = {f.name: getattr(self, f.name) for f in plain if getattr(self, f.name) != f.default}
        try:
            other = type(as_fitter(_OTHERS))
        except InputError:
            raise UnsupportedError(f"EM cannot fit the {family} family; it can fit {', '.join(OWN)}") from None
        strange = sorted(set(changed) - {f.name for f in fields(other)})  # type: ignore[arg-type]
        if strange:
            raise InputError(
                f"{', '.join(strange)}: an option of Gaussian fits, the {family} family has none; leave it out"
            )
        return other(**changed)

    def _sizes(self, k: int | None, em: GaussianEM) -> list[int]:
        """Numbers of components to try, each possible with these data."""
        if k is not None:
            check_whole(k, "k")
        n, most = len(em.points), self.k_max if k is None else k
        distinct = distinct_rows(em.points, most)
        if k is None:
            return list(range(1, min(most, distinct) + 1))
        if distinct < k:
            rows = f"{n} rows" if distinct == n else f"{distinct} distinct rows among {n}"
            raise InputError(
                f"k={k} components need at least as many distinct rows of positive weight, got {rows}; lower k"
            )
        return [int(k)]

    def _runs(
        self,
        em: GaussianEM,
        sizes: list[int],
        start: Mixture | Samples | None,
        rng: np.random.Generator,
        progress: ProgressCallback | None,
    ) -> list[Run]:
        """The best run for each number of components: found on few rows, carried on over more, then over all."""

        def climb(k: int, stage: str) -> Climb:
            return self._climb(em, k, ("EM", f"k={k}", stage), rng, progress)

        if start is not None:
            begin = em.state(start) if isinstance(start, Mixture) else em.around(start.points, start.weights)
            return [climb(sizes[0], "").start(em, em.into_kernel(begin))]
        most = max(sizes)
        coarse = thinned(em, max(self.subsample, most), most, rng)
        search = Search(thinned(coarse, look(em, most), most, rng), self.starts, climb, rng)

        def carried(ends: Sequence[Run], k: int, most: int | None = None) -> Run:
            run = ends[0]
            if coarse is not search.rows:
                run = on_more_rows(ends, coarse, climb(k, "subsample"), most)
                if most is None:
                    run = search.moved(run, climb(k, "subsample"), _SURE_MOVES, _PROMISE / coarse.observations)
            return run if em is coarse else climb(k, "all rows").start(em, run.path.state, most)

        if len(sizes) == 1:
            return [carried(search.thorough(sizes[0]), sizes[0])]
        return runs_of_sizes(sizes, search, carried, self._candidate)

    def _runs_of_models(
        self,
        em: GaussianEM,
        models: Sequence[str],
        sizes: list[int],
        start: Mixture | Samples | None,
        rng: np.random.Generator,
        progress: ProgressCallback | None,
    ) -> tuple[list[Run], list[Candidate]]:
        """The best run for each covariance model and number of components, and what it stands for."""

        def climb(em: GaussianEM, k: int, stage: str) -> Climb:
            return self._climb(em, k, ("EM", em.model.name, f"k={k}", stage), rng, progress)

        plain = self.criterion == "bic" and em.by_likelihood  # else the objective is not what the criterion needs
        runs = StructureRuns(em, models, self.starts, self.subsample, climb, self._candidate, plain, rng)
        return runs.over(sizes) if start is None else runs.started(start)

    def _climb(
        self,
        em: GaussianEM,
        k: int,
        stages: tuple[str, ...],
        rng: np.random.Generator,
        progress: ProgressCallback | None,
    ) -> Climb:
        name = ", ".join(filter(None, stages))
        return Climb(self.max_iter, self._tol(em, k), rng, reporter(progress, name, self.max_iter))

    def _closer(self, run: Run, rng: np.random.Generator, progress: ProgressCallback | None) -> Run:
        """The choice nearer to its maximum, where rows are so few that runs end earlier than on many.

        Where covariances share volumes, shapes or axes, gains shrink more slowly than the last ones tell.
        """
        climb = self._climb(run.em, len(run.shares), ("EM", f"k={len(run.shares)}", "at its end"), rng, progress)
        left = run.status is Status.CONVERGED and len(run.history) < self.max_iter
        if run.em.model.in_words or self.tol is not None or climb.tol <= _TOL or not left:
            return run
        on = replace(climb, tol=_TOL).further(replace(run, status=Status.MAX_ITER))
        return replace(on, status=run.status) if on.objective > run.objective + SAME else run

    def _tol(self, em: GaussianEM, k: int) -> float:
        """The gain that ends a run, in nats per observation."""
        if self.tol is not None:
            return self.tol
        return max(_TOL, _PER_PARAMETER * em.free_parameters(k) / em.observations)

    def _candidate(self, run: Run) -> Candidate:
        """The likelihood and criterion of a run (BIC or ICL per observation), and why it does not compete, if so."""
        em = run.em
        k, spread = len(run.state.weights), em.spread(run.state)
        plain = not em.noise.any() and em.by_likelihood  # the objective is the likelihood
        likelihood = run.objective if plain else em.log_likelihood(run.state)
        free = em.free_parameters(k, spread.rank)
        score = bic(likelihood, free, em.observations)
        score += 2 * em.entropy(run.state) if self.criterion == "icl" else 0.0
        floor = (
            f"{spread.at_floor} of {k} components have a covariance at the floor, which reg and not the rows determines"
            if spread.at_floor
            else ""
        )
        reason, structure = em.few_rows(run.shares) or floor, em.model.shown(em.points.shape[1])
        if not reason and isinstance(em, IncompleteEM):
            reason = unseen(em, em.seen(run.state))
        return Candidate(k, likelihood, score, reason, structure, n_parameters=free, observations=em.observations)
