"""Maps of colors as tables of three dimensions, as photographers' programs read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import look_up_colors
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.threads import thread_count

LARGEST = 256  # entries a side, of which .cube files hold no more
_KINDS = (np.uint8, np.uint16, np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class ColorTable:
    """A map of colors, sRGB in [0, 1] to sRGB in [0, 1], given on a grid and trilinear between.

    ``values[i, j, k]`` is the color that ``(i, j, k) / (n - 1)`` (red, green, blue) becomes: shape (n, n, n, 3),
    float32, n at least 2. Calling the table moves pixels.

    Raises
    ------
    InputError
        On another shape, or values that are not finite or lie outside [0, 1].

    Examples
    --------
    >>> negative = ColorTable(1 - ColorTable.identity(2).values)
    >>> negative(np.uint8([[255, 100, 0]])).tolist()
    [[0, 155, 255]]
    """

    values: Float[np.ndarray, "n n n 3"]

    def __init__(self, values: np.ndarray) -> None:
        table = np.ascontiguousarray(values, dtype=np.float32)
        if table.ndim != 4 or table.shape[3] != 3 or len(set(table.shape[:3])) != 1 or table.shape[0] < 2:
            raise InputError(f"a table of colors has the shape (n, n, n, 3), n at least 2, got {np.shape(values)}")
        if not (table.min() >= 0 and table.max() <= 1):  # NaN fails both
            raise InputError(f"a table holds colors in [0, 1], got {table.min():g} to {table.max():g}")
        object.__setattr__(self, "values", table)

    @classmethod
    def identity(cls, size: int) -> ColorTable:
        """The table of ``size`` steps a side that moves no color."""
        if size < 2:
            raise InputError(f"a table has at least 2 entries a side, got {size}")
        steps = np.linspace(0.0, 1.0, size, dtype=np.float32)
        return cls(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1))

    @property
    def size(self) -> int:
        """Entries a side."""
        return self.values.shape[0]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 3), uint8, uint16 or floats in [0, 1], moved; an array of the same shape and type.

        Floats outside [0, 1] are moved as the nearest color inside, NaN as 0.
        """
        colors = np.asarray(pixels)
        if colors.ndim == 0 or colors.shape[-1] != 3 or colors.dtype not in _KINDS:
            raise InputError(
                f"pixels must be uint8, uint16 or floats of shape (..., 3), got {colors.dtype} {colors.shape}"
            )
        rows = np.ascontiguousarray(colors.reshape(-1, 3), dtype=colors.dtype.newbyteorder("="))
        out = np.empty_like(rows)
        look_up_colors(self.values, rows, out, thread_count())
        return out.reshape(colors.shape)
