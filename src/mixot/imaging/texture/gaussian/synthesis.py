"""Gaussian textures from coarse to fine: spot noise, its patches moved at each scale, the colors of the exemplar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Bool, Float
from mixot.imaging.texture.gaussian.colors import with_colors_of
from mixot.imaging.texture.gaussian.conditional import fill
from mixot.imaging.texture.gaussian.patch_transport import PatchTransport, patches_of
from mixot.imaging.texture.gaussian.scales import enlarged, halved
from mixot.imaging.texture.gaussian.spot_noise import SpotNoise
from mixot.imaging.texture.gaussian.waves import quick
from mixot.results import Progress, ProgressCallback

_LEVELS = 4
_COARSEST = 16  # pixels along the shorter side of the exemplar at the coarsest scale, at least


@dataclass(frozen=True, eq=False)
class GaussianTexture:
    """A texture made of spot noise: ``pixels`` (h, w, c) float32, and what should be known about them."""

    pixels: Float[np.ndarray, "h w c"]
    notes: tuple[str, ...] = ()


def synthesize_gaussian(
    exemplar: Float[np.ndarray, "h w c"],
    size: tuple[int, int],
    *,
    periodic: bool = False,
    mask: Bool[np.ndarray, "h w"] | None = None,
    levels: int = _LEVELS,
    rng: np.random.Generator,
    progress: ProgressCallback | None = None,
) -> GaussianTexture:
    """Return a texture (height, width, c) float32 of the size that is asked for.

    With ``levels=1`` the patches of 3 x 3 pixels of spot noise U are moved by ``T_mean``, as in Delon and Desolneux
    (2020, section 7.2). With more levels patches are moved at coarser scales first, at which 3 x 3 pixels are larger
    pieces of the picture: the result there replaces the coarse part of U at the next finer scale,

        V_l = T_l(enlarged(V_(l + 1)) + U_l - enlarged(U_(l + 1))),    U_(l + 1) = halved(U_l)

    The colors are made those of the exemplar in the end. With a mask the exemplar is filled where it is true.
    """
    if mask is not None:
        return GaussianTexture(*fill(exemplar, mask, rng, progress))
    torus = size if periodic else (_roomy(size[0], exemplar.shape[0]), _roomy(size[1], exemplar.shape[1]))
    noise = SpotNoise.of(_no_larger(exemplar, torus)).sample(torus, rng)
    moved = _from_coarse_to_fine(noise, exemplar, levels, rng, progress)
    return GaussianTexture(with_colors_of(exemplar, moved[: size[0], : size[1]]))


def _from_coarse_to_fine(
    noise: Float[np.ndarray, "y x c"],
    exemplar: Float[np.ndarray, "h w c"],
    levels: int,
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> Float[np.ndarray, "y x c"]:
    fields, exemplars = [noise], [exemplar]
    while len(fields) < levels and min(*fields[-1].shape[:2], *exemplars[-1].shape[:2]) >= 2 * _COARSEST:
        fields.append(halved(fields[-1]))
        exemplars.append(halved(exemplars[-1]))
    transport = PatchTransport()
    moved = None
    for level in reversed(range(len(fields))):
        if progress is not None:
            progress(Progress("moving patches", len(fields) - 1 - level, len(fields)))
        field = fields[level]
        if moved is not None:
            field = field + enlarged(moved - fields[level + 1], field.shape[:2])
        move = transport.map(field, patches_of(exemplars[level], transport.width), rng, progress)
        moved = transport.moved(field, move)
    assert moved is not None
    return moved


def _no_larger(exemplar: Float[np.ndarray, "h w c"], size: tuple[int, int]) -> Float[np.ndarray, "y x c"]:
    """The middle of the exemplar, no larger than a tile that is made of it."""
    for axis, side in enumerate(size):
        extra = max(exemplar.shape[axis] - side, 0)
        exemplar = exemplar.take(np.arange(extra // 2, exemplar.shape[axis] - extra + extra // 2), axis=axis)
    return exemplar


def _roomy(side: int, own: int) -> int:
    """A side of a torus on which pieces as long as ``side`` do not meet themselves again at once."""
    return quick(max(side + min(max(own // 4, 8), 64), own))
