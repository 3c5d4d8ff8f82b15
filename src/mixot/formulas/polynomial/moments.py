"""Monomials and the moments of Gaussian laws."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np

from mixot._checks import is_whole
from mixot._shapes import Float, Int
from mixot.errors import InputError

_BLOCK_ENTRIES = 1 << 20  # monomials of a block of points: 8 MB, whatever the order


def exponents(dim: int, order: int) -> Int[np.ndarray, "s d"]:
    """Exponents of all monomials of degree at most ``order``, (s, dim), s = C(dim + order, order).

    Graded order: by degree, and inside a degree x1^r first and x_dim^r last.

    Examples
    --------
    >>> exponents(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    if not is_whole(order) or order < 0:
        raise InputError(f"order must be a whole number that is not negative, got {order!r}")
    rows = [
        np.bincount(chosen, minlength=dim) if chosen else np.zeros(dim, dtype=np.intp)
        for degree in range(order + 1)
        for chosen in combinations_with_replacement(range(dim), degree)
    ]
    return np.array(rows, dtype=np.int64).reshape(comb(dim + order, order), dim)


def gaussian_moments(
    means: Float[np.ndarray, "k d"], covs: Float[np.ndarray, "k d d"], order: int
) -> Float[np.ndarray, "k s"]:
    """Raw moments E[x^a], |a| <= order, of k Gaussian laws, (k, d), (k, d, d) -> (k, s).

    Columns as in `exponents`. Singular covariances are no exception.
    """
    return np.stack(stein_moments(means.T, covs.transpose(1, 2, 0), order, np.ones(len(means))), axis=1)


def stein_moments(mean: Any, cov: Any, order: int, one: Any) -> list[Any]:
    """Moments E[x^a], |a| <= order, of a Gaussian law whose parameters are numbers, arrays or polynomials.

    Stein's recursion ``E[x_i x^a] = m_i E[x^a] + sum_j S_ij a_j E[x^(a - e_j)]``, from ``E[1] = one``; in the order of
    `exponents`.
    """
    dim = len(mean)
    out: dict[tuple[int, ...], Any] = {(0,) * dim: one}
    for power in exponents(dim, order)[1:].tolist():
        i = next(axis for axis in range(dim) if power[axis])
        lower = [value - (axis == i) for axis, value in enumerate(power)]
        value = mean[i] * out[tuple(lower)]
        for j in range(dim):
            if lower[j]:
                lowest = tuple(entry - (axis == j) for axis, entry in enumerate(lower))
                value = value + lower[j] * (cov[i][j] * out[lowest])
        out[tuple(power)] = value
    return list(out.values())


def raw_from_factorial(factorial: list[Any]) -> list[Any]:
    """Raw moments 0 .. n of a law of counts from its factorial ones ``E[X (X - 1) ... (X - j + 1)]``, j = 0 .. n.

    ``E[X^r] = sum_j S(r, j) factorial[j]``, by Stirling numbers S of the second kind; the moments are numbers, arrays
    or polynomials.

    Examples
    --------
    >>> raw_from_factorial([1.0, 2.0, 4.0, 8.0])
    [1.0, 2.0, 6.0, 22.0]
    """
    out, stirling = [factorial[0]], [1.0]
    for _ in factorial[1:]:
        longer = [0.0, *stirling]
        stirling = [j * a + b for j, (a, b) in enumerate(zip([*stirling, 0.0], longer, strict=True))]
        out.append(sum((c * term for c, term in zip(stirling, factorial, strict=False) if c), 0.0 * factorial[0]))
    return out


def elliptical_moments(
    locs: Float[np.ndarray, "k d"],
    scales: Float[np.ndarray, "k d d"],
    radial: Float[np.ndarray, "k j"],
    order: int,
) -> Float[np.ndarray, "k s"]:
    """Raw moments E[x^a], |a| <= order, of laws ``x = m + sqrt(w) z``, z ~ N(0, S), w independent of z.

    (k, d), (k, d, d) -> (k, s), given ``radial[k, j] = E[w^j]`` up to j = order // 2.

    Stein's recursion for the Gaussian given w, ``E[x_i x^a] = m_i E[x^a] + w sum_j S_ij a_j E[x^(a - e_j)]``, run on
    the coefficients of the powers of w; columns as in `exponents`.
    """
    k, dim = locs.shape
    powers = exponents(dim, order)
    column = {tuple(power): s for s, power in enumerate(powers.tolist())}
    out = np.zeros((k, len(powers), order // 2 + 1))
    out[:, 0, 0] = 1.0
    for s, power in enumerate(powers.tolist()[1:], start=1):
        i = next(axis for axis in range(dim) if power[axis])
        lower = [value - (axis == i) for axis, value in enumerate(power)]
        out[:, s] = locs[:, i, None] * out[:, column[tuple(lower)]]
        for j in range(dim):
            if lower[j]:
                lowest = [value - (axis == j) for axis, value in enumerate(lower)]
                term = (scales[:, i, j] * lower[j])[:, None] * out[:, column[tuple(lowest)]]
                out[:, s, 1:] += term[:, :-1]
    return np.einsum("ksj,kj->ks", out, radial)


def sample_moments(
    points: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], order: int
) -> Float[np.ndarray, " s"]:
    """Moments sum_i w_i x_i^a, |a| <= order, of weighted points, (n, d), (n,) -> (s,); order as in `exponents`."""
    powers = [tuple(power) for power in exponents(points.shape[1], order).tolist()]
    block = max(256, _BLOCK_ENTRIES // len(powers))
    out = np.zeros(len(powers))
    for start in range(0, len(points), block):
        part = slice(start, start + block)
        monomials = {powers[0]: weights[part]}
        for power in powers[1:]:
            i = next(axis for axis, value in enumerate(power) if value)
            lower = tuple(value - (axis == i) for axis, value in enumerate(power))
            monomials[power] = monomials[lower] * points[part, i]
        out += [monomial.sum() for monomial in monomials.values()]
    return out
