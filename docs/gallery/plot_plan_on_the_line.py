"""
Two optimal plans on the line
=============================

A plan is a measure on pairs (x, y): how much of the mass at x goes to y. Left the optimal plan for W2, which on the
line joins equal quantiles and so lives on the graph of one increasing map. Right the optimal plan for MW2, the best of
those that are themselves Gaussian mixtures: three components here, each of them on a line, because two Gaussian laws
on the line are joined by an affine map. It splits the mass of one x among several y, costs slightly more, and is known
in closed form.

The mixtures are those of Delon and Desolneux (2020), section 4.3 and Figure 1. An independent computation in extended
precision gives the same digits: MW2^2 = 0.12475 and W2^2 = 0.117955792. ``bounds`` proves the latter.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from scipy.special import ndtr

from mixot import Gaussian, Mixture, bounds, plot, transport_map

P = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
Q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
WIDTH = 0.004  # plans have no density in the plane: each is drawn as if by a pen of this standard deviation
LIMITS = [(0.06, 0.56), (0.36, 1.08)]


def quantile_plan() -> Mixture:
    """The W2 plan as atoms at (x(u), y(u)), the quantiles of both laws; levels are dense in the tails."""
    edges = ndtr(np.linspace(-4.5, 4.5, 1501))
    levels = (edges[:-1] + edges[1:]) / 2
    mass = np.diff(edges)
    points = np.stack([P.quantile(levels), Q.quantile(levels)], axis=1)
    return Mixture(mass / mass.sum(), Gaussian(points, np.zeros((len(points), 2, 2))))


def draw(frame: Axes, joint: Mixture, title: str) -> None:
    """Draw a plan as a heat map, with its marginals along the sides."""
    pen = Mixture(joint.weights, Gaussian(joint.components.mean(), joint.components.cov() + WIDTH**2 * np.eye(2)))
    x, y = (np.linspace(low, high, 400) for low, high in LIMITS)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    heights = pen.density(points).reshape(len(y), len(x))
    frame.pcolormesh(x, y, heights, cmap="BuPu", norm=PowerNorm(0.4), rasterized=True)
    frame.set(xlabel="x", ylabel="y")
    top, side = frame.inset_axes((0, 1.02, 1, 0.18), sharex=frame), frame.inset_axes((1.02, 0, 0.18, 1), sharey=frame)
    top.fill_between(x, P.density(x), color=plot.COLORS[0], alpha=0.8, linewidth=0)
    side.fill_betweenx(y, Q.density(y), color=plot.COLORS[1], alpha=0.8, linewidth=0)
    for panel in (top, side):
        panel.set_axis_off()
    top.set_title(title)


def main() -> Figure:
    """Draw both plans."""
    move, exact = transport_map(P, Q), bounds(P, Q)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5.2), sharex=True, sharey=True, layout="constrained")
    draw(left, quantile_plan(), f"W2$^2$ = {exact.upper**2:.9f}")
    draw(right, move.joint(), f"MW2$^2$ = {move.plan.cost:.9f}")
    right.set_ylabel("")
    return figure


if __name__ == "__main__":
    main()
    plt.show()
