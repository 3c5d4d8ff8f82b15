"""Plans, paths and maps of the examples in the papers, and Gaussian couplings in 60 digits."""

import mpmath as mp
import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Mixture, distance, geodesic, transport_map
from mixot.formulas.gaussian.maps import optimal_joint_law

# Delon and Desolneux (2020), section 4.3 and figure 2.
P = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
Q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
FIG2 = {
    0.0: [(0.3, 0.2, 0.0009), (0.3, 0.4, 0.0016), (0.4, 0.4, 0.0016)],
    0.2: [(0.3, 0.28, 0.001296), (0.3, 0.44, 0.001936), (0.4, 0.48, 0.002116)],
    0.4: [(0.3, 0.36, 0.001764), (0.3, 0.48, 0.002304), (0.4, 0.56, 0.002704)],
    0.6: [(0.3, 0.44, 0.002304), (0.3, 0.52, 0.002704), (0.4, 0.64, 0.003364)],
    0.8: [(0.3, 0.52, 0.002916), (0.3, 0.56, 0.003136), (0.4, 0.72, 0.004096)],
    1.0: [(0.3, 0.6, 0.0036), (0.3, 0.6, 0.0036), (0.4, 0.8, 0.0049)],
}


def rows_of(mixture):
    """(mean, variance, weight) of the components of a mixture on the line, sorted."""
    means, variances = mixture.components.mean()[:, 0], mixture.components.cov()[:, 0, 0]
    return sorted(zip(means.round(14), variances, mixture.weights, strict=True))


@pytest.mark.parametrize("law", [Gaussian, DiagonalGaussian])
@pytest.mark.parametrize("t", FIG2)
def test_delon_figure_2(law, t):
    p, q = (Mixture(m.weights, law(m.components.means, m.components.covs[:, :, 0].ravel())) for m in (P, Q))
    np.testing.assert_allclose(rows_of(geodesic(p, q)(t)), sorted((m, v, w) for w, m, v in FIG2[t]), rtol=1e-12)


@pytest.mark.parametrize(
    ("s", "t", "speed"),
    [
        (0.0, 0.4, 0.14127986409959488632463879855512),
        (0.2, 0.8, 0.21191979614939232948695819783268),
        (0.4, 0.6, 0.070639932049797443162319399277561),
        (0.6, 1.0, 0.14127986409959488632463879855512),
    ],
)
def test_delon_figure_2_speed(s, t, speed):
    path = geodesic(P, Q)
    assert distance(path(s), path(t)) == pytest.approx(speed, rel=1e-12)
    assert path.distance == pytest.approx(0.35319966024898721581159699638781, rel=1e-12)


def test_delon_figure_3():
    cov = 0.01 * np.eye(2)
    p = Mixture([0.3, 0.7], Gaussian([[0.3, 0.6], [0.7, 0.7]], [cov] * 2))
    q = Mixture([0.4, 0.6], Gaussian([[0.5, 0.6], [0.4, 0.25]], [cov] * 2))
    path = geodesic(p, q)
    assert path.distance == pytest.approx(0.38405728739343040878848435108657, rel=1e-12)
    np.testing.assert_allclose(path.plan.coupling, [[0.0, 0.3], [0.4, 0.3]], atol=1e-12)
    half = path(0.5)
    assert len(half) == 3
    np.testing.assert_allclose(half.components.cov(), [cov] * 3, rtol=1e-12, atol=1e-17)
    np.testing.assert_allclose(
        sorted(half.components.mean().tolist()), [[0.35, 0.425], [0.55, 0.475], [0.6, 0.65]], rtol=1e-12
    )


def test_chen_geodesic_on_the_line():
    # Chen, Georgiou and Tannenbaum (2019), section V.B; diagonal plan, so each component keeps its partner.
    p = Mixture([0.5, 0.5], Gaussian([0.5, 0.1], [0.01, 0.05]))
    q = Mixture([0.5, 0.5], Gaussian([0.0, -0.35], [0.02, 0.02]))
    path = geodesic(p, q)
    assert path.distance == pytest.approx(0.4800886249168847535026330118874, rel=1e-12)
    np.testing.assert_allclose(path.plan.coupling, [[0.5, 0.0], [0.0, 0.5]], atol=1e-12)
    t = 0.25
    std = [0.75 * np.sqrt(0.01) + 0.25 * np.sqrt(0.02), 0.75 * np.sqrt(0.05) + 0.25 * np.sqrt(0.02)]
    expected = [(-0.0125, std[1] ** 2, 0.5), (0.375, std[0] ** 2, 0.5)]
    np.testing.assert_allclose(rows_of(path(t)), expected, rtol=1e-12)


@pytest.mark.parametrize("a", [0.3, 1.0, 4.0])
def test_delon_6_3_the_mean_map_may_be_the_identity(a):
    # Section 6.3: from N(0, 1) to half N(-a, 1), half N(a, 1) the mean map is the identity, at a distance of a.
    move = transport_map(Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([0.5, 0.5], Gaussian([-a, a], [1.0, 1.0])))
    x = np.array([-1.3, 0.0, 0.7, 2.5])
    np.testing.assert_allclose(move(x)[:, 0], x, rtol=1e-12, atol=1e-15)
    assert move.plan.distance == pytest.approx(a, rel=1e-12)
    jumps = move.sample(x, rng=0)[:, 0] - x
    np.testing.assert_allclose(np.abs(jumps), a, rtol=1e-12)


def test_rank_one_onto_rank_one_at_a_right_angle():
    # 4 u u' onto 9 v v', u and v orthogonal: any coupling is optimal (W2^2 = 13), and a linear map is one.
    u, v = np.array([1.0, 2.0, 2.0]) / 3, np.array([2.0, 1.0, -2.0]) / 3
    p = Mixture([1.0], Gaussian([[0.0] * 3], [4 * np.outer(u, u)]))
    q = Mixture([1.0], Gaussian([[0.0] * 3], [9 * np.outer(v, v)]))
    x = np.outer([-1.0, 0.5, 2.0], u)
    moved = transport_map(p, q)(x)
    np.testing.assert_allclose(np.abs(moved @ v), [1.5, 0.75, 3.0], rtol=1e-12)
    np.testing.assert_allclose(np.outer(moved @ v, v), moved, atol=1e-15)
    np.testing.assert_allclose(np.trace(geodesic(p, q)(0.5).components.cov()[0]), 13 / 4, rtol=1e-12)


def root_of(matrix):
    lam, axes = mp.eigsy(matrix)
    return axes * mp.diag([mp.sqrt(value) for value in lam]) * axes.T


def exact_map(a, b):
    """``a^-1/2 (a^1/2 b a^1/2)^1/2 a^-1/2`` in 60 digits."""
    with mp.workdps(60):
        root = root_of(mp.matrix(a.tolist()))
        inverse = root**-1
        exact = inverse * root_of(root * mp.matrix(b.tolist()) * root) * inverse
        return np.array(exact.tolist(), dtype=float).reshape(a.shape)


@pytest.mark.parametrize("log_condition", [0, 3, 6, 9])
def test_map_is_as_accurate_as_the_condition_of_the_source_allows(log_condition, rng):
    axes = np.linalg.qr(rng.standard_normal((2, 4, 4)))[0]
    lam = np.array([np.geomspace(1, 10.0**-log_condition, 4), np.geomspace(0.3, 10.0 ** (-log_condition / 2), 4)])
    a, b = (axes * lam[:, None, :]) @ axes.swapaxes(1, 2)
    a, b = (a + a.T) / 2, (b + b.T) / 2
    law = optimal_joint_law(a[None], b[None])
    exact = exact_map(a, b)
    assert np.abs(law.linear[0] - exact).max() <= 1e-14 * 10.0**log_condition * np.abs(exact).max()
    np.testing.assert_allclose(law.root[0] @ law.root[0].T, a, atol=1e-15)
    np.testing.assert_allclose(law.image[0] @ law.image[0].T, b, atol=1e-15)
    assert not law.rest.any()


@pytest.mark.parametrize("units", [(1.0, 1e3, 1e-3), (1e-4, 1e4, 1.0), (1e5, 1e-5, 1e5)])
def test_map_between_columns_in_unlike_units(units, rng):
    units = np.array(units)
    root = rng.standard_normal((2, 3, 6)) / np.sqrt(6)
    a, b = root @ root.swapaxes(1, 2) * np.outer(units, units)
    found, exact = optimal_joint_law(a[None], b[None]).linear[0], exact_map(a, b)
    np.testing.assert_allclose(found / units[:, None] * units, exact / units[:, None] * units, atol=1e-12)
