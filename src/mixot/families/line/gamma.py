"""Gamma laws: positive quantities with a shape and a scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln

from mixot._shapes import Float, Int
from mixot.families.base import Family, register
from mixot.families.line.base import check_rows, held, one_fixed, scale_model, weighted_means
from mixot.families.line.shape_and_scale import ShapedFamily
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_log
from mixot.formulas.line.gamma_bregman import gamma_shape_divergence
from mixot.formulas.line.gamma_law import (
    NEIGHBORHOOD,
    centered_gamma_quantiles,
    nearly_equal,
    rank_rule,
    rows_nearby,
    solve_shape,
)

_MAX_SHAPE = 1e6  # in fits: a coefficient of variation of 0.001, so that no component shrinks to a point


@register("gamma")
@dataclass(frozen=True, eq=False, init=False)
class Gamma(ShapedFamily):
    """k Gamma laws on [0, inf) with densities proportional to ``x^(shape - 1) exp(-x / scale)``.

    Laws of one shape h are scaled copies: ``W2^2 = h (h + 1) (s - t)^2``, maps ``x t / s``, geodesics and barycenters
    average the scales. Between different shapes the cost is an integral over ranks, right to about 1e-13, and the map
    goes through ranks; the path between them leaves the family.

    Parameters
    ----------
    shapes : (k,), positive; a number is common to all
    scales : (k,), positive; a number is common to all

    Raises
    ------
    InputError
        Where the lengths disagree or a value is not a positive number.

    Examples
    --------
    >>> Gamma([2.0], [1.0]).cost(Gamma([2.0], [3.0])).tolist()
    [[24.0]]
    """

    def unit_squares(self) -> Float[np.ndarray, " k"]:
        return self.shapes * (self.shapes + 1)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return (self.shapes * self.scales)[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return (self.shapes * self.scales**2)[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = scale^r h (h + 1) ... (h + r - 1)``, r = 0 .. order, (k, order + 1)."""
        steps = (self.shapes[:, None] + np.arange(order)) * self.scales[:, None]
        return np.hstack([np.ones((len(self), 1)), np.cumprod(steps, axis=1)])

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density, (n, 1) -> (n, k); at zero, where it is infinite for shapes below one, that next to zero."""
        h, s = self.shapes, self.scales
        inside = np.maximum(x, np.finfo(np.float64).tiny)
        out = np.log(inside) * (h - 1) - inside / s - (gammaln(h) + h * np.log(s))
        out[x[:, 0] < 0] = -np.inf
        out[np.ix_(x[:, 0] == 0, h > 1)] = -np.inf
        return out

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return (rng.standard_gamma(self.shapes[labels]) * self.scales[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        y = np.maximum(x, 0.0) / self.scales[at]
        return gammainc(self.shapes[at], y), gammaincc(self.shapes[at], y)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        out, low = np.empty_like(lower), lower <= 0.5
        out[low] = gammaincinv(self.shapes[at], lower[low])
        out[~low] = gammainccinv(self.shapes[at], upper[~low])
        return out * self.scales[at]

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``h (h + 1) (s - t)^2`` for one shape h, else ``int_0^1 (s Q_h(u) - t Q_g(u))^2 du``.

        The integral is that of the centered quantiles, by a double exponential rule common to all pairs, plus the
        squared difference of the means.
        """
        h, s = self.shapes, self.scales
        g, t = _parameters(other)
        same = h[:, None] == g
        out = self.unit_squares()[:, None] * (s[:, None] - t) ** 2
        if not same.all():
            lower, upper, weights = rank_rule()
            x, y = (
                _rows_of_distinct(shapes, lower, upper) * (scales[:, None] * np.sqrt(weights))
                for shapes, scales in ((h, s), (g, t))
            )
            apart = _mean_gaps(self, other) ** 2 + cdist(x, y, "sqeuclidean")
            out = np.where(same, out, apart)
            self._refine(other, out)
        return out

    def _refine(self, other: Any, out: Float[np.ndarray, "k l"]) -> None:
        """Costs between laws whose shapes nearly agree, from the difference of their quantiles."""
        lower, upper, weights = rank_rule()
        near = nearly_equal(self.shapes, other.shapes)
        gaps = _mean_gaps(self, other)
        for k in np.flatnonzero(near.any(axis=1)):
            h, cols = float(self.shapes[k]), np.flatnonzero(near[k])
            row, ahead = rows_nearby(
                lambda shapes: centered_gamma_quantiles(shapes, lower, upper), h, other.shapes[cols], NEIGHBORHOOD * h
            )
            t = other.scales[cols, None]
            out[k, cols] = gaps[k, cols] ** 2 + ((self.scales[k] - t) * row - t * ahead) ** 2 @ weights

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``: that of shapes h, g at one mean, plus ``g (m / n - 1 - log(m / n))``, m, n the means."""
        g, t = _parameters(other)
        h, s = self.shapes[:, None], self.scales[:, None]
        return gamma_shape_divergence(g, h) + g * bregman_log(((h - g) * s + g * (s - t)) / (g * t))

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] > 0, "points of a Gamma mixture must be positive", x[:, 0])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Gamma:
        means = weighted_means(x, shares)
        if "shapes" in fixed:
            return cls(held(fixed, "shapes", len(means), 1.0), means).m_step(x, shares, ("shapes",))
        return cls(np.ones_like(means), means).m_step(x, shares)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Gamma:
        """Shapes and scales of maximum likelihood: ``log h - digamma(h) = log(mean) - mean(log)``, scale = mean / h."""
        means = weighted_means(x, shares)
        if "shapes" in fixed:
            return Gamma(self.shapes, means / self.shapes)
        unit = x[:, 0] / x.max()  # so that the logarithms of large or tiny data lose no digits in their mean
        gap = np.log(means / x.max()) - np.log(unit) @ shares / shares.sum(axis=0)
        shapes = np.minimum(solve_shape(np.maximum(gap, 1e-8)), _MAX_SHAPE)
        return Gamma(shapes, means / shapes)

    def fit_notes(self) -> tuple[str, ...]:
        return self._narrow(_MAX_SHAPE)

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The scale; the shape must be fixed, for then moments are ``h (h + 1) ... (h + r - 1) scale^r``."""
        shape = one_fixed(cls, fixed, "shapes", 2.0)

        def moments(scale: Any, order: int) -> list[Any]:
            rising = np.cumprod(np.append(1.0, shape + np.arange(order)))
            return [float(rising[r]) * scale**r for r in range(order + 1)]

        return scale_model(cls, dim, structure, "scale", moments, partial(cls, shape), mean=shape)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Gamma:
        return cls(rng.uniform(0.6, 6.0, size=k), rng.uniform(0.5, 2.0, size=k))


def _mean_gaps(p: Any, q: Any) -> Float[np.ndarray, "k l"]:
    """Differences of the means, ``h s - g t``."""
    h, s = p.shapes[:, None], p.scales[:, None]
    return (h - q.shapes) * s + q.shapes * (s - q.scales)


def _parameters(gamma: Any) -> tuple[np.ndarray, np.ndarray]:
    return gamma.shapes, gamma.scales


def _rows_of_distinct(shapes: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    distinct, back = np.unique(shapes, return_inverse=True)
    return centered_gamma_quantiles(distinct, lower, upper)[back]
