"""Folders of Parquet files and patterns of names: many files that are one table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import escape, glob
from itertools import chain
from pathlib import Path

import numpy as np

from mixot.errors import InputError
from mixot.io.columns import Table, listed
from mixot.io.contents import MARK

_PATTERN = "*?["


def is_pattern(path: Path) -> bool:
    """Whether a path is no file, but a pattern of names."""
    name = str(path)
    return any(mark in name for mark in _PATTERN) and MARK not in name and not path.exists()


def files_of(path: Path) -> list[Path] | None:
    """The files that are one table, by name: those of a folder of Parquet, or of a pattern; None for a single file.

    Names that begin with a dot or an underscore are left out, as by all who write such folders.

    Raises
    ------
    InputError
        Where no file is called so, or the files are of several kinds.
    """
    if path.is_dir():
        within = (Path(name) for name in glob(f"{escape(str(path))}/**/*.parquet", recursive=True))
        found = sorted(file for file in within if not any(map(_is_hidden, file.relative_to(path).parts)))
        if not found:
            raise InputError(f"{path}: a folder, without .parquet files; of others, name a pattern: '{path / '*.csv'}'")
        return found
    if not is_pattern(path):
        return None
    called = (Path(name) for name in glob(str(path), recursive=True))
    found = sorted(file for file in called if file.is_file() and not _is_hidden(file.name))
    if not found:
        raise InputError(f"{path}: no such file, and no file is called like this pattern")
    kinds = sorted({"".join(file.suffixes[-1:]).lower() for file in found})
    if len(kinds) > 1:
        raise InputError(f"{path}: files of several kinds are called like this: {listed(kinds)}; name one kind")
    return found


def one_table(path: str | os.PathLike[str], tables: Sequence[tuple[Path, Table]]) -> Table:
    """The rows of all tables, below one another, with columns in the order of the first.

    Raises
    ------
    InputError
        Where one has other columns than the first; the message names the file and the columns.
    """
    (head, first), *others = tables
    parts = [first.values]
    for file, table in others:
        if table.named != first.named or sorted(table.columns) != sorted(first.columns):
            missing = [name for name in first.columns if name not in table.columns]
            more = [name for name in table.columns if name not in first.columns]
            told = [
                f"{word} {listed(list(map(repr, names)))}"
                for word, names in (("without", missing), ("with", more))
                if names
            ]
            raise InputError(
                f"{path}: all files must have the same columns, {file} comes {' and '.join(told) or 'without names'}, "
                f"compared with {head}; choose those that all have: --columns A,B (columns=[...] in Python)"
            )
        order = [table.columns.index(name) for name in first.columns] if first.names else slice(None)
        parts.append(table.values[:, order])
    weights = [table.weights for _, table in tables]
    if any(weight is not None for weight in weights):
        raise InputError(
            f"{path}: the rows of these files carry weights, which do not go together; read them one by one"
        )
    notes = tuple(dict.fromkeys(chain.from_iterable(table.notes for _, table in tables)))
    return Table(
        first.columns, np.concatenate(parts), named=first.named, notes=(*notes, f"{len(tables)} files are one table")
    )


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))
