"""Points against densities: masses, proofs, symmetries, gradients, closed forms."""

import numpy as np
import pytest

from mixot import Grid, Samples, Semidiscrete, distance, plan, transport_map
from mixot.solvers.semidiscrete.moments import cell_moments

UNIT = [[0.0, 1.0], [0.0, 1.0]]


def two_bumps(n, background=0.1):
    t = (np.arange(n) + 0.5) / n
    x, y = np.meshgrid(t, t, indexing="ij")
    near = np.exp(-50 * ((x - 0.3) ** 2 + (y - 0.3) ** 2))
    return near + np.exp(-50 * ((x - 0.7) ** 2 + (y - 0.7) ** 2)) + background


def weighted(rng, n, d=2):
    weights = rng.random(n) + 0.2
    return Samples(rng.random((n, d)), weights / weights.sum())


def assert_proven(solved, tol=1e-8):
    assert solved.status.solved
    assert solved.masses.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(solved.masses, solved.source.weights, rtol=0, atol=tol)
    assert solved.marginal_error <= tol
    assert 0 <= solved.gap <= 1e-5 * max(solved.cost, 1e-3)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 40, 3000])
def test_masses_are_the_weights(rng, n, degree):
    assert_proven(plan(weighted(rng, n), Grid(two_bumps(24), UNIT, degree)))


@pytest.mark.parametrize("degree", [0, 1])
def test_one_point(degree, rng):
    grid = Grid(rng.random((5, 7)), [[1.0, 3.0], [-2.0, 5.0]], degree)
    y = np.array([[0.3, 9.0]])
    expected = ((y[0] - grid.mean()) ** 2).sum() + np.trace(grid.cov())
    solved = plan(Samples(y), grid)
    assert solved.cost == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(solved.centroids[0], grid.mean(), rtol=1e-12)


@pytest.mark.parametrize("degree", [0, 1])
def test_cell_moments_add_up_to_those_of_the_grid(rng, degree):
    grid = Grid(rng.random((9, 6)) * (rng.random((9, 6)) > 0.4), [[-1.0, 2.0], [4.0, 5.0]], degree)
    points = grid.bounds[:, 0] + rng.random((200, 2)) * np.diff(grid.bounds).T
    total = cell_moments(points, 0.01 * rng.random(200), grid).sum(axis=0)
    np.testing.assert_allclose(total, grid.moments(2).values, rtol=1e-13)


def test_moments_of_a_polygon_are_those_of_its_parts(rng):
    """A uniform density on one big pixel: the polygon's own moments, in closed form from its corners."""
    points = rng.random((30, 2))
    solved = plan(Samples(points), Grid([[1.0]], UNIT))
    moments = cell_moments(points, solved.potentials, Grid([[1.0]], UNIT))
    for i in range(30):
        a = solved.cells().polygon(i)
        b = np.roll(a, -1, axis=0)
        turn = a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]
        second = (turn[:, None] * (a * a + a * b + b * b)).sum(axis=0) / 12
        expected = [turn.sum() / 2, *((a + b) * turn[:, None]).sum(axis=0) / 6, second[0], second[1]]
        np.testing.assert_allclose(moments[i, [0, 1, 2, 3, 5]], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("degree", [0, 1])
def test_moments_against_sums_over_fine_pixels(rng, degree):
    """Cells of a few points on a coarse grid, against the same density sampled 60 times as finely."""
    grid, fine = Grid(rng.random((4, 5)), UNIT, degree), 240
    points, weights = rng.random((6, 2)), 0.02 * rng.random(6)
    x = (np.arange(fine) + 0.5) / fine
    at = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    owner = (((at[:, None] - points) ** 2).sum(axis=2) - weights).argmin(axis=1)
    scaled = at * grid.values.shape - 0.5 if degree else np.floor(at * grid.values.shape)
    scaled = np.clip(scaled, 0, np.array(grid.values.shape) - 1)
    low = np.minimum(np.floor(scaled).astype(int), np.array(grid.values.shape) - 1)
    high, part = np.minimum(low + 1, np.array(grid.values.shape) - 1), scaled - low
    density = sum(
        grid.values[(low, high)[a][:, 0], (low, high)[b][:, 1]]
        * (part[:, 0] if a else 1 - part[:, 0])
        * (part[:, 1] if b else 1 - part[:, 1])
        for a in (0, 1)
        for b in (0, 1)
    )
    density /= density.sum()
    rows = np.column_stack([np.ones(len(at)), at, at[:, 0] ** 2, at[:, 0] * at[:, 1], at[:, 1] ** 2])
    expected = np.array([np.bincount(owner, density * row, minlength=6) for row in rows.T]).T
    np.testing.assert_allclose(cell_moments(points, weights, grid), expected, atol=1e-3)


def test_translation_rotation_and_scaling(rng):
    p, values = weighted(rng, 300), two_bumps(32)
    cost = plan(p, Grid(values, UNIT)).cost
    shift, scale = np.array([300.0, -20.0]), 7.0
    moved = Samples(scale * p.points + shift, p.weights)
    bounds = scale * np.array(UNIT) + shift[:, None]
    assert plan(moved, Grid(values, bounds)).cost == pytest.approx(scale**2 * cost, rel=1e-10)
    apart = Samples(p.points + shift, p.weights)
    q = Grid(values, UNIT)  # moving only the points: + |shift|^2 + 2 shift . (mean p - mean q)
    expected = cost + shift @ shift + 2 * shift @ (p.mean() - q.mean())
    assert plan(apart, q).cost == pytest.approx(expected, rel=1e-9)
    turned = Samples(np.column_stack([1 - p.points[:, 1], p.points[:, 0]]), p.weights)
    quarter = np.flip(values.T, axis=0)  # the pixel at (x, y) moves to (1 - y, x)
    assert plan(turned, Grid(quarter, UNIT)).cost == pytest.approx(cost, rel=1e-10)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_cloud_far_away_keeps_its_digits(rng, d):
    """A small cloud moved by c: the same cells, potentials + 2 y . c, and a cost that is known from the means."""
    side = {1: 40, 2: 16, 3: 6}[d]
    grid = Grid(rng.random((side,) * d) + 0.1, [[0.0, 1.0]] * d)
    weights = rng.random(60) * (np.arange(60) > 2)
    near = Samples(1 / 128 * rng.random((60, d)) + 0.5, weights / weights.sum())
    c = np.array([4096.0, -1024.0, 512.0])[:d]
    far = Samples(near.points + c, near.weights)
    before, after = plan(near, grid), plan(far, grid)
    assert_proven(after)
    expected = before.cost + c @ c + 2 * c @ (near.weights @ near.points - grid.mean())
    assert after.cost == pytest.approx(expected, rel=1e-13)
    assert after.gap < 1e-9
    np.testing.assert_allclose(after.centroids, before.centroids + c * (weights == 0)[:, None], rtol=0, atol=1e-6)
    moved = before.potentials + 2 * (near.points - near.weights @ near.points) @ c
    np.testing.assert_allclose(after.potentials, moved, rtol=0, atol=1e-7)
    again = Semidiscrete().solve(far, grid, start=after.potentials)
    assert again.cost == pytest.approx(after.cost, rel=1e-13)
    np.testing.assert_allclose(after.values_gradient().ravel()[:5], again.values_gradient().ravel()[:5], rtol=1e-9)


def test_the_plan_is_no_worse_than_discrete_transport_to_many_draws(rng):
    """Cost is squeezed: discrete transport to pixel centers differs by at most the pixels' own spread."""
    p, grid = weighted(rng, 30), Grid(two_bumps(24), UNIT)
    coarse = plan(p, grid.centers()).distance
    spread = np.sqrt((grid.spacing**2).sum() / 12)  # W2 between the grid and the masses at its centers
    assert abs(distance(p, grid) - coarse) <= spread
    assert distance(grid, p) == distance(p, grid)


@pytest.mark.parametrize("degree", [0, 1])
def test_gradients_against_central_differences(rng, degree):
    p, grid, solver = weighted(rng, 25), Grid(two_bumps(12), UNIT, degree), Semidiscrete(tol=1e-13)
    solved = solver.solve(p, grid)
    step = 1e-5

    def slope(vary):
        return (vary(step).cost - vary(-step).cost) / (2 * step)

    way = rng.standard_normal(p.points.shape)
    measured = slope(lambda t: solver.solve(Samples(p.points + t * way, p.weights), grid))
    assert measured == pytest.approx((solved.points_gradient() * way).sum(), rel=1e-7)
    mass = rng.standard_normal(25) * p.weights
    mass -= p.weights * mass.sum()
    measured = slope(lambda t: solver.solve(Samples(p.points, p.weights + t * mass), grid))
    assert measured == pytest.approx(solved.weights_gradient() @ mass, rel=1e-7)
    light = rng.standard_normal(grid.values.shape) * grid.values
    light -= grid.values * light.sum()
    measured = slope(lambda t: solver.solve(p, Grid(grid.values + t * light, UNIT, degree)))
    assert measured == pytest.approx((solved.values_gradient() * light).sum(), rel=1e-7)


def test_phi_integrates_to_the_dual_value(rng):
    p, grid = weighted(rng, 100), Grid(two_bumps(16), UNIT)
    solved = plan(p, grid)
    dual = p.weights @ solved.potentials + (solved.values_gradient() * grid.values).sum()
    assert dual == pytest.approx(solved.cost, rel=1e-12)


@pytest.mark.parametrize("degree", [0, 1])
def test_the_line_is_the_quantile_formula(rng, degree):
    """W2^2 = int |F^-1(s) - G^-1(s)|^2 ds."""
    p = weighted(rng, 9, d=1)
    values = np.array([1.0, 3.0, 0.0, 0.0, 2.0, 0.5])
    grid = Grid(values, [[-1.0, 2.0]], degree)
    solved = plan(p, grid)
    fine = np.linspace(-1, 2, 240_001)
    middle = (fine[1:] + fine[:-1]) / 2
    position = (middle + 1) / 0.5 - (0.5 if degree else 0)
    density = np.interp(position, np.arange(6), values) if degree else values[position.astype(int)]
    below = np.cumsum(density) / density.sum()
    order = np.argsort(p.points[:, 0])
    y = p.points[order, 0][np.minimum(np.searchsorted(np.cumsum(p.weights[order]), below), 8)]
    expected = ((middle - y) ** 2 * density).sum() / density.sum()
    assert solved.cost == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(solved.masses, p.weights, rtol=1e-12)
    assert solved.gap <= 1e-12
    phi = ((middle[:, None] - p.points[:, 0]) ** 2 - solved.potentials).min(axis=1)
    assert p.weights @ solved.potentials + phi @ density / density.sum() == pytest.approx(solved.cost, rel=1e-4)


def test_a_thin_strip_in_the_plane_is_the_line(rng):
    y, values = rng.random((50, 1)), rng.random(8)
    flat = plan(Samples(np.column_stack([y, np.full(50, 0.05)])), Grid(values[:, None], [[0, 1], [0, 0.1]]))
    line = plan(Samples(y), Grid(values, [[0, 1]]))
    assert flat.cost - 0.01 / 12 == pytest.approx(line.cost, rel=1e-9)


def test_equal_points_share_a_cell(rng):
    y = np.repeat(rng.random((20, 2)), 5, axis=0)
    y[:5] += 1e-13 * rng.standard_normal((5, 2))
    weights = rng.random(100)
    weights /= weights.sum()
    solved = plan(Samples(y, weights), Grid(two_bumps(16), UNIT))
    assert_proven(solved)
    np.testing.assert_array_equal(solved.potentials[5:10], solved.potentials[5])
    joined = plan(Samples(y[::5], weights.reshape(20, 5).sum(axis=1)), Grid(two_bumps(16), UNIT))
    assert solved.cost == pytest.approx(joined.cost, rel=1e-10)


def test_thousand_equal_points(rng):
    solved = plan(np.full((1000, 2), 0.25), Grid(two_bumps(16), UNIT))
    assert_proven(solved)


@pytest.mark.parametrize("d", [1, 2])
def test_points_of_no_weight_have_tight_potentials(rng, d):
    """One of no weight has an empty cell, and a little more potential would give it one."""
    y, weights = rng.random((30, d)), rng.random(30)
    weights[:7] = 0
    grid = Grid(np.ones((8,) * d), [[0.0, 1.0]] * d)
    solved = plan(Samples(y, weights / weights.sum()), grid)
    assert not solved.masses[:7].any()
    if d == 2:
        for i in range(7):
            raised = np.where(np.arange(30) == i, 1e-3, 0.0)
            assert cell_moments(y, solved.potentials - raised, grid)[i, 0] == 0
            assert cell_moments(y, solved.potentials + raised, grid)[i, 0] > 0


def test_maps_between_points_and_pictures(rng):
    p, grid = weighted(rng, 60), Grid(two_bumps(20), UNIT)
    solved = plan(p, grid)
    inward = transport_map(grid, p)
    cells = solved.cells()
    for i in range(0, 60, 7):
        inside = cells.polygon(i).mean(axis=0)
        np.testing.assert_array_equal(inward(inside), p.points[[i]])
    np.testing.assert_allclose(transport_map(p, grid)(p.points), solved.centroids)


def test_a_warm_start_gives_the_same_answer_in_fewer_steps(rng):
    p, grid = weighted(rng, 4000), Grid(two_bumps(32), UNIT)
    solver = Semidiscrete(tol=1e-11)
    cold = solver.solve(p, grid)
    near = Samples(p.points + 1e-4 * rng.standard_normal(p.points.shape), p.weights)
    fresh, warm = solver.solve(near, grid), solver.solve(near, grid, start=cold.potentials)
    assert warm.iterations < fresh.iterations
    assert warm.cost == pytest.approx(fresh.cost, rel=1e-10)


def test_one_thread_or_two_give_the_same_bits(rng, monkeypatch):
    p, grid, costs = weighted(rng, 3000), Grid(two_bumps(32), UNIT), []
    for threads in ("1", "2"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        costs.append(plan(p, grid).potentials)
    np.testing.assert_array_equal(*costs)


def density_in_parts(kind, side=64):
    values = np.zeros((side, side))
    if kind == "two disks":
        t = (np.arange(side) + 0.5) / side
        for a in (0.25, 0.75):
            values[((t[:, None] - a) ** 2 + (t - 0.5) ** 2) < 0.04] = 1
    elif kind == "strips":
        values[::8] = 1
    elif kind == "dots":
        values[4::16, 4::16] = 1
    else:
        values[16, 16] = values[-16, -16] = 1
    return Grid(values, UNIT)


@pytest.mark.parametrize(("kind", "n"), [("two disks", 3000), ("strips", 1000), ("dots", 500), ("two pixels", 100)])
def test_densities_in_parts_that_nothing_joins(kind, n):
    """No cell joins them, or one does, by chance: one constant of the potentials is free for each part."""
    points = np.random.default_rng(0).random((n, 2))
    assert_proven(plan(Samples(points), density_in_parts(kind)))
