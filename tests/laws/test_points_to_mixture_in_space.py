"""Exact W2 between points and Gaussian mixtures in space: closed forms, symmetries, derivatives, hard cases."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gaussian,
    Mixture,
    Samples,
    Semidiscrete,
    UnsupportedError,
    distance,
    plan,
    transport_map,
)
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget


def mixture(rng, k=3):
    root = 0.7 * rng.standard_normal((k, 3, 3))
    return Mixture(
        rng.dirichlet([3.0] * k),
        Gaussian(2 * rng.standard_normal((k, 3)), root @ root.swapaxes(1, 2) + 0.05 * np.eye(3)),
    )


def cloud(rng, n):
    return Samples(2 * rng.standard_normal((n, 3)), rng.dirichlet([3.0] * n))


def rotation(rng):
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return turn * np.sign(np.linalg.det(turn))


def test_two_points_halve_a_normal_law(rng):
    turn, a = rotation(rng), 1.3
    q = Mixture([1.0], Gaussian([[0.0, 0.0, 0.0]], [turn @ np.diag([4.0, 1.0, 0.25]) @ turn.T]))
    found = plan(Samples([-a * turn[:, 0], a * turn[:, 0]]), q)
    # cells are half spaces, and E |x| = 2 sqrt(2 / pi)
    assert found.cost == pytest.approx(4 + 1 + 0.25 + a**2 - 2 * a * 2 * np.sqrt(2 / np.pi), rel=1e-12)
    mean = 2 * np.sqrt(2 / np.pi) * turn[:, 0]
    np.testing.assert_allclose(found.centroids, [-mean, mean], atol=1e-8)


def test_costs_of_products_add_up(rng):
    """A lattice of product weights against a product law is transported axis by axis."""
    axes = [
        (rng.standard_normal(n), rng.dirichlet([3.0] * n), rng.standard_normal(), 0.3 + rng.random()) for n in (4, 3, 5)
    ]
    points = np.stack(np.meshgrid(*(x for x, *_ in axes), indexing="ij"), axis=-1).reshape(-1, 3)
    weights = np.einsum("i,j,k->ijk", *(w for _, w, *_ in axes)).ravel()
    q = Mixture([1.0], Gaussian([[mean for *_, mean, _ in axes]], [np.diag([var for *_, var in axes])]))
    lines = [plan(Samples(x[:, None], w), Mixture([1.0], Gaussian([mean], [var]))).cost for x, w, mean, var in axes]
    found = plan(Samples(points, weights), q, solver=Semidiscrete(tol=1e-12))
    assert found.cost == pytest.approx(sum(lines), rel=1e-12)


def test_points_in_a_plane_or_on_a_line_see_the_marginal(rng):
    q, weights = mixture(rng), rng.dirichlet([3.0] * 25)
    for d in (1, 2):
        x = rng.standard_normal((25, d))
        flat = plan(Samples(x, weights), q.marginal(list(range(d))))
        solid = plan(Samples(np.column_stack([x, np.zeros((25, 3 - d))]), weights), q)
        rest = sum(q.cov()[a, a] + q.mean()[a] ** 2 for a in range(d, 3))
        assert solid.cost == pytest.approx(flat.cost + rest, rel=1e-10)
        np.testing.assert_allclose(solid.centroids[:, :d], flat.centroids, atol=1e-6)
        np.testing.assert_allclose(solid.potentials, flat.potentials, atol=1e-6)


@pytest.mark.parametrize("n", [2, 30, 700])
def test_the_plan_is_certified(n, rng):
    p, q = cloud(rng, n), mixture(rng, 9)
    found = plan(p, q)
    assert found.status.solved
    assert found.marginal_error <= 1e-8
    np.testing.assert_allclose(found.masses, p.weights, atol=1e-8)
    assert 0 <= found.gap <= 1e-4 * found.cost
    np.testing.assert_allclose(found.masses @ found.centroids, q.mean(), atol=1e-12)
    assert found.target is q


def test_cells_of_a_plan_hold_their_share_of_draws(rng):
    """What the kernels integrate is what falls into the cells."""
    p, q = cloud(rng, 15), mixture(rng)
    x = q.sample(40_000, rng=rng)
    landed = transport_map(q, p)(x)
    counts = np.array([(landed == y).all(axis=1).mean() for y in p.points])
    np.testing.assert_allclose(counts, p.weights, atol=0.012)
    np.testing.assert_allclose(transport_map(p, q)(p.points), plan(p, q).centroids, atol=1e-6)
    assert distance(q, p) == plan(p, q).distance


def test_moments_of_cells_add_up_to_those_of_the_mixture(rng):
    q = mixture(rng, 11)
    law = GaussianTarget(q, q.weights, q.components.means, q.components.covs)
    found = law.moments(2 * rng.standard_normal((50, 3)), 0.5 * rng.random(50), law.bounds)
    assert found[:, 0].min() > -1e-15
    second = q.cov() + np.outer(q.mean(), q.mean())
    want = [1.0, *q.mean(), *np.diag(second), second[0, 1], second[0, 2], second[1, 2]]
    np.testing.assert_allclose(found.sum(axis=0), want, atol=1e-13 * np.abs(second).max())


def test_translation_rotation_and_scaling(rng):
    p, q = cloud(rng, 40), mixture(rng)
    cost = plan(p, q).cost
    turn, shift = rotation(rng), np.array([30.0, -70.0, 20.0])
    moved = plan(Samples(p.points @ turn.T + shift, p.weights), q.affine(turn, shift))
    assert moved.cost == pytest.approx(cost, rel=1e-10)
    for unit in (1e3, 1e-4):
        scaled = plan(Samples(unit * p.points, p.weights), q.affine(unit))
        assert scaled.cost == pytest.approx(unit**2 * cost, rel=1e-10)
    # shifting one side: |shift|^2 + 2 shift . (mean difference) more
    away = plan(p, q.affine(1.0, shift)).cost
    assert away == pytest.approx(cost + shift @ shift + 2 * shift @ (q.mean() - p.mean()), rel=1e-10)


def test_derivatives_are_differences(rng):
    p, q = cloud(rng, 8), mixture(rng)
    solver = Semidiscrete(tol=1e-13)
    found = plan(p, q, solver=solver)
    gradient = found.mixture_gradient()
    point = (p.points, q.weights, q.components.means, q.components.covs)

    def cost(points, weights, means, covs):
        return plan(Samples(points, p.weights), Mixture(weights, Gaussian(means, covs)), solver=solver).cost

    def slope(which, change):
        def central(h):
            ends = []
            for sign in (1, -1):
                moved = list(point)
                moved[which] = moved[which] + sign * h * change
                ends.append(cost(*moved))
            return (ends[0] - ends[1]) / (2 * h)

        return (4 * central(1e-3) - central(2e-3)) / 3  # no error of order h^2

    bend = 0.1 * rng.standard_normal((3, 3, 3))
    cases = (
        (0, rng.standard_normal((8, 3)), found.points_gradient()),
        (1, np.array([0.3, -0.2, -0.1]), gradient.weights),
        (2, rng.standard_normal((3, 3)), gradient.means),
        (3, bend + bend.swapaxes(1, 2), gradient.covs),
    )
    for which, change, got in cases:
        np.testing.assert_allclose((got * change).sum(), slope(which, change), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(gradient.covs, gradient.covs.swapaxes(1, 2))


def test_equal_points_points_without_mass_and_weightless_components(rng):
    p, q = cloud(rng, 10), mixture(rng)
    cost = plan(p, q).cost
    doubled = Samples(np.repeat(p.points, 2, axis=0), np.repeat(p.weights / 2, 2))
    assert plan(doubled, q).cost == pytest.approx(cost, rel=1e-9)
    extra = Samples(np.vstack([p.points, [[0.1, 0.2, 0.3]]]), np.append(p.weights, 0.0))
    assert plan(extra, q).cost == pytest.approx(cost, rel=1e-9)
    ghost = Mixture(
        np.append(q.weights, 0.0),
        Gaussian(np.vstack([q.components.means, [[99] * 3]]), np.concatenate([q.components.covs, np.zeros((1, 3, 3))])),
    )
    assert plan(p, ghost).cost == pytest.approx(cost, rel=1e-9)
    assert plan(p, ghost).mixture_gradient().means.shape == (3, 3)


THIN = np.array([[1, 0.999, 0], [0.999, 1, 0], [0, 0, 1e-4]])
HARD = {
    "heavy tails": lambda rng: (rng.standard_t(1.5, size=(200, 3)), mixture(rng)),
    "all points far away": lambda rng: (50 + 0.1 * rng.standard_normal((100, 3)), mixture(rng)),
    "a lattice": lambda rng: (np.stack(np.meshgrid(*[np.linspace(-2, 2, 6)] * 3), -1).reshape(-1, 3), mixture(rng)),
    "very thin components": lambda rng: (
        rng.standard_normal((150, 3)),
        Mixture([0.5, 0.5], Gaussian([[0, 0, 0], [1, 1.0, 0]], [np.diag([1, 1e-6, 0.2]), THIN])),
    ),
    "a needle": lambda rng: (
        rng.standard_normal((100, 3)),
        Mixture([0.5, 0.5], Gaussian([[0, 0, 0], [1, 1.0, 0]], [np.diag([1, 1e-6, 1e-6]), np.eye(3)])),
    ),
    "components far apart": lambda rng: (
        rng.standard_normal((100, 3)),
        Mixture([0.3, 0.7], Gaussian([[0, 0, 0], [40.0, 0, 0]], [np.eye(3), np.eye(3)])),
    ),
    "different scales": lambda rng: (
        rng.standard_normal((100, 3)),
        Mixture([0.5, 0.5], Gaussian([[0, 0, 0], [1.0, 0, 0]], [1e-4 * np.eye(3), 25 * np.eye(3)])),
    ),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_cases_are_solved(case, rng):
    points, q = HARD[case](rng)
    found = plan(Samples(points), q)
    assert found.status.solved
    np.testing.assert_allclose(found.masses @ found.centroids, q.mean(), atol=1e-10 * np.sqrt(np.trace(q.cov())))


def test_families_and_what_is_refused(rng):
    p = cloud(rng, 6)
    narrow = Mixture([0.4, 0.6], DiagonalGaussian([[0, 0, 1], [1.0, 2, 0]], [[1, 2, 1], [0.5, 0.3, 2]]))
    assert plan(p, narrow).cost == pytest.approx(plan(p, Mixture(narrow.weights, narrow.components.widen())).cost)
    with pytest.raises(UnsupportedError, match=r"components \[0\] have a singular covariance"):
        plan(p, Mixture([1.0], Gaussian([[0.0, 0.0, 0.0]], [np.diag([1.0, 1.0, 0.0])])))
    with pytest.raises(UnsupportedError, match="in the plane"):
        plan(p, narrow).cells()


def test_threads_change_nothing(rng, monkeypatch):
    p, q = cloud(rng, 300), mixture(rng)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        best = plan(p, q)
        found.append((best.potentials, best.mixture_gradient().covs))
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)
