"""Partial plans: marginals within the weights, the least cost of a share, its proof, and what is no share."""

import numpy as np
import pytest
from scipy.optimize import linprog

from mixot import OMT, Exact, Gaussian, Grid, InputError, Mixture, Samples, SolveError, UnsupportedError, plan
from mixot.transport.plans import reversed_plan


def mixture(rng, k, dim=2):
    root = rng.standard_normal((k, dim, dim + 1))
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(3 * rng.standard_normal((k, dim)), root @ root.swapaxes(1, 2)))


def cloud(rng, n, dim=2):
    return Samples(rng.standard_normal((n, dim)), rng.dirichlet(np.ones(n)))


def least_cost(found, mass):
    """By a linear program of its own: no further atoms."""
    k, l = found.cost_matrix.shape  # noqa: E741
    rows, cols = np.kron(np.eye(k), np.ones(l)), np.kron(np.ones(k), np.eye(l))
    limits = np.concatenate([found.source_weights, found.target_weights])
    return linprog(found.cost_matrix.ravel(), np.vstack([rows, cols]), limits, np.ones((1, k * l)), [mass]).fun


@pytest.mark.parametrize("kind", [mixture, cloud])
@pytest.mark.parametrize("mass", [1e-3, 0.3, 0.7, 1.0])
def test_it_is_the_least_cost_of_the_share(rng, kind, mass):
    p, q = kind(rng, 5), kind(rng, 4)
    found = plan(p, q, mass=mass)
    assert found.coupling.sum() == pytest.approx(mass, rel=1e-12)
    assert (found.coupling >= 0).all()
    assert (found.coupling.sum(axis=1) <= p.weights + 1e-14).all()
    assert (found.coupling.sum(axis=0) <= q.weights + 1e-14).all()
    assert found.marginal_error < 1e-14
    assert found.cost == pytest.approx(least_cost(found, mass), rel=1e-9, abs=1e-12)
    assert 0 <= found.gap < 1e-12
    assert [left.sum() for left in found.unmoved] == pytest.approx([1 - mass] * 2, abs=1e-12)
    assert found.distance_name == ("partial MW2" if kind is mixture else "partial W2")


def test_all_of_the_mass_is_the_plan(rng):
    p, q = mixture(rng, 5), mixture(rng, 4)
    assert plan(p, q, mass=1).cost == pytest.approx(plan(p, q).cost, rel=1e-12)
    assert plan(p, q, mass=1).notes == ()
    assert "0.5 of the mass" in plan(p, q, mass=0.5).notes[0]


def test_its_potentials_prove_it(rng):
    p, q = mixture(rng, 6), mixture(rng, 5)
    found = plan(p, q, mass=0.6)
    f, g = found.potentials
    assert max(f.max(), g.max()) < 1e-12
    assert (f[:, None] + g + found.price <= found.cost_matrix + 1e-12).all()
    assert f @ p.weights + g @ q.weights + found.price * 0.6 == pytest.approx(found.lower_bound, rel=1e-9)
    more = plan(p, q, mass=0.6 + 1e-6)
    assert (more.cost - found.cost) / 1e-6 == pytest.approx(found.price, rel=1e-6)


def test_the_cost_is_convex_in_the_mass(rng):
    p, q = cloud(rng, 12), cloud(rng, 9)
    costs = np.array([0.0] + [plan(p, q, mass=mass).cost for mass in np.linspace(0.1, 1.0, 10)])
    assert (np.diff(costs, 2) >= -1e-12).all()
    assert (np.diff(costs) > 0).all()


def test_outliers_stay_where_they_are():
    p = Samples([0.0, 1.0, 2.0, 1000.0])
    q = Samples([0.5, 1.5, 2.5, -1000.0])
    found = plan(p, q, mass=0.75)
    assert found.cost == pytest.approx(0.75 * 0.25)
    assert found.unmoved[0].tolist() == [0, 0, 0, 0.25] == found.unmoved[1].tolist()


def test_equal_laws_cost_nothing(rng):
    p = mixture(rng, 4)
    assert plan(p, p, mass=0.4).cost < 1e-12
    one = Samples([[1.0, 1.0]])
    assert plan(one, one, mass=0.25).coupling.tolist() == [[0.25]]


def test_turned_round_it_is_that_of_the_other_way(rng):
    p, q = mixture(rng, 5), mixture(rng, 4)
    there, back = plan(p, q, mass=0.6), plan(q, p, mass=0.6)
    turned = reversed_plan(there)
    assert back.cost == pytest.approx(there.cost, rel=1e-12)
    assert turned.unmoved[0].tolist() == there.unmoved[1].tolist()


@pytest.mark.parametrize("wrong", [0, 0.0, -0.1, 1.0001, np.nan, np.inf, True, "0.5", [0.5], 1j])
def test_what_is_no_share_is_refused(rng, wrong):
    with pytest.raises(InputError, match="mass must be a share above 0 and at most 1"):
        plan(cloud(rng, 3), cloud(rng, 3), mass=wrong)


def test_other_solvers_and_measures_are_refused(rng):
    p, q = mixture(rng, 3), mixture(rng, 4)
    with pytest.raises(InputError, match="Exact"):
        plan(p, q, mass=0.5, solver=OMT())
    with pytest.raises(UnsupportedError, match="points and a density"):
        plan(cloud(rng, 3), Grid(np.ones((2, 2)), [[0, 1], [0, 1]]), mass=0.5)
    with pytest.raises(SolveError) as unfinished:
        plan(cloud(rng, 30), cloud(rng, 30), mass=0.5, solver=Exact(max_iter=1))
    assert unfinished.value.result.coupling.sum() <= 0.5 + 1e-12
