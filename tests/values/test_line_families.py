"""Laws on the line against mpmath and SciPy: densities, moments, costs, maps, at extreme parameters too."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln

from mixot import (
    Bernoulli,
    Gamma,
    InputError,
    InverseGamma,
    Laplace,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Poisson,
    Rayleigh,
    UnsupportedError,
    Weibull,
    distance,
)
from mixot.formulas.line.counts import negative_binomial_log_mass
from mixot.formulas.line.gamma_law import centered_reciprocals

ONE = np.array([0])


def integral_over_ranks(p, q, digits=40):
    """W2^2 by tanh-sinh from both ends, for quantile functions of a rank u and its complement 1 - u in mpmath."""
    with mp.workdps(digits):
        ends = [0, mp.mpf("1e-10"), mp.mpf("0.01"), mp.mpf("0.5")]
        low = mp.quad(lambda u: (p(u, 1 - u) - q(u, 1 - u)) ** 2, ends)
        return float(low + mp.quad(lambda v: (p(1 - v, v) - q(1 - v, v)) ** 2, ends))


def check_against_scipy(laws, frozen, x):
    """Densities, distribution functions and quantiles of one component."""
    log_prob = laws.log_prob(x[:, None])[:, 0]
    np.testing.assert_allclose(log_prob, (frozen.logpmf if laws.discrete else frozen.logpdf)(x), rtol=1e-10, atol=1e-10)
    below, above = laws.tails(x, 0)
    np.testing.assert_allclose(below, frozen.cdf(x), rtol=1e-9)
    np.testing.assert_allclose(above, frozen.sf(x), rtol=1e-9)
    assert laws.mean()[0, 0] == pytest.approx(frozen.mean(), rel=1e-12)
    assert laws.cov()[0, 0, 0] == pytest.approx(frozen.var(), rel=1e-11)


# -- Laplace ---------------------------------------------------------------------------------------------------------


def test_laplace_is_that_of_scipy(rng):
    for loc, scale in ((0.0, 1.0), (-3.0, 1e-8), (5e6, 2.0)):
        frozen = stats.laplace(loc, scale)
        laws = Laplace([loc], [scale])
        check_against_scipy(laws, frozen, frozen.rvs(50, random_state=rng))
        np.testing.assert_allclose(laws.moments(4)[0], [frozen.moment(r) for r in range(5)], rtol=1e-9)


def test_laplace_cost_in_closed_form():
    def quantile(loc, scale):
        return lambda u, v: loc + scale * (mp.log(2 * u) if u < v else -mp.log(2 * v))

    p, q = Laplace([-1.0], [0.5]), Laplace([2.0], [3.0])
    assert p.cost(q)[0, 0] == pytest.approx(integral_over_ranks(quantile(-1, 0.5), quantile(2, 3)), rel=1e-12)
    assert p.cost(q)[0, 0] == 9 + 2 * 2.5**2
    near = Laplace([-1.0], [0.5 + 2.0**-40])
    assert p.cost(near)[0, 0] == 2 * 2.0**-80  # no cancellation
    np.testing.assert_allclose(p.coupling(q, ONE, ONE).map(np.array([[-1.0], [0.0]]), 0), [[2.0], [8.0]], rtol=1e-15)


def test_laplace_images_may_be_mirrored():
    image = Laplace([1.0], [2.0]).affine(np.array([[-3.0]]), np.array([1.0]))
    assert (image.locs[0], image.scales[0]) == (-2.0, 6.0)


# -- log-normal ------------------------------------------------------------------------------------------------------


def test_lognormal_is_that_of_scipy(rng):
    for loc, scale in ((0.0, 1.0), (-3.0, 1e-3), (20.0, 2.0)):
        frozen = stats.lognorm(scale, scale=np.exp(loc))
        laws = LogNormal([loc], [scale])
        check_against_scipy(laws, frozen, frozen.rvs(50, random_state=rng))
        np.testing.assert_allclose(laws.moments(4)[0], [frozen.moment(r) for r in range(5)], rtol=1e-9)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ((0.0, 1.0), (0.5, 0.3)),
        ((0.0, 1.0), (2.0**-40, 1.0)),  # nearly equal, in every direction
        ((0.0, 1.0), (0.0, 1 + 2.0**-40)),
        ((0.0, 1.0), (-(2.0**-39), 1 + 2.0**-40)),
        ((0.0, 1e-9), (1e-12, 2e-9)),
        ((-300.0, 1.0), (-301.0, 2.0)),
        ((300.0, 1.0), (290.0, 4.0)),
        ((0.0, 15.0), (3.0, 14.0)),
    ],
)
def test_lognormal_cost_against_mpmath(p, q):
    with mp.workdps(60):
        (loc, s), (m, t) = (map(mp.mpf, law) for law in (p, q))
        value = mp.exp(2 * loc + 2 * s**2) + mp.exp(2 * m + 2 * t**2) - 2 * mp.exp(loc + m + (s + t) ** 2 / 2)
        expected = float(value)
    found = LogNormal([p[0]], [p[1]]).cost(LogNormal([q[0]], [q[1]]))[0, 0]
    assert found == pytest.approx(expected, rel=1e-12)


def test_lognormal_maps_are_powers():
    coupling = LogNormal([0.0], [1.0]).coupling(LogNormal([1.0], [2.0]), ONE, ONE)
    x = np.array([[-1.0], [0.0], [1.0], [2.0], [1e300]])
    expected = np.append(np.e * np.array([0.0, 0.0, 1.0, 4.0]), np.finfo(np.float64).max)
    np.testing.assert_allclose(coupling.map(x, 0)[:, 0], expected, rtol=1e-15)


def test_lognormal_moments_beyond_floating_point_are_refused():
    wide = LogNormal([0.0, 0.0], [1.0, 20.0])
    with pytest.raises(InputError, match=r"component 1 of p is exp\(800\), more than floating point holds"):
        wide.cost(wide)
    with pytest.raises(InputError, match="the moment of order 2 of lognormal component 1"):
        wide.moments(2)
    assert np.isfinite(wide.log_prob(np.array([[1e300]]))).all()


# -- negative binomial -----------------------------------------------------------------------------------------------


def exact_masses(size, mean, count):
    """Masses of 0 .. count - 1 in mpmath, by the ratios of neighbors."""
    size, mean = mp.mpf(size), mp.mpf(mean)
    out = [(size / (size + mean)) ** size]
    for x in range(count - 1):
        out.append(out[-1] * (size + x) / (x + 1) * mean / (size + mean))
    return out


def exact_count_cost(p, q):
    """W2^2 of two lists of masses, by merging them."""
    i, j, total, left, right = 0, 0, mp.mpf(0), p[0], q[0]
    while True:
        step = min(left, right)
        total += step * (i - j) ** 2
        left, right = left - step, right - step
        if left == 0:
            i += 1
            if i == len(p):
                return total
            left = p[i]
        if right == 0:
            j += 1
            if j == len(q):
                return total
            right = q[j]


def test_negative_binomial_is_that_of_scipy(rng):
    for size, mean in ((2.0, 3.0), (0.3, 40.0), (50.0, 0.2), (7.5, 1e4)):
        laws = NegativeBinomial([size], [mean])
        frozen = stats.nbinom(size, laws.probs[0])
        check_against_scipy(laws, frozen, np.unique(frozen.rvs(50, random_state=rng)).astype(float))
        np.testing.assert_allclose(laws.moments(4)[0], [frozen.moment(r) for r in range(5)], rtol=1e-8)
        assert NegativeBinomial([size], probs=laws.probs).means[0] == pytest.approx(mean, rel=1e-14)


@pytest.mark.parametrize("size", [1e-300, 1e-6, 0.1, 10.0, 1e3, 1e8, 1e100])
@pytest.mark.parametrize("mean", [1e-300, 1e-2, 10.0, 1e6])
def test_negative_binomial_masses_against_mpmath(size, mean):
    x = np.array([0.0, 1.0, 5.0, 300.0, 1e6])
    with mp.workdps(80):
        n, m = mp.mpf(size), mp.mpf(mean)
        if size > 1e50:  # Poisson
            exact = [x * mp.log(m) - m - mp.loggamma(x + 1) for x in map(int, x)]
        else:
            exact = [
                mp.loggamma(n + x) - mp.loggamma(n) - mp.loggamma(x + 1) - n * mp.log1p(m / n) - x * mp.log1p(n / m)
                for x in map(int, x)
            ]
        expected = np.array([float(value) for value in exact])
    found = negative_binomial_log_mass(x, np.array(size), np.array(mean))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)
    laws = NegativeBinomial([size], [mean])
    np.testing.assert_array_equal(laws.log_prob(np.append(x, [0.5, -1.0, np.inf])[:, None])[:5, 0], found)
    assert (laws.log_prob(np.array([[0.5], [-1.0], [np.inf]])) == -np.inf).all()


def test_negative_binomial_costs_against_exact_arithmetic():
    laws = NegativeBinomial([2.0, 0.05, 1e6, 30.0, 30.0], [3.0, 1.0, 4.0, 3.0, 3.0 + 1e-6])
    with mp.workdps(60):
        masses = [exact_masses(*law, 1500) for law in zip(laws.sizes, laws.means, strict=True)]
        expected = np.array([[float(exact_count_cost(a, b)) for b in masses] for a in masses])
    np.testing.assert_allclose(laws.cost(laws), expected, rtol=1e-11, atol=1e-16)  # ranks round there


def test_negative_binomial_ranks_against_exact_arithmetic():
    x = np.arange(0.0, 200.0)
    for law in ((2.0, 3.0), (1e-3, 1.0), (1e8, 10.0), (1e12, 10.0), (5.0, 30.0)):
        with mp.workdps(80):
            below = np.cumsum(exact_masses(*law, 4000))
            above = [float(1 - value) for value in below[:200]]
            below = [float(value) for value in below[:200]]
        found = NegativeBinomial([law[0]], [law[1]]).tails(x, 0)
        np.testing.assert_allclose(found[0], below, rtol=1e-13)
        seen = np.array(above) > 1e-40  # 60 digits show no smaller complements
        np.testing.assert_allclose(found[1][seen], np.array(above)[seen], rtol=1e-12)


def test_negative_binomial_laws_of_huge_size_are_poisson_laws():
    p, q = NegativeBinomial(1e14, [2.0, 9.0]), NegativeBinomial(1e14, [3.0])
    np.testing.assert_allclose(p.cost(q), Poisson([2.0, 9.0]).cost(Poisson([3.0])), rtol=1e-11)
    x = np.arange(40.0)[:, None]
    np.testing.assert_allclose(p.log_prob(x), Poisson([2.0, 9.0]).log_prob(x), rtol=1e-11)


def test_negative_binomial_laws_of_large_mean_are_gamma_laws():
    # beyond the Gamma law there is Poisson's noise, of standard deviation sqrt(m): 3e-3 of that of the law
    p, q = NegativeBinomial([2.0], [1e5]), NegativeBinomial([3.0], [2e5])
    gamma = Gamma([2.0], [5e4]).cost(Gamma([3.0], [2e5 / 3]))[0, 0]
    assert p.cost(q)[0, 0] == pytest.approx(gamma, rel=1e-4)


@pytest.mark.parametrize("law", [(1e-3, 1.0), (1e-3, 1e3), (0.5, 1e7), (1e6, 1e6)])
def test_negative_binomial_ranks_of_long_and_short_tables(law):
    # long ones go through the incomplete beta function; quantiles invert either
    laws = NegativeBinomial([law[0]], [law[1]])
    lower = np.array([1e-250, 1e-12, 0.3, 0.5, 0.999, 1 - 1e-12, 1.0])
    upper = np.array([1.0, 1.0, 0.7, 0.5, 0.001, 1e-12, 1e-250])
    y = laws.quantile(lower, upper, 0)
    (below, above), (before, after) = laws.tails(y, 0), laws.tails_before(y, 0)
    low = lower <= 0.5
    assert (below[low] >= lower[low]).all()
    assert ((before[low] < lower[low]) | (y[low] == 0)).all()
    assert (above[~low] <= upper[~low]).all()
    assert (after[~low] > upper[~low]).all()


def test_negative_binomial_ranks_beyond_tables_have_all_digits_of_small_chances():
    # p = 1 - 1e-8 would lose half of them, and with them a unit of the mean
    laws = NegativeBinomial([1e16], [1e8])
    x = 1e8 + 1e4 * np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
    np.testing.assert_allclose(laws.tails(x, 0), Poisson([1e8]).tails(x, 0), rtol=2e-7)


def test_negative_binomial_costs_of_many_counts_run_in_batches(monkeypatch):
    from mixot.families.line import negative_binomial

    p, q = NegativeBinomial([0.1, 2.0, 0.5], [5.0, 3.0, 9.0]), NegativeBinomial([1.0, 0.2], [4.0, 1.0])
    whole = p.cost(q)
    monkeypatch.setattr(negative_binomial, "_BATCH", 500)
    np.testing.assert_array_equal(p.cost(q), whole)
    with pytest.raises(UnsupportedError, match=r"component 1 \(size 1e-09, mean 100\) spreads over .*a Gamma law"):
        p.cost(NegativeBinomial([1.0, 1e-9], [4.0, 100.0]))


# -- Weibull and Rayleigh --------------------------------------------------------------------------------------------


def test_weibull_is_that_of_scipy(rng):
    for shape, scale in ((1.0, 2.0), (0.3, 1.0), (40.0, 1e-6), (3.0, 1e8)):
        frozen = stats.weibull_min(shape, scale=scale)
        laws = Weibull([shape], [scale])
        check_against_scipy(laws, frozen, frozen.rvs(50, random_state=rng))
        np.testing.assert_allclose(laws.moments(4)[0], [frozen.moment(r) for r in range(5)], rtol=1e-9)


def test_narrow_weibull_laws_have_a_variance():
    # of log x, pi^2 / 6 / shape^2; SciPy's formula has no digits left there
    assert Weibull([1e9], [3.0]).cov()[0, 0, 0] == pytest.approx(9 * np.pi**2 / 6 * 1e-18, rel=1e-8)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ((1.0, 1.0), (2.0, 1.0)),
        ((1.5, 2.0), (1.5 + 2.0**-40, 2.0)),  # nearly equal, in every direction
        ((1.5, 2.0), (1.5, 2.0 + 2.0**-40)),
        ((1.5, 2.0), (1.5 + 2.0**-40, 2.0 - 2.0**-39)),
        ((1e6, 1.0), (1.1e6, 1.0)),
        ((1e6, 1.0), (0.5, 1e-8)),
        ((0.02, 1e-30), (0.03, 1e-20)),
    ],
)
def test_weibull_cost_against_mpmath(p, q):
    with mp.workdps(60):
        (a, s), (b, t) = (map(mp.mpf, law) for law in (p, q))
        value = s**2 * mp.gamma(1 + 2 / a) + t**2 * mp.gamma(1 + 2 / b) - 2 * s * t * mp.gamma(1 + 1 / a + 1 / b)
        expected = float(value)
    assert Weibull([p[0]], [p[1]]).cost(Weibull([q[0]], [q[1]]))[0, 0] == pytest.approx(expected, rel=1e-11)


def test_weibull_cost_is_the_integral_of_its_quantiles():
    def quantile(shape, scale):
        return lambda u, v: scale * (-mp.log(v) if v < u else -mp.log1p(-u)) ** (1 / mp.mpf(shape))

    expected = integral_over_ranks(quantile(0.7, 1), quantile(3, 2), 25)
    assert Weibull([0.7], [1.0]).cost(Weibull([3.0], [2.0]))[0, 0] == pytest.approx(expected, rel=1e-11)


def test_weibull_moments_beyond_floating_point_are_refused():
    wide = Weibull([1e-3], [1.0])
    with pytest.raises(InputError, match="second moments, and that of component 0 of p"):
        wide.cost(wide)
    with pytest.raises(InputError, match="the moment of order 1 of weibull component 0"):
        wide.mean()


def test_rayleigh_laws_are_weibull_laws(rng):
    laws = Rayleigh([0.5, 3.0])
    check_against_scipy(laws.take(ONE), stats.rayleigh(scale=0.5), rng.rayleigh(0.5, 40))
    wide, x = laws.widen(), rng.rayleigh(size=(20, 1))
    assert isinstance(wide, Weibull)
    np.testing.assert_allclose(wide.log_prob(x), laws.log_prob(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(wide.cost(wide), laws.cost(laws), rtol=1e-12)
    np.testing.assert_allclose(wide.divergence(wide), laws.divergence(laws), rtol=1e-12, atol=1e-14)
    p, q = Mixture([0.5, 0.5], laws), Mixture([1.0], Weibull([2.0], [1.0]))
    assert distance(p, q) == pytest.approx(np.sqrt(((laws.scales - 0.5**0.5) ** 2 * 2).mean()), rel=1e-12)


# -- inverse Gamma ---------------------------------------------------------------------------------------------------


def test_inverse_gamma_is_that_of_scipy(rng):
    for shape, scale in ((5.0, 2.0), (2.5, 1e-6), (300.0, 1e8)):
        frozen = stats.invgamma(shape, scale=scale)
        laws = InverseGamma([shape], [scale])
        check_against_scipy(laws, frozen, frozen.rvs(50, random_state=rng))
        np.testing.assert_allclose(laws.moments(2)[0], [frozen.moment(r) for r in range(3)], rtol=1e-9)
    heavy = InverseGamma([0.7], [1.0])
    np.testing.assert_allclose(heavy.log_prob(np.array([[2.0]]))[0], stats.invgamma(0.7).logpdf(2.0), rtol=1e-12)


@pytest.mark.parametrize("shapes", [(3.0, 4.0), (2.5, 2.6), (2.01, 2.02), (2.001, 6.0), (60.0, 70.0)])
def test_inverse_gamma_cost_against_a_quadrature_of_the_product(shapes):
    # E X Y by the trapezoidal rule in the logarithm y of 1 / X; the sum goes on to -inf as a geometric one
    h, g = shapes
    step = 1 / 256
    y = np.arange(-100.0, 12.0, step)
    x = np.exp(y)
    lower, upper = gammainc(h, x), gammaincc(h, x)
    image = np.where(lower < 0.5, gammaincinv(g, np.minimum(lower, 0.5)), gammainccinv(g, np.minimum(upper, 0.5)))
    far = (h * y - gammaln(h + 1) + gammaln(g + 1)) / g  # where ranks are powers
    terms = (
        np.exp(
            -y - np.where((y < -40) | (lower < 1e-250), far, np.log(np.maximum(image, 1e-300))) + h * y - x - gammaln(h)
        )
        * step
    )
    product = terms.sum() + terms[0] / np.expm1((h - 1 - h / g) * step)
    norms = 1 / ((h - 1) * (h - 2)) + 1 / ((g - 1) * (g - 2))
    expected = norms - 2 * product
    found = InverseGamma([h], [1.0]).cost(InverseGamma([g], [1.0]))[0, 0]
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-12 * norms)


@pytest.mark.parametrize("shapes", [(2.0 + 1e-9, 3.0), (9e4, 1.1e5), (2.2, 1e4)])
def test_the_rule_for_reciprocals_has_converged(shapes):
    rows = centered_reciprocals(np.array(shapes))
    second = [1 / ((h - 1) ** 2 * (h - 2)) for h in shapes]
    np.testing.assert_allclose((rows**2).sum(axis=1), second, rtol=1e-11)


def test_inverse_gamma_laws_without_moments_are_refused():
    laws = InverseGamma([3.0, 1.5], [1.0, 1.0])
    with pytest.raises(InputError, match=r"component 1 has shape 1\.5, and so no finite variance, and no finite W2"):
        laws.cost(laws)
    with pytest.raises(InputError, match=r"component 1 has shape 1\.5"):
        laws.cov()
    with pytest.raises(InputError, match="component 0 has shape 3, and so no finite moment of order 3"):
        laws.take(ONE).moments(3)
    assert laws.mean().tolist() == [[0.5], [2.0]]
    with pytest.raises(InputError, match="no finite mean"):
        InverseGamma([1.0], [1.0]).mean()


def test_inverse_gamma_maps_are_those_of_the_reciprocals(rng):
    p, q = InverseGamma([3.0], [2.0]), InverseGamma([7.0], [1.0])
    coupling = Gamma([3.0], [0.5]).coupling(Gamma([7.0], [1.0]), ONE, ONE)
    x = p.sample(np.zeros(50, dtype=int), rng)
    np.testing.assert_allclose(p.coupling(q, ONE, ONE).map(x, 0), 1 / coupling.map(1 / x, 0), rtol=1e-10)
    far = p.coupling(q, ONE, ONE).map(np.array([[0.0], [1e-5], [1e-3], [1e290], [1e300]]), 0)[:, 0]
    assert np.isfinite(far).all()
    assert (np.diff(far) >= 0).all()


# -- Bernoulli -------------------------------------------------------------------------------------------------------


def test_bernoulli_is_that_of_scipy():
    laws = Bernoulli([0.3])
    check_against_scipy(laws, stats.bernoulli(0.3), np.array([0.0, 1.0]))
    assert (laws.log_prob(np.array([[0.5], [2.0], [-1.0]])) == -np.inf).all()
    np.testing.assert_array_equal(laws.moments(3), [[1.0, 0.3, 0.3, 0.3]])


def test_bernoulli_plans_at_the_ends():
    p, q = Bernoulli([0.0, 1.0, 0.25]), Bernoulli([0.0, 0.5])
    np.testing.assert_array_equal(p.cost(q), [[0.0, 0.5], [1.0, 0.5], [0.25, 0.25]])
    np.testing.assert_array_equal(
        p.log_prob(np.array([[0.0], [1.0]])), [[0.0, -np.inf, np.log(0.75)], [-np.inf, 0.0, np.log(0.25)]]
    )
    coupling = p.coupling(q, np.array([2]), np.array([1]))
    # of the mass .75 at zero, a third goes to one
    np.testing.assert_allclose(coupling.map(np.array([[0.0], [1.0]]), 0), [[1 / 3], [1.0]], rtol=1e-15)
    assert p.divergence(q).tolist() == [
        [0.0, np.log(2)],
        [np.inf, np.log(2)],
        pytest.approx([np.inf, 0.25 * np.log(0.5) + 0.75 * np.log(1.5)]),
    ]


@pytest.mark.parametrize(
    ("law", "p", "q", "value"),
    [
        # by mpmath with 34 digits: y = F_q^-1(F_p(x)) by Newton's method, sums over x = exp(z - exp(-z)) at two steps
        (Gamma, (2.5, 1.0), (2.5 + 1e-6, 1.0), 1.1078583543475048911e-12),
        (Gamma, (0.4, 2.0), (0.4 * (1 + 1e-6), 2.0), 1.1438221093366116163e-12),
        (Gamma, (30.0, 1.0), (30.0 + 1e-6, 1.0 + 1e-7), 1.6408395369524532731e-11),
        (InverseGamma, (9.0, 5.0), (9.0 + 1e-6, 5.0), 8.2890463285959814136e-15),
        (InverseGamma, (4.5, 1.0), (4.5 + 1e-6, 1.0 + 1e-7), 8.0235123318335756417e-15),
        (InverseGamma, (2.6, 1.0), (2.6 + 1e-6, 1.0), 1.8150351135699597701e-12),
    ],
)
def test_gamma_costs_of_nearly_equal_shapes_keep_their_digits(law, p, q, value):
    (h, s), (g, t) = p, q
    one, other = law([h, h], [s, 3.0]), law([g, 40.0], [t, 1.0])  # beside pairs that are far apart
    assert one.cost(other)[0, 0] == pytest.approx(value, rel=1e-12)
    assert other.cost(one)[0, 0] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("law", [Gamma, InverseGamma])
def test_gamma_costs_are_smooth_where_the_formulas_meet(law):
    for shape in (3.0, 12.0):
        steps = 1e-3 * (1 + np.array([-3e-6, -1e-6, 1e-6, 3e-6]))  # a thousandth: quantiles are subtracted beyond
        costs = np.sqrt(law([shape], [1.0]).cost(law(shape * (1 + steps), 1.0))[0]) / steps
        assert np.abs(np.diff(costs)).max() < 1e-8 * costs[0]
