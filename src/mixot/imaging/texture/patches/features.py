"""What patches of an exemplar are compared by: their principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot import _native
from mixot._shapes import Bool, Float, Int
from mixot.imaging.texture.patches.grids import PatchGrid
from mixot.threads import thread_count

FEATURES = 32  # principal components; fixed in the compiled loops
_TABLE_STEP = 48  # columns of the table of sampled patches, as the compiled loops want them
_SHARPNESS = 0.35  # standard deviation of a patch's window, in its side
_CELL = 4  # pixels of the squares whose use is equal
_LEARNED, _ROUNDS = 1500, 6  # patches that the components are learnt from, and rounds of orthogonal iteration
_HELD = 2**28  # bytes of features that are held; beyond it they are computed where they are asked for


@dataclass(frozen=True, eq=False)
class PatchTable:
    """The patches of ``w`` x ``w`` pixels of a picture, with what matching asks of them.

    A patch x is compared by ``B'(x - m)``: its principal components under the window, so that squared distances are
    those of the windowed patches but for the components that are left out.
    """

    image: Float[np.ndarray, "c height width"]
    w: int
    window: Float[np.ndarray, "w w"]
    basis: Float[np.ndarray, "p 32"]
    offset: Float[np.ndarray, " 32"]
    features: Float[np.ndarray, "places 32"] | None
    usable: Bool[np.ndarray, "high wide"] | None
    sampled: Int[np.ndarray, " n"]
    table: Float[np.ndarray, "32 padded"]
    squares: Float[np.ndarray, " padded"]
    cell: Int[np.ndarray, " places"]
    share: Float[np.ndarray, " cells"]

    @property
    def high(self) -> int:
        return self.image.shape[1] - self.w + 1

    @property
    def wide(self) -> int:
        return self.image.shape[2] - self.w + 1

    def project(self, picture: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> Float[np.ndarray, "n 32"]:
        """Features of the patches at ``rows`` x ``cols`` of another picture (c, h, w)."""
        return _project(picture, self.w, rows, cols, self.basis, self.offset)


def patch_table(
    image: Float[np.ndarray, "c height width"],
    w: int,
    samples: int,
    asked: int,
    rng: np.random.Generator,
    known: Bool[np.ndarray, "h w"] | None = None,
) -> PatchTable:
    """Return the table of an exemplar's patches, of which about ``samples`` stand for all where all are searched.

    ``asked`` is the number of patches that are going to be matched: where it is small, the features of all places are
    not computed beforehand. Patches with a pixel outside ``known`` are not used.
    """
    high, wide = image.shape[1] - w + 1, image.shape[2] - w + 1
    usable, places = None, high * wide
    if known is not None:
        usable = ~PatchGrid.everywhere(image.shape[1], image.shape[2], w).touching(~known)
        chosen = np.flatnonzero(usable)
        sampled = np.sort(rng.choice(chosen, min(samples, len(chosen)), replace=False))
    else:
        sampled = np.sort(rng.choice(places, min(samples, places), replace=False))
    window = _window(w)
    windows = np.lib.stride_tricks.sliding_window_view(image, (w, w), axis=(1, 2))
    basis, mean = _components(
        windows[:, sampled // wide, sampled % wide].swapaxes(0, 1).reshape(len(sampled), -1), window
    )
    corner, none = np.zeros(1, np.int32), np.zeros(FEATURES, np.float32)
    offset = _project(mean.reshape(-1, w, w), w, corner, corner, basis, none)[0]
    features = None
    if places * FEATURES * 4 <= _HELD and places <= 40 * asked:
        features = _project(image, w, np.arange(high, dtype=np.int32), np.arange(wide, dtype=np.int32), basis, offset)
    table = np.zeros((FEATURES, -(-len(sampled) // _TABLE_STEP) * _TABLE_STEP), np.float32)
    if features is not None:
        table[:, : len(sampled)] = features[sampled].T
    else:
        for k, place in enumerate(sampled):
            at = np.array([place // wide], np.int32), np.array([place % wide], np.int32)
            table[:, k] = _project(image, w, *at, basis, offset)[0]
    squares = np.full(table.shape[1], np.inf, np.float32)
    squares[: len(sampled)] = np.square(table[:, : len(sampled)]).sum(axis=0)
    cell, share = _cells(high, wide, usable)
    return PatchTable(
        image, w, window, basis, offset, features, usable, sampled.astype(np.int32), table, squares, cell, share
    )


def _window(w: int) -> np.ndarray:
    line = np.exp(-((np.arange(w) - (w - 1) / 2) ** 2) / (2 * (_SHARPNESS * w) ** 2))
    window = np.outer(line, line)
    return (window / window.max()).astype(np.float32)


def _components(patches: Float[np.ndarray, "n p"], window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The basis (p, 32) whose products with a centered patch are its windowed principal components; the mean."""
    size = patches.shape[1]
    scale = np.tile(np.sqrt(window.ravel() / window.sum()), size // window.size).astype(np.float32)
    mean = patches.mean(axis=0, dtype=np.float64).astype(np.float32)
    if size <= FEATURES:
        return np.pad(np.diag(scale), ((0, 0), (0, FEATURES - size))), mean
    basis = np.random.default_rng(0).standard_normal((size, FEATURES)).astype(np.float32)
    _native.principal_subspace((patches[:: -(-len(patches) // _LEARNED)] - mean) * scale, _ROUNDS, basis)
    return basis * scale[:, None], mean


def _project(
    picture: np.ndarray, w: int, rows: np.ndarray, cols: np.ndarray, basis: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    out = np.empty((len(rows) * len(cols), FEATURES), np.float32)
    _native.project_patches(picture, w, rows, cols, basis, offset, thread_count(), out)
    return out


def _cells(high: int, wide: int, usable: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The square that each place belongs to, and the share of the places that each square has."""
    y, x = np.arange(high) // _CELL, np.arange(wide) // _CELL
    cell = (y[:, None] * (x[-1] + 1) + x).astype(np.int32)
    weights = None if usable is None else usable.ravel().astype(np.float64)
    counts = np.bincount(cell.ravel(), weights, minlength=(y[-1] + 1) * (x[-1] + 1))
    return cell.ravel(), np.maximum(counts / counts.sum(), 1e-12).astype(np.float32)
