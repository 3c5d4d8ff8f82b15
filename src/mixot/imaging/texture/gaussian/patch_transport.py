"""Patches of a field moved onto those of an exemplar, by the map between two mixtures, and averaged."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import AccuracyWarning
from mixot.fitting.likelihood.em import EM
from mixot.mixture import Mixture
from mixot.results import ProgressCallback
from mixot.transport.maps import TransportMap
from mixot.verbs import fit, transport_map

_ROWS = 8000  # patches that a mixture is fitted to
_PER_COMPONENT = 60  # of them at least for each component
_EM = EM(starts=1, tol=1e-2, max_iter=12)  # fits of more iterations cost more, and their textures are no better
_FIRST, _FIRST_EACH = 1000, 10  # rows of the start: so few that EM follows it without looking for better ones
_STEP = 1 / 255  # of 8 bits; patches are known to half of it
_NUMBERS = 1 << 22  # of patches that are moved at a time


@dataclass(frozen=True)
class PatchTransport:
    """T_mean of patches of ``width`` x ``width`` pixels, between mixtures of ``k`` components each.

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, section 7.2,
    after Galerne, Leclaire and Rabin, *A texture synthesis model based on semi-discrete optimal transport in patch
    space*, 2018: width 3 and k = 10.
    """

    width: int = 3
    k: int = 10

    def map(
        self,
        field: Float[np.ndarray, "y x c"],
        exemplar: Float[np.ndarray, "n p"],
        rng: np.random.Generator,
        progress: ProgressCallback | None = None,
    ) -> TransportMap:
        """The map from the law of the patches of a field on a torus to that of an exemplar's, (n, width^2 c)."""
        height, width = field.shape[:2]
        at = rng.integers(height * width, size=_ROWS)
        window = np.arange(self.width)
        rows = (at // width)[:, None, None] + window[:, None]
        columns = (at % width)[:, None, None] + window
        own = field[rows % height, columns % width].reshape(len(at), -1)
        return transport_map(self.fitted(own, rng, progress), self.fitted(exemplar, rng, progress))

    def fitted(
        self, patches: Float[np.ndarray, "n p"], rng: np.random.Generator, progress: ProgressCallback | None
    ) -> Mixture:
        """The mixture of some of the patches, with the noise of rounding to 8 bits, so that none is flat."""
        some = patches if len(patches) <= _ROWS else patches[rng.choice(len(patches), _ROWS, replace=False)]
        noisy = some + rng.uniform(-_STEP / 2, _STEP / 2, some.shape).astype(np.float32)
        k = int(np.clip(len(noisy) // _PER_COMPONENT, 1, self.k))
        em = replace(_EM, subsample=max(_FIRST, _FIRST_EACH * k * noisy.shape[1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # fits that stop early are meant to
            return fit(noisy, k=k, method=em, rng=rng, progress=progress).mixture

    def moved(self, field: Float[np.ndarray, "y x c"], move: Callable[[np.ndarray], Any]) -> Float[np.ndarray, "y x c"]:
        """The field of which all patches have moved: each pixel is the mean over those that it lies in."""
        height, width, channels = field.shape
        p = self.width
        around = np.pad(field, ((0, p - 1), (0, p - 1), (0, 0)), mode="wrap")
        total = np.zeros_like(around)
        strip = max(1, _NUMBERS // (width * channels * p * p))
        for top in range(0, height, strip):
            bottom = min(top + strip, height)
            views = patches_of(around[top : bottom + p - 1], p)
            images = np.asarray(move(views)).reshape(bottom - top, width, p, p, channels)
            for row in range(p):
                for column in range(p):
                    total[top + row : bottom + row, column : column + width] += images[:, :, row, column]
        total[: p - 1] += total[height:]
        total[:, : p - 1] += total[:, width:]
        return total[:height, :width] / np.float32(p * p)


def patches_of(picture: Float[np.ndarray, "h w c"], width: int) -> Float[np.ndarray, "n p"]:
    """All patches inside a picture, one a row, (h - width + 1)(w - width + 1) of them."""
    views = np.lib.stride_tricks.sliding_window_view(picture, (width, width), axis=(0, 1))
    return views.transpose(0, 1, 3, 4, 2).reshape(-1, width * width * picture.shape[2])
