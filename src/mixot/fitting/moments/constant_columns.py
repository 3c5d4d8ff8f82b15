"""Columns of one value, which have no moments to speak of: fits leave them out, and put them back as EM has them."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from mixot._shapes import Int
from mixot.errors import AccuracyWarning
from mixot.families.elliptical.gaussian import Gaussian
from mixot.fitting.likelihood.criteria import bic
from mixot.fitting.likelihood.em import EM
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.run_notes import of_one_value
from mixot.fitting.moments.projections import structured
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture
from mixot.results import MomentFit


def varied_columns(data: Measure) -> Int[np.ndarray, " v"] | None:
    """The columns that vary, where others do not and some do; None where there is nothing to leave out."""
    if not isinstance(data, Samples) or data.dim == 1:
        return None
    seen = data.points[data.weights > 0]
    varied = np.flatnonzero(seen.max(axis=0) > seen.min(axis=0))
    return varied if 0 < len(varied) < data.dim else None


def with_columns_back(
    fit: MomentFit, data: Samples, varied: Int[np.ndarray, " v"], family: str, structure: str, refine: str | None
) -> MomentFit:
    """A fit of the columns that vary as one of all: those of one value have it, and the variance that EM gives them.

    The bound, the region and what is said of the population stay those of the columns that vary.
    """
    shape = "diagonal" if (family, structure) == ("diagonal", "full") else structure
    x = data.points.astype(np.float64)
    em = GaussianEM.of(x, data.weights, shape, EM().reg, data.observations)

    def back(mixture: Mixture) -> Mixture:
        return _whole(mixture, varied, em)

    mixture, said = back(fit.mixture), ""
    if refine == "em":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # its note is kept
            again = EM(start=mixture).fit(data, "gaussian", structure=shape)
        said = next((note for note in again.notes if note.startswith("constant columns")), "")
        mixture, likelihood, criterion = again.mixture, again.log_likelihood, again.criterion
        free = again.n_parameters
    else:
        state = em.state(mixture)
        mixture, likelihood = em.mixture(state), em.log_likelihood(state)
        free = em.free_parameters(len(mixture), em.spread(state).rank)
        criterion = bic(likelihood, free, em.observations)
    columns = np.setdiff1d(np.arange(data.dim), varied)
    shown = of_one_value(columns, x[0], data.columns)
    said = said or f"constant columns: {shown}; their variance is set to reg times the others' average"
    projection = None
    if fit.projection is not None:
        projection = np.zeros((data.dim, fit.projection.shape[1]))
        projection[varied] = fit.projection
    return replace(
        fit,
        mixture=mixture,
        log_likelihood=likelihood,
        criterion=criterion,
        history=fit.history + (likelihood - fit.log_likelihood),
        candidates=tuple(
            replace(
                each,
                log_likelihood=each.log_likelihood + (likelihood - fit.log_likelihood),
                criterion=each.criterion + (criterion - fit.criterion),
                mixture=mixture if each.k == len(mixture) else back(each.mixture),
            )
            for each in fit.candidates
        ),
        notes=(*fit.notes, f"{said}; what is proven is of the other columns"),
        projection=projection,
        n_parameters=free,
        observations=em.observations,
        starts=fit.starts if fit.projection is not None else tuple(map(back, fit.starts)),
    )


def _whole(mixture: Mixture, varied: Int[np.ndarray, " v"], em: GaussianEM) -> Mixture:
    """A mixture of the columns that vary, with the others at their value and as wide as the noise."""
    k = len(mixture)
    means = np.tile(em.center, (k, 1))
    means[:, varied] = mixture.components.mean()
    covs = np.tile(np.diag(em.noise), (k, 1, 1))
    covs[np.ix_(np.arange(k), varied, varied)] = mixture.components.cov()
    return structured(Mixture(mixture.weights, Gaussian(means, covs)), em.structure)
