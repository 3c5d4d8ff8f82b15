"""Entropic losses: the value that OMT attains, derivatives against differences and closed forms, and where they end."""

import numpy as np
import pytest

from mixot import OMT, Gaussian, InputError, Mixture, Samples, UnsupportedError, plan
from mixot.transport import entropic_batches
from mixot.transport.array_groups import GridOf
from mixot.transport.entropic_losses import entropic_function

SOLVERS = [OMT(lam=0.5), OMT(lam=0.5, eps=0.4), OMT(lam=0.7, rho=1.0), OMT(lam=0.7, rho=(np.inf, 2.0), eps=0.2)]


def mixture(rng, k, d, *batch):
    root = rng.standard_normal((*batch, k, d, d + 2))
    places = rng.standard_normal((*batch, k, d))
    covs = root @ root.swapaxes(-1, -2) / d + 0.3 * np.eye(d)  # no step of a difference comes near a singular one
    return rng.dirichlet(np.full(k, 3.0), size=batch or None), places, covs


def steps(rng, arrays):
    """Along the simplex in weights (arrays of one axis), symmetric in covariances (of three)."""
    out = [rng.standard_normal(x.shape) for x in arrays]
    return [0.1 * (s - s.mean()) if s.ndim == 1 else s + s.swapaxes(1, 2) if s.ndim == 3 else s for s in out]


def assert_derivatives(rng, p, q, solver, debiased, h=1e-4):
    """Gradient and Hessian along one step, against differences of fourth order."""
    function, arrays = entropic_function(p, q, solver, debiased)
    every = (True,) * len(arrays)
    value, slopes = function.cost_and_gradients(every, *arrays)
    assert value == pytest.approx(function.cost(*arrays), rel=1e-14, abs=1e-14)
    move = steps(rng, arrays)

    def at(t):
        return function.cost_and_gradients(every, *(x + t * s for x, s in zip(arrays, move, strict=True)))

    near = [at(t * h) for t in (1, -1, 2, -2)]
    weights = np.array([8, -8, -1, 1]) / (12 * h)
    slope = sum((g * s).sum() for g, s in zip(slopes, move, strict=True))
    size = sum(np.linalg.norm(g) * np.linalg.norm(s) for g, s in zip(slopes, move, strict=True))
    assert slope == pytest.approx(weights @ [value for value, _ in near], abs=1e-8 * size)
    bent = function.bend(every, arrays, move)
    size = max(np.abs(x).max() for x in bent)
    for index, found in enumerate(bent):
        expected = sum(w * gradients[index] for w, (_, gradients) in zip(weights, near, strict=True))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * size)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("d", [1, 2])
def test_derivatives_of_mixtures(rng, d, solver, debiased):
    assert_derivatives(rng, mixture(rng, 3, d), mixture(rng, 2, d), solver, debiased)


@pytest.mark.parametrize("solver", [OMT(lam=0.5), OMT(lam=0.7, rho=1.0)])
def test_derivatives_of_clouds(rng, solver):
    x, y = ((places, weights) for weights, places, _ in (mixture(rng, 5, 2), mixture(rng, 4, 2)))
    assert_derivatives(rng, x, y, solver, debiased=True)
    assert_derivatives(rng, x[0], y, solver, debiased=False)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_value_is_what_is_minimised(rng, solver):
    p, q = mixture(rng, 4, 3), mixture(rng, 5, 3)
    function, arrays = entropic_function(p, q, solver, debiased=False)
    found = plan(*(Mixture(w, Gaussian(m, s)) for w, m, s in (p, q)), solver=solver)
    assert function.cost(*arrays) == pytest.approx(found.primal, rel=1e-11)


def test_one_component_each_is_the_cost_between_them(rng):
    """On the line ``(m - n)^2 + (a^1/2 - b^1/2)^2``: its second derivatives are 2, -2 and ``(b / a^3)^1/2 / 2``."""
    one, a, b = np.ones(1), 1.7, 0.6
    p, q = (one, np.array([[0.3]]), np.array([[[a]]])), (one, np.array([[2.0]]), np.array([[[b]]]))
    function, arrays = entropic_function(p, q, OMT(lam=1.0), debiased=False)
    assert function.cost(*arrays) == pytest.approx(1.7**2 + (a**0.5 - b**0.5) ** 2, rel=1e-14)
    step = [np.zeros_like(x) for x in arrays]
    step[1], step[2] = np.ones((1, 1)), np.ones((1, 1, 1))
    bent = function.bend((True,) * 6, arrays, step)
    expected = [0.0, 2.0, 0.5 * (b / a**3) ** 0.5, 0.0, -2.0, -0.5 / (a * b) ** 0.5]
    np.testing.assert_allclose([x.item() for x in bent], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("solver", [*SOLVERS, OMT(lam=1e-3)])
def test_debiased_it_is_zero_and_flat_between_a_measure_and_itself(rng, solver):
    p = mixture(rng, 4, 2)
    function, arrays = entropic_function(p, p, solver, debiased=True)
    if solver.marginal_costs[0] != solver.marginal_costs[1]:
        return  # what is missed at different prices on both sides is no divergence
    value, slopes = function.cost_and_gradients((True,) * 6, *arrays)
    assert abs(value) < 1e-12
    assert max(np.abs(g).max() for g in slopes) < 1e-9


def test_a_batch_is_a_loop(rng):
    p, q = mixture(rng, 4, 2, 3), mixture(rng, 6, 2, 3)
    for solver in SOLVERS:
        function, arrays = entropic_function(p, q, solver, debiased=True)
        values, slopes = function.cost_and_gradients((True,) * 6, *arrays)
        bent = function.bend((True,) * 6, arrays, slopes)
        for at in range(3):
            one, its = entropic_function(*(tuple(x[at] for x in side) for side in (p, q)), solver, debiased=True)
            value, gradients = one.cost_and_gradients((True,) * 6, *its)
            assert values[at] == pytest.approx(value, rel=1e-11)
            for x, y in zip(slopes, gradients, strict=True):
                np.testing.assert_allclose(x[at], y, atol=1e-10)
            for x, y in zip(bent, one.bend((True,) * 6, its, gradients), strict=True):
                np.testing.assert_allclose(x[at], y, atol=1e-8 * np.abs(y).max())


def test_atoms_without_weight_feel_where_they_would_go(rng):
    """The derivative in a weight that is zero, from the inside."""
    (a, m, s), q = mixture(rng, 3, 2), mixture(rng, 2, 2)
    a = np.array([0.4, 0.6, 0.0])
    function, arrays = entropic_function((a, m, s), q, OMT(lam=0.5), debiased=False)
    _, slopes = function.cost_and_gradients((True,) * 6, *arrays)
    h, step = 1e-5, np.array([-1.0, 0.0, 1.0])
    values = [function.cost(a + t * h * step, *arrays[1:]) for t in (0, 1, 2)]
    assert slopes[0] @ step == pytest.approx((-3 * values[0] + 4 * values[1] - values[2]) / (2 * h), rel=1e-6)
    bent = function.bend((True,) * 6, arrays, [step, *(np.zeros_like(x) for x in arrays[1:])])
    after = [function.cost_and_gradients((True,) * 6, a + t * h * step, *arrays[1:])[1][1] for t in (0, 1, 2)]
    np.testing.assert_allclose(bent[1], (-3 * after[0] + 4 * after[1] - after[2]) / (2 * h), atol=1e-5)


def test_where_second_derivatives_end_it_is_said(rng):
    (a, m, s), q = mixture(rng, 3, 2), mixture(rng, 3, 2)
    flat = s.copy()
    flat[1] = [[1.0, 0.0], [0.0, 0.0]]
    function, arrays = entropic_function((a, m, flat), q, OMT(lam=0.5), debiased=False)
    move = [np.zeros_like(x) for x in arrays]
    move[1] = rng.standard_normal(m.shape)
    means = (False, True, False, False, False, False)
    assert np.isfinite(function.bend(means, arrays, move)[1]).all()
    with pytest.raises(UnsupportedError, match="a covariance of p is singular"):
        function.bend((False, True, True, False, False, False), arrays, move)
    far = 20 * np.arange(3.0)[:, None] * np.ones(2)  # parts so far from each other that nothing joins them
    function, arrays = entropic_function((a, far, s), (a, far + 0.1, s), OMT(lam=0.5), debiased=False)
    np.testing.assert_allclose(function.bend(means, arrays, move)[1], 2 * a[:, None] * move[1], atol=1e-9)
    with pytest.raises(UnsupportedError, match=r"pair 0 falls apart at lam = 0\.5"):
        function.bend((True, True, *means[2:]), arrays, move)


def test_bad_input_is_named(rng):
    p, x = mixture(rng, 3, 2), rng.standard_normal((4, 2))
    for solver in (OMT(), OMT(lam="auto"), OMT(lam=0)):
        with pytest.raises(InputError, match="lam must be a positive number"):
            entropic_function(p, p, solver, debiased=False)
    with pytest.raises(InputError, match="leave out eps"):
        entropic_function(x, x, OMT(lam=1.0, eps=1.0), debiased=False)
    with pytest.raises(UnsupportedError, match="kl"):
        entropic_function(p, p, OMT(lam=1.0, cost="kl"), debiased=False)
    for q in (GridOf(np.ones((2, 2))), Samples(x)):
        with pytest.raises(UnsupportedError, match="two mixtures, or two clouds"):
            entropic_function(p, q, OMT(lam=1.0), debiased=False)


def test_what_the_loop_over_a_batch_leaves_open_is_solved_the_other_way(rng, monkeypatch):
    p, q = mixture(rng, 3, 2, 2), mixture(rng, 4, 2, 2)
    function, arrays = entropic_function(p, q, OMT(lam=0.5), debiased=False)
    values, slopes = function.cost_and_gradients((True,) * 6, *arrays)

    def stopped(*given):
        entropic_batches_loop(*given)
        f, g, w, errors = given[-4:]
        for array, wrong in ((f, 1.0), (g, 1.0), (w, 1.0), (errors, np.nan)):
            array[1] = wrong

    entropic_batches_loop = entropic_batches.entropic_couplings
    monkeypatch.setattr(entropic_batches, "entropic_couplings", stopped)
    again = function.cost_and_gradients((True,) * 6, *arrays)
    np.testing.assert_allclose(again[0], values, rtol=1e-9)
    for found, expected in zip(again[1], slopes, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("turned", [False, True])
def test_an_atom_without_weight_beside_parts_that_nothing_joins(turned):
    """It pays what its neighbors ask for, softly: ``-lam log sum_j b_j exp((g_j - C_j) / lam)``."""
    x, y = np.array([[0.0], [40.0], [0.4]]), np.array([[0.0], [1.0], [40.0]])
    a, b = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    sides = ((y, b), (x, a)) if turned else ((x, a), (y, b))
    function, arrays = entropic_function(*sides, OMT(lam=0.5), debiased=False)
    at = 3 if turned else 1
    found = function.cost_and_gradients((True,) * 4, *arrays)[1][at]
    # near 0 alone: there w = b, so exp((f_0 + g_j - y_j^2) / lam) = 1 / a_0 = 2, and g_j = y_j^2 + lam log 2 - f_0
    near, lam = y[:2, 0], 0.5
    extra = -lam * np.log(np.sum(0.25 * np.exp((near**2 + lam * np.log(2) - (near - 0.4) ** 2) / lam)))
    assert found[2] - found[0] == pytest.approx(extra, abs=1e-9)
    moved = list(arrays)
    moved[at] = a + 1e-6 * np.array([-1.0, 0.0, 1.0])
    assert (function.cost(*moved) - function.cost(*arrays)) / 1e-6 == pytest.approx(extra, abs=1e-4)
