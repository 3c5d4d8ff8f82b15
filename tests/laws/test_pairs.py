"""The table of pairs: what is in it can be asked, in either order, and what is not is refused by name."""

from itertools import product

import numpy as np
import pytest

from mixot import (
    Gaussian,
    Grid,
    Mixture,
    Moments,
    Samples,
    UnsupportedError,
    distance,
    geodesic,
    plan,
    transport_map,
)
from mixot.transport.gradients import cost_and_gradients, cost_between
from mixot.transport.pairs import PAIRS, pair_of, problem

MEASURES = {
    Samples: Samples([[0.0, 0.1], [1.0, 0.4], [0.3, 0.9]], [0.5, 0.25, 0.25]),
    Grid: Grid([[1.0, 2.0], [3.0, 1.0]]),
    Mixture: Mixture([0.25, 0.75], Gaussian([[0.5, 0.0], [0.0, 1.0]], [np.diag([1.0, 2.0]), np.eye(2)])),
    Moments: Samples([[0.0, 0.0], [1.0, 1.0]]).moments(2),
}
OTHERS = MEASURES | {
    Samples: Samples([[0.2, 0.1], [1.5, 1.4]], [0.75, 0.25]),
    Mixture: Mixture([0.5, 0.5], Gaussian([[2.5, 0.0], [1.0, 3.0]], [np.diag([1.0, 3.0]), np.eye(2)])),
}
BOTH_WAYS = [(row, turned) for row in PAIRS for turned in (False, True)]


@pytest.mark.parametrize(("row", "turned"), BOTH_WAYS)
def test_a_row_answers_in_both_orders(row, turned):
    kinds = (row.second, row.first) if turned else (row.first, row.second)
    p, q = MEASURES[kinds[0]], OTHERS[kinds[1]]
    found = problem(p, q)
    assert found.pair is row
    assert found.ordered == ((q, p) if kinds != (row.first, row.second) else (p, q))
    solved = plan(p, q)
    assert solved.distance_name == row.distance_name
    assert distance(p, q) == solved.distance == found.plan().distance
    assert cost_between(p, q) == pytest.approx(solved.cost, rel=1e-7)
    there, back = cost_and_gradients(p, q), cost_and_gradients(q, p)
    for ours, theirs in ((there.p, back.q), (there.q, back.p)):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)
            assert np.abs(a).max() > 0


@pytest.mark.parametrize(("row", "turned"), BOTH_WAYS)
def test_points_stand_where_they_came(row, turned):
    p, q = (MEASURES[kind] for kind in ((row.second, row.first) if turned else (row.first, row.second)))
    side = problem(p, q).points_side
    if not row.semidiscrete:
        assert side is None
        return
    assert isinstance((p, q)[side], Samples)
    assert not isinstance((p, q)[1 - side], Samples)
    assert type(transport_map(p, q)).__name__ == ("CentroidMap", "PointMap")[side]


@pytest.mark.parametrize(("p", "q"), list(product(MEASURES, repeat=2)))
def test_what_is_in_no_row_is_refused_by_name(p, q):
    row, measures = pair_of(p, q), (MEASURES[p], MEASURES[q])
    assert row is pair_of(q, p)
    if row is None:
        for verb in (plan, distance):
            with pytest.raises(
                UnsupportedError, match=rf"no plan between {p.__name__} and {q.__name__}; fit a mixture"
            ):
                verb(*measures)
        with pytest.raises(UnsupportedError, match=rf"gradients of a distance between {p.__name__} and {q.__name__}"):
            cost_between(*measures)
    for verb, there in ((geodesic, row and row.path), (transport_map, row and row.map)):
        if not there:
            with pytest.raises(UnsupportedError, match=r"expected a mixture, got \w+; fit one first"):
                verb(*measures)


def test_only_between_mixtures_is_the_distance_more_than_w2():
    assert [row.exact for row in PAIRS] == [row.first is not Mixture for row in PAIRS]
