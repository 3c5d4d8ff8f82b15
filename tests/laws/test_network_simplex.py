"""The network simplex on every awkward kind of costs and weights: feasible, a vertex, and proven optimal."""

import itertools
import re

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

from mixot import Exact, InputError, SolveError

EPS = np.finfo(float).eps

COSTS = {
    "uniform": lambda rng, n, m: rng.random((n, m)),
    "few values": lambda rng, n, m: rng.integers(0, rng.integers(1, 6), (n, m)).astype(float),
    "line": lambda rng, n, m: np.abs(rng.standard_normal((n, 1)) - rng.standard_normal(m)),
    "lattice": lambda rng, n, m: (
        ((rng.integers(0, 5, (n, 1, 2)) - rng.integers(0, 5, (m, 2))) ** 2).sum(axis=2).astype(float)
    ),
    "negative": lambda rng, n, m: -5 * rng.random((n, m)),
    "monge": lambda rng, n, m: np.outer(np.arange(n), np.arange(m)).astype(float),
    "inverse monge": lambda rng, n, m: -np.outer(np.arange(n), np.arange(m)).astype(float),
    "constant": lambda rng, n, m: np.full((n, m), float(rng.integers(0, 3))),
    "outlier": lambda rng, n, m: rng.random((n, m)) + 1e6 * (np.arange(n) == n - 1)[:, None],
}
WEIGHTS = {
    "equal": lambda rng, k: np.ones(k),
    "random": lambda rng, k: rng.dirichlet(np.ones(k)),
    "whole numbers": lambda rng, k: rng.integers(1, 4, k).astype(float),
    "sparse": lambda rng, k: rng.dirichlet(np.full(k, 0.02)),
    "some zero": lambda rng, k: rng.random(k) * (rng.random(k) < 0.6) + 0.1 * (np.arange(k) == 0),
}


def problem(rng, costs, weights, k, l):  # noqa: E741
    a, b = WEIGHTS[weights](rng, k), WEIGHTS[weights](rng, l)
    return COSTS[costs](rng, k, l), a / a.sum(), b / b.sum()


def is_forest(coupling):
    """Whether no cycle runs through the support: each entry joins two parts that were apart."""
    k = len(coupling)
    part = list(range(sum(coupling.shape)))

    def top(x):
        while part[x] != x:
            x = part[x]
        return x

    for i, j in np.argwhere(coupling > 0):
        one, other = top(i), top(k + j)
        if one == other:
            return False
        part[one] = other
    return True


def assert_optimal(plan, cost, a, b):
    f, g = plan.potentials
    size = max(np.abs(cost).max(), np.abs(f).max(), np.abs(g).max(), 1e-300)
    assert plan.coupling.min() >= 0
    # Marginals miss by the rounding of each weight, and of the totals, which the heaviest atom takes up.
    arrived = np.ascontiguousarray(plan.coupling.T).sum(axis=1)  # NumPy adds rows in pairs, columns one by one
    missed = np.concatenate([plan.coupling.sum(axis=1) - a, arrived - b])
    assert np.abs(missed).max() <= 4e-15
    assert plan.marginal_error == pytest.approx(np.abs(missed).max(), abs=1e-15)
    assert is_forest(plan.coupling)
    assert (f[:, None] + g - cost).max() <= 4 * EPS * size
    assert plan.cost == pytest.approx((plan.coupling * cost).sum(), rel=1e-13, abs=1e-15 * size)
    assert 0 <= plan.gap <= 1e-12 * max(abs(plan.cost), 1e-3 * size)
    rows, cols = np.nonzero(plan.coupling > 1e-13)
    assert (np.abs(f[rows] + g[cols] - cost[rows, cols]) <= 1e-12 * size).all()


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("costs", COSTS)
def test_small_problems(rng, costs, weights):
    for _ in range(30):
        k, l = rng.integers(1, 40, 2)  # noqa: E741
        cost, a, b = problem(rng, costs, weights, k, l)
        assert_optimal(Exact().solve(cost, a, b), cost, a, b)


@pytest.mark.parametrize("shape", [(300, 220), (200, 700), (900, 60), (1, 500), (500, 1), (4, 9000), (40_000, 3)])
@pytest.mark.parametrize("costs", ["uniform", "few values", "line", "monge", "inverse monge", "outlier"])
def test_shapes_with_lists_of_candidates(rng, costs, shape):
    for weights in ("equal", "random", "some zero"):
        cost, a, b = problem(rng, costs, weights, *shape)
        assert_optimal(Exact().solve(cost, a, b), cost, a, b)


@pytest.mark.parametrize("costs", COSTS)
def test_against_a_general_linear_program(rng, costs):
    for weights in WEIGHTS:
        k, l = rng.integers(2, 9, 2)  # noqa: E741
        cost, a, b = problem(rng, costs, weights, k, l)
        rows, cols = np.kron(np.eye(k), np.ones(l)), np.kron(np.ones(k), np.eye(l))
        best = linprog(cost.ravel(), A_eq=np.vstack([rows, cols])[:-1], b_eq=np.append(a, b)[:-1]).fun
        # The solver's own tolerance is 1e-7 of a constraint.
        assert Exact().solve(cost, a, b).cost == pytest.approx(best, rel=1e-6, abs=1e-6 * np.abs(cost).max())


def test_costs_over_sixteen_decades(rng):
    """The cheap arcs decide, whatever the dear ones cost: relative to the optimum nothing is lost."""
    for _ in range(100):
        k = int(rng.integers(3, 40))
        cost, even = 10.0 ** rng.uniform(-8, 8, (k, k)), np.full(k, 1 / k)
        rows, cols = linear_sum_assignment(cost)
        assert Exact().solve(cost, even, even).cost == pytest.approx(cost[rows, cols].sum() / k, rel=1e-12)


def test_masses_need_not_sum_to_one(rng):
    cost, a, b = problem(rng, "uniform", "random", 12, 17)
    one, many = Exact().solve(cost, a, b), Exact().solve(cost, 1e9 * a, 1e9 * b)
    assert many.cost == pytest.approx(1e9 * one.cost, rel=1e-14)
    assert (many.coupling > 0).tolist() == (one.coupling > 0).tolist()


def test_weights_far_below_rounding(rng):
    for tiny in (1e-300, 1e-30, 1e-18):
        cost, a, b = problem(rng, "uniform", "random", 8, 6)
        a[3], b[2] = tiny, tiny
        a, b = a / a.sum(), b / b.sum()
        assert_optimal(Exact().solve(cost, a, b), cost, a, b)


def test_pivots_are_counted_and_as_many_are_enough(rng):
    for size in (30, 250):
        cost, a, b = problem(rng, "uniform", "random", size, size)
        best = Exact().solve(cost, a, b)
        assert 0 < best.iterations < 40 * size
        again = Exact(max_iter=best.iterations).solve(cost, a, b)
        assert (again.iterations, again.cost) == (best.iterations, best.cost)
        with pytest.raises(SolveError, match="max_iter") as caught:
            Exact(max_iter=best.iterations - 1).solve(cost, a, b)
        assert caught.value.result.iterations == best.iterations - 1
        assert caught.value.result.lower_bound <= best.cost <= caught.value.result.cost


def test_other_layouts_of_the_arrays(rng):
    cost, a, b = problem(rng, "uniform", "random", 20, 30)
    wide = np.zeros((20, 60))
    wide[:, ::2] = cost
    best = Exact().solve(cost, a, b)
    for other in (np.asfortranarray(cost), wide[:, ::2]):
        assert Exact().solve(other, a, b).cost == best.cost


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, a, b: (np.where(c == c[2, 1], -np.inf, c), a, b), r"where a pair is forbidden, got -inf at \[2 1\]"),
        (lambda c, a, b: (np.where(c == c[2, 1], np.nan, c), a, b), r"where a pair is forbidden, got nan at \[2 1\]"),
        (lambda c, a, b: (np.where(c == c[2, 1], 1e308, np.inf), a, b), "the rows 0, 1, 3, of mass 0.75, .* no column"),
        (lambda c, a, b: (c + np.diag([np.inf, 0, 0, 0])[:, :3] + [[0], [0], [0], [1.5e308]], a, b), "scale them"),
        (lambda c, a, b: (c, -a, -b), "not negative, got -0.25 in a at 0"),
        (lambda c, a, b: (c, a, np.where(np.arange(3) == 1, np.nan, b)), "finite and not negative, got nan in b at 1"),
        (lambda c, a, b: (c, a, 2 * b), "same mass, got 1 and 2"),
        (lambda c, a, b: (c, 0 * a, 0 * b), "all zero"),
    ],
)
def test_bad_input_is_named(rng, change, message):
    cost, a, b = change(rng.random((4, 3)), np.full(4, 0.25), np.full(3, 1 / 3))
    with pytest.raises(InputError, match=message):
        Exact().solve(cost, a, b)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("size", [(2, 2), (5, 4), (12, 30), (200, 190)], ids=str)
def test_an_infinite_cost_forbids_a_pair(size, scale, rng):
    from scipy.optimize import linprog

    for share in (0.2, 0.7):
        cost = rng.normal(5, 2, size)
        forbidden = rng.random(size) < share
        forbidden[np.arange(max(size)) % size[0], np.arange(max(size)) % size[1]] = False
        kept = rng.random(size) * ~forbidden  # a coupling that is allowed: there is one
        a, b = kept.sum(axis=1) / kept.sum(), kept.sum(axis=0) / kept.sum()
        found = Exact().solve(np.where(forbidden, np.inf, cost * scale), a, b)
        assert not found.coupling[forbidden].any()
        assert found.gap <= 1e-12 * scale
        assert found.marginal_error < 1e-14
        slack = np.where(forbidden, np.inf, cost) - np.add.outer(*found.potentials) / scale
        assert slack.min() > -1e-11
        if scale == 1.0 and min(size) < 100:
            rows, cols = np.nonzero(~forbidden)
            sums = np.concatenate([rows == np.arange(size[0])[:, None], cols == np.arange(size[1])[:, None]])
            peer = linprog(cost[rows, cols], A_eq=sums, b_eq=np.concatenate([a, b]))
            assert found.cost == pytest.approx(peer.fun, abs=1e-9)


def test_too_many_forbidden_pairs_are_told_by_the_rows_that_find_no_room(rng):
    for _ in range(20):
        size = tuple(rng.integers(2, 9, 2))
        a, b = rng.dirichlet(np.ones(size[0])), rng.dirichlet(np.ones(size[1]))
        forbidden = rng.random(size) < 0.6
        cost = np.where(forbidden, np.inf, rng.random(size))
        try:
            Exact().solve(cost, a, b)
        except InputError as error:
            rows, cols = re.match(
                r".*the rows (.*), of mass .*only to (?:no column|the columns (.*), of).*", str(error)
            ).groups()
            rows = [int(row) for row in rows.split(", ")]
            cols = [int(col) for col in (cols or "").split(", ") if col]
            assert forbidden[np.ix_(rows, np.setdiff1d(np.arange(size[1]), cols))].all()
            assert a[rows].sum() > b[cols].sum()
        else:
            assert all(
                a[np.array(rows)].sum() <= b[~forbidden[list(rows)].all(axis=0)].sum() + 1e-12
                for n in range(1, size[0] + 1)
                for rows in itertools.combinations(range(size[0]), n)
            )


@pytest.mark.parametrize("large", [1e6, 1e14, 1e15, 1e18, 1e100])
def test_costs_that_dwarf_the_others_lose_no_digit_of_these(large, rng):
    """1e18 + 3 is 1e18: pairs that cost more than any detour are as good as forbidden."""
    base, some, a = rng.random((50, 50)), rng.random((50, 50)) < 0.7, np.full(50, 0.02)
    best = Exact().solve(np.where(some, np.inf, base), a, a)
    found = Exact().solve(np.where(some, large, base), a, a)
    assert found.cost == pytest.approx(best.cost, rel=1e-12)
    assert found.gap <= 1e-9 * found.cost
    assert (np.add.outer(*found.potentials) <= found.cost_matrix + 1e-12).all()


def test_costs_whose_differences_are_infinite_are_refused():
    with pytest.raises(InputError, match="too large for sums of them: scale them"):
        Exact().solve(np.array([[1e308, -1e308], [-1e308, 1e308]]), np.full(2, 0.5), np.full(2, 0.5))
