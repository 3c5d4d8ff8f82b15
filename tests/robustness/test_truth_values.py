"""Truth values are no whole numbers, and an array of three axes is a picture or nothing."""

import numpy as np
import pytest

import mixot
from mixot import EM, Gaussian, Grid, InputError, Mixture, MomentMatching, Moments, MomentSOS, Samples
from mixot.fitting.joint.component_choice import choose_components
from mixot.fitting.likelihood.labelled import fit_labelled
from mixot.io.observations import checked_points

X = np.random.default_rng(0).standard_normal((40, 2))
P = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [1.0, 1.0]], [np.eye(2)] * 2))
CALLS = {
    "k": lambda: mixot.fit(X, k=True),
    "k of a family": lambda: mixot.fit(X[:, 0] ** 2, "exponential", k=True),
    "k of NumPy": lambda: mixot.fit(X, k=np.True_),
    "k by moments": lambda: mixot.fit(X, k=True, method=MomentMatching()),
    "k of labels": lambda: fit_labelled(X, np.zeros(40, int), ["a"], k=True),
    "k of a pair": lambda: mixot.fit_pair(X, X, k=(True, 2), lam=1.0),
    "numbers to choose from": lambda: choose_components(X, X, ks=True),
    "numbers to choose from, listed": lambda: choose_components(X, X, ks=[True]),
    "k of an average": lambda: mixot.FixedPoint(k=True),
    "starts": lambda: EM(starts=True),
    "iterations of smooth plans": lambda: mixot.OMT(max_iter=True),
    "pivots": lambda: mixot.Exact(max_iter=True),
    "steps of Newton": lambda: mixot.Semidiscrete(max_iter=True),
    "columns": lambda: mixot.MultiMarginal(columns=True),
    "threads": lambda: mixot.SDP(threads=True),
    "iterations of a family": lambda: mixot.FamilyEM(max_iter=True),
    "steps of dots": lambda: mixot.quantize(P, 2, max_iter=True),
    "order": lambda: MomentSOS(order=True),
    "order of moments": lambda: Moments([1.0, 0.0], order=True),
    "moments": lambda: P.moments(True),
    "draws": lambda: P.sample(True),
    "axes": lambda: P.marginal([True, False]),
    "degree": lambda: Grid([1.0, 1.0], degree=True),
    "dots": lambda: mixot.quantize(P, True),
    "points of a bound": lambda: mixot.bounds(P, P, points=True),
    "seed": lambda: P.sample(3, rng=True),
    "seed of a fit": lambda: mixot.fit(X, k=1, rng=False),
    "dimensions": lambda: checked_points(X, np.arange(40).astype(str), "X_pca", "here", True),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_truth_value_is_no_whole_number(what):
    with pytest.raises(InputError):
        CALLS[what]()


@pytest.mark.parametrize("shape", [(3, 3, 3), (5, 2, 4)])
def test_three_axes_are_a_picture_or_nothing(shape):
    values = np.random.default_rng(1).standard_normal(shape)
    for read in (mixot.as_measure, lambda x: mixot.distance(x, x), lambda x: mixot.fit(x, k=1)):
        with pytest.raises(InputError, match=r"read as a picture, whose floats lie in \[0, 1\], got .*points come"):
            read(values)
    with pytest.raises(InputError, match=r"points must have shape \(n, d\)"):
        mixot.as_measure(np.zeros((3, 3, 2)))
    with pytest.raises(InputError, match=r"points must have shape \(n, d\)"):
        Samples(values)
    assert len(mixot.as_measure(np.clip(values, 0, 1))) == shape[0] * shape[1]  # a picture
