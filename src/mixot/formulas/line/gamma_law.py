"""What Gamma laws need beyond elementary functions: a rule for integrals of quantiles, and the shape equation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import digamma, gammainccinv, gammaincinv, gammaln, polygamma

from mixot._shapes import Bool, Float

NEAR = 1e-3  # shapes within this share of each other: what quantiles differ by loses too many digits
NEIGHBORHOOD = 0.15  # share of the shape over which quantiles are interpolated,
_DEGREE = 12  # to rounding, at so many shapes
_NEARLY_NORMAL = 1e5  # shapes above: the expansion below is exact to rounding, the incomplete gamma function is not


def rank_rule(
    step: float = 1 / 24, end: float = 3.75
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"], Float[np.ndarray, " r"]]:
    """Nodes u, their complements 1 - u, and weights of a rule for integrals over (0, 1), r = 181.

    The double exponential rule ``u = 1 / (1 + exp(-pi sinh z))``, z equidistant. Powers and logarithms at the two
    ends, which is what quantile functions have there, cost it no digits: what is left out lies within 1e-28 of them.

    References
    ----------
    Takahasi and Mori, Double exponential formulas for numerical integration (1974).
    """
    z = np.arange(-round(end / step), round(end / step) + 1) * step
    s = np.pi * np.sinh(z)
    lower, upper = 1 / (1 + np.exp(-s)), 1 / (1 + np.exp(s))
    return lower, upper, step * np.pi * np.cosh(z) * lower * upper


def centered_gamma_quantiles(
    shapes: Float[np.ndarray, " k"], lower: Float[np.ndarray, " r"], upper: Float[np.ndarray, " r"]
) -> Float[np.ndarray, "k r"]:
    """``F^-1(u) - shape`` of Gamma laws of scale one at ranks u = lower = 1 - upper, (k,), (r,), (r,) -> (k, r)."""
    out = np.empty((len(shapes), len(lower)))
    for k, h in enumerate(shapes):
        if h <= _NEARLY_NORMAL:
            low = lower <= 0.5
            # Each tail from its own side: 1 - u has no digits left where u is next to one.
            out[k, low] = gammaincinv(h, lower[low]) - h
            out[k, ~low] = gammainccinv(h, upper[~low]) - h
        else:
            out[k] = _cornish_fisher(h, lower, upper)
    return out


def centered_reciprocals(shapes: Float[np.ndarray, " k"]) -> Float[np.ndarray, "k r"]:
    """``(1 / g - E[1 / g]) sqrt(weight)`` of Gamma laws at the nodes of a rule over ranks, (k,) -> (k, r).

    Shapes are above 2, so that products of rows add to covariances.
    """
    # Near the rank zero 1 / g grows like rank^(-1 / shape). Where the smallest shape is next to 2 its square is barely
    # integrable, and the rule has nodes down to ranks of exp(-10^9) and less, which are told by their logarithms.
    reach = 45 * shapes.min() / (shapes.min() - 2)  # beyond, exp(-45) of the smallest law's second moment
    first = -max(3.75, float(np.arcsinh(reach / np.pi)))
    z = np.arange(round(first * 24), round(3.75 * 24) + 1) / 24
    s = np.pi * np.sinh(z)
    log_root = (np.log(np.pi / 48) + np.abs(z) + np.log1p(np.exp(-2 * np.abs(z)))) / 2 - np.log1p(np.exp(-np.abs(s)))
    near = s > -600
    small = 1 / (1 + np.exp(np.abs(s[near])))
    lower, upper = np.where(s[near] < 0, small, 1 - small), np.where(s[near] < 0, 1 - small, small)
    out = np.empty((len(shapes), len(z)))
    for k, h in enumerate(shapes):
        away = centered_gamma_quantiles(shapes[[k]], lower, upper)[0]
        g = away + h
        low = lower < 0.5
        if h <= _NEARLY_NORMAL:
            g[low] = gammaincinv(h, lower[low])
        out[k, near] = -(away + 1) / (g * (h - 1)) * np.exp(log_root[near] - np.abs(s[near]) / 2)
        # So far down log g = (log rank + log Gamma(shape + 1)) / shape.
        out[k, ~near] = np.exp(log_root[~near] + (s[~near] * (h - 2) / 2 - gammaln(h + 1)) / h)
    return out


def nearly_equal(h: Float[np.ndarray, " k"], g: Float[np.ndarray, " l"]) -> Bool[np.ndarray, "k l"]:
    """Which shapes nearly agree, but do not, and are such that the incomplete gamma function is used."""
    away = np.abs(h[:, None] - g)
    return (away > 0) & (away <= NEAR * g) & (g * (1 + NEIGHBORHOOD) <= _NEARLY_NORMAL)


def rows_nearby(
    rows: Callable[[np.ndarray], np.ndarray], h: float, g: Float[np.ndarray, " l"], width: float
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, "l r"]]:
    """``rows(h)`` and ``rows(g) - rows(h)`` for g close to h, without cancellation; ``rows`` is smooth in the shape."""
    # It is interpolated by Chebyshev polynomials over h +- width.
    angles = (np.arange(_DEGREE) + 0.5) * (np.pi / _DEGREE)
    table = rows(np.append(h + width * np.cos(angles), h))
    basis = np.cos(np.outer(np.arange(_DEGREE), angles)) * (2 / _DEGREE)
    t = (g - h) / width
    # With T_k(t) - T_k(0) = t d_k the difference has the factor t; d_(k + 1) = 2 T_k(t) - d_(k - 1).
    slopes, before, now = [np.zeros_like(t), np.ones_like(t)], np.ones_like(t), t
    while len(slopes) < _DEGREE:
        slopes.append(2 * now - slopes[-2])
        before, now = now, 2 * t * now - before
    return table[-1], t[:, None] * (np.stack(slopes, axis=1) @ (basis @ table[:-1]))


def _cornish_fisher(h: float, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Centered quantiles of a large shape by the expansion to order ``shape^(-5/2)`` (Goldberg and Levine 1946)."""
    from scipy.special import ndtri

    z = np.where(lower <= 0.5, ndtri(np.minimum(lower, 0.5)), -ndtri(np.minimum(upper, 0.5)))
    s, z2 = np.sqrt(h), z * z
    terms = (  # coefficients of sqrt(h)^1, ^0, ^-1 ...
        z,
        (z2 - 1) / 3,
        z * (z2 - 7) / 36,
        -((3 * z2 + 7) * z2 - 16) / 810,
        z * ((9 * z2 + 256) * z2 - 433) / 38880,
        (((12 * z2 - 243) * z2 - 923) * z2 + 1472) / 204120,
        -z * (((3753 * z2 + 4353) * z2 - 289517) * z2 - 289717) / 146966400,
    )
    return np.polynomial.polynomial.polyval(1 / s, np.array(terms)) * s


def solve_shape(gap: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The shapes h with ``log h - digamma(h) = gap``, for gap >= 1e-9, (k,) -> (k,).

    Where the likelihood of a Gamma law is stationary in its shape, with gap = log(mean) - mean(log) (Minka 2002).

    Examples
    --------
    >>> import numpy as np
    >>> bool(abs(solve_shape(np.array([0.5772156649015329]))[0] - 1) < 1e-12)
    True
    """
    with np.errstate(divide="ignore"):
        h = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    h = np.clip(h, 1e-300, 1e9)
    # Newton on 1 / h, from a start within 2 %: five steps reach rounding.
    for _ in range(6):
        slope = h - h**2 * polygamma(1, h)
        h = np.clip(1 / (1 / h + (np.log(h) - digamma(h) - gap) / slope), 1e-300, 1e9)
    return h
