"""Moment sequences that are affine in the unknowns, and the matrices that are made from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mixot._shapes import Float
from mixot.formulas.polynomial.polynomials import Polynomial, coefficients
from mixot.formulas.polynomial.regions import PolynomialMatrix
from mixot.solvers.sdp.problem import Block
from mixot.sos.monomials import Basis, Pairs, basis_of, pairs_of
from mixot.sos.target import moment_matrix

_ROUNDING = 1e-14  # coefficients this far below the largest of their row come from rounding


@dataclass(frozen=True, eq=False)
class MomentSequence:
    """``L(b_s) = constant[s] + matrix[s] @ y`` for the members b_s of a basis: moments, affine in the unknowns y."""

    basis: Basis
    constant: Float[np.ndarray, " s"]
    matrix: sparse.csr_array

    @classmethod
    def unknown(cls, basis: Basis, first: int, variables: int, *, mass: float | None = None) -> MomentSequence:
        """Moments that are unknowns themselves, from number ``first`` on; a given ``mass`` is none."""
        size, known = len(basis), 0 if mass is None else 1
        rows = np.arange(known, size)
        matrix = sparse.csr_array((np.ones(len(rows)), (rows, first + rows - known)), shape=(size, variables))
        return cls(basis, np.append(0.0 if mass is None else mass, np.zeros(size - 1)), matrix)

    @classmethod
    def known(cls, basis: Basis, values: Float[np.ndarray, " s"], variables: int) -> MomentSequence:
        """Moments that are given."""
        return cls(basis, values, sparse.csr_array((len(basis), variables)))

    def through(self, basis: Basis, table: Float[np.ndarray, "a s"]) -> MomentSequence:
        """The sequence ``table @ self`` over the members of ``basis``."""
        rows = sparse.csr_array(
            np.where(np.abs(table) > _ROUNDING * np.abs(table).max(axis=1, keepdims=True), table, 0.0)
        )
        return MomentSequence(basis, rows @ self.constant, sparse.csr_array(rows @ self.matrix))

    def __sub__(self, other: MomentSequence) -> MomentSequence:
        return MomentSequence(self.basis, self.constant - other.constant, sparse.csr_array(self.matrix - other.matrix))

    def __add__(self, other: MomentSequence) -> MomentSequence:
        return MomentSequence(self.basis, self.constant + other.constant, sparse.csr_array(self.matrix + other.matrix))

    def of(self, polynomial: Float[np.ndarray, " s"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """``L(polynomial)`` as a constant and coefficients of the unknowns."""
        return float(polynomial @ self.constant), polynomial @ self.matrix

    def block(self, order: int) -> Block:
        """The moment matrix ``L(b_i b_j)`` over all members up to weighted degree ``order``."""
        pairs = pairs_of(self.basis, order)
        return _block(pairs, pairs.products @ self.constant, pairs.products @ self.matrix)

    def localizing(self, matrix: list[list[np.ndarray]], order: int) -> Block:
        """The localising matrix ``L(g_kl b_i b_j)``, rows (i, k) and columns (j, l), of a symmetric matrix g.

        Entries of g are vectors over the basis; it is scaled so that its diagonal is of size one.
        """
        size = len(matrix)
        norms = np.sqrt([max(np.abs(matrix[k][k]).max(), np.finfo(float).tiny) for k in range(size)])
        pairs = pairs_of(basis_like(self.basis, 2 * order), order)
        constant = np.zeros((pairs.size * size, pairs.size * size))
        triplets: list[tuple[np.ndarray, ...]] = []
        for k in range(size):
            for m in range(k, size):
                times = self.basis.multiplication(matrix[k][m] / (norms[k] * norms[m]), 2 * order)
                rule = pairs.products @ times
                values, entries = rule @ self.constant, sparse.coo_array(rule @ self.matrix)
                for a, b in ((k, m),) if k == m else ((k, m), (m, k)):
                    rows, cols = pairs.rows * size + a, pairs.cols * size + b
                    keep = rows <= cols  # on the diagonal (i, i) the two halves are one
                    constant[rows[keep], cols[keep]] = values[keep]
                    mine = keep[entries.row]
                    triplets.append(
                        (entries.col[mine], rows[entries.row[mine]], cols[entries.row[mine]], entries.data[mine])
                    )
        constant = np.triu(constant) + np.triu(constant, 1).T
        return Block(constant, *(np.concatenate(part) for part in zip(*triplets, strict=True)))


def _block(pairs: Pairs, values: np.ndarray, matrix: sparse.csr_array) -> Block:
    entries = sparse.coo_array(matrix)
    return Block(
        moment_matrix(values, pairs.size), entries.col, pairs.rows[entries.row], pairs.cols[entries.row], entries.data
    )


def basis_like(basis: Basis, order: int) -> Basis:
    """The members of a basis up to a lower weighted degree."""
    kinds = tuple(axis.kind for axis in basis.axes)
    if set(kinds) <= {"monomial", "chebyshev"}:
        return basis_of(kinds, basis.degrees, order)
    return Basis(basis.degrees, order, basis.axes)


def in_basis(polynomial: Polynomial | float, basis: Basis) -> Float[np.ndarray, " s"]:
    """A polynomial as a vector over the members of a basis."""
    degree = polynomial.degree(basis.degrees) if isinstance(polynomial, Polynomial) else 0
    part = Basis(basis.degrees, degree, basis.axes)
    out = np.zeros(len(basis))
    out[: len(part)] = coefficients([polynomial], part.exponents)[0] @ part.from_monomials()
    return out


def matrix_in_basis(matrix: PolynomialMatrix, basis: Basis) -> tuple[list[list[np.ndarray]], int]:
    """A matrix of polynomials as vectors over the members of a basis, and its largest weighted degree."""
    degree = max(entry.degree(basis.degrees) for row in matrix for entry in row)
    return [[in_basis(entry, basis) for entry in row] for row in matrix], degree
