"""Pictures as pixels of sRGB, from arrays, from Pillow's pictures, and from the space of an ICC profile."""

from __future__ import annotations

import io
import struct
import sys
from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.formulas.color_spaces import SRGB_MATRIX, coded_profile, declared_profile

_BLOCK = 1 << 18  # pixels that are converted at a time
_EXACT = 0x0100  # cmsFLAGS_NOOPTIMIZE: the faster tables of littleCMS are 10 steps of 256 off in dark greys, 1 in color
_STEP_BELOW, _STEP_ABOVE = 1 / 255 / 12.92, 2.4 / 1.055 / 255  # a step of 256 at both ends of sRGB, in linear light
_DECLARED = ("1", "L", "LA", "I", "I;16", "I;16B", "P", "PA", "RGB", "RGBA")  # modes of PNG, which says gammas
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # of a parametric curve, by its type


def as_pixels(picture: Any) -> np.ndarray:
    """A picture as an array (h, w) or (h, w, c) of the type that it has; a Pillow picture as colors of sRGB.

    Raises
    ------
    InputError
        Where some of it is masked (what is missing has no color), its rows differ in length, or its kind or profile
        is none that can be converted.
    """
    if hasattr(picture, "getbands") and hasattr(picture, "convert"):
        # black and white are two colors: whoever paints in them compares with colored pictures
        return in_srgb(*pillow_pixels(picture.convert("RGB") if picture.mode == "1" else picture))[0]
    # whoever has a masked array has loaded their module, which takes as long as to count the colors of a picture
    if "numpy.ma" in sys.modules and isinstance(picture, np.ma.MaskedArray) and np.ma.is_masked(picture):
        raise InputError(
            f"a picture must be whole, got {int(np.ma.count_masked(picture))} masked values of {picture.size}; fill "
            "them, or make their pixels transparent"
        )
    try:
        return np.asarray(picture)
    except ValueError:
        raise InputError("a picture must be an array, or rows of equal length; these rows differ in length") from None


def unit_colors(pixels: np.ndarray) -> np.ndarray:
    """Colours of a picture, one a row, (h w, channels); integer types scaled to [0, 1]."""
    kind, bits = pixels.dtype.kind, 8 * pixels.dtype.itemsize
    if not (kind == "f" or (kind == "u" and bits <= 16)):
        raise InputError(
            f"a picture must have 8 or 16 unsigned bits, or floats in [0, 1], got {pixels.dtype}; "
            "convert it, for instance with astype(np.uint8), or pass its colours as rows"
        )
    if kind == "f" and ((pixels < 0) | (pixels > 1)).any():  # not of NaN, which has an error of its own
        raise InputError(
            f"an array of shape {pixels.shape} is read as a picture, whose floats lie in [0, 1], got {pixels.min():g} "
            f"to {pixels.max():g}; points come as rows (n, d), and several sets of them in a list"
        )
    top = 1.0 if kind == "f" else 2.0**bits - 1
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return pixels.reshape(pixels.shape[0] * pixels.shape[1], channels).astype(np.float64) / top


def profile_of(image: Any, coding: tuple[int, int] | None = None) -> bytes | None:
    """The profile of the colors of a Pillow picture: what counts most of all that says something; None for sRGB.

    That is, in this order, numbers of ITU-T H.273 (``coding``), an ICC profile, the word that it is sRGB, and gamma and
    chromaticities (Portable Network Graphics, third edition, section 4.3).

    Raises
    ------
    InputError
        On numbers or chromaticities that cannot be converted.
    """
    if coding is not None:
        return coded_profile(*coding)
    icc = image.info.get("icc_profile")
    if icc or "srgb" in image.info or image.mode not in _DECLARED:
        return icc
    return declared_profile(image.info.get("gamma"), image.info.get("chromaticity"))


def pillow_pixels(image: Any, coding: tuple[int, int] | None = None) -> tuple[np.ndarray, bytes | None]:
    """Pixels of a Pillow picture, and the profile that they are still to be converted through."""
    icc, mode = profile_of(image, coding), image.mode
    if mode.startswith("I"):  # 16 bits of grey; Pillow hands some of them over as 32-bit integers
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise InputError("grey values must lie in 0 .. 65535")
        return pixels.astype(np.uint16), icc
    if mode in ("CMYK", "LAB"):
        return _picture_to_srgb(image, icc)
    if mode in ("L", "LA", "RGB", "RGBA", "F"):
        return np.asarray(image), icc
    if mode == "1":
        return np.asarray(image.convert("L")), icc
    if mode not in ("P", "PA", "La", "RGBa", "RGBX", "YCbCr"):
        raise InputError(f"pixels of the kind {mode!r} are not read here; convert the picture to RGB first")
    transparent = mode in ("PA", "La", "RGBa") or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if transparent else "RGB")), icc


def in_srgb(pixels: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """Pixels (h, w) or (h, w, 1 to 4) converted through their profile, alpha as it is, and a profile of sRGB.

    Without a profile, or under one that is not for their kind, they are taken for sRGB as they are; the second is then
    None. A profile of RGB goes for greys too: they are three equal channels. The other way round it says nothing.
    """
    channels = 1 if pixels.ndim == 2 or pixels.shape[2] <= 2 else 3
    if icc and not space_of(icc):
        raise InputError("its color profile is damaged (it has no header); convert the picture to sRGB first")
    if not icc or space_of(icc) not in (("GRAY", "RGB ") if channels == 1 else ("RGB ",)):
        return pixels, None
    if is_srgb(icc):
        return pixels, icc if space_of(icc) == "RGB " else srgb_profile()
    stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
    colors = stacked[:, :, 0] if channels == 1 else np.ascontiguousarray(stacked[:, :, :3])
    moved = to_srgb(colors, icc).reshape(*pixels.shape[:2], channels)
    return np.concatenate([moved, stacked[:, :, channels:]], axis=2).reshape(pixels.shape), srgb_profile()


def space_of(icc: bytes) -> str:
    """What a profile is for, as it says itself: "RGB ", "GRAY", "CMYK", "Lab "; "" where it is no profile."""
    return icc[16:20].decode("latin-1") if len(icc) > 128 and icc[36:40] == b"acsp" else ""


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, to tag pictures with."""
    cms = require("PIL.ImageCms", "image", "color profiles")
    return cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()


def is_srgb(icc: bytes) -> bool:
    """Whether a profile, of RGB or of grey, gives the numbers that sRGB gives, to one step of 256.

    Raises
    ------
    InputError
        Where the profile is damaged.
    """
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    if space_of(icc) == "GRAY":
        probe = np.arange(256, dtype=np.uint8)[None]
        return bool(np.abs(_by_tables(probe, icc).astype(int) - probe).max() <= 1)
    probe = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(_by_tables(probe, icc).astype(int) - probe).max() <= 1)


def to_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Pixels (h, w) of grey or (h, w, 3) of RGB in the space of a profile, as such pixels of sRGB of the same type.

    Eight bits go through littleCMS; more through the curves and the matrix of the profile:

        sRGB = encode(S^-1 [r g b] (curve_r(r), curve_g(g), curve_b(b)))

    with the colorants of the profile and of sRGB, S, under D50. A grey under a profile of RGB is three equal channels.

    Raises
    ------
    InputError
        Where the profile is damaged, or holds a table instead of curves and the pixels have more than 8 bits.

    References
    ----------
    ICC.1:2022, sections 8.3.3, 10.6 and 10.18, F.3; IEC 61966-2-1.
    """
    if pixels.dtype == np.uint8:
        return _by_tables(pixels, icc)
    curves, matrix = _shaper(icc)
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    flat = pixels.reshape(-1, 1 if pixels.ndim == 2 else 3)
    out = np.empty(flat.shape, pixels.dtype)
    for start in range(0, len(flat), _BLOCK):
        values = flat[start : start + _BLOCK].astype(np.float64) / top
        linear = np.stack([curve(values[:, j % values.shape[1]]) for j, curve in enumerate(curves)], axis=1)
        colors = _encode(linear @ matrix.T)[:, [1] if values.shape[1] == 1 else [0, 1, 2]] * top
        out[start : start + _BLOCK] = colors if pixels.dtype.kind == "f" else np.rint(colors)
    return out.reshape(pixels.shape)


def beyond_srgb(pixels: np.ndarray, icc: bytes) -> int:
    """Return how many pixels of RGB, (h, w, 3 or 4), have colors that sRGB cannot show, by a step of 256 or more.

    Those of a profile of curves and a matrix are counted; a table brings all it holds into sRGB, and counts as 0.

    Examples
    --------
    >>> from mixot.formulas.color_spaces import coded_profile
    >>> beyond_srgb(np.uint8([[[0, 255, 0], [128, 128, 128]]]), coded_profile(12, 13))  # green of Display P3, grey
    1
    """
    if pixels.ndim != 3 or pixels.shape[2] < 3 or space_of(icc) != "RGB ":
        return 0
    try:
        curves, matrix = _shaper(icc)
    except InputError:
        return 0
    levels = int(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 0
    # as float32, of eight and sixteen bits by a table: a photograph takes some hundredths of a second for a megapixel
    tables = [curve(np.linspace(0, 1, levels + 1)).astype(np.float32) for curve in curves] if levels else []
    weights, flat, count = matrix.T.astype(np.float32), pixels.reshape(-1, pixels.shape[2]), 0
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK]
        light = [
            tables[j][block[:, j]] if levels else curves[j](block[:, j].astype(np.float64)).astype(np.float32)
            for j in range(3)
        ]
        linear = np.stack(light, axis=1) @ weights
        count += int(((linear < -_STEP_BELOW) | (linear > 1 + _STEP_ABOVE)).any(axis=1).sum())
    return count


def _picture_to_srgb(image: Any, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """Pixels of a Pillow picture in CMYK or L*a*b*, (h, w, 3), through its profile where that is for its colors.

    CMYK without a profile is converted by Pillow's rule; L*a*b* needs none.
    """
    cms = require("PIL.ImageCms", "image", "color profiles")
    if image.mode == "LAB":
        source = cms.createProfile("LAB")
    elif icc and space_of(icc) == image.mode:
        source = _opened(icc)
    else:
        return np.asarray(image.convert("RGB")), None
    target = cms.createProfile("sRGB")
    moved = _damaged_if_it_fails(lambda: cms.profileToProfile(image, source, target, outputMode="RGB"))
    return np.asarray(moved), srgb_profile()


def _by_tables(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Eight bits through littleCMS, perceptual intent, (h, w) or (h, w, 3)."""
    cms, pillow = (require(name, "image", "color profiles") for name in ("PIL.ImageCms", "PIL.Image"))
    if pixels.ndim == 2:
        greys = np.arange(256, dtype=np.uint8)[None]
        image = pillow.fromarray(greys if space_of(icc) == "GRAY" else np.stack([greys] * 3, axis=-1))
    else:
        image = pillow.fromarray(np.ascontiguousarray(pixels))
    source, target = _opened(icc), cms.createProfile("sRGB")
    flags = _EXACT if pixels.ndim == 2 else 0
    moved = np.asarray(
        _damaged_if_it_fails(lambda: cms.profileToProfile(image, source, target, outputMode="RGB", flags=flags))
    )
    return moved[0, :, 1][pixels] if pixels.ndim == 2 else moved


def _opened(icc: bytes) -> Any:
    cms = require("PIL.ImageCms", "image", "color profiles")
    return _damaged_if_it_fails(lambda: cms.ImageCmsProfile(io.BytesIO(icc)))


def _damaged_if_it_fails(call: Any) -> Any:
    cms = require("PIL.ImageCms", "image", "color profiles")
    try:
        return call()
    except (cms.PyCMSError, OSError, ValueError) as damage:
        raise InputError(f"its color profile cannot be used ({damage}); convert the picture to sRGB first") from damage


def _shaper(icc: bytes) -> tuple[list[Any], np.ndarray]:
    """Curves of red, green and blue, and the matrix (3, 3) from there to linear sRGB."""
    try:
        tags = _tags(icc)
        if space_of(icc) == "GRAY" and "kTRC" in tags:
            return [_curve(tags["kTRC"])] * 3, np.eye(3)
        if space_of(icc) == "RGB " and "A2B0" not in tags and icc[20:24] == b"XYZ ":
            colorants = np.array([struct.unpack(">3i", tags[f"{c}XYZ"][8:20]) for c in "rgb"]).T / 65536
            return [_curve(tags[f"{c}TRC"]) for c in "rgb"], np.linalg.solve(SRGB_MATRIX, colorants)
    except (KeyError, struct.error, ValueError, np.linalg.LinAlgError) as damage:
        raise InputError(f"its color profile is damaged ({damage}); convert the picture to sRGB first") from damage
    raise InputError(
        "its color profile is a table, through which more than 8 bits are not converted here; convert the picture to "
        "sRGB first, or to 8 bits"
    )


def _tags(icc: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    if count > 1000:
        raise ValueError(f"{count} tags")
    entries = [struct.unpack_from(">4sII", icc, 132 + 12 * j) for j in range(count)]
    return {name.decode("latin-1"): icc[offset : offset + size] for name, offset, size in entries}


def _curve(tag: bytes) -> Any:
    """The function [0, 1] -> [0, 1] in a tag of type curv or para."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return lambda x: x
        if count == 1:
            gamma = struct.unpack_from(">H", tag, 12)[0] / 256
            return lambda x: x**gamma
        table = np.frombuffer(tag, ">u2", count, 12) / 65535
        return lambda x: np.interp(x * (count - 1), np.arange(count), table)
    if tag[:4] != b"para":
        raise ValueError(f"a curve of type {tag[:4]!r}")
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind not in _PARAMETERS:
        raise ValueError(f"a parametric curve of type {kind}")
    g, a, b, c, d, e, f = (*(v / 65536 for v in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)), *[0.0] * 6)[:7]
    if kind == 0:
        return lambda x: x**g
    low = {1: -b / a if a else 0.0, 2: -b / a if a else 0.0}.get(kind, d)  # from there the power holds
    above, below = {1: (0.0, (0.0, 0.0)), 2: (c, (0.0, c)), 3: (0.0, (c, 0.0)), 4: (e, (c, f))}[kind]

    def curve(x: np.ndarray) -> np.ndarray:
        return np.where(x >= low, np.maximum(a * x + b, 0) ** g + above, below[0] * x + below[1])

    return curve


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light as sRGB in [0, 1]; colors that sRGB cannot show go to its border."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
