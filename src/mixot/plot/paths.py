"""Figures of what lies on the way from one mixture to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixot._shapes import ArrayLike
from mixot.errors import InputError, UnsupportedError
from mixot.plot.canvas import axes_or_new, between, new_panels
from mixot.plot.densities import GRID, drawable, limits_around, mixture_density, principal_plane
from mixot.transport.geodesic import Interpolation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def geodesic_1d(
    path: Interpolation,
    times: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the densities along a path of mixtures on the line, one ridge for each time, the first at the top.

    The components are thin lines inside the ridges.
    """
    ax = axes_or_new(ax)
    steps = np.linspace(0, 1, 6) if times is None else np.asarray(times, dtype=np.float64)
    mixtures = [path(float(t)) for t in steps]
    if mixtures[0].dim != 1:
        raise UnsupportedError(f"ridges are drawn on the line, got dimension {mixtures[0].dim}; see geodesic_panels")
    box = limits_around([mixtures[0], mixtures[-1]])
    x = np.linspace(box[0, 0], box[0, 1], 4 * GRID)
    drawn = [drawable(mixture, box) for mixture in mixtures]
    parts = [np.exp(mixture.components.log_prob(x[:, None])) * mixture.weights for mixture in drawn]
    return ridges([(x, part.sum(axis=1)) for part in parts], steps, parts=parts, ax=ax, names=names)


def ridges(
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    times: ArrayLike,
    *,
    parts: Sequence[np.ndarray] | None = None,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw densities at times in [0, 1] as ridges, the first at the top, from blue to vermilion.

    Parameters
    ----------
    curves : sequence of pairs of arrays (n,)
        Points on the line, increasing, and the density there, for each time.
    times : array of floats
        Named at the side.
    parts : sequence of arrays (n, s), optional
        Parts of each density, drawn as thin lines.
    ax, names
        As in `mixture_density`.
    """
    ax = axes_or_new(ax)
    steps = np.asarray(times, dtype=np.float64)
    gap = 0.55 * max(float(height.max()) for _, height in curves)
    for i, (t, (x, height)) in enumerate(zip(steps, curves, strict=True)):
        base, color = -i * gap, between(float(t))
        ax.fill_between(x, base, base + height, facecolor=color, alpha=0.75, zorder=2 + i, linewidth=0)
        if parts is not None:
            ax.plot(x, base + parts[i], color="black", linewidth=0.5, alpha=0.6, zorder=2 + i)
        ax.plot(x, base + height, color="white", linewidth=1.6, zorder=2 + i)
        ax.plot(x, base + height, color=color, linewidth=0.9, zorder=2 + i)
    ends = min(float(x.min()) for x, _ in curves), max(float(x.max()) for x, _ in curves)
    ax.set(yticks=[-i * gap for i in range(len(steps))], yticklabels=[f"t = {t:.3g}" for t in steps], xlim=ends)
    ax.set_xlabel(names[0] if names else "x")
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def geodesic_panels(
    path: Interpolation,
    times: ArrayLike | None = None,
    *,
    axes: Sequence[Axes] | np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw the density at each time in a panel of its own, and return the panels.

    Mixtures on the line and in the plane are drawn as they are; others through the two principal axes of both ends
    together (the plane in which they differ and spread the most).

    Parameters
    ----------
    path : Geodesic or Interpolation
        What `mixot.geodesic` returns.
    times : array of floats, optional
        0, 0.2, ..., 1 where not given.
    axes : sequence of Axes, optional
        As many as times; a new figure where not given.
    names : sequence of str, optional
        Of the coordinates.
    """
    steps = np.linspace(0, 1, 6) if times is None else np.asarray(times, dtype=np.float64)
    mixtures = [path(float(t)) for t in steps]
    if mixtures[0].dim > 2:
        plane = principal_plane(mixtures[0], mixtures[-1])
        mixtures = [mixture.affine(plane) for mixture in mixtures]
        names = ("first principal axis", "second principal axis")
    panels = new_panels(len(steps)) if axes is None else np.asarray(axes)
    if panels.size != len(steps):
        raise InputError(f"axes must be one for each of the {len(steps)} times, got {panels.size}")
    box = limits_around([mixtures[0], mixtures[-1]])
    for ax, t, mixture in zip(panels.flat, steps, mixtures, strict=True):
        mixture_density(mixture, ax=ax, color=between(float(t)), limits=box, names=names)
        ax.set_title(f"t = {t:.3g}", fontsize=10)
        ax.label_outer()
    if mixtures[0].dim == 1:
        top = max(ax.get_ylim()[1] for ax in panels.flat)
        for ax in panels.flat:
            ax.set_ylim(0, top)
    return panels
