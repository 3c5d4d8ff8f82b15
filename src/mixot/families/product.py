"""Products of independent laws: each factor speaks for its own coordinates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, common, register
from mixot.families.couplings import Coupling, ProductCoupling
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.families.line.exponential import Exponential
from mixot.families.registry import lookup
from mixot.families.roles import (
    Affine,
    Averaged,
    Climbing,
    Compared,
    Coupled,
    Divergent,
    EntropicallyCompared,
    EntropicallyCoupled,
    Interpolated,
    OnTheLine,
    Projected,
    Started,
    require,
)
from mixot.formulas.polynomial.moments import exponents


@register("product")
@dataclass(frozen=True, eq=False)
class Product(Family):
    """k laws whose coordinates, or blocks of them, are independent: component i is the product of all factors' i-th.

    Squared distances add over coordinates, so everything of transport does: costs add, and maps, geodesics and
    barycenters act factor by factor. A product has what all its factors have.

    Parameters
    ----------
    factors : families with the same number k of components, most often laws on the line, in the order of coordinates

    Raises
    ------
    InputError
        Where there is no factor, one is no family, or the numbers of components differ.

    Examples
    --------
    >>> from mixot.families.line.gamma import Gamma
    >>> from mixot.families.line.poisson import Poisson
    >>> waits_and_counts = Product((Gamma([2.0, 3.0], [1.0, 1.0]), Poisson([4.0, 1.0])))
    >>> waits_and_counts.dim, waits_and_counts.mean().tolist()
    (2, [[2.0, 4.0], [3.0, 1.0]])
    """

    factors: tuple[Family, ...]

    def __init__(self, factors: Sequence[Any]) -> None:
        parts = tuple(factors)
        strange = [type(part).__name__ for part in parts if not isinstance(part, Family)]
        if strange or not parts:
            raise InputError(f"factors must be one or more families such as Poisson(rates), got {strange or 'none'}")
        if len({len(part) for part in parts}) != 1:
            raise InputError(f"factors must have the same number of components, got {[len(part) for part in parts]}")
        object.__setattr__(self, "factors", parts)

    def __len__(self) -> int:
        return len(self.factors[0])

    @property
    def dim(self) -> int:
        return sum(self.dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of coordinates of each factor."""
        return tuple(part.dim for part in self.factors)

    @property
    def discrete(self) -> bool:
        return any(part.discrete for part in self.factors)

    @property
    def euclidean(self) -> bool:
        return all(part.euclidean for part in self.factors)

    def squared_distances(self, x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Sum of the factors' squared distances."""
        return np.sum([part.squared_distances(x[:, block], y[:, block]) for part, block in self._blocks()], axis=0)

    @property
    def level_names(self) -> dict[int, tuple[str, ...]]:
        return {block.start + at: names for part, block in self._blocks() for at, names in part.level_names.items()}

    def with_level_names(self, names: Mapping[int, Sequence[str]]) -> Product:
        return Product([part.with_level_names(_within(names, block)) for part, block in self._blocks()])

    def in_level_order(self, names: Mapping[int, Sequence[str]]) -> Product:
        return Product([part.in_level_order(_within(names, block)) for part, block in self._blocks()])

    def parameters(self) -> dict[str, np.ndarray]:
        """Parameters of the factors, named ``"<place>.<family>.<parameter>"``."""
        return {
            f"{place}.{part.name}.{name}": value
            for place, part in enumerate(self.factors)
            for name, value in part.parameters().items()
        }

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, np.ndarray]) -> Product:
        """The components that `parameters` describes; its inverse."""
        owned: dict[tuple[int, str], dict[str, np.ndarray]] = {}
        for key, value in parameters.items():
            place, family, name = [*key.split(".", 2), "", ""][:3]
            if not (place.isdigit() and name):
                raise InputError(f'parameters of a product are named like "0.gamma.shapes", got {key!r}')
            owned.setdefault((int(place), family), {})[name] = value
        return cls([lookup(family).from_parameters(owned[place, family]) for place, family in sorted(owned)])

    def take(self, index: Int[np.ndarray, " j"]) -> Product:
        return Product([part.take(index) for part in self.factors])  # by factors, which keep the names of their levels

    def append(self, other: Any) -> Product:
        """The components here, then those of ``other``, whose factors must be of the same families."""
        return Product([mine.append(theirs) for mine, theirs in self._pairs(other)])

    def mean(self) -> Float[np.ndarray, "k d"]:
        return np.hstack([part.mean() for part in self.factors])

    def cov(self) -> Float[np.ndarray, "k d d"]:
        out = np.zeros((len(self), self.dim, self.dim))
        for part, block in self._blocks():
            out[:, block, block] = part.cov()
        return out

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments up to ``order``: products of the factors' moments; columns in the order of ``exponents``."""
        powers = exponents(self.dim, order)
        out = np.ones((len(self), len(powers)))
        for part, block in self._blocks():
            column = {tuple(power): s for s, power in enumerate(exponents(part.dim, order).tolist())}
            out *= part.moments(order)[:, [column[tuple(power)] for power in powers[:, block].tolist()]]
        return out

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        return require(self.factors[0], OnTheLine).cdf(x)  # on the line there is one factor

    def rank(self) -> Int[np.ndarray, " k"]:
        return np.sum([part.rank() for part in self.factors], axis=0)

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Sum of the factors' log-densities (log-masses where a factor is discrete), (n, d) -> (n, k)."""
        return np.sum([part.log_prob(x[:, block]) for part, block in self._blocks()], axis=0)

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return np.hstack([part.sample(labels, rng) for part in self.factors])

    def marginal(self, axes: Sequence[int]) -> Product:
        """Laws of the coordinates ``axes``; those of one factor must stand next to each other."""
        owner = np.repeat(np.arange(len(self.factors)), self.dims).tolist()
        first = np.cumsum((0, *self.dims))
        runs = [
            (place, list(run))
            for place, run in groupby(np.arange(self.dim)[list(axes)].tolist(), lambda axis: owner[axis])
        ]
        if len({place for place, _ in runs}) != len(runs):
            raise UnsupportedError(f"axes {list(axes)} tear a factor apart; name the axes of one factor in one go")
        return Product(
            [
                require(self.factors[place], Projected).marginal([int(axis - first[place]) for axis in run])
                for place, run in runs
            ]
        )

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Product:
        """Laws of ``matrix @ x + shift`` for a matrix whose rows each read one factor, in the order of factors."""
        reads = [np.flatnonzero((matrix[:, block] != 0).any(axis=1)) for _, block in self._blocks()]
        if not all(map(len, reads)) or np.concatenate(reads).tolist() != list(range(len(matrix))):
            raise UnsupportedError(
                "an affine image of a product is one where each row of the matrix reads a single factor, in order; "
                "transform samples of the mixture instead"
            )
        return Product(
            [
                require(part, Affine).affine(np.ascontiguousarray(matrix[rows, block]), shift[rows])
                for (part, block), rows in zip(self._blocks(), reads, strict=True)
            ]
        )

    def widen(self) -> Family:
        """A single factor as it is; all Gaussian factors as one Gaussian; else the product itself."""
        wide = [part.widen() for part in self.factors]
        if len(wide) == 1:
            return wide[0]
        return Gaussian(self.mean(), self.cov()) if all(isinstance(part, Gaussian) for part in wide) else self

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2, the sum of the factors'."""
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        return np.sum([require(mine, Compared).cost(theirs) for mine, theirs in pairs], axis=0)

    def coupling(self, other: Product, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Optimal couplings of the pairs, factor by factor."""
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        return ProductCoupling(
            tuple(require(mine, Coupled).coupling(theirs, rows, cols) for mine, theirs in pairs), self.dims
        )

    def entropic_cost(self, other: Product, eps: float) -> Float[np.ndarray, "k l"]:
        """Entropic costs add: the best coupling of products is the product of the best couplings."""
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        return np.sum(
            [require(mine, EntropicallyCompared).entropic_cost(theirs, eps) for mine, theirs in pairs], axis=0
        )

    def entropic_coupling(
        self, other: Product, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> Coupling:
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        parts = (require(m, EntropicallyCoupled).entropic_coupling(t, rows, cols, eps) for m, t in pairs)
        return ProductCoupling(tuple(parts), self.dims)

    def divergence(self, other: Product) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)``, the sum of the factors'."""
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        return np.sum([require(mine, Divergent).divergence(theirs) for mine, theirs in pairs], axis=0)

    def between(self, other: Product, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Product:
        """Geodesics, factor by factor."""
        pairs = [common(mine, theirs) for mine, theirs in self._pairs(other)]
        return Product([require(mine, Interpolated).between(theirs, rows, cols, t) for mine, theirs in pairs])

    def barycenter(
        self, others: Sequence[Product], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Product, Float[np.ndarray, " s"]]:
        """Barycenters, factor by factor; costs add."""
        theirs = [[part for _, part in self._pairs(other)] for other in others]
        found = [
            require(part, Averaged).barycenter([parts[place] for parts in theirs], index, weights)
            for place, part in enumerate(self.factors)
        ]
        return Product([center for center, _ in found]), np.sum([cost for _, cost in found], axis=0)

    @classmethod
    def check_fixed(cls, fixed: Collection[str]) -> None:
        names = dict.fromkeys(fixed)
        families = cls._families(fixed if isinstance(fixed, Mapping) else {})
        for place, family in enumerate(families):
            family.check_fixed(_own(names, place))
        places = tuple(f"{place}." for place in range(len(families)))
        strange = [name for name in names if name != "factors" and not name.startswith(places)]
        if strange:
            raise InputError(f'what is fixed of a product is named by column, "0.shapes", got {", ".join(strange)}')

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        families = cls._families(fixed)
        if len(families) != x.shape[1]:
            raise InputError(f"a product of {len(families)} laws on the line is no law in dimension {x.shape[1]}")
        for place, family in enumerate(families):
            try:
                family.check_points(x[:, [place]], _own(fixed, place))
            except InputError as error:
                raise InputError(f"column {place}: {error}") from None

    @classmethod
    def features(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> Float[np.ndarray, "n e"]:
        families = cls._families(fixed)
        return np.hstack([law.features(x[:, [at]], _own(fixed, at)) for at, law in enumerate(families)])

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Product:
        families = cls._families(fixed)
        return cls(
            [
                require(family, Started).start(x[:, [place]], shares, _own(fixed, place))
                for place, family in enumerate(families)
            ]
        )

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Product:
        """One step of each factor on its own coordinates, with the shares they have in common."""
        owned = dict.fromkeys(fixed)
        return Product(
            [
                require(part, Climbing).m_step(np.ascontiguousarray(x[:, block]), shares, _own(owned, place))
                for place, (part, block) in enumerate(self._blocks())
            ]
        )

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        owned = dict.fromkeys(fixed)
        return sum(part.factor_parameters(_own(owned, place)) for place, part in enumerate(self.factors))

    def fit_notes(self) -> tuple[str, ...]:
        return tuple(f"column {place}: {note}" for place, part in enumerate(self.factors) for note in part.fit_notes())

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Product:
        line = DiagonalGaussian(2 * rng.standard_normal((k, 1)), rng.uniform(0.2, 2.0, size=(k, 1)))
        return cls((Exponential.example(rng, k), line, Exponential.example(rng, k)))

    def _blocks(self) -> Iterator[tuple[Family, slice]]:
        """Each factor with its coordinates."""
        start = 0
        for part in self.factors:
            yield part, slice(start, start + part.dim)
            start += part.dim

    def _pairs(self, other: Any) -> list[tuple[Family, Family]]:
        if other.dims != self.dims:
            raise InputError(f"products must have the same blocks of coordinates, got {self.dims} and {other.dims}")
        return list(zip(self.factors, other.factors, strict=True))

    @classmethod
    def _families(cls, fixed: Mapping[str, Any]) -> list[type[Family]]:
        if not fixed.get("factors"):
            raise InputError(
                'a fit of a product must know its factors; name them in the order of columns, family="gamma,poisson"'
            )
        # In a single column a Gaussian law is a diagonal one, whose M step stands on a column's own shares.
        names = [name.strip() for name in fixed["factors"]]
        return [lookup("diagonal" if name == "gaussian" else name) for name in names]


def _within(names: Mapping[int, Sequence[str]], block: slice) -> dict[int, Sequence[str]]:
    """What is said of the coordinates of one factor, counted from its first."""
    return {at - block.start: each for at, each in names.items() if block.start <= at < block.stop}


def _own(fixed: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What is fixed of the factor at ``place``: keys ``"<place>.<parameter>"``."""
    prefix = f"{place}."
    return {key.removeprefix(prefix): value for key, value in fixed.items() if key.startswith(prefix)}
