"""
A distance with its proof
=========================

``distance(p, q)`` is MW2, the cheapest way to move p onto q by a plan that is itself a Gaussian mixture. It is never
below the Wasserstein distance W2, which allows every plan and has no closed form. ``bounds(p, q)`` returns an interval
that contains W2, both ends proven. On the line, W2 can be had from the quantile functions, so here one sees how tight
the interval is: one Gaussian is split into two that move apart (Chen, Georgiou and Tannenbaum 2019, section V).
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr

from mixot import Gaussian, Mixture, bounds, distance


def quantiles(mixture: Mixture, levels: np.ndarray) -> np.ndarray:
    """Quantiles of a mixture on the line, by interpolation of its distribution function."""
    x = np.linspace(-16.0, 16.0, 100_001)
    z = (x[:, None] - mixture.components.mean()[:, 0]) / np.sqrt(mixture.components.cov()[:, 0, 0])
    return np.interp(levels, ndtr(z) @ mixture.weights, x)


def main() -> Figure:
    """Draw MW2, the interval and the exact W2 against the separation."""
    p = Mixture([1.0], Gaussian([0.0], [1.0]))
    separations = np.linspace(0.0, 6.0, 25)
    levels = (np.arange(20_000) + 0.5) / 20_000
    upper, low, high, exact = [], [], [], []
    for separation in separations:
        q = Mixture([0.5, 0.5], Gaussian([-separation, separation], [1.0, 1.0]))
        interval = bounds(p, q)
        upper.append(distance(p, q))
        low.append(interval.lower)
        high.append(interval.upper)
        exact.append(np.sqrt(np.mean((quantiles(p, levels) - quantiles(q, levels)) ** 2)))

    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.fill_between(separations, low, high, alpha=0.25, label="bounds(p, q)")
    ax.plot(separations, upper, label="distance(p, q): MW2")
    ax.plot(separations, exact, "k--", label="W2, from quantiles")
    ax.set(xlabel="half the distance between the two components of q", ylabel="distance")
    ax.legend()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
