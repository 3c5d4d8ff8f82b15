"""Laws of EM(background=True): a Gaussian mixture over a uniform law, which takes the rows of no component."""

import numpy as np
import pytest

from mixot import EM, AccuracyWarning, InputError, Samples, SolveError, UnsupportedError, fit
from mixot.fitting.likelihood.covered.background import log_volume


def clusters_in_noise(rng, n=300, noise=100):
    """Two narrow clusters in a square of side 20, and rows spread over it."""
    own = rng.normal(np.where(rng.random((n, 1)) < 0.4, [[-4.0, 3.0]], [[5.0, -2.0]]), [0.7, 0.5])
    return np.concatenate([own, rng.uniform(-10, 10, (noise, 2))])


@pytest.mark.parametrize("structure", ["VVV", "EEE", "VII", "VVE", "EEI"])
def test_clusters_and_background_are_told_apart(structure, rng):
    x = clusters_in_noise(rng)
    found = fit(x, k=2, structure=structure, method=EM(background=True), rng=0)
    at = np.argsort(found.mixture.components.mean()[:, 0])
    np.testing.assert_allclose(found.mixture.components.mean()[at], [[-4, 3], [5, -2]], atol=0.2)
    assert found.background.weight == pytest.approx(0.25, abs=0.05)
    assert found.background.volume == pytest.approx(400, rel=0.1)
    shares = found.background.shares
    assert shares.shape == (400,)
    assert shares[:300].mean() < 0.05
    assert shares[300:].mean() > 0.9
    assert found.background.weight == pytest.approx(shares.mean(), abs=1e-3)  # an M step changes nothing any more
    assert "background, uniform over a volume" in found.notes[0]


@pytest.mark.parametrize("reg", [0.0, 1e-6, 1e-2])
def test_the_likelihood_is_that_of_both_and_never_decreases(reg, rng):
    x = clusters_in_noise(rng)
    found = fit(x, k=2, method=EM(background=True, reg=reg), rng=0)
    w, v = found.background.weight, found.background.volume
    density = w / v + (1 - w) * found.mixture.density(x)
    assert found.log_likelihood == pytest.approx(np.log(density).mean(), abs=1e-9)
    np.testing.assert_allclose(found.background.shares, w / v / density, atol=1e-9)
    assert np.diff(found.history).min(initial=0.0) >= 0
    if reg == 0:
        assert found.history[-1] == pytest.approx(found.log_likelihood, abs=1e-9)
    assert found.n_parameters == 2 + 11
    assert found.criterion == pytest.approx(-2 * found.log_likelihood + 13 * np.log(400) / 400)


def test_the_number_of_components_and_the_structure_are_chosen(rng):
    x = clusters_in_noise(rng)
    method = EM(background=True, k_max=4)
    assert len(fit(x, method=method, rng=0).mixture) == 2
    found = fit(x, structure="auto", method=method, rng=0)
    assert len(found.mixture) == 2
    assert found.criterion <= fit(x, k=2, method=method, rng=0).criterion + 1e-6
    assert len({each.structure for each in found.candidates}) == 14


def test_without_outliers_the_mixture_is_the_one_without_background(rng):
    x = clusters_in_noise(rng, noise=0)
    plain, covered = fit(x, k=2, rng=0), fit(x, k=2, method=EM(background=True), rng=0)
    assert plain.background is None
    assert covered.background.weight < 0.03
    assert plain.bic < covered.bic  # two numbers for nothing
    near = np.abs(plain.mixture.components.mean()[:, None] - covered.mixture.components.mean()).sum(axis=2).min(axis=1)
    assert near.max() < 0.1


def test_units_change_nothing(rng):
    x, units = clusters_in_noise(rng), np.array([1e-6, 1e5])
    plain, scaled = (fit(each, k=2, method=EM(background=True), rng=0) for each in (x, x * units))
    assert scaled.background.weight == pytest.approx(plain.background.weight, abs=1e-6)
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood - np.log(units).sum(), abs=1e-6)


def test_the_volume_is_that_of_the_smaller_box(rng):
    turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    x = rng.uniform(-1, 1, (5000, 2)) * [10, 1]
    assert np.exp(log_volume(x)) == pytest.approx(40, rel=0.02)
    assert np.exp(log_volume(x @ turn)) == pytest.approx(40, rel=0.1)  # the box along the columns has 242
    with pytest.raises(InputError, match="column 1 is constant"):
        log_volume(np.column_stack([x[:, 0], np.ones(5000)]))


def test_rows_without_weight_have_no_share(rng):
    x, counts = clusters_in_noise(rng), np.ones(400, dtype=int)
    counts[::7] = 0
    found = fit(x, k=2, counts=counts, method=EM(background=True), rng=0)
    assert (found.background.shares[::7] == 0).all()
    left = fit(x[counts > 0], k=2, method=EM(background=True), rng=0)
    np.testing.assert_allclose(found.background.shares[counts > 0], left.background.shares, atol=1e-3)


def test_bad_input(rng):
    x = clusters_in_noise(rng, n=60, noise=20)
    with pytest.raises(InputError, match="True or False, got 'yes'"):
        EM(background="yes")
    with pytest.raises(InputError, match="leave start out"):
        EM(background=True, start=fit(x, k=2, rng=0)).fit(Samples(x), "gaussian")
    with pytest.raises(InputError, match="leave one of the two out"):
        fit(x, k=2, method=EM(background=True, prior="fraley-raftery"))
    with pytest.raises(InputError, match="column 0 is constant"):
        EM(background=True).fit(Samples(np.column_stack([np.ones(80), x])), "gaussian", k=2)
    with pytest.raises(InputError, match="option of Gaussian fits"):
        fit(rng.poisson(3.0, 50), "poisson", k=2, method=EM(background=True))
    gaps = x.copy()
    gaps[3, 1] = np.nan
    with pytest.raises(UnsupportedError, match="complete rows"):
        fit(gaps, k=2, method=EM(background=True, missing="ignore"))
    with pytest.raises(SolveError, match="lower k"):
        fit(x[:4], k=4, method=EM(background=True, reg=0.0))
    with pytest.warns(AccuracyWarning, match="iteration limit"):
        fit(clusters_in_noise(rng), k=5, method=EM(background=True, max_iter=1), rng=0)


@pytest.mark.parametrize("shape", [(40, 2), (3, 4)], ids=["one column twice", "few rows"])
def test_rows_in_a_flat_have_no_volume(shape, rng):
    x = rng.standard_normal(shape)
    x = np.column_stack([x, x[:, 0]]) if shape[1] == 2 else x
    with pytest.raises(InputError, match="the rows lie in a flat"):
        fit(x, k=1, method=EM(background=True))
