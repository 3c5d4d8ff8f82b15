"""Figures of a plan between mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot.mixture import Mixture
from mixot.plot.canvas import COLORS, axes_or_new
from mixot.plot.densities import ellipses
from mixot.results import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plan_heatmap(plan: Plan, *, ax: Axes | None = None, **imshow: Any) -> Axes:
    """Draw the coupling, source down and target across; small plans show the mass of each cell in percent."""
    ax = axes_or_new(ax)
    k, l = plan.coupling.shape  # noqa: E741 (the letters of the house: k, l components)
    style: dict[str, Any] = {"cmap": "Blues", "aspect": "equal", "vmin": 0.0}
    image = ax.imshow(100 * plan.coupling, **style | imshow)
    ax.figure.colorbar(image, ax=ax, label="mass (%)", shrink=0.8)
    if k * l <= 150:
        for i, j in zip(*np.nonzero(plan.coupling), strict=True):
            mass = 100 * plan.coupling[i, j]
            dark = mass > 55 * plan.coupling.max()
            ax.text(j, i, f"{mass:.2g}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    if max(k, l) <= 30:
        ax.set(xticks=range(l), yticks=range(k))
    ax.set(xlabel="component of the target", ylabel="component of the source", title=f"MW2 = {plan.distance:.4g}")
    return ax


def plan_lines(
    p: Mixture, q: Mixture, plan: Plan, *, ax: Axes | None = None, names: Sequence[str] | None = None
) -> Axes:
    """Draw two plane mixtures as ellipses, and the plan as lines between their centers, as wide as the mass."""
    ax = ellipses(p, ax=axes_or_new(ax), color=COLORS[0], names=names)
    ellipses(q, ax=ax, color=COLORS[1], names=names)
    start, end = p.components.mean(), q.components.mean()
    for i, j in zip(*np.nonzero(plan.coupling), strict=True):
        share = plan.coupling[i, j] / plan.coupling.max()
        line = np.stack([start[i], end[j]])
        ax.plot(*line.T, color="0.25", linewidth=0.4 + 4 * share, alpha=0.7, solid_capstyle="round", zorder=1)
    ax.scatter(*start.T, color=COLORS[0], s=24, zorder=3, label="source")
    ax.scatter(*end.T, color=COLORS[1], s=24, zorder=3, label="target")
    ax.legend(frameon=False)
    ax.set_title(f"MW2 = {plan.distance:.4g}")
    return ax
