"""
Where components meet
=====================

The plan behind a barycenter joins one component of every mixture to a tuple, and each tuple meets at its own Gaussian
barycenter (Delon and Desolneux 2020, Corollary 3): left three mixtures, in black their average, and lines as wide as
the mass that comes along them. The program that finds the plan has a column for every tuple, 5 * 4 * 6 = 120 here; true
costs are computed only where the plan might put mass, and the gap to the optimum is proven.

Each mixture has a map to the average, ``result.map(j)``; right, draws from each of the three mixtures moved by it, in
their colors. At random (``kind="random"``) each cloud has exactly the law of the average.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, barycenter, plot


def ring(rng: np.random.Generator, k: int, center: tuple[float, float], thin: float) -> Mixture:
    """Return k Gaussian laws around a center, of different weights."""
    angles = 2 * np.pi * (np.arange(k) + rng.random()) / k
    outward = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = outward[:, ::-1] * [-1, 1]
    covs = thin * np.einsum("ki,kj->kij", outward, outward) + 0.12 * np.einsum("ki,kj->kij", across, across)
    return Mixture(rng.dirichlet(np.full(k, 8.0)), Gaussian(center + 1.4 * outward, covs))


def main() -> Figure:
    """Draw who meets whom, and three clouds moved onto the average."""
    rng = np.random.default_rng(3)
    mixtures = [ring(rng, 5, (-4, 0), 0.05), ring(rng, 4, (4, 0.5), 0.3), ring(rng, 6, (0.3, 5.2), 0.02)]
    mean = barycenter(mixtures)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.4), width_ratios=[3, 2], layout="constrained")
    plot.barycenter_lines(mean, ax=left)
    left.set(
        title=f"objective {mean.objective:.4f}, gap {abs(mean.gap):.0e}, {len(mean.tuples)} tuples", aspect="equal"
    )
    plot.mixture_density(mean.mixture, ax=right, color="#777777")
    for j, p in enumerate(mixtures):
        moved = mean.map(j, kind="random")(p.sample(250, rng=rng), rng=rng)
        right.scatter(*moved.T, s=7, color=plot.COLORS[j], linewidths=0, label=f"from mixture {j + 1}")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, markerscale=2)
    right.set(title="draws of each, moved to the average", aspect="equal")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
