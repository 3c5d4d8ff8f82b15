"""Optimal mixture transport refuses what it cannot mean, and says why."""

import numpy as np
import pytest

from mixot import (
    OMT,
    Gaussian,
    InputError,
    Mixture,
    Poisson,
    Samples,
    Semidiscrete,
    SolveError,
    StudentT,
    UnsupportedError,
    plan,
)

HALF = np.full(2, 0.5)


@pytest.fixture
def pair():
    return Mixture(HALF, Gaussian([0.0, 1.0], [1.0, 1.0])), Mixture(HALF, Gaussian([2.0, 3.0], [1.0, 2.0]))


@pytest.mark.parametrize("name", ["lam", "eps"])
@pytest.mark.parametrize("value", [-1.0, -1e-300, np.nan, np.inf])
def test_entropies_are_finite_and_not_negative(name, value):
    with pytest.raises(InputError, match=f"{name} must be finite and not negative, got"):
        OMT(**{name: value})


@pytest.mark.parametrize("rho", [-1.0, 0.0, np.nan, (1.0, -2.0), (np.nan, 1.0)])
def test_relaxations_are_positive(rho):
    with pytest.raises(InputError, match="rho must be positive"):
        OMT(rho=rho)


def test_other_nonsense():
    with pytest.raises(InputError, match="rho must be one number or a pair"):
        OMT(rho=(1.0, 2.0, 3.0))
    with pytest.raises(InputError, match="KL cost has none of"):
        OMT(cost="kl", eps=1.0)
    with pytest.raises(InputError, match="relaxed marginals need lam > 0"):
        OMT(lam=0.0, rho=1.0)


def test_costs_must_be_finite():
    cost = np.ones((2, 2))
    for value in (np.nan, np.inf):
        cost[1, 0] = value
        with pytest.raises(InputError, match=r"costs must be finite, got .* between components 1 and 0"):
            OMT().solve(cost, HALF, HALF)


def test_families_must_agree(pair):
    with pytest.raises(UnsupportedError, match="between mixtures of the families"):
        plan(pair[0], Mixture(HALF, Poisson([1.0, 2.0])), solver=OMT())
    plane = Mixture(HALF, Gaussian(np.zeros((2, 2)), np.stack([np.eye(2)] * 2)))
    with pytest.raises(InputError, match="same space, got dimension 1 and 2"):
        plan(pair[0], plane, solver=OMT())


def test_families_without_a_formula_say_which_have_one():
    heavy = Mixture(HALF, StudentT([0.0, 1.0], [1.0, 1.0], df=5))
    with pytest.raises(UnsupportedError, match=r"no entropic cost; families that do: .*gaussian"):
        plan(heavy, heavy, solver=OMT(eps=0.1))


def test_options_that_mean_nothing_for_points():
    points = Samples([0.0, 1.0])
    with pytest.raises(InputError, match="points have no inner couplings"):
        plan(points, points, solver=OMT(eps=0.1))
    with pytest.raises(InputError, match=r"solved by Exact\(...\) or OMT\(...\), got Semidiscrete"):
        plan(points, points, solver=Semidiscrete())


def test_giving_up_leaves_the_best_plan(rng):
    cost = rng.random((60, 60))
    a, b = rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(60))
    with pytest.raises(SolveError, match="did not finish: stopped at the iteration limit") as caught:
        OMT(lam=1e-6, max_iter=1).solve(cost, a, b)
    left = caught.value.result
    np.testing.assert_allclose(left.coupling.sum(axis=1), a, atol=1e-14)
    assert left.gap > 0


def test_the_gap_of_a_plan_given_up_is_that_of_its_potentials(rng):
    cost, lam = rng.random((60, 60)), 1e-3
    a, b = rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(60))
    with pytest.raises(SolveError, match="did not finish") as caught:
        OMT(lam=lam, max_iter=1).solve(cost, a, b)
    left = caught.value.result
    w, (f, g), scale = left.coupling, left.entropic_potentials, np.outer(a, b)
    primal = (w * cost).sum() + lam * (w * np.log(np.where(w > 0, w, 1.0) / scale)).sum()
    dual = a @ f + b @ g - lam * ((scale * np.exp((f[:, None] + g - cost) / lam)).sum() - 1)
    assert left.gap == pytest.approx(primal - dual, rel=1e-9)
    best = OMT(lam=lam).solve(cost, a, b)
    assert left.gap >= left.primal - best.primal > 0
