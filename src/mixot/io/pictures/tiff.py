"""TIFF: pages with more than 8 bits a channel, which Pillow cuts or refuses, are read; all are written."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

import mixot.io.pictures.exif as blocks
from mixot.errors import InputError
from mixot.extras import require
from mixot.io.pictures.exif import Entry, long, short
from mixot.io.pictures.metadata import Metadata, deep_tiff_metadata

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = range(3)  # what a TIFF says of its channels (TIFF 6.0, page 37)
_MOST_PIXELS = 1 << 29  # numbers in a TIFF; Pillow has a limit of its own for the others
_STRIP = 1 << 18  # bytes that are packed at once, about
_MOST_BYTES = 2**32 - 2**20  # offsets have 32 bits
_ICC, _XMP, _IPTC = 34675, 700, 33723


def is_tiff(data: bytes) -> bool:
    """Whether these are the first bytes of a TIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def deep_pixels(data: bytes, number: int = 0) -> tuple[np.ndarray, bytes | None, Metadata, tuple[str, ...], int] | None:
    """A page of more than 8 bits a channel: pixels, profile, metadata, notes and how it is to be turned; else None."""
    if not is_tiff(data):
        return None
    tifffile = require("tifffile", "image", "reading TIFF pictures")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[number]
        if page.dtype is None or page.dtype.itemsize == 1:
            return None
        pixels = _page(page)
        icc = page.tags[_ICC].value if _ICC in page.tags else None
        turn = int(page.tags[blocks.ORIENTATION].value) if blocks.ORIENTATION in page.tags else 1
    metadata, notes = deep_tiff_metadata(data, converted=bool(icc))
    return np.ascontiguousarray(pixels), icc, metadata, notes, turn


def unturned(data: bytes) -> tuple[bytes, list[int]]:
    """The same TIFF whose pages all lie as they are stored, and how each is to be turned, by EXIF's numbers.

    Versions of Pillow differ in which pages they turn, and turn some twice; those of here are turned here.
    """
    tifffile = require("tifffile", "image", "reading TIFF pictures")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = [page.tags.get(blocks.ORIENTATION) for page in file.pages]
        turns = [1 if tag is None else int(tag.value) for tag in tags]
        if all(turn == 1 for turn in turns):
            return data, turns
        upright = bytearray(data)
        for tag in tags:
            if tag is not None:
                upright[tag.valueoffset : tag.valueoffset + 2] = (1).to_bytes(
                    2, "little" if data[:1] == b"I" else "big"
                )
        return bytes(upright), turns


def page_numbers(data: bytes) -> list[int]:
    """Which directories of a TIFF are pages: not smaller copies of others, which some programs add."""
    tifffile = require("tifffile", "image", "reading TIFF pictures")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return [number for number, page in enumerate(file.pages) if number == 0 or not page.is_reduced]


def _page(page: Any) -> np.ndarray:
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise InputError(
            f"more than 8 bits a channel are read in grey and RGB, this is {page.photometric.name}; convert it first"
        )
    if np.prod(page.shape, dtype=object) > _MOST_PIXELS:
        raise InputError(f"the picture has the shape {page.shape}, which is too large; make it smaller first")
    try:
        pixels = page.asarray()
    except ValueError as unread:
        if "imagecodecs" not in str(unread):
            raise
        raise InputError(
            f"its pixels are packed by {page.compression.name}, which needs another package: pip install imagecodecs; "
            "or save it with ZIP, or unpacked"
        ) from unread
    if page.axes.startswith("S"):  # planes one after the other
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.dtype.kind == "f" and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1:
        pixels = pixels.astype(np.float32)
    elif pixels.dtype != np.uint16:
        raise InputError(
            f"expected 8 or 16 bits a channel, or floats in [0, 1], got {pixels.dtype}"
            + (f" from {pixels.min():g} to {pixels.max():g}; bring it to [0, 1] first" if pixels.size else "")
        )
    if page.photometric == _WHITE_IS_ZERO:
        pixels = (1 if pixels.dtype.kind == "f" else np.uint16(65535)) - pixels
    return pixels


def write(file: BinaryIO, pages: Sequence[tuple[np.ndarray, bytes | None]], metadata: Metadata) -> None:
    """Write pages, each pixels (h, w) or (h, w, 2 to 4) of uint8 or uint16 and a profile, and what the first tells.

    Rows are stored as differences along them, packed by zlib (TIFF 6.0, section 14; Adobe's deflate).
    """
    at = file.write(b"II*\0\0\0\0\0")
    links = [4]  # where the offset of the next directory goes
    for number, (pixels, icc) in enumerate(pages):
        entries, at = _strips(file, pixels, at)
        entries += _described(pixels, icc)
        if number == 0:
            more, at = _told(file, metadata, at)
            entries += more
        here = at
        at += file.write(blocks.packed(entries, at))
        if at > _MOST_BYTES:
            raise InputError("the pictures take more than 4 GiB, which a TIFF does not hold; write fewer, or .png")
        file.seek(links[-1])
        file.write(struct.pack("<I", here))
        file.seek(at)
        links.append(here + 2 + 12 * len(entries))


def _strips(file: BinaryIO, pixels: np.ndarray, at: int) -> tuple[list[Entry], int]:
    """Write the rows from an offset on; where they are, and the even offset behind them."""
    stacked = pixels[:, :, None] if pixels.ndim == 2 else pixels
    rows = max(1, _STRIP // (stacked[0].size * stacked.itemsize))
    offsets, sizes = [], []
    for start in range(0, len(stacked), rows):
        strip = stacked[start : start + rows].astype(stacked.dtype.newbyteorder("<"))
        strip[:, 1:] -= stacked[start : start + rows, :-1]
        packed = zlib.compress(strip.tobytes(), 4)
        offsets.append(at)
        sizes.append(len(packed))
        at += file.write(packed + b"\0" * (len(packed) % 2))
    return [long(273, *offsets), long(279, *sizes), long(278, rows)], at


def _described(pixels: np.ndarray, icc: bytes | None) -> list[Entry]:
    """The fields that say how rows are to be read (TIFF 6.0, section 6)."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    bits = 8 * pixels.dtype.itemsize
    entries = [long(256, pixels.shape[1]), long(257, pixels.shape[0]), short(258, *[bits] * channels)]
    entries += [short(259, 8), short(262, _RGB if channels > 2 else _BLACK_IS_ZERO), short(277, channels)]
    entries += [short(284, 1), short(317, 2), short(339, *[1] * channels)]
    entries += [short(338, 2)] if channels in (2, 4) else []  # transparency that colors were not multiplied by
    return entries + ([Entry(_ICC, 7, icc)] if icc else [])


def _told(file: BinaryIO, metadata: Metadata, at: int) -> tuple[list[Entry], int]:
    """The fields of what a picture tells; the directories that they point to are written."""
    entries: list[Entry] = []
    if metadata.exif:
        entries, inner = blocks.for_tiff(metadata.exif)
        for tag, fields in inner.items():
            entries.append(long(tag, at))
            at += file.write(blocks.packed(fields, at))
    if metadata.dpi is not None:
        x, y = metadata.dpi
        entries += [blocks.fraction(282, x), blocks.fraction(283, y), short(296, 2)]
    entries += [Entry(_XMP, 1, metadata.xmp)] if metadata.xmp else []
    return entries + ([Entry(_IPTC, 7, metadata.iptc)] if metadata.iptc else []), at
