"""Pictures on disk: 8 and 16 bits, grey and color, with transparency, upright, their colors those of sRGB."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.extras import require
from mixot.formulas import color_profiles
from mixot.io import png16
from mixot.io.atomic import check_target, replacing
from mixot.measures import Samples

_OPAQUE = (".jpg", ".jpeg", ".bmp")  # these keep no transparency
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    # Level 3: a third of the time of the default for a tenth more bytes.
    ".png": ("PNG", {"compress_level": 3}),
    ".jpg": ("JPEG", {"quality": 95}),
    ".jpeg": ("JPEG", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"quality": 95}),
}


_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = range(3)  # what a TIFF says of its channels (TIFF 6.0, page 37)
_MOST_PIXELS = 1 << 29  # numbers in a TIFF; Pillow has a limit of its own for the others


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, (h, w) grey or (h, w, c) with c = 2 grey + alpha, 3 RGB, 4 RGBA; uint8, uint16 or float32 in [0, 1].

    They are colors of sRGB. ``icc`` is a profile of sRGB, where the file came with a profile, to tag what is written.
    """

    pixels: np.ndarray
    icc: bytes | None = None

    @property
    def is_grey(self) -> bool:
        """Whether there is one color channel."""
        return self.pixels.ndim == 2 or self.pixels.shape[2] <= 2

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is transparency."""
        return self.pixels.ndim == 3 and self.pixels.shape[2] in (2, 4)

    def samples(self) -> Samples:
        """The colors as points in [0, 1], (h w, 1) grey or (h w, 3), row by row; alpha is left out."""
        channels = 1 if self.is_grey else 3
        colors = self.pixels.reshape(self.pixels.shape[0] * self.pixels.shape[1], -1)[:, :channels]
        top = np.iinfo(colors.dtype).max if colors.dtype.kind == "u" else 1.0
        return Samples(colors.astype(np.float64) / top)


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Return the picture in a file, turned upright (EXIF), with as many bits as it was stored with.

    Colors are converted to sRGB through the profile in the file, if it is another one, or through the gamma and the
    primaries that a PNG tells instead; those without, or with a profile that is not for their kind (of grey for RGB),
    are taken for sRGB. Pictures with a color table, in CMYK or
    in L*a*b* become RGB; of an animation or a stack of pages the first is read. 16-bit color comes from PNG and TIFF.

    Raises
    ------
    InputError
        Where there is no such file, or it is no picture, or a damaged one; where its color profile is damaged, or is
        a table and the picture has more than 8 bits, or its colors are coded for HDR.
    UnsupportedError
        Where Pillow is not installed: ``pip install "mixot[image]"``.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not a picture")
    pillow = require("PIL.Image", "image", "reading pictures")
    data = source.read_bytes()
    with _as_picture(path):
        return _in_srgb(*(_deep_tiff(data) or _with_pillow(data, pillow)))


def _with_pillow(data: bytes, pillow: Any) -> tuple[np.ndarray, bytes | None]:
    """Pixels and the profile that they are still to be converted through."""
    with pillow.open(io.BytesIO(data)) as image:
        coding = png16.verify(data)
        if png16.is_deep(data) and image.mode not in ("I;16", "I"):
            return png16.decode(data), color_profiles.profile_of(image, coding)
        upright = require("PIL.ImageOps", "image", "reading pictures").exif_transpose(image)
        return color_profiles.pillow_pixels(upright, coding)


def _in_srgb(pixels: np.ndarray, icc: bytes | None) -> Picture:
    if pixels.ndim not in (2, 3) or not pixels.size or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise InputError(f"a picture has shape (h, w) or (h, w, 1 to 4), this one {pixels.shape}")
    if pixels.dtype.kind not in "uf":
        raise InputError(f"expected 8 or 16 bits a channel, or floats in [0, 1], got {pixels.dtype}")
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return Picture(*color_profiles.in_srgb(flat, icc))


def write_picture(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture in the format that the extension names; JPEG and WebP at quality 95.

    16 bits are kept by PNG and TIFF and rounded to 8 by the others; float pictures are written with 16 bits. Grey is
    written without a profile of RGB, which may not stand there; it is then taken for sRGB, which it is.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, the extension is another, a transparent picture is to go
        into a format without transparency, or the profile is not one for these pixels.
    """
    target = check_picture_target(path, has_alpha=picture.has_alpha)
    suffix = target.suffix.lower()
    icc = _tag(path, picture)
    pixels = picture.pixels
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(pixels, 0.0, 1.0) * 65535).astype(np.uint16)
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    deep = pixels.dtype == np.uint16
    with replacing(target) as file:
        if deep and suffix == ".png":
            file.write(png16.encode(pixels.reshape(*pixels.shape[:2], -1), icc))
        elif deep and suffix in (".tif", ".tiff"):
            _write_deep_tiff(file, pixels, picture, icc)
        else:
            shallow = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8) if deep else pixels
            name, options = _FORMATS[suffix]
            options = options | ({"icc_profile": icc} if icc and name != "BMP" else {})
            pillow = require("PIL.Image", "image", "writing pictures")
            if shallow.ndim == 3 and shallow.shape[2] == 2 and name not in ("PNG", "TIFF"):
                shallow = shallow[:, :, [0, 0, 0, 1]]
            pillow.fromarray(np.ascontiguousarray(shallow)).save(file, format=name, **options)


def _tag(path: str | os.PathLike[str], picture: Picture) -> bytes | None:
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


def check_picture_target(path: str | os.PathLike[str], *, has_alpha: bool = False) -> Path:
    """Return ``path`` if a picture can be written there; raises as `write_picture` does."""
    target = check_target(path, SUFFIXES)
    if has_alpha and target.suffix.lower() in _OPAQUE:
        raise InputError(
            f"{path}: {target.suffix} keeps no transparency, and the picture has some; write a .png or .webp"
        )
    return target


@contextmanager
def _as_picture(path: str | os.PathLike[str]):
    pillow = require("PIL", "image", "reading pictures")
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


def _deep_tiff(data: bytes) -> tuple[np.ndarray, bytes | None] | None:
    """A TIFF with more than 8 bits a channel, which Pillow cuts or refuses; None for any other picture."""
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    tifffile = require("tifffile", "image", "reading TIFF pictures")
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        if page.dtype is None or page.dtype.itemsize == 1:
            return None
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
            raise InputError(
                f"more than 8 bits a channel are read in grey and RGB, this is "
                f"{page.photometric.name}; convert it first"
            )
        if np.prod(page.shape, dtype=object) > _MOST_PIXELS:
            raise InputError(f"the picture has the shape {page.shape}, which is too large; make it smaller first")
        pixels = page.asarray()
        if page.axes.startswith("S"):  # planes one after the other
            pixels = np.moveaxis(pixels, 0, -1)
        icc = page.tags[34675].value if 34675 in page.tags else None
        inverted = page.photometric == _WHITE_IS_ZERO
    if pixels.dtype.kind == "f" and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1:
        pixels = pixels.astype(np.float32)
    elif pixels.dtype != np.uint16:
        raise InputError(f"expected 8 or 16 bits a channel, or floats in [0, 1], got {pixels.dtype}")
    if inverted:
        pixels = (1 if pixels.dtype.kind == "f" else np.uint16(65535)) - pixels
    return np.ascontiguousarray(pixels), icc


def _write_deep_tiff(file: Any, pixels: np.ndarray, picture: Picture, icc: bytes | None) -> None:
    tifffile = require("tifffile", "image", "writing 16-bit TIFF pictures")
    tifffile.imwrite(
        file,
        pixels,
        photometric="minisblack" if picture.is_grey else "rgb",
        compression="zlib",
        extrasamples=["unassalpha"] if picture.has_alpha else None,
        planarconfig="contig",
        iccprofile=icc,
        metadata=None,
    )
