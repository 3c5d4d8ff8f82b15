"""Figures of points that stand for a density: dots on a sheet, as large as their weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.imaging.stipple import Stipple
from mixot.measures import Samples
from mixot.plot.canvas import axes_or_new
from mixot.transport.quantize import Quantization

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stipples(
    found: Any,
    *,
    ax: Axes | None = None,
    color: str = "black",
    ink: float | None = None,
    limits: Any = None,
) -> Axes:
    """Draw points of the plane as dots whose areas are in proportion to their weights: a drawing without axes.

    Parameters
    ----------
    found : Quantization, Samples or Stipple
        What `mixot.quantize` returns, or weighted points; a `Stipple` has its own size of dots, and its sheet's rows
        go down.
    ax : Axes, optional
        Where to draw; a new figure where not given. For a picture, whose rows go down: ``ax.invert_yaxis()``.
    color : str
        Of the dots.
    ink : float
        Area of all dots as a share of the sheet; where not given, hardly any two of them touch.
    limits : array (2, 2), optional
        Lower and upper end of each axis of the sheet; around the points where not given.

    Raises
    ------
    UnsupportedError
        On the line and in space.
    InputError
        Where ink is not between 0 and 1, and on anything else.

    Examples
    --------
    >>> from mixot import Grid, quantize
    >>> dots = stipples(quantize(Grid(np.ones((8, 8))), 16, rng=0), ink=0.5, limits=[[0, 8], [0, 8]]).collections[0]
    >>> round(float((np.pi / 4 * dots.get_widths() ** 2).sum()), 9)
    32.0
    """
    from matplotlib.collections import EllipseCollection

    if ink is not None and not 0 < ink <= 1:
        raise InputError(f"ink is the share of the sheet that the dots cover and must lie between 0 and 1, got {ink:g}")
    samples = found.samples if isinstance(found, Quantization) else found
    if not isinstance(samples, Samples | Stipple):
        raise InputError(f"expected what quantize returns, weighted points or a Stipple, got {type(found).__name__}")
    if isinstance(samples, Samples) and samples.dim != 2:
        raise UnsupportedError(f"dots are drawn in the plane, these points have dimension {samples.dim}")
    ax = axes_or_new(ax)
    if isinstance(samples, Stipple):
        points, across = samples.dots, np.full(len(samples.dots), 2 * samples.radius)
        box = np.array([[0.0, samples.width], [samples.height, 0.0]])
    else:
        points = samples.points.astype(np.float64)
        box = _sheet(points) if limits is None else np.asarray(limits, dtype=np.float64)
        across = np.sqrt(samples.weights) * (
            _touching(points, samples.weights)
            if ink is None
            else 2 * np.sqrt(ink * np.abs(np.diff(box)).prod() / np.pi)
        )
    style: dict[str, Any] = {"units": "xy", "facecolors": color, "edgecolors": "none"}
    ax.add_collection(EllipseCollection(across, across, 0.0, offsets=points, offset_transform=ax.transData, **style))
    ax.set(xlim=box[0], ylim=box[1], aspect="equal")
    ax.set_axis_off()
    return ax


def _sheet(points: np.ndarray) -> np.ndarray:
    """A box, (2, 2), around points, with as much room around them as there is between them."""
    low, high = points.min(axis=0), points.max(axis=0)
    sides = high - low
    room = 0.5 * max(sides.max(), 1e-300) / np.sqrt(len(points)) if sides.any() else 0.5
    return np.column_stack([low - room, high + room])


def _touching(points: np.ndarray, weights: np.ndarray) -> float:
    """The diameter, for a weight of one, with which only the closest dots of a hundred reach their neighbor."""
    from scipy.spatial import KDTree

    places, label = np.unique(points[weights > 0], axis=0, return_inverse=True)
    if len(places) == 1:
        return 0.5
    roots = np.sqrt(np.bincount(label.ravel(), weights[weights > 0]))
    gaps, near = KDTree(places).query(places, k=2)
    # Not the closest pair of all: two points that nearly coincide would make every dot invisible.
    return float(np.quantile(2 * gaps[:, 1] / (roots + roots[np.asarray(near)[:, 1]]), 0.01))
