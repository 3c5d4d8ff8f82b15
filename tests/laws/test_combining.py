"""Components combined by entropy, and mixtures reduced by merging."""

import numpy as np
import pytest
from scipy.special import xlogy

from mixot import (
    EM,
    DiagonalGaussian,
    Gaussian,
    InputError,
    Mixture,
    Poisson,
    Samples,
    UnsupportedError,
    combine,
    fit,
    reduce,
)

CROSS = Mixture(
    [0.25, 0.25, 0.3, 0.2],
    Gaussian(
        [[0.0, 0.0], [0.0, 0.0], [9.0, 9.0], [10.0, 9.5]],
        [np.diag([4.0, 0.05]), np.diag([0.05, 4.0]), np.eye(2), np.eye(2)],
    ),
)


def test_a_background_stays_a_group_of_its_own(rng):
    x = np.vstack([CROSS.sample(400, rng=rng), rng.uniform(-12, 18, (80, 2))])
    fitted = fit(x, k=4, method=EM(background=True), rng=0)
    found = combine(fitted, x)
    assert found.merges.shape == (3, 2)
    assert "background" in found.notes[0]
    assert "background" in str(found)
    two = found.responsibilities(x, clusters=2)
    assert two.shape == (480, 3)
    np.testing.assert_allclose(two.sum(axis=1), 1.0)
    np.testing.assert_allclose(two[:, 2], fitted.background.shares, atol=1e-6)
    assert found.entropies[1] == pytest.approx(-xlogy(two, two).sum())
    labels = found.predict(x, clusters=2)
    assert set(labels) == {-1, 0, 1}
    assert (labels[400:] == -1).mean() > 0.6 > 0.1 > (labels[:400] == -1).mean()
    bare = combine(fitted.mixture, x)
    assert bare.notes == ()
    assert bare.responsibilities(x, clusters=2).shape == (480, 2)


def test_each_step_joins_the_pair_that_lowers_the_entropy_most(rng):
    mixture = Mixture(rng.dirichlet(np.ones(5)), Gaussian(3 * rng.standard_normal((5, 2)), np.stack([np.eye(2)] * 5)))
    x = mixture.sample(300, rng=rng)
    found = combine(mixture, x)
    groups = [[i] for i in range(5)]
    t = mixture.responsibilities(x)

    def entropy(parts):
        z = np.stack([t[:, part].sum(axis=1) for part in parts], axis=1)
        return -xlogy(z, z).sum()

    for step, (i, j) in enumerate(found.merges):
        assert found.entropies[len(groups) - 1] == pytest.approx(entropy(groups), rel=1e-10, abs=1e-9)
        tried = {}
        for a in range(len(groups)):
            for b in range(a + 1, len(groups)):
                rest = [g for at, g in enumerate(groups) if at not in (a, b)]
                tried[a, b] = entropy([*rest, groups[a] + groups[b]])
        assert min(tried, key=tried.get) == (i, j)
        assert found.merged_points[len(groups) - 2] == pytest.approx(t[:, groups[i] + groups[j]].sum(), rel=1e-12)
        groups[i] += groups.pop(j)
        owner = found.owner(4 - step)
        assert [np.flatnonzero(owner == at).tolist() for at in range(len(groups))] == [sorted(g) for g in groups]
    assert found.entropies[0] == pytest.approx(0, abs=1e-10)
    assert (np.diff(found.entropies) >= 0).all()


def test_a_cross_and_a_ball_are_two_clusters():
    x = CROSS.sample(2000, rng=0)
    found = combine(CROSS, x)
    assert found.clusters == 3  # of two steps that lower the entropy the elbow stands after the larger one
    assert found.owner(2).tolist() == [0, 0, 1, 1]
    assert found.predict([[3.0, 0.0], [0.0, -3.0], [9.0, 9.0]], clusters=2).tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.responsibilities(x, 4), CROSS.responsibilities(x), atol=1e-15)
    ball = found.cluster(1, clusters=2)
    assert ball.weights.tolist() == pytest.approx([0.6, 0.4])
    assert "3 clusters of 4 components" in str(found)


def test_weights_are_repeats_and_fits_are_taken(rng):
    x = CROSS.sample(200, rng=rng)
    repeats = rng.integers(1, 4, 200)
    weighted = combine(CROSS, Samples(x, repeats / repeats.sum()))
    repeated = combine(CROSS, np.repeat(x, repeats, axis=0))
    np.testing.assert_array_equal(weighted.merges, repeated.merges)
    ratio = weighted.entropies[1:] / repeated.entropies[1:]
    np.testing.assert_allclose(ratio, ratio[-1], rtol=1e-9)
    found = fit(x, k=3, rng=0)
    np.testing.assert_array_equal(combine(found, x).merges, combine(found.mixture, x).merges)
    counts = rng.poisson(np.repeat([2.0, 20.0], 100))
    assert combine(Mixture([0.5, 0.5], Poisson([2.0, 20.0])), counts).clusters == 2
    assert combine(Mixture([1.0], Poisson([2.0])), counts).entropies.tolist() == [0.0]


def test_reduction_keeps_the_moments_and_its_bound_holds(rng):
    root = rng.standard_normal((8, 2, 3))
    p = Mixture(rng.dirichlet(np.ones(8)), Gaussian(2 * rng.standard_normal((8, 2)), root @ root.swapaxes(1, 2)))
    x = p.sample(40_000, rng=rng)
    last = 0.0
    for k in (7, 5, 3, 1):
        found = reduce(p, k)
        assert len(found.mixture) == k == len(set(found.owner.tolist()))
        np.testing.assert_allclose(found.mixture.mean(), p.mean(), atol=1e-12)
        np.testing.assert_allclose(found.mixture.cov(), p.cov(), rtol=1e-12)
        ratios = p.log_density(x) - found.mixture.log_density(x)
        assert ratios.mean() - 5 * ratios.std() / 200 < found.kl_bound
        assert found.kl_bound >= last
        last = found.kl_bound
        for at in range(k):  # a component has the moments of what went into it
            mine = found.owner == at
            part = Mixture(p.weights[mine] / p.weights[mine].sum(), p.components.take(np.flatnonzero(mine)))
            np.testing.assert_allclose(found.mixture.components.covs[at], part.cov(), rtol=1e-10)
    assert reduce(p, 8).kl_bound == 0.0


def test_the_first_merger_is_the_cheapest_by_the_formula(rng):
    p = Mixture(rng.dirichlet(np.ones(5)), Gaussian(rng.standard_normal(5), rng.uniform(0.5, 2.0, 5)))
    w, m, v = p.weights, p.components.means[:, 0], p.components.covs[:, 0, 0]
    costs = {}
    for i in range(5):
        for j in range(i + 1, 5):
            both = w[i] + w[j]
            spread = (w[i] * v[i] + w[j] * v[j]) / both + w[i] * w[j] / both**2 * (m[i] - m[j]) ** 2
            costs[i, j] = (both * np.log(spread) - w[i] * np.log(v[i]) - w[j] * np.log(v[j])) / 2
    found = reduce(p, 4)
    i, j = min(costs, key=costs.get)
    assert found.owner[i] == found.owner[j]
    assert found.kl_bound == pytest.approx(costs[i, j], rel=1e-10)


def test_diagonal_laws_and_lost_components_are_reduced(rng):
    p = Mixture([0.5, 0.0, 0.5], DiagonalGaussian([[0.0, 0.0], [1.0, 1.0], [1.0, 2.0]], np.ones((3, 2))))
    found = reduce(p, 1)
    assert found.owner.tolist() == [0, -1, 0]
    np.testing.assert_allclose(found.mixture.components.covs[0], [[1.25, 0.5], [0.5, 2.0]], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "what"),
    [
        (lambda: reduce(CROSS, 5), InputError, "at most the 4 components"),
        (lambda: reduce(CROSS, 0), InputError, "k must be"),
        (lambda: reduce([1.0], 1), InputError, "expected a mixture or a fit, got list"),
        (lambda: reduce(Mixture([1.0], Poisson([1.0])), 1), UnsupportedError, "combine"),
        (lambda: reduce(Mixture([1.0], Gaussian([0.0], [0.0])), 1), UnsupportedError, "singular covariance"),
        (lambda: combine([1.0], [1.0]), InputError, "expected a mixture or a fit"),
        (lambda: combine(CROSS, [[1.0, 2.0, 3.0]]), InputError, "shape"),
        (lambda: combine(CROSS, CROSS), InputError, "draw some"),
        (lambda: combine(CROSS, [[1.0, 2.0]]).owner(9), InputError, "from 1 to the 4 components"),
        (lambda: combine(CROSS, [[1.0, 2.0]]).cluster(7), InputError, "must name one of the clusters"),
    ],
)
def test_bad_input_is_named(call, error, what):
    with pytest.raises(error, match=what):
        call()


def test_one_component_is_one_cluster_without_entropy():
    found = combine(Mixture([1.0], Gaussian([[0.0]], [[[1.0]]])), np.zeros((3, 1)))
    assert str(found) == "1 clusters of 1 components; entropy with 1, 2 ... clusters: 0"
