"""Weibull laws: lifetimes whose hazard is a power of time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from mixot._native import fast_exp
from mixot._shapes import Float, Int
from mixot.families.base import Family, register
from mixot.families.couplings import Coupling
from mixot.families.line.base import check_moments, check_rows, exponential_quantile, held, one_fixed, scale_model
from mixot.families.line.couplings import PowerCoupling
from mixot.families.line.shape_and_scale import ShapedFamily
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_exp, log_ratio
from mixot.formulas.line.comonotone import cost_of_norms
from mixot.formulas.line.gamma_bregman import bregman_log_gamma, log_gamma_halves, log_gamma_near_two

_SHAPES = (1e-6, 1e3)  # in fits: at the upper end a coefficient of variation of 0.0013, so that none shrinks to a point
_CLOSE = 1e-4  # steps of Newton's method, in the logarithm, after which the next one is 1e-8 and changes no digit


@register("weibull")
@dataclass(frozen=True, eq=False, init=False)
class Weibull(ShapedFamily):
    """k Weibull laws on [0, inf) with ``P(X > x) = exp(-(x / scale)^shape)``.

    ``X = scale E^(1 / shape)`` with E exponential, so maps are powers, ``y = t (x / s)^(a / b)``, and
    ``E X Y = s t Gamma(1 + 1 / a + 1 / b)``. Geodesics and barycenters stay in the family where shapes agree.

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
    >>> Weibull([1.0], [1.0]).cost(Weibull([1.0, 2.0], [3.0, 1.0])).round(10).tolist()
    [[8.0, 0.3413192236]]
    """

    def unit_squares(self) -> Float[np.ndarray, " k"]:
        return Weibull(self.shapes, 1.0).moments(2)[:, 2]

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.moments(1)[:, 1:]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Variances ``E[x]^2 (Gamma(1 + 2 / a) / Gamma(1 + 1 / a)^2 - 1)``; the ratio is one for large shapes."""
        _, half = log_gamma_halves(1 / self.shapes, np.zeros(1))
        with np.errstate(over="ignore"):
            return check_moments(self.mean() ** 2 * np.expm1(2 * half)[:, None], self.name)[:, :, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = scale^r Gamma(1 + r / shape)``, r = 0 .. order, (k, order + 1)."""
        r = np.arange(order + 1.0)
        with np.errstate(over="ignore"):
            return check_moments(
                np.exp(np.log(self.scales)[:, None] * r + gammaln(1 + r / self.shapes[:, None])), self.name
            )

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density, (n, 1) -> (n, k); at zero, where it is infinite for shapes below one, that next to zero."""
        a, s = self.shapes[:, None], self.scales[:, None]
        out = np.log(np.maximum(x[:, 0], np.finfo(np.float64).tiny)) - np.log(s)  # (k, n), turned at the end
        power = _exp(a * out)
        out *= a - 1
        out -= power
        out += np.log(a / s)
        if len(x) and x.min() <= 0:
            out[:, x[:, 0] < 0] = -np.inf
            out[np.ix_(self.shapes > 1, x[:, 0] == 0)] = -np.inf
        return out.T

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return (rng.weibull(self.shapes[labels]) * self.scales[labels])[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        with np.errstate(over="ignore"):
            y = -((np.maximum(x, 0.0) / self.scales[at]) ** self.shapes[at])
        return -np.expm1(y), np.exp(y)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        y = exponential_quantile(lower, upper)
        with np.errstate(over="ignore"):
            return np.minimum(self.scales[at] * y ** (1 / self.shapes[at]), np.finfo(np.float64).max)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = E (X - Y)^2``, from ``E X Y = s t Gamma(1 + 1 / a + 1 / b)``; exact for nearly equal laws, too."""
        b, t = _parameters(other)
        apart, angle = log_gamma_halves(1 / self.shapes[:, None], 1 / b)
        norms = [np.log(s) + gammaln(1 + 2 / a) / 2 for a, s in ((self.shapes, self.scales), (b, t))]
        return cost_of_norms(norms[0], norms[1], log_ratio(self.scales[:, None], t) + apart, angle)

    def coupling(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Optimal maps of the pairs: ``x t / s`` where all shapes agree pair by pair, else powers."""
        if (self.shapes[rows] == other.shapes[cols]).all():
            return super().coupling(other, rows, cols)
        return PowerCoupling(self.scales[rows], other.scales[cols], self.shapes[rows] / other.shapes[cols])

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = e(w) + g(b / a)`` with ``w = b log(s / t) + log Gamma(1 + b / a)``.

        e and g are what exp exceeds its tangent at 0 by, and log Gamma its tangent at 1.
        """
        b, t = _parameters(other)
        ratio = b / self.shapes[:, None]
        w = b * log_ratio(self.scales[:, None], t) + log_gamma_near_two(
            (b - self.shapes[:, None]) / self.shapes[:, None]
        )
        return bregman_exp(w) + bregman_log_gamma(ratio, np.ones(1))

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] > 0, "points of a Weibull mixture must be positive", x[:, 0])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Weibull:
        return cls(held(fixed, "shapes", shares.shape[1], 1.0), 1.0).m_step(x, shares, tuple(fixed))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Weibull:
        """Shapes and scales of maximum likelihood.

        ``E[x^a log x] / E[x^a] - E[log x] = 1 / a``, whose left side grows with a, and ``scale^a = E[x^a]``.
        """
        logs = np.log(np.ascontiguousarray(x[:, 0]))
        top = float(logs.max())
        logs -= top
        squares, shapes, scales = logs * logs, self.shapes.copy(), np.empty(len(self))
        for k, column in enumerate(np.ascontiguousarray(shares.T / shares.sum(axis=0)[:, None])):
            if "shapes" in fixed:
                power = np.log(column @ _exp(shapes[k] * logs))
            else:
                shapes[k], power = _best_shape(logs, squares, column, float(shapes[k]))
            scales[k] = np.exp(top + power / shapes[k])
        return Weibull(shapes, scales)

    def fit_notes(self) -> tuple[str, ...]:
        return self._narrow(0.999 * _SHAPES[1])

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The scale; the shape must be fixed, for then moments are ``Gamma(1 + r / shape) scale^r``."""
        shape = one_fixed(cls, fixed, "shapes", 2.0)
        factors = np.exp(gammaln(1 + np.arange(2) / shape))

        def moments(scale: Any, order: int) -> list[Any]:
            return [float(np.exp(gammaln(1 + r / shape))) * scale**r for r in range(order + 1)]

        return scale_model(
            cls, dim, structure, "scale", moments, lambda scales: cls(shape, scales), mean=float(factors[1])
        )

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Weibull:
        return cls(rng.uniform(0.8, 4.0, size=k), rng.uniform(0.5, 2.0, size=k))


def _best_shape(logs: np.ndarray, squares: np.ndarray, weights: np.ndarray, near: float) -> tuple[float, float]:
    """The root a of the likelihood's slope in the shape, and ``log E[x^a]`` there.

    By Newton's method in the logarithm of the shape, inside a bracket. ``logs`` are at most zero, ``squares`` theirs,
    weights sum to one.
    """
    level = weights @ logs
    low, high = np.log(_SHAPES)
    at = float(np.clip(np.log(near), low, high))
    for _ in range(100):
        a = np.exp(at)
        tilted = _exp(a * logs)
        tilted *= weights
        total = tilted.sum()
        if total == 0:  # all weight is on points far below the largest: their powers have no size
            high, at = at, (low + at) / 2
            continue
        first = tilted @ logs / total
        second = max(tilted @ squares / total - first**2, 0.0)
        slope = first - level - 1 / a
        low, high = (at, high) if slope < 0 else (low, at)
        ahead = at - float(np.clip(slope / (a * second + 1 / a), -2.0, 2.0))
        ahead = ahead if low <= ahead <= high else (low + high) / 2
        if abs(ahead - at) < _CLOSE:
            step = np.exp(ahead) - a
            return float(np.exp(ahead)), float(np.log(total) + step * (first + step * second / 2))
        at = ahead
    return float(np.exp(at)), float(np.log(weights @ _exp(np.exp(at) * logs)))


def _exp(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Exponentials, infinite where they overflow; several times as fast as NumPy's."""
    if x.size and x.max() > 700:
        with np.errstate(over="ignore"):
            return np.exp(x)
    out = np.empty_like(x)
    fast_exp(x.ravel(), out.ravel())
    return out


def _parameters(weibull: Any) -> tuple[np.ndarray, np.ndarray]:
    return weibull.shapes, weibull.scales
