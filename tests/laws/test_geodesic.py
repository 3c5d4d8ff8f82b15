"""Paths have constant speed, exact ends, and do not mind which way they are walked, singular laws included."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Mixture, UnsupportedError, distance, geodesic

TIMES = [0.0, 0.1, 0.35, 0.5, 0.9, 1.0]


def gaussians(rng, k, d, rank):
    """k laws on R^d of the given rank."""
    root = rng.standard_normal((k, d, rank))
    return Gaussian(2 * rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) / max(rank, 1))


def w2(m, a, n, b):
    """W2 between N(m, a) and N(n, b), without squares of what may vanish: the nuclear norm of a^1/2 b^1/2."""
    roots = []
    for cov in (a, b):
        lam, axes = np.linalg.eigh(cov)
        lam[lam < 1e-13 * lam[-1]] = 0.0  # rounding of a zero: its root would be 1e-8
        roots.append(axes * np.sqrt(lam))
    cross = np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum()
    return np.sqrt(max(np.sum((m - n) ** 2) + np.trace(a) + np.trace(b) - 2 * cross, 0.0))


@pytest.fixture
def pair(compared_interpolated_family, rng):
    """Mixtures of four and two components."""
    first, second = (compared_interpolated_family.example(rng, k) for k in (4, 2))
    return Mixture(rng.dirichlet([2.0] * 4), first), Mixture([0.2, 0.8], second)


def test_constant_speed(pair):
    p, q = pair
    path = geodesic(p, q)
    try:
        path(0.5)
    except UnsupportedError:
        pytest.skip("these two lie on no geodesic inside the family")
    for s in TIMES:
        for t in TIMES:
            # the cost loses half the digits where the two ends coincide: compare squares there
            assert distance(path(s), path(t)) ** 2 == pytest.approx(
                (t - s) ** 2 * path.distance**2, rel=2e-10, abs=1e-12
            )


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("law", ["full onto flat", "flat onto full", "flat onto flat", "points", "full"])
def test_constant_speed_of_singular_laws(law, d, rng):
    first, second = {
        "full": (d, d),
        "full onto flat": (d, d // 2),
        "flat onto full": (d // 2, d),
        "flat onto flat": ((d + 1) // 2, (d + 1) // 2),
        "points": (0, 0),
    }[law]
    p, q = gaussians(rng, 3, d, first), gaussians(rng, 3, d, second)
    pairs = np.arange(3), np.array([2, 0, 1])
    ends = [w2(p.means[i], p.covs[i], q.means[j], q.covs[j]) for i, j in zip(*pairs, strict=True)]
    at = [p.between(q, *pairs, t) for t in TIMES]
    for s, one in zip(TIMES, at, strict=True):
        for t, other in zip(TIMES, at, strict=True):
            if s < t:
                speeds = [w2(one.means[i], one.covs[i], other.means[i], other.covs[i]) for i in range(3)]
                np.testing.assert_allclose(speeds, (t - s) * np.array(ends), rtol=1e-10)


def test_ends_are_the_components_to_the_bit(pair):
    p, q = pair
    path = geodesic(p, q)
    for end, law, index in ((path(0.0), p, path.rows), (path(1), q, path.cols)):
        for name, value in end.components.parameters().items():
            np.testing.assert_array_equal(value, law.components.parameters()[name][index])
        np.testing.assert_allclose(np.bincount(index, end.weights, len(law)), law.weights, atol=1e-15)


@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("second", [0, 1, 2, 3])
def test_the_way_back_is_the_same_path(first, second, rng):
    p = Mixture([0.5, 0.2, 0.3], gaussians(rng, 3, 3, first))
    q = Mixture([0.1, 0.9], gaussians(rng, 2, 3, second))
    there, back = geodesic(p, q), geodesic(q, p)
    for t in (0.25, 0.5, 0.8):
        one, other = there(t), back(1 - t)
        np.testing.assert_allclose(sorted(one.weights), sorted(other.weights), atol=1e-14)
        order = np.argsort(one.components.means[:, 0]), np.argsort(other.components.means[:, 0])
        for name in ("means", "covs"):
            a, b = (getattr(m.components, name)[i] for m, i in zip((one, other), order, strict=True))
            np.testing.assert_allclose(a, b, atol=1e-13)


def test_the_way_back_where_couplings_are_not_unique(rng):
    # Supports that share a line and are else at right angles: many couplings are optimal, both ways must take the same.
    pair = np.array([0]), np.array([0])
    for _ in range(20):
        turn = np.linalg.qr(rng.standard_normal((7, 7)))[0]
        one, other = (
            Gaussian(np.zeros((1, 7)), (turn @ np.diag(lam) @ turn.T)[None])
            for lam in ([1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 5.0])
        )
        there, back = one.between(other, *pair, 0.3).covs, other.between(one, *pair, 0.7).covs
        np.testing.assert_allclose(there, back, atol=1e-14)


def test_diagonal_stays_diagonal_and_agrees_with_full(rng):
    p, q = (Mixture(rng.dirichlet([2.0] * 3), DiagonalGaussian.example(rng, 3)) for _ in range(2))
    wide = [Mixture(m.weights, m.components.widen()) for m in (p, q)]
    thin, full = geodesic(p, q)(0.4), geodesic(*wide)(0.4)
    assert isinstance(thin.components, DiagonalGaussian)
    np.testing.assert_allclose(thin.components.cov(), full.components.cov(), atol=1e-14)


def test_no_more_components_than_a_vertex_has(rng):
    for k, l in ((1, 1), (5, 3), (20, 20)):  # noqa: E741
        p, q = Mixture(rng.dirichlet([2.0] * k), gaussians(rng, k, 2, 2)), Mixture([1 / l] * l, gaussians(rng, l, 2, 2))
        path = geodesic(p, q)
        assert len(path) == len(path(0.5)) <= k + l - 1
        assert path(0.5).weights.min() > 0


def test_path_of_scaled_data_is_the_scaled_path(rng):
    p, q = Mixture([0.4, 0.6], gaussians(rng, 2, 3, 3)), Mixture([0.7, 0.3], gaussians(rng, 2, 3, 2))
    for scale in (1e-8, 1e8):
        big = geodesic(p.affine(scale), q.affine(scale))
        np.testing.assert_allclose(big(0.3).components.covs, scale**2 * geodesic(p, q)(0.3).components.covs, rtol=1e-9)
        assert big.distance == pytest.approx(scale * geodesic(p, q).distance, rel=1e-9)
