"""
Textures by transport
=====================

Each row: a piece of a picture, what the method "gaussian" makes of it, and what "patches" does, all at the same scale.

"gaussian" draws the Gaussian field that has the mean and the spectrum of the exemplar (spot noise) and moves its
patches by ``T_mean`` onto those of the exemplar, from coarse to fine (Delon and Desolneux 2020, section 7.2, at four
scales): right for what has no edges. "patches" joins pieces of the exemplar by optimal transport: each is used as often
as any other, and none that is large is copied. Bottom: a picture with holes (black), filled by either method.
On the command line: `mixot texture stones.png -o wall.png --size 256x256`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixot import datasets
from mixot.imaging.texture import synthesize

SIZE = 192
NAMES = ("stones", "wood", "tissue", "stars")


def holes(shape: tuple[int, ...]) -> np.ndarray:
    """Scratches and a spot."""
    y, x = np.mgrid[: shape[0], : shape[1]] / shape[0]
    return (abs(x + y - 0.9) < 0.02) | (abs(y - 0.2 - 0.3 * x) < 0.02) | (np.hypot(x - 0.7, y - 0.7) < 0.12)


def draw(ax: Axes, pixels: np.ndarray) -> None:
    """A picture at the scale of all of them, in the upper left corner of its field."""
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none")
    ax.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
    ax.axis("off")


def main() -> Figure:
    """Draw exemplars, textures by both methods, and filled holes."""
    figure, axes = plt.subplots(len(NAMES) + 1, 3, figsize=(7.2, 12), layout="constrained")
    for row, name in zip(axes, NAMES, strict=False):
        exemplar = datasets.texture(name)[:SIZE, :SIZE]
        draw(row[0], exemplar)
        for ax, method in zip(row[1:], ("gaussian", "patches"), strict=True):
            draw(ax, synthesize(exemplar, (SIZE, SIZE), method=method, rng=0).pixels)
    picture = datasets.texture("grass")[:SIZE, :SIZE]
    mask = holes(picture.shape)
    draw(axes[-1][0], np.where(mask, 0, picture))
    for ax, method in zip(axes[-1][1:], ("gaussian", "patches"), strict=True):
        draw(ax, synthesize(picture, method=method, mask=mask, rng=0).pixels)
    for ax, title in zip(axes[0], ("exemplar", "gaussian", "patches"), strict=True):
        ax.set_title(title)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
