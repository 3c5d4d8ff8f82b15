"""Writing that leaves either the whole new file or what was there before, and checks that come before long work."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from platform import node
from typing import BinaryIO

from mixot._checks import as_path
from mixot.errors import InputError

# Whoever names a folder so has mistaken the command for one that writes a single file.
_FILES = (".json", ".npz", ".npy", ".csv", ".tsv", ".txt", ".parquet", ".h5ad")
_FILES += (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".avif")
_DRAFT = re.compile(r"\.mixot-([0-9a-f]{8})-([0-9]{1,10})-[0-9a-f]{8}\.part")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends well, and vanishes when it does not.

    The bytes go to a temporary file in the same folder, are brought to the disk, and `os.replace` moves them over
    ``path`` in one step: a reader never sees half a file, also after a power cut, and neither an error nor Ctrl-C
    leaves one. What a process that was killed left there is taken away by the next one that writes into the folder.

    Raises
    ------
    InputError
        Where ``path`` cannot be written (its folder is missing, closed to us, or the path is not a plain file).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, replacing(f"{folder}/note.txt") as file:
    ...     _ = file.write(b"all or nothing")
    """
    target = _plain_target(path)
    draft, file = _open_draft(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name with no bytes
        if target.exists():
            shutil.copymode(target, draft)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def check_target(path: str | os.PathLike[str], suffixes: Iterable[str] = ()) -> Path:
    """Return ``path`` if a file can be written there; meant to be called before the work whose result goes there.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, the path is no plain file, or its extension is not among
        ``suffixes`` (lower case, with the dot; any where none are given).
    """
    allowed = tuple(suffixes)
    path = as_path(path)
    if allowed and Path(path).suffix.lower() not in allowed:
        raise InputError(f"{path}: cannot tell what to write from this extension; use one of {' '.join(allowed)}")
    # Trying is the only test that holds on every system: access bits say yes to root on a read-only disk.
    draft, file = _open_draft(_plain_target(path))
    file.close()
    draft.unlink()
    return Path(path)


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` as a folder that files can be written into, made if only its last part is missing.

    Raises
    ------
    InputError
        Where its parent is missing, it is a file or has the extension of one, or nothing can be written into it.
    """
    folder = as_path(path)
    if not folder.exists() and folder.suffix.lower() in _FILES:
        raise InputError(
            f"{folder}: expected the name of a folder, {folder.suffix} is that of a file; leave it out: {folder.stem}"
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder, this is a file; choose another name")
    if not folder.exists():
        check_target(folder)
        folder.mkdir()
    check_target(folder / "probe")
    return folder


def _plain_target(path: str | os.PathLike[str]) -> Path:
    target = Path(os.path.realpath(path))  # through links: the file they point to is the one to replace
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist; make it first, or choose another one")
    if target.is_dir():
        raise InputError(f"{path}: expected the name of a file to write, this is a folder")
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: not a plain file (a device or a pipe?), so it will not be replaced")
    return target


def _open_draft(target: Path) -> tuple[Path, BinaryIO]:
    draft = target.with_name(f".mixot-{_machine():08x}-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        opened = draft.open("xb")
    except OSError as refused:
        raise InputError(
            f"{target}: cannot write into {target.parent} ({refused.strerror or refused}); "
            "choose a folder that you may write to"
        ) from refused
    _sweep(target.parent)
    return draft, opened


def _sweep(folder: Path) -> None:
    """Delete drafts of processes of this machine that are no more; they were killed before they could."""
    if os.name != "posix":  # elsewhere there is no asking after a process that does not touch it
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _DRAFT.fullmatch(entry.name)
            if found and int(found[1], 16) == _machine() and not _is_alive(int(found[2])):
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True


def _machine() -> int:
    """A number for where process numbers mean what they mean here: the machine and, in a container, the container."""
    try:
        inside = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        inside = 0
    return zlib.crc32(f"{node()} {inside}".encode())
