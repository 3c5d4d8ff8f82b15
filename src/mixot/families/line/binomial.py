"""Binomial laws: how many of a known number of trials succeed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mixot._checks import as_floats
from mixot._native import comonotone_cost
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import LineFamily, check_rows, scale_model
from mixot.families.line.bernoulli import Bernoulli
from mixot.families.moment_model import Extent, MomentModel
from mixot.formulas.line.bregman import bregman_exp
from mixot.formulas.line.counts import (
    RankTable,
    batches,
    binomial_log_mass,
    binomial_table,
    binomial_windows,
    kernel_tables,
)
from mixot.formulas.polynomial.moments import raw_from_factorial
from mixot.formulas.polynomial.regions import Box, Region
from mixot.threads import thread_count

_LOG_NOTHING = 57.0  # costs leave out exp(-57) = 2e-25 of the mass at each end
_LOG_EDGE = 680.0  # maps: down to where probabilities vanish in floating point
_BATCH = 2**23  # counts that costs hold at once
_MOST = 1e9  # trials: tables of ranks stay below two million counts


@register("binomial")
@dataclass(frozen=True, eq=False)
class Binomial(LineFamily):
    """k binomial laws on {0, ..., n}: x of n trials succeed, each with probability p.

    The number of trials is known and common to all components: a fit is told it, ``fit(x, "binomial(10)")``, and never
    guesses it from the largest count. Mixtures of K laws are told apart by one column only for ``2 K - 1 <= n``; a
    `Product` of several columns tells more. The optimal coupling is comonotone: atoms are split, so it is a random
    coupling and no map. There is no geodesic inside the family.

    Parameters
    ----------
    probs : (k,), from 0 to 1, both included
    trials : the number n, from 1 to 1e9; or (k,), all of them n

    Raises
    ------
    InputError
        Where a probability is not one, or trials are not one whole number.

    Examples
    --------
    >>> laws = Binomial([0.2, 0.5], trials=10)
    >>> laws.mean().ravel().tolist(), laws.cost(Binomial([0.2], 10)).round(10).tolist()
    ([2.0, 5.0], [[0.0], [9.2896649942]])
    """

    probs: Float[np.ndarray, " k"]
    trials: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("trials",)

    def __init__(self, probs: ArrayLike, trials: ArrayLike) -> None:
        object.__setattr__(self, "probs", Bernoulli(probs).probs)
        object.__setattr__(self, "trials", np.full(len(self.probs), float(_one_count(trials, len(self.probs)))))

    def __len__(self) -> int:
        return len(self.probs)

    @property
    def discrete(self) -> bool:
        return True

    @property
    def count(self) -> int:
        """The number of trials."""
        return int(self.trials[0])

    def take(self, index: Int[np.ndarray, " j"]) -> Binomial:
        return Binomial(self.probs[index], self.count)

    def append(self, other: Any) -> Binomial:
        """The components here, then those of ``other``, which must be of as many trials."""
        if isinstance(other, Binomial) and other.count != self.count:
            raise InputError(
                f"the components of a binomial mixture have one number of trials, got {self.count} and {other.count}"
            )
        return super().append(other)

    def mean(self) -> Float[np.ndarray, "k d"]:
        return (self.trials * self.probs)[:, None]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        return (self.trials * self.probs * (1 - self.probs))[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments, from the factorial ones ``n (n - 1) ... (n - r + 1) p^r``, (k, order + 1)."""
        return np.stack(_moments(self.probs, self.count, order), axis=1)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are no counts from 0 to n."""
        count = (x >= 0) & (x == np.floor(x)) & (x <= self.count)
        y = np.where(count, x, 0.0)
        if self.count < len(y) / 2:  # fewer different counts than points
            each = binomial_log_mass(np.arange(self.count + 1.0)[:, None], self.trials, self.probs)
            return np.where(count, each[y[:, 0].astype(np.intp)], -np.inf)
        return np.where(count, binomial_log_mass(y, self.trials, self.probs), -np.inf)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return rng.binomial(self.count, self.probs[labels]).astype(np.float64)[:, None]

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        return self._table(at).tails(x)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        return self._table(at).quantile(lower, upper)

    def _table(self, at: int) -> RankTable:
        return binomial_table(float(self.count), float(self.probs[at]), _LOG_EDGE)

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``int_0^1 (F_p^-1(u) - F_q^-1(u))^2 du``, a finite sum over the merged ranks of both laws.

        Exact but for 2e-25 of the mass at each end; the numbers of trials may differ. Time grows with their roots.
        """
        assert isinstance(other, Binomial)
        out = np.empty((len(self), len(other)))
        for rows in batches(_widths(self), _BATCH):
            mine = kernel_tables(_tables(self, rows))
            for cols in batches(_widths(other), _BATCH):
                block = np.empty((rows.stop - rows.start, cols.stop - cols.start))
                comonotone_cost(*mine, *kernel_tables(_tables(other, cols)), block, thread_count())
                out[rows, cols] = block
        return out

    def divergence(self, other: Binomial) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``: n times that of Bernoulli laws; a sum over counts where the numbers of trials differ.

        Infinite where q rules out what p has.
        """
        if self.count == other.count:
            return self.count * Bernoulli(self.probs).divergence(Bernoulli(other.probs))
        first, last = binomial_windows(self.trials, self.probs, _LOG_NOTHING)
        out = np.empty((len(self), len(other)))
        for k, p in enumerate(self.probs):
            x = np.arange(first[k], last[k] + 1, dtype=np.float64)[:, None]
            log_p = self.take(np.array([k])).log_prob(x)
            seen = log_p[:, 0] > -np.inf
            if p > 0 and self.count > other.count:  # n successes, which they cannot have
                out[k] = np.inf
            else:  # sums of positive numbers: log(p / q) p + q - p, and the mass of q elsewhere
                with np.errstate(over="ignore"):
                    out[k] = np.exp(log_p[seen, 0]) @ bregman_exp(other.log_prob(x[seen]) - log_p[seen])
                ends = np.array([x[seen].min() - 1, x[seen].max()])
                for l in range(len(other)):  # noqa: E741
                    below, above = other.tails(ends, l)
                    out[k, l] += below[0] + above[1]
        return out

    def between(self, other: Binomial, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Binomial:
        """The components themselves at t = 0 and 1; in between the geodesic is no binomial law."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        raise UnsupportedError(
            "between binomial laws the geodesic leaves the family, and the integers; move samples x of p part of the "
            "way, (1 - t) * x + t * y with y = transport_map(p, q).sample(x)"
        )

    def barycenter(
        self, others: Sequence[Binomial], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Binomial, Float[np.ndarray, " s"]]:
        raise UnsupportedError("the barycenter of binomial laws is none; take the barycenter of samples")

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        good = (x[:, 0] >= 0) & (x[:, 0] == np.floor(x[:, 0]))
        check_rows(good, "points of a binomial mixture must be counts 0, 1, 2, ...", x[:, 0])
        n = _known_count(fixed, f"; the largest count is {x[:, 0].max(initial=0):g}, which n may well exceed")
        check_rows(x[:, 0] <= n, f"points of a binomial mixture of {n} trials must be at most {n}", x[:, 0])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Binomial:
        return cls(np.zeros(shares.shape[1]), _known_count(fixed)).m_step(x, shares)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Binomial:
        """Probabilities of maximum likelihood: the weighted means over the number of trials."""
        means = x[:, 0] @ shares / shares.sum(axis=0)
        return Binomial(np.clip(means / self.count, 0.0, 1.0), self.count)

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        return len(self)

    def mixture_notes(self) -> tuple[str, ...]:
        if 2 * len(self) - 1 <= self.count:
            return ()
        return (
            f"counts of {self.count} trials tell at most {(self.count + 1) // 2} components apart, and these are "
            f"{len(self)}: other weights and probabilities make the same law of the counts",
        )

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The probability; the number of trials must be told."""
        cls.check_fixed(fixed or ())
        n = _known_count(fixed or {})

        def moments(prob: Any, order: int) -> list[Any]:
            return _moments(prob, n, order)

        def region(extent: Extent) -> Region:
            return (Box(np.zeros(1), np.minimum(extent.upper / n, 1.0)),)

        def laws(probs: np.ndarray) -> Binomial:
            return cls(np.minimum(probs, 1.0), n)

        model = scale_model(cls, dim, structure, "prob", moments, laws, scales=False)
        return MomentModel(model.parameters, model.moments, model.laws, region, scales=False)

    @classmethod
    def statistic(cls, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return x[:, 0].astype(np.float64)

    def log_base(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        n = float(self.count)
        return binomial_log_mass(x[:, 0], np.array([n]), np.array([0.5])) + n * np.log(2.0)

    def log_partition(self, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        return self.count * np.logaddexp(0.0, theta)

    def natural_of_mean(self, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore"):
            return np.log(mean) - np.log(self.count - mean)

    def of_natural(self, theta: Float[np.ndarray, " k"]) -> Binomial:
        return Binomial(np.exp(-np.logaddexp(0.0, -theta)), self.count)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Binomial:
        return cls(rng.uniform(0.05, 0.95, size=k), 12)


def _one_count(trials: Any, k: int) -> int:
    """The number of trials that is meant, by a number or by one for each of k components."""
    values = as_floats(trials, "trials")
    if values.shape not in ((), (k,)) or not values.size:
        raise InputError(f"trials must be one number, or one for each of {k} components, got shape {values.shape}")
    n = float(values.flat[0])
    if not (values == n).all():
        raise InputError(
            f"trials must be one number that all components have, got {values.min():g} to {values.max():g}"
        )
    if not (1 <= n <= _MOST and n == np.floor(n)):
        raise InputError(f"trials must be a whole number from 1 to {_MOST:g}, got {n:g}")
    return int(n)


def _known_count(fixed: Mapping[str, Any], more: str = "") -> int:
    """The number of trials that a fit was told; an `InputError` where it was not."""
    if "trials" not in fixed:
        raise InputError(
            'a fit of binomial laws must be told the number of trials n, as in family="binomial(10)", or '
            f'fixed={{"trials": 10}} of the method{more}'
        )
    return _one_count(fixed["trials"], np.size(fixed["trials"]))


def _moments(prob: Any, n: int, order: int) -> list[Any]:
    """Raw moments 0 .. order, for probabilities that are arrays or polynomials."""
    falling = [prob**0]
    for j in range(order):
        falling.append(falling[-1] * (prob * float(n - j)) if j < n else 0.0 * falling[0])
    return raw_from_factorial(falling)


def _widths(laws: Binomial) -> np.ndarray:
    """How many counts hold the mass of each law."""
    first, last = binomial_windows(laws.trials, laws.probs, _LOG_NOTHING)
    return last - first + 2


def _tables(laws: Binomial, rows: slice) -> list[RankTable]:
    return [binomial_table.__wrapped__(float(laws.count), float(p), _LOG_NOTHING) for p in laws.probs[rows]]
