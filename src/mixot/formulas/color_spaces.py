"""Color spaces that are told by a gamma and chromaticities, or by numbers of a standard, as ICC profiles."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from mixot._shapes import Float
from mixot.errors import InputError

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green and blue
# Columns: red, green and blue of sRGB as XYZ seen under D50 (IEC 61966-2-1, adapted by Bradford's transform).
SRGB_MATRIX = np.array([[0.436066, 0.385147, 0.143066], [0.222488, 0.716873, 0.060608], [0.013916, 0.097076, 0.714096]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SRGB_GAMMA, _SAME_GAMMA = 1 / 2.2, 5e-4  # writers of sRGB give this gamma, rounded, for readers that know no better
_SAME_COLORS = 2e-3  # chromaticities are written with three or four decimals

# By the numbers of ITU-T H.273: primaries 1 (BT.709), 9 (BT.2020), 12 (P3 under D65); transfer 4 and 5 (gammas), 8
# (linear) and 13 (sRGB). The others are brightness on a display, HDR, or films.
_PRIMARIES = {
    1: SRGB,
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0, 13: None}


def coded_profile(primaries: int, transfer: int) -> bytes | None:
    """Return the profile of the color space with these numbers of ITU-T H.273; None for sRGB.

    Raises
    ------
    InputError
        Where they are none of those that are converted here.
    """
    if primaries not in _PRIMARIES or transfer not in _GAMMAS:
        raise InputError(
            f"its colors are coded as primaries {primaries} and transfer {transfer} of ITU-T H.273 (cICP), which are "
            "not converted here; convert the picture to sRGB first"
        )
    gamma = _GAMMAS[transfer]
    if gamma is None and primaries == 1:
        return None
    return _profile(_PRIMARIES[primaries], _sampled(gamma))


def declared_profile(gamma: float | None, chromaticities: Sequence[float] | None) -> bytes | None:
    """Return the profile of samples ``light^gamma`` of primaries (white, red, green, blue; x and y); None for sRGB.

    What is not given is that of sRGB, and so is a gamma of 1 / 2.2, which stands for its curve.

    Raises
    ------
    InputError
        Where the chromaticities are those of no color space.

    References
    ----------
    Portable Network Graphics, third edition, sections 11.3.2.1 and 11.3.2.2.
    """
    if gamma is None or not gamma > 0 or abs(gamma - _SRGB_GAMMA) <= _SAME_GAMMA:  # zero is to be ignored
        gamma = None
    ends = SRGB if chromaticities is None else tuple(chromaticities)
    same = len(ends) == 8 and np.abs(np.subtract(ends, SRGB)).max() <= _SAME_COLORS
    return None if gamma is None and same else _profile(SRGB if same else ends, _sampled(gamma))


def primaries_matrix(chromaticities: Sequence[float]) -> Float[np.ndarray, "3 3"]:
    """Return XYZ under D50 of red, green and blue, as columns, from x and y of white, red, green and blue.

    Each primary is as bright as makes their sum white; Bradford's transform takes that white to D50.

    Examples
    --------
    >>> primaries_matrix(SRGB).round(3).tolist()
    [[0.436, 0.385, 0.143], [0.222, 0.717, 0.061], [0.014, 0.097, 0.714]]
    """
    xy = np.array(chromaticities, dtype=np.float64)
    if xy.shape != (8,) or not np.isfinite(xy).all() or not (xy[1::2] > 0).all():
        raise InputError(f"its chromaticities are no color space: {xy.tolist()}; convert the picture to sRGB first")
    white, *rgb = np.stack([xy[::2] / xy[1::2], np.ones(4), (1 - xy[::2] - xy[1::2]) / xy[1::2]], axis=1)
    columns = np.array(rgb).T
    if abs(np.linalg.det(columns)) <= 1e-6 * np.linalg.norm(columns, axis=0).prod():
        raise InputError(f"its chromaticities lie on a line: {xy.tolist()}; convert the picture to sRGB first")
    columns = columns * np.linalg.solve(columns, white)
    cones = _BRADFORD @ _D50 / (_BRADFORD @ white)
    return np.linalg.solve(_BRADFORD, cones[:, None] * (_BRADFORD @ columns))


def _sampled(gamma: float | None) -> bytes:
    """The curve from samples to light, as a parametric one: a power, or sRGB's."""
    kind, values = (0, (1 / gamma,)) if gamma else (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(_fixed(v) for v in values))


def _profile(chromaticities: Sequence[float], curve: bytes) -> bytes:
    """An ICC profile, version 4, of three primaries and one curve."""
    columns = SRGB_MATRIX if tuple(chromaticities) == SRGB else primaries_matrix(chromaticities)
    words = struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", 10, 28) + "mixot".encode("utf-16-be")
    tags = {b"desc": words, b"cprt": words, b"wtpt": _xyz(_D50)}
    tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: Float[np.ndarray, "3"]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(_fixed(v) for v in values))


def _fixed(value: float) -> int:
    """A number as the standard writes it, in 65536ths."""
    return min(max(round(float(value) * 65536), -(2**31)), 2**31 - 1)
