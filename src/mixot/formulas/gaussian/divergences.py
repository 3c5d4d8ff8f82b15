"""Kullback-Leibler divergences between Gaussian laws, k against l at once, and exact where they are nearly equal."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float
from mixot.formulas.gaussian.support import Support
from mixot.formulas.line.bregman import bregman_log

_CLOSE = 1e-2  # per axis: below, the difference of large terms is found anew from the difference of covariances
_PAIRS = 4096  # matrices that are held at once


def gaussian_divergences(
    means_p: Float[np.ndarray, "k d"],
    covs_p: Float[np.ndarray, "k d d"],
    means_q: Float[np.ndarray, "l d"],
    covs_q: Float[np.ndarray, "l d d"],
) -> Float[np.ndarray, "k l"]:
    """``KL(p | q) = (tr(B^-1 A) - d - log det(B^-1 A) + (m - n)^T B^-1 (m - n)) / 2`` for definite A and B.

    It keeps its digits where the laws are nearly equal.
    """
    d = means_p.shape[1]
    whiten = np.linalg.inv(np.linalg.cholesky(covs_q))
    precisions = whiten.swapaxes(1, 2) @ whiten
    # All traces at once, as one matrix product.
    traces = covs_p.reshape(-1, d * d) @ precisions.reshape(-1, d * d).T
    out = traces - d - (np.linalg.slogdet(covs_p)[1][:, None] - np.linalg.slogdet(covs_q)[1])
    # Without the means this is the sum of lam - log(1 + lam) over the eigenvalues of B^-1 (A - B); where it is small it
    # is summed in that form, which cancels nothing.
    rows, cols = np.nonzero(out < _CLOSE * d)
    for first in range(0, len(rows), _PAIRS):
        i, j = rows[first : first + _PAIRS], cols[first : first + _PAIRS]
        apart = whiten[j] @ (covs_p[i] - covs_q[j]) @ whiten[j].swapaxes(1, 2)
        out[i, j] = bregman_log(np.maximum(np.linalg.eigvalsh(apart), -1.0)).sum(axis=1)
    for j, center in enumerate(means_q):
        out[:, j] += (((means_p - center) @ whiten[j].T) ** 2).sum(axis=1)
    return out / 2


def diagonal_divergences(
    means_p: Float[np.ndarray, "k d"],
    variances_p: Float[np.ndarray, "k d"],
    means_q: Float[np.ndarray, "l d"],
    variances_q: Float[np.ndarray, "l d"],
) -> Float[np.ndarray, "k l"]:
    """The same axis by axis: ``sum_i (a_i / b_i - 1 - log(a_i / b_i) + (m_i - n_i)^2 / b_i) / 2``, all positive."""
    out = np.empty((len(means_p), len(means_q)))
    for i, (mean, variance) in enumerate(zip(means_p, variances_p, strict=True)):
        terms = bregman_log((variance - variances_q) / variances_q) + (mean - means_q) ** 2 / variances_q
        out[i] = terms.sum(axis=1) / 2
    return out


def singular_divergence(
    mean_p: Float[np.ndarray, " d"],
    cov_p: Float[np.ndarray, "d d"],
    mean_q: Float[np.ndarray, " d"],
    cov_q: Float[np.ndarray, "d d"],
) -> float:
    """The divergence between laws that may be singular: that on their support where they share one, else infinity."""
    p, q = Support.of(mean_p, cov_p), Support.of(mean_q, cov_q)
    if p.rank != q.rank or q.log_prob(mean_p[None])[0] == -np.inf:
        return np.inf
    if (q.log_prob(mean_q + p.root.T) == -np.inf).any():  # an axis of p that q does not have
        return np.inf
    if q.rank == 0:
        return 0.0
    mean, cov = (mean_p - mean_q) @ q.whiten, q.whiten.T @ cov_p @ q.whiten
    return float(gaussian_divergences(mean[None], cov[None], np.zeros((1, q.rank)), np.eye(q.rank)[None])[0, 0])
