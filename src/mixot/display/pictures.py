"""What is drawn of each result: densities, ellipses, a coupling, an interval, and numbers of components."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mixot.display.rounding import at_least, at_most
from mixot.display.svg import COLORS, WIDTH, Drawing
from mixot.errors import MixotError

if TYPE_CHECKING:
    from mixot.inference.certificate import Certificate
    from mixot.mixture import Mixture
    from mixot.results import Interval, Plan

_CURVE = 140  # points of a curve
_BARS = 60  # whole numbers that are drawn one by one
_COMPONENTS = 30  # that are drawn, the heaviest
_CELLS = 30  # rows and columns of a coupling; more are added up
_REACH = 3.5  # standard deviations on each side of a mean


def mixture_picture(mixture: Mixture, title: str, others: Sequence[Mixture] = ()) -> str:
    """The density on the line, or the ellipses of the components in two coordinates; ``others`` stand behind.

    Where moments exceed floating point, it says so.
    """
    try:
        return _on_line(mixture, title, others) if mixture.dim == 1 else _in_plane(mixture, title, others)
    except MixotError as why:
        return f'<p role="note">nothing is drawn: {escape(str(why))}</p>'


def coupling_picture(plan: Plan, title: str) -> str:
    """The masses of a coupling, source down and target across; of many, the sums of neighbors."""
    mass = plan.coupling
    for axis in (0, 1):
        if mass.shape[axis] > _CELLS:
            first = np.linspace(0, mass.shape[axis], _CELLS, endpoint=False).astype(int)
            mass = np.add.reduceat(mass, first, axis=axis)
    k, l = mass.shape  # noqa: E741
    drawing = Drawing((0.0, float(l)), (0.0, float(k)), title, down=True, ticks="")
    drawing.cells(mass / max(float(mass.max()), 1e-300), COLORS[0])
    drawing.names(f"target ({plan.coupling.shape[1]})", f"source ({plan.coupling.shape[0]})")
    return str(drawing)


def interval_picture(interval: Interval, title: str) -> str:
    """The interval on the line from zero."""
    top = interval.upper if np.isfinite(interval.upper) else 2 * max(interval.lower, 1.0)
    drawing = Drawing((0.0, 1.15 * top), (0.0, 1.0), title, ticks="x")
    drawing.box((0.0, interval.lower), (0.4, 0.6), "currentColor", 0.1, line=False)
    drawing.box((interval.lower, max(top, interval.lower)), (0.35, 0.65), COLORS[0], 0.6, line=True)
    drawing.letters(max(interval.lower, 0.3 * top), 0.75, f"at least {at_least(interval.lower, 5)}", "end")
    drawing.letters(top, 0.18, f"at most {at_most(interval.upper, 5)}", "end")
    return str(drawing)


def certificate_picture(proof: Certificate, title: str, most: int = 10) -> str:
    """What each number of components would have to gain, as a bar, and the most that any could, as a line."""
    rivals = proof.rivals()[1:]
    shown = rivals if len(rivals) <= most else (*rivals[: most - 1], rivals[-1])
    top = 1.1 * max(proof.gain, *(rival.needed for rival in shown), 1e-9)
    drawing = Drawing((0.4, len(shown) + 0.6), (0.0, top), title, ticks="y")
    for at, rival in enumerate(shown, start=1):
        color, fill = (COLORS[1], 0.55) if rival.excluded else (COLORS[2], 0.0)
        drawing.box((at - 0.35, at + 0.35), (0.0, max(rival.needed, 0.0)), color, fill, line=True)
        drawing.letters(float(at), None, str(rival.k), "middle", 12.0)
    level = np.full(2, max(proof.gain, 0.0))
    drawing.curve(np.array([0.4, len(shown) + 0.6]), level, "currentColor", 2.0)
    drawing.names("number of components", "nats")
    return str(drawing)


def palette_picture(colors: Sequence[tuple[str, float]], title: str) -> str:
    """Colors, by their codes, side by side, as wide as their shares."""
    ends = WIDTH * np.cumsum([0.0, *(share for _, share in colors)]) / sum(share for _, share in colors)
    bars = "".join(
        f'<rect x="{left:.1f}" width="{right - left:.1f}" height="80" fill="{code}"/>'
        for (code, _), left, right in zip(colors, ends[:-1], ends[1:], strict=True)
    )
    name = escape(title, quote=True)
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} 80" width="{WIDTH}" height="80" aria-label="{name}" '
        f'style="max-width:100%;height:auto"><title>{escape(title)}</title>{bars}</svg>'
    )


def _on_line(mixture: Mixture, title: str, others: Sequence[Mixture]) -> str:
    x = _grid((mixture, *others))
    parts = {int(j): mixture.weights[j] * _density(mixture, x, int(j)) for j in heaviest(mixture)}
    whole = sum(parts.values(), start=np.zeros(len(x)))
    behind = [_whole_density(other, x) for other in others]
    top = max(float(each.max()) for each in (whole, *behind))
    drawing = Drawing((float(x[0]), float(x[-1])), (0.0, 1.05 * top if top > 0 else 1.0), title)
    for each in behind:
        drawing.curve(x, each, "currentColor", 1.0, opacity=0.5)
    drawing.area(x, whole, "currentColor", 0.08)
    for place, part in enumerate(parts.values()):
        if len(parts) > 1:
            drawing.curve(x, part, COLORS[place % len(COLORS)])
    drawing.curve(x, whole, "currentColor", 1.8)
    for j in np.flatnonzero((mixture.components.rank() < 1) & (mixture.weights > 0)):  # atoms have no density
        at = np.full(2, mixture.components.mean()[j, 0])
        drawing.curve(at, np.array([0.0, drawing.y[1] * mixture.weights[j]]), COLORS[0], 2.5)
    drawing.names(name_of(mixture, 0), "mass" if mixture.components.discrete else "density")
    return str(drawing)


def _grid(mixtures: Sequence[Mixture]) -> np.ndarray:
    """Points that show where mixtures on the line have mass; whole numbers where they live on these."""
    low, high = np.array([_ends(mixture) for mixture in mixtures]).T
    low, high = low.min(), high.max()
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    if all(mixture.components.discrete for mixture in mixtures):
        low, high = max(np.floor(low), 0.0), np.ceil(high)
        return np.arange(low, high + 1, max(1, np.ceil((high - low) / _BARS)))
    x = np.linspace(low, high, _CURVE)
    seen = np.zeros(_CURVE, dtype=bool)
    for mixture in mixtures:  # a law of positive numbers has nothing below zero
        density = _whole_density(mixture, x)
        seen |= density > 1e-5 * density.max()
    kept = np.flatnonzero(seen)
    return x if len(kept) < 2 else np.linspace(x[max(kept[0] - 1, 0)], x[min(kept[-1] + 1, _CURVE - 1)], _CURVE)


def _ends(mixture: Mixture) -> tuple[float, float]:
    mean, sd = mixture.components.mean()[:, 0], np.sqrt(mixture.components.cov()[:, 0, 0])
    shown = mixture.weights > 1e-3 / len(mixture)
    return float((mean - _REACH * sd)[shown].min()), float((mean + _REACH * sd)[shown].max())


def _whole_density(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    each = (mixture.weights[j] * _density(mixture, x, int(j)) for j in heaviest(mixture))
    return sum(each, start=np.zeros(len(x)))


def _density(mixture: Mixture, x: np.ndarray, j: int) -> np.ndarray:
    """Density of one component, zero where it has none; where it is infinite, the largest that is not."""
    law = mixture.components.take(np.array([j]))
    if law.rank()[0] < 1:
        return np.zeros(len(x))
    with np.errstate(all="ignore"):
        out = np.exp(law.log_prob(x[:, None])[:, 0])
    fine = np.isfinite(out)
    return np.where(fine, out, out[fine].max() if fine.any() else 0.0)


def _in_plane(mixture: Mixture, title: str, others: Sequence[Mixture]) -> str:
    axes = _telling_axes(mixture)
    laws = [(law, *_means_and_covs(law, axes)) for law in (*others, mixture)]
    spreads = [2.3 * np.sqrt(np.einsum("kii->ki", covs)) for _, _, covs in laws]
    low = np.min([(means - s).min(axis=0) for (_, means, _), s in zip(laws, spreads, strict=True)], axis=0)
    high = np.max([(means + s).max(axis=0) for (_, means, _), s in zip(laws, spreads, strict=True)], axis=0)
    drawing = Drawing((low[0], high[0]), (low[1], high[1]), title)
    for law, means, covs in laws:
        weights = law.weights[heaviest(law)]
        for place, (weight, mean, cov) in enumerate(zip(weights, means, covs, strict=True)):
            if law is mixture:
                drawing.ellipse(mean, cov, COLORS[place % len(COLORS)], 0.15 + 0.5 * float(weight / weights.max()))
            else:
                drawing.ellipse(mean, cov, "currentColor", 0.0, 0.45)
    drawing.names(name_of(mixture, axes[0]), name_of(mixture, axes[1]))
    return str(drawing)


def _means_and_covs(mixture: Mixture, axes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances of the heaviest components in two coordinates."""
    chosen, pair = heaviest(mixture), np.array(axes)
    means = mixture.components.mean()[chosen][:, pair]
    covs = mixture.components.cov()[chosen][:, pair[:, None], pair]
    return means, covs


def _telling_axes(mixture: Mixture) -> tuple[int, int]:
    """The two coordinates in which the means are farthest apart, by standard deviations of the whole."""
    if mixture.dim == 2:
        return 0, 1
    between = mixture.weights @ (mixture.components.mean() - mixture.mean()) ** 2
    with np.errstate(all="ignore"):
        share = np.nan_to_num(between / np.diagonal(mixture.cov()))
    one, other = sorted(np.argsort(-share, kind="stable")[:2].tolist())
    return one, other


def heaviest(mixture: Mixture) -> np.ndarray:
    """The components that are drawn, in their order."""
    order = np.argsort(-mixture.weights, kind="stable")[:_COMPONENTS]
    return np.sort(order[mixture.weights[order] > 0])


def name_of(mixture: Mixture, axis: int) -> str:
    """What a coordinate is called."""
    if mixture.columns is not None:
        return mixture.columns[axis]
    return "x" if mixture.dim == 1 else f"x{axis}"
