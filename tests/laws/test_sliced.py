"""Sliced distances: the laws of a metric, closed forms, W2 on the line, and what is no direction."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gaussian,
    Grid,
    InputError,
    Mixture,
    Poisson,
    Samples,
    UnsupportedError,
    bounds,
    distance,
    sliced_costs,
    sliced_distance,
)


def mixture(rng, k=2, dim=2):
    root = rng.standard_normal((k, dim, dim + 1))
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(3 * rng.standard_normal((k, dim)), root @ root.swapaxes(1, 2)))


def cloud(rng, n=15, dim=2):
    return Samples(rng.standard_normal((n, dim)), rng.dirichlet(np.ones(n)))


def sliced(p, q, directions=12):
    return sliced_distance(p, q, directions=directions, rng=5)


@pytest.mark.parametrize("kinds", [(cloud, cloud, cloud), (mixture, cloud, mixture), (mixture, mixture, cloud)])
def test_it_is_a_metric(rng, kinds):
    p, q, r = (kind(rng) for kind in kinds)
    assert sliced(p, q) == pytest.approx(sliced(q, p), rel=1e-6)
    assert 0 < sliced(p, r) <= (sliced(p, q) + sliced(q, r)) * (1 + 1e-6)
    assert sliced(p, p) < 1e-6


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_round_gaussians_have_a_closed_form(rng, dim):
    m, s, t = rng.standard_normal(dim), 0.7, 2.0
    p = Mixture([1.0], DiagonalGaussian([np.zeros(dim)], [np.full(dim, s**2)]))
    found = sliced_costs(p, Mixture([1.0], Gaussian([m], [t**2 * np.eye(dim)])), rng=rng)
    assert found.distance == pytest.approx(np.sqrt(m @ m / dim + (s - t) ** 2), rel=1e-12)
    assert found.standard_error < 1e-12


def test_on_the_line_it_is_w2(rng):
    p, q, x, y = mixture(rng, 3, 1), mixture(rng, 2, 1), cloud(rng, 15, 1), cloud(rng, 9, 1)
    inside = bounds(p, q)
    assert inside.lower <= sliced(p, q) <= inside.upper
    for a, b in ((x, y), (x, q), (q, x)):
        assert sliced(a, b) == pytest.approx(distance(a, b), rel=1e-9)
    assert sliced_costs(x, q).standard_error == 0
    atom = Samples([2.0, 5.0], [1.0, 0.0])
    assert sliced(atom, q) == pytest.approx(np.sqrt((q.mean()[0] - 2) ** 2 + q.cov()[0, 0]), rel=1e-12)


def test_rigid_motions_move_nothing(rng):
    p, y = mixture(rng), cloud(rng)
    turn, v = np.linalg.qr(rng.standard_normal((2, 2)))[0], rng.standard_normal((6, 2))
    moved = p.affine(turn, [100.0, -3.0]), Samples(y.points @ turn.T + [100.0, -3.0], y.weights)
    assert sliced(*moved, v @ turn.T) == pytest.approx(sliced(p, y, v), rel=1e-9)


def test_many_draws_are_as_close_as_many_points(rng):
    """A sample of a mixture is as far from any other as the mixture itself, but for its noise."""
    p, q = mixture(rng), mixture(rng)
    near = sliced(Samples(p.sample(4000, rng=1)), q)
    assert sliced(p, q) == pytest.approx(near, rel=0.05)


def test_the_standard_error_is_that_of_the_distance(rng):
    x, y = cloud(rng, 20, 4), Samples(rng.standard_normal((20, 4)) * [4.0, 1.0, 1.0, 0.1] + 1)
    tries = [sliced_costs(x, y, directions=40, rng=seed) for seed in range(60)]
    spread = np.std([found.distance for found in tries])
    assert np.median([found.standard_error for found in tries]) == pytest.approx(spread, rel=0.4)
    (true, few) = (sliced_costs(x, y, directions=n, rng=seed) for n, seed in ((4000, 99), (40, 3)))
    assert abs(few.distance - true.distance) < 5 * few.standard_error
    assert true.standard_error < few.standard_error
    assert few.costs.mean() == pytest.approx(few.cost, rel=0.3)


def test_directions_have_no_length(rng):
    p, q, v = mixture(rng), cloud(rng), rng.standard_normal((5, 2))
    found = sliced_costs(p, q, directions=v)
    np.testing.assert_allclose(sliced_costs(p, q, directions=v * 1e200).costs, found.costs, rtol=1e-9)
    assert found.cost == pytest.approx(found.costs.mean(), rel=1e-12)
    assert np.isnan(sliced_costs(p, q, directions=1).standard_error)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, [[0.0, 0.0]], [[1.0, np.nan]], [1.0, 0.0], [[1.0]], "many"])
def test_what_is_no_direction_is_refused(rng, wrong):
    with pytest.raises(InputError, match="directions"):
        sliced_distance(cloud(rng), cloud(rng), directions=wrong)


def test_what_has_no_slices_is_refused(rng):
    with pytest.raises(InputError, match="same space"):
        sliced_distance(cloud(rng), cloud(rng, dim=3))
    with pytest.raises(UnsupportedError, match=r"got poisson laws.*Samples"):
        sliced_distance(Samples([1.0]), Mixture([1.0], Poisson([2.0])))
    with pytest.raises(UnsupportedError, match="got Grid"):
        sliced_distance(cloud(rng), Grid(np.ones((2, 2)), [[0, 1], [0, 1]]))
    with pytest.raises(InputError, match="rng"):
        sliced_distance(cloud(rng), cloud(rng), rng="dice")
