"""What is taken from an AnnData object, and nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from anndata import AnnData

from mixot.errors import InputError
from mixot.io.observations import Observations, checked_points, coordinate_names, labels_of, pick_key, too_large

_COMPUTE = "; compute it first, for instance scanpy.pp.pca(adata) for X_pca"


def check_object(adata: Any, name: str) -> AnnData:
    """The object itself, where it is annotated data."""
    if not isinstance(adata, AnnData):
        raise InputError(
            f"{name} must be an AnnData object, got {type(adata).__name__}; scanpy.read_h5ad(path) reads one"
        )
    return adata


def observations(
    adata: Any, *, rep: str, labels: Sequence[str] = (), dims: int | None = None, name: str = "adata"
) -> Observations:
    """Cells as points of a representation, with the labels that are named.

    Raises
    ------
    InputError
        On a missing representation or column (those that exist are listed), cells with NaN (named), and ``X`` that is
        sparse or stands in a file.
    """
    check_object(adata, name)
    if rep == "X":
        values: Any = _genes(adata, name)
    else:
        values = adata.obsm[pick_key(rep, list(adata.obsm.keys()), "obsm key", name, _COMPUTE)]
    names = adata.obs_names.to_numpy().astype(str)
    points = checked_points(values, names, rep, name, dims)
    found = {}
    for key in labels:
        pick_key(key, list(adata.obs.columns), "obs column", name)
        found[key] = labels_of(adata.obs[key], key, adata.uns.get(f"{key}_colors", ()))
    axes = None
    if rep == "X_pca" and "PCs" in adata.varm:
        axes = np.asarray(adata.varm["PCs"]), adata.var_names.to_numpy().astype(str)
    held = adata.var_names if rep == "X" else getattr(values, "columns", ())
    return Observations(points, names, rep, name, found, axes, coordinate_names(held, points.shape[1]))


def _genes(adata: AnnData, name: str) -> np.ndarray:
    """The matrix of genes, where it is a dense array in memory."""
    if adata.isbacked:
        raise too_large(name, "backed by a file, a matrix", adata.shape)
    if adata.X is None:
        raise InputError(f"{name}: there is no X; name a representation, rep='X_pca'")
    if not isinstance(adata.X, np.ndarray):
        raise too_large(name, f"a {type(adata.X).__name__}", adata.shape)
    return adata.X


def labels_key(key: Any) -> tuple[str, ...]:
    """A column to read, or none."""
    return () if key is None else (str(key),)
