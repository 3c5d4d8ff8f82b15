"""Mixtures of t laws by compiled passes: the step is the family's own, tails are common or each component's."""

import numpy as np
import pytest
from scipy import stats

from mixot import AccuracyWarning, FamilyEM, InputError, Mixture, Samples, Status, StudentT, fit, load, save
from mixot.families.elliptical.student_em import EACH, log_norms
from mixot.fitting.likelihood.ascent import Ascent

PLANE = np.stack([np.eye(2), [[1.0, 0.4], [0.4, 0.3]]])
UNLIKE = Mixture([0.5, 0.5], StudentT([[0.0, 0.0], [8.0, 1.0]], PLANE, [2.6, 40.0]))


@pytest.mark.parametrize("d", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("fixed", [(), (EACH,), ("df",)], ids=["common", "each", "fixed"])
def test_the_compiled_step_is_the_written_one(d, fixed, rng):
    k, n = 3, 531  # three blocks of points, the last one not full
    root = rng.standard_normal((k, d, d + 1))
    df = 6.0 if fixed == () else np.array([3.0, 7.0, 50.0])
    laws = StudentT(rng.standard_normal((k, d)), root @ root.swapaxes(1, 2), df)
    mixture, x, weights = Mixture([0.2, 0.3, 0.5], laws), 3 * rng.standard_normal((n, d)), rng.dirichlet(np.ones(n))
    likelihood, mass, after = StudentT.em_steps(x, weights, fixed).step(mixture.weights, laws)
    shares = mixture.responsibilities(x) * weights[:, None]
    assert likelihood == pytest.approx(weights @ mixture.log_density(x), rel=1e-12)
    np.testing.assert_allclose(mass, shares.sum(axis=0), rtol=1e-12)
    slow = laws.m_step(x, shares, fixed)
    np.testing.assert_allclose(after.locs, slow.locs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(after.scales, slow.scales, rtol=1e-9, atol=1e-12)
    if fixed:  # a common one the written step moves on
        np.testing.assert_allclose(after.dfs, slow.dfs, rtol=1e-8)


def test_nothing_moves_a_component_that_holds_nothing(rng):
    laws = StudentT([[0.0, 0.0], [5.0, 1.0]], PLANE, [4.0, 5.0])
    x = rng.standard_normal((50, 2))
    _, mass, after = StudentT.em_steps(x, np.full(50, 0.02), (EACH,)).step(np.array([1.0, 0.0]), laws)
    assert mass.tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(after.locs[1], laws.locs[1])
    assert after.dfs[1] == 5.0


def test_leaps_arrive_where_plain_steps_do(rng):
    x = Mixture([0.4, 0.6], StudentT([0.0, 4.0], [1.0, 0.5], 3.0)).sample(600, rng=rng)
    start = Mixture([0.5, 0.5], StudentT([-1.0, 5.0], [1.0, 1.0], 8.0))
    steps = StudentT.em_steps(x, np.full(600, 1 / 600))
    leaping, history, status = Ascent(steps, 1e-13, 3000, "em", None).climb(start, [])

    class Plain:
        step, ahead = steps.step, staticmethod(lambda states, longest, other: None)

    plain, slow, _ = Ascent(Plain, 1e-13, 3000, "em", None).climb(start, [])
    assert status is Status.CONVERGED
    assert np.diff(history).min() >= -1e-14
    assert len(history) < 0.4 * len(slow)
    assert history[-1] == pytest.approx(slow[-1], abs=1e-10)
    np.testing.assert_allclose(leaping.components.locs, plain.components.locs, atol=2e-3)


def test_each_component_finds_its_own_tails():
    x = UNLIKE.sample(3000, rng=1)
    common = fit(x, "student", k=2, rng=0)
    each = fit(x, "student", k=2, rng=0, method=FamilyEM(df="each", tol=1e-8))
    assert isinstance(common.mixture.components.df, float)
    heavy, light = each.mixture.components.dfs[np.argsort(each.mixture.components.locs[:, 0])]
    assert 2.2 < heavy < 3.1
    assert light > 15
    assert each.log_likelihood > UNLIKE.log_density(x).mean() > common.log_likelihood
    assert each.criterion < common.criterion
    free = 1 + 2 * 5 + 2
    assert each.criterion == pytest.approx(-2 * each.log_likelihood + free * np.log(3000) / 3000, rel=1e-12)


def test_each_reaches_the_maximum_on_one_component(rng):
    x = 2 * rng.standard_t(4.0, 2000) + 1
    df, loc, scale = stats.t.fit(x)
    law = FamilyEM(tol=1e-13, df="each").fit(Samples(x), "student", k=1).mixture.components
    assert law.df == pytest.approx(df, rel=1e-3)
    assert law.locs[0, 0] == pytest.approx(loc, abs=1e-3)
    assert law.scales[0, 0, 0] == pytest.approx(scale**2, rel=1e-3)


def test_bic_finds_k_and_says_which_tails_rest_at_a_bound(rng):
    x = np.concatenate([rng.standard_cauchy((300, 1)), 60 + rng.uniform(-1, 1, (300, 1))])
    with pytest.warns(AccuracyWarning, match=r"df of components \[\d\] is"):
        found = fit(x, "student", k=2, rng=0, method=FamilyEM(df="each", tol=1e-7))
    heavy = int(np.argmin(found.mixture.components.locs[:, 0]))
    assert f"df of components [{heavy}] is at its lower bound 2.01" in " ".join(found.notes)
    looser = FamilyEM(df="each", tol=1e-6, starts=2, k_max=3)
    assert len(fit(UNLIKE.sample(800, rng=2), "student", rng=0, method=looser).mixture) == 2


def test_unlike_tails_are_kept_by_everything_that_a_mixture_does(rng, tmp_path):
    laws = UNLIKE.components
    for k, df in enumerate(laws.dfs):
        law = stats.multivariate_t(laws.locs[k], laws.scales[k], df=df)
        x = rng.standard_normal((20, 2))
        np.testing.assert_allclose(laws.log_prob(x)[:, k], law.logpdf(x), rtol=1e-11)
        alone = StudentT(laws.locs[k : k + 1], laws.scales[k : k + 1], df)
        np.testing.assert_allclose(laws.moments(2)[k], alone.moments(2)[0], rtol=1e-13)
        np.testing.assert_allclose(laws.cov()[k], alone.cov()[0], rtol=1e-13)
    line = laws.marginal([0])
    np.testing.assert_allclose(line.cdf(np.array([0.5]))[0], stats.t(laws.dfs, laws.locs[:, 0]).cdf(0.5), rtol=1e-12)
    assert laws.take(np.array([1])).df == 40.0
    save(UNLIKE, tmp_path / "m.json")
    assert load(tmp_path / "m.json").components.df.tolist() == [2.6, 40.0]
    draws = laws.sample(np.repeat([0, 1], 40_000), rng)
    np.testing.assert_allclose(np.cov(draws[40_000:].T), laws.cov()[1], atol=0.05)


def test_norms_keep_their_digits_near_the_gaussian_limit():
    for d in (1, 3, 10):
        for df in (2.5, 9_999.0, 10_001.0, 1e6):
            law = stats.multivariate_t(np.zeros(d), np.eye(d), df=df)
            assert log_norms(np.array([df]), d)[0] == pytest.approx(law.logpdf(np.zeros(d)), abs=2e-9)
        assert log_norms(np.array([1e12]), d)[0] == pytest.approx(-d / 2 * np.log(2 * np.pi), abs=1e-10)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: FamilyEM(df="own"), "df must be one of common, each"),
        (lambda: FamilyEM(df="each").fit(Samples([1.0, 2.0]), "gamma", k=1), "gamma family has no df"),
        (lambda: FamilyEM(df="each").fit(Samples([[1.0, 2.0]]), "gamma,poisson", k=1), "has no df"),
        (lambda: FamilyEM(df="each", fixed={"df": 3.0}).fit(Samples([1.0, 2.0]), "student", k=1), "leave out fixed"),
    ],
)
def test_what_has_no_tails_is_told(call, what):
    with pytest.raises(InputError, match=what):
        call()


def test_each_in_a_product(rng):
    x = np.column_stack([UNLIKE.marginal([0]).sample(800, rng=3)[:, 0], rng.poisson(3.0, 800)])
    found = fit(x, "student,poisson", k=2, rng=0, method=FamilyEM(df="each", starts=1, tol=1e-4))
    df = found.mixture.components.factors[0].dfs
    assert df[0] != df[1]
    assert found.mixture.components.free_parameters((f"0.{EACH}",)) == 2 * 2 + 2 + 2


def test_columns_that_do_not_vary_are_named(rng):
    x = rng.standard_t(4.0, size=(200, 1))
    with pytest.warns(AccuracyWarning, match=r"constant columns: 1 \(value 3\)"):
        fit(np.column_stack([x, np.full(200, 3.0)]), "student", k=1, rng=0)
    with pytest.warns(AccuracyWarning, match="the rows vary in 1 of 2 directions only"):
        fit(np.column_stack([x, x]), "student", k=1, rng=0)
    with pytest.warns(AccuracyWarning, match=r"constant columns: 0 \(value 3\)"):
        fit(np.column_stack([np.full(200, 3.0), np.arange(200) % 3]), "gaussian,poisson", k=1, rng=0)
    assert not fit(np.full(50, 3.0), "exponential", k=1).notes  # its rate is the one over 3
