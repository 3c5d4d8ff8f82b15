"""Writing one picture, with what its file told."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import mixot.io.pictures.png16 as png16
import mixot.io.pictures.tiff as tiff
from mixot.errors import InputError
from mixot.extras import require
from mixot.formulas import color_profiles
from mixot.io.atomic import check_target, replacing
from mixot.io.pictures.formats import SUFFIXES, Format, check_installed, format_of
from mixot.io.pictures.metadata import XMP_HEAD, Metadata
from mixot.io.pictures.picture import Picture

_IN_A_TABLE = 255  # colors of a GIF, and one more entry for what is transparent
_MOST_OF_JPEG = 65_533  # bytes of a segment of JPEG
_WORDS = {"exif": "EXIF", "xmp": "captions in XMP", "iptc": "captions in IPTC", "text": "texts", "dpi": "dots per inch"}


def write_picture(path: str | os.PathLike[str], picture: Picture) -> tuple[str, ...]:
    """Write a picture in the format that the extension names, and return a line for each thing that it cannot keep.

    16 bits are kept by PNG and TIFF and rounded to 8 by the others; float pictures are written with 16 bits; JPEG and
    WebP have quality 95, AVIF 90; GIF has 256 colors. Metadata go where the format has a place for them. Grey is
    written without a profile of RGB, which may not stand there; it is then taken for sRGB, which it is.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, the extension is another, a transparent picture is to go
        into a format without transparency, or the profile is not one for these pixels.
    UnsupportedError
        Where the Pillow that is installed has no AVIF.
    """
    target = check_picture_target(path, has_alpha=picture.has_alpha)
    kind, icc = format_of(target), tag_of(path, picture)
    pixels = stored(picture.pixels, kind)
    metadata, lost = kept(picture.metadata, kind)
    with replacing(target) as file:
        if kind.name == "TIFF":
            tiff.write(file, [(pixels, icc)], metadata)
        elif pixels.dtype == np.uint16:
            file.write(png16.encode(pixels.reshape(*pixels.shape[:2], -1), icc, *png_chunks(metadata)))
        else:
            image = as_image(pixels, kind)
            lost = (*few_colors([image], [picture]), *lost) if kind.name == "GIF" else lost
            save(file, image, kind, icc, metadata)
    return (*rounded(picture.pixels, kind), *lost)


def check_picture_target(path: str | os.PathLike[str], *, has_alpha: bool = False) -> Path:
    """Return ``path`` if a picture can be written there; raises as `write_picture` does."""
    target = check_target(path, SUFFIXES)
    check_installed(format_of(target))
    if has_alpha and not format_of(target).alpha:
        raise InputError(
            f"{path}: {target.suffix} keeps no transparency, and the picture has some; write a .png or .webp"
        )
    return target


def tag_of(path: str | os.PathLike[str], picture: Picture) -> bytes | None:
    """The profile to write: one for the channels that there are."""
    if not picture.icc:
        return None
    space = color_profiles.space_of(picture.icc)
    if space == ("GRAY" if picture.is_grey else "RGB "):
        return picture.icc
    if picture.is_grey and space == "RGB ":
        return None
    raise InputError(
        f"{path}: the color profile is for {space.strip() or 'nothing known'}, and the pixels are "
        f"{'grey' if picture.is_grey else 'RGB'}; leave it out, or give one for these pixels"
    )


def stored(pixels: np.ndarray, kind: Format) -> np.ndarray:
    """Pixels with the bits that a format has: uint8, or uint16 of what is more and may stay so."""
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(pixels, 0.0, 1.0) * 65535).astype(np.uint16)
    if pixels.dtype == np.uint16 and not kind.deep:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels


def kept(metadata: Metadata, kind: Format) -> tuple[Metadata, tuple[str, ...]]:
    """What of the metadata a format holds, and a line that names the rest."""
    fields: dict[str, Any] = {name: getattr(metadata, name) for name in _WORDS}
    held = {name: value for name, value in fields.items() if name in kind.kept}
    if "comment" in kind.kept:
        held["text"] = tuple(pair for pair in metadata.text if pair[0] == "Comment")
    if kind.name == "JPEG":
        for name, most in (("exif", _MOST_OF_JPEG - 6), ("xmp", _MOST_OF_JPEG - len(XMP_HEAD)), ("iptc", 60_000)):
            held[name] = held[name] if len(held[name]) <= most else b""
    if kind.name in ("WEBP", "AVIF") and metadata.exif:
        held["dpi"] = metadata.dpi  # EXIF tells it, too
    gone = [_WORDS[name] for name, value in fields.items() if value and held.get(name) != value]
    return replace(Metadata(), **held), (f"{kind.name} does not hold: {', '.join(gone)}",) if gone else ()


def rounded(pixels: np.ndarray, kind: Format) -> tuple[str, ...]:
    """A line for bits that a format does not hold."""
    if pixels.dtype.kind == "f" and kind.deep:
        return ("floats are written with 16 bits",)
    if pixels.dtype == np.uint8 or kind.deep:
        return ()
    return (f"{kind.name} has 8 bits a channel: those below are rounded away; .png and .tif keep 16",)


def as_image(pixels: np.ndarray, kind: Format) -> Any:
    """Pixels of 8 bits as a picture of Pillow that a format takes."""
    image = require("PIL.Image", "image", "writing pictures")
    if pixels.ndim == 3 and pixels.shape[2] == 2 and kind.name not in ("PNG", "TIFF"):
        pixels = pixels[:, :, [0, 0, 0, 1]]
    whole = image.fromarray(np.ascontiguousarray(pixels))
    return _in_a_table(whole, pixels) if kind.name == "GIF" else whole


def few_colors(images: Sequence[Any], pictures: Sequence[Picture]) -> tuple[str, ...]:
    """What color tables of 256, which ``images`` have got, did to pictures."""
    dithered = any(image.info.get("dithered") for image in images)
    notes = ("GIF has 256 colors for a frame: the others are dithered",) if dithered else ()
    partly = any(p.has_alpha and ((p.pixels[..., -1] % _full(p.pixels)) != 0).any() for p in pictures)
    return (*notes, "GIF is opaque or not: half transparency is rounded") if partly else notes


def _full(pixels: np.ndarray) -> float:
    return float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0


def _in_a_table(image: Any, pixels: np.ndarray) -> Any:
    """A picture with a color table, of which the last entry is what is transparent."""
    if image.mode == "L":
        return image
    alpha = pixels[:, :, 3] < 128 if pixels.shape[2] == 4 else None
    colors = image.convert("RGB")
    few = colors.getcolors(_IN_A_TABLE) is not None
    # median cut; what it cannot show by Floyd and Steinberg's dithering
    table = colors.quantize(_IN_A_TABLE, method=0, dither=0 if few else 3)
    if alpha is not None and alpha.any():
        index = np.where(alpha, _IN_A_TABLE, np.asarray(table)).astype(np.uint8)
        palette = [*(table.getpalette() + [0] * 768)[: 3 * _IN_A_TABLE], 0, 0, 0]
        table = require("PIL.Image", "image", "writing pictures").fromarray(index)
        table.putpalette(palette)
        table.info["transparency"] = _IN_A_TABLE
    table.info["dithered"] = not few
    return table


def save(file: BinaryIO, image: Any, kind: Format, icc: bytes | None, metadata: Metadata, **more: Any) -> None:
    """Write a picture of Pillow, or several of them, with a profile and metadata that the format holds."""
    options: dict[str, Any] = kind.options | more
    if icc and kind.profile:
        options["icc_profile"] = icc
    if metadata.dpi is not None and "dpi" in kind.kept:
        options["dpi"] = metadata.dpi
    if metadata.exif:
        options["exif"] = metadata.exif if kind.name in ("WEBP", "AVIF") else b"Exif\0\0" + metadata.exif
    if metadata.text and "comment" in kind.kept:
        options["comment"] = dict(metadata.text)["Comment"].encode()
    if kind.name == "JPEG":
        options["extra"] = b"".join(_segments(metadata))
    elif kind.name == "PNG":
        options["pnginfo"] = _png_texts(metadata)
    elif metadata.xmp and "xmp" in kind.kept:
        options["xmp"] = metadata.xmp
    image.save(file, format=kind.name, **options)


def _segments(metadata: Metadata) -> Iterator[bytes]:
    """Segments of JPEG with captions: XMP, and IPTC in a resource of Photoshop."""
    if metadata.xmp:
        yield _segment(0xE1, XMP_HEAD + metadata.xmp)
    if metadata.iptc:
        size = len(metadata.iptc)
        resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", size) + metadata.iptc + b"\0" * (size % 2)
        yield _segment(0xED, b"Photoshop 3.0\0" + resource)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def _png_texts(metadata: Metadata) -> Any:
    info = require("PIL.PngImagePlugin", "image", "writing pictures").PngInfo()
    for name, text in metadata.text:
        info.add_itxt(name, text)
    if metadata.xmp:
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    return info


def png_chunks(metadata: Metadata) -> tuple[tuple[bytes, bytes], ...]:
    """Chunks of PNG with metadata, for those that are written without Pillow (PNG, third edition, section 11.3)."""
    texts = [
        *metadata.text,
        *([("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))] if metadata.xmp else []),
    ]
    chunks = [(b"iTXt", name.encode("latin-1", "replace")[:79] + b"\0\0\0\0\0" + text.encode()) for name, text in texts]
    if metadata.dpi is not None:
        x, y = (round(value / 0.0254) for value in metadata.dpi)  # pixels a metre
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    return (*chunks, *([(b"eXIf", metadata.exif)] if metadata.exif else []))
