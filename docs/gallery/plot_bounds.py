"""
A distance with its proof
=========================

``distance(p, q)`` is MW2, the cheapest way to move p onto q by a plan that is itself a Gaussian mixture. It is never
below the Wasserstein distance W2, which allows every plan and has no closed form. ``bounds(p, q)`` returns an interval
that contains W2, both ends proven. One Gaussian is split into two that move apart (Chen, Georgiou and Tannenbaum 2019,
section V, here in the plane). The second coordinates are alike and independent of the first, so W2 is that of the first
ones, known from their quantile functions: the lower end finds it, by searching for the direction that tells most.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr

from mixot import Gaussian, Mixture, bounds, distance


def quantiles(mixture: Mixture, levels: np.ndarray) -> np.ndarray:
    """Quantiles of the first coordinate of a mixture, by interpolation of its distribution function."""
    x = np.linspace(-16.0, 16.0, 100_001)
    z = (x[:, None] - mixture.components.mean()[:, 0]) / np.sqrt(mixture.components.cov()[:, 0, 0])
    return np.interp(levels, ndtr(z) @ mixture.weights, x)


def main() -> Figure:
    """Draw MW2, the interval and the exact W2 against the separation."""
    p = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    separations = np.linspace(0.0, 6.0, 25)
    levels = (np.arange(20_000) + 0.5) / 20_000
    upper, low, high, exact = [], [], [], []
    for separation in separations:
        q = Mixture([0.5, 0.5], Gaussian([[-separation, 0.0], [separation, 0.0]], [np.eye(2)] * 2))
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
