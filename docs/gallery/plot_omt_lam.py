"""
What lam does
=============

The weight lam of the entropy decides how much the plan of optimal mixture transport is smoothed. It has the unit of a
squared distance. Two mixtures of twelve components in three dimensions, lam from a thousandth of the median component
cost to a hundred times it; the vertical line is the default, a tenth of the typical size of the costs less their
separable part.

*Left*: what the plan costs, from MW2 at small lam (no plan costs less) to independence, where every source goes to all
targets in proportion to their weights. *Middle*: over how many targets a source is spread, ``exp`` of the entropy of
its row, on average. *Right*: by how many percent an arrow is off when the weights of both mixtures are known from 1,000
observations each, which hardly depends on lam; and how much mass is moved at most by an error of one percent of the
median in one component cost, which falls like 1 / lam (``plan(...).stability()`` knows both).

So lam buys firmness against errors in the components, and pays by spreading the plan. At the default the cost is
within a few percent of MW2's; from the median cost on, the plan says little.

OMT as it is here is a reconstruction of what Jin, Sümbül and Marghi (2026, arXiv 2606.02515) describe in their
abstract. The default is ours, too, and no number here is theirs.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import entr

from mixot import OMT, Gaussian, Mixture, plan, plot

K, DIM = 12, 3


def mixture(rng: np.random.Generator) -> Mixture:
    """Twelve random components."""
    root = 0.4 * rng.normal(size=(K, DIM, DIM))
    return Mixture(rng.dirichlet(np.full(K, 5.0)), Gaussian(rng.normal(size=(K, DIM)), root @ root.swapaxes(1, 2)))


def main() -> Figure:
    """Draw cost, spread and firmness over lam."""
    rng = np.random.default_rng(4)
    p, q = mixture(rng), mixture(rng)
    exact, default = plan(p, q), plan(p, q, solver=OMT())
    scale = float(np.median(exact.cost_matrix))
    shares = np.logspace(-3, 2, 61)
    plans = [plan(p, q, solver=OMT(lam=share * scale)) for share in shares]
    cost = np.array([each.cost for each in plans])
    rows = [each.coupling / p.weights[:, None] for each in plans]
    spread = [p.weights @ np.exp(entr(row).sum(axis=1)) for row in rows]
    reports = [each.stability() for each in plans]
    noise = [
        float((each.coupling * report.relative_errors(1000, 1000)).sum())
        for each, report in zip(plans, reports, strict=True)
    ]
    shift = np.zeros(exact.cost_matrix.shape)
    shift[0, 0] = 0.01 * scale
    mass = [report.cost_bound(exact.cost_matrix + shift) / 2 for report in reports]

    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.1), layout="constrained")
    axes[0].plot(shares, cost, color=plot.COLORS[0], linewidth=2)
    axes[0].axhline(exact.cost, color="0.5", linestyle=":", label="MW2")
    axes[0].axhline(p.weights @ exact.cost_matrix @ q.weights, color="0.5", linestyle="--", label="independence")
    axes[0].set(
        ylabel="cost of the plan", ylim=(0, None), title=f"default: {default.cost / exact.cost - 1:.1%} above MW2"
    )
    axes[1].plot(shares, spread, color=plot.COLORS[2], linewidth=2)
    axes[1].set(
        ylabel="targets of a source",
        ylim=(0, None),
        title=f"default: {np.interp(default.lam / scale, shares, spread):.1f} targets",
    )
    axes[2].plot(shares, 100 * np.array(noise), color=plot.COLORS[1], linewidth=2, label="error of an arrow, n = 1,000")
    axes[2].plot(
        shares, 100 * np.array(mass), color=plot.COLORS[4], linewidth=2, label="mass that 1% of a cost moves, at most"
    )
    axes[2].set(
        yscale="log",
        ylabel="%",
        title=f"default: {np.interp(default.lam / scale, shares, mass):.1%} of the mass at most",
    )
    for ax in axes:
        ax.axvline(default.lam / scale, color="0.2", linewidth=1)
        ax.set(xscale="log", xlabel="lam / median cost", xlim=(shares[0], shares[-1]))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, loc="lower right")
    axes[2].legend(framealpha=1, edgecolor="none", loc="upper right")  # the line of the default passes below it
    axes[2].set_ylim(1e-3, 3e4)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
