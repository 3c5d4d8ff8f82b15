"""Semidefinite programs in block form: the problem, and an answer with its certificate.

Primal: minimise ``offset + <cost, y>`` over y in R^m such that every block ``F_j(y) = C_j + sum_a y_a A_ja`` is
positive semidefinite and ``G y + g >= 0``. Its dual: maximise ``offset - sum_j <C_j, X_j> - <g, x>`` over positive
semidefinite X_j and ``x >= 0`` such that ``sum_j <A_ja, X_j> + (G' x)_a = cost_a``. Moment relaxations have this form
after their equalities are substituted: y holds the free moments, the blocks are moment and localising matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mixot._checks import as_floats, check_finite
from mixot._shapes import ArrayLike, Float, Int
from mixot.errors import InputError
from mixot.results import Status


@dataclass(frozen=True, eq=False)
class Block:
    """A symmetric matrix that is affine in y, ``F(y) = constant + sum_a y_a A_a``, and must be positive semidefinite.

    The A_a are given as triplets of their upper triangles: ``A_a[row, col] = A_a[col, row] = value`` where
    ``variable`` is a; triplets at the same place add up.

    Parameters
    ----------
    constant : (n, n)
        Symmetric.
    variable, row, col : (t,)
        Whole numbers, ``row <= col``.
    value : (t,)

    Raises
    ------
    InputError
        On NaN or infinity, indices out of range, entries below the diagonal, a constant that is not symmetric.

    Examples
    --------
    ``[[1, y], [y, 1]]`` is positive semidefinite for ``-1 <= y <= 1``:

    >>> block = Block(np.eye(2), [0], [0], [1], [1.0])
    >>> block.at(np.array([0.5]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """

    constant: Float[np.ndarray, "n n"]
    variable: Int[np.ndarray, " t"]
    row: Int[np.ndarray, " t"]
    col: Int[np.ndarray, " t"]
    value: Float[np.ndarray, " t"]

    def __init__(
        self, constant: ArrayLike, variable: ArrayLike, row: ArrayLike, col: ArrayLike, value: ArrayLike
    ) -> None:
        matrix, entries = as_floats(constant, "constant"), as_floats(value, "value")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"constant must be a square matrix, got shape {matrix.shape}")
        check_finite(matrix, "constant", "rows")
        if np.abs(matrix - matrix.T).max(initial=0.0) > 1e-12 * np.abs(matrix).max(initial=0.0):
            raise InputError(
                "constant must be symmetric; pass (constant + constant.T) / 2 if the difference is rounding"
            )
        where = {name: _as_index(at, name) for name, at in (("variable", variable), ("row", row), ("col", col))}
        shapes = {entries.shape, *(at.shape for at in where.values())}
        if len(shapes) != 1 or entries.ndim != 1:
            raise InputError(f"variable, row, col and value must be vectors of one length, got shapes {sorted(shapes)}")
        check_finite(entries, "value", "entries")
        rows, cols = where["row"], where["col"]
        if len(entries) and (min(rows.min(), where["variable"].min()) < 0 or cols.max() >= len(matrix)):
            raise InputError(f"row and col must lie in 0 .. {len(matrix) - 1}, and variable must not be negative")
        if (rows > cols).any():
            raise InputError("only the upper triangle is given (row <= col); swap row and col, and do not list both")
        object.__setattr__(self, "constant", (matrix + matrix.T) / 2)
        object.__setattr__(self, "value", entries)
        for name, at in where.items():
            object.__setattr__(self, name, at)

    def __len__(self) -> int:
        return len(self.constant)

    def operator(self, variables: int) -> sparse.csr_array:
        """The linear part as a sparse (n n, variables) matrix: ``operator @ y`` is ``F(y) - constant``, flattened."""
        n, off = len(self), self.row != self.col
        places = np.concatenate([self.row * n + self.col, (self.col * n + self.row)[off]])
        columns = np.concatenate([self.variable, self.variable[off]])
        values = np.concatenate([self.value, self.value[off]])
        return sparse.csr_array((values, (places, columns)), shape=(n * n, variables))

    def at(self, y: Float[np.ndarray, " m"]) -> Float[np.ndarray, "n n"]:
        """The matrix ``F(y)``."""
        n = len(self)
        upper = np.bincount(self.row * n + self.col, self.value * y[self.variable], minlength=n * n).reshape(n, n)
        return self.constant + upper + np.triu(upper, 1).T


@dataclass(frozen=True, eq=False)
class ConicProblem:
    """Minimise ``offset + <cost, y>`` where every block is positive semidefinite and ``G y + g >= 0``.

    Parameters
    ----------
    cost : (m,)
    blocks : sequence of `Block`
    offset : float
    inequality_matrix : (p, m), optional
        G, dense or SciPy sparse.
    inequality_offset : (p,), optional
        g

    Examples
    --------
    The smallest y for which ``[[1, y], [y, 1]]`` is positive semidefinite:

    >>> from mixot import SDP
    >>> problem = ConicProblem([1.0], [Block(np.eye(2), [0], [0], [1], [1.0])])
    >>> round(SDP().solve(problem).objective, 6)
    -1.0
    """

    cost: Float[np.ndarray, " m"]
    blocks: tuple[Block, ...]
    offset: float
    inequality_matrix: sparse.csr_array
    inequality_offset: Float[np.ndarray, " p"]

    def __init__(
        self,
        cost: ArrayLike,
        blocks: Sequence[Block],
        offset: float = 0.0,
        inequality_matrix: ArrayLike | sparse.csr_array | None = None,
        inequality_offset: ArrayLike | None = None,
    ) -> None:
        costs = as_floats(cost, "cost")
        if costs.ndim != 1:
            raise InputError(f"cost must be a vector, got shape {costs.shape}")
        check_finite(costs, "cost", "variables")
        if not np.isfinite(offset):
            raise InputError(f"offset must be finite, got {offset}")
        for j, block in enumerate(blocks):
            if len(block.variable) and block.variable.max() >= len(costs):
                raise InputError(
                    f"block {j} has variable {block.variable.max()}, but cost has only {len(costs)} entries"
                )
        matrix, right = _inequalities(inequality_matrix, inequality_offset, len(costs))
        object.__setattr__(self, "cost", costs)
        object.__setattr__(self, "blocks", tuple(blocks))
        object.__setattr__(self, "offset", float(offset))
        object.__setattr__(self, "inequality_matrix", matrix)
        object.__setattr__(self, "inequality_offset", right)

    def adjoint(
        self, multipliers: Sequence[Float[np.ndarray, "_ _"]], inequality_multipliers: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, " m"]:
        """``(sum_j <A_ja, X_j> + (G' x)_a)_a``: what equals the cost where the multipliers are dual feasible."""
        out = self.inequality_matrix.T @ inequality_multipliers
        for block, x in zip(self.blocks, multipliers, strict=True):
            products = block.value * (x[block.row, block.col] + x[block.col, block.row])
            products[block.row == block.col] *= 0.5
            out = out + np.bincount(block.variable, products, minlength=len(self.cost))
        return out

    def dual_value(
        self, multipliers: Sequence[Float[np.ndarray, "_ _"]], inequality_multipliers: Float[np.ndarray, " p"]
    ) -> float:
        """``offset - sum_j <C_j, X_j> - <g, x>``, a lower bound where the multipliers are dual feasible."""
        inner = sum(float((block.constant * x).sum()) for block, x in zip(self.blocks, multipliers, strict=True))
        return self.offset - inner - float(self.inequality_offset @ inequality_multipliers)

    def violation(self, y: Float[np.ndarray, " m"]) -> float:
        """By how much y leaves the cones: minus the least eigenvalue or slack, or 0."""
        slack = self.inequality_matrix @ y + self.inequality_offset
        lowest = [np.linalg.eigvalsh(block.at(y))[0] for block in self.blocks if len(block)]
        return max(0.0, -float(min([*lowest, *slack], default=0.0)))


@dataclass(frozen=True, eq=False, slots=True)
class Certificate:
    """Proof that a problem has no answer.

    Of infeasibility: positive semidefinite ``multipliers`` (and ``inequality_multipliers >= 0``) with
    ``sum_j <C_j, X_j> + <g, x> = -1`` and ``adjoint = 0``, since then ``0 <= sum_j <F_j(y), X_j> = -1`` for any
    feasible y. Of unboundedness: a ``ray`` with ``<cost, ray> = -1`` along which no block leaves its cone. ``error``
    is by how much the equation (largest entry of the adjoint) or the cones (least eigenvalue) are missed.
    """

    ray: Float[np.ndarray, " m"] | None
    multipliers: tuple[Float[np.ndarray, "_ _"], ...]
    inequality_multipliers: Float[np.ndarray, " p"]
    error: float


@dataclass(frozen=True, eq=False, slots=True)
class SDPSolution:
    """A point, its multipliers, and how well they fit together.

    ``primal_infeasibility`` is how far y is outside the cones (minus the least eigenvalue or slack, relative to one
    plus the largest entry of the constants), ``dual_infeasibility`` the largest entry of ``cost - adjoint`` relative
    to one plus that of the cost, ``condition`` an estimate for the last Schur matrix. ``certificate`` is the proof
    where the problem has no answer; the objectives are then both ``inf`` (infeasible) or ``-inf`` (unbounded). The
    dual objective is a bound up to rounding only: `mixot.solvers.sdp.dual_bound.lower_bound` proves one.
    """

    y: Float[np.ndarray, " m"]
    objective: float
    dual_objective: float
    multipliers: tuple[Float[np.ndarray, "_ _"], ...]
    inequality_multipliers: Float[np.ndarray, " p"]
    primal_infeasibility: float
    dual_infeasibility: float
    status: Status
    iterations: int
    condition: float = 1.0
    certificate: Certificate | None = None

    @property
    def gap(self) -> float:
        """``objective - dual_objective``; infinite where the problem has no answer."""
        return self.objective - self.dual_objective if np.isfinite(self.objective) else float("inf")

    @property
    def relative_gap(self) -> float:
        """``|gap|`` relative to one plus the larger of the two objectives in size."""
        return (
            abs(self.gap) / (1 + max(abs(self.objective), abs(self.dual_objective))) if np.isfinite(self.gap) else 1.0
        )


def _as_index(value: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(value)
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers, got an array of {array.dtype}")
    return array.astype(np.int64)


def _inequalities(
    matrix: ArrayLike | sparse.csr_array | None, offset: ArrayLike | None, variables: int
) -> tuple[sparse.csr_array, np.ndarray]:
    if matrix is None:
        matrix = np.zeros((0, variables))
    g = sparse.csr_array(
        matrix if sparse.issparse(matrix) else as_floats(matrix, "inequality_matrix"), dtype=np.float64
    )
    shape = tuple(np.asarray(g.shape).tolist())
    right = np.zeros(shape[0]) if offset is None else as_floats(offset, "inequality_offset")
    if len(shape) != 2 or shape[1] != variables or right.shape != shape[:1]:
        raise InputError(
            f"inequality_matrix must be (p, {variables}) and inequality_offset (p,), got {shape} and {right.shape}"
        )
    check_finite(g.data, "inequality_matrix", "entries")
    check_finite(right, "inequality_offset", "rows")
    return g, right
