"""Convex functions above their tangents, against mpmath: next to the point of contact and far from it."""

import mpmath as mp
import numpy as np
import pytest

from mixot.formulas.line.bregman import bregman_exp, bregman_log, log_ratio
from mixot.formulas.line.gamma_bregman import (
    bregman_log_gamma,
    gamma_shape_divergence,
    log_gamma_halves,
    log_gamma_near_two,
)

STEPS = np.array([-0.999, -0.5, -0.26, -0.24, -1e-3, -1e-9, 1e-14, 1e-5, 0.1, 0.24, 0.26, 0.49, 0.51, 1.0, 30.0])
PAIRS = [
    (h, h * (1 + e))
    for h in (1e-6, 1e-3, 0.3, 1.0, 9.0, 13.0, 1e3, 1e6)
    for e in (-0.999, -0.5, -1e-3, -1e-9, 1e-12, 0.2, 1.0, 1e3)
]


def exactly(function, *columns):
    """The function of mpmath's numbers at 60 digits, entry by entry."""
    with mp.workdps(60):
        return np.array([float(function(*map(mp.mpf, entry))) for entry in zip(*columns, strict=True)])


def test_logarithm_and_exponential():
    np.testing.assert_allclose(bregman_log(STEPS), exactly(lambda r: r - mp.log1p(r), STEPS), rtol=2e-15)
    np.testing.assert_allclose(bregman_exp(STEPS), exactly(lambda w: mp.expm1(w) - w, STEPS), rtol=2e-15)
    assert bregman_log(np.array([-1.0]))[0] == np.inf
    assert bregman_log(np.zeros(1))[0] == bregman_exp(np.zeros(1))[0] == 0.0


def test_gamma_function():
    h, g = (np.array(column) for column in zip(*PAIRS, strict=True))
    expected = exactly(lambda g, h: mp.loggamma(g) - mp.loggamma(h) - (g - h) * mp.digamma(h), g, h)
    np.testing.assert_allclose(bregman_log_gamma(g, h), expected, rtol=1e-13)

    def shape(g, h):
        return (
            mp.loggamma(g) - g * mp.log(g) - mp.loggamma(h) + h * mp.log(h) - (g - h) * (mp.digamma(h) - mp.log(h) - 1)
        )

    np.testing.assert_allclose(gamma_shape_divergence(g, h), exactly(shape, g, h), rtol=1e-12)
    e = STEPS[np.abs(STEPS) < 1]
    np.testing.assert_allclose(log_gamma_near_two(e), exactly(lambda e: mp.loggamma(2 + e), e), rtol=1e-13, atol=1e-16)


def test_gamma_function_about_a_middle():
    x, y = (np.array(column) for column in zip(*PAIRS, strict=True))
    odd, even = log_gamma_halves(x, y)

    def middle(x, y):
        return (mp.loggamma(1 + 2 * x) + mp.loggamma(1 + 2 * y)) / 2 - mp.loggamma(1 + x + y)

    np.testing.assert_allclose(even, exactly(middle, x, y), rtol=1e-11)
    half = exactly(lambda x, y: (mp.loggamma(1 + 2 * x) - mp.loggamma(1 + 2 * y)) / 2, x, y)
    assert (np.abs(odd - half) <= 1e-12 * np.abs(half) + 1e-15 * np.abs(y - x)).all()


@pytest.mark.parametrize("unit", [2.0**-1000, 1.0, 2.0**1000])
def test_ratios(unit):
    s = unit * np.array([1.0, 1.5, 1e-4, 1.0])
    t = unit * np.array([1.0, 1.0, 1.0, 1 + 2.0**-50])
    np.testing.assert_allclose(log_ratio(s, t), [0.0, np.log(1.5), np.log(1e-4), -(2.0**-50)], rtol=1e-14)
