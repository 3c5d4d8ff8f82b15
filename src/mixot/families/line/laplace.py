"""Laplace laws: a peak at the median and tails of exponential laws on both sides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb, factorial
from typing import Any, ClassVar

import numpy as np

from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.line.base import LineFamily, as_locs_and_scales, held
from mixot.families.moment_model import Extent, MomentModel, Parameter
from mixot.formulas.gaussian.barycenter import mean_barycenter
from mixot.formulas.gaussian.elliptical import variance_floor
from mixot.formulas.line.bregman import bregman_exp, bregman_log
from mixot.formulas.line.medians import weighted_medians
from mixot.formulas.polynomial.regions import Box, Region

_LEAST = 1e-4  # scales in fits to moments: least square, relative to the squared half-width of the data


@register("laplace")
@dataclass(frozen=True, eq=False)
class Laplace(LineFamily):
    """k Laplace laws on the line with densities ``exp(-|x - loc| / scale) / (2 scale)``.

    All are one law, shifted and scaled, so maps are affine, ``W2^2 = (l - m)^2 + 2 (s - t)^2``, and geodesics and
    barycenters average locations and scales.

    Parameters
    ----------
    locs : (k,), means and medians at once
    scales : (k,), positive: mean absolute deviations; the variance is ``2 scale^2``

    Raises
    ------
    InputError
        Where the lengths disagree, a value is not finite or a scale is not positive.

    Examples
    --------
    >>> Laplace([0.0], [1.0]).cost(Laplace([3.0], [2.0])).tolist()
    [[11.0]]
    """

    locs: Float[np.ndarray, " k"]
    scales: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("locs", "scales")

    def __init__(self, locs: ArrayLike, scales: ArrayLike) -> None:
        centers, spreads = as_locs_and_scales(locs, scales)
        object.__setattr__(self, "locs", centers)
        object.__setattr__(self, "scales", spreads)

    def __len__(self) -> int:
        return len(self.locs)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.locs[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return 2 * self.scales[:, None, None] ** 2

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments of ``loc + scale z``, where ``E[z^j] = j!`` for even j and 0 for odd j, (k, order + 1)."""
        return np.stack(_moments(self.locs, self.scales**2, order), axis=1)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        return -np.abs(x - self.locs) / self.scales - np.log(2 * self.scales)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return rng.laplace(self.locs[labels], self.scales[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        z = (x - self.locs[at]) / self.scales[at]
        small = 0.5 * np.exp(-np.abs(z))
        return np.where(z < 0, small, 1 - small), np.where(z < 0, 1 - small, small)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        z = np.log(2 * np.minimum(lower, upper))
        return self.locs[at] + self.scales[at] * np.where(lower <= 0.5, z, -z)

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Laplace:
        """Laws of ``matrix x + shift`` on the line, for a factor that is not zero."""
        if matrix.shape != (1, 1) or matrix[0, 0] == 0:
            raise UnsupportedError(
                f"a laplace law stays one under x -> a x + b with a number a that is not zero, got a matrix of shape "
                f"{matrix.shape}; transform samples of the mixture instead"
            )
        return Laplace(self.locs * matrix[0, 0] + shift[0], self.scales * abs(matrix[0, 0]))

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = (l - m)^2 + 2 (s - t)^2``: the variance of a law of scale one is 2."""
        locs, scales = _parameters(other)
        return (self.locs[:, None] - locs) ** 2 + 2 * (self.scales[:, None] - scales) ** 2

    def coupling(self, other: Laplace, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> AffineCoupling:
        """Optimal maps of the pairs, ``y = m + (x - l) t / s``."""
        slope = other.scales[cols] / self.scales[rows]
        shift = other.locs[cols] - slope * self.locs[rows]
        return AffineCoupling(slope[:, None, None], shift[:, None], np.zeros((len(rows), 1, 1)))

    def divergence(self, other: Laplace) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = r - 1 - log(r) + r (z + exp(-z) - 1)`` with ``r = s / t`` and ``z = |l - m| / s``."""
        s, t = self.scales[:, None], other.scales
        away = np.abs(self.locs[:, None] - other.locs) / s
        return bregman_log((s - t) / t) + s / t * bregman_exp(-away)

    def between(self, other: Laplace, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Laplace:
        """Geodesics: locations and scales move at constant speed."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        locs = (1 - t) * self.locs[rows] + t * other.locs[cols]
        return Laplace(locs, (1 - t) * self.scales[rows] + t * other.scales[cols])

    def barycenter(
        self, others: Sequence[Laplace], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Laplace, Float[np.ndarray, " s"]]:
        """Barycenters: means of the tuple's locations and scales; in ``(loc, sqrt(2) scale)`` W2 is Euclidean."""
        points = np.stack(
            [
                np.stack([family.locs[k], np.sqrt(2) * family.scales[k]], axis=1)
                for family, k in zip((self, *others), index.T, strict=True)
            ],
            axis=1,
        )
        center, cost = mean_barycenter(points, weights)
        return Laplace(center[:, 0], center[:, 1] / np.sqrt(2)), cost

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Laplace:
        k = shares.shape[1]
        return cls(held(fixed, "locs", k, 0.0), held(fixed, "scales", k, 1.0)).m_step(x, shares, tuple(fixed))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Laplace:
        """Medians of the weighted points and mean absolute deviations from them, which have the largest likelihood.

        No scale falls below a small share of the data's, as a component may shrink to a single point.
        """
        locs = self.locs if "locs" in fixed else weighted_medians(x[:, 0], shares)
        if "scales" in fixed:
            return Laplace(locs, self.scales)
        line, mass = np.ascontiguousarray(x[:, 0]), shares.sum(axis=0)
        spreads = np.array([shares[:, k] @ np.abs(line - loc) / mass[k] for k, loc in enumerate(locs)])
        return Laplace(locs, np.maximum(spreads, np.sqrt(variance_floor(x, shares)[0] / 2)))

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The location, then the square of the scale with degree 2; the scale itself where not ``weighted``."""
        if fixed:
            raise UnsupportedError("fits of Laplace laws to moments hold no parameter fixed; fit to samples instead")
        if dim != 1:
            raise InputError(f"laplace laws live on the line, got moments in dimension {dim}; take one coordinate")
        if structure != "full":
            raise UnsupportedError(f'structure={structure!r} is for Gaussian families; "laplace" has "full" only')
        power = 1 if weighted else 2  # of the parameter that gives the square of the scale

        def moments(theta: Sequence[Any], order: int) -> list[Any]:
            return _moments(theta[0], theta[1] ** power, order)

        def laws(theta: np.ndarray) -> Laplace:
            least = 1e-12 * max(float(np.abs(theta[:, 1]).max()), np.finfo(np.float64).tiny)
            return cls(theta[:, 0], np.maximum(theta[:, 1], least) ** (power / 2))

        def region(extent: Extent) -> Region:
            square = ((extent.upper[0] - extent.lower[0]) / 2) ** 2
            ends = [(part * square) ** (1 / power) for part in (_LEAST, 1.0)]
            return (Box([extent.lower[0], ends[0]], [extent.upper[0], ends[1]]),)

        spread = Parameter("square" if weighted else "scale", 2 // power, (2 // power,), least=0.0)
        return MomentModel((Parameter("loc", 1, (1,), shifts=0), spread), moments, laws, region)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Laplace:
        return cls(2 * rng.standard_normal(k), rng.uniform(0.5, 2.0, k))


def _moments(loc: Any, square: Any, order: int) -> list[Any]:
    """Moments 0 .. order, for arrays or polynomials; ``square`` is that of the scale."""
    return [
        sum(
            (comb(r, j) * factorial(j) * loc ** (r - j) * square ** (j // 2) for j in range(0, r + 1, 2)),
            0 * loc,
        )
        for r in range(order + 1)
    ]


def _parameters(laplace: Any) -> tuple[np.ndarray, np.ndarray]:
    return laplace.locs, laplace.scales
