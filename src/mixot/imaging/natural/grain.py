"""A table of colors applied to a picture, grain left as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import move_smoothed, smoothing_coefficients, sum_blocks
from mixot._shapes import Float
from mixot.imaging.guided import box_mean
from mixot.imaging.natural.table import ColorTable
from mixot.threads import thread_count

_RADIUS = 0.008  # of the windows, as a share of the root of the picture's area: 8 pixels in a megapixel
_EPS = 6e-4  # sqrt(eps) is 2.4 % of full scale: what varies less than that in a window is grain
_CELLS = 3  # cells of the grid of coefficients in a radius


def move_without_grain(
    pixels: np.ndarray,
    table: ColorTable,
    *,
    weights: Float[np.ndarray, "h w"] | None = None,
    amounts: Float[np.ndarray, "h w"] | None = None,
) -> np.ndarray:
    """Return the picture (h, w, 3), uint8, uint16 or floats, moved by the table, its grain not made larger or smaller.

    Each color ``u`` is moved as far as the table moves the color that its surroundings make of it,

        u + T(s) - s,    s = A u + b,    A = cov (cov + eps I)^-1,    b = (I - A) mean

    with means and covariances of the colors in windows around it: the guided filter with the picture as its own guide.
    In flat surroundings s is their mean, and grain passes with gain one; at edges s is u, and the table alone speaks,
    so that no halo can arise there.

    ``weights`` say how much a pixel counts in the windows, ``amounts`` how far it moves (both 1 where not given).

    References
    ----------
    He, Sun and Tang, *Guided image filtering*, 2013, section 3.4; He and Sun, *Fast guided filter*, 2015: the
    coefficients are found on a coarser grid, from sums over its cells.
    """
    return Surroundings.of(pixels, weights).move(table, amounts)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What `move_without_grain` has to know of a picture; found once, it serves any number of tables.

    ``coefficients`` (h', w', 9) are A and b on a grid that is coarser by ``step``.
    """

    pixels: np.ndarray
    coefficients: Float[np.ndarray, "h w 9"]
    step: int

    @classmethod
    def of(cls, pixels: np.ndarray, weights: Float[np.ndarray, "h w"] | None = None) -> Surroundings:
        """Those of a picture; the arguments are those of `move_without_grain`."""
        height, width = pixels.shape[:2]
        radius = _RADIUS * np.sqrt(height * width)
        step = max(1, round(radius / _CELLS))
        rows, cols = -(-height // step), -(-width // step)
        photo = np.ascontiguousarray(pixels)
        sums = np.empty((rows, cols, 10), np.float32)
        sum_blocks(photo, _as_native(weights), step, sums, thread_count())
        reach = max(1, round(radius / step))
        coefficients = np.empty((rows * cols, 9), np.float32)
        smoothing_coefficients(box_mean(sums, reach).reshape(-1, 10), _EPS, coefficients)
        return cls(photo, box_mean(coefficients.reshape(rows, cols, 9), reach), step)

    def move(self, table: ColorTable, amounts: Float[np.ndarray, "h w"] | None = None) -> np.ndarray:
        """The picture moved by the table."""
        out = np.empty_like(self.pixels)
        threads = thread_count()
        move_smoothed(self.pixels, _as_native(amounts), table.values, self.coefficients, self.step, out, threads)
        return out


def _as_native(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else np.ascontiguousarray(values, np.float32)
