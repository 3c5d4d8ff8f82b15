"""What all figures share: colors, axes and panels to draw into, labels, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import ArrayLike
from mixot.errors import InputError
from mixot.extras import require
from mixot.io import check_target, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colors, which color-blind people tell apart; source first, target second.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")


def save(axes: Any, path: str | os.PathLike[str], *, dpi: int = 150, close: bool = False) -> Path:
    """Write the figure that ``axes`` (one, or an array of them) stand in, whole or not at all; return its path.

    ``close`` lets pyplot forget the figure afterwards, as loops and programs should.
    """
    target = check_target(path, (".png", ".svg", ".pdf"))
    figure = np.asarray(axes, dtype=object).flat[0].figure
    with replacing(target) as file:
        figure.savefig(file, format=target.suffix[1:].lower(), dpi=dpi)
    if close:
        require("matplotlib.pyplot", "plot", "drawing figures").close(figure)
    return target


def axes_or_new(ax: Axes | None) -> Axes:
    """The Axes that were given, or those of a new figure."""
    if ax is not None:
        return ax
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    return plt.subplots(figsize=(5.2, 4.0), layout="constrained")[1]


def new_panels(count: int) -> np.ndarray:
    """As many Axes of a new figure, in rows that share their scales."""
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    across = count if count <= 4 else -(-count // 2) if count <= 8 else 5
    down = -(-count // across)
    size = (2.7 * across, 2.5 * down + 0.3)
    grid = plt.subplots(down, across, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained")[1]
    for ax in grid.flat[count:]:
        ax.set_axis_off()
    return grid.ravel()[:count]


def label_axes(ax: Axes, dim: int, names: Sequence[str] | None) -> None:
    """Name the axes of a figure on the line, where the density goes up, or in the plane."""
    labels = list(names) if names else ["x", "y"]
    ax.set_xlabel(labels[0])
    ax.set_ylabel("density" if dim == 1 else labels[1])


def between(t: float) -> str:
    """A color on the way from the source's to the target's, through purple: straight on would pass by grey."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    return to_hex(LinearSegmentedColormap.from_list("way", [COLORS[0], "#8F5C9C", COLORS[1]])(float(t)))


def blend(weights: ArrayLike, colors: Sequence[str] = COLORS) -> str:
    """Return the mean of as many colors as there are weights, in linear light: the color of an average."""
    from matplotlib.colors import to_hex, to_rgb

    shares = np.asarray(weights, dtype=np.float64)
    if shares.ndim != 1 or len(shares) > len(colors):
        raise InputError(f"weights must be a vector of at most {len(colors)}, one a color, got shape {shares.shape}")
    light = np.array([to_rgb(color) for color in colors[: len(shares)]]) ** 2.2
    return to_hex(np.clip(shares @ light / shares.sum(), 0, 1) ** (1 / 2.2))
