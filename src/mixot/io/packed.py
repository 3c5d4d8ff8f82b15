"""Files that are packed, .gz .bz2 .xz .zst and .zip: their bytes, in bounds, every kind of damage told as one error."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.arrays import check_inflation
from mixot.io.columns import listed

ARCHIVE = ".zip"
_CHUNK = 1 << 20
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError)


def _zstd(file: BinaryIO) -> Any:
    zstandard = require("zstandard", "zstd", "reading .zst files")
    # a window of 128 MiB, the most that the zstd program takes without being told: a header allocates no more
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    return reader.stream_reader(file, read_across_frames=True, closefd=False)


_PACKERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstd,
}
SUFFIXES = tuple(_PACKERS)


def unpacked(path: Path, *, most: int | None = None) -> bytes:
    """What is packed in a file whose extension is one of `SUFFIXES`; of it the first ``most`` bytes, if given.

    Raises
    ------
    InputError
        Where the file is cut, damaged, or not packed, or would inflate to many times its size.
    UnsupportedError
        Where the package for .zst is not installed.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file, _complete(path, suffix):
        return _bytes(_PACKERS[suffix](file), path, path.stat().st_size, most)


def inflated(data: bytes, suffix: str, name: str) -> bytes:
    """What is packed in bytes, as a file with that extension is; ``name`` is what messages call them."""
    with BytesIO(data) as file, _complete(name, suffix):
        return _bytes(_PACKERS[suffix](file), name, len(data), None)


def members(path: Path) -> list[str]:
    """The files in a .zip, but those that systems hide."""
    with _complete(path, ARCHIVE), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    hidden = ("__MACOSX", ".")
    return [name for name in names if not any(part.startswith(hidden) for part in name.split("/"))]


def the_member(path: Path, name: str | None) -> str:
    """The file in a .zip that is called so, or the only one; `InputError` where there is none, or none is meant."""
    held = members(path)
    if name is None:
        if len(held) == 1:
            return held[0]
        what = f"holds {len(held)} files, name one: '{path}::{held[0]}'; there are" if held else "holds no files"
        raise InputError(f"{path}: this archive {what} {listed(held)}".rstrip())
    if held.count(name) > 1:
        raise InputError(f"{path}: there are several files {name!r} in this archive; pack it again")
    if name not in held:
        raise InputError(f"{path}: no file {name!r} in this archive; there are {listed(held) or 'none'}")
    return name


def member(path: Path, name: str, *, most: int | None = None) -> bytes:
    """The bytes of one file in a .zip, or the first ``most`` of them; raises as `unpacked`."""
    with _complete(path, ARCHIVE), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        entry = archive.getinfo(name)
        if entry.flag_bits & 1:
            raise InputError(f"{path}: {name} is locked by a password; unpack it first, with the password")
        with archive.open(entry) as packed:  # to its last byte, where zipfile compares the checksum
            return _bytes(packed, path, min(entry.compress_size, path.stat().st_size), most)


def _bytes(packed: Any, path: object, stored: int, most: int | None) -> bytes:
    """What comes out, looked at as it comes: a size in a header would be believed."""
    out = bytearray()
    while chunk := packed.read(_CHUNK if most is None else min(most - len(out), _CHUNK)):
        out += chunk
        check_inflation(path, "what is packed", stored, len(out))
    return bytes(out)


@contextmanager
def _complete(path: object, suffix: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except zipfile.BadZipFile as damage:
        raise InputError(f"{path}: not a complete {suffix} file ({damage}); pack it again") from damage
    except _DAMAGE as damage:
        raise InputError(f"{path}: not a complete {suffix} file ({damage}); pack it again") from damage
    except Exception as damage:
        if type(damage).__name__ != "ZstdError":  # of a package that may not be there
            raise
        raise InputError(f"{path}: not a complete {suffix} file ({damage}); pack it again") from damage
