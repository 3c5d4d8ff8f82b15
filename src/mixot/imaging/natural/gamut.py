"""Colors brought softly into what a screen can show."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Bool, Float
from mixot.formulas.oklab import oklab_to_linear

_KNEE = 0.85  # share of the chroma that a screen can show, from where it is compressed
_SLACK = 1e-4  # of light: what rounding does to the borders
_HALVINGS = 12


def knee(value: np.ndarray, top: np.ndarray | float, start: np.ndarray | float) -> np.ndarray:
    """The value up to ``start``, and from there smoothly below ``top``: ``start + d tanh((value - start) / d)``."""
    room = np.maximum(np.asarray(top - start), 1e-6)
    return np.where(value > start, start + room * np.tanh(np.maximum(value - start, 0) / room), value)


def bent_lightness(lightness: Float[np.ndarray, " n"], limits: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """Lightness that stays within the limits (a little beyond them), bent over the last eighth of the range."""
    low, high = limits
    bend = 0.12 * (high - low)
    below = knee(lightness, min(high + 0.02, 1.0), high - bend)
    return -knee(-below, -max(low - 0.02, 0.0), -(low + bend))


def into_gamut(colors: Float[np.ndarray, "n 3"], softly: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Return the colors of Oklab moved towards grey until sRGB shows them.

    From 85 % of the chroma that can be shown on it is compressed, where ``softly`` is 1; where it is 0, and near the
    greys, it is only cut. Lightness stays: what is brighter in the picture stays brighter.
    """
    out = colors.copy()
    out[:, 0] = np.clip(out[:, 0], 0.0, 1.0)
    anchor = np.zeros_like(out)
    anchor[:, 0] = out[:, 0]  # an anchor below it would keep more chroma in highlights, and turn edges round
    away = out - anchor
    border = _border(anchor, away)
    near = np.isfinite(border)
    bent = np.ones(len(out))
    bent[near] = knee(1 / np.maximum(border[near], 1e-6), 1.0, _KNEE) * border[near]
    chroma = np.hypot(out[:, 1], out[:, 2])
    soft = softly * np.clip((chroma - 0.02) / 0.04, 0, 1)
    share = soft * np.minimum(bent, 1) + (1 - soft) * np.minimum(border, 1)
    return anchor + away * share[:, None]


def _border(anchor: Float[np.ndarray, "n 3"], away: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """How many times ``away`` leads from the anchor to the border of sRGB, by bisection; infinity where that is far."""
    border = np.full(len(away), np.inf)
    near = np.flatnonzero(~_is_shown(anchor + away / _KNEE))  # nobody asks how far the others are
    start, way = anchor[near], away[near]
    low, high = np.zeros(len(near)), np.full(len(near), 1 / _KNEE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        shown = _is_shown(start + way * middle[:, None])
        low, high = np.where(shown, middle, low), np.where(shown, high, middle)
    border[near] = low
    return border


def _is_shown(colors: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    light = oklab_to_linear(colors)
    return np.asarray(((light >= -_SLACK) & (light <= 1 + _SLACK)).all(axis=1))
