"""What every barycenter of mixtures owes: a feasible plan, an honest bound, the geodesic for two, symmetry."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from mixot import (
    DiagonalGaussian,
    FixedPoint,
    Gaussian,
    GivenComponents,
    InputError,
    Mixture,
    MultiMarginal,
    SolveError,
    Status,
    UnsupportedError,
    barycenter,
    geodesic,
    plan,
)
from mixot.results import MultiPlan
from mixot.transport.barycenter import Average
from mixot.transport.fixed_point import _recenter


def random_mixture(rng, k, d, family=Gaussian):
    if family is DiagonalGaussian:
        laws = DiagonalGaussian(rng.standard_normal((k, d)), rng.uniform(0.01, 0.5, (k, d)))
    else:
        root = 0.4 * rng.standard_normal((k, d, d))
        laws = Gaussian(rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) + 0.01 * np.eye(d))
    return Mixture(rng.dirichlet(np.full(k, 3.0)), laws)


def average(result):
    """``sum_j weights[j] MW2^2(mixture, inputs[j])``, each distance solved for anew."""
    return sum(w * plan(p, result.mixture).cost for w, p in zip(result.weights, result.inputs, strict=True) if w > 0)


def brute_force(mixtures, weights):
    """The program over all tuples, by scipy."""
    sizes = [len(p) for p in mixtures]
    tuples = np.array(list(product(*map(range, sizes))))
    families = [p.components for p in mixtures]
    costs = families[0].barycenter(families[1:], tuples, weights)[1]
    rows = np.concatenate([np.arange(k)[:, None] == tuples[:, j] for j, k in enumerate(sizes)]).astype(float)
    return linprog(costs, A_eq=rows, b_eq=np.concatenate([p.weights for p in mixtures]), method="highs").fun


@pytest.mark.parametrize(
    ("sizes", "d"), [((3, 4), 2), ((3, 2, 4), 1), ((4, 3, 3), 3), ((3, 2, 3, 3), 2), ((2,) * 6, 2)]
)
def test_exact_barycenter_is_that_of_all_tuples(rng, sizes, d):
    mixtures, weights = [random_mixture(rng, k, d) for k in sizes], rng.dirichlet(np.full(len(sizes), 3.0))
    found = barycenter(mixtures, weights)
    best = brute_force(mixtures, weights)
    assert found.objective == pytest.approx(best, rel=1e-8)
    assert found.lower_bound <= best * (1 + 1e-8)
    assert 0 <= found.gap <= 1e-9
    assert found.status.solved
    assert len(found.mixture) <= sum(sizes) - len(sizes) + 1
    for j, p in enumerate(mixtures):
        np.testing.assert_allclose(found.marginal(j), p.weights, atol=1e-14)


@pytest.mark.parametrize("laws", [Gaussian, DiagonalGaussian])
def test_objective_is_the_average_squared_distance(rng, laws):
    mixtures, weights = [random_mixture(rng, 5, 3, laws) for _ in range(3)], np.array([0.5, 0.3, 0.2])
    found = barycenter(mixtures, weights)
    assert isinstance(found.mixture.components, laws)
    assert average(found) == pytest.approx(found.objective, rel=1e-9)
    assert found.coupling(1).gap == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_two_mixtures_meet_on_their_geodesic(rng, share):
    p, q = random_mixture(rng, 4, 3), random_mixture(rng, 5, 3)
    found = barycenter([p, q], [1 - share, share])
    path = geodesic(p, q)
    assert found.objective == pytest.approx(share * (1 - share) * path.plan.cost, rel=1e-9)
    assert plan(found.mixture, path(share)).cost == pytest.approx(0.0, abs=1e-9)


def test_order_of_inputs_does_not_matter(rng):
    mixtures, weights = [random_mixture(rng, k, 2) for k in (3, 5, 4)], rng.dirichlet(np.ones(3))
    one = barycenter(mixtures, weights)
    other = barycenter([mixtures[j] for j in (2, 0, 1)], weights[[2, 0, 1]])
    assert one.objective == pytest.approx(other.objective, rel=1e-10)
    assert plan(one.mixture, other.mixture).cost == pytest.approx(0.0, abs=1e-9)


def test_similarities_go_through(rng):
    mixtures = [random_mixture(rng, 4, 3) for _ in range(3)]
    turn, shift = np.linalg.qr(rng.standard_normal((3, 3)))[0], rng.standard_normal(3)
    plain = barycenter(mixtures)
    moved = barycenter([p.affine(1e4 * turn, 1e4 * shift) for p in mixtures])
    assert moved.objective == pytest.approx(1e8 * plain.objective, rel=1e-9)
    assert plan(moved.mixture, plain.mixture.affine(1e4 * turn, 1e4 * shift)).cost == pytest.approx(0.0, abs=1e-1)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_units_do_not_matter(rng, scale):
    mixtures = [random_mixture(rng, 4, 2) for _ in range(3)]
    plain, scaled = barycenter(mixtures), barycenter([p.affine(scale) for p in mixtures])
    assert scaled.objective == pytest.approx(scale**2 * plain.objective, rel=1e-9)
    assert scaled.gap <= 1e-9 * scaled.objective


def test_equal_mixtures_are_their_own_barycenter(rng):
    p = random_mixture(rng, 6, 2)
    found = barycenter([p, p, p])
    assert found.objective == pytest.approx(0.0, abs=1e-12)
    assert 0 <= found.gap <= 1e-12
    assert plan(found.mixture, p).cost == pytest.approx(0.0, abs=1e-12)


def test_weight_zero_drops_out_and_one_mixture_is_itself(rng):
    p, q, r = (random_mixture(rng, k, 2) for k in (3, 4, 5))
    with_zero, without = barycenter([p, q, r], [0.4, 0.0, 0.6]), barycenter([p, r], [0.4, 0.6])
    assert with_zero.objective == pytest.approx(without.objective, rel=1e-12)
    assert (with_zero.tuples[:, 1] == -1).all()
    np.testing.assert_allclose(with_zero.marginal(2), r.weights, atol=1e-14)
    for alone in (barycenter([p]), barycenter([p, q], [1.0, 0.0])):
        assert (alone.objective, alone.gap) == (0.0, 0.0)
        np.testing.assert_array_equal(alone.mixture.weights, p.weights)
        np.testing.assert_array_equal(alone.mixture.components.means, p.components.means)


def test_components_without_mass_have_no_part(rng):
    p, q = random_mixture(rng, 4, 2), random_mixture(rng, 4, 2)
    weights = np.array([0.3, 0.0, 0.3, 0.4])
    found = barycenter([Mixture(weights, p.components), q])
    assert not (found.tuples[:, 0] == 1).any()
    np.testing.assert_allclose(found.marginal(0), weights, atol=1e-14)


def test_singular_components_are_averaged(rng):
    lines = [
        Gaussian(rng.standard_normal((3, 2)), [np.outer(u, u) for u in rng.standard_normal((3, 2))]) for _ in "abc"
    ]
    mixtures, weights = [Mixture(np.full(3, 1 / 3), laws) for laws in lines], np.full(3, 1 / 3)
    found = barycenter(mixtures)
    assert found.objective == pytest.approx(brute_force(mixtures, weights), rel=1e-7)


def test_maps_carry_inputs_to_the_barycenter(rng):
    mixtures = [random_mixture(rng, 3, 2) for _ in range(3)]
    found = barycenter(mixtures, [0.2, 0.3, 0.5])
    for j in range(3):
        step = found.map(j)
        source, rows, cols = found.inputs[j].components, step.rows, step.cols
        image = source.take(rows)
        for s in range(len(rows)):
            linear, shift = step.pieces.linear[s], step.pieces.shift[s]
            np.testing.assert_allclose(
                linear @ image.means[s] + shift, found.mixture.components.means[cols[s]], atol=1e-10
            )
            np.testing.assert_allclose(
                linear @ image.covs[s] @ linear.T, found.mixture.components.covs[cols[s]], atol=1e-9
            )


def test_families_keep_the_law_or_refuse(family, rng):
    mixtures = [Mixture(np.full(3, 1 / 3), family.example(rng, 3)) for _ in range(3)]
    try:
        found = barycenter(mixtures)
    except UnsupportedError:
        return
    assert isinstance(found.mixture.components, family)
    assert average(found) == pytest.approx(found.objective, rel=1e-8)
    assert 0 <= found.gap <= 1e-8 * found.objective


def test_given_components_that_contain_the_answer_find_it(rng):
    mixtures = [random_mixture(rng, 4, 2) for _ in range(3)]
    exact = barycenter(mixtures)
    extra = random_mixture(rng, 10, 2).components
    found = barycenter(mixtures, solver=GivenComponents(exact.mixture.components.append(extra)))
    assert found.objective == pytest.approx(exact.objective, rel=1e-9)
    assert found.gap <= 1e-9


@pytest.mark.parametrize("n", [1, 6, 20])
def test_given_components_solve_their_program(rng, n):
    mixtures, weights = [random_mixture(rng, k, 2) for k in (3, 4, 2)], np.array([0.5, 0.2, 0.3])
    candidates = random_mixture(rng, n, 2).components
    found = barycenter(mixtures, weights, solver=GivenComponents(candidates))
    # The program as Chen, Georgiou and Tannenbaum write it: couplings (n, K_j) and the free weights p
    costs = [w * candidates.cost(p.components) for w, p in zip(weights, mixtures, strict=True)]
    width = sum(c.size for c in costs)
    rows, right, at = [], [], 0
    for c, p in zip(costs, mixtures, strict=True):
        for i, which in enumerate([np.arange(c.size) // c.shape[1], np.arange(c.size) % c.shape[1]]):
            for value in range(c.shape[i]):
                row = np.zeros(width + n)
                row[at : at + c.size] = which == value
                if i == 0:
                    row[width + value] = -1.0
                rows.append(row)
                right.append(0.0 if i == 0 else p.weights[value])
        at += c.size
    best = linprog(np.concatenate([*(c.ravel() for c in costs), np.zeros(n)]), A_eq=np.array(rows), b_eq=right).fun
    assert found.objective == pytest.approx(best, rel=1e-8)
    assert found.lower_bound <= best * (1 + 1e-8)
    assert average(found) == pytest.approx(found.objective, rel=1e-8)
    for j, p in enumerate(mixtures):
        np.testing.assert_allclose(found.marginal(j), p.weights, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_fixed_point_is_feasible_and_bounded(rng, k):
    mixtures, weights = [random_mixture(rng, 5, 2) for _ in range(3)], np.array([0.2, 0.3, 0.5])
    exact = barycenter(mixtures, weights)
    found = barycenter(mixtures, weights, solver=FixedPoint(k=k))
    assert len(found.mixture) <= k
    assert found.lower_bound <= exact.objective * (1 + 1e-9) <= found.objective * (1 + 2e-9)
    assert average(found) == pytest.approx(found.objective, rel=1e-8)
    assert found.status.solved


def test_fixed_point_with_one_component_is_the_gaussian_barycenter(rng):
    mixtures = [random_mixture(rng, k, 2) for k in (2, 3)]
    found = barycenter(mixtures, [0.4, 0.6], solver=FixedPoint(k=1))
    shares = np.concatenate([0.4 * mixtures[0].weights, 0.6 * mixtures[1].weights])
    parts = [p.components.take(np.array([i])) for p in mixtures for i in range(len(p))]
    center, costs = parts[0].barycenter(parts[1:], np.zeros((1, 5), dtype=int), shares)
    assert found.objective == pytest.approx(costs[0], rel=1e-9)
    np.testing.assert_allclose(found.mixture.components.means, center.means, atol=1e-12)


def test_bound_holds_however_early_the_search_stops(rng):
    mixtures = [random_mixture(rng, 6, 2) for _ in range(5)]
    exact = barycenter(mixtures)
    for nodes in (1, 300, 3000):
        loose = barycenter(mixtures, solver=MultiMarginal(tol=10.0, max_nodes=nodes))
        assert loose.lower_bound <= exact.objective * (1 + 1e-12) <= loose.objective * (1 + 2e-12)


def test_answer_does_not_depend_on_the_number_of_threads(rng, monkeypatch):
    mixtures = [random_mixture(rng, 6, 2) for _ in range(4)]
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        results.append(barycenter(mixtures))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].tuples, other.tuples)
        np.testing.assert_array_equal(results[0].mixture.weights, other.mixture.weights)


def test_components_of_a_fixed_point_start_far_apart_and_heavy(rng):
    mixtures = [random_mixture(rng, k, 2) for k in (3, 4)]
    problem = Average.of(mixtures, [0.3, 0.7])
    solver = FixedPoint(k=4)
    relaxed = solver._relax(problem)
    centers = problem.meet(relaxed.tuples)[0]
    apart = centers.cost(centers)
    chosen = [int(relaxed.weights.argmax())]
    for _ in range(3):
        chosen.append(int((relaxed.weights * apart[:, chosen].min(axis=1)).argmax()))
    np.testing.assert_array_equal(solver._start(problem, relaxed).means, centers.means[chosen])
    all_of_them = FixedPoint(k=len(centers))._start(problem, relaxed)
    np.testing.assert_array_equal(all_of_them.means, centers.means)


def test_a_component_that_nothing_is_coupled_to_stays(rng):
    mixtures, shares = [random_mixture(rng, 2, 2) for _ in range(2)], np.array([0.3, 0.7])
    problem = Average.of(mixtures, shares)
    components = random_mixture(rng, 3, 2).components
    tuples, weights, labels = np.array([[0, 0], [1, 0], [1, 1]]), np.array([0.2, 0.3, 0.5]), np.array([2, 2, 0])
    plan = MultiPlan(tuples, weights, np.zeros(3), 0.0, 0.0, Status.OPTIMAL, 0, 0.0)
    moved = _recenter(problem, components, plan, labels)
    assert len(moved) == 3
    np.testing.assert_array_equal(moved.means[1], components.means[1])
    np.testing.assert_array_equal(moved.covs[1], components.covs[1])
    one, other = (p.components.means for p in mixtures)
    np.testing.assert_allclose(moved.means[0], 0.3 * one[1] + 0.7 * other[1], rtol=1e-12)
    expected = 0.3 * (0.4 * one[0] + 0.6 * one[1]) + 0.7 * other[0]
    np.testing.assert_allclose(moved.means[2], expected, rtol=1e-12)


def test_the_objective_of_a_fixed_point_never_rises(rng):
    mixtures, costs = [random_mixture(rng, 4, 2) for _ in range(3)], []
    for rounds in (1, 2, 3, 200):
        try:
            found = barycenter(mixtures, solver=FixedPoint(k=3, max_iter=rounds))
            assert found.status.solved
        except SolveError as stopped:
            found = stopped.result
            assert found.plan.iterations == rounds
        costs.append(found.objective)
        assert found.lower_bound <= found.objective
    assert costs[1] < costs[0] * (1 - 1e-6)
    assert (np.diff(costs) <= 1e-12 * costs[0]).all()
    for k in (0, -1):
        with pytest.raises(InputError, match=f"k must be a whole number of at least 1, got {k}"):
            FixedPoint(k=k)
    assert len(barycenter(mixtures[:1], solver=FixedPoint(k=2)).mixture) == 2


def test_a_fixed_point_settles_in_as_many_rounds_in_any_unit(rng):
    mixtures = [random_mixture(rng, 4, 2) for _ in range(3)]
    found = [barycenter([p.affine(unit) for p in mixtures], solver=FixedPoint(k=3)) for unit in (1.0, 1e-4, 1e4)]
    assert {one.plan.iterations for one in found} == {found[0].plan.iterations}
    assert found[1].objective == pytest.approx(1e-8 * found[0].objective, rel=1e-8)
    strict = barycenter(mixtures, solver=FixedPoint(k=3, tol=1e-2))
    assert strict.plan.iterations <= found[0].plan.iterations


def test_the_plan_with_an_input_has_the_weights_of_both(rng):
    inputs = [random_mixture(rng, k, 2) for k in (2, 3)]
    found = barycenter(inputs, [0.4, 0.6])
    for j, p in enumerate(inputs):
        joined = found.coupling(j)
        sums = joined.coupling.sum(axis=1) - p.weights, joined.coupling.sum(axis=0) - found.mixture.weights
        assert joined.marginal_error == max(np.abs(off).max() for off in sums) < 1e-12
