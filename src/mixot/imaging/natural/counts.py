"""The colors of a picture, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixot._native import count_colors as _count_in_cells
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.oklab import to_oklab
from mixot.imaging.swatches import to_srgb
from mixot.mixture import Mixture

CELL = 1 / 40  # side of the cells of Oklab in which colors are counted: what the eye just tells apart side by side
_POINTS = 512  # of each component of a mixture
_GOLDEN = 1.2207440846057596  # the root of x^4 = x + 1
_FINE = 64  # cells of sRGB a side, of the first count: four of the 256 steps of an 8-bit channel


@dataclass(frozen=True, eq=False)
class ColorCounts:
    """Colors of Oklab (n, 3) and their weights (n,), which sum to one."""

    colors: Float[np.ndarray, "n 3"]
    weights: Float[np.ndarray, " n"]

    def quantiles(
        self, directions: Float[np.ndarray, "m 3"], levels: Float[np.ndarray, " l"]
    ) -> Float[np.ndarray, "m l"]:
        """Quantile functions of the projections ``colors @ direction``, linear between the middles of the steps."""
        out = np.empty((len(directions), len(levels)))
        for i, direction in enumerate(directions):
            along = self.colors @ direction
            order = np.argsort(along)
            mass = self.weights[order]
            out[i] = np.interp(levels, np.cumsum(mass) - mass / 2, along[order])
        return out

    def lightness_range(self, tail: float) -> tuple[float, float]:
        """The lightness that this share of the mass lies below, and the one that it lies above."""
        order = np.argsort(self.colors[:, 0])
        mass = np.cumsum(self.weights[order])
        at = np.searchsorted(mass, [tail * mass[-1], (1 - tail) * mass[-1]]).clip(max=len(order) - 1)
        low, high = self.colors[order[at], 0]
        return float(low), float(high)

    def moments(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]:
        """Mean and covariance, that inside the cells included (Sheppard)."""
        mean = self.weights @ self.colors
        centered = self.colors - mean
        return mean, (centered * self.weights[:, None]).T @ centered + np.diag(self.within)

    @property
    def within(self) -> Float[np.ndarray, "3"]:
        """The variance inside a cell, along each axis."""
        return np.full(3, CELL**2 / 12)


def mixture_counts(mixture: Mixture, space: Literal["rgb", "lab"]) -> ColorCounts:
    """Return the colors of a mixture in the space of a `mixot.imaging.color.Palette`.

    Each component stands as 512 points of equal weight.

    The points are quantiles of a low-discrepancy sequence; those beyond sRGB go to its border.
    """
    from scipy.special import ndtri  # here: it takes longer to load than a picture to recolor

    # the additive recurrence of the generalised golden ratio (Roberts, 2018): even in the cube, and without a seed
    uniform = (np.arange(1, _POINTS + 1)[:, None] * _GOLDEN ** -np.arange(1.0, 4.0)) % 1
    normal = ndtri(np.clip(uniform, 1e-3, 1 - 1e-3))
    normal = (normal - normal.mean(axis=0)) / normal.std(axis=0)
    values, vectors = np.linalg.eigh(mixture.components.cov())
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    points = mixture.components.mean()[:, None, :] + np.einsum("nj,kij->kni", normal, roots)
    colors = np.clip(to_srgb(points.reshape(-1, 3), space), 0, 1)
    return count_colors(colors, np.repeat(mixture.weights, _POINTS))


def count_colors(pixels: np.ndarray, weights: Float[np.ndarray, " n"] | None = None) -> ColorCounts:
    """Return the colors of ``pixels`` (n, 3), uint8, uint16 or floats in [0, 1], in cells of Oklab of side 1/40.

    They are counted in cells of sRGB first: one pass over the picture, whatever its size.

    Raises
    ------
    InputError
        Where no pixel has a weight above zero.
    """
    totals = np.zeros((_FINE**3, 4))
    rows = np.ascontiguousarray(pixels)
    _count_in_cells(rows, None if weights is None else np.ascontiguousarray(weights, np.float32), totals)
    seen = totals[:, 0] > 0
    if not seen.any():
        raise InputError("no pixel counts: the picture is transparent or masked everywhere")
    mass = totals[seen, 0]
    return ColorCounts(*in_cells(to_oklab(totals[seen, 1:] / mass[:, None]), mass / mass.sum(), CELL))


def in_cells(
    colors: Float[np.ndarray, "n 3"], weights: Float[np.ndarray, " n"], side: float
) -> tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, " k"]]:
    """Mean color and mass of the occupied cells of a grid of this side."""
    cells = np.floor(colors / side).astype(np.int64) + (1 << 12)
    _, label = np.unique((cells[:, 0] << 26) | (cells[:, 1] << 13) | cells[:, 2], return_inverse=True)
    mass = np.bincount(label, weights)
    return np.stack([np.bincount(label, weights * colors[:, j]) / mass for j in range(3)], axis=1), mass
