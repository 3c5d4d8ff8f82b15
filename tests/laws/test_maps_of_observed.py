"""Images of points with gaps: means over what is missing, given what is known."""

import numpy as np
import pytest

from mixot import Gaussian, Incomplete, InputError, Mixture, Poisson, Product, UnsupportedError, transport_map


@pytest.fixture
def sides(rng):
    root = rng.standard_normal((2, 3, 3, 5))
    covs = root @ root.swapaxes(2, 3) / 5
    p = Mixture([0.3, 0.3, 0.4], Gaussian(rng.standard_normal((3, 3)), covs[0]), columns=["a", "b", "c"])
    return p, Mixture([0.5, 0.3, 0.2], Gaussian(4 + 2 * rng.standard_normal((3, 3)), covs[1]))


def test_it_is_the_mean_of_the_images_of_what_the_point_may_be(sides, rng):
    p, q = sides
    move = transport_map(p, q)
    points = np.array([[0.5, np.nan, np.nan], [np.nan, 1.0, -0.5], [1.0, 0.3, 0.2], [np.nan] * 3])
    found = move.of_observed(points)
    count = 20_000
    for at, point in enumerate(points):
        images = move(p.impute(np.tile(point, (count, 1)), rng=rng))
        error = images.std(axis=0) / np.sqrt(count)
        assert (np.abs(images.mean(axis=0) - found[at]) < 4.5 * error + 1e-9).all()
    np.testing.assert_array_equal(found[2], move(points[2:3])[0])
    np.testing.assert_allclose(found[3], q.mean(), atol=1e-12)
    named = Incomplete(np.where(np.isnan(points), np.nan, points)[:3, [2, 0, 1]], columns=["c", "a", "b"])
    np.testing.assert_array_equal(move.of_observed(named), found[:3])


def test_the_random_map_takes_what_was_seen_of_p_to_q(sides, rng):
    p, q = sides
    move = transport_map(p, q, kind="random")
    x = p.sample(20_000, rng=rng)
    x[rng.random(x.shape) < 0.3] = np.nan
    images = move.of_observed(x, rng=1)
    np.testing.assert_array_equal(images, move.of_observed(x, rng=1))
    spread = np.sqrt(np.diag(q.cov()) / len(x))
    assert (np.abs(images.mean(axis=0) - q.mean()) < 4.5 * spread).all()
    np.testing.assert_allclose(np.cov(images.T), q.cov(), atol=0.06 * np.trace(q.cov()))


def test_frames_come_back_as_they_came(sides):
    pandas = pytest.importorskip("pandas")
    move = transport_map(*sides)
    frame = pandas.DataFrame({"c": [1.0, 2.0], "a": [0.0, np.nan], "b": [1.0, 1.0]}, index=["u", "v"])
    found = move.of_observed(frame)
    assert (list(found.index), list(found.columns)) == (["u", "v"], ["a", "b", "c"])
    np.testing.assert_allclose(found.to_numpy(), move.of_observed(frame[["a", "b", "c"]].to_numpy()))


def test_what_has_no_such_image_is_refused(sides):
    move = transport_map(*sides)
    with pytest.raises(InputError, match="x must be finite"):
        move.of_observed([[np.inf, np.nan, 0.0]])
    with pytest.raises(InputError, match=r"x must have shape \(n, 3\)"):
        move.of_observed([[1.0, np.nan]])
    counts = Mixture([1.0], Product((Gaussian([0.0], [1.0]), Poisson([3.0]))))
    move = transport_map(counts, counts, kind="random")
    assert np.isfinite(move.of_observed([[np.nan, 2.0]], rng=0)).all()
    with pytest.raises(UnsupportedError, match=r'are not affine, .* take kind="random"'):
        move.of_kind("mean").of_observed([[np.nan, 2.0]])
