"""AVIF: what its boxes say of bits and colors, which Pillow leaves alone (AVIF 1.1; ISO/IEC 23008-12)."""

from __future__ import annotations

import struct

_SRGB = 1, 13  # primaries and transfer of ITU-T H.273
_UNSAID = 2
_AS_SRGB = (1, 6, 14, 15)  # transfers of video, which screens show as they show sRGB


def is_avif(data: bytes) -> bool:
    """Whether these are the first bytes of an AVIF."""
    return data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1", b"msf1")


def coding(data: bytes) -> tuple[int, int] | None:
    """How colors are coded, primaries and transfer, in the box that says so by numbers; None for sRGB or unsaid."""
    at = data.find(b"colrnclx")
    if not is_avif(data) or at < 0 or at + 12 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, at + 8)
    primaries = _SRGB[0] if primaries == _UNSAID else primaries
    transfer = _SRGB[1] if transfer == _UNSAID or transfer in _AS_SRGB else transfer
    return None if (primaries, transfer) == _SRGB else (primaries, transfer)


def is_deep(data: bytes) -> bool:
    """Whether the configuration of the codec says more than 8 bits a channel."""
    at = data.find(b"av1C")
    return is_avif(data) and 0 <= at < len(data) - 7 and bool(data[at + 6] & 0x40)
