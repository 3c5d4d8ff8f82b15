"""Densities against SciPy's and scikit-learn's."""

import numpy as np
from scipy.stats import multivariate_normal

from mixot import Gaussian, Mixture


def test_log_density_of_gaussians_agrees_with_scipy(rng):
    laws = Gaussian.example(rng, 4)
    x = 3 * rng.standard_normal((30, 3))
    theirs = [multivariate_normal(m, c).logpdf(x) for m, c in zip(laws.means, laws.covs, strict=True)]
    np.testing.assert_allclose(laws.log_prob(x), np.stack(theirs, axis=1), rtol=1e-11)


def test_log_density_of_singular_gaussians_agrees_with_scipy(rng):
    root = rng.standard_normal((4, 2))
    x = rng.standard_normal((10, 2)) @ root.T
    theirs = multivariate_normal(np.zeros(4), root @ root.T, allow_singular=True).logpdf(x)
    mine = Gaussian(np.zeros((1, 4)), (root @ root.T)[None]).log_prob(x)[:, 0]
    np.testing.assert_allclose(mine, theirs, rtol=1e-10)


def test_mixture_agrees_with_scikit_learn(rng):
    from sklearn.mixture import GaussianMixture

    p = Mixture(rng.dirichlet(np.ones(3)), Gaussian.example(rng, 3))
    peer = GaussianMixture(3)
    peer.weights_, peer.means_, peer.covariances_ = p.weights, p.components.mean(), p.components.cov()
    peer.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(p.components.cov()))
    x = 2 * rng.standard_normal((50, 3))
    np.testing.assert_allclose(p.log_density(x), peer.score_samples(x), rtol=1e-11)
    np.testing.assert_allclose(p.responsibilities(x), peer.predict_proba(x), rtol=1e-9, atol=1e-12)
