"""Mixtures that are found again from their moments alone."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Exponential, Gamma, Gaussian, Mixture, MomentSOS, Poisson, SampleMoments, fit


def matched(found, true):
    """Largest difference of weights and parameters, components in the order of their means."""
    ours, theirs = (np.lexsort(m.components.mean().T[::-1]) for m in (found, true))
    parts = [np.abs(found.weights[ours] - true.weights[theirs]).max()]
    for name, value in true.components.parameters().items():
        parts.append(np.abs(found.components.parameters()[name][ours] - value[theirs]).max())
    return max(parts)


def test_three_poisson_laws_at_order_four():
    p = Mixture([0.3, 0.3, 0.4], Poisson([2.0, 7.0, 15.0]))
    found = fit(p.moments(8), "poisson", method=MomentSOS(order=4))
    assert (len(found.mixture), found.flat, found.ranks, found.order) == (3, True, (3, 3), 4)
    assert matched(found.mixture, p) < 1e-8


def test_two_exponential_laws_at_order_four():
    p = Mixture([0.3, 0.7], Exponential([1.0, 0.2]))
    found = fit(p.moments(8), "exponential", method=MomentSOS(order=4))
    assert (len(found.mixture), found.flat) == (2, True)
    assert matched(found.mixture, p) < 1e-8


def test_gamma_laws_of_one_shape_and_the_order_found_by_itself():
    p = Mixture([0.3, 0.7], Gamma(2.0, [1.0, 4.0]))
    found = fit(p, "gamma", method=MomentSOS(fixed={"shapes": 2.0}))
    assert (len(found.mixture), found.flat) == (2, True)
    assert [level.order for level in found.hierarchy] == list(range(2, found.order + 1))
    assert matched(found.mixture, p) < 1e-8


@pytest.mark.parametrize("variances", [[0.6, 0.6, 0.6], [0.5, 1.0, 0.7], [0.2, 1.0, 0.7], [2.0, 0.3, 1.0]])
@pytest.mark.parametrize("distance", ["tv", "w2"])
def test_three_gaussian_laws_on_the_line_whose_variances_nobody_told(variances, distance):
    p = Mixture([0.3, 0.3, 0.4], DiagonalGaussian([-4.0, 0.0, 3.0], variances))
    found = fit(p.moments(10), "diagonal", method=MomentSOS(order=5, distance=distance))
    assert (len(found.mixture), found.flat, found.ranks) == (3, True, (3, 3))
    assert matched(found.mixture, p) < 1e-6
    assert found.lower_bound <= 1e-3


def test_full_covariances_in_the_plane():
    covs = np.array([[[0.5, 0.2], [0.2, 0.4]], [[0.6, -0.3], [-0.3, 0.8]]])
    p = Mixture([0.4, 0.6], Gaussian([[-2.0, 0.0], [2.0, 1.0]], covs))
    found = fit(p, "gaussian", method=MomentSOS(order=3))
    assert (len(found.mixture), found.flat) == (2, True)
    assert matched(found.mixture, p) < 1e-6


def test_a_stream_of_samples_is_enough(rng):
    p = Mixture([0.5, 0.5], Poisson([2.0, 20.0]))
    sums = SampleMoments.stream((p.sample(2000, rng=rng) for _ in range(10)), order=6)
    found = fit(sums, "poisson", k=2, method=MomentSOS(order=3))
    np.testing.assert_allclose(np.sort(found.mixture.components.rates), [2.0, 20.0], rtol=0.1)


def test_old_faithful_like_data_in_the_plane(rng):
    p = Mixture([0.35, 0.65], DiagonalGaussian([[2.0, 55.0], [4.3, 80.0]], [[0.07, 34.0], [0.17, 36.0]]))
    found = fit(p.sample(270, rng=rng), "gaussian", structure="diagonal", method=MomentSOS(order=3), rng=0)
    assert len(found.mixture) == 2
    order = np.argsort(found.mixture.components.means[:, 0])
    np.testing.assert_allclose(found.mixture.components.means[order], p.components.means, rtol=0.05)


@pytest.mark.parametrize("refine", ["em", "kmeans", None])
def test_starts_go_on_as_asked(refine, rng):
    p = Mixture([0.3, 0.3, 0.4], DiagonalGaussian([[0, 0], [6, 1], [2, 5.0]], np.full((3, 2), 0.5)))
    x = p.sample(600, rng=rng)
    found = fit(x, "diagonal", k=3, method=MomentSOS(order=3, refine=refine), rng=0)
    order = np.lexsort(found.mixture.components.means.T[::-1])
    truth = p.components.means[np.lexsort(p.components.means.T[::-1])]
    np.testing.assert_allclose(found.mixture.components.means[order], truth, atol=0.3 if refine else 1.0)


@pytest.mark.parametrize("projection", ["pca", "pairs"])
def test_many_dimensions_are_seen_through_two(projection, rng):
    centers = np.zeros((3, 5))
    centers[:, :2] = [[0, 0], [8, 0], [0, 8]]
    x = centers[rng.integers(3, size=600)] + rng.normal(size=(600, 5))
    found = fit(x, "gaussian", k=3, method=MomentSOS(order=3, projection=projection), rng=0)
    assert found.projection.shape == (5, 2)
    assert any("projected to" in note for note in found.notes)
    order = np.lexsort(np.round(found.mixture.components.means[:, :2].T[::-1]))
    np.testing.assert_allclose(found.mixture.components.means[order], centers[[0, 2, 1]], atol=0.4)
