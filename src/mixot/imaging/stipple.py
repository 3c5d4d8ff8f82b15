"""Pictures in dots: as many as are asked for, all alike, close where the picture is dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float, Num
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels
from mixot.formulas.pixel_weights import mask_values
from mixot.measures import Grid
from mixot.results import ProgressCallback
from mixot.transport.quantize import Quantization, quantize

__all__ = ["Stipple", "darkness", "density", "stipple"]

_FINE = 400  # pixels for each dot; larger pictures are averaged down to that
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue in grey (ITU-R BT.709)


@dataclass(frozen=True, eq=False, slots=True)
class Stipple:
    """Dots on a white sheet of ``width`` x ``height`` pixels, x to the right and y down."""

    dots: Float[np.ndarray, "n 2"]
    radius: float
    width: int
    height: int
    quantization: Quantization

    def svg(self) -> str:
        """The drawing as an SVG document."""
        circles = "".join(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{self.radius:.3f}"/>\n' for x, y in self.dots.tolist())
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n<g fill="#111">\n{circles}</g>\n</svg>\n'
        )

    def pixels(self, scale: float = 2.0) -> Num[np.ndarray, "h w"]:
        """The drawing as grey pixels of 8 bits, ``scale`` times as many along each side, with smooth rims."""
        height, width = round(self.height * scale), round(self.width * scale)
        radius, reach = self.radius * scale, int(np.ceil(self.radius * scale + 1))
        ink = np.zeros((height + 2 * reach, width + 2 * reach))
        window = np.arange(-reach, reach + 1)
        for part in np.array_split(self.dots * scale, max(1, len(self.dots) // 4096)):
            cols, rows = (np.floor(part[:, axis]).astype(int)[:, None] + window for axis in (0, 1))
            away = np.hypot(
                cols[:, None, :] + 0.5 - part[:, 0, None, None], rows[:, :, None] + 0.5 - part[:, 1, None, None]
            )
            inside = ((cols >= -reach) & (cols < width + reach))[:, None, :]
            inside = inside & ((rows >= -reach) & (rows < height + reach))[:, :, None]
            at = np.broadcast_arrays(rows[:, :, None] + reach, cols[:, None, :] + reach)
            np.maximum.at(ink, (at[0][inside], at[1][inside]), np.clip(radius + 0.5 - away, 0, 1)[inside])
        return np.rint(255 - 238 * ink[reach : reach + height, reach : reach + width]).astype(np.uint8)


def stipple(
    picture: Any,
    n: int = 2000,
    *,
    size: float = 1.0,
    gamma: float = 1.0,
    tol: float = 1e-2,
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Stipple:
    """Return n dots that draw a picture: the points of equal weight next to its darkness in W2.

    Such points are spread like blue noise: never close together, never in rows (de Goes et al. 2012).

    Parameters
    ----------
    picture : (h, w), (h, w, c)
        Grey, grey + alpha, RGB or RGBA; integers of 8 or 16 bits, or floats in [0, 1]. What is transparent is white.
    n : int
        Number of dots.
    size : float
        Of the dots: at 1 they have 0.7 of the ink of the picture, which leaves black parts a little light in between.
    gamma : float
        The darkness is raised to this power: above 1 the light parts lose dots to the dark ones.
    mask : (h, w), (h, w, 1 to 4), optional
        A picture of this size: where it is white the dots go, where it is black none, and fewer where it is grey.
    tol, rng, progress
        As for `quantize`.

    Returns
    -------
    Stipple
        ``.dots .radius .width .height .svg() .pixels() .quantization``

    Raises
    ------
    InputError
        Where the picture is white, or not a picture, or the mask has another size or leaves no darkness.

    Examples
    --------
    >>> drawing = stipple(np.linspace(0, 1, 24 * 32).reshape(24, 32), 50, rng=0)
    >>> drawing.dots.shape, bool(drawing.dots[:, 1].mean() < 12)  # the upper half is the dark one
    ((50, 2), True)
    """
    dark = _masked(darkness(picture) ** gamma, mask, "white: there is nothing to draw")
    height, width = dark.shape
    fewer = _averaged(dark, max(1, int(np.sqrt(dark.size / (_FINE * n)))))
    bounds = [[0.0, width], [0.0, height]]
    found = quantize(Grid(fewer.T, bounds), n, tol=tol, rng=rng, progress=progress)
    radius = size * float(np.sqrt(0.7 * dark.sum() / (np.pi * n)))
    return Stipple(found.samples.points, radius, width, height, found)


def density(picture: Any, *, bright: bool = False, mask: Any = None) -> Grid:
    """A picture as a density on its sheet: one unit a pixel, x to the right and y down, like the dots of a `Stipple`.

    Parameters
    ----------
    picture : (h, w), (h, w, c)
        As for `stipple`.
    bright : bool
        Whether the mass is where the picture is light; where it is dark if not.
    mask : (h, w), (h, w, 1 to 4), optional
        A picture of this size: the mass is multiplied by how light it is.

    Raises
    ------
    InputError
        Where there is no mass: the picture is white, or black for ``bright``, or the mask leaves none.

    Examples
    --------
    >>> density(np.array([[255, 0], [255, 255]], dtype=np.uint8)).values.tolist()  # x is the first axis
    [[0.0, 0.0], [1.0, 0.0]]
    """
    ink = darkness(picture)
    mass = _masked(1 - ink if bright else ink, mask, f"{'black' if bright else 'white'}: it has no mass")
    height, width = mass.shape
    return Grid(mass.T, [[0.0, width], [0.0, height]])


def _masked(mass: np.ndarray, mask: Any, empty: str) -> np.ndarray:
    """The mass of each pixel as far as a mask lets it count; ``empty`` says what a picture without any is."""
    if not mass.any():
        raise InputError(f"picture is {empty}; invert it first")
    if mask is None:
        return mass
    left = mass * mask_values(as_pixels(mask), mass.shape)
    if not left.any():
        raise InputError(f"picture, where the mask lets it count, is {empty}; take another mask")
    return left


def darkness(picture: Any) -> Float[np.ndarray, "h w"]:
    """Ink of each pixel, 0 white to 1 black; what is transparent is white."""
    pixels = as_pixels(picture)
    kind, bits = pixels.dtype.kind, 8 * pixels.dtype.itemsize
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] > 4) or not pixels.size:
        raise InputError(f"a picture must have shape (h, w) or (h, w, 1 to 4), got {pixels.shape}")
    if not (kind == "f" or (kind == "u" and bits <= 16)):
        raise InputError(f"a picture must have 8 or 16 unsigned bits, or floats in [0, 1], got {pixels.dtype}")
    values = pixels.astype(np.float64) / (1.0 if kind == "f" else 2.0**bits - 1)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise InputError(f"the values of a picture must lie in [0, 1], got {values.min():g} to {values.max():g}")
    if values.ndim == 2:
        return 1 - values
    channels = values.shape[2]
    grey = values[:, :, :3] @ _LUMA if channels >= 3 else values[:, :, 0]
    return (1 - grey) * (values[:, :, -1] if channels in (2, 4) else 1.0)


def _averaged(values: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of ``factor`` pixels; the last ones of a side may be narrower, the sheet stays what it is."""
    if factor == 1:
        return values
    rows, cols = (np.linspace(0, s, round(s / factor) + 1).astype(int) for s in values.shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows[:-1], axis=0), cols[:-1], axis=1)
    return sums / np.outer(np.diff(rows), np.diff(cols))
