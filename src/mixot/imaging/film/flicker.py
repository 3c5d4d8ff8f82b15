"""How much a film flickers: what its flat areas do from frame to frame and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import uniform_filter

from mixot._shapes import Float
from mixot.errors import InputError

_WINDOW = 9  # pixels along a side in which an area is flat
_FLAT = 0.015  # standard deviation up to which it is, of full scale
_LUMA = np.array([0.2126, 0.7152, 0.0722])


def flicker(frames: Iterable[np.ndarray], guide: Iterable[np.ndarray] | None = None) -> float:
    """Return the mean of ``|f[t+1] - 2 f[t] + f[t-1]| / 2`` over flat areas and channels, in parts of full scale.

    Second differences leave steady changes out, a fade or a slow pan. Areas are flat where the luma of frame t varies
    by less than 1.5 % of full scale in windows of 9 x 9 pixels.

    Parameters
    ----------
    frames : iterable of arrays (h, w, 3)
        uint8, uint16 or floats in [0, 1], at least three.
    guide : iterable of arrays, optional
        Where areas are flat is looked up in these frames instead: those of the source, so that a film and its source
        are compared on the same pixels.

    Raises
    ------
    InputError
        Where there are fewer than three frames, or nothing is flat.

    Examples
    --------
    >>> import numpy as np
    >>> from mixot.imaging.film import flicker
    >>> steady = [np.full((16, 16, 3), 100, np.uint8)] * 4
    >>> flicker(steady)
    0.0
    >>> round(flicker([frame + np.uint8(2 * (t % 2)) for t, frame in enumerate(steady)]) * 255, 9)
    2.0
    """
    total = count = 0.0
    shown: list[np.ndarray] = []
    guides: list[np.ndarray] = []
    for frame, seen in ((f, f) for f in frames) if guide is None else zip(frames, guide, strict=True):
        shown, guides = [*shown[-2:], _as_floats(frame)], [*guides[-1:], _as_floats(seen)]
        if len(shown) == 3:
            flat = _flat(guides[0])
            bend = np.abs(shown[2] - 2 * shown[1] + shown[0]) / 2
            total += float(bend[flat].sum())
            count += 3 * flat.sum()
    if not count:
        raise InputError("flicker is measured in flat areas of three frames or more, and here is none")
    return float(total / count)


def _as_floats(frame: np.ndarray) -> Float[np.ndarray, "h w 3"]:
    top = np.iinfo(frame.dtype).max if frame.dtype.kind == "u" else 1.0
    return frame.astype(np.float64) / top


def _flat(frame: np.ndarray) -> np.ndarray:
    luma = frame @ _LUMA
    mean = uniform_filter(luma, _WINDOW)
    return uniform_filter(luma * luma, _WINDOW) - mean * mean < _FLAT**2
