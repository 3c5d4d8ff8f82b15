"""What the shell offers after Tab: names of columns, from the header of a file that is typed already, and of families.

Only the standard library is used: the rest of the package would take longer to import than a person waits.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import typer

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_TEXT, _RECORDS, _DATABASES = (".csv", ".tsv", ".txt"), (".json", ".jsonl", ".ndjson"), (".db", ".sqlite", ".sqlite3")
_MOST = 1 << 16  # characters in which a header must end


def families(incomplete: str) -> list[str]:
    """The names of families that begin so; of a product, "gamma,po", its last factor."""
    from mixot._registry import modules_by_name

    return _endings(incomplete, sorted(modules_by_name("mixot.families", "register")))


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of columns that are not yet in a list with commas, behind it."""
    return _endings(incomplete, header(ctx), once=True)


def column(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of columns that begin so."""
    return [name for name in header(ctx) if name.startswith(incomplete)]


def header(ctx: typer.Context) -> list[str]:
    """The columns of the first file among what was typed that has a header that can be read at once; none otherwise."""
    words = ctx.params.values()
    # Arguments stand unnamed in ctx.args where the line ends in an option that waits for its value.
    for each in (*ctx.args, *(word for value in words for word in (value if isinstance(value, list) else [value]))):
        if isinstance(each, str | Path):
            try:
                names = _columns_of(str(each))
            except (OSError, EOFError, ValueError, csv.Error, lzma.LZMAError, sqlite3.Error):
                names = []  # whoever runs the command is told what is wrong with the file
            if names:
                return names
    return []


def _endings(incomplete: str, names: list[str], once: bool = False) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",") if once else ()
    return [f"{before}{comma}{name}" for name in names if name.startswith(last) and name not in taken]


def _columns_of(name: str) -> list[str]:
    place, _, part = name.partition("::")
    path = Path(name if Path(name).is_file() else place)
    if not path.is_file():
        return []
    packed = path.suffix.lower() in _OPENERS
    suffix = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if suffix in _DATABASES:
        return _of_database(path, part)
    if suffix not in _TEXT and suffix not in _RECORDS:
        return []
    opened = _OPENERS[path.suffix.lower()] if packed else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        return _of_text(file) if suffix in _TEXT else _of_records(file)


def _of_text(file: IO[str]) -> list[str]:
    line = next((line for line in _lines(file) if line.strip() and not line.startswith("#")), "").strip("\r\n")
    delimiter = max(",;\t|", key=line.count)
    cells = next(csv.reader([line], delimiter=delimiter)) if delimiter in line else line.split()
    if cells and all(map(_is_number, cells)):
        return [f"x{j + 1}" for j in range(len(cells))]
    return [cell.strip() for cell in cells if cell.strip()]


def _of_records(file: IO[str]) -> list[str]:
    text = file.read(_MOST).lstrip().removeprefix("[").lstrip()
    if not text.startswith("{"):
        return []
    first, _ = json.JSONDecoder().raw_decode(text)
    return [] if "format" in first else list(first)  # a model


def _of_database(path: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.1)) as base:
        if not table:
            found = base.execute("select name from sqlite_master where type in ('table', 'view')").fetchall()
            if len(found) != 1:
                return []
            ((table,),) = found
        return [str(name) for (name,) in base.execute("select name from pragma_table_info(?)", (table,))]


def _lines(file: IO[str]) -> Iterator[str]:
    left = _MOST
    while left > 0 and (line := file.readline(left)):
        left -= len(line)
        yield line


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
