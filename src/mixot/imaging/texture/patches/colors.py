"""Colors of a picture made those of an exemplar, exactly, along its principal axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot import _native
from mixot._shapes import Float

Planes = Float[np.ndarray, "_c _h _w"]  # of several sizes in one call


@dataclass(frozen=True, eq=False)
class ColorLaw:
    """The laws of an exemplar's colors along their principal axes: sorted values (c, n), about the mean."""

    mean: Float[np.ndarray, " c"]
    axes: Float[np.ndarray, "c c"]
    sorted: Float[np.ndarray, "c n"]

    @classmethod
    def of(cls, planes: Planes) -> ColorLaw:
        """Measure a picture (c, h, w)."""
        colors = planes.reshape(len(planes), -1).astype(np.float64)
        mean = colors.mean(axis=1)
        spread = colors - mean[:, None]
        _, axes = np.linalg.eigh(np.einsum("in,jn->ij", spread, spread))  # no BLAS, which would start threads
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))] < 0, -1, 1)
        mean, axes = mean.astype(np.float32), (np.round(axes * 2**20) / 2**20).astype(np.float32)
        return cls(mean, axes, np.sort(rotate(axes, planes.reshape(len(planes), -1) - mean[:, None]), axis=1))

    def match(self, planes: Planes) -> Planes:
        """Return the picture whose law along each axis is the exemplar's: the monotone transport on each."""
        rotated = rotate(self.axes, planes.reshape(len(planes), -1) - self.mean[:, None])
        for values, law in zip(rotated, self.sorted, strict=True):
            _native.match_ranks(values, law)
        return (rotate(self.axes.T, rotated) + self.mean[:, None]).reshape(planes.shape)


def rotate(axes: np.ndarray, colors: np.ndarray) -> Float[np.ndarray, "c n"]:
    """``axes' colors`` without a threaded product, whose last bits might decide a rank."""
    return np.stack([sum((axis[c] * colors[c] for c in range(len(colors))), np.float32(0)) for axis in axes.T])
