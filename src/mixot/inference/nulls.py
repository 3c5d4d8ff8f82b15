"""Nulls of split tests: sets of laws, each with the largest likelihood that any of them gives to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family
from mixot.families.product import Product
from mixot.families.registry import law_of
from mixot.families.roles import Started, require
from mixot.inference.mixing_bound import mixing_bound
from mixot.inference.natural_bound import natural_bound
from mixot.inference.rows import check_spread, is_spread
from mixot.inference.told_floors import Floor
from mixot.mixture import Mixture

# One step of EM from anywhere is the maximum itself, in closed form: there is nothing to prove.
CLOSED_FORMS = ("gaussian", "diagonal", "binomial", "exponential", "laplace", "lognormal", "poisson", "rayleigh")
_COUNTS = ("binomial", "poisson")
_WIDER = {
    "poisson": "counts",
    "binomial": "counts",
    "exponential": "gamma",
    "rayleigh": "weibull",
}  # what mixtures of these cannot be, too
NATURAL = tuple(_WIDER)
_MOST_DIM = 3  # of data whose mixtures above a floor have a bound
_GAP = 0.1  # nats that a bound may be above the supremum: so much of the evidence is lost
_ROUNDING = 1e-12  # nats per row and nat of its log-density
_FLAT = "the rows vary in too few directions"


@dataclass(frozen=True)
class Most:
    """A log-likelihood that no law of a null exceeds, in nats, and how far the largest may be below it.

    ``why`` says what made it infinite, of rows that vary as a whole but not in this half.
    """

    value: float
    gap: float = 0.0
    why: str = ""

    @property
    def loose(self) -> float:
        """The gap where it is larger than what was asked for; else zero."""
        return self.gap if self.gap > _GAP else 0.0


@runtime_checkable
class Null(Protocol):
    """A set of laws that rows may be draws of."""

    @property
    def words(self) -> str:
        """Its name for people."""
        ...

    def integers(self, d: int) -> tuple[bool, ...]:
        """Of which of d coordinates its laws give masses of integers, and no density."""
        ...

    @property
    def alternative(self) -> str:
        """What is held against it where nothing else is asked for."""
        ...

    def check(self, x: Float[np.ndarray, "n d"]) -> None:
        """Raise an `InputError` where the rows cannot be told to be of it."""
        ...

    def most(self, x: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> Most:
        """What no law of the null exceeds, the log-likelihood of x; ``others`` may choose the null."""
        ...


@dataclass(frozen=True)
class OneLaw:
    """One law of a family, "poisson" or "binomial(10)", of any parameters but those in brackets."""

    family: str

    @property
    def words(self) -> str:
        return "one Gaussian law" if self.family == "gaussian" else f"one law of the {self.family} family"

    def integers(self, d: int) -> tuple[bool, ...]:
        return (bare(self.family) in _COUNTS,) * d

    @property
    def alternative(self) -> str:
        return self.family

    def check(self, x: Float[np.ndarray, "n d"]) -> None:
        law, fixed = law_of(self.family)
        law.check_points(x, fixed)
        if bare(self.family) not in _COUNTS:
            check_spread(x, None)

    def most(self, x: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> Most:
        """Its likelihood at the maximum, which is in closed form; infinite where it has none."""
        if self.family in ("gaussian", "diagonal"):
            most = _gaussian_most(x, diagonal=self.family == "diagonal")
            return Most(most, why="" if np.isfinite(most) else _FLAT)
        law, fixed = law_of(self.family)
        constant = bool((x == x[0]).all())
        if constant and bare(self.family) not in _COUNTS:
            return Most(np.inf, why=_FLAT)
        if constant and x[0, 0] == 0:  # the law of rate zero: no mass is above one
            return Most(0.0)
        best: Family = require(law, Started).start(x, np.full((len(x), 1), 1 / len(x)), fixed)
        each = best.log_prob(x)[:, 0]
        return Most(float(each.sum() + _ROUNDING * (np.abs(each).sum() + len(x))))


@dataclass(frozen=True, eq=False)
class OneMixture:
    """One mixture that is told."""

    mixture: Mixture

    @property
    def words(self) -> str:
        k = len(self.mixture)
        return f"the {self.alternative} mixture of {k} component{'s' if k > 1 else ''} that was given"

    def integers(self, d: int) -> tuple[bool, ...]:
        return integer_axes(self.mixture.components)

    @property
    def alternative(self) -> str:
        laws = self.mixture.components
        return ",".join(factor.name for factor in laws.factors) if isinstance(laws, Product) else laws.name

    def check(self, x: Float[np.ndarray, "n d"]) -> None:
        if not np.isfinite(self.mixture.log_density(x)).all():
            raise InputError("the mixture that was given has no mass at some of the rows: they are no draws of it")

    def most(self, x: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> Most:
        return Most(float(self.mixture.log_density(x).sum()))


@dataclass(frozen=True, eq=False)
class GaussianMixtures:
    """All Gaussian mixtures, of any number of components, whose covariances are above a floor."""

    floor: Floor

    @property
    def words(self) -> str:
        return f"a Gaussian mixture of any number of components, {self.floor.words}"

    def integers(self, d: int) -> tuple[bool, ...]:
        return (False,) * d

    @property
    def alternative(self) -> str:
        return "gaussian"

    def check(self, x: Float[np.ndarray, "n d"]) -> None:
        if x.shape[1] > _MOST_DIM:
            raise UnsupportedError(
                f"all Gaussian mixtures above a floor have a bound in dimension 1 to {_MOST_DIM}, got {x.shape[1]}; "
                "test marginals: where all columns together are such a mixture, so is each"
            )
        check_spread(x, None)
        self.floor.covariance(x)

    def most(self, x: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> Most:
        """The proven bound of `mixing_bound`; infinite where the floor is a share of no spread."""
        if self.floor.share is not None and not is_spread(others):
            return Most(np.inf, why="the rows whose spread the floor is a share of vary in too few directions")
        bound = mixing_bound(x, self.floor.covariance(others)[None], gap=_GAP)
        return Most(bound.upper, bound.gap)


@dataclass(frozen=True)
class NaturalMixtures:
    """All mixtures of a family of one natural parameter, of any number of components."""

    family: str

    @property
    def words(self) -> str:
        return f"{'an' if self.family[0] in 'aeiou' else 'a'} {self.family} mixture of any number of components"

    def integers(self, d: int) -> tuple[bool, ...]:
        return (bare(self.family) in _COUNTS,) * d

    @property
    def alternative(self) -> str:
        return _WIDER[bare(self.family)]

    def check(self, x: Float[np.ndarray, "n d"]) -> None:
        law, fixed = law_of(self.family)
        law.check_points(x, fixed)

    def most(self, x: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> Most:
        """The proven bound of `natural_bound`."""
        law, fixed = law_of(self.family)
        laws: Any = law.start(x, np.full((len(x), 1), 1 / len(x)), fixed) if fixed else law
        bound = natural_bound(laws, x, gap=_GAP)
        return Most(bound.upper, bound.gap)


def bare(family: str) -> str:
    """The name of a family without what stands in brackets."""
    return family.partition("(")[0]


def integer_axes(laws: Family) -> tuple[bool, ...]:
    """Coordinates on which laws live on the integers, (d,)."""
    parts = laws.factors if isinstance(laws, Product) else (laws,)
    return tuple(part.discrete for part in parts for _ in range(part.dim))


def _gaussian_most(x: Float[np.ndarray, "n d"], *, diagonal: bool) -> float:
    """Log-likelihood of the rows under the Gaussian of their mean and covariance; infinite where that is singular."""
    n, d = x.shape
    away = x - x.mean(axis=0)
    scale = np.abs(away).max(axis=0)
    if n <= d or not scale.all():
        return float(np.inf)
    away = away / scale
    log_det = 2 * np.log(scale).sum()
    if diagonal:
        log_det += np.log((away**2).mean(axis=0)).sum()
    else:
        sign, more = np.linalg.slogdet(away.T @ away / n)
        if sign <= 0:
            return float(np.inf)
        log_det += more
    most = -n / 2 * (d * np.log(2 * np.pi) + log_det + d)
    return float(most + _ROUNDING * (abs(most) + n * d))
