"""What in a picture is the shape: the ink of each pixel, by what stands out from the picture's border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels
from mixot.imaging.stipple import darkness

_LEAST = 0.02  # of the tones from black to white: what varies by less is one tone
_PLAIN = 0.03  # a border most of which keeps within this of its median is paper


@dataclass(frozen=True, eq=False)
class Ink:
    """``mass`` (h, w) of the pixels, 0 to 1; ``kind`` says in words what was taken, ``notes`` what one should know."""

    mass: Float[np.ndarray, "h w"]
    kind: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, picture: Any, *, silhouette: bool = False, invert: bool | None = None) -> Ink:
        """The ink of a picture: what is darker than its border or, where that is dark (or ``invert``), lighter.

        In an array of booleans the shape is what is true; where the border is transparent, it is what is opaque. For a
        ``silhouette`` all tones become full or none, but for a soft rim; else the even tone of a border counts as
        empty.

        Raises
        ------
        InputError
            Where the picture is of one tone, or no picture.
        """
        pixels = as_pixels(picture)
        if pixels.dtype == np.bool_ and pixels.ndim == 2 and pixels.size:
            return cls(_checked((~pixels if invert else pixels).astype(np.float64)), "what is true")
        dark, opaque = darkness(pixels), _opacity(pixels)
        if opaque is not None and invert is None and _ring(opaque).mean() < 0.5:
            return cls(_checked(opaque), "what is opaque", ())
        seen = 1.0 if opaque is None else opaque
        paper = float(np.median(_ring(dark)))
        light = paper > 0.5 if invert is None else invert
        tone = seen - dark if light else dark  # what is transparent has no ink in either
        kind = "light on dark" if light else "dark on light"
        notes = ("its border is dark, so that its light is taken as the shape",) if light and invert is None else ()
        if silhouette:
            return cls(_checked(_covered(tone)), kind, notes)
        tone, more = _on_paper(tone)
        return cls(_checked(tone), kind, notes + more)


def _checked(mass: np.ndarray) -> np.ndarray:
    if mass.max() < _LEAST:
        raise InputError(
            "the picture is of one tone: there is no shape in it; invert it, or take one whose shape stands out from "
            "its border"
        )
    return mass


def _ring(values: np.ndarray) -> np.ndarray:
    """The outermost pixels."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def _opacity(pixels: np.ndarray) -> np.ndarray | None:
    if pixels.ndim == 2 or pixels.shape[2] not in (2, 4):
        return None
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
    return pixels[:, :, -1].astype(np.float64) / top


def _covered(tone: np.ndarray) -> np.ndarray:
    """How much of each pixel a silhouette covers: the rim is soft, as it was, and noise on either side is gone."""
    low, high = _two_tones(tone)
    if high - low < _LEAST:
        raise InputError(
            "the picture is of one tone: there is no silhouette in it; invert it, or take one whose shape stands out "
            "from its border"
        )
    return np.clip(2 * (tone - low) / (high - low) - 0.5, 0.0, 1.0)


def _two_tones(tone: np.ndarray) -> tuple[float, float]:
    """Means of the two classes of tones that differ most, by the variance between them (Otsu 1979)."""
    count, edges = np.histogram(tone, 256, (0.0, 1.0))
    mass = count * (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(count)[:-1], np.cumsum(mass)[:-1]
    above, rest = tone.size - below, mass.sum() - moment
    split = (below > 0) & (above > 0)
    if not split.any():
        return float(tone.mean()), float(tone.mean())
    low, high = moment[split] / below[split], rest[split] / above[split]
    best = int((below[split] * above[split] * (high - low) ** 2).argmax())
    return float(low[best]), float(high[best])


def _on_paper(tone: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The ink above that of the paper, where the border shows an even one."""
    border = _ring(tone)
    paper = float(np.median(border))
    if not 0 < paper <= 0.5 or (np.abs(border - paper) <= _PLAIN).mean() < 0.5:
        return tone, ()
    rest = np.clip((tone - paper) / (1 - paper), 0.0, 1.0)
    if paper <= 1 / 255:
        return rest, ()
    return rest, (f"the tone of its border, {paper:.0%} of full, counts as empty",)
