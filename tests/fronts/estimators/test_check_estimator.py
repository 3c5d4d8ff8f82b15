"""scikit-learn's own checks, all of them, none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixot.sklearn import (
    EMMixture,
    MixtureAligner,
    MixtureClassifier,
    MixtureDistance,
    MomentMixture,
    WassersteinMixture,
)

# What the checks' few, flat or constant rows do to a fit is said by warnings, as it should be.
pytestmark = [
    pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

ESTIMATORS = [
    EMMixture(),
    EMMixture(max_components=2, covariance_type="spherical", criterion="icl", n_init=1),
    MixtureClassifier(),
    EMMixture(n_components=1, missing="ignore"),
    MomentMixture(order=1, max_components=2),
    WassersteinMixture(n_components=1, max_points=50),
    MixtureAligner(),
    MixtureDistance(),
]
SLOW = [
    MixtureAligner(n_components=2, kind="random"),
    MixtureDistance(measure="samples"),
    EMMixture(n_components=2, covariance_type="tied"),
    EMMixture(n_components=1, covariance_type="diag", warm_start=True),
    MixtureClassifier(covariance_type="auto", max_components=2),
    MomentMixture(),
    MomentMixture(order=2, covariance_type="diag"),
    WassersteinMixture(),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(SLOW)
def test_scikit_learn_finds_no_fault_in_their_defaults(estimator, check):
    check(estimator)
