"""EM on any family: the likelihood climbs, the truth is found, weights mean what they say."""

import numpy as np
import pytest
from scipy import optimize, stats

from mixot import (
    EM,
    AccuracyWarning,
    DiagonalGaussian,
    Exponential,
    FamilyEM,
    Gamma,
    Gaussian,
    InputError,
    InverseGamma,
    Laplace,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Poisson,
    Product,
    Rayleigh,
    Samples,
    Status,
    StudentT,
    Weibull,
    fit,
)

PLANE = np.stack([np.eye(2), [[1.0, 0.4], [0.4, 0.3]]])
TRUTHS = {
    "student": Mixture([0.4, 0.6], StudentT([[0.0, 0.0], [5.0, 1.0]], PLANE, 5.0)),
    "exponential": Mixture([0.3, 0.7], Exponential([4.0, 0.2])),
    "gamma": Mixture([0.4, 0.6], Gamma([2.0, 30.0], [1.0, 0.8])),
    "laplace": Mixture([0.4, 0.6], Laplace([-3.0, 4.0], [0.5, 1.5])),
    "lognormal": Mixture([0.4, 0.6], LogNormal([0.0, 2.0], [0.5, 0.3])),
    "negative_binomial": Mixture([0.4, 0.6], NegativeBinomial([3.0, 10.0], [2.0, 40.0])),
    "weibull": Mixture([0.4, 0.6], Weibull([1.5, 6.0], [1.0, 5.0])),
    "rayleigh": Mixture([0.4, 0.6], Rayleigh([1.0, 6.0])),
    "inverse_gamma": Mixture([0.4, 0.6], InverseGamma([6.0, 30.0], [4.0, 150.0])),
    "poisson": Mixture([0.3, 0.3, 0.4], Poisson([2.0, 10.0, 30.0])),
    "gaussian": Mixture([0.4, 0.6], Gaussian([[0.0, 0.0], [5.0, 1.0]], PLANE)),
    "diagonal": Mixture([0.4, 0.6], DiagonalGaussian([[0.0, 0.0], [5.0, 1.0]], [[1.0, 0.2], [0.5, 2.0]])),
    "gaussian,poisson": Mixture([0.5, 0.5], Product((Gaussian([-3.0, 4.0], [1.0, 2.0]), Poisson([2.0, 6.0])))),
    "gamma,poisson": Mixture([0.5, 0.5], Product((Gamma([2.0, 9.0], [1.0, 1.0]), Poisson([2.0, 6.0])))),
}


@pytest.fixture(params=TRUTHS, ids=str)
def name(request):
    return request.param


def test_likelihood_never_falls_and_beats_the_truth(name, rng):
    truth = TRUTHS[name]
    x = truth.sample(4000, rng=rng)
    fit = FamilyEM().fit(Samples(x), name, k=len(truth), rng=0)
    assert fit.status is Status.CONVERGED
    assert np.diff(fit.history).min() > -1e-13 * abs(fit.log_likelihood)
    assert fit.log_likelihood == pytest.approx(fit.mixture.log_density(x).mean(), rel=1e-12)
    assert fit.log_likelihood > truth.log_density(x).mean()
    assert fit.history[-1] == fit.log_likelihood
    assert len(fit.history) == fit.iterations
    a, b = (mix.components.mean()[np.argsort(mix.components.mean()[:, 0])] for mix in (fit.mixture, truth))
    np.testing.assert_allclose(a, b, rtol=0.15, atol=0.15)
    assert not fit.notes


def test_weights_stand_for_repeats(name, rng):
    truth = TRUTHS[name]
    x = truth.sample(300, rng=rng)
    repeats = rng.integers(1, 4, size=300)
    start = FamilyEM(starts=1, max_iter=30, tol=-np.inf)
    weighted = start.fit(Samples(x, repeats / repeats.sum()), name, k=2, rng=0)
    repeated = start.fit(Samples(np.repeat(x, repeats, axis=0)), name, k=2, rng=0)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-9)
    for key, value in weighted.mixture.components.parameters().items():
        np.testing.assert_allclose(value, repeated.mixture.components.parameters()[key], rtol=1e-6, atol=1e-8)


def test_each_step_climbs_from_anywhere(climbing_family, rng):
    laws = climbing_family.example(rng, 3)
    x = Mixture(rng.dirichlet(np.ones(3)), climbing_family.example(rng, 3)).sample(400, rng=rng)
    try:
        climbing_family.check_points(x, {})
    except InputError:  # a draw may round to zero, which laws with a density there do not take
        x = np.maximum(x, 1e-3)
    mixture = Mixture(rng.dirichlet(np.ones(3)), laws)
    for _ in range(25):
        shares = mixture.responsibilities(x) / len(x)
        after = Mixture(shares.sum(axis=0), mixture.components.m_step(x, shares))
        assert after.log_density(x).mean() >= mixture.log_density(x).mean() - 1e-12
        mixture = after


def test_bic_finds_the_number_of_components(rng):
    x = TRUTHS["poisson"].sample(3000, rng=rng)
    seen = []
    fit = FamilyEM().fit(Samples(x), "poisson", rng=0, progress=seen.append)
    assert len(fit.mixture) == 3
    assert [c.k for c in fit.candidates] == list(range(1, len(fit.candidates) + 1))
    assert fit.criterion == min(c.criterion for c in fit.candidates)
    n, free = len(x), 2 + 3
    assert fit.criterion == pytest.approx(-2 * fit.log_likelihood + free * np.log(n) / n, rel=1e-12)
    assert seen
    assert seen[-1].step >= 1


def test_fixed_parameters_stay(rng):
    x = TRUTHS["student"].sample(1000, rng=rng)
    fit = FamilyEM(fixed={"df": 4.0}).fit(Samples(x), "student", k=2, rng=0)
    assert fit.mixture.components.df == 4.0
    y = TRUTHS["gamma"].sample(1000, rng=rng)
    shaped = FamilyEM(fixed={"shapes": 2.0}).fit(Samples(y), "gamma", k=2, rng=0)
    np.testing.assert_array_equal(shaped.mixture.components.shapes, 2.0)
    both = FamilyEM(fixed={"0.shapes": 2.0}).fit(Samples(np.column_stack([y, y])), "gamma,gamma", k=2, rng=0)
    np.testing.assert_array_equal(both.mixture.components.factors[0].shapes, 2.0)
    assert (both.mixture.components.factors[1].shapes != 2.0).all()
    with pytest.raises(InputError, match="can hold shapes fixed"):
        FamilyEM(fixed={"0.scales": 2.0}).fit(Samples(np.column_stack([y, y])), "gamma,gamma", k=2)


def test_free_parameters_are_counted(rng):
    student = StudentT.example(rng, 4)
    assert student.free_parameters() == 4 * (3 + 6) + 1
    assert student.free_parameters(("df",)) == 4 * 9
    assert Gamma.example(rng, 4).free_parameters() == 8
    assert Gamma.example(rng, 4).free_parameters(("shapes",)) == 4
    product = Product((Gamma.example(rng, 4), Poisson.example(rng, 4)))
    assert product.free_parameters() == 12
    assert product.free_parameters(("factors", "0.shapes")) == 8


def test_one_component_is_maximum_likelihood(rng):
    x = rng.gamma(3.0, 2.0, 2000)
    fit = FamilyEM().fit(Samples(x), "gamma", k=1)
    shape, _, scale = stats.gamma.fit(x, floc=0)
    assert fit.mixture.components.shapes[0] == pytest.approx(shape, rel=1e-6)
    assert fit.mixture.components.scales[0] == pytest.approx(scale, rel=1e-6)
    y = rng.standard_t(4.0, 2000) * 2 + 1
    df, loc, scale = stats.t.fit(y)
    law = FamilyEM(tol=1e-13).fit(Samples(y), "student", k=1).mixture.components
    assert law.df == pytest.approx(df, rel=1e-3)
    assert law.locs[0, 0] == pytest.approx(loc, abs=1e-3)
    assert law.scales[0, 0, 0] == pytest.approx(scale**2, rel=1e-3)


def test_student_em_meets_a_slow_reference(rng):
    """Plain ECM for the t mixture (Peel and McLachlan 2000), one loop a formula, run ten times as long."""
    x = TRUTHS["student"].sample(500, rng=rng)
    fast = FamilyEM(tol=1e-13, max_iter=500).fit(Samples(x), "student", k=2, rng=0)
    start = fast.mixture.components  # the reference begins next to it, so that both climb one hill
    weights, locs, df = np.array([0.5, 0.5]), start.locs + 0.2, 8.0
    scales = start.scales * 1.3
    from scipy.special import digamma

    for _ in range(800):
        joint = np.stack(
            [w * stats.multivariate_t(m, s, df=df).pdf(x) for w, m, s in zip(weights, locs, scales, strict=True)],
            axis=1,
        )
        r = joint / joint.sum(axis=1, keepdims=True)
        y = x[:, None, :] - locs
        u = (df + 2) / (df + np.einsum("nki,kij,nkj->nk", y, np.linalg.inv(scales), y))
        weights = r.mean(axis=0)
        locs = np.einsum("nk,ni->ki", r * u, x) / (r * u).sum(axis=0)[:, None]
        y = x[:, None, :] - locs
        scales = np.einsum("nk,nki,nkj->kij", r * u, y, y) / r.sum(axis=0)[:, None, None]
        level = (r * (np.log(u) - u)).sum() / len(x) + digamma((df + 2) / 2) - np.log((df + 2) / 2)
        df = optimize.brentq(lambda v: np.log(v / 2) - digamma(v / 2) + 1 + level, 2.01, 1e4)
    slow = Mixture(weights, StudentT(locs, scales, df)).log_density(x).mean()
    assert fast.log_likelihood == pytest.approx(slow, rel=1e-9)
    assert fast.mixture.components.df == pytest.approx(df, rel=1e-3)
    np.testing.assert_allclose(fast.mixture.components.locs, locs, atol=1e-4)
    np.testing.assert_allclose(fast.mixture.components.scales, scales, rtol=1e-3, atol=1e-4)


def test_heavy_and_light_tails_come_to_rest_at_the_bounds(rng):
    with pytest.warns(AccuracyWarning, match="no finite covariance"):
        heavy = FamilyEM().fit(Samples(rng.standard_cauchy(1000)), "student", k=1)
    assert heavy.mixture.components.df == 2.01
    assert "no finite covariance" in heavy.notes[0]
    with pytest.warns(AccuracyWarning, match="look Gaussian"):
        light = FamilyEM().fit(Samples(rng.uniform(-1, 1, 1000)), "student", k=1)
    assert light.mixture.components.df > 1e4
    assert "look Gaussian" in light.notes[0]


def test_fits_scale_with_the_unit(rng):
    x = TRUTHS["gamma"].sample(1000, rng=rng)
    one = FamilyEM().fit(Samples(x), "gamma", k=2, rng=0)
    for unit in (2.0**-26, 2.0**26):
        other = FamilyEM().fit(Samples(unit * x), "gamma", k=2, rng=0)
        np.testing.assert_allclose(other.mixture.mean(), unit * one.mixture.mean(), rtol=1e-6)
        assert other.log_likelihood == pytest.approx(one.log_likelihood - np.log(unit), rel=1e-8)


@pytest.mark.parametrize("name", ["gaussian", "diagonal"])
def test_gaussian_steps_are_those_of_the_compiled_pass(name, rng):
    """Two programs, one optimum: the family's own M step and `EM`'s."""
    x = Samples(TRUTHS[name].sample(2000, rng=rng))
    own = FamilyEM(tol=1e-12).fit(x, name, k=2, rng=0)
    compiled = EM(reg=0.0, tol=1e-12).fit(x, name, k=2, rng=0)
    assert own.log_likelihood == pytest.approx(compiled.log_likelihood, abs=1e-9)
    assert own.criterion == pytest.approx(compiled.criterion, abs=1e-9)


def test_a_product_with_a_gaussian_factor_fits_by_the_verb(rng):
    truth = TRUTHS["gaussian,poisson"]
    found = fit(truth.sample(3000, rng=rng), "gaussian,poisson", k=2, rng=0).mixture
    order = np.argsort(found.components.mean()[:, 0])
    np.testing.assert_allclose(found.components.mean()[order], truth.components.mean(), atol=0.2)
    np.testing.assert_allclose(found.components.cov()[order], truth.components.cov(), atol=0.5)
