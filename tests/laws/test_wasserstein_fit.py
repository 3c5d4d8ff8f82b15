"""Laws of the mixture of least W2: it is a stationary point, moves as the data do, and states what it is worth."""

import numpy as np
import pytest

from mixot import (
    EM,
    DiagonalGaussian,
    Gaussian,
    Grid,
    MinimumWasserstein,
    Mixture,
    Samples,
    Status,
    WassersteinFit,
    distance,
    fit,
    quantize,
)
from mixot.fitting.wasserstein.objective import Coordinates, TransportObjective


def groups(rng, n, d, k=2, apart=3.0):
    """n points in k groups on a diagonal, of different spreads."""
    centers = apart * np.arange(k)[:, None] * (1 + np.arange(d))[None] / np.sqrt(d)
    label = np.arange(n) % k
    return centers[label] + (0.5 + 0.3 * label[:, None]) * rng.standard_normal((n, d)) @ (
        np.eye(d) + 0.4 * np.tri(d, k=-1)
    )


def start_in(rng, d, k=2):
    """A mixture of k components that fits nothing."""
    root = rng.standard_normal((k, d, d + 1))
    return Mixture(
        rng.dirichlet(np.full(k, 8.0)), Gaussian(3 * rng.standard_normal((k, d)), root @ root.swapaxes(1, 2))
    )


def moved(law, shift=0.0, turn=None):
    """The law of ``turn x + shift``."""
    turn = np.eye(law.dim) if turn is None else turn
    means, covs = law.components.mean() @ turn.T + shift, turn @ law.components.cov() @ turn.T
    return Mixture(law.weights, Gaussian(means, covs))


def assert_near(p, q, tol):
    """Two mixtures, component by component in their order, relative to the spread of the first."""
    size = np.sqrt(np.trace(p.cov()))
    np.testing.assert_allclose(q.weights, p.weights, atol=tol)
    np.testing.assert_allclose(q.components.mean() / size, p.components.mean() / size, atol=tol)
    np.testing.assert_allclose(q.components.cov() / size**2, p.components.cov() / size**2, atol=tol)


def sorted_by_mean(law):
    order = np.argsort(law.components.mean()[:, 0])
    return Mixture(law.weights[order], Gaussian(law.components.mean()[order], law.components.cov()[order]))


# ---- descent ----


@pytest.mark.parametrize(("d", "n", "k"), [(1, 30, 2), (1, 60, 3), (2, 100, 2), (2, 200, 3), (3, 40, 2)])
def test_it_goes_down_from_its_start_to_where_it_says(d, n, k, rng):
    x = groups(rng, n, d, k)
    found = fit(x, method="wasserstein", k=k, rng=0)
    assert isinstance(found, WassersteinFit)
    assert found.status is Status.CONVERGED
    assert found.residual <= 1e-4
    assert (np.diff(found.history) <= 0).all()
    assert found.distance <= found.start_distance
    # the points are all there, so the interval is the accuracy of the plan
    solved = distance(Samples(x), found.mixture)
    assert found.distance == pytest.approx(solved, rel=1e-6)
    assert found.lower_bound <= found.upper_bound * (1 + 1e-12)
    assert found.lower_bound == pytest.approx(solved, rel=1e-6)
    assert found.upper_bound == pytest.approx(solved, rel=1e-4)
    assert found.start_distance == pytest.approx(distance(Samples(x), found.start), rel=1e-3)
    assert found.iterations == len(found.history) - 1
    assert found.log_likelihood == pytest.approx(found.mixture.log_density(x).mean(), rel=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_it_goes_down_from_any_start(d, rng):
    x, start = groups(rng, 80 if d < 3 else 40, d), start_in(rng, d)
    found = MinimumWasserstein(start=start).fit(Samples(x))
    assert (np.diff(found.history) <= 0).all()
    assert found.distance < distance(Samples(x), start)
    assert_near(start, found.start, 1e-5)


@pytest.mark.parametrize("d", [1, 2])
def test_it_is_stationary_in_means_and_covariances_and_weights(d, rng):
    x = Samples(groups(rng, 80, d, apart=1.2))
    law = MinimumWasserstein(tol=1e-6).fit(x, k=2, rng=0).mixture
    means, covs, weights = law.components.mean(), law.components.cov(), law.weights
    size, step = np.trace(law.cov()), 1e-3

    def cost(weights=weights, means=means, covs=covs):
        return distance(x, Mixture(weights, Gaussian(means, covs))) ** 2

    def slope(function):
        return (function(step) - function(-step)) / (2 * step * size)

    for j in range(2):
        for axis in range(d):
            unit = np.zeros((2, d))
            unit[j, axis] = np.sqrt(size)
            assert abs(slope(lambda t, unit=unit: cost(means=means + t * unit))) < 1e-4
            stretch = np.zeros((2, d, d))
            stretch[j, axis, axis] = covs[j, axis, axis]
            assert abs(slope(lambda t, stretch=stretch: cost(covs=covs + t * stretch))) < 1e-4
    assert abs(slope(lambda t: cost(weights=weights + np.array([t, -t])))) < 1e-4
    elsewhere = slope(lambda t: cost(means=means + (0.1 + t) * np.sqrt(size)))
    assert abs(elsewhere) > 1e-2  # the measure sees what is not stationary


# ---- invariance ----


@pytest.mark.parametrize("d", [1, 2, 3])
def test_it_moves_and_grows_with_the_data(d, rng):
    x = groups(rng, 40, d)
    start = fit(x, k=2, rng=0).mixture
    turn = 7.0 * np.linalg.qr(rng.standard_normal((d, d)))[0]
    shift = 20.0 * rng.standard_normal(d)
    here = MinimumWasserstein(start=start, tol=1e-6).fit(Samples(x))
    there = MinimumWasserstein(start=moved(start, shift, turn), tol=1e-6).fit(Samples(x @ turn.T + shift))
    assert there.distance == pytest.approx(7 * here.distance, rel=1e-5)
    assert_near(moved(here.mixture, shift, turn), there.mixture, 2e-3)


@pytest.mark.parametrize("d", [1, 2])
def test_twice_a_point_is_a_point_of_twice_the_weight(d, rng):
    n = 40
    x = groups(rng, n, d)
    weights = np.ones(n)
    weights[: n // 4] = 2.0
    start = fit(x, k=2, rng=0).mixture  # two descents from afar may part
    method = MinimumWasserstein(start=start, tol=1e-5)
    doubled = method.fit(Samples(np.concatenate([x, x[: n // 4]])))
    weighted = method.fit(Samples(x, weights / weights.sum()))
    assert doubled.distance == pytest.approx(weighted.distance, rel=1e-6)
    assert_near(weighted.mixture, doubled.mixture, 1e-3)
    assert doubled.plan is not None
    assert len(doubled.plan.source) == n + n // 4


def test_points_without_weight_are_not_there(rng):
    x = groups(rng, 40, 2)
    weights = np.append(np.full(40, 1 / 40), 0.0)
    method = MinimumWasserstein(start=start_in(rng, 2))
    seen = method.fit(Samples(x))
    unseen = method.fit(Samples(np.append(x, [[50.0, 50.0]], axis=0), weights))
    assert unseen.distance == pytest.approx(seen.distance, rel=1e-4)
    assert_near(seen.mixture, unseen.mixture, 1e-2)


def test_the_same_seed_finds_the_same_mixture(rng):
    x = groups(rng, 90, 2, 3, apart=1.5)
    one, same = (fit(x, method="wasserstein", k=3, rng=5) for _ in range(2))
    np.testing.assert_array_equal(one.mixture.components.means, same.mixture.components.means)
    np.testing.assert_array_equal(one.history, same.history)


# ---- what it finds ----


@pytest.mark.parametrize(("d", "n"), [(1, 300), (2, 300)])
def test_it_finds_the_mixture_that_points_stand_for(d, n):
    covs = {1: np.array([[[0.4]], [[1.0]]]), 2: np.array([[[0.4, 0.1], [0.1, 0.3]], [[1.0, -0.3], [-0.3, 0.6]]])}[d]
    law = Mixture([0.4, 0.6], Gaussian(np.array([[-2.0] * d, [2.0] * d]), covs))
    stands = quantize(law, n, rng=0)
    found = fit(stands.samples, method="wasserstein", k=2, rng=0)
    assert found.distance <= stands.distance * (1 + 1e-6)
    assert_near(law, sorted_by_mean(found.mixture), 0.03)


def test_one_gaussian_on_the_line_is_known(rng):
    # min over (m, s) of int (F^-1(u) - m - s z(u))^2 du: the mean, and the covariance of quantiles and normal ones
    x = np.sort(groups(rng, 50, 1)[:, 0])
    found = MinimumWasserstein(tol=1e-8).fit(Samples(x[:, None]), k=1, rng=0)
    from scipy.stats import norm

    spread = x @ -np.diff(norm.pdf(norm.ppf(np.linspace(0, 1, 51))))
    assert found.mixture.components.mean()[0, 0] == pytest.approx(x.mean(), abs=1e-6)
    assert np.sqrt(found.mixture.components.cov()[0, 0, 0]) == pytest.approx(spread, rel=1e-5)
    assert found.distance**2 == pytest.approx(x.var() - spread**2, rel=1e-6)


def test_one_component_has_the_mean_of_the_data(rng):
    x = groups(rng, 80, 2)
    found = fit(x, method="wasserstein", k=1, rng=0)
    np.testing.assert_allclose(found.mixture.mean(), x.mean(axis=0), atol=1e-3)
    # a projection in W2 has less variance than what is projected, by the squared distance
    assert np.trace(np.cov(x.T, bias=True)) - np.trace(found.mixture.cov()) == pytest.approx(
        found.distance**2, rel=1e-3
    )


def test_more_components_are_nearer_and_so_are_free_weights(rng):
    x = groups(rng, 90, 2, 3)
    distances = [fit(x, method="wasserstein", k=k, rng=0).distance for k in (1, 2, 3)]
    assert (np.diff(distances) < 0).all()
    x = np.concatenate([x[::3], x[2:60:3]])  # 30 and 20
    equal = MinimumWasserstein(weights="equal").fit(Samples(x), k=2, rng=0)
    np.testing.assert_array_equal(equal.mixture.weights, [0.5, 0.5])
    free = MinimumWasserstein(start=equal.mixture).fit(Samples(x))
    assert free.distance <= equal.distance * (1 + 1e-9)
    assert np.ptp(free.mixture.weights) > 0.01


@pytest.mark.parametrize("d", [1, 2, 3])
def test_groups_that_are_far_apart_are_fitted_each_on_its_own(d):
    draws = np.random.default_rng(3)
    x = np.concatenate([draws.standard_normal((20, d)) - 40, draws.standard_normal((12, d)) + 40])
    found = fit(x, method="wasserstein", k=2, rng=0)
    assert found.distance <= found.start_distance
    alone = [fit(part, method="wasserstein", k=1, rng=0).distance for part in (x[:20], x[20:])]
    assert found.distance == pytest.approx(np.sqrt(np.square(alone) @ [0.625, 0.375]), rel=1e-3)
    np.testing.assert_allclose(np.sort(found.mixture.weights), [0.375, 0.625], atol=1e-9)
    assert found.status is Status.CONVERGED


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_start_with_wrong_weights_is_put_right(d, rng):
    x = np.concatenate([rng.standard_normal((28, d)), rng.standard_normal((12, d)) + 60])
    start = Mixture([0.5, 0.5], Gaussian(np.array([[0.0] * d, [60.0] * d]), np.array([np.eye(d)] * 2)))
    found = MinimumWasserstein(start=start).fit(Samples(x))
    np.testing.assert_allclose(found.mixture.weights, [0.7, 0.3], atol=1e-9)
    assert found.distance < 2 < found.start_distance


@pytest.mark.parametrize("structure", ["diagonal", "spherical", "tied"])
@pytest.mark.parametrize("d", [2, 3])
def test_structures_are_kept_and_cost(structure, d, rng):
    x = Samples(groups(rng, 60, d))
    found = fit(x, method="wasserstein", k=2, structure=structure, rng=0)
    covs = found.mixture.components.cov()
    if structure == "tied":
        np.testing.assert_allclose(covs[0], covs[1], rtol=1e-12)
        assert np.abs(covs[0] - np.diag(np.diagonal(covs[0]))).max() > 1e-3
    else:
        assert isinstance(found.mixture.components, DiagonalGaussian)
        spread = np.ptp(np.diagonal(covs, axis1=1, axis2=2), axis=1)
        assert (spread < 1e-12).all() == (structure == "spherical")
    full = MinimumWasserstein(start=found.mixture).fit(x)
    assert full.distance <= found.distance * (1 + 1e-9)


def test_the_diagonal_family_is_the_diagonal_structure(rng):
    x = Samples(groups(rng, 60, 2))
    one, same = (
        MinimumWasserstein().fit(x, family, k=2, structure=structure, rng=0)
        for family, structure in (("diagonal", "full"), ("gaussian", "diagonal"))
    )
    assert one.mixture.components.name == same.mixture.components.name == "diagonal"
    assert one.distance == pytest.approx(same.distance, rel=1e-6)


def test_the_start_chooses_how_many(rng):
    x = groups(rng, 90, 2, 2, apart=6.0)
    found = MinimumWasserstein(em=EM(k_max=3)).fit(Samples(x), rng=0)
    assert len(found.mixture) == 2
    assert [each.k for each in found.candidates] == [1, 2, 3]


def test_more_starts_are_no_worse(rng):
    x = Samples(groups(rng, 90, 2, 3, apart=2.0))
    one, three = (MinimumWasserstein(starts=starts).fit(x, k=3, rng=1).distance for starts in (1, 3))
    assert three <= one * (1 + 1e-6)


# ---- densities, and points that stand for more ----


def waves(d, n):
    """A density on n pixels an axis with two hills."""
    axes = [np.linspace(0.05, 0.95, n)] * d
    grid = np.meshgrid(*axes, indexing="ij")
    hills = [np.exp(-sum((x - c) ** 2 for x in grid) / 0.02) for c in (0.3, 0.7)]
    return Grid(0.02 + hills[0] + 0.6 * hills[1], [[-1.0, 1.0]] * d)


def between(grid, law, n):
    """W2 between a density and a mixture, within the distance of n points that stand for the density."""
    stands = quantize(grid, n, weights="free", tol=1e-3, rng=0)
    middle, off = distance(stands.samples, law), stands.distance
    return middle - off, middle + off


@pytest.mark.parametrize(("d", "pixels", "points", "fine"), [(1, 40, 200, 3000), (2, 14, 250, 1500)])
def test_the_interval_of_a_density_holds_the_distance(d, pixels, points, fine):
    grid = waves(d, pixels)
    found = MinimumWasserstein(points=points).fit(grid, k=2, rng=0)
    assert found.lower_bound <= found.distance <= found.upper_bound
    low, high = between(grid, found.mixture, fine)
    assert found.lower_bound <= high
    assert low <= found.upper_bound
    assert any("stand for the density" in note for note in found.notes)


def test_on_the_line_the_interval_holds_the_exact_distance():
    # W2 on the line is the distance of the quantile functions
    grid = waves(1, 30)
    found = MinimumWasserstein(points=60).fit(grid, k=2, rng=0)
    u = (np.arange(200_000) + 0.5) / 200_000
    edges = np.linspace(-1, 1, 31)
    cdf = np.concatenate([[0.0], np.cumsum(grid.values) / grid.values.sum()])
    mine, t = np.interp(u, cdf, edges), np.linspace(-4, 4, 400_001)
    from scipy.stats import norm

    law = found.mixture
    roots = np.sqrt(law.components.cov()[:, 0, 0])
    theirs = np.interp(u, norm.cdf((t[:, None] - law.components.mean()[:, 0]) / roots) @ law.weights, t)
    exact = np.sqrt(((mine - theirs) ** 2).mean())
    assert found.lower_bound - 1e-5 <= exact <= found.upper_bound + 1e-5
    assert found.upper_bound - found.lower_bound < 0.05


def test_many_points_are_replaced_by_few_and_it_says_so(rng):
    x = Samples(groups(rng, 300, 2))
    few = MinimumWasserstein(points=60).fit(x, k=2, rng=0)
    assert few.plan is not None
    assert len(few.plan.source) == 60
    assert few.lower_bound <= distance(x, few.mixture) <= few.upper_bound
    assert any("60 points stand for the 300 points" in note for note in few.notes)
    every = MinimumWasserstein().fit(x, k=2, rng=0)
    assert every.notes == ()
    assert every.distance <= few.upper_bound


def test_colors_are_fitted_by_fewer_points_than_the_plane_takes(rng):
    x = Samples(groups(rng, 1500, 3))
    found = MinimumWasserstein(max_iter=1).fit(x, k=1, rng=0)
    assert found.plan is not None
    assert len(found.plan.source) == 1000
    assert found.lower_bound < found.distance < found.upper_bound
    # the mean of a coreset is that of the data, and k = 1 has it
    np.testing.assert_allclose(found.mixture.mean(), x.mean(), atol=1e-2)


def test_it_tells_how_far_it_is(rng):
    seen = []
    found = MinimumWasserstein(start=start_in(rng, 2)).fit(Samples(groups(rng, 60, 2)), progress=seen.append)
    mine = [each for each in seen if each.stage.startswith("minimum W2")]
    assert mine
    assert mine[-1].value < mine[0].value
    assert {each.total for each in mine} == {200}
    assert [each.step for each in mine] == list(range(1, found.iterations + 1))
    # squared distances in the units of the data, as in the history
    np.testing.assert_allclose([each.value for each in mine], found.history[1:], rtol=1e-9)
    assert mine[-1].value == pytest.approx(found.distance**2, rel=1e-4)


@pytest.mark.parametrize("starts", [1, 2])
def test_a_limit_of_steps_is_kept(starts, rng):
    x = Samples(groups(rng, 60, 2))
    given = MinimumWasserstein(start=start_in(rng, 2), max_iter=2).fit(x)
    assert (given.status, given.iterations, len(given.history)) == (Status.MAX_ITER, 2, 3)
    found = MinimumWasserstein(starts=starts, max_iter=1, tol=1e-12).fit(x, k=3, rng=0)
    assert (found.status, found.iterations, len(found.history)) == (Status.MAX_ITER, 1, 2)


# ---- derivatives ----


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("structure", ["full", "diagonal", "spherical", "tied"])
def test_second_derivatives_are_those_of_the_gradient(structure, d, rng):
    coordinates = Coordinates(3, d, structure, 1e-3, True)
    problem = TransportObjective(
        Samples(2 * rng.standard_normal((30, d)), rng.dirichlet(np.full(30, 5.0))), coordinates
    )
    vector = coordinates.of(start_in(rng, d, 3))

    def at(v):
        near = problem.first(v, 1e-3)
        return problem.at(v, near.plan.potentials, 1e-13) or near

    here = at(vector)
    step = rng.standard_normal(len(vector))
    up, down = at(vector + 1e-5 * step), at(vector - 1e-5 * step)
    change = (up.gradient - down.gradient) / 2e-5
    second = coordinates.hessian(vector, here.curvature)
    np.testing.assert_allclose(second @ step, change, atol=5e-7 * np.abs(change).max())
    moved = (up.plan.potentials - down.plan.potentials) / 2e-5
    lead = here.curvature.lead(coordinates.jacobian(vector) @ step)
    np.testing.assert_allclose(lead - lead.mean(), moved - moved.mean(), atol=1e-5 * np.abs(moved).max())


@pytest.mark.parametrize("d", [2, 3])
def test_the_cost_counts_what_masses_that_are_off_hide(d, rng):
    coordinates = Coordinates(2, d, "full", 1e-6, True)
    problem = TransportObjective(Samples(rng.standard_normal((40, d))), coordinates)
    vector = coordinates.of(start_in(rng, d))
    exact, rough = problem.first(vector, 1e-9), problem.first(vector, 0.3)
    assert rough.plan.marginal_error > 1e-3 / 40
    assert exact.cost - rough.plan.cost > 0
    assert abs(exact.cost - rough.cost) < 0.3 * (exact.cost - rough.plan.cost)
