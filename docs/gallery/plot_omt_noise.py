"""
Noise in the means
==================

Fits to finite data are off by a little. Here every mean of both mixtures (eight components each, in five dimensions) is
moved by Gaussian noise, forty times for each size of it, and the plan is solved for anew. Shown is the median distance
of the plan from the one without noise, ``|w' - w|_1``, which is twice the mass that goes elsewhere and at most 2. The
size of the noise is its length in the units of the smallest distance between two means of one mixture.

The plan of MW2 is a vertex of a polytope. Each dot is one of its runs: either it stays where it is, on the lowest line,
or it is far off at once, which noise of a hundredth of that distance does to some already. The plan of optimal mixture
transport moves in proportion to the noise, and the less the larger lam. Dashed, the bound ``osc(C' - C) / (2 lam)``
(``plan(...).stability().cost_bound``), which holds in every single run.

OMT as it is here is a reconstruction: of Jin, Sümbül and Marghi (2026, arXiv 2606.02515) we know the abstract, which
announces stability under bounded perturbations; formulation, bound and proof are ours, and no number here is theirs.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.spatial.distance import pdist

from mixot import OMT, Gaussian, Mixture, plan, plot

K, DIM, RUNS = 8, 5, 40
FLOOR = 1e-4  # where no change at all is drawn
SHARES = (0.01, 0.05, 0.25, 1.0)  # lam, as a share of the median cost


def mixture(rng: np.random.Generator) -> Mixture:
    """Eight random components."""
    root = 0.4 * rng.normal(size=(K, DIM, DIM))
    return Mixture(rng.dirichlet(np.full(K, 5.0)), Gaussian(rng.normal(size=(K, DIM)), root @ root.swapaxes(1, 2)))


def shaken(p: Mixture, length: float, rng: np.random.Generator) -> Mixture:
    """The mixture with its means moved, by ``length`` in root mean square."""
    assert isinstance(p.components, Gaussian)
    noise = length / np.sqrt(DIM) * rng.normal(size=(K, DIM))
    return Mixture(p.weights, Gaussian(p.components.means + noise, p.components.covs))


def main() -> Figure:
    """Draw the change of the plan over the noise, and the bound."""
    rng = np.random.default_rng(1)
    p, q = mixture(rng), mixture(rng)
    nearest = min(pdist(side.components.mean()).min() for side in (p, q))
    scale = float(np.median(plan(p, q).cost_matrix))
    solvers = {"MW2": OMT(lam=0.0)} | {f"OMT, lam = {s:g} median cost": OMT(lam=s * scale) for s in SHARES}
    plans = {name: plan(p, q, solver=solver) for name, solver in solvers.items()}
    reports = {name: found.stability() for name, found in plans.items()}
    sizes = np.logspace(-3, 0, 10)
    moves = {name: np.empty((len(sizes), RUNS)) for name in solvers}
    bounds = {name: np.empty((len(sizes), RUNS)) for name in solvers}
    for i, size in enumerate(sizes):
        for run in range(RUNS):
            source, target = (shaken(side, size * nearest, rng) for side in (p, q))
            for name, solver in solvers.items():
                other = plan(source, target, solver=solver)
                moves[name][i, run] = np.abs(other.coupling - plans[name].coupling).sum()
                bounds[name][i, run] = reports[name].cost_bound(other.cost_matrix)
    assert all((moves[name] <= bounds[name] + 1e-9).all() for name in solvers)

    figure, ax = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
    jumps = np.maximum(moves.pop("MW2"), FLOOR)
    jitter = 10 ** rng.uniform(-0.05, 0.05, jumps.shape)
    ax.scatter(sizes[:, None] * jitter, jumps, s=7, color=plot.COLORS[3], linewidth=0, label="MW2, every run", zorder=3)
    for color, (name, values) in zip(plt.get_cmap("viridis")(np.linspace(0.75, 0.1, 4)), moves.items(), strict=True):
        ax.plot(sizes, np.median(values, axis=1), "o-", markersize=4, color=color, label=name)
        ax.plot(sizes, np.median(bounds[name], axis=1), "--", linewidth=1, color=color)
        ax.fill_between(sizes, *np.quantile(values, [0.1, 0.9], axis=1), color=color, alpha=0.12, linewidth=0)
    ax.set(xscale="log", yscale="log", ylim=(0.8 * FLOOR, 2.5), xlim=(0.85 * sizes[0], 1.15 * sizes[-1]))
    ax.set(xlabel="noise, in the smallest distance between means", ylabel="change of the plan, |w' - w|_1")
    ax.legend(frameon=False, title="median of 40 runs; shade, 80% of them;\ndashes, the bound", loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
