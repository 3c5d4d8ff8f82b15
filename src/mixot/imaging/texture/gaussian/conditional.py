"""Holes of a picture filled with spot noise that agrees with what is around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.sparse.linalg import LinearOperator, cg

from mixot._shapes import Bool, Float
from mixot.imaging.texture.gaussian.patch_transport import PatchTransport, patches_of
from mixot.imaging.texture.gaussian.spot_noise import SpotNoise
from mixot.imaging.texture.gaussian.waves import field_of, quick, waves
from mixot.results import Progress, ProgressCallback

_RIM = 3  # pixels around a hole that the noise has to agree with
_NUGGET = 1e-3  # variance of the rim that may be left, relative to that of the picture
_TOL, _MAX_ITER = 1e-3, 300  # of the system on the rim


def fill(
    picture: Float[np.ndarray, "h w c"],
    mask: Bool[np.ndarray, "h w"],
    rng: np.random.Generator,
    progress: ProgressCallback | None = None,
) -> tuple[Float[np.ndarray, "h w c"], tuple[str, ...]]:
    """Return the picture with a Gaussian texture where the mask is true, and notes on it.

    The texture is spot noise of the pixels that are seen, given its values on a rim of 3 pixels around the holes:
    with W a draw of the field, K its covariances, C the rim and M the hole,

        U_M = W_M + K_MC K_CC^-1 (u_C - W_C)

    Its patches are then moved by ``T_mean`` onto those of what is seen, less so towards the rim.

    References
    ----------
    Galerne and Leclaire, *Texture inpainting using efficient Gaussian conditional simulation*, 2017, algorithm 1.
    """
    noise = SpotNoise.of_part(picture, ~mask)
    rim = binary_dilation(mask, iterations=_RIM) & ~mask
    box = _box(mask | rim)
    if progress is not None:
        progress(Progress("filling the holes", 0, 2))
    known, holes, edge = picture[box], mask[box], rim[box]
    span = quick(holes.shape[0] + mask.shape[0]), quick(holes.shape[1] + mask.shape[1])
    drawn = noise.sample(span, rng)
    field = drawn[: holes.shape[0], : holes.shape[1]].copy()
    correction, left = _Covariances.of(noise, holes.shape).correction(known - field, edge)
    field[holes] += correction[holes]
    field[~holes] = known[~holes]
    moved = _moved(field, drawn, picture, mask, rng, progress)
    inward = np.clip(np.asarray(distance_transform_edt(holes)) / _RIM, 0, 1).astype(np.float32)
    out = picture.copy()
    out[box] = np.where(holes[:, :, None], field + inward[:, :, None] * (moved - field), known)
    notes = () if left < 0.1 else (f"the texture meets what is around the holes up to {left:.0%} of its contrast",)
    return out, notes


def _moved(
    field: Float[np.ndarray, "y x c"],
    drawn: Float[np.ndarray, "b a c"],
    picture: Float[np.ndarray, "h w c"],
    mask: Bool[np.ndarray, "h w"],
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> Float[np.ndarray, "y x c"]:
    """The field with its patches moved by the map from those of free noise to those that are seen whole."""
    transport = PatchTransport()
    if progress is not None:
        progress(Progress("moving patches", 1, 2))
    free = patches_of((~mask)[:, :, None].astype(np.float32), transport.width).all(axis=1)
    if not free.any():
        return field
    move = transport.map(drawn, patches_of(picture, transport.width)[free], rng, progress)
    margin = transport.width - 1  # so that no patch joins the opposite borders of the box
    padded = np.pad(field, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    return transport.moved(padded, move)[margin:-margin, margin:-margin]


def _box(inside: Bool[np.ndarray, "h w"]) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True, eq=False)
class _Covariances:
    """Covariances of a field between all pixels of a box, as a convolution on a torus twice its size."""

    spectrum: np.ndarray  # (y, x, c, c)
    torus: tuple[int, int]
    variance: float

    @classmethod
    def of(cls, noise: SpotNoise, size: tuple[int, ...]) -> _Covariances:
        """Those of a field: ``K(x) = sum_y spot(y + x) spot(y)^T``, at lags within the box."""
        height, width, channels = noise.spot.shape
        around = quick(height + size[0]), quick(width + size[1])
        wave = waves(noise.spot, around)
        torus = quick(2 * size[0]), quick(2 * size[1])
        lags = [np.r_[0:n, -(n - 1) : 0] for n in size]
        places = [np.r_[0:n, m - n + 1 : m] for n, m in zip(size, torus, strict=True)]
        table = np.zeros((*torus, channels, channels))
        rows, columns = np.ix_(*places)
        for a in range(channels):
            for b in range(channels):
                full = field_of(wave[:, :, a] * wave[:, :, b].conj(), around)
                table[rows, columns, a, b] = full[np.ix_(*lags)]
        variance = float(np.trace(table[0, 0]) / channels)
        return cls(waves(table), torus, variance)

    def correction(
        self, misfit: Float[np.ndarray, "y x c"], rim: Bool[np.ndarray, "y x"]
    ) -> tuple[Float[np.ndarray, "y x c"], float]:
        """``K_xC (K_CC + nugget)^-1`` of a misfit on the rim C, at all pixels x; what is left of it there, relative."""
        wanted = misfit[rim].astype(np.float64).ravel()
        nugget = _NUGGET * self.variance

        def spread(values: np.ndarray) -> np.ndarray:
            on_rim = np.zeros(misfit.shape)
            on_rim[rim] = values.reshape(-1, misfit.shape[2])
            wave = (self.spectrum @ waves(on_rim, self.torus)[:, :, :, None])[:, :, :, 0]
            return field_of(wave, self.torus)[: rim.shape[0], : rim.shape[1]]

        def product(values: np.ndarray) -> np.ndarray:
            return spread(values)[rim].ravel() + nugget * values.ravel()

        n = len(wanted)
        weights, _ = cg(LinearOperator((n, n), product), wanted, rtol=_TOL, maxiter=_MAX_ITER)
        field = spread(weights)
        left = float(np.sqrt(np.mean((field[rim].ravel() - wanted) ** 2) / self.variance))
        return field.astype(np.float32), left
