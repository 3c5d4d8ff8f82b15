"""Moments of samples: streamed, merged, weighted, and with all their digits."""

from fractions import Fraction

import numpy as np
import pytest

from mixot import InputError, SampleMoments, Samples
from mixot.formulas.polynomial.moments import exponents
from mixot.sos.monomials import basis_of


def exact(points, weights, center, scale, order):
    """Chebyshev moments of ``(x - center) / scale`` in rational arithmetic, of points on the line."""
    total = sum(map(Fraction, weights))
    out = [Fraction(0)] * (order + 1)
    for x, w in zip(points, weights, strict=True):
        u = (Fraction(float(x)) - Fraction(float(center))) / Fraction(float(scale))
        t = [Fraction(1), u]
        for _ in range(order - 1):
            t.append(2 * u * t[-1] - t[-2])
        out = [value + Fraction(float(w)) * each for value, each in zip(out, t, strict=True)]
    return np.array([float(value / total) for value in out])


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_moments_to_order_twelve_agree_with_rational_arithmetic(shift, rng):
    x, w = shift + rng.normal(size=300), rng.uniform(0.1, 3.0, size=300)
    sums = SampleMoments.of(x, w, order=12)
    values = sums.sums / sums.mass
    # 300 terms of size one; u itself is rounded, which far from the origin costs eps |x| / scale times T' <= 144
    tol = 1e-13 + 144 * np.finfo(float).eps * (abs(shift) / sums.scale[0])
    np.testing.assert_allclose(values, exact(x, w, sums.center[0], sums.scale[0], 12), rtol=0, atol=tol)


def test_raw_moments_are_those_of_the_samples(rng):
    x, w = rng.normal(1.0, 2.0, size=(500, 2)), rng.dirichlet(np.ones(500))
    np.testing.assert_allclose(
        SampleMoments.of(x, w, order=6).moments(6).values, Samples(x, w).moments(6).values, rtol=1e-11, atol=1e-11
    )
    np.testing.assert_allclose(SampleMoments.of(x, w, order=4).cov(), Samples(x, w).cov(), rtol=1e-12)
    np.testing.assert_allclose(SampleMoments.of(x, w, order=4).mean(), Samples(x, w).mean(), rtol=1e-12)


def test_streams_and_merges_are_the_whole(rng):
    x = rng.normal([1.0, 1e4], [1.0, 3.0], size=(9000, 2))
    whole = SampleMoments.of(x, order=8)
    for parts in (
        SampleMoments.stream(np.array_split(x, 7), order=8),
        SampleMoments.of(x[:4000], order=8).merge(SampleMoments.of(x[4000:], order=8)),
    ):
        same = parts.framed(whole.center, whole.scale)
        assert (same.count, same.mass) == (9000, 9000.0)
        np.testing.assert_array_equal([same.lower, same.upper], [whole.lower, whole.upper])
        np.testing.assert_allclose(same.sums / 9000, whole.sums / 9000, atol=1e-11)
        np.testing.assert_allclose(same.error_cov(), whole.error_cov(), atol=1e-12)


def test_a_weight_counts_repetitions(rng):
    x, counts = rng.normal(size=(40, 2)), rng.integers(1, 5, size=40)
    once = SampleMoments.of(x, counts.astype(float), order=4)
    many = SampleMoments.of(np.repeat(x, counts, axis=0), order=4)
    np.testing.assert_allclose(once.sums, many.sums, rtol=1e-12, atol=1e-12)


def test_standard_errors_are_those_of_repeated_samples(rng):
    n, repeats = 400, 600
    draws = [SampleMoments.of(rng.normal(0.3, 1.0, size=(n, 2)), order=4) for _ in range(repeats)]
    values = np.array([draw.moments(4).values for draw in draws])
    told = np.mean([draw.errors(4) for draw in draws], axis=0)
    seen = values.std(axis=0)
    # the spread of a standard deviation from 600 draws is 3 %, and errors of moments of degree 4 are themselves noisy
    np.testing.assert_allclose(told[1:], seen[1:], rtol=0.2)


def test_the_error_covariance_is_that_of_the_held_means(rng):
    x = rng.normal(size=(200, 2))
    sums = SampleMoments.of(x, order=3)
    values = basis_of("chebyshev", (1, 1), 3).values((x - sums.center) / sums.scale)
    np.testing.assert_allclose(sums.error_cov(), np.cov(values.T) / 200, atol=1e-15)


def test_members_are_in_the_order_of_exponents():
    np.testing.assert_array_equal(basis_of("chebyshev", (1, 1, 1), 4).exponents, exponents(3, 4))


def test_what_does_not_merge_says_why(rng):
    x = rng.normal(size=(10, 2))
    with pytest.raises(InputError, match="one dimension and order"):
        SampleMoments.of(x, order=4).merge(SampleMoments.of(x, order=6))
    with pytest.raises(InputError, match="dimension 2, got 1"):
        SampleMoments.of(x, order=4).add(x[:, :1])
    with pytest.raises(InputError, match="chunks must not be empty"):
        SampleMoments.stream([], order=4)
    with pytest.raises(InputError, match="order must be a whole number"):
        SampleMoments.of(x, order=0)
