"""Mixtures that are their own mirror images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mixot._shapes import Float, Int
from mixot.families.elliptical.gaussian import Gaussian
from mixot.imaging.shapes.frames import reflection
from mixot.mixture import Mixture


@dataclass(frozen=True, eq=False)
class Mirror:
    """The mirror of the plane about a line through ``center`` at ``angle`` degrees."""

    center: Float[np.ndarray, "2"]
    angle: float

    @property
    def matrix(self) -> Float[np.ndarray, "2 2"]:
        """Its linear part."""
        return reflection(self.angle)

    def points(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """The image of points."""
        return (points - self.center) @ self.matrix + self.center

    def image(self, mixture: Mixture[Gaussian]) -> Mixture[Gaussian]:
        """The image of a mixture."""
        means, covs = self.points(mixture.components.means), self.matrix @ mixture.components.covs @ self.matrix
        return Mixture(mixture.weights, Gaussian(means, covs))

    def pairs(self, mixture: Mixture[Gaussian]) -> Int[np.ndarray, " k"]:
        """For each component the one that is nearest to its image, all paired at the least cost; itself on the axis."""
        parts, image = mixture.components, self.image(mixture).components
        cost = parts.cost(image)
        partner = linear_sum_assignment(cost + cost.T)[1]
        # What is left in longer rings has no partner that returns it: each stays alone, on the axis.
        return np.where(partner[partner] == np.arange(len(partner)), partner, np.arange(len(partner)))

    def symmetrized(self, mixture: Mixture[Gaussian], partner: Int[np.ndarray, " k"]) -> Mixture[Gaussian]:
        """The mixture whose components are the means of each and its partner's image: the mirror leaves it as it is."""
        image = self.image(mixture).components
        own, other = mixture.weights, mixture.weights[partner]
        total = own + other
        share = np.divide(own, total, out=np.full_like(own, 0.5), where=total > 0)[:, None]
        means = share * mixture.components.means + (1 - share) * image.means[partner]
        covs = share[:, :, None] * mixture.components.covs + (1 - share)[:, :, None] * image.covs[partner]
        return Mixture(total / total.sum(), Gaussian(means, covs))
