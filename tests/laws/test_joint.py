"""Laws of the joint fit: what it minimises, its two limits, and what it does not depend on."""

import numpy as np
import pytest
from scipy.optimize import minimize

from mixot import (
    EM,
    DiagonalGaussian,
    Gaussian,
    JointEM,
    Mixture,
    Samples,
    SolveError,
    Status,
    distance,
    fit_pair,
    joint_path,
)
from mixot.fitting.joint.joint_m_step import DiagonalCovariances, FullCovariances, Graph, m_step_of_means
from mixot.fitting.likelihood.gaussian.statistics import STRUCTURES
from mixot.solvers.entropic.free_marginals import FreeMarginals

COUPLINGS = ("free", "paired")
PLAIN = EM(reg=0.0)


def random_law(rng, k, d, structure="full"):
    means, weights = 3 * rng.standard_normal((k, d)), rng.dirichlet(np.full(k, 5.0))
    root = rng.standard_normal((k, d, d + 2))
    covs = root @ root.swapaxes(1, 2) / d
    if structure == "tied":
        covs = np.broadcast_to(covs[0], covs.shape)
    if structure in ("full", "tied"):
        return Mixture(weights, Gaussian(means, covs))
    variances = rng.uniform(0.3, 2.0, (k, d if structure == "diagonal" else 1)) * np.ones((1, d))
    return Mixture(weights, DiagonalGaussian(means, variances))


CENTERS = np.array([[-6.0, 0, 1], [0, 6, -1], [6, -1, 0]])  # far enough apart for EM to be quick


@pytest.fixture
def pair(rng):
    """Two clouds whose clusters are moved, turned and weighed differently."""

    def one(d, n=300):
        return (
            Mixture(
                rng.dirichlet(np.full(3, 5.0)), Gaussian(CENTERS[:, :d] + move, random_law(rng, 3, d).components.covs)
            ).sample(n, rng=rng)
            for move in (0.0, rng.standard_normal((3, d)))
        )

    return one


def start_near(rng, d, structure):
    law = random_law(rng, 3, d, structure).components
    means = CENTERS[:, :d] + 0.5 * rng.standard_normal((3, d))
    return Mixture([0.3, 0.3, 0.4], type(law)(means, law.covs if isinstance(law, Gaussian) else law.variances))


def assert_same(p, q, tol):
    np.testing.assert_allclose(p.weights, q.weights, rtol=0, atol=tol)
    for name, value in p.components.parameters().items():
        other = q.components.parameters()[name]
        np.testing.assert_allclose(value, other, rtol=0, atol=tol * max(np.abs(other).max(), 1e-300), err_msg=name)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("reg", [0.0, 1e-3])
def test_the_objective_never_increases(structure, coupling, reg, rng):
    for case in range(3):
        d, k, n = int(rng.integers(1, 5)), int(rng.integers(1, 5)), int(rng.integers(80, 200))
        clouds = [
            Samples(random_law(rng, k, d).sample(n, rng=rng), rng.dirichlet(np.full(n, 2.0)) if case % 2 else None)
            for _ in range(2)
        ]
        start = random_law(rng, k, d, structure), random_law(rng, k, d, structure)
        method = JointEM(coupling=coupling, max_iter=12, tol=0.0, start=start, em=EM(reg=reg))
        try:
            fit = fit_pair(*clouds, lam=10.0 ** rng.integers(-4, 5), structure=structure, method=method)
        except SolveError:
            assert reg == 0  # where a component may shrink to a point
            continue
        assert fit.status in (Status.MAX_ITER, Status.CONVERGED) or reg == 0
        scale = np.abs(fit.history).max()
        assert np.diff(fit.history).max(initial=0.0) <= 0
        assert fit.objective <= fit.history[-1] + 1e-12 * scale


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_the_objective_is_the_energy_of_the_paper(coupling, pair):
    x, y = pair(2)
    fit = fit_pair(x, y, k=3, lam=0.7, method=JointEM(coupling=coupling, em=PLAIN), rng=0)
    likelihoods = fit.source.log_density(x).mean(), fit.target.log_density(y).mean()
    np.testing.assert_allclose(fit.log_likelihoods, likelihoods, atol=1e-12)
    assert fit.objective == pytest.approx(fit.plan.cost - 0.7 * sum(likelihoods), abs=1e-12)
    np.testing.assert_allclose(fit.plan.coupling.sum(axis=1), fit.source.weights, atol=1e-14)
    np.testing.assert_allclose(fit.plan.coupling.sum(axis=0), fit.target.weights, atol=1e-14)
    if coupling == "free":
        assert fit.distance == pytest.approx(distance(fit.source, fit.target), rel=1e-9)
    else:
        np.testing.assert_array_equal(fit.plan.coupling, np.diag(fit.source.weights))
        np.testing.assert_array_equal(fit.source.weights, fit.target.weights)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_large_lam_is_two_fits(structure, pair, rng):
    x, y = pair(2)
    start = start_near(rng, 2, structure), start_near(rng, 2, structure)
    method = JointEM(start=start, max_iter=20, tol=0.0)
    fit = fit_pair(x, y, lam=1e12, structure=structure, method=method)
    for data, begun, found in zip((x, y), start, (fit.source, fit.target), strict=True):
        alone = EM(start=begun, max_iter=20, tol=0.0).fit(Samples(data), "gaussian", structure=structure)
        assert_same(found, alone.mixture, 1e-6)


def test_a_large_lam_is_two_fits_from_their_own_starts(pair):
    x, y = pair(2)
    joint = fit_pair(x, y, k=3, lam=1e9, method=JointEM(em=EM(tol=1e-10), tol=1e-10), rng=0)
    for data, found in zip((x, y), (joint.source, joint.target), strict=True):
        assert_same(found, EM(tol=1e-10).fit(Samples(data), "gaussian", k=3, rng=0).mixture, 1e-3)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_small_lam_is_one_fit_to_both(structure, coupling, pair, rng):
    x, y = pair(2)
    begun = start_near(rng, 2, structure)
    method = JointEM(coupling=coupling, start=(begun, begun), em=PLAIN, max_iter=150, tol=1e-11)
    fit = fit_pair(x, y, lam=1e-7, structure=structure, method=method)
    both = Samples(np.concatenate([x, y]), np.concatenate([np.full(len(z), 0.5 / len(z)) for z in (x, y)]))
    alone = EM(reg=0.0, start=begun, max_iter=150, tol=1e-11).fit(both, "gaussian", structure=structure)
    assert fit.distance < 1e-5
    assert_same(fit.source, fit.target, 1e-5)
    assert_same(fit.source, alone.mixture, 1e-4)


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_between_the_limits_the_energy_is_stationary(coupling, pair, rng):
    """No small move of any parameter lowers the energy, here written out anew."""
    x, y = pair(2)
    method = JointEM(coupling=coupling, em=PLAIN, tol=1e-13, max_iter=400)
    fit = fit_pair(x, y, k=3, lam=2.0, method=method, rng=0)

    def energy(p, q, plan):
        cost = (plan * p.components.cost(q.components)).sum()
        return cost - 2.0 * (p.log_density(x).mean() + q.log_density(y).mean())

    def moved(law, weights, h):
        g = law.components
        tilt = np.eye(2) + h * turn
        return Mixture(weights, Gaussian(g.means + h * shift, tilt @ g.covs @ tilt.swapaxes(1, 2)))

    least = energy(fit.source, fit.target, fit.plan.coupling)
    for _ in range(20):
        turn, shift = rng.standard_normal((3, 2, 2)), rng.standard_normal((3, 2))
        mass = fit.plan.coupling * rng.uniform(-1, 1, (3, 3))
        mass -= fit.plan.coupling * mass.sum()
        h = 1e-4
        ends = []
        for sign in (-h, h):
            plan = fit.plan.coupling + sign * mass
            ends.append(
                energy(moved(fit.source, plan.sum(axis=1), sign), moved(fit.target, plan.sum(axis=0), sign), plan)
            )
        assert abs(ends[1] - ends[0]) / (2 * h) < 1e-4  # the slope
        assert min(ends) > least - 1e-10


def test_one_component_each_is_what_a_general_optimiser_finds(rng):
    x, y = rng.normal(0.0, 1.0, 300), rng.normal(4.0, 3.0, 200)
    fit = fit_pair(x, y, k=1, lam=1.5, method=JointEM(em=PLAIN, tol=0.0))

    def energy(v):
        (m, n), (s, t) = v[:2], np.exp(v[2:])
        nats = [
            -np.log(b) - ((z - a) ** 2).mean() / (2 * b**2) - np.log(2 * np.pi) / 2
            for z, a, b in ((x, m, s), (y, n, t))
        ]
        return (m - n) ** 2 + (s - t) ** 2 - 1.5 * sum(nats)

    best = minimize(energy, [0.0, 4.0, 0.0, 1.0], tol=1e-12)
    assert fit.objective == pytest.approx(best.fun, abs=1e-9)
    np.testing.assert_allclose([fit.source.mean()[0], fit.target.mean()[0]], best.x[:2], atol=1e-5)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_common_motions_and_units_move_the_fit_along(structure, coupling, pair, rng):
    x, y = pair(3)
    start = start_near(rng, 3, structure), start_near(rng, 3, structure)
    turn = np.eye(3)[[2, 0, 1]] * [1.0, -1.0, 1.0]  # of all rotations these keep axes axes
    if structure in ("full", "tied"):
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    for matrix, shift in ((turn, rng.standard_normal(3)), (1e3 * np.eye(3), np.zeros(3))):
        scale = np.abs(np.linalg.det(matrix)) ** (1 / 3)
        method = JointEM(coupling=coupling, em=PLAIN, max_iter=100, tol=1e-11, start=start)
        fit = fit_pair(x, y, lam=0.5, structure=structure, method=method)
        moved = tuple(law.affine(matrix, shift) for law in start)
        method = JointEM(coupling=coupling, em=PLAIN, max_iter=100, tol=1e-11, start=moved)
        after = fit_pair(
            x @ matrix.T + shift, y @ matrix.T + shift, lam=0.5 * scale**2, structure=structure, method=method
        )
        assert_same(after.source, fit.source.affine(matrix, shift), 1e-5)
        assert_same(after.target, fit.target.affine(matrix, shift), 1e-5)
        assert after.plan.cost == pytest.approx(scale**2 * fit.plan.cost, rel=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_weights_are_repeated_rows(structure, pair, rng):
    x, y = pair(2)
    counts = rng.integers(0, 4, len(x))
    start = start_near(rng, 2, structure), start_near(rng, 2, structure)
    method = JointEM(start=start, max_iter=10, tol=0.0)
    weighted = fit_pair(Samples(x, counts / counts.sum()), y, lam=1.0, structure=structure, method=method)
    repeated = fit_pair(np.repeat(x, counts, axis=0), y, lam=1.0, structure=structure, method=method)
    assert_same(weighted.source, repeated.source, 1e-6)
    assert_same(weighted.target, repeated.target, 1e-6)


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_exchanged_data_exchange_the_fit(coupling, pair):
    x, y = pair(2)
    method = JointEM(coupling=coupling, tol=1e-11, max_iter=300)
    one, other = (fit_pair(*data, k=3, lam=1.0, method=method, rng=0) for data in ((x, y), (y, x)))
    assert one.objective == pytest.approx(other.objective, rel=1e-8)


def test_the_numbers_of_components_may_differ_or_be_chosen(rng):
    x = np.concatenate([rng.normal(c, 1.0, (200, 2)) for c in (-8.0, 8.0)])
    y = np.concatenate([rng.normal(c, 1.0, (200, 2)) for c in (-8.0, 0.0, 8.0)])
    given = fit_pair(x, y, k=(2, 3), lam=1.0, rng=0)
    chosen = fit_pair(x, y, lam=1.0, rng=0)
    for fit in (given, chosen):
        assert (len(fit.source), len(fit.target)) == (2, 3)
    assert len(fit_pair(x, y, lam=1.0, rng=0, method=JointEM(coupling="paired", em=EM(k_max=4))).source) <= 4


def test_along_the_path_fits_get_closer_and_less_likely(pair):
    x, y = pair(1)
    lams = [0.1, 10.0, 1.0, 0.01, 2.0, 0.5]  # of Figure 6, in another order
    path = joint_path(x, y, k=3, lams=lams, rng=0)
    assert [fit.lam for fit in path] == lams
    order = np.argsort(lams)
    assert (np.diff([path[i].plan.cost for i in order]) > 0).all()
    assert (np.diff([sum(path[i].log_likelihoods) for i in order]) > 0).all()
    assert path[3].distance < 0.01 * path[1].distance


def test_progress_is_told_every_iteration_and_may_interrupt(pair):
    x, y = pair(1)
    ticks = []
    start = fit_pair(x, y, k=2, lam=1.0, rng=0)
    method = JointEM(start=(start.source, start.target), max_iter=7, tol=0.0)
    fit = fit_pair(x, y, lam=2.0, method=method, progress=ticks.append)
    assert [tick.step for tick in ticks] == list(range(1, fit.iterations + 1))
    assert [tick.value for tick in ticks] == fit.history.tolist()

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_pair(x, y, k=2, lam=1.0, progress=stop)


def test_twice_the_same_seed_twice_the_same_fit(pair):
    x, y = pair(2)
    one, other = (fit_pair(x, y, k=3, lam=1.0, rng=5) for _ in range(2))
    assert_same(one.source, other.source, 0.0)
    np.testing.assert_array_equal(one.history, other.history)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 2), (12, 9), (15, 20)])
@pytest.mark.parametrize("lam", [1e-6, 1e-2, 1.0, 100.0, 1e5])
def test_free_marginals_meet_their_conditions(size, lam, rng):
    """Optimality of a convex problem, condition by condition; begun anywhere, the end is the same."""
    x, y = (rng.standard_normal((k, 3)) for k in size)
    cost = ((x[:, None] - y) ** 2).sum(axis=2)
    p, q = (lam * rng.dirichlet(np.ones(k)) for k in size)
    w = FreeMarginals().solve(cost, p, q)
    a, b = w.sum(axis=1), w.sum(axis=0)
    assert w.sum() == pytest.approx(1.0, abs=1e-12)
    slack = cost - (p / a)[:, None] - q / b
    slack -= (slack * w).sum()
    scale = max((p / a).max(), (q / b).max())
    assert slack.min() >= -1e-6 * scale
    assert (np.abs(slack) * w).sum() <= 1e-6 * 2 * lam
    again = FreeMarginals().solve(cost, p, q, np.full(size, 1 / cost.size))
    np.testing.assert_allclose(again.sum(axis=1), a, atol=1e-6)


def test_a_row_without_reward_is_left_out():
    cost = np.array([[0.0, 3.0], [3.0, 0.0], [5.0, 5.0]])
    w = FreeMarginals().solve(cost, np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(w, [[0.5, 0], [0, 0.5], [0, 0]], atol=1e-12)


def graph_and_values(rng, axes):
    k, d = 4, 3
    graph = Graph.of(rng.dirichlet(np.ones(k * k)).reshape(k, k) * (rng.uniform(size=(k, k)) < 0.5))
    root = rng.standard_normal((2, 2 * k, d, d + 1))
    covs, scatters = root @ root.swapaxes(2, 3)
    if axes:
        covs, scatters = (np.einsum("gii->gi", each).copy() for each in (covs, scatters))
    return graph, covs, scatters, rng.dirichlet(np.ones(2 * k))


def part(graph, covs, scatters, c):
    """What covariances add to the objective, by the definitions."""
    laws = DiagonalGaussian if covs.ndim == 2 else Gaussian
    family = laws(np.zeros(covs.shape[:2]), covs)
    cost = family.cost(family)[graph.left, graph.right]
    full, data = family.cov(), scatters if covs.ndim == 3 else scatters[:, :, None] * np.eye(covs.shape[1])
    return graph.weights @ cost + c @ (np.linalg.slogdet(full)[1] + np.einsum("gab,gba->g", np.linalg.inv(full), data))


@pytest.mark.parametrize("axes", [True, False])
@pytest.mark.parametrize("strength", [1e-6, 1e-3, 1.0, 1e3])
def test_covariances_settle_in_few_steps_however_strong_the_pull(axes, strength, rng):
    for _ in range(3):
        graph, covs, scatters, c = graph_and_values(rng, axes)
        values = [part(graph, covs, scatters, strength * c)]
        for _ in range(40):
            covs = (DiagonalCovariances(covs) if axes else FullCovariances(covs)).m_step(graph, scatters, strength * c)
            values.append(part(graph, covs, scatters, strength * c))
        assert np.diff(values).max() <= 1e-10 * np.abs(values).max()
        assert values[20] - values[40] <= 1e-6 * strength


@pytest.mark.parametrize("axes", [True, False])
def test_means_are_where_the_pulls_cancel(axes, rng):
    graph, covs, _, c = graph_and_values(rng, axes)
    centers, precisions = rng.standard_normal(covs.shape[:2]), (1 / covs if axes else np.linalg.inv(covs))
    means = m_step_of_means(0 * centers, centers, precisions, graph, c)
    own = precisions[:, :, None] * np.eye(3) if axes else precisions
    slope = graph.laplacian() @ means + c[:, None] * np.einsum("gab,gb->ga", own, means - centers)
    np.testing.assert_allclose(slope, 0, atol=1e-12 * np.abs(own).max())
