"""
How many components, on both sides
==================================

A plan between mixtures can be trusted as far as the mixtures can. ``choose_components(x, y)`` tries every number of
components for x with every number for y, and looks at two things. *How likely* the fits are: the BIC of each side. And
*how firm* the plan between them is: the rows are halved at random eight times, each half is fitted anew, and what is
compared is where the two plans send the same points. Components have no order, their number changes, and some do not
come back at all; where a point goes can be compared whatever happens to them.

Of the pairs whose BIC is within one standard error of the lowest (framed) those are kept whose arrows are as firm as
the firmest, again within one standard error, and of these the one of fewest components is the choice (heavy frame).
Below, the data: three overlapping groups, and four. With one component too few the arrows swing, since which groups are
merged is an accident of the draw; one too many shakes them little, and there the likelihood is clear.

Choosing K is named as future work by Jin, Sümbül and Marghi (2026, arXiv 2606.02515), of whom we know the abstract: OMT
as it is here is a reconstruction, and this way to choose is ours.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mixot import choose_components, plot

SOURCE = np.array([[0.0, 0.0], [5.0, 0.0], [2.5, 4.5]])
TARGET = np.array([[10.0, 1.0], [14.5, 0.5], [9.5, 5.5], [14.0, 5.0]])


def main() -> Figure:
    """Draw the table of the choice, the data and the plan."""
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(center, 1.2, size=(120, 2)) for center in SOURCE])
    y = np.concatenate([rng.normal(center, 1.2, size=(90, 2)) for center in TARGET])
    choice = choose_components(x, y, ks=range(1, 6), rng=0)

    figure, axes = plt.subplots(2, 2, figsize=(10.5, 8), height_ratios=(1, 0.9), layout="constrained")
    plot.component_choice(choice, axes=axes[0])
    axes[1, 0].scatter(*x.T, s=6, color=plot.COLORS[0], alpha=0.6, label="x")
    axes[1, 0].scatter(*y.T, s=6, color=plot.COLORS[1], alpha=0.6, label="y")
    axes[1, 0].set(title="The data", xlabel="x", ylabel="y", aspect="equal")
    axes[1, 0].legend(frameon=False, loc="upper left", markerscale=2, borderpad=0)
    plot.plan_lines(choice.source, choice.target, choice.plan, ax=axes[1, 1]).legend_ = None
    axes[1, 1].set(title=f"The plan between {choice.k} and {choice.l} components", aspect="equal")
    for ax in axes[1]:
        ax.set(xlim=(-4, 19), ylim=(-4, 10))
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
    plt.show()
