"""Bad input to the joint fit is named."""

import numpy as np
import pytest

from mixot import EM, Gaussian, InputError, JointEM, Mixture, Samples, Status, UnsupportedError, fit_pair, joint_path


@pytest.fixture
def x(rng):
    return rng.standard_normal((60, 2))


@pytest.mark.parametrize("lam", [0.0, -1.0, np.nan, np.inf])
def test_lam_is_checked(lam, x):
    with pytest.raises(InputError, match="lam must be positive and finite"):
        fit_pair(x, x, k=2, lam=lam)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k": 0}, "k must be a whole number of at least 1"),
        ({"k": 61}, "at least as many distinct rows"),
        ({"k": (1, 2, 3)}, "a number or a pair of numbers"),
        ({"family": "student", "k": 2}, "gaussian and diagonal, got 'student'"),
        ({"structure": "round", "k": 2}, "unknown structure 'round'"),
        ({"structure": "EEV", "k": 2}, "leads out of models that share .*got 'EEV'"),
        ({"structure": "auto", "k": 2}, "leads out of models that share .*got 'auto'"),
        ({"k": (2, 3), "method": JointEM(coupling="paired")}, "equal in number on both sides"),
    ],
)
def test_options_are_checked(options, says, x):
    with pytest.raises(InputError, match=says):
        fit_pair(x, x + 1, lam=1.0, **options)


def test_data_are_checked(x):
    with pytest.raises(InputError, match="same space, got dimension 2 and 1"):
        fit_pair(x, x[:, :1], k=2, lam=1.0)
    with pytest.raises(InputError, match="finite"):
        fit_pair(x, np.where(x > 1, np.nan, x), k=2, lam=1.0)
    with pytest.raises(UnsupportedError, match="Samples and Grids"):
        fit_pair(x, Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), k=2, lam=1.0)


def test_starts_are_checked(x):
    line, plane = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(InputError, match="the start for y has dimension 1, the data 2"):
        fit_pair(x, x, lam=1.0, method=JointEM(start=(plane, line)))
    two = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [1.0, 0.0]], [np.eye(2)] * 2))
    with pytest.raises(InputError, match="equal in number on both sides, got 1 and 2"):
        fit_pair(x, x, lam=1.0, method=JointEM(coupling="paired", start=(plane, two)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"coupling": "loose"}, "one of free, paired, got 'loose'"),
        ({"max_iter": 0}, "max_iter must be a whole number"),
        ({"tol": -1.0}, "tol must be finite and not negative"),
    ],
)
def test_the_method_checks_its_options(options, says):
    with pytest.raises(InputError, match=says):
        JointEM(**options)


def test_the_path_needs_lams(x):
    for lams in ([], 1.0, [[1.0]]):
        with pytest.raises(InputError, match="lams must be a vector"):
            joint_path(x, x, k=1, lams=lams)
    with pytest.raises(InputError, match="lam must be positive"):
        joint_path(x, x, k=1, lams=[1.0, -1.0])


def test_hard_data_are_survived(rng):
    """Few distinct rows, far away, in unlike units, and weights of zero."""
    few = np.repeat(rng.standard_normal((4, 2)), 30, axis=0)
    far = 1e6 + rng.standard_normal((80, 2)) * [1e-3, 1e3]
    weights = np.r_[np.zeros(40), np.ones(40)] / 40
    for x, y in ((few, few + 1), (few, far), (far, Samples(far, weights))):
        for lam in (1e-3, 1.0, 1e4):
            fit = fit_pair(x, y, k=3, lam=lam, rng=0, method=JointEM(em=EM(reg=1e-4)))
            assert fit.status in (Status.CONVERGED, Status.MAX_ITER)
            assert np.isfinite(fit.objective)
            assert np.diff(fit.history).max(initial=0.0) <= 0
