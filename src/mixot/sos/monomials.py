"""Bases of polynomials in several variables, their products, and the changes between them.

A basis is a product of one-dimensional ones, ``b_a(x) = prod_i b_{a_i}(x_i)``, a an exponent; its members are ordered
by weighted degree. Products of two members are rows of a sparse matrix over the members, which is all that a moment
matrix is made from: ``M[a, b] = sum_c product[(a, b), c] y_c``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import chebyshev
from scipy import sparse

from mixot._shapes import Float, Int


@lru_cache(maxsize=256)
def graded(degrees: tuple[int, ...], order: int) -> Int[np.ndarray, "s p"]:
    """Exponents of weighted degree ``sum_i a_i degrees[i] <= order``, by that degree, then x_1 before x_p.

    With all degrees one this is the order of `mixot.formulas.polynomial.moments.exponents`.

    Examples
    --------
    >>> graded((1, 2), 2).tolist()
    [[0, 0], [1, 0], [2, 0], [0, 1]]
    """
    rows = np.zeros((1, 0), dtype=np.int64)
    used = np.zeros(1, dtype=np.int64)
    for degree in degrees:
        counts = (order - used) // degree + 1
        parent = np.repeat(np.arange(len(rows)), counts)
        power = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.column_stack([rows[parent], power])
        used = used[parent] + degree * power
    out = rows[np.lexsort([*(-rows.T[::-1]), used])]
    out.setflags(write=False)
    return out


@dataclass(frozen=True, eq=False)
class Axis:
    """Polynomials b_0 .. b_n of one variable, b_j of degree j: rows of ``to_powers`` are their coefficients."""

    kind: str
    to_powers: Float[np.ndarray, "j j"]

    @cached_property
    def from_powers(self) -> Float[np.ndarray, "j j"]:
        """Powers in this basis, one a row."""
        return (
            np.linalg.solve(self.to_powers.T, np.eye(len(self.to_powers))).T
            if self.kind != "monomial"
            else (self.to_powers)
        )

    @cached_property
    def products(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Terms of ``b_i b_j = sum_k value b_k`` for i + j <= n: first (n + 1)^2, count, k and value."""
        size = len(self.to_powers)
        table = np.zeros((size, size, size))
        if self.kind == "monomial":
            i, j = np.nonzero(np.add.outer(np.arange(size), np.arange(size)) < size)
            table[i, j, i + j] = 1.0
        elif self.kind == "chebyshev":
            i, j = np.nonzero(np.add.outer(np.arange(size), np.arange(size)) < size)
            np.add.at(table, (i, j, i + j), 0.5)
            np.add.at(table, (i, j, np.abs(i - j)), 0.5)
        else:
            for i in range(size):
                for j in range(size - i):
                    product = np.convolve(self.to_powers[i, : i + 1], self.to_powers[j, : j + 1])
                    table[i, j] = product @ self.from_powers[: i + j + 1]
            table[np.abs(table) < 1e-13 * np.abs(table).max(axis=2, keepdims=True)] = 0.0
        i, j, k = np.nonzero(table)
        count = np.bincount(i * size + j, minlength=size * size)
        return np.cumsum(count) - count, count, k, table[i, j, k]

    def values(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n j"]:
        """The polynomials at n points."""
        degree = len(self.to_powers) - 1
        if self.kind == "chebyshev":
            return chebyshev.chebvander(x, degree)
        return np.vander(x, degree + 1, increasing=True) @ self.to_powers.T

    def slopes(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n j"]:
        """Their derivatives at n points."""
        size = len(self.to_powers)
        of_powers = np.diag(np.arange(1.0, size), -1) @ self.from_powers  # j t^(j - 1) in these polynomials
        return self.values(x) @ of_powers.T @ self.to_powers.T

    def peaks(self) -> Float[np.ndarray, " j"]:
        """Bounds of ``|b_j|`` on [-1, 1]."""
        degree = len(self.to_powers) - 1
        if self.kind in ("monomial", "chebyshev"):
            return np.ones(degree + 1)
        to_chebyshev = np.linalg.solve(chebyshev_axis(degree).to_powers.T, self.to_powers.T)
        return np.abs(to_chebyshev).sum(axis=0)  # |T_j| <= 1

    def shifted(self, shift: float, factor: float) -> Float[np.ndarray, "j j"]:
        """Powers of ``shift + factor t`` in the polynomials of t, one a row."""
        size = len(self.to_powers)
        out = np.zeros((size, size))
        out[0, 0] = 1.0
        for k in range(1, size):
            out[k] = shift * out[k - 1]
            out[k, 1:] += factor * out[k - 1, :-1]
        return out @ self.from_powers


@lru_cache(maxsize=64)
def monomial_axis(degree: int) -> Axis:
    """1, t, t^2, ..."""
    return Axis("monomial", np.eye(degree + 1))


@lru_cache(maxsize=64)
def chebyshev_axis(degree: int) -> Axis:
    """Chebyshev polynomials, which on [-1, 1] stay between -1 and 1."""
    rows = np.zeros((degree + 1, degree + 1))
    for j in range(degree + 1):
        powers = chebyshev.cheb2poly(np.eye(degree + 1)[j])
        rows[j, : len(powers)] = powers
    return Axis("chebyshev", rows)


def orthonormal_axis(moments: Float[np.ndarray, " m"], degree: int) -> Axis:
    """Polynomials orthonormal for a law on the line, from its Chebyshev moments up to at least ``2 degree``.

    Above the degree that the moments determine (m - 1 >= 2 j) they are continued with Chebyshev polynomials.
    """
    base = chebyshev_axis(max(degree, len(moments) - 1))
    known = min(degree, (len(moments) - 1) // 2)
    i, j = np.meshgrid(np.arange(known + 1), np.arange(known + 1), indexing="ij")
    gram = (moments[i + j] + moments[np.abs(i - j)]) / 2
    lam = np.linalg.eigvalsh(gram)
    gram = gram + max(0.0, 1e-10 * lam[-1] - lam[0]) * np.eye(known + 1)  # a law of few atoms has no more polynomials
    # Above the degree that the moments determine, the Chebyshev polynomials themselves.
    rows = np.eye(degree + 1)
    rows[: known + 1, : known + 1] = np.linalg.inv(np.linalg.cholesky(gram))
    return Axis("orthonormal", rows @ base.to_powers[: degree + 1, : degree + 1])


@dataclass(frozen=True, eq=False)
class Basis:
    """Products of one-dimensional polynomials up to a weighted degree.

    Parameters
    ----------
    degrees : weighted degree of each variable
    order : the largest weighted degree
    axes : the polynomials of each variable, of degree ``order // degrees[i]`` at least
    """

    degrees: tuple[int, ...]
    order: int
    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return len(self.exponents)

    @property
    def exponents(self) -> Int[np.ndarray, "s p"]:
        """Exponents of the members, (s, p)."""
        return graded(self.degrees, self.order)

    def size(self, order: int) -> int:
        """How many members have at most this weighted degree; they come first."""
        return len(graded(self.degrees, order)) if order >= 0 else 0

    @cached_property
    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        codes = self._code(self.exponents)
        places = np.argsort(codes)
        return codes[places], places

    def _code(self, exponents: np.ndarray) -> np.ndarray:
        return exponents @ (self.order + 1) ** np.arange(len(self.degrees), dtype=np.int64)

    def find(self, exponents: Int[np.ndarray, "n p"]) -> Int[np.ndarray, " n"]:
        """Places of exponents in the basis."""
        return self._places(self._code(exponents))

    def _places(self, codes: np.ndarray) -> np.ndarray:
        known, places = self._codes
        return places[np.searchsorted(known, codes)]

    def products(self, left: Int[np.ndarray, "n p"], right: Int[np.ndarray, "n p"]) -> sparse.csr_array:
        """Products of n pairs of members as combinations of members, (n, s)."""
        n = len(left)
        rows, codes, values = np.arange(n), np.zeros(n, dtype=np.int64), np.ones(n)
        for i, axis in enumerate(self.axes):
            first, count, terms, factors = axis.products
            pair = left[rows, i] * len(axis.to_powers) + right[rows, i]
            counts = count[pair]
            parent = np.repeat(np.arange(len(rows)), counts)
            at = first[pair[parent]] + np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts)
            rows, values = rows[parent], values[parent] * factors[at]
            codes = codes[parent] + terms[at] * (self.order + 1) ** i
        return sparse.csr_array((values, (rows, self._places(codes))), shape=(n, len(self)))

    def multiplication(self, polynomial: Float[np.ndarray, " s"], order: int) -> sparse.csr_array:
        """Members up to weighted degree ``order`` times a polynomial, (size(order), s)."""
        terms = np.flatnonzero(polynomial)
        count = self.size(order)
        left = np.repeat(self.exponents[:count], len(terms), axis=0)
        right = np.tile(self.exponents[terms], (count, 1))
        combine = sparse.csr_array(
            (np.tile(polynomial[terms], count), np.arange(count * len(terms)), np.arange(count + 1) * len(terms)),
            shape=(count, count * len(terms)),
        )
        return combine @ self.products(left, right)

    def pairs(self, order: int) -> Pairs:
        """The upper triangle of the matrix of products of all members up to weighted degree ``order``."""
        count = self.size(order)
        rows, cols = np.triu_indices(count)
        return Pairs(count, rows, cols, self.products(self.exponents[rows], self.exponents[cols]))

    def change(self, axes: tuple[np.ndarray, ...]) -> Float[np.ndarray, "s s"]:
        """The matrix with entries ``prod_i axes[i][a_i, b_i]``, for exponents a and b of the basis."""
        powers = self.exponents
        out = np.ones((len(powers), len(powers)))
        for i, table in enumerate(axes):
            out *= table[powers[:, None, i], powers[None, :, i]]
        return out

    def to_monomials(self) -> Float[np.ndarray, "s s"]:
        """Members in monomials, one a row."""
        return self.change(tuple(axis.to_powers for axis in self.axes))

    def from_monomials(self) -> Float[np.ndarray, "s s"]:
        """Monomials in members, one a row."""
        return self.change(tuple(axis.from_powers for axis in self.axes))

    def values(self, points: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n s"]:
        """The members at n points."""
        out = np.ones((len(points), len(self)))
        for i, axis in enumerate(self.axes):
            out *= axis.values(points[:, i])[:, self.exponents[:, i]]
        return out

    def gradients(self, points: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n p s"]:
        """Derivatives of the members by each variable at n points."""
        values = [axis.values(points[:, i])[:, self.exponents[:, i]] for i, axis in enumerate(self.axes)]
        slopes = [axis.slopes(points[:, i])[:, self.exponents[:, i]] for i, axis in enumerate(self.axes)]
        each = [np.prod([slopes[j] if j == i else v for j, v in enumerate(values)], axis=0) for i in range(len(values))]
        return np.stack(each, axis=1)

    def peaks(self) -> Float[np.ndarray, " s"]:
        """Bounds of the members' absolute values on the box [-1, 1]^p."""
        out = np.ones(len(self))
        for i, axis in enumerate(self.axes):
            out *= axis.peaks()[self.exponents[:, i]]
        return out


@dataclass(frozen=True, eq=False)
class Pairs:
    """Upper triangle of a matrix of products: entry ``(rows[e], cols[e])`` is the combination ``products[e]``."""

    size: int
    rows: Int[np.ndarray, " e"]
    cols: Int[np.ndarray, " e"]
    products: sparse.csr_array


def basis_of(kind: str | tuple[str, ...], degrees: tuple[int, ...], order: int) -> Basis:
    """The basis of "monomial" or "chebyshev" polynomials, or of a kind for each variable; kept between calls."""
    kinds = (kind,) * len(degrees) if isinstance(kind, str) else kind
    return _basis_of(kinds, degrees, order)


@lru_cache(maxsize=64)
def _basis_of(kinds: tuple[str, ...], degrees: tuple[int, ...], order: int) -> Basis:
    make = {"monomial": monomial_axis, "chebyshev": chebyshev_axis}
    return Basis(
        degrees, order, tuple(make[kind](order // degree) for kind, degree in zip(kinds, degrees, strict=True))
    )


@lru_cache(maxsize=64)
def pairs_of(basis: Basis, order: int) -> Pairs:
    """`Basis.pairs`, kept between calls for the bases that `basis_of` keeps."""
    return basis.pairs(order)
