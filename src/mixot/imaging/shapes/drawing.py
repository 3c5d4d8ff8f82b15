"""Mixtures in the plane as pictures: the ink of each pixel, or where there is most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixot._shapes import Float, Num
from mixot.errors import InputError
from mixot.families.elliptical.gaussian import Gaussian
from mixot.mixture import Mixture

if TYPE_CHECKING:
    from mixot.imaging.shapes.shape import Shape

_REACH = 4.5  # standard deviations to which a component is drawn; beyond lies 4e-5 of its mass
_STEPS = 40  # halvings of the interval in which the level of a silhouette lies


def pixel_density(mixture: Mixture[Gaussian], height: int, width: int, unit: float | int) -> Float[np.ndarray, "h w"]:
    """Mass of a mixture in each of height x width pixels of side 1 / unit about zero; float32.

    A component blurred by a pixel (1 / 12 of its squared side in each variance) has at its middle, to fourth order,
    the mean of the component over the pixel.
    """
    means = mixture.components.means * unit + np.array([width, height]) / 2 - 0.5
    covs = mixture.components.covs * unit**2 + np.eye(2) / 12
    out = np.zeros((height, width), np.float32)
    reach = _REACH * np.sqrt(np.diagonal(covs, axis1=1, axis2=2))
    low = np.clip(np.ceil(means - reach), 0, [width, height]).astype(int)
    high = np.clip(np.floor(means + reach) + 1, 0, [width, height]).astype(int)
    scale = mixture.weights / (2 * np.pi * np.sqrt(np.linalg.det(covs)))
    precision = np.linalg.inv(covs)
    for i in np.flatnonzero((high > low).all(axis=1)):
        x = (np.arange(low[i, 0], high[i, 0]) - means[i, 0]).astype(np.float32)
        y = (np.arange(low[i, 1], high[i, 1]) - means[i, 1]).astype(np.float32)[:, None]
        (a, b), (_, c) = precision[i].astype(np.float32)
        square = a * x * x + (2 * b) * y * x + c * y * y
        out[low[i, 1] : high[i, 1], low[i, 0] : high[i, 0]] += np.float32(scale[i]) * np.exp(np.float32(-0.5) * square)
    return out


def covered(density: Float[np.ndarray, "h w"], area: float | int) -> Float[np.ndarray, "h w"]:
    """How much of each pixel the set covers where a density exceeds a level, which is such that its area is ``area``.

    The border is taken for straight inside a pixel: it lies ``(density - level) / |gradient|`` from the middle.
    """
    slope = np.maximum(np.hypot(*np.gradient(density)), 1e-6 * density.max() + 1e-30)
    low, high = 0.0, float(density.max())
    for _ in range(_STEPS):
        level = (low + high) / 2
        if np.clip((density - level) / slope + 0.5, 0, 1).sum() > area:
            low = level
        else:
            high = level
        if high - low < 1e-4 * high:
            break
    return np.clip((density - high) / slope + 0.5, 0, 1)


def contact_sheet(
    shapes: Sequence[Sequence[Shape]], *, size: int = 256, gap: float | int = 0.04, silhouette: bool | None = None
) -> Num[np.ndarray, "h w"]:
    """Return shapes in rows and columns as one picture, dark on white, uint8.

    Parameters
    ----------
    shapes : sequence of sequences of Shape
        Rows, as from `four_corners`; one row is ``[path(...)]``.
    size : int
        Pixels along the longer side of each.
    gap : float
        White between them, relative to ``size``.
    silhouette : bool, optional
        As in `Shape.pixels`.

    Raises
    ------
    InputError
        Where there are no shapes, or rows of different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.imaging.shapes import Shape, contact_sheet, path
    >>> square, bar = np.ones((2, 24, 24))
    >>> square[6:18, 6:18] = bar[4:20, 10:14] = 0
    >>> contact_sheet([path(Shape.of(square, k=2), Shape.of(bar, k=2), 3)], size=32, gap=0).shape
    (32, 96)
    """
    lengths = {len(row) for row in shapes}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(f"shapes must be rows of one length, got {[len(row) for row in shapes]}")
    drawn = [[shape.pixels(size, silhouette=silhouette) for shape in row] for row in shapes]
    height, width = np.max([each.shape for row in drawn for each in row], axis=0)
    apart = round(gap * size)
    columns = len(drawn[0])
    sheet = np.full((len(drawn) * (height + apart) - apart, columns * (width + apart) - apart), 255, np.uint8)
    for i, row in enumerate(drawn):
        for j, each in enumerate(row):
            top, left = i * (height + apart) + (height - each.shape[0]) // 2, j * (width + apart)
            left += (width - each.shape[1]) // 2
            sheet[top : top + each.shape[0], left : left + each.shape[1]] = each
    return sheet
