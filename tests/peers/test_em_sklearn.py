"""EM against scikit-learn: the same start and the same iterations give the same numbers."""

import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from mixot import EM, DiagonalGaussian, Gaussian, Mixture, Samples

TYPES = {"full": "full", "diagonal": "diag", "spherical": "spherical", "tied": "tied"}


def theirs(x, k, structure, means, precision, iterations):
    peer = GaussianMixture(
        k, covariance_type=TYPES[structure], reg_covar=0.0, max_iter=iterations, tol=0.0,
        weights_init=np.full(k, 1 / k), means_init=means, precisions_init=precision,
    )  # fmt: skip
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return peer.fit(x)


@pytest.mark.parametrize("structure", TYPES)
@pytest.mark.parametrize(("n", "d", "k"), [(4000, 3, 4), (3000, 16, 5), (1500, 33, 3), (800, 1, 2)])
def test_same_start_same_iterations_same_parameters(structure, n, d, k, rng):
    centers = 2 * rng.standard_normal((k, d))
    x = centers[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    means, covs = centers + rng.standard_normal((k, d)) / 3, np.broadcast_to(np.cov(x.T).reshape(d, d), (k, d, d))
    if structure in ("full", "tied"):
        components, precision = Gaussian(means, covs), np.linalg.inv(covs)
    else:
        variances = np.diagonal(covs, axis1=1, axis2=2)
        variances = variances if structure == "diagonal" else np.full((k, d), variances.mean())
        components, precision = DiagonalGaussian(means, variances), 1 / variances
    precision = {"tied": precision[0], "spherical": precision[:, 0]}.get(structure, precision)
    peer = theirs(x, k, structure, means, precision, 20)
    start = Mixture(np.full(k, 1 / k), components)
    fit = EM(reg=0.0, tol=0.0, max_iter=20, start=start).fit(Samples(x), "gaussian", structure=structure)
    if fit.iterations < 20:  # stopped because nothing moved any more
        peer = theirs(x, k, structure, means, precision, fit.iterations)
    np.testing.assert_allclose(fit.mixture.weights, peer.weights_, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit.mixture.components.mean(), peer.means_, rtol=0, atol=1e-10 * np.abs(x).max())
    full = {
        "full": lambda c: c,
        "tied": lambda c: np.broadcast_to(c, (k, d, d)),
        "diagonal": lambda c: c[:, :, None] * np.eye(d),
        "spherical": lambda c: c[:, None, None] * np.eye(d),
    }[structure](peer.covariances_)
    np.testing.assert_allclose(fit.mixture.components.cov(), full, rtol=0, atol=1e-10 * np.abs(full).max())
    assert fit.log_likelihood == pytest.approx(peer.score(x), abs=1e-10)
    n_parameters = peer._n_parameters()
    if fit.iterations:
        expected = (-2 * peer.score(x) * n + n_parameters * np.log(n)) / n
        assert fit.criterion == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("structure", TYPES)
@pytest.mark.parametrize(("name", "k"), [("iris", 3), ("wine", 3), ("digits", 10)])
def test_default_starts_are_as_good(name, k, structure):
    x = getattr(datasets, f"load_{name}")().data
    if name == "digits":
        from sklearn.decomposition import PCA

        x = PCA(8, random_state=0).fit_transform(x)
    ours = [EM().fit(Samples(x), "gaussian", k=k, structure=structure, rng=s).log_likelihood for s in range(3)]
    with threadpool_limits(1):
        peers = [
            GaussianMixture(k, covariance_type=TYPES[structure], max_iter=500, random_state=s).fit(x).score(x)
            for s in range(3)
        ]
    assert np.mean(ours) >= np.mean(peers) - 1e-3
