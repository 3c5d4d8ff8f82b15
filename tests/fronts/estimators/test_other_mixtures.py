"""MomentMixture and WassersteinMixture: what is their own beside what all mixtures have in common."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

import mixot
from mixot import AccuracyWarning
from mixot.sklearn import EMMixture, MomentMixture, WassersteinMixture

IRIS = load_iris().data
LINE = np.random.default_rng(0).normal([[-4.0], [0.0], [5.0]], 0.6, size=(3, 100)).reshape(-1, 1)


def test_moments_find_k_and_bound_the_distance():
    found = MomentMixture(random_state=0).fit(LINE)
    assert found.n_components_ == 3
    np.testing.assert_allclose(np.sort(found.means_.ravel()), [-4, 0, 5], atol=0.2)
    assert found.distance_bound_ == found.fit_.lower_bound >= 0
    assert (found.order_, found.flat_) == (found.fit_.order, found.fit_.flat)
    assert found.score(LINE) == pytest.approx(EMMixture(3, random_state=0).fit(LINE).score(LINE), abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariance_type": "tied"}, 'covariance_type must be "full", "diag" or "spherical" for moments'),
        ({"refine": "magic"}, "refine must be one of"),
        ({"n_components": 400}, "needs at least as many distinct rows"),
        ({"max_components": 0}, "max_components must be"),
    ],
)
def test_bad_options_of_moments(options, message):
    with pytest.raises(ValueError, match=message):
        MomentMixture(**options).fit(LINE)


def test_least_w2_is_nearer_than_likelihood_and_its_interval_holds_it():
    near, likely = (estimator(2, random_state=0).fit(LINE[:150]) for estimator in (WassersteinMixture, EMMixture))
    low, high = near.distance_interval_
    assert low <= near.distance_ <= high
    assert near.distance_ == pytest.approx(mixot.distance(mixot.Samples(LINE[:150]), near.mixture_), rel=1e-6)
    assert near.distance_ < mixot.distance(mixot.Samples(LINE[:150]), likely.mixture_)
    assert near.lower_bound_ == pytest.approx(-(near.distance_**2), rel=1e-3)
    assert (np.diff(near.lower_bounds_) >= 0).all()


def test_equal_weights_and_starts_are_obeyed():
    found = WassersteinMixture(2, weights="equal", means_init=[[5.0], [0.0]], random_state=0).fit(LINE)
    np.testing.assert_allclose(found.weights_, [0.5, 0.5])
    assert found.means_[0, 0] > found.means_[1, 0]  # in the order of the start


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_beyond_three_dimensions_the_plane_is_fitted_and_the_rest_follows(covariance_type):
    estimator = WassersteinMixture(2, covariance_type=covariance_type, random_state=0, max_iter=20)
    with pytest.warns(AccuracyWarning, match="of 4 columns 2 principal components"):
        found = estimator.fit(IRIS)
    assert found.means_.shape == (2, 4)
    assert found.covariances_.shape == EMMixture(2, covariance_type=covariance_type).fit(IRIS).covariances_.shape
    groups = np.bincount(load_iris().target * 2 + found.predict(IRIS), minlength=6).reshape(3, 2)
    assert groups.max(axis=1).min() >= 45  # the species that stands apart is one component
    np.testing.assert_allclose(found.mixture_.mean(), IRIS.mean(axis=0), atol=0.2)
    with pytest.raises(mixot.UnsupportedError, match="dimension 1 to 3"):
        estimator.set_params(projection=None).fit(IRIS)


def test_they_stand_in_searches_and_take_weights():
    search = GridSearchCV(WassersteinMixture(random_state=0), {"n_components": [1, 3]}, cv=2)
    assert search.fit(np.random.default_rng(1).permutation(LINE)[::3]).best_params_ == {"n_components": 3}
    weighted = WassersteinMixture(1).fit([[0.0], [1.0]], sample_weight=[3, 1])
    assert weighted.means_[0, 0] == pytest.approx(0.25, abs=1e-3)
    assert WassersteinMixture(1).fit([[0.0], [0.0], [0.0], [1.0]]).means_[0, 0] == weighted.means_[0, 0]
