"""What each format of pictures can hold, by the extension of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixot.errors import UnsupportedError
from mixot.extras import require


@dataclass(frozen=True)
class Format:
    """One format: what Pillow calls it, how it is written, and what it keeps.

    Parameters
    ----------
    name : as Pillow has it
    options : of `PIL.Image.Image.save`
    deep : whether it holds 16 bits a channel
    alpha : whether it holds transparency
    profile : whether it holds a color profile
    kept : which fields of `Metadata` it holds; of "comment" only that text
    frames : the most frames of one file: 1, or any number
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    deep: bool = False
    alpha: bool = True
    profile: bool = True
    kept: tuple[str, ...] = ()
    animated: bool = False
    pages: bool = False

    @property
    def holds_many(self) -> bool:
        """Whether one file holds several pictures."""
        return self.animated or self.pages


_ALL = ("exif", "xmp", "iptc", "text", "dpi")
_JPEG = Format("JPEG", {"quality": 95}, alpha=False, kept=("exif", "xmp", "iptc", "comment", "dpi"))
_TIFF = Format("TIFF", deep=True, kept=("exif", "xmp", "iptc", "dpi"), pages=True)
FORMATS: dict[str, Format] = {
    # Level 3: a third of the time of the default for a tenth more bytes.
    ".png": Format("PNG", {"compress_level": 3}, deep=True, kept=("exif", "xmp", "text", "dpi"), animated=True),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": Format("BMP", alpha=False, profile=False, kept=("dpi",)),
    ".webp": Format("WEBP", {"quality": 95}, kept=("exif", "xmp"), animated=True),
    ".gif": Format("GIF", profile=False, kept=("comment",), animated=True),
    ".avif": Format("AVIF", {"quality": 90}, kept=("exif", "xmp"), animated=True),
}
SUFFIXES = tuple(FORMATS)
READABLE = (*SUFFIXES, ".ppm", ".pgm")
# Kinds of pictures that hold more than one, by what Pillow calls them; an MPO is one picture and its gain map.
MANY = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")
_HIGH_RANGE = {b"#?RADIANCE": "Radiance (.hdr)", b"#?RGBE": "Radiance (.hdr)", b"v/1\x01": "OpenEXR (.exr)"}


def format_of(path: Path) -> Format:
    """The format that an extension, which is among `SUFFIXES`, names."""
    return FORMATS[path.suffix.lower()]


def check_installed(kind: Format) -> None:
    """Raise an `UnsupportedError` where the Pillow that is installed cannot write a format."""
    pillow = require("PIL.Image", "image", "writing pictures")
    if kind.name != "AVIF":  # the others are in every Pillow, and to ask for one loads its fifty formats
        return
    pillow.init()
    if kind.name not in pillow.SAVE:
        raise UnsupportedError('writing AVIF needs Pillow 11.3 or later, with AVIF: pip install "pillow>=11.3"')


def high_range(data: bytes) -> str | None:
    """What a picture of high dynamic range that is not read here is called; None for any other."""
    return next((name for start, name in _HIGH_RANGE.items() if data.startswith(start)), None)
