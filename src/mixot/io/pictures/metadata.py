"""What a picture's file tells besides its pixels: EXIF, captions and the resolution of prints."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

import mixot.io.pictures.exif as blocks

_XMP_IN_PNG = "XML:com.adobe.xmp"
_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:=["']|>))\s*[2-8]""")
_CAPTIONS = 0x0404  # of the resources of Photoshop: the captions of IPTC
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"  # of the segment of a JPEG
_RESOURCE = b"8BIM\x04\x04"
_TIFF_XMP, _TIFF_IPTC = 700, 33723
_RAW = "Raw profile type "  # texts of PNG that hold other metadata in hexadecimal digits, as ImageMagick writes them


@dataclass(frozen=True)
class Metadata:
    """What the file of a picture told besides its pixels, and the file of another one may tell again.

    Parameters
    ----------
    exif : a block of EXIF from its header on, of a picture that is upright, without the small picture in it
    xmp : captions, as XML
    iptc : captions, as records of IPTC-IIM
    text : named texts of a PNG; "Comment" also of JPEG and GIF
    dpi : dots per inch, across and down
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    text: tuple[tuple[str, str], ...] = ()
    dpi: tuple[float, float] | None = None


def metadata_of(image: Any, data: bytes, *, converted: bool) -> tuple[Metadata, tuple[str, ...]]:
    """What a picture that Pillow opened from ``data`` tells, and a line for what of it is damaged and left out.

    ``converted`` says whether its colors were converted to sRGB.
    """
    info, notes = image.info, []
    if image.format == "TIFF":
        block, xmp, iptc, told = of_tiff(data)
        notes += told
    else:
        block = blocks.block_of(_bytes(info.get("exif")) or _raw_profile(info, "exif"))
        xmp = _bytes(info.get("xmp") or info.get(_XMP_IN_PNG)) or _xmp_segment(image)
        iptc = _bytes((info.get("photoshop") or {}).get(_CAPTIONS)) or _raw_profile(info, "iptc")
    block, told = _upright(block, converted)
    dpi = info.get("dpi")
    found = Metadata(block, _ORIENTATION.sub(rb"\g<1>1", xmp), iptc, _texts(image), _dpi(dpi) or _told_dpi(block))
    return found, (*notes, *told)


def of_tiff(data: bytes) -> tuple[bytes, bytes, bytes, tuple[str, ...]]:
    """EXIF, XMP and IPTC of a TIFF file, and a line for what is damaged and left out."""
    if data[2:4] not in (b"*\0", b"\0*"):
        return b"", b"", b"", ("the metadata of a TIFF with offsets of 64 bits are left out",)
    try:
        fields = {entry.tag: entry.value for entry in blocks.first_directory(data)}
        return blocks.of_tiff(data), fields.get(_TIFF_XMP, b""), fields.get(_TIFF_IPTC, b""), ()
    except (ValueError, struct.error) as damage:
        return b"", b"", b"", (f"the metadata are damaged and left out ({damage})",)


def deep_tiff_metadata(data: bytes, *, converted: bool) -> tuple[Metadata, tuple[str, ...]]:
    """What a TIFF file tells that Pillow does not read."""
    block, xmp, iptc, notes = of_tiff(data)
    block, told = _upright(block, converted)
    xmp = _ORIENTATION.sub(rb"\g<1>1", xmp)
    return Metadata(block, xmp, iptc, (), _tiff_dpi(data)), (*notes, *told)


def _tiff_dpi(data: bytes) -> tuple[float, float] | None:
    try:
        return _resolution({entry.tag: entry.numbers() for entry in blocks.first_directory(data)})
    except (ValueError, struct.error):
        return None


def _upright(block: bytes, converted: bool) -> tuple[bytes, tuple[str, ...]]:
    if not block:
        return b"", ()
    try:
        blocks.for_tiff(block)  # whatever it may be written to, its directories are whole
        return blocks.upright(block, converted=converted), ()
    except (ValueError, struct.error) as damage:
        return b"", (f"its EXIF is damaged and left out ({damage})",)


def _told_dpi(block: bytes) -> tuple[float, float] | None:
    """Dots per inch in a block that `_upright` went through."""
    return _resolution({entry.tag: entry.numbers() for entry in blocks.first_directory(block)}) if block else None


def _resolution(fields: dict[int, tuple[float | int, ...]]) -> tuple[float, float] | None:
    x, y, unit = (fields.get(tag) for tag in (blocks.X_RESOLUTION, blocks.Y_RESOLUTION, blocks.RESOLUTION_UNIT))
    if not x or not y or (unit or (2,)) not in ((2,), (3,)):
        return None
    scale = 2.54 if unit == (3,) else 1.0  # of dots per centimetre
    return _dpi((x[0] * scale, y[0] * scale))


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def _texts(image: Any) -> tuple[tuple[str, str], ...]:
    if image.format == "PNG":
        named = {str(name): str(text) for name, text in getattr(image, "text", {}).items()}
        return tuple((name, text) for name, text in named.items() if name != _XMP_IN_PNG and not name.startswith(_RAW))
    comment = image.info.get("comment")
    if image.format not in ("JPEG", "MPO", "GIF") or not comment:
        return ()
    return (("Comment", comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)),)


def _xmp_segment(image: Any) -> bytes:
    """Captions in a segment of a JPEG, which Pillow before 11 leaves there."""
    segments = [body for name, body in getattr(image, "applist", ()) if name == "APP1" and body.startswith(XMP_HEAD)]
    return segments[0][len(XMP_HEAD) :] if segments else b""


def _raw_profile(info: dict[str, Any], kind: str) -> bytes:
    """What a text of digits holds: a name, a length and the digits, on lines; b"" where it is none."""
    text = info.get(_RAW + kind)
    lines = text.split("\n") if isinstance(text, str) else []
    try:
        data = bytes.fromhex("".join(lines[3:]))
    except ValueError:
        return b""
    at = data.find(_RESOURCE)
    if kind != "iptc" or at < 0:
        return data
    # inside of a resource of Photoshop: its name, empty, takes two bytes; its length four
    start = at + len(_RESOURCE) + 2
    return data[start + 4 : start + 4 + int.from_bytes(data[start : start + 4], "big")]


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) else b""
