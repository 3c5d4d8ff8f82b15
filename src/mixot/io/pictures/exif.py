"""EXIF: a block of directories as TIFF has them (TIFF 6.0, section 2; CIPA DC-008), read, edited in place, moved."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
DETAILS, PLACE = 34665, 34853  # where the directories of the exposure and of the place begin
_WIDTH, _HEIGHT, _COLOR_SPACE, _INTEROPERABILITY = 40962, 40963, 40961, 40965
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of a value, by its type
_ITEMS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8}  # bytes that change places between the two orders
_POINTERS, _MAKERS_NOTE = (DETAILS, PLACE), 37500
_PREFIX = b"Exif\0\0"
# What of the first directory of a TIFF tells of the picture, and not of how its pixels are stored.
_TOLD = frozenset({270, 271, 272, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095})
_DEEPEST = 1000  # entries of a directory; more are damage


@dataclass(frozen=True)
class Entry:
    """One field of a directory: its tag, its type, and its values, the lowest byte first."""

    tag: int
    kind: int
    value: bytes

    @property
    def count(self) -> int:
        """Number of values."""
        return len(self.value) // _SIZES[self.kind]

    def numbers(self) -> tuple[float | int, ...]:
        """Values that are whole numbers or fractions; none of text."""
        if self.kind in (3, 4):
            return struct.unpack(f"<{self.count}{'H' if self.kind == 3 else 'I'}", self.value)
        if self.kind == 5:
            parts = struct.unpack(f"<{2 * self.count}I", self.value)
            return tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
        return ()


def short(tag: int, *values: int) -> Entry:
    """A field of numbers of 16 bits."""
    return Entry(tag, 3, struct.pack(f"<{len(values)}H", *values))


def long(tag: int, *values: int) -> Entry:
    """A field of numbers of 32 bits."""
    return Entry(tag, 4, struct.pack(f"<{len(values)}I", *values))


def fraction(tag: int, value: float) -> Entry:
    """A field of one fraction, to three decimals."""
    return Entry(tag, 5, struct.pack("<2I", round(value * 1000), 1000))


def block_of(data: bytes) -> bytes:
    """The block from its header on, without the six bytes that JPEG puts before it; b"" where it is none."""
    block = data.removeprefix(_PREFIX)
    return block if block[:4] in (b"II*\0", b"MM\0*") else b""


def directory(data: bytes, at: int) -> tuple[list[Entry], int]:
    """The fields of the directory at an offset, and where the next one is (0: nowhere).

    Raises
    ------
    ValueError
        Where it reaches beyond the end.
    """
    order = "<" if data[:2] == b"II" else ">"
    fields, after = _fields(data, at, order)
    return [
        Entry(tag, kind, _little(data[start : start + size], kind, order)) for tag, kind, start, size in fields
    ], after


def first_directory(data: bytes) -> list[Entry]:
    """The fields of the first directory; raises as `directory` does."""
    return directory(data, _first(data))[0]


def of_tiff(data: bytes) -> bytes:
    """The block that tells what the directories of a TIFF file tell of its picture; b"" where that is nothing."""
    fields = first_directory(data)
    told, inner = [entry for entry in fields if entry.tag in (*_TOLD, ORIENTATION)], _inner(data, fields)
    return written(told, inner) if told or inner else b""


def for_tiff(block: bytes) -> tuple[list[Entry], dict[int, list[Entry]]]:
    """What of a block goes into a TIFF file: fields of its first directory, and those of the two that it points to.

    The maker's note is left out: its own offsets count from the beginning of a block that is no more.
    """
    fields = first_directory(block)
    return [entry for entry in fields if entry.tag in _TOLD], _inner(block, fields)


def _inner(data: bytes, fields: Iterable[Entry]) -> dict[int, list[Entry]]:
    """The directories that fields point to, of which what means the same elsewhere in a file."""
    places = {entry.tag: int(entry.numbers()[0]) for entry in fields if entry.tag in _POINTERS and entry.numbers()}
    return {
        tag: [entry for entry in directory(data, at)[0] if entry.tag not in (_INTEROPERABILITY, _MAKERS_NOTE)]
        for tag, at in places.items()
    }


def written(fields: Sequence[Entry], inner: dict[int, list[Entry]]) -> bytes:
    """A block of a first directory and those that it points to."""
    data = bytearray(b"II*\0\x08\0\0\0")
    pointers = [long(tag, 0) for tag in inner]
    data += packed([*fields, *pointers], len(data))
    for tag, entries in inner.items():
        at = len(data)
        data += packed(entries, at)
        start = next(start for name, _, start, _ in _fields(bytes(data), 8, "<")[0] if name == tag)
        struct.pack_into("<I", data, start, at)
    return bytes(data)


def packed(fields: Iterable[Entry], at: int, after: int = 0) -> bytes:
    """The bytes of a directory that begins at an even offset ``at``, its longer values behind it, at an even length."""
    entries = sorted(fields, key=lambda entry: entry.tag)
    head, tail = bytearray(struct.pack("<H", len(entries))), bytearray()
    behind = at + 2 + 12 * len(entries) + 4
    for entry in entries:
        head += struct.pack("<HHI", entry.tag, entry.kind, entry.count)
        if len(entry.value) <= 4:
            head += entry.value.ljust(4, b"\0")
        else:
            head += struct.pack("<I", behind + len(tail))
            tail += entry.value + b"\0" * (len(entry.value) % 2)
    return bytes(head) + struct.pack("<I", after) + bytes(tail)


def orientation(block: bytes) -> int:
    """How the picture is to be turned, 1 to 8; 1 where nothing is said."""
    found = [entry.numbers() for entry in first_directory(block) if entry.tag == ORIENTATION]
    return int(found[0][0]) if found and found[0] and 1 <= found[0][0] <= 8 else 1


def upright(block: bytes, *, converted: bool) -> bytes:
    """A block that tells of a picture that was turned upright, and converted to sRGB if it was; all else in place.

    Its orientation is 1, width and height change places with it, and the small picture behind the second directory,
    which has the colors of before, is cut off.
    """
    order = "<" if block[:2] == b"II" else ">"
    turned = orientation(block) > 4
    data, first = bytearray(block), _first(block)
    fields, _ = _fields(block, first, order)
    struct.pack_into(f"{order}I", data, first + 2 + 12 * len(_raw(block, first, order)), 0)  # no second directory
    for tag, kind, start, _ in fields:
        if tag == ORIENTATION and kind == 3:
            struct.pack_into(f"{order}H", data, start, 1)
        if tag == DETAILS and kind == 4:
            (at,) = struct.unpack_from(f"{order}I", block, start)
            details, _ = _fields(block, at, order)
            places = {name: place for name, form, place, _ in details if form in (3, 4)}
            if _COLOR_SPACE in places and converted:
                struct.pack_into(f"{order}H", data, places[_COLOR_SPACE], 1)
            if turned and _WIDTH in places and _HEIGHT in places:
                a, b = (slice(places[name] - 6, places[name] + 4) for name in (_WIDTH, _HEIGHT))
                data[a], data[b] = data[b], data[a]  # type, count and value change places, the tags stay in order
    return bytes(data)


def _first(data: bytes) -> int:
    if len(data) < 8:
        raise ValueError("no header")
    return int(struct.unpack_from("<I" if data[:2] == b"II" else ">I", data, 4)[0])


def _raw(data: bytes, at: int, order: str) -> list[tuple[int, int, int, int]]:
    """Tag, type, count and the place of the value field of each entry."""
    try:
        (count,) = struct.unpack_from(f"{order}H", data, at)
        if count > _DEEPEST:
            raise ValueError(f"{count} fields")
        places = [at + 2 + 12 * j for j in range(count)]
        return [(*struct.unpack_from(f"{order}HHI", data, place), place + 8) for place in places]
    except struct.error as cut:
        raise ValueError(str(cut)) from cut


def _fields(data: bytes, at: int, order: str) -> tuple[list[tuple[int, int, int, int]], int]:
    """Tag, type, and where the bytes of the value begin and how many they are, of each entry whose type is known."""
    entries = _raw(data, at, order)
    out = []
    for tag, kind, count, place in entries:
        size = _SIZES.get(kind, 0) * count
        if not size:
            continue
        if place + 4 > len(data):
            raise ValueError(f"field {tag} reaches beyond the end")
        start = place if size <= 4 else int(struct.unpack_from(f"{order}I", data, place)[0])
        if start + size > len(data):
            raise ValueError(f"field {tag} reaches beyond the end")
        out.append((tag, kind, start, size))
    end = at + 2 + 12 * len(entries)
    if end + 4 > len(data):
        raise ValueError("the directory reaches beyond the end")
    return out, int(struct.unpack_from(f"{order}I", data, end)[0])


def _little(value: bytes, kind: int, order: str) -> bytes:
    size = _ITEMS.get(kind, 1)
    if order == "<" or size == 1:
        return value
    return b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))
