"""The search finds the cheapest tuples and nothing below its bound; the solver's bounds hold on arbitrary tables."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog

from mixot import MultiMarginal, SolveError, Status
from mixot._native import price_tuples
from mixot.solvers.multimarginal.given_support import GivenSupport
from mixot.solvers.multimarginal.restricted_master_problem import RestrictedMasterProblem, north_west

SIZES = [(4, 3), (2, 5, 3), (3, 1, 4, 2), (2, 3, 2, 3, 2, 2), (7, 6, 5, 4)]


def random_problem(rng, sizes):
    """Tables that no metric gave, for which greedy plans are poor."""
    pairs = {(i, j): rng.exponential(size=(sizes[i], sizes[j])) for i, j in combinations(range(len(sizes)), 2)}
    return pairs, [rng.dirichlet(np.full(k, 3.0)) for k in sizes]


def all_tuples(pairs, sizes):
    tuples = np.array(list(product(*map(range, sizes))))
    return tuples, sum(table[tuples[:, i], tuples[:, j]] for (i, j), table in pairs.items())


def search(pairs, sizes, potentials, known, *, threshold=0.0, wanted=1000, max_nodes=10**9, threads=1):
    rows, values = np.empty((wanted, len(sizes)), dtype=np.int32), np.empty(wanted)
    flat = np.concatenate([pairs[pair].ravel() for pair in combinations(range(len(sizes)), 2)])
    found, lower, nodes, complete = price_tuples(
        np.array(sizes, dtype=np.int32),
        flat,
        np.concatenate(potentials),
        known.astype(np.int32),
        threshold,
        max_nodes,
        threads,
        rows,
        values,
    )
    return rows[:found], values[:found], lower, nodes, complete


def brute_force(costs, tuples, marginals):
    rows = np.concatenate([np.arange(len(a))[:, None] == tuples[:, j] for j, a in enumerate(marginals)]).astype(float)
    return linprog(costs, A_eq=rows, b_eq=np.concatenate(marginals), method="highs").fun


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("threads", [1, 3])
def test_search_finds_all_tuples_below_the_threshold(rng, sizes, threads):
    pairs, _ = random_problem(rng, sizes)
    tuples, costs = all_tuples(pairs, sizes)
    potentials = [rng.normal(np.median(costs) / len(sizes), 0.3, size=k) for k in sizes]
    reduced = costs - sum(y[tuples[:, j]] for j, y in enumerate(potentials))
    known = np.sort(rng.choice(len(tuples), len(tuples) // 4, replace=False))  # rows stay in lexicographic order
    unknown = np.setdiff1d(np.arange(len(tuples)), known)
    rows, values, lower, _, complete = search(pairs, sizes, potentials, tuples[known], threads=threads)
    wanted = unknown[reduced[unknown] < 0]
    wanted = wanted[np.argsort(reduced[wanted])]
    assert complete
    assert len(wanted) > 0
    np.testing.assert_array_equal(rows, tuples[wanted])
    np.testing.assert_allclose(values, reduced[wanted], atol=1e-12)
    assert lower == pytest.approx(reduced[unknown].min(), abs=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_search_returns_the_cheapest_few(rng, sizes):
    pairs, _ = random_problem(rng, sizes)
    tuples, costs = all_tuples(pairs, sizes)
    potentials = [np.full(k, np.median(costs) / len(sizes)) for k in sizes]
    reduced = costs - np.median(costs)
    none = np.empty((0, len(sizes)))
    for threads in (1, 4):
        rows, values, lower, _, _ = search(pairs, sizes, potentials, none, wanted=5, threads=threads)
        np.testing.assert_array_equal(rows, tuples[np.argsort(reduced)[:5]])
        assert lower == pytest.approx(values[0], abs=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_bound_of_a_search_cut_short_holds(rng, sizes):
    pairs, _ = random_problem(rng, sizes)
    tuples, costs = all_tuples(pairs, sizes)
    potentials = [rng.normal(np.mean(costs) / len(sizes), 0.3, size=k) for k in sizes]
    reduced = costs - sum(y[tuples[:, j]] for j, y in enumerate(potentials))
    lowers = []
    for nodes in (1, 10, 50, 10**6):
        *_, lower, _, complete = search(pairs, sizes, potentials, np.empty((0, len(sizes))), max_nodes=nodes)
        assert lower <= reduced.min() + 1e-12
        lowers.append(lower)
    assert complete
    assert lowers == sorted(lowers)


def test_bound_above_the_threshold_is_proven_too(rng):
    sizes = (3, 4, 3)
    pairs, _ = random_problem(rng, sizes)
    _, costs = all_tuples(pairs, sizes)
    zero = [np.zeros(k) for k in sizes]
    rows, _, lower, _, _ = search(pairs, sizes, zero, np.empty((0, 3)), threshold=costs.min() - 0.1)
    assert len(rows) == 0
    assert costs.min() - 0.1 <= lower <= costs.min()


@pytest.mark.parametrize("sizes", SIZES)
def test_solver_on_arbitrary_tables(rng, sizes):
    pairs, marginals = random_problem(rng, sizes)
    tuples, bounds = all_tuples(pairs, sizes)
    place = {tuple(row): at for at, row in enumerate(tuples.tolist())}
    costs = bounds * (1 + 0.3 * rng.random(len(bounds)))
    asked = []

    def true_costs(index):
        asked.extend(index.tolist())
        return costs[[place[tuple(row)] for row in index.tolist()]]

    best = brute_force(costs, tuples, marginals)
    plan = MultiMarginal(columns=3).solve(pairs, marginals, true_costs)
    assert plan.status is Status.OPTIMAL
    assert plan.cost == pytest.approx(best, rel=1e-9)
    assert 0 <= plan.gap <= 1e-9
    assert plan.marginal_error <= 1e-14
    assert len(plan.weights) <= sum(sizes) - len(sizes) + 1
    assert len({tuple(row) for row in asked}) == len(asked)  # nothing is priced twice
    np.testing.assert_allclose(plan.costs, costs[[place[tuple(row)] for row in plan.tuples.tolist()]], rtol=1e-14)


@pytest.mark.parametrize("sizes", SIZES[1:])
def test_bounds_hold_at_every_stop(rng, sizes):
    pairs, marginals = random_problem(rng, sizes)
    tuples, costs = all_tuples(pairs, sizes)
    best = brute_force(costs, tuples, marginals)

    def true_costs(index):
        return sum(table[index[:, i], index[:, j]] for (i, j), table in pairs.items())

    for max_iter in (1, 2, 3, 5):
        try:
            plan = MultiMarginal(max_iter=max_iter, columns=1).solve(pairs, marginals, true_costs)
        except SolveError as unfinished:
            plan = unfinished.result
        assert plan.lower_bound <= best * (1 + 1e-12)
        assert plan.cost >= best * (1 - 1e-12)
        assert plan.marginal_error <= 1e-12


def test_progress_is_told(rng):
    ticks = []
    pairs, marginals = random_problem(rng, (4, 4, 4))
    MultiMarginal(progress=ticks.append).solve(pairs, marginals, lambda index: np.full(len(index), 10.0))
    assert [tick.step for tick in ticks] == list(range(1, len(ticks) + 1))
    assert ticks[-1].value == pytest.approx(0.0, abs=1e-8)


def test_free_weights_agree_with_scipy_and_bound_early_stops(rng):
    costs, marginals = [rng.exponential(size=(6, k)) for k in (3, 4, 2)], [rng.dirichlet(np.ones(k)) for k in (3, 4, 2)]
    tuples = np.array(list(product(range(3), range(4), range(2))))
    cheapest = sum(cost[:, tuples[:, j]] for j, cost in enumerate(costs)).min(axis=0)
    best = brute_force(cheapest, tuples, marginals)
    plan, labels = GivenSupport().solve(costs, marginals)
    assert plan.cost == pytest.approx(best, rel=1e-9)
    priced = sum(cost[labels, plan.tuples[:, j]] for j, cost in enumerate(costs))
    np.testing.assert_allclose(plan.costs, priced, rtol=1e-13)
    with pytest.raises(SolveError) as caught:
        GivenSupport(max_iter=1).solve(costs, marginals)
    early, _ = caught.value.result
    assert early.lower_bound <= best <= early.cost


def test_north_west_is_feasible(rng):
    marginals = [rng.dirichlet(np.ones(k)) for k in (3, 1, 5)]
    tuples = north_west(marginals)
    assert len(tuples) == 3 + 1 + 5 - 2
    master = RestrictedMasterProblem(marginals)
    master.add(tuples, np.zeros(len(tuples)))
    weights, _ = master.solve()
    for j, a in enumerate(marginals):
        np.testing.assert_allclose(np.bincount(tuples[:, j], weights, minlength=len(a)), a, atol=1e-15)
