"""The natural map of colors, from the fit in Oklab to what a screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.oklab import from_oklab, to_oklab
from mixot.imaging.natural.counts import ColorCounts
from mixot.imaging.natural.gamut import bent_lightness, into_gamut
from mixot.imaging.natural.smooth_map import SmoothMap
from mixot.imaging.natural.table import ColorTable

Keep = Literal["lightness", "neutrals"]

SIZE = 33  # entries a side of a table, as most programs write it
_MOVED = 0.1  # distance in Oklab from which a color counts as moved, and may be bent to fit the palette and the screen
_HIGHLIGHTS, _NEUTRAL = (0.7, 0.92), (0.03, 0.09)  # lightness and chroma between which a color becomes a white
_WHITES = (0.02, 0.05)  # the same, of the chroma of the palette's brightest twentieth
_GREY = (0.005, 0.02)  # spread of the palette's chroma between which it counts as grey, or as of one tint


@dataclass(frozen=True, eq=False)
class PaletteTraits:
    """What the map has to know of the palette beside the fit.

    ``lightness`` is its range, ``whites`` says in [0, 1] how neutral its highlights are, ``tint`` is its mean chroma
    (two axes), and ``colorful`` says in [0, 1] whether it has more than this one tint.
    """

    lightness: tuple[float, float]
    whites: float
    tint: Float[np.ndarray, "2"]
    colorful: float

    @classmethod
    def of(cls, source: ColorCounts, palette: ColorCounts, least: float) -> PaletteTraits:
        """Of a palette; its range of lightness is not narrower than ``least`` times the source's about the means."""
        (low, high), (from_low, from_high) = (law.lightness_range(0.001) for law in (palette, source))
        mean, cov = palette.moments()
        dark, bright = (least * (end - source.moments()[0][0]) for end in (from_low, from_high))
        limits = max(min(low, mean[0] + dark), 0.0), min(max(high, mean[0] + bright), 1.0)
        light, chroma = palette.colors[:, 0], np.hypot(palette.colors[:, 1], palette.colors[:, 2])
        bright_ones = light >= palette.lightness_range(0.05)[1]
        mass = palette.weights[bright_ones]
        whites = float(np.clip(2 * (mass @ (1 - smooth_step(chroma[bright_ones], *_WHITES))) / mass.sum(), 0, 1))
        inside = palette.within[1:].sum()
        spread = float(np.sqrt(max(cov[1, 1] + cov[2, 2] - inside, 0.0)))
        return cls(limits, whites, mean[1:], float(smooth_step(spread, *_GREY)))


@dataclass(frozen=True, eq=False)
class ColorMap:
    """A map of colors in Oklab, `natural_map`'s; ``table`` makes it one of sRGB that moves pictures.

    ``smooth`` is the map, ``traits`` what the table takes from the palette, ``gain`` the bound on how differences
    grow, ``notes`` what was done on the way, ``ridge`` how strongly the radial part was held back, in 32 steps.
    """

    smooth: SmoothMap
    traits: PaletteTraits
    gain: float
    notes: tuple[str, ...] = ()
    ridge: int | None = None

    def __call__(
        self, colors: Float[np.ndarray, "n 3"], basis: Float[np.ndarray, "n k"] | None = None
    ) -> Float[np.ndarray, "n 3"]:
        """Colors of Oklab moved; some may lie beyond what a screen shows. ``basis`` is `SmoothMap.basis` there."""
        moved = self.smooth(colors, basis)
        moved[:, 1:] = self.traits.tint + self.traits.colorful * (moved[:, 1:] - self.traits.tint)
        return moved

    def table(self, strength: float | int = 1.0, keep: Keep | None = None, *, size: int = SIZE) -> ColorTable:
        """Return the map as a table of sRGB.

        Lightness is bent into the palette's range; highlights without color stay without as far as the palette's are
        neutral, too; and what sRGB cannot show moves softly towards grey at the same lightness.

        Parameters
        ----------
        strength : float
            How far colors move, 0 (not at all) to 1, along straight lines in Oklab (McCann's interpolation). On the
            way chroma is the harmonic mean of both ends' in proportion, so that opposite hues do not meet in grey.
        keep : "lightness", "neutrals" or None
            Keep the lightness of each color and change hue and chroma alone, or keep greys and whites as they are.
        size : int
            Entries a side.

        Raises
        ------
        InputError
            Where the strength lies outside [0, 1], or ``keep`` is another word.
        """
        grid = ColorTable.identity(size).values.reshape(-1, 3).astype(np.float64)
        return ColorTable(self.entries(to_oklab(grid), strength, keep).reshape(size, size, size, 3))

    def entries(
        self,
        colors: Float[np.ndarray, "n 3"],
        strength: float | int = 1.0,
        keep: Keep | None = None,
        basis: Float[np.ndarray, "n k"] | None = None,
    ) -> Float[np.ndarray, "n 3"]:
        """Return what colors of Oklab become in a table, in sRGB; the arguments are those of `table`, and of a call."""
        if not 0 <= strength <= 1:
            raise InputError(f"strength must lie in [0, 1], got {strength:g}")
        if keep not in (None, "lightness", "neutrals"):
            raise InputError(f"keep must be 'lightness', 'neutrals' or None, got {keep!r}")
        return from_oklab(between(colors, self._shown(colors, keep, basis), strength))

    def _shown(
        self, colors: Float[np.ndarray, "n 3"], keep: Keep | None, basis: Float[np.ndarray, "n k"] | None
    ) -> Float[np.ndarray, "n 3"]:
        moved = self(colors, basis)
        # Colors that hardly move are left as they are, also at the border of what can be shown.
        much = np.clip(np.linalg.norm(moved - colors, axis=1) / _MOVED, 0, 1)
        if keep == "lightness":
            moved[:, 0] = colors[:, 0]
        else:
            moved[:, 0] += much * (bent_lightness(moved[:, 0], self.traits.lightness) - moved[:, 0])
        neutral = 1 - smooth_step(np.hypot(colors[:, 1], colors[:, 2]), *_NEUTRAL)
        if keep != "neutrals":
            neutral *= self.traits.whites * smooth_step(colors[:, 0], *_HIGHLIGHTS)
        moved[:, 1:] += neutral[:, None] * (colors[:, 1:] - moved[:, 1:])
        return into_gamut(moved, much)


def between(
    start: Float[np.ndarray, "n 3"], end: Float[np.ndarray, "n 3"], strength: float | int
) -> Float[np.ndarray, "n 3"]:
    """Colors on the way: on straight lines, their chroma raised towards what lies between the chromas of the ends.

    With c the chroma on the line and m that between the ends', it becomes ``2 c m / (c + m)``.
    """
    out = start + strength * (end - start)
    chroma = np.hypot(out[:, 1], out[:, 2])
    ends = [np.hypot(side[:, 1], side[:, 2]) for side in (start, end)]
    middle = ends[0] + strength * (ends[1] - ends[0])
    out[:, 1:] *= (2 * middle / np.maximum(chroma + middle, 1e-9))[:, None]
    return out


def smooth_step(value: np.ndarray | float, low: float, high: float) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, and ``3 t^2 - 2 t^3`` between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
