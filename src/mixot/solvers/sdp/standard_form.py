"""A semidefinite program made ready for the solver: presolved, scaled, laid out flat; and the way back.

Blocks fall apart into the connected components of their pattern, those of one row into inequalities; components
without variables are checked and left out, as are variables that no block holds or that others replace. What is left
is ``minimise <c, y>, C + A y >= 0`` with blocks one after the other in one vector, inequalities last, in units in which
cost, constants and the columns of A are of size one: ``y = unit * column * y'``, ``F = unit * F' / (d d')`` and
``X = price * (d d') * X'``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from mixot._native import cholesky
from mixot.solvers.sdp.problem import Certificate, ConicProblem
from mixot.solvers.sdp.schur import Rows, SchurPlan
from mixot.solvers.sdp.solutions import without_constants

_DEPENDENT = 1e-13  # squared sine of the angle to the other columns below which one may be replaced by them
_RESIDUAL = 1e-11  # what is left of a column when it is replaced
_NEGATIVE = 1e-11  # a constant block may miss the cone by this share of its size


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows ``index`` of block ``block`` (of the inequalities, where that is -1) that hang together."""

    block: int
    index: np.ndarray

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
        out, end = [], 0
        for n in self.sizes[self.sizes > 1].tolist():
            start, end = end, end + n * n
            first, last = self.operator.indptr[start], self.operator.indptr[end]
            # Ties between entries are looked for in the numbers as they came, apart from the scales of columns.
            entries = Rows(
                self.operator.indptr[start : end + 1] - first,
                self.operator.indices[first:last],
                self.operator.data[first:last]
                / np.repeat(self.margin[start:end], np.diff(self.operator.indptr)[start:end]),
            )
            out.append(SchurPlan.of(entries, self.margin[start:end], n, end))
        return out

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

    def point(
        self, y: np.ndarray, multipliers: tuple[np.ndarray, ...], rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Variables and flat multipliers in the solver's units: the way back from `variables` and `multipliers`."""
        parts = [np.zeros(0)]
        for piece in self.pieces:
            if piece.block < 0:
                parts.append(rows[piece.index])
            else:
                parts.append(multipliers[piece.block][np.ix_(piece.index, piece.index)].ravel())
        return y[self.kept] / (self.unit * self.column), np.concatenate(parts) / (self.price * self.margin)


def standard_form(problem: ConicProblem) -> StandardForm | Certificate:
    """The program in standard form, or the proof that it has no answer where the presolve finds one."""
    entries = _Entries.of(problem)
    pieces, moving, place = entries.pieces()
    for piece, fixed in zip(pieces, ~moving, strict=True):
        if fixed:
            values, vectors = np.linalg.eigh(_constant(problem, piece))
            if values[0] < -_NEGATIVE * np.abs(values).max():
                return _contradiction(problem, piece, vectors[:, 0] / np.sqrt(-values[0]))
    pieces = tuple(piece for piece, moves in zip(pieces, moving, strict=True) if moves)
    present = np.bincount(entries.variable, minlength=len(problem.cost)) > 0
    free = np.flatnonzero(~present & (problem.cost != 0))
    if len(free):
        ray = np.zeros(len(problem.cost))
        ray[free[0]] = -1 / problem.cost[free[0]]
        return Certificate(ray, (), np.zeros(0), 0.0)
    off = place[0] != place[1]
    shape = sum(len(piece) ** 2 for piece in pieces), len(problem.cost)
    rows = np.concatenate([place[0], place[1][off]])
    columns, values = (np.concatenate([x, x[off]]) for x in (entries.variable, entries.value))
    operator = sparse.csr_array((values, (rows, columns)), shape=shape)
    return _scaled(problem, pieces, operator, np.flatnonzero(present))


@dataclass(frozen=True, eq=False)
class _Entries:
    """All that moves, as triplets over the rows of all blocks one after the other, then of the inequalities."""

    problem: ConicProblem
    first: np.ndarray
    variable: np.ndarray
    row: np.ndarray
    col: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, problem: ConicProblem) -> "_Entries":
        sizes = [len(block) for block in problem.blocks] + [1] * len(problem.inequality_offset)
        first = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        g = problem.inequality_matrix.tocoo()
        lines = first[len(problem.blocks) + g.row]
        parts = [(g.col.astype(np.int64), lines, lines, g.data)]
        for start, b in zip(first, problem.blocks, strict=False):
            parts.append((b.variable, b.row + start, b.col + start, b.value))
        variable, row, col, value = (np.concatenate(part) for part in zip(*parts, strict=True))
        place = (row * first[-1] + col) * max(len(problem.cost), 1) + variable
        if len(np.unique(place)) < len(place):
            place, which = np.unique(place, return_inverse=True)
            value = np.bincount(which.ravel(), value, minlength=len(place))
            place, variable = np.divmod(place, max(len(problem.cost), 1))
            row, col = np.divmod(place, first[-1])
        keep = value != 0
        return cls(problem, first, variable[keep], row[keep], col[keep], value[keep])

    def pieces(self) -> tuple[list[Piece], np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """The connected pieces, larger ones first; which of them hold variables; and where the entries go.

        These are places of each entry and of its mirror image in the flat vector of the pieces that hold variables.
        """
        blocks, rows = self.problem.blocks, self.first[-1]
        still = [(np.array(np.nonzero(b.constant)) + at) for at, b in zip(self.first, blocks, strict=False)]
        links = np.concatenate([np.stack([self.row, self.col]), *still], axis=1)
        graph = sparse.csr_array((np.ones(links.shape[1]), tuple(links)), shape=(rows, rows))
        count, label = csgraph.connected_components(graph, directed=False)
        sizes = np.bincount(label, minlength=count)
        moving = np.bincount(label[self.row], minlength=count) > 0
        order = np.lexsort((np.arange(count), sizes == 1))  # single rows last
        rank = np.argsort(order)
        by_piece = np.argsort(rank[label], kind="stable")
        sizes, moving = sizes[order], moving[order]
        inside = np.empty(rows, dtype=np.int64)
        inside[by_piece] = np.arange(rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        flat = np.cumsum(np.where(moving, sizes**2, 0))
        start, size = (flat - sizes**2)[rank[label[self.row]]], sizes[rank[label[self.row]]]
        i, j = inside[self.row], inside[self.col]
        owner = np.searchsorted(self.first, by_piece, side="right") - 1
        pieces, at = [], 0
        for n in sizes.tolist():
            members, block = by_piece[at : at + n], int(owner[at])
            line = block >= len(blocks)
            offset = self.first[len(blocks) if line else block]
            pieces.append(Piece(-1 if line else block, members - offset))
            at += n
        return pieces, moving, (start + i * size + j, start + j * size + i)


def _constant(problem: ConicProblem, piece: Piece) -> np.ndarray:
    if piece.block < 0:
        return problem.inequality_offset[piece.index][:, None]
    return problem.blocks[piece.block].constant[np.ix_(piece.index, piece.index)]


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
            return Certificate(ray, (), np.zeros(0), without_constants(problem).violation(ray))
        keep = np.setdiff1d(np.arange(len(kept)), drop[usable])
        kept, column, scaled = kept[keep], column[keep], sparse.csr_array(scaled[:, keep])
    constant = margin * np.concatenate([np.zeros(0), *(_constant(problem, piece).ravel() for piece in pieces)])
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
    _, variables = _shape(operator)
    rows = np.split(np.arange(sizes.sum()), np.cumsum(sizes)[:-1])
    left = np.concatenate([np.zeros(0, np.int64), *(np.repeat(r, len(r)) for r in rows)])
    right = np.concatenate([np.zeros(0, np.int64), *(np.tile(r, len(r)) for r in rows)])
    at = np.repeat(np.arange(len(left)), np.diff(operator.indptr))
    squares, column = operator.data**2, np.ones(variables)
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
    if cholesky(gram, np.ascontiguousarray(floors)) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.diag(gram) > 1e90)


def _null_vectors(operator: sparse.csr_array, drop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each column to drop a vector (m,) that A maps to zero, one there; and whether it really does."""
    _, variables = _shape(operator)
    base = np.setdiff1d(np.arange(variables), drop)
    dense = operator[:, base].toarray()
    rays = np.zeros((len(drop), variables))
    rays[np.arange(len(drop)), drop] = 1.0
    weights = np.linalg.lstsq(dense, operator[:, drop].toarray(), rcond=None)[0]
    rays[:, base] = -weights.T
    left = np.abs(operator @ rays.T).max(axis=0, initial=0.0)
    return rays, left <= _RESIDUAL * np.abs(rays).max(axis=1)


def _shape(matrix: sparse.csr_array) -> tuple[int, int]:
    rows, columns = matrix.shape or (0, 0)
    return int(rows), int(columns)
