"""The figure of a choice of components: how likely each number is, and how firm the arrows between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.fitting.joint.component_choice import ComponentChoice
from mixot.plot.canvas import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINEAR = 10.0  # excess of BIC up to which its axis is linear: beyond, differences are not close


def component_choice(choice: ComponentChoice, *, axes: Sequence[Axes] | np.ndarray | None = None) -> np.ndarray:
    """Draw how a choice of components came about into two Axes, and return them.

    On the left the BIC of each side above its lowest, over the number of components; on the right the instability of
    the plan's arrows, over the pairs of numbers, or over the number where it is the same on both sides. Pairs within
    one standard error of the lowest BIC have a frame (a filled mark), and the choice a heavy one.
    """
    if axes is None:
        plt = require("matplotlib.pyplot", "plot", "drawing figures")
        axes = plt.subplots(1, 2, figsize=(9.2, 3.9), layout="constrained")[1]
    panels = np.asarray(axes, dtype=object).ravel()
    if len(panels) != 2:
        raise InputError(f"a choice of components is drawn into two Axes, got {len(panels)}")
    _likelihoods(choice, panels[0])
    table = choice.candidates
    if len(table) > 1 and all(each.k == each.l for each in table):
        _instability_line(choice, panels[1])
    else:
        _instability_map(choice, panels[1])
    return panels


def _likelihoods(choice: ComponentChoice, ax: Axes) -> None:
    sides = ("source", choice.k, choice.source_fits), ("target", choice.l, choice.target_fits)
    for (name, taken, fits), rows, color, marker in zip(sides, choice.rows, COLORS[:2], "os", strict=True):
        sizes = [len(fit.mixture) for fit in fits]
        excess = rows * np.array([fit.criterion for fit in fits])
        excess -= excess.min()
        ax.plot(sizes, excess, color=color, marker=marker, markersize=4.5, label=name)
        at = sizes.index(taken)
        ax.plot(taken, excess[at], marker=marker, markersize=12, color="none", markeredgecolor=color, linewidth=0)
    ax.set_yscale("symlog", linthresh=_LINEAR)
    ax.set_ylim(-0.12 * _LINEAR, None)
    ax.set_xticks(sorted({len(fit.mixture) for _, _, fits in sides for fit in fits}))
    ax.set(xlabel="components", ylabel="BIC above the lowest", title="How likely")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)


def _instability_map(choice: ComponentChoice, ax: Axes) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import LogLocator, NullLocator

    ks, ls = (sorted({getattr(each, side) for each in choice.candidates}) for side in "kl")
    values = np.full((len(ks), len(ls)), np.nan)
    for each in choice.candidates:
        values[ks.index(each.k), ls.index(each.l)] = 100 * each.instability
    lowest, highest = (max(float(v), 1e-3) for v in (np.nanmin(values), np.nanmax(values)))
    norm = LogNorm(lowest / 1.2, min(max(highest, 1.5 * lowest), 1e3))
    image = ax.imshow(np.clip(values, norm.vmin, norm.vmax), norm=norm, cmap="YlOrBr", aspect="auto")
    bar = ax.figure.colorbar(image, ax=ax, label="instability (% of the arrows' variance)", shrink=0.9)
    bar.ax.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}", minor_locator=NullLocator())
    for each in choice.candidates:
        i, j = ks.index(each.k), ls.index(each.l)
        if values.size <= 144:
            dark = float(norm(values[i, j])) > 0.6
            ax.text(j, i, f"{values[i, j]:.2g}", ha="center", va="center", fontsize=8, color="w" if dark else "k")
        if each.likely:
            width = 3.0 if each is choice.pair else 1.2
            inset = 0.5 - 0.01 * width
            frame = Rectangle(
                (j - inset, i - inset), 2 * inset, 2 * inset, fill=False, linewidth=width, color=COLORS[0]
            )
            ax.add_patch(frame)
    ax.set_xticks(range(len(ls)), map(str, ls))
    ax.set_yticks(range(len(ks)), map(str, ks))
    ax.set(xlabel="components of the target", ylabel="components of the source", title=_title(choice))


def _instability_line(choice: ComponentChoice, ax: Axes) -> None:
    table = choice.candidates
    sizes, shares = [each.k for each in table], [100 * each.instability for each in table]
    ax.errorbar(
        sizes, shares, [100 * each.instability_error for each in table], color=COLORS[2], linewidth=1.5, capsize=3
    )
    for each, share in zip(table, shares, strict=True):
        face = COLORS[2] if each.likely else "white"
        size = 11 if each is choice.pair else 5.5
        ax.plot(each.k, share, marker="o", markersize=size, markerfacecolor=face, markeredgecolor=COLORS[2], zorder=3)
    ax.set_xticks(sizes)
    ax.set_ylim(0, None)
    ax.set(xlabel="components of either side", ylabel="instability (% of the arrows' variance)", title=_title(choice))
    ax.spines[["top", "right"]].set_visible(False)


def _title(choice: ComponentChoice) -> str:
    pair = choice.pair
    noise = f"{100 * pair.instability:.2g} ± {100 * pair.instability_error:.1g}%"
    return f"How firm: {pair.k} and {pair.l} chosen, {noise}"
