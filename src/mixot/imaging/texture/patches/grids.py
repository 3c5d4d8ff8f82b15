"""Where the patches of a picture lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Bool, Int

Place = tuple[Int[np.ndarray, "_rows _cols"], Int[np.ndarray, "_rows _cols"]]


@dataclass(frozen=True, eq=False)
class PatchGrid:
    """Overlapping patches of ``w`` pixels, about a quarter of it apart, that cover a picture.

    Parameters
    ----------
    rows, cols
        the first row and column of each row and column of patches
    height, width
        of the picture
    w
        side of a patch
    wraps
        whether the picture is a torus, so that patches go on at the other side
    """

    rows: Int[np.ndarray, " rows"]
    cols: Int[np.ndarray, " cols"]
    height: int
    width: int
    w: int
    wraps: bool

    @classmethod
    def cover(cls, height: int, width: int, w: int, wraps: bool, step: int | None = None) -> PatchGrid:
        """Return the grid of least patches whose steps are at most ``step``, all but equal ones; ``w / 4`` if None."""
        most = step or max(w // 4, 1)
        return cls(_starts(height, w, wraps, most), _starts(width, w, wraps, most), height, width, w, wraps)

    @classmethod
    def everywhere(cls, height: int, width: int, w: int) -> PatchGrid:
        """Return the patches at all pixels."""
        rows, cols = np.arange(height - w + 1, dtype=np.int32), np.arange(width - w + 1, dtype=np.int32)
        return cls(rows, cols, height, width, w, False)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.cols)

    def open_picture(self, picture: np.ndarray) -> np.ndarray:
        """The planes (c, h, w), laid on beyond the edges of a torus, so that no patch is cut."""
        if not self.wraps:
            return picture
        return np.ascontiguousarray(np.pad(picture, ((0, 0), (0, self.w), (0, self.w)), mode="wrap"))

    def scaled(self, height: int, width: int) -> PatchGrid:
        """The same patches, twice as large, on the next finer picture of ``height`` x ``width``.

        Its size is twice this one's or less by a pixel, which is taken up where the steps are rounded.
        """
        rows = _rescale(self.rows, self.height, height, self.w, self.wraps)
        cols = _rescale(self.cols, self.width, width, self.w, self.wraps)
        return PatchGrid(rows, cols, height, width, 2 * self.w, self.wraps)

    def around(self, mask: Bool[np.ndarray, "h w"]) -> PatchGrid:
        """The rows and columns of patches among which one holds a pixel of the mask."""
        active = self.touching(mask)
        rows, cols = self.rows[active.any(axis=1)], self.cols[active.any(axis=0)]
        return PatchGrid(rows, cols, self.height, self.width, self.w, self.wraps)

    def touching(self, mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "rows cols"]:
        """Which patches hold a pixel of the mask."""
        if self.wraps:
            mask = np.pad(mask, ((0, self.w), (0, self.w)), mode="wrap")
        total = np.pad(np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1), ((1, 0), (1, 0)))
        top, left = self.rows[:, None], self.cols[None, :]
        low, right = top + self.w, left + self.w
        return total[low, right] - total[top, right] - total[low, left] + total[top, left] > 0


def _starts(size: int, w: int, wraps: bool, step: int) -> np.ndarray:
    if wraps:
        count = -(-size // step)
        return (np.arange(count) * size // count).astype(np.int32)
    count = -(-(size - w) // step) + 1
    return (np.arange(count) * (size - w) // max(count - 1, 1)).astype(np.int32)


def _rescale(starts: np.ndarray, size: int, finer: int, w: int, wraps: bool) -> np.ndarray:
    if wraps:
        return (starts.astype(np.int64) * finer // size).astype(np.int32)
    return np.minimum(2 * starts, finer - 2 * w).astype(np.int32)


def carry(places: Place, old: PatchGrid, new: PatchGrid, limits: tuple[int, int]) -> Place:
    """Return the places of the patches of ``new`` inside those of ``old`` whose centers are nearest to theirs.

    Both grids lie on the same picture; ``limits`` are the numbers of rows and columns of places in the exemplar.
    """
    (i, dy), (j, dx) = _nearest(old.rows, new.rows, old.w, new.w), _nearest(old.cols, new.cols, old.w, new.w)
    y, x = (z[np.ix_(i, j)] for z in places)
    none = y < 0
    y, x = np.clip(y + dy[:, None], 0, limits[0] - 1), np.clip(x + dx, 0, limits[1] - 1)
    return np.where(none, -1, y).astype(np.int32), np.where(none, -1, x).astype(np.int32)


def _nearest(old: np.ndarray, new: np.ndarray, old_w: int, new_w: int) -> tuple[np.ndarray, np.ndarray]:
    """For each start of ``new`` the start of ``old`` with the nearest center, and the step from it."""
    middles = (old[1:] + old[:-1] + old_w) / 2
    index = np.searchsorted(middles, new + new_w / 2)
    return index, new - old[index]
