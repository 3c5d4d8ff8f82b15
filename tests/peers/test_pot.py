"""Costs, plans and distances against POT."""

import numpy as np
import pytest

from mixot import Gaussian, Mixture, Samples, distance, plan

ot = pytest.importorskip("ot")


def mixture(rng, k, dim):
    root = rng.standard_normal((k, dim, dim + 1))
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(rng.standard_normal((k, dim)), root @ root.swapaxes(1, 2)))


@pytest.mark.parametrize("dim", [1, 2, 3, 8])
def test_mixture_distance(rng, dim):
    p, q = mixture(rng, 6, dim), mixture(rng, 5, dim)
    args = p.components.means, q.components.means, p.components.covs, q.components.covs
    np.testing.assert_allclose(plan(p, q).cost_matrix, ot.gmm.dist_bures_squared(*args), rtol=1e-8)
    expected = ot.gmm.gmm_ot_loss(*args, p.weights, q.weights)
    assert plan(p, q).cost == pytest.approx(expected, rel=1e-9)


def test_discrete_distance(rng):
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((40, 3))
    expected = ot.emd2(np.full(50, 1 / 50), np.full(40, 1 / 40), ot.dist(x, y))
    assert distance(Samples(x), Samples(y)) == pytest.approx(np.sqrt(expected), rel=1e-12)
