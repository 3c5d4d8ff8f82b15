"""Couplings of pairs of components, each told as the law of y given x: what a map of mixtures is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from mixot._shapes import Bool, Float


@runtime_checkable
class Coupling(Protocol):
    """Optimal couplings of s pairs of components, each told as the law of y given x.

    What a family answers when a map is asked for. `AffineCoupling` serves the families whose maps are affine,
    `mixot.families.line.couplings` those on the line.
    """

    def __len__(self) -> int:
        """Return the number of pairs, s."""
        ...

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        """Whether x determines y, pair by pair."""
        ...

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        """Mean of y given x under one pair: the optimal map itself wherever ``is_map``, (n, d) -> (n, d)."""
        ...

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        """One draw of y for each x under one pair; its law is the target's where x has the source's."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class AffineCoupling:
    """Optimal couplings of s pairs of components whose conditional laws are affine Gaussian.

    Given x, ``y ~ N(linear[s] @ x + shift[s], noise[s])``. Where ``noise`` is zero the coupling is a map.
    """

    linear: Float[np.ndarray, "s d d"]
    shift: Float[np.ndarray, "s d"]
    noise: Float[np.ndarray, "s d d"]

    def __len__(self) -> int:
        return len(self.shift)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.logical_not(self.noise.any(axis=(1, 2)))

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        return x @ self.linear[pair].T + self.shift[pair]

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        y = self.map(x, pair)
        if self.noise[pair].any():
            lam, q = np.linalg.eigh(self.noise[pair])
            y += rng.standard_normal(y.shape) @ (q * np.sqrt(np.clip(lam, 0.0, None))).T
        return y


@dataclass(frozen=True, eq=False, slots=True)
class ProductCoupling:
    """Couplings that act block by block: pair s couples block j of x with block j of y by ``parts[j]``.

    For squared distances this is optimal between product laws whenever each part is.
    """

    parts: tuple[Coupling, ...]
    dims: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.all([part.is_map for part in self.parts], axis=0)

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        blocks = np.split(x, np.cumsum(self.dims)[:-1], axis=1)
        return np.hstack([part.map(block, pair) for part, block in zip(self.parts, blocks, strict=True)])

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        blocks = np.split(x, np.cumsum(self.dims)[:-1], axis=1)
        return np.hstack([part.sample(block, pair, rng) for part, block in zip(self.parts, blocks, strict=True)])


def mean_image(
    pieces: Coupling, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n s"]
) -> Float[np.ndarray, "n d"]:
    """``sum_s shares[:, s] E_s[y | x]``, (n, d), (n, s) -> (n, d): the mean map between mixtures.

    Shares below rounding are not evaluated.
    """
    out = np.zeros_like(x)
    for pair in range(len(pieces)):
        seen = np.flatnonzero(shares[:, pair] > 1e-18)
        if len(seen):
            out[seen] += shares[seen, pair, None] * pieces.map(x[seen], pair)
    return out


def random_image(
    pieces: Coupling, x: Float[np.ndarray, "n d"], pairs: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "n d"]:
    """One draw of y given x under the pair chosen for each point, (n, d), (n,) -> (n, d): the random map."""
    out = np.empty_like(x)
    for pair in np.unique(pairs):
        mine = pairs == pair
        out[mine] = pieces.sample(x[mine], int(pair), rng)
    return out
