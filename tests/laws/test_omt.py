"""The laws of optimal mixture transport: optimality, uniqueness, limits, invariances, certificates."""

import numpy as np
import pytest

from mixot import OMT, DiagonalGaussian, Exact, Gaussian, Mixture, Product, Samples, Status, plan
from mixot.solvers.entropic.omt import default_lam


def weights(rng, k, kind="random"):
    if kind == "equal":
        return np.full(k, 1 / k)
    if kind == "very unequal":
        out = 10.0 ** rng.uniform(-18, 0, k)
    elif kind == "some zero":
        out = rng.dirichlet(np.ones(k)) * (rng.random(k) < 0.6)
        out[rng.integers(k)] += 0.1
    else:
        out = rng.dirichlet(np.ones(k))
    return out / out.sum()


def problem(rng, k, l, kind="random", costs="squares"):  # noqa: E741
    x, y = rng.standard_normal((k, 3)), rng.standard_normal((l, 3)) + rng.uniform(0, 2)
    cost = {
        "squares": lambda: ((x[:, None] - y) ** 2).sum(axis=2),
        "uniform": lambda: rng.random((k, l)),
        "ties": lambda: rng.integers(0, 4, size=(k, l)).astype(float),
        "constant": lambda: np.full((k, l), 0.7),
        "one row far away": lambda: rng.random((k, l)) + 1e3 * (np.arange(k) == 0)[:, None],
    }[costs]()
    return cost, weights(rng, k, kind), weights(rng, l, kind)


def kl(x, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((np.where(x > 0, x * np.log(x / y), 0.0) - x + y).sum())


def assert_certified(found, cost, a, b, *, tol=1e-12):
    """Feasible, priced right, first-order optimal, and proven to be so."""
    w, (f, g) = found.coupling, found.entropic_potentials
    size = np.abs(cost).max() + 1e-300
    np.testing.assert_allclose(w.sum(axis=1), a, atol=1e-14)
    np.testing.assert_allclose(w.sum(axis=0), b, atol=1e-14)
    assert w.min() >= 0
    assert found.marginal_error <= 1e-14
    assert found.marginal_error == max(np.abs(w.sum(axis=1) - a).max(), np.abs(w.sum(axis=0) - b).max())
    assert found.cost == pytest.approx((w * cost).sum(), rel=1e-13)
    assert 0 <= found.gap <= tol * max(size, found.lam)
    assert found.excess >= 0
    scale = np.outer(a, b)
    some = scale > 0
    smooth = scale[some] * np.exp((f[:, None] + g - cost)[some] / found.lam)
    np.testing.assert_allclose(w[some], smooth, atol=1e-11)
    assert found.primal == pytest.approx(found.cost + found.lam * kl(w, scale), rel=1e-12, abs=1e-13 * size)
    feasible_f, feasible_g = found.potentials
    assert (feasible_f[:, None] + feasible_g - cost).max() <= 1e-14 * size
    assert found.lower_bound == pytest.approx(min(a @ feasible_f + b @ feasible_g, found.cost), abs=1e-13 * size)
    assert found.excess == pytest.approx(
        found.cost - min(a @ feasible_f + b @ feasible_g, found.cost), abs=1e-13 * size
    )


@pytest.mark.parametrize("kind", ["random", "equal", "some zero", "very unequal"])
@pytest.mark.parametrize("costs", ["squares", "uniform", "ties", "constant", "one row far away"])
def test_random_problems_are_solved_to_the_last_digits(kind, costs, rng):
    for _ in range(12):
        k, l = rng.integers(1, 40, size=2)  # noqa: E741
        cost, a, b = problem(rng, k, l, kind, costs)
        unit = 10.0 ** rng.choice([-16, -8, 0, 8, 16])
        lam = unit * max(float(np.median(cost)), 0.1) * 10.0 ** rng.uniform(-4, 1)
        assert_certified(OMT(lam=lam).solve(unit * cost, a, b), unit * cost, a, b)


def test_lam_may_be_anything_between_the_limits(rng):
    cost, a, b = problem(rng, 30, 50)
    for lam in 10.0 ** np.arange(-16.0, 4.0):
        found = OMT(lam=lam).solve(cost, a, b)
        assert np.isfinite(found.coupling).all()
        assert found.status is Status.CONVERGED
        assert 0 <= found.gap <= 1e-10 * cost.max()


def test_weights_of_almost_nothing_keep_their_own_law(rng):
    cost, a, b = problem(rng, 5, 6)
    a[0], a[1], b[2] = 1e-300, 1e-150, 1e-310
    a, b = a / a.sum(), b / b.sum()
    found = OMT(lam=0.1).solve(cost, a, b)
    assert_certified(found, cost, a, b)
    np.testing.assert_allclose(found.coupling.sum(axis=1)[:2], a[:2], rtol=1e-10)
    f, g = found.entropic_potentials
    given = b * np.exp((f[1] + g - cost[1]) / 0.1)
    np.testing.assert_allclose(found.coupling[1] / a[1], given, rtol=1e-10)


def test_one_component_leaves_no_choice(rng):
    cost, a, b = problem(rng, 1, 7)
    for lam in (None, 0.0, 1e-3, 1e3):
        np.testing.assert_allclose(OMT(lam=lam).solve(cost, a, b).coupling, b[None], rtol=1e-14)
        np.testing.assert_allclose(OMT(lam=lam).solve(cost.T.copy(), b, a).coupling, b[:, None], rtol=1e-14)


def test_a_constant_cost_leaves_the_components_independent(rng):
    a, b = weights(rng, 4), weights(rng, 6)
    for value in (0.0, 3.0):
        found = OMT().solve(np.full((4, 6), value), a, b)
        np.testing.assert_allclose(found.coupling, np.outer(a, b), rtol=1e-14)
        assert found.gap <= 1e-15


def test_two_hundred_random_starts_end_in_one_plan(rng):
    cost, a, b = problem(rng, 25, 31)
    solver = OMT()
    first = solver.solve(cost, a, b)
    for _ in range(200):
        start = 3 * rng.standard_normal(25) * cost.max(), 3 * rng.standard_normal(31) * cost.max()
        again = solver.solve(cost, a, b, start=start)
        np.testing.assert_allclose(again.coupling, first.coupling, atol=1e-12)
        assert again.gap <= 1e-12 * cost.max()


def test_the_same_call_gives_the_same_bits(rng):
    cost, a, b = problem(rng, 40, 30)
    first, second = (OMT(lam=0.01).solve(cost, a, b) for _ in range(2))
    np.testing.assert_array_equal(first.coupling, second.coupling)


def test_no_feasible_coupling_is_better_and_no_potentials_prove_more(rng):
    cost, a, b = problem(rng, 6, 8)
    lam, scale = 0.3, np.outer(a, b)
    found = OMT(lam=lam).solve(cost, a, b)
    for _ in range(100):
        other = Exact().solve(rng.random((6, 8)), a, b).coupling
        t = rng.random()
        mixed = (1 - t) * found.coupling + t * other
        assert (mixed * cost).sum() + lam * kl(mixed, scale) >= found.primal - 1e-13
        f, g = (x + t * rng.standard_normal(len(x)) for x in found.entropic_potentials)
        mass = (scale * np.exp((f[:, None] + g - cost) / lam)).sum()
        assert f @ a + g @ b - lam * (mass - 1) <= found.dual + 1e-13


# -- limits ------------------------------------------------------------------------------------------------------------


def test_small_lam_gives_the_cost_of_the_linear_program(rng):
    for _ in range(20):
        cost, a, b = problem(rng, *rng.integers(2, 60, size=2))
        best = Exact().solve(cost, a, b).cost
        found = OMT(lam=1e-8 * float(np.median(cost))).solve(cost, a, b)
        assert best - 1e-12 <= found.cost <= best * (1 + 1e-6)
        assert found.excess <= 1e-6 * best


def test_lam_zero_is_the_linear_program(rng):
    cost, a, b = problem(rng, 9, 7)
    found, exact = OMT(lam=0).solve(cost, a, b), Exact().solve(cost, a, b)
    np.testing.assert_array_equal(found.coupling, exact.coupling)
    assert found.status is Status.OPTIMAL
    assert found.primal == found.cost == pytest.approx(exact.cost, rel=1e-14)
    assert found.dual == pytest.approx(exact.lower_bound, rel=1e-14)


def test_large_lam_makes_the_components_independent(rng):
    cost, a, b = problem(rng, 9, 7)
    for lam in 1e3, 1e6, 1e9:
        found = OMT(lam=lam).solve(cost, a, b)
        np.testing.assert_allclose(found.coupling, np.outer(a, b), atol=cost.max() / lam)


def test_small_lam_chooses_the_optimal_plan_of_least_entropy(rng):
    # two blocks of equal costs: every coupling inside a block is optimal, the product inside each has the least KL
    cost = np.kron(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((3, 4)))
    inner = [weights(rng, 3), weights(rng, 3), weights(rng, 4), weights(rng, 4)]
    a, b = np.concatenate([0.4 * inner[0], 0.6 * inner[1]]), np.concatenate([0.4 * inner[2], 0.6 * inner[3]])
    expected = np.zeros((6, 8))
    expected[:3, :4], expected[3:, 4:] = 0.4 * np.outer(inner[0], inner[2]), 0.6 * np.outer(inner[1], inner[3])
    np.testing.assert_allclose(OMT(lam=1e-3).solve(cost, a, b).coupling, expected, atol=1e-14)


# -- invariances -------------------------------------------------------------------------------------------------------


def test_exchanging_source_and_target_transposes_the_plan(rng):
    cost, a, b = problem(rng, 12, 20)
    there, back = OMT(lam=0.05).solve(cost, a, b), OMT(lam=0.05).solve(cost.T.copy(), b, a)
    np.testing.assert_allclose(there.coupling, back.coupling.T, atol=1e-13)
    assert there.primal == pytest.approx(back.primal, rel=1e-13)


def test_separable_shifts_of_the_cost_leave_the_plan(rng):
    cost, a, b = problem(rng, 12, 20)
    shifts = rng.standard_normal(12), rng.standard_normal(20)
    moved = OMT(lam=0.05).solve(cost + 5 * shifts[0][:, None] + 5 * shifts[1], a, b)
    plain = OMT(lam=0.05).solve(cost, a, b)
    np.testing.assert_allclose(moved.coupling, plain.coupling, atol=1e-12)
    assert moved.primal == pytest.approx(plain.primal + 5 * (a @ shifts[0] + b @ shifts[1]), abs=1e-12)


def test_units_change_nothing_but_the_units(rng):
    cost, a, b = problem(rng, 12, 20)
    plain, scaled = OMT().solve(cost, a, b), OMT().solve(2.0**40 * cost, a, b)
    np.testing.assert_allclose(scaled.coupling, plain.coupling, atol=1e-14)
    assert scaled.lam == 2.0**40 * plain.lam
    assert scaled.cost == pytest.approx(2.0**40 * plain.cost, rel=1e-13)


def test_a_component_split_in_two_shares_its_row(rng):
    cost, a, b = problem(rng, 5, 9)
    split = OMT(lam=0.2).solve(np.vstack([cost, cost[:1]]), np.append([0.3 * a[0]], np.append(a[1:], 0.7 * a[0])), b)
    whole = OMT(lam=0.2).solve(cost, a, b).coupling
    np.testing.assert_allclose(split.coupling[0], 0.3 * whole[0], atol=1e-14)
    np.testing.assert_allclose(split.coupling[5], 0.7 * whole[0], atol=1e-14)


def test_costs_rise_and_entropies_fall_with_lam(rng):
    cost, a, b = problem(rng, 15, 10)
    lams = np.median(cost) * 10.0 ** np.linspace(-4, 1, 26)
    found = [OMT(lam=lam).solve(cost, a, b) for lam in lams]
    entropies = [kl(one.coupling, np.outer(a, b)) for one in found]
    assert (np.diff([one.cost for one in found]) >= -1e-13).all()
    assert (np.diff(entropies) <= 1e-11).all()
    assert (np.diff([one.excess for one in found]) >= -1e-9).all()
    # the optimal value is concave in lam, with slope the entropy
    slopes = np.diff([one.primal for one in found]) / np.diff(lams)
    assert ((slopes <= np.array(entropies[:-1]) + 1e-9) & (slopes >= np.array(entropies[1:]) - 1e-9)).all()


def test_the_default_lam_depends_on_what_the_plan_depends_on(rng):
    cost, a, b = problem(rng, 15, 10)
    lam = OMT().solve(cost, a, b).lam
    assert OMT(lam="auto").solve(cost, a, b).lam == lam
    assert OMT().solve(2.0**40 * cost, a, b).lam == 2.0**40 * lam
    assert OMT().solve(3.7 * cost, a, b).lam == pytest.approx(3.7 * lam, rel=1e-13)
    assert OMT().solve(cost.T, b, a).lam == pytest.approx(lam, rel=1e-13)
    shift = 1e4 * np.abs(cost).max() * rng.standard_normal((15, 1))
    for shifted in (cost + shift, cost + 1e4 * rng.standard_normal(10), cost + shift + rng.standard_normal(10)):
        assert OMT().solve(shifted, a, b).lam == pytest.approx(lam, rel=1e-9)
    rows, cols = rng.permutation(15), rng.permutation(10)
    assert OMT().solve(cost[rows][:, cols], a[rows], b[cols]).lam == pytest.approx(lam, rel=1e-13)
    some = np.append(a, [0.0]), np.vstack([cost, 1e6 * rng.random(10)])  # components without weight have no say
    assert OMT().solve(some[1], some[0], b).lam == lam
    twice = np.vstack([cost, cost[:1]]), np.append(np.append(0.3 * a[0], a[1:]), 0.7 * a[0])  # nor has a split
    assert OMT().solve(*twice, b).lam == pytest.approx(lam, rel=1e-13)


def test_the_default_lam_has_the_size_of_what_the_plan_depends_on(rng):
    assert default_lam(np.array([[0.0, 4.0], [4.0, 0.0]])) == pytest.approx(0.1 * 2.0)  # rows and columns have mean 2
    # x and y even: C = (x - y)^2 less what separates is -2 x y, of mean size 2 E|x| E|y|
    x, y = np.linspace(-1, 1, 201), 3 * np.linspace(-1, 1, 101)
    assert default_lam(np.subtract.outer(x, y) ** 2) == pytest.approx(0.1 * 2 * 0.5 * 1.5, rel=0.5)
    assert default_lam(np.array([[0.0, 0.0, 3.0]])) == pytest.approx(0.05)
    assert default_lam(np.zeros((2, 2))) == 1.0
    for constant in (0.7, -3.0, 1e9 / 3):  # what rounding leaves of costs that separate is no scale
        assert default_lam(np.full((3, 4), constant)) == pytest.approx(0.05 * abs(constant))


def test_a_remote_component_leaves_the_default_lam(rng):
    x, y = rng.standard_normal((2, 30, 2))
    lam = default_lam(((x[:, None] - y) ** 2).sum(axis=2))
    for far in (1e2, 1e3, 1e4):
        remote = [np.vstack([each, [[far, far]]]) for each in (x, y)]
        assert 0.5 * lam < default_lam(((remote[0][:, None] - remote[1]) ** 2).sum(axis=2)) < 2 * lam


def test_the_plan_of_translated_mixtures_is_the_same(rng):
    p, q = (Mixture(rng.dirichlet(np.ones(k)), Gaussian.example(rng, k)) for k in (5, 6))
    before = plan(p, q, solver=OMT())
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    for matrix, mine, theirs in ((np.eye(3), [0.0] * 3, [100.0] * 3), (turn, [300.0] * 3, [-5.0] * 3)):
        after = plan(p.affine(matrix, np.array(mine)), q.affine(matrix, np.array(theirs)), solver=OMT())
        assert after.lam == pytest.approx(before.lam, rel=1e-9)
        np.testing.assert_allclose(after.coupling, before.coupling, atol=1e-8)


# -- relaxed marginals -------------------------------------------------------------------------------------------------

RHOS = [(1.0, 1.0), (np.inf, 0.5), (0.5, np.inf), (0.01, 3.0), (100.0, 100.0)]


@pytest.mark.parametrize("rho", RHOS, ids=str)
@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (1, 6), (6, 1)], ids=str)
def test_relaxed_marginals_meet_their_first_order_conditions(rho, shape, rng):
    cost, a, b = problem(rng, *shape)
    for lam in (1.0, 0.05, 1e-3):
        found = OMT(lam=lam, rho=rho).solve(cost, a, b)
        f, g = found.entropic_potentials
        w, left, arrived = found.coupling, found.coupling.sum(axis=1), found.coupling.sum(axis=0)
        scale = np.outer(a, b)
        np.testing.assert_allclose(w, scale * np.exp((f[:, None] + g - cost) / lam), atol=1e-11)
        np.testing.assert_allclose(left, a * (1.0 if np.isinf(rho[0]) else np.exp(-f / rho[0])), atol=1e-12)
        np.testing.assert_allclose(arrived, b * (1.0 if np.isinf(rho[1]) else np.exp(-g / rho[1])), atol=1e-12)
        value = (w * cost).sum() + lam * kl(w, scale)
        value += sum(r * kl(x, y) for r, x, y in zip(rho, (left, arrived), (a, b), strict=True) if np.isfinite(r))
        assert found.primal == pytest.approx(value, rel=1e-12)
        assert 0 <= found.gap <= 1e-12 * max(cost.max(), max(r for r in rho if np.isfinite(r)))
        assert found.cost - 1e-12 <= found.cost + found.excess
        assert not found.balanced


def test_relaxed_marginals_tend_to_exact_ones(rng):
    cost, a, b = problem(rng, 12, 20)
    exact = OMT(lam=0.05).solve(cost, a, b)
    off = [np.abs(OMT(lam=0.05, rho=rho).solve(cost, a, b).coupling - exact.coupling).sum() for rho in (1e2, 1e4, 1e6)]
    assert off[0] > 50 * off[1] > 50 * 50 * off[2]
    np.testing.assert_array_equal(OMT(lam=0.05, rho=np.inf).solve(cost, a, b).coupling, exact.coupling)


def test_cheap_misses_move_next_to_nothing(rng):
    cost, a, b = problem(rng, 12, 20)
    found = OMT(lam=1e-3, rho=1e-3).solve(cost + 1.0, a, b)
    assert found.coupling.sum() < 1e-6
    np.testing.assert_allclose(found.destroyed[0], a, atol=1e-6)
    np.testing.assert_allclose(found.created[1], b, atol=1e-6)


def test_mass_is_accounted_for(rng):
    cost, a, b = problem(rng, 12, 20)
    for rho in RHOS:
        found = OMT(lam=0.05, rho=rho).solve(cost, a, b)
        left, arrived = found.coupling.sum(axis=1), found.coupling.sum(axis=0)
        np.testing.assert_allclose(a + found.created[0] - found.destroyed[0], left, atol=1e-14)
        np.testing.assert_allclose(arrived + found.created[1] - found.destroyed[1], b, atol=1e-14)
        np.testing.assert_allclose(found.growth[0], left / a if np.isfinite(rho[0]) else 1.0, rtol=1e-14)
        np.testing.assert_allclose(found.growth[1], b / arrived if np.isfinite(rho[1]) else 1.0, rtol=1e-14)
    kept = OMT(lam=0.05).solve(cost, a, b)
    assert kept.balanced
    assert all((x == 0).all() for pair in (kept.created, kept.destroyed) for x in pair)
    assert all((x == 1).all() for x in kept.growth)


def test_a_population_that_doubled_is_seen_to_grow():
    # two far populations; the first goes from a share of 0.5 to 2/3: with targets kept its growth is 4/3
    p = Mixture([0.5, 0.5], Gaussian([0.0, 100.0], [1.0, 1.0]))
    q = Mixture([2 / 3, 1 / 3], Gaussian([1.0, 101.0], [1.0, 1.0]))
    found = plan(p, q, solver=OMT(lam=0.1, rho=(1.0, np.inf)))
    np.testing.assert_allclose(found.growth[0], [4 / 3, 2 / 3], rtol=1e-10)
    np.testing.assert_allclose(found.created[0], [1 / 6, 0], atol=1e-10)
    np.testing.assert_allclose(found.destroyed[0], [0, 1 / 6], atol=1e-10)


def test_relaxed_masses_may_differ(rng):
    cost, a, b = problem(rng, 6, 5)
    found = OMT(lam=0.05, rho=1.0).solve(cost, 3 * a, 0.5 * b)
    assert found.gap <= 1e-12 * cost.max()
    even = OMT(lam=0.05, rho=1.0).solve(cost, a, b).coupling.sum()
    assert found.coupling.sum() == pytest.approx(np.sqrt(3 * 0.5) * even, rel=0.1)


def test_components_without_weight_take_no_part(rng):
    cost, a, b = problem(rng, 6, 5)
    for rho in (None, 1.0, (np.inf, 1.0)):
        plain = OMT(lam=0.05, rho=rho).solve(cost, a, b)
        padded = OMT(lam=0.05, rho=rho).solve(np.pad(cost, ((0, 1), (1, 0))), np.append(a, 0.0), np.append(0.0, b))
        np.testing.assert_array_equal(padded.coupling[:-1, 1:], plain.coupling)
        assert padded.coupling[-1].sum() == padded.coupling[:, 0].sum() == 0
        assert padded.growth[0][-1] == 1
        # potentials there are the limit of those of a vanishing weight
        tiny = OMT(lam=0.05, rho=rho).solve(np.pad(cost, ((0, 1), (1, 0))), np.append(a, 1e-200), np.append(1e-200, b))
        for mine, theirs in zip(padded.entropic_potentials, tiny.entropic_potentials, strict=True):
            shift = (mine - theirs)[1]
            np.testing.assert_allclose(mine - theirs, shift, atol=1e-11)


# -- mixtures ----------------------------------------------------------------------------------------------------------


def test_mixtures_are_joined_by_their_component_costs(rng):
    p, q = (Mixture(weights(rng, k), Gaussian.example(rng, k)) for k in (4, 6))
    found = plan(p, q, solver=OMT())
    direct = OMT().solve(p.components.cost(q.components), p.weights, q.weights)
    np.testing.assert_array_equal(found.coupling, direct.coupling)
    assert plan(p, q).cost <= found.cost
    assert found.distance == pytest.approx(np.sqrt(found.cost))
    narrow = Mixture(q.weights, DiagonalGaussian(q.components.mean(), np.ones((6, 3))))
    assert plan(p, narrow, solver=OMT(eps=0.1)).coupling.shape == (4, 6)


def test_clouds_of_points_have_entropic_plans_too(rng):
    x, y = Samples(rng.standard_normal((20, 2))), Samples(rng.standard_normal((30, 2)))
    found = plan(x, y, solver=OMT(lam=0.1))
    points = Mixture(x.weights, Gaussian(x.points, np.zeros((20, 2, 2))))
    others = Mixture(y.weights, Gaussian(y.points, np.zeros((30, 2, 2))))
    np.testing.assert_allclose(found.coupling, plan(points, others, solver=OMT(lam=0.1)).coupling, atol=1e-13)


ENTROPIC = [Gaussian, DiagonalGaussian, Product]


def example(family, rng, k):
    if family is Product:
        line = DiagonalGaussian(rng.standard_normal((k, 1)), rng.uniform(0.2, 2.0, size=(k, 1)))
        return Product((Gaussian.example(rng, k), line))
    return family.example(rng, k)


@pytest.mark.parametrize("law", ENTROPIC, ids=lambda law: law.name)
def test_entropic_costs_start_at_w2_and_rise_with_eps(law, rng):
    p, q = example(law, rng, 5), example(law, rng, 6)
    plain = p.cost(q)
    assert (np.abs(p.entropic_cost(q, 1e-8) - plain) < 1e-6).all()
    np.testing.assert_array_equal(p.entropic_cost(q, 1e-40), plain)
    last = plain
    for eps in (1e-3, 0.1, 1.0, 10.0, 1e4):
        now = p.entropic_cost(q, eps)
        assert (now > last).all()
        np.testing.assert_allclose(now, q.entropic_cost(p, eps).T, rtol=1e-12)
        last = now
    # with much entropy x and y are independent
    apart = ((p.mean()[:, None] - q.mean()) ** 2).sum(axis=2)
    traces = np.trace(p.cov(), axis1=1, axis2=2)[:, None] + np.trace(q.cov(), axis1=1, axis2=2)
    np.testing.assert_allclose(p.entropic_cost(q, 1e9), apart + traces, rtol=1e-7)


@pytest.mark.parametrize("law", ENTROPIC[:2], ids=lambda law: law.name)
def test_entropic_couplings_have_their_marginals_and_their_price(law, rng):
    p, q = example(law, rng, 4), example(law, rng, 4)
    rows, cols = np.divmod(np.arange(16), 4)
    a, b = p.cov()[rows], q.cov()[cols]
    for eps in (1e-3, 0.5, 20.0):
        c = p.entropic_coupling(q, rows, cols, eps)
        np.testing.assert_allclose(c.linear @ a @ c.linear.swapaxes(1, 2) + c.noise, b, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(np.einsum("sij,sj->si", c.linear, p.mean()[rows]) + c.shift, q.mean()[cols])
        # E|x - y|^2 + eps KL: the mutual information of a Gaussian joint law is log(det B / det noise) / 2
        cross = np.trace(c.linear @ a, axis1=1, axis2=2)
        moved = ((p.mean()[rows] - q.mean()[cols]) ** 2).sum(axis=1) - 2 * cross
        moved += np.trace(a, axis1=1, axis2=2) + np.trace(b, axis1=1, axis2=2)
        information = (np.linalg.slogdet(b)[1] - np.linalg.slogdet(c.noise)[1]) / 2
        np.testing.assert_allclose(p.entropic_cost(q, eps)[rows, cols], moved + eps * information, rtol=1e-9)


def test_entropic_couplings_of_singular_laws(rng):
    roots = rng.standard_normal((2, 3, 2))
    p = Gaussian(rng.standard_normal((2, 3)), roots @ roots.swapaxes(1, 2))
    q = Gaussian.example(rng, 2)
    rows, cols = np.divmod(np.arange(4), 2)
    for source, target in ((p, q), (q, p), (p, p)):
        c = source.entropic_coupling(target, rows, cols, 0.7)
        a, b = source.covs[rows], target.covs[cols]
        np.testing.assert_allclose(c.linear @ a @ c.linear.swapaxes(1, 2) + c.noise, b, atol=1e-12)
        wide, broad = (Gaussian(laws.means, laws.covs + 1e-9 * np.eye(3)) for laws in (source, target))
        np.testing.assert_allclose(source.entropic_cost(target, 0.7), wide.entropic_cost(broad, 0.7), atol=1e-6)
        near = wide.entropic_coupling(broad, rows, cols, 0.7)
        cross, close = a @ c.linear.swapaxes(1, 2), wide.covs[rows] @ near.linear.swapaxes(1, 2)
        np.testing.assert_allclose(cross, close, atol=1e-6)
