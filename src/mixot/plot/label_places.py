"""Names beside points, where they cover neither points nor each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIRECTIONS = 16
_RINGS = (7.0, 11.0, 17.0, 25.0, 35.0, 48.0, 64.0)  # distances from the point that are tried, in points of print


def place_labels(ax: Axes, points: Float[np.ndarray, "n 2"], labels: Sequence[str], size: float) -> None:
    """Write the names of points, each where it overlaps least with what is there, with a line to it from far away.

    One after the other, those in the thick of it first, gets the nearest place that is free; the limits and the layout
    of the axes must be settled before, for places are sought in points of print.
    """
    from matplotlib.text import Text

    figure: Any = ax.figure
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi
    dots = scale * ax.transData.transform(points)
    window = scale * np.array(ax.get_window_extent().extents)
    sizes = []
    for label in labels:
        text = Text(0, 0, label, fontsize=size, figure=figure)
        box = text.get_window_extent(figure.canvas.get_renderer())
        sizes.append((scale * box.width, scale * box.height))
    taken = [(x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in dots]  # the dots themselves
    apart = np.linalg.norm(dots[:, None] - dots, axis=2)
    crowd = (apart < 40.0).sum(axis=1)
    for i in sorted(range(len(labels)), key=lambda i: -crowd[i]):
        box, far = _place(dots[i], sizes[i], np.array(taken), window)
        taken.append(box)
        middle = ((box[0] + box[2]) / 2 - dots[i][0], (box[1] + box[3]) / 2 - dots[i][1])
        arrow = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkA": 0.0, "shrinkB": 2.0} if far else None
        ax.annotate(
            labels[i],
            points[i],
            xytext=middle,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            arrowprops=arrow,
        )


def _place(
    dot: Float[np.ndarray, " 2"],
    size: tuple[float, float],
    taken: Float[np.ndarray, "b 4"],
    window: Float[np.ndarray, " 4"],
) -> tuple[tuple[float, float, float, float], bool]:
    """The box of the nearest place that overlaps with no other, or the least, and whether it is far from its point."""
    width, height = size
    best, box, far = np.inf, (0.0, 0.0, 0.0, 0.0), False
    for ring in _RINGS:
        for turn in range(_DIRECTIONS):
            angle = 2 * np.pi * turn / _DIRECTIONS
            across, up = np.cos(angle), np.sin(angle)
            # the box touches the ring from outside with the side or corner that looks at the point
            x = dot[0] + ring * across + 0.5 * width * float(np.clip(1.5 * across, -1, 1))
            y = dot[1] + ring * up + 0.5 * height * float(np.clip(1.5 * up, -1, 1))
            tried = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            cost = _overlap(tried, taken) + _outside(tried, window)
            if cost < best - 1e-9:
                best, box, far = cost, tried, ring > 10.0
        if best <= 1e-9:
            break
    return box, far


def _overlap(box: tuple[float, float, float, float], taken: Float[np.ndarray, "b 4"]) -> float:
    across = np.minimum(box[2], taken[:, 2]) - np.maximum(box[0], taken[:, 0])
    up = np.minimum(box[3], taken[:, 3]) - np.maximum(box[1], taken[:, 1])
    return float((np.maximum(across, 0.0) * np.maximum(up, 0.0)).sum())


def _outside(box: tuple[float, float, float, float], window: Float[np.ndarray, " 4"]) -> float:
    over = max(window[0] - box[0], 0.0) + max(box[2] - window[2], 0.0)
    above = max(window[1] - box[1], 0.0) + max(box[3] - window[3], 0.0)
    return 10.0 * (over + above)
