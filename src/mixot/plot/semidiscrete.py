"""Figures of transport between points and a density: the cells of the points, and what moves where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mixot._shapes import ArrayLike
from mixot.errors import InputError, UnsupportedError
from mixot.measures import Grid, Measure
from mixot.mixture import Mixture
from mixot.plot.canvas import COLORS, axes_or_new, label_axes
from mixot.plot.densities import GRID, drawable, heights, limits_around, outline
from mixot.solvers.semidiscrete.laguerre import PlaneCells, power_cells
from mixot.solvers.semidiscrete.plan import SemidiscretePlan
from mixot.transport.cells import CentroidMap, PointMap
from mixot.transport.maps import TransportMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

_EDGE = "#2F7FC1"  # of cells: seen on white and on the darkest grey
_LIGHT, _DARK = 1.0, 0.42  # greys of no density and of the highest
_FEW, _MANY = 15, 24  # arrows along the longer side: of a map between mixtures, of one to points
_SHARE = 0.98  # of the mass is where such a map has arrows
_HEADS = 600  # more arrows than this have no heads
_STRIPES = 300  # more cells than this on the line are one area


def cells(
    plan: Any,
    *,
    ax: Axes | None = None,
    color: str = _EDGE,
    centroids: bool = True,
    limits: Any = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the cells of a plan between points and a density over the density, with the points and their centroids.

    Points are blue, the centers of mass of their cells vermilion. In the plane the cells are polygons and the density
    is grey; on the line they are parts, light and dark in turn, of the area below the density. Every cell has the mass
    of its point, so that they are small where the density is high.

    Parameters
    ----------
    plan : SemidiscretePlan, or a map that has one
        On the line or in the plane: ``mixot.plan(points, density)``.
    ax : Axes, optional
        Where to draw; a new figure where not given. For a picture, whose rows go down: ``ax.invert_yaxis()``.
    color : str
        Of the cells' edges, or of their areas on the line.
    centroids : bool
        Whether the centroids are drawn.
    limits : array (d, 2), optional
        Lower and upper end of each axis; around density and points where not given.
    names : sequence of str, optional
        Of the d coordinates.

    Raises
    ------
    UnsupportedError
        In space.
    InputError
        For other plans.

    Examples
    --------
    >>> from mixot import Grid, plan
    >>> found = plan([[0.2, 0.5], [0.4, 0.5]], Grid([[3.0, 3.0], [1.0, 1.0]], [[0, 1], [0, 1]]))
    >>> drawn = cells(found).collections[0]
    >>> [polygon.vertices[:-1, 0].max().round(3).item() for polygon in drawn.get_paths()]
    [0.333, 1.0]
    """
    found = _plan_of(plan)
    if found.source.dim > 2:
        raise UnsupportedError(
            f"cells are drawn on the line and in the plane, these points have dimension {found.source.dim}; "
            "plan.masses, plan.centroids and plan.potentials hold what there is to say about each"
        )
    ax = axes_or_new(ax)
    box = _view(found) if limits is None else np.asarray(limits, dtype=np.float64)
    draw = _draw_parts if found.source.dim == 1 else _draw_polygons
    draw(found, ax, color, box, centroids)
    label_axes(ax, found.source.dim, names)
    return ax


def displacement(
    found: Any,
    *,
    ax: Axes | None = None,
    at: ArrayLike | None = None,
    color: str = "0.15",
    limits: Any = None,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw what transport in the plane moves where: as arrows, or where there are many as lines without heads.

    From a plan between points and a density, or its `CentroidMap`, each point (blue) has an arrow to the centroid of
    its cell (vermilion), over the density. A map of all of the plane, a `PointMap` from a density to points or a
    `TransportMap` between mixtures, has arrows on a lattice where 98 % of the mass of its source is.

    Parameters
    ----------
    found : SemidiscretePlan, CentroidMap, PointMap or TransportMap
        What `mixot.plan` and `mixot.transport_map` return.
    ax : Axes, optional
        Where to draw; a new figure where not given. For a picture, whose rows go down: ``ax.invert_yaxis()``.
    at : (m, 2), optional
        Where the arrows of a map of all of the plane start instead.
    color : str
        Of the arrows.
    limits : array (2, 2), optional
        Lower and upper end of each axis; around all that is drawn where not given.
    names : sequence of str, optional
        Of the two coordinates.

    Raises
    ------
    UnsupportedError
        On the line and in space.
    InputError
        For other plans, and where ``at`` comes with a plan, whose arrows start at its points.

    Examples
    --------
    >>> from mixot import Grid, plan
    >>> found = plan([[0.2, 0.5], [0.4, 0.5]], Grid([[3.0, 3.0], [1.0, 1.0]], [[0, 1], [0, 1]]))
    >>> arrows = displacement(found).collections[0]
    >>> arrows.U.round(3).tolist(), arrows.V.round(3).tolist()  # to 1/6, and to 7/12
    ([-0.033, 0.183], [0.0, 0.0])
    """
    dim = found.source.dim if isinstance(found, TransportMap) else _plan_of(found).source.dim
    if dim != 2:
        raise UnsupportedError(f"displacement is drawn in the plane, got dimension {dim}")
    ax = axes_or_new(ax)
    if isinstance(found, TransportMap):
        source, box = found.source, limits_around([found.source, found.target])
        start, dots = _starts(source, at, _FEW), ()
        end = found(start, rng=0)
    elif isinstance(found, PointMap):
        source, box = found.plan.target, _view(found.plan)
        start = _starts(source, at, _MANY)
        end, dots = found(start), (("points", COLORS[0], found.plan.source.points),)
    else:
        if at is not None:
            raise InputError("the arrows of a plan start at its points: leave out at=, or pass a map of a density")
        plan = _plan_of(found)
        source, box = plan.target, _view(plan)
        start, end = plan.source.points.astype(np.float64), plan.centroids
        dots = ("points", COLORS[0], start), ("centroids", COLORS[1], end)
    _shade(source, ax, box)
    if isinstance(found, TransportMap):
        outline(found.target, ax, COLORS[1], box)
    _draw_arrows(start, end, ax, color)
    for label, shade, points in dots:
        _draw_dots(points, ax, shade, label)
    box = box if limits is None else np.asarray(limits, dtype=np.float64)
    ax.set(xlim=box[0], ylim=box[1], aspect="equal")
    if dots:
        _name_dots(ax)
    label_axes(ax, 2, names)
    return ax


def _plan_of(found: Any) -> SemidiscretePlan:
    plan = found.plan if isinstance(found, CentroidMap | PointMap) else found
    if not isinstance(plan, SemidiscretePlan):
        raise InputError(f"expected a plan between points and a density, got {type(found).__name__}; see plan_heatmap")
    return plan


def _view(plan: SemidiscretePlan) -> np.ndarray:
    """A box, (d, 2), around the density and the points."""
    density, points = plan.target, plan.source.points
    box = density.bounds if isinstance(density, Grid) else limits_around([_law(density)])
    low, high = np.minimum(box[:, 0], points.min(axis=0)), np.maximum(box[:, 1], points.max(axis=0))
    room = 0.02 * (high - low)  # for the dots of points beyond the density
    return np.column_stack([low - room * (low < box[:, 0]), high + room * (high > box[:, 1])])


def _law(density: Measure) -> Mixture:
    assert isinstance(density, Mixture)
    return density


def _draw_polygons(plan: SemidiscretePlan, ax: Axes, color: str, box: np.ndarray, centroids: bool) -> None:
    from matplotlib.collections import PolyCollection

    tiles = plan.cells()
    width = float(np.clip(14 / np.sqrt(len(tiles)), 0.25, 1.2))
    polygons = [tiles.polygon(i) for i in _seen(plan, tiles)]
    _shade(plan.target, ax, box)
    ax.add_collection(PolyCollection(polygons, facecolors="none", edgecolors=color, linewidths=width), autolim=False)
    if centroids:
        _draw_dots(plan.centroids[plan.source.weights > 0], ax, COLORS[1], "centroids", 0.6)
    _draw_dots(plan.source.points, ax, COLORS[0], "points")
    ax.set(xlim=box[0], ylim=box[1], aspect="equal")


def _seen(plan: SemidiscretePlan, tiles: PlaneCells) -> list[int]:
    """Points that have a cell: one of weight zero only touches those of others."""
    return np.flatnonzero((np.diff(tiles.first) > 0) & (plan.source.weights > 0)).tolist()


def _draw_parts(plan: SemidiscretePlan, ax: Axes, color: str, box: np.ndarray, centroids: bool) -> None:
    """The area below the density on the line, cut where cells meet; below it the points, and where they go."""
    from matplotlib.collections import LineCollection, PolyCollection

    x, height = _curve(plan.target, box)
    parts = [_part(x, height, *ends) for ends in _intervals(plan)]
    turns = 2 if len(parts) <= _STRIPES else 1
    shades = [(color, 0.25 + 0.3 * (i % turns)) for i in range(len(parts))]
    ax.add_collection(PolyCollection(parts, facecolors=shades, edgecolors="none"), autolim=False)
    ax.plot(x, height, color="0.25", linewidth=0.9)
    row = 0.055 * float(height.max())
    points, middles = (
        np.insert(at, 1, -depth, axis=1) for at, depth in ((plan.source.points, row), (plan.centroids, 2 * row))
    )
    if centroids:
        heavy = plan.source.weights > 0
        ways = list(np.stack([points, middles], axis=1)[heavy])
        ax.add_collection(LineCollection(ways, colors="0.6", linewidths=0.5), autolim=False)
        _draw_dots(middles[heavy], ax, COLORS[1], "centroids")
    _draw_dots(points, ax, COLORS[0], "points")
    ax.set(xlim=box[0], ylim=(-3 * row, 19 * row))
    ax.set_yticks([tick for tick in ax.get_yticks() if tick >= 0])
    ax.spines[["top", "right"]].set_visible(False)


def _intervals(plan: SemidiscretePlan) -> list[tuple[float, float]]:
    """Ends of the cells of points on the line, from left to right: those of a strip of the plane."""
    flat = np.insert(plan.source.points.astype(np.float64), 1, 0.0, axis=1)
    tiles = power_cells(flat, plan.potentials, np.stack([plan.density.bounds[0], [-1.0, 1.0]]))
    sides = (tiles.polygon(i)[:, 0] for i in _seen(plan, tiles))
    return sorted((float(x.min()), float(x.max())) for x in sides)


def _curve(density: Measure, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the graph of a density on the line, two at one place where it jumps."""
    if isinstance(density, Grid):
        height, (low, high) = density.values / density.spacing, density.bounds[0]
        edges = np.linspace(low, high, len(height) + 1)
        if density.degree == 0:
            return np.repeat(edges, 2)[1:-1], np.repeat(height, 2)
        middles = 0.5 * (edges[1:] + edges[:-1])
        return np.concatenate([[low], middles, [high]]), np.concatenate([height[:1], height, height[-1:]])
    x = np.linspace(box[0, 0], box[0, 1], 6 * GRID)
    return x, drawable(_law(density), box).density(x)


def _part(x: np.ndarray, height: np.ndarray, a: float, b: float) -> np.ndarray:
    """Corners of the area between a and b below a graph."""
    i, j = int(np.searchsorted(x, a, side="right")), int(np.searchsorted(x, b, side="left"))
    segments = [slice(k - 1, k + 1) for k in np.clip([i, j], 1, len(x) - 1)]
    rims = [[end, np.interp(end, x[at], height[at])] for end, at in zip((a, b), segments, strict=True)]
    inside = np.column_stack([x[i:j], height[i:j]])
    return np.concatenate([[[a, 0.0]], rims[:1], inside, rims[1:], [[b, 0.0]]])


def _shade(density: Measure, ax: Axes, box: np.ndarray) -> None:
    """A density in the plane in grey, the darker the higher."""
    from matplotlib.colors import LinearSegmentedColormap

    greys = LinearSegmentedColormap.from_list("density", [str(_LIGHT), str(_DARK)])
    if isinstance(density, Grid):
        values, edges, smooth = density.values.T, density.bounds, "bilinear" if density.degree else "nearest"
    else:
        values, smooth = heights(_law(density), box)[2], "bilinear"
        rim = (box[:, 1] - box[:, 0]) / (2 * (GRID - 1))  # its values are those in the middle of pixels
        edges = np.column_stack([box[:, 0] - rim, box[:, 1] + rim])
    left, right, bottom, top = edges.ravel().tolist()
    ax.imshow(
        values, extent=(left, right, bottom, top), origin="lower", cmap=greys, vmin=0.0, interpolation=smooth, zorder=0
    )


def _starts(density: Measure, at: ArrayLike | None, across: int) -> np.ndarray:
    """Where the arrows of a map start: at a lattice's points that lie where most of the mass is."""
    if at is not None:
        return np.asarray(at, dtype=np.float64).reshape(-1, 2)
    box = density.bounds if isinstance(density, Grid) else limits_around([_law(density)])
    step = float(np.diff(box).max()) / across
    axes = [low + step * (np.arange(max(1, round((high - low) / step))) + 0.5) for low, high in box]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    if isinstance(density, Grid):
        pixels = ((lattice - box[:, 0]) / density.spacing).astype(int).clip(0, np.array(density.values.shape) - 1)
        height = density.values[tuple(pixels.T)]
    else:
        height = drawable(_law(density), box).density(lattice)
    order = np.sort(height)
    least = order[np.searchsorted(np.cumsum(order), (1 - _SHARE) * order.sum())]
    return lattice[height >= least]


def _draw_arrows(start: np.ndarray, end: np.ndarray, ax: Axes, color: str) -> None:
    """Arrows; lines where their heads would hide what they point to."""
    count = len(start)
    heads = count <= _HEADS and len(np.unique(end, axis=0)) > count / 2
    sizes = (4.0, 5.0, 4.5) if heads else (0.0, 0.0, 0.0)
    shape = dict(zip(("headwidth", "headlength", "headaxislength"), sizes, strict=True))
    style = {"color": color, "alpha": 1.0 if heads else 0.55, "width": np.clip(0.06 / np.sqrt(count), 0.0008, 0.004)}
    ax.quiver(*start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1.0, zorder=2, **style, **shape)


def _draw_dots(points: np.ndarray, ax: Axes, color: str, label: str, share: float = 1.0) -> None:
    size = share * float(np.clip(2000 / len(points), 0.6, 22))
    ax.scatter(*points.T, s=size, color=color, linewidths=0, label=label, zorder=3)


def _name_dots(ax: Axes) -> None:
    """A legend above the figure, its dots of a size that is seen."""
    legend = ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.2, ncols=2)
    for dot in legend.legend_handles:
        cast("PathCollection", dot).set_sizes([16])
