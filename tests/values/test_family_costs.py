"""Closed forms and high-precision values of costs, maps and moments of the laws beyond the Gaussian."""

import mpmath as mp
import numpy as np
import pytest

from mixot import Exponential, Gamma, Gaussian, Poisson, Product, StudentT
from mixot.formulas.line.gamma_law import centered_gamma_quantiles, rank_rule, solve_shape


def test_exponential_cost_is_twice_the_squared_difference_of_means():
    u, v = np.array([0.5, 1.0, 4.0]), np.array([2.0, 0.1])
    expected = 2 * (1 / u[:, None] - 1 / v) ** 2
    np.testing.assert_allclose(Exponential(u).cost(Exponential(v)), expected, rtol=1e-15)
    coupling = Exponential(u).coupling(Exponential(v), np.array([2]), np.array([1]))
    np.testing.assert_allclose(coupling.map(np.array([[1.0], [2.0]]), 0), [[40.0], [80.0]], rtol=1e-15)


def test_gamma_cost_of_one_shape():
    # E[X^2] = h (h + 1) for scale one, and both laws are scaled copies of it
    for h in (0.3, 1.0, 7.0, 1e7):
        assert Gamma([h], [2.0]).cost(Gamma([h], [5.0]))[0, 0] == pytest.approx(h * (h + 1) * 9, rel=1e-15)


def test_gamma_cost_of_two_shapes_against_mpmath():
    # F^-1 of shape 1 is -log(1 - u); of shape 2 it is -1 - W_-1((u - 1) / e). 30 digits, tanh-sinh in u
    with mp.workdps(30):
        value = mp.quad(
            lambda u: (-mp.log1p(-u) + 1 + mp.re(mp.lambertw((u - 1) / mp.e, -1))) ** 2, [0, 0.01, 0.5, 0.99, 1]
        )
    assert float(value) == pytest.approx(1.1926947246463881, rel=1e-13)
    assert Gamma([1.0], [1.0]).cost(Gamma([2.0], [1.0]))[0, 0] == pytest.approx(1.1926947246463881, rel=1e-13)


@pytest.mark.parametrize("shapes", [(1e-3, 0.5), (0.01, 0.02), (0.3, 5.0), (50.0, 100.0), (1e4, 1.1e4), (9e4, 1.1e5)])
def test_the_rank_rule_has_converged(shapes):
    fine = rank_rule(1 / 96, 4.0)
    h, g = shapes
    x, y = centered_gamma_quantiles(np.array([h, g]), fine[0], fine[1])
    expected = (h - 1.3 * g) ** 2 + fine[2] @ (x - 1.3 * y) ** 2
    assert Gamma([h], [1.0]).cost(Gamma([g], [1.3]))[0, 0] == pytest.approx(expected, rel=1e-12)


def test_gamma_laws_of_large_shape_cost_what_gaussians_do():
    h, g = 1e8, 1.5e8
    value = Gamma([h], [1.0]).cost(Gamma([g], [1.0]))[0, 0] - (h - g) ** 2
    # the skewness corrects it by a share of 1 / h
    assert Gamma([h], [1.0]).cost(Gamma([g], [h / g]))[0, 0] == pytest.approx(
        Gaussian([h], [h]).cost(Gaussian([h], [h * h / g]))[0, 0], rel=1e-7
    )
    assert value >= 0


def test_expansion_of_quantiles_meets_the_incomplete_gamma_function():
    # both sides of shape 1e5, where one takes over from the other
    lower, upper, _ = rank_rule()
    seen = (lower > 1e-12) & (upper > 1e-12)
    below, above = centered_gamma_quantiles(np.array([1e5, 1e5 * (1 + 1e-12)]), lower[seen], upper[seen])
    np.testing.assert_allclose(below, above, atol=1e-11 * np.sqrt(1e5))


@pytest.mark.parametrize("shape", [1e-3, 0.2, 1.0, 6.5, 1e3])
def test_shape_equation(shape):
    with mp.workdps(40):
        gap = float(mp.log(shape) - mp.digamma(shape))
    assert solve_shape(np.array([gap]))[0] == pytest.approx(shape, rel=1e-12)


def test_poisson_cost_against_exact_arithmetic():
    def masses(rate):
        return [mp.exp(-rate) * mp.mpf(rate) ** i / mp.factorial(i) for i in range(80)]

    def cost(a, b):
        p, q, i, j, total = masses(a), masses(b), 0, 0, mp.mpf(0)
        while i < 80 and j < 80:
            step = min(p[i], q[j])
            total += step * (i - j) ** 2
            p[i] -= step
            q[j] -= step
            i, j = (i + 1, j) if p[i] == 0 else (i, j + 1)
        return total

    rates = [0.01, 0.7, 3.0, 3.0001, 12.0]
    with mp.workdps(60):
        expected = np.array([[float(cost(mp.mpf(a), mp.mpf(b))) for b in rates] for a in rates])
    np.testing.assert_allclose(Poisson(rates).cost(Poisson(rates)), expected, rtol=2e-13, atol=1e-15)


def test_poisson_costs_of_nearly_equal_and_of_large_rates():
    # one more unit with probability 1e-9: rates r and r + 1e-9 cost 1e-9 to first order
    assert Poisson([2.0]).cost(Poisson([2.0 + 1e-9]))[0, 0] == pytest.approx(1e-9, rel=1e-6)
    # large rates: Gaussian, up to the grain of the integers, whose effect is below one
    a, b = 4e5, 4.1e5
    assert Poisson([a]).cost(Poisson([b]))[0, 0] == pytest.approx(
        (b - a) ** 2 + (np.sqrt(a) - np.sqrt(b)) ** 2, abs=1.0
    )


def test_poisson_conditional_means():
    # P(X = 0) = 1/2 under rate log 2, P(Y = 0) = 1/4 under rate log 4: the atom 0 of p covers y = 0 (half of it),
    # y = 1 has mass log(4) / 4 = .3466 > 1/4, the other half
    p, q = Poisson([np.log(2)]), Poisson([np.log(4)])
    coupling = p.coupling(q, np.array([0]), np.array([0]))
    assert coupling.map(np.array([[0.0]]), 0)[0, 0] == pytest.approx(0.5, rel=1e-14)


def test_student_cost_is_gaussian_in_the_covariances():
    # commuting scales: |m - n|^2 + df / (df - 2) sum (sqrt a - sqrt b)^2, here 1 + 5/3 (1 + 4)
    p = StudentT([[0.0, 0.0]], [np.diag([1.0, 4.0])], 5.0)
    q = StudentT([[1.0, 0.0]], [np.diag([4.0, 16.0])], 5.0)
    assert p.cost(q)[0, 0] == pytest.approx(1 + 5 / 3 * 5, rel=1e-12)
    np.testing.assert_allclose(
        p.coupling(q, np.array([0]), np.array([0])).map(np.array([[1.0, 1.0]]), 0), [[3.0, 2.0]], rtol=1e-12
    )


def test_moments_of_small_order():
    np.testing.assert_allclose(Exponential([2.0]).moments(3), [[1, 1 / 2, 1 / 2, 6 / 8]], rtol=1e-15)
    np.testing.assert_allclose(Gamma([2.0], [3.0]).moments(3), [[1, 6, 54, 648]], rtol=1e-15)
    np.testing.assert_allclose(Poisson([2.0]).moments(4), [[1, 2, 6, 22, 94]], rtol=1e-15)  # Touchard polynomials
    np.testing.assert_allclose(StudentT([0.0], [1.0], 7.0).moments(4), [[1, 0, 7 / 5, 0, 49 / 5]], rtol=1e-14)
    both = Product((Exponential([2.0]), Poisson([2.0])))
    np.testing.assert_allclose(both.moments(2), [[1, 0.5, 2, 0.5, 1, 6]], rtol=1e-15)
