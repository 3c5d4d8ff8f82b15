"""Contact sheets: small pictures in rows, each with the colors of its palette below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixot._shapes import Num
from mixot.extras import require
from mixot.formulas.color_profiles import as_pixels
from mixot.imaging.swatches import Swatch

__all__ = ["contact_sheet", "reduced", "tile_of"]

TILE, SCREEN = 512, 1920  # pixels of the longer side of a picture on a sheet, and of all of them together, at most
_GAP, _STRIP = 1 / 40, 1 / 20  # of that side: between pictures, and the height of the colors below
_LUMA = (0.299, 0.587, 0.114)


def reduced(image: np.ndarray, side: int = TILE) -> Num[np.ndarray, "h w c"]:
    """Return a picture with 8 bits a channel whose longer side is at most ``side`` pixels, averaged over them."""
    pixels = as_pixels(image)
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    height, width = pixels.shape[:2]
    shrink = side / max(height, width)
    shallow = _shallow(pixels)
    if shrink >= 1:
        return shallow
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    pillow = require("PIL.Image", "image", "drawing sheets")
    channels = [pillow.fromarray(np.ascontiguousarray(shallow[:, :, c])) for c in range(shallow.shape[2])]
    return np.stack([np.asarray(each.resize(size, pillow.Resampling.BOX)) for each in channels], axis=2)


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]], swatches: Sequence[Sequence[Sequence[Swatch]]] | None = None
) -> Num[np.ndarray, "h w 3"]:
    """Return pictures of one size (h, w, 1 to 4) on white, rows of them centered, the colors of ``swatches`` below.

    These go from dark to light, each as wide as its share. Transparent pictures show the white behind them.
    """
    tiles = [[_on_white(image) for image in row] for row in rows]
    height, width = tiles[0][0].shape[:2]
    gap = max(2, round(_GAP * max(height, width)))
    strip = 0 if swatches is None else max(3, round(_STRIP * max(height, width)))
    below = height + (gap // 3 if strip else 0)
    cell = below + strip + gap
    most = max(map(len, tiles))
    sheet = np.full((gap + len(tiles) * cell, gap + most * (width + gap), 3), 255, np.uint8)
    for i, row in enumerate(tiles):
        indent = gap + (most - len(row)) * (width + gap) // 2
        for j, tile in enumerate(row):
            top, left = gap + i * cell, indent + j * (width + gap)
            sheet[top : top + height, left : left + width] = tile
            if swatches is not None:
                sheet[top + below : top + below + strip, left : left + width] = _bar(swatches[i][j], width)
    return sheet


def tile_of(across: int) -> int:
    """The longer side of pictures of which so many stand side by side: 512 pixels, or what fits on a screen.

    Examples
    --------
    >>> tile_of(2), tile_of(5)
    (512, 384)
    """
    return max(16, min(TILE, SCREEN // across))


def _shallow(pixels: np.ndarray) -> Num[np.ndarray, "h w c"]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _on_white(image: np.ndarray) -> Num[np.ndarray, "h w 3"]:
    pixels = _shallow(image if image.ndim == 3 else image[:, :, None])
    opaque = pixels.shape[2] in (1, 3)
    colors = pixels if opaque else pixels[:, :, :-1]
    colors = np.repeat(colors, 3, axis=2) if colors.shape[2] == 1 else colors
    if opaque:
        return colors
    seen = pixels[:, :, -1:].astype(np.float32) / 255
    return np.rint(colors * seen + 255 * (1 - seen)).astype(np.uint8)


def _bar(swatches: Sequence[Swatch], width: int) -> Num[np.ndarray, "w 3"]:
    """The colors side by side, from dark to light."""
    colors = np.array([swatch.rgb for swatch in swatches], np.uint8)
    shares = np.array([swatch.share for swatch in swatches])
    order = np.argsort(colors @ _LUMA, kind="stable")
    ends = np.cumsum(shares[order])
    which = np.searchsorted(ends / ends[-1], (np.arange(width) + 0.5) / width)
    return colors[order[np.minimum(which, len(order) - 1)]]
