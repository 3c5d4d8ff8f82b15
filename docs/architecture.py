"""Draw the rooms of mixot: a box for each, a row for each layer, and an arrow from each room to those it stands on.

``python docs/architecture.py rooms.svg`` reads the arrows from the sources, so that the drawing is what the code is.
An arrow that follows from others is left out: who stands on the verbs stands on all that the verbs stand on.
"""

import sys
import textwrap
from dataclasses import dataclass
from itertools import pairwise, permutations, product
from pathlib import Path

import matplotlib.pyplot as plt
from import_graph import ROOT, arrows, between_children, layers, modules, reachable
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

WIDTH, HEIGHT, GAP, STEP = 2.5, 1.1, 0.3, 1.6  # of a box, between boxes, between rows
SCALE = 0.72  # inches
BENEATH = ("errors", "extras", "threads")  # and private files: all stand on these, their arrows would say nothing
COLORS = ("#f3e3d3", "#e6e9f2", "#e3efe6", "#f2eee0")


@dataclass(frozen=True)
class Bend:
    """A place in a row where an arrow between rooms further apart passes."""

    source: str
    target: str
    row: int


Node = str | Bend
Rows = list[list[Node]]


def rooms() -> tuple[list[list[str]], dict[str, set[str]]]:
    """The rows of rooms, top first, and the arrows between them that do not follow from others."""
    found = between_children("mixot", arrows(modules()))
    short = {
        source.removeprefix("mixot."): {target.removeprefix("mixot.") for target in targets}
        for source, targets in found.items()
    }
    rows = [[name for name in row if not beneath(name)] for row in layers()]
    shown = {name for row in rows for name in row}
    kept = {name: short.get(name, set()) & shown for name in shown}
    return [row for row in rows if row], {name: direct(name, kept) for name in sorted(kept)}


def beneath(name: str) -> bool:
    """Whether a module is one that all others use, and not drawn as a room."""
    return name in BENEATH or (name.startswith("_") and name != "_native")


def direct(name: str, found: dict[str, set[str]]) -> set[str]:
    """The rooms that ``name`` stands on, but those which others of them stand on."""
    implied: set[str] = set().union(*(reachable(target, found) for target in found[name]))
    return found[name] - implied


def with_bends(rows: list[list[str]], found: dict[str, set[str]]) -> tuple[Rows, list[tuple[Node, Node]]]:
    """The rows with a bend wherever an arrow crosses one, and the arrows from row to row."""
    row_of = {name: i for i, row in enumerate(rows) for name in row}
    longer: Rows = [list(row) for row in rows]
    pieces: list[tuple[Node, Node]] = []
    for source, targets in found.items():
        for target in sorted(targets):
            bends = [Bend(source, target, i) for i in range(row_of[source] + 1, row_of[target])]
            for bend in bends:
                longer[bend.row].append(bend)
            pieces += pairwise([source, *bends, target])
    return longer, pieces


def in_order(rows: Rows, pieces: list[tuple[Node, Node]], sweeps: int = 6) -> Rows:
    """The same rows, each in an order in which few arrows cross; neighbours within a row come to stand side by side."""
    rows = [list(row) for row in rows]
    for i in [*range(len(rows)), *reversed(range(len(rows)))] * sweeps:
        place = {node: j - len(row) / 2 for row in rows for j, node in enumerate(row)}
        outside = [(a, b) for a, b in pieces if (a in rows[i]) != (b in rows[i])]
        inside = [(a, b) for a, b in pieces if a in rows[i] and b in rows[i]]
        rows[i] = list(min(permutations(rows[i]), key=lambda order: badness(order, outside, inside, place)))
    return rows


def badness(order: tuple[Node, ...], outside: list, inside: list, place: dict[Node, float]) -> tuple[float, float]:
    """How many arrows cross under an order of a row, and how far they lean."""
    at = {node: j - len(order) / 2 for j, node in enumerate(order)}
    ends = [(at[a], place[b], 1) if a in at else (at[b], place[a], 0) for a, b in outside]
    crossed = sum((x - u) * (y - v) < 0 for (x, y, s), (u, v, t) in product(ends, ends) if s == t) / 2
    apart = sum(abs(at[a] - at[b]) - 1 for a, b in inside)
    return crossed + 3 * apart, sum((x - y) ** 2 for x, y, _ in ends)


def positions(rows: Rows, pieces: list[tuple[Node, Node]], rounds: int = 60) -> dict[Node, float]:
    """Where each node stands from left to right: near those it is joined to, none over another."""
    near: dict[Node, list[Node]] = {node: [] for row in rows for node in row}
    for a, b in pieces:
        near[a].append(b)
        near[b].append(a)
    x = {node: j * (WIDTH + GAP) - len(row) * (WIDTH + GAP) / 2 for row in rows for j, node in enumerate(row)}
    for _ in range(rounds):
        for row in rows:
            # Drawn to the middle a little, so that the whole stays narrow.
            wanted = [0.7 * sum(x[other] for other in near[node]) / max(len(near[node]), 1) for node in row]
            x |= zip(row, apart(wanted, [half_width(node) for node in row]), strict=True)
    return x


def half_width(node: Node) -> float:
    """Half of what a node takes in its row."""
    return (0.1 if isinstance(node, Bend) else WIDTH) / 2


def apart(wanted: list[float], halves: list[float]) -> list[float]:
    """Places in the given order, far enough from each other: the mean of pushing to the right and to the left."""
    right, left = list(wanted), list(wanted)
    least = [a + b + GAP for a, b in pairwise(halves)]
    for i, space in enumerate(least):
        right[i + 1] = max(right[i + 1], right[i] + space)
    for i, space in reversed(list(enumerate(least))):
        left[i] = min(left[i], left[i + 1] - space)
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def inner_rooms(name: str) -> list[str]:
    """The folders inside a room; of the compiled loops, those of the C++ sources."""
    folder = ROOT / "native" if name == "_native" else ROOT / "src" / "mixot" / name
    return sorted(each.name for each in folder.glob("*/") if any(each.glob("*.[pch]*")))


def draw(path: Path) -> None:
    """Write the drawing."""
    names, found = rooms()
    rows, pieces = with_bends(names, found)
    rows = in_order(rows, pieces)
    x = positions(rows, pieces)
    y: dict[Node, float] = {node: -i * STEP for i, row in enumerate(rows) for node in row}
    left, right = min(x.values()) - WIDTH / 2, max(x.values()) + WIDTH / 2
    top, ground = HEIGHT / 2, -len(rows) * STEP
    figure, ax = plt.subplots(figsize=(SCALE * (right - left + 0.4), SCALE * (top - ground + 0.6)))
    for source, targets in found.items():
        for target in targets:
            between = [node for row in rows for node in row if isinstance(node, Bend)]
            through = [node for node in between if (node.source, node.target) == (source, target)]
            draw_arrow(ax, [(x[node], y[node]) for node in (source, *through, target)])
    for i, row in enumerate(rows):
        for node in row:
            if isinstance(node, str):
                draw_room(ax, node, x[node], y[node], COLORS[i % len(COLORS)])
    words = "beneath all: " + "  ".join(name for row in layers() for name in row if beneath(name) and "__" not in name)
    ax.add_patch(
        FancyBboxPatch((left, ground - 0.18), right - left, 0.5, boxstyle="round,pad=0.06", fc="#eee", ec="#999")
    )
    ax.text((left + right) / 2, ground + 0.07, words, ha="center", va="center", fontsize=9)
    ax.set(xlim=(left - 0.2, right + 0.2), ylim=(ground - 0.4, top + 0.2))
    ax.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    with plt.rc_context({"svg.fonttype": "none"}):  # names stay text, which can be searched and read out
        figure.savefig(path)
    plt.close(figure)


def draw_room(ax: Axes, name: str, x: float, y: float, color: str) -> None:
    """A box with the name of a room, and the rooms inside."""
    corner = x - WIDTH / 2, y - HEIGHT / 2
    ax.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=.08", fc=color, ec="#555"))
    inside = textwrap.wrap(", ".join(inner_rooms(name)), 34)
    title = "native (C++)" if name == "_native" else name
    ax.text(x, y + (0.29 if inside else 0), title, ha="center", va="center", fontsize=11, weight="bold")
    ax.text(x, y + 0.1, "\n".join(inside), ha="center", va="top", fontsize=7, color="#333")


def draw_arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    """An arrow from the edge of the first box to that of the last, upright where it passes a row."""
    (x, y), (u, v) = points[0], points[-1]
    if y == v:
        side = WIDTH / 2 if u > x else -WIDTH / 2
        curve = Curve([(x + side, y), (u - side, v)], [Curve.MOVETO, Curve.LINETO])
    else:
        corners, codes = [(x, y - HEIGHT / 2)], [Curve.MOVETO]
        for (a, b), (c, d) in pairwise(points):
            above, below = b - HEIGHT / 2, d + HEIGHT / 2
            middle = (above + below) / 2
            corners += [(a, middle), (c, middle), (c, below)]
            codes += [Curve.CURVE4] * 3
            if (c, d) != points[-1]:
                corners.append((c, d - HEIGHT / 2))
                codes.append(Curve.LINETO)
        curve = Curve(corners, codes)
    style = "->,head_length=4,head_width=2.4"
    ax.add_patch(FancyArrowPatch(path=curve, arrowstyle=style, color="#555", lw=1.2, fill=False, zorder=0))


if __name__ == "__main__":
    sys.exit(draw(Path(sys.argv[1])))
