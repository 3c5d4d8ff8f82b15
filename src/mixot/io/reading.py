"""One function that reads them all: mixtures, tables and pictures become measures."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, Literal

from mixot._checks import as_path
from mixot.errors import AccuracyWarning, InputError
from mixot.io import h5ad, models, pictures, tables
from mixot.io.parts import files_of
from mixot.io.pictures.formats import READABLE
from mixot.io.places import locate
from mixot.io.scales import Scale, as_scale
from mixot.measures import Measure, Samples

_A = {"model": "a model", "table": "a table", "picture": "a picture", "cells": "annotated data"}


def read(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    rep: str | None = None,
    header: bool | None = None,
    scale: Scale = "linear",
    compensate: bool = False,
    missing: str = "error",
) -> Measure:
    """Return what is in a file as a measure.

    ===================================== ======================================================================
    file                                  measure
    ===================================== ======================================================================
    model: .json, .npz that `save` wrote  the ``Mixture``
    table: .csv .tsv .txt .parquet .xlsx  ``Samples`` of its rows; `mixot.io.read_table` lists all:
    .feather .jsonl .db ...               packed files, sheets, databases, folders, patterns
    arrays: .npy, .npz                    ``Samples`` of the rows, weighted where ``weights`` is there
    picture: .png .jpg .tif .bmp .webp    ``Samples`` of its colors in [0, 1], weighted by how opaque
    .gif .avif                            they are; one coordinate if it is grey, three if not
    annotated data: .h5ad                 ``Samples`` of the cells in the representation ``rep``
    ===================================== ======================================================================

    Parameters
    ----------
    path : str or path
        The file.
    columns : sequence of str, optional
        Of a table, the names of those to keep.
    rep : str, optional
        Of annotated data, the key of ``obsm``; "X_pca" where not given.
    header : bool, optional
        Of a table in text, whether its first row holds names; found out where not given.
    scale : "linear", "asinh", "logicle", `mixot.io.Asinh` or `mixot.io.Logicle`
        Of a table, what is taken of its columns; scatter and time (FSC..., SSC..., Time) stay as they are.
    compensate : bool
        Of .fcs, whether the spillover matrix of the file is applied.
    missing : str
        Of a table, "ignore" lets missing values in, see `mixot.io.read_table`; rows with any are `Incomplete`.

    Warns
    -----
    AccuracyWarning
        Where a table in text could have been read in another way: a first row of years is data, one of text and
        numbers holds names, a line of comment has as many cells as a row. Where not all of a picture came: of an
        animation the first frame, of a wide color space what sRGB can show.

    Raises
    ------
    InputError
        Where the file is missing, damaged, or not of a kind in the table above; the message names the place.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/points.npy", np.eye(3))
    ...     read(f"{folder}/points.npy").dim
    3
    """
    source = as_path(path)
    kind = kind_of(source)
    if kind != "table" and columns is not None:
        raise InputError(f"{path}: columns can be chosen from a table, this is {_A[kind]}")
    if kind != "table" and header is not None:
        raise InputError(f"{path}: header is for tables in text, this is {_A[kind]}; leave it out")
    if kind != "table" and (as_scale(scale) is not None or compensate):
        raise InputError(f"{path}: scale and compensate are for tables, this is {_A[kind]}; leave them out")
    if kind != "table" and missing != "error":
        raise InputError(f"{path}: missing is for tables, this is {_A[kind]}; leave it out")
    if kind != "cells" and rep is not None:
        raise InputError(f"{path}: a representation can be chosen from annotated data (.h5ad), this is {_A[kind]}")
    if kind == "model":
        return models.load(source)
    if kind == "picture":
        picture = pictures.read_picture(source)
        _warn(path, picture.notes)
        return picture.samples()
    if kind == "cells":
        return Samples(h5ad.read_observations(source, rep=rep or h5ad.REP).points)
    taken: dict[str, Any] = {"scale": scale, "compensate": compensate, "missing": missing}
    table = tables.read_table(source, columns=columns, header=header, **taken)
    _warn(path, table.notes)
    return table.rows()


def _warn(path: str | os.PathLike[str], notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(f"{path}: {note}", AccuracyWarning, stacklevel=3)


def kind_of(path: str | os.PathLike[str]) -> Literal["model", "table", "picture", "cells"]:
    """What a file holds, by its extension (and for .npz by its first entry).

    Raises
    ------
    InputError
        Where there is no such file, or its extension is unknown.
    """
    source = as_path(path)
    files = files_of(source)
    content = locate(source if files is None else files[0])
    if files is None and models.is_model(content):
        return "model"
    if content.suffix in tables.READABLE:
        return "table"
    kind = "picture" if content.suffix in READABLE else "cells" if content.suffix in h5ad.SUFFIXES else None
    if kind is not None and content.on_disk and files is None:
        return kind
    if kind is not None:
        raise InputError(f"{path}: {_A[kind]} is read from a file of its own; unpack it, and name that file")
    raise InputError(
        f"{path}: cannot tell what this is from its extension {content.suffix!r}; models are .json, tables "
        f"{' '.join(tables.READABLE)}, pictures {' '.join(pictures.SUFFIXES)}, "
        f"annotated data {' '.join(h5ad.SUFFIXES)}"
    )
