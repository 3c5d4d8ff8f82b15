"""Laws of fits to moments: derivatives, descent, invariance, and recovery from exact moments."""

import numpy as np
import pytest

from mixot import DiagonalGaussian, Gaussian, Grid, Mixture, Samples, _native
from mixot.fitting.likelihood.starts.k_means import lloyd
from mixot.fitting.moments.k_means_on_a_law import gauss_hermite_nodes, kmeans_centers
from mixot.fitting.moments.moment_matching import MomentMatching, blind_start
from mixot.fitting.moments.polish import (
    Atoms,
    Polisher,
    cheapest_merges,
    one_component,
    outside,
    packed,
    splits,
    unpacked,
)
from mixot.fitting.moments.target import STRUCTURES, MomentTarget, component_parameters, gaussian_chebyshev
from mixot.formulas.polynomial.chebyshev import (
    chebyshev_of_powers,
    chebyshev_statistics,
    chebyshev_values,
    derivative_matrices,
    product_covariance,
    shifted_powers,
)
from mixot.formulas.polynomial.moments import exponents, sample_moments


def random_law(rng, k, d, structure, spread=2.0):
    root = rng.standard_normal((k, d, d + 2))
    covs = unpacked(packed(0.3 * root @ root.swapaxes(1, 2) / d, structure), d)
    return Mixture(rng.dirichlet(np.full(k, 5.0)), Gaussian(spread * rng.standard_normal((k, d)), covs))


def random_atoms(rng, k, d, structure):
    """Atoms well inside the box of a target."""
    root = rng.standard_normal((k, d, d + 2))
    covs = packed(0.05 * np.eye(d) + 0.01 * root @ root.swapaxes(1, 2), structure)
    return Atoms(rng.dirichlet(np.full(k, 5.0)), rng.uniform(-0.8, 0.8, (k, d)), covs)


def moments_of(atoms, d):
    """Mass, mean and covariance of the whole mixture."""
    covs = unpacked(atoms.covs, d)
    mean = atoms.weights @ atoms.means
    away = atoms.means - mean
    return mean, np.einsum("k,kij->ij", atoms.weights, covs + away[:, :, None] * away[:, None, :])


def matched(p, q):
    """Largest difference of weights, means and covariances under the best of the orders that the means suggest."""
    nearest = np.abs(p.components.mean()[:, None] - q.components.mean()).sum(axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(len(p)))
    return max(
        float(np.abs(p.weights - q.weights[nearest]).max()),
        float(np.abs(p.components.mean() - q.components.mean()[nearest]).max()),
        float(np.abs(p.components.cov() - q.components.cov()[nearest]).max()),
    )


# ---- the basis ----


@pytest.mark.parametrize("d", [1, 2, 3])
def test_chebyshev_moments_are_integrals(d, rng):
    # 20 Gauss-Hermite nodes an axis integrate polynomials of degree 39 exactly
    p, degree = random_law(rng, 3, d, "full", spread=0.5), 8
    points, weights = gauss_hermite_nodes(p, 20)
    direct = weights @ chebyshev_values(points, degree)
    np.testing.assert_allclose(gaussian_chebyshev(p, degree), direct, rtol=0, atol=1e-10 * np.abs(direct).max())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures_agree_where_they_meet(structure, rng):
    d, powers = 2, exponents(2, 6)
    means, v = rng.uniform(-0.5, 0.5, (3, d)), rng.uniform(0.05, 0.2, (3, 1))
    covs, out, wide = packed(v[:, :, None] * np.eye(d), structure), np.empty((3, 28)), np.empty((3, 28))
    _native.chebyshev_moments(powers, structure, means, covs, out)
    _native.chebyshev_moments(powers, "full", means, packed(v[:, :, None] * np.eye(d), "full"), wide)
    np.testing.assert_allclose(out, wide, rtol=0, atol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_bases_agree(d, rng):
    x, w, degree = rng.uniform(-1, 1, (400, d)), rng.dirichlet(np.ones(400)), 6
    means, cov = chebyshev_statistics(x, w, degree)
    values = chebyshev_values(x, degree)
    np.testing.assert_allclose(means, w @ values, atol=1e-14)
    np.testing.assert_allclose(cov, (values * w[:, None]).T @ values - np.outer(w @ values, w @ values), atol=1e-13)
    raw = sample_moments(x, w, degree)
    np.testing.assert_allclose(chebyshev_of_powers(raw, d, degree), means, atol=1e-12)
    double = chebyshev_statistics(x, w, 2 * degree)[0]
    np.testing.assert_allclose(product_covariance(double, d, degree), cov, atol=1e-13)
    center, scale = rng.standard_normal(d), rng.uniform(0.5, 2.0, d)
    moved = sample_moments((x - center) / scale, w, degree)
    np.testing.assert_allclose(shifted_powers(raw, d, degree, center, scale), moved, atol=1e-11 * np.abs(moved).max())


@pytest.mark.parametrize("d", [1, 2, 3])
def test_derivative_matrices_differentiate(d, rng):
    x, step, degree = rng.uniform(-0.9, 0.9, (20, d)), 1e-6, 7
    for j, matrix in enumerate(derivative_matrices(d, degree)):
        unit = step * np.eye(d)[j]
        difference = (chebyshev_values(x + unit, degree) - chebyshev_values(x - unit, degree)) / (2 * step)
        np.testing.assert_allclose(chebyshev_values(x, degree) @ matrix.T, difference, atol=1e-6)


# ---- J and its derivatives ----


def residuals(target, structure, atoms):
    q = len(atoms.weights) * component_parameters(target.dim, structure)
    r, jacobian = np.empty(target.equations), np.empty((target.equations, q))
    box = (target.floor, 4.0, 1.0)
    whitened = target.whitening @ target.moments
    _native.moment_residuals(
        target.powers, target.operators(structure), whitened, structure, box, *map(np.ascontiguousarray, atoms), r,
        jacobian,
    )  # fmt: skip
    return r, jacobian


def from_parameters(theta, k, d, structure, floor):
    """Atoms at the parameters of the kernel: logits, means, logarithms of variances or log-Cholesky factors."""
    weights = np.exp(theta[:k] - theta[:k].max())
    shapes = theta[k * (1 + d) :].reshape(k, -1)
    if structure != "full":
        covs = floor + np.exp(shapes)
    else:
        lower = np.zeros((k, d, d))
        lower[:, *np.tril_indices(d)] = shapes
        lower[:, range(d), range(d)] = np.exp(lower[:, range(d), range(d)])
        covs = packed(lower @ lower.swapaxes(1, 2) + floor * np.eye(d), "full")
    return Atoms(weights / weights.sum(), theta[k : k * (1 + d)].reshape(k, d), covs)


def to_parameters(atoms, d, structure, floor):
    if structure != "full":
        shapes = np.log(atoms.covs - floor)
    else:
        factors = np.linalg.cholesky(unpacked(atoms.covs, d) - floor * np.eye(d))
        factors[:, range(d), range(d)] = np.log(factors[:, range(d), range(d)])
        shapes = factors[:, *np.tril_indices(d)]
    return np.concatenate([np.log(atoms.weights), atoms.means.ravel(), shapes.ravel()])


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_jacobian_is_the_derivative(structure, d, rng):
    k = 3
    target = MomentTarget.of(Samples(random_law(rng, k, d, "full").sample(600, rng=rng)), 6, structure=structure)
    atoms = random_atoms(rng, k, d, structure)
    theta = to_parameters(atoms, d, structure, target.floor)
    _, jacobian = residuals(target, structure, atoms)
    step = 1e-6
    for a in range(len(theta)):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[a] += sign * step
            ends.append(residuals(target, structure, from_parameters(moved, k, d, structure, target.floor))[0])
        # central differences: rounding of residuals of size |r| over the step
        size = max(np.abs(ends).max(), 1.0)
        np.testing.assert_allclose(jacobian[:, a], (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=2e-8 * size)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_j_does_not_depend_on_units(structure, rng):
    # a power of two and a shift that rounds: the box, and all in it, is the same up to that rounding
    x = random_law(rng, 3, 2, structure).sample(500, rng=rng)
    start = random_law(rng, 3, 2, structure)
    scale = np.array([1e3, 1e3]) if structure == "spherical" else np.array([1e3, 1e-4])
    results = []
    for a, b in ((np.ones(2), np.zeros(2)), (scale, np.array([50.0, -3.0]))):
        target = MomentTarget.of(Samples(x * a + b * a), 8, structure=structure)
        (found,) = Polisher(structure).polish(target, [start.affine(np.diag(a), b * a)])
        results.append((found, found.mixture.affine(np.diag(1 / a), -b)))
    assert results[0][0].objective == pytest.approx(results[1][0].objective, rel=1e-6)
    np.testing.assert_allclose(results[0][1].components.mean(), results[1][1].components.mean(), atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_j_never_increases(structure, rng):
    target = MomentTarget.of(Samples(random_law(rng, 4, 2, "full").sample(800, rng=rng)), 8, structure=structure)
    starts = [outside(target, random_atoms(rng, 4, 2, structure), structure) for _ in range(10)]
    paths = [
        [polished.objective for polished in Polisher(structure, max_iter=most, tol=0.0).polish(target, starts)]
        for most in range(1, 16)
    ]
    assert (np.diff(paths, axis=0) <= 1e-12 * np.max(paths)).all()
    assert (np.array(paths[-1]) < paths[0]).all()


def test_the_order_of_components_does_not_matter(rng):
    target = MomentTarget.of(Samples(random_law(rng, 4, 2, "full").sample(800, rng=rng)), 8)
    start = outside(target, random_atoms(rng, 4, 2, "full"), "full")
    order = np.array([2, 0, 3, 1])
    turned = Mixture(start.weights[order], start.components.take(order))
    one, other = Polisher("full", max_iter=30).polish(target, [start, turned])
    assert one.objective == pytest.approx(other.objective, rel=1e-9)
    np.testing.assert_allclose(one.mixture.components.mean()[order], other.mixture.components.mean(), atol=1e-6)


def test_starts_do_not_see_each_other(rng):
    target = MomentTarget.of(Samples(random_law(rng, 3, 2, "full").sample(800, rng=rng)), 8)
    starts = [outside(target, random_atoms(rng, k, 2, "full"), "full") for k in (3, 2, 3, 1)]
    together = Polisher("full").polish(target, starts)
    alone = [Polisher("full").polish(target, [start])[0] for start in starts]
    assert [polished.objective for polished in together] == [polished.objective for polished in alone]


def test_repeated_rows_are_weights(rng):
    x, counts = random_law(rng, 2, 2, "full").sample(300, rng=rng), rng.integers(1, 4, 300)
    one = MomentTarget.of(Samples(x, counts / counts.sum()), 6, count=int(counts.sum()))
    other = MomentTarget.of(Samples(np.repeat(x, counts, axis=0)), 6)
    np.testing.assert_allclose(one.moments, other.moments, atol=1e-13)
    np.testing.assert_allclose(one.omega, other.omega, atol=1e-13)
    assert one.count == pytest.approx(other.count)


# ---- merges and splits ----


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_merges_and_splits_keep_mass_mean_and_covariance(structure, d, rng):
    atoms = random_atoms(rng, 4, d, structure)
    mean, cov = moments_of(atoms, d)
    moved = [*cheapest_merges(atoms, 6, d, structure), *splits(atoms, d, structure)]
    assert [len(each.weights) for each in moved] == [3] * 6 + [5] * 4
    for each in moved:
        assert each.weights.sum() == pytest.approx(1.0)
        own_mean, own_cov = moments_of(each, d)
        np.testing.assert_allclose(own_mean, mean, atol=1e-14)
        if structure == "full":
            np.testing.assert_allclose(own_cov, cov, atol=1e-14)
        if structure == "diagonal":
            np.testing.assert_allclose(np.diagonal(own_cov), np.diagonal(cov), atol=1e-14)
        assert np.trace(own_cov) == pytest.approx(np.trace(cov))


def test_the_cheapest_merge_is_of_twins(rng):
    atoms = random_atoms(rng, 4, 2, "full")
    twins = Atoms(atoms.weights, atoms.means[[0, 1, 2, 1]], atoms.covs[[0, 1, 2, 1]])
    (merged,) = cheapest_merges(twins, 1, 2, "full")
    np.testing.assert_allclose(merged.weights, [*twins.weights[[0, 2]], twins.weights[1] + twins.weights[3]])
    np.testing.assert_allclose(merged.means[-1], twins.means[1], atol=1e-15)


def test_one_component_has_the_moments_of_the_law(rng):
    p = random_law(rng, 3, 3, "full")
    whole = one_component(MomentTarget.of(p, 4), "full")
    np.testing.assert_allclose(whole.mean(), p.mean(), atol=1e-12)
    np.testing.assert_allclose(whole.cov(), p.cov(), atol=1e-12 * np.abs(p.cov()).max())


# ---- recovery ----


def mixture_on_the_line(rng):
    while True:
        means, std = np.sort(rng.uniform(-2, 2, 3)), rng.uniform(0.1, 0.5, 3)
        weights = rng.dirichlet(np.full(3, 2.0))
        if weights.min() >= 0.08 and (np.diff(means) / (std[1:] + std[:-1])).min() >= 0.5:
            return Mixture(weights, DiagonalGaussian(means, std**2))


def test_ten_exact_moments_give_three_laws_on_the_line(rng):
    for _ in range(20):
        p = mixture_on_the_line(rng)
        fit = MomentMatching(order=5).fit(p.moments(10), "gaussian", structure="diagonal", rng=rng)
        assert len(fit.mixture) == 3
        assert fit.objective < 1e-13
        assert matched(p, fit.mixture) < 1e-6
    assert MomentTarget.of(p, 10).exact


def test_the_residual_is_rounding(rng):
    p = Mixture([0.3, 0.45, 0.25], DiagonalGaussian([-1.2, 0.1, 1.4], [0.04, 0.02, 0.09]))
    fit = MomentMatching(order=5).fit(p, "diagonal", rng=rng)
    np.testing.assert_allclose(fit.mixture.moments(10).values, p.moments(10).values, rtol=1e-13, atol=1e-13)
    assert np.isnan(fit.log_likelihood)
    assert "only moments are known, so there is no likelihood" in fit.notes


@pytest.mark.parametrize(
    ("d", "k", "structure", "order"),
    [(2, 4, "diagonal", 4), (2, 4, "full", 4), (3, 3, "full", 3), (2, 5, "spherical", 4)],
)
def test_exact_moments_give_the_mixture_in_space(d, k, structure, order, rng):
    for _ in range(2):
        p = random_law(rng, k, d, structure)
        fit = MomentMatching(order=order, k_max=k + 1).fit(
            p.moments(2 * order), "gaussian", structure=structure, rng=rng
        )
        assert len(fit.mixture) == k
        assert matched(p, fit.mixture) < 1e-5


def test_moments_of_samples_give_the_number_of_components(rng):
    p = Mixture([0.3, 0.3, 0.4], Gaussian([[-3.0, 0.0], [3.0, 0.0], [0.0, 4.0]], [np.eye(2)] * 3))
    data = Samples(p.sample(4000, rng=rng))
    fit = MomentMatching(count=4000).fit(data.moments(8), "gaussian", rng=rng)  # omega from a model: no order 16
    assert len(fit.mixture) == 3
    assert matched(p, fit.mixture) < 0.3
    assert any("covariance" in note for note in fit.notes)
    wide = MomentMatching(count=4000, order=4).fit(data.moments(16), "gaussian", rng=rng)
    assert len(wide.mixture) == 3
    assert not any("covariance" in note for note in wide.notes)


@pytest.mark.parametrize("refine", ["em", "kmeans", None])
def test_samples_give_the_mixture(refine, rng):
    p = Mixture([0.3, 0.3, 0.4], DiagonalGaussian([[-3.0, 0.0], [3.0, 0.0], [0.0, 4.0]], np.ones((3, 2))))
    data = Samples(p.sample(3000, rng=rng))
    fit = MomentMatching(refine=refine).fit(data, "diagonal", rng=rng)
    assert len(fit.mixture) == 3
    assert matched(p, fit.mixture) < 0.4
    assert fit.log_likelihood == pytest.approx(fit.mixture.log_density(data.points).mean(), abs=1e-9)
    assert set(fit.objectives) == set(range(1, 9))
    assert fit.objective < fit.equations - fit.parameters + 6 * np.sqrt(2 * (fit.equations - fit.parameters))
    assert fit.polished is not None
    assert len(fit.polished) == 3


def test_grids_are_fitted_by_their_pixels(rng):
    p = Mixture([0.5, 0.5], Gaussian([[2.0, 2.0], [6.0, 5.0]], [np.eye(2)] * 2))
    centers = Grid(np.ones((40, 40)), [[-2, 10], [-2, 10]]).centers().points
    grid = Grid(p.density(centers).reshape(40, 40), [[-2, 10], [-2, 10]])
    fit = MomentMatching(k_max=4).fit(grid, "gaussian", rng=rng)
    assert len(fit.mixture) == 2
    assert matched(p, fit.mixture) < 0.05


def test_given_starts_are_used(rng):
    p = mixture_on_the_line(rng)
    target = MomentTarget.of(p, 10, structure="diagonal")
    near = Mixture(p.weights, DiagonalGaussian(p.components.mean() + 0.02, p.components.variances * 1.1))
    found = Polisher("diagonal", max_iter=200, tol=1e-9).sweep(target, [near], 3).best(3)
    assert found.objective < 1e-20
    assert found.converged
    assert blind_start(p, 4, rng).dim == 1


# ---- centers for k-means ----


def test_seeds_leave_k_means_little_to_do(rng):
    p = Mixture([0.2, 0.3, 0.5], Gaussian([[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]], [np.eye(2)] * 3))
    x = p.sample(20_000, rng=rng)
    seeds = kmeans_centers(p, [p.components.mean() + 3])
    labels, _, iterations = lloyd(x, np.full(len(x), 1 / len(x)), seeds, max_iter=100)
    centers = np.stack([x[labels == j].mean(axis=0) for j in range(3)])
    assert np.abs(centers - seeds).max() < 0.05
    assert iterations < 10
    cost = ((x - centers[labels]) ** 2).sum(axis=1).mean()
    assert cost <= ((x - seeds[labels]) ** 2).sum(axis=1).mean()
