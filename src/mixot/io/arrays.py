"""NumPy's own files, opened without pickle and not inflated without bound, every kind of damage told as one error."""

from __future__ import annotations

import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mixot.errors import InputError

_ANY_SIZE = 1 << 28  # bytes that may come out of any file, however small it is
_INFLATION = 200  # times its size that more than that may come out of a file: rows of numbers shrink to a third

# What the zip reader and NumPy raise on bytes that are cut or altered.
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    TypeError,
    AttributeError,
    SyntaxError,
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@runtime_checkable
class Stored(Protocol):
    """Bytes that can be opened; as a text it is what messages call them."""

    @property
    def size(self) -> int:
        """Number of bytes."""
        ...

    def open(self) -> BufferedIOBase:
        """An open file of them."""
        ...


def read_npy(path: Stored) -> np.ndarray:
    """The array in a .npy file; `InputError` where it is cut, damaged, or something else."""
    with _complete(path, ".npy"), path.open() as file:
        return _array(file, path.size)


def read_npz(path: Stored, names: Collection[str]) -> dict[str, np.ndarray]:
    """Those of the arrays ``names`` that are in a .npz file, the others left on disk.

    Raises
    ------
    InputError
        Where the file is cut, damaged, or something else, an array is there twice, or would inflate to many times the
        size of the file.
    """
    # np.load would leave the file open where it is no zip, so it is opened here.
    with _complete(path, ".npz"), path.open() as file, zipfile.ZipFile(file) as archive:
        entries = archive.namelist()
        return {name: _entry(archive, path, name) for name in names if f"{name}.npy" in entries}


def npz_names(path: Stored) -> list[str]:
    """The names of the arrays in a .npz file; none where it cannot be read: whoever reads it next says why."""
    try:
        with path.open() as file, zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except _DAMAGE:
        return []


def check_inflation(path: object, what: str, stored: int, full: int) -> None:
    """Refuse what takes ``stored`` bytes in a file and ``full`` in memory where that is out of all proportion."""
    if full > _ANY_SIZE and full > _INFLATION * stored:
        raise InputError(
            f"{path}: {what} takes {stored / 2**20:.3g} MiB in the file and {full / 2**30:.3g} GiB in memory, and is "
            "not read; if it is meant, write it without compression"
        )


def _entry(archive: zipfile.ZipFile, path: Stored, name: str) -> np.ndarray:
    if archive.namelist().count(f"{name}.npy") > 1:
        raise InputError(f"{path}: the array {name!r} is there twice; write the file again")
    entry = archive.getinfo(f"{name}.npy")
    check_inflation(path, f"the array {name!r}", min(entry.compress_size, path.size), entry.file_size)
    with archive.open(entry) as file:
        return _array(file, entry.file_size)  # to its last byte, where zipfile compares the checksum


def _array(file: Any, size: int) -> np.ndarray:
    """The array in a file of ``size`` bytes, read after its header and that size agree: no header allocates alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy remarks on headers that Python 2 wrote
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"format version {version}, which only arrays of records have")
        head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = head(file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects and not numbers")
        needed, held = prod(shape) * dtype.itemsize, size - file.tell()
        if needed != held:
            raise ValueError(f"{held} bytes of numbers, and {needed} for the shape {shape} of {dtype}")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


@contextmanager
def _complete(path: object, suffix: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except _DAMAGE as damage:
        raise InputError(f"{path}: not a complete {suffix} file ({damage}); write it again") from damage
