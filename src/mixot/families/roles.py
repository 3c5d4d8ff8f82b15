"""What a law may be asked besides its density and draws: one small protocol for each asker.

A `mixot.families.base.Family` plays a role by having its methods, and no more than that; ``cost = None`` in a subclass
takes one back. Who asks goes through `require`, which refuses by name a family that does not play the role, and names
those that do. ``other`` is always of the same family.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

import numpy as np

from mixot._shapes import Float, Int
from mixot.errors import UnsupportedError
from mixot.families.couplings import Coupling
from mixot.families.moment_model import MomentModel
from mixot.families.registry import registered
from mixot.families.whitening import Whitening

R = TypeVar("R")

# What a family without the method is said to do; a role of one's own is refused by the name of its method.
_REFUSALS = {
    "cost": "has no closed-form W2 cost",
    "between": "has no closed-form geodesics",
    "coupling": "has no closed-form transport maps",
    "entropic_cost": "has no entropic cost",
    "entropic_coupling": "has no entropic couplings",
    "divergence": "has no closed-form KL divergence",
    "barycenter": "has no closed-form barycenters",
    "marginal": "has no closed-form marginals",
    "conditional": "has no closed-form conditional laws",
    "affine": "has no closed-form affine images",
    "cdf": "has no closed-form distribution function",
    "start": "has no start for EM",
    "m_step": "has no step for EM",
    "moment_model": "does not say its moments as polynomials of its parameters",
    "log_partition": "is no exponential family of one parameter",
}


@overload
def require(family: type[Any], role: type[R]) -> Any: ...  # a class: pyright takes a protocol's methods for abstract
@overload
def require(family: Any, role: type[R]) -> R: ...
def require(family: Any, role: type[Any]) -> Any:
    """Return ``family`` itself, components or their class, which plays the role.

    Raises
    ------
    RoleError
        An `UnsupportedError` where it does not; the message names the families that do.

    Examples
    --------
    >>> from mixot import Poisson
    >>> require(Poisson([2.0]), Compared).cost(Poisson([2.0])).tolist()
    [[0.0]]
    """
    if plays(family, role):
        return family
    raise _refused(family, next(method for method in methods(role) if not _has(family, method)))


def plays(family: Any, role: type[Any]) -> bool:
    """Whether ``family``, components or their class, has every method of the role.

    Examples
    --------
    >>> from mixot import Gaussian, StudentT
    >>> plays(Gaussian, Divergent), plays(StudentT, Divergent)
    (True, False)
    """
    return all(_has(family, method) for method in methods(role))


@lru_cache
def methods(role: type[Any]) -> tuple[str, ...]:
    """Return the names of the role's methods, those of the roles that it joins included.

    Examples
    --------
    >>> methods(Moving)
    ('cost', 'between', 'coupling')
    """
    joined = (part for part in role.__mro__ if part.__module__ != Protocol.__module__ and part is not object)
    named = (item for part in joined for item in vars(part).items())
    return tuple(dict.fromkeys(name for name, value in named if name[0] != "_" and not isinstance(value, property)))


class RoleError(UnsupportedError, AttributeError):
    """A family was asked for what it has no method for."""


def missing(family: Any, name: str) -> AttributeError:
    """What to raise where components are asked for an attribute they lack: a `RoleError` if some role has it."""
    if name in _REFUSALS:
        return _refused(family, name)
    return AttributeError(f"{type(family).__name__!r} object has no attribute {name!r}", name=name, obj=family)


def _refused(family: Any, method: str) -> RoleError:
    able = ", ".join(name for name, other in registered().items() if _has(other, method))
    refusal = _REFUSALS.get(method, f"has no {method}")
    return RoleError(f"the {family.name} family {refusal}; families that do: {able}")


def _has(family: Any, method: str) -> bool:
    return callable(getattr(family if isinstance(family, type) else type(family), method, None))


# -- what transport asks ---------------------------------------------------------------------------------------------


@runtime_checkable
class Compared(Protocol):
    """Asked by `mixot.plan` and `mixot.distance`."""

    def cost(self, other: Any) -> Float[np.ndarray, "k l"]:
        """Squared W2 between every component here and every component of ``other``."""
        ...


@runtime_checkable
class Enclosed(Protocol):
    """Asked by `mixot.bounds` where some pairs have no formula for W2; a family that does not play it is `Compared`."""

    def cost_bounds(self, other: Any) -> tuple[Float[np.ndarray, "k l"], Float[np.ndarray, "k l"]]:
        """Proven bounds of squared W2 between every component here and every one of ``other``, below and above."""
        ...


@runtime_checkable
class Interpolated(Protocol):
    """Asked by `mixot.geodesic`."""

    def between(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], t: float) -> Any:
        """Points at time t of the W2 geodesics from component ``rows[s]`` here to ``cols[s]`` of ``other``."""
        ...


@runtime_checkable
class Coupled(Protocol):
    """Asked by `mixot.transport_map`."""

    def coupling(self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]) -> Coupling:
        """Optimal couplings of the pairs ``(rows[s], cols[s])``, each as the law of y given x."""
        ...


@runtime_checkable
class Moving(Compared, Interpolated, Coupled, Protocol):
    """All of W2: costs, geodesics and maps."""


@runtime_checkable
class EntropicallyCompared(Protocol):
    """Asked by `mixot.plan` for an `mixot.OMT` with ``eps > 0``."""

    def entropic_cost(self, other: Any, eps: float) -> Float[np.ndarray, "k l"]:
        """``min_g E|x - y|^2 + eps KL(g | p_k x q_l)`` over couplings g of every pair of components."""
        ...


@runtime_checkable
class EntropicallyCoupled(Protocol):
    """Asked by `mixot.transport_map` for an `mixot.OMT` with ``eps > 0``."""

    def entropic_coupling(
        self, other: Any, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> Coupling:
        """The couplings g of the pairs ``(rows[s], cols[s])`` that attain the entropic cost; eps is positive."""
        ...


@runtime_checkable
class Entropic(EntropicallyCompared, EntropicallyCoupled, Protocol):
    """All of W2 with entropy inside the pairs."""


@runtime_checkable
class Divergent(Protocol):
    """Asked by `mixot.plan` for ``OMT(cost="kl")``."""

    def divergence(self, other: Any) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l)`` between every component here and every component of ``other``, in nats; may be infinite."""
        ...


@runtime_checkable
class Averaged(Protocol):
    """Asked by `mixot.barycenter`."""

    def barycenter(
        self, others: Sequence[Any], index: Int[np.ndarray, "s j"], weights: Float[np.ndarray, " j"]
    ) -> tuple[Any, Float[np.ndarray, " s"]]:
        """W2 barycenters of s tuples of components, and what each of them costs.

        Tuple s takes component ``index[s, 0]`` of this family and ``index[s, j]`` of ``others[j - 1]``; ``weights``
        are positive and sum to one. Component s of the answer minimises ``sum_j weights[j] W2^2(., component j)``,
        and the second array holds that minimum.
        """
        ...


# -- what mixtures ask -----------------------------------------------------------------------------------------------


@runtime_checkable
class Projected(Protocol):
    """Asked by `mixot.Mixture.marginal`."""

    def marginal(self, axes: Sequence[int]) -> Any:
        """Laws of the coordinates ``axes``."""
        ...


@runtime_checkable
class Conditioned(Projected, Protocol):
    """Asked by `mixot.Mixture.conditional` and `mixot.Mixture.impute`, where some coordinates are known."""

    def conditional(
        self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"], labels: Int[np.ndarray, " n"]
    ) -> Any:
        """Laws of the other coordinates, of component ``labels[i]`` given that its coordinates ``known`` are x[i]."""
        ...

    def conditional_mean(self, known: Int[np.ndarray, " o"], x: Float[np.ndarray, "n o"]) -> Float[np.ndarray, "n k m"]:
        """Means of the other coordinates of every component, given each of the points."""
        ...


@runtime_checkable
class Affine(Protocol):
    """Asked by `mixot.Mixture.affine`."""

    def affine(self, matrix: Float[np.ndarray, "e d"], shift: Float[np.ndarray, " e"]) -> Any:
        """Laws of ``matrix @ x + shift``; a family that leaves itself may return a wider one."""
        ...


@runtime_checkable
class OnTheLine(Protocol):
    """Asked by `mixot.Mixture.cdf` and `mixot.Mixture.quantile`, where ``dim`` is 1."""

    def cdf(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        """P(X <= x) under every component."""
        ...


@runtime_checkable
class Whitened(Protocol):
    """Asked by mixtures and maps that have a compiled loop for it; a family that does not play it is no slower told."""

    def whitening(self) -> Whitening | None:
        """The log-densities as whitened squares; None where a component is singular."""
        ...


def whitening(components: Any) -> Whitening | None:
    """The log-densities as whitened squares, or None where they have no such form."""
    return components.whitening() if plays(components, Whitened) else None


@runtime_checkable
class Ranked(Protocol):
    """Asked by the couplings on the line (`mixot.families.line`): laws that know their ranks and quantiles.

    A rank u comes and goes as the pair (u, 1 - u), so that both tails keep all their digits.
    """

    @property
    def discrete(self) -> bool:
        """Whether the laws live on the integers."""
        ...

    def __len__(self) -> int:
        """Return the number of components, k."""
        ...

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-density, or log-mass, of every component at every point."""
        ...

    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Covariances of the components."""
        ...

    def take(self, index: Int[np.ndarray, " j"]) -> Any:
        """Components ``index``, in that order."""
        ...

    def tails(self, x: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """P(X <= x) and P(X > x) for component ``at``."""
        ...

    def tails_before(
        self, x: Float[np.ndarray, " n"], at: int
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """P(X < x) and P(X >= x) for component ``at``."""
        ...

    def quantile(
        self, lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"], at: int
    ) -> Float[np.ndarray, " n"]:
        """The smallest y with P(X <= y) >= lower for component ``at``; ``upper`` is 1 - lower."""
        ...


# -- what fits ask ---------------------------------------------------------------------------------------------------
# ``shares[i, k]`` is the weight of point i times the responsibility of component k for it. Parameters named in
# ``fixed`` keep their value. What else a fit wants to know, every family has an answer to: see `Family`.


@runtime_checkable
class Started(Protocol):
    """Asked by `mixot.FamilyEM` where it is given no mixture to set out from."""

    @classmethod
    def start(cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]) -> Any:
        """Components that suit the points each has a share of."""
        ...


@runtime_checkable
class Climbing(Protocol):
    """Asked by `mixot.FamilyEM` once an iteration."""

    def m_step(self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()) -> Any:
        """The components after these that raise the likelihood of the points, weighted by their shares."""
        ...


@runtime_checkable
class Fused(Protocol):
    """Asked by `mixot.FamilyEM` where one compiled pass is both steps; a family that does not play it is slower."""

    @classmethod
    def em_steps(
        cls, x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], fixed: Collection[str] = ()
    ) -> Any:
        """What takes steps over these points.

        ``step(mixing, components)`` returns the log-likelihood of a mixture and the weights and components of the M
        step after it; ``ahead(states, longest, other)`` a mixture beyond three that follow each other by plain steps,
        and how far that extrapolates, at most ``longest``; None where plain steps do as well. ``other`` asks for the
        second of its two ways, where it has them: it changes whenever one has led downhill.
        """
        ...


@runtime_checkable
class Likely(Started, Climbing, Protocol):
    """All of maximum likelihood: ``mixot.fit(x, name)``."""


@runtime_checkable
class Polynomial(Protocol):
    """Asked by `mixot.MomentSOS`."""

    @classmethod
    def moment_model(
        cls, dim: int, *, structure: str = "full", weighted: bool = True, fixed: Mapping[str, Any] | None = None
    ) -> MomentModel:
        """The family by its moments, which must be polynomials of the parameters.

        ``structure`` is that of covariances, parameters in ``fixed`` keep the value given there, and where
        ``weighted`` is false all parameters have degree 1, as in the published relaxations.
        """
        ...


@runtime_checkable
class Natural(Protocol):
    """Asked by `mixot.certify`: log-densities ``theta T(x) - A(theta) + log h(x)`` of one parameter theta.

    Asked of components, which may hold what all share, as the number of trials; class methods where nothing is held.
    """

    def statistic(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """The statistic T at each point."""
        ...

    def log_base(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """The factor log h at each point; infinite where a law may have any density."""
        ...

    def log_partition(self, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """The convex function A, whose derivative is the mean of T."""
        ...

    def natural_of_mean(self, mean: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """The theta where T has this mean; infinite where only a limit of laws has it."""
        ...

    def of_natural(self, theta: Float[np.ndarray, " k"]) -> Any:
        """The components of these natural parameters."""
        ...
