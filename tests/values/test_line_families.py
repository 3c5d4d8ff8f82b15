"""Laws on the line against mpmath and SciPy: densities, moments, costs, maps, at extreme parameters too."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from mixot import InputError, Laplace, LogNormal

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
