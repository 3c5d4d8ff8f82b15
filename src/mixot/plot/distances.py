"""Distances between many things: a heat map in the order of a clustering, and a map of them in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Float
from mixot.errors import InputError
from mixot.extras import require
from mixot.plot.canvas import COLORS
from mixot.plot.label_places import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WRITTEN = 14  # things up to which the values stand in their cells
_LONGEST = 30  # letters of a name


def distance_heatmap(
    matrix: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    distance_name: str = "distance",
    ax: Axes | None = None,
    **imshow: Any,
) -> Axes:
    """Draw distances between n things as colors, what is close side by side, with the tree of their clustering above.

    Clusters are joined by the mean distance between their members (UPGMA, Sokal and Michener 1958), and the leaves lie
    in the order in which neighbours are closest (Bar-Joseph, Gifford and Jaakkola 2001). The values are written where
    there are few.

    Parameters
    ----------
    matrix : array (n, n)
        Symmetric, with a diagonal of zeros, as `mixot.distances` returns them.
    names : sequence of str, optional
        n of them; 0, 1, ... where not given.
    distance_name : str
        What the distance is called beside the colors.
    ax : Axes, optional
        Where to draw; a new figure, large enough for the names, where not given.
    **imshow
        Options of matplotlib's ``imshow``.

    Raises
    ------
    InputError
        On a matrix that is not square, not symmetric, negative or not finite, or names of another number.

    Examples
    --------
    >>> ax = distance_heatmap([[0.0, 5.0, 1.0], [5.0, 0.0, 4.5], [1.0, 4.5, 0.0]], ["a", "b", "c"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['b', 'c', 'a']
    """
    matrix, labels = _checked(matrix, names)
    n = len(matrix)
    size = float(np.clip(420.0 / n, 5.0, 9.0))
    upright = max(map(len, labels)) * n > 60
    if ax is None:
        ax = _square(float(np.clip(0.45 * n, 2.6, 11.0)), max(map(len, labels)) * size, size, upright)
    leaves, joints = _tree(matrix)
    style: dict[str, Any] = {"cmap": "viridis", "vmin": 0.0, "aspect": "equal"}
    image = ax.imshow(matrix[np.ix_(leaves, leaves)], **style | imshow)
    ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.12, 0.05 if n < 20 else 0.025, 0.76)), label=distance_name)
    shown = [labels[leaf] for leaf in leaves]
    ax.set_xticks(range(n), shown, rotation=90 if upright else 0, fontsize=size)
    ax.set_yticks(range(n), shown, fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if n <= _WRITTEN:
        _write_values(ax, matrix[np.ix_(leaves, leaves)])
    if joints:
        _draw_tree(ax, joints, n)
    return ax


def distance_map(
    matrix: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    distance_name: str = "distance",
    ax: Axes | None = None,
) -> Axes:
    """Draw n things as points in the plane whose distances are as near to the given ones as can be, with their names.

    Metric multidimensional scaling: classical scaling (Torgerson 1952), then steps of majorization that lower the sum
    of squared differences (de Leeuw 1977). The title says what is left of it, as Kruskal's stress: 0 is a faithful
    picture, and from 0.2 on close points need not be close. Axes have the unit of the distances and no other meaning.

    Parameters
    ----------
    matrix, names, distance_name, ax
        As of `distance_heatmap`.

    Examples
    --------
    >>> ax = distance_map([[0.0, 3.0, 5.0], [3.0, 0.0, 4.0], [5.0, 4.0, 0.0]])
    >>> ax.get_title()
    'distance in the plane (stress 0)'
    """
    matrix, labels = _checked(matrix, names)
    points, stress = _scaled(matrix)
    ax = _landscape(points) if ax is None else ax
    ax.scatter(*points.T, s=26 if len(points) <= 30 else 14, color=COLORS[0], zorder=3)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.14 if len(points) <= 12 else 0.08)
    ax.grid(color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlabel=distance_name, ylabel=distance_name, title=f"{distance_name} in the plane (stress {stress:.2g})")
    place_labels(ax, points, labels, 8.5 if len(points) <= 30 else 6.5)
    return ax


def _landscape(points: Float[np.ndarray, "n 2"]) -> Axes:
    """Axes of a new figure, as wide and as high as the points lie, larger for more of them."""
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    side, spread = float(np.clip(3.6 + 0.11 * len(points), 4.6, 9.6)), np.ptp(points, axis=0)
    tall = float(np.clip(spread[1] / spread[0] if spread[0] > 0 else 1.0, 0.4, 1.0))
    return plt.subplots(figsize=(side, tall * side + 0.6), layout="constrained")[1]


def _square(side: float, longest: float, size: float, upright: bool) -> Axes:
    """Square Axes of a new figure, in inches; around them room for names of that length and size, in points of print.

    A layout engine does not see how the tree and the bar grow with the axes.
    """
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    words = 0.64 * longest / 72 + 0.15  # letters are less wide than high
    below = words if upright else size / 72 + 0.25
    width, height = words + 1.08 * side + 0.9, below + 1.2 * side + 0.1
    figure = plt.figure(figsize=(width, height))
    return figure.add_axes((words / width, below / height, side / width, side / height))


def _checked(distances: ArrayLike, names: Sequence[str] | None) -> tuple[Float[np.ndarray, "n n"], list[str]]:
    matrix = as_floats(distances, "distances")
    n = len(matrix)
    if matrix.shape != (n, n) or n == 0:
        raise InputError(f"distances must be a square matrix, got shape {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise InputError("distances must be finite and not negative")
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9 * matrix.max()):
        raise InputError("distances must be symmetric; draw those of all things to each other")
    labels = [str(i) for i in range(n)] if names is None else [str(name) for name in names]
    if len(labels) != n:
        raise InputError(f"names must be one for each of the {n} rows, got {len(labels)}")
    return 0.5 * (matrix + matrix.T), _shortened(labels)


def _tree(matrix: Float[np.ndarray, "n n"]) -> tuple[list[int], list[tuple[list[float], list[float]]]]:
    """The order of the leaves, and the joints of the tree as (positions, heights) of their corners."""
    if len(matrix) < 2:
        return [0], []
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import squareform

    joined = linkage(squareform(matrix, checks=False), "average", optimal_ordering=len(matrix) <= 500)
    drawn = dendrogram(joined, no_plot=True)
    joints = [([(x - 5) / 10 for x in xs], list(ys)) for xs, ys in zip(drawn["icoord"], drawn["dcoord"], strict=True)]
    return list(map(int, drawn["leaves"])), joints


def _draw_tree(ax: Axes, joints: list[tuple[list[float], list[float]]], n: int) -> None:
    above = ax.inset_axes((0.0, 1.01, 1.0, 0.16))
    for across, up in joints:
        above.plot(across, up, color="0.35", linewidth=1.0 if n <= 30 else 0.7, solid_joinstyle="miter")
    above.set_xlim(-0.5, n - 0.5)
    above.set_ylim(0.0, 1.04 * max(max(up) for _, up in joints) or 1.0)
    above.set_axis_off()


def _write_values(ax: Axes, matrix: Float[np.ndarray, "n n"]) -> None:
    most = matrix.max() or 1.0
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if i != j:
                color = "k" if value > 0.55 * most else "w"  # viridis is dark where it is low
                ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=7.5, color=color)


def _scaled(matrix: Float[np.ndarray, "n n"], most: int = 500) -> tuple[Float[np.ndarray, "n 2"], float]:
    """Points in the plane, turned so that they spread most along x, and Kruskal's stress."""
    n = len(matrix)
    center = np.eye(n) - 1.0 / n
    values, vectors = np.linalg.eigh(-0.5 * center @ matrix**2 @ center)
    points = np.zeros((n, 2))
    top = min(2, n)
    points[:, :top] = vectors[:, ::-1][:, :top] * np.sqrt(np.maximum(values[::-1][:top], 0.0))
    total, left, before = float((matrix**2).sum()), 0.0, np.inf
    if total == 0:
        return points, 0.0
    for _ in range(most):
        apart = np.linalg.norm(points[:, None] - points, axis=2)
        left = float(((apart - matrix) ** 2).sum())
        if before - left <= 1e-9 * total:
            break
        before = left
        pull = -np.divide(matrix, apart, out=np.zeros_like(matrix), where=apart > 0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        points = pull @ points / n
    turned = points @ np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2].T
    turned *= np.where(turned[np.abs(turned).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    stress = float(np.sqrt(left / total))
    return turned, stress if stress > 1e-6 else 0.0


def _shortened(labels: list[str]) -> list[str]:
    """Names without the folders that all have in common, where some are long, of at most ``_LONGEST`` letters.

    Of a name that is still too long the middle is left out: both ends tell names apart.
    """
    if len(labels) > 1 and max(map(len, labels)) > _LONGEST:
        before, after = _alike(labels), _alike([label[::-1] for label in labels])
        first = labels[0]
        before = first.rfind("/", 0, before) + 1  # whole names of folders only
        after = len(first) - at if (at := first.find("/", len(first) - after)) >= 0 else 0
        labels = [("…/" if before else "") + label[before : len(label) - after] for label in labels]
        labels = [f"{label}/…" for label in labels] if after else labels
    half = (_LONGEST - 1) // 2
    return [label if len(label) <= _LONGEST else f"{label[:half]}…{label[-half:]}" for label in labels]


def _alike(words: list[str]) -> int:
    """With how many letters all begin alike."""
    first, last = min(words), max(words)
    pairs = enumerate(zip(first, last, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(last)))
