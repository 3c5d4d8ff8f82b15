"""What maps and reports take from a plan: its pairs, its rows, its other side; against loops over all entries."""

import numpy as np
import pytest

import mixot
from mixot import OMT, Exact, Gaussian, InputError, Mixture, Samples, UnsupportedError
from mixot.transport import all_pairs, batches, maps, plans
from mixot.transport.batches import Atoms


@pytest.fixture
def sides(rng):
    root = rng.standard_normal((7, 2, 3))
    laws = Gaussian(2 * rng.standard_normal((7, 2)), root @ root.swapaxes(1, 2))
    p = Mixture(rng.dirichlet(np.ones(3)), laws.take(np.arange(3)))
    return p, Mixture(rng.dirichlet(np.ones(4)), laws.take(np.arange(3, 7)))


@pytest.mark.parametrize("tail", [0.0, 0.1, 0.5])
def test_pairs_that_a_plan_joins(tail, sides):
    found = mixot.plan(*sides, solver=OMT(lam=4.0))
    w = found.coupling

    def carries(row, at):
        """Whether all that is smaller does not yet make up the tail."""
        return row[row <= row[at]].sum() > tail * row.sum()

    expected = [(i, j) for i in range(3) for j in range(4) if carries(w[i], j) or carries(w[:, j], i)]
    rows, cols = plans.joined_pairs(found, tail)
    assert list(zip(rows.tolist(), cols.tolist(), strict=True)) == expected
    rest = w.sum() - w[rows, cols].sum()
    assert plans.left_out(found, rows, cols) == pytest.approx(rest / w.sum(), abs=1e-15)
    assert plans.left_out(found, rows, cols) <= tail
    assert found.coupling is w  # as it was
    only = plans.left_out(found, rows[:1], cols[:1])
    assert only == pytest.approx(1 - w[rows[0], cols[0]] / w.sum())


def test_rows_are_divided_by_their_sums():
    w = np.array([[1.0, 3.0], [0.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(plans.rows_to_one(w), [[0.25, 0.75], [0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("solver", [Exact(), OMT(lam=2.0), OMT(lam=1.0, rho=(2.0, 5.0))])
def test_the_plan_of_the_other_side(solver, sides):
    p, q = sides
    there = mixot.plan(p, q, solver=solver)
    turned = plans.reversed_plan(there)
    if isinstance(solver, OMT) and solver.rho is not None:
        solver = OMT(lam=1.0, rho=(5.0, 2.0))
    back = mixot.plan(q, p, solver=solver)
    assert type(turned) is type(back)
    names = ["coupling", "cost_matrix"]
    if isinstance(solver, OMT):
        names += ["source_weights", "target_weights"]
        np.testing.assert_array_equal(turned.rho, back.rho)
        for one, other in zip(turned.entropic_potentials, there.entropic_potentials[::-1], strict=True):
            np.testing.assert_array_equal(one, other)
        for name in ("created", "destroyed"):
            for one, other in zip(getattr(turned, name), getattr(back, name), strict=True):
                np.testing.assert_allclose(one, other, atol=1e-8)
    for name in names:
        np.testing.assert_allclose(getattr(turned, name), getattr(back, name), atol=1e-8)
    for one, other in zip(turned.potentials, there.potentials[::-1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert (turned.cost, turned.distance_name) == (there.cost, there.distance_name)


def test_plans_between_points_say_what_they_cannot(monkeypatch):
    x, y = Samples(np.zeros((3, 1))), Samples(np.ones((4, 1)))
    with pytest.raises(InputError, match="the same space, got dimension 1 and 2"):
        plans.between_samples(x, Samples(np.ones((4, 2))), Exact())
    for solver in (OMT(lam=1.0, eps=0.5), OMT(lam=1.0, cost="kl")):
        with pytest.raises(InputError, match="points have no inner couplings"):
            plans.between_samples(x, y, solver)
    assert plans.between_samples(x, y, OMT(lam=1.0, eps=0.0)).coupling.shape == (3, 4)
    atoms = [Atoms(m.weights[None], m.points[None]) for m in (x, y)]
    for most, fits in ((8 * 12, True), (8 * 12 - 1, False)):
        monkeypatch.setattr(plans, "_MOST", most)
        monkeypatch.setattr(batches, "_MOST", most)
        if fits:
            assert plans.between_samples(x, y, Exact()).cost == 1.0
            np.testing.assert_array_equal(batches.component_costs(*atoms), np.ones((1, 3, 4)))
            continue
        with pytest.raises(InputError, match=r"between 3 and 4 points needs a cost matrix of 0\.0 GiB"):
            plans.between_samples(x, y, Exact())
        with pytest.raises(InputError, match=r"between 3 and 4 points needs a cost matrix of 0\.0 GiB"):
            batches.component_costs(*atoms)


def test_densities_that_points_are_transported_to():
    three, four = (Mixture([1.0], Gaussian(np.zeros((1, d)), [np.eye(d)])) for d in (3, 4))
    assert plans.gaussian_target(three).dim == 3
    with pytest.raises(UnsupportedError, match="in dimension 1 to 3, got gaussian laws in dimension 4"):
        plans.gaussian_target(four)
    covs = [np.eye(2), np.diag([1.0, 0.0]), np.diag([0.0, 0.0])]
    seen = plans.gaussian_target(Mixture([1.0, 0.0, 0.0], Gaussian(np.zeros((3, 2)), covs)))
    assert seen.weights.tolist() == [1.0]  # a component of weight zero may be anything
    with pytest.raises(UnsupportedError, match=r"components \[2\] have a singular covariance"):
        plans.gaussian_target(Mixture([0.5, 0.0, 0.5], Gaussian(np.zeros((3, 2)), covs)))
    line = plans.gaussian_target(Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [1.0, 0.0])))
    assert line.covs[:, 0, 0].tolist() == [1.0, 0.0]  # on the line an atom does no harm


def test_a_plan_of_other_mixtures_makes_no_map(sides):
    p, q = sides
    found = mixot.plan(p, q)
    maps._check_plan(p, q, found)
    with pytest.raises(InputError, match="the plan joins 3 and 4 components, p and q 4 and 3"):
        maps._check_plan(q, p, found)
    for at, name in enumerate("pq"):
        both = [p, q]
        for off, good in ((0.5e-5, True), (3e-5, False)):
            shift = off * np.eye(len(both[at].weights))[0]
            weights = [m.weights for m in (p, q)]
            weights[at] = (weights[at] + shift) / (1 + off)
            other = [Mixture(w, m.components) for w, m in zip(weights, (p, q), strict=True)]
            if good:
                maps._check_plan(*other, found)
            else:
                with pytest.raises(InputError, match=f"other weights than {name}, by up to"):
                    maps._check_plan(*other, found)


def test_points_are_sorted_by_the_pair_they_took():
    picked, pairs = np.array([2, 0, 2, 5, 0, 2]), np.array([0, 1, 2])
    found = {s: mine.tolist() for s, mine in maps._by_pair(picked, pairs)}
    assert found == {0: [1, 4], 2: [0, 2, 5]}


@pytest.mark.parametrize("tail", [0.0, 0.3, 1.0, -0.1])
def test_a_tail_is_a_share(tail, sides):
    found = mixot.plan(*sides, solver=OMT(lam=4.0))
    if tail in (0.0, 0.3):
        rows, cols, rest = maps._pairs(found, 2, tail)
        expected = plans.joined_pairs(found, tail)
        np.testing.assert_array_equal([rows, cols], expected)
        assert rest == (plans.left_out(found, *expected) if tail else 0.0)
    else:
        with pytest.raises(InputError, match=r"tail.*must be in \[0, 1\)"):
            maps._pairs(found, 2, tail)


def test_a_map_of_too_many_pairs_leaves_out_the_tail_or_is_refused(sides, monkeypatch):
    found = mixot.plan(*sides, solver=OMT(lam=4.0))
    needed = 64 * len(plans.joined_pairs(found)[0]) * 4
    for easy, tail in ((needed, 0.0), (needed - 1, maps._TAIL)):
        monkeypatch.setattr(maps, "_EASY", easy)
        rows, cols, rest = maps._pairs(found, 2, None)
        np.testing.assert_array_equal([rows, cols], plans.joined_pairs(found, tail))
        assert rest == (plans.left_out(found, rows, cols) if tail else 0.0)
    monkeypatch.setattr(maps, "_MOST", needed)
    maps._pairs(found, 2, 0.0)
    monkeypatch.setattr(maps, "_MOST", needed - 1)
    with pytest.raises(InputError, match=rf"a map along {needed // 256} pairs of components in dimension 2 needs 0\.0"):
        maps._pairs(found, 2, 0.0)


def test_distances_of_all_pairs_tell_how_far_they_are(rng, monkeypatch):
    clouds = [Samples(rng.standard_normal((n, 2))) for n in (2, 5, 3, 4)]
    expected = np.array([[mixot.distance(p, q) for q in clouds] for p in clouds])
    for block in (1, 6, 8, 1000):
        monkeypatch.setattr(all_pairs, "_BLOCK", block)
        told = []
        found = mixot.distances(clouds, progress=told.append)
        np.testing.assert_allclose(found, expected, atol=1e-9)
        assert (told[-1].stage, told[-1].step, told[-1].total) == ("distances", 10, 10)
        told.clear()
        found = mixot.distances(clouds[:3], clouds[1:], progress=told.append)
        np.testing.assert_allclose(found, expected[:3, 1:], atol=1e-9)
        assert (told[-1].step, told[-1].total) == (9, 9)
        assert [tick.step for tick in told] == sorted({tick.step for tick in told})


def test_runs_of_measures_hold_as_many_atoms_as_a_block(monkeypatch):
    monkeypatch.setattr(all_pairs, "_BLOCK", 6)
    atoms = all_pairs._Atoms(np.array([0, 2, 6, 7, 16, 17]), np.arange(17.0), np.arange(17.0)[:, None])
    found = [(first, len(run), run.weights.tolist(), run.starts.tolist()) for first, run in atoms.blocks()]
    whole = np.arange(17.0).tolist()
    assert (
        found
        == [
            (0, 2, whole[:6], [0, 2, 6]),
            (2, 1, whole[6:7], [0, 1]),
            (3, 1, whole[7:16], [0, 9]),  # one that is larger than a block
            (4, 1, whole[16:], [0, 1]),
        ]
    )


def test_components_of_weight_zero_are_joined_to_nothing(sides):
    p, q = sides
    found = mixot.plan(p, Mixture(np.append(q.weights[:-1] / q.weights[:-1].sum(), 0.0), q.components))
    turned = plans.reversed_plan(found)
    for plan, zero in ((found, 3), (turned, None)):
        rows, cols = plans.joined_pairs(plan)
        assert (plan.coupling[rows, cols] > 0).all()
        assert 3 not in (rows if zero is None else cols)
