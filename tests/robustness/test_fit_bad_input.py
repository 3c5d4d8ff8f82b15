"""What a fit, a measure or a model file cannot be made of: words, or it works."""

import numpy as np
import pytest

from mixot import (
    EM,
    Gaussian,
    Grid,
    InputError,
    MinimumWasserstein,
    Mixture,
    Samples,
    barycenter,
    bounds,
    distance,
    distances,
    fit,
    geodesic,
    load,
    save,
)  # fmt: skip
from mixot.fitting.moments.moment_matching import MomentMatching

X = np.random.default_rng(0).normal(size=(60, 2))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"family": 2}, "family must be a name, got 2; .*k=2"), ({"family": None}, "family must be a name"),
        ({"k": 2.5}, "k must be a whole number"), ({"k": "2"}, "k must be"), ({"structure": None}, "structure must be"),
        ({"method": 3}, "unknown method 3"), ({"method": None}, "unknown method"), ({"rng": "abc"}, "rng must be"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options, match):
    with pytest.raises(InputError, match=match):
        fit(X, **options)


@pytest.mark.parametrize("start", [[[0, 0], [4, 4]], np.zeros((2, 2)), "here", 3])
def test_a_start_that_is_no_mixture_is_refused(start):
    for fitter in (MinimumWasserstein, lambda start: MomentMatching(starts=[start])):
        with pytest.raises(InputError, match="must be a Mixture or a Fit"):
            fitter(start=start)


def test_a_fit_is_a_start():
    begun = fit(X, k=2, rng=0)
    again = fit(X, method=EM(start=begun))
    np.testing.assert_allclose(again.log_likelihood, begun.log_likelihood, atol=1e-3)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_fit_is_saved_as_its_mixture(suffix, tmp_path):
    found = fit(X, k=2, rng=0)
    save(found, tmp_path / f"p{suffix}")
    np.testing.assert_array_equal(load(tmp_path / f"p{suffix}").components.means, found.mixture.components.means)
    with pytest.raises(InputError, match="can be saved"):
        save(X, tmp_path / f"q{suffix}")


@pytest.mark.parametrize("n", [10**15, 10**20, 10**30])
def test_more_draws_than_memory_holds(n):
    with pytest.raises(InputError, match="do not fit into memory"):
        Mixture([1.0], Gaussian([0.0], [1.0])).sample(n)


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e-160])
def test_sizes_whose_squares_are_lost_are_refused(scale):
    shifted = X * scale
    far = Mixture([1.0], Gaussian(shifted[:1], np.zeros((1, 2, 2))))
    square = Grid(np.ones((2, 2)), bounds=[[0, scale], [0, scale]])
    for ask in (
        lambda: fit(shifted, k=1), lambda: distance(shifted, 2 * shifted), lambda: distances([Samples(shifted)]),
        lambda: distance(far, far), lambda: geodesic(far, far), lambda: barycenter([far, far]),
        lambda: bounds(far, far), lambda: distance(Samples(X), square),
    ):  # fmt: skip
        with pytest.raises(InputError, match=r"between 1e-152 and 1e\+152"):
            ask()


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**400])
def test_fits_and_distances_do_not_know_the_unit(scale):
    one, other = fit(X, rng=0), fit(X * scale, rng=0)
    assert len(one.mixture) == len(other.mixture)
    np.testing.assert_allclose(other.mixture.components.means, one.mixture.components.means * scale, rtol=1e-9)
    np.testing.assert_allclose(distance(X * scale, X[::-1] * scale * 2), scale * distance(X, X[::-1] * 2), rtol=1e-9)
