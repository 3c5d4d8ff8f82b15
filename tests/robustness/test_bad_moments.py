"""Bad input to fits from moments: each is refused, or lowered, with a reason."""

import numpy as np
import pytest

from mixot import (
    AccuracyWarning,
    Ball,
    Box,
    DiagonalGaussian,
    Gaussian,
    Inequality,
    InputError,
    Linear,
    Mixture,
    Moments,
    MomentSOS,
    Poisson,
    SolveError,
    UnsupportedError,
    fit,
)
from mixot.formulas.polynomial.regions import Spectrum
from mixot.solvers.sdp.interior_point import SDP

P = Mixture([0.5, 0.5], Gaussian([-1.0, 2.0], [0.5, 0.3]))


def test_moments_that_no_measure_has_name_the_matrix():
    values = P.moments(8).values.copy()
    values[6] *= 0.5
    with pytest.raises(InputError, match=r"moment matrix of order 3, 4 x 4 .* eigenvalue -.* up to degree 4"):
        fit(Moments(values, order=8), "gaussian", method=MomentSOS(order=4))


def test_an_order_too_low_for_k_names_the_order_that_is_not():
    with pytest.raises(InputError, match=r"order 2 is too low for k=5: .* at most 2 components; use order 5"):
        fit(P, "gaussian", k=5, method=MomentSOS(order=2))


def test_an_order_beyond_the_moments_that_are_known():
    with pytest.raises(InputError, match="order 5 needs moments up to degree 10, these end at 6; lower the order to 3"):
        fit(P.moments(6), "gaussian", method=MomentSOS(order=5))
    assert fit(P.moments(4), "gaussian", method="moments").order == 2


def test_a_region_that_misses_the_data():
    with pytest.raises(InputError, match=r"does not contain the data's scale: the mean of coordinate 0"):
        fit(P, "gaussian", method=MomentSOS(order=2, support=Box([5.0, 0.1], [6.0, 1.0])))
    with pytest.raises(InputError, match=r"does not contain the data's scale: the mean square"):
        fit(P, "gaussian", method=MomentSOS(order=2, support=Box([-3.0, 50.0], [3.0, 60.0])))


def test_a_region_must_be_bounded_and_speak_of_all_parameters():
    with pytest.raises(InputError, match=r"leaves cov\[0,0\] unbounded"):
        fit(P, "gaussian", method=MomentSOS(order=2, support=Box([-3.0, 0.0], [3.0, np.inf])))
    with pytest.raises(InputError, match="speaks of 1 parameters, the family has 2"):
        fit(P, "gaussian", method=MomentSOS(order=2, support=Box([-3.0], [3.0])))
    with pytest.raises(InputError, match="lower must be below upper"):
        Box([1.0], [0.0])
    with pytest.raises(InputError, match="offset must have shape"):
        Linear([[1.0, 0.0]], [1.0, 2.0])


@pytest.mark.parametrize(
    ("law", "options", "support", "name"),
    [
        ("gaussian", {}, Box([-9.0, -1.0], [9.0, 9.0]), r"cov\[0,0\] >= 0"),
        ("diagonal", {}, Ball([0.0, 0.5], [9.0, 9.0]), r"variance\[0\] >= 0"),
        ("diagonal", {"parameterization": "published"}, Box([-9.0, -3.0], [9.0, 3.0]), r"std\[0\] >= 0"),
        ("laplace", {}, Box([-9.0, -1.0], [9.0, 9.0]), "square >= 0"),
        ("exponential", {}, Box([-1.0], [9.0]), " >= 0"),
    ],
)
def test_a_region_must_lie_where_the_family_has_laws(law, options, support, name):
    x = np.random.default_rng(0).exponential(size=(80, 1))
    with pytest.raises(InputError, match=f"support must lie where the family has laws, .*{name}, got a region"):
        fit(x, law, method=MomentSOS(order=2, support=support, **options))


def test_regions_that_contradict_themselves():
    eye, index = np.eye(2), [[0, 1], [1, 2]]
    Spectrum(index, 0.1 * eye, eye)
    for lower, upper in (
        (eye, 0.1 * eye),
        (eye, eye),
        (np.nan * eye, eye),
        ([[0, 1], [0, 0]], 3 * eye),
        (eye[:1], eye),
    ):
        with pytest.raises(InputError, match=r"symmetric matrices of one size|lower must be below upper"):
            Spectrum(index, lower, upper)
    with pytest.raises(InputError, match="index must hold places"):
        Spectrum(eye, 0.1 * eye, eye)
    for matrix, offset in (([[np.nan]], [1.0]), ([[1.0]], [np.inf])):
        with pytest.raises(InputError, match="matrix and offset must be finite"):
            Linear(matrix, offset)
    for lower, upper in (([np.nan], [1.0]), ([0.0], [np.nan]), ([np.inf], [np.inf])):
        with pytest.raises(InputError, match="lower must be below upper"):
            Box(lower, upper)
    with pytest.raises(InputError, match="function must be a function of the parameters"):
        Inequality("m > 0")
    with pytest.raises(InputError, match="Linear speaks of 1 parameters, the family has 2"):
        fit(P, "gaussian", method=MomentSOS(order=2, support=(Box([-3.0, 0.0], [3.0, 9.0]), Linear([[1.0]], [1.0]))))


def test_columns_that_are_all_constant_are_named():
    with pytest.raises(InputError, match=r"constant columns: 0 \(value 2\), 1 \(value 3\)"):
        fit(np.tile([2.0, 3.0], (50, 1)), "gaussian", method="moments")


@pytest.mark.parametrize("asked", [{"order": 5}, {"order": 2, "max_order": 5}])
def test_an_order_that_is_asked_for_is_obeyed_whatever_the_samples(asked, rng):
    x = rng.standard_t(3, size=30)
    with pytest.warns(AccuracyWarning, match="too few samples for order 5"):
        found = fit(x, "diagonal", k=1, method=MomentSOS(**asked))
    assert found.order == 5
    assert [level.order for level in found.hierarchy] == list(range(asked["order"], 6))
    assert any("it was asked for, the samples support order" in note for note in found.notes)


def test_too_few_samples_lower_the_order_that_nobody_asked_for(rng):
    found = fit(rng.standard_t(3, size=30), "diagonal", k=1, method=MomentSOS())
    assert found.order < 5
    assert any(f"order {found.order} is used" in note for note in found.notes)


def test_a_first_order_too_low_for_k_is_refused_not_raised():
    with pytest.raises(InputError, match="order 2, the first that is asked for, is too low for k=4"):
        fit(P, "gaussian", k=4, method=MomentSOS(order=2, max_order=5))
    assert fit(P, "gaussian", k=2, method=MomentSOS(max_order=3)).order >= 2


def test_families_and_structures_that_have_no_polynomial_moments():
    with pytest.raises(UnsupportedError, match="the student family does not say its moments"):
        fit(P, "student", method="moments")
    with pytest.raises(InputError, match='"full", "diagonal" or "spherical"'):
        fit(P, "gaussian", structure="tied", method="moments")
    with pytest.raises(InputError, match="poisson laws live on the line"):
        fit(Mixture([1.0], DiagonalGaussian([[1.0, 1.0]], [[1.0, 1.0]])), "poisson", method="moments")
    with pytest.raises(UnsupportedError, match="project the measure to at most three"):
        fit(Mixture([1.0], DiagonalGaussian(np.zeros((1, 4)), np.ones((1, 4)))), "gaussian", method="moments")


def test_a_program_that_does_not_converge_tells_the_last_bound():
    with pytest.raises(SolveError, match=r"of order 2 did not converge: .* the last certified bound") as stopped:
        fit(P, "gaussian", method=MomentSOS(order=2, solver=SDP(max_iter=2)))
    assert stopped.value.result == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "kl"}, "distance must be one of"),
        ({"refine": "sgd"}, "refine must be one of"),
        ({"order": 0}, "order must be a whole number"),
        ({"order": 4, "max_order": 3}, "max_order must be at least order"),
        ({"regularizer": "lasso"}, "regularizer must be one of"),
        ({"parameterization": "mean"}, "parameterization must be one of"),
        ({"k_max": 0}, "k_max must be a whole number of at least 1"),
    ],
)
def test_options_are_checked_when_they_are_given(options, message):
    with pytest.raises(InputError, match=message):
        MomentSOS(**options)


def test_counts_that_are_all_zero_are_a_constant_column():
    with pytest.raises(InputError, match="constant columns"):
        fit(np.zeros(20), "poisson", method="moments")
    assert isinstance(fit(Mixture([1.0], Poisson([3.0])), "poisson", method="moments").mixture.components, Poisson)
