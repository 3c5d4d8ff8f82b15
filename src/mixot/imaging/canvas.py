"""A picture taken apart into colors, weights and transparency, and put together again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.extras import require
from mixot.formulas.color_profiles import as_pixels
from mixot.formulas.pixel_weights import mask_values

__all__ = ["Canvas", "Space"]

Space = Literal["rgb", "lab"]

_BLOCK = 1 << 18  # pixels that are converted and moved at a time


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture taken apart: ``colors`` (h, w, 1 or 3) of the caller's type, ``alpha`` (h, w, 1) if there is any.

    ``mask`` (h, w), in [0, 1], says how much each pixel counts and moves; None stands for ones.
    """

    colors: np.ndarray
    alpha: np.ndarray | None
    shape: tuple[int, ...]
    mask: Float[np.ndarray, "h w"] | None = None

    @classmethod
    def of(cls, image: Any, mask: Any = None) -> Canvas:
        """Raises InputError on what is no picture, or no mask for it."""
        pixels = as_pixels(image)
        if pixels.dtype not in (np.uint8, np.uint16) and pixels.dtype.kind != "f":
            raise InputError(f"a picture must be uint8, uint16 or floats in [0, 1], got {pixels.dtype}")
        if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] > 4):
            raise InputError(f"a picture must have shape (h, w) or (h, w, 1 to 4), got {pixels.shape}")
        if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN fails both
            raise InputError(f"floats must lie in [0, 1], got {pixels.min():g} to {pixels.max():g}; divide first")
        stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
        opaque = stacked.shape[2] in (1, 3)
        colors, alpha = (stacked, None) if opaque else (stacked[:, :, :-1], stacked[:, :, -1:])
        return cls(colors, alpha, pixels.shape, None if mask is None else mask_values(as_pixels(mask), pixels.shape))

    @classmethod
    def joined(cls, parts: Sequence[Canvas]) -> Canvas:
        """The pixels of all parts as one picture of one column, to be counted together."""
        if len(parts) == 1:
            return parts[0]
        kinds = {part.colors.dtype for part in parts}
        deep = len(kinds) > 1  # pages of a file may differ in their bits
        colors = [part.rgb.reshape(-1, 1, 3) for part in parts]
        colors = [_as_shares(x) for x in colors] if deep else colors
        shares = [part.weights for part in parts]
        if all(share is None for share in shares):
            return cls(np.concatenate(colors), None, (sum(map(len, colors)), 1, 3))
        counted = [np.ones(len(x)) if w is None else w for x, w in zip(colors, shares, strict=True)]
        mask = np.concatenate(counted).astype(np.float32)[:, None]
        return cls(np.concatenate(colors), None, (len(mask), 1, 3), mask)

    @property
    def grey(self) -> bool:
        return self.colors.shape[2] == 1

    @property
    def top(self) -> float:
        """The value that stands for full brightness."""
        return float(np.iinfo(self.colors.dtype).max) if self.colors.dtype.kind == "u" else 1.0

    @property
    def weights(self) -> Float[np.ndarray, " n"] | None:
        """How much each pixel counts, row by row: by how opaque it is, and by the mask; None where all count one."""
        if self.alpha is None:
            return None if self.mask is None else self.mask.ravel()
        seen = self.alpha.ravel().astype(np.float32) / np.float32(self.top)
        return seen if self.mask is None else seen * self.mask.ravel()

    @property
    def rgb(self) -> np.ndarray:
        """The colors as (h, w, 3), uint8, uint16, float32 or float64."""
        plain = (
            self.colors if self.colors.dtype in (np.uint8, np.uint16, np.float64) else self.colors.astype(np.float32)
        )
        return np.repeat(plain, 3, axis=2) if self.grey else plain

    def blocks(self, space: Space) -> Iterator[tuple[slice, Float[np.ndarray, "n 3"]]]:
        """Rows of the picture with their colors in ``space``, about `_BLOCK` pixels at a time, float32."""
        height, width = self.colors.shape[:2]
        step = max(1, _BLOCK // width)
        for start in range(0, height, step):
            rows = slice(start, min(start + step, height))
            colors = self.colors[rows].reshape(-1, self.colors.shape[2]).astype(np.float32) / np.float32(self.top)
            rgb = np.repeat(colors, 3, axis=1) if self.grey else colors
            yield rows, to_lab(rgb) if space == "lab" else rgb

    def masked(self, moved: np.ndarray) -> np.ndarray:
        """Colors (h, w, 3) where the mask is 1, the picture's own where it is 0, in place; shares between."""
        if self.mask is None:
            return moved
        rounding = 0.5 if moved.dtype.kind == "u" else 0.0
        kind = np.result_type(moved.dtype, np.float32) if moved.dtype.kind == "f" else np.float32
        step = max(1, _BLOCK // moved.shape[1])
        for start in range(0, len(moved), step):
            rows = slice(start, start + step)
            before = self.colors[rows].astype(kind)
            away = moved[rows].astype(kind) - before
            moved[rows] = (before + self.mask[rows, :, None] * away + rounding).astype(moved.dtype)
        return moved

    def finish(self, colors: np.ndarray, *, grey: bool) -> np.ndarray:
        """The picture put together again: alpha as it was, the shape that came in where the channels allow it."""
        out = colors if not grey else colors[:, :, :1]
        if self.alpha is not None:
            out = np.concatenate([out, self.alpha], axis=2)
        return out.reshape(self.shape) if out.size == np.prod(self.shape) else out


def quantize(colors: Float[np.ndarray, "n 3"], canvas: Canvas, space: Space) -> np.ndarray:
    """Colors of a space as pixels of the canvas's type, rounded to the nearest."""
    rgb = np.clip(from_lab(colors) if space == "lab" else colors, 0.0, 1.0)
    if canvas.colors.dtype.kind == "f":
        return rgb.astype(canvas.colors.dtype)
    return (rgb * np.float32(canvas.top) + np.float32(0.5)).astype(canvas.colors.dtype)


def _as_shares(pixels: np.ndarray) -> np.ndarray:
    top = np.float32(np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0)
    return pixels.astype(np.float32) / top


def to_lab(rgb: np.ndarray) -> np.ndarray:
    return (require("skimage.color", "image", "the perceptual space").rgb2lab(rgb) / 100).astype(np.float32)


def from_lab(lab: np.ndarray) -> np.ndarray:
    convert = require("skimage.color", "image", "the perceptual space").lab2rgb
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colors that no screen can show: they are clipped next
        return convert(lab * np.float32(100)).astype(np.float32)
