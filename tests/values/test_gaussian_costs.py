"""Costs, distances and plans against published numbers and 60-digit arithmetic."""

import mpmath as mp
import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Mixture, distance, plan
from mixot.formulas.gaussian.bures import bures_cost, procrustes_cost
from mixot.formulas.gaussian.cost_matrix import gaussian_costs, point_costs


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0, 3.0, 5.0])
def test_one_against_two_opposite_components(delta):
    """Chen, Georgiou and Tannenbaum (2019), section V.A: N(0, 1) and (N(-D, 1) + N(D, 1)) / 2 are D apart."""
    p = Mixture([1.0], Gaussian([0.0], [1.0]))
    q = Mixture([0.5, 0.5], Gaussian([delta, -delta], [1.0, 1.0]))
    assert distance(p, q) == pytest.approx(delta, rel=1e-12)


def test_delon_section_4_3():
    """Delon and Desolneux (2020), section 4.3: cost matrix, plan and distance of their first example."""
    p = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
    q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
    result = plan(p, q)
    np.testing.assert_allclose(result.cost_matrix, [[0.1609, 0.3616], [0.0404, 0.1609]], rtol=1e-12)
    np.testing.assert_allclose(result.coupling, [[0.3, 0.0], [0.3, 0.4]], rtol=1e-12)
    assert result.cost == pytest.approx(0.12475, rel=1e-12)
    assert result.distance == pytest.approx(0.35319966024898721, rel=1e-12)
    assert result.gap <= 1e-12 * result.cost


def test_delon_figure_3():
    """Delon and Desolneux (2020), figure 3: equal spherical covariances in the plane."""
    covs = np.stack([0.01 * np.eye(2)] * 2)
    p = Mixture([0.3, 0.7], Gaussian([[0.3, 0.6], [0.7, 0.7]], covs))
    q = Mixture([0.4, 0.6], Gaussian([[0.5, 0.6], [0.4, 0.25]], covs))
    result = plan(p, q)
    np.testing.assert_allclose(result.coupling, [[0.0, 0.3], [0.4, 0.3]], rtol=1e-12)
    assert result.cost == pytest.approx(0.1475, rel=1e-12)
    assert result.distance == pytest.approx(0.38405728739343041, rel=1e-12)


def test_chen_section_5_b():
    """Chen, Georgiou and Tannenbaum (2019), section V.B; costs in 50-digit arithmetic."""
    p = Mixture([0.5, 0.5], Gaussian([0.5, 0.1], [0.01, 0.05]))
    q = Mixture([0.5, 0.5], Gaussian([0.0, -0.35], [0.02, 0.02]))
    result = plan(p, q)
    expected = [[0.25171572875253809902, 0.72421572875253809902], [0.01675444679663241336, 0.20925444679663241336]]
    np.testing.assert_allclose(result.cost_matrix, expected, rtol=1e-12)
    np.testing.assert_allclose(result.coupling, [[0.5, 0.0], [0.0, 0.5]], rtol=1e-12)
    assert result.cost == pytest.approx(0.23048508777458525619, rel=1e-12)
    assert result.distance == pytest.approx(0.48008862491688475350, rel=1e-12)


def test_rank_one_against_rank_one():
    """Chen (8) gives 13 - 12 |u.v| as if the covariances commuted; orthogonal supports give tr A + tr B = 13."""
    u, v = np.array([1.0, 2.0, 2.0]) / 3, np.array([2.0, 1.0, -2.0]) / 3
    p, q = (Gaussian(np.zeros((1, 3)), s * np.outer(w, w)[None]) for s, w in ((4.0, u), (9.0, v)))
    assert p.cost(q).item() == pytest.approx(13.0, rel=1e-12)


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_nearly_equal_covariances(copies):
    """W2 4.5e-8 where the traces are 3: the plain formula returns zero or noise. 50-digit value, block by block."""
    one = np.array([[2.0, 0.3], [0.3, 1.0]])
    other = one + 1e-7 * np.array([[1.0, 0.2], [0.2, -0.5]])
    p, q = (Gaussian(np.zeros((1, 2 * copies)), np.kron(np.eye(copies), cov)[None]) for cov in (one, other))
    expected = np.sqrt(copies) * 0.00000004488447442860552755387115762415
    assert np.sqrt(p.cost(q).item()) == pytest.approx(expected, rel=1e-6)


def exact_bures(a, b):
    """tr(a + b - 2 (a^1/2 b a^1/2)^1/2) in 60 digits."""
    with mp.workdps(60):
        a, b = mp.matrix(a.tolist()), mp.matrix(b.tolist())
        lam, q = mp.eigsy(a)
        root = q * mp.diag([mp.sqrt(max(x, 0)) for x in lam]) * q.T
        middle = root * b * root
        lam = mp.eigsy((middle + middle.T) / 2, eigvals_only=True)
        trace = sum(a[i, i] + b[i, i] for i in range(a.rows))
        return float(trace - 2 * sum(mp.sqrt(max(x, 0)) for x in lam))


def conditioned(rng, dim, digits):
    """A covariance with eigenvalues from 1 down to 10^-digits."""
    q = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    lam = 10.0 ** (-digits * rng.random(dim))
    lam[[0, -1]] = 1.0, 10.0**-digits
    cov = (q * lam) @ q.T
    return (cov + cov.T) / 2


@pytest.mark.parametrize("digits", [1, 4, 8, 12, 14])
@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 12, 21])
def test_ill_conditioned_covariances(rng, dim, digits):
    a, b = conditioned(rng, dim, digits), conditioned(rng, dim, rng.choice([0, digits])) * 2.5
    got = gaussian_costs(np.zeros((1, dim)), a[None], np.zeros((1, dim)), b[None])
    assert got.item() == pytest.approx(exact_bures(a, b), rel=1e-12)


def test_forty_dimensions(rng):
    a, b = conditioned(rng, 40, 14), conditioned(rng, 40, 6)
    got = gaussian_costs(np.zeros((1, 40)), a[None], np.zeros((1, 40)), b[None])
    assert got.item() == pytest.approx(exact_bures(a, b), rel=1e-12)


@pytest.mark.parametrize("ranks", [(1, 1), (1, 5), (2, 3), (3, 6), (5, 6)])
def test_singular_covariances(rng, ranks):
    """Small integers, so that the singular matrices are exactly singular in binary."""
    a, b = (f @ f.T for f in (rng.integers(-4, 5, size=(6, r)).astype(float) for r in ranks))
    got = gaussian_costs(np.zeros((1, 6)), a[None], np.zeros((1, 6)), b[None])
    assert got.item() == pytest.approx(exact_bures(a, b), rel=1e-12)


def test_no_variance_at_all():
    flat, round_ = np.zeros((1, 3, 3)), np.eye(3)[None] + 0.5
    zero = np.zeros((1, 3))
    assert gaussian_costs(zero, flat, zero, round_).item() == pytest.approx(4.5, rel=1e-15)
    assert gaussian_costs(zero, flat, zero + 2.0, flat).item() == 12.0


def test_units_far_apart_in_one_covariance():
    """A coordinate in nanometres next to one in metres keeps its digits."""
    unit = np.diag([1.0, 1e-9, 1e-5])
    a = unit @ np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.0]]) @ unit
    b = np.array([[1.0, 0.2, 0.0], [0.2, 1.0, 0.4], [0.0, 0.4, 3.0]])
    zero = np.zeros((1, 3))
    assert gaussian_costs(zero, a[None], zero, b[None]).item() == pytest.approx(exact_bures(a, b), rel=1e-12)


def test_closed_forms_on_the_line_and_by_coordinate(rng):
    m, n = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    v, w = rng.uniform(0.1, 3.0, (4, 3)), rng.uniform(0.1, 3.0, (5, 3))
    expected = ((m[:, None] - n) ** 2 + (np.sqrt(v)[:, None] - np.sqrt(w)) ** 2).sum(axis=2)
    np.testing.assert_allclose(DiagonalGaussian(m, v).cost(DiagonalGaussian(n, w)), expected, rtol=1e-14)


def test_distances_of_close_points_do_not_cancel():
    x = 1e6 + np.array([[0.0], [1e-6]])
    np.testing.assert_allclose(np.sqrt(point_costs(x, x))[0, 1], x[1, 0] - x[0, 0], rtol=1e-15)


def test_formulas_agree_with_the_matrix(rng):
    a, b = (conditioned(rng, 4, 1) for _ in range(2))
    expected = exact_bures(a, b)
    zero = np.zeros(4)
    assert bures_cost(zero, a, zero, b) == pytest.approx(expected, rel=1e-12)
    assert procrustes_cost(np.linalg.cholesky(a).T, np.linalg.cholesky(b).T) == pytest.approx(expected, rel=1e-12)
