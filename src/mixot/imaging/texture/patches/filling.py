"""A hole in a picture, level by level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixot import _native
from mixot._shapes import Bool, Float
from mixot.errors import InputError
from mixot.imaging.texture.patches.grids import PatchGrid
from mixot.imaging.texture.patches.matching import MatchingOptions
from mixot.imaging.texture.patches.presets import Preset
from mixot.threads import thread_count

# A hole need not hold all that the picture holds, so that prices of equal use stay low; without any, smooth patches,
# which are near to every blend, take the others' places. Copies are welcome: they go on with what is at the border.
FILLING = MatchingOptions(passes=5, step=0.2, share=None)
_PLACES = 24  # whole patches that a level must offer at least
_NEIGHBORHOOD = 9  # pixels of the side of what is compared around a pixel, on the coarsest level
_CENTERS = 4000  # of them at most


@dataclass(frozen=True, eq=False)
class Hole:
    """Pictures (c, h, w), finest first, and where they are known: a coarse pixel is, where all its four are."""

    pyramid: list[Float[np.ndarray, "c _h _w"]]
    known: list[Bool[np.ndarray, "_h _w"]]

    def keep(self, picture: Float[np.ndarray, "c y x"], level: int) -> Float[np.ndarray, "c y x"]:
        """The picture with what is known of that level."""
        return np.where(self.known[level], self.pyramid[level], picture)

    def start(self, rng: np.random.Generator) -> Float[np.ndarray, "c y x"]:
        """The coarsest picture, filled from the border inwards, pixel by pixel, from the neighborhoods that fit best.

        References
        ----------
        Efros and Leung, *Texture synthesis by non-parametric sampling*, 1999.
        """
        known, side = self.known[-1], _NEIGHBORHOOD
        while side > 3 and self._centers(side).size < _PLACES:
            side -= 2
        centers = self._centers(side)
        if len(centers) > _CENTERS:
            centers = np.sort(rng.choice(centers, _CENTERS, replace=False))
        line = np.exp(-np.square(np.arange(side) - side // 2) / (2 * (side / 4) ** 2))
        picture, window = self.pyramid[-1].copy(), np.outer(line, line).astype(np.float32)
        _native.fill_from_border(picture, known.astype(np.uint8), centers.astype(np.int32), window, thread_count())
        return picture

    def _centers(self, side: int) -> np.ndarray:
        high, wide = self.known[-1].shape
        if min(high, wide) < side:
            return np.zeros(0, np.intp)
        y, x = np.nonzero(~PatchGrid.everywhere(high, wide, side).touching(~self.known[-1]))
        return (y + side // 2) * wide + x + side // 2


def hole_of(
    planes: Float[np.ndarray, "c h w"], mask: Bool[np.ndarray, "h w"], preset: Preset
) -> tuple[Hole, Preset, tuple[str, ...]]:
    """Return the pyramid with the hole, as many levels as offer enough whole patches, and the preset for them.

    Raises
    ------
    InputError
        Where even the finest level has too few of the smallest patches.
    """
    asked = preset.fitted(min(mask.shape))
    for levels in range(len(asked.plan), 0, -1):
        for narrow in (16, 8, 4):
            plan = tuple(tuple((min(w, narrow), n) for w, n in stage) for stage in asked.plan[-levels:])
            hole = _pyramid(planes, mask, levels)
            if _offered(hole, plan):
                fewer = levels < len(asked.plan)
                note = "little of the picture is whole: structures larger than the patches are not continued"
                return hole, replace(asked, plan=plan), (note,) if fewer else ()
    raise InputError(
        "too little of the picture is whole: there are hardly any squares of 4 x 4 pixels outside the mask; "
        "make it smaller"
    )


def _offered(hole: Hole, plan: tuple[tuple[tuple[int, int], ...], ...]) -> bool:
    for level, stage in enumerate(reversed(plan)):
        known = hole.known[level]
        for w, _ in stage:
            if min(known.shape) < w:
                return False
            high, wide = known.shape
            if (~PatchGrid.everywhere(high, wide, w).touching(~known)).sum() < _PLACES:
                return False
    return True


def _pyramid(planes: np.ndarray, mask: np.ndarray, levels: int) -> Hole:
    step = 1 << (levels - 1)
    extra = (0, -mask.shape[0] % step), (0, -mask.shape[1] % step)
    known = [np.pad(~mask, extra)]  # what is laid on is filled, too, and cut off again
    pyramid = [np.pad(planes, ((0, 0), *extra), mode="edge")]
    for _ in range(levels - 1):
        part = known[-1].reshape(known[-1].shape[0] // 2, 2, known[-1].shape[1] // 2, 2)
        squares = pyramid[-1].reshape(len(planes), *part.shape)
        count = part.sum(axis=(1, 3))
        total = np.where(part, squares, 0).sum(axis=(2, 4))
        pyramid.append((total / np.maximum(count, 1)).astype(np.float32))
        known.append(count == 4)
    return Hole(pyramid, known)
