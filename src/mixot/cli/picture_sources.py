"""Pictures as inputs of a command: their colors as points or a mixture, or a density on their sheet, with masks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from mixot.cli.arguments import Options
from mixot.cli.console import note, working
from mixot.errors import AccuracyWarning, InputError
from mixot.io import Frames, Picture, read_frames, read_picture
from mixot.io.pictures.formats import format_of
from mixot.measures import Grid, Samples
from mixot.results import Fit, ProgressCallback

COLORS = ("red", "green", "blue")


def each_masked(paths: Sequence[Path], kinds: Sequence[str], options: Options) -> list[Options]:
    """The options for each input, with the mask of its own."""
    if not options.mask:
        return [options] * len(paths)
    return [replace(options, mask=None if mask is None else (mask,)) for mask in masks_of(paths, kinds, options.mask)]


def masks_of(paths: Sequence[Path], kinds: Sequence[str], masks: Sequence[Path] | None) -> list[Path | None]:
    """The mask of each input: of several pictures one for all, or one for each, in their order; None of others."""
    if not masks:
        return [None] * len(paths)
    pictures = sum(kind == "picture" for kind in kinds)
    if not pictures:
        raise InputError(f"{paths[0]}: --mask is for pictures; leave it out")
    if len(masks) not in (1, pictures):
        raise InputError(
            f"--mask was given {len(masks)} times, and there are {pictures} pictures; give one for all, or one for each"
        )
    left = list(masks) * pictures if len(masks) == 1 else list(masks)
    return [left.pop(0) if kind == "picture" else None for kind in kinds]


def told_picture(path: Path) -> Picture:
    """The picture in a file; what of it did not come is told."""
    picture = read_picture(path)
    for text in picture.notes:
        note(f"{path}: {text}")
    return picture


def told_frames(path: Path, output: Path) -> Frames:
    """All frames or pages of a file, or the first where ``output`` can hold one; what did not come is told."""
    if not format_of(output).holds_many:
        return Frames((told_picture(path),))
    frames = read_frames(path)
    for text in frames.notes:
        note(f"{path}: {text}")
    return frames


def mask_of(options: Options) -> np.ndarray | None:
    """The pixels of the mask that is typed for a picture."""
    return mask_in(options.mask[0] if options.mask else None)


def mask_in(path: Path | None) -> np.ndarray | None:
    """The pixels of a mask, if there is one; what of it did not come is told."""
    return None if path is None else told_picture(path).pixels


def colors_of(path: Path, options: Options) -> Samples:
    """The colors of a picture as points of red, green and blue, weighted by transparency and by its mask."""
    return _weighted(path, told_picture(path), options)


def _weighted(path: Path, picture: Picture, options: Options) -> Samples:
    with naming(path):
        colors = picture.samples(mask_of(options))
    if picture.has_alpha and colors.weights.min() < colors.weights.max():
        note(f"{path}: its pixels count as far as they are opaque")
    return colors if colors.dim == 3 else colors.moved(colors.points.repeat(3, axis=1))


def density_of(path: Path, options: Options, *, bright: bool) -> Grid:
    """A picture as a density on its sheet: its darkness, or its light, where its mask lets it count."""
    from mixot.imaging.stipple import density

    with naming(path):
        return density(told_picture(path).pixels, bright=bright, mask=mask_of(options))


def fitted_colors(path: Path, options: Options) -> tuple[Fit, Samples]:
    """A mixture that was fitted to the colors of a picture, and those colors that counted."""
    from mixot.imaging.color import fit_colors

    picture = told_picture(path)
    colors = _weighted(path, picture, options)
    with working(f"fitting {path.name}", quiet=options.quiet) as progress, naming(path):
        found = fit_colors(
            picture.pixels,
            k=options.k,
            k_max=options.k_max,
            structure=options.structure,
            mask=mask_of(options),
            rng=options.seed,
            progress=progress,
        )
        if options.method == "wasserstein":
            found = _nearest(colors, found, options, progress)
    seen = colors.weights > 0
    return found, colors if seen.all() else colors.take(np.flatnonzero(seen))


def _nearest(colors: Samples, start: Fit, options: Options, progress: ProgressCallback | None) -> Fit:
    """The mixture of least W2 to the colors of all pixels, from one that was fitted to them; equal pixels are one."""
    from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein
    from mixot.verbs import fit  # only now: a picture that is recolored needs no solver

    different, at = np.unique(colors.points, axis=0, return_inverse=True)
    masses = np.bincount(at.ravel(), colors.weights)
    seen = masses > 0
    method = MinimumWasserstein(start=start.mixture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = fit(
            Samples(different[seen], masses[seen] / masses[seen].sum()),
            method=method,
            structure=options.structure,
            progress=progress,
        )
    return replace(found, candidates=start.candidates)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what is wrong with pixels name their file."""
    try:
        yield
    except InputError as wrong:
        raise InputError(f"{path}: {wrong}") from None
