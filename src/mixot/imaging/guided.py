"""The guided filter: a field smoothed in windows, except where a picture has edges."""

from __future__ import annotations

import numpy as np

from mixot._native import box_means as _box_means
from mixot._shapes import Float

_STRIP = 128  # rows that are brought back to full size at a time


def guided_filter(
    guide: Float[np.ndarray, "h w c"], field: Float[np.ndarray, "h w e"], *, radius: float | int, eps: float
) -> Float[np.ndarray, "h w e"]:
    """Return ``field`` as the picture ``guide`` explains it locally, (h, w, c), (h, w, e) -> (h, w, e) float32.

    In every window of ``radius`` pixels the field is fitted by an affine function of the guide's color, with a ridge:

        min_(A, b) sum_i |A u_i + b - f_i|^2 + eps |A|^2,    A = cov(f, u) (cov(u) + eps I)^-1,  b = mean(f) - A mean(u)

    and the coefficients of all windows over a pixel are averaged. Where the guide varies by much more than
    ``sqrt(eps)`` (an edge) the field may follow it; where it does not (sky, skin), the field becomes its local mean.

    References
    ----------
    He, Sun and Tang, *Guided image filtering*, 2013, eq. 19-21; He and Sun, *Fast guided filter*, 2015: the
    coefficients, which vary slowly, are found on a grid ``radius / 4`` times coarser.
    """
    step = max(1, round(radius / 4))
    u, f = _coarse(guide, step), _coarse(field, step)
    reach = round(radius / step)
    channels = guide.shape[2]
    mean_u, mean_f = box_mean(u, reach), box_mean(f, reach)
    centered = u - mean_u, f - mean_f  # products of small numbers: float32 keeps their digits
    cov_u = _covariance(centered[0], centered[0], reach) - _outer(
        box_mean(centered[0], reach), box_mean(centered[0], reach)
    )
    cov_fu = _covariance(centered[1], centered[0], reach) - _outer(
        box_mean(centered[1], reach), box_mean(centered[0], reach)
    )
    slope = np.linalg.solve(cov_u + np.float32(eps) * np.eye(channels, dtype=np.float32), cov_fu.swapaxes(2, 3))
    offset = mean_f - np.einsum("yxc,yxce->yxe", mean_u, slope)
    slope = box_mean(slope.reshape(*slope.shape[:2], -1), reach)
    return _evaluate(guide, np.concatenate([slope, box_mean(offset, reach)], axis=2), step)


def _evaluate(guide: np.ndarray, coefficients: np.ndarray, step: int) -> np.ndarray:
    """``A u + b`` at every pixel, the coarse coefficients (h', w', c e + e) interpolated linearly."""
    height, width, channels = guide.shape
    fields = coefficients.shape[2] // (channels + 1)
    out = np.empty((height, width, fields), np.float32)
    left, right, share = _between(width, coefficients.shape[1], step)
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        above, below, part = (axis[rows] for axis in _between(height, coefficients.shape[0], step))
        strip = coefficients[above] + part[:, None, None] * (coefficients[below] - coefficients[above])
        strip = strip[:, left] + share[:, None] * (strip[:, right] - strip[:, left])
        slope = strip[:, :, : channels * fields].reshape(*strip.shape[:2], channels, fields)
        out[rows] = np.einsum("yxc,yxce->yxe", guide[rows], slope) + strip[:, :, channels * fields :]
    return out


def _coarse(field: np.ndarray, step: int) -> np.ndarray:
    """Means over blocks of ``step`` pixels, the last ones over what is left."""
    out = field.astype(np.float32, copy=False)
    for axis in (0, 1):
        starts = np.arange(0, out.shape[axis], step)
        counts = np.diff(np.append(starts, out.shape[axis])).astype(np.float32)
        out = np.add.reduceat(out, starts, axis=axis) / counts.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return out


def _between(size: int, coarse: int, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of ``size`` pixels the two coarse cells whose centers it lies between, and its share of the second."""
    at = np.clip((np.arange(size) - (step - 1) / 2) / step, 0, coarse - 1)
    low = np.minimum(at.astype(np.intp), max(coarse - 2, 0))
    return low, np.minimum(low + 1, coarse - 1), (at - low).astype(np.float32)


def box_mean(field: Float[np.ndarray, "h w c"], radius: int) -> Float[np.ndarray, "h w c"]:
    """Means over windows of ``2 radius + 1`` pixels a side, float32; the border's pixels are repeated beyond it."""
    # a compiled loop, and not scipy.ndimage, which takes longer to import than a picture to recolor
    values = np.ascontiguousarray(field, np.float32)
    out = np.empty_like(values)
    _box_means(values, radius, out)
    return out


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, :, :, None] * b[:, :, None, :]


def _covariance(a: np.ndarray, b: np.ndarray, reach: int) -> np.ndarray:
    product = _outer(a, b)
    return box_mean(product.reshape(*product.shape[:2], -1), reach).reshape(product.shape)
