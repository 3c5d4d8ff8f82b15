"""A picture in all the colors between several palettes, laid out from corner to corner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Bool, Float, Int, Num
from mixot.errors import InputError
from mixot.formulas.oklab import to_oklab
from mixot.imaging.canvas import Canvas
from mixot.imaging.color import RecolorOptions, palette_counts
from mixot.imaging.natural import ColorMap, ColorTable, count_colors, natural_map
from mixot.imaging.natural.grain import Surroundings
from mixot.imaging.palettes import as_palettes, average_palettes, corner_weights
from mixot.imaging.sheets import contact_sheet, reduced
from mixot.imaging.swatches import Swatch, swatches_of
from mixot.results import Progress, ProgressCallback

__all__ = ["ColorGrid", "color_grid"]

_TABLE = 33  # entries a side


@dataclass(frozen=True, eq=False)
class ColorGrid:
    """Rows of pictures, with the colors of the palette of each, and the weights (J,) of the corners in it."""

    pictures: list[list[np.ndarray]]
    swatches: list[list[tuple[Swatch, ...]]]
    weights: list[list[Float[np.ndarray, " j"]]]
    notes: tuple[str, ...] = ()

    def sheet(self) -> Num[np.ndarray, "h w 3"]:
        """All of them as one picture with 8 bits a channel, above the colors of their palettes."""
        return contact_sheet(self.pictures, self.swatches)


def color_grid(
    image: Any,
    palettes: Sequence[Any],
    size: int = 5,
    options: RecolorOptions | None = None,
    *,
    largest: int | None = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> ColorGrid:
    """Return ``image`` in the colors of the palettes, which stand in the corners, and of what lies between them.

    Each picture is what `mixot.imaging.color.recoloring` makes of the image and the barycenter of the palettes with
    its weights
    (`average_palettes`, `corner_weights`); a corner is what it makes of that palette alone. The colors of the image are
    counted once, and the search for each map begins at the one beside it.

    Parameters
    ----------
    image : array
        A picture as for `mixot.imaging.color.recoloring`.
    palettes : sequence of array or Palette
        Two for a row, three for a triangle, four for a square.
    size : int
        Pictures along a side, at least 2.
    options : RecolorOptions, optional
        Of the natural map.
    largest : int, optional
        Pixels of the longer side of the pictures; they have 8 bits a channel then. As large as the image where it is
        not given.
    rng : seed, Generator or None
        For the fits of palettes.
    progress : callable, optional
        Called with a `Progress` after each picture.

    Raises
    ------
    InputError
        On what is no picture, another number of palettes, palettes in different spaces, or options of the map between
        mixtures.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image, dusk, noon = rng.random((3, 16, 16, 3))
    >>> grid = color_grid(image, [dusk, noon], 3, rng=0)
    >>> len(grid.pictures), len(grid.pictures[0]), grid.weights[0][1].tolist()
    (1, 3, [0.5, 0.5])

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, Figure 11.
    """
    wanted = RecolorOptions() if options is None else options
    if wanted.by_components:
        raise InputError("a grid is made by the natural map; leave the options of the map between mixtures out")
    weights = corner_weights(len(palettes), size)
    canvas = Canvas.of(image)
    shown = canvas if largest is None else Canvas.of(reduced(canvas.finish(canvas.colors, grey=canvas.grey), largest))
    painter = _Painter(canvas, shown, wanted)
    corners = as_palettes(palettes, rng=rng)
    total = sum(map(len, weights))

    rows: list[list[tuple[np.ndarray, tuple[Swatch, ...]]]] = []
    for i, row in enumerate(weights):
        rows.append([])
        for j, shares in enumerate(row):
            mean = average_palettes(corners, shares)
            alone = np.flatnonzero(shares == 1)  # a picture is its own palette, without a fit between
            painted = painter.paint(palettes[alone[0]] if len(alone) else mean, (i, j), afresh=len(alone) > 0)
            rows[i].append((painted, swatches_of(mean.mixture, mean.space)))
            if progress is not None:
                progress(Progress("recoloring", len(painter.ridges), total))
    pictures, swatches = ([[each[0] for each in row] for row in rows], [[each[1] for each in row] for row in rows])
    return ColorGrid(pictures, swatches, weights, painter.notes())


class _Painter:
    """Gives one picture the colors of many palettes: what is the same for all of them is found once."""

    def __init__(self, canvas: Canvas, shown: Canvas, wanted: RecolorOptions) -> None:
        self.source = count_colors(canvas.rgb.reshape(-1, 3), canvas.weights)
        self.shown, self.wanted = shown, wanted
        self.nodes = _Nodes.of(shown.rgb, shown.top)
        weights = None if shown.weights is None else shown.weights.reshape(shown.colors.shape[:2])
        self.around = Surroundings.of(shown.rgb, weights) if wanted.grain else None
        self.ridges: dict[tuple[int, int], int] = {}
        self.basis: np.ndarray | None = None
        self.told: Counter[str] = Counter()

    def paint(self, palette: Any, place: tuple[int, int], *, afresh: bool = False) -> np.ndarray:
        """The picture in the colors of the palette of a place; ``afresh`` looks at no map beside it."""
        colors, grey = palette_counts(palette)
        found = natural_map(self.source, colors, gain=self.wanted.gain, near=None if afresh else self._near(*place))
        if self.basis is None:  # the centers are those of the picture's colors, and the same for all maps
            self.basis = found.smooth.basis(self.nodes.colors)
        table = self.nodes.table(found, self.wanted, self.basis)
        moved = table(self.shown.rgb) if self.around is None else self.around.move(table)
        if found.ridge is not None:
            self.ridges[place] = found.ridge
        self.told.update(note.partition(":")[0] for note in found.notes)
        moved = moved.astype(self.shown.colors.dtype, copy=False)
        return self.shown.finish(moved, grey=self.shown.grey and grey)

    def _near(self, i: int, j: int) -> int | None:
        """The mean ridge of the maps on the left and above."""
        beside = [self.ridges[at] for at in ((i, j - 1), (i - 1, j)) if at in self.ridges]
        return round(sum(beside) / len(beside)) if beside else None

    def notes(self) -> tuple[str, ...]:
        """What was told of the maps, and of how many of them."""
        return tuple(f"in {count} of {len(self.ridges)} pictures {text}" for text, count in self.told.items())


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The entries of a table that a picture can meet, and each second one of the others, from which these come.

    A photograph has its colors in a tenth of the cells of a table; what `move_without_grain` looks up lies in these or
    beside them. ``at`` (m,) says which entries, row by row, ``colors`` (m, 3) is what stands there in Oklab.
    """

    at: Int[np.ndarray, " m"]
    colors: Float[np.ndarray, "m 3"]

    @classmethod
    def of(cls, rgb: np.ndarray, top: float) -> _Nodes:
        """Those of pixels (h, w, 3)."""
        cells = _TABLE - 1
        below = np.minimum((rgb.reshape(-1, 3) * np.float32(cells / top)).astype(np.intp), cells - 1)
        met = np.zeros((cells, cells, cells), dtype=bool)
        met[tuple(below.T)] = True
        wanted = _ends_of_cells(met)
        wanted[::2, ::2, ::2] = True
        at = np.flatnonzero(wanted)
        return cls(at, to_oklab(ColorTable.identity(_TABLE).values.reshape(-1, 3)[at].astype(np.float64)))

    def table(self, found: ColorMap, wanted: RecolorOptions, basis: Float[np.ndarray, "m k"]) -> ColorTable:
        """The table of a map, exact at these entries; ``basis`` is `SmoothMap.basis` at them."""
        entries = found.entries(self.colors, wanted.strength, wanted.keep, basis)
        values = np.zeros((_TABLE**3, 3), np.float32)
        values[self.at] = entries
        coarse = ColorTable(values.reshape(_TABLE, _TABLE, _TABLE, 3)[::2, ::2, ::2])
        full = coarse(ColorTable.identity(_TABLE).values).reshape(-1, 3)
        full[self.at] = entries
        return ColorTable(full.reshape(_TABLE, _TABLE, _TABLE, 3))


def _ends_of_cells(met: Bool[np.ndarray, "c c c"]) -> Bool[np.ndarray, "e e e"]:
    """The corners of these cells of a grid and of the cells around them."""
    for axis in range(3):
        wide = np.moveaxis(np.pad(met, [(2, 2) if i == axis else (0, 0) for i in range(3)]), axis, 0)
        met = np.moveaxis(wide[:-3] | wide[1:-2] | wide[2:-1] | wide[3:], 0, axis)
    return met
