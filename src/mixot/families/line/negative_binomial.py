"""Negative binomial laws: counts that vary more than Poisson's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import betainc, betaincc

from mixot._checks import as_floats
from mixot._native import comonotone_cost
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import LineFamily, as_positive, check_rows, held, one_fixed, scale_model, weighted_means
from mixot.families.moment_model import MomentModel
from mixot.formulas.line.bregman import bregman_log
from mixot.formulas.line.counts import (
    RankTable,
    batches,
    best_size,
    count_divergences,
    kernel_tables,
    negative_binomial_log_mass,
    negative_binomial_table,
    negative_binomial_windows,
)
from mixot.formulas.polynomial.moments import raw_from_factorial
from mixot.threads import thread_count

_LOG_NOTHING = 57.0  # costs leave out exp(-57) = 2e-25 of the mass at each end
_LOG_EDGE = 680.0  # maps: down to where probabilities vanish in floating point
_TABLE = 2**18  # counts in a table of ranks; beyond, incomplete beta functions
_BATCH, _MOST = 2**23, 2**26  # counts that costs hold at once, and in one law
_SIZES = (1e-9, 1e6)  # where fits look for sizes: the upper end, times the mean, adds a millionth to a Poisson variance


@register("negative_binomial")
@dataclass(frozen=True, eq=False)
class NegativeBinomial(LineFamily):
    """k negative binomial laws on {0, 1, 2, ...}, by size n and mean m: ``Var = m + m^2 / n``.

    A Poisson law whose rate is drawn from a Gamma law of shape n and mean m. ``1 / n`` is the dispersion of edgeR,
    DESeq2 and statsmodels, n the inverse dispersion ("theta") of scVI and R's ``dnbinom(size=, mu=)``. SciPy's
    ``nbinom(n, p)`` has the same n and ``p = n / (n + m)``: pass ``probs=p`` in place of means. The optimal coupling is
    comonotone: atoms are split, so it is a random coupling and no map. There is no geodesic inside the family.

    Parameters
    ----------
    sizes : (k,), positive; a number is common to all
    means : (k,), positive
    probs : (k,), between 0 and 1, instead of means: the chance of success, of which n are waited for

    Raises
    ------
    InputError
        Where the lengths disagree, a value is not a positive number, or both or neither of means and probs are given.

    Examples
    --------
    >>> p, q = NegativeBinomial([2.0], [3.0]), NegativeBinomial([2.0], probs=[0.25])
    >>> q.means.tolist(), p.cov().tolist(), p.cost(q).round(10).tolist()
    ([6.0], [[[7.5]]], [[13.8517681652]])
    """

    sizes: Float[np.ndarray, " k"]
    means: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("sizes",)

    def __init__(self, sizes: ArrayLike, means: ArrayLike | None = None, *, probs: ArrayLike | None = None) -> None:
        if (means is None) == (probs is None):
            raise InputError("give either means or probs, p = size / (size + mean), and not both")
        k = max(np.size(value) for value in (sizes, means, probs) if value is not None)
        counts = as_positive(np.full(k, sizes) if np.ndim(sizes) == 0 else sizes, "sizes")
        if probs is not None:
            chance = as_floats(probs, "probs")
            if not ((chance > 0) & (chance < 1)).all():
                raise InputError("probs must lie between 0 and 1, and be neither")
            values: Any = counts * ((1 - chance) / chance)
        else:
            values = means
        centers = as_positive(np.full(k, values) if np.ndim(values) == 0 else values, "means")
        if len(counts) != len(centers):
            raise InputError(f"sizes and means must be as many, got {len(counts)} and {len(centers)}")
        object.__setattr__(self, "sizes", counts)
        object.__setattr__(self, "means", centers)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def discrete(self) -> bool:
        return True

    @property
    def probs(self) -> Float[np.ndarray, " k"]:
        """SciPy's p, ``n / (n + m)``."""
        return self.sizes / (self.sizes + self.means)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return self.means[:, None].copy()

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return (self.means * (1 + self.means / self.sizes))[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments, from the factorial ones ``m (m + m / n) ... (m + (r - 1) m / n)``, (k, order + 1)."""
        return np.stack(_moments(self.means, self.sizes, order), axis=1)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are no counts."""
        count = ((x >= 0) & (x == np.floor(x)) & np.isfinite(x))[:, 0]
        y = np.where(count, x[:, 0], 0.0)
        top = float(y.max(initial=0.0))
        few = top < len(y) / 2  # fewer different counts than points
        out = self._log_mass(np.arange(top + 1))[y.astype(np.intp)] if few else self._log_mass(y)
        out[~count] = -np.inf
        return out

    def _log_mass(self, counts: np.ndarray) -> np.ndarray:
        return negative_binomial_log_mass(counts[:, None], self.sizes, self.means)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        rates = rng.standard_gamma(self.sizes[labels]) * (self.means / self.sizes)[labels]
        return rng.poisson(rates).astype(np.float64)[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        table = self._table(at)
        return self._beta_tails(x, at) if table is None else table.tails(x)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        table = self._table(at)
        if table is not None:
            return table.quantile(lower, upper)
        first, last = self._window(at, _LOG_EDGE)
        low, high = np.full(lower.shape, first - 1.0), np.full(lower.shape, float(last))
        while (high - low > 1).any():  # low is short of the rank, high is not
            middle = np.floor((low + high) / 2)
            below, above = self._beta_tails(middle, at)
            enough = np.where(lower <= 0.5, below >= lower, above <= upper)
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high

    def _window(self, at: int, log_mass: float) -> tuple[int, int]:
        return _window(float(self.sizes[at]), float(self.means[at]), log_mass)

    def _table(self, at: int) -> RankTable | None:
        """Ranks of component ``at``, or None where they are too many to be listed."""
        first, last = self._window(at, _LOG_EDGE)
        if last - first >= _TABLE:
            return None
        return negative_binomial_table(float(self.sizes[at]), float(self.means[at]), _LOG_EDGE)

    def _beta_tails(self, x: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
        """By the incomplete beta function, of the smaller of p and 1 - p, which has all its digits."""
        n, m = self.sizes[at], self.means[at]
        a = np.maximum(np.floor(x) + 1, 0.0)
        inside = np.maximum(a, 1.0)
        if m < n:
            below, above = betaincc(inside, n, m / (n + m)), betainc(inside, n, m / (n + m))
        else:
            below, above = betainc(n, inside, n / (n + m)), betaincc(n, inside, n / (n + m))
        return np.where(a > 0, below, 0.0), np.where(a > 0, above, 1.0)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``int_0^1 (F_p^-1(u) - F_q^-1(u))^2 du``, a finite sum over the merged ranks of both laws.

        Exact but for 2e-25 of the mass at each end. Time grows with the counts that hold the mass, up to 57 times
        ``mean / size`` of them in a long tail.

        Raises
        ------
        UnsupportedError
            Where a law spreads over more than 67 million counts.
        """
        out = np.empty((len(self), len(other)))
        widths = [_checked_widths(laws) for laws in (self, other)]
        for rows in batches(widths[0], _BATCH):
            mine = kernel_tables(_tables(self, rows))
            for cols in batches(widths[1], _BATCH):
                block = np.empty((rows.stop - rows.start, cols.stop - cols.start))
                comonotone_cost(*mine, *kernel_tables(_tables(other, cols)), block, thread_count())
                out[rows, cols] = block
        return out

    def divergence(self, other: NegativeBinomial) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``: in closed form for one size, ``m e(n (o - m) / (m (n + o))) + n e((m - o) / (n + o))``.

        There n is the size, m and o the means, ``e(r) = r - log(1 + r)``. Else a sum over counts.
        """
        n, m, o = self.sizes[:, None], self.means[:, None], other.means
        away = o - m
        out = m * bregman_log(away / m * (n / (n + o))) + n * bregman_log(-away / (n + o))
        differ = np.nonzero(n != other.sizes)
        if len(differ[0]):
            width = int(max(_checked_widths(self).max(), _checked_widths(other).max()))
            out[differ] = count_divergences(self.sizes, self.means, other.sizes, other.means, width)[differ]
        return out

    def between(
        self, other: NegativeBinomial, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float
    ) -> NegativeBinomial:
        """The components themselves at t = 0 and 1; in between the geodesic is no negative binomial law."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        raise UnsupportedError(
            "between negative binomial laws the geodesic leaves the family, and the integers; move samples x of p part "
            "of the way, (1 - t) * x + t * y with y = transport_map(p, q).sample(x), or fit Gamma mixtures to both"
        )

    def barycenter(
        self, others: Sequence[NegativeBinomial], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[NegativeBinomial, Float[np.ndarray, " s"]]:
        raise UnsupportedError(
            "the barycenter of negative binomial laws is none; fit Gamma mixtures of one shape to the data instead, "
            "or take the barycenter of samples"
        )

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        good = (x[:, 0] >= 0) & (x[:, 0] == np.floor(x[:, 0]))
        check_rows(good, "points of a negative binomial mixture must be counts 0, 1, 2, ...", x[:, 0])

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> NegativeBinomial:
        """Means and, where sizes are not fixed, those of the best likelihood."""
        means = weighted_means(x, shares)
        return cls(held(fixed, "sizes", len(means), 1.0), means).m_step(x, shares, tuple(fixed))

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> NegativeBinomial:
        """Means and sizes of maximum likelihood: the weighted means, then sizes by a search in one dimension.

        Components that vary no more than Poisson laws do have none, and come to rest at a million times their mean.
        """
        means = weighted_means(x, shares)
        if "sizes" in fixed:
            return NegativeBinomial(self.sizes, means)
        counts, masses = _count(x[:, 0], shares)
        most = np.maximum(_SIZES[1] * np.maximum(means, 1.0), self.sizes)
        sizes = [
            best_size(counts, masses[:, k], float(means[k]), float(self.sizes[k]), (_SIZES[0], float(most[k])))
            for k in range(len(means))
        ]
        return NegativeBinomial(sizes, means)

    def fit_notes(self) -> tuple[str, ...]:
        bound = np.flatnonzero(self.sizes >= 0.999 * _SIZES[1] * np.maximum(self.means, 1.0))
        if not len(bound):
            return ()
        return (
            f"components {bound.tolist()} vary no more than Poisson laws: their sizes rest at the bound, and a "
            '"poisson" mixture may do',
        )

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The mean; the size must be fixed, for then moments are polynomials of the mean alone."""
        size = one_fixed(cls, fixed, "sizes", 2.0)

        def moments(mean: Any, order: int) -> list[Any]:
            return _moments(mean, size, order)

        return scale_model(cls, dim, structure, "mean", moments, lambda means: cls(size, means), scales=False)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> NegativeBinomial:
        return cls(rng.uniform(1.0, 10.0, size=k), rng.uniform(0.5, 9.0, size=k))


def _moments(mean: Any, size: Any, order: int) -> list[Any]:
    """Raw moments 0 .. order, for means that are arrays or polynomials."""
    rising = [mean**0]
    for j in range(order):
        rising.append(rising[-1] * (mean * (1 + j / size)))
    return raw_from_factorial(rising)


def _checked_widths(laws: Any) -> np.ndarray:
    """How many counts hold the mass of each law."""
    first, last = negative_binomial_windows(laws.sizes, laws.means, _LOG_NOTHING)
    wide = np.flatnonzero(last - first > _MOST)
    if len(wide):
        raise UnsupportedError(
            f"costs between negative binomial laws sum over the counts that hold their mass, and component {wide[0]} "
            f"(size {laws.sizes[wide[0]]:g}, mean {laws.means[wide[0]]:g}) spreads over {(last - first)[wide[0]]:.2g}; "
            "a Gamma law with this size as shape is as near as makes no difference"
        )
    return last - first + 2


def _tables(laws: Any, rows: slice) -> list[RankTable]:
    return [
        negative_binomial_table.__wrapped__(float(size), float(mean), _LOG_NOTHING)
        for size, mean in zip(laws.sizes[rows], laws.means[rows], strict=True)
    ]


def _count(x: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different counts and the shares of each, (n,), (n, k) -> (m,), (m, k)."""
    if x.max() >= len(x) / 2:
        return x, shares
    where = x.astype(np.intp)
    masses = np.stack([np.bincount(where, column) for column in shares.T], axis=1)
    seen = np.flatnonzero(np.bincount(where))
    return seen.astype(np.float64), masses[seen]


@lru_cache(maxsize=256)  # asked for each time that ranks are
def _window(size: float, mean: float, log_mass: float) -> tuple[int, int]:
    first, last = negative_binomial_windows(np.array([size]), np.array([mean]), log_mass)
    return int(first[0]), int(last[0])
