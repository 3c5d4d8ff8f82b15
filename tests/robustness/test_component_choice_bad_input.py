"""Bad input to the choice of components is refused in words that help."""

import numpy as np
import pytest

from mixot import (
    OMT,
    AccuracyWarning,
    ComponentSearch,
    Gaussian,
    Grid,
    InputError,
    Mixture,
    MomentSOS,
    UnsupportedError,
    choose_components,
)

X = np.random.default_rng(0).normal(size=(40, 2))
QUICK = ComponentSearch(splits=2, points=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": "some"}, 'pairs must be "all" or "equal"'),
        ({"splits": 1}, "splits must be a whole number of at least 2"),
        ({"points": 1}, "points must be a whole number of at least 2"),
        ({"rows": 3}, "rows must be a whole number of at least 4"),
        ({"solver": OMT(cost="kl")}, "no arrows"),
    ],
)
def test_options(options, message):
    with pytest.raises(InputError, match=message):
        ComponentSearch(**options)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ks": []}, "ks must be whole numbers"),
        ({"ks": [1, 0]}, "ks must be whole numbers of at least 1"),
        ({"ks": [1], "ls": [-1]}, "ls must be whole numbers"),
        ({"ks": 21}, "ks go up to 21, but half of the data has 20 rows"),
        ({"ks": [1], "ls": [2], "method": ComponentSearch(pairs="equal")}, "no number in common"),
        ({"y": X[:, :1]}, "same space, got dimension 2 and 1"),
        ({"y": np.where(np.arange(40)[:, None] == 7, np.nan, X)}, "7"),
        ({"family": "gauss"}, "gauss"),
        ({"structure": "round"}, "round"),
    ],
)
def test_what_is_asked_for(changed, message):
    arguments = {"x": X, "y": X, "ks": [1], "method": QUICK} | changed
    with pytest.raises(InputError, match=message):
        choose_components(**arguments, rng=0)


def test_densities_have_no_rows():
    with pytest.raises(UnsupportedError, match="no rows to halve"):
        choose_components(Grid(np.ones((4, 4))), X)
    with pytest.raises(UnsupportedError, match="draw points"):
        choose_components(X, Mixture([1.0], Gaussian([[0.0, 0.0]], [np.eye(2)])))


def test_a_fit_without_a_criterion_cannot_be_preferred():
    search = ComponentSearch(splits=2, fitter=MomentSOS(order=2))
    with pytest.raises((UnsupportedError, InputError)):
        choose_components(X[:, 0], X[:, 1], "poisson", ks=[1], method=search, rng=0)


def test_what_the_chosen_fits_say_is_said_once():
    flat = np.c_[X[:, :1], np.full(40, 3.0)]
    with pytest.warns(AccuracyWarning, match="constant columns") as told:
        choose_components(flat, flat, ks=[1, 2], method=QUICK, rng=0)
    assert len(told) == 1


def test_few_rows_are_enough_for_few_components():
    found = choose_components(X[:4], X[4:8], method=QUICK, rng=0)
    assert {(each.k, each.l) for each in found.candidates} == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert (found.k, found.l) == (1, 1)  # two components of two rows each are not determined


def test_points_that_do_not_move_do_not_shake():
    """All of one point: no variance to measure against, and none to measure."""
    with pytest.warns(AccuracyWarning):
        found = choose_components(np.ones(8), np.ones(8), ks=[1], method=QUICK, rng=0)
    assert found.pair.instability == 0.0
