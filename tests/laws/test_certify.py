"""Certificates: what is proven of all mixtures holds for each, and is said as it is."""

import numpy as np
import pytest
from scipy.special import gammaln

from mixot import (
    AccuracyWarning,
    Bernoulli,
    Binomial,
    DiagonalGaussian,
    Exponential,
    Gaussian,
    Mixture,
    Poisson,
    Rayleigh,
    Samples,
    SolveError,
    certify,
    fit,
)
from mixot.families.roles import Natural, require
from mixot.inference.certificate import at_least, at_most
from mixot.inference.floors import common_floor, is_above
from mixot.inference.natural_bound import natural_bound

LAWS = {
    "poisson": Mixture([0.4, 0.6], Poisson([1.5, 8.0])),
    "exponential": Mixture([0.3, 0.7], Exponential([0.2, 3.0])),
    "rayleigh": Mixture([0.5, 0.5], Rayleigh([1.0, 6.0])),
    "bernoulli": Mixture([1.0], Bernoulli([0.3])),
    "binomial": Mixture([0.3, 0.7], Binomial([0.15, 0.6], 12)),
}


def separated(rng, n=300, d=1, k=2):
    means = 8.0 * np.arange(k)[:, None] * np.ones(d)
    return Mixture(np.full(k, 1 / k), Gaussian(means, np.stack([np.eye(d)] * k))).sample(n, rng=rng)


def test_the_families_are_exponential_in_their_natural_parameter(natural_family, rng):
    laws = natural_family.example(rng, 4)
    x = laws.sample(np.repeat(np.arange(4), 50), rng)
    role = require(laws, Natural)
    statistic, base = role.statistic(x), role.log_base(x)
    mean = np.array([role.statistic(laws.sample(np.full(200_000, k), rng)).mean() for k in range(4)])
    theta = role.natural_of_mean(mean)  # near the components' own
    again = role.of_natural(theta)
    assert type(again) is natural_family
    direct = statistic[:, None] * theta - role.log_partition(theta) + base[:, None]
    np.testing.assert_allclose(direct, again.log_prob(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(again.mean(), laws.mean(), rtol=0.03)
    step = 1e-6 * np.abs(theta) + 1e-9
    slope = (role.log_partition(theta + step) - role.log_partition(theta - step)) / (2 * step)
    np.testing.assert_allclose(slope, mean, rtol=1e-4)


@pytest.mark.parametrize("name", LAWS)
def test_no_mixture_of_a_family_of_one_parameter_is_above(name, rng):
    p = LAWS[name]
    x, family = p.sample(400, rng=rng), type(p.components)
    bound = natural_bound(p.components, x, gap=0.05)
    assert bound.lower <= bound.upper <= bound.lower + 0.05
    assert bound.mixture is not None
    assert bound.mixture.log_density(x).sum() == pytest.approx(bound.lower, abs=1e-6)
    best = -np.inf
    for k in (1, 3, 6):
        start = x[rng.choice(len(x), k)] * rng.uniform(0.8, 1.2, (k, 1)) + 1e-3
        law = family.example(rng, k).m_step(x, np.exp(-((x - start.T) ** 2)) + 1e-3)
        weights = np.full(k, 1 / k)
        for _ in range(60):
            shares = Mixture(weights, law).responsibilities(x)
            weights, law = shares.mean(axis=0), law.m_step(x, shares)
        best = max(best, float(Mixture(weights / weights.sum(), law).log_density(x).sum()))
    assert bound.upper - 10 < best <= bound.upper


@pytest.mark.parametrize("far", [3e3, 1e5, 1e7])
@pytest.mark.parametrize("near", [0.0, 2.0])
def test_no_mixture_is_above_where_points_are_far_apart(near, far, rng):
    """Between far parameters D is smaller than any float, not zero: its logarithm bounds what lies between."""
    x = np.concatenate([rng.poisson(near, 20), rng.poisson(far, 20)]).astype(float)[:, None]
    bound = natural_bound(Poisson, x, gap=0.05)
    values, times = np.unique(x, return_counts=True)
    for rates in (values, np.array([x[:20].mean(), x[20:].mean()])):
        weights = times / 40 if len(rates) == len(values) else [0.5, 0.5]
        attack = Mixture(weights, Poisson(np.maximum(rates, 1e-12)))
        assert attack.log_density(x).sum() <= bound.upper
    assert bound.gap <= 0.05
    assert bound.mixture.log_density(x).sum() == pytest.approx(bound.lower, abs=1e-6)


@pytest.mark.parametrize("law", [Exponential, Rayleigh])
@pytest.mark.parametrize("reach", [1.0, 1e9])
def test_bounds_of_scale_families_know_no_unit(law, reach, rng):
    x = np.concatenate([rng.exponential(size=15), reach * rng.exponential(size=15)])[:, None]
    plain = natural_bound(law, x, gap=0.01)
    assert plain.gap <= 0.01
    for scale in (1e-40, 1e8, 1e40):
        bound = natural_bound(law, scale * x, gap=0.01)
        assert bound.gap <= 0.01
        assert bound.upper + 30 * np.log(scale) == pytest.approx(plain.upper, abs=0.01)


def test_a_bound_below_the_fit_is_never_told(monkeypatch, rng):
    wrong = natural_bound(Poisson, np.array([[0.0], [1.0]]))
    monkeypatch.setattr("mixot.inference.certification.natural_bound", lambda *given, **options: wrong)
    with pytest.raises(SolveError, match="is below the fit's own log-likelihood"):
        certify(np.zeros((3, 1)), Mixture([1.0], Poisson([1e-3])))


def test_what_is_shown_holds_for_what_was_proven():
    assert (at_most(0.67814), at_most(0.054883), at_most(-3.2555), at_most(8.0)) == ("0.679", "0.0549", "-3.25", "8")
    assert (at_least(7.74617, 5), at_least(-3.2555), at_least(2322.19, 4)) == ("7.7461", "-3.26", "2322")


def test_shared_covariances_cost_less_and_the_sentence_says_at_what_price(rng):
    x = separated(rng, d=2)
    free, tied = (fit(x, k=2, structure=structure, rng=0) for structure in ("full", "tied"))
    assert "at 6 parameters each, are worse by BIC" in str(certify(x, free, c=0.9))
    assert "at 3 parameters each" in str(certify(x, tied, c=0.9))


def test_equal_counts_have_the_bound_of_their_own_law():
    bound = natural_bound(Poisson, np.full((6, 1), 4.0), gap=1e-6)
    assert bound.upper == pytest.approx(6 * (4 * np.log(4) - 4 - gammaln(5)))
    assert natural_bound(Poisson, np.zeros((6, 1))).upper == pytest.approx(0, abs=1e-9)


def test_one_gaussian_is_the_best_of_all_mixtures_above_its_own_variance_for_a_flat_sample():
    # for data whose cumulant generating function is below that of a Gaussian of their variance, as of a uniform law
    x = np.linspace(-1.0, 1.0, 101)
    own = Mixture([1.0], Gaussian([0.0], [np.mean(x**2)]))
    proof = certify(x, own, floors=np.mean(x**2), gap=0.005)
    assert -1e-9 <= proof.gain <= 0.01
    assert proof.k_max == 1


def test_a_bernoulli_law_is_the_best_of_its_mixtures(rng):
    x = (rng.random(500) < 0.3).astype(float)
    proof = certify(x, Mixture([1.0], Bernoulli([x.mean()])), gap=0.005)
    assert 0 <= proof.gain <= 0.01
    assert proof.k_max == 1


def test_the_best_mixture_that_was_found_has_nothing_to_gain(rng):
    x = separated(rng, n=150, d=2)
    floor = 0.8 * np.eye(2)
    first = certify(x, fit(x, k=2, rng=0), floors=floor, gap=0.005)
    assert first.reference is not None
    assert first.reference.log_density(x).sum() == pytest.approx(first.upper_bound - first.gap, abs=1e-6)
    again = certify(x, first.reference, floors=floor, gap=0.005)
    assert -1e-9 <= again.gain <= 0.01


@pytest.mark.parametrize("d", [1, 2])
def test_separate_clusters_are_all_there_is(d, rng):
    x = separated(rng, n=600, d=d, k=3)
    found = fit(x, k=3, rng=0)
    proof = certify(x, found, c=0.9)
    assert proof.k_max == 3
    assert proof.gap <= 0.3
    assert proof.log_likelihood == pytest.approx(len(x) * found.log_likelihood, abs=0.05)
    one = certify(x, fit(x, k=2, rng=0), c=0.9)
    assert one.k_max >= 3


def test_the_critical_floor_is_where_the_next_component_is_no_longer_excluded(rng):
    x = separated(rng)
    found = fit(x, k=2, rng=0)
    proof = certify(x, found)
    at = proof.critical_floor
    assert at is not None
    assert certify(x, found, c=at).k_max == 2
    assert certify(x, found, c=at / 1.1, gap=0.01).k_max > 2
    factors = [rung.factor for rung in proof.rungs]
    assert factors == sorted(factors, reverse=True)
    assert at in factors
    assert 0.5 in factors
    assert np.all(np.diff([rung.upper_bound for rung in proof.rungs]) >= 0)
    assert all((rung.k_max == 2) == (rung.factor >= at) for rung in proof.rungs)


def test_numbers_of_components_are_priced_by_the_criterion(rng):
    x = separated(rng)
    found = fit(x, k=2, rng=0)
    by = {name: certify(x, found, c=0.25, criterion=name) for name in ("bic", "aic", "icl")}
    assert by["bic"].price == pytest.approx(1.5 * np.log(300))
    assert by["aic"].price == 3
    assert by["aic"].k_max >= by["bic"].k_max
    assert by["icl"].entropy > 0 == by["bic"].entropy
    rivals = by["bic"].rivals(4)
    assert [rival.k for rival in rivals] == [2, 3, 4, 5, 6]
    assert rivals[0].criterion == pytest.approx(found.criterion, abs=1e-3)
    for rival in rivals[1:]:
        assert rival.excluded == (by["bic"].gain < rival.needed) == (rival.k > by["bic"].k_max)
        assert rival.excluded == (rival.criterion > rivals[0].criterion)


def test_structures_are_seen_by_the_covariances(rng):
    x = separated(rng, d=2)
    price = np.log(300) / 2
    shapes = {"full": 6, "diagonal": 5, "spherical": 4, "tied": 3}
    for structure, each in shapes.items():
        found = fit(x, k=2, structure=structure, rng=0)
        proof = certify(x, found, c=0.9)
        assert proof.price == pytest.approx(each * price)
        assert proof.rivals(1)[0].criterion == pytest.approx(found.criterion, abs=1e-3)


def test_gaussians_of_known_covariance_need_no_floor_but_their_own(rng):
    x = separated(rng)
    known = Mixture([0.5, 0.5], Gaussian([0.0, 8.0], [1.0, 1.0]))
    proof = certify(x, known, floors=1.0)
    assert proof.price == pytest.approx(np.log(300))
    assert any("known covariance" in note for note in proof.notes)
    assert certify(x, known, floors=0.5).price > 0


def test_shapes_bound_what_the_common_floor_does_not_exclude(rng):
    means, covs = np.array([[0.0, 0.0], [6.0, 0.0]]), np.array([np.diag([1.0, 0.1]), np.diag([0.1, 1.0])])
    x = Mixture([0.5, 0.5], Gaussian(means, covs)).sample(400, rng=rng)
    found = fit(x, k=2, rng=0)
    common, shapes = (certify(x, found, floors=kind, c=0.8, gap=0.1) for kind in ("common", "shapes"))
    assert shapes.floors.shape == (2, 2, 2)
    assert shapes.gain < common.gain + 0.1
    assert is_above(found.mixture.components.cov(), shapes.floors)


def test_counts_and_weights_of_zero(rng):
    x = np.round(separated(rng), 1)
    values, counts = np.unique(x[:, 0], return_counts=True)
    found = fit(x, k=2, rng=0)
    by_rows = certify(x, found, c=0.5, gap=0.02)
    by_counts = certify(Samples(values, counts=counts), found, c=0.5, gap=0.02)
    assert by_counts.upper_bound == pytest.approx(by_rows.upper_bound, abs=0.021)
    assert by_counts.price == by_rows.price
    weights = np.append(np.full(len(x), 1 / len(x)), 0.0)
    with_nothing = certify(Samples(np.append(x, [[500.0]], axis=0), weights), found, c=0.5, gap=0.02)
    assert with_nothing.upper_bound == pytest.approx(by_rows.upper_bound, abs=0.021)


def test_units_and_columns_do_not_matter(rng):
    pd = pytest.importorskip("pandas")
    x = separated(rng, d=2)
    frame = pd.DataFrame(x, columns=["a", "b"])
    found = fit(frame, k=2, rng=0)
    plain = certify(frame, found, c=0.5, gap=0.02)
    turned = certify(frame[["b", "a"]], found, c=0.5, gap=0.02)
    assert turned.upper_bound == pytest.approx(plain.upper_bound, abs=0.021)
    moved = certify(1e5 * x - 7.0, found.mixture.named(None).affine(1e5, -7.0), c=0.5, gap=0.02)
    assert moved.gain == pytest.approx(plain.gain, abs=0.05)
    assert moved.k_max == plain.k_max


def test_the_common_floor_is_below_all_and_the_largest(rng):
    for d in (2, 3):
        roots = rng.standard_normal((4, d, d + 2))
        covs = roots @ roots.swapaxes(1, 2)
        floor = common_floor(covs)
        gaps = np.linalg.eigvalsh(covs - floor)[:, 0]
        assert gaps.min() >= -1e-9 * np.abs(covs).max()
        assert gaps.min() <= 1e-3 * np.abs(covs).max()  # it touches at least one
        for _ in range(50):  # no small change that stays below all of them has a larger determinant
            change = 1e-3 * rng.standard_normal((d, d))
            other = floor + np.abs(floor).max() * (change + change.T) / 2
            share = min(np.linalg.eigvals(np.linalg.solve(other, cov)).real.min() for cov in covs)
            if share > 0:
                assert np.linalg.slogdet(min(share, 1.0) * other)[1] <= np.linalg.slogdet(floor)[1] + 1e-4


def test_it_says_what_it_proves(rng):
    x = separated(rng)
    text = str(certify(x, fit(x, k=2, rng=0)))
    assert "No Gaussian mixture of any number of components, with standard deviations of at least" in text
    assert "improves this fit of 2 by more than" in text
    assert "Among them, all with more components, at 3 parameters each, are worse by BIC." in text
    assert "must hold one whose variance is below" in text
    poor = Mixture([1.0], Gaussian([4.0], [20.0]))
    assert "are not excluded" in str(certify(x, poor, c=0.1))
    counts = LAWS["poisson"].sample(300, rng=rng)
    assert str(certify(counts, LAWS["poisson"])).startswith("No Poisson mixture of any number of components improves")


def test_what_the_data_did_is_noted(rng):
    x = separated(rng)
    found = fit(x, k=2, rng=0)
    above = certify(x, found, floors=9.0)
    assert any("outside" in note for note in above.notes)
    assert above.gain < 0
    assert above.k_max == 2
    assert "above the bound" in str(above)
    coarse = np.round(x)
    assert any("rounded" in note for note in certify(coarse, found, floors=2.0).notes)
    with pytest.warns(AccuracyWarning, match="narrower than its step"):
        certify(coarse, found, floors=0.1)
    flat = certify(np.full(9, 3.0), found, floors=0.5)
    assert any("one value" in note for note in flat.notes)
    assert flat.upper_bound == pytest.approx(-4.5 * np.log(np.pi), abs=0.31)
    diagonal = Mixture([1.0], DiagonalGaussian([[4.0]], [[20.0]]))
    assert certify(x, diagonal, c=0.5).family == "Gaussian"
