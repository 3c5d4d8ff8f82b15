"""The six words of mixot, and which problem each pair of measures stands for: the dispatch table and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from mixot.errors import InputError, UnsupportedError
from mixot.fitting.base import Fitter, as_fitter
from mixot.measures import Measure, Samples, as_measure
from mixot.mixture import Mixture
from mixot.results import Fit, Interval, Plan, ProgressCallback
from mixot.solvers.discrete import Exact
from mixot.solvers.multimarginal import MultiMarginal
from mixot.transport import barycenter as _barycenter
from mixot.transport import bounds as _bounds
from mixot.transport import plans
from mixot.transport.barycenter import Barycenter, BarycenterSolver
from mixot.transport.geodesic import Geodesic
from mixot.transport.maps import TransportMap


def fit(
    data: Any,
    family: str = "gaussian",
    *,
    k: int | None = None,
    method: str | Fitter = "em",
    structure: str = "full",
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Fit:
    """Return the mixture of k components of ``family`` that fits ``data``."""
    return as_fitter(method).fit(as_measure(data), family, k=k, structure=structure, rng=rng, progress=progress)


def plan(p: Any, q: Any, *, solver: Exact | None = None) -> Plan:
    """Return the optimal coupling of p and q, with a certificate."""
    source, target = as_measure(p), as_measure(q)
    match source, target:
        case Mixture(), Mixture():
            return plans.between_mixtures(source, target, solver or Exact())
        case Samples(), Samples():
            return plans.between_samples(source, target, solver or Exact())
    raise UnsupportedError(
        f"no plan between {type(source).__name__} and {type(target).__name__}; fit a mixture to each, or sample both"
    )


def distance(p: Any, q: Any) -> float:
    """Return the distance between p and q, in the units of the data (never its square)."""
    return plan(p, q).distance


def geodesic(p: Any, q: Any) -> Geodesic:
    """Return the path of mixtures from p (t = 0) to q (t = 1)."""
    return Geodesic.between(_mixture(p), _mixture(q))


def transport_map(p: Any, q: Any, *, kind: Literal["mean", "random"] = "mean") -> TransportMap:
    """Return the map that moves p onto q."""
    return TransportMap.between(_mixture(p), _mixture(q), kind=kind)


def barycenter(
    measures: Any, weights: Any = None, *, solver: MultiMarginal | BarycenterSolver | None = None
) -> Barycenter:
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
        On weights of the wrong number, negative or not summing to one, and on mixtures of different dimensions.
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
    return _barycenter.of_mixtures([_mixture(p) for p in measures], weights, solver)


def bounds(p: Any, q: Any) -> Interval:
    """Return an interval that contains W2(p, q), both ends proven."""
    return _bounds.wasserstein(_mixture(p), _mixture(q))


def _mixture(data: Any) -> Mixture:
    measure = as_measure(data)
    if not isinstance(measure, Mixture):
        raise UnsupportedError(f"expected a mixture, got {type(measure).__name__}; fit one first: fit(data).mixture")
    return measure
