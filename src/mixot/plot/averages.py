"""Figures of several mixtures and their barycenter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mixot.plot.canvas import COLORS, axes_or_new
from mixot.plot.densities import GRID, drawable, ellipses, limits_around, mixture_density, principal_plane
from mixot.transport.barycenter import Barycenter

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def barycenter_lines(barycenter: Barycenter, *, ax: Axes | None = None, names: Sequence[str] | None = None) -> Axes:
    """Draw plane mixtures, their barycenter in black, and lines from the components that meet, as wide as the mass."""
    ax = axes_or_new(ax)
    found = barycenter.mixture
    mass, ends = barycenter.plan.weights, found.components.mean()[barycenter.labels]
    for j in np.flatnonzero(barycenter.weights > 0):
        color = COLORS[j % (len(COLORS) - 1)]
        ellipses(barycenter.inputs[j], ax=ax, color=color, names=names)
        starts = barycenter.inputs[j].components.mean()[barycenter.tuples[:, j]]
        for start, end, share in zip(starts, ends, mass / mass.max(), strict=True):
            line = np.stack([start, end])
            ax.plot(*line.T, color=color, linewidth=0.4 + 3 * share, alpha=0.6, solid_capstyle="round", zorder=1)
        ax.scatter(*barycenter.inputs[j].components.mean().T, color=color, s=16, zorder=3)
    ellipses(found, ax=ax, color=COLORS[-1], names=names)
    ax.scatter(*found.components.mean().T, color=COLORS[-1], s=16, zorder=3)
    return ax


def average(
    barycenter: Barycenter,
    *,
    ax: Axes | None = None,
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw several mixtures and their barycenter, each under its name and weight.

    On the line as densities, the barycenter filled; in the plane by `barycenter_lines`; in more dimensions so too,
    seen along the two principal axes of all mixtures together.

    Parameters
    ----------
    barycenter : Barycenter
        What `mixot.barycenter` returns.
    ax : Axes, optional
        A new figure where not given.
    labels : sequence of str, optional
        Of the mixtures that were averaged.
    names : sequence of str, optional
        Of the coordinates.
    """
    ax = axes_or_new(ax)
    if barycenter.mixture.dim > 2:
        barycenter, names = _in_principal_plane(barycenter), ("first principal axis", "second principal axis")
    inputs, called = barycenter.inputs, labels or [f"mixture {j + 1}" for j in range(len(barycenter.inputs))]
    box, curves = limits_around([*inputs, barycenter.mixture]), {}
    if barycenter.mixture.dim == 1:
        mixture_density(barycenter.mixture, ax=ax, color=COLORS[-1], limits=box, names=names)
        x = np.linspace(box[0, 0], box[0, 1], 6 * GRID)
        curves = {j: (x, drawable(p, box).density(x)) for j, p in enumerate(inputs)}
        ax.set_ylim(0, 1.05 * max(ax.get_ylim()[1], *(height.max() for _, height in curves.values())))
    else:
        barycenter_lines(barycenter, ax=ax, names=names)
    for j in np.flatnonzero(barycenter.weights > 0).tolist():
        name = f"{called[j]} ({barycenter.weights[j]:.3g})"
        ax.plot(*curves.get(j, ([], [])), color=COLORS[j % (len(COLORS) - 1)], linewidth=1.6, label=name)
    ax.plot([], [], color=COLORS[-1], linewidth=2.0, label="barycenter")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _in_principal_plane(barycenter: Barycenter) -> Barycenter:
    plane = principal_plane(*barycenter.inputs)
    seen = tuple(mixture.affine(plane) for mixture in barycenter.inputs)
    return replace(barycenter, inputs=seen, mixture=barycenter.mixture.affine(plane))
