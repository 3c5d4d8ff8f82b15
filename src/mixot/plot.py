"""Figures: one Axes in, the same Axes out; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import ArrayLike
from mixot.errors import InputError, UnsupportedError
from mixot.extras import require
from mixot.io import check_target, replacing
from mixot.mixture import Mixture
from mixot.results import Plan
from mixot.transport.barycenter import Barycenter
from mixot.transport.geodesic import Geodesic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colors, which color-blind people tell apart; source first, target second.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
_GRID = 161  # points along an axis of a density
_REACH = 3.0  # standard deviations that a figure shows around each component


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
    ax = _axes(ax)
    _check_dim(mixture, "mixture_density")
    box = _limits([mixture]) if limits is None else np.asarray(limits, dtype=np.float64)
    if mixture.dim == 1:
        _draw_curve(mixture, ax, color, box)
    else:
        _draw_regions(mixture, ax, color, box)
    _label(ax, mixture.dim, names)
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

    ax = _axes(ax)
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
    ax.update_datalim(_limits([mixture], deviations).T)
    ax.autoscale_view()
    _label(ax, 2, names)
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
    ax = _axes(ax)
    if mixture.dim != 2:
        raise UnsupportedError(f"shapes are drawn in the plane, got dimension {mixture.dim}; take a marginal first")
    if not 0 < share < 1:
        raise InputError(f"share must lie between 0 and 1, got {share:g}")
    box = _limits([mixture]) if limits is None else np.asarray(limits, dtype=np.float64)
    x, y, height = _heights(mixture, box)
    threshold = _levels(height, [share])[0] if level is None else level
    ax.contourf(x, y, height, levels=[threshold, np.inf], colors=[color])
    ax.set(xlim=box[0], ylim=box[1], aspect="equal")
    _label(ax, 2, names)
    return ax


def plan_heatmap(plan: Plan, *, ax: Axes | None = None, **imshow: Any) -> Axes:
    """Draw the coupling, source down and target across; small plans show the mass of each cell in percent."""
    ax = _axes(ax)
    k, l = plan.coupling.shape  # noqa: E741 (the letters of the house: k, l components)
    style: dict[str, Any] = {"cmap": "Blues", "aspect": "equal", "vmin": 0.0}
    image = ax.imshow(100 * plan.coupling, **style | imshow)
    ax.figure.colorbar(image, ax=ax, label="mass (%)", shrink=0.8)
    if k * l <= 150:
        for i, j in zip(*np.nonzero(plan.coupling), strict=True):
            mass = 100 * plan.coupling[i, j]
            dark = mass > 55 * plan.coupling.max()
            ax.text(j, i, f"{mass:.2g}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    if max(k, l) <= 30:
        ax.set(xticks=range(l), yticks=range(k))
    ax.set(xlabel="component of the target", ylabel="component of the source", title=f"MW2 = {plan.distance:.4g}")
    return ax


def plan_lines(
    p: Mixture, q: Mixture, plan: Plan, *, ax: Axes | None = None, names: Sequence[str] | None = None
) -> Axes:
    """Draw two plane mixtures as ellipses, and the plan as lines between their centers, as wide as the mass."""
    ax = ellipses(p, ax=_axes(ax), color=COLORS[0], names=names)
    ellipses(q, ax=ax, color=COLORS[1], names=names)
    start, end = p.components.mean(), q.components.mean()
    for i, j in zip(*np.nonzero(plan.coupling), strict=True):
        share = plan.coupling[i, j] / plan.coupling.max()
        line = np.stack([start[i], end[j]])
        ax.plot(*line.T, color="0.25", linewidth=0.4 + 4 * share, alpha=0.7, solid_capstyle="round", zorder=1)
    ax.scatter(*start.T, color=COLORS[0], s=24, zorder=3, label="source")
    ax.scatter(*end.T, color=COLORS[1], s=24, zorder=3, label="target")
    ax.legend(frameon=False)
    ax.set_title(f"MW2 = {plan.distance:.4g}")
    return ax


def geodesic_1d(
    path: Geodesic,
    times: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the densities along a path of mixtures on the line, one ridge for each time, the first at the top.

    The components are thin lines inside the ridges.
    """
    ax = _axes(ax)
    steps = np.linspace(0, 1, 6) if times is None else np.asarray(times, dtype=np.float64)
    mixtures = [path(float(t)) for t in steps]
    if mixtures[0].dim != 1:
        raise UnsupportedError(f"ridges are drawn on the line, got dimension {mixtures[0].dim}; see geodesic_panels")
    box = _limits([mixtures[0], mixtures[-1]])
    x = np.linspace(box[0, 0], box[0, 1], 4 * _GRID)
    drawn = [_drawable(mixture, box) for mixture in mixtures]
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
    ax = _axes(ax)
    steps = np.asarray(times, dtype=np.float64)
    gap = 0.55 * max(float(height.max()) for _, height in curves)
    for i, (t, (x, height)) in enumerate(zip(steps, curves, strict=True)):
        base, color = -i * gap, _blend(float(t))
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
    path: Geodesic,
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
    path : Geodesic
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
    panels = _panels(len(steps)) if axes is None else np.asarray(axes)
    if panels.size != len(steps):
        raise InputError(f"axes must be one for each of the {len(steps)} times, got {panels.size}")
    box = _limits([mixtures[0], mixtures[-1]])
    for ax, t, mixture in zip(panels.flat, steps, mixtures, strict=True):
        mixture_density(mixture, ax=ax, color=_blend(float(t)), limits=box, names=names)
        ax.set_title(f"t = {t:.3g}", fontsize=10)
        ax.label_outer()
    if mixtures[0].dim == 1:
        top = max(ax.get_ylim()[1] for ax in panels.flat)
        for ax in panels.flat:
            ax.set_ylim(0, top)
    return panels


def barycenter_lines(barycenter: Barycenter, *, ax: Axes | None = None, names: Sequence[str] | None = None) -> Axes:
    """Draw plane mixtures, their barycenter in black, and lines from the components that meet, as wide as the mass."""
    ax = _axes(ax)
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
    ax = _axes(ax)
    if barycenter.mixture.dim > 2:
        barycenter, names = _in_principal_plane(barycenter), ("first principal axis", "second principal axis")
    inputs, called = barycenter.inputs, labels or [f"mixture {j + 1}" for j in range(len(barycenter.inputs))]
    box, curves = _limits([*inputs, barycenter.mixture]), {}
    if barycenter.mixture.dim == 1:
        mixture_density(barycenter.mixture, ax=ax, color=COLORS[-1], limits=box, names=names)
        x = np.linspace(box[0, 0], box[0, 1], 6 * _GRID)
        curves = {j: (x, _drawable(p, box).density(x)) for j, p in enumerate(inputs)}
        ax.set_ylim(0, 1.05 * max(ax.get_ylim()[1], *(height.max() for _, height in curves.values())))
    else:
        barycenter_lines(barycenter, ax=ax, names=names)
    for j in np.flatnonzero(barycenter.weights > 0).tolist():
        name = f"{called[j]} ({barycenter.weights[j]:.3g})"
        ax.plot(*curves.get(j, ([], [])), color=COLORS[j % (len(COLORS) - 1)], linewidth=1.6, label=name)
    ax.plot([], [], color=COLORS[-1], linewidth=2.0, label="barycenter")
    ax.legend(frameon=False, fontsize=8)
    return ax


def blend(weights: ArrayLike, colors: Sequence[str] = COLORS) -> str:
    """Return the mean of as many colors as there are weights, in linear light: the color of an average."""
    from matplotlib.colors import to_hex, to_rgb

    shares = np.asarray(weights, dtype=np.float64)
    if shares.ndim != 1 or len(shares) > len(colors):
        raise InputError(f"weights must be a vector of at most {len(colors)}, one a color, got shape {shares.shape}")
    light = np.array([to_rgb(color) for color in colors[: len(shares)]]) ** 2.2
    return to_hex(np.clip(shares @ light / shares.sum(), 0, 1) ** (1 / 2.2))


def contact_sheet(pictures: dict[str, np.ndarray], *, axes: Sequence[Axes] | np.ndarray | None = None) -> np.ndarray:
    """Draw pictures under their titles, up to three across (four as two by two), and return the panels."""
    panels = _sheet(pictures) if axes is None else np.asarray(axes)
    for ax, (title, image) in zip(panels.flat, pictures.items(), strict=True):
        grey = image.ndim == 2 or image.shape[2] == 1
        ax.imshow(image.reshape(image.shape[:2]) if grey else image, cmap="gray" if grey else None)
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    return panels


def principal_plane(*mixtures: Mixture) -> np.ndarray:
    """Two orthonormal axes, (2, d), that show most of the variance of the mix of some mixtures in equal parts."""
    means = np.stack([p.mean() for p in mixtures])
    _, axes = np.linalg.eigh(sum(p.cov() for p in mixtures) / len(mixtures) + np.cov(means.T, bias=True))
    plane = axes[:, [-1, -2]].T
    return plane * np.sign(plane.sum(axis=1, keepdims=True) + 1e-300)  # a sign that does not depend on the solver


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


def _in_principal_plane(barycenter: Barycenter) -> Barycenter:
    plane = principal_plane(*barycenter.inputs)
    seen = tuple(mixture.affine(plane) for mixture in barycenter.inputs)
    return replace(barycenter, inputs=seen, mixture=barycenter.mixture.affine(plane))


def _draw_curve(mixture: Mixture, ax: Axes, color: str, box: np.ndarray) -> None:
    x = np.linspace(box[0, 0], box[0, 1], 6 * _GRID)
    smooth = _drawable(mixture, box)
    joint = np.exp(smooth.components.log_prob(x[:, None])) * smooth.weights
    total = joint.sum(axis=1)
    if len(mixture) > 1:
        ax.plot(x, joint, color=color, linewidth=0.7, alpha=0.6)
    ax.fill_between(x, total, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, total, color=color, linewidth=1.8)
    ax.set(xlim=box[0])
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)


def _heights(mixture: Mixture, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates of the cells of a box, and the density there, (y, x)."""
    x, y = (np.linspace(low, high, _GRID) for low, high in box)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    return x, y, _drawable(mixture, box).density(points.reshape(-1, 2)).reshape(_GRID, _GRID)


def _levels(height: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Levels above which the density holds these shares of the mass, increasing."""
    ordered = np.sort(height, axis=None)[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return np.unique([ordered[min(np.searchsorted(held, share), len(held) - 1)] for share in shares])


def _draw_regions(mixture: Mixture, ax: Axes, color: str, box: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    x, y, height = _heights(mixture, box)
    levels = _levels(height, (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1))
    shade = np.array(to_rgb(color))
    cmap = LinearSegmentedColormap.from_list("mass", [0.88 + 0.12 * shade, shade, 0.35 * shade])
    colors = cmap(np.linspace(0, 1, len(levels)))
    ax.contourf(x, y, height, levels=[*levels, np.inf], colors=colors)
    ax.contour(x, y, height, levels=levels[:1], colors=[color], linewidths=0.8)
    ax.set(xlim=box[0], ylim=box[1])


def _drawable(mixture: Mixture, box: np.ndarray) -> Mixture:
    """The mixture, its singular components widened by a grid cell so that they have a density."""
    flat = mixture.components.rank() < mixture.dim
    if not flat.any():
        return mixture
    from mixot.families.gaussian import Gaussian

    cell = (box[:, 1] - box[:, 0]) / _GRID
    covs = mixture.components.cov() + flat[:, None, None] * np.diag(cell**2)
    return Mixture(mixture.weights, Gaussian(mixture.components.mean(), covs))


def _limits(mixtures: Sequence[Mixture], reach: float = _REACH) -> np.ndarray:
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


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    return plt.subplots(figsize=(5.2, 4.0), layout="constrained")[1]


def _panels(count: int) -> np.ndarray:
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    across = count if count <= 4 else -(-count // 2) if count <= 8 else 5
    down = -(-count // across)
    size = (2.7 * across, 2.5 * down + 0.3)
    grid = plt.subplots(down, across, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained")[1]
    for ax in grid.flat[count:]:
        ax.set_axis_off()
    return grid.ravel()[:count]


def _sheet(pictures: dict[str, np.ndarray]) -> np.ndarray:
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    count = len(pictures)
    across = 2 if count == 4 else min(count, 3)
    down = -(-count // across)
    tall = max(image.shape[0] / image.shape[1] for image in pictures.values())
    size = (4.0 * across, (4.0 * tall + 0.35) * down)
    grid = plt.subplots(down, across, figsize=size, squeeze=False, layout="constrained")[1].ravel()
    for ax in grid[count:]:
        ax.set_axis_off()
    return grid[:count]


def _blend(t: float) -> str:
    """A color on the way from the source's to the target's, through purple: straight on would pass by grey."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    return to_hex(LinearSegmentedColormap.from_list("way", [COLORS[0], "#8F5C9C", COLORS[1]])(float(t)))


def _label(ax: Axes, dim: int, names: Sequence[str] | None) -> None:
    labels = list(names) if names else ["x", "y"]
    ax.set_xlabel(labels[0])
    ax.set_ylabel("density" if dim == 1 else labels[1])


def _check_dim(mixture: Mixture, what: str) -> None:
    if mixture.dim > 2:
        raise UnsupportedError(
            f"{what} draws on the line and in the plane, got dimension {mixture.dim}; take a marginal: "
            "mixture.marginal([0, 1])"
        )
