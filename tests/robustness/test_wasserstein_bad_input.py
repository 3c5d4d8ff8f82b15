"""What a fit of least W2 says to data and options that it cannot use, and what it makes of odd data."""

import numpy as np
import pytest

import mixot
from mixot import (
    EM,
    AccuracyWarning,
    Gaussian,
    Grid,
    InputError,
    MinimumWasserstein,
    Mixture,
    Poisson,
    Samples,
    Status,
    UnsupportedError,
)

PAIR = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [0.2, 0.3]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "uniform"}, r'weights must be "free" or "equal", got \'uniform\''),
        ({"reg": 0.0}, "reg must lie between 1e-12 and 1"),
        ({"reg": 1.0}, "reg must lie"),
        ({"reg": np.nan}, "reg must lie"),
        ({"tol": -1e-3}, "tol must be finite and not negative"),
        ({"tol": np.inf}, "tol must be"),
        ({"points": 0}, "points must be a whole number of at least 1"),
        ({"starts": 0}, "starts must be"),
        ({"max_iter": 0}, "max_iter must be"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(InputError, match=words):
        MinimumWasserstein(**options)


def test_fewer_points_than_components(rng):
    with pytest.raises(InputError, match=r"k=5 .* got 3 rows"):
        mixot.fit(rng.standard_normal((3, 2)), method="wasserstein", k=5)
    with pytest.raises(InputError, match=r"k=5 .* 3 distinct rows among 30"):
        mixot.fit(np.repeat(rng.standard_normal((3, 2)), 10, axis=0), method="wasserstein", k=5)
    with pytest.raises(InputError, match="k must be a whole number"):
        mixot.fit(rng.standard_normal((9, 2)), method="wasserstein", k=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(bad, rng):
    x = rng.standard_normal((10, 2))
    x[[3, 7], 1] = bad
    with pytest.raises(InputError, match=r"2 of 10 rows: 3, 7"):
        mixot.fit(x, method="wasserstein", k=2)


def test_what_it_cannot_fit_goes_elsewhere(rng):
    x = np.abs(rng.standard_normal((20, 1)))
    with pytest.raises(UnsupportedError, match=r"Gaussian mixtures, got the gamma family; method='em' fits it"):
        mixot.fit(x, "gamma", method="wasserstein", k=2)
    with pytest.raises(UnsupportedError, match=r"dimension 1 to 3, the data have 4; project them"):
        mixot.fit(rng.standard_normal((20, 4)), method="wasserstein", k=2)
    with pytest.raises(UnsupportedError, match=r"Samples and Grids, got Mixture"):
        MinimumWasserstein().fit(PAIR, k=2)


def test_unknown_structures(rng):
    x = rng.standard_normal((20, 2))
    with pytest.raises(InputError, match=r"unknown structure 'round'.*full, diagonal, spherical, tied"):
        mixot.fit(x, method="wasserstein", k=2, structure="round")
    with pytest.raises(InputError, match="unknown structure 'tied'"):
        mixot.fit(x, "diagonal", method="wasserstein", k=2, structure="tied")


def test_a_start_must_be_like_what_is_asked_for(rng):
    x = Samples(rng.standard_normal((20, 1)))
    method = MinimumWasserstein(start=PAIR)
    with pytest.raises(InputError, match=r"k=3 was asked for, but start has 2 components; leave k out"):
        method.fit(x, k=3)
    with pytest.raises(InputError, match=r"start has dimension 1, the data 2"):
        method.fit(Samples(rng.standard_normal((20, 2))))
    with pytest.raises(UnsupportedError, match="start must be a mixture of Gaussians, got poisson laws"):
        MinimumWasserstein(start=Mixture([0.5, 0.5], Poisson([1.0, 2.0]))).fit(x)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_points_that_are_all_equal(d):
    x = Samples(np.full((20, d), 3.0))
    with pytest.warns(AccuracyWarning, match="came down to the floor"):
        found = MinimumWasserstein().fit(x, k=1, rng=0)
    np.testing.assert_allclose(found.mixture.components.mean(), np.full((1, d), 3.0), atol=1e-3)
    # the covariance is the floor, 1e-6 of the square of the coordinates where they do not vary
    assert found.distance == pytest.approx(3e-3 * np.sqrt(d), rel=1e-3)
    assert found.status is Status.CONVERGED
    with pytest.raises(InputError, match="1 distinct row"):
        MinimumWasserstein().fit(x, k=2, rng=0)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_components_that_shrink_to_points_are_reported(d):
    x = Samples(np.array([[-4.0] * d, [4.0] * d]))
    with pytest.warns(AccuracyWarning, match="least variance of 2 of 2 components came down to the floor"):
        found = MinimumWasserstein().fit(x, k=2, rng=0)
    assert any("ask for fewer components, or raise reg" in note for note in found.notes)
    np.testing.assert_allclose(np.sort(found.mixture.components.mean()[:, 0]), [-4.0, 4.0], atol=1e-6)
    np.testing.assert_allclose(found.mixture.weights, 0.5, atol=1e-9)
    assert found.distance == pytest.approx(np.sqrt(d * 16e-6), rel=1e-3)
    assert found.status is Status.CONVERGED


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.filterwarnings("ignore:the least variance:mixot.AccuracyWarning")
def test_as_few_points_as_can_be(d, k):
    x = np.random.default_rng(0).standard_normal((4, d))
    found = MinimumWasserstein().fit(Samples(x), k=k, rng=0)
    assert found.status is Status.CONVERGED
    assert found.distance <= found.start_distance
    assert found.distance == pytest.approx(mixot.distance(Samples(x), found.mixture), rel=1e-6)
    if k == 4:  # a component for each point, of the least variance there is
        assert found.distance**2 == pytest.approx(d * 1e-6 * x.var(axis=0).mean(), rel=1e-3)


def test_points_on_a_line_in_the_plane(rng):
    t = rng.standard_normal(40)
    x = Samples(np.stack([t, 2 * t], axis=1))
    with pytest.warns(AccuracyWarning, match="came down to the floor"):
        found = MinimumWasserstein().fit(x, k=1, rng=0)
    values, vectors = np.linalg.eigh(found.mixture.components.cov()[0])
    assert values[0] < 1e-4 * values[1]
    assert abs(vectors[:, 1] @ [1.0, 2.0]) / np.sqrt(5) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(("shift", "scale"), [(1e7, 1.0), (0.0, 1e-9), (0.0, 1e9)])
def test_units_do_not_matter(shift, scale, rng):
    x = np.concatenate([rng.standard_normal((30, 1)) - 3, rng.standard_normal((30, 1)) + 3])
    plain, odd = (MinimumWasserstein(em=EM(starts=1)).fit(Samples(data), k=2, rng=0) for data in (x, shift + scale * x))
    assert odd.distance / scale == pytest.approx(plain.distance, rel=1e-3)


def test_pixels_that_are_all_dark_but_one():
    values = np.zeros((9, 9))
    values[4, 6] = 1.0
    with pytest.warns(AccuracyWarning, match="floor"):
        found = MinimumWasserstein(points=1).fit(Grid(values, [[0.0, 9.0], [0.0, 9.0]]), k=1, rng=0)
    np.testing.assert_allclose(found.mixture.mean(), [4.5, 6.5], atol=0.05)
    # all mass may lie in a corner of the pixel
    assert found.upper_bound >= np.sqrt(1 / 6) - 1e-9
    assert found.status in (Status.CONVERGED, Status.STALLED)


@pytest.mark.filterwarnings("ignore:the least variance:mixot.AccuracyWarning")
def test_equal_weights_where_two_of_three_points_are_equal():
    # the start's transport is rough; a slope from it would lead nowhere at the end
    x = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
    found = MinimumWasserstein(weights="equal").fit(Samples(x), k=2, rng=0)
    assert found.status is Status.CONVERGED
    assert found.distance <= found.start_distance
