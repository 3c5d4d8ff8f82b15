"""What the logarithm of the Gamma function exceeds its tangents and chords by, without cancellation."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, zeta

from mixot._shapes import Float
from mixot.formulas.line.bregman import bregman_log

# Remainder of Stirling's series, sum_i c_i x^-(2 i + 1); with shapes of 12 and more it is exact to rounding
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_SHIFT = 12


def bregman_log_gamma(g: Float[np.ndarray, "..."], h: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """``log Gamma(g) - log Gamma(h) - (g - h) digamma(h)``, for positive g and h."""
    lifted, more = _lifted_bregman(g, h)
    return lifted + more


def gamma_shape_divergence(g: Float[np.ndarray, "..."], h: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The same for ``log Gamma(x) - x log(x)``: the divergence between Gamma laws of one mean, shapes h from g."""
    lifted, more = _lifted_bregman(g, h)
    return np.maximum(lifted + (more - g * bregman_log((h - g) / g)), 0.0)


def _lifted_bregman(g: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`bregman_log_gamma` in two parts, of which the second is the excess of ``x log(x)`` at the lifted arguments."""
    low, step = np.minimum(g, h) < _SHIFT, g - h
    top_g, top_h = g + _SHIFT * low, h + _SHIFT * low
    away = step / top_h
    total = bregman_log(away) / 2
    # Recurrence lifts small arguments: log Gamma(x) = log Gamma(x + 12) - sum_i log(x + i).
    for i in range(_SHIFT):
        total += np.where(low, bregman_log(step / (h + i)), 0.0)
    # There, Stirling's series is summed term by term, each being the excess of a power.
    power = np.zeros(np.shape(low))  # excess of x^-m: with b_m the one at ratio 1 + e, (1 + e) b_m = b_(m-1) + m e^2
    for m in range(1, 2 * len(_STIRLING)):
        power = (power + m * away**2 * top_h ** (1.0 - m)) / top_g
        if m % 2:
            total += _STIRLING[m // 2] * power
    return total, top_g * bregman_log(-step / top_g)


def log_gamma_near_two(e: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``log Gamma(2 + e)``, e > -1, exact to rounding where e is small."""
    near = np.abs(e) < 0.25
    out = np.asarray(gammaln(2 + e))
    n = np.arange(2.0, 26.0)
    terms = np.concatenate([[0.0, 1 - np.euler_gamma], (-1) ** n * (zeta(n) - 1) / n])
    out[near] = np.polynomial.polynomial.polyval(e[near], terms)
    return out


def log_gamma_halves(
    x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Half the difference of ``log Gamma`` at 1 + 2 x and 1 + 2 y, and by how much half their sum exceeds the middle.

    The middle is ``log Gamma(1 + x + y)``; x and y are positive.
    """
    x, y = np.broadcast_arrays(x, y)
    c, h = 1 + x + y, x - y
    left, middle, right = gammaln(1 + 2 * x), gammaln(c), gammaln(1 + 2 * y)
    odd, even = np.asarray((left - right) / 2), np.asarray((left + right) / 2 - middle)
    # Where both are close, by Taylor's series about the middle: the n-th derivative is (n - 1)! zeta(n, c), up to sign.
    near = np.abs(h) < 0.3 * c
    c, h = c[near], h[near]
    first, second = h * digamma(c), np.zeros_like(h)
    for n in range(1, 17):
        second += h ** (2 * n) / (2 * n) * zeta(2 * n, c)
        first -= h ** (2 * n + 1) / (2 * n + 1) * zeta(2 * n + 1, c)
    odd[near], even[near] = first, second
    return odd, even
