"""Reading one picture: as many bits as it was stored with, upright, its colors those of sRGB."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mixot.io.pictures.avif as avif
import mixot.io.pictures.png16 as png16
import mixot.io.pictures.pnm as pnm
import mixot.io.pictures.tiff as tiff
from mixot.errors import InputError, UnsupportedError
from mixot.extras import require
from mixot.formulas import color_profiles
from mixot.io.pictures.exif import ORIENTATION
from mixot.io.pictures.formats import FORMATS, MANY, SUFFIXES, high_range
from mixot.io.pictures.metadata import Metadata, metadata_of
from mixot.io.pictures.picture import Picture

_TURNS: dict[int, tuple[int, bool]] = {  # quarters to the left, then whether right and left change places
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Return the picture in a file, turned upright (EXIF), with as many bits as it was stored with.

    Colors are converted to sRGB through the profile in the file, if it is another one, or through the gamma and the
    primaries that a PNG tells instead; those without, or with a profile that is not for their kind (of grey for RGB),
    are taken for sRGB. How many pixels had colors that sRGB cannot show, and went to its border, is a note. Pictures
    with a color table, in CMYK or in L*a*b* become RGB; of an animation or a stack of pages the first is read, which is
    a note, too (`read_frames` reads them all). 16-bit color comes from PNG and TIFF. The format is told by what is in
    the file, not by its extension.

    Raises
    ------
    InputError
        Where there is no such file, or it is no picture, or a damaged one; where its color profile is damaged, or is
        a table and the picture has more than 8 bits, or its colors are coded for HDR.
    UnsupportedError
        Where Pillow is not installed: ``pip install "mixot[image]"``.
    """
    data = picture_bytes(path)
    with as_picture(path):
        found = _decoded(data)
        return replace(found, notes=(*extension_note(path, data), *found.notes))


def picture_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file that is there."""
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not a picture")
    require("PIL.Image", "image", "reading pictures")
    data = source.read_bytes()
    if not data:
        raise InputError(f"{path}: not a picture: the file is empty")
    if (name := high_range(data)) is not None:
        raise InputError(
            f"{path}: not a picture that is read here, but one of high dynamic range, {name}; develop it first: save "
            "it with 16 bits as .tif or .png"
        )
    return data


def extension_note(path: str | os.PathLike[str], data: bytes) -> tuple[str, ...]:
    """A line where the extension of a picture names another format than its bytes are in."""
    named = FORMATS.get(Path(path).suffix.lower())
    if tiff.is_tiff(data):
        kind = "TIFF"
    else:
        with require("PIL.Image", "image", "reading pictures").open(io.BytesIO(data)) as image:
            kind = {"MPO": "JPEG"}.get(image.format, image.format)
    if named is None or kind == named.name:
        return ()
    return (f"the file is {kind}, whatever its extension says, and is read as that",)


def _decoded(data: bytes) -> Picture:
    pillow = require("PIL.Image", "image", "reading pictures")
    if (wide := pnm.deep_pixels(data)) is not None:
        return Picture(wide)
    if (deep := tiff.deep_pixels(data)) is not None:
        pixels, icc, metadata, notes, turn = deep
        count, parts = len(tiff.page_numbers(data)), "pages"
    elif tiff.is_tiff(data):
        flat, (turn, *_) = tiff.unturned(data)
        with pillow.open(io.BytesIO(flat)) as image:
            pixels, icc, metadata, notes, _ = opened_pixels(image, data, None)
        count, parts = len(tiff.page_numbers(data)), "pages"
    else:
        with pillow.open(io.BytesIO(data)) as image:
            pixels, icc, metadata, notes, turn = opened_pixels(image, data, coding_of(image, data))
            count, parts = getattr(image, "n_frames", 1) if image.format in MANY else 1, "frames"
    first = (f"the first of {count} {parts} is taken",) if count > 1 else ()
    return in_srgb(turned(pixels, turn), icc, metadata, (*first, *notes))


def coding_of(image: Any, data: bytes) -> tuple[int, int] | None:
    """How a PNG or an AVIF says by numbers that its colors are coded; a PNG that is cut or altered is told from it."""
    coding = png16.verify(data)
    return avif.coding(data) if coding is None and not image.info.get("icc_profile") else coding


def opened_pixels(
    image: Any, data: bytes, coding: tuple[int, int] | None
) -> tuple[np.ndarray, bytes | None, Metadata, tuple[str, ...], int]:
    """Pixels, profile, metadata, notes and the turn, by EXIF's number, of a picture that Pillow opened."""
    icc: bytes | None
    if png16.is_deep(data) and getattr(image, "n_frames", 1) == 1 and image.mode not in ("I;16", "I"):
        pixels, icc = png16.decode(data), color_profiles.profile_of(image, coding)
        image.load()  # texts stand behind the pixels
    else:
        pixels, icc = color_profiles.pillow_pixels(image, coding)
    metadata, notes = metadata_of(image, data, converted=bool(icc))
    if image.mode == "CMYK":
        how = "" if icc else ", by a rule of thumb: the file has no profile of its inks"
        notes = (f"CMYK became RGB{how}", *notes)
    if avif.is_deep(data):
        notes = ("an AVIF of more than 8 bits a channel is read with 8", *notes)
    return pixels, icc, metadata, notes, _turn(image)


def _turn(image: Any) -> int:
    """How a picture is to be turned, by EXIF's number, or by that in its captions; 1 where those are damaged."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (SyntaxError, struct.error, ArithmeticError, LookupError, ValueError, TypeError, OSError):
        return 1


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as they are to be seen, by the number that EXIF has for it (CIPA DC-008, section 4.6.4)."""
    if orientation not in _TURNS:
        return pixels
    quarters, mirrored = _TURNS[orientation]
    upright = np.rot90(pixels, quarters)
    return np.ascontiguousarray(upright[:, ::-1] if mirrored else upright)


def in_srgb(
    pixels: np.ndarray, icc: bytes | None, metadata: Metadata | None = None, notes: tuple[str, ...] = ()
) -> Picture:
    """A picture of pixels that are still to be converted through their profile."""
    if pixels.ndim not in (2, 3) or not pixels.size or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise InputError(f"a picture has shape (h, w) or (h, w, 1 to 4), this one {pixels.shape}")
    if pixels.dtype.kind not in "uf":
        raise InputError(f"expected 8 or 16 bits a channel, or floats in [0, 1], got {pixels.dtype}")
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    colors, profile = color_profiles.in_srgb(flat, icc)
    return Picture(
        colors, profile, metadata or Metadata(), (*notes, *_clipped(flat, icc, converted=colors is not flat))
    )


def _clipped(pixels: np.ndarray, icc: bytes | None, *, converted: bool) -> tuple[str, ...]:
    """A line for the pixels whose colors sRGB cannot show."""
    if icc is None or not converted:
        return ()
    count = color_profiles.beyond_srgb(pixels, icc)
    if not count:
        return ()
    share = 100 * count / (pixels.shape[0] * pixels.shape[1])
    return (f"{count:,} pixels ({max(share, 0.01):.2f} %) have colors that sRGB cannot show; they went to its border",)


@contextmanager
def as_picture(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let whatever decoders raise be an `InputError` that names the file."""
    pillow: Any = require("PIL", "image", "reading pictures")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow remarks on tags that do not touch the pixels
            yield
    except InputError as wrong:
        raise InputError(f"{path}: {wrong}") from wrong
    except UnsupportedError:
        raise
    except pillow.UnidentifiedImageError as unknown:
        raise InputError(f"{path}: not a picture; expected one of {' '.join(SUFFIXES)}") from unknown
    except pillow.Image.DecompressionBombError as bomb:
        raise InputError(f"{path}: {bomb}; make it smaller first") from bomb
    except Exception as damage:  # decoders raise nearly anything on bytes that are cut or altered
        raise InputError(f"{path}: the picture is cut or damaged ({damage})") from damage
