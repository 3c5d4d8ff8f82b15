"""What moments of samples do not prove, and what is said where they cannot answer."""

import numpy as np
import pytest

from mixot import EM, Gaussian, Mixture, MomentSOS, Poisson, Status, fit
from mixot.formulas.polynomial.regions import Box, Inequality, contains
from mixot.sos.sample_moments import SampleMoments

TARGET = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [0.3, 0.3]))
AWAY = (Box([-3.0, 0.01], [3.0, 2.0]), Inequality(lambda m, v: m**2 - 0.64))  # no mean between -0.8 and 0.8


@pytest.mark.parametrize("seed", [0, 1])
def test_a_flat_relaxation_of_samples_does_not_decide_k(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.choice([0, 5, 10, 15], 1000), 0.8)
    found, likely = fit(x, method=MomentSOS(distance="tv"), rng=0), fit(x, rng=0)
    assert len(found.mixture) == len(likely.mixture) == 4
    assert abs(found.criterion - likely.criterion) < 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_two_separated_components_are_two(seed):
    rng = np.random.default_rng(100 + seed)
    x = rng.normal(rng.choice([-3, 3], 500), 1.0)
    assert len(fit(x, method=MomentSOS(), rng=0).mixture) == 2


def test_flat_moments_of_a_stream_do_not_decide_k(rng):
    x = rng.normal(rng.choice([-3, 3], 2000), 1.0)
    found = fit(SampleMoments.of(x, order=10), method=MomentSOS(), rng=0)
    assert len(found.mixture) == 2


@pytest.mark.parametrize("law", ["lognormal", "cauchy"])
def test_heavy_tails_are_told_and_likelihood_answers(law):
    rng = np.random.default_rng(1)
    x = rng.lognormal(0, 1, 400) if law == "lognormal" else rng.standard_cauchy(400)
    found, likely = fit(x, method=MomentSOS(), rng=0), fit(x, method=EM(k_max=8), rng=0)
    assert any("too few samples for order 5" in note for note in found.notes)
    assert len(found.mixture) > 1  # wide components around a narrow one, none of them on a far draw alone
    assert not any("left out, because" in note for note in found.notes)
    assert found.criterion <= likely.criterion + 1e-4


@pytest.mark.parametrize("regularizer", ["published", "trace", "spread", None])
def test_exact_moments_come_out_whatever_the_regularizer(regularizer):
    found = fit(TARGET.moments(10), method=MomentSOS(regularizer=regularizer, support=AWAY))
    assert found.status.solved
    np.testing.assert_allclose(np.sort(found.mixture.components.means.ravel()), [-1, 1], atol=1e-5)
    np.testing.assert_allclose(found.mixture.moments(10).values, TARGET.moments(10).values, atol=1e-3)
    assert any("regularizer" in note for note in found.notes)


def test_exact_moments_of_no_mixture_found_are_not_solved():
    many = Mixture(np.full(6, 1 / 6), Poisson(np.arange(1.0, 7.0) * 3))
    found = fit(many.moments(4), "poisson", method=MomentSOS(order=2, regularizer="trace", k_max=1))
    assert found.status is Status.MAX_ITER
    assert any("not solved" in note for note in found.notes)


def test_membership_of_a_region():
    theta = np.array([[-1.0, 0.3], [0.0, 0.3], [1.0, 3.0], [0.8, 0.3]])
    assert contains(AWAY, theta, (1, 2)).tolist() == [True, False, False, True]


def test_the_region_of_the_bound_is_told():
    found = fit(TARGET.moments(8), method=MomentSOS(order=4, support=AWAY))
    assert found.region == "mean[0] in [-3, 3], cov[0,0] in [0.01, 2], and Inequality"
