"""
A path between two mixtures on the line
=======================================

Each component travels along its own Gaussian geodesic, with the share of the mass that the optimal plan gives to the
pair it belongs to. Every density on the way is again a Gaussian mixture, of at most ``k + l - 1`` components. The two
mixtures are those of Delon and Desolneux (2020), section 4.3.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, geodesic


def main() -> Figure:
    """Draw the densities at t = 0, 0.2, ..., 1."""
    p = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
    q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
    path = geodesic(p, q)

    x = np.linspace(0.0, 1.1, 800)
    times = np.linspace(0.0, 1.0, 6)
    figure, axes = plt.subplots(len(times), sharex=True, sharey=True, figsize=(6, 6), layout="constrained")
    for ax, t in zip(axes, times, strict=True):
        density = path(t).density(x)
        ax.fill_between(x, density, color=plt.get_cmap("viridis")(0.85 * t), alpha=0.8)
        ax.set(yticks=[], ylabel=f"t = {t:.1f}")
    axes[-1].set(xlabel="x")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
