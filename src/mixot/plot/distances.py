"""A figure of the distances between many measures: those that are alike stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.plot.canvas import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERS = 14  # rows up to which each cell shows its number


def distance_heatmap(
    matrix: Float[np.ndarray, "n n"],
    names: Sequence[str] | None = None,
    *,
    distance_name: str = "distance",
    ax: Axes | None = None,
    **imshow: Any,
) -> Axes:
    """Draw a matrix of distances, rows and columns in the order of a clustering: neighbors are alike.

    The order is that of the leaves of average linkage, turned so that neighbors are as near as can be.

    Parameters
    ----------
    matrix : (n, n)
        Distances, as `mixot.distances` gives them.
    names : sequence of str, optional
        Of the n measures; their numbers where not given.
    distance_name : str
        What the distance is called beside the colors.
    ax : Axes, optional
        Where to draw; a new figure where not given.
    **imshow
        Options of matplotlib's ``imshow``.

    Raises
    ------
    InputError
        On a matrix that is not square, not symmetric, or negative, or names of another number.

    References
    ----------
    Bar-Joseph, Gifford and Jaakkola, Fast optimal leaf ordering for hierarchical clustering, Bioinformatics 17 (2001).
    """
    n = len(matrix)
    fine = matrix.shape == (n, n) and (matrix >= 0).all() and np.allclose(matrix, matrix.T)
    if not fine:
        raise InputError(f"distances must be a symmetric (n, n) matrix, not negative, got shape {matrix.shape}")
    called = [str(j) for j in range(n)] if names is None else list(names)
    if len(called) != n:
        raise InputError(f"names must name the {n} measures, got {len(called)}")
    order = _order(matrix)
    if ax is None:
        from matplotlib import pyplot as plt

        side = min(max(4.5, 0.32 * n + 2.5), 16.0)
        _, ax = plt.subplots(figsize=(side + 1, side), layout="constrained")
    ax = axes_or_new(ax)
    shown = matrix[np.ix_(order, order)]
    style: dict[str, Any] = {"cmap": "viridis_r", "vmin": 0.0}
    image = ax.imshow(shown, **style | imshow)
    ax.figure.colorbar(image, ax=ax, label=distance_name, shrink=0.8)
    labels = [called[j] for j in order]
    ax.set_xticks(range(n), labels, rotation=90)
    ax.set_yticks(range(n), labels)
    if n <= _NUMBERS:
        for i, j in zip(*np.nonzero(~np.eye(n, dtype=bool)), strict=True):
            color = "white" if shown[i, j] > 0.5 * shown.max() else "black"
            ax.text(j, i, f"{shown[i, j]:.2g}", ha="center", va="center", fontsize=8, color=color)
    ax.set_title(f"{distance_name}, alike side by side")
    return ax


def _order(matrix: np.ndarray) -> np.ndarray:
    """The order of the leaves of average linkage."""
    if len(matrix) < 3:
        return np.arange(len(matrix))
    from scipy.cluster.hierarchy import average, leaves_list, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    apart = squareform((matrix + matrix.T) / 2 * (1 - np.eye(len(matrix))), checks=False)
    return leaves_list(optimal_leaf_ordering(average(apart), apart))
