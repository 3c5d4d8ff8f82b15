"""
Which component goes where
==========================

``plan(p, q)`` returns the optimal coupling of the components, with dual potentials that prove it: the gap between its
cost and the dual value is the most that any other plan could save. On the left the components (two standard
deviations) and the mass that moves between them, on the right the coupling as a matrix, in percent of the mass. A
source component may be split, but of the 25 pairs at most 5 + 5 - 1 = 9 are used.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, plan, plot


def column(rng: np.random.Generator, x: float) -> Mixture:
    """Five Gaussian laws of random weights and shapes, one above the other."""
    means = np.stack([np.full(5, x), 2.2 * np.arange(5)], axis=1) + rng.normal(scale=0.7, size=(5, 2))
    roots = rng.normal(scale=0.45, size=(5, 2, 2))
    return Mixture(rng.dirichlet(np.full(5, 3.0)), Gaussian(means, roots @ roots.swapaxes(1, 2) + 0.05 * np.eye(2)))


def main() -> Figure:
    """Draw two mixtures, the plan between them and its matrix."""
    rng = np.random.default_rng(7)
    p, q = column(rng, -3.0), column(rng, 3.0)
    best = plan(p, q)

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.6), width_ratios=[3, 2], layout="constrained")
    plot.plan_lines(p, q, best, ax=left)
    left.set(aspect="equal", xlim=(-7, 7))
    plot.plan_heatmap(best, ax=right)
    right.set_title(f"cost {best.cost:.9f}\nno plan costs less than {best.lower_bound:.9f}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
