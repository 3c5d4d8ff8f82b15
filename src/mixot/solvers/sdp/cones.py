"""Conic programs as modelling languages write them, brought to the form of `ConicProblem` and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import qr, solve_triangular

from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.solvers.sdp.problem import Block, ConicProblem, SDPSolution

_RANK = 1e-11  # of the diagonal of R, relative to its largest: below it, a row of the equations follows from the others
_FREE = 1e-9  # by how much equations may disagree, relative, and still have a solution
_DUST = 1e-14  # entries of the substitution below it, relative, are rounding


@dataclass(frozen=True, eq=False)
class ConeProgram:
    """Minimise ``<c, x>`` where ``b - A x`` lies in a product of cones, and its equations substituted.

    Rows of A come in the order zero, not negative, positive semidefinite: ``zero`` rows are equations, ``nonneg`` rows
    are not negative, and then each matrix of n rows in ``psd`` has n n rows, of which the symmetric part counts. The
    equations are solved for as many variables as they determine, which a QR factorisation with pivoting chooses; what
    is left is ``problem``, in the others. Dense in the equations: for programs of up to some thousand variables.

    Parameters
    ----------
    c : (v,)
    matrix : (r, v), dense or SciPy sparse
    b : (r,)
    zero, nonneg : numbers of rows
    psd : numbers of rows of each matrix

    Raises
    ------
    InputError
        Where the rows of A are not as many as the cones have.

    Examples
    --------
    The least x1 where x1 + x2 = 1 and x1, x2 are not negative:

    >>> from mixot import SDP
    >>> A = [[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    >>> program = ConeProgram(np.array([1.0, 0.0]), A, np.array([1.0, 0.0, 0.0]), zero=1, nonneg=2)
    >>> found = SDP().solve(program.problem)
    >>> program.primal(found).round(6).tolist(), program.duals(found).round(6).tolist()
    ([0.0, 1.0], [0.0, 1.0, 0.0])
    """

    c: Float[np.ndarray, " v"]
    matrix: sparse.csr_array
    b: Float[np.ndarray, " r"]
    zero: int
    psd: tuple[int, ...]
    problem: ConicProblem
    solvable: bool
    free: Int[np.ndarray, " f"]
    bound: Int[np.ndarray, " e"]
    particular: Float[np.ndarray, " e"]
    slope: sparse.csr_array
    factors: tuple[np.ndarray, np.ndarray]

    def __init__(
        self,
        c: Float[np.ndarray, " v"],
        matrix: Any,
        b: Float[np.ndarray, " r"],
        *,
        zero: int = 0,
        nonneg: int = 0,
        psd: Sequence[int] = (),
    ) -> None:
        a, sizes = sparse.csr_array(matrix, dtype=np.float64), tuple(int(n) for n in psd)
        rows = zero + nonneg + sum(n * n for n in sizes)
        if a.shape != (rows, len(c)) or len(b) != rows:
            raise InputError(f"the cones have {rows} rows, got a matrix of shape {a.shape} and {len(b)} entries of b")
        factored: Any = qr(a[:zero].toarray(), mode="economic", pivoting=True)
        q, r, order = factored
        size = np.abs(np.diagonal(r))
        rank = int((size > _RANK * size.max(initial=0.0)).sum())
        q, r, bound, free = q[:, :rank], r[:rank], order[:rank], order[rank:]
        solved = solve_triangular(r[:, :rank], np.column_stack([r[:, rank:], q.T @ b[:zero]])) if rank else r
        slope, particular = (solved[:, :-1], solved[:, -1]) if rank else (np.zeros((0, len(free))), np.zeros(0))
        slope = np.where(np.abs(slope) > _DUST * np.abs(slope).max(initial=0.0), slope, 0.0)
        missed = np.abs(b[:zero] - sparse.csr_array(a[:zero])[:, bound] @ particular).max(initial=0.0)
        made = {
            "c": np.asarray(c, dtype=np.float64),
            "matrix": a,
            "b": np.asarray(b, dtype=np.float64),
            "zero": zero,
            "psd": sizes,
            "solvable": bool(missed <= _FREE * (1 + np.abs(b[:zero]).max(initial=0.0))),
            "free": free.astype(np.int64),
            "bound": bound.astype(np.int64),
            "particular": particular,
            "slope": sparse.csr_array(slope),
            "factors": (q, r[:, :rank]),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "problem", self._substituted(nonneg))

    def primal(self, found: SDPSolution) -> Float[np.ndarray, " v"]:
        """All variables, (v,)."""
        x = np.empty(len(self.c))
        x[self.free] = found.y
        x[self.bound] = self.particular - self.slope @ found.y
        return x

    def duals(self, found: SDPSolution) -> Float[np.ndarray, " r"]:
        """Multipliers z of all rows, (r,), in the dual cones, with ``A' z + c = 0``."""
        cones = np.concatenate([found.inequality_multipliers, *(x.ravel() for x in found.multipliers)])
        rest = -(self.c + self.matrix[self.zero :].T @ cones)[self.bound]
        q, r = self.factors
        equations = q @ solve_triangular(r.T, rest, lower=True) if len(rest) else np.zeros(self.zero)
        return np.concatenate([equations, cones])

    def _substituted(self, nonneg: int) -> ConicProblem:
        """The program in its free variables y: ``x_bound = particular - slope y``."""
        a, b = self.matrix[self.zero :], self.b[self.zero :]
        inner = sparse.csr_array(a[:, self.bound] @ self.slope - a[:, self.free])
        constant = b - a[:, self.bound] @ self.particular
        cost = self.c[self.free] - self.slope.T @ self.c[self.bound]
        blocks, at = [], nonneg
        for n in self.psd:
            blocks.append(_block(inner[at : at + n * n], constant[at : at + n * n].reshape(n, n)))
            at += n * n
        offset = float(self.c[self.bound] @ self.particular)
        return ConicProblem(cost, blocks, offset, inner[:nonneg], constant[:nonneg])


def _block(rows: Any, constant: Float[np.ndarray, "n n"]) -> Block:
    """A matrix that is affine in y, from the rows of all its entries, sparse; its symmetric part."""
    n, entries = len(constant), rows.tocoo()
    i, j = np.divmod(entries.row, n)
    share = np.where(i == j, entries.data, entries.data / 2)  # the upper entry and the lower one, half of each
    where = np.minimum(i, j) * n + np.maximum(i, j)
    variables = len(entries.col) and int(entries.col.max()) + 1
    joined = sparse.coo_array((share, (where, entries.col)), shape=(n * n, variables)).tocsr().tocoo()
    return Block((constant + constant.T) / 2, joined.col, joined.row // n, joined.row % n, joined.data)
