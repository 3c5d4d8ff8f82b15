"""Entropic couplings next to those of POT and OTT."""

import numpy as np
import pytest

from mixot import OMT, Gaussian, Mixture, plan


@pytest.fixture
def mixtures(rng):
    return [Mixture(rng.dirichlet(np.ones(k)), Gaussian.example(rng, k)) for k in (6, 9)]


def test_the_plan_is_that_of_pot(mixtures):
    ot = pytest.importorskip("ot")
    p, q = mixtures
    found = plan(p, q, solver=OMT())
    theirs = ot.sinkhorn(
        p.weights, q.weights, found.cost_matrix, found.lam, method="sinkhorn_log", numItermax=20_000, stopThr=1e-13
    )
    np.testing.assert_allclose(found.coupling, theirs, atol=1e-11)


@pytest.mark.parametrize("rho", [0.5, 5.0])
def test_the_unbalanced_plan_is_that_of_pot(mixtures, rho):
    ot = pytest.importorskip("ot")
    p, q = mixtures
    found = plan(p, q, solver=OMT(lam=1.0, rho=rho))
    theirs = ot.unbalanced.sinkhorn_unbalanced(
        p.weights, q.weights, found.cost_matrix, 1.0, rho, reg_type="kl", method="sinkhorn_stabilized",
        numItermax=20_000, stopThr=1e-13,
    )  # fmt: skip
    np.testing.assert_allclose(found.coupling, theirs, atol=1e-9)


def test_the_plan_is_that_of_ott(mixtures):
    jax = pytest.importorskip("jax")
    pytest.importorskip("ott")
    from ott.geometry.geometry import Geometry
    from ott.problems.linear.linear_problem import LinearProblem
    from ott.solvers.linear.sinkhorn import Sinkhorn

    p, q = mixtures
    found = plan(p, q, solver=OMT())
    with jax.enable_x64(True):
        geometry = Geometry(cost_matrix=jax.numpy.asarray(found.cost_matrix), epsilon=found.lam)
        problem = LinearProblem(geometry, a=jax.numpy.asarray(p.weights), b=jax.numpy.asarray(q.weights))
        theirs = np.asarray(Sinkhorn(threshold=1e-12, max_iterations=20_000)(problem).matrix)
    np.testing.assert_allclose(found.coupling, theirs, atol=1e-10)
