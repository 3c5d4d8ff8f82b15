"""
Averages of few components, or of given ones
============================================

The exact barycenter may have more components than one wants to look at. Two solvers keep them few.
``FixedPoint(k=...)`` moves k components until none can be improved by itself. ``GivenComponents(candidates)`` leaves
the components alone and finds only their weights, by a linear program (Chen, Georgiou and Tannenbaum 2019, equations
17 to 19); here the candidates are round laws on a lattice. The gap of the fixed point is to the best mixture of any
number of components; on the lattice the weights are optimal for these candidates.

The four mixtures are those of ``plot_four_corners``, with equal weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import FixedPoint, Gaussian, GivenComponents, Mixture, barycenter, plot

FLAT, TALL, ROUND = np.diag([0.025, 0.00125]), np.diag([0.00125, 0.025]), np.diag([0.01, 0.01])
OBLIQUE = np.array([[0.015, 0.0125], [0.0125, 0.0125]])
RISING, FALLING = np.array([[0.02, 0.01], [0.01, 0.01]]), np.array([[0.02, -0.01], [-0.01, 0.01]])
THIRDS, FOURTHS = np.full(3, 1 / 3), np.full(4, 1 / 4)
MIXTURES = [
    Mixture(THIRDS, Gaussian([[0.5, 0.75], [0.5, 0.25], [0.5, 0.5]], [FLAT, FLAT, OBLIQUE])),
    Mixture(FOURTHS, Gaussian([[0.25, 0.25], [0.75, 0.75], [0.25, 0.75], [0.75, 0.25]], [ROUND] * 4)),
    Mixture(FOURTHS, Gaussian([[0.5, 0.75], [0.5, 0.25], [0.25, 0.5], [0.75, 0.5]], [FLAT, FLAT, TALL, TALL])),
    Mixture(THIRDS, Gaussian([[0.8, 0.7], [0.2, 0.7], [0.5, 0.3]], [RISING, FALLING, np.diag([0.06, 0.01])])),
]
LIMITS = [[0.0, 1.0], [0.0, 1.0]]


def lattice(steps: int) -> Gaussian:
    """Round laws at ``steps`` by ``steps`` places."""
    places = np.linspace(0.2, 0.8, steps)
    means = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    return Gaussian(means, np.broadcast_to(0.006 * np.eye(2), (len(means), 2, 2)))


def main() -> Figure:
    """Draw the exact average beside those of fewer and of given components."""
    solvers = {
        "exact": None,
        "FixedPoint(k=6)": FixedPoint(k=6),
        "FixedPoint(k=3)": FixedPoint(k=3),
        "GivenComponents, 9 by 9": GivenComponents(lattice(9)),
        "GivenComponents, 5 by 5": GivenComponents(lattice(5)),
        "GivenComponents, 3 by 3": GivenComponents(lattice(3)),
    }
    figure, axes = plt.subplots(2, 3, figsize=(10, 7.2), sharex=True, sharey=True, layout="constrained")
    for ax, (name, solver) in zip(axes.flat, solvers.items(), strict=True):
        mean = barycenter(MIXTURES, solver=solver)
        plot.mixture_density(mean.mixture, ax=ax, color=plot.COLORS[2], limits=LIMITS)
        size = 300 * mean.mixture.weights
        ax.scatter(*mean.mixture.components.mean().T, s=size, color="white", edgecolor="black", linewidth=0.8, zorder=3)
        gap = "" if isinstance(solver, GivenComponents) else f", gap {max(mean.gap, 0):.1e}"
        ax.set_title(f"{name}: {len(mean.mixture)} components\nobjective {mean.objective:.6f}{gap}", fontsize=10)
        ax.set(aspect="equal", xticks=[0.2, 0.5, 0.8], yticks=[0.2, 0.5, 0.8])
        ax.label_outer()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
