"""Points in place of a density: each at the center of its cell, at the price of transport; pictures in blue noise."""

from collections import deque

import numpy as np
import pytest
from scipy.spatial import cKDTree

import mixot
from mixot import Gaussian, Grid, InputError, Mixture, Status, UnsupportedError, quantize
from mixot.imaging.stipple import darkness, stipple
from mixot.transport import quantize as module
from mixot.transport.plans import gaussian_target


def mixture(rng, k=3):
    root = rng.standard_normal((k, 2, 2))
    return Mixture(rng.dirichlet([3.0] * k), Gaussian(2 * rng.standard_normal((k, 2)), root @ root.swapaxes(1, 2)))


def picture(rng):
    x, y = np.meshgrid(np.linspace(0, 1, 48), np.linspace(0, 1, 32), indexing="ij")
    return Grid(0.1 + np.exp(-20 * ((x - 0.3) ** 2 + (y - 0.6) ** 2)), [[-1, 2], [0, 2]])


@pytest.mark.parametrize("make", [mixture, picture])
@pytest.mark.parametrize("weights", ["equal", "free"])
def test_points_are_centers_of_their_cells_and_the_cost_falls(make, weights, rng):
    q = make(rng)
    found = quantize(q, 60, weights=weights, tol=1e-5, rng=1, max_iter=500)
    assert found.status is Status.CONVERGED
    assert found.residual <= 2e-5
    assert (np.diff(found.history) <= 1e-13 * found.cost).all()
    # the points have the mean of q, and less of its spread by exactly the cost
    points, masses = found.samples.points, found.samples.weights
    np.testing.assert_allclose(masses @ points, q.mean(), atol=1e-4)
    spread = np.trace(q.cov()) - masses @ ((points - q.mean()) ** 2).sum(axis=1)
    np.testing.assert_allclose(found.cost, spread, rtol=1e-3)
    if weights == "equal":
        np.testing.assert_array_equal(masses, 1 / 60)


def test_one_point_is_the_mean_and_two_lie_on_the_long_axis():
    q = Mixture([1.0], Gaussian([[1.0, -2.0]], [np.diag([9.0, 1.0])]))
    one = quantize(q, 1, rng=0, tol=1e-9)
    np.testing.assert_allclose(one.samples.points, [[1.0, -2.0]], atol=1e-8)
    assert one.cost == pytest.approx(10.0, rel=1e-12)
    two = quantize(q, 2, rng=0, tol=1e-9, max_iter=500)
    step = 3 * np.sqrt(2 / np.pi)  # mean of the half of N(0, 9)
    np.testing.assert_allclose(np.sort(two.samples.points[:, 0]), [1 - step, 1 + step], atol=1e-6)
    assert two.cost == pytest.approx(10 - step**2, rel=1e-10)


@pytest.mark.parametrize("weights", ["equal", "free"])
def test_in_space_points_are_centers_of_their_cells(weights, rng):
    root = rng.standard_normal((2, 3, 3))
    law = Mixture([0.4, 0.6], Gaussian(2 * rng.standard_normal((2, 3)), root @ root.swapaxes(1, 2)))
    t = np.linspace(0, 1, 8)
    voxels = Grid(0.1 + np.exp(-9 * sum((x - 0.4) ** 2 for x in np.meshgrid(t, t, t))), [[0, 1], [0, 2], [0, 1]])
    for q in (law, voxels):
        found = quantize(q, 20, weights=weights, tol=1e-3, rng=1, max_iter=500)
        assert found.status is Status.CONVERGED
        spread = np.trace(q.cov()) - found.samples.weights @ ((found.samples.points - q.mean()) ** 2).sum(axis=1)
        np.testing.assert_allclose(found.cost, spread, rtol=1e-2)


def test_more_points_are_nearer_and_free_weights_are_nearer_still(rng):
    q = mixture(rng)
    equal = [quantize(q, n, rng=2).distance for n in (10, 40, 160)]
    free = [quantize(q, n, rng=2, weights="free").distance for n in (10, 40, 160)]
    assert (np.diff(equal) < 0).all()
    assert (np.array(free) < equal).all()


def test_a_flat_square_is_covered_by_hexagons():
    # Gersho: n cells of a fine quantizer are regular hexagons, n cost -> 5 / (18 sqrt 3) times the area
    found = quantize(Grid(np.ones((8, 8)), [[0, 1], [0, 1]]), 900, rng=0)
    assert 1 < found.cost * 900 / (5 / (18 * np.sqrt(3))) < 1.06


def test_dots_keep_their_distance_and_follow_the_dark():
    shade = np.tile(np.linspace(0.0, 0.9, 96), (64, 1))
    drawing = stipple(shade, 600, rng=0)
    near = cKDTree(drawing.dots).query(drawing.dots, k=2)[0][:, 1]
    ideal = np.sqrt(2 / np.sqrt(3) / (600 * (1 - shade[0, drawing.dots[:, 0].astype(int)]) / (1 - shade).sum()))
    assert near.min() > 0.45 * ideal[near.argmin()]  # random points come arbitrarily close
    left = (drawing.dots[:, 0] < 48).mean()
    assert left == pytest.approx((1 - shade[:, :48]).sum() / (1 - shade).sum(), abs=0.01)


def test_drawings_have_the_ink_they_promise():
    drawing = stipple(np.full((40, 60), 0.9), 30, rng=0)
    ink = (255.0 - drawing.pixels(4.0)) / 238
    assert ink.shape == (160, 240)
    assert ink.mean() == pytest.approx(0.7 * 0.1, rel=0.02)
    assert drawing.svg().count("<circle") == 30


def test_darkness_reads_every_kind_of_picture():
    grey = np.array([[0, 255]], dtype=np.uint8)
    assert darkness(grey).tolist() == [[1.0, 0.0]]
    assert darkness(np.dstack([grey] * 3)).round(12).tolist() == [[1.0, 0.0]]
    assert darkness(np.dstack([grey, grey])).tolist() == [[0.0, 0.0]]  # black but transparent
    assert darkness(np.array([[0, 65535]], dtype=np.uint16)).tolist() == [[1.0, 0.0]]
    with pytest.raises(InputError, match="white"):
        stipple(np.ones((4, 4)), 3)
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        darkness(np.full((2, 2), 1.5))


def test_on_the_line_points_are_means_of_equal_parts():
    q = Mixture([0.5, 0.5], Gaussian([-1.0, 2.0], [1.0, 0.3]))
    found = quantize(q, 7, tol=1e-8, rng=0)
    np.testing.assert_allclose(found.samples.points.mean(), 0.5, atol=1e-12)
    assert found.residual < 1e-8
    flat = quantize(Grid(np.ones(5), [[0, 1]]), 4, tol=1e-8, rng=0)
    np.testing.assert_allclose(np.sort(flat.samples.points[:, 0]), [0.125, 0.375, 0.625, 0.875], atol=1e-9)


def test_what_cannot_be_quantized_is_named():
    with pytest.raises(UnsupportedError, match="dimension 4"):
        quantize(Mixture([1.0], Gaussian(np.zeros((1, 4)), [np.eye(4)])), 3)
    with pytest.raises(UnsupportedError, match="singular"):
        quantize(Mixture([1.0], Gaussian([[0.0, 0.0]], [np.diag([1.0, 0.0])])), 3)
    with pytest.raises(InputError, match="n must be"):
        quantize(Grid(np.ones((2, 2))), 0)


def test_the_newest_change_of_slope_is_answered_by_its_step(rng):
    """The secant equation of L-BFGS: the inverse Hessian times the last change of the gradient is the last step."""
    root = rng.standard_normal((6, 6))
    hessian = root @ root.T + np.eye(6)
    steps = rng.standard_normal((3, 6, 1))
    pairs = deque((step, hessian @ step) for step in steps)
    scale = rng.uniform(0.5, 2.0, (6, 1))
    np.testing.assert_allclose(module._quasi_newton(pairs[-1][1], pairs, scale), -steps[-1], rtol=1e-9)
    slope = rng.standard_normal((6, 1))
    np.testing.assert_allclose(module._quasi_newton(slope, deque(), scale), -scale * slope, rtol=1e-14)
    bent = deque([(steps[0], -steps[0])])  # curved the wrong way: of no use
    np.testing.assert_allclose(module._quasi_newton(slope, bent, scale), -scale * slope, rtol=1e-14)
    # The formula, matrix by matrix: V' H V + r s s', with V = I - r y s'
    inverse = np.diagflat(scale)
    for s, y in pairs:
        r = 1 / (y * s).sum()
        v = np.eye(6) - r * y @ s.T
        inverse = v.T @ inverse @ v + r * s @ s.T
    np.testing.assert_allclose(module._quasi_newton(slope, pairs, scale), -inverse @ slope, rtol=1e-9)


@pytest.mark.parametrize("weights", ["equal", "free"])
def test_curvature_saves_steps(weights, rng, monkeypatch):
    q, told = mixture(rng), []
    fast = quantize(q, 12, weights=weights, tol=1e-3, rng=1, progress=told.append)
    assert [(tick.step, tick.value) for tick in told] == list(enumerate(fast.history))[1:]
    assert len(fast.history) == fast.iterations + 1
    monkeypatch.setattr(module, "_quasi_newton", lambda gradient, pairs, scale: -scale * gradient)
    slow = quantize(q, 12, weights=weights, tol=1e-3, rng=1)
    assert fast.iterations < 0.7 * slow.iterations
    few = quantize(q, 12, weights=weights, tol=1e-3, rng=1, max_iter=3)
    assert (few.status, few.iterations) == (Status.MAX_ITER, 3)
    enough = quantize(q, 12, weights=weights, tol=1e-3, rng=1, max_iter=slow.iterations)
    assert (enough.status, enough.iterations) == (Status.CONVERGED, slow.iterations)


def test_starts_are_draws_from_the_pixels(rng):
    values = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
    q = Grid(values, [[-1, 3], [0, 6]])
    points = module._draw(q, 4000, rng)
    places = np.floor((points - q.bounds[:, 0]) / q.spacing).astype(int)
    counts = np.zeros((2, 3))
    np.add.at(counts, tuple(places.T), 1)
    np.testing.assert_allclose(counts / 4000, values / 4, atol=0.03)
    np.testing.assert_allclose(points.mean(axis=0), q.mean(), atol=0.1)


def test_points_on_the_line_start_as_dense_as_the_cube_root(rng):
    q = Grid([8.0, 1.0, 27.0], [[0, 3]])
    points = module._spread_on_line(q, 600)[:, 0]
    np.testing.assert_array_equal(np.histogram(points, [0, 1, 2, 3])[0], [200, 100, 300])
    assert points[0] == pytest.approx(0.0025)  # halves of steps at the ends
    law = gaussian_target(Mixture([1.0], Gaussian([2.0], [4.0])))
    points = module._spread_on_line(law, 999)[:, 0]  # the cube root of a Gaussian is one of three times the variance
    assert points[499] == pytest.approx(2.0, abs=1e-2)
    assert np.std(points) == pytest.approx(np.sqrt(12.0), rel=0.02)


def test_a_plan_that_is_right_to_the_end(rng):
    """The residual is what its words say, and zero where the points are the density's atoms."""
    q = mixture(rng)
    found = quantize(q, 5, tol=1e-6, rng=0)
    plan = mixot.plan(found.samples, q)
    away = found.samples.weights @ ((found.samples.points - plan.centroids) ** 2).sum(axis=1)
    assert found.cost == pytest.approx(plan.cost, rel=1e-6)
    assert found.residual <= 1e-6
    assert np.sqrt(away / plan.cost) <= 1e-5
    state = module._State(np.zeros((1, 1)), np.ones(1), np.zeros((1, 1)), 0.0)
    assert state.residual == 0.0
    state = module._State(np.zeros((2, 1)), np.array([0.25, 0.75]), np.array([[1.0], [-2.0]]), 4.0)
    assert state.residual == pytest.approx(np.sqrt((0.25 + 3.0) / 4.0))
    np.testing.assert_allclose(state.gradient, [[-0.5], [3.0]])


@pytest.mark.parametrize(("rise", "taken"), [(0.5, False), (1e-11, False), (1e-14, True)])
def test_no_step_climbs_beyond_rounding(rise, taken):
    """Also where it brings the points nearer to their centers."""
    state = module._State(np.zeros((2, 1)), np.full(2, 0.5), np.array([[1.0], [-1.0]]), 1.0)

    class Uphill(module._NearestCells):
        def at(self, points, near):
            return module._State(points, near.masses, points, near.cost * (1 + rise))

    assert (module._step(Uphill(Grid([1.0])), state, deque()) is not None) == taken
