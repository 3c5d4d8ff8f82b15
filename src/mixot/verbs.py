"""The words of mixot: what is asked of which measures; `transport.pairs` knows which problem that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np

from mixot._checks import check_rng, check_whole, is_whole
from mixot._frames import Frame, is_frame, opened
from mixot._shapes import ArrayLike, Float
from mixot._typing import (
    DataLike,
    F,
    FromMoments,
    FromMomentsFull,
    Given,
    GivenDiagonal,
    GivenFull,
    Listed,
    MixtureLike,
    Nearest,
    NearestFull,
)
from mixot.errors import InputError, UnsupportedError
from mixot.families.registry import factor_names
from mixot.fitting.base import as_fitter
from mixot.incomplete import Incomplete, as_rows
from mixot.measures import Grid, Measure, Samples, as_measure
from mixot.mixture import Mixture, aligned, aligned_all, check_squares
from mixot.results import Fit, Interval, MomentFit, Plan, ProgressCallback
from mixot.solvers.base import Solver
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.discrete.partial import Partial, PartialPlan
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.solvers.multimarginal.multi_marginal import MultiMarginal
from mixot.solvers.semidiscrete.plan import CellSolver, SemidiscretePlan
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.tallies import with_named
from mixot.transport import barycenter as _barycenter
from mixot.transport import bounds as _bounds
from mixot.transport.all_pairs import between_all
from mixot.transport.barycenter import Barycenter, BarycenterSolver
from mixot.transport.cells import CentroidMap, PointMap
from mixot.transport.geodesic import Geodesic, Interpolation
from mixot.transport.maps import TransportMap
from mixot.transport.pairs import problem

if TYPE_CHECKING:  # what only some fits return, or are of
    from mixot.families.elliptical.diagonal import DiagonalGaussian
    from mixot.families.elliptical.gaussian import Gaussian
    from mixot.families.elliptical.student import StudentT
    from mixot.families.line.bernoulli import Bernoulli
    from mixot.families.line.binomial import Binomial
    from mixot.families.line.categorical import Categorical
    from mixot.families.line.exponential import Exponential
    from mixot.families.line.gamma import Gamma
    from mixot.families.line.inverse_gamma import InverseGamma
    from mixot.families.line.laplace import Laplace
    from mixot.families.line.lognormal import LogNormal
    from mixot.families.line.negative_binomial import NegativeBinomial
    from mixot.families.line.poisson import Poisson
    from mixot.families.line.rayleigh import Rayleigh
    from mixot.families.line.weibull import Weibull
    from mixot.families.line.zero_inflated import ZeroInflatedNegativeBinomial, ZeroInflatedPoisson
    from mixot.fitting.wasserstein.minimum_wasserstein import WassersteinFit

_MOST_POINTS = 2**24  # that stand for a mixture: more would take weeks


# What comes out, by method, family and structure; a name that stands in no line gives a mixture of some family.
@overload
def fit(
    data: DataLike, family: Literal["gaussian"] = "gaussian", **given: Unpack[FromMomentsFull]
) -> MomentFit[Gaussian]: ...
@overload
def fit(  # pyright: ignore[reportOverlappingOverload] (a text may turn out to be "gaussian")
    data: DataLike, family: str = "gaussian", **given: Unpack[FromMoments]
) -> MomentFit: ...
@overload
def fit(
    data: DataLike, family: Literal["gaussian"] = "gaussian", **given: Unpack[NearestFull]
) -> WassersteinFit[Gaussian]: ...
@overload
def fit(data: DataLike, family: str = "gaussian", **given: Unpack[Nearest]) -> WassersteinFit: ...
@overload
def fit(data: DataLike, family: Literal["gaussian"] = "gaussian", **given: Unpack[GivenFull]) -> Fit[Gaussian]: ...
@overload
def fit(
    data: DataLike, family: Literal["gaussian"] = "gaussian", **given: Unpack[GivenDiagonal]
) -> Fit[DiagonalGaussian]: ...
@overload
def fit(data: DataLike, family: Literal["diagonal"], **given: Unpack[Given]) -> Fit[DiagonalGaussian]: ...
@overload
def fit(data: DataLike, family: Literal["student"], **given: Unpack[Given]) -> Fit[StudentT]: ...
@overload
def fit(data: DataLike, family: Literal["bernoulli"], **given: Unpack[Given]) -> Fit[Bernoulli]: ...
@overload
def fit(data: DataLike, family: Literal["binomial"], **given: Unpack[Given]) -> Fit[Binomial]: ...
@overload
def fit(data: DataLike, family: Literal["categorical"], **given: Unpack[Given]) -> Fit[Categorical]: ...
@overload
def fit(data: DataLike, family: Literal["exponential"], **given: Unpack[Given]) -> Fit[Exponential]: ...
@overload
def fit(data: DataLike, family: Literal["gamma"], **given: Unpack[Given]) -> Fit[Gamma]: ...
@overload
def fit(data: DataLike, family: Literal["inverse_gamma"], **given: Unpack[Given]) -> Fit[InverseGamma]: ...
@overload
def fit(data: DataLike, family: Literal["laplace"], **given: Unpack[Given]) -> Fit[Laplace]: ...
@overload
def fit(data: DataLike, family: Literal["lognormal"], **given: Unpack[Given]) -> Fit[LogNormal]: ...
@overload
def fit(data: DataLike, family: Literal["negative_binomial"], **given: Unpack[Given]) -> Fit[NegativeBinomial]: ...
@overload
def fit(data: DataLike, family: Literal["poisson"], **given: Unpack[Given]) -> Fit[Poisson]: ...
@overload
def fit(data: DataLike, family: Literal["rayleigh"], **given: Unpack[Given]) -> Fit[Rayleigh]: ...
@overload
def fit(data: DataLike, family: Literal["weibull"], **given: Unpack[Given]) -> Fit[Weibull]: ...
@overload
def fit(
    data: DataLike, family: Literal["zero_inflated_poisson"], **given: Unpack[Given]
) -> Fit[ZeroInflatedPoisson]: ...
@overload
def fit(
    data: DataLike, family: Literal["zero_inflated_negative_binomial"], **given: Unpack[Given]
) -> Fit[ZeroInflatedNegativeBinomial]: ...
@overload
def fit(data: DataLike, family: str = "gaussian", **given: Unpack[Given]) -> Fit: ...
def fit(
    data: Any,
    family: Any = "gaussian",
    *,
    k: Any = None,
    method: Any = "em",
    structure: Any = "full",
    weights: Any = None,
    counts: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Fit:
    """Return the mixture of k components of ``family`` that fits ``data``, and how well.

    Parameters
    ----------
    data : anything that `as_measure` reads
        Points (n, d), weighted points, a dataframe, a picture.
    family : str
        "gaussian", "diagonal", ... (an unknown name lists them); column by column, independent within a component,
        "diagonal*3,poisson,categorical" (text and categories of a dataframe are read as levels). A number in brackets
        holds the one parameter that fits of a family can hold: "binomial(10)" is of 10 trials.
    k : int, optional
        Number of components; chosen by an information criterion where not given.
    method : str or fitter
        "em", the name of another registered fitter, or a fitter object such as ``EM(max_iter=500)``.
    structure : str
        Of the covariances: "full", "diagonal", "spherical" or "tied"; one of mclust's models "EII" to "VVV"; or "auto",
        which chooses among these, and k with them (see `EM`).
    weights, counts : (n,), optional
        Of points: importance weights, which sum to one, or how often each was seen; see `Samples`. A histogram has
        counts, and is fitted as its rows would be. Of a dataframe also the name of the column that holds them:
        ``fit(frame, weights="w")``; such weights are scaled to sum to one.
    rng : seed, Generator or None
        Where the random starts come from.
    progress : callable, optional
        Called with a `Progress` now and then.

    Returns
    -------
    Fit
        ``.mixture .status .iterations .log_likelihood .criterion .bic .aic .history .candidates .structure``; every
        verb takes it in place of its mixture

    Raises
    ------
    InputError
        On NaN or infinity (the rows are named), fewer rows than components, an unknown family or method.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([5.0, 10.0], 1.0, size=(500, 2))
    >>> fit(x, k=1, rng=0).mixture.mean().round()
    array([ 5., 10.])
    """
    for name, value in (("family", family), ("structure", structure)):
        if not isinstance(value, str):
            hint = f"; a number of components is given by name: k={value}" if isinstance(value, int) else ""
            raise InputError(f"{name} must be a name, got {value!r}{hint}")
    if k is not None:
        check_whole(k, "k")
    if progress is not None and not callable(progress):
        raise InputError(f"progress must be callable, or None, got {type(progress).__name__}")
    fitter = as_fitter(method)
    if isinstance(data, tuple) and len(data) == 2 and is_frame(data[0]) and weights is None and counts is None:
        data, weights = data
    if is_frame(data) or isinstance(weights, str) or isinstance(counts, str):
        data, weights, counts = with_named(opened(data), weights, counts)  # some are columns of the frame
        data = _reading_levels(data, family, getattr(method, "start", None))
    measure = as_rows(data, getattr(fitter, "missing", "error"))
    if weights is not None or counts is not None:
        if not isinstance(measure, Samples | Incomplete):
            raise InputError(f"weights and counts are of points, got {type(measure).__name__}; leave them out")
        if measure.counts is not None or np.ptp(measure.weights) > 0:
            own = "weights" if measure.counts is None else "counts"
            raise InputError(f"the samples have {own} of their own; give both to Samples, or fit their points")
        measure = type(measure)(measure.points, weights, counts=counts, columns=measure.columns)
    check_squares(measure)
    check_rng(rng)  # refused here, whatever the fitter does with it
    found = fitter.fit(measure, family, k=k, structure=structure, rng=rng, progress=progress)
    names = measure.columns if isinstance(measure, Samples | Incomplete) else None
    found = found if names is None else found.named(names)
    return _with_levels(found, data.levels) if isinstance(data, Frame) and data.levels else found


def _with_levels(found: Fit, levels: Mapping[int, tuple[str, ...]]) -> Fit:
    """The fit, its levels called as those of the frame are."""

    def called(mixture: Mixture) -> Mixture:
        return Mixture(mixture.weights, mixture.components.with_level_names(levels), columns=mixture.columns)

    tried = tuple(replace(each, mixture=called(each.mixture)) for each in found.candidates)
    return replace(found, mixture=called(found.mixture), candidates=tried)


def _reading_levels(frame: Any, family: str, start: Any) -> Any:
    """The frame, its columns that are to follow categorical laws as codes of their levels, or of those of a start."""
    start = getattr(start, "mixture", start)
    known = start.components.level_names if isinstance(start, Mixture) else {}
    return frame.reading_levels(
        {at: known.get(at) for at, name in enumerate(factor_names(family)) if name == "categorical"}
    )


@overload
def plan(  # pyright: ignore[reportOverlappingOverload]
    p: Samples | np.ndarray, q: Grid, *, solver: Semidiscrete | None = None
) -> SemidiscretePlan: ...
@overload
def plan(p: Samples | np.ndarray, q: Mixture, *, solver: Semidiscrete | None = None) -> SemidiscretePlan: ...
@overload
def plan(p: Grid, q: Samples | np.ndarray, *, solver: Semidiscrete | None = None) -> SemidiscretePlan: ...
@overload
def plan(p: Mixture, q: Samples | np.ndarray, *, solver: Semidiscrete | None = None) -> SemidiscretePlan: ...
@overload
def plan(p: DataLike, q: DataLike, *, solver: OMT) -> OMTPlan: ...
@overload
def plan(p: DataLike, q: DataLike, *, mass: float, solver: Exact | None = None) -> PartialPlan: ...
@overload
def plan(p: DataLike, q: DataLike, *, solver: Solver | CellSolver | None = None, mass: None = None) -> Plan: ...
def plan(p: Any, q: Any, *, solver: Any = None, mass: Any = None) -> Plan | SemidiscretePlan:
    """Return the optimal coupling of p and q, with a certificate.

    For mixtures it is the coupling of their components that attains ``MW2^2 = min sum_kl w_kl W2^2(p_k, q_l)`` over
    nonnegative w with the weights of p and q as marginals (Delon and Desolneux 2020, eq. 4.4); for samples it is the
    exact discrete W2 plan; with ``OMT()`` both are smoothed by entropy, hence unique and stable (see there, and
    "Optimal mixture transport" in the documentation). For samples and a grid or a mixture of Gaussians, in dimension
    one to three, it is the exact semi-discrete one.

    Parameters
    ----------
    p, q : mixtures or fits, both samples, or samples and a density: a grid or a mixture
        Anything that `as_measure` reads.
    solver : solver, optional
        ``Exact()``, or for samples and a density ``Semidiscrete()``, where not given; between mixtures, and between
        samples, also ``OMT(lam=..., eps=..., rho=...)``, or any object with a method ``solve(cost, a, b) -> Plan``.
    mass : float, optional
        A share of the mass, above 0 and at most 1: the plan then moves no more than that, what is cheapest to move,
        and is exact. Between mixtures, and between samples.

    Returns
    -------
    Plan
        ``.coupling .cost (squared distance) .distance .lower_bound .gap .cost_matrix .potentials .status``
    OMTPlan
        With ``OMT(...)``, a `Plan` that also has ``.lam .eps .primal .dual .excess .created .destroyed .growth``
    PartialPlan
        With ``mass=``, a `Plan` of marginals at most the weights, that also has ``.mass .unmoved .price .notes``
    SemidiscretePlan
        For samples and a density: ``.potentials .masses .centroids .cost .gap .distance .cells() .status``

    Raises
    ------
    UnsupportedError
        On a pair of measures that no solver here joins; the message names the alternative.
    InputError
        Where p and q live in different dimensions, the solver is none for them, or the mass no share.
    SolveError
        Where the solver gave up; ``.result`` is its best plan.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
    >>> q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
    >>> best = plan(p, q)
    >>> best.coupling.round(12).tolist(), round(best.cost, 12)
    ([[0.3, 0.0], [0.3, 0.4]], 0.12475)
    >>> plan(p, q, mass=0.5).coupling.round(12).tolist()
    [[0.0, 0.0], [0.5, 0.0]]
    """
    found = problem(as_measure(p), as_measure(q))
    return found.plan(solver if mass is None else _of_share(mass, solver, found.pair.semidiscrete))


def _of_share(mass: Any, solver: Any, semidiscrete: bool) -> Partial:
    """The solver for a share of the mass."""
    share = Partial(mass)
    if semidiscrete:
        raise UnsupportedError(
            "a share of the mass is moved between mixtures and between samples, not between points and a density; "
            "take a sample of it, or fit a mixture to the points"
        )
    if solver is not None and not isinstance(solver, Exact):
        raise InputError(
            "a share of the mass is moved by Exact(...); give mass, or another solver, such as OMT(rho=...)"
        )
    return share if solver is None else replace(share, exact=solver)


def distance(p: DataLike, q: DataLike) -> float:
    """Return the distance between p and q, in the units of the data (never its square).

    MW2 between mixtures, which is at least W2 (see `bounds`), and exact W2 between samples and between samples and a
    density: a grid or a mixture of Gaussians.

    Parameters
    ----------
    p, q : mixtures or fits, both samples, or samples and a density
        Anything that `as_measure` reads; raises as `plan` does.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> round(distance(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([3.0], [25.0]))), 12)
    5.0
    """
    return plan(p, q).distance


def distances(
    ps: Listed, qs: Listed | None = None, *, progress: ProgressCallback | None = None
) -> Float[np.ndarray, "n m"]:
    """Return the distances between all pairs, (n, m): each of `ps` to each of `qs`, or to each other of `ps`.

    What `distance` says of every pair, in the units of the data, but computed many pairs at a time where all are
    mixtures of one family or all are samples. Among themselves the distances are symmetric, to the bit.

    Parameters
    ----------
    ps, qs : lists of mixtures, fits, samples or densities
        Anything that `as_measure` reads; raises as `plan` does, where any pair would.
    progress : callable, optional
        Called with a `Progress` whose ``step`` counts the pairs.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> laws = [Mixture([1.0], Gaussian([m], [1.0])) for m in (0.0, 3.0, 5.0)]
    >>> distances(laws).tolist()
    [[0.0, 3.0, 5.0], [3.0, 0.0, 2.0], [5.0, 2.0, 0.0]]
    """
    sources = _measures(ps, "ps")
    return between_all(sources, None if qs is None else _measures(qs, "qs"), distance, progress)


@overload
def geodesic(p: MixtureLike[F], q: MixtureLike[F], *, solver: Exact | None = None) -> Geodesic[F]: ...
@overload
def geodesic(p: MixtureLike[F], q: MixtureLike[F], *, solver: Solver | None = None) -> Interpolation[F]: ...
def geodesic(p: Any, q: Any, *, solver: Any = None) -> Interpolation:
    """Return the path of mixtures from p (t = 0) to q (t = 1), of constant speed in MW2.

    Each pair of components that the plan joins moves on its own W2 geodesic with the mass the plan gives it (Delon
    and Desolneux 2020, Corollary 2). With ``OMT()`` the path along its plan is a smooth interpolation, and no geodesic.

    Parameters
    ----------
    p, q : mixtures or fits
        Of one family and dimension.
    solver : Exact, OMT or another
        Which plan to follow; see `plan`.

    Returns
    -------
    Geodesic, or Interpolation with ``OMT(...)``
        ``path(t)`` is a `Mixture`; ``.plan .distance .weights``

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> path = geodesic(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([4.0], [9.0])))
    >>> path(0.5).components.means.tolist(), path(0.5).components.covs.tolist()
    ([[2.0]], [[[4.0]]])
    """
    return problem(as_measure(p), as_measure(q), "path").path(solver)


@overload
def transport_map(p: Grid, q: Samples, *, kind: Literal["mean"] = "mean") -> PointMap: ...
@overload
def transport_map(p: Mixture, q: Samples, *, kind: Literal["mean"] = "mean") -> PointMap: ...
@overload
def transport_map(p: Samples, q: Grid, *, kind: Literal["mean"] = "mean") -> CentroidMap: ...
@overload
def transport_map(p: Samples, q: Mixture, *, kind: Literal["mean"] = "mean") -> CentroidMap: ...
@overload
def transport_map(
    p: MixtureLike[F], q: MixtureLike[F], *, kind: Literal["mean", "random"] = "mean", solver: Solver | None = None
) -> TransportMap[F]: ...
def transport_map(
    p: Any, q: Any, *, kind: Literal["mean", "random"] = "mean", solver: Any = None
) -> TransportMap | PointMap | CentroidMap:
    """Return the map that moves p onto q, component by component, weighted by where a point is.

    From a density, a grid or a mixture, to samples it is the optimal map, from samples to a density the mean image of
    each point.

    Parameters
    ----------
    p, q : mixtures or fits, or samples and a density: a grid or a mixture
        Of one family and dimension.
    kind : "mean" or "random"
        The smooth map ``T_mean(x) = sum_kl p_kl(x) T_kl(x)``; or ``T_rand(x) = T_kl(x)`` with probability p_kl(x),
        which has exactly q as image of p (Delon and Desolneux 2020, section 6.3).
    solver : Exact, OMT, Semidiscrete or another
        Whose plan to follow; see `plan`. Between mixtures, with ``OMT()`` the map changes smoothly with p and q.

    Returns
    -------
    TransportMap
        ``map(x)`` moves points (n, d); ``map.sample(x, rng=)`` is the random map, ``map.trajectories(x, times)`` its
        paths, ``map.destinations(x)`` the components of q that x may reach, ``map.conditional(x)`` the law of y given
        one x; ``.plan .source .target``
    PointMap, CentroidMap
        From a density to samples, ``map(x)`` is the point whose cell x lies in; from samples to a density,
        ``map(points)`` are the centers of mass of their cells; ``.plan``

    Raises
    ------
    UnsupportedError
        For ``kind="mean"`` where singular covariances leave no map between a pair of components.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> move = transport_map(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([4.0], [9.0])))
    >>> move([-1.0, 0.0, 2.0]).ravel().tolist()
    [1.0, 4.0, 10.0]
    """
    return problem(as_measure(p), as_measure(q), "map").map(kind, solver)


@overload
def barycenter(
    measures: Iterable[MixtureLike[F]], weights: ArrayLike | None = None, *, solver: MultiMarginal | None = None
) -> Barycenter[F]: ...
@overload
def barycenter(
    measures: Iterable[MixtureLike[F]], weights: ArrayLike | None = None, *, solver: BarycenterSolver
) -> Barycenter[F]: ...
def barycenter(measures: Any, weights: Any = None, *, solver: Any = None) -> Barycenter:
    """Return the average of several mixtures: it minimises ``sum_j weights[j] MW2^2(., measures[j])``.

    Parameters
    ----------
    measures : list of mixtures, or of fits of mixtures
        What to average.
    weights : (J,)
        Not negative, summing to one; equal ones if not given. A mixture of weight zero has no part.
    solver : MultiMarginal, GivenComponents or FixedPoint
        ``MultiMarginal()``, the default, is exact; ``GivenComponents(candidates)`` finds weights only (Chen, Georgiou
        and Tannenbaum 2019, eqs. 17-19); ``FixedPoint(k=...)`` has at most k components, and a proven gap.

    Raises
    ------
    InputError
        On weights of the wrong number, negative or not summing to one, on mixtures of different dimensions or names of
        their coordinates, and where the solver is none for barycenters.
    UnsupportedError
        On mixtures of different families, or of a family without a formula for barycenters.
    SolveError
        Where the solver stopped early; ``.result`` is the best barycenter it has, its gap stated.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p, q = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([6.0], [9.0]))
    >>> mean = barycenter([p, q])
    >>> mean.mixture.components.means.item(), mean.mixture.components.covs.item(), mean.objective
    (3.0, 4.0, 10.0)
    """
    if isinstance(measures, Measure) or not isinstance(measures, Iterable):
        raise InputError(f"measures must be a list of mixtures, got one {type(measures).__name__}")
    mixtures = [_mixture(p) for p in measures]
    return _barycenter.of_mixtures(aligned_all(mixtures), weights, solver)


def bounds(p: DataLike, q: DataLike, *, points: int = 256) -> Interval:
    """Return an interval that contains W2(p, q), both ends proven.

    On the line it is W2 itself, by a quadrature whose error is bounded: of a width of about 1e-10 of it. In more
    dimensions MW2 stands above, and below the best of the Gelbrich bound, exact W2 of projections in an optimised
    direction, and Proposition 6 of Delon and Desolneux (2020). Between mixtures of Gaussians in the plane, points that
    stand for one of them enclose W2 from both sides. Directions and points are searched for: where the last bit of an
    input differs, an end may differ by some 1e-5 of itself, and holds all the same.

    Parameters
    ----------
    p, q : mixtures or fits
        Of one family and dimension.
    points : int
        How many points stand for a mixture in the plane: the width of the interval falls like one over their number
        (256 take a quarter of a second, 1,000 one second); 0 leaves this bound out. On the line it needs none.

    Returns
    -------
    Interval
        ``.lower .upper .width``, and ``.lower_by .upper_by``, the arguments that gave them

    Raises
    ------
    InputError
        Where points is not a whole number of 0 or more.
    UnsupportedError
        On samples and grids: between those and a mixture `distance` is exact.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> p = Mixture([1.0], Gaussian([0.0], [1.0]))
    >>> q = Mixture([0.5, 0.5], Gaussian([-2.0, 2.0], [1.0, 1.0]))
    >>> inside = bounds(p, q)
    >>> round(inside.lower, 8), round(inside.upper, 8), round(distance(p, q), 8)
    (1.28316091, 1.28316091, 2.0)
    """
    if not is_whole(points) or not 0 <= points <= _MOST_POINTS:
        limit = "" if not isinstance(points, int) or points < 0 else f", at most {_MOST_POINTS}"
        raise InputError(f"points must be a whole number of 0 or more{limit}, got {points!r}")
    source = _mixture(p)
    return _bounds.wasserstein(source, aligned(source, _mixture(q)), points=points)


def _measures(data: Any, name: str) -> list[Measure]:
    if isinstance(data, Measure) or not isinstance(data, Iterable):
        raise InputError(f"{name} must be a list of measures, got one {type(data).__name__}")
    measures = [as_measure(one) for one in data]
    for measure in measures:
        check_squares(measure)
    return measures


def _mixture(data: Any) -> Mixture:
    measure = as_measure(data)
    if not isinstance(measure, Mixture):
        raise UnsupportedError(f"expected a mixture, got {type(measure).__name__}; fit one first: fit(data).mixture")
    check_squares(measure)
    return measure
