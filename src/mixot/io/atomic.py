"""Writing that leaves either the whole new file or what was there before, and checks that come before long work."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mixot.errors import InputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends well, and vanishes when it does not.

    The bytes go to a temporary file in the same folder, which `os.replace` moves over ``path`` in one step: a reader
    never sees half a file, and neither an error nor Ctrl-C leaves one.

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
        Where its parent is missing, it is a file, or nothing can be written into it.
    """
    folder = Path(path)
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
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        return draft, draft.open("xb")
    except OSError as refused:
        raise InputError(
            f"{target}: cannot write into {target.parent} ({refused.strerror or refused}); "
            "choose a folder that you may write to"
        ) from refused
