"""Where a table or a model is that a path names: a file, a part of one, or standard input."""

from __future__ import annotations

import os
from pathlib import Path

from mixot._checks import as_path
from mixot.errors import InputError
from mixot.io import packed
from mixot.io.contents import BOOKS, DATABASES, MARK, Content
from mixot.io.streams import STANDARD_INPUT, pipe, standard_input


def locate(path: str | os.PathLike[str]) -> Content:
    """Where the table is that a path names: ``file``, ``archive.zip::member``, ``book::sheet``, ``database::table``.

    ``-`` is standard input; what comes from it, and from pipes with a name, is found out by how it begins.

    Raises
    ------
    InputError
        Where there is no such file, the path is a folder, or ``::`` stands behind a file that has no parts.
    """
    source = as_path(path)
    if str(source) == STANDARD_INPUT:
        return standard_input()
    part = None
    if not source.exists() and MARK in str(path):  # a file whose own name holds the mark is that file
        head, _, part = str(path).partition(MARK)
        source = Path(head)
    if source.is_fifo():
        return pipe(source)
    if not source.is_file():
        what = "no such file" if not source.exists() else "a folder, not a table" if source.is_dir() else "not a file"
        raise InputError(f"{source}: {what}")
    suffix = source.suffix.lower()
    if suffix == packed.ARCHIVE:
        name, _, part = (part or "").partition(MARK)
        name = packed.the_member(source, name or None)
        content = Content(source, Path(name).suffix.lower(), name, part or None)
    elif suffix in packed.SUFFIXES:
        content = Content(source, Path(source.stem).suffix.lower(), None, part)
    else:
        content = Content(source, suffix, None, part)
    if content.part is not None and content.suffix not in (*BOOKS, *DATABASES):
        raise InputError(
            f"{path}: behind {MARK} stands a file of an archive (.zip), a sheet of a workbook ({' '.join(BOOKS)}) or a "
            f"table of a database ({' '.join(DATABASES)}); leave it out"
        )
    return content
