"""Moments in the basis of Chebyshev polynomials: what stays accurate where powers of x do not.

A law on about [-1, 1]^d is described by ``E T_a(x)``, ``T_a(x) = T_a1(x_1) .. T_ad(x_d)``, |a| <= degree, in the order
of `exponents`. Up to scaling they are nearly uncorrelated, while moments of degree 8 in powers of x lose six digits.
"""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.formulas.polynomial.moments import exponents

_BLOCK_ENTRIES = 1 << 20  # values of all the polynomials at a block of points: 8 MB


def chebyshev_values(points: Float[np.ndarray, "n d"], degree: int) -> Float[np.ndarray, "n s"]:
    """Values T_a(x_i), (n, d) -> (n, s)."""
    powers = exponents(points.shape[1], degree)
    lines = [np.polynomial.chebyshev.chebvander(column, degree) for column in points.T]
    out = lines[0][:, powers[:, 0]]
    for line, power in zip(lines[1:], powers.T[1:], strict=True):
        out = out * line[:, power]
    return out


def chebyshev_statistics(
    points: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], degree: int
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s s"]]:
    """Means and covariance of the T_a under weighted points, in one pass: (n, d), (n,) -> (s,), (s, s)."""
    size = len(exponents(points.shape[1], degree))
    block = max(256, _BLOCK_ENTRIES // size)
    # Sums are taken about the values at the first points, so that what is constant has exactly no variance.
    origin = chebyshev_values(points[:block], degree).mean(axis=0)
    first, second = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(points), block):
        part = slice(start, start + block)
        values = chebyshev_values(points[part], degree) - origin
        weighed = values * weights[part, None]
        first += weighed.sum(axis=0)
        second += weighed.T @ values
    return origin + first, second - np.outer(first, first)


def derivative_matrices(dim: int, degree: int) -> Float[np.ndarray, "d s s"]:
    """Matrices of the partial derivatives, ``d T_a / d x_j = sum_b D[j, a, b] T_b``, (dim, s, s)."""
    powers = exponents(dim, degree)
    column = {tuple(power): s for s, power in enumerate(powers.tolist())}
    out = np.zeros((dim, len(powers), len(powers)))
    for s, power in enumerate(powers.tolist()):
        for j in range(dim):
            n = power[j]
            # T_n' = 2 n (T_(n-1) + T_(n-3) + ...), the last term halved where it is T_0.
            for lower in range(n - 1, -1, -2):
                target = (*power[:j], lower, *power[j + 1 :])
                out[j, s, column[target]] = n if lower == 0 else 2 * n
    return out


def chebyshev_of_powers(values: Float[np.ndarray, " s"], dim: int, degree: int) -> Float[np.ndarray, " s"]:
    """``E T_a`` from the raw moments ``E x^a``, both of degree at most ``degree``, (s,) -> (s,)."""
    powers = exponents(dim, degree)
    cube = np.zeros((degree + 1,) * dim)
    cube[tuple(powers.T)] = values
    table = np.zeros((degree + 1, degree + 1))
    for n in range(degree + 1):
        table[n, : n + 1] = np.polynomial.chebyshev.cheb2poly(np.eye(degree + 1)[n])[: n + 1]
    for axis in range(dim):
        cube = np.moveaxis(np.tensordot(table, cube, axes=(1, axis)), 0, axis)
    return cube[tuple(powers.T)]


def shifted_powers(
    values: Float[np.ndarray, " s"],
    dim: int,
    degree: int,
    center: Float[np.ndarray, " d"],
    scale: Float[np.ndarray, " d"],
) -> Float[np.ndarray, " s"]:
    """Raw moments of ``(x - center) / scale`` from those of x, by the binomial formula, (s,) -> (s,)."""
    powers = exponents(dim, degree)
    cube = np.zeros((degree + 1,) * dim)
    cube[tuple(powers.T)] = values
    for axis in range(dim):
        table = np.zeros((degree + 1, degree + 1))
        table[0, 0] = 1.0
        for n in range(degree):  # rows of (x - c)^(n+1) = x (x - c)^n - c (x - c)^n
            table[n + 1, 1:] = table[n, :-1]
            table[n + 1] -= center[axis] * table[n]
        table /= scale[axis] ** np.arange(degree + 1)[:, None]
        cube = np.moveaxis(np.tensordot(table, cube, axes=(1, axis)), 0, axis)
    return cube[tuple(powers.T)]


def product_covariance(moments: Float[np.ndarray, " t"], dim: int, degree: int) -> Float[np.ndarray, "s s"]:
    """Covariance of the T_a, |a| <= degree, from the ``E T_a`` up to twice that degree, (t,) -> (s, s)."""
    powers, wide = exponents(dim, degree), exponents(dim, 2 * degree)
    place = np.zeros((2 * degree + 1,) * dim, dtype=np.intp)
    place[tuple(wide.T)] = np.arange(len(wide))
    total, apart = powers[:, None] + powers, np.abs(powers[:, None] - powers)
    second = np.zeros((len(powers), len(powers)))
    # T_m T_n = (T_(m+n) + T_|m-n|) / 2 along each axis, so that a product has 2^dim terms.
    for corner in range(1 << dim):
        index = [(total if corner >> j & 1 else apart)[:, :, j] for j in range(dim)]
        second += moments[place[tuple(index)]] / (1 << dim)
    first = moments[: len(powers)]
    return second - np.outer(first, first)
