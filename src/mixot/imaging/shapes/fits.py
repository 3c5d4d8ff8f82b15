"""A mixture for the ink of a picture, which turns and mirrors with the picture."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.errors import AccuracyWarning
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.em import EM
from mixot.imaging.shapes.frames import Frame, mirror_axis
from mixot.imaging.shapes.symmetry import Mirror
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit, ProgressCallback

_FINE = 128  # pixels along the longer side that a fit sees; larger pictures are averaged down to that
_COARSE = 64  # and of those in which a mirror is looked for
_FAINT = 1e-3  # of the darkest pixel: what is below is left out
_POLISH = 100  # iterations from a mixture that was made symmetric


@dataclass(frozen=True, eq=False)
class Pixels:
    """Middles of pixels with ink, in units of the longer side about the picture's middle, x right and y down."""

    points: Float[np.ndarray, "n 2"]
    weights: Float[np.ndarray, " n"]
    variance: float  # of the place inside a pixel, along each axis

    @classmethod
    def of(cls, mass: Float[np.ndarray, "h w"], finest: int = _FINE) -> Pixels:
        """The ink of a picture, averaged down to ``finest`` pixels along its longer side."""
        longer = max(mass.shape)
        coarse = averaged_down(mass, finest)
        sides = [longer_side / longer / n for longer_side, n in zip(mass.shape, coarse.shape, strict=True)]
        rows, cols = np.nonzero(coarse > _FAINT * coarse.max())
        weights = coarse[rows, cols]
        y, x = ((i + 0.5 - n / 2) * side for i, n, side in zip((rows, cols), coarse.shape, sides, strict=True))
        return cls(np.stack([x, y], axis=1), weights / weights.sum(), sides[0] * sides[1] / 12)


def averaged_down(mass: Float[np.ndarray, "h w"], finest: int) -> Float[np.ndarray, "y x"]:
    """Means over cells, ``finest`` of them along the longer side, which cut pixels where they must; mirrors commute."""
    longer = max(mass.shape)
    if longer <= finest:
        return mass
    rows, cols = (_shares(size, max(1, round(size * finest / longer))) for size in mass.shape)
    return rows @ mass @ cols.T


def _shares(size: int, cells: int) -> Float[np.ndarray, "c s"]:
    """Share of each pixel in each cell, along one axis; the rows add up to one."""
    low = np.arange(cells)[:, None] * (size / cells)
    pixel = np.arange(size)
    inside = np.minimum(low + size / cells, pixel + 1) - np.maximum(low, pixel)
    return np.clip(inside, 0.0, 1.0) * (cells / size)


def fit_ink(
    mass: Float[np.ndarray, "h w"], k: int, *, symmetric: bool, rng: Any, progress: ProgressCallback | None
) -> tuple[Mixture[Gaussian], Mirror | None, tuple[str, ...]]:
    """Return a mixture fitted to ink, the mirror that leaves it as it is, if there is one, and notes.

    Maximum likelihood, weighted by ink, of the density that is even in each pixel: the width of pixels is part of
    every covariance. Pixels are seen from axes of the ink's own and in an order of their own, so that a picture that
    was mirrored or turned by right angles has the mirrored or turned fit. Ink that is its own mirror image gets a fit
    that is, too: components are paired with their images, averaged, and fitted on to ink and image.
    """
    pixels = Pixels.of(mass)
    notes: tuple[str, ...] = ()
    if len(pixels.weights) < k:
        notes += (f"{len(pixels.weights)} pixels have ink, so that it has as many components instead of {k}",)
        k = len(pixels.weights)
    if len(pixels.weights) == 1:
        return Mixture([1.0], Gaussian(pixels.points, [pixels.variance * np.eye(2)])), None, notes
    frame = Frame.of(pixels.points, pixels.weights)
    fitted = _fitted(frame, pixels, k, rng, progress)
    if not fitted.status.solved:
        notes += (f"the fit {fitted.status.advice}",)
    mixture = _back(frame, fitted.mixture)
    found = mirror_axis(averaged_down(mass, _COARSE)) if symmetric else None
    if found is None:
        return mixture, None, notes
    mirror = Mirror(frame.center + found.offset, found.angle)
    if found.share < 0.99:
        notes += (
            f"taken as its own mirror image at {found.angle:g} degrees, with which {found.share:.1%} of it agrees",
        )
    return _symmetric(mixture, mirror, pixels), mirror, notes


def _fitted(frame: Frame, pixels: Pixels, k: int, rng: Any, progress: ProgressCallback | None) -> Fit:
    # Rounded, so that pictures that were turned give the same bits: the choice among starts hangs on the last of them.
    inside = np.round(frame.inside(pixels.points) / frame.spread, 9)
    order = np.lexsort(inside.T)
    weights = np.round(pixels.weights / pixels.weights.max(), 9)[order]
    # Both coordinates have variance one, so that what reg adds to them is the same in all directions.
    em = EM(reg=float(f"{pixels.variance / frame.spread**2:.9g}"))
    return _quietly(Samples(inside[order], weights / weights.sum()), em, k, rng, progress)


def _back(frame: Frame, mixture: Mixture) -> Mixture[Gaussian]:
    there = mixture.affine(frame.spread * frame.axes.T, frame.center)
    return Mixture(there.weights, Gaussian(there.components.mean(), there.components.cov()))


def _symmetric(mixture: Mixture[Gaussian], mirror: Mirror, pixels: Pixels) -> Mixture[Gaussian]:
    start = mirror.symmetrized(mixture, mirror.pairs(mixture))
    points = np.concatenate([pixels.points, mirror.points(pixels.points)])
    both = replace(pixels, points=points, weights=np.tile(pixels.weights / 2, 2))
    frame = Frame.of(both.points, both.weights)
    inward = start.affine(frame.axes / frame.spread, -(frame.axes @ frame.center) / frame.spread)
    em = EM(reg=both.variance / frame.spread**2, start=inward, max_iter=_POLISH)
    samples = Samples(frame.inside(both.points) / frame.spread, both.weights)
    found = _back(frame, _quietly(samples, em, None, None, None).mixture)
    return mirror.symmetrized(found, mirror.pairs(found))  # rounding tears pairs apart, a little each time


def _quietly(samples: Samples, em: EM, k: int | None, rng: Any, progress: ProgressCallback | None) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # what matters of them stands in the notes
        return em.fit(samples, "gaussian", k=k, rng=rng, progress=progress)
