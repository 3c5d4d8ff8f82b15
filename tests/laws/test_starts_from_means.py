"""EM from means alone: the first step in closed form, whatever the units, and refusals that say what is wrong."""

import numpy as np
import pytest

from mixot import EM, FamilyEM, Gaussian, InputError, MinimumWasserstein, Mixture, Samples, fit
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM

MEANS = [[0.0, 0.0], [8.0, 8.0]]


@pytest.fixture
def points(rng):
    return np.vstack([rng.normal(size=(60, 2)), rng.normal(8, 1, size=(40, 2))])


@pytest.mark.parametrize("structure", ["full", "tied", "diagonal", "spherical"])
def test_all_begin_with_the_covariance_about_the_nearest_mean(points, structure):
    em = GaussianEM.of(points, np.full(100, 0.01), structure, 1e-6)
    begin = em.mixture(em.around(np.array(MEANS), np.array([0.5, 0.5])))
    away = points - np.repeat(MEANS, [60, 40], axis=0)
    cov = away.T @ away / 100 + np.diag(em.noise)
    if structure in ("diagonal", "spherical"):
        cov = np.diag(np.diagonal(cov))
    if structure == "spherical":
        cov = np.eye(2) * np.trace(cov) / 2
    np.testing.assert_allclose(begin.components.cov(), [cov, cov], rtol=1e-9)
    assert begin.components.means.tolist() == MEANS
    assert begin.weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("structure", ["full", "tied", "diagonal", "spherical"])
def test_components_keep_the_order_of_the_means(points, structure):
    found = fit(points, method=EM(start=MEANS[::-1]), structure=structure)
    assert found.mixture.weights.round(1).tolist() == [0.4, 0.6]
    assert (np.abs(found.mixture.components.means - MEANS[::-1]) < 0.6).all()
    assert len(found.candidates) == 1


def test_one_iteration_is_that_from_the_same_mixture(points):
    em = GaussianEM.of(points, np.full(100, 0.01), "full", 1e-6)
    begin = em.mixture(em.around(np.array(MEANS), np.array([0.25, 0.75])))
    ours = fit(points, method=EM(start=Samples(MEANS, [0.25, 0.75]), max_iter=1, tol=0.0))
    same = fit(points, method=EM(start=begin, max_iter=1, tol=0.0))
    assert ours.log_likelihood == pytest.approx(same.log_likelihood, rel=1e-12)


def test_units_do_not_matter(points):
    scale = np.array([1e6, 1e-3])
    plain, scaled = fit(points, method=EM(start=MEANS)), fit(points * scale, method=EM(start=MEANS * scale))
    np.testing.assert_allclose(scaled.mixture.components.means, plain.mixture.components.means * scale, rtol=1e-9)


def test_means_go_by_name(points):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(points * [1, 10], columns=["u", "v"])
    means = pandas.DataFrame([[80.0, 8.0], [0.0, 0.0]], columns=["v", "u"])
    found = fit(table, method=EM(start=means))
    assert found.mixture.components.means.round(-1).tolist() == [[10.0, 80.0], [0.0, 0.0]]
    old = fit(table[["v", "u"]], method=EM(start=means))
    again = fit(table, method=EM(start=old))  # the mixture of a fit, its coordinates in another order
    np.testing.assert_allclose(again.mixture.components.means, found.mixture.components.means, rtol=1e-3)
    with pytest.raises(InputError, match="names"):
        fit(table, method=EM(start=means.rename(columns={"u": "w"})))


@pytest.mark.parametrize(
    ("law", "draw", "means"),
    [
        ("poisson", lambda rng: rng.poisson(np.repeat([2.0, 30.0], 100)), [30, 2]),
        ("exponential", lambda rng: rng.exponential(np.repeat([0.1, 50.0], 100)), [50.0, 0.1]),
        ("laplace", lambda rng: rng.laplace(np.repeat([-9.0, 9.0], 100)), [9.0, -9.0]),
    ],
)
def test_families_on_the_line_begin_at_means(law, draw, means, rng):
    found = fit(draw(rng), law, method=EM(start=means))  # handed over to the fitter of families
    assert (np.diff(found.mixture.components.mean()[:, 0]) < 0).all()
    best = fit(draw(rng), law, k=2, rng=0)
    assert found.log_likelihood == pytest.approx(best.log_likelihood, abs=0.2)


def test_a_product_begins_at_means(rng):
    data = np.column_stack([rng.poisson(np.repeat([2.0, 30.0], 100)), rng.exponential(np.repeat([50.0, 0.1], 100))])
    found = fit(data, "poisson,exponential", method=FamilyEM(start=[[30.0, 0.1], [2.0, 50.0]]))
    means = found.mixture.mean() if len(found.mixture) == 1 else found.mixture.components.mean()
    assert means[0, 0] > means[1, 0]


@pytest.mark.parametrize(
    ("start", "k", "message"),
    [
        ([0.0, 8.0], None, "dimension 1, the data 2"),
        ([[0.0, 0.0, 0.0]], None, "dimension 3, the data 2"),
        (MEANS, 3, "start has 2 means"),
        ([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], None, "means 0 and 2 of start are the same"),
        ([[0.0, np.nan]], None, r"start must be a Mixture, a Fit, or means"),
        ("here", None, "start must be a Mixture"),
        ([], None, "start must be a Mixture"),
        (Mixture([1.0], Gaussian([0.0], [1.0])).moments(2), None, "got Moments"),
        (Mixture([1.0], Gaussian([0.0], [1.0])), None, "dimension 1, the data 2"),
    ],
)
def test_what_is_no_start_is_refused(points, start, k, message):
    with pytest.raises(InputError, match=message):
        fit(points, k=k, method=EM(start=start))


def test_more_means_than_distinct_rows_are_refused():
    with pytest.raises(InputError, match="k=3 components need"):
        fit([[0.0], [1.0], [1.0]], method=EM(start=[0.0, 1.0, 2.0]))


def test_fitters_without_them_say_who_takes_means(points):
    with pytest.raises(InputError, match=r"EM\(start=centers\)"):
        MinimumWasserstein(start=MEANS)
