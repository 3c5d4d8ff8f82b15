"""Sets of parameters, by polynomial inequalities.

A region is a tuple of constraints in the units of the data. Each answers with polynomial matrices that are positive
semi-definite exactly where it holds (a number is a matrix of one entry), and with a box that encloses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError
from mixot.formulas.polynomial.polynomials import Polynomial, symbols

PolynomialMatrix = list[list[Polynomial]]


@runtime_checkable
class Constraint(Protocol):
    """A closed set of parameters."""

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        """Polynomial matrices that are positive semi-definite exactly on the set.

        ``theta`` are the parameters as polynomials in whatever variables the caller works in, ``degrees`` the weighted
        degree of each.
        """
        ...

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        """Lower and upper ends of an enclosing box of ``count`` parameters; infinite where there is none."""
        ...


Region = tuple[Constraint, ...]


@dataclass(frozen=True, eq=False)
class Box:
    """Parameters between ``lower`` and ``upper``; an infinite end is no constraint.

    Examples
    --------
    >>> Box([-1.0, 0.1], [1.0, 2.0]).bounds(2).tolist()
    [[-1.0, 1.0], [0.1, 2.0]]
    """

    lower: Float[np.ndarray, " p"]
    upper: Float[np.ndarray, " p"]

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        low, high = np.atleast_1d(as_floats(lower, "lower")), np.atleast_1d(as_floats(upper, "upper"))
        if low.shape != high.shape or low.ndim != 1:
            raise InputError(f"lower and upper must be vectors of one length, got shapes {low.shape} and {high.shape}")
        bad = np.flatnonzero(~(low < high))
        if len(bad):
            raise InputError(
                f"lower must be below upper, got {low[bad[0]]:g} and {high[bad[0]]:g} for parameter {bad[0]}"
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        out: list[PolynomialMatrix] = []
        for value, degree, low, high in zip(theta, degrees, self.lower, self.upper, strict=True):
            if degree == 1 and np.isfinite([low, high]).all():
                out.append([[(value - low) * (high - value)]])  # one block of degree 2, where two of degree 1 say less
                continue
            out += [[[value - low]]] if np.isfinite(low) else []
            out += [[[high - value]]] if np.isfinite(high) else []
        return out

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        _check_count(self, len(self.lower), count)
        return np.stack([self.lower, self.upper], axis=1)


@dataclass(frozen=True, eq=False)
class Ball:
    """Parameters with ``sum_i ((theta[i] - center[i]) / radius[i])^2 <= 1``; one radius may serve all."""

    center: Float[np.ndarray, " p"]
    radius: Float[np.ndarray, " p"]

    def __init__(self, center: ArrayLike, radius: ArrayLike) -> None:
        middle = np.atleast_1d(as_floats(center, "center"))
        reach = np.broadcast_to(as_floats(radius, "radius"), middle.shape).copy()
        if not (np.isfinite(middle).all() and np.isfinite(reach).all() and (reach > 0).all()):
            raise InputError("center must be finite and radius positive and finite")
        object.__setattr__(self, "center", middle)
        object.__setattr__(self, "radius", reach)

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        terms = [((value - c) * (1 / r)) ** 2 for value, c, r in zip(theta, self.center, self.radius, strict=True)]
        return [[[_combination(terms, np.full(len(terms), -1.0), 1.0)]]]

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        _check_count(self, len(self.center), count)
        return np.stack([self.center - self.radius, self.center + self.radius], axis=1)


@dataclass(frozen=True, eq=False)
class Linear:
    """Parameters with ``matrix @ theta + offset >= 0``, row by row."""

    matrix: Float[np.ndarray, "m p"]
    offset: Float[np.ndarray, " m"]

    def __init__(self, matrix: ArrayLike, offset: ArrayLike) -> None:
        rows, shift = np.atleast_2d(as_floats(matrix, "matrix")), np.atleast_1d(as_floats(offset, "offset"))
        if shift.shape != rows.shape[:1]:
            raise InputError(f"offset must have shape {rows.shape[:1]}, one for each row, got {shift.shape}")
        if not (np.isfinite(rows).all() and np.isfinite(shift).all()):
            raise InputError("matrix and offset must be finite, got NaN or infinity")
        object.__setattr__(self, "matrix", rows)
        object.__setattr__(self, "offset", shift)

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        _check_count(self, self.matrix.shape[1], len(theta))
        return [[[_combination(theta, row, shift)]] for row, shift in zip(self.matrix, self.offset, strict=True)]

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        _check_count(self, self.matrix.shape[1], count)
        return np.tile([-np.inf, np.inf], (count, 1))


@dataclass(frozen=True, eq=False)
class Inequality:
    """Parameters with ``function(*theta) >= 0`` for a polynomial, or a symmetric matrix of them that must be PSD.

    Examples
    --------
    >>> inside = Inequality(lambda m, v: 1 - m**2 - v)
    """

    function: Any  # a function, checked below: what is none is refused in words

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputError(f"function must be a function of the parameters, got {type(self.function).__name__}")

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        value = self.function(*theta)
        if isinstance(value, Polynomial):
            return [[[value]]]
        zero = theta[0] * 0.0
        rows = [[zero + entry for entry in row] for row in value]
        if any(len(row) != len(rows) for row in rows):
            raise InputError("the function of an Inequality must return a polynomial or a square matrix of polynomials")
        return [rows]

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        return np.tile([-np.inf, np.inf], (count, 1))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Symmetric matrices between two others, ``lower <= Sigma <= upper``, whose entries are among the parameters.

    ``index[i, j]`` is the place of ``Sigma[i, j]`` among the parameters.
    """

    index: Int[np.ndarray, "d d"]
    lower: Float[np.ndarray, "d d"]
    upper: Float[np.ndarray, "d d"]

    def __init__(self, index: Any, lower: ArrayLike, upper: ArrayLike) -> None:
        places, low, high = np.asarray(index), as_floats(lower, "lower"), as_floats(upper, "upper")
        square = places.ndim == 2 and places.shape == places.T.shape == low.shape == high.shape
        if not square or not all(np.array_equal(each, each.T) for each in (places, low, high)):  # NaN equals nothing
            raise InputError("index, lower and upper must be symmetric matrices of one size, without NaN")
        if places.dtype.kind not in "iu":
            raise InputError(f"index must hold places of parameters, got an array of {places.dtype}")
        if not (np.isfinite(low).all() and np.isfinite(high).all() and np.linalg.eigvalsh(high - low)[0] > 0):
            raise InputError("lower must be below upper: upper - lower must be finite and positive definite")
        object.__setattr__(self, "index", places.astype(np.int64))
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    def matrices(self, theta: Sequence[Polynomial], degrees: Sequence[int]) -> list[PolynomialMatrix]:
        d = len(self.index)
        entry = [[theta[self.index[i, j]] for j in range(d)] for i in range(d)]
        above = [[entry[i][j] - self.lower[i, j] for j in range(d)] for i in range(d)]
        below = [[self.upper[i, j] - entry[i][j] for j in range(d)] for i in range(d)]
        return [above, below]

    def bounds(self, count: int) -> Float[np.ndarray, "p 2"]:
        out = np.tile([-np.inf, np.inf], (count, 1))
        room = np.sqrt(np.diagonal(self.upper - self.lower))
        middle, reach = (self.lower + self.upper) / 2, np.outer(room, room) / 2
        out[self.index.ravel(), 0] = (middle - reach).ravel()
        out[self.index.ravel(), 1] = (middle + reach).ravel()
        return out


def enclosing_box(region: Region, names: Sequence[str]) -> Float[np.ndarray, "p 2"]:
    """The box that all constraints together give; `InputError` names a parameter that none of them bounds."""
    each = np.stack([constraint.bounds(len(names)) for constraint in region])
    out = np.stack([each[:, :, 0].max(axis=0), each[:, :, 1].min(axis=0)], axis=1)
    for name, (low, high) in zip(names, out, strict=True):
        if not np.isfinite([low, high]).all():
            raise InputError(f"the region leaves {name} unbounded; add a Box or a Ball that bounds every parameter")
        if not low < high:
            raise InputError(f"the region is empty: {name} would have to lie between {low:g} and {high:g}")
    return out


def in_words(region: Region, names: Sequence[str]) -> str:
    """The box around a region, a parameter at a time, and the constraints that say more.

    Examples
    --------
    >>> in_words((Box([-1.0, 0.1], [1.0, 2.0]), Ball([0.0, 0.0], 2.0)), ("mean", "variance"))
    'mean in [-1, 1], variance in [0.1, 2], and Ball'
    """
    ends = zip(names, enclosing_box(region, names), strict=True)
    box = ", ".join(f"{name} in [{low:.6g}, {high:.6g}]" for name, (low, high) in ends)
    more = [type(each).__name__ for each in region if not isinstance(each, Box)]
    return ", and ".join([box, *more])


def contains(region: Region, theta: Float[np.ndarray, "n p"], degrees: Sequence[int], tol: float = 1e-6) -> np.ndarray:
    """Return whether each of n sets of parameters satisfies all constraints, (n,), up to ``tol`` of what they sum.

    Examples
    --------
    >>> contains((Box([0.0], [1.0]),), np.array([[0.5], [1.5]]), (1,)).tolist()
    [True, False]
    """
    variables, inside = symbols(theta.shape[1]), np.ones(len(theta), dtype=bool)
    for constraint in region:
        for matrix in constraint.matrices(variables, degrees):
            values = np.array([[entry(theta) for entry in row] for row in matrix])
            sizes = np.array([[_absolute(entry)(np.abs(theta)) for entry in row] for row in matrix])
            least = np.linalg.eigvalsh(np.moveaxis(values, 2, 0))[:, 0]
            inside &= least >= -tol * sizes.max(axis=(0, 1))
    return inside


def _absolute(value: Polynomial) -> Polynomial:
    return Polynomial({power: abs(coefficient) for power, coefficient in value.terms.items()})


def _combination(theta: Sequence[Polynomial], factors: np.ndarray, shift: float) -> Polynomial:
    out = theta[0] * 0.0 + shift
    for value, factor in zip(theta, factors, strict=True):
        out = out + value * factor
    return out


def _check_count(constraint: object, have: int, need: int) -> None:
    if have != need:
        raise InputError(f"{type(constraint).__name__} speaks of {have} parameters, the family has {need}")
