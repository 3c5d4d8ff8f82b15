"""Derivatives of the squared Bures distance between covariances, singular ones included."""

from __future__ import annotations

import numpy as np

from mixot._native import bures_gradients as compiled_gradients
from mixot._shapes import Float, Int
from mixot.formulas.gaussian.maps import optimal_joint_law
from mixot.formulas.gaussian.support import Support, support_ranks
from mixot.threads import thread_count


def bures_gradients(
    a: Float[np.ndarray, "k d d"],
    b: Float[np.ndarray, "l d d"],
    rows: Int[np.ndarray, " s"] | None = None,
    cols: Int[np.ndarray, " s"] | None = None,
) -> tuple[Float[np.ndarray, "s d d"], Float[np.ndarray, "s d d"]]:
    """Gradients of ``F(A, B) = tr(A + B - 2 (A^1/2 B A^1/2)^1/2)`` in A and in B, pair by pair, (s, d, d) twice.

    The pairs are ``a[rows]`` and ``b[cols]``; of a and b one to one if not given.

    ``dF/dA = I - T`` with T the optimal map from N(0, A) to N(0, B), and likewise in B: no eigenvector is
    differentiated, so equal eigenvalues do no harm. A gradient G is symmetric and means ``dF = sum_ij G_ij dA_ij``
    over symmetric dA: moving the entries (i, j) and (j, i) together counts twice.

    At a singular A, F falls like the root of the step into some directions that leave the support, and has no
    gradient. What is returned is the derivative among covariances of the same rank, ``G P = (I - T) P`` with P the
    projection on the support of A, and zero on its complement. That is all that a factor can see: for ``A = L L'``
    with as many columns as the rank, ``2 G L`` is the gradient in L. Where supports are at right angles, so that the
    optimal coupling is not unique, it is the gradient that the coupling of `optimal_joint_law` gives. At A = B it is
    exactly zero.

    Examples
    --------
    >>> in_a, in_b = bures_gradients(np.array([[[4.0]]]), np.array([[[9.0]]]))
    >>> in_a.item(), round(in_b.item(), 12)  # F = (A^1/2 - B^1/2)^2
    (-0.5, 0.333333333333)

    References
    ----------
    Bhatia, Jain and Lim (2019), On the Bures-Wasserstein distance between positive definite matrices, section 3.
    """
    left = np.arange(len(a)) if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
    right = np.arange(len(b)) if cols is None else np.ascontiguousarray(cols, dtype=np.int64)
    in_a, in_b = np.empty((2, len(left), *a.shape[1:]))
    hard = np.empty(len(left), dtype=np.uint8)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    compiled_gradients(a, b, left, right, in_a, in_b, hard, thread_count())
    if hard.any():
        at = np.flatnonzero(hard)
        in_a[at], in_b[at] = _hard_gradients(a[left[at]], b[right[at]])
    return in_a, in_b


def _hard_gradients(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for pairs that are nearly or truly singular, or in unlike units."""
    in_a, in_b = np.zeros_like(a), np.zeros_like(b)
    full = (support_ranks(a) == a.shape[1]) & (support_ranks(b) == b.shape[1])
    pairs = np.flatnonzero(full)
    if len(pairs):
        law = optimal_joint_law(a, b, pairs, pairs)
        eye = np.eye(a.shape[1])
        in_a[pairs] = eye - _symmetric(law.linear)
        in_b[pairs] = eye - _symmetric(law.root @ np.linalg.inv(law.image))  # the same coupling, read backwards
    for s in np.flatnonzero(~full):
        in_a[s], in_b[s] = _along_the_support(a[s], b[s]), _along_the_support(b[s], a[s])
    return in_a, in_b


def _along_the_support(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The symmetric G with ``G P = (I - T) P`` and no entry on the complement of the support of a."""
    law = optimal_joint_law(a[None], b[None])
    basis = np.linalg.qr(Support.of(np.zeros(len(a)), a).root)[0]
    moved = basis - law.linear[0] @ basis
    inside = basis @ _symmetric(basis.T @ moved) @ basis.T
    across = (moved - basis @ (basis.T @ moved)) @ basis.T
    return _symmetric(inside + 2 * across)


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    return (matrix + matrix.swapaxes(-1, -2)) / 2
