"""
Which component goes where
==========================

``plan(p, q)`` returns the optimal coupling of the components, with dual potentials that prove it: the gap between its
cost and the dual value is the most that any other plan could save. On the left the components (one standard deviation)
and the mass that moves between them, on the right the coupling as a matrix.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, plan


def ellipses(ax: Axes, mixture: Mixture, color: str) -> None:
    """Draw every component as the ellipse at one standard deviation."""
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for mean, cov in zip(mixture.components.mean(), mixture.components.cov(), strict=True):
        ring = mean[:, None] + np.linalg.cholesky(cov) @ circle
        ax.fill(*ring, color=color, alpha=0.35)


def main() -> Figure:
    """Draw two mixtures, the plan between them and its matrix."""
    rng = np.random.default_rng(7)
    roots = rng.normal(scale=0.5, size=(2, 5, 2, 2))
    covs = roots @ roots.swapaxes(-1, -2) + 0.05 * np.eye(2)
    p = Mixture(rng.dirichlet(np.full(5, 3.0)), Gaussian(rng.normal([-3, 0], 1.5, (5, 2)), covs[0]))
    q = Mixture(rng.dirichlet(np.full(5, 3.0)), Gaussian(rng.normal([3, 0], 1.5, (5, 2)), covs[1]))
    best = plan(p, q)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=[3, 2], layout="constrained")
    ellipses(left, p, "tab:blue")
    ellipses(left, q, "tab:red")
    for k, l in zip(*np.nonzero(best.coupling), strict=True):  # noqa: E741
        ends = np.stack([p.components.mean()[k], q.components.mean()[l]])
        left.plot(*ends.T, color="0.3", linewidth=25 * best.coupling[k, l])
    left.set(title=f"distance {best.distance:.3f}", aspect="equal")
    image = right.imshow(best.coupling, cmap="magma_r")
    right.set(title=f"gap {max(best.gap, 0.0):.0e}", xlabel="component of q", ylabel="component of p")
    figure.colorbar(image, ax=right, label="mass")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
