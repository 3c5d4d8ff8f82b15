"""Pictures on disk: 8 and 16 bits, grey and color, with transparency and color profile, upright."""

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


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, (h, w) grey or (h, w, c) with c = 2 grey + alpha, 3 RGB, 4 RGBA; uint8, uint16 or float32 in [0, 1].

    ``icc`` is the color profile that came with the file, to be written back with it.
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

    Pictures with a color table or in CMYK become RGB; of an animation or a stack of pages the first is read.
    16-bit color comes from PNG and TIFF.

    Raises
    ------
    InputError
        Where there is no such file, or it is no picture, or a damaged one.
    UnsupportedError
        Where Pillow is not installed: ``pip install "mixot[image]"``.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not a picture")
    pillow = require("PIL.Image", "image", "reading pictures")
    data = source.read_bytes()
    with _as_picture(path):
        return _deep_tiff(data) or _with_pillow(data, pillow)


def _with_pillow(data: bytes, pillow: Any) -> Picture:
    with pillow.open(io.BytesIO(data)) as image:
        icc = image.info.get("icc_profile")
        if png16.is_deep(data) and image.mode not in ("I;16", "I"):
            return Picture(png16.decode(data), icc)
        return Picture(_pixels(image), icc)


def write_picture(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture in the format that the extension names; JPEG and WebP at quality 95.

    16 bits are kept by PNG and TIFF and rounded to 8 by the others; float pictures are written with 16 bits.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, the extension is another, or a transparent picture is to go
        into a format without transparency.
    """
    target = check_picture_target(path, has_alpha=picture.has_alpha)
    suffix = target.suffix.lower()
    pixels = picture.pixels
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(pixels, 0.0, 1.0) * 65535).astype(np.uint16)
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    deep = pixels.dtype == np.uint16
    with replacing(target) as file:
        if deep and suffix == ".png":
            file.write(png16.encode(pixels.reshape(*pixels.shape[:2], -1), picture.icc))
        elif deep and suffix in (".tif", ".tiff"):
            _write_deep_tiff(file, pixels, picture)
        else:
            shallow = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8) if deep else pixels
            name, options = _FORMATS[suffix]
            options = options | ({"icc_profile": picture.icc} if picture.icc and name != "BMP" else {})
            pillow = require("PIL.Image", "image", "writing pictures")
            if shallow.ndim == 3 and shallow.shape[2] == 2 and name not in ("PNG", "TIFF"):
                shallow = shallow[:, :, [0, 0, 0, 1]]
            pillow.fromarray(np.ascontiguousarray(shallow)).save(file, format=name, **options)


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


def _pixels(image: Any) -> np.ndarray:
    upright = require("PIL.ImageOps", "image", "reading pictures").exif_transpose(image)
    mode = upright.mode
    if mode.startswith("I"):  # 16 bits of grey; Pillow hands some of them over as 32-bit integers
        pixels = np.asarray(upright)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise InputError("grey values must lie in 0 .. 65535")
        return pixels.astype(np.uint16)
    if mode in ("L", "LA", "RGB", "RGBA"):
        return np.asarray(upright)
    if mode == "1":
        return np.asarray(upright.convert("L"))
    transparent = mode in ("PA", "La", "RGBa") or "transparency" in upright.info
    return np.asarray(upright.convert("RGBA" if transparent else "RGB"))


def _deep_tiff(data: bytes) -> Picture | None:
    """A TIFF with more than 8 bits a channel, which Pillow cuts or refuses; None for any other picture."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    tifffile = require("tifffile", "image", "reading TIFF pictures")
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        if page.dtype is None or page.dtype.itemsize == 1:
            return None
        pixels = page.asarray()
        if page.axes.startswith("S"):  # planes one after the other
            pixels = np.moveaxis(pixels, 0, -1)
        icc = page.tags[34675].value if 34675 in page.tags else None
    if pixels.dtype.kind == "f" and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1:
        return Picture(pixels.astype(np.float32), icc)
    if pixels.dtype != np.uint16:
        raise InputError(f"expected 8 or 16 bits a channel, or floats in [0, 1], got {pixels.dtype}")
    return Picture(np.ascontiguousarray(pixels), icc)


def _write_deep_tiff(file: Any, pixels: np.ndarray, picture: Picture) -> None:
    tifffile = require("tifffile", "image", "writing 16-bit TIFF pictures")
    tifffile.imwrite(
        file,
        pixels,
        photometric="minisblack" if picture.is_grey else "rgb",
        compression="zlib",
        extrasamples=["unassalpha"] if picture.has_alpha else None,
        planarconfig="contig" if pixels.ndim == 3 else None,
        iccprofile=picture.icc,
        metadata=None,
    )
