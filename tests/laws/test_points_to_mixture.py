"""Exact W2 between points and Gaussian mixtures: closed forms, symmetries, the dual, derivatives, hard cases."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gaussian,
    Mixture,
    Poisson,
    Samples,
    Semidiscrete,
    StudentT,
    UnsupportedError,
    bounds,
    distance,
    plan,
    transport_map,
)
from mixot.transport.sandwich import semidiscrete_sandwich


def mixture(rng, k=3, d=2):
    root = 0.7 * rng.standard_normal((k, d, d))
    return Mixture(
        rng.dirichlet([3.0] * k),
        Gaussian(2 * rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) + 0.05 * np.eye(d)),
    )


def cloud(rng, n, d=2):
    return Samples(2 * rng.standard_normal((n, d)), rng.dirichlet([3.0] * n))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_one_point_pays_its_distance_and_the_variance(d, rng):
    # E |y - X|^2 = |y - m|^2 + tr S
    for _ in range(5):
        q = mixture(rng, k=1, d=d)
        y = 3 * rng.standard_normal((1, d))
        want = ((y - q.mean()) ** 2).sum() + np.trace(q.cov())
        assert plan(Samples(y), q).cost == pytest.approx(want, rel=1e-12)
        assert distance(q, Samples(y)) == pytest.approx(np.sqrt(want), rel=1e-12)


def test_two_points_halve_a_normal_law():
    q = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.diag([4.0, 1.0])]))
    a = 1.3
    found = plan(Samples([[-a, 0.0], [a, 0.0]]), q)
    # cells are half planes, and E |x| = 2 sqrt(2 / pi)
    assert found.cost == pytest.approx(4 + 1 + a**2 - 2 * a * 2 * np.sqrt(2 / np.pi), rel=1e-11)
    np.testing.assert_allclose(found.centroids, [[-2 * np.sqrt(2 / np.pi), 0], [2 * np.sqrt(2 / np.pi), 0]], atol=1e-8)


@pytest.mark.parametrize("n", [2, 30, 400])
def test_the_plan_is_certified(n, rng):
    p, q = cloud(rng, n), mixture(rng)
    found = plan(p, q)
    assert found.status.solved
    assert found.marginal_error <= 1e-8
    np.testing.assert_allclose(found.masses, p.weights, atol=1e-8)
    assert 0 <= found.gap <= 1e-4 * found.cost
    np.testing.assert_allclose(found.masses @ found.centroids, q.mean(), atol=1e-7)
    # weak duality the other way: a transport plan to draws from q costs about as much
    assert found.target is q


def test_on_average_over_draws_discrete_transport_agrees(rng):
    p, q = cloud(rng, 12), mixture(rng)
    x = q.sample(600, rng=rng)
    np.testing.assert_allclose(distance(p, Samples(x)), distance(p, q), rtol=0.08)


def test_translation_rotation_and_scaling(rng):
    p, q = cloud(rng, 40), mixture(rng)
    cost = plan(p, q).cost
    c, s = np.cos(0.7), np.sin(0.7)
    turn, shift = np.array([[c, -s], [s, c]]), np.array([30.0, -70.0])
    moved = plan(Samples(p.points @ turn.T + shift, p.weights), q.affine(turn, shift))
    assert moved.cost == pytest.approx(cost, rel=1e-10)
    larger = plan(Samples(1e3 * p.points, p.weights), q.affine(1e3))
    assert larger.cost == pytest.approx(1e6 * cost, rel=1e-10)
    smaller = plan(Samples(1e-4 * p.points, p.weights), q.affine(1e-4))
    assert smaller.cost == pytest.approx(1e-8 * cost, rel=1e-10)
    # shifting one side: |shift|^2 + 2 shift . (mean difference) more
    away = plan(p, q.affine(1.0, shift)).cost
    assert away == pytest.approx(cost + shift @ shift + 2 * shift @ (q.mean() - p.mean()), rel=1e-10)


def test_points_on_a_line_see_the_marginal(rng):
    """Cells of points on an axis are slabs, whatever the law does along them."""
    q = mixture(rng)
    x, weights = rng.standard_normal(25), rng.dirichlet([3.0] * 25)
    line = plan(Samples(x[:, None], weights), q.marginal([0]))
    plane = plan(Samples(np.column_stack([x, np.zeros(25)]), weights), q)
    second = q.cov()[1, 1] + q.mean()[1] ** 2
    assert plane.cost == pytest.approx(line.cost + second, rel=1e-10)
    np.testing.assert_allclose(plane.centroids[:, 0], line.centroids[:, 0], atol=1e-6)
    np.testing.assert_allclose(plane.potentials, line.potentials, atol=1e-6)


@pytest.mark.parametrize("d", [1, 2])
def test_derivatives_are_differences(d, rng):
    p, q = cloud(rng, 8, d), mixture(rng, d=d)
    solver = Semidiscrete(tol=1e-12)

    def cost(points, weights, means, covs):
        return plan(Samples(points, p.weights), Mixture(weights, Gaussian(means, covs)), solver=solver).cost

    found = plan(p, q, solver=solver)
    gradient, h = found.mixture_gradient(), 1e-4
    point = (p.points, q.weights, q.components.means, q.components.covs)

    def slope(which, change):
        ends = []
        for sign in (1, -1):
            moved = list(point)
            moved[which] = moved[which] + sign * h * change
            ends.append(cost(*moved))
        return (ends[0] - ends[1]) / (2 * h)

    for which, shape, got in ((0, (8, d), found.points_gradient()), (2, (3, d), gradient.means)):
        change = rng.standard_normal(shape)
        np.testing.assert_allclose((got * change).sum(), slope(which, change), rtol=2e-6, atol=1e-8)
    change = rng.standard_normal((3, d, d))
    change += change.swapaxes(1, 2)
    np.testing.assert_allclose((gradient.covs * change).sum(), slope(3, 0.1 * change) * 10, rtol=1e-5, atol=1e-7)
    change = np.array([0.3, -0.2, -0.1])
    np.testing.assert_allclose((gradient.weights * change).sum(), slope(1, change), rtol=2e-6, atol=1e-8)


def test_maps_between_points_and_a_mixture(rng):
    p, q = cloud(rng, 15), mixture(rng)
    found = plan(p, q)
    np.testing.assert_allclose(transport_map(p, q)(p.points), found.centroids, atol=1e-6)
    x = q.sample(20_000, rng=rng)
    landed = transport_map(q, p)(x)
    counts = np.array([(landed == y).all(axis=1).mean() for y in p.points])
    np.testing.assert_allclose(counts, p.weights, atol=0.015)


def test_equal_points_points_without_mass_and_weightless_components(rng):
    p, q = cloud(rng, 10), mixture(rng)
    cost = plan(p, q).cost
    doubled = Samples(np.repeat(p.points, 2, axis=0), np.repeat(p.weights / 2, 2))
    assert plan(doubled, q).cost == pytest.approx(cost, rel=1e-9)
    extra = Samples(np.vstack([p.points, [[0.1, 0.2]]]), np.append(p.weights, 0.0))
    assert plan(extra, q).cost == pytest.approx(cost, rel=1e-9)
    ghost = Mixture(
        np.append(q.weights, 0.0),
        Gaussian(np.vstack([q.components.means, [[99, 99]]]), np.concatenate([q.components.covs, np.zeros((1, 2, 2))])),
    )
    assert plan(p, ghost).cost == pytest.approx(cost, rel=1e-9)


HARD = {
    "heavy tails": lambda rng: (rng.standard_t(1.5, size=(300, 2)), mixture(rng)),
    "all points far away": lambda rng: (50 + 0.1 * rng.standard_normal((200, 2)), mixture(rng)),
    "a lattice": lambda rng: (np.stack(np.meshgrid(*[np.linspace(-2, 2, 15)] * 2), -1).reshape(-1, 2), mixture(rng)),
    "very thin components": lambda rng: (
        rng.standard_normal((200, 2)),
        Mixture([0.5, 0.5], Gaussian([[0, 0], [1, 1.0]], [np.diag([1, 1e-6]), [[1, 0.999], [0.999, 1]]])),
    ),
    "components far apart": lambda rng: (
        rng.standard_normal((200, 2)),
        Mixture([0.3, 0.7], Gaussian([[0, 0], [40.0, 0]], [np.eye(2), np.eye(2)])),
    ),
    "different scales": lambda rng: (
        rng.standard_normal((200, 2)),
        Mixture([0.5, 0.5], Gaussian([[0, 0], [1.0, 0]], [1e-4 * np.eye(2), 25 * np.eye(2)])),
    ),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_cases_are_solved(case, rng):
    points, q = HARD[case](rng)
    found = plan(Samples(points), q)
    assert found.status.solved
    np.testing.assert_allclose(found.masses @ found.centroids, q.mean(), atol=1e-5 * np.sqrt(np.trace(q.cov())))


def test_families(rng):
    p = cloud(rng, 6)
    narrow = Mixture([0.4, 0.6], DiagonalGaussian([[0, 0], [1.0, 2]], [[1, 2], [0.5, 0.3]]))
    wide = Mixture(narrow.weights, narrow.components.widen())
    assert plan(p, narrow).cost == pytest.approx(plan(p, wide).cost, rel=1e-12)
    with pytest.raises(UnsupportedError, match="student"):
        plan(p, Mixture([1.0], StudentT([[0.0, 0.0]], [np.eye(2)], 5.0)))
    with pytest.raises(UnsupportedError, match="poisson"):
        plan(Samples([1.0, 2.0]), Mixture([1.0], Poisson([3.0])))
    with pytest.raises(UnsupportedError, match="singular"):
        plan(p, Mixture([1.0], Gaussian([[0.0, 0.0]], [np.diag([1.0, 0.0])])))
    with pytest.raises(UnsupportedError, match="dimension 4"):
        plan(cloud(rng, 3, 4), mixture(rng, d=4))


# ---- the sandwich between two mixtures ----


def test_the_sandwich_holds_what_is_known_and_closes(rng):
    for _ in range(3):
        p = mixture(rng, k=1)
        factor = rng.standard_normal((2, 2))
        q = p.affine(factor @ factor.T + 0.2 * np.eye(2), rng.standard_normal(2))  # the gradient of a convex function
        exact, widths = distance(p, q), []  # Gaussian laws: W2 in closed form
        for n in (30, 120, 480):
            lower, upper = semidiscrete_sandwich(p, q, n)
            assert lower <= exact <= upper
            widths.append(upper**2 - lower**2)
        assert widths[2] < 0.2 * widths[0]


def test_the_sandwich_is_the_same_from_either_side_and_tightens_the_other_bounds(rng):
    p, q = mixture(rng), mixture(rng, k=4)
    coarse, fine = bounds(p, q, points=0), bounds(p, q, points=200)
    assert coarse.lower - 1e-9 <= fine.lower <= fine.upper <= coarse.upper + 1e-9
    assert fine.width < 0.3 * coarse.width
    assert fine.lower_by == fine.upper_by == "semi-discrete"
    back = bounds(q, p, points=200)
    np.testing.assert_allclose([back.lower, back.upper], [fine.lower, fine.upper], rtol=1e-6)
    moved = bounds(p.affine(1.0, [5.0, 5.0]), q.affine(1.0, [5.0, 5.0]), points=200)
    assert max(moved.lower, fine.lower) <= min(moved.upper, fine.upper)
