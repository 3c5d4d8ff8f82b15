"""Every plan is feasible, a forest, and proven optimal by its own potentials."""

import numpy as np
import pytest

from mixot import Exact, InputError, Samples, SolveError, Status, plan


def assert_certified(result, cost, a, b, *, gap=1e-12):
    """Feasible, priced right, with at most k + l - 1 entries and a dual feasible proof of ``gap`` (relative)."""
    f, g = result.potentials
    size = max(np.abs(cost).max(), np.abs(f).max(), np.abs(g).max())
    np.testing.assert_allclose(result.coupling.sum(axis=1), a, atol=1e-14)
    np.testing.assert_allclose(result.coupling.sum(axis=0), b, atol=1e-14)
    assert result.coupling.min() >= 0
    assert result.marginal_error <= 1e-14
    assert result.cost == pytest.approx((result.coupling * cost).sum(), rel=1e-14)
    assert (f[:, None] + g - cost).max() <= 4e-16 * size
    assert result.lower_bound == pytest.approx(min(f @ a + g @ b, result.cost), rel=1e-14, abs=1e-15 * size)
    assert 0 <= result.gap <= gap * max(result.cost, 1e-3 * size)
    if result.status.solved:
        assert np.count_nonzero(result.coupling) <= len(a) + len(b) - 1


def weights(rng, k, kind):
    if kind == "equal":
        return np.full(k, 1 / k)
    if kind == "some zero" and k > 1:
        out = rng.dirichlet(np.ones(k)) * (rng.random(k) < 0.6)
        out[rng.integers(k)] += 0.1
    elif kind == "very unequal":
        out = 10.0 ** rng.uniform(-18, 0, k)
    else:
        out = rng.dirichlet(np.ones(k))
    return out / out.sum()


@pytest.mark.parametrize("kind", ["random", "equal", "some zero", "very unequal"])
@pytest.mark.parametrize("costs", ["random", "ties", "constant", "squares", "one row far away"])
def test_random_problems(rng, kind, costs):
    for _ in range(25):
        k, l = rng.integers(1, 25, size=2)  # noqa: E741
        cost = {
            "random": lambda: rng.random((k, l)),
            "ties": lambda: rng.integers(0, 3, size=(k, l)).astype(float),
            "constant": lambda: np.full((k, l), 0.7),
            "squares": lambda: (rng.standard_normal((k, 1)) - rng.standard_normal(l)) ** 2,
            "one row far away": lambda: rng.random((k, l)) + 1e3 * (np.arange(k) == 0)[:, None],
        }[costs]()
        cost = cost * 10.0 ** rng.choice([-16, -8, 0, 8, 16])
        a, b = weights(rng, k, kind), weights(rng, l, kind)
        assert_certified(Exact().solve(cost, a, b), cost, a, b)


def test_monotone_coupling_is_optimal_on_the_line(rng):
    x, y = np.sort(rng.standard_normal(60)), np.sort(rng.standard_normal(60))
    result = plan(Samples(x), Samples(y))
    assert result.cost == pytest.approx(((x - y) ** 2).mean(), rel=1e-12)


def test_hundreds_of_atoms(rng):
    x, y = rng.standard_normal((300, 2)), rng.standard_normal((240, 2)) + 1
    a, b = rng.dirichlet(np.ones(300)), rng.dirichlet(np.ones(240))
    result = plan(Samples(x, a), Samples(y, b))
    # Potentials that pile up the rounding of every pivot prove 1e-12 here, and less the more atoms there are.
    assert_certified(result, result.cost_matrix, a, b, gap=1e-14)


def test_no_dust(rng):
    """The same weights in another order: what flows differ by in the last digit is no flow."""
    for _ in range(300):
        k = rng.integers(3, 40)
        a = rng.dirichlet(np.full(k, 5.0))
        result = Exact().solve(rng.random((k, k)), a, rng.permutation(a))
        assert result.coupling[result.coupling > 0].min() > 1e-15


def test_light_atoms_are_not_lost(rng):
    """A component of weight 1e-17 still knows where it goes."""
    a, b = np.array([0.5, 0.5, 1e-17]), np.array([0.25, 0.75 - 1e-17, 1e-17])
    cost = rng.random((3, 3))
    result = Exact().solve(cost, a, b)
    assert (result.coupling.sum(axis=1) > 0).all()
    assert (result.coupling.sum(axis=0) > 0).all()


def test_the_same_plan_every_time(rng):
    cost, a, b = rng.integers(0, 2, size=(12, 9)).astype(float), np.full(12, 1 / 12), np.full(9, 1 / 9)
    first = Exact().solve(cost, a, b)
    again = Exact().solve(cost, a, b)
    assert (first.coupling == again.coupling).all()


def test_too_few_pivots_raise_with_a_feasible_plan_and_a_valid_bound(rng):
    cost, a, b = rng.random((40, 50)), rng.dirichlet(np.ones(40)), rng.dirichlet(np.ones(50))
    best = Exact().solve(cost, a, b)
    with pytest.raises(SolveError, match="max_iter") as caught:
        Exact(max_iter=10).solve(cost, a, b)
    result = caught.value.result
    assert result.status is Status.MAX_ITER
    assert_certified(result, cost, a, b, gap=np.inf)
    assert result.lower_bound <= best.cost <= result.cost


def test_bad_costs_are_refused():
    with pytest.raises(InputError, match="finite"):
        Exact().solve(np.array([[0.0, np.nan], [1.0, 1.0]]), np.full(2, 0.5), np.full(2, 0.5))


def test_clouds_too_large_to_store_are_refused_before_anything_is_allocated():
    cloud = Samples(np.zeros((20_000, 1)))
    with pytest.raises(InputError, match="GiB"):
        plan(cloud, cloud)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_what_costs_nothing_is_proven_where_masses_differ_by_rounding(k, rng):
    """Where the cost is zero, a gap that is rounding of other costs is no share of it, and nothing to be mended."""
    cost = rng.random((k, k)) + 0.5
    np.fill_diagonal(cost, 0.0)
    mass = rng.dirichlet(np.ones(k))
    other = np.nextafter(mass, rng.choice([0.0, 1.0], k))
    plan = Exact().solve(cost, mass, other)
    assert abs(plan.cost) < 1e-15
    assert plan.gap < 1e-15
    np.testing.assert_allclose(plan.coupling, np.diag(mass), atol=1e-15)
