"""The bytes of a table or a model, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BufferedIOBase, BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from mixot.io import packed

MARK = "::"  # between a file and the part of it that is meant
BOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
DATABASES = (".db", ".sqlite", ".sqlite3", ".duckdb")


@dataclass(frozen=True, eq=False)
class Content:
    """The bytes of a table, and where they come from.

    Parameters
    ----------
    path : the file on disk, or what a stream is called
    suffix : what the bytes are, as an extension: that of what is packed in the file, in lower case
    member : the file in an archive that they are
    part : the sheet or the table that is meant, as it was typed
    stream : the bytes themselves, where they come from no file
    """

    path: Path
    suffix: str
    member: str | None = None
    part: str | None = None
    stream: bytes | None = None

    def __str__(self) -> str:
        inner = self.member or self.part
        return f"{self.path}{MARK}{inner}" if inner else str(self.path)

    @property
    def on_disk(self) -> bool:
        """Whether the bytes are those of the file itself."""
        return self.member is None and self.stream is None and self.path.suffix.lower() not in packed.SUFFIXES

    @cached_property
    def data(self) -> bytes:
        """All bytes, unpacked."""
        if self.stream is not None:
            return self.stream
        if self.member is not None:
            return packed.member(self.path, self.member)
        return self.path.read_bytes() if self.on_disk else packed.unpacked(self.path)

    @property
    def size(self) -> int:
        """Number of bytes that are stored: of what is packed, those in memory."""
        return self.path.stat().st_size if self.on_disk else len(self.data)

    def start(self, most: int) -> bytes:
        """The first bytes, the others left packed."""
        if self.stream is not None or "data" in self.__dict__:
            return self.data[:most]
        if self.member is not None:
            return packed.member(self.path, self.member, most=most)
        if not self.on_disk:
            return packed.unpacked(self.path, most=most)
        with self.path.open("rb") as file:
            return file.read(most)

    def open(self) -> BufferedIOBase:
        """An open file of the bytes."""
        return self.path.open("rb") if self.on_disk else BytesIO(self.data)

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """A file on disk with these bytes, for libraries that take nothing else."""
        if self.on_disk:
            yield self.path
            return
        with TemporaryDirectory() as folder:
            copy = Path(folder) / f"table{self.suffix}"
            copy.write_bytes(self.data)
            yield copy
