"""Points against voxels: cells tile the box, moments add up, plans are proven."""

import numpy as np
import pytest
from scipy.spatial import HalfspaceIntersection, QhullError

from mixot import Grid, Samples, Semidiscrete, plan
from mixot._native import solid_volumes
from mixot.solvers.semidiscrete.moments import cell_moments

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


@pytest.mark.parametrize("degree", [0, 1])
def test_moments_add_up_to_those_of_the_grid(rng, degree):
    for shape in ((5, 6, 7), (1, 2, 1)):
        grid = Grid(rng.random(shape), [[0, 3], [-1, 0], [2, 9]], degree)
        out = cell_moments(rng.random((100, 3)) * [3, 1, 7] + [0, -1, 2], 0.2 * rng.random(100), grid)
        order = [0, 1, 2, 3, 4, 7, 8, 5, 9, 6]  # those of the grid: x^2, x y, x z, y^2, y z, z^2
        np.testing.assert_allclose(out.sum(axis=0)[order], grid.moments(2).values, rtol=1e-13)


def test_moments_of_a_linear_density_over_one_cell(rng):
    """Two voxels and a plane between two points: the density along x is a hat, the cell a slab."""
    grid, points = Grid([[[1.0]], [[3.0]]], UNIT, 1), np.array([[0.1, 0.5, 0.5], [0.8, 0.5, 0.5]])
    found = cell_moments(points, np.zeros(2), grid)[0]

    def below(x, power):  # 1/2 up to x = 1/4, then 1/2 + 2 (x - 1/4)
        t, w = np.polynomial.legendre.leggauss(6)
        parts = [(0.0, 0.25, lambda u: 0.5 + 0 * u), (0.25, x, lambda u: 0.5 + 2 * (u - 0.25))]
        nodes = [((b - a) * (t + 1) / 2 + a, (b - a) / 2 * w, f) for a, b, f in parts]
        return sum((v * f(u) * u**power).sum() for u, v, f in nodes)

    m = [below(0.45, power) for power in range(3)]
    want = [m[0], m[1], m[0] / 2, m[0] / 2, m[2], m[0] / 3, m[0] / 3, m[1] / 2, m[1] / 2, m[0] / 4]
    np.testing.assert_allclose(found, want, rtol=1e-13)


@pytest.mark.parametrize(("n", "degree"), [(1, 0), (2, 1), (300, 0), (300, 1), (3000, 0)])
def test_masses_are_the_weights(rng, n, degree):
    weights = rng.random(n) + 0.2
    solved = plan(Samples(rng.random((n, 3)), weights / weights.sum()), Grid(bump(16), UNIT, degree))
    assert solved.status.solved
    np.testing.assert_allclose(solved.masses, solved.source.weights, rtol=0, atol=1e-8)
    assert 0 <= solved.gap <= 1e-5 * solved.cost


@pytest.mark.parametrize("degree", [0, 1])
def test_one_point_and_scaling(rng, degree):
    grid = Grid(rng.random((3, 4, 5)), [[0, 3], [-1, 0], [2, 9]], degree)
    y = np.array([[5.0, 1.0, 2.0]])
    expected = ((y[0] - grid.mean()) ** 2).sum() + np.trace(grid.cov())
    assert plan(Samples(y), grid).cost == pytest.approx(expected, rel=1e-12)
    p = rng.random((100, 3))
    cost = plan(Samples(p), Grid(bump(8), UNIT, degree)).cost
    moved = plan(Samples(3 * p + 40), Grid(bump(8), 3 * np.array(UNIT) + 40, degree)).cost
    assert moved == pytest.approx(9 * cost, rel=1e-10)


@pytest.mark.parametrize("degree", [0, 1])
def test_a_flat_box_is_the_plane(rng, degree):
    y, values = rng.random((80, 2)), bump(12)[:, :, 6]
    box = [[0, 1], [0, 1], [0, 0.02]]
    flat = plan(Samples(np.column_stack([y, np.full(80, 0.01)])), Grid(values[:, :, None], box, degree))
    plane = plan(Samples(y), Grid(values, UNIT[:2], degree))
    assert flat.cost - 0.02**2 / 12 == pytest.approx(plane.cost, rel=1e-8)
    np.testing.assert_allclose(flat.values_gradient()[:, :, 0] - 0.02**2 / 12, plane.values_gradient(), atol=1e-6)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_gradients_in_the_values_sum_up_to_the_dual(rng, d, degree):
    """sum_i nu_i w_i + int phi dq is the cost, for potentials and values in any units."""
    box = np.array([[3.0, 5.0], [-1.0, 0.0], [2.0, 9.0]])[:d]
    grid = Grid(rng.random((4, 6, 5)[:d]), box, degree)
    points = rng.random((40, d)) * np.diff(box)[:, 0] + box[:, 0]
    points[3] = points[4]
    solved = plan(Samples(points), grid)
    dual = solved.source.weights @ solved.potentials + (solved.values_gradient() * grid.values).sum()
    assert dual == pytest.approx(solved.cost, rel=1e-11)


@pytest.mark.parametrize("degree", [0, 1])
def test_points_gradient_against_central_differences(rng, degree):
    y, grid, solver = rng.random((15, 3)), Grid(bump(8), UNIT, degree), Semidiscrete(tol=1e-13)
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
