"""Costs, plans and distances against POT."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mixot import Exact, Gaussian, Mixture, Samples, distance, plan, sliced_distance

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


@pytest.mark.parametrize("shape", [(300, 300), (40, 2000), (2000, 40), (2, 3000)])
@pytest.mark.parametrize("kind", ["random", "equal", "ties"])
def test_network_simplex(rng, shape, kind):
    k, l = shape  # noqa: E741
    cost = rng.integers(0, 4, shape).astype(float) if kind == "ties" else rng.random(shape)
    a, b = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(l))
    if kind != "random":
        a, b = np.full(k, 1 / k), np.full(l, 1 / l)
    result = Exact().solve(cost, a, b)
    assert result.cost == pytest.approx(ot.emd2(a, b, cost, numItermax=10_000_000), rel=1e-11, abs=1e-12)
    assert result.gap <= 1e-12
    assert result.marginal_error <= 1e-13


def test_assignments(rng):
    """Equal weights on both sides: the simplex meets ties at every pivot, and finds a permutation."""
    cost = ((rng.standard_normal((400, 1, 2)) - rng.standard_normal((400, 2))) ** 2).sum(axis=2)
    result = Exact().solve(cost, np.full(400, 1 / 400), np.full(400, 1 / 400))
    rows, cols = linear_sum_assignment(cost)
    assert result.cost == pytest.approx(cost[rows, cols].mean(), rel=1e-12)
    assert np.count_nonzero(result.coupling) == 400


def test_sliced_distance(rng):
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((40, 3)) + 1
    a, b, v = rng.dirichlet(np.ones(50)), rng.dirichlet(np.ones(40)), rng.standard_normal((20, 3))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    expected = ot.sliced_wasserstein_distance(x, y, a, b, projections=v.T)
    assert sliced_distance(Samples(x, a), Samples(y, b), directions=v) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("mass", [0.2, 0.7])
def test_partial_plans(rng, mass):
    x, y, p, q = rng.standard_normal((30, 3)), rng.standard_normal((20, 3)), mixture(rng, 6, 2), mixture(rng, 5, 2)
    a, b = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(20))
    for found in (plan(Samples(x, a), Samples(y, b), mass=mass), plan(p, q, mass=mass)):
        given = found.source_weights, found.target_weights, found.cost_matrix
        assert found.cost == pytest.approx(ot.partial.partial_wasserstein2(*given, m=mass), rel=1e-9)
