"""Gradients of transport costs against central differences, and what holds of them whatever the measures."""

import numpy as np
import pytest

from mixot import Exact, Gaussian, Grid, InputError, Mixture, Poisson, Samples, UnsupportedError
from mixot.solvers.discrete.potentials import balanced_potentials
from mixot.transport.array_groups import GridOf, read
from mixot.transport.cell_functions import cell_function, points_and_weights
from mixot.transport.cost_functions import as_wanted, batch_size, cost_function
from mixot.transport.gradients import cost_and_gradients, cost_between

DIMS = [1, 2, 3, 4, 5]


def mixture(rng, k, d):
    root = rng.standard_normal((k, d, d + 2))
    return rng.dirichlet(np.full(k, 3.0)), rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) / d


def cloud(rng, n, d):
    return rng.standard_normal((n, d)), rng.dirichlet(np.full(n, 3.0))


def direction(rng, array, name):
    """A random step: symmetric for covariances, in the tangent of the simplex for weights."""
    step = rng.standard_normal(array.shape)
    if name == "covs":
        step = step + step.swapaxes(1, 2)
    if name == "weights":
        step -= step.mean()
    return step / max(np.linalg.norm(step), 1e-300)  # a single weight has nowhere to go


def assert_gradients(rng, p, q, names, *, h=1e-5, rtol=1e-7):
    """Every array of the problem, against differences of fourth order along random directions."""
    problem, arrays = cost_function(p, q)
    value, gradients = problem.cost_and_gradients((True,) * len(arrays), *arrays)
    assert value == pytest.approx(problem.cost(*arrays), rel=1e-14)
    for at, name in enumerate(names):
        step = direction(rng, arrays[at], name)
        reach = h * (arrays[at].min() if name == "weights" else 1.0)

        def moved(t, at=at, step=step):
            return problem.cost(*(a + t * step if i == at else a for i, a in enumerate(arrays)))

        numeric = (8 * (moved(reach) - moved(-reach)) - (moved(2 * reach) - moved(-2 * reach))) / (12 * reach)
        size = np.linalg.norm(gradients[at])
        assert numeric == pytest.approx((gradients[at] * step).sum(), rel=0, abs=rtol * size), name


@pytest.mark.parametrize("d", DIMS)
def test_mixtures(rng, d):
    for k, l in ((1, 1), (1, 4), (4, 3), (7, 6)):  # noqa: E741
        names = ["weights", "means", "covs"] * 2
        assert_gradients(rng, mixture(rng, k, d), mixture(rng, l, d), names, h=1e-4)


@pytest.mark.parametrize("d", DIMS)
def test_clouds(rng, d):
    assert_gradients(rng, cloud(rng, 9, d), cloud(rng, 7, d), ["points", "weights"] * 2, h=1e-4)
    assert_gradients(rng, cloud(rng, 9, d)[0], cloud(rng, 9, d)[0], ["points"] * 2, h=1e-4)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_points_against_grids(rng, d, degree):
    box, shape = [[0, 2], [0, 1], [1, 2]][:d], (7, 5, 3)[:d]
    points = rng.random((8, d)) * np.diff(box)[:, 0] + np.array(box)[:, 0], rng.dirichlet(np.full(8, 5.0))
    grid = GridOf(rng.uniform(0.5, 2.0, shape), box, degree)
    assert_gradients(rng, points, grid, ["points", "weights", "values"], h=1e-4)
    assert_gradients(rng, grid, points[0], ["values", "points"], h=1e-4)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_bounds_of_grids(rng, d, degree):
    """Also with a point of no weight, and one beyond the box."""
    box, shape = np.array([[0.1, 2.0], [-1.0, 1.0], [1.0, 2.0]])[:d], (7, 5, 3)[:d]
    points = rng.random((8, d)) * np.diff(box)[:, 0] + box[:, 0]
    points[0] += 2.0
    weights = np.append(rng.dirichlet(np.full(7, 5.0)), 0.0)
    values = rng.uniform(0.5, 2.0, shape)

    def cost(bounds):
        return cost_between(Samples(points, weights), Grid(values, bounds, degree))

    both = cost_and_gradients(Samples(points, weights), Grid(values, box, degree))
    step, h = rng.standard_normal((d, 2)), 1e-4
    ends = [cost(box + t * h * step) for t in (1, -1, 2, -2)]
    numeric = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h)
    assert (both.q[1] * step).sum() == pytest.approx(numeric, rel=1e-7)
    moved = cost_and_gradients(Samples(points + 1.0, weights), Grid(values, box + 1.0, degree))
    np.testing.assert_allclose(moved.q[1], both.q[1], atol=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_points_against_mixtures(rng, d):
    """Points and their weights, and weights, means and full covariances of the mixture."""
    points = rng.standard_normal((9, d)), rng.dirichlet(np.full(9, 5.0))
    (a, m, s), (b, n, u) = mixture(rng, 3, d), mixture(rng, 1, d)
    round_off = 0.2 * np.eye(d)  # so that no step of a difference leaves the positive definite matrices
    names = ["weights", "means", "covs"]
    assert_gradients(rng, points, (a, m, s + round_off), ["points", "weights", *names], h=1e-4)
    assert_gradients(rng, (b, n, u + round_off), points[0], [*names, "points"], h=1e-4)


@pytest.mark.parametrize("d", [2, 3])
def test_one_point_against_one_gaussian(rng, d):
    """``W2^2 = |y - m|^2 + tr S``, so that the gradients are 2 (y - m), 2 (m - y) and the identity."""
    point, (_, mean, cov) = rng.standard_normal((1, d)), mixture(rng, 1, d)
    both = cost_and_gradients(Samples(point), Mixture([1.0], Gaussian(mean, cov)))
    assert both.cost == pytest.approx(((point - mean) ** 2).sum() + np.trace(cov[0]), rel=1e-12)
    np.testing.assert_allclose(both.p[0], 2 * (point - mean), atol=1e-12)
    np.testing.assert_allclose(both.q[1], 2 * (mean - point), atol=1e-12)
    np.testing.assert_allclose(both.q[2], np.eye(d)[None], atol=1e-12)


def test_gradients_move_with_the_measures(rng):
    """Moving both measures together, turning both, or scaling both, does the same to the gradients."""
    (a, m, s), (b, n, u) = mixture(rng, 4, 3), mixture(rng, 5, 3)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    first = cost_and_gradients(Mixture(a, Gaussian(m, s)), Mixture(b, Gaussian(n, u)))
    moved = [Gaussian(3 * x @ turn.T + 1, 9 * turn @ c @ turn.T) for x, c in ((m, s), (n, u))]
    second = cost_and_gradients(Mixture(a, moved[0]), Mixture(b, moved[1]))
    assert second.cost == pytest.approx(9 * first.cost, rel=1e-12)
    for one, other in ((first.p, second.p), (first.q, second.q)):
        np.testing.assert_allclose(other[0], 9 * one[0], atol=1e-11)
        np.testing.assert_allclose(other[1], 3 * one[1] @ turn.T, atol=1e-11)
        np.testing.assert_allclose(other[2], turn @ one[2] @ turn.T, atol=1e-11)


def test_gradients_in_the_means_add_up_to_nothing(rng):
    """Moving both measures by one vector changes no distance."""
    p, q = (Mixture(w, Gaussian(m, s)) for w, m, s in (mixture(rng, 6, 3), mixture(rng, 4, 3)))
    both = cost_and_gradients(p, q)
    np.testing.assert_allclose(both.p[1].sum(axis=0), -both.q[1].sum(axis=0), atol=1e-14)
    for side in (both.p, both.q):
        assert abs(side[0].sum()) < 1e-14 * np.abs(side[0]).max() * len(side[0])


def test_no_slope_between_a_measure_and_itself(rng):
    weights, means, covs = mixture(rng, 5, 3)
    covs[1] = np.diag([1.0, 0.0, 0.0])
    p = Mixture(weights, Gaussian(means, covs))
    for measure in (p, Samples(means, weights), Samples(means)):
        both = cost_and_gradients(measure, measure)
        assert both.cost == 0
        assert not any(g.any() for g in (*both.p, *both.q))


def test_equal_components_and_equal_weights_give_finite_subgradients(rng):
    """The cost is convex in the weights, so that a subgradient bounds it from below everywhere."""
    means, covs = np.zeros((4, 2)), np.stack([np.eye(2)] * 4)
    means[2:] = 1.0
    p, q = (np.full(4, 0.25), means, covs), (np.full(4, 0.25), means + np.array([1.0, 0.0]), 2 * covs)
    problem, arrays = cost_function(p, q)
    value, gradients = problem.cost_and_gradients((True,) * 6, *arrays)
    assert all(np.isfinite(g).all() for g in gradients)
    for _ in range(20):
        a, b = rng.dirichlet(np.ones(4), size=2)
        bound = value + gradients[0] @ (a - 0.25) + gradients[3] @ (b - 0.25)
        assert problem.cost(a, means, covs, b, *arrays[4:]) >= bound - 1e-12


def test_what_is_not_wanted_is_zero(rng):
    problem, arrays = cost_function(mixture(rng, 3, 2), mixture(rng, 3, 2))
    _, gradients = problem.cost_and_gradients((False, True, False, False, False, False), *arrays)
    assert [bool(g.any()) for g in gradients[:3]] == [False, True, False]


@pytest.mark.parametrize("kind", ["equal", "random", "some zero"])
def test_balanced_potentials_are_optimal(rng, kind):
    for _ in range(20):
        k, l = rng.integers(1, 9, size=2)  # noqa: E741
        cost = rng.random((k, l))
        a, b = (
            {"equal": lambda n: np.full(n, 1 / n), "random": lambda n: rng.dirichlet(np.ones(n))}.get(
                kind, lambda n: np.eye(n)[rng.integers(n)]
            )(n)
            for n in (k, l)
        )
        plan = Exact().solve(cost, a, b)
        f, g = balanced_potentials(plan)
        live = np.ix_(a > 0, b > 0)
        assert (f[:, None] + g - cost)[live].max() <= 1e-15
        assert (f[:, None] + g - cost)[a > 0].max() <= 1e-15
        assert f @ a + g @ b == pytest.approx(plan.cost, abs=1e-15)


def test_balanced_potentials_do_not_depend_on_the_order_of_atoms(rng):
    cost, a, b = rng.random((6, 6)), np.full(6, 1 / 6), np.full(6, 1 / 6)
    rows, cols = rng.permutation(6), rng.permutation(6)
    f, g = balanced_potentials(Exact().solve(cost, a, b))
    other_f, other_g = balanced_potentials(Exact().solve(cost[np.ix_(rows, cols)], a, b))
    np.testing.assert_allclose(other_f - other_f.mean(), (f - f.mean())[rows], atol=1e-14)
    np.testing.assert_allclose(other_g - other_g.mean(), (g - g.mean())[cols], atol=1e-14)


def test_an_atom_of_weight_zero_feels_where_it_would_go():
    """Of weight zero, at distance 3 from the only target: one unit of mass there would cost 9 more than at 0."""
    p, q = Samples([0.0, 3.0], [1.0, 0.0]), Samples([0.0])
    f, _ = balanced_potentials(Exact().solve(np.array([[0.0], [9.0]]), p.weights, q.weights))
    assert (f - f[0]).tolist() == [0.0, 9.0]


def test_pairs_that_have_no_gradients_are_named():
    grid = Grid(np.ones((2, 2)))
    with pytest.raises(UnsupportedError, match="Grid and Grid"):
        cost_and_gradients(grid, grid)
    with pytest.raises(UnsupportedError, match="poisson"):
        cost_function(Mixture([1.0], Poisson([2.0])), np.zeros((2, 1)))
    with pytest.raises(UnsupportedError, match="Grid and Grid"):
        cost_between(grid, grid)
    poisson, gaussian = Mixture([1.0], Poisson([2.0])), Mixture([1.0], Gaussian([2.0], [1.0]))
    for pair in ((poisson, poisson), (poisson, gaussian), (gaussian, poisson)):
        with pytest.raises(UnsupportedError, match="there are for two Gaussian mixtures"):
            cost_and_gradients(*pair)
    with pytest.raises(InputError, match="tuple of 4"):
        cost_function(np.zeros((2, 1)), (1, 2, 3, 4))


def test_float32_is_forgiven_its_rounding(rng):
    """Weights that sum to one, and covariances that are symmetric and not negative, as far as float32 can tell."""
    _, means, _ = mixture(rng, 50, 3)
    root = rng.standard_normal((50, 3, 2)).astype(np.float32)
    weights = rng.random(50).astype(np.float32)
    single = weights / weights.sum(), means.astype(np.float32), root @ root.swapaxes(1, 2)
    problem, arrays = cost_function(single, single)
    assert problem.cost(*arrays) == 0
    double = [np.asarray(a, dtype=np.float64) for a in single]
    with pytest.raises(InputError, match="semi-definite"):
        problem.cost(double[0] / double[0].sum(), double[1], double[2] - 1e-6 * np.eye(3), *double)


def test_which_arrays_are_a_batch_and_which_slopes_are_wanted(rng):
    form, arrays = read((rng.random((4, 3, 2)), np.full(3, 1 / 3)))
    assert batch_size(form, arrays) == 4
    assert batch_size(*read(rng.random((3, 2)))) is None
    mixture_form, _ = read(Mixture([1.0], Gaussian([0.0], [1.0])))
    assert as_wanted(mixture_form, (True, False, True)) == (True, False, True)
    assert as_wanted(form, (True, False)) == (False, True)  # weights, then places
    assert as_wanted(form, (False, True)) == (True, False)
    assert as_wanted(read(rng.random((3, 2)))[0], (True,)) == (False, True)


def test_cells_ask_for_points_where_the_density_is(rng):
    y, grid = rng.random((5, 2)), Grid(rng.random((4, 4)))
    high = Mixture([1.0], Gaussian(np.zeros((1, 4)), [np.eye(4)]))
    for points, others, target, error, said in (
        (y, y[:, 0], Grid(np.ones(3)), InputError, r"expected points \(n, 1\) and weights \(n,\), got \(5, 2\)"),
        (y, y[:, 0], high, UnsupportedError, "in dimension 1 to 3, got Mixture in dimension 4"),
        (y, y[:, 0], Samples(y), UnsupportedError, "in dimension 1 to 3, got Samples in dimension 2"),
        (y[:, :1], y[:, 0], grid, InputError, r"expected points \(n, 2\) and weights \(n,\), got \(5, 1\) and \(5,\)"),
        (y, y[:4, 0], grid, InputError, r"got \(5, 2\) and \(4,\)"),
        (y[0], y[:, 0], grid, InputError, r"got \(2,\) and \(5,\)"),
    ):
        with pytest.raises(error, match=said):
            cell_function(points, others, target, optimal=True)
    with pytest.raises(InputError, match=r"and potentials \(n,\), got \(5, 2\) and \(4,\)"):
        cell_function(y, y[:4, 0], grid, optimal=False)
    assert points_and_weights(y) == (y, None)
    found = points_and_weights((y, y[:, 0]))
    assert found[0] is y
    np.testing.assert_array_equal(found[1], y[:, 0])
    with pytest.raises(UnsupportedError, match="cells have points"):
        points_and_weights(grid)


@pytest.mark.parametrize("optimal", [True, False])
def test_both_directions_of_the_derivatives_of_cells_agree(optimal, rng):
    y, grid = rng.random((5, 2)), Grid(rng.random((6, 6)) + 0.5, [[0, 1], [0, 1]])
    others = np.full(5, 0.2) if optimal else 0.01 * rng.standard_normal(5)
    function = cell_function(y, others, grid, optimal=optimal)
    masses, centers = function.values(y, others)
    assert masses.sum() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(masses @ centers, grid.mean(), atol=1e-8)
    steps = rng.standard_normal((5, 2)), rng.standard_normal(5)
    slopes = rng.standard_normal(5), rng.standard_normal((5, 2))
    slopes = (slopes[0] - slopes[0].mean(), slopes[1])
    along, back = function.along((y, others), steps), function.back((y, others), slopes)
    one = (along[0] * slopes[0]).sum() + (along[1] * slopes[1]).sum()
    other = (back[0] * steps[0]).sum() + (back[1] * steps[1]).sum()
    assert one == pytest.approx(other, rel=1e-6)
    assert function.derivatives((y, others)) is function.derivatives((y.copy(), others.copy()))
    assert function.derivatives((y + 0.01, others)) is not function.derivatives((y, others))
