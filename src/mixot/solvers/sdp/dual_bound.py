"""A lower bound on a semidefinite program that is a proof, in floating point.

For every feasible y inside the box ``low <= y <= high``, and any positive semidefinite X_j and ``x >= 0``,

    offset + <cost, y>  =  offset + <r, y> + sum_j <F_j(y) - C_j, X_j> + <G y, x>
                        >= offset - sum_j <C_j, X_j> - <g, x> + sum_a min(r_a low_a, r_a high_a),

where ``r = cost - adjoint(X, x)``: the multipliers need not satisfy the dual equations, and need not be optimal. What
is left is to know that the X_j are positive semidefinite, and to round downwards.

*Positive semidefinite.* If Cholesky's algorithm in floating point runs to its end on a symmetric A with unit roundoff
u, then ``least eigenvalue of A >= -gamma trace(A)`` with ``gamma = (n + 1) u / (1 - (n + 1) u)`` in any order of
summation (Demmel; Rump 2006, theorem 2.3). It is run on ``X - shift I`` with ``shift = 4 (n + 8) u trace(X)``: room for
that, for reciprocals in place of divisions, and for the rounding of the diagonal. Where it breaks down X is moved
towards the cone by a multiple of the identity, and the bound is that of the moved X.

*Rounding.* The terms of the bound carry at most two roundings each and are summed with one (`math.fsum`): their error
is at most ``4 u`` times the sum of their sizes. r_a is a sum of k_a products in any order, which may err by
``(k_a + 4) u`` times their sizes. Both are subtracted, with a factor 1.01 for the rounding of the margins themselves.
"""

from __future__ import annotations

import math

import numpy as np

from mixot._checks import as_floats
from mixot._native import psd_inverse_factors
from mixot._shapes import ArrayLike
from mixot.errors import InputError
from mixot.solvers.sdp.problem import ConicProblem, SDPSolution

_U = 2.0**-53
_SLACK = 1.01  # the margins are themselves computed with rounding
_TINY = 1e-290  # what underflow can hide


def lower_bound(problem: ConicProblem, solution: SDPSolution, variable_bounds: ArrayLike) -> float:
    """Return a number that no feasible y within the bounds goes below, whatever the solution is worth.

    It is ``-inf`` where nothing is proven, and ``inf`` where the solution proves that no y in the box is feasible.

    Parameters
    ----------
    problem : ConicProblem
        What the bound is of.
    solution : SDPSolution
        Only its multipliers (or its certificate) are used; any symmetric matrices will do.
    variable_bounds : (m,) or a pair of (m,)
        ``|y_a| <= bound_a`` or ``low_a <= y_a <= high_a`` for every feasible y of interest; may be infinite.

    Raises
    ------
    InputError
        Where the bounds have the wrong shape, are NaN, or cross.

    Examples
    --------
    >>> from mixot.solvers.sdp.problem import Block
    >>> from mixot import SDP
    >>> problem = ConicProblem([1.0], [Block(np.eye(2), [0], [0], [1], [1.0])])
    >>> bound = lower_bound(problem, SDP().solve(problem), [1.0])
    >>> -1 - 1e-6 < bound <= -1
    True
    """
    low, high = _box(variable_bounds, len(problem.cost))
    if solution.certificate is not None and solution.certificate.ray is None:
        proof = solution.certificate
        excess = _bound(problem, 0.0, 0 * problem.cost, proof.multipliers, proof.inequality_multipliers, low, high)
        if excess > 0:  # <F(y), X> + <G y + g, x> would be negative for every y in the box
            return math.inf
    zero = [np.zeros(block.constant.shape) for block in problem.blocks]
    nothing = np.zeros(len(problem.inequality_offset))
    plain = _bound(problem, problem.offset, problem.cost, zero, nothing, low, high)
    if solution.certificate is not None:
        return plain
    found = _bound(
        problem, problem.offset, problem.cost, solution.multipliers, solution.inequality_multipliers, low, high
    )
    return max(plain, found)


def _box(bounds: ArrayLike, variables: int) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(bounds, tuple):
        if len(bounds) != 2:
            raise InputError(f"variable_bounds must be a vector or a pair (low, high), got {len(bounds)} parts")
        low, high = as_floats(bounds[0], "low"), as_floats(bounds[1], "high")
    else:
        high = as_floats(bounds, "variable_bounds")
        low = -high
    if low.shape != (variables,) or high.shape != (variables,):
        raise InputError(f"variable_bounds must have {variables} entries, got shapes {low.shape} and {high.shape}")
    if not (low <= high).all():
        raise InputError("variable_bounds must be numbers with low <= high (bounds on |y| must not be negative)")
    return low, high


def _bound(problem, offset, cost, multipliers, inequality_multipliers, low, high) -> float:
    """The right side of the inequality above, rounded downwards."""
    proven = [_in_cone(x) for x in multipliers]
    if any(x is None for x in proven) or not np.isfinite(inequality_multipliers).all():
        return -math.inf
    rows = np.maximum(inequality_multipliers, 0.0)
    residual, error = _residual(problem, cost, proven, rows)
    with np.errstate(invalid="ignore", over="ignore"):  # 0 * inf, where a residual is zero to the last digit
        corners = np.minimum((residual - error) * np.stack([low, high]), (residual + error) * np.stack([low, high]))
    corners = np.where((residual == 0) & (error == 0), 0.0, corners).min(axis=0, initial=np.inf)
    parts = [np.array([offset]), corners, -problem.inequality_offset * rows]
    parts += [-(block.constant * x).ravel() for block, x in zip(problem.blocks, proven, strict=True)]
    terms = np.concatenate(parts)
    if not np.isfinite(terms).all():
        return -math.inf
    margin = 4 * _SLACK * _U * math.fsum(np.abs(terms)) + _TINY
    return math.fsum(terms) - margin


def _in_cone(x: np.ndarray) -> np.ndarray | None:
    """A symmetric matrix near x that is positive semidefinite beyond doubt; None where there is none."""
    n = len(x)
    if not np.isfinite(x).all():
        return None
    x = (x + x.T) / 2
    used = x.any(axis=1)
    if not used.all():
        inner = _in_cone(x[np.ix_(used, used)]) if used.any() else None
        if inner is not None:
            x[np.ix_(used, used)] = inner
        return x if inner is not None or not used.any() else None
    if n == 0:
        return x
    factor, size = np.empty(n * n), np.array([n], dtype=np.int64)
    lift = 0.0
    for _ in range(60):
        moved = x + lift * np.eye(n)
        diagonal = np.diag(moved)
        trace = float(diagonal.sum())
        # A trace that is not positive leaves no doubt either: such a matrix is not in the cone.
        shift = 4 * (n + 8) * _U * trace + _TINY
        if (diagonal >= 0).all() and np.isfinite(trace):
            lowered = moved - shift * np.eye(n)
            if psd_inverse_factors(size, lowered.ravel(), factor):
                return moved
        least = float(np.linalg.eigvalsh(moved)[0])
        lift = 2 * lift + max(-least, 0.0) + 8 * (n + 8) * _U * max(float(np.abs(x).max()), trace)
    return None


def _residual(problem, cost, multipliers, rows) -> tuple[np.ndarray, np.ndarray]:
    """``cost - adjoint`` (m,) and a bound on its rounding error."""
    m = len(cost)
    value, size, count = cost.copy(), np.abs(cost), np.ones(m)
    for block, x in zip(problem.blocks, multipliers, strict=True):
        products = np.where(block.row == block.col, 1.0, 2.0) * x[block.row, block.col] * block.value
        value = value - np.bincount(block.variable, products, minlength=m)
        size = size + np.bincount(block.variable, np.abs(products), minlength=m)
        count = count + np.bincount(block.variable, minlength=m) + 1
    g = problem.inequality_matrix
    value = value - g.T @ rows
    size = size + abs(g).T @ rows
    count = count + np.bincount(g.indices, minlength=m) + 1
    nonzero = size > 0
    return value, np.where(nonzero, _SLACK * (count + 4) * _U * size + _TINY, 0.0)
