"""A picture in memory: its pixels, its profile, and what its file told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mixot.io.pictures.metadata import Metadata
from mixot.measures import Samples, color_samples


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, (h, w) grey or (h, w, c) with c = 2 grey + alpha, 3 RGB, 4 RGBA; uint8, uint16 or float32 in [0, 1].

    They are colors of sRGB. ``icc`` is a profile of sRGB, where the file came with a profile, to tag what is written;
    ``metadata`` is what the file told besides, to be written again; ``notes`` say what of the file did not come.
    """

    pixels: np.ndarray
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    @property
    def is_grey(self) -> bool:
        """Whether there is one color channel."""
        return self.pixels.ndim == 2 or self.pixels.shape[2] <= 2

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is transparency."""
        return self.pixels.ndim == 3 and self.pixels.shape[2] in (2, 4)

    def samples(self, mask: np.ndarray | None = None) -> Samples:
        """The colors as points in [0, 1], (h w, 1) grey or (h w, 3), row by row, each as far as it is opaque.

        Parameters
        ----------
        mask : (h, w) or (h, w, 1 to 4), optional
            Another picture of this size: white counts, black does not, grey counts partly.

        Raises
        ------
        InputError
            Where the mask has another size or is black everywhere, or the picture is transparent everywhere.
        """
        return color_samples(self.pixels, mask)
