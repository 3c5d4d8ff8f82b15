"""Rayleigh laws: lengths of centered Gaussian vectors in the plane."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gamma

from mixot._shapes import ArrayLike, Float, Int
from mixot.families.base import Family, register
from mixot.families.couplings import AffineCoupling
from mixot.families.line.base import (
    LineFamily,
    as_positive,
    check_rows,
    exponential_quantile,
    scale_model,
    scaled,
    weighted_means,
)
from mixot.families.line.weibull import Weibull
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_log


@register("rayleigh")
@dataclass(frozen=True, eq=False)
class Rayleigh(LineFamily):
    """k Rayleigh laws on [0, inf) with densities ``x / s^2 exp(-x^2 / (2 s^2))``, s the scale.

    All are one law, scaled, so transport scales: ``W2^2 = 2 (s - t)^2``, the map is ``x t / s``, and geodesics and
    barycenters average the scales. They are the Weibull laws of shape 2.

    Parameters
    ----------
    scales : (k,), positive; the mean is ``sqrt(pi / 2) scale``

    Raises
    ------
    InputError
        Where a scale is not a positive number.

    Examples
    --------
    >>> Rayleigh([1.0]).cost(Rayleigh([1.0, 4.0])).tolist()
    [[0.0, 18.0]]
    """

    scales: Float[np.ndarray, " k"]

    def __init__(self, scales: ArrayLike) -> None:
        object.__setattr__(self, "scales", as_positive(scales, "scales"))

    def __len__(self) -> int:
        return len(self.scales)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return (np.sqrt(np.pi / 2) * self.scales)[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return ((2 - np.pi / 2) * self.scales**2)[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = scale^r 2^(r / 2) Gamma(1 + r / 2)``, r = 0 .. order, (k, order + 1)."""
        return np.stack(_moments(self.scales, order), axis=1)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        with np.errstate(divide="ignore"):
            z = np.maximum(x, 0.0) / self.scales
            return np.log(z) - z * z / 2 - np.log(self.scales)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return rng.rayleigh(self.scales[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        y = -0.5 * (np.maximum(x, 0.0) / self.scales[at]) ** 2
        return -np.expm1(y), np.exp(y)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        return self.scales[at] * np.sqrt(2 * exponential_quantile(lower, upper))

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Rayleigh:
        return Rayleigh(self.scales * scaled(self, matrix, shift))

    def widen(self) -> Weibull:
        return Weibull(np.full(len(self), 2.0), np.sqrt(2) * self.scales)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = 2 (s - t)^2``, as ``E[x^2] = 2 scale^2``."""
        theirs: np.ndarray = other.scales  # type: ignore[attr-defined]
        return 2 * (self.scales[:, None] - theirs) ** 2

    def coupling(self, other: Rayleigh, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> AffineCoupling:
        """Optimal maps of the pairs, ``y = x t / s``."""
        linear = (other.scales[cols] / self.scales[rows])[:, None, None]
        return AffineCoupling(linear, np.zeros((len(rows), 1)), np.zeros_like(linear))

    def divergence(self, other: Rayleigh) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = s^2 / t^2 - 1 - log(s^2 / t^2)``."""
        s, t = self.scales[:, None], other.scales
        return bregman_log((s - t) / t * ((s + t) / t))

    def between(self, other: Rayleigh, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Rayleigh:
        """Geodesics: scales move at constant speed."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        return Rayleigh((1 - t) * self.scales[rows] + t * other.scales[cols])

    def barycenter(
        self, others: Sequence[Rayleigh], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Rayleigh, Float[np.ndarray, " s"]]:
        """Barycenters: the mean of the tuple's scales; cost twice their weighted variance."""
        scales = np.stack([family.scales[k] for family, k in zip((self, *others), index.T, strict=True)], axis=1)
        center = scales @ weights
        return Rayleigh(center), 2 * (scales - center[:, None]) ** 2 @ weights

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] > 0, "points of a Rayleigh mixture must be positive", x[:, 0])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Rayleigh:
        return cls(np.ones(shares.shape[1])).m_step(x, shares)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Rayleigh:
        """Scales of maximum likelihood: ``2 scale^2`` is the weighted mean of the squares."""
        top = float(x.max())
        return Rayleigh(top * np.sqrt(weighted_means((x / top) ** 2, shares) / 2))

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The scale, in which moments are ``2^(r / 2) Gamma(1 + r / 2) scale^r``."""
        cls.check_fixed(fixed or ())
        return scale_model(cls, dim, structure, "scale", _moments, cls, mean=float(np.sqrt(np.pi / 2)))

    @classmethod
    def statistic(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return x[:, 0].astype(np.float64) ** 2

    @classmethod
    def log_base(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        with np.errstate(divide="ignore"):
            return np.log(x[:, 0])

    @classmethod
    def log_partition(cls, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return -np.log(-2 * theta)

    @classmethod
    def natural_of_mean(cls, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore"):
            return -1 / mean

    @classmethod
    def of_natural(cls, theta: Float[np.ndarray, " k"]) -> Rayleigh:
        return Rayleigh(np.sqrt(-0.5 / theta))

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Rayleigh:
        return cls(rng.uniform(0.3, 3.0, size=k))


def _moments(scale: Any, order: int) -> list[Any]:
    """Moments 0 .. order, for scales that are arrays or polynomials."""
    return [float(2 ** (r / 2) * gamma(1 + r / 2)) * scale**r for r in range(order + 1)]
