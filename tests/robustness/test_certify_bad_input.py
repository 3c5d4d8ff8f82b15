"""What cannot be certified is refused in words."""

import numpy as np
import pytest

from mixot import (
    Bernoulli,
    Exponential,
    Gaussian,
    Grid,
    InputError,
    Laplace,
    Mixture,
    Poisson,
    Samples,
    UnsupportedError,
    certify,
)

X = np.linspace(0.0, 4.0, 30)
P = Mixture([0.5, 0.5], Gaussian([0.0, 4.0], [1.0, 1.0]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"floors": "narrow"}, "floors must be one of common, shapes"),
        ({"floors": 0.0}, "positive definite"),
        ({"floors": -1.0}, "positive definite"),
        ({"floors": np.nan}, "finite"),
        ({"floors": [[1.0, 0.0], [0.0, 1.0]]}, r"a covariance \(1, 1\)"),
        ({"floors": []}, "floors must be"),
        ({"c": 0.0}, "c must be a positive number"),
        ({"gap": -1.0}, "gap must be a positive number"),
        ({"gap": np.inf}, "gap must be a positive number"),
        ({"criterion": "dic"}, "criterion must be one of bic, aic, icl"),
    ],
)
def test_options(options, words):
    with pytest.raises(InputError, match=words):
        certify(X, P, **options)


def test_a_singular_floor_in_the_plane():
    q = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    points = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(InputError, match="floors must be symmetric and positive definite"):
        certify(points, q, floors=[[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(InputError, match="floors must be symmetric"):
        certify(points, q, floors=[[1.0, 0.5], [0.0, 1.0]])
    flat = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.diag([1.0, 0.0])]))
    with pytest.raises(InputError, match="singular"):
        certify(points, flat)


def test_too_many_columns_offer_marginals():
    q = Mixture([1.0], Gaussian(np.zeros((1, 4)), [np.eye(4)]))
    with pytest.raises(InputError, match=r"one to three columns, got 4; certify a marginal: .*marginal\(\[0, 1\]\)"):
        certify(np.zeros((9, 4)) + np.arange(9.0)[:, None], q)


def test_what_is_no_fit_and_what_are_no_points():
    with pytest.raises(InputError, match="fit must be a Mixture or a Fit, got float"):
        certify(X, 3.0)
    with pytest.raises(InputError, match="data must be points, got Grid"):
        certify(Grid([1.0, 2.0]), P)
    with pytest.raises(InputError, match="the data have 2 columns and the fit 1"):
        certify(np.ones((5, 2)), P)
    with pytest.raises(InputError, match="finite"):
        certify([0.0, np.nan], P)
    with pytest.raises(InputError, match="two observations or more"):
        certify(Samples([1.0], [1.0]), P)


def test_a_fit_that_rules_the_data_out():
    with pytest.raises(InputError, match="no density to 2 of 3 rows, the first 1"):
        certify([0.0, 1.0, 1.0], Mixture([1.0], Bernoulli([0.0])))


@pytest.mark.parametrize("gap", [1e6, 1e-7])
def test_gaps_out_of_reason(gap):
    proof = certify(X, P, floors=0.5, gap=gap)
    assert proof.upper_bound < 0
    assert proof.gap < 1


def test_families():
    with pytest.raises(UnsupportedError, match="only Gaussian mixtures and those of one parameter"):
        certify(X, Mixture([1.0], Laplace([0.0], [1.0])))
    with pytest.raises(InputError, match="need no floor; leave out floors and c"):
        certify(np.arange(5.0), Mixture([1.0], Poisson([2.0])), floors=1.0)
    with pytest.raises(InputError, match="need no floor"):
        certify(np.arange(5.0), Mixture([1.0], Poisson([2.0])), c=0.5)
    with pytest.raises(InputError, match="has no bound: at 0 its laws may have any density"):
        certify(X, Mixture([1.0], Exponential([2.0])))
    with pytest.raises(InputError, match="no density to 30 of 30 rows"):
        certify(X + 0.25, Mixture([1.0], Poisson([2.0])))
