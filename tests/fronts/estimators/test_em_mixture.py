"""EMMixture: scikit-learn's numbers, its conventions, and what it refuses."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mixot
from mixot import AccuracyWarning, InputError
from mixot.sklearn import EMMixture

IRIS = load_iris().data
TYPES = ("full", "tied", "diag", "spherical")


def blobs(rng, n=60):
    return np.concatenate([rng.normal(m, 0.6, (n, 2)) for m in ([0, 0], [4, 0], [0, 5])])


def as_scikit_learn(found):
    """scikit-learn's estimator with the parameters of ours."""
    peer = GaussianMixture(found.n_components_, covariance_type=found.covariance_type)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        setattr(peer, name, getattr(found, name))
    return peer


@pytest.mark.parametrize("covariance_type", TYPES)
def test_every_number_is_that_of_scikit_learn_at_the_same_parameters(covariance_type):
    found = EMMixture(3, covariance_type=covariance_type, random_state=0).fit(IRIS)
    peer = as_scikit_learn(found)
    for name in ("predict_proba", "score_samples", "predict", "score", "bic", "aic"):
        np.testing.assert_allclose(
            getattr(found, name)(IRIS), getattr(peer, name)(IRIS), rtol=1e-9, atol=1e-200, err_msg=name
        )
    shape = GaussianMixture(3, covariance_type=covariance_type).fit(IRIS)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(found, name).shape == getattr(shape, name).shape, name


@pytest.mark.parametrize("covariance_type", TYPES)
def test_it_is_as_likely_as_the_best_of_scikit_learns_starts(covariance_type):
    peer = GaussianMixture(3, covariance_type=covariance_type, n_init=5, random_state=0).fit(IRIS)
    assert EMMixture(3, covariance_type=covariance_type, random_state=0).fit(IRIS).score(IRIS) > peer.score(IRIS) - 5e-3


def test_k_is_the_one_of_lowest_bic_and_candidates_are_kept():
    found = EMMixture(random_state=0, max_components=5).fit(IRIS)
    each = [EMMixture(k, random_state=0).fit(IRIS).bic(IRIS) for k in range(1, 6)]
    assert found.n_components_ == 1 + int(np.argmin(each)) == len(found.mixture_) == 2
    assert [c.k for c in found.fit_.candidates] == [1, 2, 3, 4, 5]


def test_whole_weights_are_repeated_rows_in_any_order_to_the_bit(rng):
    x, times = blobs(rng, 20), rng.integers(0, 4, 60)
    weighted = EMMixture(3, random_state=1).fit(x, sample_weight=times)
    repeated = EMMixture(3, random_state=1).fit(rng.permutation(np.repeat(x, times, axis=0)))
    np.testing.assert_array_equal(weighted.means_, repeated.means_)
    np.testing.assert_array_equal(weighted.covariances_, repeated.covariances_)
    assert weighted.lower_bound_ == repeated.lower_bound_


def test_rows_of_one_sum_are_kept_apart_in_any_order(rng):
    x = np.round(rng.normal(size=(200, 2)) * 1e-3) + rng.choice([0.0, 1e17], (200, 1))  # small columns vanish in a key
    a, b = (EMMixture(2, random_state=0).fit(rows) for rows in (x, x[::-1]))
    np.testing.assert_array_equal(a.means_, b.means_)


def test_other_weights_say_how_much_a_row_counts(rng):
    x = blobs(rng)
    light = np.where(np.arange(len(x)) < 60, 0.25, 1.0)
    found = EMMixture(3, random_state=0).fit(x, sample_weight=light)
    assert np.sort(found.weights_)[0] == pytest.approx(0.25 / 2.25, abs=0.01)
    assert found.score(x, sample_weight=light) > found.score(x, sample_weight=1 - light)


def test_draws_come_with_the_component_of_each(rng):
    found = EMMixture(3, random_state=0).fit(blobs(rng))
    draws, labels = found.sample(3000)
    assert draws.shape == (3000, 2)
    assert (np.diff(labels) >= 0).all()
    counts = np.bincount(labels, minlength=3)
    assert stats.chisquare(counts, 3000 * found.weights_).pvalue > 1e-3
    for k in range(3):
        np.testing.assert_allclose(draws[labels == k].mean(axis=0), found.means_[k], atol=0.15)
    np.testing.assert_array_equal(found.sample(5)[0], found.sample(5)[0])  # as scikit-learn: one seed, one sample


def test_seeds_generators_and_numpys_own_state_are_followed(rng):
    x = blobs(rng)
    for make in (lambda: 3, lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)):
        a, b = (EMMixture(3, random_state=make()).fit(x).means_ for _ in range(2))
        np.testing.assert_array_equal(a, b)
    means = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002
        means.append(EMMixture(3).fit(x).means_)
    np.testing.assert_array_equal(*means)


def test_starts_are_where_they_are_asked_for(rng):
    x = blobs(rng)
    centers = np.array([[0.0, 5.0], [4.0, 0.0], [0.0, 0.0]])
    found = EMMixture(3, means_init=centers).fit(x)
    np.testing.assert_allclose(found.means_, centers, atol=0.4)  # in this order
    precisions = np.stack([np.eye(2) / 0.36] * 3)
    again = EMMixture(means_init=centers, precisions_init=precisions, weights_init=[0.3, 0.3, 0.4]).fit(x)
    np.testing.assert_allclose(again.means_, found.means_, atol=1e-2)


def test_every_part_of_a_start_counts(rng):
    x, options = rng.permutation(blobs(rng)), {"max_iter": 1, "tol": 0.0}
    weights, means, precisions = [0.7, 0.2, 0.1], rng.normal(size=(3, 2)), np.stack([np.diag([4.0, 0.5])] * 3)
    ours = EMMixture(weights_init=weights, means_init=means, precisions_init=precisions, **options).fit(x)
    start = mixot.Mixture(weights, mixot.Gaussian(means, np.linalg.inv(precisions)))
    theirs = mixot.fit(x, method=mixot.EM(start=start, **options)).mixture
    np.testing.assert_allclose(ours.means_, theirs.components.means, atol=1e-9)
    np.testing.assert_allclose(ours.weights_, theirs.weights, atol=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_precisions_of_a_fit_are_a_start_of_their_type(covariance_type):
    first = EMMixture(2, covariance_type=covariance_type, random_state=0).fit(IRIS)
    names = ("weights", "means", "precisions")
    given = {f"{name}_init": getattr(first, f"{name}_") for name in names}
    again = EMMixture(covariance_type=covariance_type, **given).fit(IRIS)
    np.testing.assert_allclose(again.means_, first.means_, atol=0.01)
    assert again.lower_bound_ >= first.lower_bound_ - 1e-9


def test_warm_starts_go_on(rng):
    x = blobs(rng)
    found = EMMixture(3, random_state=0, warm_start=True).fit(x)
    before = found.means_
    found.fit(x + 0.01)
    assert found.n_iter_ <= 3
    np.testing.assert_allclose(found.means_, before + 0.01, atol=1e-2)
    assert found.set_params(n_components=2).fit(x).n_components_ == 2
    assert found.fit(IRIS).means_.shape == (2, 4)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_columns_are_kept_and_asked_for(frame):
    table = frame(dict(zip(["a", "b", "c", "d"], IRIS.T, strict=True)))
    found = EMMixture(2, random_state=0).fit(table)
    assert found.feature_names_in_.tolist() == ["a", "b", "c", "d"] == list(found.mixture_.columns)
    assert found.predict(table).shape == (150,)
    with pytest.raises(ValueError, match="feature names"):
        found.predict(table[["b", "a", "c", "d"]])


def test_pipelines_searches_clones_and_pickles(rng):
    x = blobs(rng)
    pipe = make_pipeline(StandardScaler(), EMMixture(random_state=0))
    search = GridSearchCV(
        pipe, {"emmixture__n_components": [1, 3], "emmixture__covariance_type": ["diag", "full"]}, cv=3
    )
    search.fit(rng.permutation(x))
    assert search.best_params_["emmixture__n_components"] == 3
    assert np.isfinite(cross_val_score(EMMixture(2, random_state=0), x, cv=3)).all()
    found = search.best_estimator_[-1]
    assert clone(found).get_params() == found.get_params()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).predict(x), found.predict(x))


def test_weights_are_routed_through_pipelines(rng):
    x, times = rng.permutation(blobs(rng, 20)), rng.integers(0, 4, 60)
    with config_context(enable_metadata_routing=True):
        step = EMMixture(3, random_state=1).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, step).fit(x, sample_weight=times)
        search = GridSearchCV(step, {"n_components": [1, 3]}, cv=3).fit(x, sample_weight=times)
    direct = EMMixture(3, random_state=1).fit(StandardScaler().fit_transform(x), sample_weight=times)
    np.testing.assert_array_equal(routed[-1].means_, direct.means_)
    assert search.best_params_ == {"n_components": 3}


def test_the_fit_of_the_library_stands_behind_it():
    found = EMMixture(random_state=0).fit(IRIS)
    assert found.fit_.mixture is not None
    assert mixot.distance(found.mixture_, found.fit_) == 0
    assert found.converged_
    assert found.n_iter_ >= 1
    assert found.lower_bound_ == found.lower_bounds_[-1]


def test_fits_do_not_depend_on_units():
    a, b = (EMMixture(2, random_state=0).fit(IRIS * unit) for unit in (1.0, 1e6))
    np.testing.assert_allclose(b.means_, 1e6 * a.means_, rtol=1e-6)


def test_what_a_fit_has_to_say_is_said_in_the_words_of_the_estimator(rng):
    with pytest.warns(AccuracyWarning, match="raise max_iter"):
        EMMixture(3, max_iter=1, random_state=0).fit(rng.normal(size=(300, 2)))
    with pytest.warns(AccuracyWarning, match="set to reg_covar times"):
        EMMixture(1).fit(np.column_stack([rng.normal(size=50), np.ones(50)]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = EMMixture(max_components=2, random_state=0).fit(blobs(rng)).notes_
    assert any("raise max_components" in note for note in notes)


BAD = [
    ({"n_components": 0}, "n_components must be a whole number"),
    ({"n_components": 2.0}, "n_components must be a whole number"),
    ({"n_components": 7}, "n_components=7 needs at least as many distinct rows .* got 6 in n_samples=6"),
    ({"covariance_type": "banana"}, "covariance_type 'banana'"),
    ({"covariance_type": None}, "covariance_type must be one of full, tied, diag, spherical, got None"),
    ({"reg_covar": -1}, "reg_covar must be finite and not negative"),
    ({"tol": "small"}, "tol must be a number, got 'small'"),
    ({"n_init": 0}, "n_init must be a whole number"),
    ({"max_components": 0}, "max_components must be a whole number"),
    ({"max_iter": 0}, "max_iter must be a whole number"),
    ({"criterion": "aicc"}, "criterion must be one of bic, icl"),
    ({"means_init": [[0.0]]}, r"means_init must have shape \(1, 2\), got \(1, 1\)"),
    ({"n_components": 2, "means_init": [[0.0, 1.0]]}, r"means_init must have shape \(2, 2\)"),
    ({"weights_init": [0.5, 0.9]}, "sum to"),
    ({"precisions_init": np.eye(2)}, "give n_components, too"),
    ({"n_components": 1, "precisions_init": -np.eye(2)[None]}, "positive definite"),
    ({"random_state": "x"}, "cannot be used to seed"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused_at_fit_and_not_before(options, message):
    estimator = EMMixture(**options)
    with pytest.raises(ValueError, match=message):
        estimator.fit(np.arange(12.0).reshape(6, 2) ** 1.5)


@pytest.mark.parametrize("weights", [[-1, 1, 1], [0, 0, 0], [1, 1], [np.nan, 1, 1], ["a", "b", "c"]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(InputError, match="sample_weight must"):
        EMMixture(1).fit([[0.0], [1.0], [3.0]], sample_weight=weights)


def test_what_is_missing_is_refused_by_column_or_ignored(rng):
    table = pd.DataFrame(np.repeat(blobs(rng), 2, axis=0), columns=["a", "b"])
    table.iloc[::7, 1] = np.nan
    with pytest.raises(InputError, match=r"NaN.* columns b \(52 of 360 rows\)"):
        EMMixture(1).fit(table)
    found = EMMixture(3, missing="ignore", random_state=0).fit(table)
    assert found.feature_names_in_.tolist() == ["a", "b"]
    whole = EMMixture(3, random_state=0).fit(table.dropna())
    np.testing.assert_allclose(np.sort(found.means_[:, 0]), np.sort(whole.means_[:, 0]), atol=0.3)
    one = found.score_samples(table.iloc[[0]])  # of a row with a gap: that of what was observed
    assert one[0] == pytest.approx(found.mixture_.marginal([0]).log_density(table.iloc[0, 0])[0])
    assert found.score_samples(table)[0] == pytest.approx(one[0])
    assert found.predict_proba(table).shape == (360, 3)
    again = EMMixture(3, missing="ignore", random_state=0).fit(table.sample(frac=1.0, random_state=1))
    np.testing.assert_array_equal(found.means_, again.means_)
    EMMixture(missing="ignore", means_init=whole.means_).fit(table)


def test_models_of_mclust_are_types_of_covariance():
    found = EMMixture(2, covariance_type="EEV", random_state=0).fit(IRIS)
    assert found.covariances_.shape == (2, 4, 4)
    assert np.isfinite(found.precisions_).all()
    assert found.bic(IRIS) == pytest.approx(found.fit_.bic, rel=1e-6)


def test_no_draws_are_refused():
    with pytest.raises(InputError, match="n_samples must be a whole number"):
        EMMixture(1).fit([[0.0], [1.0]]).sample(0)
