"""Zero-inflated counts: the plain law where nothing is inflated, maximum likelihood by EM inside, zeros in products."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from mixot import (
    AccuracyWarning,
    FamilyEM,
    InputError,
    Mixture,
    NegativeBinomial,
    Poisson,
    Product,
    Samples,
    UnsupportedError,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    distance,
    fit,
    geodesic,
    load,
    save,
    transport_map,
)

COUNTS = np.arange(400.0)


def test_without_structural_zeros_it_is_the_plain_law():
    plain, same = Poisson([0.5, 30.0]), ZeroInflatedPoisson([0.5, 30.0], 0.0)
    np.testing.assert_allclose(same.log_prob(COUNTS[:60, None]), plain.log_prob(COUNTS[:60, None]), rtol=1e-12)
    np.testing.assert_allclose(same.cost(same), plain.cost(plain), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(same.divergence(same), plain.divergence(plain), rtol=1e-9, atol=1e-12)
    wide, alike = NegativeBinomial([0.3, 8.0], [5.0, 40.0]), ZeroInflatedNegativeBinomial([0.3, 8.0], [5.0, 40.0], 0.0)
    np.testing.assert_allclose(alike.cost(alike), wide.cost(wide), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(alike.divergence(alike), wide.divergence(wide), rtol=1e-8, atol=1e-10)


def test_nothing_but_zeros_costs_the_second_moment():
    zeros, law = ZeroInflatedPoisson([3.0], [1.0]), ZeroInflatedPoisson([3.0], [0.25])
    assert law.cost(zeros)[0, 0] == pytest.approx(0.75 * 12, rel=1e-13)
    assert zeros.quantile(np.array([0.5]), np.array([0.5]), 0)[0] == 0
    assert zeros.divergence(law)[0, 0] == pytest.approx(-np.log(0.25 + 0.75 * np.exp(-3)), rel=1e-12)
    assert law.divergence(zeros)[0, 0] == np.inf


def test_quantiles_are_exact_at_every_rank():
    law = ZeroInflatedNegativeBinomial([0.7], [6.0], [0.3])
    below, above = law.tails(COUNTS, 0)
    np.testing.assert_array_equal(law.quantile(below, above, 0)[:250], COUNTS[:250])
    between = (below[1:] + below[:-1]) / 2
    few = below[1:] < 1 - 1e-9
    np.testing.assert_array_equal(law.quantile(between, 1 - between, 0)[few], COUNTS[1:][few])


@pytest.mark.parametrize("name", ["zero_inflated_poisson", "zero_inflated_negative_binomial"])
def test_one_component_is_maximum_likelihood(name, rng):
    if name == "zero_inflated_poisson":
        law, begin = ZeroInflatedPoisson([2.5], [0.35]), [1.0, 0.0]

        def masses(t, x):
            return stats.poisson(np.exp(t[0])).pmf(x)
    else:
        law, begin = ZeroInflatedNegativeBinomial([2.0], [4.0], [0.3]), [1.0, 0.5, 0.0]

        def masses(t, x):
            n, m = np.exp(t[1]), np.exp(t[0])
            return stats.nbinom(n, n / (n + m)).pmf(x)

    x = law.sample(np.zeros(2000, dtype=int), rng)
    found = FamilyEM(tol=1e-12).fit(Samples(x), name, k=1)
    y = x[:, 0]

    def loss(t):
        chance = 1 / (1 + np.exp(-t[-1]))
        return -np.log(chance * (y == 0) + (1 - chance) * masses(t, y)).mean()

    best = optimize.minimize(
        loss, begin, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 2000}
    )
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-8)
    assert found.mixture.components.zero_probs[0] == pytest.approx(1 / (1 + np.exp(-best.x[-1])), abs=1e-3)
    free = len(begin)
    assert found.criterion == pytest.approx(-2 * found.log_likelihood + free * np.log(2000) / 2000, rel=1e-12)


def test_mixtures_are_found_compared_moved_and_saved(rng, tmp_path):
    truth = Mixture([0.4, 0.6], ZeroInflatedPoisson([3.0, 25.0], [0.2, 0.5]))
    x = truth.sample(4000, rng=rng)
    with pytest.warns(AccuracyWarning, match="may belong to any component"):
        found = fit(x, "zero_inflated_poisson", k=2, rng=0)
    free = 1 + 2 + 1  # the rates, the share of one among the counts, and structural zeros
    assert found.criterion == pytest.approx(-2 * found.log_likelihood + free * np.log(4000) / 4000, rel=1e-12)
    assert np.diff(found.history).min() > -1e-13
    assert found.log_likelihood > truth.log_density(x).mean()
    np.testing.assert_allclose(np.sort(found.mixture.components.rates), [3.0, 25.0], rtol=0.1)
    zeros, same = (float(m.weights @ m.components.zero_probs) for m in (found.mixture, truth))
    assert zeros == pytest.approx(same, abs=0.03)
    np.testing.assert_allclose(found.mixture.cdf(COUNTS[:60]), truth.cdf(COUNTS[:60]), atol=0.02)
    assert distance(found.mixture, found.mixture) == 0.0
    moved = transport_map(truth, found.mixture, kind="random").sample(x, rng=rng)
    assert moved.mean() == pytest.approx(found.mixture.mean()[0], abs=5 * x.std() / np.sqrt(len(x)))
    save(found.mixture, tmp_path / "zip.json")
    assert load(tmp_path / "zip.json").components.zero_probs.tolist() == found.mixture.components.zero_probs.tolist()


@pytest.mark.filterwarnings("ignore:on the line structural zeros")
def test_steps_are_extrapolated_and_lead_up(rng):
    truth = Mixture([0.4, 0.6], ZeroInflatedNegativeBinomial([2.0, 3.0], [3.0, 20.0], [0.3, 0.3]))
    x = truth.sample(2000, rng=rng)
    options = FamilyEM(starts=1), FamilyEM(starts=1, fixed={"zero_probs": 0.3})
    found, fixed = (fit(x, "zero_inflated_negative_binomial", k=2, rng=0, method=each) for each in options)
    for each, method in zip((found, fixed), options, strict=True):
        assert each.status.solved
        assert each.iterations < 250  # plain steps: several hundred
        assert np.diff(each.history).min() >= 0
        again = fit(x, "zero_inflated_negative_binomial", method=replace(method, start=each, tol=1e-12))
        assert again.log_likelihood == pytest.approx(each.log_likelihood, abs=1e-6)
    np.testing.assert_array_equal(fixed.mixture.components.zero_probs, 0.3)


def test_zeros_in_a_product_are_told_from_the_counts(rng):
    factors = [
        ZeroInflatedNegativeBinomial([3.0, 3.0], m, z) for m, z in (([2.0, 20.0], [0.1, 0.6]), ([9.0, 1.0], 0.3))
    ]
    truth = Mixture([0.5, 0.5], Product([*factors, Poisson([4.0, 9.0])]))
    x = truth.sample(1500, rng=rng)
    found = fit(x, "zero_inflated_negative_binomial*2,poisson", k=2, rng=0, method=FamilyEM(tol=1e-6, starts=1))
    order = np.argsort(found.mixture.components.factors[0].means)
    np.testing.assert_allclose(found.mixture.components.factors[0].zero_probs[order], [0.1, 0.6], atol=0.1)
    held = FamilyEM(tol=1e-4, starts=1, fixed={"0.zero_probs": 0.25})
    fixed = fit(x[:300], "zero_inflated_poisson,poisson*2", k=2, rng=0, method=held)
    np.testing.assert_array_equal(fixed.mixture.components.factors[0].zero_probs, 0.25)
    assert fixed.mixture.components.factors[0].free_parameters(("zero_probs",)) == 2


@pytest.mark.filterwarnings("ignore:on the line structural zeros")
def test_a_cluster_of_zeros_is_a_component(rng):
    x = np.concatenate([np.zeros(500), rng.poisson(8.0, 500)])
    found = fit(x, "zero_inflated_poisson", k=2, rng=0).mixture
    assert np.isfinite(found.log_density(x)).all()
    assert found.log_density(x).mean() >= fit(x, "zero_inflated_poisson", k=1).log_likelihood - 1e-9


def test_what_is_not_inflated_says_so(rng):
    with pytest.warns(AccuracyWarning, match='a "poisson" mixture may do'):
        fit(rng.binomial(20, 0.2, 400), "zero_inflated_poisson", k=1)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: ZeroInflatedPoisson([1.0], [1.5]), "between 0 and 1, got 1.5 for component 0"),
        (lambda: ZeroInflatedPoisson([1.0, 2.0], [0.1, 0.2, 0.3]), "one for each of 2"),
        (lambda: ZeroInflatedPoisson([1.0], [np.nan]), "between 0 and 1"),
        (lambda: ZeroInflatedPoisson([-1.0], [0.1]), "rates must be positive"),
        (lambda: fit([0.5, 1.0], "zero_inflated_poisson", k=1), "counts 0, 1, 2"),
        (lambda: fit(np.zeros(9), "zero_inflated_poisson", k=1), "all points are zero"),
        (
            lambda: fit([0.0, 1.0], "zero_inflated_poisson", k=1, method=FamilyEM(fixed={"rate": 1})),
            "can hold zero_probs",
        ),
    ],
)
def test_bad_input_is_named(call, what):
    with pytest.raises(InputError, match=what):
        call()


def test_what_leaves_the_family_is_refused():
    p, q = (Mixture([1.0], ZeroInflatedPoisson([r], [0.3])) for r in (1.0, 4.0))
    with pytest.raises(UnsupportedError, match="leaves the family"):
        geodesic(p, q)(0.5)
    with pytest.raises(UnsupportedError, match="spreads over more"):
        ZeroInflatedPoisson([1e9], [0.1]).cost(ZeroInflatedPoisson([1.0], [0.1]))


@pytest.mark.parametrize("chance", [1.0, -0.1, np.nan])
def test_a_chance_of_zeros_that_is_held_leaves_counts(chance):
    with pytest.raises(InputError, match="at least 0 and below 1, got"):
        fit([0, 1, 4], "zero_inflated_poisson", k=1, method=FamilyEM(fixed={"zero_probs": chance}))
