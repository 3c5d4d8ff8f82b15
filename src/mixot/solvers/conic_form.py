"""A semidefinite program made ready for the solver: presolved, scaled, laid out flat; and the way back.

Blocks fall apart into the connected components of their pattern, those of one row into inequalities; components
without variables are checked and left out, as are variables that no block holds or that others replace. What is left
is ``minimise <c, y>, C + A y >= 0`` with blocks one after the other in one vector, inequalities last, in units in which
cost, constants and the columns of A are of size one: ``y = unit * column * y'``, ``F = unit * F' / (d d')`` and
``X = price * (d d') * X'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from mixot import _native
from mixot.solvers.conic import Certificate, ConicProblem
from mixot.solvers.outcome import cones_only
from mixot.solvers.schur import SchurPlan

_DEPENDENT = 1e-13  # squared sine of the angle to the other columns below which one may be replaced by them
_RESIDUAL = 1e-11  # what is left of a column when it is replaced
_NEGATIVE = 1e-11  # a constant block may miss the cone by this share of its size


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows ``index`` of block ``block`` (of the inequalities, where that is -1) that hang together."""

    block: int
    index: np.ndarray
    constant: np.ndarray
    operator: sparse.csr_array

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, eq=False)
class StandardForm:
    """The program in the solver's units, and what leads back.

    ``sizes`` (K,) of the pieces; ``constant`` (f,) and ``operator`` (f, m) flat; ``adjoint`` its transpose; ``kept``
    the variables that are left; ``column`` (m,), ``margin`` (f,) the products d d', ``unit`` and ``price`` the scales.
    """

    problem: ConicProblem
    pieces: tuple[Piece, ...]
    sizes: np.ndarray
    constant: np.ndarray
    operator: sparse.csr_array
    adjoint: sparse.csr_array
    cost: np.ndarray
    kept: np.ndarray
    column: np.ndarray
    margin: np.ndarray
    unit: float
    price: float

    def plans(self) -> list[SchurPlan]:
        """How the Schur matrix is summed up, for each piece with more than one row."""
        ends = np.cumsum(self.sizes**2)
        return [
            SchurPlan.of(piece.operator[:, self.kept], self.column, self.margin[end - n * n : end], int(n), int(end))
            for piece, n, end in zip(self.pieces, self.sizes, ends, strict=True)
            if n > 1
        ]

    def variables(self, y: np.ndarray) -> np.ndarray:
        """All variables in the user's units; what the presolve left out is zero."""
        out = np.zeros(len(self.problem.cost))
        out[self.kept] = self.unit * self.column * y
        return out

    def multipliers(self, z: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Multipliers of the user's blocks and inequalities; zero where the presolve left rows out."""
        blocks = [np.zeros(block.constant.shape) for block in self.problem.blocks]
        rows = np.zeros(len(self.problem.inequality_offset))
        end = 0
        scaled = self.price * self.margin * z
        for piece in self.pieces:
            start, end = end, end + len(piece) ** 2
            part = scaled[start:end].reshape(len(piece), len(piece))
            if piece.block < 0:
                rows[piece.index] = part[0]
            else:
                blocks[piece.block][np.ix_(piece.index, piece.index)] = part
        return tuple(blocks), rows


def standard_form(problem: ConicProblem) -> StandardForm | Certificate:
    """The program in standard form, or the proof that it has no answer where the presolve finds one."""
    pieces = [*_block_pieces(problem), *_inequality_pieces(problem)]
    fixed = [piece for piece in pieces if piece.operator.nnz == 0]
    for piece in fixed:
        values, vectors = np.linalg.eigh(piece.constant)
        if values[0] < -_NEGATIVE * np.abs(piece.constant).max():
            return _contradiction(problem, piece, vectors[:, 0] / np.sqrt(-values[0]))
    pieces = sorted((piece for piece in pieces if piece.operator.nnz), key=lambda piece: len(piece) == 1)
    operator = _stack([piece.operator for piece in pieces], len(problem.cost))
    present = np.bincount(operator.indices, minlength=len(problem.cost)) > 0
    free = np.flatnonzero(~present & (problem.cost != 0))
    if len(free):
        ray = np.zeros(len(problem.cost))
        ray[free[0]] = -1 / problem.cost[free[0]]
        return Certificate(ray, (), np.zeros(0), 0.0)
    return _scaled(problem, tuple(pieces), operator, np.flatnonzero(present))


def _block_pieces(problem: ConicProblem) -> list[Piece]:
    out = []
    for j, block in enumerate(problem.blocks):
        n = len(block)
        operator = block.operator(len(problem.cost))
        operator.sum_duplicates()
        operator.eliminate_zeros()
        linked = (np.diff(operator.indptr) > 0).reshape(n, n) | (block.constant != 0)
        count, labels = csgraph.connected_components(sparse.csr_array(linked), directed=False)
        for label in range(count):
            index = np.flatnonzero(labels == label)
            places = (index[:, None] * n + index).ravel()
            part = operator if len(index) == n else operator[places]
            out.append(Piece(j, index, block.constant[np.ix_(index, index)], part))
    return out


def _inequality_pieces(problem: ConicProblem) -> list[Piece]:
    matrix = sparse.csr_array(problem.inequality_matrix)
    matrix.eliminate_zeros()
    return [
        Piece(-1, np.array([r]), np.array([[value]]), matrix[[r]]) for r, value in enumerate(problem.inequality_offset)
    ]


def _contradiction(problem: ConicProblem, piece: Piece, vector: np.ndarray) -> Certificate:
    """A constant block with ``v' C v = -1``."""
    blocks = [np.zeros(block.constant.shape) for block in problem.blocks]
    rows = np.zeros(len(problem.inequality_offset))
    if piece.block < 0:
        rows[piece.index] = vector**2
    else:
        blocks[piece.block][np.ix_(piece.index, piece.index)] = np.outer(vector, vector)
    return Certificate(None, tuple(blocks), rows, 0.0)


def _scaled(
    problem: ConicProblem, pieces: tuple[Piece, ...], operator: sparse.csr_array, kept: np.ndarray
) -> StandardForm | Certificate:
    sizes = np.array([len(piece) for piece in pieces], dtype=np.int64)
    operator = operator[:, kept]
    margin, column = _equilibrate(operator, sizes)
    scaled = _rescale(operator, margin, column)
    drop = _dependent(scaled)
    if len(drop):
        rays, usable = _null_vectors(scaled, drop)
        price = column * problem.cost[kept]
        slopes = rays @ price
        size = np.abs(rays).sum(axis=1) * np.abs(price).max()
        falling = np.flatnonzero(usable & (np.abs(slopes) > 1e-9 * size))
        if len(falling):
            ray = np.zeros(len(problem.cost))
            ray[kept] = -column * rays[falling[0]] / slopes[falling[0]]
            return Certificate(ray, (), np.zeros(0), cones_only(problem).violation(ray))
        keep = np.setdiff1d(np.arange(len(kept)), drop[usable])
        kept, column, scaled = kept[keep], column[keep], sparse.csr_array(scaled[:, keep])
    constant = margin * np.concatenate([np.zeros(0), *(piece.constant.ravel() for piece in pieces)])
    cost = column * problem.cost[kept]
    unit = np.abs(constant).max(initial=0.0) or 1.0
    price = np.abs(cost).max(initial=0.0) or 1.0
    return StandardForm(
        problem,
        pieces,
        sizes,
        constant / unit,
        scaled,
        sparse.csr_array(scaled.T),
        cost / price,
        kept,
        column,
        margin,
        float(unit),
        float(price),
    )


def _rescale(operator: sparse.csr_array, margin: np.ndarray, column: np.ndarray) -> sparse.csr_array:
    out = operator.copy()
    out.data = out.data * np.repeat(margin, np.diff(out.indptr)) * column[out.indices]
    return out


def _equilibrate(operator: sparse.csr_array, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products d d' (f,) and column scales (m,) that bring rows of blocks and columns of A near size one.

    Powers of two for d, so that a scaled block holds the same numbers and the same ties between them.
    """
    rows = np.split(np.arange(sizes.sum()), np.cumsum(sizes)[:-1])
    left = np.concatenate([np.zeros(0, np.int64), *(np.repeat(r, len(r)) for r in rows)])
    right = np.concatenate([np.zeros(0, np.int64), *(np.tile(r, len(r)) for r in rows)])
    at = np.repeat(np.arange(operator.shape[0]), np.diff(operator.indptr))
    squares, column = operator.data**2, np.ones(operator.shape[1])
    d = np.ones(sizes.sum())
    for _ in range(4):
        weight = (d[left] * d[right])[at] ** 2 * squares
        column = 1 / np.sqrt(np.bincount(operator.indices, weight, minlength=len(column)))
        largest = np.zeros(len(d))
        np.maximum.at(largest, left[at], weight * column[operator.indices] ** 2)
        d = d / np.sqrt(np.sqrt(np.where(largest > 0, largest, 1.0)))
    d = np.exp2(np.round(np.log2(d)))
    margin = d[left] * d[right]
    weight = margin[at] ** 2 * squares
    return margin, 1 / np.sqrt(np.bincount(operator.indices, weight, minlength=len(column)))


def _dependent(operator: sparse.csr_array) -> np.ndarray:
    """Columns that the columns before them span, up to rounding."""
    gram = np.ascontiguousarray((operator.T @ operator).toarray())
    floors = _DEPENDENT * np.diag(gram)
    if _native.cholesky(gram, np.ascontiguousarray(floors)) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.diag(gram) > 1e90)


def _null_vectors(operator: sparse.csr_array, drop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each column to drop a vector (m,) that A maps to zero, one there; and whether it really does."""
    base = np.setdiff1d(np.arange(operator.shape[1]), drop)
    dense = operator[:, base].toarray()
    rays = np.zeros((len(drop), operator.shape[1]))
    rays[np.arange(len(drop)), drop] = 1.0
    weights = np.linalg.lstsq(dense, operator[:, drop].toarray(), rcond=None)[0]
    rays[:, base] = -weights.T
    left = np.abs(operator @ rays.T).max(axis=0, initial=0.0)
    return rays, left <= _RESIDUAL * np.abs(rays).max(axis=1)


def _stack(parts: Sequence[sparse.csr_array], variables: int) -> sparse.csr_array:
    return sparse.csr_array(sparse.vstack(parts)) if parts else sparse.csr_array((0, variables))
