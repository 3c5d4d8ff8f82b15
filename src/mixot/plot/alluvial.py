"""Flows between two lists of groups, as bands from bars on the left to bars on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.extras import require
from mixot.plot.canvas import COLORS
from mixot.plot.plans import draw_masses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.055  # width of a bar, where the space between the two sides is 1
_GAP = 0.022  # between two bars, in parts of the whole mass; more where a thin bar needs room for its name
_REST = "#B8B8B8"


def alluvial(
    flows: Any,
    *,
    source: Sequence[str] | None = None,
    target: Sequence[str] | None = None,
    colors: Mapping[str, str] | None = None,
    least: float = 0.005,
    sides: tuple[str, str] = ("source", "target"),
    ax: Axes | None = None,
) -> Axes:
    """Draw how mass flows from groups on the left to groups on the right, each band as wide as its mass.

    Both lists are ordered so that bands cross little, the heaviest ones least. A band has the color of the group it
    comes from. Bands below ``least`` of the whole mass are merged into one grey band for each group, which says where
    it leaves and not where it goes. Next to a name stands its share of the mass, in percent.

    Parameters
    ----------
    flows : (k, l) or a dataframe
        Mass from each group to each, not negative; rows and columns of a dataframe are the names.
    source, target : sequences of str, optional
        Names of the groups; those of the dataframe, or 0, 1, ..., where not given.
    colors : mapping of str to color, optional
        By name; groups that it lacks get colors that the others do not have.
    least : float
        Bands below this share of the whole mass are merged.
    sides : pair of str
        What stands above the two lists.
    ax : Axes, optional
        Where to draw; a new figure, tall enough for the names, where not given.

    Raises
    ------
    InputError
        On flows that are negative, not finite or all zero, and names that do not fit.

    Examples
    --------
    >>> drawn = alluvial([[0.5, 0.1], [0.0, 0.4]], source=["T", "B"], target=["T", "B"])
    >>> [text.get_text() for text in drawn.texts if text.get_text().startswith("T")]
    ['T  60 %', 'T  50 %']
    """
    mass, rows, cols = _checked(flows, source, target)
    names = rows, cols
    order = uncrossed(mass)
    tall = _new_height(max(map(len, order)))
    ax = _new_axes(tall) if ax is None else ax
    palette = _palette([names[0][k] for k in order[0]], [names[1][j] for j in order[1]], colors or {})
    room = _room(ax)
    left = _stack(mass.sum(axis=1), order[0], room)
    right = _stack(mass.sum(axis=0), order[1], room)
    thin = (mass > 0) & (mass < least)
    _draw_bands(ax, np.where(thin, 0.0, mass), order, left, right, [palette[name] for name in rows])
    _draw_rests(ax, mass * thin, np.where(thin, 0.0, mass), order, left, right)
    for side, (places, sums, words) in enumerate(zip((left, right), (mass.sum(1), mass.sum(0)), names, strict=True)):
        _draw_bars(ax, side, places, sums, words, palette)
    top = max(_top(left, mass.sum(1)), _top(right, mass.sum(0)))
    for x, title, align in ((-_BAR, sides[0], "right"), (1 + _BAR, sides[1], "left")):
        ax.text(x, -0.03 * top, title, ha=align, va="bottom", fontsize=11, fontweight="bold")
    ax.set(xlim=(-_BAR, 1 + _BAR), ylim=(top, -0.03 * top), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def flow_heatmap(
    flows: Any,
    *,
    source: Sequence[str] | None = None,
    target: Sequence[str] | None = None,
    ax: Axes | None = None,
    **imshow: Any,
) -> Axes:
    """Draw flows as a table, groups of the source down and of the target across, with their mass in percent.

    Parameters
    ----------
    flows, source, target, ax
        As in `alluvial`.
    **imshow
        Options of matplotlib's ``imshow``.
    """
    mass, rows, cols = _checked(flows, source, target)
    ax = draw_masses(mass, rows, cols, ax, imshow)
    ax.set(xlabel="target", ylabel="source")
    return ax


def uncrossed(
    flows: Float[np.ndarray, "k l"], *, sweeps: int = 40
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " l"]]:
    """Orders of rows and columns that make the bands of a flow cross little: ``sum w_kl w_k'l'`` over crossing pairs.

    Rows and columns without mass come last. The rule is that of Sugiyama, Tagawa and Toda (IEEE Trans. Systems Man
    Cybern. 11, 1981), from several starts.

    Examples
    --------
    >>> flows = np.eye(3)[[2, 0, 1]]
    >>> rows, cols = uncrossed(flows)
    >>> flows[np.ix_(rows, cols)].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    k, l = flows.shape  # noqa: E741 (the letters of the house: k, l components)
    starts = [
        np.arange(k),
        np.argsort(-flows.sum(axis=1), kind="stable"),
        np.argsort(flows @ np.arange(l), kind="stable"),
    ]
    best: tuple[float, Any, Any] = (np.inf, None, None)
    for rows in starts:
        cols = _by_place(flows.T, rows)
        # By turns each side is sorted by the mean place of the mass it is joined to.
        for _ in range(sweeps):
            again = _by_place(flows, cols)
            if (again == rows).all():
                break
            rows, cols = again, _by_place(flows.T, again)
        # Neighbors are exchanged as long as that helps: sorting stops where two have the same place.
        rows, cols = _exchange(flows, rows, cols)
        crossing = _crossing(flows[np.ix_(rows, cols)])
        if crossing < best[0]:
            best = crossing, rows, cols
    return best[1], best[2]


def _by_place(flows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Rows sorted by the mean place of their mass along the ordered columns; those without mass last."""
    middle = np.empty(len(order))
    sums = flows.sum(axis=0)[order]
    middle[order] = np.cumsum(sums) - sums / 2
    mass = flows.sum(axis=1)
    place = np.divide(flows @ middle, mass, out=np.full(len(mass), np.inf), where=mass > 0)
    return np.argsort(place, kind="stable")


def _crossing(flows: np.ndarray) -> float:
    """Sum of the products of all pairs of masses whose bands cross."""
    after = np.cumsum(flows[::-1], axis=0)[::-1] - flows  # mass of later rows, by column
    before = np.cumsum(after, axis=1) - after  # of those, in earlier columns
    return float((flows * before).sum())


def _exchange(flows: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exchange neighbors, on both sides, while that lowers the crossing."""
    rows, cols = rows.copy(), cols.copy()
    better = True
    while better:
        better = False
        for order, other, table in ((rows, cols, flows), (cols, rows, flows.T)):
            for i in range(len(order) - 1):
                upper, lower = table[order[i], other], table[order[i + 1], other]
                now = (upper * (np.cumsum(lower) - lower)).sum()
                then = (lower * (np.cumsum(upper) - upper)).sum()
                if then < now * (1 - 1e-12) - 1e-300:
                    order[[i, i + 1]] = order[[i + 1, i]]
                    better = True
    return rows, cols


def _checked(flows: Any, source: Sequence[str] | None, target: Sequence[str] | None) -> Any:
    """Flows that sum to one, and the names of both sides; groups without any mass stay."""
    rows, cols = (getattr(flows, name, None) for name in ("index", "columns"))
    mass = as_floats(flows.to_numpy() if hasattr(flows, "to_numpy") else flows, "flows")
    if mass.ndim != 2 or not mass.size:
        raise InputError(f"flows must be a table of shape (k, l), got shape {mass.shape}")
    if not (np.isfinite(mass).all() and (mass >= 0).all() and mass.any()):
        raise InputError("flows must be finite, not negative and not all zero")
    lists = []
    for given, held, size, side in ((source, rows, mass.shape[0], "source"), (target, cols, mass.shape[1], "target")):
        words = [str(word) for word in (given if given is not None else held if held is not None else range(size))]
        if len(words) != size:
            raise InputError(f"{side} must name the {size} groups of that side, got {len(words)} names")
        lists.append(words)
    return mass / mass.sum(), lists[0], lists[1]


def _palette(rows: Sequence[str], cols: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """A color for each name; what is not given gets colors that are far apart, the same on both sides."""
    from matplotlib.colors import hsv_to_rgb, to_hex

    names = list(dict.fromkeys([*rows, *cols]))
    missing = [name for name in names if name not in given]
    made = list(COLORS)
    if len(missing) > len(COLORS):  # around the color circle, light and dark by turns so that neighbors differ
        tones = [(j / len(missing), 0.75 - 0.2 * (j % 2), 0.9 - 0.25 * (j % 3 == 1)) for j in range(len(missing))]
        made = [to_hex(tuple(hsv_to_rgb(tone).tolist())) for tone in tones]
    return {**{str(name): color for name, color in given.items()}, **dict(zip(missing, made, strict=False))}


def _new_height(groups: int) -> float:
    return float(np.clip(0.32 * groups + 1.2, 3.2, 12.0))


def _new_axes(height: float) -> Axes:
    plt = require("matplotlib.pyplot", "plot", "drawing figures")
    return plt.subplots(figsize=(7.6, height), layout="constrained")[1]


def _room(ax: Axes) -> float:
    """Height of a name relative to that of the Axes."""
    height = ax.get_window_extent().height / ax.figure.dpi
    return min(0.16 / max(height, 0.5), 0.1)


def _stack(sums: np.ndarray, order: np.ndarray, room: float) -> np.ndarray:
    """Upper ends of the bars, downwards; a bar thinner than its name gets a wider gap."""
    places = np.empty(len(sums))
    at = 0.0
    for before, group in zip([None, *order[:-1]], order, strict=True):
        if before is not None:
            at += max(_GAP, room - (sums[before] + sums[group]) / 2)
        places[group] = at
        at += sums[group]
    return places


def _top(places: np.ndarray, sums: np.ndarray) -> float:
    return float((places + sums).max())


def _draw_bands(ax: Axes, mass: np.ndarray, order: Any, left: np.ndarray, right: np.ndarray, colors: list[str]) -> None:
    """One band for each flow; inside a bar bands stand in the order of their other ends."""
    starts, ends = left.copy(), right.copy()
    begin, finish = np.zeros_like(mass), np.zeros_like(mass)
    for k in order[0]:
        for j in order[1]:
            begin[k, j] = starts[k]
            starts[k] += mass[k, j]
            finish[k, j] = ends[j]
            ends[j] += mass[k, j]
    t = np.linspace(0, 1, 60)
    bend = t * t * (3 - 2 * t)  # level at both ends, so that a band leaves its bar at a right angle
    # The heaviest first: thin bands stay visible above them.
    for k, j in sorted(zip(*np.nonzero(mass), strict=True), key=lambda pair: -mass[pair]):
        upper = begin[k, j] + bend * (finish[k, j] - begin[k, j])
        ax.fill_between(t, upper, upper + mass[k, j], facecolor=colors[k], alpha=0.55, edgecolor="white", linewidth=0.4)


def _draw_rests(ax: Axes, thin: np.ndarray, mass: np.ndarray, order: Any, left: np.ndarray, right: np.ndarray) -> None:
    """What thin bands carry, merged into one short grey band at each bar."""
    t = np.linspace(0, 0.09, 20)
    fade = (1 - t / t[-1]) ** 2
    for side, (places, rest, used) in enumerate(((left, thin.sum(1), mass.sum(1)), (right, thin.sum(0), mass.sum(0)))):
        for group in np.flatnonzero(rest > 0):
            middle = places[group] + used[group] + rest[group] / 2
            x = t if side == 0 else 1 - t
            half = rest[group] / 2 * fade
            ax.fill_between(x, middle - half, middle + half, facecolor=_REST, alpha=0.9, linewidth=0)


def _draw_bars(
    ax: Axes, side: int, places: np.ndarray, sums: np.ndarray, names: list[str], palette: dict[str, str]
) -> None:
    from matplotlib.patches import Rectangle

    for place, total, name in zip(places, sums, names, strict=True):
        x = -_BAR if side == 0 else 1.0
        ax.add_patch(Rectangle((x, place), _BAR, total, facecolor=palette[name], edgecolor="white", linewidth=0.4))
        text = f"{name}  {_percent(total)}"
        at = (-_BAR - 0.015, "right") if side == 0 else (1 + _BAR + 0.015, "left")
        ax.text(at[0], place + total / 2, text, ha=at[1], va="center", fontsize=9)


def _percent(share: float) -> str:
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %" if value >= 0.05 or value == 0 else "< 0.1 %"
