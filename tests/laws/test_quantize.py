"""Points in place of a density: each at the center of its cell, at the price of transport; pictures in blue noise."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mixot import Gaussian, Grid, InputError, Mixture, Status, UnsupportedError, quantize
from mixot.imaging.stipple import darkness, stipple


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
