"""Colors as mixtures, and pictures moved by the map between the two: T_mean or T_rand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mixot.errors import AccuracyWarning, InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.em import EM
from mixot.imaging.canvas import Canvas, Space, quantize
from mixot.imaging.guided import guided_filter
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit, Progress, ProgressCallback
from mixot.transport.maps import TransportMap
from mixot.verbs import fit

_CELL = 1 / 64  # side of the cells in which colors are counted; four of the 256 steps of an 8-bit channel
_WITHIN = _CELL**2 / 12  # variance inside a cell (Sheppard's correction), given back to every component
_EDGE = 1e-3  # variance of color in a window above which the smoothed displacement follows the picture
_LOW = {"rgb": (0.0, 0.0, 0.0), "lab": (0.0, -1.28, -1.28)}
_HIGH = {"rgb": (1.0, 1.0, 1.0), "lab": (1.0, 1.28, 1.28)}


def fit_canvas(
    canvas: Canvas,
    k: int | None,
    k_max: int | None,
    space: Space,
    structure: str,
    rng: Any,
    progress: ProgressCallback | None,
) -> Fit:
    """The mixture fitted to the counted colors; no component narrower than the spread inside their cells."""
    if space not in _LOW:
        raise InputError(f"space must be 'rgb' or 'lab', got {space!r}")
    colors = _count(canvas, space)
    k = k if k is None else min(k, len(colors))
    em = EM() if k_max is None else EM(k_max=k_max)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # flat pictures are no accident; Fit.notes keeps the remarks
        fitted = fit(colors, k=k, method=em, structure=structure, rng=rng, progress=progress)
    return replace(fitted, mixture=_widened(fitted.mixture))


def _widened(mixture: Mixture) -> Mixture:
    """The mixture with the variance that was lost in the cells, so that no component is flat."""
    parts = mixture.components
    if isinstance(parts, DiagonalGaussian):
        return Mixture(mixture.weights, DiagonalGaussian(parts.means, parts.variances + _WITHIN))
    return Mixture(mixture.weights, Gaussian(parts.mean(), parts.cov() + _WITHIN * np.eye(3)))


def _count(canvas: Canvas, space: Space) -> Samples:
    """The colors of a picture as weighted points: mean and mass of the pixels in each cell of a fine grid."""
    low = np.array(_LOW[space], dtype=np.float32)
    shape = np.ceil((np.array(_HIGH[space]) - low) / _CELL - 1e-6).astype(int)
    width = canvas.colors.shape[1]
    totals, counts = np.zeros((4, int(shape.prod()))), canvas.weights
    for rows, colors in canvas.blocks(space):
        cell = np.clip(((colors - low) / np.float32(_CELL)).astype(np.int32), 0, shape - 1)
        code = np.ravel_multi_index(tuple(cell.T), tuple(shape))
        part = slice(rows.start * width, rows.stop * width)
        mass = np.ones(len(colors)) if counts is None else counts[part].astype(np.float64)
        totals[0] += np.bincount(code, mass, totals.shape[1])
        for j in range(3):
            totals[1 + j] += np.bincount(code, mass * colors[:, j], totals.shape[1])
    # A photograph of any size has some ten thousand cells, so that fits cost next to nothing.
    seen = np.flatnonzero(totals[0])
    if len(seen) == 0:
        where = "everywhere: it has no colors to fit"
        if canvas.mask is not None:
            where = "wherever the mask lets it count: nothing is left"
        raise InputError(f"the picture is transparent {where}")
    mass = totals[0, seen]
    # Means and masses are exact; the variance that is lost inside the cells is _WITHIN, which the fit adds back.
    return Samples((totals[1:, seen] / mass).T, mass / mass.sum())


def mover(moved_by: TransportMap, kind: str, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """The mean map, or draws of the random one, on colors (n, 3)."""
    if kind == "random":
        return lambda colors: np.asarray(moved_by.sample(colors, rng=rng), dtype=np.float32)
    return lambda colors: np.asarray(moved_by(colors), dtype=np.float32)


def move_by_components(
    canvas: Canvas,
    move: Callable[[np.ndarray], np.ndarray],
    space: Space,
    smooth: float | int | None,
    progress: ProgressCallback | None,
) -> np.ndarray:
    """Move every pixel, (h, w, 3) of the caller's type."""
    height, width = canvas.colors.shape[:2]
    out = np.empty((height, width, 3), canvas.colors.dtype)
    if smooth is None or smooth <= 0:
        for rows, colors in canvas.blocks(space):
            out[rows] = quantize(move(colors), canvas, space).reshape(-1, width, 3)
            tell(progress, rows.stop, height)
        return out
    before, field = (np.empty((height, width, 3), np.float32) for _ in range(2))
    for rows, colors in canvas.blocks(space):
        before[rows] = colors.reshape(-1, width, 3)
        field[rows] = (move(colors) - colors).reshape(-1, width, 3)
        tell(progress, rows.stop, height)
    after = guided_filter(before, field, radius=smooth, eps=_EDGE)
    after += before
    for rows, _ in canvas.blocks("rgb"):
        out[rows] = quantize(after[rows].reshape(-1, 3), canvas, space).reshape(-1, width, 3)
    return out


def tell(progress: ProgressCallback | None, step: int, total: int) -> None:
    """Report that so many rows are moved."""
    if progress is not None:
        progress(Progress("moving colors", step, total))
