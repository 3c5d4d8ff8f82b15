"""POT's fixed points: the same Gaussian barycenter, and never a better barycenter of mixtures."""

import numpy as np
import ot
import pytest

from mixot import FixedPoint, Gaussian, Mixture, barycenter, distance
from mixot.formulas.gaussian.barycenter import gaussian_barycenter


@pytest.mark.parametrize("d", [2, 3, 8, 20])
def test_gaussian_barycenter_agrees_with_pot(rng, d):
    root = rng.standard_normal((4, d, 2 * d))
    covs, weights = root @ root.swapaxes(1, 2) / d, rng.dirichlet(np.full(4, 4.0))
    _, theirs = ot.gaussian.bures_wasserstein_barycenter(np.zeros((4, d)), covs, weights, eps=1e-11)
    ours = gaussian_barycenter(covs[None], weights).covs[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-9 * np.linalg.norm(theirs))


def test_objective_is_never_above_that_of_pot(rng):
    mixtures = []
    for _ in range(3):
        root = 0.1 * rng.standard_normal((5, 2, 2))
        laws = Gaussian(rng.uniform(0, 1, (5, 2)), root @ root.swapaxes(1, 2) + 1e-3 * np.eye(2))
        mixtures.append(Mixture(rng.dirichlet(np.ones(5)), laws))
    exact = barycenter(mixtures)
    few = barycenter(mixtures, solver=FixedPoint(k=5))
    start = mixtures[0].components
    means, covs = ot.gmm.gmm_barycenter_fixed_point(
        [p.components.means for p in mixtures],
        [p.components.covs for p in mixtures],
        [p.weights for p in mixtures],
        start.means.copy(),
        start.covs.copy(),
        np.full(3, 1 / 3),
        iterations=10,
    )
    theirs = Mixture(np.full(5, 0.2), Gaussian(means, (covs + covs.swapaxes(1, 2)) / 2))
    average = sum(distance(p, theirs) ** 2 for p in mixtures) / 3
    assert exact.objective <= few.objective <= average
