"""Annotated data on disk, .h5ad: the representation and the labels that are asked for, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.observations import Labels, Observations, checked_points, labels_of, pick_key, too_large

SUFFIXES = (".h5ad",)
REP = "X_pca"  # where scanpy keeps principal components
_COMPUTE = "; compute it first, for instance scanpy.pp.pca(adata) for X_pca, and write the file again"


def read_observations(
    path: str | os.PathLike[str], *, rep: str = REP, labels: Sequence[str] = (), dims: int | None = None
) -> Observations:
    """Return the cells of an .h5ad file as points of a representation, with the labels that are asked for.

    Only ``obsm[rep]``, the names of the cells and those columns of ``obs`` are read; ``X`` stays on disk, unless it is
    dense and asked for by ``rep="X"``.

    Parameters
    ----------
    path : str or path
        An .h5ad file.
    rep : str
        Key of ``obsm``, or "X".
    labels : sequence of str
        Columns of ``obs``.
    dims : int, optional
        Only so many columns of the representation, from the first.

    Raises
    ------
    InputError
        On a missing file, representation or column (those that exist are listed), or cells with NaN (named).
    UnsupportedError
        Where anndata is not installed.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not an .h5ad file")
    with _opened(source) as (file, read_elem):
        names = _index(file["obs"], read_elem)
        points = checked_points(_representation(file, read_elem, rep, str(path), dims), names, rep, str(path), dims)
        found = {key: _labels(file, read_elem, key, str(path)) for key in labels}
        axes = _axes(file, read_elem) if rep == REP else None
    return Observations(points, names, rep, str(path), found, axes)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The file, and anndata's reader of one element of it."""
    read_elem = require("anndata.io", "anndata", "reading .h5ad files").read_elem
    h5py = require("h5py", "anndata", "reading .h5ad files")
    try:
        file = h5py.File(path, "r")
    except OSError as damage:
        raise InputError(f"{path}: not a complete .h5ad file ({damage}); write it again") from damage
    with file:
        if "obs" not in file or "obsm" not in file:
            raise InputError(f"{path}: an HDF5 file, but not annotated data: it has no obs and obsm; write it again")
        try:
            yield file, read_elem
        except (OSError, KeyError) as damage:
            raise InputError(f"{path}: the file is damaged ({damage}); write it again") from damage


def _index(frame: Any, read_elem: Any) -> np.ndarray:
    """Names of the rows of a stored table."""
    return np.asarray(read_elem(frame[frame.attrs.get("_index", "_index")])).astype(str)


def _axes(file: Any, read_elem: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Axes of the PCA and the names of the genes, where the file has them."""
    if "varm/PCs" not in file or "var" not in file:
        return None
    return np.asarray(read_elem(file["varm/PCs"])), _index(file["var"], read_elem)


def _representation(file: Any, read_elem: Any, rep: str, place: str, dims: int | None) -> Any:
    if rep == "X":
        held = file.get("X")
        if held is None or not hasattr(held, "shape"):
            rows, columns = (0, 0) if held is None else held.attrs["shape"]
            raise too_large(place, "a sparse matrix", (int(rows), int(columns)))
        return _columns(held, dims)
    held = file["obsm"][pick_key(rep, file["obsm"].keys(), "obsm key", place, _COMPUTE)]
    return _columns(held, dims) if len(getattr(held, "shape", ())) == 2 else read_elem(held)


def _columns(held: Any, dims: int | None) -> np.ndarray:
    return held[:, :dims] if isinstance(dims, int) and dims > 0 else held[:]


def _labels(file: Any, read_elem: Any, key: str, place: str) -> Labels:
    columns = [str(name) for name in file["obs"].attrs.get("column-order", file["obs"].keys())]
    held = file["obs"][pick_key(key, columns, "obs column", place)]
    colors = file.get(f"uns/{key}_colors")
    return labels_of(read_elem(held), key, () if colors is None else np.asarray(read_elem(colors)).astype(str))
