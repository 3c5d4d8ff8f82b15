"""Log-normal laws: positive quantities whose logarithm is Gaussian."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import (
    LineFamily,
    as_locs_and_scales,
    check_moments,
    check_rows,
    held,
    one_fixed,
    scale_model,
    scaled,
)
from mixot.families.line.couplings import PowerCoupling
from mixot.families.moment_model import MomentModel
from mixot.formulas.gaussian.elliptical import variance_floor
from mixot.formulas.line.bregman import bregman_log
from mixot.formulas.line.comonotone import cost_of_norms


@register("lognormal")
@dataclass(frozen=True, eq=False)
class LogNormal(LineFamily):
    """k laws of ``exp(z)``, ``z ~ N(loc, scale^2)``, on the half line.

    Maps are powers, ``y = exp(m) (x / exp(l))^(t / s)``. Laws of one scale are scaled copies: geodesics and barycenters
    average ``exp(loc)``; between different scales they leave the family.

    Parameters
    ----------
    locs : (k,), means of the logarithm; ``exp(loc)`` is the median
    scales : (k,), positive, standard deviations of the logarithm; a number is common to all

    Raises
    ------
    InputError
        Where the lengths disagree, a value is not finite or a scale is not positive.

    Examples
    --------
    >>> LogNormal([0.0], [1.0]).cost(LogNormal([0.0, 1.0], [1.0, 0.5])).round(10).tolist()
    [[0.0, 2.8257550834]]
    """

    locs: Float[np.ndarray, " k"]
    scales: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("scales",)

    def __init__(self, locs: ArrayLike, scales: ArrayLike) -> None:
        k = np.shape(as_floats(locs, "locs"))
        centers, spreads = as_locs_and_scales(locs, np.full(k, scales) if np.ndim(scales) == 0 else scales)
        object.__setattr__(self, "locs", centers)
        object.__setattr__(self, "scales", spreads)

    def __len__(self) -> int:
        return len(self.locs)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.moments(1)[:, 1:]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Variances ``(exp(s^2) - 1) E[x]^2``."""
        with np.errstate(over="ignore"):
            return check_moments(self.mean() ** 2 * np.expm1(self.scales[:, None] ** 2), self.name)[:, :, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = exp(r loc + r^2 scale^2 / 2)``, r = 0 .. order, (k, order + 1)."""
        powers = np.arange(order + 1)
        with np.errstate(over="ignore"):
            return check_moments(
                np.exp(self.locs[:, None] * powers + (self.scales[:, None] * powers) ** 2 / 2), self.name
            )

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        log = np.log(np.maximum(x, np.finfo(np.float64).tiny))
        z = (log - self.locs) / self.scales
        return np.where(x > 0, -z * z / 2 - log - np.log(self.scales * np.sqrt(2 * np.pi)), -np.inf)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return rng.lognormal(self.locs[labels], self.scales[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        with np.errstate(divide="ignore"):
            z = (np.log(np.maximum(x, 0.0)) - self.locs[at]) / self.scales[at]
        return ndtr(z), ndtr(-z)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        z = ndtri(np.minimum(lower, upper))
        return np.exp(self.locs[at] + self.scales[at] * np.where(lower <= 0.5, z, -z))

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> LogNormal:
        return LogNormal(self.locs + np.log(scaled(self, matrix, shift)), self.scales)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = E (X - Y)^2`` with ``E X Y = exp(l + m + (s + t)^2 / 2)``; ``(s - t)^2 / 2`` below the norms."""
        m, t = _parameters(other)
        scales = self.scales[:, None]
        apart = (self.locs[:, None] - m) + (scales - t) * (scales + t)
        return cost_of_norms(self.locs + self.scales**2, m + t**2, apart, (scales - t) ** 2 / 2)

    def coupling(self, other: LogNormal, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> PowerCoupling:
        """Optimal maps of the pairs, affine in the logarithm."""
        power = other.scales[cols] / self.scales[rows]
        return PowerCoupling(np.exp(self.locs[rows]), np.exp(other.locs[cols]), power)

    def divergence(self, other: LogNormal) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``, that of the Gaussian laws of the logarithms."""
        s, t = self.scales[:, None], other.scales
        apart = (self.locs[:, None] - other.locs) / t
        return (bregman_log((s - t) / t * ((s + t) / t)) + apart**2) / 2

    def between(
        self, other: LogNormal, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float
    ) -> LogNormal:
        """Geodesics between laws of one scale: medians ``exp(loc)`` move at constant speed."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        differ = np.flatnonzero(self.scales[rows] != other.scales[cols])
        if len(differ):
            i, j = int(rows[differ[0]]), int(cols[differ[0]])
            raise UnsupportedError(
                f"between log-normal laws of different scales the geodesic leaves the family (component {i} of p has "
                f"scale {self.scales[i]:g}, component {j} of q {other.scales[j]:g}); fit both with one scale, "
                'FamilyEM(fixed={"scales": 0.5}), or move points part of the way along transport_map(p, q)'
            )
        locs = np.logaddexp(self.locs[rows] + np.log1p(-t), other.locs[cols] + np.log(t))
        return LogNormal(locs, self.scales[rows])

    def barycenter(
        self, others: Sequence[LogNormal], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[LogNormal, Float[np.ndarray, " s"]]:
        """Barycenters of tuples of one scale s: the mean of their medians; cost ``exp(2 s^2)`` times their variance."""
        chosen = [family.take(k) for family, k in zip((self, *others), index.T, strict=True)]
        scales = np.stack([laws.scales for laws in chosen], axis=1)
        differ = np.flatnonzero((scales != scales[:, :1]).any(axis=1))
        if len(differ):
            raise UnsupportedError(
                "the barycenter of log-normal laws of different scales leaves the family, got scales "
                f'{scales[differ[0]].tolist()}; fit all with one scale, FamilyEM(fixed={{"scales": 0.5}})'
            )
        medians = np.exp(np.stack([laws.locs for laws in chosen], axis=1))
        center = medians @ weights
        cost = np.exp(2 * scales[:, 0] ** 2) * ((medians - center[:, None]) ** 2 @ weights)
        return LogNormal(np.log(center), scales[:, 0]), cost

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] > 0, "points of a log-normal mixture must be positive", x[:, 0])

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> LogNormal:
        k = shares.shape[1]
        return cls(np.zeros(k), held(fixed, "scales", k, 1.0)).m_step(x, shares, tuple(fixed))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> LogNormal:
        """Weighted means and standard deviations of the logarithms, none below a small share of the data's."""
        logs, mass = np.log(x), shares.sum(axis=0)
        locs = logs[:, 0] @ shares / mass
        if "scales" in fixed:
            return LogNormal(locs, self.scales)
        variances = np.array([shares[:, k] @ (logs[:, 0] - loc) ** 2 / mass[k] for k, loc in enumerate(locs)])
        return LogNormal(locs, np.sqrt(np.maximum(variances, variance_floor(logs, shares)[0])))

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The median; the scale s must be fixed, for then moments are ``exp(r^2 s^2 / 2) median^r``."""
        scale = one_fixed(cls, fixed, "scales", 0.5)

        def moments(median: Any, order: int) -> list[Any]:
            return [float(np.exp((r * scale) ** 2 / 2)) * median**r for r in range(order + 1)]

        return scale_model(
            cls,
            dim,
            structure,
            "median",
            moments,
            lambda medians: cls(np.log(medians), scale),
            mean=float(np.exp(scale**2 / 2)),
        )

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> LogNormal:
        return cls(0.7 * rng.standard_normal(k), rng.uniform(0.2, 0.6, k))


def _parameters(lognormal: Any) -> tuple[np.ndarray, np.ndarray]:
    return lognormal.locs, lognormal.scales
