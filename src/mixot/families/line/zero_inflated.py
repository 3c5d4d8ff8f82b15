"""Counts with more zeros than their law has: zero with some chance, else a Poisson or negative binomial draw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from mixot._checks import as_floats
from mixot._native import comonotone_cost
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import LineFamily, held
from mixot.families.line.negative_binomial import NegativeBinomial
from mixot.families.line.poisson import Poisson
from mixot.families.roles import Started, require
from mixot.formulas.line.counts import RankTable, batches, kernel_tables
from mixot.threads import thread_count

Z = TypeVar("Z", bound="ZeroInflated")

_NOTHING = 1e-25  # of the mass that costs leave out at the upper end
_FIRST, _MOST = 64, 2**26  # counts that a table has at first, and at most
_BATCH = 2**23  # counts that costs hold at once
_NONE = 1e-6  # a chance of structural zeros below this is none


class ZeroInflated(LineFamily):
    """k laws that are zero with chance ``zero_probs``, and else a draw of ``counts``.

    In a mixture on the line structural zeros may belong to any component: only their share in all is determined, not
    whose they are. In a product the other columns say that.
    """

    zero_probs: Float[np.ndarray, " k"]

    @property
    @abstractmethod
    def counts(self) -> Any:
        """The laws of what is no structural zero."""

    @classmethod
    @abstractmethod
    def kind(cls) -> type[Any]:
        """Their family."""

    @classmethod
    @abstractmethod
    def of_counts(cls: type[Z], counts: Any, zero_probs: Float[np.ndarray, " k"]) -> Z:
        """The laws of these parts."""

    def __len__(self) -> int:
        return len(self.zero_probs)

    @property
    def discrete(self) -> bool:
        return True

    def mean(self) -> Float[np.ndarray, "k d"]:
        return (1 - self.zero_probs)[:, None] * self.counts.mean()

    def cov(self) -> Float[np.ndarray, "k d d"]:
        mean, keep = self.counts.mean()[:, 0], 1 - self.zero_probs
        return (keep * (self.counts.cov()[:, 0, 0] + self.zero_probs * mean**2))[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments, those of the counts times the chance that there is one, (k, order + 1)."""
        out = (1 - self.zero_probs)[:, None] * self.counts.moments(order)
        out[:, 0] = 1.0
        return out

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are no counts."""
        with np.errstate(divide="ignore"):
            out = np.log1p(-self.zero_probs) + self.counts.log_prob(x)
            zero = np.flatnonzero(x[:, 0] == 0)
            out[zero] = np.logaddexp(np.log(self.zero_probs), out[zero])
        return out

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        out = self.counts.sample(labels, rng)
        out[rng.random(len(labels)) < self.zero_probs[labels]] = 0.0
        return out

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        below, above = self.counts.tails(x, at)
        keep = 1 - self.zero_probs[at]
        return np.where(x >= 0, self.zero_probs[at] + keep * below, 0.0), np.where(x >= 0, keep * above, 1.0)

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        keep = 1 - self.zero_probs[at]
        if keep == 0:
            return np.zeros_like(lower)
        inner = np.clip((lower - self.zero_probs[at]) / keep, 0.0, 1.0), np.clip(upper / keep, 0.0, 1.0)
        # Ranks next to one have their digits in the upper tail; where zeros are many that begins below a half.
        ranks = np.where(inner[1] < 0.5, 1 - inner[1], inner[0]), np.where(inner[1] < 0.5, inner[1], 1 - inner[0])
        out = np.where(inner[0] > 0, self.counts.quantile(*ranks, at), 0.0)
        return self._next_to(out, lower, upper, at)

    def _next_to(self, y: np.ndarray, lower: np.ndarray, upper: np.ndarray, at: int) -> np.ndarray:
        """The smallest count of these ranks, where rounding of the inner ones has led beside it."""
        for step in (-1.0, 1.0):
            below, above = self.tails(y + min(step, 0.0), at)
            reached = np.where(lower <= 0.5, below >= lower, above <= upper)
            y = np.where(reached & (y > 0), y - 1, y) if step < 0 else np.where(reached, y, y + 1)
        return y

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2: ``int_0^1 (F_p^-1(u) - F_q^-1(u))^2 du``, a finite sum over the merged ranks of both laws.

        Exact but for 1e-25 of the mass at the upper end.

        Raises
        ------
        UnsupportedError
            Where a law spreads over more than 67 million counts.
        """
        theirs = cast("ZeroInflated", other)
        out = np.empty((len(self), len(theirs)))
        widths = [np.array([laws._last(at) for at in range(len(laws))]) for laws in (self, theirs)]
        for rows in batches(widths[0], _BATCH):
            mine = kernel_tables([self._table(at, int(widths[0][at])) for at in range(rows.start, rows.stop)])
            for cols in batches(widths[1], _BATCH):
                block = np.empty((rows.stop - rows.start, cols.stop - cols.start))
                tables = kernel_tables([theirs._table(at, int(widths[1][at])) for at in range(cols.start, cols.stop)])
                comonotone_cost(*mine, *tables, block, thread_count())
                out[rows, cols] = block
        return out

    def _last(self, at: int) -> int:
        """A count above which there is next to nothing."""
        ends = _FIRST * 2.0 ** np.arange(np.log2(_MOST / _FIRST) + 1)
        past = self.counts.tails(ends, at)[1] <= _NOTHING
        if not past.any():
            raise UnsupportedError(
                f"costs between {self.name} laws sum over the counts that hold their mass, and component {at} (mean"
                f" {self.counts.mean()[at, 0]:g}) spreads over more than {_MOST:.2g}"
            )
        low, high = 0.0 if past[0] else ends[past.argmax() - 1], ends[past.argmax()]
        while high - low > 1:
            inner = np.unique(np.floor(np.linspace(low, high, _FIRST)))
            first = int((self.counts.tails(inner[1:-1], at)[1] <= _NOTHING).argmax()) + 1
            past_inner = self.counts.tails(inner[[first]], at)[1][0] <= _NOTHING
            low, high = (inner[first - 1], inner[first]) if past_inner else (inner[-2], high)
        return int(high)

    def _table(self, at: int, last: int) -> RankTable:
        return RankTable(0, *self.tails(np.arange(last + 1.0), at))

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``, a sum over the counts that hold the mass of all; infinite where q has none and p some."""
        out = np.empty((len(self), len(other)))
        most = max(laws._last(at) for laws in (self, other) for at in range(len(laws)))
        x = np.arange(most + 1.0)[:, None]
        for at in range(len(self)):
            mine, theirs = self.log_prob(x)[:, at], other.log_prob(x)
            mass = np.exp(mine)
            seen = mass > 0
            # sum p log(p / q) = sum p e(q / p) with e(r) = r - 1 - log r: no cancellation, as both have the mass one
            ratio = theirs[seen] - mine[seen, None]
            out[at] = mass[seen] @ (np.expm1(ratio) - ratio) + np.exp(theirs[~seen]).sum(axis=0)
        return out

    def between(self: Z, other: Z, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Z:
        """The components themselves at t = 0 and 1; in between the geodesic is no such law."""
        if t in (0.0, 1.0):
            return self.take(rows) if t == 0.0 else other.take(cols)
        raise UnsupportedError(
            f"between {self.name} laws the geodesic leaves the family, and the integers; move samples x of p part of "
            "the way, (1 - t) * x + t * y with y = transport_map(p, q).sample(x)"
        )

    def barycenter(self, others: Any, index: Any, weights: Any) -> Any:
        raise UnsupportedError(
            f"the barycenter of {self.name} laws is none; take the barycenter of samples of the mixtures instead"
        )

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        super().check_points(x, fixed)
        chance = as_floats(fixed.get("zero_probs", 0.0), "zero_probs")
        if not ((chance >= 0) & (chance < 1)).all():
            raise InputError(
                f"zero_probs that a fit holds must be at least 0 and below 1, got {fixed['zero_probs']}: at 1 no point "
                "tells of the counts"
            )
        cls.kind().check_points(x, _inner(fixed))

    @classmethod
    def start(
        cls: type[Z], x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> Z:
        """Half of the zeros are taken for structural ones."""
        zero = x[:, 0] == 0
        inner = np.where(zero[:, None], 0.5 * shares, shares)
        chance = 0.5 * shares[zero].sum(axis=0) / shares.sum(axis=0)
        counts = require(cls.kind(), Started).start(x, inner, _inner(fixed))
        return cls.of_counts(counts, held(fixed, "zero_probs", len(chance), chance))

    def m_step(
        self: Z, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Z:
        """One step of EM inside: each zero is structural with its chance given the laws here, the rest are counts.

        References
        ----------
        Lambert, Zero-inflated Poisson regression, with an application to defects in manufacturing (1992), section 3.
        """
        zero = np.flatnonzero(x[:, 0] == 0)
        inner = shares
        if len(zero):
            structural = self.zero_probs / np.exp(self.log_prob(np.zeros((1, 1)))[0])
            inner = shares.copy()
            inner[zero] *= 1 - structural
        mass = shares.sum(axis=0)
        left = inner.sum(axis=0)
        # Where nothing is left but zeros the law of the counts is any; it keeps a share of the points to be one.
        inner = np.where(left < 1e-12 * mass, 1e-12 * shares, inner)
        counts = self.counts.m_step(x, inner, tuple(name for name in fixed if name != "zero_probs"))
        chance = self.zero_probs if "zero_probs" in fixed else np.clip((mass - left) / mass, 0.0, 1.0)
        return self.of_counts(counts, chance)

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        """Those of the counts and the share of structural zeros in all, which is what points on the line determine."""
        inner = self.counts.free_parameters(tuple(name for name in fixed if name != "zero_probs"))
        # Whose zeros they are moves weight from one component to another: one number of all k is left.
        return inner + ("zero_probs" not in fixed)

    def factor_parameters(self, fixed: Collection[str] = ()) -> int:
        return self.free_parameters(fixed) + (len(self) - 1 if "zero_probs" not in fixed else 0)

    def mixture_notes(self) -> tuple[str, ...]:
        if len(self) == 1 or len(np.unique(self.zero_probs)) == 1:
            return ()
        return (
            "on the line structural zeros may belong to any component: their share in all is determined, whose "
            'they are is not; hold them alike, fixed={"zero_probs": 0.3}, or fit more columns',
        )

    def fit_notes(self) -> tuple[str, ...]:
        """Which laws of the counts rest at a bound, and whether there are structural zeros at all."""
        notes = self.counts.fit_notes()
        plain = np.flatnonzero(self.zero_probs < _NONE)
        if len(plain) == len(self):
            notes += (f'no component has more zeros than its law: a "{self.kind().name}" mixture may do',)
        return notes


@register("zero_inflated_poisson")
@dataclass(frozen=True, eq=False)
class ZeroInflatedPoisson(ZeroInflated):
    """k laws on {0, 1, 2, ...}: zero with chance ``zero_probs``, else Poisson.

    The structural zeros are PyMC's ``1 - psi``, NumPyro's ``gate``, statsmodels' inflation and VGAM's ``pstr0``.

    Parameters
    ----------
    rates : (k,), positive
    zero_probs : (k,), from 0 to 1: the chance of a structural zero; a number is common to all

    Raises
    ------
    InputError
        Where the lengths disagree, a rate is not positive, or a chance is not between 0 and 1.

    Examples
    --------
    >>> law = ZeroInflatedPoisson([3.0], [0.4])
    >>> law.mean().round(12).tolist(), law.cov().round(12).tolist(), law.cost(law).tolist()
    ([[1.8]], [[[3.96]]], [[0.0]])
    """

    rates: Float[np.ndarray, " k"]
    zero_probs: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("zero_probs",)
    links: ClassVar[Mapping[str, str]] = {"rates": "log", "zero_probs": "logit"}

    def __init__(self, rates: ArrayLike, zero_probs: ArrayLike) -> None:
        object.__setattr__(self, "rates", Poisson(rates).rates)
        object.__setattr__(self, "zero_probs", _chances(zero_probs, len(self.rates)))

    @property
    def counts(self) -> Poisson:
        return Poisson(self.rates)

    @classmethod
    def kind(cls) -> type[Any]:
        return Poisson

    @classmethod
    def of_counts(cls, counts: Any, zero_probs: Float[np.ndarray, " k"]) -> ZeroInflatedPoisson:
        return cls(counts.rates, zero_probs)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> ZeroInflatedPoisson:
        return cls(rng.uniform(0.5, 9.0, size=k), rng.uniform(0.1, 0.6, size=k))


@register("zero_inflated_negative_binomial")
@dataclass(frozen=True, eq=False)
class ZeroInflatedNegativeBinomial(ZeroInflated):
    """k laws on {0, 1, 2, ...}: zero with chance ``zero_probs``, else negative binomial; scVI's "zinb".

    Parameters
    ----------
    sizes, means : (k,), positive, as of `NegativeBinomial`; means are those without the structural zeros
    zero_probs : (k,), from 0 to 1: the chance of a structural zero; a number is common to all

    Raises
    ------
    InputError
        Where the lengths disagree, a size or mean is not positive, or a chance is not between 0 and 1.

    Examples
    --------
    >>> law = ZeroInflatedNegativeBinomial([2.0], [3.0], [0.5])
    >>> law.mean().tolist(), law.cov().tolist()
    ([[1.5]], [[[6.0]]])
    """

    sizes: Float[np.ndarray, " k"]
    means: Float[np.ndarray, " k"]
    zero_probs: Float[np.ndarray, " k"]

    holdable: ClassVar[tuple[str, ...]] = ("sizes", "zero_probs")
    links: ClassVar[Mapping[str, str]] = {"sizes": "log", "means": "log", "zero_probs": "logit"}

    def __init__(self, sizes: ArrayLike, means: ArrayLike, zero_probs: ArrayLike) -> None:
        counts = NegativeBinomial(sizes, means)
        object.__setattr__(self, "sizes", counts.sizes)
        object.__setattr__(self, "means", counts.means)
        object.__setattr__(self, "zero_probs", _chances(zero_probs, len(counts)))

    @property
    def counts(self) -> NegativeBinomial:
        return NegativeBinomial(self.sizes, self.means)

    @classmethod
    def kind(cls) -> type[Any]:
        return NegativeBinomial

    @classmethod
    def of_counts(cls, counts: Any, zero_probs: Float[np.ndarray, " k"]) -> ZeroInflatedNegativeBinomial:
        return cls(counts.sizes, counts.means, zero_probs)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> ZeroInflatedNegativeBinomial:
        return cls(rng.uniform(1.0, 10.0, size=k), rng.uniform(0.5, 9.0, size=k), rng.uniform(0.1, 0.6, size=k))


def _chances(value: ArrayLike, k: int) -> Float[np.ndarray, " k"]:
    chances = as_floats(value, "zero_probs")
    chances = np.full(k, chances) if chances.ndim == 0 else chances
    if chances.shape != (k,):
        raise InputError(f"zero_probs must be one number, or one for each of {k} components, got {chances.shape}")
    bad = np.flatnonzero(~((chances >= 0) & (chances <= 1)))
    if len(bad):
        raise InputError(f"zero_probs must lie between 0 and 1, got {chances[bad[0]]:g} for component {bad[0]}")
    return chances


def _inner(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """What is fixed of the counts' law."""
    return {name: value for name, value in fixed.items() if name != "zero_probs"}
