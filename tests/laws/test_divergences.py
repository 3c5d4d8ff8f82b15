"""Kullback-Leibler divergences of every family that has them: positive, exact, and blind to coordinates."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

from mixot import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    Exponential,
    Gamma,
    Gaussian,
    InverseGamma,
    Laplace,
    LogNormal,
    NegativeBinomial,
    Poisson,
    Product,
    Rayleigh,
    StudentT,
    UnsupportedError,
    Weibull,
)

NODES, MASSES = np.polynomial.legendre.leggauss(40)
COUNTS = np.arange(3000.0)[:, None]


@pytest.fixture
def law(divergent_family):
    return divergent_family


@pytest.fixture
def line(divergent_ranked_family):
    return divergent_ranked_family


def nudged(laws, size):
    """The components with every parameter but a number of trials multiplied by about ``1 + size``.

    Probabilities of levels are tilted, so that they sum to one.
    """
    if isinstance(laws, Categorical):
        probs = laws.probs * (1 + size * np.arange(laws.probs.shape[1]))
        return Categorical(probs / probs.sum(axis=1, keepdims=True))
    factors = {"trials": 1.0}
    return laws.from_parameters(
        {name: value * factors.get(name, 1 + size) for name, value in laws.parameters().items()}
    )


def test_divergences_are_positive_and_vanish_only_between_equals(law, rng):
    p, q = law.example(rng, 4), law.example(rng, 3)
    both = p.append(q)
    found = both.divergence(both)
    assert (np.diagonal(found) == 0).all()
    assert (found[~np.eye(7, dtype=bool)] > 0).all()
    np.testing.assert_allclose(p.divergence(q), found[:4, 4:], rtol=1e-12)


def test_divergences_are_integrals_over_the_source(line, rng):
    p, q = line.example(rng, 3), line.example(rng, 2)
    for i in range(3):
        for j in range(2):
            if p.discrete:
                x = COUNTS[p.log_prob(COUNTS)[:, i] > -np.inf]
                log_p, log_q = p.log_prob(x)[:, i], q.log_prob(x)[:, j]
                value = np.exp(log_p) @ (log_p - log_q)
            else:  # over ranks exp(-s) and 1 - exp(-s)
                value = 0.0
                for a, b in pairwise(np.concatenate([[np.log(2)], np.linspace(1, 60, 120)])):
                    e = np.exp(-((a + b) / 2 + (b - a) / 2 * NODES))
                    for x in (p.quantile(e, 1 - e, i), p.quantile(1 - e, e, i)):
                        log_ratio = p.log_prob(x[:, None])[:, i] - q.log_prob(x[:, None])[:, j]
                        # the kink of a Laplace law inside a panel costs some digits
                        value += (b - a) / 2 * (log_ratio * e) @ MASSES
            assert p.divergence(q)[i, j] == pytest.approx(value, rel=1e-4 if line is Laplace else 1e-9)


def test_divergences_are_quadratic_next_to_equality(law, rng):
    """``KL(p | p + h) -> h^T I h / 2``: what cancellation would spoil first."""
    laws = law.example(rng, 2)
    fine, coarse = (np.diagonal(laws.divergence(nudged(laws, size))) / size**2 for size in (2.0**-24, 2.0**-12))
    if law is Laplace:  # the location's part is the absolute value's, quadratic too, but with a larger remainder
        np.testing.assert_allclose(fine, coarse, rtol=2e-2)
    np.testing.assert_allclose(fine, coarse, rtol=1e-2)
    assert (fine > 0).all()


def test_divergences_do_not_see_the_unit(divergent_affine_family, rng):
    p, q = divergent_affine_family.example(rng, 3), divergent_affine_family.example(rng, 3)
    factor = 2.5 * np.eye(p.dim)
    image = p.affine(factor, np.zeros(p.dim)).divergence(q.affine(factor, np.zeros(p.dim)))
    np.testing.assert_allclose(image, p.divergence(q), rtol=1e-10)


def test_gaussian_divergences_do_not_see_coordinates_and_fall_under_projections(rng):
    p, q = Gaussian.example(rng, 4), Gaussian.example(rng, 3)
    matrix, shift = rng.standard_normal((3, 3)), rng.standard_normal(3)
    whole = p.divergence(q)
    np.testing.assert_allclose(p.affine(matrix, shift).divergence(q.affine(matrix, shift)), whole, rtol=1e-9)
    assert (p.marginal([0, 2]).divergence(q.marginal([0, 2])) <= whole).all()
    diagonal = DiagonalGaussian.example(rng, 3)
    np.testing.assert_allclose(diagonal.divergence(diagonal), diagonal.widen().divergence(diagonal.widen()), atol=1e-12)


def test_divergences_of_products_add(rng):
    p, q = (Product((Gamma.example(rng, 2), Poisson.example(rng, 2))) for _ in range(2))
    parts = [mine.divergence(theirs) for mine, theirs in zip(p.factors, q.factors, strict=True)]
    np.testing.assert_allclose(p.divergence(q), parts[0] + parts[1], rtol=1e-15)
    mixed = Product((Exponential.example(rng, 2), Poisson.example(rng, 2)))  # one factor widens to Gamma
    assert np.isfinite(p.divergence(mixed)).all()


def test_families_without_the_formula_refuse():
    with pytest.raises(UnsupportedError, match=r"the student family has no closed-form KL divergence; .*gaussian"):
        StudentT([0.0], [1.0], 5.0).divergence(StudentT([0.0], [1.0], 5.0))


def exactly(formula, p, q):
    """A formula of mpmath's numbers at 60 digits, for two tuples of parameters."""
    with mp.workdps(60):
        return float(formula(*map(mp.mpf, p), *map(mp.mpf, q)))


def gamma_formula(h, s, g, t):
    return (h - g) * mp.digamma(h) - mp.loggamma(h) + mp.loggamma(g) + g * mp.log(t / s) + h * (s - t) / t


def weibull_formula(a, s, b, t):
    bracket = (a - b) * (mp.log(s) - mp.euler / a) + (s / t) ** b * mp.gamma(b / a + 1) - 1
    return mp.log(a / s**a) - mp.log(b / t**b) + bracket


def normal_formula(m, a, n, b):  # of variances a and b
    return (mp.log(b / a) + (a + (m - n) ** 2) / b - 1) / 2


CASES = [
    (Gamma, gamma_formula, [(2.0, 3.0), (0.01, 1e-8), (1e6, 1e-3)]),
    (InverseGamma, lambda h, s, g, t: gamma_formula(h, 1 / s, g, 1 / t), [(2.0, 3.0), (0.01, 1e-8), (1e6, 1e-3)]),
    (Weibull, weibull_formula, [(2.0, 3.0), (1e-3, 1e-8), (1e6, 5.0)]),
    (LogNormal, lambda m, s, n, t: normal_formula(m, s**2, n, t**2), [(0.5, 3.0), (100.0, 1e-8)]),
    (DiagonalGaussian, normal_formula, [(0.5, 3.0), (100.0, 1e-8)]),
    (Gaussian, normal_formula, [(0.5, 3.0), (100.0, 1e-8)]),
    (
        Laplace,
        lambda m, s, n, t: mp.log(t / s) + abs(m - n) / t + s / t * mp.exp(-abs(m - n) / s) - 1,
        [(0.5, 3.0), (100.0, 1e-8)],
    ),
    (Rayleigh, lambda s, t: 2 * mp.log(t / s) + (s / t) ** 2 - 1, [(2.0,), (1e-200,), (1e200,)]),
    (Exponential, lambda u, v: mp.log(u / v) + v / u - 1, [(2.0,), (1e-200,), (1e200,)]),
    (Poisson, lambda u, v: u * mp.log(u / v) + v - u, [(2.0,), (1e-8,), (1e8,)]),
    (
        Bernoulli,
        lambda u, v: u * mp.log(u / v) + (1 - u) * mp.log((1 - u) / (1 - v)),
        [(0.3,), (1e-9,), (1 - 1e-3,)],
    ),
]


@pytest.mark.parametrize(("law", "formula", "places"), CASES, ids=[case[0].name for case in CASES])
@pytest.mark.parametrize("away", [2.0**-40, 2.0**-20, -0.25, 1.0])
def test_divergences_against_mpmath(law, formula, places, away):
    for place in places:
        for step in range(len(place)):
            there = list(place)
            there[step] *= 1 + away if law is not Bernoulli else 1 - abs(away) / 16
            p, q = (law(*([value] for value in values)) for values in (place, there))
            expected = exactly(formula, place, there)
            if expected < 1e300:
                assert p.divergence(q)[0, 0] == pytest.approx(expected, rel=2e-12), (place, there)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ((2.0, 3.0), (2.0, 3.0 + 1e-8)),
        ((2.0, 3.0), (2.0 + 1e-6, 3.0)),
        ((2.0, 3.0), (5.0, 30.0)),
        ((0.05, 3.0), (5.0, 1.0)),
        ((1e8, 3.0), (2.0, 1.0)),
    ],
)
def test_negative_binomial_divergences_against_sums_in_mpmath(p, q):
    with mp.workdps(50):
        (n, m), (g, o) = (map(mp.mpf, law) for law in (p, q))
        mine, theirs, total = (n / (n + m)) ** n, (g / (g + o)) ** g, mp.mpf(0)
        for x in range(6000):
            total += mine * mp.log(mine / theirs)
            mine *= (n + x) / (x + 1) * m / (n + m)
            theirs *= (g + x) / (x + 1) * o / (g + o)
        expected = float(total)
    found = NegativeBinomial([p[0]], [p[1]]).divergence(NegativeBinomial([q[0]], [q[1]]))[0, 0]
    assert found == pytest.approx(expected, rel=1e-7 if expected < 1e-10 else 1e-11)


def test_singular_gaussian_laws_diverge_but_on_a_common_support(rng):
    root = rng.standard_normal((3, 2))
    p = Gaussian(np.zeros((2, 3)), [root @ root.T, np.eye(3)])
    inside = Gaussian([root @ [1.0, 2.0], [0.0, 0.0, 1.0]], [root @ np.diag([1.0, 4.0]) @ root.T] * 2)
    plane = Gaussian([[0.0, 0.0]], [np.eye(2)]), Gaussian([[1.0, 2.0]], [np.diag([1.0, 4.0])])
    found = p.divergence(inside)
    assert found[0, 0] == pytest.approx(plane[0].divergence(plane[1])[0, 0], rel=1e-10)
    assert (found.ravel()[1:] == np.inf).all()
    assert p.divergence(p).tolist() == [[pytest.approx(0.0, abs=1e-12), np.inf], [np.inf, 0.0]]
    flat = DiagonalGaussian([[1.0, 0.0], [1.0, 2.0]], [[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(flat.divergence(flat), [[0.0, 2.0], [2.0, 0.0]], atol=1e-12)
    point = Gaussian([[1.0, 0.0]], [np.zeros((2, 2))])
    assert point.divergence(point)[0, 0] == 0.0
