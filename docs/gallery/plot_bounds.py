"""
A distance with its proof
=========================

``distance(p, q)`` is MW2, the cheapest way to move p onto q by a plan that is itself a Gaussian mixture. It is never
below the Wasserstein distance W2, which allows every plan and has no closed form. ``bounds(p, q)`` returns an interval
that contains W2, both ends proven. One standard Gaussian law is split here into two that move apart (Chen, Georgiou and
Tannenbaum 2019, section V.A, Figure 1).

On the line (left) MW2 is the distance D that each half has moved, and the interval closes around W2: for D = 0.5, 1, 2,
3 and 5 it holds 0.118378, 0.421160, 1.283161, 2.247657 and 4.226160, as a quadrature in many digits does. Right the
same in space, where each half also grows longer across its way: W2 is not known there, and the interval is what can be
said. Its lower end finds the direction that tells most.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixot import Gaussian, Mixture, bounds, distance, plot

STEPS = np.linspace(0.0, 6.0, 25)


def on_the_line(step: float) -> tuple[Mixture, Mixture]:
    """One law, and two at a distance ``step`` from it."""
    return Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([0.5, 0.5], Gaussian([-step, step], [1.0, 1.0]))


def in_space(step: float) -> tuple[Mixture, Mixture]:
    """The same in dimension three, both halves stretched across the way they go."""
    means = step * np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    tilt = 0.5 * step * np.array([[0.0, 0.0, 0.0], [0.0, 0.3, 0.4], [0.0, 0.4, 1.0]])
    covs = np.eye(3) + np.stack([tilt, tilt])
    return Mixture([1.0], Gaussian(np.zeros((1, 3)), [np.eye(3)])), Mixture([0.5, 0.5], Gaussian(means, covs))


def draw(ax: Axes, pairs: list[tuple[Mixture, Mixture]]) -> None:
    """Draw MW2 and the interval for each pair."""
    intervals = [bounds(p, q) for p, q in pairs]
    low, high = [found.lower for found in intervals], [found.upper for found in intervals]
    ax.plot(STEPS, [distance(p, q) for p, q in pairs], color=plot.COLORS[1], label="MW2: distance(p, q)")
    ax.fill_between(STEPS, low, high, color=plot.COLORS[0], alpha=0.25, linewidth=0)
    ax.plot(STEPS, low, color=plot.COLORS[0], label="W2 lies in bounds(p, q)")
    ax.set(xlabel="D", xlim=(0, 6), ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def main() -> Figure:
    """Draw distances and bounds against the separation."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9), sharey=True, layout="constrained")
    draw(left, [on_the_line(step) for step in STEPS])
    draw(right, [in_space(step) for step in STEPS])
    left.set(ylabel="distance", title="on the line")
    right.set(title="in space")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
