"""Mixtures that others hold: fits, our estimators, and scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted

from mixot.families.elliptical.diagonal import DiagonalGaussian
from mixot.families.elliptical.gaussian import Gaussian
from mixot.mixture import Mixture
from mixot.results import Fit
from mixot.sklearn.mixtures import MixtureEstimator


def mixture_of(value: Any) -> Mixture | None:
    """The mixture that ``value`` is, or has fitted: a `Mixture`, a `Fit`, an estimator; None where it is none of these.

    Raises ``NotFittedError`` for an estimator that has fitted nothing yet.

    Examples
    --------
    >>> found = GaussianMixture(2, random_state=0).fit([[0.0], [0.1], [5.0], [5.2]])
    >>> mixture_of(found).mean().round(3).tolist()
    [2.575]
    """
    if isinstance(value, Mixture):
        return value
    if isinstance(value, Fit):
        return value.mixture
    if isinstance(value, MixtureEstimator):
        check_is_fitted(value)
        return value.mixture_
    if isinstance(value, GaussianMixture):
        check_is_fitted(value)
        weights, means, covs = (np.asarray(each) for each in (value.weights_, value.means_, value.covariances_))
        if value.covariance_type in ("diag", "spherical"):
            return Mixture(weights, DiagonalGaussian(means, covs))
        covs = np.repeat(covs[None], len(means), axis=0) if value.covariance_type == "tied" else covs
        return Mixture(weights, Gaussian(means, covs))
    return None
