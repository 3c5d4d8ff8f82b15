"""k-means on weighted points: clusters that are at rest, none of them empty, whatever the weights."""

import numpy as np
import pytest

from mixot.fitting.likelihood.starts.k_means import kmeans_labels, lloyd, squared_distances
from mixot.formulas.weights import effective_count


@pytest.fixture
def cloud(rng):
    return rng.standard_normal((200, 2)), rng.dirichlet(np.full(200, 0.5))


@pytest.mark.parametrize("candidates", [None, 1])
def test_every_point_is_in_the_cluster_of_the_nearest_center(cloud, rng, candidates):
    x, weights = cloud
    labels = kmeans_labels(x, weights, 5, rng, max_iter=300, candidates=candidates)
    centers = np.stack([np.average(x[labels == j], weights=weights[labels == j], axis=0) for j in range(5)])
    apart = ((x[:, None] - centers) ** 2).sum(axis=2)
    np.testing.assert_array_equal(labels, apart.argmin(axis=1))
    np.testing.assert_allclose(squared_distances(x, centers), apart, atol=1e-13)


def test_an_empty_cluster_gets_the_point_that_pays_most():
    found = lloyd(np.array([[0.0], [1.0], [2.0], [9.0]]), np.full(4, 0.25), np.array([[1.0], [500.0]]), max_iter=10)
    assert found.labels.tolist() == [0, 0, 0, 1]
    assert found.centers.tolist() == [[1.0], [9.0]]
    assert found.iterations == 2


def test_fewer_points_than_clusters_leave_clusters_empty(rng):
    labels = kmeans_labels(np.array([[0.0], [1.0]]), np.full(2, 0.5), 4, rng)
    assert len(set(labels.tolist())) == 2


def test_a_point_counts_as_often_as_it_weighs():
    weights = np.array([3.0, 1.0, 2.0])
    x = np.array([[0.0], [4.0], [10.0]])
    once = lloyd(x, weights, np.array([[0.0], [10.0]]), max_iter=10).centers
    often = lloyd(np.repeat(x, [3, 1, 2], axis=0), np.ones(6), np.array([[0.0], [10.0]]), max_iter=10).centers
    np.testing.assert_allclose(once, often, rtol=1e-15)


def test_the_effective_count_is_that_of_equal_weights(rng):
    assert effective_count(np.full(7, 0.3)) == pytest.approx(7, rel=1e-14)
    weights = rng.dirichlet(np.ones(50))
    assert effective_count(5 * weights) == pytest.approx(1 / (weights**2).sum(), rel=1e-12)
