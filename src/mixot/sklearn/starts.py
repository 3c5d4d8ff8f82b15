"""A mixture to start from, of what the user gives of it: weights, means, precisions, or some of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot.errors import InputError
from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.starts.k_means import kmeans_labels, squared_distances
from mixot.incomplete import Incomplete
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.tallies import check_weights

_PLAIN = ("full", "tied", "diagonal", "spherical")


def given_start(
    rows: Samples | Incomplete,
    structure: str,
    reg: float,
    given: dict[str, Any],
    k: int | None,
    rng: np.random.Generator,
) -> Mixture | None:
    """Return the mixture that a fit starts from, or None where nothing is given.

    What is not given is that of clusters of the rows: about the means, where these are given, else of k-means.

    Parameters
    ----------
    rows : Samples
        What is fitted.
    structure, reg
        As in `mixot.EM`.
    given : dict
        ``weights_init`` (k,), ``means_init`` (k, d) and ``precisions_init``, in the shape of ``precisions_``, or None.
    k : int, optional
        Number of components.
    rng : Generator
        For k-means.

    Raises
    ------
    InputError
        On shapes that do not fit, weights that do not sum to one, or precisions that are not positive definite.
    """
    if all(value is None for value in given.values()):
        return None
    structure = structure if structure in _PLAIN else "full"
    weights, means, precisions = given["weights_init"], given["means_init"], given["precisions_init"]
    if k is None:
        lead = next((value for value in (means, weights) if value is not None), None)
        if lead is None:
            raise InputError("precisions_init says not how many components there are; give n_components, too")
        k = len(np.atleast_1d(as_floats(lead, "weights_init" if means is None else "means_init")))
    centers = None if means is None else _array(means, "means_init", (k, rows.dim))
    points = rows.points
    if isinstance(rows, Incomplete):  # a start may be rough
        points = np.where(rows.observed, points, np.nanmean(points, axis=0))
    em = GaussianEM.of(points, rows.weights, structure, reg, rows.observations)
    labels = kmeans_labels(em.standard(), em.weights, k, rng) if centers is None else _nearest(em, centers)
    start = em.mixture(em.from_labels(labels, k))
    laws: Any = start.components
    shares = start.weights if weights is None else check_weights(weights, k, "components")
    spread = laws.variances if isinstance(laws, DiagonalGaussian) else laws.covs
    if precisions is not None:
        spread = _covariances(precisions, structure, k, rows.dim)
    return Mixture(shares, type(laws)(laws.mean() if centers is None else centers, spread))


def _nearest(em: GaussianEM, centers: np.ndarray) -> np.ndarray:
    """The center that is nearest to each row, in units of the columns' standard deviations."""
    return squared_distances(em.standard(), (centers - em.center) / np.sqrt(em.units)).argmin(axis=1)


def _array(value: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = as_floats(value, name)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, got {array.shape}")
    check_finite(array, name, "components")
    return array


def _covariances(precisions: Any, structure: str, k: int, d: int) -> np.ndarray:
    """Covariances (k, d, d), or variances (k, d), from precisions in scikit-learn's shapes."""
    shape = {"full": (k, d, d), "tied": (d, d), "diagonal": (k, d), "spherical": (k,)}[structure]
    array = _array(precisions, "precisions_init", shape)
    if structure in ("diagonal", "spherical"):
        if not (array > 0).all():
            raise InputError(f"precisions_init must be positive, got {array.min():g}")
        return 1 / (array if structure == "diagonal" else np.repeat(array[:, None], d, axis=1))
    if not (np.linalg.eigvalsh(array) > 0).all() or not np.allclose(array, np.swapaxes(array, -1, -2)):
        raise InputError("precisions_init must be symmetric and positive definite")
    return np.broadcast_to(np.linalg.inv(array), (k, d, d)).copy()
