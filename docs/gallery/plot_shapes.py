"""
Averages of shapes
==================

A silhouette is a density, and a mixture of 12 Gaussian laws draws it well enough: where its density is high, there the
shape is. Four of them stand at the corners, the true outlines in black; in between are their barycenters with bilinear
weights, each proven optimal. Limbs travel as wholes: legs of the horse turn into wings along one edge of the square,
and into tips of the star along the other. So Delon and Desolneux (2020) do in Figure 5, with shapes of their own.

The horse is scikit-image's; star, airplane and clubs are glyphs of DejaVu Sans, which matplotlib ships. A shape that is
its own mirror image, like the star, has a fit that is; so are the averages of two such shapes whose axes are parallel,
along the right edge. On the command line: `mixot shapes horse.png star.png plane.png clubs.png --grid 5 --silhouette`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from skimage import data

from mixot import plot
from mixot.imaging.shapes import Shape, four_corners

STEPS = np.linspace(0, 1, 5)
LIMITS = [[-0.55, 0.55], [-0.55, 0.55]]


def horse() -> np.ndarray:
    """The horse that scikit-image ships, as an image of booleans."""
    return np.logical_not(data.horse()[::3, ::3])


def glyph(letter: str) -> np.ndarray:
    """A glyph of DejaVu Sans, likewise."""
    outline = TextPath((0, 0), letter, size=100, prop=FontProperties(family="DejaVu Sans"))
    box = outline.get_extents()
    x, y = np.meshgrid(np.arange(box.x0 - 1, box.x1 + 1, 0.7), np.arange(box.y1 + 1, box.y0 - 1, -0.7))
    return outline.contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)


def coordinates(mask: np.ndarray) -> list[np.ndarray]:
    """Places of the columns and rows of an image, in units of its longer side about its middle."""
    return [(np.arange(size) - (size - 1) / 2) / max(mask.shape) for size in mask.shape[::-1]]


def main() -> Figure:
    """Draw the square of averages."""
    masks = [horse(), glyph("★"), glyph("✈"), glyph("♣")]
    rows = four_corners([Shape.of(mask, k=12, silhouette=True) for mask in masks], len(STEPS))

    figure, axes = plt.subplots(5, 5, figsize=(8, 8), layout="constrained", gridspec_kw={"wspace": 0, "hspace": 0})
    for i, down in enumerate(STEPS):
        for j, across in enumerate(STEPS):
            color = plot.blend(np.outer([1 - down, down], [1 - across, across]).ravel())
            ax = plot.shape(rows[i][j].mixture, share=0.9, ax=axes[i, j], color=color, limits=LIMITS)
            ax.invert_yaxis()
            ax.set_axis_off()
    for ax, mask in zip(axes[[0, 0, 4, 4], [0, 4, 0, 4]], masks, strict=True):
        ax.contour(*coordinates(mask), mask, levels=[0.5], colors="black", linewidths=0.6)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
