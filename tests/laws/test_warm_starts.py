"""Solutions that set out from others: the same as without, and said to be warm or not."""

from dataclasses import replace

import numpy as np
import pytest

from mixot import Gaussian, Grid, InputError, Mixture, Samples, Semidiscrete, SolveError
from mixot.solvers.semidiscrete.kept_grid import KeptGrid
from mixot.transport import warm_costs
from mixot.transport.plans import gaussian_target

DENSITIES = {
    "pixels": lambda rng: Grid(rng.uniform(0.5, 2.0, (12, 9)), [[0, 1], [0, 1]]),
    "voxels": lambda rng: Grid(rng.uniform(0.5, 2.0, (5, 4, 3)), [[0, 1], [0, 1], [0, 1]], 1),
    "mixture": lambda rng: gaussian_target(Mixture([0.4, 0.6], Gaussian(rng.random((2, 2)), [0.1 * np.eye(2)] * 2))),
}


@pytest.mark.parametrize("kind", DENSITIES)
def test_a_plan_is_a_start_for_points_nearby(rng, kind):
    density = DENSITIES[kind](rng)
    y = rng.random((40, density.dim))
    for _ in range(3):  # towards the centers of cells: where a descent soon is
        y = Semidiscrete().solve(Samples(y), density).centroids
    last = Semidiscrete().solve(Samples(y), density)
    moved = Samples(y + 1e-3 * rng.standard_normal(y.shape))
    cold, warm = (Semidiscrete(tol=1e-12).solve(moved, density, start) for start in (None, last))
    assert not cold.warm_start
    assert warm.warm_start
    assert warm.cost == pytest.approx(cold.cost, rel=1e-12)
    np.testing.assert_allclose(warm.centroids, cold.centroids, atol=1e-9)


def test_potentials_near_keep_what_each_center_pays(rng):
    """Moving all points by one vector changes potentials by an affine function: exactly corrected, up to a constant."""
    grid, y = DENSITIES["pixels"](rng), rng.random((30, 2))
    plan = Semidiscrete(tol=1e-12).solve(Samples(y), grid)
    step = np.array([0.3, -0.2])
    away = np.ones(30)[:, None] * step
    expected = plan.potentials + 2 * y @ step
    found = plan.potentials_near(y + away) + 2 * plan.centroids @ step
    np.testing.assert_allclose(found - found.mean(), (expected - expected.mean()) + 0, atol=1e-12)
    np.testing.assert_array_equal(plan.potentials_near(y), plan.potentials)


def test_a_start_that_leads_nowhere_is_left(rng):
    grid, y = DENSITIES["pixels"](rng), rng.random((40, 2))
    last = Semidiscrete().solve(Samples(y), grid)
    far = Samples(rng.random((40, 2)) ** 4)
    found = Semidiscrete(tol=1e-12).solve(far, grid, last)
    assert not found.warm_start
    assert found.cost == pytest.approx(Semidiscrete(tol=1e-12).solve(far, grid).cost, rel=1e-12)


def test_a_start_of_another_size_is_named(rng):
    grid, y = DENSITIES["pixels"](rng), rng.random((40, 2))
    last = Semidiscrete().solve(Samples(y), grid)
    with pytest.raises(InputError, match=r"shape \(40, 2\) is no start for points of shape \(39, 2\)"):
        Semidiscrete().solve(Samples(y[1:]), grid, last)
    with pytest.raises(InputError, match="start must be 39 finite potentials"):
        Semidiscrete().solve(Samples(y[1:]), grid, last.potentials)


@pytest.mark.parametrize("kind", ["pixels", "voxels"])
def test_a_kept_grid_is_the_grid(rng, kind):
    """Whatever was solved on it before, also where the density was blended on the way."""
    grid = DENSITIES[kind](rng)
    values = grid.values.copy()
    values[1:-1] = 0.0
    for density in (grid, Grid(values, grid.bounds, grid.degree)):
        kept = KeptGrid(density)
        for _ in range(3):
            cloud = Samples(rng.random((30, grid.dim)))
            ours, theirs = (Semidiscrete(tol=1e-10).solve(cloud, g) for g in (kept, density))
            assert ours.cost == pytest.approx(theirs.cost, rel=1e-9)
            assert Semidiscrete(tol=1e-10).solve(cloud, kept, ours).cost == pytest.approx(theirs.cost, rel=1e-9)


def test_a_start_that_failed_shortens_the_way_and_time_lengthens_it(rng):
    grid, y = DENSITIES["pixels"](rng), rng.random((40, 2))
    function, _ = warm_costs.WarmCost.of(y, grid, 1e-9)
    _, first = function.solve([y], warm_costs.WarmState.empty(40, 2))
    far = rng.random((40, 2)) ** 4
    move = np.sqrt(((far - y) ** 2).sum(axis=1).mean())
    _, failed = function.solve([far], first)
    assert failed.counts.tolist() == [0, 1, 0, 1]
    assert failed.reach == pytest.approx(0.7 * move)
    _, away = function.solve([y], failed)
    assert away.counts.tolist() == [0, 1, 1, 1]
    assert away.reach == pytest.approx(1.2 * failed.reach)
    _, near = function.solve([y + 1e-6], away)
    assert near.counts.tolist() == [1, 1, 1, 1]
    assert near.reach == away.reach


@pytest.mark.parametrize(("error", "tol", "taken"), [(1e-9, 1e-12, True), (1e-7, 1e-12, False), (1e-7, 1e-6, True)])
def test_masses_that_are_off_by_rounding_are_taken(error, tol, taken, rng, monkeypatch):
    grid, y = DENSITIES["pixels"](rng), rng.random((5, 2))
    best = replace(Semidiscrete().solve(Samples(y), grid), marginal_error=error)

    def stopped(*_):
        raise SolveError("the masses are off", best)

    monkeypatch.setattr(Semidiscrete, "solve", stopped)
    function, _ = warm_costs.WarmCost.of(y, grid, tol)
    empty = warm_costs.WarmState.empty(5, 2)
    if taken:
        assert function.solve([y], empty)[0] is best
    else:
        with pytest.raises(SolveError, match="the masses are off"):
            function.solve([y], empty)
