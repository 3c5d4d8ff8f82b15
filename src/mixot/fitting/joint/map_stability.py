"""How far the arrows of a plan move from one half of the data to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.maps import TransportMap
from mixot.transport.plans import reversed_plan


@dataclass(frozen=True, eq=False, slots=True)
class Arrows:
    """Where a plan moves points of both sides: those of x forth, (n, d), those of y back, (m, d).

    An arrow ends at the mean of where the plan sends the point, ``T(x) = E[y | x]``. Components are numbered anew in
    every fit, and their number changes from one to the next; where a point goes does not depend on either.
    """

    forth: Float[np.ndarray, "n d"]
    back: Float[np.ndarray, "m d"]

    @classmethod
    def of(cls, p: Mixture, q: Mixture, plan: OMTPlan, x: np.ndarray, y: np.ndarray) -> Arrows:
        """The arrows from the points x of p, and from the points y of q."""
        return cls(TransportMap.along(p, q, plan)(x), TransportMap.along(q, p, reversed_plan(plan))(y))

    def variances(self) -> tuple[float, float]:
        """Total variance of the arrows' ends over the points, each way."""
        return float(self.forth.var(axis=0).sum()), float(self.back.var(axis=0).sum())

    def apart(self, other: Arrows) -> tuple[float, float]:
        """Mean squared distance from the ends of these to those of ``other``, each way."""
        return (
            float(((self.forth - other.forth) ** 2).sum(axis=1).mean()),
            float(((self.back - other.back) ** 2).sum(axis=1).mean()),
        )


def instability(whole: Arrows, halves: tuple[Arrows, Arrows]) -> float:
    """Sampling variance of an arrow as a share of the variance of all arrows, on average over both ways.

    The arrows found from two disjoint halves of n rows are independent. To first order each has twice the variance that
    arrows found from all n rows have, their difference four times: hence a quarter of the mean squared difference.
    """
    noise = np.array(halves[0].apart(halves[1])) / 4
    own = np.array(whole.variances())
    shares = np.divide(noise, own, out=np.where(noise > 0, np.inf, 0.0), where=own > 0)
    return float(shares.mean())


def split(data: Samples, rng: np.random.Generator, most: int) -> tuple[Samples, Samples]:
    """Two disjoint halves of the rows, of at most ``most`` rows together, drawn anew."""
    size = min(len(data), most) // 2
    rows = rng.permutation(len(data))[: 2 * size]
    first, second = (np.sort(part) for part in (rows[:size], rows[size:]))
    return _rows(data, first), _rows(data, second)


def some(data: Samples, count: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """So many of the points, drawn by weight; all, once each, where they are fewer and weigh the same."""
    points = data.points.astype(np.float64)
    if np.ptp(data.weights) > 0:
        return points[np.sort(rng.choice(len(data), count, p=data.weights))]
    return points if len(data) <= count else points[np.sort(rng.choice(len(data), count, replace=False))]


def _rows(data: Samples, rows: np.ndarray) -> Samples:
    weights = data.weights[rows]
    return Samples(data.points[rows], weights / weights.sum())
