"""Points against densities that are zero nearly everywhere: values, proofs, what is said of them."""

import numpy as np
import pytest

from mixot import Gaussian, Grid, Mixture, Samples, Semidiscrete, plan
from mixot.errors import SolveError
from mixot.solvers.semidiscrete.moments import cell_moments, second_moments

TOL = 1e-8


def cloud(n, d=2):
    return Samples(np.random.default_rng(0).random((n, d)))


def grid(values):
    return Grid(values, [[0.0, 1.0]] * values.ndim)


def pixels(shape, *places):
    out = np.zeros(shape)
    for weight, *place in places:
        out[tuple(place)] = weight
    return grid(out)


def squares(side, count, seed):
    rng, out = np.random.default_rng(seed), np.zeros((side, side))
    for _ in range(count):
        a, b = (rng.random(2) * (side * 0.85)).astype(int)
        out[a : a + side // 16, b : b + side // 16] = 0.2 + rng.random()
    return grid(out)


def stars():
    rng, out = np.random.default_rng(7), np.zeros((256, 256))
    places = rng.integers(0, 256, (60, 2))
    out[places[:, 0], places[:, 1]] = rng.pareto(1.2, 60) + 0.1
    return grid(out)


def lone_pixels():
    out = np.zeros((128, 128))
    out.flat[np.random.default_rng(1).permutation(out.size)[:64]] = 1
    return grid(out)


def assert_certified(solved, tol=TOL):
    """Masses are the weights, and what the cells pay, summed up anew, is the dual value."""
    assert solved.status.solved
    np.testing.assert_allclose(solved.masses, solved.source.weights, rtol=0, atol=tol)
    y, d = solved.source.points, solved.source.dim
    sums = cell_moments(y, solved.potentials, solved.density)
    assert sums[:, 0].sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(sums[:, 0], solved.source.weights, rtol=0, atol=2 * tol)
    primal = (second_moments(sums) - 2 * (y * sums[:, 1 : 1 + d]).sum(axis=1) + sums[:, 0] * (y**2).sum(axis=1)).sum()
    assert primal == pytest.approx(solved.cost, abs=1e-7)
    assert 0 <= solved.gap <= 1e-6


CASES = {  # squared distances by an independent implementation, where there is one
    "two lone pixels": (500, lambda: pixels((64, 64), (1, 5, 7), (0.7, 50, 40)), 0.207408473144),
    "two lone pixels, 2000": (2000, lambda: pixels((64, 64), (1, 5, 7), (0.7, 50, 40)), 0.192716480678),
    "five pixels": (
        500,
        lambda: pixels((200, 200), (1, 3, 3), (2, 190, 180), (1, slice(100, 103), 50)),
        0.149371736432,
    ),
    "two squares": (1000, lambda: squares(64, 2, 2), 0.215398390167),
    "two squares, 5000": (5000, lambda: squares(64, 2, 2), 0.212784662),
    "three squares": (5000, lambda: squares(64, 3, 3), None),
    "stars": (500, stars, None),
    "stars, 3000": (3000, stars, None),
    "diagonal": (3000, lambda: grid(np.eye(128)), None),
    "64 pixels": (3000, lone_pixels, None),
}


MANY = ("two lone pixels, 2000", "three squares", "stars, 3000", "64 pixels")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in MANY)) for name in CASES])
def test_spots_in_the_plane(name):
    n, density, cost = CASES[name]
    solved = Semidiscrete(tol=TOL).solve(cloud(n), density())
    assert_certified(solved)
    if cost is not None:
        assert solved.cost == pytest.approx(cost, abs=1e-9)


@pytest.mark.parametrize("degree", [0, 1])
def test_the_cost_is_near_that_of_points_at_the_pixels(degree):
    """Discrete transport to the centers of the pixels is another solver's answer, off by no more than their size."""
    density = pixels((64, 64), (1, 5, 7), (2, 50, 40), (3, 20, 60), (1, 33, 2))
    density = Grid(density.values, density.bounds, degree)
    solved, coarse = plan(cloud(300), density), plan(cloud(300), density.centers())
    assert_certified(solved)
    assert solved.notes
    spread = np.sqrt((density.spacing**2).sum() * (1 / 12 if degree == 0 else 1 / 6))
    assert abs(solved.distance - coarse.distance) <= spread


def test_spots_on_the_line_are_solved_in_closed_form():
    density = pixels((50,), (1, 3), (2, 40), (1, 48))
    solved = plan(cloud(400, 1), density)
    assert solved.gap == 0
    np.testing.assert_allclose(solved.masses, 1 / 400, rtol=1e-12)
    u = (np.arange(400_000) + 0.5) / 400_000
    quantile = np.select(  # of the density, on its three pixels
        [u < 0.25, u < 0.75], [0.06 + 0.08 * u, 0.8 + 0.04 * (u - 0.25)], 0.96 + 0.08 * (u - 0.75)
    )
    x = np.repeat(np.sort(solved.source.points[:, 0]), 1000)
    assert solved.cost == pytest.approx(((quantile - x) ** 2).mean(), abs=1e-7)


def test_spots_in_space():
    density = pixels((16, 16, 16), (1, slice(1, 3), slice(2, 4), 3), (2, 13, 9, slice(12, 15)), (1, 4, 14, 1))
    assert_certified(plan(cloud(300, 3), density))


@pytest.mark.parametrize("d", [2, 3])
def test_gaussians_in_clumps(d):
    far = Mixture([0.3, 0.7], Gaussian([[0.0] * d, [1.0] * d], [1e-3 * np.eye(d), 1e-4 * np.eye(d)]))
    assert_certified(plan(cloud(300, d), far))


def test_gaussians_thinner_than_a_thousandth():
    thin = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [1.0, 1.0]], [np.diag([1.0, 1e-7]), np.diag([1e-7, 1.0])]))
    assert_certified(plan(cloud(600), thin))


def line_with_noise(n):
    rng = np.random.default_rng(5)
    x = rng.random(n)
    weights = 10 ** rng.uniform(-5, 0, n)
    points = np.column_stack([x, 0.3 + 0.4 * x]) + 1e-9 * rng.standard_normal((n, 2))
    return Samples(points, weights / weights.sum())


@pytest.mark.parametrize("density", ["noise", "spots"])
def test_points_nearly_on_a_line_with_weights_over_five_decades(density):
    values = grid(np.random.default_rng(6).random((64, 64))) if density == "noise" else squares(64, 2, 2)
    assert_certified(plan(line_with_noise(600), values))


@pytest.mark.parametrize("density", ["noise", "spots"])
def test_tight_clusters(density):
    rng = np.random.default_rng(8)
    points = rng.random((5, 2))[rng.integers(0, 5, 800)] + 1e-6 * rng.standard_normal((800, 2))
    values = grid(rng.random((64, 64))) if density == "noise" else squares(64, 3, 3)
    assert_certified(plan(Samples(points), values))


def test_smooth_densities_have_no_notes(rng):
    assert plan(Samples(rng.random((200, 2))), grid(rng.random((16, 16)) + 0.1)).notes == ()


def test_few_updates_leave_a_plan_that_is_not_solved():
    with pytest.raises(SolveError) as caught:
        Semidiscrete(max_iter=5).solve(cloud(300), pixels((64, 64), (1, 5, 7), (2, 50, 40)))
    solved = caught.value.result
    assert solved.marginal_error > TOL
    assert solved.notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["rectangles", "boxes", "voxels"])
def test_large_spots(case):
    if case == "rectangles":
        at = (1, slice(200, 700), slice(300, 900)), (2, slice(1300, 1900), slice(1200, 1700))
        points, density = cloud(10_000), pixels((2048, 2048), *at)
    elif case == "boxes":
        at = (1, slice(2, 5), slice(3, 6), slice(4, 7)), (2, slice(25, 28), slice(20, 24), slice(22, 27))
        points, density = cloud(2000, 3), pixels((32, 32, 32), *at)
    else:
        points, density = cloud(2000, 3), pixels((32, 32, 32), (1, 2, 3, 4), (2, 25, 20, 27), (3, 10, 28, 3))
    assert_certified(plan(points, density))
