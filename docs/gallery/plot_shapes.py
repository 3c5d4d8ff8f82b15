"""
Averages of shapes
==================

A silhouette is a cloud of points, and a mixture of 12 Gaussian laws draws it well enough: where its density is high,
there the shape is. Four of them stand at the corners, and in between their barycenters with bilinear weights; each has
at most 4 * 12 - 3 = 45 components, and is proven optimal. A leg of the horse becomes a wing here, a tip of the star
there. So Delon and Desolneux (2020) do in Figure 5, with shapes of their own.

The horse is scikit-image's; star, airplane and clubs are glyphs of DejaVu Sans, which matplotlib ships. The fits do not
know that the star is symmetric, which is why its averages are not, either.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from skimage import data

from mixot import barycenter, fit, plot

STEPS = np.linspace(0, 1, 5)
LIMITS = [[-1.0, 1.0], [-1.0, 1.0]]


def horse() -> np.ndarray:
    """Pixels of the horse that scikit-image ships, (n, 2)."""
    rows, columns = np.nonzero(~data.horse())
    return np.stack([columns, -rows], axis=1)[::7]


def glyph(letter: str) -> np.ndarray:
    """Points inside a glyph of DejaVu Sans, on a lattice, (n, 2)."""
    outline = TextPath((0, 0), letter, size=100, prop=FontProperties(family="DejaVu Sans"))
    box = outline.get_extents()
    x, y = np.meshgrid(np.linspace(box.x0, box.x1, 110), np.linspace(box.y0, box.y1, 110))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return points[outline.contains_points(points)]


def centered(points: np.ndarray) -> np.ndarray:
    """The shape in the middle of the box."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) / (0.58 * (high - low).max())


def main() -> Figure:
    """Draw the square of averages."""
    silhouettes = [centered(points) for points in (horse(), glyph("★"), glyph("✈"), glyph("♣"))]
    corners = [fit(points, k=12, rng=0).mixture for points in silhouettes]
    figure, axes = plt.subplots(5, 5, figsize=(8, 8), layout="constrained", gridspec_kw={"wspace": 0, "hspace": 0})
    for row, down in zip(axes, STEPS, strict=True):
        for ax, across in zip(row, STEPS, strict=True):
            weights = np.outer([1 - down, down], [1 - across, across]).ravel()
            mean = barycenter(corners, weights)
            plot.shape(mean.mixture, share=0.94, ax=ax, color=plot.blend(weights), limits=LIMITS)
            ax.set_axis_off()
    for ax, points in zip(axes[[0, 0, 4, 4], [0, 4, 0, 4]], silhouettes, strict=True):
        ax.scatter(*points.T, s=0.3, color="black", linewidths=0, alpha=0.5)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
