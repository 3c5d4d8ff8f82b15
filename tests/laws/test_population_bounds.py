"""What is said of the law that samples were drawn from: sets that cover its moments, bounds below its distance."""

import numpy as np
import pytest
from scipy.stats import beta

from mixot import Box, Gamma, Gaussian, InputError, Mixture, MomentSOS, SampleMoments, Samples, fit
from mixot.errors import UnsupportedError
from mixot.families.registry import lookup
from mixot.fitting.moments.population import _trimmed
from mixot.sos.monomials import basis_of
from mixot.sos.slack import ellipsoid, empirical_bernstein
from mixot.sos.target import target_of

WIDE = Box([-2.0, 0.2], [2.0, 1.0])
LAWS = {
    "two": Mixture([0.4, 0.6], Gaussian([-2.0, 1.0], [0.5, 1.0])),
    "exponential": Mixture([1.0], Gamma([1.0], [1.0])),
}


def skewed(n, rng):
    return rng.beta(0.6, 2.0, n) * 2 - 1


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "order"), [(200, 2), (200, 4), (1000, 3)])
def test_the_sets_cover_the_moments_of_the_law_on_the_box(law, n, order):
    """Of 100 samples; without the mass that no draw shows, .6 of them at order 4 and n = 200."""
    rng, p, hits = np.random.default_rng(7), LAWS[law], np.zeros(3)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    basis = basis_of("chebyshev", (1,), 2 * order)
    for _ in range(100):
        boxed = _trimmed(Samples(p.sample(n, rng=rng)), "tv", 0.95)
        target = target_of(boxed.draws, lookup("gaussian").moment_model(1), 2 * order, boxed.box)
        share = weights * p.density(target.center + target.scale * nodes[:, None])
        off = (share / share.sum() @ basis.values(nodes[:, None]) - target.moments(basis))[1:]
        tight = ellipsoid(target, basis, boxed.level, float(len(boxed.draws)))
        sure = empirical_bernstein(target, basis, boxed.level, float(len(boxed.draws)))
        inside = p.sample(5000, rng=rng)[:, 0]
        outside = ((inside < boxed.box[0, 0]) | (inside > boxed.box[0, 1])).mean()
        hits += [
            np.linalg.norm(tight.whitening @ off) <= 1,
            (np.abs(off) <= sure.sizes).all(),
            outside <= boxed.outside,
        ]
        assert (np.abs(off) <= tight.sizes).all() or np.linalg.norm(tight.whitening @ off) > 1  # the box around it
    assert hits[0] >= 90
    assert hits[1] == 100
    assert hits[2] >= 95


@pytest.mark.parametrize("coverage", ["asymptotic", "finite-sample"])
@pytest.mark.parametrize(("name", "domain"), [("tv", None), ("tv", (-1.0, 1.0)), ("w2", (-1.0, 1.0))])
def test_the_population_is_farther_than_the_bound(name, domain, coverage):
    """The largest proven bound of its exact moments is below its distance, and nearly every sample's below that."""
    rng, order = np.random.default_rng(3), 4
    exact = fit(
        SampleMoments.of(beta(0.6, 2.0).ppf((np.arange(200_000) + 0.5) / 200_000) * 2 - 1, order=8),
        "gaussian",
        k=1,
        method=MomentSOS(order=order, distance=name, support=WIDE, refine=None),
    ).lower_bound
    method = MomentSOS(
        order=order, distance=name, support=WIDE, refine=None, confidence=0.95, domain=domain, coverage=coverage
    )
    found = [fit(skewed(4000, rng), "gaussian", k=1, method=method).population for _ in range(10)]
    assert all(0 < each.lower_bound <= exact for each in found)
    assert all(each.level == 0.95 and each.coverage == coverage and each.order == order for each in found)
    assert found[0].outside == 0 if domain else 0 < found[0].outside < 0.01
    assert "of the population to any mixture over the region: at least" in str(found[0])


def test_a_law_of_the_family_is_not_excluded():
    rng = np.random.default_rng(0)
    method = MomentSOS(order=4, support=Box([-4.0, 0.2], [4.0, 2.0]), confidence=0.95, refine=None)
    found = [fit(LAWS["two"].sample(500, rng=rng), "gaussian", k=2, method=method).population for _ in range(10)]
    assert [each.lower_bound for each in found] == [0.0] * 10
    assert "nothing is shown" in str(found[0])


def test_more_draws_and_less_confidence_say_more():
    def low(n, level):
        method = MomentSOS(order=4, support=WIDE, confidence=level, refine=None)
        return fit(skewed(n, np.random.default_rng(1)), "gaussian", k=1, method=method).population.lower_bound

    assert low(20_000, 0.95) > low(1000, 0.95)
    assert low(1000, 0.8) > low(1000, 0.99)


def test_counts_are_draws_and_streams_have_them_with_a_domain():
    rng = np.random.default_rng(2)
    x = rng.poisson(rng.choice([1.0, 30.0], 3000)).astype(float)
    values, counts = np.unique(x, return_counts=True)
    method = MomentSOS(order=3, support=Box([4.0], [26.0]), confidence=0.95, refine=None)
    rows = fit(x, "poisson", k=1, method=method).population
    table = fit(Samples(values, counts=counts), "poisson", k=1, method=method).population
    assert table.lower_bound == pytest.approx(rows.lower_bound, abs=1e-6)
    assert rows.lower_bound > 0.1
    known = MomentSOS(order=3, support=Box([4.0], [26.0]), confidence=0.95, refine=None, domain=(0, 80))
    streamed = fit(SampleMoments.of(x, order=6), "poisson", k=1, method=known).population
    assert streamed.lower_bound == pytest.approx(fit(x, "poisson", k=1, method=known).population.lower_bound, abs=1e-6)


def test_what_cannot_be_said_is_refused():
    x = skewed(300, np.random.default_rng(0))
    with pytest.raises(UnsupportedError, match="samples say nothing"):
        fit(x, method=MomentSOS(order=2, distance="w2", confidence=0.9))
    with pytest.raises(InputError, match=r"domain must hold the data: along axis 0 it is \[0, 1\]"):
        fit(x, method=MomentSOS(order=2, confidence=0.9, domain=(0, 1)))
    with pytest.raises(UnsupportedError, match="equal weights"):
        fit(Samples(x, np.r_[np.full(299, 1.0), 2.0] / 301), method=MomentSOS(order=2, confidence=0.9))
    with pytest.raises(InputError, match="confidence must be a level between 0 and 1"):
        MomentSOS(confidence=95.0)
    target = target_of(Samples(x), lookup("gaussian").moment_model(1), 4)
    with pytest.raises(InputError, match="more observations than moments, got 5 and 4"):
        ellipsoid(target, target.basis, 0.9, 5.0)
    with pytest.raises(UnsupportedError, match="at most 3 dimensions"):
        fit(np.random.default_rng(0).normal(size=(50, 4)), method=MomentSOS(confidence=0.9))


def test_the_order_of_the_statement_is_not_chosen_by_the_draws():
    x = skewed(1000, np.random.default_rng(5))
    method = MomentSOS(
        max_order=4, support=WIDE, confidence=0.95, refine=None, rank_tol=0.5
    )  # all is flat: it ends early
    found = fit(x, "gaussian", k=1, method=method)
    assert found.order < found.population.order == 4
