"""Counts and repeated rows are the same data, also where two data sets are fitted at once."""

import numpy as np
import pytest

from mixot import EM, ComponentSearch, JointEM, Samples, choose_components, fit, fit_pair
from mixot.fitting.joint.halves import seen_rows, split


def histogram(rng, gap, n=2000, grid=1.0):
    """Draws from two laws, rounded, as rows and as counts."""
    x = np.round(rng.normal(rng.choice([-gap, gap], n), 1.0) / grid) * grid
    values, counts = np.unique(x, return_counts=True)
    return x, Samples(values, counts=counts)


def test_joint_fits_choose_as_repeated_rows_do(rng):
    (x, p), (y, q) = histogram(rng, 1.8), histogram(rng, 2.2)
    method = JointEM(em=EM(k_max=2))
    rows, counted = (fit_pair(*each, lam=1e3, rng=0, method=method) for each in ((x, y), (p, q)))
    assert len(rows.source) == len(counted.source) == len(rows.target) == len(counted.target) == 2
    assert counted.distance == pytest.approx(rows.distance, rel=1e-3)
    assert any(note.startswith("x: K = 2 is the largest number that was tried") for note in counted.notes)
    assert len(fit((p.points, p.weights), method=EM(k_max=2), rng=0).mixture) == 1  # of ten rows, as weights


def test_choices_of_components_weigh_counts_as_repeated_rows(rng):
    (x, p), (y, q) = histogram(rng, 3.0, grid=0.25), histogram(rng, 4.0, grid=0.25)
    search = ComponentSearch(splits=2)
    rows, counted = (choose_components(*each, ks=[1, 2], method=search, rng=0) for each in ((x, y), (p, q)))
    assert rows.rows == counted.rows == (2000, 2000)
    assert (counted.k, counted.l) == (rows.k, rows.l) == (2, 2)
    for mine, theirs in zip(counted.candidates, rows.candidates, strict=True):
        assert mine.excess == pytest.approx(theirs.excess, rel=1e-3)
        assert mine.excess_error == pytest.approx(theirs.excess_error, rel=1e-3)
        assert mine.instability < 20 * theirs.instability + 0.01  # halves of observations, not of values


def test_halves_of_counts_are_halves_of_observations(rng):
    values = Samples(np.arange(5.0), counts=[1000, 500, 0, 7, 1])
    first, second = split(values, rng, 10**6)
    assert first.observations == second.observations == 754
    whole = dict.fromkeys(range(5), 0.0)
    for half in (first, second):
        for value, count in zip(half.points[:, 0], half.counts, strict=True):
            whole[int(value)] += count
    assert whole == {0: 1000, 1: 500, 2: 0, 3: 7, 4: 1}
    few = split(values, rng, 100)
    assert [half.observations for half in few] == [50, 50]
    many = split(Samples([0.0, 1.0], counts=[3e9, 1e9]), rng, 1000)
    assert [half.observations for half in many] == [500, 500]
    seen = seen_rows(values)
    assert seen.counts.tolist() == [1000, 500, 7, 1]


def test_samples_keep_their_counts():
    counted, weighted = Samples([0.0, 1.0, 2.0], counts=[3, 0, 5]), Samples([0.0, 1.0], [0.25, 0.75])
    assert counted.moved([[0.0, 1.0]] * 3).observations == counted.observations == 8
    assert counted.multiplicities().tolist() == [3, 0, 5]
    assert weighted.counts is None
    assert weighted.multiplicities().tolist() == [1, 1]
    assert weighted.moved([5.0, 6.0]).observations == weighted.observations
    assert counted.take(np.array([0])).observations == 3
