"""
Fitting two data sets at once
=============================

Two fits by maximum likelihood know nothing of each other, and so components may not be comparable. ``joint_path`` fits
both at once: it minimises ``MW2^2(p, q) - lam (E log p + E log q)``. Where lam is large each mixture (curve) fits its
own data (histogram) as if alone; as lam falls the two are drawn to each other, and in the end are one, that of all data
together. lam has the unit of a squared distance: moving all mass by d is worth ``d^2 / lam`` nats per observation.

Delon and Desolneux (2020) show this path in Figure 6, for the same six values and three pairs of components
(``JointEM(coupling="paired")``); their data are not in print, so these are others. They descend along gradients and
project on the constraints; here every step is one of expectation-maximization, and the energy never rises.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import Gaussian, JointEM, Mixture, joint_path, plot

LAMBDAS = [10, 2, 1, 0.5, 0.1, 0.01]


def main() -> Figure:
    """Draw both data sets and both mixtures for every lam."""
    rng = np.random.default_rng(6)
    first = Mixture([0.3, 0.4, 0.3], Gaussian([-3.0, -0.5, 2.0], [0.2, 0.3, 0.2])).sample(1500, rng=rng)
    second = Mixture([0.4, 0.2, 0.4], Gaussian([-2.0, 0.5, 3.0], [0.3, 0.1, 0.2])).sample(1500, rng=rng)
    fits = joint_path(first, second, k=3, lams=LAMBDAS, method=JointEM(coupling="paired"), rng=0)

    figure, axes = plt.subplots(2, 3, figsize=(11, 5.8), sharex=True, sharey=True, layout="constrained")
    x = np.linspace(-5, 5, 600)
    for ax, fit in zip(axes.flat, fits, strict=True):
        for data, mixture, color in ((first, fit.source, plot.COLORS[0]), (second, fit.target, plot.COLORS[1])):
            ax.hist(data[:, 0], bins=60, range=(-5, 5), density=True, color=color, alpha=0.25)
            ax.plot(x, mixture.density(x), color=color, linewidth=1.8)
        likely = "{:.2f} and {:.2f}".format(*fit.log_likelihoods)
        ax.set_title(f"lam = {fit.lam:g}: {fit.distance:.3f} apart\nlog-likelihoods {likely}", fontsize=10)
        ax.set(xlim=(-5, 5), xlabel="x", ylabel="density")
        ax.spines[["top", "right"]].set_visible(False)
        ax.label_outer()
    return figure


if __name__ == "__main__":
    main()
    plt.show()
