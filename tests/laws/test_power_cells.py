"""Laguerre cells tile the rectangle, and are what clipping by every half-plane gives."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixot.solvers.semidiscrete.laguerre import power_cells

BOX = np.array([[0.0, 1.0], [0.0, 1.0]])
CORNERS = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def clipped(polygon, nx, ny, c):
    """Sutherland and Hodgman: what of a polygon satisfies nx x + ny y <= c."""
    out = []
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        s0, s1 = nx * x0 + ny * y0 - c, nx * x1 + ny * y1 - c
        if s0 <= 0:
            out.append((x0, y0))
        if s0 * s1 < 0:
            t = s0 / (s0 - s1)
            out.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
    return out


def brute_force(points, weights):
    """Area of each cell and its first moments, clipped by all the others."""
    sums = np.zeros((len(points), 3))
    rows, heights = points.tolist(), weights.tolist()
    for i, (a, b) in enumerate(rows):
        polygon = CORNERS
        for j, (u, v) in enumerate(rows):
            if i == j or not polygon:
                continue
            if (u, v) == (a, b):
                polygon = polygon if heights[i] > heights[j] or (heights[i] == heights[j] and i < j) else []
                continue
            c = u * u + v * v - a * a - b * b + heights[i] - heights[j]
            polygon = clipped(polygon, 2 * (u - a), 2 * (v - b), c)
        for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            turn = x0 * y1 - x1 * y0
            sums[i] += turn / 2, turn * (x0 + x1) / 6, turn * (y0 + y1) / 6
    return sums


def exact_areas(points, weights, side):
    """Areas in a square of cells with integer data, in rational arithmetic."""
    out = []
    for i, (a, b) in enumerate(points):
        polygon = [(Fraction(x * side), Fraction(y * side)) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
        for j, (u, v) in enumerate(points):
            if (u, v) != (a, b):
                c = u * u + v * v - a * a - b * b + weights[i] - weights[j]
                polygon = clipped(polygon, 2 * (u - a), 2 * (v - b), c)
            elif (weights[j], -j) > (weights[i], -i):
                polygon = []
        following = polygon[1:] + polygon[:1]
        turns = (x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, following, strict=True))
        out.append(float(sum(turns, Fraction(0)) / 2))
    return out


def overreach(points, weights, cells):
    """Largest amount, over the corners of all cells, by which another point is nearer than the own one."""
    worst = 0.0
    for i in range(len(points)):
        power = ((cells.polygon(i)[:, None] - points) ** 2).sum(axis=2) - weights
        worst = max(worst, (power[:, [i]] - power).max(initial=0.0))
    return worst


def sums_of(cells):
    sums = np.zeros((len(cells), 3))
    for i in range(len(cells)):
        corners = cells.polygon(i)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            turn = x0 * y1 - x1 * y0
            sums[i] += turn / 2, turn * (x0 + x1) / 6, turn * (y0 + y1) / 6
    return sums


def random_cloud(rng):
    """Few points of every awkward kind: on a lattice, equal, collinear, outside, hidden."""
    n = int(rng.integers(1, 9))
    points = rng.random((n, 2))
    kind = rng.integers(6)
    if kind == 1:
        points = rng.integers(0, 4, (n, 2)) / 3.0
    elif kind == 2:
        points = points[rng.integers(0, n, n)]
    elif kind == 3:
        points[:, 1] = 0.25 + 0.5 * points[:, 0]
    elif kind == 4:
        points = 3 * points - 1
    angle = 2 * np.pi * rng.integers(0, 8, n) / 8
    if kind == 5:
        points = 0.5 + 0.3 * np.column_stack([np.cos(angle), np.sin(angle)])
    return points, rng.random(n) * rng.choice([0.0, 0.05, 1.0])


def test_ten_thousand_small_diagrams_equal_brute_force(rng):
    for _ in range(10_000):
        points, weights = random_cloud(rng)
        np.testing.assert_allclose(sums_of(power_cells(points, weights, BOX)), brute_force(points, weights), atol=2e-12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 2, st.integers(-4, 4)), min_size=1, max_size=12))
def test_cells_of_integers_are_exact(rows):
    """Many borders through one corner, equal points, points on sides and corners: areas by rational arithmetic."""
    points, weights = [row[:2] for row in rows], [row[2] for row in rows]
    square = np.array([[0.0, 4.0], [0.0, 4.0]])
    cells = power_cells(np.array(points, float), np.array(weights, float), square)
    np.testing.assert_allclose(cells.areas(), exact_areas(points, weights, 4), rtol=0, atol=1e-13)


@pytest.mark.parametrize("repeated", [False, True])
def test_points_all_of_whose_cells_meet_in_corners(rng, repeated):
    """The corners of a diagram, weighted by its potential: around each old point all of its corners are as near."""
    for _ in range(40):
        old, heights = rng.random((int(rng.integers(3, 40)), 2)), 0.02 * rng.random()
        heights = heights * rng.random(len(old))
        points = power_cells(old, heights, BOX).corners
        if not repeated:  # else each corner once for each cell that has it, apart by rounding
            points = np.unique(points.round(13), axis=0)
        weights = (((points[:, None] - old) ** 2).sum(axis=2) - heights).min(axis=1)
        cells = power_cells(points, weights, BOX)
        assert cells.areas().sum() == pytest.approx(1.0, abs=1e-12)
        assert overreach(points, weights, cells) <= 1e-14


def test_points_next_to_each_other(rng):
    """Clusters down to the spacing of floating point, in the box and far from it."""
    for _ in range(400):
        close = 10.0 ** rng.uniform(-17, -6)
        points = (rng.random((8, 1, 2)) + close * rng.standard_normal((8, 4, 2))).reshape(-1, 2)
        weights = np.repeat(0.1 * rng.random(8), 4) + close * rng.choice([0, 0.01, 1]) * rng.standard_normal(32)
        points += rng.choice([0.0, 1.0, 1e3, 1e6]) * rng.standard_normal(2)
        assert power_cells(points, weights, BOX).areas().sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 300, 20_000])
@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_cells_tile_the_rectangle(rng, n, spread):
    bounds = np.array([[-3.0, 5.0], [10.0, 11.0]])
    points = bounds[:, 0] + rng.random((n, 2)) * np.diff(bounds).T
    areas = power_cells(points, spread * rng.random(n), bounds).areas()
    assert areas.min() >= 0
    assert areas.sum() == pytest.approx(8.0, rel=1e-12)


@pytest.mark.parametrize("side", [2, 7, 100])
def test_lattice_of_squares(side):
    line = (np.arange(side) + 0.5) / side
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    areas = power_cells(points, np.zeros(side**2), BOX).areas()
    np.testing.assert_allclose(areas, 1 / side**2, rtol=1e-12)


def test_neighbors_know_each_other(rng):
    points = rng.random((500, 2))
    cells = power_cells(points, np.zeros(500), BOX)
    pairs = {(i, int(j)) for i in range(500) for j in cells.beyond(i) if j >= 0}
    assert pairs == {(j, i) for i, j in pairs}
    for i in range(0, 500, 50):  # every corner is as far from the neighbor across it as from the point itself
        own = np.linalg.norm(cells.polygon(i) - points[i], axis=1)
        for corner, j, distance in zip(cells.polygon(i), cells.beyond(i), own, strict=True):
            if j >= 0:
                assert np.linalg.norm(corner - points[j]) == pytest.approx(distance, rel=1e-9)


def test_thousand_equal_points_have_one_cell():
    areas = power_cells(np.full((1000, 2), 0.3), np.zeros(1000), BOX).areas()
    assert areas[0] == pytest.approx(1.0)
    assert not areas[1:].any()


def test_heavier_points_hide_lighter_ones():
    areas = power_cells(np.array([[0.4, 0.5], [0.6, 0.5]]), np.array([1.0, 0.0]), BOX).areas()
    np.testing.assert_allclose(areas, [1.0, 0.0])


def test_one_hub_of_many_neighbors():
    angle = 2 * np.pi * np.arange(5000) / 5000
    ring = 0.5 + 0.4 * np.column_stack([np.cos(angle), np.sin(angle)])
    cells = power_cells(np.vstack([[[0.5, 0.5]], ring]), np.zeros(5001), BOX)
    assert len(cells.beyond(0)) == 5000  # a polygon of any number of corners
    assert cells.areas()[0] == pytest.approx(5000 * 0.2**2 * np.tan(np.pi / 5000), rel=1e-9)
    assert cells.areas().sum() == pytest.approx(1.0, rel=1e-12)


def test_same_cells_on_any_number_of_threads(rng, monkeypatch):
    points, weights = rng.random((3000, 2)), 1e-3 * rng.random(3000)
    answers = []
    for threads in ("1", "3"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        answers.append(power_cells(points, weights, BOX).corners)
    np.testing.assert_array_equal(*answers)
