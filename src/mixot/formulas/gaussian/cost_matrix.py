"""Squared W2 between all pairs of points, or of Gaussian laws, by the cheapest formula their structure allows.

==================  ==========================================================================================
structure           formula for the covariance part
==================  ==========================================================================================
diagonal, d = 1     ``sum_i (a_i^1/2 - b_i^1/2)^2``: squared distances between points (mean, deviations)
d = 2               ``min_U |L_A - L_B U|^2`` over rotations, whose best angle is known
any other           ``tr A + tr B - 2 |L_A^T L_B|_*`` with factors of any rank; pairs that nearly agree, where
                    this cancels, by ``min_U |L_A - L_B U|^2``; equal covariances give exactly zero
==================  ==========================================================================================

``A = L_A L_A^T``, ``|.|_*`` is the sum of singular values and U runs over orthogonal matrices: both formulas are
``tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2`` (Delon and Desolneux 2020, eq. 2.7), and neither forms a product of
covariances, which would lose half the digits of their small directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import (
    bures_costs,
    diagonal_excess,
    entropic_excess,
    psd_factors,
    squared_distance_batch,
    squared_distances,
)
from mixot._native import gaussian_cost_batch as compiled_cost_batch
from mixot._shapes import Float, Int
from mixot.formulas.gaussian.bures import procrustes_cost
from mixot.threads import thread_count

_MANY = 16  # components from which it is worth looking for covariances that several share
_CHUNK = 2**22  # doubles in one batch of close pairs
_LEAST_EPS = 1e-30  # relative to the variances: what less entropy adds to a cost is below its last digit


def point_costs(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Squared distances ``|x_i - y_j|^2`` between all pairs of points, (n, d), (m, d) -> (n, m).

    Examples
    --------
    >>> point_costs(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[25.0, 1.0]]
    """
    return _point_costs(x, y, thread_count())


def _point_costs(x: np.ndarray, y: np.ndarray, threads: int) -> Float[np.ndarray, "n m"]:
    out = np.empty((len(x), len(y)))
    squared_distances(_contiguous(x), _contiguous(y), out, threads)
    return out


def diagonal_costs(
    m: Float[np.ndarray, "k d"],
    a: Float[np.ndarray, "k d"],
    n: Float[np.ndarray, "l d"],
    b: Float[np.ndarray, "l d"],
) -> Float[np.ndarray, "k l"]:
    """Squared W2 between all N(m_i, diag(a_i)) and N(n_j, diag(b_j)), (k, d) twice, (l, d) twice -> (k, l).

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> diagonal_costs(0 * one, one, 3 * one, 4 * one).item()
    10.0
    """
    return point_costs(np.hstack([m, np.sqrt(a)]), np.hstack([n, np.sqrt(b)]))


def gaussian_costs(
    m: Float[np.ndarray, "k d"],
    a: Float[np.ndarray, "k d d"],
    n: Float[np.ndarray, "l d"],
    b: Float[np.ndarray, "l d d"],
) -> Float[np.ndarray, "k l"]:
    """Squared W2 between all N(m_i, a_i) and N(n_j, b_j), (k, d), (k, d, d), (l, d), (l, d, d) -> (k, l).

    Never negative, never NaN; singular covariances are right. A direction whose variance is at the rounding level of
    its matrix counts as flat.

    Examples
    --------
    >>> means, covs = np.zeros((2, 3)), np.stack([np.eye(3), 4 * np.eye(3)])
    >>> gaussian_costs(means, covs, means, covs).tolist()
    [[0.0, 3.0], [3.0, 0.0]]
    """
    if _is_diagonal(a) and _is_diagonal(b):
        return diagonal_costs(m, np.diagonal(a, axis1=1, axis2=2), n, np.diagonal(b, axis1=1, axis2=2))
    threads = thread_count()
    apart = _point_costs(m, n, threads)
    left, right = _contiguous(a), _contiguous(b)
    many = a.shape[1] > 2 and max(len(a), len(b)) >= _MANY
    return apart + (_distinct_bures if many else _bures)(left, right, apart, threads)


def point_cost_batch(x: Float[np.ndarray, "b n d"], y: Float[np.ndarray, "b m d"]) -> Float[np.ndarray, "b n m"]:
    """`point_costs` of many problems of one size, in one call.

    Examples
    --------
    >>> point_cost_batch(np.zeros((2, 1, 1)), np.array([[[2.0]], [[3.0]]])).ravel().tolist()
    [4.0, 9.0]
    """
    if len(x) == 1:  # it threads inside
        return point_costs(x[0], y[0])[None]
    out = np.empty((len(x), x.shape[1], y.shape[1]))
    squared_distance_batch(_contiguous(x), _contiguous(y), out, thread_count())
    return out


def gaussian_cost_batch(
    m: Float[np.ndarray, "b k d"],
    a: Float[np.ndarray, "b k d d"],
    n: Float[np.ndarray, "b l d"],
    b: Float[np.ndarray, "b l d d"],
    eps: float = 0.0,
) -> Float[np.ndarray, "b k l"]:
    """`gaussian_costs`, or for eps > 0 `entropic_gaussian_costs`, of many problems of one size, in one call.

    Examples
    --------
    >>> one = np.ones((2, 1, 1))
    >>> gaussian_cost_batch(one, one[..., None], 4 * one, 4 * one[..., None]).ravel().tolist()
    [10.0, 10.0]
    """
    if len(m) == 1:  # it knows covariances that are shared, and threads inside
        one = m[0], a[0], n[0], b[0]
        return (entropic_gaussian_costs(*one, eps) if eps > 0 else gaussian_costs(*one))[None]
    out = np.empty((len(m), m.shape[1], n.shape[1]))
    close = np.empty(out.shape, dtype=np.uint8)
    m, a, n, b = (_contiguous(x) for x in (m, a, n, b))
    if compiled_cost_batch(m, a, n, b, eps / 2, out, close, thread_count()):
        problem, rows, cols = np.nonzero(close)
        left, right = problem * m.shape[1] + rows, problem * n.shape[1] + cols
        out[problem, rows, cols] += _close_bures(a.reshape(-1, *a.shape[2:]), b.reshape(-1, *b.shape[2:]), left, right)
    return out


def entropic_gaussian_costs(
    m: Float[np.ndarray, "k d"],
    a: Float[np.ndarray, "k d d"],
    n: Float[np.ndarray, "l d"],
    b: Float[np.ndarray, "l d d"],
    eps: float,
) -> Float[np.ndarray, "k l"]:
    """Entropic costs ``min_g E|x - y|^2 + eps KL(g | p x q)`` between all N(m_i, a_i) and N(n_j, b_j) -> (k, l).

    With ``eps = 2 s^2`` and the singular values sigma of ``L_A^T L_B`` it is

        W2^2 + s^2 sum phi(2 sigma / s^2),   phi(z) = 1 - 1 / (z + r) + log((1 + r) / 2),   r = sqrt(1 + z^2),

    which is the closed form of Janati, Muzellec, Peyré and Cuturi (2020, Theorem 1) written without cancellation: what
    entropy adds is never negative, and vanishes with eps. Singular covariances are right as they stand.

    Examples
    --------
    >>> one = np.ones((1, 1, 1))
    >>> float(entropic_gaussian_costs(one[0], one, 3 * one[0], 4 * one, 1e-9).round(6)[0, 0])
    5.0
    """
    cost, s2 = gaussian_costs(m, a, n, b), eps / 2
    top = max(np.diagonal(c, axis1=1, axis2=2).max() for c in (a, b))
    if s2 <= _LEAST_EPS * top:
        return cost
    if _is_diagonal(a) and _is_diagonal(b):
        left, right = (np.sqrt(np.diagonal(c, axis1=1, axis2=2)) for c in (a, b))
        return cost + s2 * _diagonal_excess(left, right, s2)
    exponent = _exponent(a, b)
    left, right = _Factors.of(a, exponent), _Factors.of(b, exponent)
    out = np.empty(cost.shape)
    entropic_excess(left.rows, left.ranks, right.rows, right.ranks, np.ldexp(s2, -2 * exponent), out, thread_count())
    return cost + s2 * out


def entropic_diagonal_costs(
    m: Float[np.ndarray, "k d"],
    a: Float[np.ndarray, "k d"],
    n: Float[np.ndarray, "l d"],
    b: Float[np.ndarray, "l d"],
    eps: float,
) -> Float[np.ndarray, "k l"]:
    """`entropic_gaussian_costs` for diagonal covariances given by their variances, (k, d), (l, d) -> (k, l).

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> float(entropic_diagonal_costs(one, one, one, 0 * one, 1.0)[0, 0])  # a point: there is one coupling only
    1.0
    """
    cost, s2 = diagonal_costs(m, a, n, b), eps / 2
    if s2 <= _LEAST_EPS * max(a.max(), b.max()):
        return cost
    return cost + s2 * _diagonal_excess(np.sqrt(a), np.sqrt(b), s2)


def _diagonal_excess(a: np.ndarray, b: np.ndarray, s2: float) -> Float[np.ndarray, "k l"]:
    out = np.empty((len(a), len(b)))
    diagonal_excess(np.ascontiguousarray(a), np.ascontiguousarray(b), s2, out, thread_count())
    return out


@dataclass(frozen=True, eq=False)
class _Factors:
    """``cov[k] = rows[k].T @ rows[k]``; rows from ``ranks[k]`` on are zero."""

    rows: Float[np.ndarray, "k r d"]
    ranks: Int[np.ndarray, " k"]

    @classmethod
    def of(cls, covs: np.ndarray, exponent: int) -> _Factors:
        """Factors of the covariances divided by ``4**exponent``."""
        rows, ranks = np.zeros(covs.shape), np.zeros(len(covs), dtype=np.int64)
        psd_factors(np.ascontiguousarray(covs), rows, ranks, thread_count())
        top = 2 if covs.shape[1] == 2 else max(int(ranks.max()), 1)
        return cls(np.ldexp(rows[:, :top], -exponent), ranks)


def _exponent(*covs: np.ndarray) -> int:
    top = max(np.diagonal(c, axis1=1, axis2=2).max() for c in covs)
    return int(np.frexp(top)[1]) // 2


def _is_diagonal(covs: np.ndarray) -> bool:
    d = covs.shape[1]
    # A flattened matrix without its first entry, as d - 1 rows of d + 1: the diagonal is the last column.
    return d == 1 or not any(cov.ravel()[1:].reshape(d - 1, d + 1)[:, :-1].any() for cov in covs)


def _contiguous(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64)


def _distinct_bures(
    a: Float[np.ndarray, "k d d"], b: Float[np.ndarray, "l d d"], apart: Float[np.ndarray, "k l"], threads: int
) -> Float[np.ndarray, "k l"]:
    """`_bures`, once for each pair of covariances that differ: components often share them."""
    (first_a, label_a), (first_b, label_b) = _distinct(a), _distinct(b)
    if len(first_a) == len(a) and len(first_b) == len(b):
        return _bures(a, b, apart, threads)
    every = np.ix_(label_a, label_b)
    nearest = np.full((len(first_a), len(first_b)), np.inf)
    np.minimum.at(nearest, every, apart)
    return _bures(a[first_a], b[first_b], nearest, threads)[every]


def _distinct(covs: np.ndarray) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " k"]]:
    """Where each covariance stands first, and which of these every component has."""
    place: dict[bytes, int] = {}
    label = np.array([place.setdefault(cov.tobytes(), len(place)) for cov in covs])
    return np.unique(label, return_index=True)[1], label


def _bures(
    a: Float[np.ndarray, "k d d"], b: Float[np.ndarray, "l d d"], apart: Float[np.ndarray, "k l"], threads: int
) -> Float[np.ndarray, "k l"]:
    """Bures part of all pairs; ``apart`` is what the means add to it."""
    out, close = np.empty(apart.shape), np.empty(apart.shape, dtype=np.uint8)
    if bures_costs(a, b, apart, out, close, threads):
        rows, cols = np.nonzero(close)
        out[rows, cols] = _close_bures(a, b, rows, cols)
    return out


def _close_bures(
    a: Float[np.ndarray, "k d d"],
    b: Float[np.ndarray, "l d d"],
    rows: Int[np.ndarray, " s"],
    cols: Int[np.ndarray, " s"],
) -> Float[np.ndarray, " s"]:
    """Bures part of the pairs ``a[rows]``, ``b[cols]``, which nearly agree."""
    out, exponent = np.empty(len(rows)), _exponent(a, b)
    left, right = _of_equal_height(_Factors.of(a, exponent).rows, _Factors.of(b, exponent).rows)
    step = max(_CHUNK // left[0].size, 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        out[part] = np.ldexp(procrustes_cost(left[rows[part]], right[cols[part]]), 2 * exponent)
    return out


def _of_equal_height(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height = max(a.shape[1], b.shape[1])
    left, right = (np.pad(x, ((0, 0), (0, height - x.shape[1]), (0, 0))) for x in (a, b))
    return left, right
