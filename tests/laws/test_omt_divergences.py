"""Plans whose component costs are Kullback-Leibler divergences: Bregman costs, of every family that has them."""

import numpy as np
import pytest
from scipy.special import xlogy

from mixot import (
    OMT,
    Bernoulli,
    DiagonalGaussian,
    Exponential,
    Gaussian,
    InputError,
    Mixture,
    Poisson,
    StudentT,
    UnsupportedError,
    geodesic,
    plan,
    transport_map,
)
from mixot.solvers.entropic.omt import default_lam


def pair(family, rng, k, size):
    return [Mixture(rng.dirichlet(np.full(n, 5.0)), family.example(rng, n)) for n in (k, size)]


def by_hand(p, q):
    """``KL(p_k | q_l)`` of laws of one parameter, or of Gaussian laws, as textbooks have it."""
    if isinstance(p, Gaussian):
        out = np.empty((len(p), len(q)))
        for i, (m, a) in enumerate(zip(p.means, p.covs, strict=True)):
            for j, (n, b) in enumerate(zip(q.means, q.covs, strict=True)):
                ratio, off = np.linalg.solve(b, a), n - m
                determinants = np.linalg.slogdet(b)[1] - np.linalg.slogdet(a)[1]
                out[i, j] = (np.trace(ratio) + off @ np.linalg.solve(b, off) - len(m) + determinants) / 2
        return out
    if isinstance(p, DiagonalGaussian):
        return by_hand(p.widen(), q.widen())
    if isinstance(p, Bernoulli):
        x, y = p.probs[:, None], q.probs
        return xlogy(x, x / y) + xlogy(1 - x, (1 - x) / (1 - y))
    x, y = p.rates[:, None], q.rates
    return x * np.log(x / y) - x + y if isinstance(p, Poisson) else np.log(x / y) + y / x - 1


@pytest.mark.parametrize("law", [Gaussian, DiagonalGaussian, Poisson, Exponential, Bernoulli], ids=lambda x: x.name)
def test_component_costs_are_those_of_textbooks(law, rng):
    p, q = pair(law, rng, 4, 3)
    found = plan(p, q, solver=OMT(cost="kl"))
    np.testing.assert_allclose(found.cost_matrix, by_hand(p.components, q.components), rtol=1e-9)


def test_every_divergence_makes_a_plan_with_its_proof(divergent_family, rng):
    p, q = pair(divergent_family, rng, 4, 3)
    found = plan(p, q, solver=OMT(cost="kl"))
    cost = p.components.divergence(q.components)
    np.testing.assert_array_equal(found.cost_matrix, cost)
    assert found.component_cost == "kl"
    assert found.lam == pytest.approx(default_lam(cost, p.weights, q.weights))
    assert found.cost == pytest.approx((found.coupling * cost).sum())
    np.testing.assert_allclose(found.coupling.sum(axis=1), p.weights, atol=1e-14)
    np.testing.assert_allclose(found.coupling.sum(axis=0), q.weights, atol=1e-14)
    assert 0 <= found.gap <= 1e-9 * cost.max()
    (f, g), a, b = found.entropic_potentials, p.weights, q.weights
    np.testing.assert_allclose(np.outer(a, b) * np.exp((f[:, None] + g - cost) / found.lam), found.coupling, atol=1e-9)


def test_divergences_have_a_direction(rng):
    p, q = pair(Gaussian, rng, 3, 3)
    there, back = plan(p, q, solver=OMT(cost="kl")), plan(q, p, solver=OMT(cost="kl"))
    np.testing.assert_array_equal(there.cost_matrix, p.components.divergence(q.components))
    np.testing.assert_array_equal(back.cost_matrix, q.components.divergence(p.components))
    assert np.abs(there.cost_matrix - back.cost_matrix.T).max() > 0.01 * there.cost_matrix.max()


def test_equal_mixtures_stay_where_they_are(divergent_family, rng):
    p, _ = pair(divergent_family, rng, 3, 1)
    off = p.components.divergence(p.components)[~np.eye(3, dtype=bool)]
    found = plan(p, p, solver=OMT(cost="kl", lam=0.01 * off.min()))
    np.testing.assert_allclose(found.coupling, np.diag(p.weights), atol=1e-12)
    assert 0 <= found.cost < 1e-12 * off.max()


def test_it_joins_shapes_where_w2_joins_places():
    """Narrow laws a little apart are far in KL; wide ones are not: the pairs change."""
    p = Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [1.0, 0.001]))
    q = Mixture([0.5, 0.5], Gaussian([1.1, 0.2], [1.0, 0.001]))
    assert np.diagonal(plan(p, q, solver=OMT(cost="kl", lam=1e-3)).coupling).sum() == pytest.approx(1)
    near = plan(
        Mixture([0.5, 0.5], Gaussian([0.0, 9.0], [1.0, 1.0])),
        Mixture([0.5, 0.5], Gaussian([9.0, 0.0], [1.0, 1.0])),
        solver=OMT(cost="kl", lam=0.1),
    )
    assert np.diagonal(near.coupling).sum() == pytest.approx(0, abs=1e-12)


def test_marginals_may_be_relaxed_and_components_shared():
    p = Mixture([0.9, 0.1], Poisson([1.0, 20.0]))
    q = Mixture([0.1, 0.9], Poisson([1.0, 20.0]))
    found = plan(p, q, solver=OMT(cost="kl", lam=0.01, rho=0.1))
    assert found.created[1].sum() + found.destroyed[0].sum() > 0.5
    assert (found.coupling[0, 1] + found.coupling[1, 0]) < 1e-6


@pytest.mark.parametrize(
    ("p", "q", "where"),
    [
        (Bernoulli([0.5, 0.2]), Bernoulli([0.3, 1.0]), "2 of 4 pairs of components, the first is k = 0, l = 1"),
        (
            Gaussian([[0.0, 0.0]], np.eye(2)[None]),
            Gaussian([[0.0, 0.0]], np.diag([1.0, 0.0])[None]),
            "1 of 1 pairs of components, the first is k = 0, l = 0",
        ),
        (
            Gaussian([[0.0, 0.0]], np.diag([1.0, 0.0])[None]),
            Gaussian([[0.0, 1.0]], np.diag([1.0, 0.0])[None]),
            "1 of 1 pairs of components, the first is k = 0, l = 0",
        ),
    ],
    ids=["an outcome that never comes", "a plane and a line", "two lines apart"],
)
def test_infinite_divergences_are_named(p, q, where):
    even = [Mixture(np.full(len(laws), 1 / len(laws)), laws) for laws in (p, q)]
    with pytest.raises(InputError, match=rf"KL\(p_k \| q_l\) is infinite for {where}: .*; use cost=\"w2\""):
        plan(*even, solver=OMT(cost="kl"))


def test_what_divergences_cannot_give_is_refused(rng):
    heavy = Mixture([1.0], StudentT([0.0], [1.0], df=5))
    with pytest.raises(UnsupportedError, match=r"no closed-form KL divergence; families that do: .*gaussian"):
        plan(heavy, heavy, solver=OMT(cost="kl"))
    p, q = pair(Gaussian, rng, 3, 2)
    solver = OMT(cost="kl")
    with pytest.raises(UnsupportedError, match="moves no points"):
        transport_map(p, q, solver=solver)
    with pytest.raises(UnsupportedError, match="W2 geodesics"):
        geodesic(p, q, solver=solver)
    found = plan(p, q, solver=solver)
    assert "nats" in str(found.stability())
    assert "squared" not in str(found.stability())
    with pytest.raises(UnsupportedError, match="for W2 costs"):
        found.stability().component_bound(0.1, 0.1)
