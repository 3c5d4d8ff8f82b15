"""
Averages of three mixtures on the line
======================================

``barycenter(mixtures, weights)`` minimises the weighted sum of squared distances to several mixtures. With W2 the
quantile functions are averaged, and the result is no Gaussian mixture; with MW2 it is one again, here of two
components: those that meet are named by ``result.tuples``, and ``result.gap`` says how far from optimal it could be.

The mixtures and both sets of weights are those of Chen, Georgiou and Tannenbaum (2019), section V.C, Figures 8 to 10.
For equal weights the objective is 0.052962823853, with components N(0.3, 0.0177365) and N(-0.2333, 0.0288934) of half
the mass each, which a computation in 50 digits confirms.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr

from mixot import Gaussian, Mixture, barycenter, plot

MIXTURES = [
    Mixture([0.5, 0.5], Gaussian([0.5, 0.1], [0.01, 0.05])),
    Mixture([0.5, 0.5], Gaussian([0.0, -0.35], [0.02, 0.02])),
    Mixture([0.5, 0.5], Gaussian([0.4, -0.45], [0.025, 0.021])),
]
WEIGHTS = {"1/3, 1/3, 1/3": [1 / 3, 1 / 3, 1 / 3], "1/4, 1/4, 1/2": [0.25, 0.25, 0.5]}


def average_of_quantiles(weights: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Points and density of the W2 barycenter: ``x(u) = sum_j weights[j] x_j(u)``, and the slope dx/du is 1 / density.

    The slope is the same average of the slopes of the x_j.
    """
    levels = ndtr(np.linspace(-4, 4, 2000))
    quantiles = np.stack([p.quantile(levels) for p in MIXTURES])
    slopes = np.stack([1 / p.density(x) for p, x in zip(MIXTURES, quantiles, strict=True)])
    return weights @ quantiles, 1 / (weights @ slopes)


def main() -> Figure:
    """Draw the three mixtures, then both averages for either set of weights."""
    limits = [[-1.1, 1.1]]
    figure, axes = plt.subplots(2, 3, figsize=(11, 5.6), sharex=True, layout="constrained")
    for j, (ax, p) in enumerate(zip(axes[0], MIXTURES, strict=True)):
        plot.mixture_density(p, ax=ax, color=plot.COLORS[j], limits=limits)
        ax.set(title=f"mixture {j + 1}", xlabel="", ylim=(0, 2.3))
    for ax, (name, weights) in zip(axes[1], WEIGHTS.items(), strict=False):
        mean = barycenter(MIXTURES, weights)
        ax.plot(*average_of_quantiles(weights), color="black", linestyle=(0, (3, 1.5)), linewidth=1.4, label="W2")
        plot.mixture_density(mean.mixture, ax=ax, color=plot.COLORS[4], limits=limits)
        ax.lines[-1].set_label("MW2, and its components")
        ax.set(title=f"weights {name}\nobjective {mean.objective:.9f}", ylim=(0, 2.3))
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    ax = axes[1, 2]
    for j, t in enumerate(np.linspace(0, 1, 7)):
        mean = barycenter(MIXTURES, [(1 - t) / 2, (1 - t) / 2, t]).mixture
        x = np.linspace(-1.1, 1.1, 400)
        ax.plot(x, mean.density(x), color=plot.blend([(1 - t) / 2, (1 - t) / 2, t]), linewidth=2 if j in (0, 6) else 1)
    ax.set(title="weight of mixture 3\nfrom 0 (purple) to 1 (green)", xlabel="x", ylim=(0, 2.3))
    ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
