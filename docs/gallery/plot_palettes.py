"""
Between four palettes
=====================

A photograph in the colors of four others, which stand in the corners, and of what lies between them. The colors of each
picture are a mixture of ten Gaussians; what lies between is the exact barycenter of the four mixtures with the bilinear
weights of its place, as in Figure 11 of Delon and Desolneux (2020). Below each picture are the colors of its palette,
from dark to light, as wide as their shares.

On the command line: ``mixot recolor astronaut.png --palette coffee.png rocket.png chelsea.png hubble.png --grid 5 -o
sheet.png``.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mixot import datasets
from mixot.imaging.color_grid import color_grid

CORNERS = ("coffee", "rocket", "chelsea", "hubble_deep_field")


def main() -> Figure:
    """Draw the grid."""
    photo, *palettes = (datasets.photograph(name) for name in ("astronaut", *CORNERS))
    grid = color_grid(photo, palettes, 5, largest=240, rng=0)
    figure, ax = plt.subplots(figsize=(9, 9.5), layout="constrained")
    ax.imshow(grid.sheet())
    ax.set_axis_off()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
