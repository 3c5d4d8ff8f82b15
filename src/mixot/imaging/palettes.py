"""Palettes kept in files, and averages of several: what lies between the colors of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mixot._checks import as_generator
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.imaging.color import Palette, Space
from mixot.imaging.swatches import swatches_of
from mixot.io import models
from mixot.io.atomic import check_target, replacing
from mixot.io.contents import Content
from mixot.results import ProgressCallback
from mixot.tallies import check_weights
from mixot.verbs import barycenter

__all__ = ["as_palettes", "average_palettes", "corner_weights", "load_palette", "save_palette"]

# The names of the coordinates in a file: palettes of two spaces are then told apart wherever models are read.
_AXES = {"rgb": ("red", "green", "blue"), "lab": ("L*/100", "a*/100", "b*/100")}
SUFFIX = ".json"


def average_palettes(palettes: Sequence[Palette], weights: Any = None) -> Palette:
    """Return the palette between several: the exact barycenter of their mixtures under MW2.

    Colors of one palette meet those of the others by the plan of least cost, so that a blue half-way to an orange is
    one color between, and not some of both. It has at most ``sum K - J + 1`` components; with weight 1 on one palette
    it is that palette.

    Parameters
    ----------
    palettes : sequence of Palette
        All in one space.
    weights : (J,), optional
        Shares that sum to one; equal where not given.

    Raises
    ------
    InputError
        Where there is no palette, they live in different spaces, or the weights are no shares.

    Examples
    --------
    >>> from mixot import Gaussian, Mixture
    >>> dark, light = (Palette(Mixture([1.0], Gaussian([[x] * 3], [0.01 * np.eye(3)]))) for x in (0.2, 0.8))
    >>> average_palettes([dark, light], [0.25, 0.75]).mixture.components.means.round(3).tolist()
    [[0.65, 0.65, 0.65]]

    References
    ----------
    Delon and Desolneux, *A Wasserstein-type distance in the space of Gaussian mixture models*, 2020, section 5 and
    Figure 11.
    """
    given = list(palettes)
    if not given:
        raise InputError("expected palettes to average, got none")
    spaces = [palette.space for palette in given]
    if len(set(spaces)) > 1:
        raise InputError(f"palettes must live in one space, got {', '.join(spaces)}; fit them alike")
    shares = np.full(len(given), 1 / len(given)) if weights is None else check_weights(weights, len(given), "palettes")
    mean = barycenter([palette.mixture for palette in given], shares).mixture
    seen = [palette for palette, share in zip(given, shares, strict=True) if share > 0]
    return Palette(mean, given[0].space, all(palette.grey for palette in seen))


def as_palettes(
    palettes: Sequence[Any],
    *,
    k: int | None = 10,
    space: Space | None = None,
    structure: str = "full",
    rng: Any = None,
    progress: ProgressCallback | None = None,
) -> list[Palette]:
    """Return palettes as they are, and those of pictures among them, fitted in ``space``.

    Where no space is given, it is that of the first palette that has one, else "rgb".
    """
    fitted: list[Space] = [each.space for each in palettes if isinstance(each, Palette)]
    where: Space = space or (fitted[0] if fitted else "rgb")
    options: dict[str, Any] = {"k": k, "space": where, "structure": structure, "progress": progress}
    seeds = as_generator(rng).spawn(len(palettes))  # one each: a palette is the same whatever stands before it
    return [
        each if isinstance(each, Palette) else Palette.of(each, **options, rng=seed)
        for each, seed in zip(palettes, seeds, strict=True)
    ]


def corner_weights(count: int, size: int) -> list[list[Float[np.ndarray, " j"]]]:
    """Rows of weights from corner to corner: a row for two palettes, a triangle for three, a square for four.

    With ``size`` steps along each side. The corners stand, for two, left and right; for three, on top, below on the
    left and on the right; for four, from the left on top to the right below.

    Raises
    ------
    InputError
        Where there are other numbers of palettes, or ``size`` is below 2.

    Examples
    --------
    >>> [[weights.tolist() for weights in row] for row in corner_weights(3, 2)]
    [[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    if count not in (2, 3, 4):
        raise InputError(f"a grid lies between two, three or four palettes, got {count}")
    if size < 2:
        raise InputError(f"a grid has at least 2 steps along a side, got {size}")
    last = size - 1
    if count == 2:
        return [[np.array([last - j, j]) / last for j in range(size)]]
    if count == 3:
        return [[np.array([last - i, i - j, j]) / last for j in range(i + 1)] for i in range(size)]
    pairs = [np.array([last - i, i]) / last for i in range(size)]
    return [[np.outer(down, across).ravel() for across in pairs] for down in pairs]


def save_palette(palette: Palette, path: str | os.PathLike[str]) -> None:
    """Write a palette so that `load_palette` gives it back to the last bit, its space and greyness with it.

    The file is a model in JSON with the space, and the colors of its components in hex for people to read; `mixot.load`
    and the commands read it as the mixture that it is.

    Raises
    ------
    InputError
        Where the file cannot be written, or its extension is not ``.json``.

    Examples
    --------
    >>> import tempfile
    >>> sunset = Palette.of(np.random.default_rng(0).random((16, 16, 3)), k=2, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_palette(sunset, f"{folder}/sunset.json")
    ...     load_palette(f"{folder}/sunset.json").space
    'rgb'
    """
    target = check_target(path, (SUFFIX,))
    named = palette.mixture.named(_AXES[palette.space])
    by_component = {"colors": [each.hex for each in swatches_of(palette.mixture, palette.space)]}
    more: dict[str, Any] = {"format": models.PALETTE, "space": palette.space, "grey": palette.grey, **by_component}
    text = models.text_of(named, more)
    with replacing(target) as file:
        file.write(text.encode())


def load_palette(path: str | os.PathLike[str]) -> Palette:
    """Return the palette that `save_palette` wrote; a model of colors (`mixot.save`) is a palette in "rgb".

    Raises
    ------
    InputError
        As `mixot.load` does, and where the model is not of colors or its space is not known here.
    """
    document, content = models.document_of(path)
    mixture = models.mixture_of(document, content)
    if document.get("format") != models.PALETTE:
        return _palette(mixture, "rgb", False, content)
    grey = document.get("grey")
    if not isinstance(grey, bool):
        raise InputError(f"{path}: grey must be true or false, got {grey!r}; save the palette again")
    return _palette(mixture, document.get("space"), grey, content)


def _palette(mixture: Any, space: Any, grey: bool, content: Content) -> Palette:
    if space not in _AXES:
        raise InputError(f"{content}: the space must be one of {', '.join(_AXES)}, got {space!r}")
    try:
        return Palette(mixture, space, grey)
    except InputError as wrong:
        raise InputError(f"{content}: {wrong}") from wrong
