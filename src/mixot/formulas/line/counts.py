"""What laws of counts need: log-masses without cancellation, windows that hold their mass, tables of ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import digamma, gammaln

from mixot._shapes import Float, Int
from mixot.formulas.line.bregman import bregman_exp, bregman_log

_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_HALF_LOG_TWO_PI = 0.5 * np.log(2 * np.pi)
_BLOCK = 128  # masses that a recurrence makes from one that is computed: it has no time to lose digits
_CHUNK = 2**14  # counts whose masses are held at once
_NEAR = 0.1  # divergences below are summed again, without cancellation
_BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132)  # of the digamma function's expansion
_LARGE = 30.0  # sizes from which that expansion is exact to rounding


def negative_binomial_log_mass(
    x: Float[np.ndarray, "*#s"], size: Float[np.ndarray, "*#s"], mean: Float[np.ndarray, "*#s"]
) -> Float[np.ndarray, "..."]:
    """``log(Gamma(x + n) / (Gamma(n) x!) p^n (1 - p)^x)``, ``p = n / (n + mean)``, for counts x.

    In saddle-point form, where all large terms are deviances ``x log(x / E x)`` that vanish next to the mean: exact to
    rounding for sizes n from 1e-300 to 1e300, where the Gamma functions cancel to nothing.

    References
    ----------
    Loader, Fast and accurate computation of binomial probabilities (2000).
    """
    y = np.maximum(x, 1.0)  # any number where x is zero: that case is written at the end
    total = size + y
    near = mean - y > -0.5 * total
    failures = np.where(near, np.log1p(np.where(near, (mean - y) / total, 0.0)), np.log(size + mean) - np.log(total))
    away = -y * np.log1p((y - mean) / mean * (size / total)) - size * failures
    tiny = size < 1e-3 * total
    spread = np.where(tiny, np.log(size) - np.log(total), -np.log1p(y / np.where(tiny, total, size)))
    curve = _stirling_error(total) - _stirling_error(size) - _stirling_error(y)
    out = away + curve + spread / 2 - np.log(y) / 2 - _HALF_LOG_TWO_PI
    with np.errstate(over="ignore"):
        wait = np.log1p(mean / size)
    return np.where(x > 0, out, -size * np.where(np.isfinite(wait), wait, np.log(mean) - np.log(size)))


def binomial_log_mass(
    x: Float[np.ndarray, "*#s"], trials: Float[np.ndarray, "*#s"], prob: Float[np.ndarray, "*#s"]
) -> Float[np.ndarray, "..."]:
    """``log(n! / (x! (n - x)!) p^x (1 - p)^(n - x))`` for counts x from 0 to n, -inf where p = 0 or 1 rules them out.

    In saddle-point form, where large terms are deviances that vanish next to the mean.

    References
    ----------
    Loader, Fast and accurate computation of binomial probabilities (2000).
    """
    n, p, q = trials, prob, 1 - prob
    inside = (x > 0) & (x < n)
    y = np.where(inside, x, 0.5 * n)  # any number at the ends, whose masses are powers
    z = n - y
    curve = _stirling_error(n) - _stirling_error(y) - _stirling_error(z)
    with np.errstate(divide="ignore"):
        away = _deviance(y, n * p) + _deviance(z, n * q)
        ends = np.where(x > 0, n * np.log(p), n * np.log1p(-p))
    return np.where(inside, curve - away - np.log(y * (z / n)) / 2 - _HALF_LOG_TWO_PI, ends)


def _deviance(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``x log(x / mean) + mean - x`` for x > 0."""
    away = (mean - x) / x
    near = away > -0.5
    far = np.log(np.where(near, 1.0, mean / x))
    return x * np.where(near, bregman_log(np.where(near, away, 0.0)), away - far)


def binomial_windows(
    trials: Float[np.ndarray, " k"], prob: Float[np.ndarray, " k"], log_mass: float
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """First and last count of windows that leave out at most ``exp(-log_mass)`` at each end, by Bernstein's bound."""
    mean, third = trials * prob, log_mass / 3
    reach = third + np.sqrt(third**2 + 2 * log_mass * mean * (1 - prob))
    first, last = np.maximum(np.floor(mean - reach), 0.0), np.minimum(np.ceil(mean + reach), trials)
    return first.astype(np.int64), last.astype(np.int64)


@lru_cache(maxsize=8)
def binomial_table(trials: float, prob: float, log_mass: float) -> RankTable:
    """Ranks of one law on its window."""
    first, last = binomial_windows(np.array([trials]), np.array([prob]), log_mass)
    x = np.arange(first[0], last[0] + 1, dtype=np.float64)
    masses = np.exp(binomial_log_mass(x, np.array([trials]), np.array([prob])))
    return RankTable.of_masses(int(first[0]), masses)


def _stirling_error(z: np.ndarray) -> np.ndarray:
    """``log Gamma(z + 1) - (z + 1/2) log(z) + z - log(2 pi) / 2`` for z > 0."""
    small = np.minimum(z, 15.0)
    direct = gammaln(small + 1) - (small + 0.5) * np.log(small) + small - _HALF_LOG_TWO_PI
    large = np.maximum(z, 15.0)
    return np.where(z < 15.0, direct, np.polynomial.polynomial.polyval(1 / large**2, _STIRLING) / large)


def negative_binomial_windows(
    size: Float[np.ndarray, " k"], mean: Float[np.ndarray, " k"], log_mass: float
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """First and last count of windows that leave out at most ``exp(-log_mass)`` at each end.

    By Chernoff's bound ``P(X >= x) <= exp(-D(x))`` above the mean, and the same below it, D being the deviance
    ``x log(x / E x) + n log(n / E n)`` of x and n among n + x trials; D(x) = log_mass is solved by bisection.
    """

    def deviance(x: np.ndarray) -> np.ndarray:
        total = size + x
        with np.errstate(divide="ignore", invalid="ignore"):
            return x * np.log1p((x - mean) / mean * (size / total)) + size * np.log1p((mean - x) / total)

    high = mean + 1.0
    for _ in range(1100):
        short = deviance(high) < log_mass
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    last = np.ceil(_bisect(deviance, mean, high, log_mass)[1])
    begins_at_zero = size * np.log1p(mean / size) <= log_mass
    least = np.floor(_bisect(deviance, mean, np.zeros_like(mean), log_mass)[1])
    return np.where(begins_at_zero, 0.0, least).astype(np.int64), last.astype(np.int64)


def _bisect(function, inner: np.ndarray, outer: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Brackets of where a function that grows from ``inner`` to ``outer`` takes the value ``level``."""
    for _ in range(60):
        middle = (inner + outer) / 2
        short = function(middle) < level
        inner, outer = np.where(short, middle, inner), np.where(short, outer, middle)
    return inner, outer


@dataclass(frozen=True, eq=False, slots=True)
class RankTable:
    """A law on the integers from ``first``: ``below[i] = P(X <= first + i)``, ``above[i] = P(X > first + i)``."""

    first: int
    below: Float[np.ndarray, " w"]
    above: Float[np.ndarray, " w"]

    @classmethod
    def of_masses(cls, first: int, masses: Float[np.ndarray, " w"]) -> RankTable:
        """The table of a law by its masses; both tails are summed from their own end, and keep all their digits."""
        above = np.append(np.cumsum(masses[:0:-1])[::-1], 0.0)
        return cls(first, np.minimum(np.cumsum(masses), 1.0), np.minimum(above, 1.0))

    def tails(self, x: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """P(X <= x) and P(X > x); 0 and 1 outside the table."""
        index = np.clip(np.floor(x) - self.first, -1, len(self.below) - 1).astype(np.intp)
        return np.where(index < 0, 0.0, self.below[index]), np.where(index < 0, 1.0, self.above[index])

    def quantile(self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The smallest y with P(X <= y) >= lower, from the end that is nearer."""
        low = np.searchsorted(self.below, lower, side="left")
        high = np.searchsorted(-self.above, -upper, side="left")
        index = np.where(lower <= 0.5, low, high)
        return self.first + np.minimum(index, len(self.below) - 1).astype(np.float64)


@lru_cache(maxsize=16)
def negative_binomial_table(size: float, mean: float, log_mass: float) -> RankTable:
    """Ranks of one law on its window."""
    first, last = negative_binomial_windows(np.array([size]), np.array([mean]), log_mass)
    return RankTable.of_masses(int(first[0]), negative_binomial_masses(size, mean, int(first[0]), int(last[0])))


def negative_binomial_masses(size: float, mean: float, first: int, last: int) -> Float[np.ndarray, " w"]:
    """Masses of the counts ``first .. last``: every 128th by its logarithm, the others from ratios of neighbors."""
    starts = np.arange(first, last + 1, _BLOCK, dtype=np.float64)
    x = starts[:, None] + np.arange(1.0, _BLOCK)  # p(x) = p(x - 1) (n + x - 1) / x mean / (n + mean)
    ratios = (size + (x - 1)) / x * (mean / (size + mean))
    anchors = np.exp(negative_binomial_log_mass(starts, np.array(size), np.array(mean)))
    blocks = np.cumprod(np.hstack([anchors[:, None], ratios]), axis=1)
    return blocks.ravel()[: last - first + 1]


def kernel_tables(
    tables: list[RankTable],
) -> tuple[Float[np.ndarray, " w"], Float[np.ndarray, " w"], Int[np.ndarray, " k"], Int[np.ndarray, " c"]]:
    """What `mixot._native.comonotone_cost` reads, c = k + 1: each table begins one below the law's first integer."""
    below = np.concatenate([part for table in tables for part in (np.zeros(1), table.below)])
    above = np.concatenate([part for table in tables for part in (np.ones(1), table.above)])
    first = np.array([table.first - 1 for table in tables], dtype=np.int64)
    start = np.cumsum([0] + [len(table.below) + 1 for table in tables]).astype(np.int64)
    return below, above, first, start


def batches(sizes: Int[np.ndarray, " k"], most: int) -> Iterator[slice]:
    """Runs of neighbors whose sizes add to no more than ``most`` (one alone may be larger)."""
    first, total = 0, 0
    for i, size in enumerate(sizes.tolist()):
        if i > first and total + size > most:
            yield slice(first, i)
            first, total = i, 0
        total += size
    yield slice(first, len(sizes))


def count_divergences(
    size_p: Float[np.ndarray, " k"],
    mean_p: Float[np.ndarray, " k"],
    size_q: Float[np.ndarray, " l"],
    mean_q: Float[np.ndarray, " l"],
    width: int,
) -> Float[np.ndarray, "k l"]:
    """``sum_x p(x) log(p(x) / q(x))`` over the counts below ``width``, which hold the mass of all laws.

    Small divergences keep their digits.
    """
    out, again = np.zeros((len(size_p), len(size_q))), np.zeros((len(size_p), len(size_q)))
    blocks = [np.arange(first, min(first + _CHUNK, width), dtype=np.float64) for first in range(0, width, _CHUNK)]
    for x in blocks:
        log_p = negative_binomial_log_mass(x, size_p[:, None], mean_p[:, None])
        log_q = negative_binomial_log_mass(x, size_q[:, None], mean_q[:, None])
        masses = np.exp(log_p)
        out += (masses * log_p).sum(axis=1)[:, None] - masses @ log_q.T
    # Pairs that come out small are summed again as sum_x p(x) e(log(q(x) / p(x))), e being `bregman_exp`: its terms are
    # positive, and it is the same, since both laws have the mass one.
    near = np.argwhere(out < _NEAR).tolist()
    for x in blocks if near else ():
        log_p = negative_binomial_log_mass(x, size_p[:, None], mean_p[:, None])
        log_q = negative_binomial_log_mass(x, size_q[:, None], mean_q[:, None])
        for i, j in near:
            again[i, j] += np.exp(log_p[i]) @ bregman_exp(log_q[j] - log_p[i])
    return np.where(out < _NEAR, again, out)


def best_size(
    x: Float[np.ndarray, " m"], masses: Float[np.ndarray, " m"], mean: float, near: float, ends: tuple[float, float]
) -> float:
    """The size of maximum likelihood between two ends for weighted counts of this mean, (m,), (m,).

    The likelihood is stationary where ``n e(mean / n) = E sum_{j < x} j / (n + j)``, e being `bregman_log`. Both sides
    keep their digits for large n, where the textbook's digamma functions cancel. There is one root, a maximum, where
    the variance exceeds the mean, and none otherwise (Levin and Reeds 1977): then the upper end is best. Secant steps
    in log n from ``near``, inside a bracket that the signs give.
    """
    shares = masses / masses.sum()

    def score(at: float) -> float:  # positive below the root, of the order of the variance
        n = np.exp(at)
        return float(n * (n * bregman_log(np.array([mean / n]))[0] - shares @ _harmonic_rest(x, float(n))))

    low, high = np.log(ends[0]), np.log(ends[1])
    last = float(np.clip(np.log(near), low, high))
    at = last + 0.01 if last + 0.01 < high else last - 0.01
    f_last, f = score(last), score(at)
    for _ in range(200):
        low, high = (max(low, at), high) if f > 0 else (low, min(high, at))
        falls = (f_last - f) * (at - last) > 0  # as it does next to the root; elsewhere, walk towards it
        step = (at - last) * f / (f_last - f) if falls else np.sign(f)
        ahead = float(np.clip(at + np.clip(step, -4.0, 4.0), low, high))
        if low > np.log(ends[0]) and high < np.log(ends[1]) and ahead in (low, high):
            ahead = (low + high) / 2
        last, f_last, moved, at = at, f, abs(ahead - at), ahead
        if moved < 1e-9:  # its square is what the likelihood is short of
            break
        f = score(at)
    return float(np.exp(at))


def _harmonic_rest(x: np.ndarray, n: float) -> np.ndarray:
    """``sum_{j < x} j / (n + j) = x - n (digamma(n + x) - digamma(n))``, with all its digits for large n."""
    if n < _LARGE:
        return x - n * (digamma(n + x) - digamma(n))
    there, here = (np.polynomial.polynomial.polyval(z**-2.0, (0.0, *_BERNOULLI)) for z in (n + x, n))
    return n * bregman_log(x / n) - 0.5 * x / (n + x) + n * (there - here)
