"""Swatches: the colors of a palette with their shares, as a list, as a picture, and in files of other programs."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError
from mixot.extras import require
from mixot.io.atomic import check_target, replacing
from mixot.io.pictures import Picture, write_picture

if TYPE_CHECKING:
    from mixot.mixture import Mixture

__all__ = ["SUFFIXES", "Swatch", "swatches_of", "write_swatches"]

SUFFIXES = (".png", ".svg", ".gpl", ".ase")
_CHIP, _BAR, _GAP, _ACROSS = 150, 110, 14, 6  # of the picture: sides in pixels, chips in a row
_TEXT, _PAPER = "#333333", "#ffffff"


@dataclass(frozen=True)
class Swatch:
    """A color of sRGB, 8 bits a channel, and its share of the picture, in (0, 1].

    Examples
    --------
    >>> Swatch((255, 128, 0), 0.25).hex
    '#ff8000'
    """

    rgb: tuple[int, int, int]
    share: float

    @property
    def hex(self) -> str:
        """The color as ``#rrggbb``."""
        return "#" + "".join(f"{value:02x}" for value in self.rgb)

    @property
    def percent(self) -> str:
        """The share in words, such as ``12 %``."""
        return f"{100 * self.share:.0f} %" if self.share >= 0.01 else f"{100 * self.share:.1g} %"


def swatches_of(mixture: Mixture, space: str) -> tuple[Swatch, ...]:
    """The means of the components as colors of sRGB, with their weights as shares, the largest first.

    Components without weight are left out. Means outside of what sRGB holds are cut to it.
    """
    colors = to_srgb(mixture.components.mean(), space)
    steps = np.rint(np.clip(colors, 0.0, 1.0) * 255).astype(int)
    order = np.argsort(-mixture.weights, kind="stable")
    return tuple(
        Swatch((int(steps[j, 0]), int(steps[j, 1]), int(steps[j, 2])), float(mixture.weights[j]))
        for j in order[mixture.weights[order] > 0]
    )


def to_srgb(colors: Float[np.ndarray, "k 3"], space: str) -> Float[np.ndarray, "k 3"]:
    """Colors of a space as sRGB; 0 to 1 is what it holds."""
    if space == "rgb":
        return colors
    convert = require("skimage.color", "image", "the perceptual space").lab2rgb
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colors that no screen can show: they are cut
        return np.asarray(convert(colors * 100))


def write_swatches(path: str | os.PathLike[str], swatches: Sequence[Swatch], *, title: str = "palette") -> None:
    """Write swatches as a picture (.png, .svg), or for other programs: GIMP's ``.gpl``, Adobe's ``.ase``.

    Raises
    ------
    InputError
        Where the file cannot be written, its extension is another, there is no swatch, or the title is no single line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_swatches(f"{folder}/p.gpl", [Swatch((255, 128, 0), 1.0)], title="orange")
    ...     print(Path(f"{folder}/p.gpl").read_text().splitlines()[-1])
    255 128   0	#ff8000 100 %

    References
    ----------
    GIMP developer wiki, *GIMP Palette files*; Adobe Swatch Exchange 1.0.
    """
    target = check_target(path, SUFFIXES)
    if not swatches:
        raise InputError("there is no color to write: the palette is empty")
    if not title.isprintable():
        raise InputError(f"the title must be one line, got {title!r}")
    suffix = target.suffix.lower()
    if suffix == ".png":
        write_picture(target, Picture(_drawn(swatches)))
        return
    data = {".svg": _svg, ".gpl": _gpl, ".ase": _ase}[suffix](swatches, title)
    with replacing(target) as file:
        file.write(data)


@dataclass(frozen=True)
class _Box:
    """A filled rectangle in pixels: left, top, right and bottom."""

    color: str
    at: tuple[int, int, int, int]


def _layout(swatches: Sequence[Swatch]) -> tuple[int, int, list[_Box], list[tuple[int, int, str]]]:
    """Width, height, boxes, and lines of text: a bar by shares above one chip for each color."""
    width = _ACROSS * _CHIP + (_ACROSS + 1) * _GAP
    ends = np.cumsum([0.0, *(swatch.share for swatch in swatches)])
    edges = _GAP + np.rint(ends / ends[-1] * (width - 2 * _GAP)).astype(int)
    bar = zip(swatches, edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    boxes = [_Box(swatch.hex, (left, _GAP, right, _GAP + _BAR)) for swatch, left, right in bar if right > left]
    texts, row = [], _CHIP // 2 + 44
    for at, swatch in enumerate(swatches):
        left = _GAP + (at % _ACROSS) * (_CHIP + _GAP)
        top = _BAR + 2 * _GAP + (at // _ACROSS) * row
        boxes.append(_Box(swatch.hex, (left, top, left + _CHIP, top + _CHIP // 2)))
        texts.append((left, top + _CHIP // 2 + 4, f"{swatch.hex}   {swatch.percent}"))
    return width, _BAR + 2 * _GAP + -(-len(swatches) // _ACROSS) * row, boxes, texts


def _drawn(swatches: Sequence[Swatch]) -> np.ndarray:
    """The picture, (h, w, 3) uint8."""
    width, height, boxes, texts = _layout(swatches)
    image = require("PIL.Image", "image", "drawing swatches").new("RGB", (width, height), _PAPER)
    pen = require("PIL.ImageDraw", "image", "drawing swatches").Draw(image)
    font = require("PIL.ImageFont", "image", "drawing swatches").load_default(16)
    for box in boxes:
        left, top, right, bottom = box.at
        pen.rectangle((left, top, right - 1, bottom - 1), fill=box.color)
    for left, top, text in texts:
        pen.text((left, top), text, fill=_TEXT, font=font)
    return np.asarray(image)


def _svg(swatches: Sequence[Swatch], title: str) -> bytes:
    width, height, boxes, texts = _layout(swatches)
    parts = [f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>']
    for box in boxes:
        left, top, right, bottom = box.at
        parts.append(f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="{box.color}"/>')
    style = f'font-size="16" fill="{_TEXT}" xml:space="preserve"'
    parts += [f'<text x="{left}" y="{top + 16}" {style}>{escape(text)}</text>' for left, top, text in texts]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui,sans-serif"><title>{escape(title)}</title>\n'
    )
    return (head + "\n".join(parts) + "\n</svg>\n").encode()


def _gpl(swatches: Sequence[Swatch], title: str) -> bytes:
    """Text: a line for each color, its channels and, after a tab, its name."""
    rows = ["{:3d} {:3d} {:3d}".format(*swatch.rgb) + f"\t{_name(swatch)}" for swatch in swatches]
    head = ["GIMP Palette", f"Name: {title}", f"Columns: {min(len(swatches), 12)}", "#"]
    return "\n".join([*head, *rows, ""]).encode()


def _ase(swatches: Sequence[Swatch], title: str) -> bytes:
    """Big-endian blocks: a group that is called by the title, and each color as three floats."""
    blocks = [_block(0xC001, _utf16(title))]
    for swatch in swatches:
        color = b"RGB " + struct.pack(">3f", *(value / 255 for value in swatch.rgb)) + struct.pack(">H", 2)
        blocks.append(_block(0x0001, _utf16(_name(swatch)) + color))
    blocks.append(_block(0xC002, b""))
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def _block(kind: int, data: bytes) -> bytes:
    return struct.pack(">HI", kind, len(data)) + data


def _utf16(text: str) -> bytes:
    """A name as its number of code units, the zero at its end counted, and these."""
    units = text.encode("utf-16-be") + b"\0\0"
    return struct.pack(">H", len(units) // 2) + units


def _name(swatch: Swatch) -> str:
    return f"{swatch.hex} {swatch.percent}"
