"""Color transfer: a picture's content in another picture's colors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mixot._checks import as_generator
from mixot._shapes import Float
from mixot.display import cards
from mixot.errors import AccuracyWarning, InputError
from mixot.extras import require
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.em import EM
from mixot.formulas.color_profiles import as_pixels
from mixot.formulas.pixel_weights import counted, mask_values
from mixot.imaging.guided import guided_filter
from mixot.imaging.swatches import swatches_of
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.results import Fit, Progress, ProgressCallback
from mixot.transport.maps import TransportMap
from mixot.verbs import fit, transport_map

__all__ = ["Palette", "Space", "fit_colors", "transfer"]

Space = Literal["rgb", "lab"]

_CELL = 1 / 64  # side of the cells in which colors are counted; four of the 256 steps of an 8-bit channel
_WITHIN = _CELL**2 / 12  # variance inside a cell (Sheppard's correction), given back to every component
_BLOCK = 1 << 18  # pixels that are converted and moved at a time
_EDGE = 1e-3  # variance of color in a window above which the smoothed displacement follows the picture
_LOW = {"rgb": (0.0, 0.0, 0.0), "lab": (0.0, -1.28, -1.28)}
_HIGH = {"rgb": (1.0, 1.0, 1.0), "lab": (1.0, 1.28, 1.28)}


@dataclass(frozen=True, eq=False)
class Palette:
    """The colors of a picture as a mixture, fitted once and given to as many pictures as one likes.

    ``mixture`` lives in ``space``: "rgb", values in [0, 1]; "lab", CIE L*a*b* (D65) divided by 100.
    ``grey`` says that the picture had one channel.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sunset = Palette.of(rng.random((32, 32, 3)), k=2, rng=0)
    >>> [transfer(frame, sunset, k=2, rng=0).shape for frame in rng.random((2, 16, 16, 3))]
    [(16, 16, 3), (16, 16, 3)]
    """

    mixture: Mixture
    space: Space = "rgb"
    grey: bool = False

    def __post_init__(self) -> None:
        if self.mixture.dim != 3:
            raise InputError(f"a palette is a mixture of colors, of dimension 3, got dimension {self.mixture.dim}")
        if self.space not in _LOW:
            raise InputError(f"space must be 'rgb' or 'lab', got {self.space!r}")

    @classmethod
    def of(
        cls,
        image: Any,
        *,
        k: int | None = 10,
        space: Space = "rgb",
        structure: str = "full",
        mask: Any = None,
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> Palette:
        """Fit k components to the colors of ``image`` (fewer, if it has fewer colors; k = None chooses by BIC).

        With ``mask``, as in `transfer`, only to those that it lets in.
        """
        canvas = _Canvas.of(image, mask)
        fitted = _fit_canvas(canvas, k, None, space, structure, rng, progress)
        return cls(fitted.mixture, space, canvas.grey)

    def _repr_html_(self) -> str:
        colors = swatches_of(self.mixture, self.space)
        return cards.palette_card([(each.hex, each.percent, each.share) for each in colors], self.space)


def transfer(
    image: Any,
    palette: Any,
    *,
    k: int | None = 10,
    kind: Literal["mean", "random"] = "mean",
    space: Space = "rgb",
    smooth: float | int | None = None,
    structure: str = "full",
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> np.ndarray:
    """Return ``image`` with the colors of ``palette``, an array of the same type and range.

    A mixture is fitted to the colors of each, and every pixel moves by the map between the two: ``T_mean``, or, with
    ``kind="random"``, ``T_rand``, which reaches the palette more closely and is noisier.

    Parameters
    ----------
    image : array (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4)
        uint8, uint16, or floats in [0, 1]. Two and four channels end in alpha, which stays as it is; a pixel counts
        in the fit by how opaque it is.
    palette : array or Palette
        A picture of any size and of any of these types, or what `Palette.of` made of one.
    k : int or None
        Components of each mixture; about ten is best for photographs, None chooses by BIC.
    kind : "mean" or "random"
        Which map.
    space : "rgb" or "lab"
        In "lab" equal distances look equally different (it needs ``pip install "mixot[image]"``).
    smooth : float, optional
        Radius, in pixels, of a guided filter of the displacement ``T(u) - u`` with the picture as its guide; it takes
        away the grain that strong transfers bring out in flat regions. Without it every pixel is left to itself.
    structure : str
        Of the covariances: "full", "diagonal", "spherical" or "tied".
    mask : array (h, w) or (h, w, 1 to 4), optional
        A picture of the size of ``image`` that says where it is recolored: white is, black is not, grey partly, and
        what is transparent as far as it is opaque. The fit counts the colors in the same way.
    rng : seed, Generator or None
        For the fits and the random map.
    progress : callable, optional
        Called with a `Progress` after each iteration and each block of rows.

    A grey picture stays grey under a grey palette and becomes color (h, w, 3 or 4) under a palette of colors, by
    brightness: dark greys take the palette's dark colors.

    Raises
    ------
    InputError
        On another shape or type, floats outside [0, 1], a palette in another space, or a mask of another size or that
        is black everywhere.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> warm = np.uint8([230, 160, 90]) + rng.integers(0, 20, (24, 24, 3), dtype=np.uint8)
    >>> cold = np.uint8([60, 90, 160]) + rng.integers(0, 20, (24, 24, 3), dtype=np.uint8)
    >>> bool(abs(transfer(cold, warm, k=1, rng=0).mean() - warm.mean()) < 1)
    True

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, section 7.1.
    """
    canvas = _Canvas.of(image, mask)
    generator = as_generator(rng)
    if not isinstance(palette, Palette):
        palette = Palette.of(palette, k=k, space=space, structure=structure, rng=generator, progress=progress)
    if palette.space != space:
        raise InputError(f"the palette was fitted in the space {palette.space!r}, and {space!r} was asked for")
    if kind not in ("mean", "random"):
        raise InputError(f"kind must be 'mean' or 'random', got {kind!r}")
    if canvas.alpha is not None and not canvas.alpha.any():
        return canvas.finish(canvas.colors.copy(), grey=canvas.grey)  # nothing to be seen
    source = _fit_canvas(canvas, k, None, space, structure, generator, progress)
    move = _mover(transport_map(source.mixture, palette.mixture, kind=kind), kind, generator)
    moved = _recolor(canvas, move, space, smooth, progress)
    return canvas.finish(canvas.blended(moved), grey=canvas.grey and palette.grey)


@dataclass(frozen=True, eq=False)
class _Canvas:
    """A picture taken apart: ``colors`` (h, w, 1 or 3) of the caller's type, ``alpha`` (h, w, 1) if there is any.

    ``share`` is how much a mask lets each pixel change, (h, w) in [0, 1].
    """

    colors: np.ndarray
    alpha: np.ndarray | None
    shape: tuple[int, ...]
    share: np.ndarray | None = None

    @classmethod
    def of(cls, image: Any, mask: Any = None) -> _Canvas:
        pixels = as_pixels(image)
        if pixels.dtype not in (np.uint8, np.uint16) and pixels.dtype.kind != "f":
            raise InputError(f"a picture must be uint8, uint16 or floats in [0, 1], got {pixels.dtype}")
        if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] > 4):
            raise InputError(f"a picture must have shape (h, w) or (h, w, 1 to 4), got {pixels.shape}")
        if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN fails both
            raise InputError(f"floats must lie in [0, 1], got {pixels.min():g} to {pixels.max():g}; divide first")
        stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
        opaque = stacked.shape[2] in (1, 3)
        share = None if mask is None else mask_values(as_pixels(mask), pixels.shape)
        colors, alpha = (stacked, None) if opaque else (stacked[:, :, :-1], stacked[:, :, -1:])
        return cls(colors, alpha, pixels.shape, share)

    @property
    def grey(self) -> bool:
        return self.colors.shape[2] == 1

    @property
    def top(self) -> float:
        """The value that stands for full brightness."""
        return float(np.iinfo(self.colors.dtype).max) if self.colors.dtype.kind == "u" else 1.0

    def weights(self) -> np.ndarray | None:
        """How much each pixel counts in a fit, (h w,); None where all count alike."""
        found = counted(None if self.alpha is None else self.alpha[:, :, 0], self.share)
        return None if found is None else found.ravel()

    def blocks(self, space: Space) -> Iterator[tuple[slice, Float[np.ndarray, "n 3"]]]:
        """Rows of the picture with their colors in ``space``, about `_BLOCK` pixels at a time, float32."""
        height, width = self.colors.shape[:2]
        step = max(1, _BLOCK // width)
        for start in range(0, height, step):
            rows = slice(start, min(start + step, height))
            colors = self.colors[rows].reshape(-1, self.colors.shape[2]).astype(np.float32) / np.float32(self.top)
            rgb = np.repeat(colors, 3, axis=1) if self.grey else colors
            yield rows, _to_lab(rgb) if space == "lab" else rgb

    def blended(self, moved: np.ndarray) -> np.ndarray:
        """Colors that have moved, (h, w, 3), as far as the mask lets them; outside of it they stay to the last bit."""
        if self.share is None:
            return moved
        out = np.empty_like(moved)
        kind = np.result_type(moved.dtype, np.float32) if moved.dtype.kind == "f" else np.float32
        for row in range(len(moved)):  # row by row: a mask costs no memory for the whole picture
            share, before = self.share[row, :, None], self.colors[row].astype(kind)
            mixed = before + share * (moved[row].astype(kind) - before)
            out[row] = mixed if moved.dtype.kind == "f" else mixed + np.float32(0.5)
        return out

    def finish(self, colors: np.ndarray, *, grey: bool) -> np.ndarray:
        """The picture put together again: alpha as it was, the shape that came in where the channels allow it."""
        out = colors if not grey else colors[:, :, :1]
        if self.alpha is not None:
            out = np.concatenate([out, self.alpha], axis=2)
        return out.reshape(self.shape) if out.size == np.prod(self.shape) else out


def fit_colors(
    image: Any,
    *,
    k: int | None = 10,
    k_max: int | None = None,
    space: Space = "rgb",
    structure: str = "full",
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Fit:
    """Return the mixture of k components fitted to the colors of a picture, always in three dimensions.

    The arguments are those of `transfer`; ``k = None`` tries up to ``k_max`` components. The colors are counted in
    cells of side 1/64 first, so the time does not grow with the picture; the likelihood is that of the counted
    colors. No component is narrower than the spread inside such a cell (one step of the 256 of an 8-bit channel).
    """
    return _fit_canvas(_Canvas.of(image, mask), k, k_max, space, structure, rng, progress)


def _fit_canvas(
    canvas: _Canvas,
    k: int | None,
    k_max: int | None,
    space: Space,
    structure: str,
    rng: Any,
    progress: ProgressCallback | None,
) -> Fit:
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


def _count(canvas: _Canvas, space: Space) -> Samples:
    """The colors of a picture as weighted points: mean and mass of the pixels in each cell of a fine grid."""
    low = np.array(_LOW[space], dtype=np.float32)
    shape = np.ceil((np.array(_HIGH[space]) - low) / _CELL - 1e-6).astype(int)
    width = canvas.colors.shape[1]
    totals = np.zeros((4, int(shape.prod())))
    all_weights = canvas.weights()
    for rows, colors in canvas.blocks(space):
        cell = np.clip(((colors - low) / np.float32(_CELL)).astype(np.int32), 0, shape - 1)
        code = np.ravel_multi_index(tuple(cell.T), tuple(shape))
        weights = None if all_weights is None else all_weights[rows.start * width : rows.stop * width]
        mass = np.ones(len(colors)) if weights is None else weights.astype(np.float64)
        totals[0] += np.bincount(code, mass, totals.shape[1])
        for j in range(3):
            totals[1 + j] += np.bincount(code, mass * colors[:, j], totals.shape[1])
    # A photograph of any size has some ten thousand cells, so that fits cost next to nothing.
    seen = np.flatnonzero(totals[0])
    mass = totals[0, seen]
    # Means and masses are exact; the variance that is lost inside the cells is _WITHIN, which the fit adds back.
    return Samples((totals[1:, seen] / mass).T, mass / mass.sum())


def _mover(moved_by: TransportMap, kind: str, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    if kind == "random":
        return lambda colors: np.asarray(moved_by.sample(colors, rng=rng), dtype=np.float32)
    return lambda colors: np.asarray(moved_by(colors), dtype=np.float32)


def _recolor(
    canvas: _Canvas,
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
            out[rows] = _quantize(move(colors), canvas, space).reshape(-1, width, 3)
            _tell(progress, rows.stop, height)
        return out
    before, field = (np.empty((height, width, 3), np.float32) for _ in range(2))
    for rows, colors in canvas.blocks(space):
        before[rows] = colors.reshape(-1, width, 3)
        field[rows] = (move(colors) - colors).reshape(-1, width, 3)
        _tell(progress, rows.stop, height)
    after = guided_filter(before, field, radius=smooth, eps=_EDGE)
    after += before
    for rows, _ in canvas.blocks("rgb"):
        out[rows] = _quantize(after[rows].reshape(-1, 3), canvas, space).reshape(-1, width, 3)
    return out


def _quantize(colors: np.ndarray, canvas: _Canvas, space: Space) -> np.ndarray:
    rgb = np.clip(_from_lab(colors) if space == "lab" else colors, 0.0, 1.0)
    if canvas.colors.dtype.kind == "f":
        return rgb.astype(canvas.colors.dtype)
    return (rgb * np.float32(canvas.top) + np.float32(0.5)).astype(canvas.colors.dtype)


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    return (require("skimage.color", "image", "the perceptual space").rgb2lab(rgb) / 100).astype(np.float32)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    convert = require("skimage.color", "image", "the perceptual space").lab2rgb
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colors that no screen can show: they are clipped next
        return convert(lab * np.float32(100)).astype(np.float32)


def _tell(progress: ProgressCallback | None, step: int, total: int) -> None:
    if progress is not None:
        progress(Progress("moving colors", step, total))
