"""Laws on the line against mpmath and SciPy: densities, moments, costs, maps, at extreme parameters too."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from mixot import Gamma, InputError, Laplace, LogNormal, NegativeBinomial, Poisson, UnsupportedError
from mixot.formulas.counts import negative_binomial_log_mass

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


def test_negative_binomial_costs_of_many_counts_run_in_batches(monkeypatch):
    from mixot.families import negative_binomial

    p, q = NegativeBinomial([0.1, 2.0, 0.5], [5.0, 3.0, 9.0]), NegativeBinomial([1.0, 0.2], [4.0, 1.0])
    whole = p.cost(q)
    monkeypatch.setattr(negative_binomial, "_BATCH", 500)
    np.testing.assert_array_equal(p.cost(q), whole)
    with pytest.raises(UnsupportedError, match=r"component 1 \(size 1e-09, mean 100\) spreads over .*a Gamma law"):
        p.cost(NegativeBinomial([1.0, 1e-9], [4.0, 100.0]))
