"""
A photograph in dots
====================

``quantize(q, n)`` moves n points of equal weight until their W2 to a density is as small as moving them can make it.
Every point is then the center of mass of its cell, a part of the density of mass 1 / n. Such points are spread like
blue noise (de Goes et al. 2012): never close together, never in rows, and as dense as the picture is dark.

Left: 8 000 dots for the squared darkness of a photograph, as
``mixot quantize chelsea.png -n 8000 --gamma 2 -o dots.svg`` draws it. Above: a part of it, the cells over the density;
and what the first step does to 500 points that are drawn at random: each goes to the centroid of its cell. That is
Lloyd's step; the next ones are those of a quasi-Newton method. Below: power spectra of 1 000 points in a flat square.
Random ones (grey) have power everywhere; quantized ones (blue) have none at low frequencies, where the eye would see
clouds, and most of it in a ring, at the frequency of the distance between neighbors.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Grid, datasets, plan, plot, quantize
from mixot.imaging.stipple import darkness, stipple

BLUE = plot.COLORS[0]


def spectrum(points: np.ndarray, most: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Power of points in the unit square by frequency, averaged over directions; 1 for points drawn at random."""
    waves = np.arange(-most, most + 1)
    across, up = (np.exp(-2j * np.pi * np.outer(waves, x)) for x in points.T)
    power = np.abs(across @ up.T) ** 2 / len(points)
    ring = np.rint(np.hypot(*np.meshgrid(waves, waves))).astype(int)
    count, total = np.bincount(ring.ravel()), np.bincount(ring.ravel(), power.ravel())
    return np.arange(1, most), (total / count)[1:most]


def main() -> Figure:
    """Draw the dots, cells, the first step, and the spectra."""
    rng = np.random.default_rng(0)
    photo = datasets.photograph("chelsea")
    height, width = photo.shape[:2]
    figure, panels = plt.subplot_mosaic("DDCM;DDSS", figsize=(13, 4.5), layout="constrained")

    drawing = stipple(photo, 8000, gamma=2.0, rng=rng)
    plot.stipples(drawing, ax=panels["D"])

    ink = Grid(darkness(photo).T ** 2, [[0, width], [0, height]])  # x is the first axis of a grid
    plot.cells(plan(drawing.dots, ink), ax=panels["C"], centroids=False, limits=[[105, 195], [85, 155]])
    plot.displacement(plan(rng.random((500, 2)) * [width, height], ink), ax=panels["M"])
    for name in "CM":
        panels[name].invert_yaxis()
        panels[name].set(xlabel="", ylabel="", xticks=[], yticks=[])

    flat = Grid(np.ones((8, 8)), [[0, 1], [0, 1]])
    panels["S"].axhline(1.0, color="0.8", linewidth=0.8)
    panels["S"].plot(*spectrum(rng.random((1000, 2))), color="0.6", label="random")
    panels["S"].plot(*spectrum(quantize(flat, 1000, rng=rng).samples.points), color=BLUE, label="quantized")
    panels["S"].set(xlabel="frequency", ylabel="power", ylim=(0, 5))
    panels["S"].legend(frameon=False)
    panels["S"].spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
