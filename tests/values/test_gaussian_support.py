"""Densities, ranks and draws of Gaussian laws whose covariances are singular or in unlike units."""

import mpmath
import numpy as np
import pytest

from mixot import Gaussian, Mixture
from mixot.formulas.gaussian.support import Support


def exact_log_density(mean, cov, x, digits=80):
    """log N(x; mean, cov) with 80 digits."""
    with mpmath.workdps(digits):
        s = mpmath.matrix(cov.tolist())
        y = mpmath.matrix([mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(x, mean, strict=True)])
        maha = (y.T * mpmath.lu_solve(s, y))[0]
        return float(-(maha + len(mean) * mpmath.log(2 * mpmath.pi) + mpmath.log(mpmath.det(s))) / 2)


@pytest.mark.parametrize("decades", [0, 4, 8, 14])
def test_columns_in_unlike_units_do_not_look_singular(decades, rng):
    unit = np.array([1.0, 10.0**decades, 10.0 ** (decades / 2)])
    root = rng.standard_normal((3, 5))
    cov = (root @ root.T) * unit * unit[:, None]
    mean = rng.standard_normal(3) * unit
    law = Gaussian(mean[None], cov[None])
    assert law.rank()[0] == 3
    for x in mean + unit * rng.standard_normal((5, 3)):
        assert law.log_prob(x[None])[0, 0] == pytest.approx(exact_log_density(mean, law.covs[0], x), rel=1e-11)


def test_an_ill_conditioned_covariance_keeps_half_its_digits(rng):
    q = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    cov = (q * 10.0 ** np.array([0, -2, -5, -9])) @ q.T
    law = Gaussian(np.zeros((1, 4)), cov[None])
    x = rng.multivariate_normal(np.zeros(4), law.covs[0])
    assert law.log_prob(x[None])[0, 0] == pytest.approx(exact_log_density(np.zeros(4), law.covs[0], x), rel=1e-7)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_singular_law_is_the_law_of_its_coordinates_on_its_support(rank, rng):
    basis = np.linalg.qr(rng.standard_normal((5, rank)))[0]  # an isometry onto the support
    mean, z = 10 * rng.standard_normal(5), rng.standard_normal((8, rank))
    root = rng.standard_normal((rank, rank + 2))
    inside = Gaussian(np.zeros((1, rank)), (root @ root.T)[None])
    law = Gaussian(mean[None], (basis @ root @ root.T @ basis.T)[None])
    assert law.rank()[0] == rank
    np.testing.assert_allclose(law.log_prob(mean + z @ basis.T), inside.log_prob(z), rtol=1e-9)
    assert (law.log_prob(mean + z @ basis.T + 1e-3 * rng.standard_normal((8, 5))) == -np.inf).all()


def test_a_dirac_has_its_point_and_nothing_else():
    law = Gaussian([[1.0, 2.0]], np.zeros((1, 2, 2)))
    assert law.rank()[0] == 0
    np.testing.assert_array_equal(law.log_prob(np.array([[1.0, 2.0], [1.0, 2.1]])), [[0.0], [-np.inf]])
    np.testing.assert_array_equal(law.sample(np.zeros(3, dtype=int), np.random.default_rng(0)), [[1.0, 2.0]] * 3)


def test_a_constant_column_leaves_the_density_of_the_others(rng):
    cov = np.zeros((3, 3))
    cov[np.ix_([0, 2], [0, 2])] = [[2.0, 0.5], [0.5, 1.0]]
    law = Gaussian([[0.0, 7.0, 0.0]], cov[None])
    x = rng.standard_normal((4, 3))
    x[:, 1] = 7.0
    flat = Gaussian(np.zeros((1, 2)), cov[np.ix_([0, 2], [0, 2])][None])
    np.testing.assert_allclose(law.log_prob(x), flat.log_prob(x[:, [0, 2]]), rtol=1e-14)
    assert law.rank()[0] == 2


def test_draws_in_unlike_units_keep_their_correlation(rng):
    unit = np.array([1e7, 1e-7])
    cov = np.array([[1.0, 0.9], [0.9, 1.0]]) * unit * unit[:, None]
    x = Mixture([1.0], Gaussian(np.zeros((1, 2)), cov[None])).sample(20_000, rng=rng)
    assert np.corrcoef(x.T)[0, 1] == pytest.approx(0.9, abs=4.5 * (1 - 0.81) / np.sqrt(20_000))
    np.testing.assert_allclose(x.std(axis=0), unit, rtol=4.5 / np.sqrt(2 * 20_000))


def test_the_support_is_its_parts(rng):
    root = rng.standard_normal((4, 2))
    support = Support.of(rng.standard_normal(4), root @ root.T)
    np.testing.assert_allclose(support.root @ support.root.T, root @ root.T, atol=1e-13)
    np.testing.assert_allclose(support.whiten.T @ support.root, np.eye(2), atol=1e-13)
    np.testing.assert_allclose(support.normal.T @ support.root, 0.0, atol=1e-13)
    lam = np.linalg.eigvalsh(root.T @ root)
    assert support.log_volume == pytest.approx(np.log(lam).sum() / 2, rel=1e-12)
