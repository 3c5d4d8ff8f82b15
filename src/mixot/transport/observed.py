"""Images of points of which some coordinates are missing: the mean over what these may be, given what is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import check_finite
from mixot._frames import column_order
from mixot._shapes import Float
from mixot.families.roles import Conditioned, require
from mixot.incomplete import Incomplete, patterns
from mixot.mixture import Mixture
from mixot.mixture.points import read_points


def points_with_gaps(source: Mixture, x: Any) -> Float[np.ndarray, "n d"]:
    """The points x with coordinates in the order of the source's, (n, d); NaN where they are missing."""
    if isinstance(x, Incomplete):
        order = None if source.columns is None else column_order(source.columns, x.columns, "x")
        x = x.points if order is None else x.points[:, order]
    points = np.array(read_points(x, source.components, source.columns), dtype=np.float64)
    check_finite(np.nan_to_num(points, nan=0.0, posinf=np.inf, neginf=-np.inf), "x", "rows")
    return points


def mean_images(
    source: Mixture,
    linear: Float[np.ndarray, "k d d"],
    images: Float[np.ndarray, "k d"],
    points: Float[np.ndarray, "n d"],
) -> Float[np.ndarray, "n d"]:
    """Means of the image of X, of law ``source``, given what is not NaN in each of the points, (n, d).

    X of component k goes to ``images_k + linear_k (X - mean_k)``, so that
    ``E[T(X) | o] = sum_k P(k | o) (images_k + linear_k (E[X | o, k] - mean_k))``.
    """
    out = np.empty_like(points)
    laws, means = require(source.components, Conditioned), source.components.mean()
    for known, rows in patterns(points):
        if not len(known):
            out[rows] = source.weights @ images
            continue
        x, unknown = points[np.ix_(rows, known)], np.setdiff1d(np.arange(source.dim), known)
        whole = np.empty((len(rows), *means.shape))
        whole[:, :, known] = x[:, None, :]
        whole[:, :, unknown] = laws.conditional_mean(known, x)
        shares = source.marginal(known.tolist()).responsibilities(x)
        moved = np.einsum("kij,nkj->nki", linear, whole - means) + images
        out[rows] = np.einsum("nk,nki->ni", shares, moved)
    return out
