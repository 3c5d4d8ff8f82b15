"""Gradients of the Bures distance: closed forms, differences, and the side that is taken at singular covariances."""

import numpy as np
import pytest

from mixot.formulas.gaussian.cost_matrix import gaussian_costs
from mixot.formulas.gaussian.gradients import bures_gradients


def bures(a, b):
    zero = np.zeros((1, len(a)))
    return gaussian_costs(zero, a[None], zero, b[None]).item()


def covariance(rng, d, rank=None):
    root = rng.standard_normal((d, rank or d + 2))
    return root @ root.T / d


def slope(f, h):
    """Derivative at zero by central differences of fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 12])
def test_central_differences(rng, d):
    for _ in range(3):
        a, b = covariance(rng, d), covariance(rng, d)
        step = rng.standard_normal((d, d))
        step = (step + step.T) / np.linalg.norm(step)
        h = 1e-3 * min(np.linalg.eigvalsh(a)[0], np.linalg.eigvalsh(b)[0])
        in_a, in_b = (g[0] for g in bures_gradients(a[None], b[None]))
        size = max(np.linalg.norm(in_a), np.linalg.norm(in_b))
        assert slope(lambda t: bures(a + t * step, b), h) == pytest.approx((in_a * step).sum(), abs=1e-8 * size)
        assert slope(lambda t: bures(a, b + t * step), h) == pytest.approx((in_b * step).sum(), abs=1e-8 * size)


@pytest.mark.parametrize("ranks", [(1, 5), (2, 5), (4, 5), (2, 3), (3, 2), (1, 1), (5, 2), (5, 1)])
def test_singular_covariances_through_their_factors(rng, ranks):
    """The gradient G in ``A = L L'`` gives ``2 G L`` in L, where L has as many columns as A has ranks."""
    left, right = (rng.standard_normal((5, rank)) for rank in ranks)
    in_a, in_b = (g[0] for g in bures_gradients((left @ left.T)[None], (right @ right.T)[None]))
    for factor, g, f in (
        (left, in_a, lambda x: bures(x @ x.T, right @ right.T)),
        (right, in_b, lambda x: bures(left @ left.T, x @ x.T)),
    ):
        step = rng.standard_normal(factor.shape)
        expected = (2 * g @ factor * step).sum()
        assert slope(lambda t: f(factor + t * step), 1e-4) == pytest.approx(expected, rel=1e-8)
        off = np.eye(5) - factor @ np.linalg.pinv(factor)
        np.testing.assert_allclose(off @ g @ off, 0, atol=1e-12 * np.abs(g).max())
        np.testing.assert_array_equal(g, g.T)


def test_equal_covariances_have_no_slope(rng):
    a = np.stack([covariance(rng, 3), covariance(rng, 3, rank=1), np.eye(3), np.zeros((3, 3))])
    for g in bures_gradients(a, a.copy()):
        assert not g.any()


def test_equal_eigenvalues():
    """Between multiples of the identity, ``F = d (s - t)^2`` with standard deviations s and t."""
    in_a, in_b = bures_gradients(4 * np.eye(3)[None], 9 * np.eye(3)[None])
    np.testing.assert_allclose(in_a[0], (1 - 3 / 2) * np.eye(3), atol=1e-15)
    np.testing.assert_allclose(in_b[0], (1 - 2 / 3) * np.eye(3), atol=1e-15)


def test_against_an_atom():
    """``F = tr B`` where A is zero: its slope in B is the identity, and A has no tangent to move along."""
    in_a, in_b = bures_gradients(np.zeros((1, 3, 3)), np.diag([1.0, 2.0, 3.0])[None])
    assert not in_a.any()
    np.testing.assert_array_equal(in_b[0], np.eye(3))


@pytest.mark.parametrize("digits", [4, 8, 12])
def test_ill_conditioned_pairs_of_one_frame(rng, digits):
    """``I - T`` has the eigenvalues ``1 - (b / a)^1/2`` where both covariances have one eigenbasis."""
    q = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    lam, mu = 10.0 ** -np.linspace(0, digits, 4), np.array([2.0, 1.0, 0.5, 0.25])
    in_a, in_b = (g[0] for g in bures_gradients(((q * lam) @ q.T)[None], ((q * mu) @ q.T)[None]))
    # rounding of an entry of A changes its least eigenvalue by 1e-16 of the largest
    expected = (q * (1 - np.sqrt(mu / lam))) @ q.T
    np.testing.assert_allclose(in_a, expected, rtol=0, atol=1e-15 * 10**digits * np.abs(expected).max())
    np.testing.assert_allclose(in_b, (q * (1 - np.sqrt(lam / mu))) @ q.T, atol=1e-7)
