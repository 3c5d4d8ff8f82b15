"""Textures from patches: the levels from coarse to fine, and the rounds of matching and blending on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mixot._shapes import Bool, Float
from mixot.errors import InputError
from mixot.imaging.texture.patches.blending import paste
from mixot.imaging.texture.patches.choice import choose_preset
from mixot.imaging.texture.patches.colors import ColorLaw, Planes
from mixot.imaging.texture.patches.features import patch_table
from mixot.imaging.texture.patches.filling import FILLING, Hole, hole_of
from mixot.imaging.texture.patches.grids import PatchGrid, Place, carry
from mixot.imaging.texture.patches.matching import Matcher
from mixot.imaging.texture.patches.presets import Preset
from mixot.imaging.texture.patches.start import gaussian_start, quilted_start
from mixot.results import Progress, ProgressCallback

_LEAST_SIDE = 8  # pixels of an exemplar


@dataclass(frozen=True, eq=False)
class PatchTexture:
    """A texture made of an exemplar's patches.

    Parameters
    ----------
    pixels
        the picture, float32 in [0, 1], (h, w) or (h, w, 3) as the exemplar
    preset
        "stochastic" or "structured"
    unequal
        how far the use of the exemplar's patches is from equal at the finest level: total variation, from 0 to 1
    notes
        what was chosen, and what is not as it was asked for
    """

    pixels: Float[np.ndarray, "h w *c"]
    preset: str
    unequal: float
    notes: tuple[str, ...] = ()


def synthesize_patches(
    exemplar: Float[np.ndarray, "h w *c"],
    size: tuple[int, int] | None = None,
    *,
    preset: str = "auto",
    periodic: bool = False,
    mask: Bool[np.ndarray, "h w"] | None = None,
    rng: int | np.random.Generator | None = None,
    progress: ProgressCallback | None = None,
) -> PatchTexture:
    """Return a texture like the exemplar, every part of which is made of patches of the exemplar.

    From coarse to fine, the patches x_i of the picture are matched to patches y_j of the exemplar by transport,

        min sum_i |x_i - y_a(i)|^2   over a   with   #{i : a(i) in C} = share of C,   #{i : a(i) - i = o} <= s

    for all small squares C of the exemplar and all offsets o: it is used equally, and no piece of it larger than s,
    2.5 % of its area, is copied. The picture becomes the blend of the overlapping y_a(i), its colors are matched
    exactly to the exemplar's, and so on; between two levels the finer versions of the same patches are blended.

    Parameters
    ----------
    exemplar
        a picture in [0, 1], (h, w) or (h, w, 3); at least 8 x 8 pixels
    size
        height and width of the texture; that of the exemplar if left out
    preset
        "stochastic" (stones, leaves, fur), "structured" (bricks, tiles: larger patches), or "auto": by the exemplar
    periodic
        whether the texture goes on at the other side, so that copies of it tile the plane
    mask
        fill the hole where it is True in the exemplar itself; all other pixels stay as they are
    rng
        a seed, a generator or None; a seed gives the same picture on any number of threads
    progress
        called after each level

    Raises
    ------
    InputError
        Where the exemplar is too small, not in [0, 1] or nowhere known, or the options do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.imaging.texture.patches import synthesize_patches
    >>> y, x = np.mgrid[:48, :48]
    >>> exemplar = (0.5 + 0.3 * np.sin(x / 2) * np.sin(y / 3)).astype(np.float32)
    >>> synthesize_patches(exemplar, (32, 64), periodic=True, rng=0).pixels.shape
    (32, 64)

    References
    ----------
    Kwatra, Essa, Bobick and Kwatra, *Texture optimization for example-based synthesis*, 2005 (blending of patches that
    are matched again and again); Galerne, Leclaire and Rabin, *A texture synthesis model based on semi-discrete optimal
    transport in patch space*, 2018 (prices); Gutierrez, Galerne, Rabin and Hurtut, *Optimal patch assignment for
    statistically constrained texture synthesis*, 2017 (equal use).
    """
    planes, shape = _checked(exemplar, size, periodic, mask)
    generator = np.random.default_rng(rng)
    chosen, notes = choose_preset(planes, preset)
    if mask is not None and not mask.any():
        return PatchTexture(
            _pixels(planes, exemplar.ndim), chosen.name, 0.0, ("the mask is empty: nothing was filled",)
        )
    seen = planes if mask is None else planes[:, ~mask]
    if np.ptp(seen.reshape(len(planes), -1), axis=1).max() < 1e-4:
        flat = np.broadcast_to(seen.reshape(len(planes), -1).mean(axis=1)[:, None, None], (len(planes), *shape))
        picture = flat if mask is None else np.where(mask, flat, planes)
        note = "the exemplar has one color: so has the texture"
        return PatchTexture(_pixels(picture, exemplar.ndim), chosen.name, 0.0, (note,))
    if mask is not None:
        picture, unequal, more = _fill(planes, mask, chosen, generator, progress)
    else:
        picture, unequal, more = _synthesize(planes, shape, chosen, periodic, generator, progress)
    return PatchTexture(_pixels(picture, exemplar.ndim), chosen.name, unequal, (*notes, *more))


def _checked(
    exemplar: np.ndarray, size: tuple[int, int] | None, periodic: bool, mask: np.ndarray | None
) -> tuple[Planes, tuple[int, int]]:
    if exemplar.ndim not in (2, 3) or (exemplar.ndim == 3 and exemplar.shape[2] not in (1, 3)):
        raise InputError(f"the exemplar must be (h, w) or (h, w, 3), got the shape {exemplar.shape}")
    if min(exemplar.shape[:2]) < _LEAST_SIDE:
        high, wide = exemplar.shape[:2]
        raise InputError(
            f"the exemplar must have at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels, got {high} x {wide}; "
            "give a larger part of the picture"
        )
    if not np.isfinite(exemplar).all() or exemplar.min() < 0 or exemplar.max() > 1:
        raise InputError("the exemplar must have finite values from 0 to 1; divide those of 8 bits by 255")
    shape = exemplar.shape[:2] if size is None else tuple(int(n) for n in size)
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(f"size must be a height and a width of at least one pixel, got {size}")
    if mask is not None:
        if mask.shape != exemplar.shape[:2] or shape != mask.shape:
            raise InputError(
                f"mask and size must be those of the picture that is filled, {exemplar.shape[:2]}, "
                f"got {mask.shape} and {shape}; leave out the size"
            )
        if mask.all():
            raise InputError("the mask hides the whole picture; leave some of it to learn the texture from")
        if periodic:
            raise InputError("a hole is filled in a picture with edges; leave out periodic, or the mask")
    planes = exemplar[None] if exemplar.ndim == 2 else np.moveaxis(exemplar, 2, 0)
    return np.ascontiguousarray(planes, np.float32), (shape[0], shape[1])


def _pixels(planes: np.ndarray, ndim: int) -> np.ndarray:
    clipped = np.clip(planes, 0, 1)
    return np.ascontiguousarray(clipped[0] if ndim == 2 else np.moveaxis(clipped, 0, 2))


def _synthesize(
    planes: Planes,
    size: tuple[int, int],
    preset: Preset,
    periodic: bool,
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> tuple[Planes, float, tuple[str, ...]]:
    fitted = preset.fitted(min(planes.shape[1:]))
    # a picture with edges must hold a patch of each level: smaller ones are cut from one that does
    least = 1 if periodic else max(w << level for level, stage in _levels(fitted) for w, _ in stage)
    inner = max(size[0], least), max(size[1], least)
    pyramid, sizes = [planes], [inner]
    for _ in fitted.plan[1:]:
        pyramid.append(halve(pyramid[-1]))
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    before = None
    if fitted.quilted:
        block = max(fitted.plan[0][0][0], 3 * min(pyramid[-1].shape[1:]) // 8)
        start, places, grid = quilted_start(pyramid[-1], *sizes[-1], block, periodic, rng)
        before = places, grid
    else:
        start = gaussian_start(pyramid[-1], *sizes[-1], rng)
    picture, unequal = _Levels(fitted, pyramid, periodic, rng, progress).run(start, before, sizes, None)
    if inner != size:
        picture = ColorLaw.of(planes).match(np.ascontiguousarray(picture[:, : size[0], : size[1]]))
    return picture, unequal, ()


def _fill(
    planes: Planes, mask: np.ndarray, preset: Preset, rng: np.random.Generator, progress: ProgressCallback | None
) -> tuple[Planes, float, tuple[str, ...]]:
    hole, fitted, notes = hole_of(planes, mask, preset)
    sizes = [(known.shape[0], known.shape[1]) for known in hole.known]
    picture, unequal = _Levels(fitted, hole.pyramid, False, rng, progress).run(hole.start(rng), None, sizes, hole)
    return np.where(mask, picture[:, : mask.shape[0], : mask.shape[1]], planes), unequal, notes


def _levels(preset: Preset) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    """The levels from coarse to fine, 0 the finest, with their parts of the plan."""
    return ((len(preset.plan) - 1 - k, stage) for k, stage in enumerate(preset.plan))


@dataclass(frozen=True, eq=False)
class _Levels:
    """The way from the coarsest level to the finest; ``pyramid`` holds the exemplar, finest first."""

    preset: Preset
    pyramid: list[Planes]
    periodic: bool
    rng: np.random.Generator
    progress: ProgressCallback | None

    def run(
        self,
        picture: Planes,
        before: tuple[Place, PatchGrid] | None,
        sizes: list[tuple[int, int]],
        hole: Hole | None,
    ) -> tuple[Planes, float]:
        laws = [ColorLaw.of(level) for level in self.pyramid] if hole is None else []
        unequal = 0.0
        for level, stage in _levels(self.preset):
            for turn, (w, rounds) in enumerate(stage):
                matcher = self._matcher(level, w, sizes[level], hole)
                grid, table = matcher.grid, matcher.table
                active = None if hole is None else grid.touching(~hole.known[level])
                last = None if before is None else carry(*before, grid, (table.high, table.wide))
                for index in range(rounds):
                    found = matcher.match(picture, last, active)
                    last, unequal = found.place, found.unequal
                    up = level > 0 and turn == len(stage) - 1 and index == rounds - 1
                    end = level == 0 and turn == len(stage) - 1 and index == rounds - 1
                    at, laid = (level - 1, grid.scaled(*sizes[level - 1])) if up else (level, grid)
                    blend = self.preset.finer if up else self.preset.last if end else self.preset.rounds
                    picture = paste(self.pyramid[at], found, table.window, laid, 2 if up else 1, blend)
                    picture = hole.keep(picture, at) if hole is not None else laws[at].match(picture)
                    before = ((2 * last[0], 2 * last[1]) if up else last, laid)
            if self.progress is not None:
                self.progress(Progress("texture", len(self.preset.plan) - 1 - level, len(self.preset.plan), unequal))
        return picture, unequal

    def _matcher(self, level: int, w: int, size: tuple[int, int], hole: Hole | None) -> Matcher:
        grid = PatchGrid.cover(*size, w, self.periodic)
        known = None
        if hole is not None:
            known = hole.known[level]
            grid = grid.around(~known)
        samples = self.preset.samples if level > 1 else self.preset.samples_fine
        table = patch_table(self.pyramid[level], w, samples, grid.shape[0] * grid.shape[1], self.rng, known)
        options = self.preset.matching if hole is None else FILLING
        return Matcher(table, grid, level, options)


def halve(planes: Planes) -> Planes:
    """Means over squares of two pixels, (c, h, w) -> (c, h // 2, w // 2)."""
    high, wide = planes.shape[1] // 2, planes.shape[2] // 2
    squares = planes[:, : 2 * high, : 2 * wide].reshape(len(planes), high, 2, wide, 2)
    return np.ascontiguousarray(squares.mean((2, 4), dtype=np.float32))
