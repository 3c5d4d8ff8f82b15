"""W2 between t laws of unlike degrees of freedom: exact where it is known, enclosed where it is not."""

import numpy as np
import pytest
from scipy import integrate, stats

from mixot import (
    Gaussian,
    Mixture,
    Samples,
    StudentT,
    UnsupportedError,
    barycenter,
    bounds,
    distance,
    geodesic,
    plan,
    transport_map,
)
from mixot.formulas.gaussian.student_radii import matched_radii, radial_gaps

ONE = np.array([0])
P = Mixture([0.4, 0.6], StudentT([0.0, 3.0], [1.0, 2.0], [3.0, 8.0]))
Q = Mixture([0.5, 0.5], StudentT([1.0, 5.0], [1.0, 1.0], [5.0, 30.0]))
TILTED = StudentT([[0.0, 1.0]], [[[1.0, 0.3], [0.3, 2.0]]], 3.0)
STRETCHED = StudentT([[1.0, 0.0]], [np.diag([1.0, 3.0])], 12.0)


def by_quantiles(m, s, a, n, t, b):
    """int (x(u) - y(u))^2 du of two t laws on the line, far tails by the rank's logarithm."""

    def half(sign):
        def integrand(w):
            u = np.exp(-w) / 2
            return (m - n + sign * (s * stats.t.isf(u, a) - t * stats.t.isf(u, b))) ** 2 * u

        return integrate.quad(integrand, 0, 20, epsabs=1e-13)[0] + integrate.quad(integrand, 20, 300, epsabs=1e-13)[0]

    return half(1) + half(-1)


@pytest.mark.parametrize(("a", "b"), [(5.0, 10.0), (3.0, 4.0), (2.6, 40.0), (8.0, 8.01)])
def test_on_the_line_it_is_the_integral_of_quantiles(a, b):
    found = StudentT([0.3], [4.0], a).cost(StudentT([-1.0], [0.25], b))[0, 0]
    assert found == pytest.approx(by_quantiles(0.3, 2.0, a, -1.0, 0.5, b), rel=1e-9)


def test_the_limit_of_many_degrees_of_freedom_is_gaussian():
    law = StudentT([0.0], [1.0], 6.0)
    gaps, _ = radial_gaps(np.array([6.0]), np.array([1e6]), 1)
    assert law.cost(StudentT([0.0], [1.0], 1e6))[0, 0] == pytest.approx(gaps[0, 0], rel=1e-12)
    quantiles = integrate.quad(lambda u: (stats.t.ppf(u, 6.0) - stats.norm.ppf(u)) ** 2, 0, 1, limit=400)[0]
    assert gaps[0, 0] == pytest.approx(quantiles, rel=1e-4)


def test_costs_of_nearly_equal_tails_keep_their_digits():
    near = [radial_gaps(np.array([5.0]), np.array([5.0 + h]), 3)[0][0, 0] for h in (1e-3, 1e-5, 1e-7)]
    assert near[0] / near[1] == pytest.approx(1e4, rel=1e-3)
    assert near[1] / near[2] == pytest.approx(1e4, rel=1e-3)


def test_tails_next_to_two_are_integrated_to_their_end():
    # E R^2 alone: S vanishes with its scale, so that what remains is the second moment
    p, point = StudentT([[0.0, 0.0]], [np.eye(2)], 2.01), StudentT([[0.0, 0.0]], [np.zeros((2, 2))], 50.0)
    assert p.cost(point)[0, 0] == pytest.approx(2 * 2.01 / 0.01, rel=1e-9)
    with pytest.raises(UnsupportedError, match="so close"):
        StudentT([0.0], [1.0], 2.00001).cost(StudentT([0.0], [1.0], 3.0))


def test_mixtures_on_the_line_are_compared_moved_and_bounded():
    assert distance(P, Q) == pytest.approx(distance(Q, P), rel=1e-13)
    assert distance(P, P) == 0.0
    alone = [StudentT(m.locs[[i]], m.scales[[i]], m.dfs[i]) for m in (P.components, Q.components) for i in (0, 1)]
    each = [[a.cost(b)[0, 0] for b in alone[2:]] for a in alone[:2]]
    np.testing.assert_allclose(plan(P, Q).cost_matrix, each, rtol=1e-12)
    inside = bounds(P, Q)
    assert inside.upper_by == "MW2"
    assert inside.upper == pytest.approx(distance(P, Q), rel=1e-12)
    assert inside.lower < distance(Samples(P.sample(700, rng=0)), Samples(Q.sample(700, rng=1))) < inside.upper


def test_maps_push_forward_and_attain_the_cost(rng):
    for d in (1, 3):
        p, q = StudentT(np.ones((1, d)), [4.0 * np.eye(d)], 4.0), StudentT(np.zeros((1, d)), [0.5 * np.eye(d)], 9.0)
        x = p.sample(np.zeros(20_000, dtype=int), rng)
        y = p.coupling(q, ONE, ONE).map(x, 0)
        radii = np.linalg.norm(y, axis=1) / np.sqrt(0.5)
        assert stats.kstest(radii**2 / d, stats.f(d, 9.0).cdf).pvalue > 1e-3
        assert np.mean(np.sum((x - y) ** 2, axis=1)) == pytest.approx(p.cost(q)[0, 0], rel=0.05)
        back = q.coupling(p, ONE, ONE).map(y, 0)
        np.testing.assert_allclose(back, x, rtol=1e-8, atol=1e-10)
    moved = transport_map(P, Q)(P.sample(20_000, rng=2))
    assert moved.mean() == pytest.approx(Q.mean()[0], abs=0.05)


def test_radii_keep_their_ranks_far_out():
    r = np.array([0.0, 1e-8, 1.0, 30.0, 1e6, 1e90])
    there = matched_radii(r, 5.0, 3.0, 2)
    np.testing.assert_allclose(matched_radii(there, 3.0, 5.0, 2), r, rtol=1e-9)
    assert (np.diff(there) > 0).all()


def test_in_the_plane_w2_is_enclosed_and_the_way_out_is_named(rng):
    p, q = Mixture([1.0], TILTED), Mixture([1.0], STRETCHED)
    with pytest.raises(UnsupportedError, match=r"got 3 and 12 for components 0 and 0; bounds\(p, q\) encloses"):
        distance(p, q)
    with pytest.raises(UnsupportedError, match="optimal map between"):
        TILTED.coupling(STRETCHED, ONE, ONE)
    inside = bounds(p, q)
    assert (inside.lower_by, inside.upper_by) == ("Gelbrich", "shared radii")
    assert 0 < inside.lower < inside.upper < 1.2 * inside.lower
    gelbrich = Gaussian(TILTED.locs, TILTED.cov()).cost(Gaussian(STRETCHED.locs, STRETCHED.cov()))[0, 0]
    assert inside.lower == pytest.approx(np.sqrt(gelbrich), rel=1e-9)


def test_the_upper_bound_is_the_cost_of_its_coupling(rng):
    """Drawn: one direction, turned by the best rotation, and radii of one rank."""
    p, q = StudentT(TILTED.locs, TILTED.scales, 7.0), STRETCHED
    roots = [np.linalg.cholesky(law.scales[0]) for law in (p, q)]
    u, _, vt = np.linalg.svd(roots[0].T @ roots[1])
    z = StudentT([[0.0, 0.0]], [np.eye(2)], 7.0).sample(np.zeros(200_000, dtype=int), rng)
    r = np.linalg.norm(z, axis=1)
    w = z / r[:, None] * matched_radii(r, 7.0, 12.0, 2)[:, None]
    x, y = p.locs + z @ roots[0].T, q.locs + w @ (roots[1] @ vt.T @ u.T).T
    lower, upper = p.cost_bounds(q)
    drawn = np.sum((x - y) ** 2, axis=1)
    assert abs(drawn.mean() - upper[0, 0]) < 5 * drawn.std() / np.sqrt(200_000)
    assert lower[0, 0] < upper[0, 0]


def test_one_df_is_as_it_was_and_round_laws_of_the_plane_are_exact():
    p, q = StudentT([[0.0, 0.0]], [np.eye(2)], 4.0), StudentT([[3.0, 4.0]], [4 * np.eye(2)], 11.0)
    square, cross = radial_gaps(p.dfs, q.dfs, 2)
    assert p.cost(q)[0, 0] == pytest.approx(25 + square[0, 0] - 2 * cross[0, 0] + 2 * 11 / 9, rel=1e-12)
    lower, upper = TILTED.cost_bounds(StudentT(STRETCHED.locs, STRETCHED.scales, 3.0))
    assert lower == upper


def test_what_leaves_the_family_is_refused():
    for call, what in (
        (lambda: geodesic(P, Q)(0.5), "the geodesic between Student laws of unlike df is none"),
        (lambda: barycenter([P, Q]), "the barycenter of Student laws of unlike df is none"),
    ):
        with pytest.raises(UnsupportedError, match=what):
            call()
    assert geodesic(P, Q)(1.0).components.dfs.tolist() == [5.0, 5.0, 30.0]
