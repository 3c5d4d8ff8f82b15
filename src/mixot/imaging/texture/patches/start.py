"""The picture that the rounds of matching begin with."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def gaussian_start(
    exemplar: Float[np.ndarray, "c h w"], height: int, width: int, rng: np.random.Generator
) -> Float[np.ndarray, "c y x"]:
    """Return a periodic Gaussian texture with the exemplar's mean and autocorrelation, (c, h, w) -> (c, height, width).

    White noise convolved with ``(u - mean) / sqrt(h w)``; of an exemplar larger than the picture, its corner.

    References
    ----------
    Galerne, Gousseau and Morel, *Random phase textures: theory and synthesis*, 2011 (asymptotic discrete spot noise).
    """
    part = exemplar[:, :height, :width]
    mean = part.mean(axis=(1, 2), keepdims=True)
    spot = np.zeros((len(exemplar), height, width))
    spot[:, : part.shape[1], : part.shape[2]] = (part - mean) / np.sqrt(part.shape[1] * part.shape[2])
    noise = np.fft.rfft2(rng.standard_normal((height, width)))
    return (mean + np.fft.irfft2(np.fft.rfft2(spot) * noise, s=(height, width))).astype(np.float32)
