"""Pictures at half their size and back, whatever it is: means over areas, and lines between their centers."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def halved(picture: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "y x c"]:
    """Means over areas of two by two pixels; of an odd side they are a little larger, and half a pixel less of them."""
    for axis in (0, 1):
        n = picture.shape[axis]
        picture = _averaged(picture, n // 2, axis)
    return picture


def enlarged(picture: Float[np.ndarray, "y x c"], size: tuple[int, int]) -> Float[np.ndarray, "h w c"]:
    """A picture on a torus at another size, linear between the centers of its pixels."""
    for axis, n in enumerate(size):
        m = picture.shape[axis]
        at = (np.arange(n) + 0.5) * (m / n) - 0.5
        low = np.floor(at).astype(np.intp)
        share = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        below, above = picture.take(low % m, axis=axis), picture.take((low + 1) % m, axis=axis)
        picture = below + share * (above - below)
    return picture


def _averaged(picture: np.ndarray, n: int, axis: int) -> np.ndarray:
    m = picture.shape[axis]
    if m == 2 * n:
        first, second = (picture.take(np.arange(start, m, 2), axis=axis) for start in (0, 1))
        return (first + second) / np.float32(2)
    edges = np.arange(n + 1) * (m / n)
    low = np.minimum(edges.astype(np.intp), m - 1)
    share = (edges - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    sums = np.cumsum(picture, axis=axis, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums.take([0], axis=axis)), sums], axis=axis)
    at = sums.take(low, axis=axis) + share * picture.take(low, axis=axis)
    return (np.diff(at, axis=axis) * (n / m)).astype(np.float32)
