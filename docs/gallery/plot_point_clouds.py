"""
Moving points with more and more components
===========================================

Two clouds of 40 points, a mixture of K Gaussian laws fitted to each, and the blue points moved by the plan between the
mixtures: above by ``T_rand``, which takes one of the affine maps that the plan offers at random, below by ``T_mean``,
which averages them. With K = 1 both are the same affine map. With K = 40 each point is a component of its own and what
remains is the optimal transport of the points: green lies on yellow. In between the random map fills the target
better, and the mean map keeps neighbors together.

So Delon and Desolneux (2020) do in section 6.3 and Figure 7. Under each figure stands the exact W2 from the moved
points to their targets.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, distance, fit, plot, transport_map

BLUE, YELLOW, GREEN = plot.COLORS[0], plot.COLORS[4], plot.COLORS[2]


def clouds(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of 40 points: a disk, and two arcs around it."""
    radius, angle = np.sqrt(rng.random(40)), 2 * np.pi * rng.random(40)
    disk = 0.8 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    side = np.repeat([-1.0, 1.0], 20)
    turn = rng.uniform(-1.3, 1.3, 40)
    arcs = np.stack([side * (1.4 * np.cos(turn) + 0.5), 1.8 * np.sin(turn)], axis=1)
    return disk, arcs + 0.1 * rng.standard_normal((40, 2))


def components(points: np.ndarray, k: int) -> Mixture:
    """A fit of k components; as many as there are points are the points themselves."""
    if k == len(points):
        return Mixture(np.full(k, 1 / k), Gaussian(points, np.zeros((k, 2, 2))))
    return fit(points, k=k, rng=0).mixture


def main() -> Figure:
    """Draw both maps for K = 1, 5, 10, 40."""
    rng = np.random.default_rng(4)
    source, target = clouds(rng)
    figure, axes = plt.subplots(2, 4, figsize=(11, 4.8), sharex=True, sharey=True, layout="constrained")
    for column, k in zip(axes.T, (1, 5, 10, 40), strict=True):
        p, q = components(source, k), components(target, k)
        for ax, kind in zip(column, ("random", "mean"), strict=True):
            moved = transport_map(p, q, kind=kind)(source, rng=rng)
            ax.plot(*np.stack([source, moved]).transpose(2, 0, 1), color="0.8", linewidth=0.8, zorder=0)
            ax.scatter(*source.T, s=14, color=BLUE, label="source")
            ax.scatter(*target.T, s=34, color=YELLOW, label="target")
            ax.scatter(*moved.T, s=12, color=GREEN, label="source, moved", zorder=3)
            ax.set(aspect="equal", xticks=[], yticks=[], xlabel=f"W2 to the target {distance(moved, target):.3f}")
        column[0].set_title(f"K = {k}")
    axes[0, 0].set_ylabel("T_rand")
    axes[1, 0].set_ylabel("T_mean")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
