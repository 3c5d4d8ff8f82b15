"""Laws of how EM starts, goes on and stops: wherever the axes point, it ends where the truth would have led it."""

import numpy as np
import pytest

from mixot import EM, DiagonalGaussian, Gaussian, Mixture, Samples
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import EMLimits
from mixot.fitting.likelihood.gaussian.statistics import STRUCTURES
from mixot.fitting.likelihood.starts.insertions import insertions
from mixot.fitting.likelihood.starts.moves import losses, memberships, moves
from mixot.fitting.likelihood.starts.split_and_merge import splits
from mixot.fitting.likelihood.starts.views import Views, whitened


def cigars(rng):
    """Three parallel cigars of 60:1, and which of them each point is from."""
    x = [np.column_stack([rng.normal(0, 30, 500), rng.normal(0, 0.5, 500) + 4 * j]) for j in range(3)]
    return np.concatenate(x), np.repeat(np.arange(3), 500)


def sizes(rng):
    """Four groups of 50 in five dimensions that differ by little across one large factor, as animals do by size."""
    labels = np.repeat(np.arange(4), 50)
    grown = rng.normal(0, 1, 200)[:, None] * [3.5, 2.6, 7.1, 7.9, 3.4]
    apart = np.array([[1.0, 0, 1, 0, -1], [-1, 1, 0, 0, 1], [0, -1, -1, 1, 0], [0, 0, 1, -1, 1]])
    return grown + apart[labels] + 0.35 * rng.standard_normal((200, 5)), labels


def sheared(x, rng):
    """The points under a random rotation, shear and rotation."""
    d = x.shape[1]
    turn = [np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2)]
    return x @ turn[0] @ (np.eye(d) + np.triu(rng.standard_normal((d, d)), 1)) @ turn[1]


def overlapping(rng, n=600, d=3, k=4):
    means, root = 1.6 * rng.standard_normal((k, d)), rng.standard_normal((k, d, d + 1)) / np.sqrt(d)
    labels = rng.integers(k, size=n)
    return means[labels] + np.einsum("nij,nj->ni", root[labels], rng.standard_normal((n, d + 1))), labels


def from_the_truth(x, labels, **options):
    k = labels.max() + 1
    parts = [x[labels == j] for j in range(k)]
    truth = Gaussian([part.mean(axis=0) for part in parts], [np.cov(part.T) for part in parts])
    return EM(start=Mixture(np.bincount(labels) / len(x), truth), **options).fit(Samples(x), "gaussian")


@pytest.mark.parametrize("make", [cigars, sizes])
def test_clusters_are_found_wherever_the_axes_point(make):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, labels = make(rng)
        x = sheared(x, rng) if seed else x
        found = EM().fit(Samples(x), "gaussian", k=int(labels.max()) + 1, rng=seed)
        assert len(x) * (found.log_likelihood - from_the_truth(x, labels).log_likelihood) > -1.0, seed


def test_an_affine_image_is_as_likely(rng):
    x, _ = overlapping(rng)
    em = EM(reg=1e-9)  # what is added to the variances knows the axes
    one = em.fit(Samples(x), "gaussian", k=4, rng=0)
    matrix = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    other = em.fit(Samples(x @ matrix.T + 7.0), "gaussian", k=4, rng=0)
    moved = one.log_likelihood - np.linalg.slogdet(matrix)[1]
    assert len(x) * abs(other.log_likelihood - moved) < 1.0


def test_invariant_views_are_invariant(rng):
    x, _ = overlapping(rng)
    image = x @ (rng.standard_normal((3, 3)) + 2 * np.eye(3)).T + 5.0
    views = [Views(GaussianEM.of(each, np.ones(len(x)), "full", 0.0)) for each in (x, image)]
    (one, kurtosis), (other, same) = (each._invariant for each in views)
    np.testing.assert_allclose(same, kurtosis, rtol=1e-9)
    np.testing.assert_allclose(np.abs(other), np.abs(one), atol=1e-8)  # but for the signs of axes
    np.testing.assert_allclose(np.cov(whitened(image, np.ones(len(x))).T, bias=True), np.eye(3), atol=1e-10)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_start_from_labels_is_an_m_step(structure, rng):
    x, labels = overlapping(rng, n=300)
    w = rng.uniform(0.5, 2.0, 300)
    em = GaussianEM.of(x, w, structure, 1e-3)
    state = em.from_labels(labels, 4)
    np.testing.assert_allclose(state.weights, np.bincount(labels, w) / w.sum(), rtol=1e-12)
    means = np.stack([np.average(x[labels == j], axis=0, weights=w[labels == j]) for j in range(4)])
    np.testing.assert_allclose(state.means, means, rtol=0, atol=1e-12)
    covs = np.stack([np.cov(x[labels == j].T, aweights=w[labels == j], bias=True) for j in range(4)])
    if structure == "tied":
        covs = np.einsum("k,kij->ij", state.weights, covs) + np.diag(em.noise)
    elif structure == "full":
        covs = covs + np.diag(em.noise)
    else:
        covs = np.diagonal(covs, axis1=1, axis2=2) + em.noise
        covs = np.repeat(covs.mean(axis=1, keepdims=True), 3, axis=1) if structure == "spherical" else covs
    np.testing.assert_allclose(state.covs, covs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_extrapolated_runs_end_where_plain_ones_do_and_sooner(structure, rng):
    passes = np.zeros(2)
    for _ in range(6):
        x, labels = overlapping(rng, d=2, k=3)
        em = GaussianEM.of(x, np.ones(len(x)), structure, 1e-6)
        runs = [em.run(em.on_labels(labels, 3), EMLimits(5000, 1e-12, accelerated=quick)) for quick in (True, False)]
        top = max(run.objective for run in runs)
        passes += [int(np.argmax(run.history >= top - 1e-9)) for run in runs]
        assert [run.end for run in runs] == ["converged"] * 2
        assert np.diff(runs[0].history).min() >= -1e-13
        assert runs[0].objective >= top - 1e-9
    assert passes[0] < 0.7 * passes[1]


def test_extrapolation_does_not_depend_on_the_axes(rng):
    x, labels = overlapping(rng)
    matrix = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    paths = []
    for points in (x, x @ matrix.T):
        em = GaussianEM.of(points, np.ones(len(x)), "full", 0.0)
        paths.append(em.run(em.on_labels(labels, 4), EMLimits(25, 1e-12)).history)
    np.testing.assert_allclose(paths[1] + np.linalg.slogdet(matrix)[1], paths[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_runs_in_float32_keep_their_best(structure, rng):
    x, _ = overlapping(rng, n=2000)
    fit = EM(tol=0.0, max_iter=300, starts=1).fit(Samples(x.astype(np.float32)), "gaussian", k=4, structure=structure)
    assert np.diff(fit.history).min() >= 0.0
    data = GaussianEM.of(x.astype(np.float32), np.ones(len(x)), structure, 1e-6)
    last = data.run(data.into_kernel(data.state(fit.mixture)), EMLimits(0, 0.0))
    assert last.objective == pytest.approx(fit.history.max(), abs=2e-7)  # the state is that of the largest


def test_by_default_a_run_stops_at_what_matters(rng):
    x, _ = overlapping(rng)
    free = 3 + 4 * 3 + 4 * 6
    asked = EM(tol=1e-3 * free / len(x)).fit(Samples(x), "gaussian", k=4, rng=0)
    assert EM().fit(Samples(x), "gaussian", k=4, rng=0).history.tolist() == asked.history.tolist()


def test_a_split_and_a_merger_leave_a_poor_maximum(rng):
    x = rng.standard_normal((900, 2)) + np.repeat([[-8.0, 0], [0, 0], [8, 0]], 300, axis=0)
    labels = np.repeat([0, 1, 1], 300)
    labels[:300] = np.where(x[:300, 1] > 0, 0, 2)  # two components in one cluster, one in two
    em = GaussianEM.of(x, np.ones(900), "full", 1e-6)
    poor = em.run(em.on_labels(labels, 3), EMLimits(500, 1e-7))
    best = em.run(em.on_labels(np.repeat(np.arange(3), 300), 3), EMLimits(500, 1e-7))
    assert poor.objective < best.objective - 0.05
    state = em.out_of_kernel(poor.state)
    wide = int(np.argmax(state.covs[:, 0, 0]))
    assert splits(em, state, memberships(em, state).shares)[0].component == wide
    first = em.run(em.into_kernel(moves(em, state, 1)[0].state), EMLimits(500, 1e-7))
    assert first.objective == pytest.approx(best.objective, abs=1e-5)


def beside_a_large_one(rng, d, sizes):
    """A large cluster and small dense ones at some distance, which an affine map has turned."""
    x = [rng.standard_normal((3000, d))]
    for n in sizes:
        away = rng.standard_normal(d)
        x.append(rng.uniform(6, 9) * away / np.linalg.norm(away) + 0.3 * rng.standard_normal((n, d)))
    x = np.concatenate(x)
    return (sheared(x, rng) if d > 1 else x), np.repeat(np.arange(len(sizes) + 1), [3000, *sizes])


@pytest.mark.parametrize(("d", "sizes"), [(1, (9,)), (2, (15, 8)), (3, (30, 12, 10)), (5, (14, 40))])
def test_small_clusters_beside_a_large_one_are_found(d, sizes, rng):
    for seed in range(3):
        x, labels = beside_a_large_one(rng, d, sizes)
        fit = EM().fit(Samples(x), "gaussian", k=len(sizes) + 1, rng=seed)
        assert len(x) * (fit.log_likelihood - from_the_truth(x, labels).log_likelihood) > -1.0


def test_a_component_goes_where_rows_are_denser_than_expected(rng):
    x, labels = beside_a_large_one(rng, 2, (12,))
    em = GaussianEM.of(x, np.ones(len(x)), "full", 1e-6)
    one = em.from_labels(np.zeros(len(x), dtype=np.int64), 1)
    found = insertions(em, one, memberships(em, one).log_p)[0]
    np.testing.assert_allclose(found.weight * len(x), 12, atol=0.1)
    np.testing.assert_allclose(found.mean, x[labels == 1].mean(axis=0), rtol=1e-3)
    both = float((np.logaddexp(*em.log_joint(em.from_labels(labels, 2)).T) - memberships(em, one).log_p).mean())
    assert 0.8 * both < found.gain < both  # the other component has not changed
    blob = x[labels == 0]
    alone = GaussianEM.of(blob, np.ones(len(blob)), "full", 1e-6)
    law = alone.from_labels(np.zeros(len(blob), dtype=np.int64), 1)
    assert not insertions(alone, law, memberships(alone, law).log_p)


def test_the_loss_of_a_merger_is_that_at_the_rows(rng):
    x, labels = overlapping(rng)
    em = GaussianEM.of(x, np.ones(len(x)), "full", 0.0)
    state = em.from_labels(labels, 4)
    pair = losses(em, state, memberships(em, state), [(2, 1)])
    united = em.log_likelihood(em.from_labels(np.where(labels == 2, 1, np.where(labels == 3, 2, labels)), 3))
    assert pair[0][2] == pytest.approx(em.log_likelihood(state) - united, abs=1e-9)


def test_a_search_without_noise_survives_components_that_collapse(rng):
    x = rng.integers(0, 3, size=(60, 2)) + 1e-3 * rng.standard_normal((60, 2))
    fit = EM(reg=0.0, starts=4).fit(Samples(np.concatenate([x, x + 20.0])), "gaussian", k=2, rng=0)
    assert np.isfinite(fit.log_likelihood)


def test_a_row_changes_its_component_as_if_both_were_fitted_again():
    x = np.random.default_rng(3).standard_normal((30, 6)) + np.repeat([[0.0], [9.0]], 15, axis=0) * np.eye(6)[0]
    labels = np.repeat([0, 1], 15)
    labels[0] = 1  # a row of the first cluster, which the second one holds
    em = GaussianEM.of(x, np.ones(30), "full", 0.0)
    held = em.run(em.on_labels(labels, 2), EMLimits(500, 1e-12))
    assert held.shares[1] * 30 > 15.99  # EM does not let it go
    free = em.out_of_kernel(em.exchanged(held.following))
    labels[0] = 0
    again = em.from_labels(labels, 2)
    for one, other in zip(free, again, strict=True):
        np.testing.assert_allclose(one, other, atol=0.02)
    assert em.log_likelihood(again) > held.objective + 1 / 30
    assert em.exchanged(em.into_kernel(again)) is None


@pytest.mark.parametrize("structure", STRUCTURES)
def test_more_components_are_never_less_likely(structure, rng):
    x, _ = overlapping(rng, d=2)
    fit = EM(k_max=7).fit(Samples(x), "gaussian", structure=structure, rng=0)
    likelihoods = [each.log_likelihood for each in fit.candidates]
    assert np.diff(likelihoods).min() > -1e-3
    alone = EM().fit(Samples(x), "gaussian", k=len(fit.mixture), structure=structure, rng=1)
    assert len(x) * (fit.log_likelihood - alone.log_likelihood) > -1.0  # the choice was searched as if it were given


@pytest.mark.parametrize("k", [3, 50])
def test_draws_are_those_of_a_choice_and_a_root(k, rng):
    roots = rng.standard_normal((k, 3, 4))
    roots[0, :, 1:] = 0.0  # a law on a line
    weights, means, covs = rng.dirichlet(np.ones(k)), rng.standard_normal((k, 3)), roots @ roots.swapaxes(1, 2)
    drawn = Mixture(weights, Gaussian(means, covs)).sample(500, rng=4)
    labels = np.random.default_rng(4).choice(k, size=500, p=weights)
    diagonal = Mixture(weights, DiagonalGaussian(means, np.ones((k, 3)))).sample(500, rng=4)
    nearest = np.random.default_rng(4)
    assert (nearest.choice(k, size=500, p=weights) == labels).all()
    np.testing.assert_array_equal(diagonal, means[labels] + nearest.standard_normal((500, 3)))
    for j in np.unique(labels):
        laws = Gaussian(means[j : j + 1], covs[j : j + 1])
        assert np.isfinite(laws.log_prob(drawn[labels == j])).all()
    line = drawn[labels == 0] - means[0]
    np.testing.assert_allclose(np.cross(line, roots[0, :, 0]), 0.0, atol=1e-8)
