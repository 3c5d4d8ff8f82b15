"""Fourier transforms of pictures: real ones, over the first two axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft

_fft: Any = fft  # what SciPy says of its types is not what it returns


def waves(field: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """The half of the spectrum that tells all, (h, w // 2 + 1, ...), of a field with zeros around it up to ``size``."""
    return _fft.rfft2(field, size, axes=(0, 1))


def field_of(spectrum: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The real field of a spectrum, on a torus of that size."""
    return _fft.irfft2(spectrum, size, axes=(0, 1))


def quick(side: int) -> int:
    """The next longer side whose transform is quick."""
    return _fft.next_fast_len(side, real=True)
