"""Inverse Gamma laws: one over a Gamma law, with a tail that falls like a power."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln

from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.families.base import Family, register
from mixot.families.line.base import check_rows, held, one_fixed, scale_model
from mixot.families.line.gamma import Gamma
from mixot.families.line.shape_and_scale import ShapedFamily
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.gamma_law import centered_reciprocals, nearly_equal, rows_nearby

_TINY = 1e-300  # of a Gamma law: its reciprocal still is a number


@register("inverse_gamma")
@dataclass(frozen=True, eq=False, init=False)
class InverseGamma(ShapedFamily):
    """k inverse Gamma laws on (0, inf) with densities proportional to ``x^(-shape - 1) exp(-scale / x)``.

    The law of ``scale / g``, g of a Gamma law of this shape; moments of order r need a shape above r, and transport a
    shape above 2. Laws of one shape h are scaled copies: ``W2^2 = (s - t)^2 / ((h - 1) (h - 2))``. Between different
    shapes the cost is an integral over ranks, right to about 1e-12, and the map goes through ranks; the path between
    them leaves the family.

    Parameters
    ----------
    shapes : (k,), positive; a number is common to all
    scales : (k,), positive; a number is common to all

    Raises
    ------
    InputError
        Where the lengths disagree or a value is not a positive number; of moments and costs, where they are infinite.

    Examples
    --------
    >>> InverseGamma([3.0], [1.0]).cost(InverseGamma([3.0], [5.0])).tolist()
    [[8.0]]
    """

    def unit_squares(self) -> Float[np.ndarray, " k"]:
        self._check_order(2)
        return 1 / ((self.shapes - 1) * (self.shapes - 2))

    def mean(self) -> Float[np.ndarray, "k d"]:
        self._check_order(1)
        return (self.scales / (self.shapes - 1))[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Variances ``E[x]^2 / (shape - 2)``."""
        self._check_order(2)
        return (self.mean() ** 2 / (self.shapes[:, None] - 2))[:, :, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments ``E[x^r] = scale^r / ((h - 1) ... (h - r))``, r = 0 .. order, (k, order + 1)."""
        self._check_order(order)
        steps = self.scales[:, None] / (self.shapes[:, None] - np.arange(1, order + 1))
        return np.hstack([np.ones((len(self), 1)), np.cumprod(steps, axis=1)])

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        h, s = self.shapes, self.scales
        inside = np.maximum(x, np.finfo(np.float64).tiny)
        with np.errstate(over="ignore"):
            out = h * np.log(s) - gammaln(h) - (h + 1) * np.log(inside) - s / inside
        return np.where(x > 0, out, -np.inf)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return (self.scales[labels] / np.maximum(rng.standard_gamma(self.shapes[labels]), _TINY))[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        with np.errstate(divide="ignore"):
            y = self.scales[at] / np.maximum(x, 0.0)
        return gammaincc(self.shapes[at], y), gammainc(self.shapes[at], y)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        out, low = np.empty_like(lower), lower <= 0.5
        out[low] = gammainccinv(self.shapes[at], lower[low])
        out[~low] = gammaincinv(self.shapes[at], upper[~low])
        return self.scales[at] / np.maximum(out, _TINY)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``(s - t)^2 / ((h - 1) (h - 2))`` for one shape h, else an integral over ranks.

        That of the centered quantiles, by a double exponential rule common to all pairs which goes as far into the tail
        as the heaviest one has a second moment, plus the squared difference of the means.

        Raises
        ------
        InputError
            Where a shape is 2 or less, so that W2 is infinite.
        """
        theirs = _as_inverse_gamma(other)
        h, g = self.shapes, theirs.shapes
        same = h[:, None] == g
        theirs._check_order(2)
        out = self.unit_squares()[:, None] * (self.scales[:, None] - theirs.scales) ** 2
        if not same.all():
            distinct, back = np.unique(np.concatenate([h, g]), return_inverse=True)
            rows = centered_reciprocals(distinct)[back]
            x, y = rows[: len(h)] * self.scales[:, None], rows[len(h) :] * theirs.scales[:, None]
            out = np.where(same, out, _mean_gaps(self, theirs) ** 2 + cdist(x, y, "sqeuclidean"))
            self._refine(theirs, out)
        return out

    def _refine(self, other: InverseGamma, out: Float[np.ndarray, "k l"]) -> None:
        """Costs between laws whose shapes nearly agree, from the difference of their quantiles."""
        near = nearly_equal(self.shapes, other.shapes)
        gaps = _mean_gaps(self, other)
        for k in np.flatnonzero(near.any(axis=1)):
            h, cols = float(self.shapes[k]), np.flatnonzero(near[k])
            width = min(0.1 * h, h * (h - 2) / 30)  # over which the far tail changes by a factor of e, or so
            cols = cols[np.abs(other.shapes[cols] - h) < width]
            row, ahead = rows_nearby(centered_reciprocals, h, other.shapes[cols], width)
            t = other.scales[cols, None]
            out[k, cols] = gaps[k, cols] ** 2 + (((self.scales[k] - t) * row - t * ahead) ** 2).sum(axis=1)

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``, that between the Gamma laws of ``1 / x``."""
        return self._reciprocals().divergence(other._reciprocals())

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows(x[:, 0] > 0, "points of an inverse Gamma mixture must be positive", x[:, 0])

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> InverseGamma:
        return cls(held(fixed, "shapes", shares.shape[1], 1.0), 1.0).m_step(x, shares, tuple(fixed))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> InverseGamma:
        """Shapes and scales of maximum likelihood: those of the Gamma laws of ``1 / x``."""
        law = self._reciprocals().m_step(1 / x, shares, fixed)
        return InverseGamma(law.shapes, 1 / law.scales)

    def fit_notes(self) -> tuple[str, ...]:
        notes = self._reciprocals().fit_notes()
        heavy = np.flatnonzero(self.shapes <= 2)
        if len(heavy):
            notes += (f"components {heavy.tolist()} have shapes of 2 or less: no finite variance, and no W2",)
        return notes

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The scale; the shape must be fixed, and be above the order of the moments."""
        shape = one_fixed(cls, fixed, "shapes", 12.0)

        def moments(scale: Any, order: int) -> list[Any]:
            factors = cls(np.array([shape]), 1.0).moments(order)[0]
            return [float(factors[r]) * scale**r for r in range(order + 1)]

        mean = 1 / (shape - 1) if shape > 1 else np.inf
        return scale_model(cls, dim, structure, "scale", moments, lambda scales: cls(shape, scales), mean=mean)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> InverseGamma:
        return cls(rng.uniform(9.0, 20.0, size=k), rng.uniform(5.0, 20.0, size=k))

    def _reciprocals(self) -> Gamma:
        return Gamma(self.shapes, 1 / self.scales)

    def _check_order(self, order: int) -> None:
        bad = np.flatnonzero(self.shapes <= order)
        if len(bad):
            what = {1: "mean", 2: "variance, and no finite W2 to another law"}.get(order, f"moment of order {order}")
            raise InputError(
                f"inverse Gamma component {bad[0]} has shape {self.shapes[bad[0]]:g}, and so no finite {what}: "
                f"shapes must be above {order}"
            )


def _mean_gaps(p: InverseGamma, q: InverseGamma) -> Float[np.ndarray, "k l"]:
    """Differences of the means, ``s / (h - 1) - t / (g - 1)``."""
    h, s = p.shapes[:, None] - 1, p.scales[:, None]
    return (s - q.scales) / h + q.scales * ((q.shapes - p.shapes[:, None]) / (h * (q.shapes - 1)))


def _as_inverse_gamma(laws: Any) -> InverseGamma:
    return laws
