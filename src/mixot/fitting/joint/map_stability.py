"""How far the map of a plan moves from one half of the data to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float
from mixot.mixture import Mixture
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.maps import TransportMap
from mixot.transport.plans import reversed_plan


@dataclass(frozen=True, eq=False, slots=True)
class Images:
    """Where a plan moves points of both sides: those of x forth, (n, d), those of y back, (m, d).

    The image of a point is the mean of where the plan sends it, ``T(x) = E[y | x]``. Components are numbered anew in
    every fit, and their number changes from one to the next; where a point goes does not depend on either.
    """

    forth: Float[np.ndarray, "n d"]
    back: Float[np.ndarray, "m d"]

    @classmethod
    def of(cls, p: Mixture, q: Mixture, plan: OMTPlan, x: np.ndarray, y: np.ndarray) -> Images:
        """The images of the points x of p, and of the points y of q."""
        return cls(TransportMap.along(p, q, plan)(x), TransportMap.along(q, p, reversed_plan(plan))(y))

    def variances(self) -> tuple[float, float]:
        """Total variance of the images over the points, each way."""
        return float(self.forth.var(axis=0).sum()), float(self.back.var(axis=0).sum())

    def apart(self, other: Images) -> tuple[float, float]:
        """Mean squared distance from these images to those of ``other``, each way."""
        return (
            float(((self.forth - other.forth) ** 2).sum(axis=1).mean()),
            float(((self.back - other.back) ** 2).sum(axis=1).mean()),
        )


def instability(whole: Images, halves: tuple[Images, Images]) -> float:
    """Sampling variance of an image as a share of the variance of all images, on average over both ways.

    The images found from two disjoint halves of n rows are independent. To first order each has twice the variance that
    those found from all n rows have, their difference four times: hence a quarter of the mean squared difference.
    """
    noise = np.array(halves[0].apart(halves[1])) / 4
    own = np.array(whole.variances())
    shares = np.divide(noise, own, out=np.where(noise > 0, np.inf, 0.0), where=own > 0)
    return float(shares.mean())
