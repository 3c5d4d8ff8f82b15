"""What every family's costs must satisfy, and what Gaussian costs satisfy besides."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Mixture, _native, distance
from mixot.formulas.gaussian.cost_matrix import gaussian_costs, point_costs


def full(rng, k, dim, rank=None):
    """k Gaussian laws of the given rank."""
    root = rng.standard_normal((k, dim, rank or dim + 2))
    return Gaussian(rng.standard_normal((k, dim)), root @ root.swapaxes(1, 2) / dim)


def test_costs_are_squared_distances(compared_family, rng):
    p, q = compared_family.example(rng, 5), compared_family.example(rng, 7)
    there, back, here = p.cost(q), q.cost(p), p.cost(p)
    assert (there >= 0).all()
    np.testing.assert_allclose(there, back.T, rtol=1e-12)
    assert (np.diag(here) == 0).all()


def test_triangle_inequality(compared_family, rng):
    for _ in range(20):
        p, q, r = (Mixture(rng.dirichlet(np.ones(k)), compared_family.example(rng, k)) for k in (3, 5, 4))
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-12
        assert distance(p, q) == pytest.approx(distance(q, p), rel=1e-12)
        assert distance(p, p) == 0


@pytest.mark.parametrize("dim", [1, 2, 3, 6, 17])
def test_rigid_motions_and_units(rng, dim):
    p, q = full(rng, 4, dim), full(rng, 9, dim)
    cost = p.cost(q)
    turn, shift = np.linalg.qr(rng.standard_normal((dim, dim)))[0], rng.standard_normal(dim)
    np.testing.assert_allclose(p.affine(turn, shift).cost(q.affine(turn, shift)), cost, rtol=1e-11)
    assert p.affine(np.eye(dim), shift).cost(p).diagonal() == pytest.approx(shift @ shift, rel=1e-12)
    for unit in (1e-8, 1e8, 2.0**-300, 2.0**300):
        small, large = (Gaussian(unit * x.means, unit**2 * x.covs) for x in (p, q))
        np.testing.assert_allclose(small.cost(large) / unit**2, cost, rtol=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 8])
def test_diagonal_is_full(rng, dim):
    """The general path, reached by one more component that is not diagonal, agrees with the diagonal one."""
    p = DiagonalGaussian(rng.standard_normal((4, dim)), 10.0 ** rng.uniform(-6, 2, (4, dim)))
    q = DiagonalGaussian(rng.standard_normal((5, dim)), 10.0 ** rng.uniform(-6, 2, (5, dim)))
    oblique = full(rng, 1, dim)
    wide = p.widen().append(oblique).cost(q.widen().append(oblique))
    np.testing.assert_allclose(wide[:4, :5], p.cost(q), rtol=1e-12)
    np.testing.assert_allclose(p.cost(q.widen()), p.cost(q), rtol=1e-12)


@pytest.mark.parametrize(("rank", "other"), [(1, 1), (2, 5), (4, 12), (12, 3)])
def test_low_rank_is_the_limit_of_full_rank(rng, rank, other):
    p, q = full(rng, 6, 12, rank), full(rng, 5, 12, other)
    nudge = 1e-14 * np.eye(12)
    nudged = gaussian_costs(p.means, p.covs + nudge, q.means, q.covs + nudge)
    # Twelve flat directions of deviation 1e-7 add at most twelve times that times the other deviations.
    np.testing.assert_allclose(p.cost(q), nudged, atol=1e-4)


def test_mixed_ranks_in_one_matrix(rng):
    """Lanes of different sizes side by side: every pair as if it were alone."""
    p, q = full(rng, 1, 9, 1), full(rng, 1, 9, 2)
    for rank in (9, 3, 5, 9, 1, 7, 2, 4, 8):
        p, q = p.append(full(rng, 1, 9, rank)), q.append(full(rng, 1, 9, 10 - rank))
    together = p.cost(q)
    for i in range(len(p)):
        for j in range(len(q)):
            alone = p.take(np.array([i])).cost(q.take(np.array([j])))
            assert together[i, j] == pytest.approx(alone.item(), rel=1e-12)


@pytest.mark.parametrize("dim", [3, 8, 31])
def test_block_and_spherical_covariances(rng, dim):
    """Bidiagonal matrices that fall apart: the qd iteration has to split them."""
    radii = np.array([1e-3, 1.0, 7.0])
    oblique = full(rng, 1, dim).covs[0]
    covs = [r * np.eye(dim) for r in radii]
    blocks = np.eye(dim)
    blocks[:2, :2] = [[2.0, 1.0], [1.0, 3.0]]
    blocks[-2:, -2:] += 0.5
    covs = np.stack([*covs, blocks, np.kron(np.eye(2), oblique)[:dim, :dim], oblique])
    zero = np.zeros((len(covs), dim))
    cost = gaussian_costs(zero, covs, zero, covs)
    np.testing.assert_allclose(cost[:3, :3], dim * (np.sqrt(radii)[:, None] - np.sqrt(radii)) ** 2, rtol=1e-12)
    lam = np.linalg.eigvalsh(covs)
    for i, radius in enumerate(radii):
        np.testing.assert_allclose(cost[i], ((np.sqrt(radius) - np.sqrt(lam)) ** 2).sum(axis=1), rtol=1e-12, atol=1e-14)


def test_equal_covariances_cost_the_means_exactly(rng):
    tied = full(rng, 1, 6).covs[0]
    m, n = rng.standard_normal((5, 6)), rng.standard_normal((4, 6))
    cost = gaussian_costs(m, np.stack([tied] * 5), n, np.stack([tied] * 4))
    assert (cost == point_costs(m, n)).all()


def test_many_close_pairs(rng):
    """p moved by 1e-9: each component finds its own twin at that distance, to six digits."""
    p = full(rng, 60, 5)
    step = 1e-9 * rng.standard_normal((60, 5))
    q = Gaussian(p.means + step, p.covs)
    np.testing.assert_allclose(p.cost(q).diagonal(), ((q.means - p.means) ** 2).sum(axis=1), rtol=1e-12)
    scaled = Gaussian(p.means, p.covs * (1 + 1e-6) ** 2)
    traces = np.trace(p.covs, axis1=1, axis2=2)
    np.testing.assert_allclose(p.cost(scaled).diagonal(), 1e-12 * traces, rtol=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 5, 24])
def test_threads_change_nothing(rng, dim, monkeypatch):
    p, q = full(rng, 150, dim), full(rng, 130, dim)
    monkeypatch.setenv("MIXOT_NUM_THREADS", "1")
    one = p.cost(q)
    monkeypatch.setenv("MIXOT_NUM_THREADS", "5")
    assert (p.cost(q) == one).all()


def awkward(rng, dim):
    """A covariance with clustered, graded, tiny or vanishing eigenvalues, in one of several bases."""
    lam = [
        lambda: rng.random(dim),
        lambda: np.ones(dim),
        lambda: 1 + 1e-9 * rng.random(dim),
        lambda: 10.0 ** -rng.integers(0, 30, dim),
        lambda: (rng.random(dim) < 0.5) * 1.0,
        lambda: np.resize([1.0, 0.5, 1e-4], dim),
        lambda: np.where(np.arange(dim) % 2, 1.0, 1e-12),
    ][rng.integers(7)]()
    q = [
        lambda: np.linalg.qr(rng.standard_normal((dim, dim)))[0],
        lambda: np.eye(dim),
        lambda: np.eye(dim)[rng.permutation(dim)],
        lambda: np.kron(np.eye(dim // 2 + 1), [[0.6, 0.8], [-0.8, 0.6]])[:dim, :dim],
    ][rng.integers(4)]()
    cov = (q * lam) @ q.T
    return (cov + cov.T) / 2


def test_sums_of_singular_values(rng):
    """Thousands of bidiagonal matrices that cluster, split and vanish, against LAPACK on the same factors."""
    for _ in range(120):
        dim = int(rng.integers(3, 32))
        covs = np.stack([awkward(rng, dim) for _ in range(6)])
        rows, ranks, norms = np.zeros(covs.shape), np.zeros(6, dtype=np.int64), np.empty((6, 6))
        _native.psd_factors(covs, rows, ranks, 1)
        _native.nuclear_norms(rows, ranks, rows, ranks, norms, 1)
        expected = np.linalg.svd(rows[:, None] @ rows.swapaxes(1, 2), compute_uv=False).sum(axis=2)
        traces = np.trace(covs, axis1=1, axis2=2)
        assert (np.abs(norms - expected) <= 4e-15 * (traces[:, None] + traces)).all()
