"""Polynomials in several variables: what a family writes its moments in, and an inequality its region.

They compute like numbers, so that one formula serves arrays of parameters and their symbols alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float, Int


@dataclass(frozen=True, eq=False)
class Polynomial:
    """``sum_t coefficient[t] x^exponent[t]``, as a table from exponents to coefficients.

    Polynomials are added, subtracted, multiplied and raised to whole powers, with each other and with numbers.

    Examples
    --------
    >>> m, v = symbols(2)
    >>> third = m**3 + 3 * m * v
    >>> sorted(third.terms.items())
    [((1, 1), 3.0), ((3, 0), 1.0)]
    """

    terms: Mapping[tuple[int, ...], float]

    __array_ufunc__ = None  # numpy numbers on the left leave the arithmetic to us

    def __add__(self, other: Any) -> Polynomial:
        out = dict(self.terms)
        for power, coefficient in self._lift(other).terms.items():
            out[power] = out.get(power, 0.0) + coefficient
        return Polynomial(out)

    def __mul__(self, other: Any) -> Polynomial:
        if not isinstance(other, Polynomial):
            if other == 0:  # no table of zeros is carried along
                return Polynomial({(0,) * self.variables: 0.0})
            return Polynomial({power: coefficient * float(other) for power, coefficient in self.terms.items()})
        out: dict[tuple[int, ...], float] = {}
        for a, x in self.terms.items():
            for b, y in other.terms.items():
                power = tuple(map(int.__add__, a, b))
                out[power] = out.get(power, 0.0) + x * y
        return Polynomial(out)

    def __pow__(self, n: int) -> Polynomial:
        out = self._lift(1.0)
        for _ in range(n):
            out = out * self
        return out

    def __neg__(self) -> Polynomial:
        return self * -1.0

    def __sub__(self, other: Any) -> Polynomial:
        return self + -self._lift(other)

    def __rsub__(self, other: Any) -> Polynomial:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    @property
    def variables(self) -> int:
        """Number of variables."""
        return len(next(iter(self.terms)))

    def degree(self, degrees: Sequence[int]) -> int:
        """Largest degree of a term, variable i counting ``degrees[i]``."""
        return max(
            (sum(map(int.__mul__, power, degrees)) for power, coefficient in self.terms.items() if coefficient),
            default=0,
        )

    def __call__(self, points: Float[np.ndarray, "n p"]) -> Float[np.ndarray, " n"]:
        """Values at n points."""
        powers = np.array(list(self.terms), dtype=np.int64)
        return (points[:, None, :] ** powers).prod(axis=2) @ np.array(list(self.terms.values()))

    def _lift(self, other: Any) -> Polynomial:
        return other if isinstance(other, Polynomial) else Polynomial({(0,) * self.variables: float(other)})


def symbols(count: int) -> list[Polynomial]:
    """The ``count`` variables themselves, as polynomials.

    Examples
    --------
    >>> x, y = symbols(2)
    >>> ((x + y) ** 2)(np.array([[1.0, 2.0]])).tolist()
    [9.0]
    """
    return [Polynomial({tuple(int(i == j) for j in range(count)): 1.0}) for i in range(count)]


def coefficients(polynomials: Sequence[Polynomial | float], powers: Int[np.ndarray, "s p"]) -> Float[np.ndarray, "a s"]:
    """Coefficients of a polynomials on the monomials ``powers``, one polynomial a row; a number is a constant.

    Raises `KeyError` where a polynomial has a term that ``powers`` lacks.
    """
    column = {tuple(power): s for s, power in enumerate(powers.tolist())}
    out = np.zeros((len(polynomials), len(powers)))
    for row, polynomial in zip(out, polynomials, strict=True):
        if not isinstance(polynomial, Polynomial):
            row[column[(0,) * powers.shape[1]]] = float(polynomial)
            continue
        for power, coefficient in polynomial.terms.items():
            if coefficient:
                row[column[power]] += coefficient
    return out
