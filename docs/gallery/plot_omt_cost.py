"""
What it costs: components, not points
=====================================

Processor time of optimal mixture transport. *Left*: between mixtures of K components in ten dimensions, the matrix of
component costs (K^2 distances between Gaussian laws) and the coupling at the default lam, to a gap below 1e-9 of the
largest cost. *Right*: the same pair of data sets with more and more points. Once mixtures are fitted, the plan between
them takes what it takes: how many points they were fitted to does not matter, and a fit, shown too, grows linearly.
Plans between the points themselves, by POT's ``emd`` and ``sinkhorn`` at the same regularization, cost matrix included,
grow with their square or worse. They answer a finer question, point by point; this is about what it costs to ask it.

The times are taken while this page is built, on one thread. ``benchmarks/omt_points.py`` has more of them.

OMT as it is here is a reconstruction: of Jin, Sümbül and Marghi (2026, arXiv 2606.02515) we know the abstract, which
announces a cost that depends on the number of components only. No number here is theirs.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import ot
from matplotlib.figure import Figure

from mixot import EM, OMT, Gaussian, Mixture, fit, plan, plot

DIM = 10
ONCE = EM(starts=1)
COMPONENTS = (2, 5, 10, 20, 50, 100, 200)
POINTS = (100, 200, 500, 1000, 2000)


def mixture(k: int, rng: np.random.Generator) -> Mixture:
    """Random components."""
    root = rng.normal(size=(k, DIM, DIM + 2)) / np.sqrt(DIM)
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(2 * rng.normal(size=(k, DIM)), root @ root.swapaxes(1, 2)))


def seconds(work: Callable[[], Any]) -> float:
    """Processor time of the work, the least of ten times, or of fewer where it takes long."""
    times: list[float] = []
    while len(times) < 10 and sum(times) < 0.3:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def sinkhorn(x: np.ndarray, y: np.ndarray) -> Any:
    """POT's entropic plan between points."""
    cost = ot.dist(x, y)
    even = np.full(len(x), 1 / len(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may stop early, which only helps it
        return ot.sinkhorn(even, even, cost, 0.05 * np.median(cost), numItermax=300)


def emd(x: np.ndarray, y: np.ndarray) -> Any:
    """POT's exact plan between points."""
    even = np.full(len(x), 1 / len(x))
    return ot.emd(even, even, ot.dist(x, y), numItermax=1_000_000)


def main() -> Figure:
    """Draw processor time over the number of components, and of points."""
    rng = np.random.default_rng(0)
    costs, couplings = [], []
    for k in COMPONENTS:
        p, q = mixture(k, rng), mixture(k, rng)
        here, there = p.components, q.components
        assert isinstance(here, Gaussian)
        cost = here.cost(there)
        costs.append(seconds(lambda here=here, there=there: here.cost(there)))
        couplings.append(seconds(lambda cost=cost, p=p, q=q: OMT().solve(cost, p.weights, q.weights)))

    p, q = mixture(10, rng), mixture(10, rng)
    times: dict[str, list[float]] = {"POT emd": [], "POT sinkhorn": [], "fit of both": [], "OMT, after the fits": []}
    for n in POINTS:
        x, y = p.sample(n, rng=rng), q.sample(n, rng=rng)
        fits = [fit(side, k=10, method=ONCE, rng=0) for side in (x, y)]
        times["POT emd"].append(seconds(lambda x=x, y=y: emd(x, y)))
        times["POT sinkhorn"].append(seconds(lambda x=x, y=y: sinkhorn(x, y)))
        times["fit of both"].append(seconds(lambda x=x, y=y: [fit(d, k=10, method=ONCE, rng=0) for d in (x, y)]))
        times["OMT, after the fits"].append(seconds(lambda fits=fits: plan(*fits, solver=OMT())))

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for values, name, color in ((costs, "component costs", 0), (couplings, "coupling", 2)):
        axes[0].loglog(COMPONENTS, 1e3 * np.array(values), "o-", color=plot.COLORS[color], label=name)
    axes[0].set(xlabel="components of each mixture", ylabel="processor time (ms)", title=f"Over components, d = {DIM}")
    for (name, values), color in zip(times.items(), (1, 4, 5, 2), strict=True):
        axes[1].loglog(POINTS, 1e3 * np.array(values), "o-", color=plot.COLORS[color], label=name)
    axes[1].set(xlabel="points of each data set", title="Over points, K = 10")
    for ax in axes:
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
