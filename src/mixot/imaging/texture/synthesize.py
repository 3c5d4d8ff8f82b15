"""Textures by any of the methods: what is asked is checked here, and what came out is put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mixot._checks import as_generator, is_one_of
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels
from mixot.imaging.texture.exemplar import Exemplar, checked_size
from mixot.imaging.texture.gaussian import synthesize_gaussian
from mixot.imaging.texture.patches import synthesize_patches
from mixot.results import ProgressCallback

Method = Literal["patches", "gaussian"]
Preset = Literal["auto", "stochastic", "structured"]


@dataclass(frozen=True, eq=False)
class SynthesizedTexture:
    """A texture that was made: ``pixels`` of the exemplar's type and channels, (h, w) or (h, w, c).

    ``method`` and ``periodic`` are those that were asked for, ``preset`` of "patches" the one that was taken (None for
    "gaussian", which has none), ``notes`` what should be known about the answer.
    """

    pixels: np.ndarray
    method: Method
    preset: str | None
    periodic: bool
    notes: tuple[str, ...] = ()


def synthesize(
    exemplar: Any,
    size: tuple[int, int] | None = None,
    *,
    method: Method = "patches",
    preset: Preset = "auto",
    periodic: bool = False,
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> SynthesizedTexture:
    """Return a picture of any size with the texture of the exemplar, or the exemplar with its holes filled.

    Parameters
    ----------
    exemplar : array (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4)
        uint8, uint16, or floats in [0, 1]; at least 8 x 8 pixels. Two and four channels end in alpha; where it is not
        opaque, the largest opaque rectangle is the exemplar, and a note says so.
    size : (height, width), optional
        Of the texture, in pixels; that of the exemplar if not given.
    method : "patches" or "gaussian"
        "patches": pieces of the exemplar, joined by optimal transport: photographic. "gaussian": Gaussian spot noise
        whose patches are moved onto those of the exemplar by ``T_mean`` between two mixtures: quick, never a copy,
        for textures without edges.
    preset : "auto", "stochastic" or "structured"
        Of "patches": for textures without, or with, repeats and long edges; "auto" looks at the exemplar.
    periodic : bool
        Whether the texture continues from its right edge to its left one and from the bottom to the top: a tile.
    mask : array (h, w), optional
        True (or brighter than half) where the exemplar is to be filled; the rest of the picture stays as it is, and
        the size is the exemplar's.
    rng : seed, Generator or None
        The same seed gives the same texture.
    progress : callable, optional
        Called with a `Progress` as the work goes on.

    Raises
    ------
    InputError
        On pictures of another shape or type, tiny ones or ones of a single color, sizes that cannot be made, a mask of
        another size, an empty one or one that leaves nothing to learn from.

    Examples
    --------
    >>> waves = np.sin(np.arange(48) / 3) + np.random.default_rng(0).normal(size=(48, 48))
    >>> made = synthesize(np.uint8(128 + 30 * waves.clip(-4, 4)), (40, 64), method="gaussian", periodic=True, rng=0)
    >>> made.pixels.shape, made.pixels.dtype
    ((40, 64), dtype('uint8'))

    References
    ----------
    "gaussian": Galerne, Gousseau and Morel, *Random phase textures*, 2011; Delon and Desolneux, *A Wasserstein-type
    distance in the space of Gaussian mixture models*, 2020, section 7.2.
    """
    if not is_one_of(method, ("patches", "gaussian")):
        raise InputError(f"method must be 'patches' or 'gaussian', got {method!r}")
    if not is_one_of(preset, ("auto", "stochastic", "structured")):
        raise InputError(f"preset must be 'auto', 'stochastic' or 'structured', got {preset!r}")
    if method == "gaussian" and preset != "auto":
        raise InputError(f"a preset is for method 'patches', 'gaussian' has none; leave out {preset!r}")
    if periodic and mask is not None:
        raise InputError("with a mask the picture stays as it is around the holes, and is not made periodic")
    known = Exemplar.of(exemplar, mask)
    shape = checked_size(size, known, periodic=periodic)
    generator = as_generator(rng)
    options: dict[str, Any] = {"periodic": periodic, "mask": known.mask, "rng": generator, "progress": progress}
    if method == "gaussian":
        made, chosen = synthesize_gaussian(known.colors, shape, **options), None
    else:
        made = synthesize_patches(known.colors, shape, preset=preset, **options)
        chosen = made.preset
    pixels = known.finish(made.pixels)
    if known.mask is not None:
        pixels = _kept(pixels, exemplar, known.mask)
    return SynthesizedTexture(pixels, method, chosen, periodic, (*known.notes, *made.notes))


def _kept(pixels: np.ndarray, exemplar: Any, mask: np.ndarray) -> np.ndarray:
    """The pixels that were there to the last bit, the others as they were made."""
    before = as_pixels(exemplar)
    before = before[:, :, : pixels.shape[2]] if pixels.ndim == 3 else before
    return np.where(mask if pixels.ndim == 2 else mask[:, :, None], pixels, before)
