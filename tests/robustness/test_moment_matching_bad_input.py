"""What moment matching says to data and options that it cannot use."""

import numpy as np
import pytest

from mixot import AccuracyWarning, Gaussian, InputError, Mixture, Moments, Poisson, Samples, UnsupportedError
from mixot.fitting.moments.k_means_on_a_law import kmeans_centers
from mixot.fitting.moments.moment_matching import MomentMatching
from mixot.fitting.moments.polish import Polisher
from mixot.fitting.moments.target import MomentTarget

PAIR = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [0.2, 0.3]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": 0}, "order must be"),
        ({"k_max": 0}, "k_max must be"),
        ({"restarts": 0}, "restarts must be"),
        ({"refine": "lloyd"}, "refine must be"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(InputError, match=words):
        MomentMatching(**options)


def test_moments_that_no_memory_holds_are_refused(rng):
    with pytest.raises(InputError, match=r"27132 moments up to degree 6, .* 5.5 GiB; take MomentMatching\(order=2\)"):
        MomentMatching().fit(Samples(rng.standard_normal((82_000, 13))), "gaussian", k=2)
    with pytest.raises(InputError, match="GiB; project the rows"):
        MomentTarget.of(Samples(rng.standard_normal((40_000, 160))), 2)


def test_the_order_must_determine_the_components(rng):
    with pytest.raises(InputError, match=r"at most 3 full components, k=4 was asked for; raise the order"):
        MomentMatching(order=4).fit(PAIR.moments(8), "gaussian", k=4, rng=rng)
    with pytest.raises(InputError, match="k must be a whole number"):
        MomentMatching().fit(PAIR, "gaussian", k=0, rng=rng)
    with pytest.raises(InputError, match="end at order 6, 8 are needed"):
        MomentMatching(order=4).fit(PAIR.moments(6), "gaussian", rng=rng)


def test_moments_that_no_measure_has(rng):
    with pytest.raises(InputError, match=r"no measure has these moments.*eigenvalue -"):
        MomentMatching(order=2).fit(Moments([1.0, 0.0, 1.0, 0.0, 0.5], order=4), "gaussian", rng=rng)
    with pytest.raises(InputError, match="positive variances"):
        MomentMatching(order=2).fit(Moments([1.0, 1.0, 1.0, 1.0, 1.0], order=4), "gaussian", rng=rng)


def test_exact_moments_of_no_small_mixture_are_reported(rng):
    uniform = Moments([1.0, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7, 0, 1 / 9, 0, 1 / 11], order=10)
    fit = MomentMatching(k_max=2).fit(uniform, "gaussian", rng=rng)
    assert any("say so by count=n" in note for note in fit.notes)


def test_constant_columns_are_named(rng):
    x = rng.standard_normal((300, 3))
    x[:, 1] = 7.0
    with pytest.raises(InputError, match=r"columns \[1\] are constant"):
        MomentMatching().fit(Samples(x), "gaussian", rng=rng)
    with pytest.raises(InputError, match="constant"):
        MomentMatching().fit(Samples(np.ones((50, 2))), "gaussian", rng=rng)


def test_few_rows_lower_the_order(rng):
    with pytest.warns(AccuracyWarning, match="30 rows are too few for the 45 moments of degree 8.*lowered to 3"):
        fit = MomentMatching().fit(Samples(rng.standard_normal((30, 2))), "gaussian", structure="spherical", rng=rng)
    assert fit.order == 1
    assert any("too few" in note for note in fit.notes)


def test_other_families_and_structures_are_refused(rng):
    data = Samples(rng.poisson(3.0, 200).astype(float))
    with pytest.raises(UnsupportedError, match="got 'poisson'"):
        MomentMatching().fit(data, "poisson", rng=rng)
    with pytest.raises(InputError, match="unknown structure 'tied'"):
        MomentMatching().fit(data, "gaussian", structure="tied", rng=rng)


def test_starts_are_checked(rng):
    target = MomentTarget.of(PAIR, 6)
    with pytest.raises(UnsupportedError, match="Gaussian mixtures, got Poisson"):
        Polisher().polish(target, [Mixture([1.0], Poisson([2.0]))])
    with pytest.raises(InputError, match="dimension 1 like the law, got 2"):
        Polisher().polish(target, [Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)]))])
    with pytest.raises(InputError, match="unknown structure"):
        Polisher("tied")
    with pytest.raises(InputError, match="degree 2 or more"):
        MomentTarget.of(PAIR, 1)
    with pytest.raises(InputError, match="count must be"):
        MomentTarget.of(PAIR, 4, count=-1.0)
    with pytest.raises(InputError, match="starts must have shape"):
        kmeans_centers(PAIR, [np.zeros((3, 1))])


def test_wild_scales_are_no_trouble(rng):
    x = np.concatenate([rng.normal(-4, 1, 500), rng.normal(4, 1, 500)])
    for scale, shift in ((1e-8, 0.0), (1e8, 3e8), (1.0, 1e6)):
        fit = MomentMatching().fit(Samples(x * scale + shift), "gaussian", rng=0)
        assert len(fit.mixture) == 2
        np.testing.assert_allclose(np.sort(fit.mixture.components.mean()[:, 0] - shift) / scale, [-4, 4], atol=0.2)


def test_outliers_do_not_break_the_fit(rng):
    x = np.concatenate([rng.normal(-4, 1, 500), rng.normal(4, 1, 500), [200.0]])
    fit = MomentMatching().fit(Samples(x), "gaussian", rng=0)
    assert np.isfinite(fit.log_likelihood)  # its moments are those of the outlier: K is not to be trusted
