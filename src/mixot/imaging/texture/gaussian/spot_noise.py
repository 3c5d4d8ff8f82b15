"""Spot noise: the stationary Gaussian field with the mean and the covariances of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Bool, Float
from mixot.imaging.texture.gaussian.waves import field_of, waves

_TAPER = 8  # a spot that is cut out fades over this part of its sides


@dataclass(frozen=True, eq=False)
class SpotNoise:
    """Asymptotic discrete spot noise: copies of a spot at all pixels, each times an independent normal number.

    With ``spot = (u - mean) / sqrt(n)`` of a picture u of n pixels the field ``mean + sum_y spot(y) W(x - y)`` has the
    mean of u and, as the covariance of its pixels at any lag, the average of u's own over all pairs at this lag.

    ``whole``: that the spot covers a torus of its own size, on which the field then has the spectrum of u.

    References
    ----------
    Galerne, Gousseau and Morel, *Random phase textures: theory and synthesis*, 2011, section II.
    """

    mean: Float[np.ndarray, " c"]
    spot: Float[np.ndarray, "h w c"]
    whole: bool = True

    @classmethod
    def of(cls, picture: Float[np.ndarray, "h w c"]) -> SpotNoise:
        """The field of a picture, whose opposite borders are joined smoothly first."""
        joined = periodic_component(picture)
        mean = joined.mean(axis=(0, 1))
        return cls(mean, (joined - mean) / np.sqrt(joined.shape[0] * joined.shape[1]))

    @classmethod
    def of_part(cls, picture: Float[np.ndarray, "h w c"], seen: Bool[np.ndarray, "h w"]) -> SpotNoise:
        """The field of those pixels that are seen; its covariances are averages over the pairs that are both seen."""
        mean = picture[seen].mean(axis=0, dtype=np.float64)
        spot = np.where(seen[:, :, None], picture - mean, 0.0) / np.sqrt(seen.sum())
        return cls(mean, spot, whole=False)

    def sample(self, size: tuple[int, int], rng: np.random.Generator) -> Float[np.ndarray, "y x c"]:
        """One realization on a torus, float32: its right border continues at its left one, its bottom at its top.

        The torus is at least as large as the spot: on a smaller one waves would meet themselves and cancel.
        """
        spectrum = waves(rng.standard_normal(size, dtype=np.float32))
        out = np.empty((*size, len(self.mean)), np.float32)
        spot = self.spot if not self.whole or size == self.spot.shape[:2] else tapered(self.spot)
        for channel, mean in enumerate(self.mean):  # one by one: a third of the memory
            wave = waves(spot[:, :, channel].astype(np.float32), size)
            wave *= spectrum
            out[:, :, channel] = field_of(wave, size)
            out[:, :, channel] += np.float32(mean)
        return out


def periodic_component(picture: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """Return a picture less the smooth one that has its jumps across the border, float64, of the same mean.

    The spectrum of a picture taken as periodic has a cross, from the jumps between opposite borders. The smooth
    component s solves ``laplacian(s) = jumps`` on the torus; u - s has no jumps and is next to u inside.

    References
    ----------
    Moisan, *Periodic plus smooth image decomposition*, 2011, eq. 11-12.
    """
    u = picture.astype(np.float64)
    height, width = u.shape[:2]
    jumps = np.zeros_like(u)
    across, along = u[-1] - u[0], u[:, -1] - u[:, 0]
    jumps[0] += across
    jumps[-1] -= across
    jumps[:, 0] += along
    jumps[:, -1] -= along
    rows, columns = (2 * np.cos(2 * np.pi * np.arange(n) / n) for n in (height, width))
    laplacian = rows[:, None] + columns[None, : width // 2 + 1] - 4
    laplacian[0, 0] = 1.0
    smooth = waves(jumps) / laplacian[:, :, None]
    smooth[0, 0] = 0.0
    return u - field_of(smooth, (height, width))


def tapered(spot: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """The spot fading towards its border, of mean zero and of the same energy: so cut out it has no edges."""
    ramps = []
    for n in spot.shape[:2]:
        reach = n / _TAPER
        inside = np.minimum(np.arange(n) + 0.5, n - 0.5 - np.arange(n))
        ramps.append(np.sin(np.pi / 2 * np.clip(inside / reach, 0, 1)) ** 2)
    window = (ramps[0][:, None] * ramps[1])[:, :, None]
    faded = spot * window
    faded -= window * (faded.sum(axis=(0, 1)) / window.sum())
    return faded * np.sqrt((spot**2).sum() / (faded**2).sum())
