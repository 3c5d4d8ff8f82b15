"""Distribution and quantile functions of a mixture on the line."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.base import Family
from mixot.families.roles import OnTheLine, require


def check_line(dim: int) -> None:
    """Raise an `InputError` where a mixture does not live on the line."""
    if dim != 1:
        raise InputError(
            f"only laws on the line have quantiles, got dimension {dim}; take a marginal: mixture.marginal([0])"
        )


def cdf(weights: np.ndarray, components: Family, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """P(X <= x) at each x, (n,) -> (n,)."""
    return require(components, OnTheLine).cdf(x) @ weights


def quantiles(
    weights: np.ndarray, components: Family, level: Float[np.ndarray, " n"], mean: float, deviation: float
) -> Float[np.ndarray, " n"]:
    """The smallest x with ``cdf(x) >= level``, (n,) -> (n,); brackets begin around the mixture's mean."""
    reach = 10 * deviation + 1e-300
    low, high = np.full(level.shape, mean - reach), np.full(level.shape, mean + reach)
    while ((below := cdf(weights, components, low) >= level) | (above := cdf(weights, components, high) < level)).any():
        reach *= 2
        low, high = low - reach * below, high + reach * above
    for _ in range(110):  # halves the brackets down to neighboring floats; around 0, until nothing is left of them
        middle = low + (high - low) / 2
        if ((middle <= low) | (middle >= high)).all():
            break
        enough = cdf(weights, components, middle) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.floor(high) if components.discrete else high
