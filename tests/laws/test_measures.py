"""Samples, grids and moments: three ways to write a measure, one set of laws."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from mixot import Fit, Gaussian, Grid, InputError, Mixture, Moments, Samples, Status, as_measure
from mixot.formulas.polynomial import moments as moments_module
from mixot.formulas.polynomial.moments import exponents, sample_moments


def grids(rng, degree):
    shapes = (7,), (4, 3), (3, 1, 2)
    for shape in shapes:
        values = rng.uniform(size=shape) * (rng.uniform(size=shape) > 0.3)
        values.flat[0] = 1.0
        low = rng.uniform(-2, 1, size=len(shape))
        yield Grid(values, np.stack([low, low + rng.uniform(0.5, 3, size=len(shape))], axis=1), degree)


def test_degree_0_integrates_every_monomial_over_every_pixel(rng):
    for grid in grids(rng, degree=0):
        expected = np.zeros(len(exponents(grid.dim, 5)))
        for at in np.ndindex(grid.values.shape):
            low = grid.bounds[:, 0] + at * grid.spacing
            high = low + grid.spacing
            for s, power in enumerate(exponents(grid.dim, 5)):
                mean = (high ** (power + 1) - low ** (power + 1)) / ((power + 1) * grid.spacing)
                expected[s] += grid.values[at] * mean.prod()
        np.testing.assert_allclose(grid.moments(5).values, expected, rtol=1e-12, atol=1e-13)


def linear_reading(grid, x):
    """The density of degree 1 as the docstring has it: linear between centres, constant beyond the outermost."""
    place = (x - grid.bounds[:, 0]) / grid.spacing - 0.5
    value = np.zeros(len(x))
    base = np.floor(place).astype(int)
    for corner in np.ndindex(*[2] * grid.dim):
        index = np.clip(base + corner, 0, np.array(grid.values.shape) - 1)
        share = np.where(np.array(corner) == 1, place - base, 1 - (place - base)).prod(axis=1)
        value += share * grid.values[tuple(index.T)]
    return value / grid.spacing.prod()


def test_degree_1_integrates_the_linear_reading(rng):
    nodes, masses = leggauss(6)
    for grid in grids(rng, degree=1):
        axes, weights = [], []
        for (low, high), size in zip(grid.bounds, grid.values.shape, strict=True):
            kinks = np.linspace(low, high, 2 * size + 1)  # edges and centres
            axes.append(np.concatenate([(a + b) / 2 + (b - a) / 2 * nodes for a, b in pairwise(kinks)]))
            weights.append(np.concatenate([(b - a) / 2 * masses for a, b in pairwise(kinks)]))
        x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, grid.dim)
        w = np.stack(np.meshgrid(*weights, indexing="ij"), axis=-1).reshape(-1, grid.dim).prod(axis=1)
        mass = w * linear_reading(grid, x)
        assert mass.sum() == pytest.approx(1.0, rel=1e-13)  # the hats share the box out: no mass is lost at the rim
        expected = [mass @ (x**power).prod(axis=1) for power in exponents(grid.dim, 4)]
        np.testing.assert_allclose(grid.moments(4).values, expected, rtol=1e-12, atol=1e-13)


def test_degree_1_of_two_pixels_by_hand():
    # the density is 0 up to 1/4, 4 x - 1 up to 3/4 and 2 from there: E x is the sum of two integrals
    low, high = Fraction(1, 4), Fraction(3, 4)
    middle = Fraction(4, 3) * (high**3 - low**3) - Fraction(1, 2) * (high**2 - low**2)
    end = 1 - high**2
    grid = Grid([0.0, 1.0], [[0, 1]], degree=1)
    assert grid.mean()[0] == pytest.approx(float(middle + end), rel=1e-14)


def test_mean_and_covariance_are_the_first_moments(rng):
    for degree in (0, 1):
        for grid in grids(rng, degree):
            np.testing.assert_allclose(grid.mean(), grid.moments(2).mean(), rtol=1e-13)
            np.testing.assert_allclose(grid.cov(), grid.moments(2).cov(), rtol=1e-10, atol=1e-12)


def test_pixels_are_their_centres_plus_a_uniform_spread(rng):
    for grid in grids(rng, degree=0):
        centers = grid.centers()
        np.testing.assert_allclose(grid.mean(), centers.mean(), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(grid.cov(), centers.cov() + np.diag(grid.spacing**2) / 12, rtol=1e-10, atol=1e-13)


def test_a_grid_far_from_the_origin_keeps_its_covariance():
    near, far = Grid([1.0, 2.0, 1.0], [[-1, 1]]), Grid([1.0, 2.0, 1.0], [[2.0**40 - 1, 2.0**40 + 1]])
    np.testing.assert_allclose(far.cov(), near.cov(), rtol=1e-14)


@pytest.mark.parametrize("unit", [1e-320, 1e-200, 1e308])
def test_only_the_ratios_of_grid_values_count(unit):
    np.testing.assert_allclose(Grid(np.array([2.0, 1.0, 1.0]) / 2 * unit).values, [0.5, 0.25, 0.25], rtol=1e-3)


def test_the_pixels_of_a_grid_without_bounds_are_units():
    np.testing.assert_array_equal(Grid(np.ones((2, 3))).bounds, [[0, 2], [0, 3]])
    np.testing.assert_array_equal(Grid(np.ones((2, 3))).spacing, [1, 1])


def test_samples_follow_the_definitions(rng):
    x, w = rng.standard_normal((50, 3)), rng.dirichlet(np.ones(50))
    p = Samples(x, w)
    np.testing.assert_allclose(p.mean(), np.average(x, axis=0, weights=w), rtol=1e-12)
    np.testing.assert_allclose(p.cov(), np.cov(x.T, aweights=w, ddof=0), rtol=1e-12)
    np.testing.assert_allclose(
        p.moments(4).values, [w @ (x**power).prod(axis=1) for power in exponents(3, 4)], rtol=1e-12
    )
    assert len(p) == 50
    assert p.dim == 3


def test_samples_without_weights_count_alike(rng):
    x = rng.standard_normal((50, 2))
    np.testing.assert_array_equal(Samples(x).weights, 1 / 50)
    np.testing.assert_allclose(Samples(x).cov(), np.cov(x.T, ddof=0), rtol=1e-12)


def test_moments_of_samples_do_not_depend_on_the_blocks(rng, monkeypatch):
    x, w = rng.standard_normal((1000, 2)), rng.dirichlet(np.ones(1000))
    whole = sample_moments(x, w, 6)
    monkeypatch.setattr(moments_module, "_BLOCK_ENTRIES", 1)
    np.testing.assert_allclose(sample_moments(x, w, 6), whole, rtol=1e-12, atol=1e-14)


def test_samples_keep_single_precision_and_count_in_double(rng):
    x = (1e4 + rng.standard_normal((1000, 2))).astype(np.float32)
    p = Samples(x)
    assert p.points.dtype == np.float32
    assert not np.shares_memory(p.points, x)
    np.testing.assert_allclose(p.cov(), np.cov(x.astype(np.float64).T, ddof=0), rtol=1e-10)


def test_moments_know_their_dimension_order_mean_and_covariance(rng):
    law = Mixture([1.0], Gaussian(rng.standard_normal((1, 4)), np.eye(4)[None]))
    known = law.moments(5)
    assert (known.dim, known.order) == (4, 5)
    np.testing.assert_allclose(known.mean(), law.mean(), rtol=1e-14)
    np.testing.assert_allclose(known.cov(), law.cov(), atol=1e-14)
    np.testing.assert_array_equal(known.moments(3).values, law.moments(3).values)
    np.testing.assert_array_equal(known.exponents, exponents(4, 5))


@pytest.mark.parametrize(("dim", "order"), [(1, 1), (1, 12), (2, 8), (200, 1), (40, 2)])
def test_the_number_of_moments_tells_the_dimension(dim, order):
    values = np.zeros(len(exponents(dim, order)))
    values[0] = 1.0
    assert Moments(values, order=order).dim == dim


def test_exponents_are_graded_and_complete():
    powers = exponents(3, 5)
    assert len({tuple(power) for power in powers.tolist()}) == len(powers) == 56
    degrees = powers.sum(axis=1)
    assert (np.diff(degrees) >= 0).all()
    for degree in range(6):
        block = [tuple(power) for power in powers[degrees == degree].tolist()]
        assert block == sorted(block, reverse=True)


def frames():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 0.25, 0.0], "c": [True, False, True]})


def test_as_measure_reads_tables(rng):
    frame = frames()
    np.testing.assert_array_equal(as_measure(frame).points, [[1, 0.5, 1], [2, 0.25, 0], [3, 0, 1]])
    frame.columns = ["a", "a", "a"]
    assert as_measure(frame).dim == 3
    for table in ([[1, 2], [3, 4]], ((1, 2), (3, 4), (5, 6)), np.ones((4, 2), dtype=np.int8)):
        assert as_measure(table).dim == 2
    assert as_measure([1.0, 2.0, 3.0]).points.shape == (3, 1)


def test_as_measure_passes_measures_through(rng):
    p = Samples([[0.0]])
    assert as_measure(p) is p
    mixture = Mixture([1.0], Gaussian([0.0], [1.0]))
    assert as_measure(Fit(mixture, Status.CONVERGED, 1, 0.0, 0.0, np.zeros(1))) is mixture


def test_as_measure_reads_a_pair_as_points_and_weights():
    p = as_measure(([[0.0, 0.0], [1.0, 1.0]], [0.25, 0.75]))
    np.testing.assert_array_equal(p.weights, [0.25, 0.75])
    np.testing.assert_array_equal(as_measure(([0.0, 1.0], [0.25, 0.75])).points, [[0], [1]])


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)])
def test_as_measure_reads_the_colours_of_a_picture(dtype, top):
    picture = np.zeros((2, 5, 4), dtype=dtype)
    picture[0, 0] = top, 0, top, top  # the last is alpha
    picture[1, 0] = 0, 0, 0, top
    p = as_measure(picture)
    np.testing.assert_allclose(p.weights, [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0])
    with pytest.raises(InputError, match="transparent everywhere"):
        as_measure(np.zeros((2, 5, 4), dtype=dtype))
    assert p.points.shape == (10, 3)
    np.testing.assert_array_equal(p.points[0], [1, 0, 1])


@pytest.mark.parametrize(
    ("mode", "value", "color"),
    [
        ("RGB", (255, 0, 51), [1, 0, 0.2]),
        ("RGBA", (255, 0, 51, 7), [1, 0, 0.2]),
        ("L", 51, [0.2]),
        ("1", 1, [1, 1, 1]),
        ("I;16", 13107, [0.2]),
        ("I", 13107, [0.2]),
        ("F", 0.25, [0.25]),
    ],
)
def test_as_measure_reads_every_kind_of_pil_picture(mode, value, color):
    image = pytest.importorskip("PIL.Image")
    p = as_measure(image.new(mode, (4, 3), value))
    assert p.points.shape == (12, len(color))
    np.testing.assert_allclose(p.points, np.tile(color, (12, 1)), rtol=1e-7)


def test_moments_of_lower_orders_are_the_first_ones(rng):
    whole = Samples(rng.standard_normal((9, 2))).moments(3)
    for order, count in ((1, 3), (2, 6), (3, 10)):
        part = whole.moments(order)
        assert part.order == order
        np.testing.assert_array_equal(part.values, whole.values[:count])


def test_a_grid_of_one_cell_is_the_uniform_law_on_it():
    cell = Grid([[3.0]], [[0.0, 2.0], [1.0, 4.0]])
    np.testing.assert_allclose(cell.mean(), [1.0, 2.5], rtol=1e-15)
    np.testing.assert_allclose(cell.cov(), np.diag([4.0, 9.0]) / 12, rtol=1e-14, atol=1e-15)
