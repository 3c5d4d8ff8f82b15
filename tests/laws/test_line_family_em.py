"""Maximum likelihood of laws on the line: exact steps, ties, units, bounds, and what is held fixed."""

import numpy as np
import pytest
from scipy import optimize, stats

from mixot import (
    AccuracyWarning,
    Bernoulli,
    FamilyEM,
    Gaussian,
    InputError,
    Laplace,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Product,
    Samples,
    Weibull,
    fit,
)
from mixot.formulas.line.medians import weighted_medians


def climb(law, x, shares, steps=3):
    """The components after a few steps on fixed shares: maximum likelihood, wherever it began."""
    for _ in range(steps):
        law = law.m_step(x, shares)
    return law


# -- weighted medians ------------------------------------------------------------------------------------------------


def test_a_weighted_median_is_where_the_absolute_deviation_is_least(rng):
    x = np.round(rng.standard_normal(60), 1)  # with ties
    shares = rng.uniform(size=(60, 4)) * (rng.random((60, 4)) < 0.7)
    for k, median in enumerate(weighted_medians(x, shares)):
        cost = shares[:, k] @ np.abs(x[:, None] - np.append(x, median))
        assert cost[-1] <= cost[:-1].min() * (1 + 1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 1001])
def test_equal_weights_have_the_ordinary_median(n, rng):
    x = rng.standard_normal(n)
    assert weighted_medians(x, np.full((n, 1), 1 / n))[0] == pytest.approx(np.median(x), abs=1e-15)
    assert weighted_medians(np.repeat(x, 3), np.full((3 * n, 1), 0.1))[0] == pytest.approx(np.median(x), abs=1e-15)


def test_all_the_weight_may_be_on_one_point():
    x = np.array([1.0, 2.0, 5.0])
    np.testing.assert_array_equal(weighted_medians(x, np.eye(3)), x)


def test_laplace_steps_are_those_of_scipy(rng):
    x = rng.laplace(3.0, 0.5, 1001)
    law = FamilyEM().fit(Samples(x), "laplace", k=1).mixture.components
    loc, scale = stats.laplace.fit(x)
    assert law.locs[0] == pytest.approx(loc, rel=1e-12)
    assert law.scales[0] == pytest.approx(scale, rel=1e-12)


def test_laplace_fits_of_rounded_data_never_fall(rng):
    x = np.round(Mixture([0.4, 0.6], Laplace([-3.0, 4.0], [0.5, 1.5])).sample(600, rng=rng))
    fit = FamilyEM(tol=-np.inf, max_iter=60).fit(Samples(x), "laplace", k=3, rng=0)
    assert np.diff(fit.history).min() > -1e-13


def test_laplace_components_do_not_shrink_to_a_point(rng):
    x = np.concatenate([np.full(50, 2.0), rng.laplace(0.0, 1.0, 200)])
    fit = FamilyEM(max_iter=300).fit(Samples(x), "laplace", k=2, rng=0)
    assert np.isfinite(fit.log_likelihood)
    assert np.diff(fit.history).min() > -1e-12
    assert fit.mixture.components.scales.min() > 1e-4 * x.std()


def test_laplace_parameters_are_held(rng):
    x = rng.laplace(0.0, [[1.0], [8.0]], (2, 500)).ravel()
    fit = FamilyEM(fixed={"locs": 0.0}).fit(Samples(x), "laplace", k=2, rng=0)
    np.testing.assert_array_equal(fit.mixture.components.locs, 0.0)
    assert np.sort(fit.mixture.components.scales) == pytest.approx([1.0, 8.0], rel=0.3)
    fit = FamilyEM(fixed={"scales": [1.0, 8.0]}).fit(Samples(x), "laplace", k=2, rng=0)
    np.testing.assert_array_equal(fit.mixture.components.scales, [1.0, 8.0])
    with pytest.raises(InputError, match=r"locs must be held at one number, or one for each of 3 components"):
        FamilyEM(fixed={"locs": [0.0, 1.0]}).fit(Samples(x), "laplace", k=3)


def test_laplace_fits_follow_shifts_and_scales(rng):
    x = Mixture([0.4, 0.6], Laplace([-3.0, 4.0], [0.5, 1.5])).sample(500, rng=rng)
    one = FamilyEM().fit(Samples(x), "laplace", k=2, rng=0)
    other = FamilyEM().fit(Samples(2.0**20 * x + 2.0**20), "laplace", k=2, rng=0)
    for name, shift in (("locs", 2.0**20), ("scales", 0.0)):
        value = one.mixture.components.parameters()[name]
        np.testing.assert_allclose(other.mixture.components.parameters()[name], 2.0**20 * value + shift, rtol=1e-6)


def test_lognormal_fits_are_gaussian_fits_of_logarithms(rng):
    logs = Mixture([0.4, 0.6], Gaussian([0.0, 3.0], [0.5, 0.2])).sample(800, rng=rng)
    start = Mixture([0.5, 0.5], Gaussian([0.0, 3.0], [1.0, 1.0]))
    gaussian = FamilyEM(tol=1e-13, start=start).fit(Samples(logs), "gaussian", k=2)
    start = Mixture([0.5, 0.5], LogNormal([0.0, 3.0], [1.0, 1.0]))
    fit = FamilyEM(tol=1e-13, start=start).fit(Samples(np.exp(logs)), "lognormal", k=2)
    assert fit.log_likelihood == pytest.approx(gaussian.log_likelihood - logs.mean(), abs=1e-10)
    np.testing.assert_allclose(fit.mixture.components.locs, gaussian.mixture.components.means[:, 0], atol=1e-6)
    held = FamilyEM(fixed={"scales": 0.5}).fit(Samples(np.exp(logs)), "lognormal", k=2, rng=0).mixture.components
    np.testing.assert_array_equal(held.scales, 0.5)
    with pytest.raises(InputError, match="must be positive; 1 of 2 rows are not"):
        FamilyEM().fit(Samples([0.0, 1.0]), "lognormal", k=1)


# -- negative binomial -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [(0.01, 1.0), (0.4, 20.0), (3.0, 5.0), (60.0, 300.0)])
def test_negative_binomial_sizes_are_of_maximum_likelihood(truth, rng):
    x = NegativeBinomial(*([value] for value in truth)).sample(np.zeros(2000, dtype=int), rng)
    law = FamilyEM().fit(Samples(x), "negative_binomial", k=1).mixture.components
    assert law.means[0] == pytest.approx(x.mean(), rel=1e-12)

    def loss(log_size):
        return -stats.nbinom(np.exp(log_size), 1 / (1 + x.mean() / np.exp(log_size))).logpmf(x).mean()

    best = optimize.minimize_scalar(loss, bracket=np.log(truth[0]) + np.array([-0.1, 0.1]), tol=1e-10)
    assert loss(np.log(law.sizes[0])) <= best.fun + 1e-12
    assert np.log(law.sizes[0]) == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize("near", [1e-6, 1.0, 1e5, 1e12])
def test_negative_binomial_steps_end_at_the_same_size_from_anywhere(near, rng):
    x = rng.negative_binomial(3.0, 0.2, 500).astype(float)[:, None]
    shares = rng.uniform(size=(500, 2))
    there = NegativeBinomial([3.0, 3.0], [1.0, 1.0]).m_step(x, shares)
    here = NegativeBinomial([near, near], [1.0, 1.0]).m_step(x, shares)
    np.testing.assert_allclose(here.sizes, there.sizes, rtol=1e-8)


def test_counts_without_overdispersion_end_as_poisson_laws(rng):
    x = rng.binomial(20, 0.5, 1000).astype(float)
    with pytest.warns(AccuracyWarning, match=r"components \[0\] vary no more than Poisson laws"):
        fit = FamilyEM().fit(Samples(x), "negative_binomial", k=1)
    assert fit.mixture.components.sizes[0] == pytest.approx(1e6 * x.mean(), rel=1e-9)
    poisson = FamilyEM().fit(Samples(x), "poisson", k=1)
    assert fit.log_likelihood == pytest.approx(poisson.log_likelihood, abs=1e-5)


def test_negative_binomial_sizes_are_held(rng):
    x = rng.negative_binomial(3.0, 0.2, 500).astype(float)
    law = FamilyEM(fixed={"sizes": 5.0}).fit(Samples(x), "negative_binomial", k=2, rng=0).mixture.components
    np.testing.assert_array_equal(law.sizes, 5.0)
    assert law.free_parameters(("sizes",)) == 2


def test_genes_are_a_product_of_negative_binomials(rng):
    means = rng.uniform(0.5, 20.0, (2, 6))
    truth = Mixture([0.5, 0.5], Product([NegativeBinomial([2.0, 2.0], column) for column in means.T]))
    x = truth.sample(800, rng=rng)
    fit = FamilyEM(starts=2).fit(Samples(x), "negative_binomial*6", k=2, rng=0)
    assert np.diff(fit.history).min() > -1e-12
    assert fit.log_likelihood > truth.log_density(x).mean()
    found = fit.mixture.components.mean()
    found = found[np.argsort(np.abs(found - means[0]).sum(axis=1))]
    np.testing.assert_allclose(found, means, rtol=0.4)
    assert fit.mixture.components.cost(truth.components).shape == (2, 2)


# -- Weibull, Rayleigh, inverse Gamma, Bernoulli ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [0.05, 0.7, 3.0, 200.0])
def test_weibull_steps_are_of_maximum_likelihood(shape, rng):
    x = 1e-3 * rng.weibull(shape, 500) + 1e-300
    law = FamilyEM().fit(Samples(x), "weibull", k=1).mixture.components

    def loss(log_shape):
        a = np.exp(log_shape)
        scale = np.exp(np.log(x).max() + np.log(np.mean(np.exp(a * (np.log(x) - np.log(x).max())))) / a)
        return -stats.weibull_min(a, scale=scale).logpdf(x).mean()

    best = optimize.minimize_scalar(loss, bracket=np.log(shape) + np.array([-0.1, 0.1]), tol=1e-10)
    assert -law.log_prob(x[:, None])[:, 0].mean() <= best.fun + 1e-12 * abs(best.fun)
    assert np.log(law.shapes[0]) == pytest.approx(best.x, abs=1e-5)


def test_weibull_steps_end_at_the_same_shape_from_anywhere(rng):
    x, shares = rng.weibull(2.5, (400, 1)), rng.uniform(size=(400, 3))
    ends = [Weibull(near, [1.0, 1.0, 1.0]).m_step(x, shares).shapes for near in (1e-5, 1.0, 900.0)]
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, rtol=1e-8)


def test_narrow_weibull_components_rest_at_the_bound(rng):
    x = np.concatenate([np.full(60, 3.0), rng.weibull(2.0, 300)])
    with pytest.warns(AccuracyWarning, match="as narrow as the bound on shapes allows"):
        fit = FamilyEM(max_iter=500).fit(Samples(x), "weibull", k=2, rng=0)
    assert fit.mixture.components.shapes.max() == pytest.approx(1e3)
    assert np.diff(fit.history).min() > -1e-12


def test_rayleigh_and_inverse_gamma_steps_are_those_of_scipy(rng):
    x = rng.rayleigh(3.0, 500)
    law = FamilyEM().fit(Samples(x), "rayleigh", k=1).mixture.components
    assert law.scales[0] == pytest.approx(stats.rayleigh.fit(x, floc=0)[1], rel=1e-8)
    y = 5 / rng.gamma(6.0, 1.0, 500)
    heavy = FamilyEM().fit(Samples(y), "inverse_gamma", k=1).mixture.components
    shape, _, scale = stats.gamma.fit(1 / y, floc=0)
    assert heavy.shapes[0] == pytest.approx(shape, rel=1e-6)
    assert heavy.scales[0] == pytest.approx(1 / scale, rel=1e-6)


def test_inverse_gamma_laws_without_variance_are_noted(rng):
    with pytest.warns(AccuracyWarning, match=r"components \[0\] have shapes of 2 or less: no finite variance"):
        FamilyEM().fit(Samples(1 / rng.gamma(1.2, 1.0, 500)), "inverse_gamma", k=1)


@pytest.mark.parametrize("name", ["weibull", "inverse_gamma"])
def test_shapes_are_held(name, rng):
    law = FamilyEM(fixed={"shapes": 4.0}).fit(Samples(rng.gamma(3.0, 1.0, 300)), name, k=2, rng=0).mixture.components
    np.testing.assert_array_equal(law.shapes, 4.0)


@pytest.mark.parametrize("name", ["lognormal", "weibull", "rayleigh", "inverse_gamma"])
def test_fits_scale_with_the_unit(name, rng):
    x = np.concatenate([rng.gamma(9.0, 1.0, 300), rng.gamma(9.0, 10.0, 300)])
    one = FamilyEM().fit(Samples(x), name, k=2, rng=0)
    for unit in (2.0**-40, 2.0**40):
        other = FamilyEM().fit(Samples(unit * x), name, k=2, rng=0)
        assert other.log_likelihood == pytest.approx(one.log_likelihood - np.log(unit), abs=1e-8)
        np.testing.assert_allclose(other.mixture.mean(), unit * one.mixture.mean(), rtol=1e-5)


def test_latent_classes_are_products_of_bernoulli_laws(rng):
    probs = np.array([[0.9, 0.1, 0.8, 0.2, 0.95, 1.0], [0.1, 0.9, 0.3, 0.7, 0.05, 0.0]])
    truth = Mixture([0.3, 0.7], Product([Bernoulli(column) for column in probs.T]))
    x = truth.sample(2000, rng=rng)
    fit = FamilyEM().fit(Samples(x), "bernoulli*6", k=2, rng=0)
    order = np.argsort(fit.mixture.weights)
    np.testing.assert_allclose(fit.mixture.weights[order], [0.3, 0.7], atol=0.05)
    np.testing.assert_allclose(fit.mixture.components.mean()[order], probs, atol=0.06)
    assert np.diff(fit.history).min() > -1e-12
    assert fit.log_likelihood > truth.log_density(x).mean()


BAD = [
    ([0.0, 1.0], "weibull", "points of a Weibull mixture must be positive"),
    ([0.0, 1.0], "rayleigh", "points of a Rayleigh mixture must be positive"),
    ([0.0, 1.0], "inverse_gamma", "points of an inverse Gamma mixture must be positive"),
    ([0.0, 2.0], "bernoulli", "points of a Bernoulli mixture must be 0 or 1"),
    ([0.5, 2.0], "negative_binomial", "points of a negative binomial mixture must be counts"),
    ([0.0, 0.0], "negative_binomial", "all points are zero"),
]


@pytest.mark.parametrize(("data", "name", "what"), BAD)
def test_fits_say_what_is_wrong_with_the_data(data, name, what):
    with pytest.raises(InputError, match=what):
        FamilyEM().fit(Samples(data), name, k=1)


@pytest.mark.filterwarnings("ignore::mixot.AccuracyWarning")  # they say so, too
@pytest.mark.parametrize("name", ["laplace", "lognormal", "negative_binomial", "weibull", "rayleigh", "inverse_gamma"])
@pytest.mark.parametrize("data", [[3.0] * 6, [3.0] * 5 + [4.0], [1.0, 2.0]], ids=["constant", "duplicated", "two"])
def test_fits_survive_degenerate_data(name, data):
    fit = FamilyEM(max_iter=50).fit(Samples(data), name, k=2, rng=0)
    assert np.isfinite(fit.log_likelihood)
    assert np.isfinite(fit.mixture.density(np.array(data))).all()


# -- products by short names -----------------------------------------------------------------------------------------


def test_a_family_is_repeated_by_a_star(rng):
    x = rng.poisson(rng.permutation([2.0, 9.0] * 50)[:, None], (100, 6)).astype(float)
    short = FamilyEM().fit(Samples(x), "poisson*6", k=2, rng=0)
    long = FamilyEM().fit(Samples(x), ",".join(["poisson"] * 6), k=2, rng=0)
    assert short.log_likelihood == long.log_likelihood == fit(x, "poisson*6", k=2, rng=0).log_likelihood
    assert short.mixture.dim == 6
    mixed = FamilyEM().fit(Samples(x), "poisson * 4, laplace*2", k=2, rng=0).mixture.components
    assert [part.name for part in mixed.factors] == ["poisson"] * 4 + ["laplace"] * 2
    for name in ("poisson*", "poisson*0", "poisson*two", "poisson*-1"):
        with pytest.raises(InputError, match="repeated by a whole number"):
            fit(x, name, k=2)
    with pytest.raises(InputError, match=r'the product family "poisson\*6"'):
        FamilyEM().fit(Samples(x), "poisson", k=2)


def test_starts_of_many_points_look_at_some_of_them(rng):
    truth = Mixture([0.3, 0.7], Laplace([-3.0, 4.0], [0.5, 1.5]))
    x = truth.sample(30_000, rng=rng)
    fit = FamilyEM().fit(Samples(x), "laplace", k=2, rng=0)
    assert len(fit.history) == fit.iterations
    assert np.diff(fit.history).min() > -1e-13
    assert fit.log_likelihood == pytest.approx(fit.mixture.log_density(x).mean(), rel=1e-12)
    assert fit.log_likelihood >= truth.log_density(x).mean()
