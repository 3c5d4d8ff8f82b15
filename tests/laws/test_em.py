"""Laws of expectation-maximisation, on random problems of every structure."""

from itertools import pairwise

import numpy as np
import pytest

from mixot import EM, AccuracyWarning, DiagonalGaussian, Gaussian, Grid, Mixture, Samples, SolveError, Status
from mixot.fitting.likelihood.gaussian.statistics import STRUCTURES, _inverse_factors, expectation, maximization, sum_of

EXACT = 1e-12  # sums of a few thousand terms in another order
STILL = {"tol": 0.0, "max_iter": 5000}  # iterate until the last digits move no more


def random_law(rng, k, d, structure):
    """A mixture of k components of the structure, overlapping."""
    means, weights = 2 * rng.standard_normal((k, d)), rng.dirichlet(np.full(k, 5.0))
    root = rng.standard_normal((k, d, d + 2))
    covs = root @ root.swapaxes(1, 2) / d
    if structure == "tied":
        covs = np.broadcast_to(covs[0], covs.shape)
    if structure in ("full", "tied"):
        return Mixture(weights, Gaussian(means, covs))
    variances = rng.uniform(0.3, 2.0, (k, d if structure == "diagonal" else 1)) * np.ones((1, d))
    return Mixture(weights, DiagonalGaussian(means, variances))


def spread(x, structure):
    """Variances that `EM.reg` is measured in."""
    return np.full(x.shape[1], x.var(axis=0).mean()) if structure == "spherical" else x.var(axis=0)


def assert_same(p, q, tol):
    np.testing.assert_allclose(p.weights, q.weights, rtol=0, atol=tol)
    for name, value in p.components.parameters().items():
        other = q.components.parameters()[name]
        np.testing.assert_allclose(value, other, rtol=0, atol=tol * max(np.abs(other).max(), 1e-300), err_msg=name)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("reg", [0.0, 1e-6, 1e-2])
@pytest.mark.filterwarnings("ignore:.*carry no mass")
def test_the_objective_never_decreases(structure, reg, rng):
    # 4 x 3 x 25 problems, half of them weighted. Rounding: sums of n terms of size |objective|.
    for case in range(25):
        n, d, k = int(rng.integers(60, 400)), int(rng.integers(1, 7)), int(rng.integers(1, 6))
        x = random_law(rng, k, d, "full").sample(n, rng=rng)
        w = rng.dirichlet(np.full(n, 0.7)) if case % 2 else None
        data = Samples(x, w)
        start = random_law(rng, k, d, structure)
        try:
            fit = EM(reg=reg, max_iter=15, tol=0.0, start=start).fit(data, "gaussian", structure=structure, rng=0)
        except SolveError:
            assert reg == 0  # where a component may shrink to a point
            continue
        assert np.diff(fit.history).min(initial=0.0) >= -1e-12 * np.abs(fit.history).max()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_without_a_prior_history_is_the_log_likelihood(structure, rng):
    data = Samples(random_law(rng, 3, 2, structure).sample(300, rng=rng))
    fit = EM(reg=0.0).fit(data, "gaussian", k=2, structure=structure, rng=1)
    assert fit.history[-1] == fit.log_likelihood
    assert fit.log_likelihood == pytest.approx(fit.mixture.log_density(data.points).mean(), abs=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_chunks_add_up_to_the_whole(structure, dtype, rng):
    p = random_law(rng, 4, 5, structure)
    x, w = p.sample(5000, rng=rng).astype(dtype), rng.uniform(0, 2, 5000)
    whole = expectation(p, x, w, structure=structure)
    cuts = [0, 1, 240, 241, 2500, 5000]
    parts = sum_of(expectation(p, x[a:b], w[a:b], structure=structure) for a, b in pairwise(cuts))
    tol = EXACT if dtype is np.float64 else 1e-6  # float32 adds up within blocks of 240 rows
    assert parts.rows == whole.rows == 5000
    for name in ("mass", "first", "second", "objective", "weight"):
        value, other = getattr(parts, name), getattr(whole, name)
        np.testing.assert_allclose(value, other, rtol=0, atol=tol * np.abs(other).max(), err_msg=name)
    assert_same(maximization(parts), maximization(whole), 10 * tol)
    assert whole.mass.sum() == pytest.approx(whole.weight, rel=tol)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_streaming_is_the_fit(structure, rng):
    data = random_law(rng, 3, 3, structure).sample(3000, rng=rng)
    start = p = random_law(rng, 3, 3, structure)
    noise = 1e-6 * spread(data, structure)
    for _ in range(7):
        parts = (expectation(p, part, structure=structure, noise=noise) for part in np.array_split(data, 4))
        p = maximization(sum_of(parts))
    fit = EM(max_iter=7, tol=0.0, start=start).fit(Samples(data), "gaussian", structure=structure)
    assert fit.iterations == 7
    assert_same(p, fit.mixture, 1e-10)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_statistics_are_the_sums_they_claim_to_be(structure, rng):
    p = random_law(rng, 3, 4, structure)
    x, w = p.sample(700, rng=rng), rng.uniform(0, 1, 700)
    s = expectation(p, x, w, structure=structure)
    r = p.responsibilities(x) * w[:, None]
    z = x[:, None, :] - p.components.mean()
    np.testing.assert_allclose(s.reference, p.components.mean(), rtol=1e-15)
    np.testing.assert_allclose(s.mass, r.sum(axis=0), rtol=EXACT)
    np.testing.assert_allclose(s.first, np.einsum("nk,nki->ki", r, z), rtol=0, atol=1e-11)
    second = np.einsum("nk,nki,nkj->kij", r, z, z)
    if structure == "tied":
        second = second.sum(axis=0)
    elif structure != "full":
        second = np.diagonal(second, axis1=1, axis2=2)
    np.testing.assert_allclose(s.second, second, rtol=0, atol=1e-11 * np.abs(second).max())
    assert s.objective == pytest.approx(w @ p.log_density(x), rel=EXACT)
    np.testing.assert_allclose(s.variances(), np.cov(x.T, aweights=w, bias=True).diagonal(), rtol=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_fit_that_stands_still_is_its_own_m_step(structure, rng):
    law = Mixture([0.4, 0.6], Gaussian([[-2.0, 0, 0], [2.0, 1, 0]], [np.eye(3)] * 2))
    data = law.sample(2000, rng=rng)
    fit = EM(**STILL).fit(Samples(data), "gaussian", k=2, structure=structure, rng=0)
    assert fit.status is Status.CONVERGED
    again = maximization(expectation(fit.mixture, data, structure=structure, noise=1e-6 * spread(data, structure)))
    assert_same(fit.mixture, again, 1e-6)  # the objective is flat to second order: sqrt(eps) times the rate


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_scaled_data_give_the_scaled_fit(structure, factor, rng):
    data = random_law(rng, 3, 3, structure).sample(400, rng=rng)
    one = EM().fit(Samples(data), "gaussian", k=3, structure=structure, rng=3)
    other = EM().fit(Samples(data * factor), "gaussian", k=3, structure=structure, rng=3)
    assert one.iterations == other.iterations
    assert other.log_likelihood == pytest.approx(one.log_likelihood - 3 * np.log(factor), abs=1e-9)
    back = other.mixture.affine(1 / factor)
    assert_same(back, one.mixture, 1e-7)


def test_affine_images_of_the_data_give_the_image_of_the_fit(rng):
    data, start = random_law(rng, 3, 3, "full").sample(500, rng=rng), random_law(rng, 3, 3, "full")
    matrix, shift = rng.standard_normal((3, 3)) + 2 * np.eye(3), rng.standard_normal(3)
    options = {"reg": 0.0, "tol": 0.0, "max_iter": 10}  # the prior knows the axes
    fit = EM(start=start, **options).fit(Samples(data), "gaussian")
    image = EM(start=start.affine(matrix, shift), **options).fit(Samples(data @ matrix.T + shift), "gaussian")
    assert_same(image.mixture, fit.mixture.affine(matrix, shift), 1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_order_of_the_rows_does_not_matter(structure, rng):
    data, start = random_law(rng, 3, 2, structure).sample(1000, rng=rng), random_law(rng, 3, 2, structure)
    em = EM(start=start, max_iter=10, tol=0.0)
    fit = em.fit(Samples(data), "gaussian", structure=structure)
    mixed = em.fit(Samples(rng.permutation(data)), "gaussian", structure=structure)
    assert_same(mixed.mixture, fit.mixture, 1e-10)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_weights_are_repeated_rows(structure, rng):
    data, start = random_law(rng, 3, 2, structure).sample(500, rng=rng), random_law(rng, 3, 2, structure)
    counts = rng.integers(0, 4, 500)
    em = EM(start=start, max_iter=10, tol=0.0)
    weighted = em.fit(Samples(data, counts / counts.sum()), "gaussian", structure=structure)
    repeated = em.fit(Samples(np.repeat(data, counts, axis=0)), "gaussian", structure=structure)
    assert_same(weighted.mixture, repeated.mixture, 1e-10)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, abs=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_covariances_have_their_structure(structure, rng):
    data = random_law(rng, 3, 4, "full").sample(600, rng=rng)
    components = EM().fit(Samples(data), "gaussian", k=3, structure=structure, rng=0).mixture.components
    assert isinstance(components, Gaussian if structure in ("full", "tied") else DiagonalGaussian)
    if structure == "tied":
        assert (components.covs == components.covs[0]).all()
    if structure == "spherical":
        assert (components.variances == components.variances[:, :1]).all()
    if structure == "full":
        assert np.abs(components.covs - components.covs[0]).max() > 0.01


def test_the_diagonal_family_is_the_diagonal_structure(rng):
    data = Samples(random_law(rng, 3, 2, "full").sample(300, rng=rng))
    one = EM().fit(data, "diagonal", k=2, rng=0)
    other = EM().fit(data, "gaussian", k=2, structure="diagonal", rng=0)
    assert_same(one.mixture, other.mixture, 0.0)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_number_of_threads_changes_nothing(structure, rng, monkeypatch):
    data, start = random_law(rng, 3, 6, structure).sample(9000, rng=rng), random_law(rng, 3, 6, structure)
    fits = []
    for threads in (1, 2, 5):
        monkeypatch.setenv("MIXOT_NUM_THREADS", str(threads))
        fits.append(EM(start=start, max_iter=3, tol=0.0).fit(Samples(data), "gaussian", structure=structure))
    for fit in fits[1:]:
        assert_same(fit.mixture, fits[0].mixture, 0.0)
        assert fit.log_likelihood == fits[0].log_likelihood


@pytest.mark.parametrize("structure", STRUCTURES)
def test_float32_is_float64_to_its_digits(structure, rng):
    # far from the origin: centred before it is rounded
    data, start = random_law(rng, 3, 5, structure).sample(4000, rng=rng), random_law(rng, 3, 5, structure)
    data = (data + 50.0).astype(np.float32)
    start = start.affine(np.eye(5), np.full(5, 50.0))
    em = EM(start=start, max_iter=10, tol=0.0)
    single = em.fit(Samples(data), "gaussian", structure=structure)
    double = em.fit(Samples(data.astype(np.float64)), "gaussian", structure=structure)
    assert single.log_likelihood == pytest.approx(double.log_likelihood, abs=1e-5)
    assert_same(single.mixture, double.mixture, 1e-4)


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_k_is_found_where_it_is_clear(criterion, rng):
    law = Mixture([0.3, 0.3, 0.4], Gaussian([[-8.0, 0], [0, 8], [8, 0]], [np.eye(2)] * 3))
    fit = EM(criterion=criterion, k_max=6).fit(Samples(law.sample(500, rng=rng)), "gaussian", rng=0)
    assert len(fit.mixture) == 3
    assert [c.k for c in fit.candidates] == [1, 2, 3, 4, 5, 6]
    assert fit.criterion == min(c.criterion for c in fit.candidates)


def test_icl_is_bic_where_nothing_overlaps_and_more_where_something_does(rng):
    apart = Samples(np.concatenate([rng.standard_normal(200) - 60, rng.standard_normal(200) + 60]))
    close = Samples(np.concatenate([rng.standard_normal(200) - 1, rng.standard_normal(200) + 1]))
    for data, equal in ((apart, True), (close, False)):
        start = EM().fit(data, "gaussian", k=2, rng=0).mixture
        bic, icl = (EM(criterion=c, start=start).fit(data, "gaussian").criterion for c in ("bic", "icl"))
        assert (icl == pytest.approx(bic, abs=1e-12)) is equal
        assert icl >= bic


def test_a_grid_is_its_pixels(rng):
    values = rng.uniform(0, 1, (12, 9)) * (rng.uniform(0, 1, (12, 9)) > 0.3)
    grid = Grid(values, [[0, 3], [0, 1]])
    start = Mixture([0.5, 0.5], Gaussian([[1.0, 0.5], [2.0, 0.5]], [np.eye(2)] * 2))
    em = EM(start=start, max_iter=5, tol=0.0)
    assert_same(em.fit(grid, "gaussian").mixture, em.fit(grid.centers(), "gaussian").mixture, 0.0)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
def test_precisions_are_factored(d, rng):
    root = rng.standard_normal((5, d, d + 2))
    covs = root @ root.swapaxes(1, 2)
    factors = _inverse_factors(covs)
    np.testing.assert_array_equal(factors, np.triu(factors))
    np.testing.assert_allclose(factors @ factors.swapaxes(1, 2) @ covs, [np.eye(d)] * 5, atol=1e-10)  # cond up to 1e4


def test_empty_components_are_reseeded(rng):
    data = np.concatenate([rng.standard_normal((300, 2)), rng.standard_normal((300, 2)) + 8])
    start = Mixture([0.5, 0.5], Gaussian([[4.0, 4.0], [1e6, 1e6]], [np.eye(2) * 16] * 2))  # nothing lives at 1e6
    for structure in ("full", "tied"):
        start = Mixture(start.weights, Gaussian(start.components.means, [np.eye(2) * 16] * 2))
        fit = EM(start=start).fit(Samples(data), "gaussian", structure=structure, rng=0)
        np.testing.assert_allclose(fit.mixture.weights, 0.5, atol=0.01)
        assert np.diff(fit.history).min() >= -1e-12


def test_twice_the_same_seed_twice_the_same_fit(rng):
    data = Samples(random_law(rng, 4, 3, "full").sample(800, rng=rng))
    one, other = (EM(subsample=300).fit(data, "gaussian", k=4, rng=11) for _ in range(2))
    assert_same(one.mixture, other.mixture, 0.0)


def test_a_start_on_a_subsample_ends_where_a_start_on_all_does(rng):
    law = Mixture([0.3, 0.3, 0.4], Gaussian([[-6.0, 0], [0, 6], [6, 0]], [np.eye(2)] * 3))
    data = Samples(law.sample(20_000, rng=rng), rng.dirichlet(np.full(20_000, 2.0)))
    part, whole = (EM(subsample=size, tol=1e-9).fit(data, "gaussian", k=3, rng=0) for size in (2000, 20_000))
    assert part.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-7)


def test_progress_is_told_every_iteration(rng):
    ticks = []
    data = Samples(random_law(rng, 2, 2, "full").sample(200, rng=rng))
    fit = EM(starts=1).fit(data, "gaussian", k=2, rng=0, progress=ticks.append)
    assert [t.step for t in ticks] == list(range(1, fit.iterations + 1))
    assert [t.value for t in ticks] == fit.history.tolist()


def test_the_status_says_when_the_limit_was_reached(rng):
    data = Samples(random_law(rng, 3, 2, "full").sample(500, rng=rng))
    with pytest.warns(AccuracyWarning, match="raise max_iter"):
        assert EM(max_iter=2).fit(data, "gaussian", k=3, rng=0).status is Status.MAX_ITER
    assert EM().fit(data, "gaussian", k=3, rng=0).status is Status.CONVERGED


@pytest.mark.parametrize("structure", STRUCTURES)
def test_constant_columns_work_and_say_so(structure, rng):
    data = np.column_stack([rng.standard_normal(200), np.full(200, 7.3), rng.standard_normal(200) * 5])
    with pytest.warns(AccuracyWarning, match=r"constant columns: 1 \(value 7\.3\)"):
        fit = EM().fit(Samples(data), "gaussian", k=2, structure=structure, rng=0)
    assert fit.notes
    assert fit.notes[0].startswith("constant columns: 1")
    np.testing.assert_allclose(fit.mixture.components.mean()[:, 1], 7.3, rtol=1e-14)
    if structure != "spherical":
        assert (fit.mixture.components.cov()[:, 1, 1] < 1e-3).all()
    assert np.isfinite(fit.log_likelihood)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_duplicated_rows_work(structure, rng):
    data = np.repeat(rng.standard_normal((6, 2)), 50, axis=0)
    fit = EM().fit(Samples(data), "gaussian", k=6, structure=structure, rng=0)
    assert np.isfinite(fit.log_likelihood)
    assert np.diff(fit.history).min(initial=0.0) >= -1e-12 * np.abs(fit.history).max()


def test_collinear_columns_work(rng):
    t = rng.standard_normal(300)
    fit = EM().fit(Samples(np.column_stack([t, 2 * t, -t])), "gaussian", k=2, rng=0)
    assert np.isfinite(fit.log_likelihood)
