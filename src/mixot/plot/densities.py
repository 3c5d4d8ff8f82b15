"""Figures of one mixture: its density on the line and in the plane, its components, its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.mixture import Mixture
from mixot.plot.canvas import COLORS, axes_or_new, label_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 161  # points along an axis of a density
REACH = 3.0  # standard deviations that a figure shows around each component


def mixture_density(
    mixture: Mixture,
    *,
    ax: Axes | None = None,
    color: str = COLORS[0],
    limits: Any = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the density of a mixture on the line (a curve, its components thin below it) or in the plane.

    In the plane the shades are regions of highest density: the darkest holds a tenth of the mass, the lightest 95 %.

    Parameters
    ----------
    mixture : Mixture
        Of dimension 1 or 2; a singular component is drawn with the width of a grid cell.
    ax : Axes, optional
        Where to draw; a new figure where not given.
    color : str
        Of the curve, or of the dark regions.
    limits : array (d, 2), optional
        Lower and upper end of each axis; around the components where not given.
    names : sequence of str, optional
        Of the d coordinates.

    Examples
    --------
    >>> from mixot import Gaussian
    >>> mixture_density(Mixture([0.3, 0.7], Gaussian([0.0, 1.0], [0.01, 0.04]))).get_ylabel()
    'density'
    """
    ax = axes_or_new(ax)
    _check_dim(mixture, "mixture_density")
    box = limits_around([mixture]) if limits is None else np.asarray(limits, dtype=np.float64)
    if mixture.dim == 1:
        _draw_curve(mixture, ax, color, box)
    else:
        _draw_regions(mixture, ax, color, box)
    label_axes(ax, mixture.dim, names)
    return ax


def ellipses(
    mixture: Mixture,
    *,
    ax: Axes | None = None,
    color: str = COLORS[0],
    deviations: float = 2.0,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the components of a plane mixture as ellipses of ``deviations`` standard deviations.

    The heavier a component is, the more its ellipse is filled.
    """
    from matplotlib.patches import Ellipse

    ax = axes_or_new(ax)
    if mixture.dim != 2:
        raise UnsupportedError(f"ellipses are drawn in the plane, got dimension {mixture.dim}; take a marginal first")
    top = mixture.weights.max()
    for weight, mean, cov in zip(mixture.weights, mixture.components.mean(), mixture.components.cov(), strict=True):
        lam, q = np.linalg.eigh(cov)
        width, height = 2 * deviations * np.sqrt(np.clip(lam[::-1], 0.0, None))
        angle = float(np.degrees(np.arctan2(q[1, 1], q[0, 1])))
        shape = {"xy": mean, "width": width, "height": height, "angle": angle}
        ax.add_patch(Ellipse(**shape, facecolor=color, alpha=0.05 + 0.4 * weight / top, edgecolor="none"))
        ax.add_patch(Ellipse(**shape, facecolor="none", edgecolor=color, linewidth=1.2))
    ax.update_datalim(limits_around([mixture], deviations).T)
    ax.autoscale_view()
    label_axes(ax, 2, names)
    return ax


def shape(
    mixture: Mixture,
    *,
    level: float | None = None,
    share: float = 0.9,
    ax: Axes | None = None,
    color: str = COLORS[0],
    limits: Any = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the region of the plane where the density of a mixture exceeds a level: a mixture seen as a shape.

    Parameters
    ----------
    mixture : Mixture
        Of dimension 2.
    level : float, optional
        The threshold; where not given, the one above which the density holds ``share`` of the mass.
    share : float
        Between 0 and 1.
    ax, color, limits, names
        As in `mixture_density`.

    References
    ----------
    Delon and Desolneux 2020, section 5.3, where shapes are averaged as thresholded mixtures.
    """
    ax = axes_or_new(ax)
    if mixture.dim != 2:
        raise UnsupportedError(f"shapes are drawn in the plane, got dimension {mixture.dim}; take a marginal first")
    if not 0 < share < 1:
        raise InputError(f"share must lie between 0 and 1, got {share:g}")
    box = limits_around([mixture]) if limits is None else np.asarray(limits, dtype=np.float64)
    x, y, height = heights(mixture, box)
    threshold = _levels(height, [share])[0] if level is None else level
    ax.contourf(x, y, height, levels=[threshold, np.inf], colors=[color])
    ax.set(xlim=box[0], ylim=box[1], aspect="equal")
    label_axes(ax, 2, names)
    return ax


def _draw_curve(mixture: Mixture, ax: Axes, color: str, box: np.ndarray) -> None:
    x = np.linspace(box[0, 0], box[0, 1], 6 * GRID)
    smooth = drawable(mixture, box)
    joint = np.exp(smooth.components.log_prob(x[:, None])) * smooth.weights
    total = joint.sum(axis=1)
    if len(mixture) > 1:
        ax.plot(x, joint, color=color, linewidth=0.7, alpha=0.6)
    ax.fill_between(x, total, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, total, color=color, linewidth=1.8)
    ax.set(xlim=box[0])
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)


def heights(mixture: Mixture, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates of the cells of a box, and the density there, (y, x)."""
    x, y = (np.linspace(low, high, GRID) for low, high in box)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    return x, y, drawable(mixture, box).density(points.reshape(-1, 2)).reshape(GRID, GRID)


def _levels(height: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Levels above which the density holds these shares of the mass, increasing."""
    ordered = np.sort(height, axis=None)[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return np.unique([ordered[min(np.searchsorted(held, share), len(held) - 1)] for share in shares])


def _draw_regions(mixture: Mixture, ax: Axes, color: str, box: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    x, y, height = heights(mixture, box)
    levels = _levels(height, (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1))
    shade = np.array(to_rgb(color))
    cmap = LinearSegmentedColormap.from_list("mass", [0.88 + 0.12 * shade, shade, 0.35 * shade])
    colors = cmap(np.linspace(0, 1, len(levels)))
    ax.contourf(x, y, height, levels=[*levels, np.inf], colors=colors)
    ax.contour(x, y, height, levels=levels[:1], colors=[color], linewidths=0.8)
    ax.set(xlim=box[0], ylim=box[1])


def outline(mixture: Mixture, ax: Axes, color: str, box: np.ndarray, share: float = 0.9) -> None:
    """Draw the line around the region of highest density that holds ``share`` of the mass."""
    x, y, height = heights(mixture, box)
    ax.contour(x, y, height, levels=_levels(height, [share]), colors=[color], linewidths=1.2)


def drawable(mixture: Mixture, box: np.ndarray) -> Mixture:
    """The mixture, its singular components widened by a grid cell so that they have a density."""
    flat = mixture.components.rank() < mixture.dim
    if not flat.any():
        return mixture
    from mixot.families.elliptical.gaussian import Gaussian

    cell = (box[:, 1] - box[:, 0]) / GRID
    covs = mixture.components.cov() + flat[:, None, None] * np.diag(cell**2)
    return Mixture(mixture.weights, Gaussian(mixture.components.mean(), covs))


def limits_around(mixtures: Sequence[Mixture], reach: float = REACH) -> np.ndarray:
    """A box, (d, 2), around all components of some weight."""
    low, high = [], []
    for mixture in mixtures:
        seen = mixture.weights > 1e-3 * mixture.weights.max()
        mean = mixture.components.mean()[seen]
        spread = np.sqrt(np.clip(np.einsum("kii->ki", mixture.components.cov()[seen]), 0.0, None))
        low.append((mean - reach * spread).min(axis=0))
        high.append((mean + reach * spread).max(axis=0))
    bottom, top = np.min(low, axis=0), np.max(high, axis=0)
    thin = np.where(top > bottom, 0.0, 0.5 * (1 + np.abs(top)))  # a point: any box around it
    return np.stack([bottom - thin, top + thin], axis=1)


def principal_plane(*mixtures: Mixture) -> np.ndarray:
    """Two orthonormal axes, (2, d), that show most of the variance of the mix of some mixtures in equal parts."""
    means = np.stack([p.mean() for p in mixtures])
    _, axes = np.linalg.eigh(sum(p.cov() for p in mixtures) / len(mixtures) + np.cov(means.T, bias=True))
    plane = axes[:, [-1, -2]].T
    return plane * np.sign(plane.sum(axis=1, keepdims=True) + 1e-300)  # a sign that does not depend on the solver


def _check_dim(mixture: Mixture, what: str) -> None:
    if mixture.dim > 2:
        raise UnsupportedError(
            f"{what} draws on the line and in the plane, got dimension {mixture.dim}; take a marginal: "
            "mixture.marginal([0, 1])"
        )
