"""Poisson laws: counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from scipy.special import gammainc, gammaincc, gammaln, xlogy

from mixot._native import comonotone_cost
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import LineFamily, as_positive, check_rows, scale_model, weighted_means
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_log
from mixot.threads import thread_count

_LOG_NOTHING = 57.0  # costs leave out exp(-57) = 2e-25 of the mass at each end
_LOG_EDGE = 680.0  # maps: down to where probabilities vanish in floating point


@register("poisson")
@dataclass(frozen=True, eq=False)
class Poisson(LineFamily):
    """k Poisson laws on {0, 1, 2, ...} with masses ``exp(-rate) rate^x / x!``.

    ``log_prob`` is the logarithm of these masses, -inf off the integers. The optimal coupling is comonotone: atoms
    are split, so it is a random coupling and no map. There is no geodesic inside the family.

    Parameters
    ----------
    rates : (k,), positive

    Raises
    ------
    InputError
        Where a rate is not a positive number.

    Examples
    --------
    >>> Poisson([2.0]).cost(Poisson([2.0, 4.0])).round(10).tolist()
    [[0.0, 4.5393265737]]
    """

    rates: Float[np.ndarray, " k"]

    def __init__(self, rates: ArrayLike) -> None:
        object.__setattr__(self, "rates", as_positive(rates, "rates"))

    def __len__(self) -> int:
        return len(self.rates)

    @property
    def discrete(self) -> bool:
        return True

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.rates[:, None].copy()

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return self.rates[:, None, None].copy()

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments by Touchard's ``E[x^(r+1)] = rate sum_j C(r, j) E[x^j]``, (k, order + 1)."""
        return np.stack(_touchard(self.rates, order), axis=1)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are no counts."""
        count = (x >= 0) & (x == np.floor(x))
        y = np.where(count, x, 0.0)
        return np.where(count, xlogy(y, self.rates) - self.rates - gammaln(y + 1), -np.inf)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return rng.poisson(self.rates[labels]).astype(np.float64)[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        return _tails(x, self.rates[at])

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        first, last = _window(self.rates[[at]], _LOG_EDGE)
        values = np.arange(max(first[0], 0.0), last[0] + 1)
        below, above = _tails(values, self.rates[at])
        index = np.where(
            lower <= 0.5, np.searchsorted(below, lower, side="left"), np.searchsorted(-above, -upper, side="left")
        )
        return values[np.minimum(index, len(values) - 1)]

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``int_0^1 (F_p^-1(u) - F_q^-1(u))^2 du``, a finite sum over the merged ranks of both laws.

        Exact but for 2e-25 of the mass at each end. Time grows with the square roots of the rates.
        """
        theirs: np.ndarray = other.rates  # type: ignore[attr-defined]
        out = np.empty((len(self), len(theirs)))
        comonotone_cost(*_tables(self.rates), *_tables(theirs), out, thread_count())
        return out

    def divergence(self, other: Poisson) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = v - u - u log(v / u)``, u and v the rates."""
        u = self.rates[:, None]
        return u * bregman_log((other.rates - u) / u)

    def between(self, other: Poisson, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Poisson:
        """The components themselves at t = 0 and 1; in between the geodesic is no Poisson law."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        raise UnsupportedError(
            "between Poisson laws the geodesic leaves the family, and the integers; move samples x of p part of the "
            "way, (1 - t) * x + t * y with y = transport_map(p, q).sample(x), or fit Gamma mixtures to both"
        )

    def barycenter(
        self, others: Sequence[Poisson], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Poisson, Float[np.ndarray, " s"]]:
        raise UnsupportedError(
            "the barycenter of Poisson laws is no Poisson law; fit Gamma mixtures of one shape to the data instead, "
            "or take the barycenter of samples"
        )

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        good = (x[:, 0] >= 0) & (x[:, 0] == np.floor(x[:, 0]))
        check_rows(good, "points of a Poisson mixture must be counts 0, 1, 2, ...", x[:, 0])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Poisson:
        return cls(weighted_means(x, shares))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Poisson:
        """Rates of maximum likelihood: the weighted means."""
        return Poisson(weighted_means(x, shares))

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The rate; moments are Touchard's polynomials, and counts have no unit but one."""
        cls.check_fixed(fixed or ())
        return scale_model(cls, dim, structure, "rate", _touchard, cls, scales=False)

    @classmethod
    def statistic(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return x[:, 0].astype(np.float64)

    @classmethod
    def log_base(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return -gammaln(x[:, 0] + 1.0)

    @classmethod
    def log_partition(cls, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return np.exp(theta)

    @classmethod
    def natural_of_mean(cls, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore"):
            return np.log(mean)

    @classmethod
    def of_natural(cls, theta: Float[np.ndarray, " k"]) -> Poisson:
        return Poisson(np.exp(theta))

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Poisson:
        return cls(rng.uniform(0.5, 9.0, size=k))


def _touchard(rate: Any, order: int) -> list[Any]:
    """Moments 0 .. order of a Poisson law, for rates that are arrays or polynomials."""
    out = [rate**0]
    for r in range(order):
        out.append(rate * sum((comb(r, j) * out[j] for j in range(1, r + 1)), out[0]))
    return out


def _tails(x: np.ndarray, rate: Any) -> tuple[np.ndarray, np.ndarray]:
    """P(X <= x) and P(X > x): regularised incomplete Gamma functions of floor(x) + 1."""
    a = np.maximum(np.floor(x) + 1, 0.0)
    return gammaincc(a, rate), gammainc(a, rate)


def _window(rates: np.ndarray, log_mass: float) -> tuple[np.ndarray, np.ndarray]:
    """First and last integer of windows that leave out exp(-log_mass) at each end (Chernoff's bounds).

    Each begins one below the law's own first integer, at -1 for rates that are not large.
    """
    first = np.maximum(np.floor(rates - np.sqrt(2 * log_mass * rates)), 0.0) - 1
    third = log_mass / 3
    last = np.ceil(rates + third + np.sqrt(third**2 + 2 * log_mass * rates))
    return first, last


def _tables(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What the kernel reads: tails on the laws' windows, one after the other, first integers, and where each starts."""
    first, last = _window(rates, _LOG_NOTHING)
    sizes = (last - first + 1).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(sizes)])
    x = np.arange(start[-1]) - np.repeat(start[:-1], sizes) + np.repeat(first, sizes)
    below, above = _tails(x, np.repeat(rates, sizes))
    return below, above, first.astype(np.int64), start
