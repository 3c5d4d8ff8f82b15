"""A small drawing made by hand: a frame with ticks, into which curves, bars and ellipses are put.

Lines and letters have the color of the text around them, so that they are seen on light and on dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from mixot.display.rounding import short

# Each stands out from white and from black by three to one and more.
COLORS = ("#3b82c4", "#d1495b", "#2e9e6b", "#b7791f", "#8e63ce", "#1f9aa8")
WIDTH, HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 34
_LETTERS = 26  # of a name


class Drawing:
    """Marks over ranges of x and y, (low, high) each; y upwards unless ``down``."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], title: str, *, down: bool = False, ticks: str = "xy"
    ) -> None:
        self.x, self.y, self.title = _wide(*x), _wide(*y), title
        self.down = down
        self.parts = [
            f'<rect x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" height="{HEIGHT - _TOP - _BOTTOM}" '
            'fill="none" stroke="currentColor" stroke-opacity=".3"/>'
        ]
        if "x" in ticks:
            for value in round_numbers(*self.x):
                self.letters(value, None, short(value), "middle", 12.0)
        if "y" in ticks:
            for value in round_numbers(*self.y):
                self.letters(None, value, short(value), "end", 4.0)

    def place(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Where points stand on the drawing."""
        right = _LEFT + (np.asarray(x) - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - _LEFT - _RIGHT)
        up = (np.asarray(y) - self.y[0]) / (self.y[1] - self.y[0])
        down = _TOP + (up if self.down else 1 - up) * (HEIGHT - _TOP - _BOTTOM)
        return np.asarray(right), np.asarray(down)

    def letters(self, x: float | None, y: float | None, text: str, anchor: str, lower: float = 0.0) -> None:
        """Text at a point; at the axis where a coordinate is None."""
        at, down = self.place(self.x[0] if x is None else x, self.y[0] if y is None else y)
        at = at - 4 if x is None else at
        down = HEIGHT - _BOTTOM + lower if y is None else down + lower
        self.parts.append(
            f'<text x="{at:.1f}" y="{down:.1f}" font-size="10" text-anchor="{anchor}" fill="currentColor">'
            f"{escape(text)}</text>"
        )

    def names(self, x: str = "", y: str = "") -> None:
        """What the axes are called."""
        middle = (_LEFT + WIDTH - _RIGHT) / 2, (_TOP + HEIGHT - _BOTTOM) / 2
        style = 'font-size="11" text-anchor="middle" fill="currentColor"'
        self.parts.append(f'<text x="{middle[0]:.0f}" y="{HEIGHT - 6}" {style}>{escape(cut(x))}</text>')
        if y:
            turned = f'transform="translate(10 {middle[1]:.0f}) rotate(-90)"'
            self.parts.append(f"<text {turned} {style}>{escape(cut(y))}</text>")

    def curve(self, x: np.ndarray, y: np.ndarray, color: str, width: float = 1.5, *, opacity: float = 1.0) -> None:
        """A line through points."""
        self.parts.append(
            f'<path d="M{_through(*self.place(x, y))}" fill="none" stroke="{color}" stroke-width="{width:g}" '
            f'stroke-opacity="{opacity:g}"/>'
        )

    def area(self, x: np.ndarray, y: np.ndarray, color: str, opacity: float) -> None:
        """What lies between points and zero."""
        x, y = np.concatenate([x[:1], x, x[-1:]]), np.concatenate([[0.0], y, [0.0]])
        self.parts.append(f'<path d="M{_through(*self.place(x, y))}Z" fill="{color}" fill-opacity="{opacity:g}"/>')

    def box(self, x: tuple[float, float], y: tuple[float, float], color: str, opacity: float, *, line: bool) -> None:
        """A rectangle between two corners, with an outline if ``line``."""
        (left, right), (one, other) = self.place(np.array(x), np.array(y))
        self.parts.append(
            f'<rect x="{left:.1f}" y="{min(one, other):.1f}" width="{right - left:.1f}" '
            f'height="{abs(other - one):.1f}" fill="{color}" fill-opacity="{opacity:g}"'
            + (f' stroke="{color}"/>' if line else "/>")
        )

    def ellipse(self, mean: np.ndarray, cov: np.ndarray, color: str, fill: float, opacity: float = 1.0) -> None:
        """One standard deviation of a law in the plane, filled, and two, as a line."""
        unit = np.array(
            [(WIDTH - _LEFT - _RIGHT) / (self.x[1] - self.x[0]), -(HEIGHT - _TOP - _BOTTOM) / (self.y[1] - self.y[0])]
        )
        values, vectors = np.linalg.eigh(cov * np.outer(unit, unit))
        a, b = np.sqrt(np.maximum(values[::-1], 0.25))  # a flat law is a line of half a pixel
        turn = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        at, down = self.place(mean[0], mean[1])
        where = f'transform="translate({at:.1f} {down:.1f}) rotate({turn:.1f})"'
        self.parts.append(
            f'<g {where} stroke="{color}" fill="{color}" stroke-opacity="{opacity:g}">'
            f'<ellipse rx="{a:.1f}" ry="{b:.1f}" fill-opacity="{fill:.2f}" stroke="none"/>'
            f'<ellipse rx="{2 * a:.1f}" ry="{2 * b:.1f}" fill="none"/></g>'
        )

    def cells(self, values: np.ndarray, color: str, levels: int = 8) -> None:
        """A matrix of numbers from 0 to 1 as squares between 0 and its numbers of columns and rows."""
        rows, columns = values.shape
        right, down = (
            self.place(np.arange(columns + 1.0), np.zeros(columns + 1))[0],
            self.place(np.zeros(rows + 1), np.arange(rows + 1.0))[1],
        )
        steps = np.ceil(np.clip(values, 0, 1) * levels - 1e-9).astype(int)
        for step in range(1, levels + 1):
            squares = "".join(
                f"M{right[j]:.1f} {down[i]:.1f}H{right[j + 1]:.1f}V{down[i + 1]:.1f}H{right[j]:.1f}Z"
                for i, j in np.argwhere(steps == step)
            )
            if squares:
                self.parts.append(f'<path d="{squares}" fill="{color}" fill-opacity="{step / levels:g}"/>')

    def __str__(self) -> str:
        return (
            f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            f'aria-label="{escape(self.title, quote=True)}" style="max-width:100%;height:auto" '
            f'font-family="system-ui,sans-serif"><title>{escape(self.title)}</title>{"".join(self.parts)}</svg>'
        )


def cut(name: str) -> str:
    """A name that fits beside an axis.

    Examples
    --------
    >>> cut("waiting"), cut("a name that is longer than an axis")
    ('waiting', 'a name that is longer tha…')
    """
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def round_numbers(low: float, high: float, most: int = 5) -> Sequence[float]:
    """Round numbers between two, a few of them.

    Examples
    --------
    >>> round_numbers(0.0, 10.0), round_numbers(-3.2, 7.1)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [0.0, 5.0])
    """
    size = 10 ** np.floor(np.log10((high - low) / most))
    step = next(size * each for each in (1, 2, 5, 10) if (high - low) / (size * each) <= most + 1e-9)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return (np.arange(first, last + 1) * step + 0.0).tolist() if abs(last) < 1e6 else [low, high]


def _through(x: np.ndarray, y: np.ndarray) -> str:
    return "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _wide(low: float, high: float) -> tuple[float, float]:
    """A range that is one: two floats that differ by more than rounding."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    least = max(abs(low), abs(high), 1e-300) * 1e-9
    return (
        (low, high)
        if high - low > least
        else (low - max(least, 0.5 * abs(low), 1e-300), high + max(least, 0.5 * abs(high), 1e-300))
    )
