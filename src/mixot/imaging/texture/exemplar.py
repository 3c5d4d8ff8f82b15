"""What a texture is made from: a picture's colors, checked where they come in, and how they go out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import is_whole
from mixot._shapes import Bool, Float
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels
from mixot.formulas.pixel_weights import mask_values

LEAST = 8  # pixels along each side of an exemplar, and of a tile
_MOST = 1 << 25  # pixels that are made at a time
_PER_PIXEL = 150  # bytes of memory, of pictures in color


@dataclass(frozen=True, eq=False)
class Exemplar:
    """The colors of an exemplar, (h, w, c) float32 in [0, 1], c = 1 or 3, and the picture's type and axes.

    A picture in color whose channels are all alike has c = 1. ``mask`` tells the pixels that have no color yet.
    """

    colors: Float[np.ndarray, "h w c"]
    dtype: np.dtype
    axes: tuple[int, ...]  # the shape of a pixel: () or (channels,)
    mask: Bool[np.ndarray, "h w"] | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, picture: Any, mask: Any = None) -> Exemplar:
        """Return what a picture is as an exemplar.

        Of a picture that is transparent in places the largest opaque rectangle is taken, and a note says so.

        Raises
        ------
        InputError
            Where it is no picture, a narrow one, or of one color; where the mask does not fit, is empty, or leaves
            nothing; where pixels are transparent and a mask is given, too.
        """
        pixels = as_pixels(picture)
        _check(pixels)
        stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
        channels = stacked.shape[2]
        notes: tuple[str, ...] = ()
        if channels in (2, 4):
            stacked, notes = _opaque(stacked, has_mask=mask is not None)
        top = np.iinfo(stacked.dtype).max if stacked.dtype.kind == "u" else 1.0
        colors = stacked.astype(np.float32) / np.float32(top)
        if colors.shape[2] == 3 and (colors[:, :, :1] == colors).all():
            colors = colors[:, :, :1]  # grey, written as a color
        height, width = colors.shape[:2]
        if min(height, width) < LEAST:
            raise InputError(
                f"an exemplar must have at least {LEAST} x {LEAST} pixels, got {width} x {height} (width x height); "
                "take a larger piece of the picture"
            )
        holes = None if mask is None else _as_mask(mask, (height, width))
        seen = colors.reshape(-1, colors.shape[2]) if holes is None else colors[~holes]
        if (seen == seen[0]).all():
            raise InputError("the exemplar has one color everywhere: there is no texture in it; take another piece")
        axes = () if pixels.ndim == 2 else (channels - (channels in (2, 4)),)
        return cls(np.ascontiguousarray(colors), stacked.dtype, axes, holes, notes)

    def finish(self, colors: Float[np.ndarray, "y x c"]) -> np.ndarray:
        """Colors (y, x, c) as a picture of the type and with the channels of the one that came in."""
        bounded = np.clip(colors, 0.0, 1.0)
        if self.dtype.kind == "u":
            bounded = bounded * np.float32(np.iinfo(self.dtype).max) + np.float32(0.5)
        out = bounded.astype(self.dtype)
        if not self.axes:
            return out[:, :, 0]
        return np.ascontiguousarray(np.broadcast_to(out, (*out.shape[:2], *self.axes)))


def checked_size(size: Any, exemplar: Exemplar, *, periodic: bool) -> tuple[int, int]:
    """Height and width of what is made, those of the exemplar for None; `InputError` where they cannot be."""
    own = exemplar.colors.shape[0], exemplar.colors.shape[1]
    if size is None:
        return own
    if not (isinstance(size, tuple | list) and len(size) == 2 and all(is_whole(side) and side >= 1 for side in size)):
        raise InputError(f"size must be a height and a width, whole numbers of at least 1, got {size!r}")
    height, width = int(size[0]), int(size[1])
    if exemplar.mask is not None and (height, width) != own:
        raise InputError(
            f"with a mask the picture keeps its size, {own[1]} x {own[0]}, and {width} x {height} was asked for "
            "(width x height); leave out the size"
        )
    if periodic and min(height, width) < LEAST:
        raise InputError(
            f"a tile must have at least {LEAST} x {LEAST} pixels, got {width} x {height}; make a larger one"
        )
    if height * width > _MOST:
        raise InputError(
            f"a texture of {width} x {height} pixels would take about {height * width * _PER_PIXEL / 2**30:.3g} GiB of "
            f"memory; at most {_MOST} pixels are made at a time: make a periodic tile, and repeat it"
        )
    return height, width


def _check(pixels: np.ndarray) -> None:
    if pixels.dtype not in (np.uint8, np.uint16) and pixels.dtype.kind != "f":
        raise InputError(f"an exemplar must be uint8, uint16 or floats in [0, 1], got {pixels.dtype}")
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise InputError(f"an exemplar must have shape (h, w) or (h, w, 1 to 4), got {pixels.shape}")
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN fails both
        raise InputError(f"floats must lie in [0, 1], got {pixels.min():g} to {pixels.max():g}; divide first")


def _opaque(stacked: np.ndarray, *, has_mask: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """The largest rectangle that is opaque, without its alpha, and what there is to say about it."""
    colors, alpha = stacked[:, :, :-1], stacked[:, :, -1]
    solid = alpha == (np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1.0)
    if solid.all():
        return colors, ()
    if has_mask:
        raise InputError("the picture is transparent in places, and a mask is given; flatten it, or leave out the mask")
    top, bottom, left, right = largest_rectangle(solid)
    if top == bottom:
        raise InputError("the exemplar is transparent everywhere: nothing of it can be seen")
    kept = f"{right - left} x {bottom - top} pixels from ({left}, {top})"
    return colors[top:bottom, left:right], (
        f"the exemplar is transparent in places: its largest opaque rectangle is used, {kept}",
    )


def largest_rectangle(inside: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
    """The largest rectangle of True: top, bottom, left, right, of which the second and the last are just beyond it.

    Row by row the rectangles that end there are those under a skyline, the number of True above each column
    including it; a stack of rising steps finds the largest.
    """
    best, area = (0, 0, 0, 0), 0
    skyline = np.zeros(inside.shape[1], np.intp)
    for row, cells in enumerate(inside):
        skyline = (skyline + 1) * cells
        steps: list[tuple[int, int]] = []  # column where it starts, height
        for column, height in enumerate([*skyline.tolist(), 0]):
            start = column
            while steps and steps[-1][1] >= height:
                start, tall = steps.pop()
                if tall * (column - start) > area:
                    best, area = (row + 1 - tall, row + 1, start, column), tall * (column - start)
            steps.append((start, height))
    return best


def _as_mask(mask: Any, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Where the picture is to be filled: where a mask is true, or brighter than half of its range."""
    holes = np.asarray(mask_values(as_pixels(mask), shape) > 0.5)
    if not holes.any():
        raise InputError("the mask is nowhere brighter than half: no pixel is filled; those that are to be are white")
    if (~holes).sum() < LEAST * LEAST:
        raise InputError(
            f"the mask leaves {int((~holes).sum())} pixels to learn from, at least {LEAST * LEAST} are needed; it is "
            "white where the picture is filled, and black where it stays"
        )
    return holes
