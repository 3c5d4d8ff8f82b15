"""Defaults do not depend on what should not matter: units, the origin, the axes, the order of rows and components."""

import numpy as np
import pytest

from mixot import EM, OMT, Gaussian, Mixture, MomentSOS, Samples, bounds, distance, fit, plan

SHIFT = np.array([300.0, -70.0])
TURN = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])


def law(rng, k):
    root = rng.standard_normal((k, 2, 3))
    return Mixture(
        rng.dirichlet(np.full(k, 4.0)), Gaussian(4 * rng.standard_normal((k, 2)), root @ root.swapaxes(1, 2))
    )


def cloud(rng, n):
    return Samples(rng.standard_normal((n, 2)), rng.dirichlet(np.full(n, 4.0)))


MOVES = {  # of the points, and of what is measured in their units
    "origin": (lambda x: x + SHIFT, 1.0),
    "axes": (lambda x: x @ TURN.T, 1.0),
    "units": (lambda x: 1e4 * x, 1e4),
    "small units": (lambda x: 1e-6 * x, 1e-6),
    "all": (lambda x: 20 * x @ TURN.T + SHIFT, 20.0),
}


def moved(measure, move):
    if isinstance(measure, Samples):
        return measure.moved(move(measure.points))
    origin = move(np.zeros((1, 2)))
    matrix = (move(np.eye(2)) - origin).T
    return measure.affine(matrix, origin[0])


def renumbered(measure, order):
    if isinstance(measure, Samples):
        return measure.take(order)
    return Mixture(measure.weights[order], measure.components.take(order))


@pytest.mark.parametrize("motion", MOVES)
@pytest.mark.parametrize("make", [law, cloud])
def test_plans_and_distances_move_along(make, motion, rng):
    move, unit = MOVES[motion]
    p, q = make(rng, 4), make(rng, 5)
    there = [moved(each, move) for each in (p, q)]
    assert distance(*there) == pytest.approx(unit * distance(p, q), rel=1e-6)
    np.testing.assert_allclose(plan(*there).coupling, plan(p, q).coupling, atol=1e-6)
    smooth, expected = plan(*there, solver=OMT()), plan(p, q, solver=OMT())
    assert smooth.lam == pytest.approx(unit**2 * expected.lam, rel=1e-5)
    np.testing.assert_allclose(smooth.coupling, expected.coupling, atol=1e-6)
    if make is law:
        inside, wanted = bounds(*there), bounds(p, q)
        assert inside.lower == pytest.approx(unit * wanted.lower, rel=0.05)  # from points that are not the same ones
        assert inside.upper == pytest.approx(unit * wanted.upper, rel=0.05)


@pytest.mark.parametrize("make", [law, cloud])
def test_the_origin_of_one_side_changes_no_default_plan(make, rng):
    p, q = make(rng, 4), make(rng, 5)
    away = moved(q, lambda x: x + SHIFT)
    np.testing.assert_allclose(plan(p, away).coupling, plan(p, q).coupling, atol=1e-6)
    smooth, expected = plan(p, away, solver=OMT()), plan(p, q, solver=OMT())
    assert smooth.lam == pytest.approx(expected.lam, rel=1e-5)
    np.testing.assert_allclose(smooth.coupling, expected.coupling, atol=1e-6)


@pytest.mark.parametrize("make", [law, cloud])
def test_the_order_of_components_and_rows_is_that_of_the_plan(make, rng):
    p, q = make(rng, 4), make(rng, 5)
    rows, columns = rng.permutation(4), rng.permutation(5)

    other = renumbered(p, rows), renumbered(q, columns)
    assert distance(*other) == pytest.approx(distance(p, q), rel=1e-9)
    for solver in (None, OMT()):
        found, expected = plan(*other, solver=solver), plan(p, q, solver=solver)
        np.testing.assert_allclose(found.coupling, expected.coupling[np.ix_(rows, columns)], atol=1e-6)


@pytest.fixture
def rows(rng):
    near, far = rng.standard_normal((120, 2)) * [1.0, 0.5], rng.standard_normal((80, 2))
    return np.concatenate([near, far + np.array([5.0, 2.0])])


def same_mixture(found, expected, tol=1e-3):
    """Two mixtures, whatever the order of their components, in units of the spread of the second."""
    assert len(found) == len(expected)
    scale = np.sqrt(np.trace(expected.cov()))
    assert distance(found, expected) < tol * scale


@pytest.mark.parametrize("motion", ["origin", "units", "small units"])
def test_fits_move_along(motion, rows):
    move, unit = MOVES[motion]
    found, expected = fit(move(rows), rng=0), fit(rows, rng=0)
    same_mixture(found.mixture, moved(expected.mixture, move))
    assert [c.k for c in found.candidates] == [c.k for c in expected.candidates]
    assert found.criterion == pytest.approx(expected.criterion + 4 * np.log(unit), abs=1e-3)


@pytest.mark.parametrize("motion", MOVES)
def test_fits_from_a_start_move_along(motion, rows):
    move, _ = MOVES[motion]
    start = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [4.0, 2.0]], [np.eye(2)] * 2))
    found = fit(move(rows), method=EM(start=moved(start, move), reg=0.0)).mixture
    same_mixture(found, moved(fit(rows, method=EM(start=start, reg=0.0)).mixture, move))


def test_fits_do_not_see_the_order_of_rows_and_components(rows, rng):
    start = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [4.0, 2.0]], [np.eye(2)] * 2))
    expected = fit(rows, method=EM(start=start)).mixture
    order = rng.permutation(len(rows))
    same_mixture(fit(rows[order], method=EM(start=renumbered(start, np.array([1, 0])))).mixture, expected, 1e-6)
    same_mixture(fit(rows[order], rng=0).mixture, fit(rows, rng=0).mixture)  # also from k-means, on rows this clear


@pytest.mark.parametrize("unit", [1e4, 1e-4])
def test_fits_to_moments_move_along(unit):
    rng = np.random.default_rng(2)
    x = rng.normal(rng.choice([-3, 3], 300), 1.0)
    found, expected = (fit(each, method=MomentSOS(order=3), rng=0) for each in (unit * (x + 40), x))
    same_mixture(found.mixture, expected.mixture.affine(unit, 40 * unit))
    assert found.lower_bound == pytest.approx(expected.lower_bound, abs=1e-4)  # in total variation
    assert [c.k for c in found.candidates] == [c.k for c in expected.candidates]
