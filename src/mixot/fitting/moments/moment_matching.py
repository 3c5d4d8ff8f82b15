"""The mixture whose moments are those of the data: polished from many starts, its size chosen by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_whole, is_one_of
from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.base import checked_start, register_fitter
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.starts.k_means import kmeans_labels, lloyd
from mixot.fitting.moments.k_means_on_a_law import kmeans_centers
from mixot.fitting.moments.number_of_components import ZERO, as_they_are, by_likelihood, by_moments
from mixot.fitting.moments.polish import Polisher, Sweep
from mixot.fitting.moments.target import STRUCTURES, MomentTarget
from mixot.measures import Grid, Measure, Moments, Samples
from mixot.mixture import Mixture
from mixot.results import Background as Background
from mixot.results import Candidate, Fit, Progress, ProgressCallback, Status
from mixot.sos.sample_moments import SampleMoments

_ORDERS = {1: 6, 2: 4}  # half the degree of the moments where none is asked for; 3 from three dimensions on
_BLIND = {1: 20}  # starts of each number of components where there are no data to draw them from; 10 beyond the line
_UNLIKELY = "only moments are known, so there is no likelihood"
_REFINEMENTS = ("em", "kmeans", None)
_LLOYD = 300  # iterations of k-means at most
_START_ROWS = 4000  # rows that starts are drawn from
_START_REG = 1e-3  # variance that parts of a start have at least, relative to that of the data
_CENTER_STARTS = 24  # starts of k-means on the mixture
_EXACT = {"max_iter": 500, "tol": 1e-9}  # of the polish where there is no noise to stop at


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class MatchedFit(Fit):
    """A fit that came from moments, and the sweep it was chosen from.

    ``objectives`` is the lowest J of each number of components, before any refinement; at the number of the truth it is
    about chi-squared with ``equations - parameters`` degrees of freedom. ``polished`` is the mixture of as many
    components as ``mixture`` before its refinement, ``order`` half the degree of the moments, lower than asked for
    where the rows are few. ``seeds`` are centers for k-means on the data.
    Where a law is known through its moments only there is no likelihood: ``log_likelihood`` is NaN, ``notes`` say so,
    and ``criterion`` is that of the moments.
    """

    objectives: dict[int, float] = field(default_factory=dict)
    order: int = 0
    equations: int = 0
    parameters: int = 0
    polished: Mixture | None = None
    seeds: Float[np.ndarray, "k d"] = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def objective(self) -> float:
        """J of the polished mixture of as many components as ``mixture`` has."""
        return self.objectives[len(self.mixture)]


@register_fitter("moment-matching")
@dataclass(frozen=True)
class MomentMatching:
    """Generalised method of moments for Gaussian mixtures, full, diagonal or spherical; K chosen or given.

    Moments up to degree 2 ``order`` in a Chebyshev basis, weighted by the inverse of their covariance, are matched by
    Levenberg-Marquardt from many starts; merges and splits carry good mixtures from one number of components to the
    next. For data, K is then the number whose mixture, after expectation-maximisation or k-means from there, or as it
    is, has the lowest BIC: the moments alone would choose less well, because their noise is matched, too. For a law
    known through its moments only, K is the number of lowest ``J + p log n``, p parameters and n = ``count``
    observations; for exact moments the smallest with J = 0.

    Parameters
    ----------
    order : moments up to degree 2 order; 6 on the line, 4 in the plane, 3 beyond, where not given
    starts : mixtures of any numbers of components to start from, such as the atoms of a relaxation; k-means++ where
        none are given, and where there are no data either, draws from the Gaussian law of the same covariance
    restarts : number of k-means++ starts of each number of components
    k_max : where k is not given, 1 .. k_max are tried, as far as the moments can tell them apart
    count : number of observations behind the moments; for samples it follows from their weights
    refine : "em" climbs the likelihood from the matched mixture, "kmeans" hands its centers to k-means, None does
        nothing; without data nothing can be done
    em : options of the likelihood fits; its ``start`` is not used

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([0.3, 0.7], Gaussian([-1.0, 1.0], [0.2, 0.5]))
    >>> fit = MomentMatching().fit(p.moments(10), "gaussian", rng=0)  # ten numbers, and nothing else
    >>> len(fit.mixture), sorted(fit.mixture.components.means.ravel().round(9).tolist())
    (2, [-1.0, 1.0])

    References
    ----------
    Hansen, Econometrica 50 (1982); Andrews, Econometrica 67 (1999), section 3, for ``J + p log n``.
    """

    order: int | None = None
    starts: Any = ()
    restarts: int = 4
    k_max: int = 8
    count: float | int | None = None
    refine: str | None = "em"
    em: EM = field(default_factory=EM)

    def __post_init__(self) -> None:
        for name in ("restarts", "k_max"):
            check_whole(getattr(self, name), name)
        if self.order is not None:
            check_whole(self.order, "order")
        if not isinstance(self.starts, tuple | list):
            raise InputError(f"starts must be a list of mixtures, got {type(self.starts).__name__}")
        object.__setattr__(self, "starts", tuple(checked_start(start, "each of starts") for start in self.starts))
        if self.refine not in _REFINEMENTS:
            raise InputError(f'refine must be "em", "kmeans" or None, got {self.refine!r}')

    def fit(
        self,
        data: Measure,
        family: str = "gaussian",
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> MatchedFit:
        """Return the mixture of ``family`` whose moments are closest to those of ``data``.

        ``rng`` draws the starts; ``progress`` is called after the polish and after the choice of K.

        Raises
        ------
        InputError
            On an order too low to determine k components, constant columns, or moments that no measure has.
        UnsupportedError
            On a family that is not Gaussian.
        """
        structure = _structure(family, structure)
        generator = as_generator(rng)
        target = MomentTarget.of(data, 2 * self.order_for(data), structure=structure, count=self.count)
        sizes = self._sizes(target, structure, k)
        sweep = self.sweep(target, data, structure, 1 if k is None else k, generator)
        sizes = [size for size in sizes if size in sweep.found]
        if progress is not None:
            progress(Progress("polish", 1, 2, min(sweep.objectives.values())))
        fit = self._chosen(sweep, data, sizes, generator)
        if progress is not None:
            progress(Progress("choice of K", 2, 2, fit.criterion))
        return fit

    def sweep(self, target: MomentTarget, data: Measure, structure: str, k: int, rng: np.random.Generator) -> Sweep:
        """Return the polished mixtures of 1 .. max(k, ``k_max``) components, as far as the moments determine them."""
        k_max = min(max(k, self.k_max), target.most_components(structure))
        starts = list(self.starts or self._own_starts(data, structure, k_max, rng))
        if target.exact:
            sweep = self._grown(target, Polisher(structure, **_EXACT), starts, k, k_max)
        else:
            sweep = Polisher(structure).sweep(target, starts, k_max)
        if not target.provisional:
            return sweep
        best = by_moments(sweep, sorted(sweep.found))[0]  # its covariance of the moments is better than a Gaussian's
        again = target.weighted_by(sweep.best(best).mixture)
        starts = [sweep.best(size).mixture for size in sweep.found] + starts
        return (Polisher(structure, **_EXACT) if target.exact else Polisher(structure)).sweep(
            again, starts, max(sweep.found)
        )

    def _grown(self, target: MomentTarget, polisher: Polisher, starts: list[Mixture], k: int, k_max: int) -> Sweep:
        """The sweep over as few numbers of components as it takes to match exact moments."""
        sweep = polisher.sweep(target, starts, 1)
        for size in range(2, k_max + 1):
            if size > k and sweep.best(size - 1).objective <= ZERO:
                break
            mine = [start for start in starts if len(start) == size]
            sweep = polisher.sweep(target, [*(sweep.best(n).mixture for n in sweep.found), *mine], size)
        return sweep

    def order_for(self, data: Measure) -> int:
        """Half the degree of the moments that are asked of these data."""
        if self.order is not None:
            return int(self.order)
        usual = _ORDERS.get(data.dim, 3)
        return max(1, min(usual, data.order // 2)) if isinstance(data, Moments | SampleMoments) else usual

    def _sizes(self, target: MomentTarget, structure: str, k: int | None) -> list[int]:
        """Numbers of components that are asked for and that the moments can determine."""
        most = target.most_components(structure)
        if k is None:
            return list(range(1, min(self.k_max, most) + 1))
        check_whole(k, "k")
        if k > most:
            raise InputError(
                f"the {target.equations} independent moments of degree up to {target.degree} determine at most {most} "
                f"{structure} components, k={k} was asked for; raise the order"
            )
        return [int(k)]

    def _limit(self, sizes: list[int]) -> str:
        """What keeps the numbers of components from being larger."""
        return "k_max" if sizes[-1] >= self.k_max else "the order, whose moments tell no more apart"

    def _own_starts(self, data: Measure, structure: str, k_max: int, rng: np.random.Generator) -> list[Mixture]:
        if not isinstance(data, Samples | Grid):
            return [blind_start(data, k, rng) for k in range(2, k_max + 1) for _ in range(_BLIND.get(data.dim, 10))]
        points = data.centers() if isinstance(data, Grid) else data
        return kmeans_starts(points, structure, range(2, k_max + 1), self.restarts, rng)

    def _chosen(self, sweep: Sweep, data: Measure, sizes: list[int], rng: np.random.Generator) -> MatchedFit:
        objectives = {k: sweep.best(k).objective for k in sizes}
        if not isinstance(data, Samples | Grid):
            fit = self._by_moments(sweep, sizes)
        elif self.refine == "em":
            fit = by_likelihood(sweep, data, sizes, self.em, rng, self._limit(sizes))
        else:
            fit = self._as_it_is(sweep, data.centers() if isinstance(data, Grid) else data, sizes)
        k = len(fit.mixture)
        centers = centers_of(sweep, k)
        values = {each.name: getattr(fit, each.name) for each in fields(Fit)}
        values["notes"] = (*sweep.target.notes, *values["notes"])
        return MatchedFit(
            **values,
            objectives=objectives,
            order=sweep.target.degree // 2,
            polished=sweep.best(k).mixture,
            equations=sweep.target.equations,
            parameters=sweep.parameters(k),
            seeds=centers,
        )

    def _by_moments(self, sweep: Sweep, sizes: list[int]) -> Fit:
        """The polished mixture that the moments alone choose."""
        k, scores, notes = by_moments(sweep, sizes)
        best = sweep.best(k)
        return Fit(
            mixture=best.mixture,
            status=Status.CONVERGED if best.converged else Status.MAX_ITER,
            iterations=best.iterations,
            log_likelihood=np.nan,
            criterion=scores[k],
            history=np.zeros(0),
            candidates=tuple(
                Candidate(size, np.nan, scores[size], mixture=sweep.best(size).mixture, **self._counts(sweep, size))
                for size in sizes
            ),
            notes=(*notes, _UNLIKELY),
            **self._counts(sweep, k),
        )

    @staticmethod
    def _counts(sweep: Sweep, k: int) -> dict[str, Any]:
        """How many numbers a mixture of k components is chosen by, and the observations behind the moments."""
        return {"n_parameters": sweep.parameters(k), "observations": float(sweep.target.count)}

    def _as_it_is(self, sweep: Sweep, points: Samples, sizes: list[int]) -> Fit:
        """The polished mixture, or that of the clusters which k-means finds from its centers, of lowest BIC."""
        x = points.points.astype(np.float64)
        em = GaussianEM.of(x, points.weights, sweep.structure, self.em.reg, points.observations)
        found: dict[int, tuple[int, bool]] = {}

        def states() -> Iterator[tuple[int, Parameters]]:
            for k in sizes:
                best = sweep.best(k)
                if self.refine == "kmeans":
                    labels, _, iterations = lloyd(x, points.weights, centers_of(sweep, k), max_iter=_LLOYD)
                    found[k] = iterations, True
                    yield k, em.from_labels(labels, k)
                else:
                    found[k] = best.iterations, best.converged
                    yield k, em.state(best.mixture)

        most = sizes[-1] if len(sizes) > 1 else None
        k, candidates, notes = as_they_are(states(), em, self.em.criterion, most, self._limit(sizes))
        iterations, converged = found[k]
        chosen = next(each for each in candidates if each.k == k)
        return Fit(
            mixture=chosen.mixture,
            status=Status.CONVERGED if converged else Status.MAX_ITER,
            iterations=iterations,
            log_likelihood=chosen.log_likelihood,
            criterion=chosen.criterion,
            history=np.zeros(0),
            candidates=candidates,
            notes=notes,
            n_parameters=chosen.n_parameters,
            observations=chosen.observations,
        )


def kmeans_starts(
    data: Samples, structure: str, sizes: Iterable[int], restarts: int, rng: np.random.Generator
) -> list[Mixture]:
    """Mixtures of the parts that greedy k-means++ cuts the data into, ``restarts`` of each size."""
    seen = data.weights > 0
    rows = np.flatnonzero(seen)
    if len(rows) > _START_ROWS:
        rows = rng.choice(len(data), _START_ROWS, p=data.weights)
    points, weights = data.points[rows].astype(np.float64), data.weights[rows]
    em = GaussianEM.of(points, weights / weights.sum(), structure, _START_REG)
    units, distinct = em.standard(), len(np.unique(points, axis=0))
    return [
        em.mixture(em.from_labels(kmeans_labels(units, em.weights, k, rng, max_iter=1), k))
        for k in sizes
        if k <= distinct
        for _ in range(restarts)
    ]


def blind_start(law: Measure, k: int, rng: np.random.Generator) -> Mixture:
    """A mixture of k equal components with means drawn from the Gaussian law of the same mean and covariance."""
    mean, cov = law.mean(), law.cov()
    root = np.linalg.cholesky(cov)
    means = mean + 1.2 * rng.standard_normal((k, len(mean))) @ root.T
    return Mixture(np.full(k, 1 / k), Gaussian(means, np.repeat(rng.uniform(0.02, 0.5) * cov[None], k, axis=0)))


def centers_of(sweep: Sweep, k: int) -> Float[np.ndarray, "k d"]:
    """Centers for k-means: those of the best mixture of k components, tried from all distinct ones of that size."""
    distinct: list[np.ndarray] = []
    for each in sorted(sweep.found[k], key=lambda polished: polished.objective)[:_CENTER_STARTS]:
        means = each.mixture.components.mean()
        if all(np.abs((means - other) / sweep.target.scale).max() > 1e-3 for other in distinct):
            distinct.append(means)
    return kmeans_centers(sweep.best(k).mixture, distinct)


def _structure(family: str, structure: str) -> str:
    if family not in ("gaussian", "diagonal"):
        raise UnsupportedError(
            f"moment matching fits gaussian and diagonal components, got {family!r}; try method='em'"
        )
    structure = "diagonal" if (family, structure) == ("diagonal", "full") else structure
    if not is_one_of(structure, STRUCTURES):
        raise InputError(f"unknown structure {structure!r}; moment matching has {', '.join(STRUCTURES)}")
    return structure
