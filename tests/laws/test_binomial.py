"""Binomial laws: extreme numbers of trials and probabilities, fits that are told the trials, and their certificates."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from mixot import (
    AccuracyWarning,
    Bernoulli,
    Binomial,
    FamilyEM,
    InputError,
    Mixture,
    MomentSOS,
    Poisson,
    Samples,
    certify,
    distance,
    fit,
    load,
    save,
)
from mixot.families.registry import law_of
from mixot.formulas.line.counts import binomial_log_mass
from mixot.inference.natural_bound import natural_bound
from mixot.inference.null_names import null_of

ENDS = (0.0, 1e-300, 1e-9, 0.3, 1 - 1e-12, 1.0)


@pytest.mark.parametrize("n", [1, 2, 12, 300, 10_000])
@pytest.mark.parametrize("p", ENDS)
def test_laws_are_those_of_scipy(n, p):
    laws, frozen = Binomial([p], n), stats.binom(n, p)
    spots = n * p + np.sqrt(n * p * (1 - p)) * np.linspace(-9, 9, 25)
    x = np.unique(np.clip(np.floor([0, 1, n - 1, n, *spots]), 0, n))
    np.testing.assert_allclose(laws.log_prob(x[:, None])[:, 0], frozen.logpmf(x), rtol=1e-9, atol=1e-9)
    below, above = laws.tails(x, 0)
    np.testing.assert_allclose(below, frozen.cdf(x), rtol=1e-9, atol=1e-290)
    np.testing.assert_allclose(above, frozen.sf(x), rtol=1e-9, atol=1e-290)
    assert np.isneginf(laws.log_prob(np.array([[-1.0], [0.5], [n + 1.0]]))).all()


@pytest.mark.parametrize(("n", "p", "x"), [(10**9, 0.3, 300_010_000), (10**9, 1e-4, 100_300), (10**4, 0.5, 5100)])
def test_masses_keep_their_digits_where_gamma_functions_cancel(n, p, x):
    with mp.workdps(40):
        chance = mp.mpf(p)
        choose = mp.loggamma(n + 1) - mp.loggamma(x + 1) - mp.loggamma(n - x + 1)
        expected = float(choose + x * mp.log(chance) + (n - x) * mp.log1p(-chance))
    found = binomial_log_mass(np.array([float(x)]), np.array([float(n)]), np.array([p]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_many_trials_of_small_probability_are_poisson():
    far = distance(Mixture([1.0], Binomial([3e-8], 10**8)), Mixture([1.0], Binomial([5e-8], 10**8)))
    assert far == pytest.approx(distance(Mixture([1.0], Poisson([3.0])), Mixture([1.0], Poisson([5.0]))), rel=1e-6)


def test_one_trial_is_bernoulli():
    p, q = [0.0, 0.2, 1.0], [0.3, 0.9]
    np.testing.assert_allclose(Binomial(p, 1).cost(Binomial(q, 1)), Bernoulli(p).cost(Bernoulli(q)), atol=1e-15)
    np.testing.assert_array_equal(Binomial(p, 1).divergence(Binomial(q, 1)), Bernoulli(p).divergence(Bernoulli(q)))


def test_divergences_between_unlike_numbers_of_trials():
    p, q = Binomial([0.0, 0.4], 3), Binomial([0.5, 0.9], 5)
    x = np.arange(4.0)[:, None]
    log_p, log_q = p.log_prob(x)[:, 1], q.log_prob(x)
    np.testing.assert_allclose(p.divergence(q)[1], np.exp(log_p) @ (log_p[:, None] - log_q), rtol=1e-12)
    np.testing.assert_allclose(p.divergence(q)[0], -5 * np.log([0.5, 0.1]), rtol=1e-12)
    assert np.isinf(q.divergence(p)).all()


def test_trials_are_one_whole_number():
    assert Binomial([0.1, 0.2], [7, 7]).count == 7
    for trials, words in (
        ([3, 4], "one number that all"),
        (2.5, "whole number"),
        (0, "whole number"),
        (np.inf, "whole"),
    ):
        with pytest.raises(InputError, match=words):
            Binomial([0.1, 0.2], trials)
    with pytest.raises(InputError, match="one number of trials, got 3 and 4"):
        Binomial([0.1], 3).append(Binomial([0.1], 4))


# -- fits ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hits(rng):
    return Mixture([0.4, 0.6], Binomial([0.2, 0.7], 10)).sample(800, rng=rng)


def test_a_fit_is_told_the_trials_in_brackets_or_held(hits, tmp_path):
    told = fit(hits, "binomial(10)", rng=0)
    assert np.sort(told.mixture.components.probs) == pytest.approx([0.2, 0.7], abs=0.03)
    held = fit(hits, "binomial", method=FamilyEM(fixed={"trials": 10}), rng=0)
    np.testing.assert_array_equal(told.mixture.components.probs, held.mixture.components.probs)
    free = 2 * len(told.mixture) - 1  # the number of trials is none of them
    n = len(hits)
    assert told.criterion == pytest.approx(-2 * told.log_likelihood + free * np.log(n) / n)
    save(told, tmp_path / "m.json")
    again = load(tmp_path / "m.json").components
    assert isinstance(again, Binomial)
    assert again.count == 10
    np.testing.assert_array_equal(again.probs, told.mixture.components.probs)


def test_the_trials_are_never_guessed(hits):
    with pytest.raises(InputError, match=r"must be told the number of trials n.*the largest count is 10"):
        fit(hits, "binomial", k=2)
    with pytest.raises(InputError, match=r"binomial mixture of 8 trials must be at most 8; \d+ of 800 rows"):
        fit(hits, "binomial(8)", k=2)
    with pytest.raises(InputError, match="counts 0, 1, 2"):
        fit(hits + 0.5, "binomial(10)", k=2)
    with pytest.raises(InputError, match="told twice"):
        fit(hits, "binomial(10)", method=FamilyEM(fixed={"trials": 12}))
    with pytest.raises(InputError, match="known number of trials"):
        null_of("binomial mixture")


def test_more_components_than_the_trials_tell_apart_are_noted(rng):
    x = rng.binomial(3, 0.4, (300, 1))
    with pytest.warns(AccuracyWarning, match="counts of 3 trials tell at most 2 components apart, and these are 3"):
        fit(x, "binomial(3)", k=3, method=FamilyEM(tol=1e-5), rng=0)
    assert not fit(x, "binomial(3)", k=2, method=FamilyEM(tol=1e-5), rng=0).notes


def test_columns_tell_apart_what_one_does_not(rng):
    """Genotypes at twelve places: no note, though each column alone has 2 trials."""
    truth = rng.uniform(0.05, 0.95, (3, 12))
    labels = rng.integers(3, size=600)
    found = fit(rng.binomial(2, truth[labels]), "binomial(2)*12", k=3, rng=0)
    assert not found.notes
    means = found.mixture.components.mean() / 2
    nearest = np.abs(truth[:, None] - means).max(axis=2).min(axis=1)
    assert nearest.max() < 0.12


def test_brackets_are_for_families_that_hold_one_parameter():
    assert law_of("student(5)")[1] == {"df": 5.0}
    assert law_of("gamma(2)*2,poisson")[1] == {
        "0.shapes": 2.0,
        "1.shapes": 2.0,
        "factors": ("gamma", "gamma", "poisson"),
    }
    for text, words in (
        ("poisson(3)", "hold nothing"),
        ("laplace(3)", "hold locs, scales"),
        ("gamma(a)", "one number"),
    ):
        with pytest.raises(InputError, match=words):
            law_of(text)


def test_moments_find_the_probabilities():
    truth = Mixture([0.4, 0.6], Binomial([0.2, 0.7], 10))
    found = fit(truth.moments(8), "binomial(10)", method=MomentSOS(order=4), rng=0)
    assert found.flat
    assert np.sort(found.mixture.components.probs) == pytest.approx([0.2, 0.7], abs=1e-5)


# -- certificates ----------------------------------------------------------------------------------------------------


def test_no_mixture_is_above_whatever_the_trials(rng):
    """EM from random starts; ties, weights, and probabilities at both ends."""
    for n, probs in ((1, [0.3]), (5, [0.0, 1.0, 0.5]), (300, [1e-9, 0.5, 1 - 1e-9]), (10_000, [1e-4, 0.2, 1.0])):
        x = Mixture(np.full(len(probs), 1 / len(probs)), Binomial(probs, n)).sample(60, rng=rng)
        times = rng.uniform(0.1, 5.0, 60)
        bound = natural_bound(Binomial([0.5], n), x, times, gap=0.01)
        assert bound.gap <= 0.01
        best = -np.inf
        for k in (1, 2, 4, 8):
            law, weights = Binomial(rng.uniform(0.001, 0.999, k), n), np.full(k, 1 / k)
            for _ in range(40):
                shares = Mixture(weights, law).responsibilities(x) * times[:, None]
                mass = np.maximum(shares.sum(axis=0), 1e-290)
                weights, law = mass / mass.sum(), law.m_step(x, np.maximum(shares, 1e-290))
            best = max(best, float(times @ Mixture(weights, law).log_density(x)))
        assert best <= bound.upper + 1e-12 * abs(bound.upper)
        assert best > bound.upper - 3


@pytest.mark.parametrize("value", [0.0, 4.0])
def test_rounding_makes_no_fit_better_than_all(value):
    x = np.full(9, value)
    assert 0 <= certify(x, fit(x, "binomial(4)", k=2, rng=0)).gain < 1e-9


def test_the_number_of_components_is_certified(hits):
    proof = certify(hits, fit(hits, "binomial(10)", k=2, rng=0))
    assert proof.k_max == 2
    assert proof.floors is None
    assert "No Binomial mixture of any number of components" in str(proof)
    counts = np.bincount(hits[:, 0].astype(int), minlength=11)
    table = Samples(np.arange(11.0), counts=counts)
    again = certify(table, fit(table, "binomial(10)", k=2, rng=0))
    assert again.upper_bound == pytest.approx(proof.upper_bound, abs=0.3)
