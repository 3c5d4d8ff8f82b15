"""Split likelihood ratios: maxima that are maxima, levels that hold, alternatives that are laws."""

import numpy as np
import pytest

from mixot import (
    EValue,
    Exponential,
    Fit,
    Gamma,
    Gaussian,
    InputError,
    Mixture,
    Poisson,
    Product,
    Samples,
    UnsupportedError,
    fit,
    split_test,
)
from mixot.families.registry import law_of
from mixot.inference.alternatives import SmoothedCounts, fitted_mixture
from mixot.inference.mixing_bound import MixingBound
from mixot.inference.nulls import CLOSED_FORMS, GaussianMixtures, OneLaw
from mixot.inference.told_floors import Floor, told_floors

DRAWS = {
    "gaussian": lambda rng, n: rng.normal(3.0, 2.0, (n, 2)),
    "diagonal": lambda rng, n: rng.normal(3.0, [2.0, 0.1], (n, 2)),
    "binomial(6)": lambda rng, n: rng.binomial(6, 0.3, (n, 1)).astype(float),
    "exponential": lambda rng, n: rng.exponential(2.0, (n, 1)),
    "laplace": lambda rng, n: rng.laplace(-1.0, 3.0, (n, 1)),
    "lognormal": lambda rng, n: rng.lognormal(1.0, 0.5, (n, 1)),
    "poisson": lambda rng, n: rng.poisson(2.5, (n, 1)).astype(float),
    "rayleigh": lambda rng, n: rng.rayleigh(2.0, (n, 1)),
}


NAMES = ["binomial(6)" if name == "binomial" else name for name in CLOSED_FORMS]


def maximum(name, x):
    """The law of largest likelihood: NumPy's moments, or the family's own M step."""
    if name == "gaussian":
        return Gaussian([x.mean(0)], [np.cov(x.T, bias=True)])
    if name == "diagonal":
        return Gaussian([x.mean(0)], [np.diag(x.var(axis=0))])
    law, fixed = law_of(name)
    return law.start(x, np.full((len(x), 1), 1 / len(x)), fixed)


@pytest.mark.parametrize("name", NAMES)
def test_no_law_of_the_family_is_above_the_closed_form(name, rng):
    """It is reached by one law, and others near and far stay below: those of the rows moved a little."""
    x = DRAWS[name](rng, 40)
    most = OneLaw(name).most(x, x).value
    reached = maximum(name, x).log_prob(x).sum()
    assert 0 <= most - reached <= 1e-8 * abs(reached)
    for size in (1e-4, 1e-2, 1e-1):
        moved = [maximum(name, x + size * (DRAWS[name](rng, 40) - x)) for _ in range(20)]
        assert max(law.log_prob(x).sum() for law in moved) <= reached + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_level_is_kept(name, rng):
    """Members of the null: P(e >= 10) <= 0.1, and in truth far below."""
    count = sum(split_test(DRAWS[name](rng, 24), name, rng=rng).reject(0.1) for _ in range(8))
    assert count <= 1


@pytest.mark.slow
def test_the_mean_of_e_is_at_most_one(rng):
    """What an e-value is: against a law that is told, E[e] = 1 of the alternative's density, half by half."""
    null, other = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([0.3], [1.0]))
    e = [np.exp(split_test(rng.standard_normal(8), null, alternative=other, rng=rng).log_e) for _ in range(2000)]
    assert abs(np.mean(e) - 1) < 4 * np.std(e) / np.sqrt(2000)


def test_e_is_the_average_of_both_halves(rng):
    x = rng.standard_normal((40, 1)) + 5 * (np.arange(40) < 20)[:, None]
    found = split_test(x, rng=0, splits=3)
    assert found.parts.shape == (3, 2)
    assert abs(found.log_e - np.log(np.exp(found.parts).mean())) < 1e-12
    assert len(found.alternatives) == 6
    assert {len(law) for law in found.alternatives} == {2}


def test_a_half_is_what_its_definition_says(rng):
    """With a mixture that is told on both sides nothing is fitted: the likelihood ratios of halves."""
    x = rng.standard_normal((20, 1))
    null, other = Mixture([1.0], Gaussian([0.0], [1.0])), Mixture([1.0], Gaussian([1.0], [2.0]))
    found = split_test(x, null, alternative=other, rng=0)
    assert abs(found.parts.sum() - (other.log_density(x) - null.log_density(x)).sum()) < 1e-10
    order = np.random.default_rng(0).permutation(20)[:10]
    assert abs(found.parts[0, 0] - (other.log_density(x[order]) - null.log_density(x[order])).sum()) < 1e-12


def test_p_value_and_level_of_an_e_value():
    strong, weak = (EValue(log_e, np.array([[log_e, log_e]]), "one law", 9) for log_e in (np.log(40.0), -3.0))
    assert abs(strong.p_value - 1 / 40) < 1e-15
    assert (strong.reject(0.026), strong.reject(0.024)) == (True, False)
    assert weak.p_value == 1.0
    assert "log e = 3.689 from 9 rows" in str(strong)


@pytest.mark.parametrize(
    ("null", "draw", "options"),
    [
        ("one component", lambda rng: np.r_[rng.normal(0, 1, 80), rng.normal(6, 1, 80)], {}),
        ("exponential", lambda rng: rng.gamma(4.0, 1.0, 160), {"alternative": "gamma", "k": 1}),
        ("poisson", lambda rng: rng.poisson(np.repeat([1.0, 12.0], 80)), {}),
        ("poisson", lambda rng: rng.binomial(12, 0.5, 200), {"alternative": "counts"}),
        (Mixture([1.0], Gaussian([0.0], [1.0])), lambda rng: rng.normal(1.0, 1.0, 100), {}),
        (Mixture([1.0], Poisson([3.0])), lambda rng: rng.poisson(6.0, 100), {}),
        (
            Mixture([1.0], Product((Gamma([2.0], [1.0]), Poisson([4.0])))),
            lambda rng: np.c_[rng.gamma(2.0, 1.0, 90), rng.poisson(9.0, 90)],
            {"k": 1},
        ),
    ],
)
def test_what_is_no_member_is_rejected(null, draw, options, rng):
    assert split_test(draw(rng), null, rng=0, **options).reject(0.05)


@pytest.mark.parametrize(("sd", "found"), [(0.5, True), (1.0, False), (1.3, False)])
def test_any_number_of_components_above_a_floor(sd, found, rng):
    """Two components of standard deviation 0.5 are no mixture of wider ones; those of 1 and 1.3 are."""
    x = rng.normal(np.repeat([0.0, 8.0], 150), sd)
    evidence = split_test(x, "gaussian mixture, sd >= 1", rng=0)
    assert evidence.reject(0.05) == found
    assert evidence.null == "a Gaussian mixture of any number of components, every sd >= 1"
    named = split_test(x, "gaussian mixture", floor=[[1.0]], rng=0)
    assert abs(named.log_e - evidence.log_e) < 1e-9


def test_no_mixture_above_the_floor_exceeds_the_null(rng):
    """What the bound says of the rows that are tested: the law that they come from is below it, and others are."""
    x = rng.normal(np.repeat([[0.0, 0.0], [4.0, 1.0]], 30, axis=0), 1.0)
    most = GaussianMixtures(Floor.of("sd >= 1")).most(x, x).value
    for _ in range(50):
        k = int(rng.integers(1, 7))
        means = x[rng.choice(60, k, replace=False)]
        law = Mixture(rng.dirichlet(np.ones(k)), Gaussian(means, np.eye(2) * rng.uniform(1, 2, (k, 1, 1))))
        assert law.log_density(x).sum() < most


@pytest.mark.parametrize(
    ("name", "member", "stranger"),
    [
        ("poisson", lambda rng: rng.poisson(np.repeat([2.0, 15.0], 150)), lambda rng: rng.binomial(20, 0.6, 300)),
        ("binomial(20)", lambda rng: rng.binomial(20, np.repeat([0.1, 0.7], 150)), lambda rng: np.full(300, 9.0)),
        ("exponential", lambda rng: rng.exponential(np.repeat([1.0, 9.0], 150)), lambda rng: rng.gamma(4.0, 1.0, 300)),
        ("rayleigh", lambda rng: rng.rayleigh(np.repeat([1.0, 9.0], 150)), lambda rng: rng.weibull(5.0, 300)),
    ],
)
def test_any_mixture_of_a_family_of_one_parameter(name, member, stranger, rng):
    """Mixtures of the family are not rejected; narrower laws, which no mixture of it is, are."""
    null = f"{name} mixture"
    kept, lost = (split_test(draw(rng), null, rng=0) for draw in (member, stranger))
    assert not kept.reject(0.05)
    assert lost.reject(0.05)
    assert lost.null == f"{'an' if name[0] == 'e' else 'a'} {name} mixture of any number of components"


def test_a_floor_may_be_a_share_of_the_other_half(rng):
    x = rng.standard_normal((60, 2)) * [1.0, 1e3]
    np.testing.assert_allclose(Floor.of("0.5 sd").covariance(x), 0.25 * np.cov(x.T, bias=True))
    np.testing.assert_allclose(Floor.of(np.diag([4.0, 9.0])).covariance(x), np.diag([4.0, 9.0]))
    np.testing.assert_allclose(Floor.of("0.5").covariance(x), 0.25 * np.eye(2))
    a, b = (split_test(each, "gaussian mixture, sd >= 0.5 sd", rng=0) for each in (x, 1e-3 * x))
    assert abs(a.log_e - b.log_e) < 0.2  # no unit matters, but for the gap of the bound


def test_mixtures_in_many_dimensions_are_refused(rng):
    with pytest.raises(UnsupportedError, match="marginals"):
        split_test(rng.standard_normal((40, 4)), "gaussian mixture", floor="sd >= 0.5")


def test_a_fit_stands_for_its_mixture(rng):
    told = fit(rng.standard_normal(100), k=1, rng=0)
    assert isinstance(told, Fit)
    found = split_test(rng.standard_normal(40), told, rng=0)
    assert found.null == "the gaussian mixture of 1 component that was given"


def test_counts_are_rows(rng):
    x = rng.poisson(3.0, 60).astype(float)
    points, counts = np.unique(x, return_counts=True)
    a = split_test(Samples(points, counts=counts), "poisson", rng=0)
    b = split_test(np.sort(x), "poisson", rng=0)
    assert (a.n, a.log_e, a.notes) == (60, b.log_e, ())


def test_repeated_rows_are_told_where_the_null_has_a_density(rng):
    found = split_test(rng.standard_normal(60).round(1), rng=0)
    assert "repeat others" in found.notes[0]


def test_smoothed_counts_are_a_law(rng):
    law = SmoothedCounts.of(rng.poisson(3.0, (50, 1)).astype(float), rng)
    every = np.arange(400.0)[:, None]
    assert abs(np.exp(law.log_density(every)).sum() - 1) < 1e-9
    assert (law.log_density(np.array([[-1.0], [0.5]])) == -np.inf).all()
    assert np.isfinite(law.log_density(every[:40])).all()


def test_smoothed_counts_of_one_value(rng):
    law = SmoothedCounts.of(np.full((20, 1), 7.0), rng)
    assert law.log_density(np.array([[7.0]]))[0] > np.log(0.5)


def test_few_values_get_as_few_components(rng):
    assert len(fitted_mixture(np.repeat([[1.0], [2.0]], 5, axis=0), "poisson", 4, rng)) == 2


def test_halves_are_reproducible_and_told(rng):
    x, seen = rng.standard_normal((30, 2)), []
    a, b = (split_test(x, rng=3, splits=2, progress=seen.append) for _ in range(2))
    assert a.log_e == b.log_e
    assert [tick.step for tick in seen] == 2 * [1, 2, 3, 4]
    assert a.log_e != split_test(x, rng=4).log_e


@pytest.mark.parametrize(
    ("null", "options", "words"),
    [
        ("gauss", {}, "unknown family 'gauss'"),
        ("", {}, "nulls are"),
        ("sd > 1", {}, "got 'sd > 1'; a floor is written \"sd >= 0.5\""),
        ("gaussian mixture, sd > 1", {}, 'a floor is written "sd >= 0.5"'),
        ("gaussian mixture", {"floor": True}, "floor must be a text"),
        (3, {}, "got int"),
        ("one component", {"alternative": 3}, "alternative must be"),
        ("one component", {"alternative": "gauss"}, "unknown family"),
        ("one component", {"alternative": "poisson"}, "must be counts"),
        ("one component", {"splits": 0}, "splits"),
        ("one component", {"alternative": "counts", "k": 2}, "leave k out"),
        ("one component", {"alternative": Mixture([1.0], Gaussian([0.0], [1.0])), "k": 2}, "leave k out"),
        (Mixture([1.0], Exponential([1.0])), {}, "no mass at some"),
        (Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])), {}, "shape"),
        ("exponential", {}, "exponential"),
        ("gauss mixture", {}, "unknown family"),
        ("gaussian mixture", {}, "least standard deviation"),
        ("gaussian mixture, sd >= 1", {"floor": 1.0}, "once"),
        ("gaussian mixture, sd >= -1", {}, "a floor in words is"),
        ("gaussian mixture", {"floor": 0.5}, "say .sd >= 0.5"),
        ("gaussian mixture", {"floor": np.eye(2)}, "dimension 2, the data of 1"),
        ("gaussian mixture", {"floor": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite"),
        ("gaussian mixture", {"floor": np.ones((1, 2))}, "shape"),
        ("gaussian mixture", {"floor": "wide"}, "a floor in words is"),
        ("one component", {"floor": 1.0}, "leave it out"),
        ("poisson mixture", {"floor": 1.0}, "leave it out"),
    ],
)
def test_what_cannot_be_tested_is_told(null, options, words):
    x = np.r_[-1.0, np.arange(19) % 7]
    with pytest.raises(InputError, match=words):
        split_test(x, null, rng=0, **options)


def test_masses_are_not_held_against_densities():
    with pytest.raises(InputError, match="masses of integers in 0 of 1 columns and the alternative in 1 of 1"):
        split_test(np.arange(19.0) % 7, alternative="poisson", rng=0)


def test_few_rows_are_told():
    with pytest.raises(InputError, match="at least 8 rows, got 7"):
        split_test(np.arange(7.0))


@pytest.mark.parametrize(
    ("null", "words"),
    [
        ("gamma", "no closed form"),
        ("gamma(2)", "no closed form"),
        ("bernoulli", "every law on 0 and 1"),
        ("gamma mixture", "no bound"),
    ],
)
def test_nulls_without_a_maximum_are_refused(null, words):
    with pytest.raises(UnsupportedError, match=words):
        split_test(np.arange(1.0, 20.0) % 2, null)


@pytest.mark.parametrize("seed", range(5))
def test_a_floor_of_no_spread_gives_no_evidence(seed):
    """Most of the rows are one: a half of them has no spread that a floor could be a share of, and e = 0 is valid."""
    x = np.r_[np.zeros((12, 2)), np.eye(2)]
    found = split_test(x, "gaussian mixture, sd >= 0.4 sd", rng=seed)
    assert found.p_value == 1
    assert np.isneginf(found.parts).any()
    flat = np.isneginf(found.parts).sum()
    assert f"in {flat} of 2 halves the rows whose spread the floor is a share of vary in too few" in found.notes[0]


@pytest.mark.parametrize("null", ["one component", "diagonal", "laplace"])
def test_halves_without_spread_are_told(null):
    x = np.r_[np.zeros((15, 1)), [[1.0]]]
    found = split_test(x, null, k=1, rng=0)
    assert np.isneginf(found.parts).sum() == 1
    assert "in 1 of 2 halves the rows vary in too few directions" in found.notes[0]


def test_p_values_are_above_zero_however_large_the_evidence(rng):
    found = split_test(np.r_[rng.normal(0, 1, 500), rng.normal(60, 1, 500)], rng=0)
    assert found.log_e > 800
    assert 0 < found.p_value < 1e-300
    assert "p < 1e-300" in str(found)
    assert EValue(np.inf, np.full((1, 2), np.inf), "", 1).p_value > 0


def test_loose_bounds_are_told(rng, monkeypatch):
    """The level holds, but power is lost: people should know."""
    x = rng.normal(0, 1, 60)
    assert not split_test(x, "gaussian mixture, sd >= 0.5", rng=0).notes
    monkeypatch.setattr("mixot.inference.nulls.mixing_bound", lambda *args, **options: MixingBound(9.0, 5.5, 1, 1))
    notes = split_test(x, "gaussian mixture, sd >= 0.5", rng=0).notes
    assert "in 2 of 2 halves the bound of the null is loose, by up to 3.5 nats" in notes[0]
    monkeypatch.setattr("mixot.inference.nulls.natural_bound", lambda *args, **options: MixingBound(9.0, 5.5, 1, 1))
    assert "loose, by up to 3.5 nats" in split_test(rng.poisson(3.0, 60), "poisson mixture", rng=0).notes[0]


def test_articles():
    assert split_test(np.arange(1.0, 20), "exponential mixture", k=1, rng=0).null.startswith("an exponential mixture")


def test_floors_that_are_none_are_told():
    for value in (None, True):
        with pytest.raises(InputError, match="floors must be one of common, shapes, a variance"):
            told_floors(value, np.zeros((3, 2)), np.ones(3))


def test_one_rule_for_floors():
    """Arrays are covariances and texts standard deviations, whoever asks; a number that was an sd once is refused."""
    x, once = np.array([[0.0], [2.0], [2.0]]), np.ones(3)
    for told in ("sd >= 0.5", "0.5", [[0.25]]):
        np.testing.assert_allclose(Floor.of(told).covariance(x), [[0.25]])
        np.testing.assert_allclose(told_floors(told, x, once), [[[0.25]]])
    np.testing.assert_allclose(told_floors(0.25, x, once), [[[0.25]]])
    np.testing.assert_allclose(told_floors(["0.5 sd", 1.0], x, np.array([2.0, 1.0, 1.0])), [[[0.25]], [[1.0]]])
    for ambiguous in (0.5, [0.5], np.array([2.0, 3.0])):
        with pytest.raises(InputError, match='say "sd >= '):
            Floor.of(ambiguous)
    for wrong in ("wide", "sd >= -1", "nan sd"):
        with pytest.raises(InputError, match="a floor in words is"):
            told_floors(wrong, x, once)
