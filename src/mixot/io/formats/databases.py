"""Tables and views of databases in one file, SQLite and DuckDB, which are opened to be read only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.columns import Table, listed, pick
from mixot.io.contents import DATABASES, MARK, Content
from mixot.io.formats.cells import table_of

SUFFIXES = DATABASES
_SQLITE = b"SQLite format 3\0"
_DUCK = b"DUCK"  # behind eight bytes of checksum
_PAUSE = 100_000  # steps of SQLite between two looks at Ctrl-C


def read_database(content: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    """One table, or view, of a database.

    Raises
    ------
    InputError
        Where the file is no database, damaged, or locked by another program, there are several tables and none is
        named, there is no such table, or a value that is asked for is no number.
    UnsupportedError
        Where it is one of DuckDB, and that is not installed.
    """
    with content.as_file() as path:
        start = content.start(16)
        if start.startswith(_SQLITE):
            names, rows = _of_sqlite(content, path, columns)
        elif start[8:12] == _DUCK:
            names, rows = _of_duckdb(content, path, columns)
        else:
            raise InputError(f"{content.path}: not a database of SQLite or DuckDB; write it again")
    parts = [list(part) for part in zip(*rows, strict=True)] if rows else [[] for _ in names]
    return table_of(content, names, parts, lambda row, _: f"row {row + 1}", hole="NULL", missing=missing)


def _of_sqlite(content: Content, path: Path, columns: Sequence[str] | None) -> tuple[list[str], list[Any]]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as base:
            base.set_progress_handler(lambda: 0, _PAUSE)  # Python looks at signals meanwhile
            listing = "select name from sqlite_master where type in ('table', 'view') order by name"
            held = [name for (name,) in base.execute(listing) if not name.startswith("sqlite_")]
            table = _the_table(content, held)
            names = [name for _, name, *_ in base.execute(f"pragma table_info({_quoted(table)})")]
            wanted = [names[j] for j in pick(names, columns, content)]
            rows = base.execute(f"select {', '.join(map(_quoted, wanted))} from {_quoted(table)}").fetchall()
    except sqlite3.Error as damage:
        raise InputError(f"{content}: SQLite cannot read it ({damage}); is it complete, and not in use?") from damage
    return wanted, rows


def _of_duckdb(content: Content, path: Path, columns: Sequence[str] | None) -> tuple[list[str], list[Any]]:
    duckdb = require("duckdb", "duckdb", "reading databases of DuckDB")
    # a view may name files, and addresses: only what is in the database is read
    config = {"enable_external_access": "false", "autoload_known_extensions": "false"}
    try:
        with closing(duckdb.connect(str(path), read_only=True, config=config)) as base:
            listing = (
                "select table_name from information_schema.tables where table_catalog = current_database() order by 1"
            )
            table = _the_table(content, [name for (name,) in base.execute(listing).fetchall()])
            names = [column[0] for column in base.execute(f"select * from {_quoted(table)} limit 0").description]
            wanted = [names[j] for j in pick(names, columns, content)]
            rows = base.execute(f"select {', '.join(map(_quoted, wanted))} from {_quoted(table)}").fetchall()
    except duckdb.Error as damage:
        told = str(damage).partition("\n")[0]
        raise InputError(f"{content}: DuckDB cannot read it ({told}); is it complete, and not in use?") from damage
    return wanted, rows


def _the_table(content: Content, names: list[str]) -> str:
    """The table that is named, or the only one."""
    if content.part is None:
        if len(names) == 1:
            return names[0]
        what = (
            f"{len(names)} tables, name one: '{content.path}{MARK}{names[0]}'; there are {listed(names)}"
            if names
            else "no tables"
        )
        raise InputError(f"{content.path}: this database has {what}")
    if content.part not in names:
        raise InputError(
            f"{content.path}: no table {content.part!r} in this database; there are {listed(names) or 'none'}"
        )
    return content.part


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
