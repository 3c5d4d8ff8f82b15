"""A prior on Gaussian components: the posterior climbs to where it is largest, in any units, with rows however few."""

import numpy as np
import pytest
from scipy.stats import invgamma, invwishart, multivariate_normal

from mixot import EM, FamilyEM, Gaussian, InputError, JointEM, Mixture, NormalInverseWishart, fit, fit_pair
from mixot.fitting.likelihood.gaussian.covariance_models import IN_WORDS, MODELS, CovarianceModel
from mixot.fitting.likelihood.labelled import fit_labelled

STRUCTURES = ["full", "tied", "diagonal", "spherical"]
ALL = [*STRUCTURES, *(model for model in MODELS if model not in IN_WORDS.values())]


@pytest.fixture
def points(rng):
    return np.vstack([rng.normal(size=(15, 2)), rng.normal([6, 1], [1, 2], size=(12, 2))])


def log_posterior(mixture, x, structure, shrinkage=0.01):
    """The posterior density that the prior's words promise, with all its constants, by SciPy."""
    d, k = x.shape[1], len(mixture)
    spread = np.cov(x.T) / k ** (2 / d)
    name = CovarianceModel.of(structure).name
    kind = "spherical" if name[1] == "I" else "diagonal" if name[2] == "I" else "full"
    total = mixture.log_density(x).sum()
    for at, (mean, cov) in enumerate(zip(mixture.components.mean(), mixture.components.cov(), strict=True)):
        total += multivariate_normal.logpdf(mean, x.mean(axis=0), cov / shrinkage)
        if name in ("EII", "EEI", "EEE") and at > 0:  # drawn once
            continue
        if kind == "full":
            total += invwishart.logpdf(cov, d + 2, spread)
        if kind == "diagonal":
            total += invgamma.logpdf(np.diagonal(cov), (d + 2) / 2, scale=np.diagonal(spread) / 2).sum()
        if kind == "spherical":
            total += invgamma.logpdf(cov[0, 0], (d + 2) / 2, scale=np.trace(spread) / d / 2)
    return total


@pytest.mark.parametrize("structure", ALL)
def test_the_history_is_the_log_posterior_and_climbs(points, structure):
    begin = fit(points, method=EM(start=[[0.0, 0.0], [1.0, 1.0]], max_iter=1, tol=0.0), structure=structure).mixture
    paths = {}
    for steps in (1, 4, 40):
        method = EM(start=begin, prior="fraley-raftery", reg=0.0, max_iter=steps, tol=0.0)
        paths[steps] = fit(points, method=method, structure=structure)
    climbed = [27 * paths[steps].history[-1] for steps in (1, 4, 40)]
    expected = [log_posterior(paths[steps].mixture, points, structure) for steps in (1, 4, 40)]
    np.testing.assert_allclose(np.diff(climbed), np.diff(expected), rtol=1e-6, atol=1e-8)
    assert (np.diff(paths[40].history) > -1e-13).all()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_mixture_nearby_has_a_larger_posterior(points, structure, rng):
    found = fit(points, k=2, method=EM(prior="fraley-raftery", reg=0.0, tol=1e-14), structure=structure, rng=0).mixture
    top = log_posterior(found, points, structure)
    law = found.components
    for _ in range(20):
        means, weights = law.mean() + 1e-3 * rng.normal(size=(2, 2)), found.weights * np.exp(1e-3 * rng.normal(size=2))
        factor = np.exp(1e-3 * rng.normal(size=(2, 2)))
        if structure in ("tied", "spherical"):
            factor[:] = factor[0, 0] if structure == "tied" else factor[:, :1]
        root = np.sqrt(factor)
        covs = law.cov() * root[:, :, None] * root[:, None, :]
        near = Mixture(weights / weights.sum(), Gaussian(means, covs))
        assert log_posterior(near, points, structure) < top + 1e-9


def test_one_component_has_the_closed_form(points):
    n, d = points.shape
    found = fit(points, k=1, method=EM(prior=NormalInverseWishart(shrinkage=2.0, mean=[1.0, 0.0]), reg=0.0)).mixture
    away = points.mean(axis=0) - [1.0, 0.0]
    scatter = np.cov(points.T, bias=True) * n + np.cov(points.T) + 2 * n / (n + 2) * np.outer(away, away)
    np.testing.assert_allclose(found.components.means[0], (n * points.mean(axis=0) + [2.0, 0.0]) / (n + 2), rtol=1e-9)
    np.testing.assert_allclose(found.components.covs[0], scatter / (n + d + 2 + d + 2), rtol=1e-9)


@pytest.mark.parametrize("structure", [*STRUCTURES, "EEI", "VEI", "EVI", "VEE", "EVV"])
def test_units_do_not_matter(points, structure):
    scale = np.full(2, 1e5) if structure == "spherical" else np.array([1e5, 1e-3])
    method = EM(start=[[0.0, 0.0], [6.0, 1.0]], prior="fraley-raftery")
    scaled_method = EM(start=np.array([[0.0, 0.0], [6.0, 1.0]]) * scale, prior="fraley-raftery")
    plain = fit(points, method=method, structure=structure).mixture.components
    scaled = fit(points * scale, method=scaled_method, structure=structure).mixture.components
    np.testing.assert_allclose(scaled.mean(), plain.mean() * scale, rtol=1e-6)
    np.testing.assert_allclose(scaled.cov(), plain.cov() * np.outer(scale, scale), rtol=1e-6)


@pytest.mark.parametrize("structure", ALL)
def test_few_rows_do_not_collapse(structure, rng):
    x = np.vstack([rng.normal(size=(8, 5)), np.full((4, 5), 9.0)])  # four rows in one place
    found = fit(x, k=2, method=EM(prior="fraley-raftery"), structure=structure, rng=0)
    assert found.notes == ()
    assert all(not each.reason for each in found.candidates)
    scaled = found.mixture.components.cov() / np.outer(x.std(axis=0), x.std(axis=0))
    assert np.linalg.eigvalsh(scaled).min() > 1e-4
    if structure in ("full", "diagonal", "spherical"):  # in the others rows share something that keeps them apart
        bare = fit(x, k=2, structure=structure, rng=0)
        assert any("do not determine" in note for note in bare.notes)


def test_few_rows_keep_no_number_from_being_chosen(rng):
    x = np.vstack([rng.normal(size=(40, 3)), rng.normal(30, 1, size=(3, 3))])  # three rows do not span three dimensions
    assert len(fit(x, rng=0, method=EM(prior="fraley-raftery", k_max=3)).mixture) == 2
    assert len(fit(x, rng=0, method=EM(k_max=3)).mixture) == 1


def test_auto_chooses_among_posterior_modes_of_all_models(points):
    method = EM(prior="fraley-raftery", k_max=3)
    found = fit(points, structure="auto", method=method, rng=0)
    assert {each.structure for each in found.candidates} == set(MODELS)
    one = fit(points, k=len(found.mixture), structure=found.structure, method=method, rng=0)
    assert found.bic <= one.bic + 1e-3
    for name in ("VVV", "EEV", "EII"):
        assert found.bic <= fit(points, k=2, structure=name, method=method, rng=0).bic + 0.1


@pytest.mark.parametrize("structure", ["full", "tied", "spherical", "VVE"])
@pytest.mark.parametrize("options", [{}, {"prior": "fraley-raftery"}, {"missing": "ignore"}])
def test_weights_of_largest_posterior_under_a_dirichlet_law(points, structure, options):
    x = points.copy()
    if "missing" in options:
        x[3, 0] = np.nan
    method = EM(concentration=4.0, reg=0.0, tol=1e-12, **options)
    found = fit(x, k=2, method=method, structure=structure, rng=0)
    assert np.diff(found.history).min() >= -1e-13
    mass = found.mixture.responsibilities(points).sum(axis=0) if "missing" not in options else None
    if mass is not None:
        np.testing.assert_allclose(found.mixture.weights, (mass + 3) / (27 + 6), rtol=1e-5)
        assert found.log_likelihood == pytest.approx(found.mixture.log_density(points).mean(), abs=1e-12)
    plain = fit(x, k=2, method=EM(reg=0.0, tol=1e-12, **options), structure=structure, rng=0)
    assert np.ptp(found.mixture.weights) < np.ptp(plain.mixture.weights)


def test_the_history_has_the_dirichlet_law_in_it(points):
    steps = [fit(points, k=2, method=EM(concentration=3.0, reg=0.0, tol=0.0, max_iter=n), rng=0) for n in (1, 5)]
    there = [27 * each.log_likelihood + 2 * np.log(each.mixture.weights).sum() for each in steps]
    np.testing.assert_allclose(np.diff(there), 27 * (steps[1].history[-1] - steps[0].history[-1]), atol=1e-10)


@pytest.mark.parametrize("alpha", [0.5, -1.0, np.inf, np.nan])
def test_concentrations_below_one_have_no_mode(alpha):
    with pytest.raises(InputError, match="concentration"):
        EM(concentration=alpha)


def test_fits_without_weights_of_their_own_refuse_a_concentration(points):
    even = EM(concentration=2.0)
    with pytest.raises(InputError, match="concentration"):
        fit([1, 2, 3, 8, 9], "poisson", k=1, method=even)
    with pytest.raises(InputError, match="no prior of weights"):
        fit_pair(points, points + 1, k=1, method=JointEM(em=even), lam=1.0)
    with pytest.raises(InputError, match="leave concentration out"):
        fit_labelled(points, np.repeat([0, 1], [15, 12]), ("a", "b"), k=1, method=even)
    with pytest.raises(InputError, match="concentration"):
        fit(points, k=1, method=EM(concentration=2.0, background=True))


def test_counts_are_rows(rng):
    values, counts = np.unique(np.round(rng.normal(size=60)), return_counts=True)
    method = EM(prior="fraley-raftery")
    binned, plain = (fit(values, k=1, counts=counts, method=method), fit(np.repeat(values, counts), k=1, method=method))
    np.testing.assert_allclose(binned.mixture.components.covs, plain.mixture.components.covs, rtol=1e-9)
    assert binned.bic == pytest.approx(plain.bic, rel=1e-9)


def test_the_prior_fades_where_rows_are_many(rng):
    x = rng.normal(size=(50_000, 1)) + np.repeat([[0.0], [20.0]], 25_000, axis=0)
    found = fit(x, k=2, method=EM(prior="fraley-raftery"), rng=0)
    plain = fit(x, k=2, rng=0)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)


def test_likelihood_and_criteria_are_those_of_the_mixture(points):
    found = fit(points, k=2, method=EM(prior="fraley-raftery"), rng=0)
    assert found.log_likelihood == pytest.approx(found.mixture.log_density(points).mean(), abs=1e-12)
    assert found.bic == pytest.approx(-2 * 27 * found.log_likelihood + 11 * np.log(27))


def test_scales_of_ones_own(points):
    wide = NormalInverseWishart(shrinkage=0.0, dof=1e6, scale=1e6 * np.eye(2))
    covs = fit(points, k=2, method=EM(prior=wide), rng=0).mixture.components.covs
    np.testing.assert_allclose(covs, np.tile(np.eye(2), (2, 1, 1)), atol=1e-2)
    line = fit(points[:, 0], k=2, method=EM(prior=NormalInverseWishart(dof=1e6, scale=1e6)), structure="tied", rng=0)
    np.testing.assert_allclose(line.mixture.components.covs.ravel(), 1.0, atol=1e-2)


@pytest.mark.parametrize(
    ("structure", "prior", "message"),
    [
        ("full", "wishart", 'prior must be "fraley-raftery"'),
        ("full", {"dof": 3}, "prior must be"),
        ("full", lambda: NormalInverseWishart(dof=1.0), "dof must be above 1"),
        ("diagonal", lambda: NormalInverseWishart(dof=0.0), "dof must be above 0"),
        ("full", lambda: NormalInverseWishart(mean=[0.0]), r"must have shape \(2,\)"),
        ("full", lambda: NormalInverseWishart(mean=[0.0, np.nan]), "finite"),
        ("full", lambda: NormalInverseWishart(scale=[[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        ("full", lambda: NormalInverseWishart(scale=2.0), "positive definite"),
        ("diagonal", lambda: NormalInverseWishart(scale=[1.0, -1.0]), "2 positive numbers"),
        ("spherical", lambda: NormalInverseWishart(scale=[1.0, 1.0]), "a positive number"),
        ("full", lambda: NormalInverseWishart(shrinkage=-1.0), "shrinkage"),
    ],
)
def test_bad_priors_are_refused(points, structure, prior, message):
    with pytest.raises(InputError, match=message):
        fit(points, k=2, structure=structure, method=EM(prior=prior() if callable(prior) else prior))


def test_fits_without_a_prior_say_so(points):
    prior = EM(prior="fraley-raftery")
    with pytest.raises(InputError, match="prior"):
        fit([1, 2, 3, 8, 9], "poisson", k=1, method=prior)
    with pytest.raises(InputError, match="no prior"):
        fit_pair(points, points + 1, k=1, method=JointEM(em=prior), lam=1.0)
    with pytest.raises(InputError, match="without a prior"):
        fit_labelled(points, np.repeat([0, 1], [15, 12]), ("a", "b"), k=1, method=prior)
    assert not hasattr(FamilyEM(), "prior")
