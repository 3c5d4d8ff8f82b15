"""
Averages of shapes
==================

A silhouette is a cloud of points, and a mixture of 12 Gaussian laws draws it well enough: where its density is high,
there the shape is. Four of them stand at the corners, the true outlines in black; in between are their barycenters with
bilinear weights. Each has at most 4 * 12 - 3 = 45 components and is proven optimal. Limbs travel as wholes: legs of
the horse turn into wings along one edge of the square, and into tips of the star along the other. So Delon and
Desolneux (2020) do in Figure 5, with shapes of their own.

The horse is scikit-image's; star, airplane and clubs are glyphs of DejaVu Sans, which matplotlib ships. The fits do not
know that the star is symmetric, so neither are its averages.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from skimage import data

from mixot import EM, barycenter, fit, plot

STEPS = np.linspace(0, 1, 5)
LIMITS = [[-0.92, 0.92], [-0.92, 0.92]]


def horse() -> np.ndarray:
    """The horse that scikit-image ships, as an image of booleans whose first row is the lowest."""
    return np.logical_not(data.horse()[::-3, ::3])


def glyph(letter: str) -> np.ndarray:
    """A glyph of DejaVu Sans, likewise."""
    outline = TextPath((0, 0), letter, size=100, prop=FontProperties(family="DejaVu Sans"))
    box = outline.get_extents()
    x, y = np.meshgrid(np.arange(box.x0 - 1, box.x1 + 1, 0.7), np.arange(box.y0 - 1, box.y1 + 1, 0.7))
    return outline.contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)


def coordinates(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the columns and rows of an image that lies in the middle of the box."""
    scale = 0.6 * max(mask.shape)
    return tuple((np.arange(size) - (size - 1) / 2) / scale for size in mask.shape[::-1])


def points(mask: np.ndarray) -> np.ndarray:
    """Places of the pixels of a silhouette, (n, 2)."""
    x, y = np.meshgrid(*coordinates(mask))
    return np.stack([x[mask], y[mask]], axis=1)


def main() -> Figure:
    """Draw the square of averages."""
    masks = [horse(), glyph("★"), glyph("✈"), glyph("♣")]
    corners = [fit(points(mask), k=12, method=EM(starts=30), rng=0).mixture for mask in masks]

    figure, axes = plt.subplots(5, 5, figsize=(8, 8), layout="constrained", gridspec_kw={"wspace": 0, "hspace": 0})
    for row, down in zip(axes, STEPS, strict=True):
        for ax, across in zip(row, STEPS, strict=True):
            weights = np.outer([1 - down, down], [1 - across, across]).ravel()
            mean = barycenter(corners, weights)
            plot.shape(mean.mixture, share=0.9, ax=ax, color=plot.blend(weights), limits=LIMITS)
            ax.set_axis_off()
    for ax, mask in zip(axes[[0, 0, 4, 4], [0, 4, 0, 4]], masks, strict=True):
        ax.contour(*coordinates(mask), mask, levels=[0.5], colors="black", linewidths=0.6)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
