"""Gaussian barycenters solve their equation, cost what they say, and no perturbation costs less."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian
from mixot.formulas.gaussian.barycenter import _newton, gaussian_barycenter, roots
from mixot.formulas.gaussian.bures import bures_cost, sqrtm_psd

DIMS = [1, 2, 3, 7, 40]


def random_covs(rng, s, j, d, low=0.05):
    root = rng.standard_normal((s, j, d, d + 1))
    return root @ root.swapaxes(-1, -2) / d + low * np.eye(d)


def equation(cov, covs, weights):
    """|S - sum_j w_j (S^1/2 S_j S^1/2)^1/2| / |S|."""
    root = sqrtm_psd(cov)
    right = np.einsum("j,jab->ab", weights, sqrtm_psd(root @ covs @ root))
    return np.linalg.norm(cov - right) / np.linalg.norm(cov)


def objective(cov, covs, weights):
    zero = np.zeros(len(cov))
    return sum(w * float(bures_cost(zero, cov, zero, c)) for w, c in zip(weights, covs, strict=True))


@pytest.mark.parametrize("d", DIMS)
def test_equation_holds_and_costs_are_right(rng, d):
    covs, weights = random_covs(rng, 4, 3, d), rng.dirichlet(np.full(3, 5.0))
    found = gaussian_barycenter(covs, weights)
    assert (found.residuals <= 1e-11).all()
    for s in range(4):
        assert equation(found.covs[s], covs[s], weights) < 1e-10
        assert found.costs[s] == pytest.approx(objective(found.covs[s], covs[s], weights), rel=1e-9)


@pytest.mark.parametrize("d", DIMS[1:])
def test_no_covariance_nearby_costs_less(rng, d):
    covs, weights = random_covs(rng, 1, 4, d), rng.dirichlet(np.full(4, 5.0))
    found = gaussian_barycenter(covs, weights)
    for _ in range(10):
        step = np.eye(d) + 1e-3 * rng.standard_normal((d, d))
        assert objective(step @ found.covs[0] @ step.T, covs[0], weights) > found.costs[0]


@pytest.mark.parametrize("d", [2, 3, 40])
def test_rotations_and_scales_go_through(rng, d):
    covs, weights = random_covs(rng, 2, 3, d), np.array([0.2, 0.5, 0.3])
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    plain = gaussian_barycenter(covs, weights)
    turned = gaussian_barycenter(1e-16 * turn @ covs @ turn.T, weights)
    np.testing.assert_allclose(turned.covs, 1e-16 * turn @ plain.covs @ turn.T, rtol=1e-8, atol=1e-26)
    np.testing.assert_allclose(turned.costs, 1e-16 * plain.costs, rtol=1e-9)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_order_of_inputs_does_not_matter(rng, d):
    covs, weights = random_covs(rng, 3, 4, d), rng.dirichlet(np.ones(4))
    order = rng.permutation(4)
    one, other = gaussian_barycenter(covs, weights), gaussian_barycenter(covs[:, order], weights[order])
    np.testing.assert_allclose(one.covs, other.covs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("d", [2, 4])
def test_commuting_covariances_average_their_roots(rng, d):
    std = rng.uniform(0.0, 2.0, size=(5, 3, d))
    std[0, :, 0] = 0.0  # a direction that none of a tuple has
    std[1, 1] = 0.0  # a point mass among them
    weights = np.array([0.5, 0.2, 0.3])
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    found = gaussian_barycenter(turn @ (std[..., None] ** 2 * np.eye(d)) @ turn.T, weights)
    middle = np.einsum("j,sjd->sd", weights, std)
    right = turn @ (middle[..., None] ** 2 * np.eye(d)) @ turn.T
    # a root that is rounding enters at the square root of machine precision
    np.testing.assert_allclose(found.covs, right, atol=2e-7)
    np.testing.assert_allclose(found.costs, np.einsum("j,sjd->s", weights, (std - middle[:, None]) ** 2), atol=1e-9)


@pytest.mark.parametrize("d", [2, 3, 6])
def test_singular_covariances_of_one_range_stay_in_it(rng, d):
    small, weights = random_covs(rng, 3, 3, d - 1), np.array([0.3, 0.3, 0.4])
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0][:, : d - 1]
    found = gaussian_barycenter(basis @ small @ basis.T, weights)
    expected = gaussian_barycenter(small, weights)
    np.testing.assert_allclose(found.covs, basis @ expected.covs @ basis.T, atol=1e-8)
    np.testing.assert_allclose(found.costs, expected.costs, rtol=1e-8)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_one_full_covariance_among_singular_ones_is_enough(rng, d):
    root = rng.standard_normal((1, 3, d, 1))
    covs, weights = root @ root.swapaxes(-1, -2), np.array([0.3, 0.3, 0.4])
    covs[:, 0] += np.eye(d)
    found = gaussian_barycenter(covs, weights)
    assert found.residuals[0] <= 1e-11
    assert equation(found.covs[0], covs[0], weights) < 1e-7
    assert np.linalg.eigvalsh(found.covs[0])[0] > 0


def test_lines_at_an_angle_meet_on_the_line_between():
    # J = 2: y = T x moves the one line onto the other, the barycenter is the law of (x + y) / 2, of rank one
    u, v = np.array([1.0, 0.0, 0.0]), np.array([0.6, 0.8, 0.0])
    covs = np.stack([np.outer(u, u), np.outer(v, v)])[None]
    for dims in (slice(0, 2), slice(0, 3)):
        found = gaussian_barycenter(covs[:, :, dims, dims], np.array([0.5, 0.5]))
        middle = ((u + v) / 2)[dims]
        np.testing.assert_allclose(found.covs[0], np.outer(middle, middle), atol=1e-9)
        assert found.costs[0] == pytest.approx(0.25 * ((u - v) @ (u - v)), abs=1e-9)


def test_both_routes_agree_and_the_accurate_one_stands_bad_conditioning(rng):
    weights = np.full(4, 0.25)
    turn = np.linalg.qr(rng.standard_normal((4, 6, 6)))[0]
    covs = ((turn * 10.0 ** rng.uniform(-9, 0, size=(4, 1, 6))) @ turn.swapaxes(-1, -2))[None]
    found = gaussian_barycenter(covs, weights)
    assert found.residuals[0] <= 1e-11
    kind = random_covs(rng, 2, 3, 5)
    mean = kind.mean(axis=1)
    fast = _newton(kind, None, mean, np.full(3, 1 / 3), 1e-12, 50)
    accurate = _newton(kind, roots(kind), mean, np.full(3, 1 / 3), 1e-12, 50)
    np.testing.assert_allclose(fast.covs, accurate.covs, rtol=1e-9, atol=1e-11)


def test_residuals_are_honest_when_stopped_early(rng):
    covs, weights = random_covs(rng, 1, 3, 5, low=1e-3), np.full(3, 1 / 3)
    last = np.inf
    for steps in (1, 2, 3, 4, 5):
        found = _newton(covs, None, covs.mean(axis=1), weights, 1e-14, steps)
        assert found.residuals[0] == pytest.approx(equation(found.covs[0], covs[0], weights), rel=1e-6, abs=1e-13)
        assert found.residuals[0] <= last
        last = found.residuals[0]


def test_diagonal_family_agrees_with_full_matrices(rng):
    parts = [DiagonalGaussian(rng.standard_normal((4, 3)), rng.uniform(0, 1, (4, 3))) for _ in range(3)]
    index, weights = rng.integers(0, 4, size=(6, 3)), rng.dirichlet(np.ones(3))
    narrow, costs = parts[0].barycenter(parts[1:], index, weights)
    wide = [part.widen() for part in parts]
    full, full_costs = wide[0].barycenter(wide[1:], index, weights)
    assert isinstance(full, Gaussian)
    np.testing.assert_allclose(narrow.means, full.means, atol=1e-14)
    np.testing.assert_allclose(narrow.covs, full.covs, atol=1e-9)
    np.testing.assert_allclose(costs, full_costs, atol=1e-11)
