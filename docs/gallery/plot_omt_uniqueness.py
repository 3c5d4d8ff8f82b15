"""
One plan from every start
=========================

Four components on the corners of a square go to the corners of the same square turned by 45 degrees, each as near to
its left neighbor as to its right. Every plan that splits corners between neighbors costs the same, and the linear
program of MW2 returns a vertex of that set; which one depends on the order in which the components happen to stand.
Optimal mixture transport, ``plan(p, q, solver=OMT())``, adds ``lam KL(w | a b')`` to the cost: what is minimised is
strictly convex, there is one plan, and it keeps the symmetry of the square.

On the right 200 problems are solved, each with its components in random order and from random potentials as start. What
is shown is the distance of each plan from the first, once the order is undone. The dashed line is 1e-12.

OMT as it is here is a reconstruction: of Jin, Sümbül and Marghi (2026, arXiv 2606.02515) we know the abstract, which
announces a unique global minimizer; the formulation and its proof are ours, and no number here is theirs.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import OMT, Gaussian, Mixture, Plan, plan, plot

RUNS = 200


def square(turn: float) -> Mixture:
    """Four components on the corners of a square."""
    angle = turn + np.pi / 4 + np.pi / 2 * np.arange(4)
    means = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Mixture(np.full(4, 0.25), Gaussian(means, np.broadcast_to(0.01 * np.eye(2), (4, 2, 2))))


def shuffled(p: Mixture, rng: np.random.Generator) -> tuple[Mixture, np.ndarray]:
    """The same mixture with its components in another order, and that order."""
    order = rng.permutation(len(p))
    return Mixture(p.weights[order], p.components.take(order)), order


def plans(p: Mixture, q: Mixture, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Couplings of MW2 and of OMT for components in random order, in the order of p and q."""
    exact, entropic = [], []
    for _ in range(RUNS):
        (source, rows), (target, cols) = shuffled(p, rng), shuffled(q, rng)
        back = np.ix_(np.argsort(rows), np.argsort(cols))
        found = plan(source, target)
        exact.append(found.coupling[back])
        start = rng.normal(size=4), rng.normal(size=4)  # of the size of the costs
        entropic.append(OMT().solve(found.cost_matrix, source.weights, target.weights, start=start).coupling[back])
    return exact, entropic


def main() -> Figure:
    """Draw two plans of MW2, the one of OMT, and how far 200 of each are apart."""
    p, q = square(0.0), square(np.pi / 4)
    exact, entropic = plans(p, q, np.random.default_rng(0))
    apart = [np.array([np.abs(w - some[0]).sum() for w in some]) for some in (exact, entropic)]
    other = exact[int(apart[0].argmax())]
    best: Plan = plan(p, q, solver=OMT())

    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    shown = {"MW2, in one order": exact[0], "MW2, in another": other, "OMT, in any order": best.coupling}
    for ax, (name, coupling) in zip(axes, shown.items(), strict=False):
        for i, j in zip(*np.nonzero(coupling > 1e-3), strict=True):
            line = np.stack([p.components.mean()[i], q.components.mean()[j]])
            ax.plot(*line.T, color="0.35", linewidth=24 * coupling[i, j], alpha=0.8, solid_capstyle="butt", zorder=1)
        for mixture, color in ((p, plot.COLORS[0]), (q, plot.COLORS[1])):
            ax.scatter(*mixture.components.mean().T, s=90, color=color, zorder=2)
        ax.set(aspect="equal", xticks=[], yticks=[], title=name, xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    edges = np.logspace(-17, 1, 55)
    for values, name, color in zip(apart, ("MW2", "OMT"), (plot.COLORS[3], plot.COLORS[2]), strict=True):
        axes[3].hist(np.maximum(values, 2e-17), edges, color=color, label=f"{name}: at most {values.max():.1g}")
    axes[3].axvline(1e-12, color="0.3", linestyle="--", linewidth=1)
    axes[3].set(
        xscale="log",
        xlabel="distance from the first plan, |w - w_1|_1",
        ylabel="runs",
        title=f"{RUNS} starts and orders",
    )
    axes[3].legend(frameon=False, loc="upper center")
    axes[3].spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
