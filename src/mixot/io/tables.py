"""Tables of numbers, of every kind of file that holds some, with errors that name the column and the line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from mixot._checks import as_numbers, as_path
from mixot.errors import InputError
from mixot.extras import require
from mixot.incomplete import check_missing
from mixot.io.arrays import npz_names, read_npy, read_npz
from mixot.io.atomic import check_target, replacing
from mixot.io.columns import Table, check_finite, check_names, pick
from mixot.io.contents import Content
from mixot.io.delimited import read_text, text_writer
from mixot.io.formats import arrow_files, cytometry, databases, records, spreadsheets
from mixot.io.parts import files_of, one_table
from mixot.io.places import locate
from mixot.io.scales import Scale, as_scale, scaled
from mixot.tallies import check_weights

TEXT = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT, ".npy", ".npz", ".parquet")  # that are written
READABLE = (
    *SUFFIXES,
    ".json",
    *records.SUFFIXES,
    *arrow_files.FEATHER,
    *spreadsheets.SUFFIXES,
    *databases.SUFFIXES,
    *cytometry.SUFFIXES,
)


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    scale: Scale = "linear",
    compensate: bool = False,
    missing: str = "error",
) -> Table:
    """Return the table of numbers in a file.

    ====================== ============================================================================
    extension              what is read
    ====================== ============================================================================
    .csv .tsv .txt         the delimiter (``, ; tab |`` or blanks) and the header are found out; lines that
                           start with # are comments (unless the first column holds text, and the line as
                           many cells as a row), and a column whose header is empty holds row labels, not
                           data; decimals may stand behind commas where these part no cells
    .npy                   an array (n, d) or (n,)
    .npz                   one array; or ``points`` with, if present, ``columns`` and ``weights``
    .parquet               its numeric columns (needs ``pip install "mixot[table]"``)
    .feather .arrow .ipc   the same
    .json                  a list of records: objects, or lists of numbers
    .jsonl .ndjson         such a record on each line
    .xlsx .xls .ods ...    ``book.xlsx::Sheet``; the header is found out (needs ``pip install "mixot[excel]"``)
    .db .sqlite .duckdb    ``file.db::table``, a table or a view (DuckDB needs ``pip install "mixot[duckdb]"``)
    .fcs                   events of flow cytometry (needs ``pip install "mixot[cytometry]"``)
    ====================== ============================================================================

    Each may be packed: ``t.csv.gz``, ``.bz2``, ``.xz``, ``.zst``, or in an archive, ``archive.zip::t.csv``. A folder of
    Parquet files, and a pattern such as ``folder/*.csv``, are one table, whose rows stand in the order of the names of
    the files.

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str, optional
        Names of the columns to keep, in that order; all where not given.
    header : bool, optional
        Of text, whether the first row holds names; found out where not given. A first row of whole numbers (2019,
        2020) is data, and one of text and numbers holds names: `Table.notes` says so.
    scale : "linear", "asinh", "logicle", `Asinh` or `Logicle`
        What is taken of all columns but those that are called FSC..., SSC... or Time; a note says of which.
    compensate : bool
        Of .fcs, whether what spills over between channels is taken back, by the matrix in the file.
    missing : str
        "ignore" lets missing values in as NaN: empty cells, NULL, null, NaN, and texts that say as much (NA, #N/A,
        <NA>, null, none, ?, a point or dashes), also fields that some records of JSON lack; "error" refuses them.

    Raises
    ------
    InputError
        On a text column (with the first text and its line), a missing or infinite number (with the lines), a whole
        number that float64 would round (above 2^53: an identifier), rows of unequal length, no rows, an unknown column,
        a quote that is not closed, weights that do not sum to one, or a file that is not what its extension says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(f"{folder}/t.csv", np.eye(2), ["height", "width"])
    ...     read_table(f"{folder}/t.csv", columns=["width"]).values.tolist()
    [[0.0], [1.0]]
    """
    files, on = files_of(as_path(path)), as_scale(scale)
    how: dict[str, Any] = {"columns": columns, "header": header, "compensate": compensate, "missing": missing}
    if files is None:
        return scaled(check_names(read_content(locate(path), **how)), on)
    parts = [(file, read_content(locate(file), **how)) for file in files]
    return scaled(check_names(one_table(path, parts)), on)


def read_content(
    content: Content,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    compensate: bool = False,
    missing: str = "error",
) -> Table:
    """Return the table in some bytes, wherever they come from; see `read_table`."""
    suffix = content.suffix
    if suffix not in READABLE:
        raise InputError(f"{content}: tables are {' '.join(READABLE)} files")
    if header is not None and suffix not in TEXT:
        raise InputError(f"{content}: header is for tables in text ({' '.join(TEXT)}), this is {suffix}; leave it out")
    if compensate and suffix not in cytometry.SUFFIXES:
        raise InputError(f"{content}: compensate (--compensate) is for .fcs files, this is {suffix}; leave it out")
    check_missing(missing)
    if suffix in TEXT:
        table = read_text(content, columns, header, missing)
    elif suffix in cytometry.SUFFIXES:
        table = cytometry.read_events(content, columns, missing, compensate=compensate)
    else:
        table = _READERS[suffix](content, columns, missing)
    if len(table.values) == 0 or not table.columns:
        raise InputError(f"{content}: there are no rows of numbers in this table")
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


def _read_npy(path: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    array = read_npy(path)
    return _array_table(path, array, None, None, columns, missing)


def _read_npz(path: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    names = npz_names(path)
    if "points" not in names and len(names) > 1:
        raise InputError(f'{path}: expected one array or one called "points", got {", ".join(names)}')
    arrays = read_npz(path, ("points", "columns", "weights") if "points" in names else names)
    if not arrays:
        raise InputError(f'{path}: expected one array or one called "points", got none')
    array = arrays["points"] if "points" in arrays else arrays[names[0]]
    return _array_table(path, array, arrays.get("columns"), arrays.get("weights"), columns, missing)


def _array_table(
    path: Content,
    array: np.ndarray,
    names: np.ndarray | None,
    weights: np.ndarray | None,
    columns: Sequence[str] | None,
    missing: str,
) -> Table:
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        raise InputError(f"{path}: expected numbers of shape (n, d) or (n,), got shape {array.shape} of {array.dtype}")
    if not array.size:
        raise InputError(f"{path}: there are no rows of numbers in this table, its shape is {array.shape}")
    values = as_numbers(array[:, None] if array.ndim == 1 else array, f"{path}: points")
    labels = [f"x{j + 1}" for j in range(values.shape[1])] if names is None else _names(path, names)
    if len(labels) != values.shape[1]:
        raise InputError(f"{path}: {len(labels)} names for {values.shape[1]} columns; write the file again")
    kept = pick(labels, columns, path)
    values = values[:, kept]
    check_finite(path, values, missing)
    if weights is not None:
        try:
            weights = check_weights(weights, len(values), "rows")
        except InputError as wrong:
            raise InputError(f"{path}: {wrong}") from None
    return Table(tuple(labels[j] for j in kept), values, weights, named=names is not None)


def _names(path: Content, names: np.ndarray) -> list[str]:
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise InputError(f"{path}: columns must be a list of names, got shape {names.shape} of {names.dtype}")
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]


def _write_npy(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    np.save(file, np.column_stack(parts), allow_pickle=False)


def _write_npz(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    np.savez(file, points=np.column_stack(parts), columns=np.array(names))


def _write_parquet(file: BinaryIO, parts: list[np.ndarray], names: list[str]) -> None:
    arrow = require("pyarrow", "table", "writing .parquet files")
    parquet = require("pyarrow.parquet", "table", "writing .parquet files")
    parquet.write_table(arrow.table(dict(zip(names, parts, strict=True))), file)


_READERS = {".npy": _read_npy, ".npz": _read_npz, ".parquet": arrow_files.read_parquet, ".json": records.read_records}
_READERS |= dict.fromkeys(arrow_files.FEATHER, arrow_files.read_feather)
_READERS |= dict.fromkeys(records.SUFFIXES, records.read_records)
_READERS |= dict.fromkeys(spreadsheets.SUFFIXES, spreadsheets.read_sheet)
_READERS |= dict.fromkeys(databases.SUFFIXES, databases.read_database)
_WRITERS = {".csv": text_writer(","), ".tsv": text_writer("\t"), ".txt": text_writer("\t")} | {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
