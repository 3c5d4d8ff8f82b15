"""Tables of Arrow: .parquet, and .feather .arrow .ipc, through pyarrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mixot._checks import as_floats
from mixot.errors import InputError
from mixot.extras import require
from mixot.io.arrays import check_inflation
from mixot.io.columns import Table, check_finite, pick
from mixot.io.contents import Content

FEATHER = (".feather", ".arrow", ".ipc")
SUFFIXES = (".parquet", *FEATHER)
_FIRST = b"FEA1"  # the first version of Feather, which is no file of Arrow


def read_parquet(content: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    """The numeric columns of a Parquet file; see `mixot.io.tables.read_table`."""
    parquet = require("pyarrow.parquet", "table", "reading .parquet files")
    with content.open() as stored:
        file = _undamaged(content, lambda: parquet.ParquetFile(stored))
        with file:
            names = _names(content, file.schema_arrow.names, columns)
            check_inflation(content, "the table", content.size, 8 * file.metadata.num_rows * len(names))
            table = _undamaged(content, lambda: file.read(columns=names))
    return _numbers(content, table, names, missing)


def read_feather(content: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    """The numeric columns of a file, or of a stream, of Arrow."""
    arrow = require("pyarrow", "table", f"reading {content.suffix} files")
    feather = require("pyarrow.feather", "table", f"reading {content.suffix} files")
    with content.open() as stored:
        if content.start(4) == _FIRST:
            table = _undamaged(content, lambda: feather.read_table(stored))
        else:
            table = _undamaged(content, lambda: _batches(content, arrow, stored))
    return _numbers(content, table, _names(content, table.column_names, columns), missing)


def _batches(content: Content, arrow: Any, stored: Any) -> Any:
    """All batches of a file or a stream, their sizes looked at as they come."""
    try:
        reader = arrow.ipc.open_file(stored)
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    except arrow.ArrowInvalid:
        stored.seek(0)
        reader = arrow.ipc.open_stream(stored)
        batches = iter(reader)
    held, size = [], 0
    for batch in batches:
        batch.validate(full=True)  # the bytes of a damaged file may point anywhere
        held.append(batch)
        size += batch.nbytes
        check_inflation(content, "the table", content.size, size)
    return arrow.Table.from_batches(held, schema=reader.schema)


def _names(content: Content, held: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    """The columns that are asked for; else all but the labels of rows that pandas wrote."""
    names = [name for name in held if not name.startswith("__index_level_")]
    names = [names[j] for j in pick(names, columns, content)]
    pick(names, names or None, content)  # two columns of one name cannot be told apart
    return names


def _numbers(content: Content, table: Any, names: list[str], missing: str) -> Table:
    types = {name: str(table.schema.field(name).type) for name in names}
    kinds = r"u?int|float|double|half|bool|decimal" + ("|null$" if missing == "ignore" else "")
    numeric = [name for name in names if re.match(kinds, types[name])]
    for name in names:
        if name not in numeric:
            value = next((str(v) for v in table[name].to_pylist() if v is not None), "nothing")
            raise InputError(
                f"{content}: column {name!r} must hold numbers, it is {types[name]} (first value {value!r}); keep the "
                f"numeric columns: --columns {','.join(numeric)} (columns=[...] in Python)"
            )
    parts = _undamaged(content, lambda: [_floats(table[name], f"column {name!r}") for name in names])
    values = np.column_stack(parts) if names else np.empty((0, 0))
    check_finite(content, values, missing, names)
    return Table(tuple(names), values)


def _floats(column: Any, name: str) -> np.ndarray:
    """A column as float64, its gaps as NaN; whole numbers beside gaps are looked at before they become floats."""
    if not column.null_count:
        return as_floats(column.to_numpy(), name)
    values = np.full(len(column), np.nan)
    if column.null_count < len(column):
        values[column.is_valid().to_numpy()] = as_floats(column.drop_null().to_numpy(), name)
    return values


def _undamaged(content: Content, read: Callable[[], Any]) -> Any:
    """What ``read`` returns; `InputError` where Arrow cannot make sense of the bytes."""
    try:
        return read()
    except InputError as wrong:
        told = str(wrong)
        raise InputError(told if told.startswith(str(content)) else f"{content}: {told}") from None
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, MemoryError) as damage:
        kind = content.suffix.removeprefix(".")
        raise InputError(f"{content}: not a complete {kind} file ({damage}); write it again") from damage
