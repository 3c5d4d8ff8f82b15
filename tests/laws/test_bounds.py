"""``lower <= W2 <= upper``, with W2 from elsewhere: affine images, products, and quantiles by another quadrature."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from mixot import DiagonalGaussian, Gaussian, InputError, Mixture, Samples, UnsupportedError, bounds, distance, quantize
from mixot.formulas.gaussian.quantiles import Line, w2_squared_on_line
from mixot.transport import bounds as module
from mixot.transport import sandwich
from mixot.transport.plans import gaussian_target

# Chen, Georgiou and Tannenbaum (2019), figure 1: N(0, 1) against half N(-D, 1), half N(D, 1); W2 by quadrature in many
# digits. And Delon and Desolneux (2020), section 4.3.
CHEN = [
    (0.5, 0.118377929002287),
    (1.0, 0.4211598520437053),
    (2.0, 1.283160912589575),
    (3.0, 2.247656824767379),
    (5.0, 4.226159860289872),
]


def mixture(rng, k, d, rank=None, scale=1.0):
    root = scale * rng.standard_normal((k, d, d + 2 if rank is None else rank))
    covs = root @ root.swapaxes(1, 2) / max(root.shape[2], 1)
    return Mixture(rng.dirichlet([2.0] * k), Gaussian(2 * rng.standard_normal((k, d)), covs))


def w2_by_quadrature(p, q, panels=2000):
    """W2 on the line by Gauss-Legendre rules over panels of z, u = Phi(z), the quantiles by bisection."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    edges = np.linspace(-8, 8, panels + 1)
    z = ((edges[:-1] + edges[1:])[:, None] / 2 + nodes * (edges[1] - edges[0]) / 2).ravel()
    mass = np.tile(weights * (edges[1] - edges[0]) / 2, panels) * norm.pdf(z)
    found = []
    for law in (p, q):
        means, stds = law.components.means[:, 0], np.sqrt(law.components.covs[:, 0, 0])
        low, high = (np.full(len(z), end) for end in ((means - 12 * stds).min(), (means + 12 * stds).max()))
        for _ in range(50):
            x = (low + high) / 2
            below = ndtr((x[:, None] - means) / stds) @ law.weights < ndtr(z)
            low, high = np.where(below, x, low), np.where(below, high, x)
        found.append(x)
    return np.sqrt(mass @ (found[0] - found[1]) ** 2)


def w2_by_sorting(p, q, n=50_000):
    """W2 on the line by the midpoint rule on n quantiles, interpolated: good to about 1e-4 of the scale."""
    levels = (np.arange(n) + 0.5) / n
    found = []
    for law in (p, q):
        means, stds = law.components.means[:, 0], np.sqrt(law.components.covs[:, 0, 0])
        x = np.unique(np.concatenate([m + s * np.linspace(-9, 9, 1001) for m, s in zip(means, stds, strict=True)]))
        found.append(np.interp(levels, ndtr((x[:, None] - means) / stds) @ law.weights, x))
    return np.sqrt(np.mean((found[0] - found[1]) ** 2))


def prop_6_spread(p):
    return np.sqrt(2 * p.weights @ np.trace(p.components.cov(), axis1=1, axis2=2))


@pytest.mark.parametrize(("gap", "exact"), CHEN)
def test_published_w2_on_the_line(gap, exact):
    p, q = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([0.5, 0.5], Gaussian([-gap, gap], [1.0, 1.0]))
    inside = bounds(p, q)
    assert inside.lower == pytest.approx(exact, rel=1e-9)
    assert inside.upper == pytest.approx(exact, rel=1e-9)
    assert inside.lower <= exact * (1 + 1e-14)
    assert inside.upper >= exact * (1 - 1e-14)
    assert (inside.lower_by, inside.upper_by) == ("quantiles", "quantiles")
    assert distance(p, q) == pytest.approx(gap, rel=1e-12)


def test_delon_4_3():
    p = Mixture([0.3, 0.7], Gaussian([0.2, 0.4], [0.03**2, 0.04**2]))
    q = Mixture([0.6, 0.4], Gaussian([0.6, 0.8], [0.06**2, 0.07**2]))
    inside = bounds(p, q)
    assert inside.lower == pytest.approx(0.343446927474441, rel=1e-9)
    assert inside.upper == pytest.approx(0.343446927474441, rel=1e-9)
    # W2 <= MW2 <= the bound printed there
    assert inside.upper < distance(p, q) < inside.lower + prop_6_spread(p) + prop_6_spread(q)
    assert inside.lower + prop_6_spread(p) + prop_6_spread(q) == pytest.approx(0.486947078523579, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_line_against_another_quadrature(seed, rng):
    p, q = mixture(rng, 1 + seed, 1, scale=0.7), mixture(rng, 3, 1, scale=0.7)
    inside = bounds(p, q)
    assert w2_by_quadrature(p, q) == pytest.approx(inside.lower, rel=1e-8)
    assert inside.width <= 1e-9 * inside.upper


def test_line_on_many_random_cases(rng):
    for _ in range(80):
        scale = 10.0 ** rng.uniform(-1.5, 0.5)
        p, q = mixture(rng, rng.integers(1, 7), 1, scale=scale), mixture(rng, rng.integers(1, 7), 1, scale=scale)
        inside, exact, mw2 = bounds(p, q), w2_by_sorting(p, q), distance(p, q)
        slack = 4e-4 * (1 + exact)
        assert inside.lower - slack <= exact <= inside.upper + slack
        assert inside.upper <= mw2
        assert mw2 <= inside.upper + prop_6_spread(p) + prop_6_spread(q)
        assert inside.width <= 1e-6 * (1 + exact)


def test_line_between_atoms_and_densities():
    def line(weights, means, stds):
        return Line(np.array(weights), np.array(means), np.array(stds))

    # atoms onto atoms: .3 stay, .2 of the .7 at 3 go back to 0, .5 to 2
    low, high = w2_squared_on_line(line([0.3, 0.7], [0.0, 3.0], [0.0, 0.0]), line([0.5, 0.5], [0.0, 2.0], [0.0, 0.0]))
    assert low <= 0.2 * 9 + 0.5 * 1 <= high
    assert high - low < 1e-10
    # .3 delta_0 + .7 delta_3 onto N(0, 1): E y^2 + 9 * .7 - 2 * 3 E[y; y > c], P(y < c) = .3
    low, high = w2_squared_on_line(line([0.3, 0.7], [0.0, 3.0], [0.0, 0.0]), line([1.0], [0.0], [1.0]))
    exact = 1 + 6.3 - 6 * norm.pdf(norm.ppf(0.3))
    assert low <= exact <= high
    assert high - low < 1e-8
    assert w2_squared_on_line(line([1.0], [2.0], [0.0]), line([1.0], [2.0], [0.0])) == (0.0, 0.0)


def test_line_margin_covers_rounding_where_w2_is_known(rng):
    # y = c x + t is increasing, so E (y - x)^2 is W2^2, in any unit
    for _ in range(50):
        k = rng.integers(1, 8)
        law = Line(
            rng.dirichlet(np.ones(k)), 10 ** rng.uniform(-2, 2) * rng.standard_normal(k), rng.uniform(0.01, 9, k)
        )
        c, t = np.exp(rng.choice([0.0, 0.1, 1.0]) * rng.standard_normal()), 3 * rng.standard_normal()
        unit = 10.0 ** rng.integers(-8, 9)
        p = Line(law.weights, unit * law.means, unit * law.stds)
        q = Line(law.weights, unit * (c * law.means + t), unit * c * law.stds)
        exact = unit**2 * law.weights @ (((c - 1) * law.means + t) ** 2 + (c - 1) ** 2 * law.stds**2)
        low, high = w2_squared_on_line(p, q)
        assert low <= exact * (1 + 1e-15)
        assert high >= exact * (1 - 1e-15)


@pytest.mark.parametrize("d", [2, 5])
def test_affine_images_have_a_known_w2(d, rng):
    # x -> S x + c with S symmetric PSD is the gradient of a convex function, so optimal from any law
    for _ in range(40):
        p = mixture(rng, rng.integers(1, 6), d, rank=rng.choice([None, 1]))
        axes = np.linalg.qr(rng.standard_normal((d, d)))[0]
        s = (axes * rng.choice([0.0, 0.5, 1.0, 2.0], size=d)) @ axes.T
        s, c = (s + s.T) / 2, rng.standard_normal(d)
        q = p.affine(s, c)
        step = np.eye(d) - s
        exact = np.sqrt(np.trace(step @ p.cov() @ step) + np.sum((step @ p.mean() - c) ** 2))
        inside, mw2 = bounds(p, q), distance(p, q)
        assert 0 <= inside.lower <= exact * (1 + 1e-12)
        assert exact <= inside.upper * (1 + 1e-12)
        assert inside.upper <= mw2 <= exact + prop_6_spread(p) + prop_6_spread(q) + 1e-9
        # the Gelbrich bound is attained by such maps
        assert inside.lower == pytest.approx(exact, rel=1e-5)


def test_products_have_a_known_w2(rng):
    # independent coordinates: squares add; one coordinate is a mixture, the others are Gaussian
    for _ in range(25):
        one, two = mixture(rng, 3, 1, scale=0.4), mixture(rng, 2, 1, scale=0.4)
        means, stds = rng.standard_normal((2, 2)), rng.uniform(0.3, 2, (2, 2))
        p, q = (
            Mixture(
                law.weights,
                DiagonalGaussian(
                    np.hstack([law.components.means, np.tile(m, (len(law), 1))]),
                    np.hstack([law.components.covs[:, 0], np.tile(s**2, (len(law), 1))]),
                ),
            )
            for law, m, s in zip((one, two), means, stds, strict=True)
        )
        exact = np.sqrt(bounds(one, two).upper ** 2 + np.sum((means[0] - means[1]) ** 2 + (stds[0] - stds[1]) ** 2))
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        inside = bounds(p.affine(turn), q.affine(turn))
        assert inside.lower <= exact * (1 + 1e-12)
        assert exact <= inside.upper * (1 + 1e-12)
        # at least as good as moments alone, and as half the truth
        assert inside.lower >= 0.5 * exact


def test_projection_wins_where_moments_agree():
    # same mean and covariance, so moments see nothing; along the first axis the laws differ
    q = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.diag([5.0, 1.0])]))
    p = Mixture([0.5, 0.5], Gaussian([[-2.0, 0.0], [2.0, 0.0]], [np.eye(2)] * 2))
    inside = bounds(p, q)
    on_axis = bounds(p.marginal([0]), q.marginal([0]))
    assert inside.lower_by == "projection"
    assert inside.lower == pytest.approx(on_axis.lower, rel=1e-5)


def test_the_direction_found_is_about_the_best(rng):
    for _ in range(3):
        p, q = mixture(rng, 3, 2, scale=0.4), mixture(rng, 3, 2, scale=0.4)
        angles = np.linspace(0, np.pi, 46)
        along = [bounds_on(p, q, np.array([np.cos(t), np.sin(t)])) for t in angles]
        assert bounds(p, q).lower >= max(along) * (1 - 1e-2)


def bounds_on(p, q, v):
    low, _ = w2_squared_on_line(module._project(p, v), module._project(q, v), tol=1e-3)
    return np.sqrt(low)


def test_gradient_of_the_projected_cost(rng):
    p, q = mixture(rng, 3, 3), mixture(rng, 4, 3)
    v, w = rng.standard_normal((2, 3))
    v /= np.linalg.norm(v)
    w -= (v @ w) * v
    _, slope = module._rough_cost(p, q, v)
    ahead, behind = (module._rough_cost(p, q, np.cos(t) * v + np.sin(t) * w)[0] for t in (1e-3, -1e-3))
    # along a circle on the sphere; a coarse quadrature, good enough to climb
    assert (ahead - behind) / 2e-3 == pytest.approx(slope @ w, rel=0.1)


def test_proposition_6_can_win(rng):
    # tight clusters: components are almost points, and MW2 almost W2
    p, q = mixture(rng, 6, 3, scale=0.01), mixture(rng, 6, 3, scale=0.01)
    inside = bounds(p, q)
    assert inside.lower_by == "Prop. 6"
    assert inside.lower == pytest.approx(distance(p, q) - prop_6_spread(p) - prop_6_spread(q), rel=1e-9)


def test_distance_of_a_law_to_itself(rng):
    for d in (1, 3):
        p = mixture(rng, 4, d)
        inside = bounds(p, p)
        assert inside.lower == 0.0
        assert inside.upper <= 1e-7


def test_bounds_scale_and_commute(rng):
    p, q = mixture(rng, 3, 2), mixture(rng, 2, 2)
    inside, other = bounds(p, q), bounds(q, p)
    assert inside.lower == pytest.approx(other.lower, rel=1e-3)  # the search may end elsewhere
    assert inside.upper == pytest.approx(other.upper, rel=1e-12)
    for scale in (1e-3, 1e8):
        scaled = bounds(p.affine(scale), q.affine(scale))
        assert scaled.lower == pytest.approx(scale * inside.lower, rel=1e-3)
        assert scaled.upper == pytest.approx(scale * inside.upper, rel=1e-9)


def test_on_the_line_the_interval_is_tight_whatever_the_points(rng):
    p, q = mixture(rng, 3, 1), mixture(rng, 4, 1)
    inside = bounds(p, q)
    assert inside.width <= 1e-9 * inside.upper
    assert (inside.lower_by, inside.upper_by) == ("quantiles", "quantiles")
    for points in (0, 10, 1000):
        again = bounds(p, q, points=points)
        assert (again.lower, again.upper) == (inside.lower, inside.upper)


@pytest.mark.parametrize("d", [1, 2])
def test_points_that_stand_for_one_of_two_enclose_the_distance(d, rng):
    """``|W2(p_n, q) - W2(p_n, p)| <= W2(p, q) <= W2(p_n, q) + W2(p_n, p)``, the triangle inequality."""
    p, q = mixture(rng, 2, d), mixture(rng, 3, d)
    inside = bounds(p, q)
    for n in (10, 100):
        stand = quantize(p, n, weights="free", rng=0)
        there = distance(stand.samples, q)
        assert abs(there - stand.distance) <= inside.upper
        assert inside.lower <= there + stand.distance


def test_in_the_plane_more_points_narrow_the_interval(rng):
    p, q = mixture(rng, 2, 2), mixture(rng, 3, 2)
    found = [bounds(p, q, points=n) for n in (0, 20, 80, 320)]
    assert max(i.lower for i in found) <= min(i.upper for i in found)
    widths = np.array([i.width for i in found])
    assert (np.diff(widths) < 0).all()
    assert widths[3] < 0.15 * widths[1]  # about one over the number of points


def test_what_bounds_cannot_take_is_named(rng):
    p = mixture(rng, 2, 2)
    with pytest.raises(InputError, match="whole number of 0 or more, got -1"):
        bounds(p, p, points=-1)
    with pytest.raises(UnsupportedError, match="expected a mixture, got Samples"):
        bounds(p, Samples([[0.0, 0.0]]))


@pytest.mark.parametrize(("d", "points"), [(2, 64), (3, 0)])
def test_the_last_bit_of_an_input_moves_no_end_across_the_other(rng, d, points):
    p, q = mixture(rng, 2, d), mixture(rng, 3, d)
    first = bounds(p, q, points=points)
    for toward in (np.inf, -np.inf):
        near = Mixture(p.weights, Gaussian(np.nextafter(p.components.means, toward), p.components.covs))
        found = bounds(near, q, points=points)
        assert found.lower <= first.upper + 1e-12
        assert first.lower <= found.upper + 1e-12
        np.testing.assert_allclose([found.lower, found.upper], [first.lower, first.upper], rtol=1e-3)


def test_the_gelbrich_bound_between_equal_moments_is_zero(rng):
    """Rounding is on the safe side: a proven bound is not above zero where the distance is zero."""
    for d in (1, 2, 5):
        for scale in (1e-3, 1.0, 1e4) * 5:
            p = mixture(rng, 3, d, scale=scale)
            assert module._gelbrich(p, p) == 0.0
            moved = p.affine(np.eye(d), np.full(d, 7.0 * scale))
            assert module._gelbrich(p, moved) == pytest.approx(49 * d * scale**2, rel=1e-6)
            assert module._gelbrich(p, moved) <= 49 * d * scale**2 * (1 + 1e-13)


@pytest.mark.parametrize("d", [2, 3])
def test_the_slope_that_directions_climb_is_that_of_the_cost(d, rng):
    p, q = mixture(rng, 2, d), mixture(rng, 3, d)
    for v in rng.standard_normal((3, d)):
        v /= np.linalg.norm(v)
        cost, slope = module._rough_cost(p, q, v)
        assert slope @ v == pytest.approx(2 * cost, rel=1e-9)  # the cost is of degree 2 in v
        turn = rng.standard_normal(d)
        turn -= (turn @ v) * v
        turn /= np.linalg.norm(turn)
        ends = [module._rough_cost(p, q, v + step * turn)[0] for step in (0.02, -0.02)]
        assert slope @ turn == pytest.approx((ends[0] - ends[1]) / 0.04, rel=0.2, abs=0.1 * cost)


def test_climbing_raises_the_cost_to_a_place_without_slope(rng):
    for _ in range(5):
        p, q = mixture(rng, 2, 3), mixture(rng, 2, 3)
        start = rng.standard_normal(3)
        start /= np.linalg.norm(start)
        v, cost = module._climb(p, q, start)
        assert np.linalg.norm(v) == pytest.approx(1.0, rel=1e-12)
        found, slope = module._rough_cost(p, q, v)
        assert (found, cost >= module._rough_cost(p, q, start)[0]) == (cost, True)
        assert np.linalg.norm(slope - (slope @ v) * v) < 0.1 * np.linalg.norm(slope)


def test_the_directions_tried_hold_the_ends_of_every_spectrum(rng):
    p, q = mixture(rng, 2, 4), mixture(rng, 3, 4)
    tried = module._directions(p, q, module.between_mixtures(p, q, module.Exact()))
    np.testing.assert_allclose(np.linalg.norm(tried, axis=1), 1.0, rtol=1e-12)
    plan = module.between_mixtures(p, q, module.Exact())
    steps = q.components.means[None] - p.components.means[:, None]
    moved = np.einsum("kl,kli,klj->ij", plan.coupling, steps, steps)
    for matrix in (moved, p.cov(), q.cov(), p.cov() - q.cov()):
        axes = np.linalg.eigh(matrix)[1][:, [-1, -2, 0]].T
        assert (np.abs(axes @ tried.T).max(axis=1) > 1 - 1e-8).all()
    gap = q.mean() - p.mean()
    assert np.abs(tried @ gap).max() == pytest.approx(np.linalg.norm(gap), rel=1e-12)


def test_sixth_proposition_is_as_printed(rng):
    p, q = mixture(rng, 2, 3), mixture(rng, 3, 3)
    plan = module.between_mixtures(p, q, module.Exact())
    expected = distance(p, q) - prop_6_spread(p) - prop_6_spread(q)
    assert module._proposition_6(p, q, plan) == pytest.approx(expected, rel=1e-9)


def moments_of(mass, mean, cov):
    """What `cell_moments` gives for a cell: mass, first moments, and second moments x x, x y, y y, about the origin."""
    second = cov + np.outer(mean, mean)
    return mass * np.array([1.0, *mean, second[0, 0], second[0, 1], second[1, 1]])


def test_cells_that_are_glued_cost_what_independent_parts_cost(rng):
    masses, others = np.array([0.2, 0.5, 0.3]), np.array([0.3, 0.4, 0.3])
    means, roots = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2, 3))
    covs = roots @ roots.swapaxes(-1, -2)
    here, there = (
        np.array([moments_of(m, mean, cov) for m, mean, cov in zip(mass, means[side], covs[side], strict=True)])
        for side, mass in enumerate((masses, masses))
    )
    expected = sum(
        masses[i] * (((means[0, i] - means[1, i]) ** 2).sum() + np.trace(covs[0, i]) + np.trace(covs[1, i]))
        for i in range(3)
    )
    assert sandwich._glued(here, there) == pytest.approx(expected, rel=1e-12)
    there = there * (others / masses)[:, None]
    shared = np.minimum(masses, others)
    expected = sum(
        shared[i] * (((means[0, i] - means[1, i]) ** 2).sum() + np.trace(covs[0, i]) + np.trace(covs[1, i]))
        for i in range(3)
    )
    for moments, mass in ((here, masses), (there, others)):  # what is left over, at twice its second moments
        expected += sum(2 * (1 - shared[i] / mass[i]) * (moments[i, 3] + moments[i, 5]) for i in range(3))
    assert sandwich._glued(here, there) == pytest.approx(expected, rel=1e-12)


def test_second_moments_of_a_density(rng):
    p = mixture(rng, 3, 2)
    expected = np.trace(p.cov()) + p.mean() @ p.mean()
    assert sandwich._second(gaussian_target(p)) == pytest.approx(expected, rel=1e-12)


def test_points_with_tails_have_all_the_mass(rng):
    law = gaussian_target(mixture(rng, 2, 2))
    start = law.means + 0.1
    points, moments = sandwich._with_tails(start, law)
    np.testing.assert_array_equal(points[:2], start)
    assert len(points) > 2
    assert (moments[:, 0] > sandwich._LEAST).all()
    assert moments[:, 0].sum() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(moments[:, 1:3].sum(axis=0), law.weights @ law.means, atol=1e-8)
    far = np.stack(
        [np.linalg.solve(np.linalg.cholesky(c), (points[2:] - m).T).T for m, c in zip(law.means, law.covs, strict=True)]
    )
    assert (np.linalg.norm(far, axis=2).min(axis=0) > 0.99 * sandwich._RINGS[0]).all()  # around, not inside


def test_one_point_is_points(monkeypatch, rng):
    asked = []
    monkeypatch.setattr(module, "semidiscrete_sandwich", lambda p, q, points: asked.append(points) or (0.0, np.inf))
    p, q = mixture(rng, 2, 2), mixture(rng, 2, 2)
    for points in (0, 1, 2):
        bounds(p, q, points=points)
    assert asked == [1, 2]
