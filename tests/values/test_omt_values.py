"""Entropic transport against numbers that were found in another way."""

import numpy as np
import pytest

from mixot import OMT, Gaussian


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
