"""The preset that suits an exemplar."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.imaging.texture.patches.presets import STOCHASTIC, STRUCTURED, Preset

_PRESETS = {preset.name: preset for preset in (STOCHASTIC, STRUCTURED)}
_REPEATS = 0.3  # autocorrelation away from the origin: gravel and grass have 0.1, bricks 0.4, planks 1
_LONG = 0.48  # coherence of gradients: gravel and grass have 0.25, tissue 0.4, roof tiles and bricks from 0.5
_EDGE_SCALE = 8.0  # pixels over which the directions of edges are compared


def choose_preset(planes: Float[np.ndarray, "c h w"], asked: str) -> tuple[Preset, tuple[str, ...]]:
    """Return the preset that was asked for, or for "auto" the one for the exemplar and a note that says why.

    Raises
    ------
    InputError
        Where no preset has that name.
    """
    if asked in _PRESETS:
        return _PRESETS[asked], ()
    if asked != "auto":
        raise InputError(f"preset must be one of auto, {', '.join(_PRESETS)}, got {asked!r}")
    grey = planes.mean(axis=0, dtype=np.float64)
    (repeats, step), long = periodicity(grey), edge_coherence(grey)
    if repeats > _REPEATS:
        why = f"the exemplar repeats itself {step:.0f} pixels on (autocorrelation {repeats:.2f})"
        return STRUCTURED, (f"the preset is structured: {why}",)
    if long > _LONG:
        return STRUCTURED, (f"the preset is structured: the exemplar has long edges (coherence {long:.2f})",)
    why = f"autocorrelation {repeats:.2f}, coherence of edges {long:.2f}"
    return STOCHASTIC, (f"the preset is stochastic: the exemplar does not repeat itself and has no long edges ({why})",)


def periodicity(grey: Float[np.ndarray, "h w"]) -> tuple[float, float]:
    """The largest autocorrelation of a picture with itself, and how far it is moved there, in pixels.

    Slow changes of brightness are taken off first. Moves of up to half the picture are looked at, from twice the
    radius at which the autocorrelation's mean over the directions falls to zero: closer by, every picture is like
    itself.
    """
    high, wide = grey.shape
    field = grey - gaussian_filter(grey, min(grey.shape) / 8)
    overlap = _autocorrelation(np.ones_like(grey))
    products = _autocorrelation(field) / np.maximum(overlap, 1)
    moves_y, moves_x = np.arange(-(high // 2), high // 2 + 1), np.arange(-(wide // 2), wide // 2 + 1)
    correlation = products[np.ix_(moves_y, moves_x)] / max(float(products[0, 0]), 1e-12)
    radius = np.hypot(moves_y[:, None], moves_x)
    rings = radius.astype(np.intp).ravel()
    means = np.bincount(rings, correlation.ravel()) / np.maximum(np.bincount(rings), 1)
    negative = np.flatnonzero(means[: min(high, wide) // 2] < 0)
    away = np.where(radius > 2 * (negative[0] if len(negative) else min(high, wide) // 4), correlation, -1.0)
    best = int(away.argmax())
    return float(away.ravel()[best]), float(radius.ravel()[best])


def _autocorrelation(field: np.ndarray) -> np.ndarray:
    shape = 2 * field.shape[0], 2 * field.shape[1]  # so wide that no move meets the other side
    return np.fft.irfft2(np.abs(np.fft.rfft2(field, shape)) ** 2, shape)


def edge_coherence(grey: Float[np.ndarray, "h w"]) -> float:
    """How much the gradients near one place have one direction, from 0 (none) to 1 (all): long edges and stripes.

    With J the structure tensor, the mean of the gradients' outer products over some pixels, it is
    ``sum (l1 - l2) / sum (l1 + l2)`` of the eigenvalues of J.
    """
    down, right = np.gradient(gaussian_filter(grey, 1.0))
    yy, xx, yx = (gaussian_filter(z, _EDGE_SCALE) for z in (down * down, right * right, down * right))
    total = float((yy + xx).sum())
    return float(np.sqrt((yy - xx) ** 2 + 4 * yx**2).sum()) / total if total > 0 else 0.0
