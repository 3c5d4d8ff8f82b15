"""All pairs at once are what `distance` says of each."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gaussian,
    Grid,
    InputError,
    Mixture,
    Progress,
    Samples,
    UnsupportedError,
    distance,
    distances,
)


def mixtures(rng, family, count):
    out = []
    for _ in range(count):
        k = int(rng.integers(1, 6))
        out.append(Mixture(rng.dirichlet(np.ones(k)), family.example(rng, k)))
    return out


def clouds(rng, count, dim=2):
    return [Samples(rng.standard_normal((rng.integers(1, 60), dim))) for _ in range(count)]


def loop(ps, qs):
    return np.array([[distance(p, q) for q in qs] for p in ps])


def assert_same(found, expected):
    # Squares agree to rounding; the root of a square that is zero but for rounding does not.
    np.testing.assert_allclose(found**2, expected**2, rtol=1e-12, atol=1e-13 * (expected**2).max())


def test_every_family(rng, family):
    try:
        ps, qs = (mixtures(rng, family, size) for size in (6, 4))
        expected = loop(ps, qs)
    except UnsupportedError:
        with pytest.raises(UnsupportedError):
            distances(ps, qs)
        return
    assert_same(distances(ps, qs), expected)
    among = distances(ps)
    assert_same(among, loop(ps, ps))
    assert (among == among.T).all()


def test_many_mixtures_in_many_blocks(rng, monkeypatch):
    from mixot.transport import all_pairs

    monkeypatch.setattr(all_pairs, "_BLOCK", 7)
    ps = mixtures(rng, Gaussian, 30)
    assert_same(distances(ps), loop(ps, ps))
    assert_same(distances(ps[:11], ps[7:]), loop(ps[:11], ps[7:]))


def test_samples(rng):
    ps, qs = clouds(rng, 9), clouds(rng, 5)
    qs[0] = Samples(qs[0].points.astype(np.float32))
    assert_same(distances(ps, qs), loop(ps, qs))
    assert_same(distances(ps), loop(ps, ps))


def test_mixtures_of_two_families_and_measures_of_any_kind(rng):
    full, thin = mixtures(rng, Gaussian, 3), mixtures(rng, DiagonalGaussian, 3)
    assert full[0].dim == thin[0].dim
    assert_same(distances([*full, *thin]), loop([*full, *thin], [*full, *thin]))
    box = Grid(np.ones((4, 4)))
    points = clouds(rng, 3)
    np.testing.assert_allclose(distances(points, [box])[:, 0], [distance(p, box) for p in points], rtol=1e-9)


def test_arrays_are_measures(rng):
    x, y = rng.random((5, 2)), rng.random((7, 2))
    assert distances([x, y])[0, 1] == pytest.approx(distance(x, y), rel=1e-12)


@pytest.mark.parametrize("kind", ["mixtures", "samples"])
def test_threads_change_nothing(rng, monkeypatch, kind):
    ps = mixtures(rng, Gaussian, 40) if kind == "mixtures" else clouds(rng, 40)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        found.append(distances(ps))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_progress_counts_the_pairs(rng):
    ticks: list[Progress] = []
    distances(mixtures(rng, Gaussian, 6), progress=ticks.append)
    assert (ticks[-1].step, ticks[-1].total) == (21, 21)
    ticks.clear()
    distances(clouds(rng, 2), [Grid(np.ones((2, 2)))], progress=ticks.append)
    assert [tick.step for tick in ticks] == [1, 2]


def test_no_measures_no_distances(rng):
    assert distances([]).shape == (0, 0)
    assert distances(clouds(rng, 3), []).shape == (3, 0)


def test_bad_lists_are_refused(rng):
    p = mixtures(rng, Gaussian, 1)[0]
    with pytest.raises(InputError, match="ps must be a list of measures, got one Mixture"):
        distances(p)
    with pytest.raises(InputError, match="qs must be a list"):
        distances([p], p)
    with pytest.raises(InputError, match="dimension"):
        distances([p, Mixture([1.0], Gaussian([0.0], [1.0]))])


def test_pairs_go_one_by_one_only_where_they_must(rng, monkeypatch):
    """What somebody sees of blocks: few ticks for many pairs."""
    full, diagonal = (mixtures(rng, law, 4) for law in (Gaussian, DiagonalGaussian))
    sizes = [Samples(rng.standard_normal((8, 1))) for _ in range(3)]

    def ticks(measures):
        seen = []
        distances(measures, progress=seen.append)
        return len(seen)

    assert ticks(full) == ticks(diagonal) == ticks([*full, *diagonal]) == ticks(sizes) == 1
    assert ticks([*full, Samples(rng.standard_normal((3, full[0].dim)))]) == 15
    monkeypatch.setattr("mixot.transport.all_pairs._LARGE", 8**2 - 1)
    assert ticks(sizes) == 6
    monkeypatch.setattr("mixot.transport.all_pairs._LARGE", 8**2)
    assert ticks(sizes) == 1
