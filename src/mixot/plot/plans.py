"""Figures of a plan, between components or between points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.extras import require
from mixot.mixture import Mixture
from mixot.plot.canvas import COLORS, axes_or_new
from mixot.plot.densities import ellipses
from mixot.results import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plan_heatmap(
    plan: Plan,
    *,
    source: Sequence[str] | None = None,
    target: Sequence[str] | None = None,
    ax: Axes | None = None,
    **imshow: Any,
) -> Axes:
    """Draw the coupling, source down and target across; small plans show the mass of each cell in percent.

    Parameters
    ----------
    plan : Plan
        Between mixtures, or other lists of atoms.
    source, target : sequences of str, optional
        Names of the components; their numbers where not given.
    ax : Axes, optional
        Where to draw; a new figure where not given.
    **imshow
        Options of matplotlib's ``imshow``.
    """
    ax = draw_masses(plan.coupling, source, target, ax, imshow)
    atom = "point" if plan.distance_name == "W2" else "component"
    ax.set(xlabel=f"{atom} of the target", ylabel=f"{atom} of the source")
    ax.set_title(f"{plan.distance_name} = {plan.distance:.4g}")
    return ax


def draw_masses(
    masses: Float[np.ndarray, "k l"],
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
    ax: Axes | None,
    imshow: dict[str, Any],
) -> Axes:
    """Draw a table of masses in percent, with the names of its rows and columns."""
    k, l = masses.shape  # noqa: E741 (the letters of the house: k, l components)
    for names, size, side in ((rows, k, "source"), (columns, l, "target")):
        if names is not None and len(names) != size:
            raise InputError(f"{side} must name the {size} groups of that side, got {len(names)} names")
    ax = _table_axes(rows, columns) if ax is None and (rows or columns) else axes_or_new(ax)
    style: dict[str, Any] = {"cmap": "Blues", "aspect": "equal", "vmin": 0.0}
    image = ax.imshow(100 * masses, **style | imshow)
    ax.figure.colorbar(image, ax=ax, label="mass (%)", shrink=0.8)
    if k * l <= 150:
        for i, j in zip(*np.nonzero(masses >= 5e-5 * masses.max()), strict=True):
            dark = masses[i, j] > 0.55 * masses.max()
            text = f"{100 * masses[i, j]:.2g}"
            ax.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    if rows is not None:
        ax.set_yticks(range(k), rows)
    if columns is not None:
        ax.set_xticks(range(l), columns, rotation=45, ha="right", rotation_mode="anchor")
    if rows is None and columns is None and max(k, l) <= 30:
        ax.set(xticks=range(l), yticks=range(k))
    return ax


def _table_axes(rows: Sequence[str] | None, columns: Sequence[str] | None) -> Axes:
    """Axes of a new figure with room for the names of a table."""
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    across, down = (max(map(len, names or [""])) for names in (rows, columns))
    size = (1.8 + 0.42 * len(columns or []) + 0.08 * across, 1.0 + 0.42 * len(rows or []) + 0.06 * down)
    return plt.subplots(figsize=np.clip(size, 3.5, 16.0), layout="constrained")[1]


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
    ax.set_title(f"{plan.distance_name} = {plan.distance:.4g}")
    return ax
