"""NumPy's own files, opened without pickle, every kind of damage told as one error."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mixot.errors import InputError

# What the zip reader and NumPy raise on bytes that are cut or altered.
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: Path) -> np.ndarray:
    """The array in a .npy file; `InputError` where it is cut, damaged, or something else."""
    with _complete(path, ".npy"), path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a .npz file by name; `InputError` where it is cut, damaged, or something else."""
    # np.load would leave the file open where it is no zip, so it is opened here.
    with _complete(path, ".npz"), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): _entry(archive, name) for name in names}


def npz_names(path: Path) -> list[str]:
    """The names of the arrays in a .npz file; none where it cannot be read: whoever reads it next says why."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except _DAMAGE:
        return []


def _entry(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # past the end: only there the checksum is compared
        return array


@contextmanager
def _complete(path: Path, suffix: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as damage:
        raise InputError(f"{path}: not a complete {suffix} file ({damage}); write it again") from damage
