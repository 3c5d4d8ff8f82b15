"""Intervals for distances between populations: they hold what they should, and zero where laws are equal."""

import numpy as np
import pytest

from mixot import InputError, distance, distance_interval, two_sample_test
from mixot.inference.intervals import _center_and_reach, _reach_of_splits


def test_the_distance_of_the_samples_is_told(rng):
    x, y = rng.standard_normal((30, 2)), 2 + rng.standard_normal((40, 2))
    found = distance_interval(x, y, draws=39, rng=0)
    assert abs(found.sampled - distance(x, y)) < 1e-12
    assert found.lower <= found.estimate <= found.upper
    assert found.width == found.upper - found.lower
    assert "30 and 40 rows" in str(found)


def test_samples_are_further_apart_than_populations(rng):
    found = distance_interval(rng.standard_normal((40, 3)), rng.standard_normal((40, 3)), draws=39, rng=0)
    assert found.estimate < 0.8 * found.sampled


@pytest.mark.parametrize(
    ("statistic", "d", "true"), [("w2", 1, 1.0), ("w2", 3, 1.0), ("mw2", 2, 1.0), ("energy", 1, 0.7335)]
)
def test_it_holds_the_distance_of_shifted_normal_laws(statistic, d, true, rng):
    """W2 and MW2 are the shift; the squared energy distance is 2 E|Z sqrt 2 + 1| - 2 E|Z sqrt 2|."""
    k = 1 if statistic == "mw2" else None
    held = 0
    for _ in range(10):
        x, y = rng.standard_normal((60, d)), rng.standard_normal((60, d)) + np.eye(1, d)
        found = distance_interval(x, y, statistic, draws=39, k=k, rng=rng)
        held += found.lower <= true <= found.upper
    assert held >= 7


def test_zero_is_inside_unless_the_permutation_test_rejects(rng):
    inside = 0
    for _ in range(30):
        found = distance_interval(rng.standard_normal(20), rng.standard_normal(20), draws=39, rng=rng)
        assert (found.lower == 0) or found.p_value <= 0.05
        inside += found.lower == 0
    assert inside >= 25


def test_the_p_value_is_that_of_the_two_sample_test(rng):
    x, y = rng.standard_normal((40, 2)), 0.4 + rng.standard_normal((40, 2))
    ps = [distance_interval(x, y, "energy", draws=999, rng=1).p_value]
    ps.append(two_sample_test(x, y, "energy", scale="data", rng=2).p_value)
    assert abs(ps[0] - ps[1]) < 0.05


def test_excess_and_reach_by_hand():
    """Halves exceed the whole as the whole exceeds the truth, at rate 1; at rate 1/2 it is sqrt 2 - 1 as much."""
    halves = np.linspace(2.0, 4.0, 101)
    center, reach = _center_and_reach(2.0, halves, 1.0, 0.9, 40, 60)
    assert abs(center - 1.0) < 1e-12
    assert abs(reach - 0.9) < 1e-12
    assert abs(_center_and_reach(2.0, halves, 0.5, 0.9, 40, 60)[0] - (2 - 1 / (np.sqrt(2) - 1))) < 1e-12


def test_seeds_repeat_and_batches_change_nothing(rng, monkeypatch):
    x, y = rng.standard_normal((20, 2)), rng.standard_normal((21, 2))
    seen = []
    whole = distance_interval(x, y, draws=39, rng=0, progress=seen.append)
    assert [(tick.stage, tick.step) for tick in seen] == [("halves", 39), ("permutations", 39)]
    monkeypatch.setattr("mixot.inference.statistics._BATCH", 5 * 2 * 41**2)
    parts = distance_interval(x, y, draws=39, rng=0)
    assert abs(whole.lower - parts.lower) + abs(whole.upper - parts.upper) < 1e-12


def test_many_dimensions_are_told(rng):
    found = distance_interval(rng.standard_normal((10, 4)), rng.standard_normal((10, 4)), draws=19, rng=0)
    assert "excess" in found.notes[0]


def test_units(rng):
    x, y = rng.standard_normal((20, 2)) * [1.0, 1e3], rng.standard_normal((20, 2)) * [1.0, 1e3]
    assert distance_interval(x, y, draws=19, rng=0).units == "in the units of the data"
    assert distance_interval(x, y, draws=19, scale="columns", rng=0).sampled < 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 1.0}, "level must be"),
        ({"statistic": "w1"}, "statistic must be one of"),
        ({"draws": 3}, "draws"),
        ({"k": 2}, "k is the number of components"),
    ],
)
def test_wrong_options_are_told(options, words):
    with pytest.raises(InputError, match=words):
        distance_interval(np.arange(9.0), np.arange(9.0), **options)


def test_few_rows_are_told():
    with pytest.raises(InputError, match="y must have at least 8 rows, got 7"):
        distance_interval(np.arange(9.0), np.arange(7.0))


def test_an_interval_is_never_a_point_where_the_laws_may_be_equal(rng):
    """Of equal samples nothing is between them, and chance alone would still be: as much as splits are apart."""
    x = rng.standard_normal((60, 2))
    found = distance_interval(x, x.copy(), draws=39, rng=0)
    assert (found.lower, found.estimate, found.sampled) == (0, 0, 0)
    assert 0.1 < found.upper < 1


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("statistic", ["mw2", "energy"])
def test_an_interval_reaches_as_far_as_splits_do(statistic, level):
    """Estimates below zero are chance; where the test of equal laws passes, so do its splits for what samples do."""
    k = 1 if statistic == "mw2" else None
    below = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((20, 2)), rng.standard_normal((20, 2))
        found = distance_interval(x, y, statistic, level=level, draws=39, k=k, rng=seed)
        splits = two_sample_test(x, y, statistic, permutations=99, k=k, scale="data", rng=seed).null ** 2
        below += found.estimate == 0
        if found.p_value > 1 - level:
            assert found.upper**2 > 0.3 * (np.quantile(splits, (1 + level) / 2) - splits.mean())
        assert found.lower <= found.estimate < found.upper
    assert below


def test_reach_of_splits_by_hand():
    assert abs(_reach_of_splits(np.r_[np.zeros(50), np.ones(50)], 0.9) - 0.5) < 1e-12
    assert abs(_reach_of_splits(np.linspace(0.0, 1.0, 101) ** 2, 0.8) - (0.81 - 0.335)) < 1e-9


def test_halves_that_do_not_vary_are_told():
    found = distance_interval(np.zeros(9), np.ones(9), draws=39, rng=0)
    assert found.lower == found.upper == 1
    assert "nothing tells how far chance reaches" in found.notes[0]
