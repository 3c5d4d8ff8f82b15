"""Bounds on the change of a plan hold, and are not idle."""

import numpy as np
import pytest

from mixot import OMT, Gaussian, Mixture, UnsupportedError, plan
from mixot.solvers.entropic.arrow_errors import arrow_errors


def problem(rng, k, l):  # noqa: E741
    x, y = rng.standard_normal((k, 2)), rng.standard_normal((l, 2))
    return ((x[:, None] - y) ** 2).sum(axis=2), rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(l))


def drift(rng, weights, size):
    """A change of the weights of total zero, at most ``size`` of each."""
    change = weights * rng.uniform(-1, 1, len(weights))
    change -= weights * change.sum() / weights.sum()
    return weights + size * change / np.abs(change / weights).max()


def moved(first, second):
    return float(np.abs(first.coupling - second.coupling).sum())


def test_bounds_hold_in_a_thousand_random_changes(rng):
    tight = {"weights": 0.0, "anywhere": 0.0, "costs": 0.0}
    for _ in range(100):
        cost, a, b = problem(rng, *rng.integers(2, 15, size=2))
        lam = float(np.median(cost)) * 10.0 ** rng.uniform(-2, 1)
        before = OMT(lam=lam).solve(cost, a, b)
        report = before.stability()
        for _ in range(10):
            # first order: with changes of at most 1e-6 (1 - s2) of each weight, second-order terms are below 1e-5 of it
            near_a, near_b = (drift(rng, x, 1e-6 * report.margin) for x in (a, b))
            first = moved(before, OMT(lam=lam).solve(cost, near_a, near_b))
            bound = report.weights_bound(near_a, near_b)
            assert first <= bound * (1 + 1e-5) + 1e-14
            tight["weights"] = max(tight["weights"], first / bound if bound > 1e-10 else 0.0)
            # any change at all
            far_a, far_b = rng.dirichlet(np.full(len(a), 0.5)), rng.dirichlet(np.full(len(b), 0.5))
            t = 10.0 ** rng.uniform(-3, 0)
            far_a, far_b = (1 - t) * a + t * far_a, (1 - t) * b + t * far_b
            change = moved(before, OMT(lam=lam).solve(cost, far_a, far_b))
            bound = report.weights_bound_everywhere(far_a, far_b)
            assert change <= bound + 1e-12
            tight["anywhere"] = max(tight["anywhere"], change / bound)
            other = cost + 10.0 ** rng.uniform(-4, 0) * rng.standard_normal(cost.shape)
            change = moved(before, OMT(lam=lam).solve(other, a, b))
            assert change <= report.cost_bound(other) + 1e-12
            tight["costs"] = max(tight["costs"], change / report.cost_bound(other))
    assert min(tight.values()) > 0.3  # not idle


def test_second_singular_values_stay_below_birkhoffs_bound(rng):
    for _ in range(100):
        cost, a, b = problem(rng, *rng.integers(2, 15, size=2))
        found = OMT(lam=float(np.median(cost)) * 10.0 ** rng.uniform(-1.5, 6)).solve(cost, a, b)
        report = found.stability()
        brute = cost[:, None, :, None] + cost[None, :, None, :] - cost[:, None, None, :] - cost[None, :, :, None]
        assert report.interaction == pytest.approx(brute.max() / found.lam, rel=1e-12)
        assert report.second_singular_value <= np.tanh(report.interaction / 4) * (1 + 1e-9) + 1e-14
        scaled = found.coupling / np.sqrt(a)[:, None] / np.sqrt(b)
        values = np.linalg.svd(scaled, compute_uv=False)
        assert report.second_singular_value == pytest.approx(values[1], abs=1e-13)


def test_birkhoffs_bound_is_attained(rng):
    half = np.full(2, 0.5)
    report = OMT(lam=0.7).solve(np.array([[0.0, 1.3], [2.0, 0.1]]), half, half).stability()
    best = max(
        OMT(lam=0.7).solve(np.array([[0.0, 1.3], [2.0, 0.1]]), np.array([t, 1 - t]), np.array([s, 1 - s])).stability()
        .second_singular_value
        for t in np.linspace(0.05, 0.95, 19)
        for s in np.linspace(0.05, 0.95, 19)
    )  # fmt: skip
    assert best <= np.tanh(report.interaction / 4)
    assert best == pytest.approx(np.tanh(report.interaction / 4), rel=0.01)


@pytest.mark.parametrize("rho", [1.0, (np.inf, 0.3), (2.0, np.inf), (0.1, 5.0)], ids=str)
def test_bounds_for_relaxed_marginals(rho, rng):
    worst = 0.0
    for _ in range(30):
        cost, a, b = problem(rng, *rng.integers(2, 15, size=2))
        solver = OMT(lam=float(np.median(cost)) * 10.0 ** rng.uniform(-1, 0.5), rho=rho)
        before = solver.solve(cost, a, b)
        report = before.stability()
        assert report.margin > 0
        near = [drift(rng, x, 1e-6) for x in (a, b)]
        if isinstance(rho, float):  # both marginals are relaxed: masses may differ
            near = [x * (1 + 1e-6 * rng.standard_normal(len(x))) for x in (a, b)]
        change = moved(before, solver.solve(cost, *near))
        assert change <= report.weights_bound(*near) * (1 + 1e-4) + 1e-14
        worst = max(worst, change / report.weights_bound(*near))
        other = cost + 1e-6 * rng.standard_normal(cost.shape)
        assert moved(before, solver.solve(other, a, b)) <= report.cost_bound(other) * (1 + 1e-4) + 1e-14
    assert worst > 0.1
    with pytest.raises(UnsupportedError, match="where marginals are kept"):
        report.relative_errors()
    with pytest.raises(UnsupportedError, match="where marginals are kept"):
        report.weights_bound_everywhere(a, b)


@pytest.mark.parametrize("rho", [1.0, (np.inf, 0.3), (2.0, np.inf), (0.1, 5.0)], ids=str)
def test_the_margin_is_the_least_eigenvalue_of_the_system(rho, rng):
    cost, a, b = problem(rng, 5, 7)
    found = OMT(lam=0.3, rho=rho).solve(cost, a, b)
    left, arrived = found.coupling.sum(axis=1), found.coupling.sum(axis=0)
    system = np.diag(1 + np.repeat(found.lam / np.array(found.rho), (5, 7)))
    system[:5, 5:] = found.coupling / np.sqrt(np.outer(left, arrived))
    assert found.stability().margin == pytest.approx(np.linalg.eigvalsh(system, UPLO="U")[0], rel=1e-10)


def test_errors_of_arrows_are_those_of_resampled_weights(rng):
    cost, a, b = problem(rng, 4, 5)
    before = OMT(lam=0.3).solve(cost, a, b)
    n, m, draws = 20_000, 50_000, 400
    expected = before.stability().relative_errors(n, m)
    again = [
        OMT(lam=0.3).solve(cost, rng.multinomial(n, a) / n, rng.multinomial(m, b) / m).coupling for _ in range(draws)
    ]
    seen = np.std(again, axis=0) / before.coupling
    # a standard deviation of 400 draws has a relative error of 3.5 %
    np.testing.assert_allclose(seen, expected, rtol=0.16)


def exact_errors(w, n, m):
    """The delta method in 200 digits, where no solver loses one."""
    import mpmath

    k, l = w.shape  # noqa: E741
    with mpmath.workdps(200):
        total = mpmath.fsum(w.ravel().tolist())
        a, b = ([mpmath.fsum(row) / total for row in rows.tolist()] for rows in (w, w.T))
        signs, system, noise = [1] * k + [-1] * l, mpmath.diag(a + b), mpmath.diag(a + b)
        for i in range(k + l):
            for j in range(k + l):
                if i < k <= j or j < k <= i:
                    system[i, j] = mpmath.mpf(w[min(i, j), max(i, j) - k].item()) / total
                system[i, j] += signs[i] * signs[j]  # the direction that changes nothing
                same = (i < k) == (j < k)
                noise[i, j] = (noise[i, j] - (a + b)[i] * (a + b)[j]) / (n if i < k else m) if same else 0
        inverse = system**-1
        spread = inverse * noise * inverse.T
        squares = [[spread[i, i] + 2 * spread[i, k + j] + spread[k + j, k + j] for j in range(l)] for i in range(k)]
        return np.array([[float(mpmath.sqrt(value)) for value in row] for row in squares])


@pytest.mark.parametrize("apart", [1.0, 3.0, 6.0, 10.0])
@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (6, 4)], ids=str)
def test_errors_of_arrows_between_parts_that_exchange_next_to_nothing(shape, apart, rng):
    pytest.importorskip("mpmath")
    where = [apart * np.arange(size) + 0.2 * rng.standard_normal(size) for size in shape]
    w = np.exp(-(np.subtract.outer(*where) ** 2) / 2) * rng.uniform(0.5, 2, shape)
    w /= w.sum()  # down to 1e-270
    np.testing.assert_allclose(arrow_errors(w, 120, 400), exact_errors(w, 120, 400), rtol=1e-11)
    # sums of arrows: of all that leaves a source, the error is that of its weight
    out = arrow_errors(w, 120, 400, cols=np.ones((shape[1], 1)))[:, 0]
    np.testing.assert_allclose(out, np.sqrt((1 - w.sum(axis=1)) / w.sum(axis=1) / 120), rtol=1e-11)
    single = arrow_errors(w, 1, 2, np.eye(shape[0]), np.eye(shape[1]))
    np.testing.assert_allclose(single[w > 0], arrow_errors(w, 1, 2)[w > 0], rtol=1e-11)


@pytest.mark.parametrize("lam", [1.0, 0.1, 0.01, 1e-5])
def test_three_types_of_forty_cells_have_errors_however_far_apart(lam, rng):
    even, types = np.full(3, 1 / 3), np.array([0.0, 4.0, 9.0])
    found = OMT(lam=lam).solve(np.subtract.outer(types, types + 0.5) ** 2, even, even)
    errors = np.diagonal(found.stability().relative_errors(120, 120))
    # a type has a relative error of sqrt(2 / 120) = 0.13 on each side; it comes by one end of its arrow or by both,
    # and at worst passes through two of them
    assert (errors > 0.09).all()
    assert (errors < 0.13 * np.sqrt(2)).all()
    drawn = (rng.multinomial(120, even, 300) / 120, rng.multinomial(120, even, 300) / 120)
    again = np.std([OMT(lam=lam).solve(found.cost_matrix, a, b).coupling for a, b in zip(*drawn, strict=True)], axis=0)
    np.testing.assert_allclose(errors, np.diagonal(again) / (1 / 3), rtol=0.4)  # first order, where a kink is near


def test_no_small_change_moves_an_arrow_by_more_than_its_worst_case(rng):
    cost, a, b = problem(rng, 4, 5)
    before = OMT(lam=0.3).solve(cost, a, b)
    worst = before.stability().relative_errors()
    best = np.zeros_like(worst)
    for _ in range(300):
        near_a, near_b = drift(rng, a, 1e-6), drift(rng, b, 1e-6)
        size = np.sqrt(((near_a - a) ** 2 / a).sum() + ((near_b - b) ** 2 / b).sum())
        after = OMT(lam=0.3).solve(cost, near_a, near_b).coupling
        share = np.abs(after / before.coupling - 1) / size / worst
        assert share.max() <= 1 + 1e-4
        best = np.maximum(best, share)
    assert best.max() > 0.9
    assert best.min() > 0.2


def test_components_that_move_move_the_plan_no_more_than_their_bound(rng):
    for _ in range(30):
        p, q = (Mixture(rng.dirichlet(np.ones(k)), Gaussian.example(rng, k)) for k in (4, 5))
        before = plan(p, q, solver=OMT())
        shift = 10.0 ** rng.uniform(-4, 0) * rng.standard_normal((4, 3))
        moved_p = Mixture(p.weights, Gaussian(p.components.means + shift, p.components.covs))
        after = plan(moved_p, q, solver=OMT(lam=before.lam))
        sizes = np.linalg.norm(shift, axis=1)
        report = before.stability()
        assert report.cost_bound(after.cost_matrix) <= report.component_bound(sizes) + 1e-12
        assert moved(before, after) <= report.component_bound(sizes, 0.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_moves_of_both_sides_add_up_in_a_bound_that_is_attained(share):
    # two sources at zero part, towards a target each at +-2: costs (2 -+ d)^2 range over 8 d, which nothing separates
    lam, d, half = 0.5, 0.1, np.full(2, 0.5)
    p, q = (Mixture(half, Gaussian(means, [1.0, 1.0])) for means in ([0.0, 0.0], [2.0, -2.0]))
    report = plan(p, q, solver=OMT(lam=lam)).stability()
    parted = Gaussian([d, -d], [1.0, 1.0]).cost(q.components)
    assert report.cost_bound(parted) == pytest.approx(8 * d / (2 * lam), rel=1e-12)
    # by the triangle inequality alone costs could also rise by d^2 where they fall
    expected = report.cost_bound(parted) + 2 * d**2 / (2 * lam)
    assert report.component_bound(share * d, (1 - share) * d) == pytest.approx(expected, rel=1e-12)
    assert report.component_bound([share * d, 0.0], [0.0, (1 - share) * d]) == pytest.approx(expected, rel=1e-12)


def test_an_arrow_outlives_errors_of_its_size(rng):
    cost, a, b = problem(rng, 5, 6)
    before = OMT(lam=0.3).solve(cost, a, b)
    for k in range(5):
        for l in range(6):  # noqa: E741
            width = 0.999 * 8 * before.lam * before.coupling[k, l]
            against = cost.copy()
            against[k, l] += width
            assert OMT(lam=0.3).solve(against, a, b).coupling[k, l] > 0


def test_the_plan_of_the_linear_program_is_not_called_stable(rng):
    cost, a, b = problem(rng, 5, 6)
    report = OMT(lam=0.0).solve(cost, a, b).stability()
    assert report.margin == 0
    assert report.cost_bound(cost + rng.random((5, 6))) == np.inf
    assert report.weights_bound(drift(rng, a, 0.1), b) == np.inf
    assert report.weights_bound(a, b) == 0
    assert np.isinf(report.relative_errors()).any()
    assert "none is proven" in str(report)


def test_the_report_reads_well(rng):
    cost, a, b = problem(rng, 5, 6)
    text = str(OMT(lam=0.3).solve(cost, a, b).stability())
    assert text.startswith("stability of the plan, lam = 0.3 squared units")
    for word in ("second singular value", "weights", "costs", "arrows", "8 lam w"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 120
    assert "arrows" not in str(OMT(lam=0.3, rho=1.0).solve(cost, a, b).stability())


def test_the_numbers_of_the_report_are_those_of_its_methods(rng):
    cost, a, b = problem(rng, 5, 6)
    found = OMT(lam=2.0).solve(cost, a, b)
    report, text = found.stability(), str(found.stability())
    near = drift(rng, a, 1e-3)
    weights = report.weights_bound(near) / np.sqrt(((near - a) ** 2 / a).sum())
    assert f"|dw|_1 <= {weights:.4g} sqrt(sum da^2/a" in text
    assert f"{report.second_singular_value:.6g}, and below one by at least" in text
    assert f"at least {1 - np.tanh(report.interaction / 4):.2g} whatever" in text
    error = np.zeros((5, 6))
    error[:2, :2] = np.array([[1, -1], [-1, 1]]) / 2  # of range one, and nothing of it separates
    assert f"e / (2 lam) = {report.cost_bound(cost + error):.4g} e" in text
    assert f"off by {(found.coupling * report.relative_errors(1000, 1000)).sum():.2%}" in text
    assert f"{8 * 2.0 * found.coupling.max():.4g} for the largest" in text


def test_nothing_moves_where_nothing_changes(rng):
    cost, a, b = problem(rng, 5, 6)
    report = OMT(lam=0.3).solve(cost, a, b).stability()
    assert report.weights_bound() == report.weights_bound_everywhere() == report.cost_bound(cost) == 0
    assert report.cost_bound(cost + rng.random((5, 1)) + rng.random(6)) < 1e-13 / 0.3
    assert report.component_bound() == 0


def test_independent_components_have_no_second_singular_value(rng):
    a, b = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(5))
    report = OMT().solve(np.ones((4, 5)), a, b).stability()
    assert report.second_singular_value < 1e-15
    assert report.interaction < 1e-14
    assert report.margin == pytest.approx(1.0)
