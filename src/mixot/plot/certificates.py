"""The figure of a certificate: the function whose supremum is proven, and the numbers of components it excludes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.extras import require
from mixot.inference.certificate import Certificate
from mixot.inference.gradient import mixing_gradient
from mixot.measures import Samples, as_measure
from mixot.plot.canvas import COLORS, label_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PLACES = {1: 600, 2: 120}  # along each axis, where D is drawn
_AT_ONCE = 2_000_000  # values of the kernel


def certificate(
    proof: Certificate, data: Any, *, more: int = 4, axes: Sequence[Axes] | np.ndarray | None = None
) -> np.ndarray:
    """Draw a certificate and the data it is of into two Axes, and return them.

    On the left D(m), what mass at m would do to the likelihood of the best mixture above the floor, on the line or in
    the plane (in space its values along the first coordinate, at the points), with the supremum that is proven. On the
    right, for ``more`` numbers of components than the fit has, what they would have to gain to be as good by the
    criterion, beside what any mixture can gain; those that would need more are excluded.
    """
    points = as_measure(data)
    if not isinstance(points, Samples) or points.dim != proof.dim:
        raise InputError(f"data must be the points that were certified, in dimension {proof.dim}")
    if axes is None:
        plt = require("matplotlib.pyplot", "plot", "drawing figures")
        axes = plt.subplots(1, 2, figsize=(9.2, 3.9), layout="constrained")[1]
    panels = np.asarray(axes, dtype=object).ravel()
    if len(panels) != 2:
        raise InputError(f"a certificate is drawn into two Axes, got {len(panels)}")
    draw = {1: _on_the_line, 2: _in_the_plane, 3: _in_space}[proof.dim]
    draw(proof, points, panels[0])
    _rivals(proof, more, panels[1])
    return panels


def _values(proof: Certificate, points: Samples, places: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " k"]:
    step = max(_AT_ONCE // len(points), 1)
    parts = [mixing_gradient(proof, points, places[at : at + step]) for at in range(0, len(places), step)]
    return np.concatenate(parts)


def _title(proof: Certificate) -> str:
    excess = np.expm1(proof.gap / proof.observations)
    return f"proven: D is nowhere above 1 + {excess:.1g}"


def _on_the_line(proof: Certificate, points: Samples, ax: Axes) -> None:
    x = points.points[:, 0].astype(np.float64)
    low, high = float(x.min()), float(x.max())
    margin = 0.1 * (high - low) if proof.floors is not None else 0.0
    start = low - margin if proof.floors is not None else low + 1e-6 * (high - low)
    stop = high + margin if proof.floors is not None else high - 1e-6 * (high - low)
    m = np.linspace(start, stop, _PLACES[1])
    ax.axhline(np.exp(proof.gap / proof.observations), color=COLORS[1], linewidth=1.2, label="proven supremum")
    ax.plot(m, _values(proof, points, m[:, None]), color=COLORS[0], linewidth=1.6, label="D(m)")
    assert proof.reference is not None
    atoms = proof.reference.components.mean()[:, 0]
    inside = (atoms >= start) & (atoms <= stop)
    ax.plot(
        atoms[inside], np.ones(int(inside.sum())), "o", color=COLORS[0], markersize=4.5, label="atoms of the best law"
    )
    ax.set(xlabel=points.columns[0] if points.columns else "m", ylabel="D(m)", title=_title(proof))
    ax.set_ylim(0, 1.15)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower center")


def _in_the_plane(proof: Certificate, points: Samples, ax: Axes) -> None:
    x = points.points.astype(np.float64)
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * (high - low) + 1e-300
    edges = [np.linspace(a, b, _PLACES[2]) for a, b in zip(low - margin, high + margin, strict=True)]
    places = np.stack(np.meshgrid(*edges, indexing="xy"), axis=-1).reshape(-1, 2)
    values = _values(proof, points, places).reshape(_PLACES[2], _PLACES[2])
    image = ax.pcolormesh(*edges, values, cmap="viridis", vmin=0, vmax=1, shading="nearest", rasterized=True)
    ax.figure.colorbar(image, ax=ax, label="D(m)", shrink=0.9)
    assert proof.reference is not None
    atoms = proof.reference.components.mean()
    size = 4 + 60 * proof.reference.weights
    ax.scatter(*atoms.T, s=size, facecolors="none", edgecolors=COLORS[1], linewidths=1.1)
    label_axes(ax, 2, points.columns)
    ax.set_title(_title(proof))


def _in_space(proof: Certificate, points: Samples, ax: Axes) -> None:
    x = points.points.astype(np.float64)
    some = x[:: max(len(x) // 2000, 1)]
    ax.axhline(np.exp(proof.gap / proof.observations), color=COLORS[1], linewidth=1.2, label="proven supremum")
    ax.plot(some[:, 0], _values(proof, points, some), ".", color=COLORS[0], markersize=3, label="D at the points")
    name = points.columns[0] if points.columns else "first coordinate"
    ax.set(xlabel=name, ylabel="D(m)", title=_title(proof))
    ax.set_ylim(0, 1.15)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower center")


def _rivals(proof: Certificate, more: int, ax: Axes) -> None:
    rivals = proof.rivals(max(more, proof.k_max + 1 - proof.k))[1:]
    colors = [COLORS[2] if rival.excluded else "0.7" for rival in rivals]
    bars = ax.bar([rival.k for rival in rivals], [rival.needed for rival in rivals], color=colors, width=0.7)
    for bar, rival in zip(bars, rivals, strict=True):
        word = "excluded" if rival.excluded else "possible"
        ax.annotate(
            f"{word}\n{proof.criterion.upper()} ≥ {rival.criterion:.3f}",
            (bar.get_x() + bar.get_width() / 2, bar.get_height()),
            ha="center",
            va="bottom",
            fontsize=7.5,
            xytext=(0, 2),
            textcoords="offset points",
        )
    gain = max(proof.gain, 0.0)
    ax.axhline(gain, color=COLORS[1], linewidth=1.4, label=f"any mixture gains at most {gain:.3g}")
    ax.set_ylim(0, 1.22 * max(gain, rivals[-1].needed))
    ax.set_xticks([rival.k for rival in rivals])
    own = f"{proof.criterion.upper()} {proof.rivals(0)[0].criterion:.3f} per row"
    ax.set(xlabel="components", ylabel=f"nats needed (the fit: {own})", title=_verdict(proof))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left")


def _verdict(proof: Certificate) -> str:
    if proof.k_max == proof.k:
        return f"{proof.k} components: all larger numbers excluded"
    return f"{proof.k} components: more than {proof.k_max} excluded"
