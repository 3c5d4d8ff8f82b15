"""
Paths between mixtures on the line
==================================

A path of constant speed from one mixture to another. Under W2 (left) the quantiles move on straight lines, and what
lies between two Gaussian mixtures is none: densities grow spikes and shoulders. Under MW2 (right) each component
travels along its own Gaussian geodesic, with the mass that the optimal plan gives to the pair it belongs to, and every
density on the way is again a mixture, of at most ``k + l - 1`` components; they are drawn as thin lines.

Above the mixtures of Delon and Desolneux (2020), section 4.3 and Figure 2, at MW2 = 0.353199660, W2 = 0.343446927.
Below those of Chen, Georgiou and Tannenbaum (2019), section V.B, Figures 2 to 4, at MW2 = 0.480088625: both components
keep their mass, one half each, all the way. Independent computations in extended precision give the same digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr

from mixot import Gaussian, Mixture, bounds, geodesic, plot

PAIRS = {
    "Delon and Desolneux": (
        Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2])),
        Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2])),
    ),
    "Chen, Georgiou and Tannenbaum": (
        Mixture([0.5, 0.5], Gaussian([0.5, 0.1], [0.01, 0.05])),
        Mixture([0.5, 0.5], Gaussian([0.0, -0.35], [0.02, 0.02])),
    ),
}
TIMES = np.linspace(0, 1, 6)
LEVELS = ndtr(np.linspace(-4, 4, 2000))


def quantile_path(p: Mixture, q: Mixture) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points and densities of the W2 geodesic: ``x_t(u) = (1 - t) x_p(u) + t x_q(u)``, and dx/du is 1 / density."""
    x, y = p.quantile(LEVELS), q.quantile(LEVELS)
    return [((1 - t) * x + t * y, 1 / ((1 - t) / p.density(x) + t / q.density(y))) for t in TIMES]


def main() -> Figure:
    """Draw both paths between both pairs."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 9), sharex="row", layout="constrained")
    for row, (name, (p, q)) in zip(axes, PAIRS.items(), strict=True):
        path, exact = geodesic(p, q), bounds(p, q)
        plot.ridges(quantile_path(p, q), TIMES, ax=row[0])
        plot.geodesic_1d(path, TIMES, ax=row[1])
        row[0].set_title(f"{name}\nW2 = {exact.upper:.9f}")
        row[1].set_title(f"MW2 = {path.distance:.9f}")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
