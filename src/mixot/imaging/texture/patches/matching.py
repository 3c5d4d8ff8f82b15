"""Which patch of the exemplar each patch of a picture becomes: transport on short lists, by prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot import _native
from mixot._shapes import Bool, Float, Int, Num
from mixot.imaging.texture.patches.features import PatchTable
from mixot.imaging.texture.patches.grids import PatchGrid, Place
from mixot.threads import thread_count

_NEAREST = 6  # of the sampled patches stand in a short list
_CARRIED = 17  # the last place with its neighbors, and where those of the next patches go on
_SQUARE = 8  # pixels of the finest level: offsets within it count as one
_HELD = 2**18  # patches whose lists are held at a time; the prices of larger pictures come from a part of them


@dataclass(frozen=True)
class MatchingOptions:
    """``passes`` of price changes of ``step`` medians; the ``share`` of the exemplar that one offset may copy."""

    passes: int = 30
    step: float = 0.5
    share: float | None = 0.025
    prices: bool = True


@dataclass(frozen=True, eq=False)
class Matches:
    """Places in the exemplar (y, x; -1: none), squared distances, and how far its use is from equal (0 to 1)."""

    place: Place
    gaps: Float[np.ndarray, "rows cols"]
    unequal: float


@dataclass(frozen=True, eq=False)
class Lists:
    """Short lists of the patches at ``rows`` x ``cols`` of a grid."""

    rows: Int[np.ndarray, " a"]
    cols: Int[np.ndarray, " b"]
    places: Int[np.ndarray, "n size"]
    gaps: Float[np.ndarray, "n size"]
    active: Num[np.ndarray, " n"] | None


class Matcher:
    """Matches the patches of pictures on one grid to a table of patches; the prices stay from call to call."""

    def __init__(self, table: PatchTable, grid: PatchGrid, level: int, options: MatchingOptions) -> None:
        self.table, self.grid, self.options = table, grid, options
        self.use = np.zeros(len(table.share), np.float32)
        self.bin = max(_SQUARE >> level, 1)
        self.copies = np.zeros(-(-grid.height // self.bin) * -(-grid.width // self.bin), np.float32)

    def match(
        self, picture: Float[np.ndarray, "c h w"], last: Place | None, active: Bool[np.ndarray, "rows cols"] | None
    ) -> Matches:
        """Return the matches of the picture's patches; ``last`` are the places of the round before, if any."""
        grid, table, (high, wide) = self.grid, self.table, self.grid.shape
        opened = grid.open_picture(picture)
        flat = None if last is None else np.where(last[0] < 0, -1, last[0] * table.wide + last[1]).astype(np.int32)
        usable = None if table.usable is None else table.usable.view(np.uint8)
        kernel = _native.PatchMatching(
            table.image, table.w, table.basis, table.offset, table.features, usable,
            grid.rows, grid.cols, grid.height, grid.width, grid.wraps,
        )  # fmt: skip
        every = np.arange(high, dtype=np.int32), np.arange(wide, dtype=np.int32)
        skip = max(int(np.ceil(np.sqrt(high * wide / _HELD))), 1)
        sample = self._lists(kernel, opened, every[0][::skip], every[1][::skip], flat, active)
        self._price(kernel, sample)
        if skip == 1:
            place, gaps = self._choose(kernel, sample)
        else:
            place, gaps = np.empty(high * wide, np.int32), np.empty(high * wide, np.float32)
            step = max(_HELD // wide, 1)
            for top in range(0, high, step):
                strip = self._lists(kernel, opened, every[0][top : top + step], every[1], flat, active)
                part = slice(top * wide, (top + step) * wide)
                place[part], gaps[part] = self._choose(kernel, strip)
        counts = np.bincount(table.cell[place[place >= 0]], minlength=len(table.share))
        unequal = 0.5 * float(np.abs(counts / max(counts.sum(), 1) - table.share).sum())
        y, x = np.where(place < 0, -1, place // table.wide), np.where(place < 0, -1, place % table.wide)
        shape = (high, wide)
        return Matches(
            (y.reshape(shape).astype(np.int32), x.reshape(shape).astype(np.int32)), gaps.reshape(shape), unequal
        )

    def _lists(
        self,
        kernel: Any,
        opened: np.ndarray,
        rows: np.ndarray,
        cols: np.ndarray,
        last: np.ndarray | None,
        active: np.ndarray | None,
    ) -> Lists:
        table = self.table
        on = None if active is None else np.ascontiguousarray(active[np.ix_(rows, cols)].ravel().view(np.uint8))
        features = table.project(opened, self.grid.rows[rows], self.grid.cols[cols])
        keep = min(_NEAREST, len(table.sampled))
        found = np.zeros((len(features), keep), np.int32)
        bonus = table.squares.copy()
        bonus[: len(table.sampled)] -= self.use[table.cell[table.sampled]]
        _native.nearest_patches(features, table.table, bonus, on, thread_count(), found)
        size = keep if last is None else keep + _CARRIED
        places, gaps = np.zeros((len(features), size), np.int32), np.zeros((len(features), size), np.float32)
        kernel.candidates(rows, cols, features, table.sampled[found], last, on, thread_count(), places, gaps)
        return Lists(rows, cols, places, gaps, on)

    def _capacity(self, lists: Lists) -> tuple[np.ndarray, np.ndarray, int, float]:
        patches = len(lists.gaps) if lists.active is None else int(np.count_nonzero(lists.active))
        share, limit = self.table.share * np.float32(patches), 0.0
        if self.options.share is not None:  # as patches of this grid, of which `patches` are looked at
            area = self.table.image.shape[1] * self.table.image.shape[2]
            limit = max(self.options.share * area * patches / (self.grid.height * self.grid.width), 1.0)
        return self.table.cell, share.astype(np.float32), self.bin, limit

    def _price(self, kernel: Any, lists: Lists) -> None:
        """Move the prices towards the dual optimum of these lists."""
        gaps = lists.gaps if lists.active is None else lists.gaps[lists.active > 0]
        if self.options.prices and len(gaps):
            some = gaps[:: -(-len(gaps) // 1000)]
            spread = float(np.median(some[np.isfinite(some)]))  # places that must not be taken are infinitely far
            # of a copy all least gaps are zero, and would leave no step
            scale = self.options.step * max(float(np.median(gaps.min(axis=1))), 0.05 * spread, 1e-9)
            kernel.prices(
                *self._capacity(lists), lists.rows, lists.cols, lists.places, lists.gaps, lists.active, scale,
                self.options.passes, thread_count(), self.use, self.copies,
            )  # fmt: skip

    def _choose(self, kernel: Any, lists: Lists) -> tuple[np.ndarray, np.ndarray]:
        place, gaps = np.empty(len(lists.gaps), np.int32), np.empty(len(lists.gaps), np.float32)
        kernel.choose(
            *self._capacity(lists), lists.rows, lists.cols, lists.places, lists.gaps, lists.active,
            self.use, self.copies, thread_count(), place, gaps,
        )  # fmt: skip
        return place, gaps
