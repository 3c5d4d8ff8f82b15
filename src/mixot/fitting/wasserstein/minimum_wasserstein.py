"""The Gaussian mixture of least W2 to points or to a picture."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixot._checks import as_generator, check_not_negative, check_whole
from mixot._shapes import Float as Float  # for who reads the annotations of the inherited fields
from mixot._typing import Law
from mixot.errors import AccuracyWarning, InputError, SolveError, UnsupportedError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.base import checked_start, register_fitter
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.inputs import rows_of, structure_of
from mixot.fitting.likelihood.runs import reporter
from mixot.fitting.wasserstein.coreset import Coreset, coreset
from mixot.fitting.wasserstein.descent import Descent, descend
from mixot.fitting.wasserstein.objective import Coordinates, Point, TransportObjective
from mixot.formulas.weights import effective_count
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture
from mixot.results import Background as Background  # as above
from mixot.results import Candidate, Fit, ProgressCallback, Status
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport.plans import gaussian_target

_MOST_ON_LINE = 20_000  # parts of a density; points are all taken there
_MOST = {2: 5000, 3: 1000}  # points in the plane and in space, where each costs some ten times as much
_COARSE = {1: 600, 2: 600, 3: 100}  # points, or this many for each component, on which the way is found
_PER_COMPONENT = 30
_FIRST = 1e-3  # accuracy of masses where a descent starts
_LAST = 1e-6  # and in the plan that is handed over
_SLIPPED = 1e-2  # of the cost: where the last plan costs more than this above what it seemed, its steps were wrong
_EMPTY = 1e-3  # a component with less mass than this share of an average row is empty
_NO_STEP = (
    "minimum W2 moves every covariance by itself, or one for all, and has no descent within models that share volumes, "
    "shapes or axes (method='em' fits these)"
)
_AT_FLOOR = 1e-3  # distance above the floor, relative to it, of a variance that has come down to it


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class WassersteinFit(Fit[Law]):
    """A mixture near data in W2, with an interval that W2 is proven to lie in.

    ``distance`` is the W2 between the mixture and the points of ``plan``: the data, or a coreset. W2 between the
    mixture and the data lies in ``[lower_bound, upper_bound]``. ``history`` is the squared distance to those points
    after each step on all of them, the first one of the start, ``start``; it never increases. ``residual`` is how far a
    further step would move mass, over the distance: the fixed point is where it vanishes. ``log_likelihood`` and
    ``criterion`` (BIC) are those of the mixture, which did not maximise them.
    """

    distance: float = 0.0
    lower_bound: float = 0.0
    upper_bound: float = 0.0
    residual: float = 0.0
    plan: SemidiscretePlan | None = None
    start: Mixture | None = None

    @property
    def start_distance(self) -> float:
        """W2 between the mixture it started from and the same points."""
        return float(np.sqrt(self.history[0]))


@register_fitter("wasserstein")
@dataclass(frozen=True)
class MinimumWasserstein:
    """The Gaussian mixture of K components with least W2 to points or to a density on pixels, on the line to in space.

    It minimises ``W2(sum_k a_k N(c_k, S_k), data)`` over weights, means and covariances, with exact first and second
    derivatives of semi-discrete transport, from the mixture that expectation-maximisation finds. Where likelihood asks
    how probable each point is, this asks how far mass must move: few components cover the data evenly, and a point far
    from all others counts by its squared distance. There are local minima, as there are of likelihood.

    The number of components, where not given, is the one that the start chose, by BIC: W2 alone would always choose
    more.

    Data of more than ``points`` points, and pictures, are replaced by so many weighted points, each the mean of a part
    of the data. How far those are from the data is known, and gives the interval that the fit states.

    Covariances stay above ``reg`` times the mean variance of the data, as a component that is the only one near a
    point would otherwise shrink onto it; where one comes down to that floor the ``notes`` say so.

    Parameters
    ----------
    weights : "free", or "equal": all 1 / k
    points : most points that transport is solved for; where not given 1,000 in space, 5,000 in the plane, and on the
        line all of them, or 20,000 parts of a density. The colors of a photograph fitted by 1,000 points are 0.07 % of
        their W2 further from 5,000 of them than those fitted by 2,000
    starts : number of expectation-maximisation fits to start from; the one that leads to the least W2 is taken
    tol : ends where a fixed-point step would move mass by this share of the distance, root mean square
    max_iter : most steps on all points; to reach it is no error, ``Fit.status`` says so
    reg : least variance, relative to the mean variance of the data
    em : options of the fits it starts from
    start : a mixture to start from, instead of all that

    Examples
    --------
    >>> x = Samples(np.random.default_rng(0).normal([[-3.0], [3.0]], size=(2, 50)).reshape(-1, 1))
    >>> likely, near = EM().fit(x, "gaussian", k=2, rng=0), MinimumWasserstein().fit(x, k=2, rng=0)
    >>> near.distance < near.start_distance, near.log_likelihood < likely.log_likelihood
    (True, True)

    References
    ----------
    Mérigot, Santambrogio and Sarrazin (2021) on semi-discrete transport as a loss; Álvarez-Esteban et al. (2016) on the
    fixed point ``E[DT] = I`` that each covariance obeys.
    """

    weights: str = "free"
    points: int | None = None
    starts: int = 1
    tol: float = 1e-4
    max_iter: int = 200
    reg: float = 1e-6
    em: EM = field(default_factory=EM)
    start: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", checked_start(self.start))
        for name in ("starts", "max_iter") if self.points is None else ("starts", "max_iter", "points"):
            check_whole(getattr(self, name), name)
        check_not_negative(self.tol, "tol")
        if not (np.isfinite(self.reg) and 1e-12 <= self.reg < 1):
            raise InputError(f"reg must lie between 1e-12 and 1, got {self.reg!r}: without it covariances may vanish")
        if self.weights not in ("free", "equal"):
            raise InputError(f'weights must be "free" or "equal", got {self.weights!r}')

    def fit(
        self,
        data: Measure,
        family: str = "gaussian",
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> WassersteinFit:
        """Return the mixture of k components of ``family``, "gaussian" or "diagonal", that is nearest to ``data``.

        ``structure`` is that of the covariances, "full", "diagonal", "spherical" or "tied"; ``rng`` draws the starts of
        expectation-maximisation; ``progress`` is called after each step.

        Raises
        ------
        InputError
            On fewer distinct points than components, an unknown structure, a start of another size or dimension.
        UnsupportedError
            On other families, other measures, and in dimensions above 3.
        SolveError
            Where the transport to the first mixture does not converge.
        """
        if family not in ("gaussian", "diagonal"):
            raise UnsupportedError(f"minimum W2 fits Gaussian mixtures, got the {family} family; method='em' fits it")
        if data.dim > 3:
            raise UnsupportedError(
                f"minimum W2 fits mixtures in dimension 1 to 3, the data have {data.dim}; project them, or method='em'"
            )
        shape = structure_of(family, structure, _NO_STEP)
        cloud = coreset(data, self._most(data))
        starts, tried = self._starts(data, family, k, structure, as_generator(rng), progress)
        frame = _Frame.of(cloud.samples)
        coordinates = Coordinates(len(starts[0]), data.dim, shape, self.reg, self.weights == "free")
        inner = [coordinates.of(frame.inward(start)) for start in starts]
        found, begun = self._found(Coreset(frame.points(cloud.samples)), coordinates, inner, frame.told(progress))
        mixture = frame.outward(found.point.law, shape)
        plan = _solved(data, cloud, mixture, found.point.plan.potentials * frame.unit**2)
        likelihood, free, seen = _score(data, mixture, shape, self.weights == "free")
        return WassersteinFit(
            mixture=mixture,
            status=found.status,
            iterations=len(found.history) - 1,
            log_likelihood=likelihood,
            criterion=bic(likelihood, free, seen),
            history=np.array(found.history) * frame.unit**2,
            candidates=tried,
            notes=_notes(data, cloud, found.point.law, self.reg),
            n_parameters=free,
            observations=seen,
            distance=plan.distance,
            lower_bound=max(float(np.sqrt(max(plan.lower_bound, 0.0)) - np.sqrt(cloud.spread)), 0.0),
            upper_bound=float(np.sqrt(plan.upper_bound + cloud.spread)),
            residual=found.residual,
            plan=plan,
            start=frame.outward(begun, shape),
        )

    def _most(self, data: Measure) -> int | None:
        """Most points in the coreset of these data."""
        if self.points is not None or data.dim > 1:
            return self.points or _MOST[data.dim]
        return None if isinstance(data, Samples) else _MOST_ON_LINE

    def _starts(
        self,
        data: Measure,
        family: str,
        k: int | None,
        structure: str,
        rng: np.random.Generator,
        progress: ProgressCallback | None,
    ) -> tuple[list[Mixture], tuple[Candidate, ...]]:
        """Mixtures to start from, of one size, and the sizes that were tried."""
        if self.start is not None:
            return self._given(self.start, data, k), ()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # what likelihood makes of the data is not asked here
            first = self.em.fit(data, family, k=k, structure=structure, rng=rng, progress=progress)
            more = [
                replace(self.em, starts=1).fit(data, family, k=len(first.mixture), structure=structure, rng=rng)
                for _ in range(self.starts - 1)
            ]
        return [each.mixture for each in (first, *more)], first.candidates

    def _given(self, start: Mixture, data: Measure, k: int | None) -> list[Mixture]:
        """The start that was given, also with the weights that the data give its components."""
        if k not in (None, len(start)):
            raise InputError(f"k={k} was asked for, but start has {len(start)} components; leave k out")
        if start.dim != data.dim:
            raise InputError(f"start has dimension {start.dim}, the data {data.dim}")
        if not isinstance(start.components.widen(), Gaussian):
            raise UnsupportedError(f"start must be a mixture of Gaussians, got {start.components.name} laws")
        points, weights = rows_of(data)
        shares = weights @ start.responsibilities(points) / weights.sum()
        return [start, Mixture(shares / shares.sum(), start.components)]

    def _found(
        self, cloud: Coreset, coordinates: Coordinates, starts: list[np.ndarray], progress: ProgressCallback | None
    ) -> tuple[Descent, GaussianTarget]:
        """The best descent, found on few points and carried on over all; and the mixture of the first start."""
        few = cloud.coarse(max(_COARSE[coordinates.dim], _PER_COMPONENT * coordinates.k))
        objective, whole = (TransportObjective(each.samples, coordinates) for each in (few, cloud))
        begun = _begun(objective, starts)
        chosen = [min(begun, key=lambda point: point.cost)] if self.start is not None else begun
        name = "minimum W2" if few is cloud else f"minimum W2, {len(few.samples)} points"
        runs = [
            self._run(objective, point, name + (f", start {at} of {len(chosen)}" if len(chosen) > 1 else ""), progress)
            for at, point in enumerate(chosen, 1)
        ]
        best, first = min(runs, key=lambda run: run.point.cost), begun[0]
        if few is not cloud:
            reached = whole.first(best.point.vector, _FIRST)
            near = whole.at(first.vector, reached.plan.potentials, whole.tolerance(reached, _FIRST))
            first = near or whole.first(first.vector, _FIRST)
            best = self._run(whole, min(reached, first, key=lambda point: point.cost), "minimum W2", progress)
        steps = best.history[1:] or best.history[best.history[0] == first.cost :]
        history = np.minimum.accumulate([first.cost, *steps]).tolist()
        return replace(best, history=history), first.law

    def _run(
        self, objective: TransportObjective, start: Point, name: str, progress: ProgressCallback | None
    ) -> Descent:
        """A descent, whose last plan is as exact as it can be."""
        report = reporter(progress, name, self.max_iter)
        found = descend(objective, start, tol=self.tol, max_iter=self.max_iter, report=report)
        exact = objective.refined(found.point, _LAST)
        slipped = exact.cost > found.point.cost * (1 + _SLIPPED)
        return replace(found, point=exact, status=Status.STALLED if slipped else found.status)


def _begun(objective: TransportObjective, starts: list[np.ndarray]) -> list[Point]:
    """The starts whose transport is found; raises `SolveError` where there is none."""
    points: list[Point] = []
    for vector in starts:
        try:
            points.append(objective.first(vector, _FIRST))
        except SolveError:
            if vector is starts[-1] and not points:
                raise
    return points


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    """Coordinates in which the data have mean zero and mean variance one."""

    center: np.ndarray
    unit: float

    @classmethod
    def of(cls, samples: Samples) -> _Frame:
        center = samples.mean()
        size = float(np.sqrt(np.trace(samples.cov()) / samples.dim))
        equal = size <= 1e-14 * np.abs(center).max()
        return cls(center, (float(np.abs(center).max()) or 1.0) if equal else size)

    def points(self, samples: Samples) -> Samples:
        return Samples((samples.points - self.center) / self.unit, samples.weights)

    def told(self, progress: ProgressCallback | None) -> ProgressCallback | None:
        """Progress whose values, squared distances, are in the units of the data."""
        if progress is None:
            return None
        return lambda tick: progress(replace(tick, value=None if tick.value is None else tick.value * self.unit**2))

    def inward(self, mixture: Mixture) -> Mixture:
        laws = Gaussian((mixture.components.mean() - self.center) / self.unit, mixture.components.cov() / self.unit**2)
        return Mixture(mixture.weights, laws)

    def outward(self, law: GaussianTarget, structure: str) -> Mixture:
        means, covs = self.center + self.unit * law.means, law.covs * self.unit**2
        if structure in ("diagonal", "spherical"):
            return Mixture(law.weights, DiagonalGaussian(means, np.diagonal(covs, axis1=1, axis2=2)))
        return Mixture(law.weights, Gaussian(means, covs))


def _solved(data: Measure, cloud: Coreset, mixture: Mixture, start: np.ndarray) -> SemidiscretePlan:
    """The plan in the coordinates of the data; of the data themselves where all their points were taken."""
    source = cloud.samples
    tol = min(max(_LAST * float(source.weights.min()), 1e-12), 1e-8)
    if isinstance(data, Samples) and cloud.label is not None:
        source, start = data, np.where(cloud.label >= 0, start[cloud.label], 0.0)
    try:
        return Semidiscrete(tol=tol).solve(source, gaussian_target(mixture), start)
    except SolveError as stopped:  # rounding allows no better, and its gap says how good it is
        return stopped.result


def _score(data: Measure, mixture: Mixture, structure: str, free: bool) -> tuple[float, int, float]:
    """Mean log-likelihood, the numbers that were free to be chosen, and the observations, as EM has them."""
    points, weights = rows_of(data)
    weights = weights / weights.sum()
    likelihood = float(weights @ mixture.log_density(points))
    k = len(mixture)
    count = GaussianEM.of(points, weights, structure, 0.0).free_parameters(k) - (0 if free else k - 1)
    seen = data.observations if isinstance(data, Samples) else effective_count(weights)
    return likelihood, count, seen


def _notes(data: Measure, cloud: Coreset, law: GaussianTarget, floor: float) -> tuple[str, ...]:
    """What the data did to the fit; what there is to worry about is a warning, too."""
    n, k = len(cloud.samples), len(law.weights)
    least = np.linalg.eigvalsh(law.covs)[:, 0]
    empty = int((law.weights * n < _EMPTY).sum())
    low = int((least < (1 + _AT_FLOOR) * floor).sum())
    notes: list[str] = []
    if empty:
        notes.append(f"{empty} of {k} components carry no mass; ask for fewer")
    if low:
        notes.append(
            f"the least variance of {low} of {k} components came down to the floor, reg = {floor:g} of the mean "
            "variance of the data; ask for fewer components, or raise reg"
        )
    for note in notes:
        warnings.warn(note, AccuracyWarning, stacklevel=3)
    if cloud.spread > 0:
        what = "density" if isinstance(data, Grid) else f"{len(rows_of(data)[0]):,} points"
        notes.append(f"{n:,} points stand for the {what}, at a W2 of at most {np.sqrt(cloud.spread):.3g}")
    return tuple(notes)
