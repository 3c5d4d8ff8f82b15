"""Bregman remainders, what convex functions exceed their tangents by: the pieces of divergences, without cancellation.

Each is zero at one point, positive elsewhere, and keeps its relative accuracy next to that point, where both laws are
nearly equal and the textbook formula subtracts large numbers. Of the Gamma function:
`mixot.formulas.line.gamma_bregman`.
"""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def bregman_log(r: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``r - log(1 + r)``, for r >= -1: what the logarithm lies below its tangent at one.

    Examples
    --------
    >>> import numpy as np
    >>> bregman_log(np.array([1e-9, 1.0])).tolist()
    [4.999999996666666e-19, 0.3068528194400547]
    """
    near = np.abs(r) < 0.25
    with np.errstate(divide="ignore"):
        out = np.asarray(r - np.log1p(r))
    y = r[near]
    s = y / (2 + y)
    # log(1 + r) = 2 atanh(r / (2 + r)), whose series has terms of one sign.
    series = np.polynomial.polynomial.polyval(s * s, 1 / np.arange(3.0, 25.0, 2.0))
    out[near] = s * (y - 2 * s * s * series)
    return out


def bregman_exp(w: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``exp(w) - 1 - w``: what the exponential lies above its tangent at zero."""
    near = np.abs(w) < 0.5
    with np.errstate(over="ignore"):
        out = np.asarray(np.expm1(w) - w)
    y = w[near]
    factorials = np.cumprod(np.arange(2.0, 18.0))
    out[near] = y * y * np.polynomial.polynomial.polyval(y, 1 / factorials)
    return out


def log_ratio(s: Float[np.ndarray, "..."], t: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """``log(s / t)`` of positive numbers, exact to rounding where they are nearly equal."""
    least = np.minimum(s, t)
    with np.errstate(over="ignore"):
        size = np.log1p(np.abs(s - t) / least)
    size = np.where(np.isfinite(size), size, np.log(np.maximum(s, t)) - np.log(least))
    return np.where(s < t, -size, size)
