"""From samples to the law they were drawn from: a bound at a level of confidence.

Moments of draws say nothing of the tails that no draw has shown, which the population's moments may be made of. So the
law is cut to a box first. Take the least and the largest draw along every axis away: the draws that are left are
independent draws of the law on the box between them (but for the mass P outside), and P has the distribution
Beta(2 d, n - 2 d + 1), whatever the law (Wald 1943; Tukey 1948, for laws with atoms, too). The moments on the box are
means of bounded polynomials; a set that covers them at some level bounds the distance of the law on the box, and
``|mu - mu(. | box)| = 2 P`` bounds that of mu in total variation. Of W2 nothing follows, since a little mass far away
moves it by any amount: it needs a box that is known to hold the law.

References
----------
Wald, Annals of Mathematical Statistics 14 (1943); Tukey, Annals of Mathematical Statistics 19 (1948).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import beta

from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.measures import Measure, Samples
from mixot.results import PopulationBound
from mixot.sos.hierarchy import solve
from mixot.sos.relaxation import Relaxation
from mixot.sos.sample_moments import SampleMoments
from mixot.sos.slack import ellipsoid, empirical_bernstein
from mixot.sos.target import target_of

COVERAGES = ("asymptotic", "finite-sample")
_OF_MASS = 0.2  # share of the error probability that goes to the mass outside of the box
_MOST_ROWS = 10_000_000  # rows that counts are written out to


@dataclass(frozen=True, eq=False)
class Boxed:
    """Independent draws of a law on a box, and a bound of the mass that the population has outside of it."""

    draws: Samples | SampleMoments
    box: Float[np.ndarray, "d 2"]
    outside: float
    level: float  # what is left of the confidence for the moments


def population_bound(
    plain: Relaxation, data: Measure, level: float, domain: Any = None, coverage: str = "asymptotic", solver: Any = None
) -> PopulationBound:
    """Return how close any mixture over the region of ``plain`` can come to the law that ``data`` were drawn from.

    Parameters
    ----------
    plain : Relaxation
        Of the samples' own moments; its family, region, order and distance are taken.
    data : Measure
        `Samples` of equal weights, or with counts; with a ``domain`` also `SampleMoments`.
    level : float
        Probability with which the bound holds, over draws of the data.
    domain : pair, optional
        Lower and upper ends of a box that is known to hold the population, numbers or (d,); W2 needs one.
    coverage : str
        "asymptotic", Hotelling's ellipsoid of the moments' errors, or "finite-sample", empirical Bernstein bounds,
        which hold for every n and are wider.
    solver : SDP, optional
        Of the semidefinite program.

    Raises
    ------
    InputError
        Where draws lie outside of the domain, or are too few.
    UnsupportedError
        For weighted draws, and for W2 without a domain.
    """
    boxed = _in_domain(data, domain, level) if domain is not None else _trimmed(data, plain.distance, level)
    target = target_of(boxed.draws, plain.model, 2 * plain.order, boxed.box)
    # The basis must not come from the draws whose means it gets; that of the box is known before them.
    basis = "chebyshev" if plain.basis == "orthonormal" else plain.basis
    relaxation = replace(plain, target=target, basis=basis, eps=0.0, regularizer=None, slack=None)
    count = float(boxed.draws.observations)
    cover = ellipsoid if coverage == "asymptotic" else empirical_bernstein
    slack = replace(cover(target, relaxation.points, boxed.level, count), bounded=True)
    found = solve(replace(relaxation, slack=slack), solver)
    value = max(found.bound - 2 * boxed.outside if plain.distance == "tv" else found.bound, 0.0)
    return PopulationBound(
        level=level,
        lower_bound=float(np.sqrt(value)) if plain.distance == "w2" else value,
        distance_name=plain.distance,
        order=plain.order,
        coverage=coverage,
        outside=boxed.outside,
        box=boxed.box,
    )


def _in_domain(data: Measure, domain: Any, level: float) -> Boxed:
    ends = [np.asarray(end, dtype=np.float64) for end in domain]
    if any(end.shape not in ((), (data.dim,)) for end in ends):
        raise InputError(f"the ends of the domain must be numbers, or {data.dim} each, got {domain!r}")
    lower, upper = (np.broadcast_to(end, (data.dim,)) for end in ends)
    if isinstance(data, SampleMoments) and abs(data.square_mass - data.mass) > 1e-9 * data.mass:
        raise UnsupportedError("a statement about a population is for draws of equal weights; leave the weights out")
    draws = data if isinstance(data, SampleMoments) else _drawn(data)
    lowest, highest = (
        (draws.lower, draws.upper)
        if isinstance(draws, SampleMoments)
        else (draws.points.min(axis=0), draws.points.max(axis=0))
    )
    away = np.flatnonzero((lowest < lower) | (highest > upper))
    if len(away):
        at = int(away[0])
        raise InputError(
            f"the domain must hold the data: along axis {at} it is [{lower[at]:g}, {upper[at]:g}], and they reach from "
            f"{lowest[at]:g} to {highest[at]:g}"
        )
    return Boxed(draws, np.stack([lower, upper], axis=1), 0.0, level)


def _trimmed(data: Measure, distance: str, level: float) -> Boxed:
    """The draws without the least and the largest along each axis in turn, and the box between these."""
    if distance == "w2":
        raise UnsupportedError(
            "of the W2 distance of the population samples say nothing: mass that no draw has shown may lie anywhere; "
            'say the domain that holds it, or take distance="tv"'
        )
    x = _drawn(data).points.astype(np.float64)
    n, d = x.shape
    if n <= 2 * d + 1:
        raise InputError(f"a statement about the population needs more than {2 * d + 1} rows, got {n}")
    box = np.empty((d, 2))
    for j in range(d):
        for end, pick in enumerate((np.argmin, np.argmax)):
            at = int(pick(x[:, j]))
            box[j, end] = x[at, j]
            x = np.delete(x, at, axis=0)
    outside = float(beta.ppf(1 - _OF_MASS * (1 - level), 2 * d, n - 2 * d + 1))
    return Boxed(Samples(x), box, outside, 1 - (1 - _OF_MASS) * (1 - level))


def _drawn(data: Measure) -> Samples:
    """Independent draws, one a row."""
    if not isinstance(data, Samples):
        raise UnsupportedError(
            f"a statement about a population is for samples of it, got {type(data).__name__}; of moments that were "
            "streamed, say the domain, too"
        )
    if data.counts is not None:
        if data.counts.sum() > _MOST_ROWS:
            raise UnsupportedError(f"counts of more than {_MOST_ROWS} rows are too many to write out")
        return Samples(np.repeat(data.points, np.round(data.counts).astype(int), axis=0))
    if np.ptp(data.weights) > 1e-9 * data.weights.max():
        raise UnsupportedError("a statement about a population is for draws of equal weights; leave the weights out")
    return data
