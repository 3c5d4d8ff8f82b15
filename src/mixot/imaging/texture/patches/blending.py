"""A picture from the patches that were matched."""

from __future__ import annotations

import numpy as np

from mixot import _native
from mixot._shapes import Float
from mixot.imaging.texture.patches.colors import Planes
from mixot.imaging.texture.patches.grids import PatchGrid
from mixot.imaging.texture.patches.matching import Matches
from mixot.imaging.texture.patches.presets import Blend
from mixot.threads import thread_count


def paste(
    source: Planes, found: Matches, window: Float[np.ndarray, "w w"], grid: PatchGrid, scale: int, blend: Blend
) -> Planes:
    """Return the blend of the patches of ``source`` at ``scale`` times the matched places, laid on ``grid``.

    Each has the weight of its window times ``(gap + mean gap / 10)^-0.6``: of badly matched patches less, as in the
    robust energy ``sum |x - y|^0.8``. Pixels under no patch are 0.

    References
    ----------
    Kwatra et al. 2005, eq. 4 (reweighted least squares).
    """
    usual = found.gaps[found.place[0] >= 0].mean()
    trust = (1 / (found.gaps + 0.1 * usual + 1e-9) ** 0.6).astype(np.float32)
    large = np.ascontiguousarray(window.repeat(scale, axis=0).repeat(scale, axis=1))
    out = np.zeros((len(source), grid.height, grid.width), np.float32)
    y, x = found.place
    _native.blend_patches(
        source, scale * y, scale * x, trust, large, grid.rows, grid.cols, grid.wraps,
        blend.shifts, blend.bandwidth, blend.vote, thread_count(), out,
    )  # fmt: skip
    return out
