"""Mixtures of the cells of one object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from mixot.anndata.reading import check_object, labels_key, observations
from mixot.anndata.storing import fit_from_dict, fit_to_dict, stored_under, words
from mixot.errors import InputError
from mixot.fitting.base import Fitter
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.labelled import LabelledFit, fit_labelled
from mixot.io.observations import Observations
from mixot.results import Fit
from mixot.verbs import fit as fit_points


def fit(
    adata: AnnData,
    *,
    rep: str = "X_pca",
    groupby: str | None = None,
    k: int | str | None = None,
    family: str = "gaussian",
    structure: str = "full",
    method: str | Fitter = "em",
    dims: int | None = None,
    key_added: str = "mixot",
    copy: bool = False,
    rng: Any = None,
) -> AnnData | None:
    """Fit a mixture to the cells, with components for each given label or found by EM.

    Parameters
    ----------
    adata : AnnData
        In memory or backed.
    rep : str
        Which representation: a key of ``.obsm``, or "X" where it is a dense array in memory.
    groupby : str, optional
        Column of ``.obs`` with cell types or clusters: each gets components of its own, and the weights are the shares
        of the cells. Cells without a label are left out of the fit. Few cells: see `mixot.fitting.likelihood.labelled`.
    k : int, "auto" or None
        With labels, components of each: one where not given, by BIC for "auto". Without, components in all, by BIC
        where not given.
    family, structure, method
        As in `mixot.fit`; with labels the family is "gaussian" or "diagonal", and the method EM.
    dims : int, optional
        Only so many columns of the representation, from the first.
    key_added : str
        Where results go, see below.
    copy : bool
        Leave ``adata`` as it is and return a copy that has the results.
    rng : seed, Generator or None
        Where the random starts of EM come from.

    Returns
    -------
    None, or the copy. What is written:

    ``.uns[key_added]``
        Parameters of the mixture, its labels and options; `fitted` makes an object of it.
    ``.obsm[key_added + "_responsibilities"]``
        (cells, k), the posterior probability of each component.
    ``.obs[key_added]``
        The most probable component of each cell, also of cells without a label: with one component for each label it
        is called like the label, else ``"label 1"``, ``"label 2"``, ...; without labels, ``"1"``, ``"2"``, ...

    Raises
    ------
    InputError
        On a missing representation or column (those that exist are listed), cells with NaN (named), ``X`` that is
        sparse or stands in a file, and where no label determines a covariance.

    Warns
    -----
    AccuracyWarning
        Of labels with few cells, and what was done about them.
    """
    cells = observations(adata, rep=rep, labels=labels_key(groupby), dims=dims)
    found, more = fit_cells(cells, groupby, k, family, structure, method, rng)
    responsibilities = found.responsibilities(cells.points)
    out = copied(adata) if copy else adata
    params = {"rep": rep, "groupby": groupby, "k": k, "structure": structure, "dims": dims, "method": method}
    out.uns[key_added] = {"params": words(params), **fit_to_dict(found), **more}
    out.obsm[f"{key_added}_responsibilities"] = responsibilities
    names = component_names(found)
    out.obs[key_added] = pd.Categorical.from_codes(responsibilities.argmax(axis=1), list(names))
    if groupby is not None and len(names) == len(found.names):
        add_colors(out, key_added, cells, groupby, names)
    return out if copy else None


def fitted(adata: AnnData, key: str = "mixot") -> LabelledFit:
    """Return the mixture with labels that `fit` wrote under ``key``; ``.mixture`` is a `Mixture`."""
    return fit_from_dict(stored_under(check_object(adata, "adata").uns, key, "fit", "parameters"))


def fit_cells(
    cells: Observations,
    groupby: str | None,
    k: int | str | None,
    family: str,
    structure: str,
    method: str | Fitter,
    rng: Any,
) -> tuple[LabelledFit, dict[str, Any]]:
    """The mixture of some cells, and what EM says of a fit without labels."""
    if isinstance(k, str) and k != "auto":
        raise InputError(f'k must be a whole number, "auto" or None, got {k!r}')
    size = None if isinstance(k, str) else k
    if groupby is None:
        found = fit_points(cells.samples(), family, k=size, method=method, structure=structure, rng=rng)
        return unlabelled(found, len(cells)), {"fit": _quality(found)}
    if family not in ("gaussian", "diagonal"):
        raise InputError(f'with labels, family must be "gaussian" or "diagonal", got {family!r}')
    if not (isinstance(method, EM) or method == "em"):
        raise InputError(f"with labels, components are fitted by EM, got method={method!r}")
    labels = cells.labels[groupby]
    if (labels.codes < 0).all():
        raise InputError(f"{cells.place}: no cell has a label in {groupby!r}; there is nothing to fit")
    found = fit_labelled(
        cells.points,
        labels.codes,
        labels.names,
        k=1 if k is None else size,
        structure="diagonal" if family == "diagonal" else structure,
        method=method if isinstance(method, EM) else None,
        rng=rng,
    )
    return replace(found, mixture=found.mixture.named(cells.columns)), {}


def unlabelled(found: Fit, n: int) -> LabelledFit:
    """A mixture each of whose components is a label of its own: "1", "2", ..."""
    size = len(found.mixture)
    counts = np.rint(found.mixture.weights * n).astype(np.int64)
    names = tuple(str(j + 1) for j in range(size))
    return LabelledFit(found.mixture, names, np.arange(size), counts, np.zeros(size), found.notes)


def component_names(found: LabelledFit) -> tuple[str, ...]:
    """Names of the components: that of the label where it has one, numbered where it has several."""
    several = np.bincount(found.owner) > 1
    first = np.searchsorted(found.owner, found.owner)
    return tuple(
        f"{found.names[owner]} {j - first[j] + 1}" if several[owner] else found.names[owner]
        for j, owner in enumerate(found.owner.tolist())
    )


def add_colors(adata: AnnData, key: str, cells: Observations, labels: str, names: tuple[str, ...]) -> None:
    """Give a new column of labels the colors that the old one has."""
    held = dict(zip(cells.labels[labels].names, cells.labels[labels].colors, strict=False))
    if held and all(name in held for name in names):
        adata.uns[f"{key}_colors"] = [held[name] for name in names]


def copied(adata: AnnData) -> AnnData:
    """A copy that results can be written to."""
    if adata.isbacked:
        raise InputError(
            "adata is backed by a file, which copy=True would have to copy; leave copy out, and the results are "
            "written to the object in memory, or load it first: adata.to_memory()"
        )
    return adata.copy()


def _quality(found: Fit) -> dict[str, Any]:
    return {
        "status": str(found.status),
        "iterations": int(found.iterations),
        "log_likelihood": float(found.log_likelihood),
        "criterion": float(found.criterion),
        "tried": np.array([candidate.k for candidate in found.candidates]),
        "criteria": np.array([candidate.criterion for candidate in found.candidates]),
    }
