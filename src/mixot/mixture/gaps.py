"""What a mixture says of points of which some coordinates are missing: of what is known, and of the rest given that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mixot._shapes import Float
from mixot._typing import F
from mixot.families.roles import Conditioned, require
from mixot.incomplete import patterns

if TYPE_CHECKING:
    from mixot.mixture.mixture import Mixture


def of_what_is_known(
    mixture: Mixture, points: np.ndarray, out: np.ndarray, ask: Callable[[Mixture, np.ndarray], np.ndarray]
) -> np.ndarray:
    """What marginals answer for rows of which they know all; ``out`` where nothing is known."""
    for known, rows in patterns(points):
        if len(known):
            out[rows] = ask(mixture.marginal(known.tolist()), points[np.ix_(rows, known)])
    return out


def given_one(mixture: Mixture[F], known: np.ndarray, x: np.ndarray) -> tuple[Float[np.ndarray, " k"], F]:
    """Weights and laws of the other coordinates given the known ones of one point, x of their number."""
    laws = require(mixture.components, Conditioned)
    there = np.tile(x.astype(np.float64), (len(mixture), 1))
    shares = mixture.marginal(known.tolist()).responsibilities(there[:1])[0]
    return shares, laws.conditional(known, there, np.arange(len(mixture)))


def fill(mixture: Mixture, points: Float[np.ndarray, "n d"], generator: np.random.Generator | None) -> None:
    """Write conditional means, or draws where there is a generator, over what is NaN in the points."""
    for known, rows in patterns(points):
        if len(known) < mixture.dim:
            unknown = np.setdiff1d(np.arange(mixture.dim), known)
            points[np.ix_(rows, unknown)] = _expected(mixture, known, points[np.ix_(rows, known)], generator)


def _expected(
    mixture: Mixture, known: np.ndarray, x: np.ndarray, generator: np.random.Generator | None
) -> Float[np.ndarray, "n m"]:
    """Means of the other coordinates given the known ones, or draws of them."""
    if not len(known):
        means = np.broadcast_to(mixture.mean(), (len(x), mixture.dim))
        return means if generator is None else mixture.sample(len(x), rng=generator)
    laws = require(mixture.components, Conditioned)
    shares = mixture.marginal(known.tolist()).responsibilities(x)
    if generator is None:
        return np.einsum("nk,nkm->nm", shares, laws.conditional_mean(known, x))
    reach = shares.cumsum(axis=1)
    labels = np.minimum((reach < generator.random((len(x), 1)) * reach[:, -1:]).sum(axis=1), len(mixture) - 1)
    return laws.conditional(known, x, labels).sample(np.arange(len(x)), generator)
