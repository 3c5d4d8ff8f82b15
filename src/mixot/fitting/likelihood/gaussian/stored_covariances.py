"""States of one covariance model as those of another: matrices averaged, cut to their diagonals, or written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mixot.fitting.likelihood.gaussian.covariance_models import CovarianceModel
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters


def with_model(em: GaussianEM, name: str) -> GaussianEM:
    """EM on the same rows with another covariance model."""
    model = CovarianceModel.of(name)
    return em if model == em.model else replace(em, model=model, structure=model.stored)


def written_out(em: GaussianEM, state: Parameters) -> Parameters:
    """``state`` with a matrix for each component, (k, d, d)."""
    k, d = state.means.shape
    covs = state.covs if em.dense else state.covs[:, :, None] * np.eye(d)
    return Parameters(state.weights, state.means, np.broadcast_to(covs, (k, d, d)))


def stored_as(em: GaussianEM, state: Parameters) -> Parameters:
    """A state with a matrix for each component as ``em`` keeps them; `GaussianEM.into_kernel` does the rest."""
    weights, means, covs = state
    if em.structure == "tied":
        covs = np.einsum("k,kij->ij", weights, covs)
    elif not em.dense:
        covs = np.diagonal(covs, axis1=1, axis2=2).copy()
        if em.structure == "spherical":
            covs = np.repeat(covs.mean(axis=1, keepdims=True), covs.shape[1], axis=1)
    return Parameters(weights, means, covs)
