"""Bernoulli laws: yes or no."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import LineFamily, check_rows
from mixot.formulas.line.bregman import bregman_log


@register("bernoulli")
@dataclass(frozen=True, eq=False)
class Bernoulli(LineFamily):
    """k Bernoulli laws on {0, 1}: x is one with probability p.

    ``W2^2 = |p - q|``: that much mass moves by one. The coupling is random, and there is no geodesic inside the family.
    Several columns of yes and no are a product, ``fit(x, "bernoulli*12")``: latent classes. A single column does not
    tell the components of a mixture apart.

    Parameters
    ----------
    probs : (k,), from 0 to 1, both included

    Raises
    ------
    InputError
        Where a probability is not one.

    Examples
    --------
    >>> Bernoulli([0.25]).cost(Bernoulli([0.25, 1.0])).tolist()
    [[0.0, 0.75]]
    """

    probs: Float[np.ndarray, " k"]

    def __init__(self, probs: ArrayLike) -> None:
        values = as_floats(probs, "probs")
        if values.ndim != 1 or not len(values):
            raise InputError(f"probs must have shape (k,), one for each of k >= 1 components, got {values.shape}")
        bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
        if len(bad):
            raise InputError(f"probs must lie between 0 and 1, got {values[bad[0]]:g} for component {bad[0]}")
        object.__setattr__(self, "probs", values)

    def __len__(self) -> int:
        return len(self.probs)

    @property
    def discrete(self) -> bool:
        return True

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.probs[:, None].copy()

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return (self.probs * (1 - self.probs))[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments, all equal to p but the first, (k, order + 1)."""
        return np.hstack([np.ones((len(self), 1)), np.repeat(self.probs[:, None], order, axis=1)])

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are neither 0 nor 1."""
        with np.errstate(divide="ignore"):
            return np.where(x == 1, np.log(self.probs), np.where(x == 0, np.log1p(-self.probs), -np.inf))

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return (rng.random(len(labels)) < self.probs[labels]).astype(np.float64)[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        p = self.probs[at]
        below = np.where(x < 0, 0.0, np.where(x < 1, 1 - p, 1.0))
        return below, np.where(x < 0, 1.0, np.where(x < 1, p, 0.0))

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        p = self.probs[at]
        zero = np.where(lower <= 0.5, lower <= 1 - p, upper >= p)
        return np.where(zero, 0.0, 1.0)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = |p - q|``."""
        theirs: np.ndarray = other.probs  # type: ignore[attr-defined]
        return np.abs(self.probs[:, None] - theirs)

    def divergence(self, other: Bernoulli) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = p log(p / q) + (1 - p) log((1 - p) / (1 - q))``; infinite where q rules out what p has."""
        p, q = np.broadcast_arrays(self.probs[:, None], other.probs)
        out = np.zeros(p.shape)
        for mine, theirs in ((p, q), (1 - p, 1 - q)):
            some = mine > 0
            away = (theirs - mine)[some]
            out[some] += mine[some] * bregman_log(away / mine[some])
            out[~some] += theirs[~some]
        return out

    def between(
        self, other: Bernoulli, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float
    ) -> Bernoulli:
        """The components themselves at t = 0 and 1; in between the geodesic leaves {0, 1}."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        raise UnsupportedError(
            "between Bernoulli laws the geodesic leaves the family: mass is on its way from 0 to 1; "
            "move samples x of p part of the way, (1 - t) * x + t * y with y = transport_map(p, q).sample(x)"
        )

    def barycenter(
        self, others: Sequence[Bernoulli], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Bernoulli, Float[np.ndarray, " s"]]:
        raise UnsupportedError(
            "the barycenter of Bernoulli laws is none: it has mass between 0 and 1; take the barycenter of samples"
        )

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        check_rows((x[:, 0] == 0) | (x[:, 0] == 1), "points of a Bernoulli mixture must be 0 or 1", x[:, 0])

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> Bernoulli:
        return cls(np.zeros(shares.shape[1])).m_step(x, shares)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Bernoulli:
        """Probabilities of maximum likelihood: the weighted share of ones."""
        return Bernoulli(np.clip(x[:, 0] @ shares / shares.sum(axis=0), 0.0, 1.0))

    @classmethod
    def statistic(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return x[:, 0].astype(np.float64)

    @classmethod
    def log_base(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return np.zeros(len(x))

    @classmethod
    def log_partition(cls, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return np.logaddexp(0.0, theta)

    @classmethod
    def natural_of_mean(cls, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore"):
            return np.log(mean) - np.log1p(-mean)

    @classmethod
    def of_natural(cls, theta: Float[np.ndarray, " k"]) -> Bernoulli:
        return Bernoulli(1 / (1 + np.exp(-theta)))

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Bernoulli:
        return cls(rng.uniform(0.05, 0.95, size=k))
