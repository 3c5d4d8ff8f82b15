"""The test of one Gaussian against several: exact, equivariant, and able to find what is there."""

import numpy as np
import pytest

import mixot
from mixot import Gaussian, InputError, Mixture, Samples, UnsupportedError
from mixot.inference.one_component import whitened


def two(rng, n, d, apart):
    x = rng.standard_normal((n, d))
    x[: n // 2, 0] += apart
    return x


def test_white_rows_forget_mean_and_covariance(rng):
    """The argument of exactness: rows of N(m, L L') turn white as the normal draws do that they are made of."""
    z, factor = rng.standard_normal((40, 3)), np.tril(rng.standard_normal((3, 3))) + 3 * np.eye(3)
    white, mean, root = whitened(5.0 + z @ factor.T)
    np.testing.assert_allclose(white, whitened(z)[0], atol=1e-12)
    np.testing.assert_allclose(white.T @ white / 40, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(mean + white @ root.T, 5.0 + z @ factor.T, atol=1e-12)


def test_neither_units_nor_axes_matter(rng):
    x = two(rng, 80, 2, 3.0)
    turn = np.array([[3.0, 1.0], [-2.0, 5.0]])
    plain, moved = (mixot.test_one_component(each, draws=19, rng=1) for each in (x, 1e6 + 1e3 * x @ turn.T))
    assert abs(plain.gain - moved.gain) < 1e-6
    assert plain.p_value == moved.p_value
    image = plain.mixture.affine(1e3 * turn, [1e6, 1e6])
    order = np.argsort(image.components.means[:, 0]), np.argsort(moved.mixture.components.means[:, 0])
    np.testing.assert_allclose(image.components.means[order[0]], moved.mixture.components.means[order[1]], rtol=1e-6)


def test_level_is_kept_whatever_the_gaussian(rng):
    """P(p <= 0.1) = 0.1 at 19 draws, but for equal gains: the least p-values are 1/20 and 2/20."""
    scale = np.array([[1e-3, 0.0], [50.0, 2.0]])
    count = sum(
        mixot.test_one_component(rng.standard_normal((15, 2)) @ scale.T, draws=19, enough=4, rng=rng).p_value <= 0.1
        for _ in range(150)
    )
    assert 3 <= count <= 30  # 15 +- 4 standard deviations


def test_two_components_are_found(rng):
    found = [
        mixot.test_one_component(two(rng, 200, 1, 2.5), draws=99, enough=6, rng=rng).reject(0.05) for _ in range(12)
    ]
    assert sum(found) >= 6  # power 0.83


def test_components_of_one_mean_are_found(rng):
    x = rng.standard_normal((300, 2)) * np.where(np.arange(300) < 40, 5.0, 1.0)[:, None]
    found = mixot.test_one_component(x, draws=99, rng=0)
    assert found.p_value == 0.01
    assert found.exceeded == 0
    assert found.k == 2
    assert "300 rows" in str(found)
    assert "p = 0.01" in str(found)


def test_gain_is_that_of_em(rng):
    """The objective of `EM` with the same noise, above that of one component."""
    x = two(rng, 150, 2, 6.0)
    found = mixot.test_one_component(x, draws=19, rng=0)
    z = whitened(x)[0]
    one, more = (mixot.EM(reg=1e-2).fit(Samples(z), "gaussian", k=k, rng=0).history[-1] for k in (1, 2))
    assert abs(found.gain - 150 * (more - one)) < 0.01


def test_draws_end_where_enough_gained_as_much(rng):
    x = rng.standard_normal((60, 1))
    short = mixot.test_one_component(x, draws=999, enough=5, rng=0)
    assert short.exceeded == 5
    assert short.p_value == 5 / short.draws
    whole = mixot.test_one_component(x, draws=39, enough=None, rng=0)
    assert whole.draws == 39
    assert whole.p_value == (1 + whole.exceeded) / 40


def test_counts_are_rows_and_repeats_are_told(rng):
    x = np.round(rng.standard_normal((30, 1)), 1)
    points, counts = np.unique(x, return_counts=True)
    a = mixot.test_one_component(Samples(points, counts=counts), draws=19, rng=0)
    b = mixot.test_one_component(np.sort(x, axis=0), draws=19, rng=0)
    assert (a.n, a.gain, a.p_value) == (30, b.gain, b.p_value)
    assert "repeat others" in a.notes[0]
    assert mixot.test_one_component(rng.standard_normal((30, 1)), draws=19, rng=0).notes == ()


def test_progress_counts_draws(rng):
    seen = []
    mixot.test_one_component(rng.standard_normal(20), draws=19, enough=None, rng=0, progress=seen.append)
    assert [(tick.step, tick.total) for tick in seen] == [(step, 19) for step in range(1, 20)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Samples(np.arange(4.0), [0.1, 0.2, 0.3, 0.4]), "equal weight"),
        (np.arange(3.0), "at least 4 rows, got 3"),
        (np.c_[np.arange(9.0) ** 2, np.ones(9)], "constant: 1"),
        (np.c_[np.arange(9.0) ** 2, 2 * np.arange(9.0) ** 2], "1 of 2 directions"),
        ([[1.0, np.nan]], "finite"),
    ],
)
def test_what_cannot_be_tested_is_told(data, words):
    with pytest.raises(InputError, match=words):
        mixot.test_one_component(data, rng=0)


@pytest.mark.parametrize("options", [{"k": 1}, {"draws": 3}, {"enough": 0}, {"rng": "seed"}])
def test_wrong_options_are_told(options):
    with pytest.raises(InputError, match=next(iter(options))):
        mixot.test_one_component(np.arange(9.0) ** 2, **options)


def test_a_mixture_is_no_data():
    with pytest.raises(UnsupportedError, match="rows"):
        mixot.test_one_component(Mixture([1.0], Gaussian([0.0], [1.0])))


@pytest.mark.parametrize("alpha", [0.0, 1.0, np.nan])
def test_levels_are_between_zero_and_one(alpha, rng):
    found = mixot.test_one_component(rng.standard_normal(20), draws=19, rng=0)
    with pytest.raises(InputError, match="alpha"):
        found.reject(alpha)
