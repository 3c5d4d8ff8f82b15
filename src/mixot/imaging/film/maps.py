"""Which map moves which frame: one for a whole film, or maps that follow its colors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.color_profiles import as_pixels
from mixot.imaging.color import Palette
from mixot.imaging.natural import ColorCounts, ColorTable, count_colors, mixture_counts, natural_map
from mixot.imaging.natural.counts import CELL, in_cells

SAMPLES = 48  # frames of a film whose colors are counted for one map
_PIXELS = 1 << 16  # of each frame that are counted
_ANCHORS = 2  # maps in the time over which colors are averaged
_SEEN = 12  # frames that are counted in that time, on either side
_BINS = 8  # along each channel, of the colors by which cuts are found
_CUT = 0.5  # share of the pixels that must change their color in a cut


def palette_counts(palette: Any) -> ColorCounts:
    """Return the colors of a palette: a `Palette`, or a picture as an array (h, w) or (h, w, 1 to 4)."""
    if isinstance(palette, Palette):
        return mixture_counts(palette.mixture, palette.space)
    colors, weights = split_alpha(as_pixels(palette))
    return count_colors(colors.reshape(-1, 3), None if weights is None else weights.ravel())


def split_alpha(pixels: np.ndarray) -> tuple[np.ndarray, Float[np.ndarray, "h w"] | None]:
    """The colors (h, w, 3) of a picture, and how opaque its pixels are, in [0, 1], where it tells."""
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise InputError(f"a picture must have shape (h, w) or (h, w, 1 to 4), got {pixels.shape}")
    stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
    channels = stacked.shape[2]
    opaque = stacked[:, :, -1] if channels in (2, 4) else None
    colors = stacked[:, :, :3] if channels >= 3 else np.repeat(stacked[:, :, :1], 3, axis=2)
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    return np.ascontiguousarray(colors), None if opaque is None else opaque.astype(np.float32) / np.float32(top)


def thinned(pixels: np.ndarray) -> np.ndarray:
    """Some 65 000 pixels (n, 3) of a frame, evenly spread."""
    step = max(1, int(np.sqrt(pixels.shape[0] * pixels.shape[1] / _PIXELS)))
    return np.ascontiguousarray(pixels[step // 2 :: step, step // 2 :: step]).reshape(-1, 3)


def frame_table(
    frames: Iterable[np.ndarray],
    palette: Any,
    *,
    strength: float | int = 1.0,
    keep: Any = None,
    gain: float | int | None = None,
) -> ColorTable:
    """Return the one map from the colors of all frames (h, w, 3) together to those of a palette; each counts alike.

    The options are those of `mixot.imaging.natural.ColorMap` and `mixot.imaging.natural.natural_map`.
    """
    counts = merged([count_colors(thinned(frame)) for frame in frames])
    return Maker.to(palette, strength=strength, keep=keep, gain=gain)(counts)


@dataclass(frozen=True, eq=False)
class Maker:
    """What makes a table of the colors of some frames: the natural map to a palette. ``notes`` collects its notes."""

    palette: ColorCounts
    strength: float
    keep: Any
    gain: float | None
    notes: dict[str, None] = field(default_factory=dict)

    @classmethod
    def to(cls, palette: Any, *, strength: float | int, keep: Any, gain: float | int | None) -> Maker:
        """The maker for a palette, or a picture."""
        return cls(palette_counts(palette), float(strength), keep, None if gain is None else float(gain))

    def __call__(self, counts: ColorCounts) -> ColorTable:
        found = natural_map(counts, self.palette, gain=self.gain)
        self.notes.update(dict.fromkeys(found.notes))
        return found.table(self.strength, self.keep)


def merged(counts: Sequence[ColorCounts], shares: Sequence[float] | None = None) -> ColorCounts:
    """The colors of several frames together, by shares."""
    if not counts:
        raise InputError("there are no frames whose colors could be counted")
    parts = np.ones(len(counts)) if shares is None else np.asarray(shares, dtype=np.float64)
    weights = np.concatenate([part * each.weights for part, each in zip(parts / parts.sum(), counts, strict=True)])
    return ColorCounts(*in_cells(np.concatenate([each.colors for each in counts]), weights, CELL))


@dataclass(frozen=True, eq=False)
class Sample:
    """The colors of a frame that was looked at ahead of the others."""

    time: float
    scene: int
    counts: ColorCounts


class Following:
    """Maps that follow the colors of a film: one every half of ``seconds``, and what lies between them in between.

    Each is fitted to the colors within ``seconds`` of it, weighted by a triangle, and only to those of its scene: at a
    cut the map changes at once. ``ahead`` are the times and pixels of the frames, read once more, ahead of the others:
    what is held does not grow with the film.
    """

    def __init__(self, ahead: Iterator[tuple[float, np.ndarray]], make: Maker, seconds: float) -> None:
        self.make, self.seconds = make, seconds
        self.scouts = _scenes(ahead, seconds / _SEEN)
        self.samples: deque[Sample] = deque()
        self.ended = False
        self.cuts: list[float] = [-np.inf]
        self.anchors: dict[tuple[int, int], ColorTable] = {}

    @property
    def scenes(self) -> int:
        """How many scenes were seen."""
        return len(self.cuts)

    def table(self, time: float) -> ColorTable:
        """The map of a frame; times must not go back."""
        self._look_ahead(time + 2 * self.seconds)
        scene = max(i for i, cut in enumerate(self.cuts) if cut <= time)
        spacing = self.seconds / _ANCHORS
        at = time / spacing
        first = int(np.floor(at))
        self._forget(scene, first, time)
        low, high = self._anchor(scene, first), self._anchor(scene, first + 1)
        share = np.float32(at - first)
        return ColorTable(low.values + share * (high.values - low.values))

    def _anchor(self, scene: int, index: int) -> ColorTable:
        if (scene, index) not in self.anchors:
            time = index * self.seconds / _ANCHORS
            near = [each for each in self.samples if each.scene == scene]
            away = np.array([abs(each.time - time) for each in near])
            shares = np.maximum(self.seconds - away, 0.0)
            if not shares.any():  # beyond the ends of a scene its nearest colors stand
                shares = (away == away.min()).astype(float)
            used = [(each.counts, share) for each, share in zip(near, shares, strict=True) if share > 0]
            self.anchors[scene, index] = self.make(merged(*(list(part) for part in zip(*used, strict=True))))
        return self.anchors[scene, index]

    def _look_ahead(self, until: float) -> None:
        while not self.ended and (not self.samples or self.samples[-1].time < until):
            found = next(self.scouts, None)
            if found is None:
                self.ended = True
                return
            time, scene, pixels = found
            if scene >= len(self.cuts):
                self.cuts.append(time)
            self.samples.append(Sample(time, scene, count_colors(pixels)))

    def _forget(self, scene: int, first: int, time: float) -> None:
        self.anchors = {key: table for key, table in self.anchors.items() if key >= (scene, first)}
        while len(self.samples) > 1 and self.samples[0].time < time - 2 * self.seconds:
            if self.samples[0].scene == scene != self.samples[1].scene:
                break  # the last of a scene stands for it
            self.samples.popleft()


def _scenes(ahead: Iterator[tuple[float, np.ndarray]], every: float) -> Iterator[tuple[float, int, np.ndarray]]:
    """Times, numbers of scenes and thinned pixels of frames: of the first of each scene, and ``every`` so often.

    A cut is where half of the pixels or more change their color, and the next frame has not changed back: else it is
    a flash.
    """
    scene, due, before, waiting = 0, -np.inf, None, None
    for time, pixels in ahead:
        few = thinned(pixels)
        histogram = _histogram(few)
        if waiting is not None:  # a frame that may be the first of a scene
            at, held, there = waiting
            if _apart(before, histogram) > _CUT:
                scene += 1
                yield at, scene, held
                due, before = at + every, there
            waiting = None
        if before is not None and _apart(before, histogram) > _CUT:
            waiting = (time, few, histogram)
            continue
        before = histogram
        if time >= due:
            yield time, scene, few
            due = time + every
    if waiting is not None:
        yield waiting[0], scene + 1, waiting[1]


def _histogram(pixels: np.ndarray) -> np.ndarray:
    shift = 8 * pixels.dtype.itemsize - 3
    few = (pixels[::7] >> shift).astype(np.int64)
    count = np.bincount((few[:, 0] * _BINS + few[:, 1]) * _BINS + few[:, 2], minlength=_BINS**3)
    return count / len(few)


def _apart(a: np.ndarray | None, b: np.ndarray) -> float:
    return 0.0 if a is None else float(np.abs(a - b).sum() / 2)
