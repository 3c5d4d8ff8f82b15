"""What a component law must know to be fitted, compared and moved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np

from mixot._shapes import Bool, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.moment_model import MomentModel
from mixot.families.registry import lookup as lookup
from mixot.families.registry import register as register
from mixot.families.registry import registered as registered

F = TypeVar("F", bound="Family")


@runtime_checkable
class Coupling(Protocol):
    """Optimal couplings of s pairs of components, each told as the law of y given x.

    What a family answers when a map is asked for. `AffineCoupling` serves the families whose maps are affine,
    `mixot.families.line.couplings` the others.
    """

    def __len__(self) -> int:
        """Return the number of pairs, s."""
        ...

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        """Whether x determines y, pair by pair."""
        ...

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        """Mean of y given x under one pair: the optimal map itself wherever ``is_map``, (n, d) -> (n, d)."""
        ...

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        """One draw of y for each x under one pair; its law is the target's where x has the source's."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class AffineCoupling:
    """Optimal couplings of s pairs of components whose conditional laws are affine Gaussian.

    Given x, ``y ~ N(linear[s] @ x + shift[s], noise[s])``. Where ``noise`` is zero the coupling is a map.
    """

    linear: Float[np.ndarray, "s d d"]
    shift: Float[np.ndarray, "s d"]
    noise: Float[np.ndarray, "s d d"]

    def __len__(self) -> int:
        return len(self.shift)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.logical_not(self.noise.any(axis=(1, 2)))

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        return x @ self.linear[pair].T + self.shift[pair]

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        y = self.map(x, pair)
        if self.noise[pair].any():
            lam, q = np.linalg.eigh(self.noise[pair])
            y += rng.standard_normal(y.shape) @ (q * np.sqrt(np.clip(lam, 0.0, None))).T
        return y


@dataclass(frozen=True, eq=False, slots=True)
class Whitening:
    """k log-densities ``log_norm[k] - |whiten[k] (x - mean[k])|^2 / 2``, ``whiten`` lower triangular."""

    mean: Float[np.ndarray, "k d"]
    whiten: Float[np.ndarray, "k d d"]
    log_norm: Float[np.ndarray, " k"]


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

    # What transport asks for; ``other`` is of the same family. A family without a formula inherits the refusal.

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """Squared W2 between every component here and every component of ``other`` (same family)."""
        raise self._lacks("cost", "closed-form W2 cost")

    def between(self: F, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> F:
        """Points at time t of the W2 geodesics from component ``rows[s]`` here to ``cols[s]`` of ``other``."""
        raise self._lacks("between", "closed-form geodesics")

    def coupling(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Optimal couplings of the pairs ``(rows[s], cols[s])``, each as the law of y given x."""
        raise self._lacks("coupling", "closed-form transport maps")

    # What optimal mixture transport asks for besides (`mixot.solvers.entropic.omt`); ``eps`` is positive.

    def entropic_cost(self, other: Any, eps: float) -> Float[np.ndarray, "k l"]:
        """``min_g E|x - y|^2 + eps KL(g | p_k x q_l)`` over couplings g of every pair of components."""
        raise self._lacks("entropic_cost", "entropic cost")

    def entropic_coupling(
        self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> Coupling:
        """The couplings g of the pairs ``(rows[s], cols[s])`` that attain `entropic_cost`."""
        raise self._lacks("entropic_coupling", "entropic couplings")

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)`` between every component here and every component of ``other``, in nats; may be infinite."""
        raise self._lacks("divergence", "closed-form KL divergence")

    def barycenter(
        self: F, others: Sequence[Any], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[F, Float[np.ndarray, " s"]]:
        """W2 barycenters of s tuples of components, and what each of them costs.

        Tuple s takes component ``index[s, 0]`` of this family and ``index[s, j]`` of ``others[j - 1]``; ``weights``
        are positive and sum to one. Component s of the answer minimises ``sum_j weights[j] W2^2(., component j)``,
        and the second array holds that minimum.
        """
        raise self._lacks("barycenter", "closed-form barycenters")

    def marginal(self: F, axes: Sequence[int]) -> F:
        """Laws of the coordinates ``axes``."""
        raise self._lacks("marginal", "closed-form marginals")

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Family:
        """Laws of ``matrix @ x + shift``; a family that leaves itself may return a wider one."""
        raise self._lacks("affine", "closed-form affine images")

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        """P(X <= x) under every component, for families on the line (a mixture asks only where ``dim`` is 1)."""
        raise self._lacks("cdf", "closed-form distribution function")

    def rank(self) -> Int[np.ndarray, " k"]:
        """Dimension of each component's support; below ``dim`` it has no density."""
        return np.full(len(self), self.dim)

    def whitening(self) -> Whitening | None:
        """The log-densities as whitened squares, which the compiled loops take; None where they have no such form."""
        return None

    def widen(self) -> Family:
        """The same laws in the widest family that contains this one (itself, unless it says otherwise)."""
        return self

    # What maximum likelihood asks for (`mixot.fitting.likelihood.family_em`). ``shares[i, k]`` is the weight of point
    # i times the responsibility of component k for it. Parameters named in ``fixed`` keep their value.

    holdable: ClassVar[tuple[str, ...]] = ()  # parameters that a fit can hold at a value of the user's

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
    def start(
        cls: type[F], x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> F:
        """Components that suit the points each has a share of; where EM sets out."""
        raise UnsupportedError(f"the {cls.name} family has no start for EM")

    def m_step(
        self: F, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> F:
        """The components after these that raise the likelihood of the points, weighted by their shares."""
        raise UnsupportedError(f"the {self.name} family has no step for EM")

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        """Number of real parameters that a fit is free to choose, for information criteria."""
        return sum(value.size for name, value in self.parameters().items() if name not in fixed)

    def fit_notes(self) -> tuple[str, ...]:
        """What a person should know about fitted parameters, such as one that came to rest at a bound."""
        return ()

    # What finding a mixture from its moments asks for (`mixot.fitting.moments.moment_sos`).

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The family by its moments, which must be polynomials of the parameters.

        ``structure`` is that of covariances, parameters in ``fixed`` keep the value given there, and where
        ``weighted`` is false all parameters have degree 1, as in the published relaxations.
        """
        have = [name for name, f in registered().items() if "moment_model" in vars(f)]
        raise UnsupportedError(
            f"the {cls.name} family does not say its moments as polynomials of its parameters; "
            f"families that do: {', '.join(have)}"
        )

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

    def _lacks(self, method: str, what: str) -> UnsupportedError:
        have = [name for name, f in registered().items() if getattr(f, method) is not getattr(Family, method)]
        return UnsupportedError(f"the {self.name} family has no {what}; families that do: {', '.join(have)}")


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
