"""Tables of numbers: .csv .tsv .txt, .npy, .npz and .parquet, with errors that name the column and the line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.arrays import read_npy, read_npz
from mixot.io.atomic import check_target, replacing
from mixot.io.columns import Table, check_finite, pick
from mixot.io.delimited import read_text, text_writer
from mixot.measures import check_weights

SUFFIXES = (".csv", ".tsv", ".txt", ".npy", ".npz", ".parquet")


def read_table(path: str | os.PathLike[str], *, columns: Sequence[str] | None = None) -> Table:
    """Return the table of numbers in a file.

    ============== ====================================================================================
    extension      what is read
    ============== ====================================================================================
    .csv .tsv .txt the delimiter (``, ; tab |`` or blanks) and the header are found out; lines that start
                   with # are comments, and a column whose header is empty holds row labels, not data
    .npy           an array (n, d) or (n,)
    .npz           one array; or ``points`` with, if present, ``columns`` and ``weights``
    .parquet       its numeric columns (needs ``pip install "mixot[table]"``)
    ============== ====================================================================================

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str, optional
        Names of the columns to keep, in that order; all where not given.

    Raises
    ------
    InputError
        On a text column (with the first text and its line), a missing or infinite number (with the lines), rows of
        unequal length, no rows, an unknown column, weights that do not sum to one, or a file that is not what its
        extension says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(f"{folder}/t.csv", np.eye(2), ["height", "width"])
    ...     read_table(f"{folder}/t.csv", columns=["width"]).values.tolist()
    [[0.0], [1.0]]
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not a table")
    if source.suffix.lower() not in _READERS:
        raise InputError(f"{path}: tables are {' '.join(SUFFIXES)} files")
    table = _READERS[source.suffix.lower()](source, columns)
    if len(table.values) == 0 or not table.columns:
        raise InputError(f"{path}: there are no rows of numbers in this table")
    return table


def write_table(path: str | os.PathLike[str], values: Any, columns: Sequence[str] | None = None) -> None:
    """Write columns of numbers in the format that the extension names; floats come back to the last bit.

    Parameters
    ----------
    path : str or path
        .csv .tsv .txt .npy .npz or .parquet.
    values : array (n, d), or list of d columns of length n
        Columns of a list keep their types (whole numbers stay whole).
    columns : sequence of str, optional
        d names; x1, x2, ... where not given.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, the extension is another, or the names do not fit.
    """
    target = check_target(path, SUFFIXES)
    parts = list(values.T) if isinstance(values, np.ndarray) and values.ndim == 2 else [np.asarray(v) for v in values]
    names = [f"x{j + 1}" for j in range(len(parts))] if columns is None else [str(name) for name in columns]
    if len(names) != len(parts):
        raise InputError(f"columns must name the {len(parts)} columns, got {len(names)} names")
    with replacing(target) as file:
        _WRITERS[target.suffix.lower()](file, parts, names)


def _read_npy(path: Path, columns: Sequence[str] | None) -> Table:
    array = read_npy(path)
    return _array_table(path, array, None, None, columns)


def _read_npz(path: Path, columns: Sequence[str] | None) -> Table:
    arrays = read_npz(path)
    name = "points" if "points" in arrays else next(iter(arrays), "")
    if name != "points" and len(arrays) != 1:
        raise InputError(f'{path}: expected one array or one called "points", got {", ".join(arrays) or "none"}')
    return _array_table(path, arrays[name], arrays.get("columns"), arrays.get("weights"), columns)


def _array_table(
    path: Path, array: np.ndarray, names: np.ndarray | None, weights: np.ndarray | None, columns: Sequence[str] | None
) -> Table:
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        raise InputError(f"{path}: expected numbers of shape (n, d) or (n,), got shape {array.shape} of {array.dtype}")
    values = array.reshape(len(array), -1)
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    labels = [f"x{j + 1}" for j in range(values.shape[1])] if names is None else [str(name) for name in names]
    if len(labels) != values.shape[1]:
        raise InputError(f"{path}: {len(labels)} names for {values.shape[1]} columns; write the file again")
    kept = pick(labels, columns, path)
    values = values[:, kept]
    check_finite(path, values)
    if weights is not None:
        try:
            weights = check_weights(weights, len(values), "rows")
        except InputError as wrong:
            raise InputError(f"{path}: {wrong}") from None
    return Table(tuple(labels[j] for j in kept), values, weights, named=names is not None)


def _read_parquet(path: Path, columns: Sequence[str] | None) -> Table:
    parquet = require("pyarrow.parquet", "table", "reading .parquet files")
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as damage:
        raise InputError(f"{path}: not a complete parquet file ({damage}); write it again") from damage
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    names = [names[j] for j in pick(names, columns, path)]
    types = {name: str(table.schema.field(name).type) for name in names}
    numeric = [name for name in names if re.match(r"u?int|float|double|half|bool|decimal", types[name])]
    for name in names:
        if name not in numeric:
            value = next((str(v) for v in table[name].to_pylist() if v is not None), "nothing")
            raise InputError(
                f"{path}: column {name!r} must hold numbers, it is {types[name]} (first value {value!r}); keep the "
                f"numeric columns: --columns {','.join(numeric)} (columns=[...] in Python)"
            )
    values = np.column_stack([table[name].cast("float64").to_numpy() for name in names]) if names else np.empty((0, 0))
    check_finite(path, values)
    return Table(tuple(names), values)


def _write_npy(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    np.save(file, np.column_stack(parts), allow_pickle=False)


def _write_npz(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    np.savez(file, points=np.column_stack(parts), columns=np.array(names))


def _write_parquet(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    arrow = require("pyarrow", "table", "writing .parquet files")
    parquet = require("pyarrow.parquet", "table", "writing .parquet files")
    parquet.write_table(arrow.table(dict(zip(names, parts, strict=True))), file)


_READERS = {".csv": read_text, ".tsv": read_text, ".txt": read_text} | {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".parquet": _read_parquet,
}
_WRITERS = {".csv": text_writer(","), ".tsv": text_writer("\t"), ".txt": text_writer("\t")} | {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
