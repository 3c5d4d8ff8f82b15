"""Annotated data on disk, .h5ad: the representation and the labels that are asked for, and nothing else."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.extras import require
from mixot.io.arrays import check_inflation
from mixot.io.hdf5_probe import Probe
from mixot.io.observations import Labels, Observations, checked_points, coordinate_names, labels_of, pick_key, too_large

SUFFIXES = (".h5ad",)
REP = "X_pca"  # where scanpy keeps principal components
_COMPUTE = "; compute it first, for instance scanpy.pp.pca(adata) for X_pca, and write the file again"


def read_observations(
    path: str | os.PathLike[str], *, rep: str = REP, labels: Sequence[str] = (), dims: int | None = None
) -> Observations:
    """Return the cells of an .h5ad file as points of a representation, with the labels that are asked for.

    Only ``obsm[rep]``, the names of the cells and those columns of ``obs`` are read (of a file that anndata before 0.8
    wrote, all but ``X``); ``X`` stays on disk, unless it is dense and asked for by ``rep="X"``.

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
        On a missing or damaged file (also one on which the HDF5 library would hang or crash: another process tries it
        first), a missing representation or column (those that exist are listed), or cells with NaN (named).
    UnsupportedError
        Where anndata is not installed.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: no such file" if not source.exists() else f"{path}: a folder, not an .h5ad file")
    colors = [f"uns/{key}_colors" for key in labels]
    needed = ["obs", "var", *(["X"] if rep == "X" else [f"obsm/{rep}", "varm/PCs"]), *colors]
    with Probe(source, needed) as probe, _damage_named(source):
        anndata = require("anndata", "anndata", "reading .h5ad files")  # takes as long as the probe
        probe.check()
        with _opened(source) as file:
            for name in needed:
                if name in file and not (name == "X" and hasattr(file[name], "keys")):
                    _bounded(file[name], source)
            if _is_old(file):
                return _read_old(source, anndata, rep, labels, dims)
            read_elem = require("anndata.io", "anndata", "reading .h5ad files").read_elem
            names = _index(file["obs"], read_elem)
            held = _representation(file, read_elem, rep, str(path), dims)
            points = _one_for_each(checked_points(held, names, rep, str(path), dims), names, rep)
            found = {key: _one_for_each(_labels(file, read_elem, key, str(path)), names, key) for key in labels}
            axes = _axes(file, read_elem) if rep == REP else None
            called = _index(file["var"], read_elem) if rep == "X" and "var" in file else getattr(held, "columns", ())
    columns = coordinate_names(called, points.shape[1])
    return Observations(points, names, rep, str(path), found, axes, columns)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anndata remarks on formats of its own past
            yield
    except (InputError, UnsupportedError):
        raise
    except Exception as damage:  # h5py and anndata raise nearly anything on bytes that are altered
        raise InputError(f"{path}: the file is damaged ({damage}); write it again") from damage


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    h5py = require("h5py", "anndata", "reading .h5ad files")
    try:
        file = h5py.File(path, "r")
    except OSError as damage:
        raise InputError(f"{path}: not a complete .h5ad file ({damage}); write it again") from damage
    with file:
        if "obs" not in file or "obsm" not in file:
            raise InputError(f"{path}: an HDF5 file, but not annotated data: it has no obs and obsm; write it again")
        yield file


def _is_old(file: Any) -> bool:
    """Whether anndata before 0.8 wrote the file: its elements cannot be understood one by one."""
    if not all(hasattr(file[name], "keys") for name in ("obs", "obsm")):
        return True
    return file["obs"].attrs.get("encoding-version") == "0.1.0"


def _read_old(path: Path, anndata: Any, rep: str, labels: Sequence[str], dims: int | None) -> Observations:
    """The same from an old file, which anndata reads as a whole (X stays on disk)."""
    adata = anndata.read_h5ad(path, backed="r")
    try:
        names = adata.obs_names.to_numpy().astype(str)
        if rep == "X":
            held = adata.X
            if not hasattr(held, "ndim") or hasattr(held, "tocsr") or hasattr(held, "to_memory"):
                raise too_large(str(path), "a sparse matrix", adata.shape)
            held = _columns(held, dims)
        else:
            held = adata.obsm[pick_key(rep, adata.obsm.keys(), "obsm key", str(path), _COMPUTE)]
        points = _one_for_each(checked_points(held, names, rep, str(path), dims), names, rep)
        found = {}
        for key in labels:
            column = adata.obs[pick_key(key, list(adata.obs.columns), "obs column", str(path))]
            found[key] = _one_for_each(labels_of(column, key, adata.uns.get(f"{key}_colors", ())), names, key)
        axes = None
        if rep == REP and "PCs" in adata.varm:
            axes = np.asarray(adata.varm["PCs"]), adata.var_names.to_numpy().astype(str)
        called = adata.var_names if rep == "X" else getattr(held, "columns", ())
        columns = coordinate_names(called, points.shape[1])
        return Observations(points, names, rep, str(path), found, axes, columns)
    finally:
        adata.file.close()


def _one_for_each(held: Any, names: np.ndarray, key: str) -> Any:
    """``held``, points or labels, if there is one for each cell."""
    count = len(held.codes) if isinstance(held, Labels) else len(held)
    if count != len(names):
        raise ValueError(f"{key!r} has {count} rows, and there are {len(names)} cells")
    if isinstance(held, Labels) and not ((held.codes >= -1) & (held.codes < len(held.names))).all():
        raise ValueError(f"{key!r} has codes of no category")
    return held


def _bounded(item: Any, path: Path) -> None:
    """Refuse what would take far more memory than it takes on disk: such a shape is damage."""
    if hasattr(item, "keys"):
        for name in item:
            _bounded(item[name], path)
    elif item.shape is not None:
        full = prod(item.shape) * item.dtype.itemsize
        check_inflation(path, item.name, item.id.get_storage_size(), full)


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
