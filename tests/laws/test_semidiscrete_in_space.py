"""Points against voxels: cells tile the box, moments add up, plans are proven."""

import numpy as np
import pytest
from scipy.spatial import HalfspaceIntersection, QhullError

from mixot import Grid, Samples, Semidiscrete, UnsupportedError, plan
from mixot._native import solid_volumes, voxel_moments

BOX = np.array([[-0.5, 0.5]] * 3)
UNIT = [[0.0, 1.0]] * 3


def bump(n):
    t = (np.arange(n) + 0.5) / n
    x = np.stack(np.meshgrid(t, t, t, indexing="ij"), axis=-1)
    return np.exp(-8 * ((x - [0.3, 0.4, 0.6]) ** 2).sum(axis=-1)) + 0.2


def volumes(points, weights):
    out = np.empty(len(points))
    solid_volumes(points, weights, BOX, 1, out)
    return out


def convex_volume(points, weights, i):
    """Volume of one cell by Qhull, zero where it is empty."""
    from scipy.optimize import linprog
    from scipy.spatial import ConvexHull

    others = np.delete(np.arange(len(points)), i)
    normal = 2 * (points[others] - points[i])
    limit = (points[others] ** 2).sum(axis=1) - (points[i] ** 2).sum() + weights[i] - weights[others]
    faces = np.vstack(
        [np.column_stack([normal, -limit]), np.column_stack([np.vstack([np.eye(3), -np.eye(3)]), -np.full(6, 0.5)])]
    )
    size = np.linalg.norm(faces[:, :3], axis=1)
    inside = linprog(
        [0, 0, 0, -1], np.column_stack([faces[:, :3], size]), -faces[:, 3], bounds=[(None, None)] * 3 + [(0, None)]
    )
    if inside.status != 0 or inside.x[3] < 1e-7:
        return 0.0
    try:
        return ConvexHull(HalfspaceIntersection(faces, inside.x[:3]).intersections).volume
    except QhullError:
        return 0.0


def test_small_diagrams_equal_qhull(rng):
    for _ in range(60):
        n = int(rng.integers(1, 12))
        points, weights = rng.random((n, 3)) - 0.5, 0.1 * rng.random(n)
        expected = [convex_volume(points, weights, i) for i in range(n)]
        np.testing.assert_allclose(volumes(points, weights), expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["random", "lattice", "plane", "equal", "outside"])
def test_cells_tile_the_box(rng, kind):
    points = rng.random((1000, 3)) - 0.5
    if kind == "lattice":
        line = (np.arange(10) + 0.5) / 10 - 0.5
        points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    elif kind == "plane":
        points[:, 2] = 0.1
    elif kind == "equal":
        points = np.repeat(points[::10], 10, axis=0)
    elif kind == "outside":
        points = 5 * points
    found = volumes(points, np.zeros(1000))
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1.0, rel=1e-12)
    if kind == "lattice":
        np.testing.assert_allclose(found, 1e-3, rtol=1e-11)


def test_moments_add_up_to_those_of_the_grid(rng):
    grid = Grid(rng.random((5, 6, 7)), BOX)
    points, out = rng.random((100, 3)) - 0.5, np.empty((100, 10))
    voxel_moments(points, 0.02 * rng.random(100), np.ascontiguousarray(grid.values), BOX, 1, out)
    order = [0, 1, 2, 3, 4, 7, 8, 5, 9, 6]  # those of the grid: x^2, x y, x z, y^2, y z, z^2
    np.testing.assert_allclose(out.sum(axis=0)[order], grid.moments(2).values, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 300, 3000])
def test_masses_are_the_weights(rng, n):
    weights = rng.random(n) + 0.2
    solved = plan(Samples(rng.random((n, 3)), weights / weights.sum()), Grid(bump(16), UNIT))
    assert solved.status.solved
    np.testing.assert_allclose(solved.masses, solved.source.weights, rtol=0, atol=1e-8)
    assert 0 <= solved.gap <= 1e-5 * solved.cost


def test_one_point_and_scaling(rng):
    grid = Grid(rng.random((3, 4, 5)), [[0, 3], [-1, 0], [2, 9]])
    y = np.array([[5.0, 1.0, 2.0]])
    expected = ((y[0] - grid.mean()) ** 2).sum() + np.trace(grid.cov())
    assert plan(Samples(y), grid).cost == pytest.approx(expected, rel=1e-12)
    p = rng.random((100, 3))
    cost = plan(Samples(p), Grid(bump(8), UNIT)).cost
    moved = plan(Samples(3 * p + 40), Grid(bump(8), 3 * np.array(UNIT) + 40)).cost
    assert moved == pytest.approx(9 * cost, rel=1e-10)


def test_a_flat_box_is_the_plane(rng):
    y, values = rng.random((80, 2)), bump(12)[:, :, 6]
    flat = plan(Samples(np.column_stack([y, np.full(80, 0.01)])), Grid(values[:, :, None], [[0, 1], [0, 1], [0, 0.02]]))
    plane = plan(Samples(y), Grid(values, UNIT[:2]))
    assert flat.cost - 0.02**2 / 12 == pytest.approx(plane.cost, rel=1e-8)


def test_points_gradient_against_central_differences(rng):
    y, grid, solver = rng.random((15, 3)), Grid(bump(8), UNIT), Semidiscrete(tol=1e-13)
    way, step = rng.standard_normal(y.shape), 1e-5
    ends = [solver.solve(Samples(y + t * way), grid).cost for t in (step, -step)]
    expected = (solver.solve(Samples(y), grid).points_gradient() * way).sum()
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=1e-7)


def test_zero_density_and_points_of_no_weight(rng):
    values = bump(10)
    values[5:] = 0
    weights = np.append(np.zeros(5), np.full(300, 1 / 300))
    solved = plan(Samples(rng.random((305, 3)), weights), Grid(values, UNIT))
    assert solved.status.solved
    assert not solved.masses[:5].any()


def test_linear_voxels_are_refused(rng):
    with pytest.raises(UnsupportedError, match="degree"):
        plan(rng.random((5, 3)), Grid(bump(4), UNIT, degree=1))
