"""What convex functions exceed their tangents by, without cancellation: the pieces of divergences and costs.

Each is zero at one point, positive elsewhere, and keeps its relative accuracy next to that point, where both laws are
nearly equal and the textbook formula subtracts large numbers.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, zeta

from mixot._shapes import Float

# Remainder of Stirling's series, sum_i c_i x^-(2 i + 1); with shapes of 12 and more it is exact to rounding
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_SHIFT = 12


def log_excess(r: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``r - log(1 + r)``, for r >= -1: what the logarithm lies below its tangent at one.

    Near zero by ``log(1 + r) = 2 atanh(r / (2 + r))``, whose series has terms of one sign.

    Examples
    --------
    >>> import numpy as np
    >>> log_excess(np.array([1e-9, 1.0])).tolist()
    [4.999999996666666e-19, 0.3068528194400547]
    """
    near = np.abs(r) < 0.25
    with np.errstate(divide="ignore"):
        out = np.asarray(r - np.log1p(r))
    y = r[near]
    s = y / (2 + y)
    series = np.polynomial.polynomial.polyval(s * s, 1 / np.arange(3.0, 25.0, 2.0))
    out[near] = s * (y - 2 * s * s * series)
    return out


def exp_excess(w: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``exp(w) - 1 - w``: what the exponential lies above its tangent at zero."""
    near = np.abs(w) < 0.5
    with np.errstate(over="ignore"):
        out = np.asarray(np.expm1(w) - w)
    y = w[near]
    factorials = np.cumprod(np.arange(2.0, 18.0))
    out[near] = y * y * np.polynomial.polynomial.polyval(y, 1 / factorials)
    return out


def log_gamma_excess(g: Float[np.ndarray, "*s"], h: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``log Gamma(g) - log Gamma(h) - (g - h) digamma(h)``, for positive g and h.

    Recurrence lifts small arguments, ``log Gamma(x) = log Gamma(x + 12) - sum_i log(x + i)``; there, Stirling's series
    is summed term by term, each being the excess of a power.
    """
    lifted, more = _lifted_excess(g, h)
    return lifted + more


def shape_excess(g: Float[np.ndarray, "*s"], h: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """The same for ``log Gamma(x) - x log(x)``: the divergence between Gamma laws of one mean, shapes h from g."""
    lifted, more = _lifted_excess(g, h)
    return np.maximum(lifted + (more - g * log_excess((h - g) / g)), 0.0)


def _lifted_excess(g: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`log_gamma_excess` in two parts, of which the second is the excess of ``x log(x)`` at the lifted arguments."""
    low, step = np.minimum(g, h) < _SHIFT, g - h
    top_g, top_h = g + _SHIFT * low, h + _SHIFT * low
    away = step / top_h
    total = log_excess(away) / 2
    for i in range(_SHIFT):
        total += np.where(low, log_excess(step / (h + i)), 0.0)
    power = np.zeros(np.shape(low))  # excess of x^-m: with b_m the one at ratio 1 + e, (1 + e) b_m = b_(m-1) + m e^2
    for m in range(1, 2 * len(_STIRLING)):
        power = (power + m * away**2 * top_h ** (1.0 - m)) / top_g
        if m % 2:
            total += _STIRLING[m // 2] * power
    return total, top_g * log_excess(-step / top_g)


def log_ratio(s: Float[np.ndarray, "*s"], t: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``log(s / t)`` of positive numbers, exact to rounding where they are nearly equal."""
    least = np.minimum(s, t)
    with np.errstate(over="ignore"):
        size = np.log1p(np.abs(s - t) / least)
    size = np.where(np.isfinite(size), size, np.log(np.maximum(s, t)) - np.log(least))
    return np.where(s < t, -size, size)


def log_gamma_near_two(e: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``log Gamma(2 + e)``, e > -1, exact to rounding where e is small."""
    near = np.abs(e) < 0.25
    out = np.asarray(gammaln(2 + e))
    n = np.arange(2.0, 26.0)
    terms = np.concatenate([[0.0, 1 - np.euler_gamma], (-1) ** n * (zeta(n) - 1) / n])
    out[near] = np.polynomial.polynomial.polyval(e[near], terms)
    return out


def log_gamma_halves(
    x: Float[np.ndarray, "*s"], y: Float[np.ndarray, "*s"]
) -> tuple[Float[np.ndarray, "*s"], Float[np.ndarray, "*s"]]:
    """Half the difference of ``log Gamma`` at 1 + 2 x and 1 + 2 y, and by how much half their sum exceeds the middle.

    The middle is ``log Gamma(1 + x + y)``; x and y are positive. Where they are close, by Taylor's series about it,
    with ``(n - 1)! zeta(n, c)`` for the n-th derivative.
    """
    c, h = 1 + x + y, x - y
    left, middle, right = gammaln(1 + 2 * x), gammaln(c), gammaln(1 + 2 * y)
    odd, even = np.asarray((left - right) / 2), np.asarray((left + right) / 2 - middle)
    near = np.abs(h) < 0.3 * c
    c, h = c[near], h[near]
    first, second = h * digamma(c), np.zeros_like(h)
    for n in range(1, 17):
        second += h ** (2 * n) / (2 * n) * zeta(2 * n, c)
        first -= h ** (2 * n + 1) / (2 * n + 1) * zeta(2 * n + 1, c)
    odd[near], even[near] = first, second
    return odd, even
