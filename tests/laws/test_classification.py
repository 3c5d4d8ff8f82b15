"""Classes by the densities of their mixtures."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from mixot import EM, AccuracyWarning, FamilyEM, InputError, Samples, UnsupportedError, cross_validate, fit, fit_classes

X, Y = load_iris(return_X_y=True)


def two_arms(n, rng):
    """Two classes of two clusters each, which no quadratic rule tells apart."""
    centers = np.array([[0.0, 0.0], [6.0, 0.0], [3.0, 0.0], [9.0, 0.0]])
    part = rng.integers(0, 4, n)
    return centers[part] + 0.5 * rng.standard_normal((n, 2)), np.where(part < 2, "even", "odd")


def test_one_component_each_is_quadratic_discriminant_analysis():
    found = fit_classes(X, Y, k=1, method=EM(reg=0.0), rng=0)
    peer = QuadraticDiscriminantAnalysis().fit(X, Y)
    for at, law in enumerate(found.mixtures):
        np.testing.assert_allclose(law.components.covs[0], np.cov(X[at == Y].T, bias=True), rtol=1e-8)
    np.testing.assert_allclose(found.priors, peer.priors_)
    assert (found.predict(X) == peer.predict(X)).mean() > 0.99
    assert found.error(X, Y) == np.mean(found.predict(X) != Y)


def test_posteriors_are_bayes_rule_of_the_class_densities(rng):
    x, y = two_arms(400, rng)
    found = fit_classes(x, y, rng=0, priors=[0.3, 0.7])
    assert found.classes.tolist() == ["even", "odd"]
    joint = np.stack([law.density(x) for law in found.mixtures], axis=1) * [0.3, 0.7]
    np.testing.assert_allclose(found.predict_proba(x), joint / joint.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-12)
    assert found.sizes == (2, 2)
    assert found.error(x, y) < 0.02
    alone = fit(x[y == "odd"], method=EM(k_max=5), rng=np.random.default_rng(0))
    assert found.mixtures[1].log_density(x[y == "odd"]).mean() == pytest.approx(alone.log_likelihood, abs=1e-3)


def test_far_out_only_priors_are_left():
    found = fit_classes(X, Y, k=1, rng=0)
    np.testing.assert_allclose(found.predict_proba([[1e150] * 4]).sum(), 1.0)


def test_errors_on_unseen_points_keep_the_folds_apart(rng):
    x, y = two_arms(200, rng)
    held = cross_validate(x, y, folds=4, rng=0, k=2)
    assert held.error == np.mean(held.predicted != y) < 0.1
    for at in range(4):  # as many of each class as can be
        assert abs(np.sum(held.folds == at) - 50) <= 1
        assert abs(np.sum((held.folds == at) & (y == "odd")) - np.sum(y == "odd") / 4) < 1
    # a class that is noise: what a fit has seen is told better than what it has not
    labels = rng.integers(0, 2, 200)
    noise = cross_validate(x, labels, folds=4, rng=0, k=5)
    assert noise.error > fit_classes(x, labels, k=5, rng=0).error(x, labels)
    assert noise.error == pytest.approx(0.5, abs=0.15)


def test_small_classes_take_the_covariance_within_all(rng):
    x = np.vstack([X, [[9.0, 9.0, 9.0, 9.0]], [[9.1, 9.0, 9.0, 9.0]]])
    y = np.append(Y, [7, 7])
    with pytest.warns(AccuracyWarning, match="class 7: 2 points in dimension 4"):
        found = fit_classes(x, y, k=1, rng=0)
    assert any("class 7" in note for note in found.notes)
    within = sum((np.cov(X[c == Y].T, bias=True) * 50 for c in range(3)), np.zeros((4, 4))) / 152
    np.testing.assert_allclose(found.mixtures[3].components.covs[0], within, rtol=1e-3, atol=1e-4)
    assert found.predict([[9.0, 9.0, 9.0, 9.0], X[0]]).tolist() == [7, 0]


def test_counts_are_rows_and_other_families_are_classes_too(rng):
    counts = rng.integers(1, 4, 150)
    once = fit_classes(Samples(X, counts=counts), Y, k=1, rng=0)
    again = fit_classes(np.repeat(X, counts, axis=0), np.repeat(Y, counts), k=1, rng=0)
    np.testing.assert_allclose(once.priors, again.priors)
    np.testing.assert_allclose(once.predict_proba(X), again.predict_proba(X), atol=1e-6)
    rates = rng.poisson(np.repeat([[2.0], [9.0]], 200, axis=0))
    found = fit_classes(rates, np.repeat([0, 1], 200), k=1, family="poisson", method=FamilyEM(), rng=0)
    assert found.error(rates, np.repeat([0, 1], 200)) < 0.1


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: fit_classes(X, Y[:-1]), "one for each of the 150 points"),
        (lambda: fit_classes(X, np.where(Y == 0, np.nan, Y)), "must be known for all points to fit, got none at"),
        (lambda: fit_classes(X, np.array(["a", 1] * 75, dtype=object)), "of one kind"),
        (lambda: fit_classes(X, Y, priors=[0.5, 0.5]), "3 positive numbers of sum one"),
        (lambda: fit_classes(X, Y, priors=[0.5, 0.5, 0.5]), "sum one"),
        (lambda: cross_validate(X, Y, folds=1), "folds must be"),
        (lambda: cross_validate(X, Y, folds=151), "at most the 150 points"),
        (lambda: fit_classes(Samples(X, (Y > 0) / 100), Y), "class 0 has no point of positive weight"),
        (lambda: fit_classes(X[40:60], Y[40:60], k=11), r"k=11 .* \(in the fit of class 0\)"),
        (lambda: fit_classes(np.where(X[0] == X, np.nan, X), Y, method=EM(missing="ignore")), "or fill them: fit"),
        (lambda: fit_classes(X, Y, k=1, method=EM(background=True)), "a background is of no class"),
        (lambda: fit_classes(X, Y, k=1).error(X, Y[:5]), "one for each of the 150 points"),
        (lambda: fit_classes(X, Y, k=1).error(X, Y.astype(str)), "of the classes 0, 1, 2, got '0'"),
    ],
)
def test_bad_input_is_named(call, what):
    with pytest.raises(InputError, match=what):
        call()


def test_a_fitter_goes_by_its_name():
    assert fit_classes(X, Y, k=1, method="em", rng=0).error(X, Y) == fit_classes(X, Y, k=1, rng=0).error(X, Y)
    with pytest.raises(InputError, match="'me'"):
        fit_classes(X, Y, method="me")


def test_what_a_family_does_not_have_is_refused_for_classes_too():
    with pytest.raises(UnsupportedError, match='has "full" only'):
        fit_classes(np.arange(20), np.repeat([0, 1], 10), family="poisson", structure="EEE")


@pytest.mark.filterwarnings("ignore::mixot.errors.AccuracyWarning")
def test_priors_are_those_of_the_classes_that_a_fold_leaves():
    labels = np.append(Y[:-1], 3)  # the only point of its class is in no fit that predicts it
    held = cross_validate(X, labels, folds=5, k=1, priors=[0.3, 0.3, 0.3, 0.1], rng=0)
    assert held.predicted[-1] != 3
