"""Color transfer: a picture's content in another picture's colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from mixot._checks import as_generator
from mixot.display import cards
from mixot.errors import InputError
from mixot.imaging.canvas import Canvas, Space
from mixot.imaging.natural import (
    ColorCounts,
    ColorTable,
    count_colors,
    mixture_counts,
    move_without_grain,
    natural_map,
)
from mixot.imaging.natural.color_map import SIZE, Keep
from mixot.imaging.natural.table import LARGEST
from mixot.imaging.swatches import swatches_of
from mixot.mixture import Mixture
from mixot.results import Fit, Progress, ProgressCallback

__all__ = [
    "Palette",
    "RecolorOptions",
    "Recoloring",
    "Space",
    "apply_table",
    "fit_colors",
    "recoloring",
    "recoloring_frames",
    "transfer",
]

_COMPONENTS = 10  # of the mixtures between which T_mean moves: best for photographs


@dataclass(frozen=True, eq=False)
class Palette:
    """The colors of a picture as a mixture, fitted once and given to as many pictures as one likes.

    ``mixture`` lives in ``space``: "rgb", values in [0, 1]; "lab", CIE L*a*b* (D65) divided by 100.
    ``grey`` says that the picture had one channel.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sunset = Palette.of(rng.random((32, 32, 3)), k=2, rng=0)
    >>> [transfer(frame, sunset).shape for frame in rng.random((2, 16, 16, 3))]
    [(16, 16, 3), (16, 16, 3)]
    """

    mixture: Mixture
    space: Space = "rgb"
    grey: bool = False

    def __post_init__(self) -> None:
        if self.mixture.dim != 3:
            raise InputError(f"a palette is a mixture of colors, of dimension 3, got dimension {self.mixture.dim}")
        if self.space not in get_args(Space):
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
        canvas = Canvas.of(image, mask)
        from mixot.imaging.component_maps import fit_canvas  # only now: it brings in all that fits mixtures

        fitted = fit_canvas(canvas, k, None, space, structure, rng, progress)
        return cls(fitted.mixture, space, canvas.grey)

    def _repr_html_(self) -> str:
        colors = swatches_of(self.mixture, self.space)
        return cards.palette_card([(each.hex, each.percent, each.share) for each in colors], self.space)


@dataclass(frozen=True)
class RecolorOptions:
    """What `recoloring` is to do: the options of `transfer`, where they are explained.

    ``table_size`` is the number of entries a side of the table of the natural map.
    """

    strength: float | int = 1.0
    keep: Keep | None = None
    gain: float | int | None = None
    grain: bool = True
    faithful: bool = False
    k: int | Literal["auto"] | None = "auto"
    kind: Literal["mean", "random"] | None = None
    space: Space | None = None
    smooth: float | int | None = None
    structure: str | None = None
    table_size: int = SIZE

    def __post_init__(self) -> None:
        if not 2 <= self.table_size <= LARGEST:
            raise InputError(f"a table has 2 to {LARGEST} entries a side, got {self.table_size}")
        if not 0 <= self.strength <= 1:
            raise InputError(f"strength must lie in [0, 1], got {self.strength:g}")
        if self.keep not in (None, *get_args(Keep)):
            raise InputError(f"keep must be 'lightness', 'neutrals' or None, got {self.keep!r}")
        if self.kind not in (None, "mean", "random"):
            raise InputError(f"kind must be 'mean' or 'random', got {self.kind!r}")
        natural = [name for name in ("keep", "gain") if getattr(self, name) is not None]
        if natural and self.by_components:
            mine, other = " and ".join(natural), "faithful" if self.faithful else " and ".join(self.of_components)
            raise InputError(
                f"{mine}: for the natural map; {other}: for the map between mixtures; choose one of the two"
            )

    @property
    def of_components(self) -> tuple[str, ...]:
        """The options given here that the natural map does not have."""
        given = {"k": self.k != "auto", "kind": self.kind, "space": self.space}
        given |= {"smooth": self.smooth is not None, "structure": self.structure}
        return tuple(name for name, value in given.items() if value)

    @property
    def components(self) -> int | None:
        """Components of each mixture; None for the number that BIC chooses."""
        return _COMPONENTS if self.k == "auto" else self.k

    @property
    def by_components(self) -> bool:
        """Whether the map of the paper is asked for, by name or by one of its options."""
        return self.faithful or bool(self.of_components)


@dataclass(frozen=True, eq=False, slots=True)
class Recoloring:
    """A picture in other colors: ``pixels``, and how it was made.

    ``map`` is "natural", or "mean" or "random" for the maps of the paper; ``space`` is where colors moved. Of the
    natural one there are ``table``, the map of colors that was applied, and ``gain``, the bound on how differences
    grow. ``notes`` say what else was done.
    """

    pixels: np.ndarray
    map: Literal["natural", "mean", "random"]
    space: Literal["oklab", "rgb", "lab"]
    table: ColorTable | None = None
    gain: float | None = None
    notes: tuple[str, ...] = ()


def transfer(
    image: Any,
    palette: Any,
    *,
    strength: float | int = 1.0,
    keep: Keep | None = None,
    gain: float | int | None = None,
    grain: bool = True,
    faithful: bool = False,
    mask: Any = None,
    k: int | Literal["auto"] | None = "auto",
    kind: Literal["mean", "random"] | None = None,
    space: Space | None = None,
    smooth: float | int | None = None,
    structure: str | None = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> np.ndarray:
    """Return ``image`` with the colors of ``palette``, an array of the same type and range.

    All colors move by one smooth map that lets no difference grow by more than ``gain`` (`natural_map`), so that skies
    stay whole; what is grain in the picture keeps its size. The map of the paper between mixtures, ``T_mean`` or
    ``T_rand``, comes closer to the palette and tears more: with ``faithful``, or with one of its options ``k``,
    ``kind``, ``space``, ``smooth`` and ``structure``. `recoloring` returns what was done, too.

    Parameters
    ----------
    image : array (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4)
        uint8, uint16, or floats in [0, 1]. Two and four channels end in alpha, which stays as it is; a pixel counts
        in the fit by how opaque it is.
    palette : array or Palette
        A picture of any size and of any of these types, or what `Palette.of` made of one.
    strength : float
        How far colors move, from 0 (not at all) to 1.
    keep : "lightness" or "neutrals", optional
        Change hue and chroma alone, or keep greys and whites without color. Whites stay in any case as far as the
        palette's own are neutral.
    gain : float, optional
        The bound, at least 1. Without it 2.5, and up to 3 where the picture's lightness spreads little.
    grain : bool
        Whether grain keeps its size; else it grows and shrinks like all differences of color.
    faithful : bool
        The map of the paper.
    mask : array (h, w), optional
        Truth values, or 0 to the largest value of the type (floats: to 1): how much each pixel counts in the fit, and
        how far it moves.
    k : int or None
        Components of each mixture; ten where nothing is given, None chooses by BIC.
    kind : "mean" or "random", optional
        Which map of the paper.
    space : "rgb" or "lab", optional
        In "lab" equal distances look equally different (it needs ``pip install "mixot[image]"``). A `Palette` says it
        itself.
    smooth : float, optional
        Radius, in pixels, of a guided filter of the displacement ``T(u) - u`` with the picture as its guide; it takes
        away the grain that strong transfers bring out in flat regions. Without it every pixel is left to itself.
    structure : str, optional
        Of the covariances: "full" where nothing is given, "diagonal", "spherical" or "tied".
    rng : seed, Generator or None
        For the fits and the random map. The natural map draws nothing.
    progress : callable, optional
        Called with a `Progress` after each iteration and each block of rows.

    A grey picture stays grey under a grey palette and becomes color (h, w, 3 or 4) under a palette of colors, by
    brightness: dark greys take the palette's dark colors.

    Raises
    ------
    InputError
        On another shape or type, floats outside [0, 1], a palette in another space, a mask of another size or without
        any pixel, an option outside its range, or options of both maps.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> warm = np.uint8([230, 160, 90]) + rng.integers(0, 20, (24, 24, 3), dtype=np.uint8)
    >>> cold = np.uint8([60, 90, 160]) + rng.integers(0, 20, (24, 24, 3), dtype=np.uint8)
    >>> bool(abs(transfer(cold, warm).mean() - warm.mean()) < 2)
    True

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, section 7.1: the
    maps between mixtures.
    """
    wanted = RecolorOptions(strength, keep, gain, grain, faithful, k, kind, space, smooth, structure)
    return recoloring(image, palette, wanted, mask=mask, rng=rng, progress=progress).pixels


def recoloring(
    image: Any,
    palette: Any,
    options: RecolorOptions | None = None,
    *,
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> Recoloring:
    """Return what `transfer` does with these options, and how it was done.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image, sunset = rng.random((2, 32, 32, 3))
    >>> done = recoloring(image, sunset, RecolorOptions(strength=0.5))
    >>> done.map, done.table.size, done.gain
    ('natural', 33, 2.5)
    """
    return recoloring_frames([image], palette, options, mask=mask, rng=rng, progress=progress)[0]


def recoloring_frames(
    images: Sequence[Any],
    palette: Any,
    options: RecolorOptions | None = None,
    *,
    mask: Any = None,
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> list[Recoloring]:
    """Return what `recoloring` does with pictures that belong together: one fit to all their colors, and one map.

    The same color goes to the same color in all of them, but for what is done about grain. ``mask`` has the size of
    each.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frames, sunset = rng.random((3, 16, 16, 3)), rng.random((16, 16, 3))
    >>> done = recoloring_frames(list(frames), sunset)
    >>> len(done), done[0].table is done[2].table
    (3, True)
    """
    wanted = RecolorOptions() if options is None else options
    parts = [Canvas.of(image, mask) for image in images]
    whole = Canvas.joined(parts)
    if whole.weights is not None and not whole.weights.any():
        if not isinstance(palette, Palette):
            Canvas.of(palette)
        unseen = "the picture is transparent wherever it counts: it was left as it is"
        name = (wanted.kind or "mean") if wanted.by_components else "natural"
        space = (wanted.space or "rgb") if wanted.by_components else "oklab"
        same = [part.finish(part.colors.copy(), grey=part.grey) for part in parts]
        return [Recoloring(pixels, name, space, notes=(unseen,)) for pixels in same]
    if wanted.by_components:
        return _by_components(whole, parts, palette, wanted, as_generator(rng), progress)
    return _naturally(whole, parts, palette, wanted, progress)


def palette_for(
    palette: Any, options: RecolorOptions, *, rng: Any = None, progress: ProgressCallback | None = None
) -> Any:
    """The palette as `recoloring` wants it for many pictures: for the map of the paper, a picture's as a mixture."""
    if isinstance(palette, Palette) or not options.by_components:
        return palette
    space, structure = options.space or "rgb", options.structure or "full"
    return Palette.of(palette, k=options.components, space=space, structure=structure, rng=rng, progress=progress)


def _naturally(
    whole: Canvas, parts: list[Canvas], palette: Any, wanted: RecolorOptions, progress: ProgressCallback | None
) -> list[Recoloring]:
    colors, grey = palette_counts(palette)
    found = natural_map(count_colors(whole.rgb.reshape(-1, 3), whole.weights), colors, gain=wanted.gain)
    table = found.table(wanted.strength, wanted.keep, size=wanted.table_size)
    done = []
    for number, part in enumerate(parts, 1):
        moved = _moved_by(table, part, grain=wanted.grain).astype(part.colors.dtype, copy=False)
        pixels = part.finish(moved, grey=part.grey and grey)
        done.append(Recoloring(pixels, "natural", "oklab", table, found.gain, found.notes))
        if progress is not None:
            progress(Progress("moving colors", number, len(parts)))
    return done


def _moved_by(table: ColorTable, canvas: Canvas, *, grain: bool) -> np.ndarray:
    """The colors (h, w, 3) of a canvas moved by a table, as far as its mask says."""
    photo, weights = canvas.rgb, canvas.weights
    if not grain:
        return canvas.masked(table(photo))
    # of a frame in which nothing counts, nobody sees how it moves
    seen = None if weights is None or not weights.any() else weights.reshape(photo.shape[:2])
    return move_without_grain(photo, table, weights=seen, amounts=canvas.mask)


def apply_table(image: Any, table: ColorTable, *, grain: bool = True, mask: Any = None) -> np.ndarray:
    """Return ``image`` through a table of colors, as `recoloring` moves it by its own; nothing is fitted.

    The arguments are those of `transfer`. A grey picture stays grey where the table has greys for all of its greys.

    Examples
    --------
    >>> negative = ColorTable(1 - ColorTable.identity(2).values)
    >>> apply_table(np.uint8([[255, 100, 0]]), negative, grain=False).tolist()
    [[0, 155, 255]]
    """
    canvas = Canvas.of(image, mask)
    moved = _moved_by(table, canvas, grain=grain).astype(canvas.colors.dtype, copy=False)
    grey = canvas.grey and bool((moved == moved[:, :, :1]).all())
    return canvas.finish(moved, grey=grey)


def palette_counts(palette: Any) -> tuple[ColorCounts, bool]:
    """The colors of a palette in Oklab, and whether they are greys."""
    if isinstance(palette, Palette):
        return mixture_counts(palette.mixture, palette.space), palette.grey
    canvas = Canvas.of(palette)
    if canvas.weights is not None and not canvas.weights.any():
        raise InputError("the palette is transparent everywhere: it has no colors")
    return count_colors(canvas.rgb.reshape(-1, 3), canvas.weights), canvas.grey


def _by_components(
    whole: Canvas,
    parts: list[Canvas],
    palette: Any,
    wanted: RecolorOptions,
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> list[Recoloring]:
    palette = palette_for(palette, wanted, rng=rng, progress=progress)
    kind, space = wanted.kind or "mean", palette.space
    if wanted.space not in (None, space):
        raise InputError(f"the palette was fitted in the space {space!r}, and {wanted.space!r} was asked for")
    from mixot.imaging.component_maps import fit_canvas, move_by_components, mover
    from mixot.verbs import transport_map

    source = fit_canvas(whole, wanted.components, None, space, wanted.structure or "full", rng, progress)
    full = mover(transport_map(source.mixture, palette.mixture, kind=kind), kind, rng)
    strength = np.float32(wanted.strength)
    partly = full if strength == 1 else lambda colors: colors + strength * (full(colors) - colors)
    notes = () if wanted.faithful else (_chosen(wanted.of_components),)
    done = []
    for part in parts:
        moved = part.masked(move_by_components(part, partly, space, wanted.smooth, progress))
        pixels = part.finish(moved, grey=part.grey and palette.grey)
        done.append(Recoloring(pixels, kind, space, notes=notes))
    return done


def _chosen(given: tuple[str, ...]) -> str:
    names = " and ".join(given)
    verb = "belongs" if len(given) == 1 else "belong"
    return f"{names} {verb} to the map between mixtures, which was used instead of the natural one"


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

    The arguments are those of `Palette.of`; ``k = None`` tries up to ``k_max`` components. The colors are counted in
    cells of side 1/64 first, so the time does not grow with the picture; the likelihood is that of the counted
    colors. No component is narrower than the spread inside such a cell (one step of the 256 of an 8-bit channel).
    """
    from mixot.imaging.component_maps import fit_canvas

    return fit_canvas(Canvas.of(image, mask), k, k_max, space, structure, rng, progress)
