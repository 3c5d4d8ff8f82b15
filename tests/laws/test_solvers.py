"""Laws of every solver of couplings in the folder: found by looking, so that a new file is tested as it is."""

import pkgutil
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module

import numpy as np
import pytest

import mixot.solvers
from mixot import Gaussian, Mixture, Plan, SolveError, geodesic, plan, transport_map
from mixot.solvers.base import Solver, Task, solves


def in_the_folder():
    """One solver of each class of couplings that has defaults for all its options: that of a share is no whole one."""
    found = {}
    for module in pkgutil.walk_packages(mixot.solvers.__path__, "mixot.solvers."):
        for name, kind in vars(import_module(module.name)).items():
            if isinstance(kind, type) and kind.__module__ == module.name and is_dataclass(kind):
                task = getattr(kind, "task", Task.COUPLING)
                whole = all(part.default is not MISSING or part.default_factory is not MISSING for part in fields(kind))
                if whole and hasattr(kind, "solve") and task is Task.COUPLING and not name.startswith("_"):
                    found[name] = kind()
    return found


SOLVERS = in_the_folder()


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS)
def solver(request):
    return request.param


def solved(solver, cost, a, b):
    """The plan, optimal or as far as it came."""
    try:
        return solver.solve(cost, a, b)
    except SolveError as unfinished:
        return unfinished.result


def test_those_that_are_known_are_found():
    assert {"Exact", "OMT"} <= set(SOLVERS)
    assert not {"Semidiscrete", "MultiMarginal", "SDP"} & set(SOLVERS)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (6, 6), (4, 9), (30, 17)])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_plan_is_feasible_and_its_bound_is_proven(solver, shape, unit, rng):
    cost = unit * rng.random(shape)
    a, b = (rng.dirichlet(np.ones(size)) for size in shape)
    found = solved(solver, cost, a, b)
    assert isinstance(found, Plan)
    assert (found.coupling >= 0).all()
    error = max(np.abs(found.coupling.sum(axis=1) - a).max(), np.abs(found.coupling.sum(axis=0) - b).max())
    assert error < 1e-12
    assert found.marginal_error == pytest.approx(error, abs=1e-14)
    assert found.cost == pytest.approx((found.coupling * cost).sum(), rel=1e-12)
    f, g = found.potentials
    assert (f[:, None] + g <= cost + 1e-12 * unit).all()
    assert found.lower_bound == pytest.approx(f @ a + g @ b, abs=1e-12 * unit)
    assert found.lower_bound <= found.cost + 1e-15 * unit
    np.testing.assert_array_equal(found.cost_matrix, cost)


def test_no_plan_is_cheaper_than_the_exact_one(solver, rng):
    cost, a, b = rng.random((7, 5)), rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    best = SOLVERS["Exact"].solve(cost, a, b)
    found = solved(solver, cost, a, b)
    assert found.lower_bound - 1e-12 <= best.cost <= found.cost + 1e-12


def test_atoms_without_weight_get_nothing(solver, rng):
    a, b = np.array([0.5, 0.0, 0.5]), np.array([0.0, 0.25, 0.75])
    coupling = solved(solver, rng.random((3, 3)), a, b).coupling
    assert not coupling[1].any()
    assert not coupling[:, 0].any()


def test_every_verb_takes_it(solver):
    assert isinstance(solver, Solver)
    assert solves(solver, Task.COUPLING)
    p = Mixture([0.3, 0.7], Gaussian([0.0, 2.0], [1.0, 2.0]))
    q = Mixture([0.6, 0.4], Gaussian([1.0, 4.0], [1.0, 0.5]))
    found = plan(p, q, solver=solver)
    assert found.distance_name != "W2"
    path, move = geodesic(p, q, solver=solver), transport_map(p, q, solver=solver)
    for held in (path.plan, move.plan):
        np.testing.assert_array_equal(held.coupling, found.coupling)
        assert held.distance_name == found.distance_name
    np.testing.assert_allclose(path(1.0).mean(), q.mean(), atol=1e-9)
    assert move([[0.0], [2.0]]).shape == (2, 1)
    points = plan([0.0, 1.0], [2.0, 3.0], solver=solver)
    assert points.distance_name != "MW2"
    assert points.distance == pytest.approx(2.0, rel=0.1)


def test_the_map_at_random_arrives_at_the_target(solver, rng):
    p = Mixture([0.3, 0.7], Gaussian([0.0, 2.0], [1.0, 2.0]))
    q = Mixture([0.6, 0.4], Gaussian([1.0, 4.0], [1.0, 0.5]))
    there = transport_map(p, q, kind="random", solver=solver)(p.sample(200_000, rng=rng), rng=rng)
    assert there.mean() == pytest.approx(q.mean().item(), abs=0.02)
    assert there.var() == pytest.approx(q.cov().item(), abs=0.05)
