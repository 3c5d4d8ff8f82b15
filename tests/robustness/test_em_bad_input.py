"""What a person can get wrong in a fit, and what happens then."""

import numpy as np
import pytest

import mixot
from mixot import EM, DiagonalGaussian, Gaussian, InputError, Mixture, Samples, SolveError, UnsupportedError
from mixot.fitting.likelihood.gaussian.statistics import expectation, maximization


def test_fewer_rows_than_components(rng):
    with pytest.raises(InputError, match=r"k=5 .* got 3 rows"):
        mixot.fit(rng.standard_normal((3, 2)), k=5)


def test_fewer_distinct_rows_than_components(rng):
    x = np.repeat(rng.standard_normal((3, 2)), 40, axis=0)
    with pytest.raises(InputError, match=r"k=5 .* 3 distinct rows among 120"):
        mixot.fit(x, k=5)
    assert len(EM(k_max=9).fit(Samples(x), "gaussian", rng=0).candidates) == 3


def test_fewer_positive_weights_than_components(rng):
    weights = np.r_[0.5, 0.5, np.zeros(8)]
    with pytest.raises(InputError, match=r"k=3 .* positive weight, got 2 rows"):
        mixot.fit((rng.standard_normal((10, 2)), weights), k=3)


@pytest.mark.parametrize("k", [0, -1, -(10**9)])  # other types are for annotations to catch
def test_k_is_a_whole_number(k, rng):
    with pytest.raises(InputError, match="k must be a whole number"):
        EM().fit(Samples(rng.standard_normal((10, 2))), "gaussian", k=k)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(bad, rng):
    x = rng.standard_normal((10, 2))
    x[[3, 7], 1] = bad
    with pytest.raises(InputError, match=r"2 of 10 rows: 3, 7"):
        mixot.fit(x, k=2)


def test_zero_rows():
    with pytest.raises(InputError, match="zero rows"):
        mixot.fit(np.empty((0, 3)), k=2)


@pytest.mark.parametrize("weights", [[0.5, -0.1, 0.6], [0.5, 0.1, 0.1], [np.nan, 0.5, 0.5], [0.5, 0.5]])
def test_bad_weights(weights):
    with pytest.raises(InputError, match="weights must"):
        mixot.fit((np.arange(6.0).reshape(3, 2), np.array(weights)), k=1)


def test_unknown_family_and_structure(rng):
    x = rng.standard_normal((20, 2))
    with pytest.raises(InputError, match=r"unknown family 'gauss'.*gaussian"):
        mixot.fit(x, "gauss", k=2)
    with pytest.raises(InputError, match=r"unknown structure 'round'.*full, diagonal, spherical, tied"):
        mixot.fit(x, k=2, structure="round")
    with pytest.raises(InputError, match=r"unknown structure 'tied'.*diagonal, spherical"):
        mixot.fit(x, "diagonal", k=2, structure="tied")
    with pytest.raises(InputError, match="unknown method"):
        mixot.fit(x, k=2, method="guess")


def test_measures_without_points(rng):
    law = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(UnsupportedError, match=r"Mixture; draw points"):
        EM().fit(law, "gaussian", k=1)
    with pytest.raises(UnsupportedError, match="Moments"):
        EM().fit(law.moments(2), "gaussian", k=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"max_iter": 0}, "max_iter"), ({"tol": -1.0}, "tol"), ({"reg": np.nan}, "reg"), ({"starts": 0}, "starts"),
     ({"k_max": 0}, "k_max"), ({"subsample": 0}, "subsample"), ({"criterion": "aic"}, "bic, icl")],
)  # fmt: skip
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        EM(**options)


def test_a_start_that_does_not_fit(rng):
    x, start = Samples(rng.standard_normal((20, 2))), Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(InputError, match=r"k=2 .* start has 1"):
        EM(start=start).fit(x, "gaussian", k=2)
    with pytest.raises(InputError, match=r"start has dimension 2, the data 3"):
        EM(start=start).fit(Samples(rng.standard_normal((20, 3))), "gaussian")
    with pytest.raises(InputError, match="DiagonalGaussian components"):
        EM(start=start).fit(x, "gaussian", structure="diagonal")


def test_without_a_prior_a_collapse_is_an_error_that_names_the_component(rng):
    t = rng.standard_normal(50)
    with pytest.raises(SolveError, match=r"components \[0.*singular.*raise reg"):
        EM(reg=0.0).fit(Samples(np.column_stack([t, t])), "gaussian", k=1, rng=0)


def test_an_interrupt_passes_through(rng):
    def stop(tick):
        if tick.step == 2:
            raise KeyboardInterrupt

    data = Samples(rng.standard_normal((500, 2)))
    with pytest.raises(KeyboardInterrupt):
        EM(tol=0.0).fit(data, "gaussian", k=3, rng=0, progress=stop)


def test_statistics_of_different_mixtures_do_not_add(rng):
    x = rng.standard_normal((20, 2))
    p = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(InputError, match="one mixture"):
        expectation(p, x) + expectation(p.affine(1.0, 1.0), x)
    with pytest.raises(InputError, match="one mixture"):
        expectation(p, x) + expectation(p, x, structure="tied")


def test_expectation_checks_what_it_is_given(rng):
    x = rng.standard_normal((20, 2))
    p = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [1.0, 1.0]], [np.eye(2), 2 * np.eye(2)]))
    with pytest.raises(InputError, match=r"shape \(n, 2\)"):
        expectation(p, rng.standard_normal((20, 3)))
    with pytest.raises(InputError, match="weights must have shape"):
        expectation(p, x, np.ones(3))
    with pytest.raises(InputError, match=r"not negative; look at rows \[4\]"):
        expectation(p, x, np.where(np.arange(20) == 4, -1.0, 1.0))
    with pytest.raises(InputError, match="share one covariance"):
        expectation(p, x, structure="tied")
    with pytest.raises(InputError, match="unknown structure"):
        expectation(p, x, structure="round")
    with pytest.raises(InputError, match="nothing to fit"):
        maximization(expectation(p, x, np.zeros(20)))
    flat = Mixture([1.0], DiagonalGaussian([[0.0, 0.0]], [[1.0, 0.0]]))
    with pytest.raises(SolveError, match=r"components \[0\] is singular"):
        expectation(flat, x)


@pytest.mark.parametrize("structure", ["full", "diagonal", "spherical", "tied"])
def test_one_row_and_one_component(structure):
    with pytest.warns(mixot.AccuracyWarning, match="constant columns"):
        fit = EM().fit(Samples([[2.0, 3.0]]), "gaussian", k=1, structure=structure)
    np.testing.assert_array_equal(fit.mixture.mean(), [2.0, 3.0])


def test_far_from_the_origin_nothing_cancels(rng):
    # variance 1 about 1e8: raw second moments would leave no digit
    x = rng.standard_normal((1000, 2))
    near, far = (EM().fit(Samples(x + c), "gaussian", k=2, rng=0).mixture for c in (0.0, 1e8))
    np.testing.assert_allclose(far.cov(), near.cov(), rtol=1e-6)  # the points themselves are rounded to 1.5e-8
