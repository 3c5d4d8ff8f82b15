"""
The closest mixture, and its proof
==================================

Left: a thousand points of five laws, of which ``MomentSOS`` sees 44 moments. The atoms of its relaxation (dashed) fit
the noise of those moments; polished in moment space, with merges and splits, they are five laws again (solid), and EM
has a few steps left to do. Right: how close can Gaussian mixtures come to the uniform law on [-1, 1], if no component
may be narrower than a given standard deviation? Each order of the relaxation proves a bound that no such mixture can
beat; the atoms of the last one are a mixture, and its own distance is the line above. Where the two meet, it is the
closest mixture.
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from scipy.special import ndtr

from mixot import DiagonalGaussian, Mixture, Moments, Samples
from mixot.fitting.moments.moment_matching import MomentMatching
from mixot.fitting.moments.moment_sos import MomentSOS
from mixot.formulas.polynomial.regions import Box

ORDERS = range(2, 6)
TRUTH = Mixture(
    [0.3, 0.2, 0.15, 0.2, 0.15],
    DiagonalGaussian(
        [[0.4, 0.4], [1.5, 0.4], [0.9, 1.1], [0.3, 1.7], [1.7, 1.6]],
        [[0.06, 0.015], [0.01, 0.04], [0.012, 0.05], [0.04, 0.01], [0.015, 0.06]],
    ),
)


def ellipses(ax: Axes, mixture: Mixture, **style: Any) -> None:
    """Draw each component at two standard deviations."""
    for mean, cov in zip(mixture.components.mean(), mixture.components.cov(), strict=True):
        ax.add_patch(Ellipse(tuple(mean), *(4 * np.sqrt(np.diagonal(cov))), fill=False, **style))


def w2_from_uniform(mixture: Mixture) -> float:
    """W2 between the uniform law on [-1, 1] and a mixture on the line, from their quantile functions."""
    x = np.linspace(-4.0, 4.0, 40_001)
    z = (x[:, None] - mixture.components.mean()[:, 0]) / np.sqrt(mixture.components.cov()[:, 0, 0])
    levels = (np.arange(20_000) + 0.5) / 20_000
    return float(np.sqrt(np.mean((np.interp(levels, ndtr(z) @ mixture.weights, x) - (2 * levels - 1)) ** 2)))


def starts_and_polish(ax: Axes) -> None:
    """Draw the atoms of the relaxation and what they become."""
    data = Samples(TRUTH.sample(1000, rng=5))
    found = MomentSOS(order=4, refine=None).fit(data, "gaussian", structure="diagonal", rng=0)
    raw = next(start for start in found.starts if len(start) == len(TRUTH))
    fit = MomentMatching(order=4, starts=found.starts).fit(data, "gaussian", structure="diagonal", rng=0)
    ax.plot(*data.points.T, ".", color="0.8", ms=3, zorder=0)
    ellipses(ax, raw, ls="--", ec="C1", label="atoms of the relaxation")
    ellipses(ax, fit.polished or fit.mixture, ec="C0", lw=2, label="polished")
    ellipses(ax, TRUTH, ec="k", lw=0.7, label="truth")
    handles, labels = ax.get_legend_handles_labels()
    kinds = dict(zip(labels, handles, strict=True))
    ax.legend(kinds.values(), kinds.keys(), loc="upper center", bbox_to_anchor=(0.5, -0.07), ncol=3, fontsize=8)
    ax.set(title=f"K = {len(fit.mixture)} found, EM from there: {fit.iterations} iterations", aspect="equal")


def bounds_by_order(ax: Axes) -> None:
    """Draw what each order proves, and the distance of the mixture that was found."""
    order = max(ORDERS)
    uniform = Moments([(n + 1) % 2 / (n + 1) for n in range(2 * order + 1)], order=2 * order)
    for color, least in zip(("C0", "C1", "C2"), (0.2, 0.15, 0.1), strict=True):
        method = MomentSOS(
            order=min(ORDERS), max_order=order, distance="w2", refine=None, support=Box([-1.0, least], [1.0, 0.5])
        )
        fit = method.fit(uniform, "gaussian", structure="diagonal")
        proven = [np.sqrt(level.lower_bound) for level in fit.hierarchy]
        ax.plot([level.order for level in fit.hierarchy], proven, "o-", color=color, label=f"std >= {least**0.5:.2f}")
        ax.axhline(w2_from_uniform(fit.mixture), color=color, ls="--", lw=1)
    ax.set(xlabel="order", ylabel="W2", title="bounds (solid) and mixtures found (dashed)", xticks=list(ORDERS))
    ax.legend(fontsize=8)


def main() -> Figure:
    """Draw both panels."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    starts_and_polish(left)
    bounds_by_order(right)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
