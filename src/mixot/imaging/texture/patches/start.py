"""The picture that the rounds of matching begin with."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.imaging.texture.patches.grids import PatchGrid, Place

_LOOKED_AT = 600  # places that each block is chosen among
_EVEN = 0.5  # the less, the more it costs to take again what was taken


def gaussian_start(
    exemplar: Float[np.ndarray, "c h w"], height: int, width: int, rng: np.random.Generator
) -> Float[np.ndarray, "c y x"]:
    """Return a periodic Gaussian texture with the exemplar's mean and autocorrelation, (c, h, w) -> (c, height, width).

    White noise convolved with ``(u - mean) / sqrt(h w)``; of an exemplar larger than the picture, its corner.

    References
    ----------
    Galerne, Gousseau and Morel, *Random phase textures: theory and synthesis*, 2011 (asymptotic discrete spot noise).
    """
    part = exemplar[:, :height, :width]
    mean = part.mean(axis=(1, 2), keepdims=True)
    spot = np.zeros((len(exemplar), height, width))
    spot[:, : part.shape[1], : part.shape[2]] = (part - mean) / np.sqrt(part.shape[1] * part.shape[2])
    noise = np.fft.rfft2(rng.standard_normal((height, width)))
    return (mean + np.fft.irfft2(np.fft.rfft2(spot) * noise, s=(height, width))).astype(np.float32)


def quilted_start(
    exemplar: Float[np.ndarray, "c h w"], height: int, width: int, block: int, wraps: bool, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "c y x"], Place, PatchGrid]:
    """Return a quilt of blocks of the exemplar that fit together, their places, and where they lie.

    Row by row, each block is the one, of some hundred at random, whose squared error over what already lies there is
    least, times ``1/2 + u`` with u the use of its pixels so far over the mean. Overlaps, a third of a block, are
    averaged.

    References
    ----------
    Efros and Freeman, *Image quilting for texture synthesis and transfer*, 2001.
    """
    block = min(block, height, width) if not wraps else block
    grid = PatchGrid.cover(height, width, block, wraps, step=max(2 * block // 3, 1))
    windows = np.lib.stride_tricks.sliding_window_view(exemplar, (block, block), axis=(1, 2)).transpose(1, 2, 0, 3, 4)
    high, wide = windows.shape[:2]
    total, weight = np.zeros((len(exemplar), height, width), np.float32), np.zeros((height, width), np.float32)
    used = np.zeros(exemplar.shape[1:])
    y, x = np.zeros(grid.shape, np.int32), np.zeros(grid.shape, np.int32)
    for i, row in enumerate(grid.rows):
        for j, col in enumerate(grid.cols):
            at = np.ix_((row + np.arange(block)) % height, (col + np.arange(block)) % width)
            there = weight[at] > 0
            looked = rng.choice(high * wide, min(_LOOKED_AT, high * wide), replace=False)
            wanted = total[:, at[0], at[1]] / np.maximum(weight[at], 1)
            error = np.square(windows[looked // wide, looked % wide][:, :, there] - wanted[:, there]).sum(axis=(1, 2))
            share = _block_means(used, block).ravel()[looked] / max(used.mean(), 1e-9)
            best = looked[((error + 1e-3) * (_EVEN + share)).argmin()]
            y[i, j], x[i, j] = divmod(best, wide)
            used[y[i, j] : y[i, j] + block, x[i, j] : x[i, j] + block] += 1
            np.add.at(weight, at, 1)
            for channel, patch in zip(total, windows[y[i, j], x[i, j]], strict=True):
                np.add.at(channel, at, patch)
    return total / weight, (y, x), grid


def _block_means(field: np.ndarray, side: int) -> np.ndarray:
    total = np.pad(field.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return (total[side:, side:] - total[side:, :-side] - total[:-side, side:] + total[:-side, :-side]) / side**2
