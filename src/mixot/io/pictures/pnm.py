"""PGM and PPM with more than 8 bits a channel, which Pillow cuts in color."""

from __future__ import annotations

import re

import numpy as np

from mixot.errors import InputError

_NUMBER = rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,9})"  # behind blanks and comments
_HEADER = re.compile(rb"P([56])" + 3 * _NUMBER + rb"\s")
_MOST_VALUES = 1 << 29


def deep_pixels(data: bytes) -> np.ndarray | None:
    """Pixels (h, w) or (h, w, 3) uint16 of a binary PGM or PPM whose top is above 255, scaled to 65535; else None.

    Raises
    ------
    InputError
        Where the file is cut, or says that it is larger than any picture that is read here.
    """
    found = _HEADER.match(data[:4096])
    if found is None or not 255 < (top := int(found[4])) < 65_536:
        return None
    width, height, channels = int(found[2]), int(found[3]), 1 if found[1] == b"5" else 3
    count = width * height * channels
    if count > _MOST_VALUES:
        raise InputError(f"the picture has {width} x {height} pixels, which is too large; make it smaller first")
    if len(data) - found.end() < 2 * count:
        raise InputError(f"the picture is cut: it takes {2 * count:,} bytes, and {len(data) - found.end():,} are there")
    values = np.frombuffer(data, ">u2", count, found.end()).astype(np.uint16)
    if top != 65_535:
        values = np.rint(np.minimum(values, top).astype(np.float32) * np.float32(65_535 / top)).astype(np.uint16)
    return values.reshape((height, width, 3) if channels == 3 else (height, width))
