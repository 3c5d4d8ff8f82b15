"""What every component law is: parameters, a density, draws and moments.

What else it may be asked is in `mixot.families.roles`. A file of a family starts from here: `Family`, `register`, and
`AffineCoupling` where its maps are affine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.couplings import AffineCoupling, Coupling
from mixot.families.registry import lookup, register, registered
from mixot.families.roles import missing
from mixot.families.whitening import Whitening

__all__ = ["AffineCoupling", "Coupling", "Family", "Whitening", "common", "lookup", "register", "registered"]

F = TypeVar("F", bound="Family")


class Family(ABC):
    """k laws of one kind on R^dim. A subclass is a frozen dataclass whose fields are its parameters, axis 0 is k."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension of the space."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of components, k."""

    @property
    def discrete(self) -> bool:
        """Whether ``log_prob`` is, along some coordinate, the mass of an atom and not a density."""
        return False

    @abstractmethod
    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density of every component at every point, (n, d) -> (n, k), in nats."""

    @abstractmethod
    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        """One draw from component ``labels[i]`` for each i, (n,) -> (n, d)."""

    @abstractmethod
    def mean(self) -> Float[np.ndarray, "k d"]:
        """Means of the components."""

    @abstractmethod
    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Covariances of the components."""

    @abstractmethod
    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments up to ``order``; columns in the order of `mixot.formulas.polynomial.moments.exponents`."""

    @classmethod
    @abstractmethod
    def example(cls: type[F], rng: np.random.Generator, k: int) -> F:
        """Random components for the law tests."""

    def rank(self) -> Int[np.ndarray, " k"]:
        """Dimension of each component's support; below ``dim`` it has no density."""
        return np.full(len(self), self.dim)

    def widen(self) -> Family:
        """The same laws in the widest family that contains this one (itself, unless it says otherwise)."""
        return self

    # What numbers stand for; of most families for themselves.

    @property
    def euclidean(self) -> bool:
        """Whether W2 stands on |x - y|^2, and so on moments; elsewhere on `squared_distances`."""
        return True

    def squared_distances(self, x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """The squared distances that W2 stands on, point by point: |x - y|^2, unless codes stand for levels."""
        return ((x - y) ** 2).sum(axis=1)

    @property
    def level_names(self) -> dict[int, tuple[str, ...]]:
        """Names of the levels that a coordinate's whole numbers stand for, by coordinate; none of numbers."""
        return {}

    def with_level_names(self, names: Mapping[int, Sequence[str]]) -> Family:
        """The same laws, levels of the coordinates called so."""
        return self

    def in_level_order(self, names: Mapping[int, Sequence[str]]) -> Family:
        """The same laws, levels coded in the order of ``names``, by coordinate; levels without names stay."""
        return self

    if not TYPE_CHECKING:  # a type checker is to tell of attributes that nobody has

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name)

    # What a fit wants to know of the parameters and the support; these answers suit most families.

    holdable: ClassVar[tuple[str, ...]] = ()  # parameters that a fit can hold at a value of the user's

    # Parameters that move slowly under EM, and the scale on which it may be extrapolated: "log" or "logit".
    links: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def check_fixed(cls, fixed: Collection[str]) -> None:
        """Raise an `InputError` on names of parameters that a fit of this family cannot hold."""
        strange = sorted(set(fixed) - set(cls.holdable))
        if strange:
            allowed = ", ".join(cls.holdable) or "nothing"
            raise InputError(f"a fit of the {cls.name} family can hold {allowed} fixed, got {', '.join(strange)}")

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        """Raise an `InputError` that names the rows where this family can have no mass; all may, unless it says so."""
        return

    @classmethod
    def features(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> Float[np.ndarray, "n e"]:
        """Coordinates in which points that are alike lie close, for the k-means that a fit may start from."""
        return x

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        """Number of real parameters that a fit is free to choose, for information criteria."""
        return sum(value.size for name, value in self.parameters().items() if name not in fixed)

    def fit_notes(self) -> tuple[str, ...]:
        """What a person should know about fitted parameters, such as one that came to rest at a bound."""
        return ()

    def mixture_notes(self) -> tuple[str, ...]:
        """What to know of a fitted mixture of all these components on its own; a product's factors are not asked."""
        return ()

    def factor_parameters(self, fixed: Collection[str] = ()) -> int:
        """The same as `free_parameters`, for one factor of a product: where other columns tell components apart."""
        return self.free_parameters(fixed)

    # What every family gets for free from being a dataclass of arrays.

    def parameters(self) -> dict[str, np.ndarray]:
        """Arrays that define the components, by field name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_parameters(cls: type[F], parameters: Mapping[str, np.ndarray]) -> F:
        """The components that `parameters` describes; its inverse."""
        expected = sorted(f.name for f in fields(cls))  # type: ignore[arg-type]
        if sorted(parameters) != expected:
            raise InputError(f"components of the {cls.name} family are {expected}, got {sorted(parameters)}")
        return cls(**parameters)

    def take(self: F, index: Int[np.ndarray, " j"]) -> F:
        """Components ``index``, in that order."""
        return self.from_parameters({name: np.asarray(value)[index] for name, value in self.parameters().items()})

    def append(self: F, other: Any) -> F:
        """The components here, then those of ``other``, which must be of the same family and dimension."""
        if type(other) is not type(self) or other.dim != self.dim:
            raise InputError(
                f"only components of one family and dimension can be joined, got {self.name} in dimension {self.dim} "
                f"and {other.name} in dimension {other.dim}"
            )
        theirs = other.parameters()
        joined = {name: np.concatenate([value, theirs[name]]) for name, value in self.parameters().items()}
        return self.from_parameters(joined)


def common(p: Family, q: Family) -> tuple[Family, Family]:
    """Both in one family, widened if need be; `InputError` on dimension, `UnsupportedError` on family."""
    if p.dim != q.dim:
        raise InputError(f"p and q must live in the same space, got dimension {p.dim} and {q.dim}")
    if type(p) is type(q):
        return p, q
    wide_p, wide_q = p.widen(), q.widen()
    if type(wide_p) is not type(wide_q):
        raise UnsupportedError(
            f"no transport between mixtures of the families {p.name} and {q.name}; "
            "fit both with one family, or sample both and compare the samples"
        )
    return wide_p, wide_q
