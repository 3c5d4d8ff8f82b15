"""How close a texture is to its exemplar: laws of patches, contrast, and how much of it is a copy."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mixot import Samples, distance

_CHUNK = 512  # patches that are compared with all of the exemplar at a time
_AXES = 24  # principal axes in which the nearest patch is looked for


def patches_of(picture: np.ndarray, width: int) -> np.ndarray:
    """All patches, (rows, columns, width^2 c), a copy."""
    views = np.lib.stride_tricks.sliding_window_view(picture, (width, width), axis=(0, 1))
    return views.reshape(*views.shape[:2], -1)


def patch_distance(
    texture: np.ndarray, exemplar: np.ndarray, *, width: int = 8, n: int = 1000, seed: int = 11
) -> float:
    """W2 of n patches of each, in steps of 8 bits and for each number of a patch, without what any n patches differ by.

    ``sqrt(W2^2(a, b) - (W2^2(a, a') + W2^2(b, b')) / 2)`` of draws a, a' of the one and b, b' of the other: the plain
    distance rewards blur, whose patches lie in the middle of all. Below zero where it is the root of a negative number.
    """
    rng = np.random.default_rng(seed)

    def draw(picture: np.ndarray) -> Samples:
        patches = patches_of(picture, width).reshape(-1, width * width * picture.shape[2])
        return Samples(255 / np.sqrt(patches.shape[1]) * patches[rng.choice(len(patches), n, replace=False)])

    (a, a2), (b, b2) = ((draw(picture), draw(picture)) for picture in (texture, exemplar))
    square = (distance(a, b) ** 2 + distance(a2, b2) ** 2) / 2 - (distance(a, a2) ** 2 + distance(b, b2) ** 2) / 2
    return float(np.sign(square) * np.sqrt(abs(square)))


def contrast(texture: np.ndarray, exemplar: np.ndarray) -> float:
    """Standard deviation of all values about the mean color, over that of the exemplar."""
    return float(np.sqrt(texture.var(axis=(0, 1)).sum() / exemplar.var(axis=(0, 1)).sum()))


def largest_copy(
    texture: np.ndarray, exemplar: np.ndarray, *, width: int = 7, stride: int = 4, tol: float = 4 / 255
) -> float:
    """Share of the texture that its largest piece has which is the exemplar's, moved by one offset.

    Each patch on a grid of ``stride`` pixels is joined to its nearest one of the exemplar; neighbors with the same
    offset, both nearer than ``tol`` by root mean square, are one piece.
    """
    known = patches_of(exemplar, width)
    rows, columns = known.shape[:2]
    own = patches_of(texture, width)[::stride, ::stride]
    height, across = own.shape[:2]
    theirs = known.reshape(rows * columns, -1).astype(np.float32)
    mine = own.reshape(height * across, -1).astype(np.float32)
    nearest = _nearest(mine, theirs)
    close = np.sqrt(((theirs[nearest] - mine) ** 2).mean(axis=1)).reshape(height, across) < tol
    y, x = np.divmod(nearest.reshape(height, across), columns)
    offset = (y - np.arange(height)[:, None] * stride) * 1_000_000 + x - np.arange(across) * stride
    places = np.arange(height * across).reshape(height, across)
    right = (offset[:, 1:] == offset[:, :-1]) & close[:, 1:] & close[:, :-1]
    down = (offset[1:] == offset[:-1]) & close[1:] & close[:-1]
    one = np.concatenate([places[:, 1:][right], places[1:][down]])
    other = np.concatenate([places[:, :-1][right], places[:-1][down]])
    graph = coo_matrix((np.ones(len(one)), (one, other)), (height * across, height * across))
    labels = connected_components(graph)[1]
    sizes = np.bincount(labels[close.ravel()], minlength=1)
    return float(sizes.max() * stride**2 / (texture.shape[0] * texture.shape[1]))


def _nearest(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The nearest of their rows for each of mine, by the principal axes of theirs."""
    mean = theirs.mean(axis=0)
    some = theirs[::7] - mean
    axes = np.linalg.eigh(some.T @ some)[1][:, ::-1][:, :_AXES]
    x, y = (mine - mean) @ axes, (theirs - mean) @ axes
    squares = (y * y).sum(axis=1)
    starts = range(0, len(x), _CHUNK)
    return np.concatenate([(squares - 2 * x[at : at + _CHUNK] @ y.T).argmin(axis=1) for at in starts])
