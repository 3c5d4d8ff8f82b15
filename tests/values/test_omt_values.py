"""Entropic transport against numbers that were found in another way."""

import numpy as np
import pytest

from mixot import OMT, Gaussian, Mixture, plan


@pytest.mark.parametrize("eps", [0.3, 2.0, 20.0])
def test_the_closed_form_is_entropic_transport_on_a_fine_grid(eps):
    p, q = Gaussian([0.0], [1.0]), Gaussian([1.5], [0.36])
    # the trapezoidal rule is exact to rounding for what is smooth and gone at both ends
    x = np.linspace(-8.0, 8.0, 321)
    a = np.exp(p.log_prob(x[:, None])[:, 0])
    y = 1.5 + 0.6 * x
    b = np.exp(q.log_prob(y[:, None])[:, 0])
    found = OMT(lam=eps).solve((x[:, None] - y) ** 2, a / a.sum(), b / b.sum())
    assert p.entropic_cost(q, eps)[0, 0] == pytest.approx(found.primal, rel=1e-10)
    joint = p.entropic_coupling(q, np.array([0]), np.array([0]), eps)
    mean = found.coupling @ y / found.coupling.sum(axis=1)
    seen = np.abs(x) < 4
    np.testing.assert_allclose(joint.map(x[seen, None], 0)[:, 0], mean[seen], atol=1e-8)
    spread = found.coupling @ y**2 / found.coupling.sum(axis=1) - mean**2
    np.testing.assert_allclose(spread[seen], joint.noise.item(), rtol=1e-7)


def test_two_by_two_by_hand():
    # w = (1 +- t) / 4 with log((1 + t) / (1 - t)) = c / lam for the cost c off the diagonal
    cost, half = np.array([[0.0, 2.0], [2.0, 0.0]]), np.full(2, 0.5)
    found = OMT(lam=0.5).solve(cost, half, half)
    t = np.tanh(2.0)
    np.testing.assert_allclose(found.coupling, [[(1 + t) / 4, (1 - t) / 4], [(1 - t) / 4, (1 + t) / 4]], rtol=1e-14)
    assert found.cost == pytest.approx(1 - t, rel=1e-13)


def test_entropic_cost_of_a_law_with_itself_in_one_dimension():
    # C = 2 - r + s - s log(2 s) + s log(r + s), r = sqrt(4 + s^2), eps = 2 s: here 3 - sqrt 5 + log((1 + sqrt 5) / 2)
    one = Gaussian([0.0], [1.0])
    assert one.entropic_cost(one, 2.0)[0, 0] == pytest.approx(3 - np.sqrt(5) + np.log((1 + np.sqrt(5)) / 2), rel=1e-14)


def sinkhorn(cost, a, b, e):
    kernel, v = np.exp(-cost / e), np.ones(len(b))
    for _ in range(2000):
        u = a / (kernel @ v)
        v = b / (u @ kernel)
    return u[:, None] * kernel * v


def test_equal_weights_are_entropic_transport_of_labelled_laws():
    """``OMT(lam=e, eps=e)``: one divergence, of the joint law of labels and points, where labels say all of a point."""
    e, n = 0.7, 120
    p = Mixture([0.6, 0.4], Gaussian([-1.0, 1.5], [0.5, 0.8]))
    q = Mixture([0.3, 0.7], Gaussian([-0.5, 2.0], [0.6, 0.4]))
    x = np.linspace(-6, 7, n)
    cost = np.subtract.outer(x, x) ** 2
    found = plan(p, q, solver=OMT(lam=e, eps=e))
    laws = [np.exp(side.components.log_prob(x[:, None])) for side in (p, q)]
    laws = [law / law.sum(axis=0) for law in laws]
    blocks = [[found.coupling[k, j] * sinkhorn(cost, laws[0][:, k], laws[1][:, j], e) for j in (0, 1)] for k in (0, 1)]
    joint, all_costs = np.block(blocks), np.tile(cost, (2, 2))
    a, b = ((law * side.weights).T.ravel() for law, side in zip(laws, (p, q), strict=True))

    def objective(pi):
        return (pi * all_costs).sum() + e * (pi * np.log(pi / np.outer(a, b))).sum()

    np.testing.assert_allclose(joint.sum(axis=1), a, atol=1e-9)
    np.testing.assert_allclose(joint.sum(axis=0), b, atol=1e-9)
    assert objective(joint) == pytest.approx(found.primal, rel=1e-6)
    # where a point may choose its label by where it is in its own component, it is cheaper
    assert objective(sinkhorn(all_costs, a, b, e)) < found.primal - 1e-3
