"""A smooth map of colors: affine, and a sum of radial functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Float

_FEW = 200_000  # products of numbers up to which a BLAS starts no threads, which would cost more than they bring
_BLOCK = 512  # colors at which the radial functions are found at a time


@dataclass(frozen=True, eq=False)
class SmoothMap:
    """``T(x) = linear x + shift + sum_j heights_j exp(-|x - centers_j|^2 / (2 width^2))`` on colors (n, 3)."""

    linear: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, "3"]
    centers: Float[np.ndarray, "k 3"]
    heights: Float[np.ndarray, "k 3"]
    width: float

    def __call__(
        self, colors: Float[np.ndarray, "n 3"], basis: Float[np.ndarray, "n k"] | None = None
    ) -> Float[np.ndarray, "n 3"]:
        if basis is not None:
            return self.affine(colors) + thin_product(basis, self.heights)
        out = self.affine(colors)
        for start in range(0, len(colors), _BLOCK):  # in the cache: all functions at all entries of a table are 60 MB
            part = slice(start, start + _BLOCK)
            out[part] += thin_product(self.basis(colors[part]), self.heights)
        return out

    def affine(self, colors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """The map without its radial part."""
        return colors @ self.linear.T + self.shift

    def basis(self, colors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n k"]:
        """The radial functions at the colors."""
        squares = (2 * colors) @ self.centers.T
        squares -= (colors**2).sum(axis=1)[:, None] + (self.centers**2).sum(axis=1)
        np.minimum(squares, 0, out=squares)
        squares /= 2 * self.width**2
        return np.exp(squares, out=squares)

    def jacobian(
        self, colors: Float[np.ndarray, "n 3"], basis: Float[np.ndarray, "n k"] | None = None
    ) -> Float[np.ndarray, "n 3 3"]:
        """``DT`` at the colors: entry (i, j) says how coordinate i of the image grows with coordinate j."""
        radial = self.basis(colors) if basis is None else basis
        towards = thin_product(radial, (self.heights[:, :, None] * self.centers[:, None, :]).reshape(-1, 9))
        here = thin_product(radial, self.heights)[:, :, None] * colors[:, None, :]
        return self.linear + (towards.reshape(-1, 3, 3) - here) / self.width**2


def thin_product(a: Float[np.ndarray, "n k"], b: Float[np.ndarray, "k m"]) -> Float[np.ndarray, "n m"]:
    """``a @ b`` for a small m, in blocks of rows."""
    rows = max(1, _FEW // b.size)
    return np.concatenate([a[start : start + rows] @ b for start in range(0, len(a), rows)])
