"""PNG with 16 bits a channel, in colour: Pillow cuts it to 8 bits, so these few chunks are read and written here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from mixot._native import png_unfilter
from mixot.errors import InputError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type -> channels: grey, RGB, grey + alpha, RGBA
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20  # bytes that are inflated at once
_COLOR_TYPE = {channels: kind for kind, channels in _CHANNELS.items()}


def is_deep(data: bytes) -> bool:
    """Whether these are the first bytes of a PNG with 16 bits a channel."""
    return data[:8] == _SIGNATURE and len(data) > 25 and data[24] == 16


def verify(data: bytes) -> tuple[int, int] | None:
    """Return how a PNG, of any depth, says that its colors are coded: primaries and transfer of ITU-T H.273.

    Raises
    ------
    InputError
        Where it is cut or altered: Pillow leaves the sums of pixels alone.
    """
    if data[:8] != _SIGNATURE:
        return None
    coding, lines = None, zlib.decompressobj()
    wanted, got = -1, 0
    try:
        for kind, body in _chunks(data):
            if kind == b"IHDR":
                wanted = _size(body)
            elif kind == b"cICP" and len(body) == 4:
                coding = body[0], body[1]
            elif kind == b"IDAT":
                while body and got <= wanted:  # piece by piece, and no more than the picture can hold
                    got += len(lines.decompress(body, _PIECE))
                    body = lines.unconsumed_tail
    except (struct.error, zlib.error, KeyError) as damage:
        raise InputError(f"the PNG is cut or damaged ({damage})") from damage
    if got < wanted:  # Pillow leaves what is missing black
        raise InputError(f"the PNG is cut or damaged (its rows take {wanted:,} bytes, and {got:,} are there)")
    return coding


def _size(header: bytes) -> int:
    """Bytes of all rows with their filters, as the header says: of seven small pictures where it is interlaced."""
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * (1 if color_type == 3 else _CHANNELS[color_type])  # of a palette: one index
    if not interlaced:
        return height * (1 + -(-width * bits // 8))
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _ADAM7)
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def decode(data: bytes) -> np.ndarray:
    """Pixels of a 16-bit PNG, (h, w, channels) uint16 (PNG specification, sections 4.1, 6, 8 and 9).

    Raises
    ------
    InputError
        Where the file is cut or damaged.
    """
    try:
        chunks = list(_chunks(data))
        width, height, _, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
        channels, size = _CHANNELS[color_type], _size(chunks[0][1])
        packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
        raw = zlib.decompressobj().decompress(packed, size + 1)  # no more than the picture can hold, whatever is there
        return (_interlaced if interlaced else _rows)(raw, height, width, channels)
    except (KeyError, IndexError, ValueError, struct.error, zlib.error) as damage:
        if isinstance(damage, InputError):
            raise
        raise InputError(f"the PNG is cut or damaged ({damage})") from damage


def _rows(raw: bytes, height: int, width: int, channels: int) -> np.ndarray:
    """Pixels of rows with their filters, (h, w, channels) uint16."""
    lines = np.frombuffer(raw, np.uint8).reshape(height, 1 + 2 * channels * width)
    if lines[:, 0].max() > 4:
        raise InputError("the PNG is damaged (unknown line filter)")
    plain = np.empty((height, 2 * channels * width), np.uint8)
    png_unfilter(lines, 2 * channels, plain)
    return plain.view(">u2").astype(np.uint16).reshape(height, width, channels)


def _interlaced(raw: bytes, height: int, width: int, channels: int) -> np.ndarray:
    """Pixels of seven small pictures one after the other, each of every so many rows and columns."""
    pixels, at = np.empty((height, width, channels), np.uint16), 0
    for x, y, dx, dy in _ADAM7:
        part = pixels[y::dy, x::dx]
        if part.size:
            end = at + part.shape[0] * (1 + 2 * channels * part.shape[1])
            part[:] = _rows(raw[at:end], part.shape[0], part.shape[1], channels)
            at = end
    return pixels


def encode(pixels: np.ndarray, icc: bytes | None = None, *more: tuple[bytes, bytes]) -> bytes:
    """Bytes of a 16-bit PNG, (h, w, channels) uint16 in; ``icc`` is a color profile to embed, ``more`` other chunks."""
    height, width, channels = pixels.shape
    raw = np.ascontiguousarray(pixels.astype(">u2")).view(np.uint8).reshape(height, -1)
    # Filter 2 on every line: the difference to the line above. Photographs shrink well, and it is one subtraction.
    lines = np.empty((height, raw.shape[1] + 1), np.uint8)
    lines[:, 0] = 2
    lines[0, 1:] = raw[0]
    np.subtract(raw[1:], raw[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPE[channels], 0, 0, 0)
    profile = b"" if icc is None else _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
    body = _chunk(b"IDAT", zlib.compress(lines.tobytes(), 4))
    told = b"".join(_chunk(kind, text) for kind, text in more)
    return _SIGNATURE + _chunk(b"IHDR", head) + profile + told + body + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Chunks one after the other to the last, their checksums verified.

    A file that ends between two chunks is cut, too: only IEND is an end (PNG specification, section 5.6).
    """
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if at >= len(data):
            raise InputError("the PNG is cut (there is no IEND chunk)")
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (crc,) = struct.unpack_from(">I", data, at + 8 + size)
        if zlib.crc32(kind + body) != crc:
            raise InputError(f"the PNG is damaged (checksum of its {kind!r} chunk)")
        yield kind, body
        at += 12 + size
