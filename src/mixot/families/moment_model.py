"""What a family says of itself so that a mixture of it can be found from moments alone.

All it takes are moments that are polynomials of the parameters, ``E_theta[x^a] = p_a(theta)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.formulas.polynomial.polynomials import Polynomial
from mixot.formulas.polynomial.regions import Region


@dataclass(frozen=True)
class Parameter:
    """One number that a component has.

    Parameters
    ----------
    name : what messages and tables call it
    degree : its weighted degree: where it counts 2, as a variance does, relaxations are smaller. ``p_a`` must have
        weighted degree at most ``|a|``
    units : the power of each axis' unit in its own unit: ``(1, 0)`` for a mean along the first of two axes, ``(0, 2)``
        for a variance along the second
    shifts : the axis it moves along with, for a location; None for all else
    least : the lower end of its range: 0 for a variance or a rate; a region that reaches below it is refused
    """

    name: str
    degree: int
    units: tuple[int, ...]
    shifts: int | None = None
    least: float = -np.inf


@dataclass(frozen=True, eq=False)
class Extent:
    """Where the data are: the box that holds them (nearly, where tails are endless), their mean and covariance."""

    lower: Float[np.ndarray, " d"]
    upper: Float[np.ndarray, " d"]
    mean: Float[np.ndarray, " d"]
    cov: Float[np.ndarray, "d d"]


@dataclass(frozen=True, eq=False)
class MomentModel:
    """A family by its moments.

    Parameters
    ----------
    parameters : of one component, in their order
    moments : ``moments(theta, order)`` lists ``p_a(theta)`` for all ``|a| <= order`` in the order of
        `mixot.formulas.polynomial.moments.exponents`, theta being symbols that compute like numbers
    laws : ``laws(theta)`` is the family with these components, theta (k, p)
    region : ``region(extent)`` is the set of parameters that is searched where the user names none, a tuple of
        constraints of `mixot.formulas.polynomial.regions`
    scales : whether x times a unit has the moments of the parameters times their units; false for counts
    isotropic : whether only one unit for all axes keeps the family, as for spherical covariances
    """

    parameters: tuple[Parameter, ...]
    moments: Callable[[Sequence[Any], int], Sequence[Any]]
    laws: Callable[[np.ndarray], Any]  # a `Family`, a class that stands on this file
    region: Callable[[Extent], Region]
    scales: bool = True
    isotropic: bool = False

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return len(self.parameters[0].units)

    @property
    def names(self) -> tuple[str, ...]:
        """What the parameters are called."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Weighted degree of each parameter."""
        return tuple(parameter.degree for parameter in self.parameters)

    @property
    def moves(self) -> bool:
        """Whether the family may be shifted along every axis."""
        return {parameter.shifts for parameter in self.parameters} >= set(range(self.dim))

    @property
    def leading(self) -> tuple[int, ...]:
        """The parameters that tell components apart: the locations, or all where there are none."""
        locations = tuple(i for i, parameter in enumerate(self.parameters) if parameter.shifts is not None)
        return locations or tuple(range(len(self.parameters)))

    def factors(self, scale: Float[np.ndarray, " d"]) -> Float[np.ndarray, " p"]:
        """The unit of each parameter where axis j has the unit ``scale[j]``."""
        return (scale ** np.array([parameter.units for parameter in self.parameters])).prod(axis=1)

    def offsets(self, center: Float[np.ndarray, " d"]) -> Float[np.ndarray, " p"]:
        """The value of each parameter that is zero in coordinates with the origin ``center``."""
        return np.array([0.0 if p.shifts is None else center[p.shifts] for p in self.parameters])


Symbols = Sequence[Polynomial]
