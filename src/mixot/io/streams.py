"""Tables and models that come as bytes without a name, such as standard input: what they are, by how they begin."""

from __future__ import annotations

import json
import sys
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from mixot.errors import InputError
from mixot.io import packed
from mixot.io.contents import Content

STANDARD_INPUT = "-"
_MAGIC = {  # how files begin, and the extension that says the same
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"FEA1": ".feather",
    b"\x93NUMPY": ".npy",
    b"SQLite format 3\0": ".sqlite",
    b"FCS": ".fcs",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ".xls",
}
_PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_PARTS = {"xl/workbook.xml": ".xlsx", "xl/workbook.bin": ".xlsb", "content.xml": ".ods"}


def received(stream: Any, name: str = "standard input") -> Content:
    r"""All bytes of a stream, unpacked, and what they are.

    Parameters
    ----------
    stream : binary stream
        Read to its end.
    name : str
        What messages call it.

    Raises
    ------
    InputError
        Where nothing comes, or something that no table or model begins with.

    Examples
    --------
    >>> from io import BytesIO
    >>> [received(BytesIO(data)).suffix for data in (b"x,y\n1,2\n", b'{"x": 1}\n{"x": 2}\n', b"[[1, 2]]")]
    ['.csv', '.jsonl', '.json']
    """
    data, place = stream.read(), Path(name)
    if not data.strip():
        raise InputError(f"{name}: nothing came; pipe a table or a model into it")
    for _ in range(2):  # a packed archive
        for start, suffix in _PACKED.items():
            if data.startswith(start):
                data = packed.inflated(data, suffix, name)
                break
        else:
            break
    suffix = suffix_of(data)
    if suffix == packed.ARCHIVE:
        raise InputError(f"{name}: an archive cannot be told from others in a stream; unpack it first")
    return Content(place, suffix, stream=data)


def suffix_of(data: bytes) -> str:
    """The extension of files that begin like this: text is a table unless it is JSON."""
    for start, suffix in _MAGIC.items():
        if data.startswith(start):
            return suffix
    if data[8:12] == b"DUCK":
        return ".duckdb"
    if data.startswith(b"PK"):
        return _zip_suffix(data)
    bare = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not bare.startswith((b"{", b"[")):
        return ".csv"
    first, _, rest = bare.partition(b"\n")
    return ".jsonl" if rest.lstrip().startswith(bare[:1]) and _is_json(first) else ".json"


@cache  # a command asks for it more than once, and it can be read only once
def standard_input() -> Content:
    """What is piped into this process; raises as `received`."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("standard input: nothing is piped into it; name a file, or write: cat file | mixot ... -")
    return received(sys.stdin.buffer)


@cache
def pipe(path: Path) -> Content:
    """What comes out of a pipe that has a name, as shells make for ``<(command)``; raises as `received`."""
    with path.open("rb") as stream:
        return received(stream, str(path))


def _zip_suffix(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return packed.ARCHIVE
    if names and all(name.endswith(".npy") for name in names):
        return ".npz"
    return next((suffix for part, suffix in _PARTS.items() if part in names), packed.ARCHIVE)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
