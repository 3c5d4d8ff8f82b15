"""Sheets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixot.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def contact_sheet(pictures: dict[str, np.ndarray], *, axes: Sequence[Axes] | np.ndarray | None = None) -> np.ndarray:
    """Draw pictures under their titles, up to three across (four as two by two), and return the panels."""
    panels = _sheet(pictures) if axes is None else np.asarray(axes)
    for ax, (title, image) in zip(panels.flat, pictures.items(), strict=True):
        grey = image.ndim == 2 or image.shape[2] == 1
        ax.imshow(image.reshape(image.shape[:2]) if grey else image, cmap="gray" if grey else None)
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    return panels


def _sheet(pictures: dict[str, np.ndarray]) -> np.ndarray:
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    count = len(pictures)
    across = 2 if count == 4 else min(count, 3)
    down = -(-count // across)
    tall = max(image.shape[0] / image.shape[1] for image in pictures.values())
    size = (4.0 * across, (4.0 * tall + 0.35) * down)
    grid = plt.subplots(down, across, figsize=size, squeeze=False, layout="constrained")[1].ravel()
    for ax in grid[count:]:
        ax.set_axis_off()
    return grid[:count]
