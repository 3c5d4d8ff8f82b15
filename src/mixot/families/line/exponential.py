"""Exponential laws: waiting times without memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

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
from mixot.families.line.gamma import Gamma
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_log


@register("exponential")
@dataclass(frozen=True, eq=False)
class Exponential(LineFamily):
    """k exponential laws on [0, inf) with densities ``rate exp(-rate x)``, means ``1 / rate``.

    All are one law, scaled, so transport scales: ``W2^2 = 2 (1/u - 1/v)^2``, the map is ``x u / v``, and geodesics
    and barycenters average ``1 / rate``.

    Parameters
    ----------
    rates : (k,), positive

    Raises
    ------
    InputError
        Where a rate is not a positive number.

    Examples
    --------
    >>> Exponential([1.0, 2.0]).cost(Exponential([0.5])).tolist()
    [[2.0], [4.5]]
    """

    rates: Float[np.ndarray, " k"]

    def __init__(self, rates: ArrayLike) -> None:
        object.__setattr__(self, "rates", as_positive(rates, "rates"))

    def __len__(self) -> int:
        return len(self.rates)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return (1 / self.rates)[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return (1 / self.rates**2)[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = r! / rate^r``, r = 0 .. order, (k, order + 1)."""
        powers = np.arange(order + 1)
        return np.array([factorial(r) for r in powers], dtype=np.float64) / self.rates[:, None] ** powers

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        return np.where(x >= 0, np.log(self.rates) - x * self.rates, -np.inf)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return (rng.standard_exponential(len(labels)) / self.rates[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        y = -self.rates[at] * np.maximum(x, 0.0)
        return -np.expm1(y), np.exp(y)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        return exponential_quantile(lower, upper) / self.rates[at]

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Exponential:
        return Exponential(self.rates / scaled(self, matrix, shift))

    def widen(self) -> Gamma:
        return Gamma(np.ones(len(self)), 1 / self.rates)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = 2 (1/u - 1/v)^2``, as ``int_0^1 log(1 - s)^2 ds = 2``."""
        theirs: np.ndarray = other.rates  # type: ignore[attr-defined]
        return 2 * (1 / self.rates[:, None] - 1 / theirs) ** 2

    def coupling(self, other: Exponential, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> AffineCoupling:
        """Optimal maps of the pairs, ``y = x u / v``."""
        linear = (self.rates[rows] / other.rates[cols])[:, None, None]
        return AffineCoupling(linear, np.zeros((len(rows), 1)), np.zeros_like(linear))

    def divergence(self, other: Exponential) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = v / u - 1 - log(v / u)``, u and v the rates."""
        u = self.rates[:, None]
        return bregman_log((other.rates - u) / u)

    def between(
        self, other: Exponential, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float
    ) -> Exponential:
        """Geodesics: means move at constant speed."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        return Exponential(1 / ((1 - t) / self.rates[rows] + t / other.rates[cols]))

    def barycenter(
        self, others: Sequence[Exponential], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Exponential, Float[np.ndarray, " s"]]:
        """Barycenters: the mean of the tuple's means; cost twice their weighted variance."""
        means = np.stack([1 / family.rates[k] for family, k in zip((self, *others), index.T, strict=True)], axis=1)
        center = means @ weights
        return Exponential(1 / center), 2 * (means - center[:, None]) ** 2 @ weights

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] >= 0, "points of an exponential mixture must not be negative", x[:, 0])

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> Exponential:
        return cls(1 / weighted_means(x, shares))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Exponential:
        """Rates of maximum likelihood: one over the weighted means."""
        return Exponential(1 / weighted_means(x, shares))

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The mean t = 1 / rate, in which moments are ``r! t^r``."""
        cls.check_fixed(fixed or ())

        def moments(mean: Any, order: int) -> list[Any]:
            return [factorial(r) * mean**r for r in range(order + 1)]

        return scale_model(cls, dim, structure, "mean", moments, lambda means: cls(1 / means))

    @classmethod
    def statistic(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return x[:, 0].astype(np.float64)

    @classmethod
    def log_base(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return np.zeros(len(x))

    @classmethod
    def log_partition(cls, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return -np.log(-theta)

    @classmethod
    def natural_of_mean(cls, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore"):
            return -1 / mean

    @classmethod
    def of_natural(cls, theta: Float[np.ndarray, " k"]) -> Exponential:
        return Exponential(-theta)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Exponential:
        return cls(rng.uniform(0.3, 3.0, size=k))
