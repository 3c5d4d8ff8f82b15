"""Points against grids: awkward clouds and densities are solved, bad input is named."""

import numpy as np
import pytest

from mixot import (
    Exact,
    Gaussian,
    Grid,
    InputError,
    Mixture,
    Samples,
    Semidiscrete,
    SolveError,
    UnsupportedError,
    distance,
    plan,
    transport_map,
)

UNIT = [[0.0, 1.0], [0.0, 1.0]]
T = (np.arange(64) + 0.5) / 64
X, Y = np.meshgrid(T, T, indexing="ij")
FLAT = np.ones((64, 64))
DISKS = ((((X - 0.25) ** 2 + (Y - 0.5) ** 2) < 0.04) | (((X - 0.75) ** 2 + (Y - 0.5) ** 2) < 0.04)).astype(float)
DISK = ((X - 0.5) ** 2 + (Y - 0.5) ** 2 < 0.16).astype(float)


def solved(points, values, **options):
    best = plan(points, Grid(values, UNIT), **options)
    assert best.status.solved
    assert best.marginal_error <= 1e-8
    assert 0 <= best.gap <= 1e-5 * max(best.cost, 1e-3)
    return best


def clusters(rng, n):
    return rng.random((20, 2))[rng.integers(0, 20, n)] + 0.01 * rng.standard_normal((n, 2))


@pytest.mark.parametrize("n", [11, 1000])
def test_two_disks_with_nothing_between(rng, n):
    solved(rng.random((n, 2)), DISKS)


def test_two_disks_that_no_cell_joins(rng):
    """Five points on either side: the potentials of one side may move against those of the other."""
    points = rng.random((10, 2)) * [0.3, 1.0]
    points[5:, 0] += 0.7
    best = solved(points, DISKS)
    assert (best.centroids[:5, 0] < 0.5).all()
    assert (best.centroids[5:, 0] > 0.5).all()


def test_half_of_the_picture_is_black(rng):
    best = solved(rng.random((500, 2)), np.where(X < 0.5, 1.0, 0.0))
    assert best.centroids[:, 0].max() < 0.5


def test_clustered_points_on_a_disk(rng):
    solved(clusters(rng, 800), DISK)


@pytest.mark.parametrize("tail", [1.0, 1.5, 3.0])
def test_heavy_tails(rng, tail):
    solved(0.5 + 0.1 * rng.standard_t(tail, (1500, 2)), FLAT)


def test_noise(rng):
    solved(rng.random((1500, 2)), rng.random((64, 64)))


def test_points_outside_collinear_on_a_lattice(rng):
    solved(7 + rng.random((300, 2)), FLAT)
    solved(np.column_stack([rng.random(300), np.full(300, 0.3)]), FLAT)
    solved(np.stack(np.meshgrid(T, T), axis=-1).reshape(-1, 2), DISK + 0.01)


def test_a_lattice_on_its_own_pixels_is_solved_at_once():
    line = (np.arange(16) + 0.5) / 16
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    best = solved(points, np.ones((16, 16)))
    assert best.cost == pytest.approx(2 / (12 * 16**2), rel=1e-10)


def test_float32_points(rng):
    points = rng.random((100, 2)).astype(np.float32)
    assert solved(points, FLAT).cost == pytest.approx(solved(points.astype(float), FLAT).cost, rel=1e-12)


def test_units_of_any_size(rng):
    points = rng.random((100, 2))
    cost = plan(points, Grid(DISK, UNIT)).cost
    for unit in (1e-120, 1e120):
        scaled = plan(Samples(unit * points), Grid(DISK, unit * np.array(UNIT)))
        assert scaled.cost / unit**2 == pytest.approx(cost, rel=1e-9)


def test_bad_input_is_named(rng):
    p, grid = Samples(rng.random((5, 2))), Grid(FLAT, UNIT)
    with pytest.raises(InputError, match="dimension 1 and 2"):
        plan(rng.random(5), grid)
    with pytest.raises(InputError, match="rows: 1"):
        plan([[0.0, 0.0], [np.nan, 0.0]], grid)
    with pytest.raises(InputError, match="not negative"):
        plan(p, Grid(-FLAT, UNIT))
    with pytest.raises(InputError, match="sum to one"):
        plan((p.points, np.full(5, 0.3)), grid)
    with pytest.raises(UnsupportedError, match="dimension 4"):
        plan(rng.random((5, 4)), Grid(np.ones((2, 2, 2, 2))))
    with pytest.raises(UnsupportedError, match="no plan between Grid and Grid"):
        plan(grid, grid)
    with pytest.raises(UnsupportedError, match="no plan"):
        distance(Mixture([1.0], Gaussian([0.0], [1.0])), Grid([1.0]))
    with pytest.raises(InputError, match=r"solved by Semidiscrete\(\.\.\.\), got Exact"):
        plan(p, grid, solver=Exact())
    with pytest.raises(InputError, match="solved by Exact"):
        plan(p, p, solver=Semidiscrete())
    with pytest.raises(InputError, match="tol"):
        Semidiscrete(tol=0.0)
    with pytest.raises(InputError, match="5 finite potentials"):
        Semidiscrete().solve(p, grid, start=np.zeros(4))
    with pytest.raises(UnsupportedError, match='kind="mean"'):
        transport_map(p, grid, kind="random")
    with pytest.raises(InputError, match=r"row 0 of x"):
        transport_map(p, grid)([[9.0, 9.0]])
    with pytest.raises(InputError, match=r"shape \(m, 2\)"):
        transport_map(grid, p)([[9.0, 9.0, 9.0]])


def test_giving_up_shows_the_best_so_far(rng):
    points = rng.random((500, 2))
    with pytest.raises(SolveError, match="max_iter") as caught:
        plan(points, Grid(DISKS, UNIT), solver=Semidiscrete(max_iter=12))
    best = caught.value.result
    exact = plan(points, Grid(DISKS, UNIT)).cost
    assert best.lower_bound <= exact + 1e-12
    assert exact <= best.upper_bound


def densities(rng, d):
    yield Grid(rng.random((8,) * d) + 0.1)
    yield Mixture([0.4, 0.6], Gaussian(rng.standard_normal((2, d)), [np.eye(d)] * 2))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_an_outlier_does_not_break_a_problem(d, rng):
    near = rng.random((20, d))
    for q in densities(rng, d):
        for far in ([1e6] * d, [-1e6] + [0.0] * (d - 1)):
            found = plan(Samples(np.vstack([near, far])), q)
            assert found.status.solved
            # all that is far is one weight's way to the outlier: the rest of the cost is lost in its digits
            assert found.distance == pytest.approx(np.linalg.norm(far) / np.sqrt(21), rel=1e-5)
            np.testing.assert_allclose(found.masses, 1 / 21, atol=2e-8)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_walls_of_a_remote_point_are_measured_from_this_side(seed, d):
    """From there they are all but parallel: where they cross is lost in rounding."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((21, d))
    points[0] = [1e6] + [0.0] * (d - 1)
    for q in densities(rng, d):
        found = plan(Samples(points), q)
        assert found.marginal_error <= 1e-8
        assert found.masses.sum() == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("seed", range(10))
def test_heavy_tails_do_not_break_a_problem(seed, d):
    rng = np.random.default_rng(seed)
    points = (rng.pareto(0.5, size=(50, d)) + 1) * rng.choice([-1, 1], size=(50, d))
    for q in densities(rng, d):
        assert plan(Samples(points), q).marginal_error <= 1e-8


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("tiny", [1e-300, 1e-100, 1e-17, 1e-15])
def test_weights_below_rounding_are_none(tiny, d, rng):
    points = rng.random((15, d))
    weights = rng.dirichlet(np.ones(15))
    weights[[2, 5, 9]] = tiny
    weights /= weights.sum()
    for q in densities(rng, d):
        found, without = plan(Samples(points, weights), q), weights > 2 * tiny
        alone = plan(Samples(points[without], weights[without] / weights[without].sum()), q)
        np.testing.assert_array_equal(found.masses[[2, 5, 9]], 0.0)
        np.testing.assert_allclose(found.masses[without], alone.masses, atol=1e-8)
        assert found.cost == pytest.approx(alone.cost, rel=1e-6)


def test_advice_where_floating_point_ends_is_one_that_helps(rng):
    points = np.vstack([rng.standard_normal((20, 2)), [[1e12, 1e12]]])
    q = Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))
    with pytest.raises(
        SolveError, match=r"in any units; leave out remote points .* row 20, is .* times the size"
    ) as told:
        plan(Samples(points), q)
    assert "rescale" not in str(told.value)
    assert plan(Samples(points[:20]), q).status.solved
