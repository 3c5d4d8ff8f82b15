"""Radii of spherical t laws, joined by rank: what W2 between laws of unlike degrees of freedom is made of.

In R^d, ``x = R u`` with u uniform on the sphere and R independent of it; ``R^2 / d`` has an F(d, df) law. Between two
such laws the optimal map moves along rays and keeps the rank of the radius.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import betainc, betaincinv, betaln

from mixot._shapes import Float
from mixot.errors import UnsupportedError

_STEP, _REACH = 1 / 16, 45.0  # of the rule over ranks; it goes on until exp(-45) of the second moments is left
_FAR = 600.0  # -log rank beyond which radii are told by their asymptotics
_LEAST = 1e-4  # nearer to df = 2 the rule would need ranks of exp(-10^6)
_TOL = 1e-9  # what the rule and that of twice the step may differ by, relative to second moments


def radial_gaps(
    df_p: Float[np.ndarray, " k"], df_q: Float[np.ndarray, " l"], d: int
) -> tuple[Float[np.ndarray, "k l"], Float[np.ndarray, "k l"]]:
    """``E (R - S)^2`` and ``E (R - S) S`` of radii R of p and S of q that share their rank, (k,), (l,) -> (k, l) twice.

    By a double exponential rule over ranks, checked against the rule of twice the step.

    Raises
    ------
    UnsupportedError
        Where df is so close to 2 that the rule does not converge.

    Examples
    --------
    >>> square, cross = radial_gaps(np.array([5.0]), np.array([5.0, 10.0]), 1)
    >>> square.round(6).tolist(), cross.round(6).tolist()
    ([[0.0, 0.047397]], [[0.0, 0.184635]])
    """
    each_p, back_p = np.unique(df_p, return_inverse=True)
    each_q, back_q = np.unique(df_q, return_inverse=True)
    found = np.array([[_gaps(float(a), float(b), d) for b in each_q] for a in each_p])
    both = found[back_p][:, back_q]
    return both[..., 0], both[..., 1]


@lru_cache(maxsize=1024)
def _gaps(a: float, b: float, d: int) -> tuple[float, float]:
    if a == b:
        return 0.0, 0.0
    if min(a, b) < 2 + _LEAST:
        raise UnsupportedError(
            f"W2 between Student laws of df {a:g} and {b:g} is not computed: at df = 2 it is infinite, and so close "
            "the tails that make it up are beyond floating point"
        )
    log_low, log_high, log_weight = _rule(_REACH / (1 - 2 / min(a, b)))
    r, s = (_log_radii(df, d, log_low, log_high) for df in (a, b))
    top, share = np.maximum(r, s), -np.expm1(-np.abs(r - s))  # |R - S| = exp(top) share, with all its digits
    square = np.exp(log_weight + 2 * top) * share**2
    terms = np.stack([square, np.sign(r - s) * np.exp(log_weight + top + s) * share])
    full, half = terms.sum(axis=1) * _STEP, terms[:, ::2].sum(axis=1) * 2 * _STEP
    scale = d * (a / (a - 2) + b / (b - 2))
    assert (np.abs(full - half) <= _TOL * scale).all(), f"the rule over ranks is off by {np.abs(full - half).max():g}"
    return float(full[0]), float(full[1])


def _rule(reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithms of the ranks u and 1 - u at equidistant nodes, and of their weights du / dz."""
    low = -3.75  # ranks next to 0 carry nothing, as radii vanish there
    high = max(3.75, float(np.arcsinh(reach / np.pi)))
    z = np.arange(round(low / _STEP), round(high / _STEP) + 1) * _STEP
    s = np.pi * np.sinh(z)
    log_low, log_high = -np.logaddexp(0.0, -s), -np.logaddexp(0.0, s)
    return log_low, log_high, np.log(np.pi * np.cosh(z)) + log_low + log_high


def _log_radii(df: float, d: int, log_low: np.ndarray, log_high: np.ndarray) -> np.ndarray:
    """Logarithms of the radii of these ranks: ``df / (df + R^2)`` has a Beta(df / 2, d / 2) law."""
    a, b = df / 2, d / 2
    out = np.empty(len(log_low))
    lower = log_low <= log_high
    y = betaincinv(b, a, np.exp(log_low[lower]))  # R^2 / (df + R^2)
    out[lower] = np.log(np.maximum(y, 1e-300)) - np.log1p(-y)
    upper = ~lower & (log_high > -_FAR)
    x = betaincinv(a, b, np.exp(log_high[upper]))
    log_x = np.full(len(log_low), np.nan)
    log_x[upper] = np.log(np.maximum(x, 1e-300))
    far = ~lower & ((log_high <= -_FAR) | (log_x < -300))
    out[upper] = np.log1p(-x) - log_x[upper]
    out[far] = -(log_high[far] + np.log(a) + betaln(a, b)) / a  # I_x(a, b) = x^a / (a B(a, b)) to all digits
    return (out + np.log(df)) / 2


def matched_radii(r: Float[np.ndarray, " n"], a: float, b: float, d: int) -> Float[np.ndarray, " n"]:
    """Radii of the law of df b that have the ranks which radii r have under df a, (n,) -> (n,).

    Examples
    --------
    >>> matched_radii(np.array([0.0, 1.0]), 5.0, 1e6, 1).round(4).tolist()
    [0.0, 0.9093]
    """
    with np.errstate(divide="ignore"):
        log_x = -np.log1p(r * r / a)
    upper, lower = betainc(a / 2, d / 2, np.exp(log_x)), betainc(d / 2, a / 2, r * r / (a + r * r))
    out = np.empty_like(r)
    near = lower < 0.5
    y = betaincinv(d / 2, b / 2, lower[near])
    out[near] = np.sqrt(b * y / (1 - y))
    # Ranks that floating point does not tell from 1 go by their logarithms, as in `_log_radii`.
    log_upper = np.where(
        upper > 1e-250, np.log(np.maximum(upper, 1e-300)), a / 2 * log_x - np.log(a / 2) - betaln(a / 2, d / 2)
    )
    out[~near] = np.exp(_log_radii(b, d, np.full((~near).sum(), -1e-300), log_upper[~near]))
    return out
