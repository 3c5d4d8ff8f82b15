"""EM on rows that are seen in part, or with known noise: the same steps row by row, closed forms, and limits."""

import numpy as np
import pytest

import mixot
from mixot import EM, DiagonalGaussian, Gaussian, Incomplete, Mixture, Samples
from mixot.fitting.likelihood.gaussian.statistics import STRUCTURES

STILL = {"tol": 0.0, "max_iter": 3000}  # iterate until the last digits move no more
IGNORE = EM(missing="ignore")


def holes(x, share, rng):
    """Rows of which each value is missing with this probability, and no row entirely."""
    gone = rng.random(x.shape) < share
    gone[gone.all(axis=1), 0] = False
    return np.where(gone, np.nan, x)


def law_of(rng, k, d, structure, apart=2.0):
    means, weights = apart * rng.standard_normal((k, d)), rng.dirichlet(np.full(k, 5.0))
    root = rng.standard_normal((k, d, d + 2))
    covs = root @ root.swapaxes(1, 2) / d
    if structure == "tied":
        covs = np.broadcast_to(covs[0], covs.shape)
    if structure in ("full", "tied"):
        return Mixture(weights, Gaussian(means, covs))
    variances = rng.uniform(0.3, 2.0, (k, d if structure == "diagonal" else 1)) * np.ones((1, d))
    return Mixture(weights, DiagonalGaussian(means, variances))


def noise_of(kind, n, d, rng):
    if kind == "none":
        return None
    if kind == "common":
        return rng.uniform(0.1, 0.5, d)
    if kind == "rows":
        return rng.uniform(0.1, 0.5, (n, d))
    root = rng.standard_normal((3 if kind == "three covariances" else n, d, d)) / d
    return (root @ root.swapaxes(1, 2))[np.arange(n) % len(root)]


def row_by_row(p, x, w, noise, structure, reg):
    """The objective of p, and the mixture after one step of EM, by the formulas for one row and one component."""
    k, d = len(p), p.dim
    means, covs = p.components.mean(), p.components.cov()
    joint, b, left = np.empty((len(x), k)), np.empty((len(x), k, d)), np.empty((len(x), k, d, d))
    for i, row in enumerate(x):
        o = np.flatnonzero(~np.isnan(row))
        own = np.zeros((d, d)) if noise is None else noise_matrix(noise, i, len(x), d)
        for j in range(k):
            total = (covs[j] + own)[np.ix_(o, o)]
            gain = covs[j][:, o] @ np.linalg.inv(total)
            away = row[o] - means[j, o]
            b[i, j] = means[j] + gain @ away
            left[i, j] = covs[j] - gain @ covs[j][o]
            square = away @ np.linalg.solve(total, away) + np.linalg.slogdet(2 * np.pi * total)[1]
            joint[i, j] = np.log(p.weights[j]) - square / 2 - np.trace(np.diag(reg) @ np.linalg.inv(covs[j])) / 2
    top = np.logaddexp.reduce(joint, axis=1)
    r = np.exp(joint - top[:, None]) * w[:, None]
    mass = r.sum(axis=0)
    mean = np.einsum("nk,nkd->kd", r, b) / mass[:, None]
    z = b - mean
    scatter = np.einsum("nk,nki,nkj->kij", r, z, z) + np.einsum("nk,nkij->kij", r, left)
    if structure == "tied":
        cov = np.broadcast_to(scatter.sum(axis=0) / mass.sum() + np.diag(reg), scatter.shape)
        return w @ top / w.sum(), Mixture(mass / mass.sum(), Gaussian(mean, cov))
    cov = scatter / mass[:, None, None] + np.diag(reg)
    if structure == "full":
        return w @ top / w.sum(), Mixture(mass / mass.sum(), Gaussian(mean, cov))
    v = np.diagonal(cov, axis1=1, axis2=2)
    v = np.repeat(v.mean(axis=1, keepdims=True), d, axis=1) if structure == "spherical" else v
    return w @ top / w.sum(), Mixture(mass / mass.sum(), DiagonalGaussian(mean, v))


def noise_matrix(noise, i, n, d):
    own = noise if noise.shape in ((d,), (d, d)) and len(noise) != n else noise[i]
    return np.diag(own) if own.ndim == 1 else own


def assert_same(p, q, tol):
    np.testing.assert_allclose(p.weights, q.weights, rtol=0.0, atol=tol)
    for name, value in p.components.parameters().items():
        other = q.components.parameters()[name]
        np.testing.assert_allclose(value, other, rtol=0.0, atol=tol * np.abs(other).max(), err_msg=name)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("kind", ["none", "common", "rows", "three covariances", "covariances"])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_step_is_that_of_every_row(structure, kind, share, rng):
    # of few patterns, so that some groups go through the blocks and some through the loops over rows
    n, d, k = 120, 3, 2
    x = holes(law_of(rng, k, d, structure).sample(n, rng=rng), share, rng)
    w, start, noise = rng.dirichlet(np.full(n, 2.0)), law_of(rng, k, d, structure, 0.5), noise_of(kind, n, d, rng)
    em = EM(start=start, tol=0.0, max_iter=1, reg=1e-2, missing="ignore", noise=noise)
    fit = em.fit(Incomplete(x, w), "gaussian", structure=structure)
    there = ~np.isnan(x)
    center = (w @ np.where(there, x, 0)) / (w @ there)
    variances = (w @ np.where(there, x - center, 0) ** 2) / (w @ there)
    reg = 1e-2 * (np.full(d, variances.mean()) if structure == "spherical" else variances)
    after = row_by_row(start, x, w, noise, structure, reg)[1]
    assert_same(fit.mixture, after, 1e-11)
    assert fit.history[0] == pytest.approx(row_by_row(after, x, w, noise, structure, reg)[0], abs=1e-11)
    assert fit.log_likelihood == pytest.approx(row_by_row(after, x, w, noise, structure, 0 * reg)[0], abs=1e-11)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_complete_rows_are_fitted_as_ever(structure, rng):
    law, start = law_of(rng, 3, 4, "full"), law_of(rng, 3, 4, structure)
    x = law.sample(500, rng=rng)
    whole = EM(start=start, tol=0.0, max_iter=30).fit(Samples(x), "gaussian", structure=structure)
    part = EM(start=start, tol=0.0, max_iter=30, noise=np.zeros(4)).fit(Samples(x), "gaussian", structure=structure)
    assert_same(part.mixture, whole.mixture, 1e-10)
    np.testing.assert_allclose(part.history, whole.history, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["none", "common", "rows"])
def test_single_precision_is_computed_in_double(share, kind, rng):
    x = holes(law_of(rng, 2, 3, "full").sample(80, rng=rng), share, rng).astype(np.float32)
    em = EM(missing="ignore", noise=noise_of(kind, 80, 3, rng), starts=1)
    found, double = (mixot.fit(each, k=2, method=em, rng=0) for each in (x, x.astype(np.float64)))
    tol = {"rtol": 1e-3} if kind == "none" and not share else {"rtol": 1e-9}  # complete rows stay as they are
    np.testing.assert_allclose(found.log_likelihood, double.log_likelihood, **tol)
    np.testing.assert_allclose(np.sort(found.mixture.weights), np.sort(double.mixture.weights), **tol)


def test_two_columns_of_which_the_second_ends_early_have_a_closed_form(rng):
    # Anderson (J. Am. Stat. Assoc. 52, 1957): x1 is always seen, x2 in the first m rows
    n, m = 300, 120
    x = rng.multivariate_normal([1.0, -2.0], [[2.0, 1.2], [1.2, 1.5]], n)
    x[m:, 1] = np.nan
    both, mean1, var1 = x[:m], x[:, 0].mean(), x[:, 0].var()
    (s11, s12), (_, s22) = np.cov(both.T, bias=True)
    slope = s12 / s11
    mean2 = both[:, 1].mean() + slope * (mean1 - both[:, 0].mean())
    var2 = s22 - slope * s12 + slope**2 * var1
    law = mixot.fit(x, k=1, method=EM(missing="ignore", reg=0.0, **STILL)).mixture.components
    np.testing.assert_allclose(law.means[0], [mean1, mean2], rtol=1e-6)  # the likelihood is flat there
    np.testing.assert_allclose(law.covs[0], [[var1, slope * var1], [slope * var1, var2]], rtol=1e-6)


@pytest.mark.parametrize("structure", ["diagonal", "spherical"])
def test_one_diagonal_law_has_the_moments_of_what_each_column_shows(structure, rng):
    x = holes(rng.normal([1.0, 5.0], [1.0, 1.0], (200, 2)), 0.3, rng)
    law = mixot.fit(x, k=1, structure=structure, method=EM(missing="ignore", reg=0.0, **STILL)).mixture.components
    np.testing.assert_allclose(law.means[0], np.nanmean(x, axis=0), rtol=1e-9)
    squares, counts = np.nansum((x - np.nanmean(x, axis=0)) ** 2, axis=0), (~np.isnan(x)).sum(axis=0)
    v = squares / counts if structure == "diagonal" else np.full(2, squares.sum() / counts.sum())
    np.testing.assert_allclose(law.variances[0], v, rtol=1e-8)


def test_noise_that_all_rows_share_is_taken_off_one_component(rng):
    x = rng.multivariate_normal([0.0, 1.0], [[2.0, 0.3], [0.3, 1.0]], 400)
    for noise in (np.array([0.5, 0.2]), np.array([[0.5, 0.1], [0.1, 0.2]])):
        law = mixot.fit(x, k=1, method=EM(noise=noise, reg=0.0, **STILL)).mixture.components
        np.testing.assert_allclose(law.means[0], x.mean(axis=0), atol=1e-9)
        own = np.diag(noise) if noise.ndim == 1 else noise
        np.testing.assert_allclose(law.covs[0], np.cov(x.T, bias=True) - own, atol=1e-8)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("noisy", [False, True])
def test_where_it_ends_the_likelihood_is_flat(structure, noisy, rng):
    x = holes(law_of(rng, 2, 2, "full").sample(150, rng=rng), 0.3, rng)
    noise = rng.uniform(0.05, 0.3, x.shape) if noisy else None
    em = EM(missing="ignore", noise=noise, reg=1e-3, tol=1e-14, max_iter=20_000, starts=1)
    fit = mixot.fit(x, k=2, structure=structure, method=em, rng=0)
    step = mixot.fit(
        x,
        k=2,
        structure=structure,
        method=EM(missing="ignore", noise=noise, reg=1e-3, tol=0.0, max_iter=1, start=fit.mixture),
    )
    assert_same(step.mixture, fit.mixture, 1e-5)  # EM stands still where the gradient is zero
    level, p, eps = fit.history[-1], fit.mixture, 1e-4
    v = np.nanvar(x, axis=0)
    reg = 1e-3 * (np.full(2, v.mean()) if structure == "spherical" else v)
    w = np.full(len(x), 1 / len(x))

    def value(q):
        return row_by_row(q, x, w, noise, structure, reg)[0]

    assert value(p) == pytest.approx(level, abs=1e-12)  # of a law whose weights sum to one, leaps or not
    for direction in (np.eye(2)[0], np.eye(2)[1]):
        spreads = list(p.components.parameters().values())[1]
        laws = [type(p.components)(p.components.mean() + s * eps * direction, spreads) for s in (1, -1)]
        there, back = (value(Mixture(p.weights, law)) for law in laws)
        assert abs(there - back) / (2 * eps) < 1e-5


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_objective_never_decreases(structure, rng):
    for case in range(8):
        n, d, k = int(rng.integers(60, 300)), int(rng.integers(2, 5)), int(rng.integers(1, 4))
        x = holes(law_of(rng, k, d, "full").sample(n, rng=rng), 0.3, rng)
        noise = noise_of(["none", "common", "rows", "covariances"][case % 4], n, d, rng)
        em = EM(missing="ignore", noise=noise, start=law_of(rng, k, d, structure), max_iter=40, tol=0.0)
        fit = em.fit(Incomplete(x), "gaussian", structure=structure)
        assert np.diff(fit.history).min(initial=0.0) >= -1e-12 * np.abs(fit.history).max()
