"""Symmetric matrices as vectors of one triangle with off-diagonal entries times sqrt 2, as conic solvers want them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from mixot.solvers.sdp.problem import ConicProblem

Half = Literal["upper", "lower"]


def _places(n: int, half: Half) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the triangle, column by column."""
    cols, rows = np.tril_indices(n) if half == "upper" else np.triu_indices(n)
    return rows, cols


def triangle_rows(problem: ConicProblem, half: Half) -> tuple[sparse.csc_matrix, np.ndarray, list[int]]:
    """``(matrix, right, sizes)`` of ``matrix @ y + s = right``, s in the nonnegative orthant and then the cones."""
    matrices, rights = [-problem.inequality_matrix], [problem.inequality_offset]
    for block in problem.blocks:
        rows, cols = _places(len(block), half)
        weight = np.where(rows == cols, 1.0, np.sqrt(2.0))
        operator = block.operator(len(problem.cost))[rows * len(block) + cols]
        matrices.append(-sparse.diags_array(weight) @ operator)
        rights.append(weight * block.constant[rows, cols])
    return sparse.csc_matrix(sparse.vstack(matrices)), np.concatenate(rights), [len(block) for block in problem.blocks]


def from_triangle(dual: np.ndarray, problem: ConicProblem, half: Half) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Multipliers of blocks and inequalities from the vector of all of them."""
    at = len(problem.inequality_offset)
    blocks = []
    for block in problem.blocks:
        rows, cols = _places(len(block), half)
        x = np.zeros(block.constant.shape)
        x[rows, cols] = x[cols, rows] = dual[at : at + len(rows)] / np.where(rows == cols, 1.0, np.sqrt(2.0))
        at += len(rows)
        blocks.append(x)
    return tuple(blocks), np.maximum(dual[: len(problem.inequality_offset)], 0.0)
