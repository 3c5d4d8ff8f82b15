"""
Between four mixtures
=====================

Four mixtures stand at the corners of a square; every other panel is their exact barycenter, with the bilinear weights
of its place. Left regions of highest density, right the same mixtures as shapes: where the density exceeds 1. Each
barycenter has at most K0 + K1 + K2 + K3 - 3 = 11 components.

This is Figure 4 of Delon and Desolneux (2020), with the parameters of the authors' own notebook. In the middle the
objective is 0.026954331645555, with 9 components; at weights (4/9, 2/9, 2/9, 1/9) it is 0.025016583602238, with 9
components. Solving the linear program over all 144 tuples gives the same digits; several plans attain it.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, barycenter, plot

FLAT, TALL, ROUND = np.diag([0.025, 0.00125]), np.diag([0.00125, 0.025]), np.diag([0.01, 0.01])
OBLIQUE = np.array([[0.015, 0.0125], [0.0125, 0.0125]])
RISING, FALLING = np.array([[0.02, 0.01], [0.01, 0.01]]), np.array([[0.02, -0.01], [-0.01, 0.01]])
THIRDS, FOURTHS = np.full(3, 1 / 3), np.full(4, 1 / 4)
CORNERS = [
    Mixture(THIRDS, Gaussian([[0.5, 0.75], [0.5, 0.25], [0.5, 0.5]], [FLAT, FLAT, OBLIQUE])),
    Mixture(FOURTHS, Gaussian([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [0.75, 0.25]], [ROUND] * 4)),
    Mixture(FOURTHS, Gaussian([[0.5, 0.75], [0.5, 0.25], [0.25, 0.5], [0.75, 0.5]], [FLAT, FLAT, TALL, TALL])),
    Mixture(THIRDS, Gaussian([[0.8, 0.7], [0.2, 0.7], [0.5, 0.3]], [RISING, FALLING, np.diag([0.06, 0.01])])),
]
LIMITS = [[-0.13, 1.13], [-0.02, 1.07]]
STEPS = np.linspace(0, 1, 5)


def main() -> Figure:
    """Draw the square of barycenters twice."""
    figure = plt.figure(figsize=(12, 5.4), layout="constrained")
    left, right = np.asarray(figure.subfigures(1, 2, wspace=0.04), dtype=object)
    left.suptitle("regions of highest density")
    right.suptitle("where the density exceeds 1")
    size = len(STEPS)
    levels, shapes = (part.subplots(size, size, gridspec_kw={"wspace": 0, "hspace": 0}) for part in (left, right))
    for i, down in enumerate(STEPS):
        for j, across in enumerate(STEPS):
            weights = np.outer([1 - down, down], [1 - across, across]).ravel()
            mean = barycenter(CORNERS, weights).mixture
            color = plot.blend(weights)
            plot.mixture_density(mean, ax=levels[i, j], color=color, limits=LIMITS)
            plot.shape(mean, level=1.0, ax=shapes[i, j], color=color, limits=LIMITS)
            for ax in (levels[i, j], shapes[i, j]):
                ax.set_aspect("equal")
                ax.set_axis_off()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
