"""The six words of mixot, and which problem each pair of measures stands for: the dispatch table and nothing else."""

from __future__ import annotations

from typing import Any, Literal

from mixot.errors import UnsupportedError
from mixot.fitting.base import Fitter, as_fitter
from mixot.measures import Samples, as_measure
from mixot.mixture import Mixture
from mixot.results import Fit, Interval, Plan, ProgressCallback
from mixot.solvers.discrete import Exact
from mixot.transport import bounds as _bounds
from mixot.transport import plans
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


def bounds(p: Any, q: Any) -> Interval:
    """Return an interval that contains W2(p, q), both ends proven."""
    return _bounds.wasserstein(_mixture(p), _mixture(q))


def _mixture(data: Any) -> Mixture:
    measure = as_measure(data)
    if not isinstance(measure, Mixture):
        raise UnsupportedError(f"expected a mixture, got {type(measure).__name__}; fit one first: fit(data).mixture")
    return measure
