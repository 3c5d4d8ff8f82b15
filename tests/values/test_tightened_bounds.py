"""What the products of ends and the data's own box are worth: known values of the bounds, with and without."""

import numpy as np
import pytest
from scipy.stats import beta

from mixot import Box, DiagonalGaussian, Mixture, Moments, MomentSOS, Samples, distance, fit
from mixot.families.registry import lookup
from mixot.sos.hierarchy import solve
from mixot.sos.relaxation import Relaxation
from mixot.sos.supports import end_products
from mixot.sos.target import target_of

SKEWED = Moments(np.array([1.0, *(float(beta(0.6, 2.0, loc=-1, scale=2).moment(a)) for a in range(1, 13))]), order=12)


def bounds(measure, region, order, dist, basis="chebyshev"):
    """The bounds as the region's constraints give them, and tightened."""
    model = lookup("diagonal").moment_model(measure.dim)
    target = target_of(measure, model, 2 * order)
    return [
        solve(Relaxation(model, (region,), target, order, dist, basis=basis, tightened=tightened)).bound
        for tightened in (False, True)
    ]


@pytest.mark.parametrize(
    ("order", "dist", "plain", "tight"),
    [(2, "w2", 0.00001, 0.00159), (4, "w2", 0.01778, 0.01865), (2, "tv", 0.0, 0.00261), (4, "tv", 0.02287, 0.02902)],
)
def test_products_of_ends_raise_the_bounds_of_a_skewed_law(order, dist, plain, tight):
    found = bounds(SKEWED, Box([-2.0, 0.2], [2.0, 1.0]), order, dist)
    np.testing.assert_allclose(found, [plain, tight], atol=2e-5)


@pytest.mark.parametrize(("order", "tight"), [(3, 0.00895), (4, 0.00949)])
def test_the_box_of_the_data_raises_the_bound_of_an_even_law(order, tight):
    even = Samples(np.linspace(-1, 1, 401)[:, None])
    found = bounds(even, Box([-2.0, 0.2], [2.0, 1.0]), order, "w2")
    assert found[1] == pytest.approx(tight, abs=2e-5)
    assert found[1] > found[0] + 0.001


def test_the_box_and_the_products_at_order_four_of_samples():
    x = np.random.default_rng(0).beta(0.6, 2, 2000) * 2 - 1
    width, square = x.std(), x.var()
    region = Box([x.min() - width, 0.3 * square], [x.max() + width, 1.2 * square])
    np.testing.assert_allclose(bounds(Samples(x[:, None]), region, 4, "w2"), [0.00044, 0.00258], atol=3e-5)
    np.testing.assert_allclose(bounds(Samples(x[:, None]), region, 4, "tv"), [0.00368, 0.00924], atol=3e-5)


@pytest.mark.parametrize("ends", [[0.2, 0.2], [1.0, 0.2], [1.0, 1.0]])
def test_tightened_bounds_stay_below_mixtures_at_the_ends_of_the_region(ends, rng):
    x = rng.exponential(size=400)
    law = Mixture([0.7, 0.3], DiagonalGaussian([0.7, 2.0], ends))
    region = Box([0.5, 0.2], [2.5, 1.0])
    apart = distance(Samples(x[:, None]), law)
    low = [bounds(Samples(x[:, None]), region, order, "w2")[1] for order in (2, 3, 4)]
    assert max(low) <= apart**2
    assert max(low) > 0


def test_products_hold_on_the_region_alone_and_need_their_degree():
    model = lookup("diagonal").moment_model(1)
    basis = Relaxation(
        model, (Box([-2.0, 0.2], [2.0, 1.0]),), target_of(SKEWED, model, 4), 2, basis="monomial"
    ).parameters
    ends = np.array([[-1.0, 1.0], [0.2, 1.0]])
    ((matrix, half),) = end_products(ends, basis, 2)
    assert half == 2
    values = basis.values(np.array([[0.0, 0.1], [0.0, 0.2], [0.3, 0.6], [0.0, 1.0], [0.0, 1.1]])) @ matrix[0][0]
    np.testing.assert_allclose(values, [-0.09, 0.0, 0.16, 0.0, -0.09], atol=1e-12)
    assert end_products(ends, basis, 1) == []


def test_tightening_is_on_by_default_and_may_be_left_out():
    x = np.random.default_rng(0).beta(0.6, 2, 500)
    support = Box([-1.0, 0.3 * x.var()], [2.0, 1.2 * x.var()])
    on, off = (
        fit(x, "gaussian", k=1, method=MomentSOS(order=4, distance="w2", support=support, refine=None, **options))
        for options in ({}, {"tightened": False})
    )
    assert on.lower_bound > off.lower_bound > 0
