"""The best n points of free weights on the line: published quantizers, closed forms, and what they must agree with."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from mixot import Gaussian, Grid, Mixture, Status, plan, quantize
from mixot.formulas.gaussian.points_on_line import nearest_parts
from mixot.formulas.gaussian.quantiles import Line
from mixot.solvers.semidiscrete.line import nearest_cells

NORMAL = Mixture([1.0], Gaussian([0.0], [1.0]))
LAW = Mixture([0.3, 0.7], Gaussian([-1.0, 4.0], [1.0, 0.25]))

# J. Max (1960), Quantizing for minimum distortion, IRE Transactions on Information Theory 6, table I:
# output levels and mean squared error for the standard normal law
MAX = {
    1: ([0.0], 1.0),
    2: ([0.7980], 0.3634),
    3: ([0.0, 1.224], 0.1902),
    4: ([0.4528, 1.510], 0.1175),
    5: ([0.0, 0.7646, 1.724], 0.07994),
    8: ([0.2451, 0.7560, 1.344, 2.152], 0.03454),
    16: ([0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733], 0.009497),
}


@pytest.mark.parametrize("n", MAX)
def test_the_quantizers_of_the_normal_law(n):
    levels, error = MAX[n]
    found = quantize(NORMAL, n, weights="free", tol=1e-8)
    assert found.status is Status.CONVERGED
    np.testing.assert_allclose(np.sort(found.samples.points[:, 0])[n // 2 :], levels, atol=6e-4)
    assert found.cost == pytest.approx(error, rel=6e-4)


@pytest.mark.parametrize("n", [1, 7, 2000])
def test_a_flat_density_is_cut_in_equal_parts(n):
    found = quantize(Grid(np.ones(5), [[-1, 2]]), n, weights="free")
    assert found.cost == pytest.approx(9 / (12 * n**2), rel=1e-9)
    np.testing.assert_allclose(found.samples.weights, 1 / n, rtol=1e-9)


def test_many_points_follow_the_cube_root_of_the_density():
    # Bennett (1948), Panter and Dite (1951): n^2 cost -> (int f^(1/3))^3 / 12, for the normal law sqrt(3) pi / 2
    found = quantize(NORMAL, 3000, weights="free")
    assert found.status is Status.CONVERGED
    assert found.cost * 3000**2 == pytest.approx(np.sqrt(3) * np.pi / 2, rel=2e-3)


@pytest.mark.parametrize(
    "q",
    [
        LAW,
        Grid([1, 2, 0, 0, 3.0], [[0, 10]]),
        Grid([1, 2, 0, 0, 3.0], [[0, 10]], degree=1),
        Mixture([0.3, 0.7], Gaussian([0.0, 5.0], [0.0, 1.0])),  # an atom
    ],
    ids=["mixture", "degree 0", "degree 1", "atom"],
)
def test_the_cost_is_that_of_transport_and_the_points_are_centers(q):
    found = quantize(q, 30, weights="free", tol=1e-7, rng=0, max_iter=500)
    assert found.status is Status.CONVERGED
    best = plan(found.samples, q)
    assert found.cost == pytest.approx(best.cost, rel=1e-8)
    off = np.sqrt(found.samples.weights @ (found.samples.points - best.centroids) ** 2)
    assert off.item() < 1e-6 * found.distance
    np.testing.assert_allclose(found.samples.mean(), q.mean(), atol=1e-8)
    assert found.cost < quantize(q, 30, tol=1e-7, rng=0).cost
    assert (np.diff(found.history) <= 1e-13 * found.cost).all()


@pytest.mark.parametrize("degree", [0, 1])
def test_parts_of_a_grid_by_quadrature(degree, rng):
    grid = Grid([1, 2, 0, 0.5, 3.0], [[0, 10]], degree=degree)
    y = np.sort(np.concatenate([rng.uniform(-2, 12, 9), [4.0, 4.0]]))
    cuts = np.concatenate([[0.0], np.clip((y[1:] + y[:-1]) / 2, 0, 10), [10.0]])
    height, middles = grid.values / 2, np.arange(1.0, 10, 2)

    def density(x):
        return np.interp(x, middles, height) if degree else height[min(int(x // 2), 4)]

    breaks = middles if degree else np.arange(2.0, 10, 2)
    found = nearest_cells(y, grid)
    for i, (a, b) in enumerate(pairwise(cuts)):
        inside = [p for p in breaks if a < p < b] or None
        for power in range(3):
            whole = quad(lambda x, i=i, power=power: density(x) * (x - y[i]) ** power, a, b, points=inside)[0]
            assert found[i, power] == pytest.approx(whole, abs=1e-9)


def test_parts_of_a_mixture_by_quadrature(rng):
    line = Line(LAW.weights, LAW.components.mean()[:, 0], np.array([1.0, 0.5]))
    y = np.sort(np.concatenate([rng.uniform(-4, 6, 8), [2.0, 2.0]]))
    cuts = np.concatenate([[-9.0], (y[1:] + y[:-1]) / 2, [10.0]])  # beyond are less than 1e-15
    found = nearest_parts(y, line)
    for i, (a, b) in enumerate(pairwise(cuts)):
        for power in range(3):
            whole = quad(lambda x, i=i, power=power: LAW.density([x])[0] * (x - y[i]) ** power, a, b)[0]
            assert found[i, power] == pytest.approx(whole, abs=1e-9)
