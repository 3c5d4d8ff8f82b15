"""Some components of a mixture are a mixture; each point belongs to one of them; draws know where they came from."""

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture


@pytest.fixture
def mixture(family, rng):
    """A random mixture of four components of the family."""
    return Mixture(rng.dirichlet(np.ones(4)), family.example(rng, 4))


@pytest.fixture
def three():
    return Mixture([0.5, 0.0, 0.5], Gaussian([0.0, 4.0, 9.0], [1.0, 2.0, 3.0]), columns=["size"])


def test_a_mixture_is_the_weighted_sum_of_its_components(mixture, rng):
    x = mixture.sample(20, rng=rng)
    parts = list(mixture)
    assert len(parts) == len(mixture)
    assert {len(part) for part in parts} == {1}
    densities = np.stack([part.density(x) for part in parts])
    np.testing.assert_allclose(mixture.weights @ densities, mixture.density(x), rtol=1e-12)


def test_parts_of_a_mixture_weigh_as_they_do_in_it(mixture, rng):
    x = mixture.sample(20, rng=rng)
    first, rest = mixture[:1], mixture[[3, 1, 2]]
    share = mixture.weights[0]
    np.testing.assert_allclose(share * first.density(x) + (1 - share) * rest.density(x), mixture.density(x), rtol=1e-12)
    assert np.argsort(rest.weights).tolist() == np.argsort(mixture.weights[[3, 1, 2]]).tolist()


@pytest.mark.parametrize(
    ("index", "means", "weights"),
    [
        (0, [0], [1]),
        (-1, [9], [1]),
        (np.int64(1), [4], [1]),
        (slice(None), [0, 4, 9], [0.5, 0, 0.5]),
        (slice(None, None, -2), [9, 0], [0.5, 0.5]),
        ([0, 2], [0, 9], [0.5, 0.5]),
        ((-1, 1), [9, 4], [1, 0]),
        (np.array([True, True, False]), [0, 4], [1, 0]),
        ([True, False, False], [0], [1]),
    ],
)
def test_what_an_index_means(three, index, means, weights):
    part = three[index]
    assert part.components.means.ravel().tolist() == means
    assert part.weights.tolist() == weights
    assert part.columns == ("size",)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (3, "numbered 0 to 2, got 3"),
        (-4, "numbered 0 to 2"),
        ([0, 7], "got 7"),
        ([0, -3], "each component once"),
        ([], "name some"),
        (slice(5, 9), "name some"),
        ([False] * 3, "name some"),
        ([True, False], "one entry for each of the 3"),
        (1.0, "whole number"),
        ("a", "whole number"),
        (None, "whole number"),
        (True, "whole number"),
        ([[0]], "whole number"),
        ([1], r"weight zero together.*m\[1\]"),
    ],
)
def test_what_is_no_index_is_refused(three, index, message):
    with pytest.raises(InputError, match=message):
        three[index]


def test_a_component_that_is_not_there_is_an_index_error_too(three):
    with pytest.raises(IndexError):
        three[3]


def test_arrays_of_mixtures_hold_mixtures(three):
    assert np.array([three, three[0]], dtype=object).shape == (2,)
    assert np.asarray(three).item() is three
    with pytest.raises(ValueError, match="sequence"):
        np.asarray(three, dtype=float)


def test_points_belong_to_the_component_of_largest_responsibility(mixture, rng):
    x = mixture.sample(50, rng=rng)
    r, label = mixture.responsibilities(x), mixture.predict(x)
    assert label.shape == (50,)
    assert (r[np.arange(50), label] == r.max(axis=1)).all()


def test_a_point_of_a_singular_component_belongs_to_it():
    flat = Mixture([0.9, 0.1], Gaussian([[0.0, 0.0], [1.0, 1.0]], [np.eye(2), np.zeros((2, 2))]))
    assert flat.predict([[1.0, 1.0], [0.9, 1.0]]).tolist() == [1, 0]


def test_weightless_components_own_no_point(three):
    assert three.predict([1.0, 4.6, 40.0]).tolist() == [0, 2, 2]


def test_draws_are_those_of_sample_and_know_their_component(mixture):
    points, labels = mixture.draw(4000, rng=7)
    assert (points == mixture.sample(4000, rng=7)).all()
    shares = np.bincount(labels, minlength=4) / 4000
    assert np.abs(shares - mixture.weights).max() < 4 * np.sqrt(0.25 / 4000)
    means, spread = mixture.components.mean(), mixture.components.cov()
    for at in range(4):
        mine = points[labels == at]
        if len(mine) > 50 and np.isfinite(spread[at]).all():
            error = np.sqrt(np.diagonal(spread[at]) / len(mine))
            assert (np.abs(mine.mean(axis=0) - means[at]) <= 6 * error + 1e-9).all()


def test_no_draws_have_no_labels(three):
    points, labels = three.draw(0, rng=0)
    assert points.shape == (0, 1)
    assert labels.shape == (0,)
