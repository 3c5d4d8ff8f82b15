"""What the laws beyond the Gaussian owe: densities, moments, costs, couplings, geodesics, barycenters."""

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from scipy import integrate

from mixot import Exponential, Gamma, Gaussian, Mixture, Poisson, Product, StudentT, UnsupportedError
from mixot.families.base import Family, common
from mixot.families.couplings import AffineCoupling, Coupling, mean_image, random_image
from mixot.families.line.base import LineFamily
from mixot.formulas.polynomial.moments import exponents
from mixot.solvers.discrete.exact import Exact

COUNTS = np.arange(3000.0)  # beyond, examples on the integers have no mass
NODES, MASSES = np.polynomial.legendre.leggauss(40)


@pytest.fixture
def line(ranked_family):
    return ranked_family


def pair(law, rng):
    """Four and five random components of one family."""
    return law.example(rng, 4), law.example(rng, 5)


def panels():
    """Edges s of the ranks exp(-s) and 1 - exp(-s): quantile functions are smooth between them, down to 1e-30."""
    return pairwise(np.concatenate([[np.log(2)], np.linspace(1, 70, 140)]))


def integral(laws, k, function):
    """E[function(x)] under component k by its density: a sum over integers, or between quantiles panel by panel."""
    if laws.discrete:
        return np.exp(laws.log_prob(COUNTS[:, None])[:, k]) @ function(COUNTS)
    total = 0.0
    for edges in panels():
        e = np.exp(-np.array(edges))
        for ends in (laws.quantile(e, 1 - e, k), laws.quantile(1 - e, e, k)):
            width = abs(ends[1] - ends[0]) / 2
            x = ends.mean() + width * NODES
            total += width * (np.exp(laws.log_prob(x[:, None])[:, k]) * function(x)) @ MASSES
    return total


# -- densities, moments, draws ---------------------------------------------------------------------------------------


def test_masses_sum_to_one_and_give_the_moments(line, rng):
    laws = line.example(rng, 3)
    for k in range(3):
        expected = [integral(laws, k, lambda x, r=r: x**r) for r in range(6)]
        np.testing.assert_allclose(laws.moments(5)[k], expected, rtol=1e-9)


@pytest.mark.parametrize("df", [5.0, 8.5])
def test_student_density_integrates_to_one_and_gives_the_moments(rng, df):
    laws = StudentT(rng.standard_normal(2), rng.uniform(0.3, 2.0, 2), df)
    for k in range(2):
        for r in range(5):
            # the trapezoidal rule in s, x = sinh(s): the integrand falls at least like exp(-s)
            s = np.arange(-40.0, 40.0, 0.02)
            x = np.sinh(s)
            value = 0.02 * (np.exp(laws.log_prob(x[:, None])[:, k]) * x**r) @ np.cosh(s)
            assert laws.moments(4)[k, r] == pytest.approx(value, rel=1e-10, abs=1e-10)


def test_student_moments_follow_linear_forms_onto_the_line(rng):
    from scipy.stats import t

    laws = StudentT(rng.standard_normal((2, 2)), Gaussian.example(rng, 2).covs[:, :2, :2], 9.0)
    a, powers = np.array([0.3, -1.2]), exponents(2, 4).tolist()
    image = laws.affine(a[None], np.zeros(1))
    for k in range(2):
        law = t(9.0, loc=image.locs[k, 0], scale=np.sqrt(image.scales[k, 0, 0]))
        np.testing.assert_allclose(image.moments(4)[k], [1.0] + [law.moment(r) for r in range(1, 5)], rtol=1e-11)
        for r in range(5):
            terms = [
                comb(r, j) * a[0] ** (r - j) * a[1] ** j * laws.moments(4)[k, powers.index([r - j, j])]
                for j in range(r + 1)
            ]
            assert sum(terms) == pytest.approx(law.moment(r), rel=1e-11)


def test_student_density_is_that_of_scipy(rng):
    from scipy.stats import multivariate_t

    laws = StudentT.example(rng, 3)
    x = 5 * rng.standard_normal((40, 3))
    for k in range(3):
        expected = multivariate_t(laws.locs[k], laws.scales[k], df=8.0).logpdf(x)
        np.testing.assert_allclose(laws.log_prob(x)[:, k], expected, rtol=1e-12)


def test_tails_add_to_one_and_quantiles_invert_them(line, rng):
    laws = line.example(rng, 3)
    for k in range(3):
        x = np.unique(laws.sample(np.full(200, k), rng)[:, 0])
        below, above = laws.tails(x, k)
        np.testing.assert_allclose(below + above, 1.0, rtol=1e-14)
        np.testing.assert_allclose(laws.quantile(below, above, k), x, rtol=1e-10)
        far = laws.quantile(np.array([1e-200, 1.0]), np.array([1.0, 1e-200]), k)
        assert -np.inf < far[0] < laws.mean()[k, 0] < far[1] < np.inf
        assert laws.tails(far, k)[1][1] <= 1e-200 * (1 + 1e-8)
        assert laws.tails_before(far, k)[1][1] >= 1e-200 * (1 - 1e-8)


def test_distribution_functions_grow_by_the_density(line, rng):
    laws = line.example(rng, 3)
    for k in range(3):
        if laws.discrete:
            below, above = laws.tails(COUNTS, k)
            np.testing.assert_allclose(below, np.cumsum(np.exp(laws.log_prob(COUNTS[:, None])[:, k])), rtol=1e-12)
            continue
        ends = np.sort(laws.sample(np.full(21, k), rng)[:, 0])
        for low, high in pairwise(ends):
            inner = np.unique(
                np.clip(np.append(laws.quantile(np.array([0.5]), np.array([0.5]), k), [low, high]), low, high)
            )
            mass = 0.0
            for a, b in pairwise(inner):
                x = (a + b) / 2 + (b - a) / 2 * NODES
                mass += (b - a) / 2 * np.exp(laws.log_prob(x[:, None])[:, k]) @ MASSES
            below, above = laws.tails(np.array([low, high]), k)
            assert mass == pytest.approx(below[1] - below[0], rel=1e-9, abs=1e-13)
            assert mass == pytest.approx(above[0] - above[1], rel=1e-9, abs=1e-13)


def test_densities_vanish_off_the_support(line):
    laws = line.example(np.random.default_rng(0), 2)
    if laws.quantile(np.array([1e-300]), np.array([1.0]), 0)[0] >= 0:
        assert (laws.log_prob(np.array([[-1.0], [-1e-300]])) == -np.inf).all()
    assert np.isfinite(laws.log_prob(np.array([[1.0]]))).all()
    assert not np.isnan(laws.log_prob(np.array([[0.0]]))).any()


# -- costs -----------------------------------------------------------------------------------------------------------


def test_costs_are_squared_distances(compared_family, rng):
    p, q = pair(compared_family, rng)
    r = p.append(q)
    cost = r.cost(r)
    np.testing.assert_allclose(cost, cost.T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(cost), 0.0, atol=1e-10)
    d = np.sqrt(np.maximum(cost, 0.0))
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-6).all()
    np.testing.assert_allclose(p.cost(q), cost[:4, 4:], rtol=1e-9, atol=1e-12)
    means = ((p.mean()[:, None] - q.mean()) ** 2).sum(axis=2)
    assert not p.euclidean or (p.cost(q) >= means - 1e-9).all()


def test_cost_is_the_integral_over_ranks(line, rng):
    p, q = line.example(rng, 3), line.example(rng, 2)
    for i in range(3):
        for j in range(2):
            value = 0.0
            if p.discrete:
                (p_below, p_above), (q_below, q_above) = p.tails(COUNTS, i), q.tails(COUNTS, j)
                u = np.unique(np.concatenate([[0.0], p_below, q_below]))
                v = np.unique(np.concatenate([[0.0], p_above, q_above]))
                for below, swap in ((u[u <= 0.5], False), (v[v < 0.5], True)):
                    edges = np.append(below, 0.5)
                    near = (edges[1:] + edges[:-1]) / 2
                    ranks = (1 - near, near) if swap else (near, 1 - near)
                    value += (p.quantile(*ranks, i) - q.quantile(*ranks, j)) ** 2 @ np.diff(edges)
            else:
                # u = exp(-s) and 1 - u = exp(-s), panel by panel of s: smooth down to ranks of 1e-30
                for a, b in panels():
                    e = np.exp(-((a + b) / 2 + (b - a) / 2 * NODES))
                    low = p.quantile(e, 1 - e, i) - q.quantile(e, 1 - e, j)
                    high = p.quantile(1 - e, e, i) - q.quantile(1 - e, e, j)
                    value += (b - a) / 2 * ((low**2 + high**2) * e) @ MASSES
            assert p.cost(q)[i, j] == pytest.approx(value, rel=2e-11)


def test_student_cost_is_the_integral_over_ranks():
    from scipy.stats import t

    p, q = StudentT([0.3], [0.5], 6.0), StudentT([-1.0], [2.0], 6.0)
    value = (
        2
        * integrate.quad(
            lambda u: (
                0.5
                * (
                    (1.3 + (np.sqrt(0.5) - np.sqrt(2.0)) * t.ppf(u, 6.0)) ** 2
                    + (1.3 - (np.sqrt(0.5) - np.sqrt(2.0)) * t.ppf(u, 6.0)) ** 2
                )
            ),
            0,
            0.5,
            epsabs=1e-12,
            epsrel=1e-10,
            limit=200,
        )[0]
    )
    assert p.cost(q)[0, 0] == pytest.approx(value, rel=1e-7)


def test_an_exponential_law_is_a_gamma_law_of_shape_one(rng):
    p, q = Exponential.example(rng, 3), Gamma.example(rng, 4)
    wide, same = common(p, q)
    assert isinstance(wide, Gamma)
    assert same is q
    x = rng.exponential(size=(10, 1))
    np.testing.assert_allclose(wide.log_prob(x), p.log_prob(x), rtol=1e-12)
    np.testing.assert_allclose(wide.cost(p.widen()), p.cost(p), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(Gamma([1.0], [2.0]).cost(q), Exponential([0.5]).widen().cost(q), rtol=1e-15)


def test_costs_scale_with_the_square_of_the_unit(rng):
    for p, q in ((Gamma.example(rng, 3), Gamma.example(rng, 3)), (Exponential.example(rng, 3), Exponential([2.0]))):
        for unit in (1e-8, 1e8):
            matrix, shift = np.array([[unit]]), np.zeros(1)
            moved = p.affine(matrix, shift).cost(q.affine(matrix, shift))
            np.testing.assert_allclose(moved, unit**2 * p.cost(q), rtol=1e-11)


def test_product_costs_add_and_mean_what_the_joint_law_says(rng):
    p, q = (
        Product((Gamma.example(rng, 2), Poisson.example(rng, 2))),
        Product((Gamma.example(rng, 3), Poisson.example(rng, 3))),
    )
    expected = p.factors[0].cost(q.factors[0]) + p.factors[1].cost(q.factors[1])
    np.testing.assert_allclose(p.cost(q), expected, rtol=1e-15)
    mixed = Product((Exponential.example(rng, 2), Poisson.example(rng, 2)))  # one factor widens to Gamma
    assert np.isfinite(p.cost(mixed)).all()


def test_a_product_of_gaussians_is_a_gaussian(rng):
    means, variances = rng.standard_normal((3, 2)), rng.uniform(0.5, 2.0, (3, 2))
    product = Product([Gaussian(means[:, j], variances[:, j]) for j in range(2)])
    wide = product.widen()
    assert isinstance(wide, Gaussian)
    x = rng.standard_normal((7, 2))
    np.testing.assert_allclose(product.log_prob(x), wide.log_prob(x), rtol=1e-12)
    np.testing.assert_allclose(product.cost(product), wide.cost(wide), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(product.moments(4), wide.moments(4), rtol=1e-12, atol=1e-13)
    assert isinstance(Product([Exponential([1.0])]).widen(), Gamma)


def test_products_are_told_by_their_parameters(rng):
    p = Product((Gamma.example(rng, 3), Poisson.example(rng, 3), StudentT(rng.standard_normal(3), np.ones(3), 5.0)))
    q = Product.from_parameters(p.parameters())
    x = p.sample(np.array([0, 1, 2, 2]), rng)
    np.testing.assert_array_equal(q.log_prob(x), p.log_prob(x))
    np.testing.assert_array_equal(p.take(np.array([2, 0])).log_prob(x), p.log_prob(x)[:, [2, 0]])
    part = p.marginal([2, 0])
    np.testing.assert_array_equal(
        part.log_prob(x[:, [2, 0]]), p.factors[2].log_prob(x[:, [2]]) + p.factors[0].log_prob(x[:, [0]])
    )
    image = p.marginal([0, 2]).affine(np.diag([2.0, 3.0]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(image.mean(), p.mean()[:, [0, 2]] * [2.0, 3.0] + [0.0, 1.0], rtol=1e-14)


# -- couplings -------------------------------------------------------------------------------------------------------


def couplings_of(p, q):
    rows, cols = (index.ravel() for index in np.indices((len(p), len(q))))
    return p.coupling(q, rows, cols), rows, cols


def test_couplings_push_forward_and_cost_what_they_should(compared_coupled_family, rng):
    p, q = (laws.take(np.arange(2)) for laws in pair(compared_coupled_family, rng))
    coupling, rows, cols = couplings_of(p, q)
    assert isinstance(coupling, Coupling)
    assert len(coupling) == 4
    n = 20_000
    for s in range(4):
        x = p.sample(np.full(n, rows[s]), rng)
        y = coupling.sample(x, s, rng)
        mean, cov = q.mean()[cols[s]], np.diagonal(q.cov()[cols[s]])
        assert (np.abs(y.mean(axis=0) - mean) < 5 * np.sqrt(cov / n)).all()
        second = (y - mean) ** 2
        assert (np.abs(second.mean(axis=0) - cov) < 5 * second.std(axis=0) / np.sqrt(n)).all()
        spent = p.squared_distances(x, y)
        assert abs(spent.mean() - p.cost(q)[rows[s], cols[s]]) < 5 * spent.std() / np.sqrt(n) + 1e-9
        if coupling.is_map[s]:
            np.testing.assert_array_equal(coupling.map(x, s), y)


def test_line_couplings_match_ranks_exactly(line, rng):
    p, q = line.example(rng, 2), line.example(rng, 2)
    coupling, rows, cols = couplings_of(p, q)
    for s in range(4):
        if p.discrete:
            x = COUNTS[p.tails(COUNTS, int(rows[s]))[1] > 1e-25][:, None]
            x = np.vstack([x, [[len(x)]]])
            mass = np.exp(p.log_prob(x)[:, rows[s]])
            # the conditional mean keeps the mean, and its correlation with x gives the cost
            y = coupling.map(x, s)[:, 0]
            assert mass @ y == pytest.approx(q.mean()[cols[s], 0], rel=1e-12)
            second = p.moments(2)[rows[s], 2] + q.moments(2)[cols[s], 2]
            assert second - 2 * mass @ (x[:, 0] * y) == pytest.approx(p.cost(q)[rows[s], cols[s]], rel=1e-10, abs=1e-11)
            assert not coupling.is_map.any()
        else:
            x = np.sort(p.sample(np.full(100, rows[s]), rng), axis=0)
            y = coupling.map(x, s)
            assert (np.diff(y[:, 0]) >= 0).all()
            np.testing.assert_allclose(q.tails(y[:, 0], int(cols[s]))[0], p.tails(x[:, 0], int(rows[s]))[0], rtol=1e-9)


def test_poisson_draws_have_the_target_law(rng):
    p, q = Poisson([3.0]), Poisson([5.5])
    coupling = p.coupling(q, np.array([0]), np.array([0]))
    n = 100_000
    y = coupling.sample(p.sample(np.zeros(n, dtype=int), rng), 0, rng)[:, 0]
    assert (y == np.floor(y)).all()
    counts = np.bincount(y.astype(int), minlength=15)[:15]
    expected = n * np.exp(q.log_prob(np.arange(15.0)[:, None])[:, 0])
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected + 1)).all()
    same = p.coupling(p, np.array([0]), np.array([0]))
    x = np.arange(30.0)[:, None]
    np.testing.assert_array_equal(same.sample(x, 0, rng), x)
    np.testing.assert_allclose(same.map(x, 0), x, rtol=1e-12)


def test_maps_go_on_where_ranks_run_out():
    p, q = Gamma([2.0], [1.0]), Gamma([5.0], [3.0])
    coupling = p.coupling(q, np.array([0]), np.array([0]))
    x = np.concatenate([[0.0], np.geomspace(1e-200, 1e4, 4000)])[:, None]
    y = coupling.map(x, 0)[:, 0]
    assert y[0] == 0
    assert np.isfinite(y).all()
    assert (np.diff(y) > 0).all()
    assert np.diff(np.log(y[1:])).max() < 1.05 * np.diff(np.log(x[1:, 0])).max()  # no jump at the edges of ranks
    assert y[-1] == pytest.approx(3e4, rel=0.01)  # tails of one scale each: y / x tends to 3
    np.testing.assert_array_equal(coupling.map(np.array([[-1.0]]), 0), 0.0)
    counts = Poisson([3.0]).coupling(Poisson([4.0]), np.array([0]), np.array([0]))
    far = counts.map(np.array([[1e4], [1e6]]), 0)[:, 0]
    assert np.isfinite(far).all()
    assert far[1] - far[0] == 1e6 - 1e4


def test_mixtures_are_moved_by_any_coupling(line, rng):
    p, q = Mixture([0.4, 0.6], line.example(rng, 2)), Mixture([0.3, 0.7], line.example(rng, 2))
    plan = Exact().solve(p.components.cost(q.components), p.weights, q.weights)
    rows, cols = np.nonzero(plan.coupling)
    pieces = p.components.coupling(q.components, rows, cols)
    share = plan.coupling[rows, cols] / p.weights[rows]
    n = 20_000
    x = p.sample(n, rng=rng)
    shares = p.responsibilities(x)[:, rows] * share
    mean = mean_image(pieces, x, shares)
    error = mean.mean() - q.mean()[0]
    assert abs(error) < 5 * mean.std() / np.sqrt(n)  # the mean map keeps the mean
    pairs = (shares.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    y = random_image(pieces, x, pairs, rng)
    for power in (1, 2):  # the random map keeps the law
        values = y[:, 0] ** power
        assert abs(values.mean() - q.moments(2).values[power]) < 5 * values.std() / np.sqrt(n)


def test_affine_couplings_draw_from_their_noise(rng):
    noise = np.array([[[1.0, 0.5], [0.5, 2.0]], np.zeros((2, 2))])
    coupling = AffineCoupling(np.stack([np.eye(2)] * 2), np.ones((2, 2)), noise)
    np.testing.assert_array_equal(coupling.is_map, [False, True])
    x = np.zeros((50_000, 2))
    y = coupling.sample(x, 0, rng)
    np.testing.assert_allclose(np.cov(y.T), noise[0], atol=0.06)
    np.testing.assert_array_equal(coupling.sample(x, 1, rng), 1.0)


# -- geodesics and barycenters ---------------------------------------------------------------------------------------


def alike(p, q):
    """The components, with what a fit can hold made equal where geodesics leave the family without; else a skip."""
    one = np.zeros(1, dtype=int)
    for held in ((), p.holdable):
        same = {name: p.parameters()[name][:1] for name in held}
        p, q = (
            laws.from_parameters(
                {
                    name: np.repeat(same[name], len(laws), axis=0) if name in same else value
                    for name, value in laws.parameters().items()
                }
            )
            for laws in (p, q)
        )
        try:
            p.between(q, one, one, 0.5)
        except UnsupportedError:
            continue
        return p, q
    pytest.skip("no geodesic stays in the family")


def test_geodesics_have_constant_speed(compared_interpolated_family, rng):
    p, q = alike(*pair(compared_interpolated_family, rng))
    rows, cols = np.array([0, 1, 3, 2]), np.array([1, 0, 4, 2])
    distance = np.sqrt(p.cost(q)[rows, cols])
    times = [0.0, 0.25, 0.7, 1.0]
    path = [p.between(q, rows, cols, t) for t in times]
    for i, s in enumerate(times):
        for j, t in enumerate(times[i + 1 :], start=i + 1):
            found = np.sqrt(np.maximum(np.diagonal(path[i].cost(path[j])), 0.0))
            np.testing.assert_allclose(found, (t - s) * distance, rtol=1e-8)
    x = p.sample(np.zeros(3, dtype=int), np.random.default_rng(0))
    np.testing.assert_allclose(path[0].log_prob(x), p.take(rows).log_prob(x), rtol=1e-11)
    np.testing.assert_allclose(path[-1].log_prob(x), q.take(cols).log_prob(x), rtol=1e-11)


def test_barycenters_are_where_the_weighted_cost_is_least(compared_interpolated_averaged_family, rng):
    p, q = alike(*pair(compared_interpolated_averaged_family, rng))
    r = p.take(np.array([2, 0]))
    index = np.array([[0, 1, 1], [3, 4, 0], [1, 1, 1]])
    weights = np.array([0.2, 0.5, 0.3])
    center, cost = p.barycenter([q, r], index, weights)

    def value(laws):
        return sum(
            w * np.diagonal(laws.cost(family.take(k))) for w, family, k in zip(weights, (p, q, r), index.T, strict=True)
        )

    np.testing.assert_allclose(cost, value(center), rtol=1e-9, atol=1e-12)
    for family, k in zip((p, q, r), index.T, strict=True):
        nearby = center.between(family.take(k), np.arange(3), np.arange(3), 1e-3)
        assert (value(nearby) >= cost - 1e-12).all()
    two, _ = p.barycenter([q], index[:, :2], np.array([0.3, 0.7]))
    path = p.between(q, index[:, 0], index[:, 1], 0.7)
    np.testing.assert_allclose(two.mean(), path.mean(), rtol=1e-10)
    np.testing.assert_allclose(two.cov(), path.cov(), rtol=1e-8, atol=1e-12)


def test_what_leaves_the_family_is_refused_with_an_alternative(rng):
    pair = np.array([0]), np.array([0])
    refusals = [
        (lambda: Poisson([2.0]).between(Poisson([3.0]), *pair, 0.5), "transport_map"),
        (
            lambda: Poisson([2.0]).barycenter([Poisson([3.0])], np.array([[0, 0]]), np.array([0.5, 0.5])),
            "Gamma mixtures",
        ),
        (lambda: Gamma([2.0], [1.0]).between(Gamma([3.0], [1.0]), *pair, 0.5), "shapes.*2.0"),
        (
            lambda: Gamma([2.0], [1.0]).barycenter([Gamma([3.0], [1.0])], np.array([[0, 0]]), np.array([0.5, 0.5])),
            "shapes",
        ),
        (lambda: StudentT([0.0], [1.0], 3.0).between(StudentT([0.0], [1.0], 4.0), *pair, 0.5), 'fixed={"df"'),
        (lambda: Exponential([1.0]).affine(np.array([[-1.0]]), np.zeros(1)), "positive scaling"),
        (lambda: Gamma([1.0], [1.0]).affine(np.array([[1.0]]), np.ones(1)), "positive scaling"),
        (lambda: common(Poisson([1.0]), Gamma([1.0], [1.0])), "sample both"),
        (lambda: Product((Gaussian.example(rng, 1), Poisson([1.0]))).marginal([0, 3, 1]), "one go"),
        (lambda: Product((Exponential([1.0]), Poisson([1.0]))).affine(np.ones((2, 2)), np.zeros(2)), "single factor"),
    ]
    for call, what in refusals:
        with pytest.raises(UnsupportedError, match=what):
            call()


def test_every_line_family_is_a_family(line, rng):
    laws = line.example(rng, 2)
    assert isinstance(laws, LineFamily)
    assert isinstance(laws, Family)
    assert laws.marginal([0]) is laws
    assert laws.dim == 1
    assert laws.from_parameters(laws.parameters()).parameters().keys() == laws.parameters().keys()
