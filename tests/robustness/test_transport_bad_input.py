"""What the transport verbs say to input they cannot use."""

import inspect
import warnings

import numpy as np
import pytest

from mixot import (
    Gaussian,
    InputError,
    Mixture,
    TransportMap,
    UnsupportedError,
    bounds,
    distance,
    geodesic,
    plan,
    transport_map,
)
from mixot.families.base import register


def mixture(d, k=2):
    return Mixture([1 / k] * k, Gaussian(np.arange(k * d).reshape(k, d), [np.eye(d)] * k))


P, Q = mixture(3), mixture(3, 3)
VERBS = [distance, plan, geodesic, transport_map, bounds]


@pytest.mark.parametrize("verb", VERBS)
def test_dimensions_differ(verb):
    with pytest.raises(InputError, match="same space, got dimension 3 and 2"):
        verb(P, mixture(2))


@pytest.mark.parametrize("verb", VERBS)
def test_families_without_a_common_one(verb, monkeypatch):
    from mixot.families import registry

    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    @register("lonely")
    class Lonely(Gaussian):
        pass

    lonely = Mixture([1.0], Lonely([[0.0] * 3], [np.eye(3)]))
    with pytest.raises(UnsupportedError, match=r"gaussian.*lonely|lonely.*gaussian"):
        verb(P, lonely)


@pytest.mark.parametrize("verb", [geodesic, bounds])
def test_samples_are_not_mixtures(verb):
    with pytest.raises(UnsupportedError, match=r"got Samples; fit one first"):
        verb(P, np.zeros((4, 3)))


def test_points_meet_mixtures_in_dimension_one_to_three_alone():
    with pytest.raises(UnsupportedError, match=r"in dimension 4; .* or fit a mixture to the points"):
        transport_map(mixture(4), np.zeros((5, 4)))


@pytest.mark.parametrize("t", [-0.1, 1.0000001, np.nan, np.inf])
def test_time_outside(t):
    with pytest.raises(InputError, match=r"t must lie in \[0, 1\], got"):
        geodesic(P, Q)(t)


@pytest.mark.parametrize("t", [[0.0, 1.0], np.linspace(0, 1, 3), np.array([0.5])])
def test_many_times_at_once(t):
    with pytest.raises(InputError, match=r"one number.*\[geodesic\(t\) for t in times\]"):
        geodesic(P, Q)(t)


@pytest.mark.parametrize("t", ["now", None, 1j])
def test_time_that_is_not_one(t):
    with pytest.raises(InputError, match="t must be a number"):
        geodesic(P, Q)(t)


def test_times_of_other_number_types():
    path = geodesic(P, Q)
    for t in (0, 1, True, np.float32(0.5), np.int64(1), np.array(0.5), "0.5"):
        assert len(path(t)) == len(path)


def test_kind_that_is_not_one():
    kind = "median"  # the tests check annotations, so the class method itself is asked
    with pytest.raises(InputError, match=r"\"mean\" or \"random\", got 'median'"):
        inspect.unwrap(TransportMap.along)(TransportMap, P, Q, plan(P, Q), kind=kind)


@pytest.mark.parametrize("call", ["map", "sample"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((5, 2)), r"x must have shape \(n, 3\), got \(5, 2\)"),
        (np.zeros((5, 4, 3)), r"x must have shape \(n, 3\)"),
        (np.zeros(2), r"x must have shape \(n, 3\)"),
        ([[0.0, 1.0], [2.0]], "differ in length"),
        ([["a", "b", "c"]], "x must be numbers"),
        (np.zeros((2, 3), complex), "x must be real numbers"),
    ],
)
def test_points_of_another_kind(call, x, message):
    move = transport_map(P, Q)
    with pytest.raises(InputError, match=message):
        (move if call == "map" else move.sample)(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_not_finite_are_named(dtype, bad):
    x = np.zeros((7, 3), dtype)
    x[[2, 5], [0, 2]] = bad
    move = transport_map(P, Q)
    for call in (move, move.sample, P.log_density, P.responsibilities):
        with pytest.raises(InputError, match=r"x must be finite.*2 of 7 rows: 2, 5"):
            call(x)


def test_conditional_law_of_two_points():
    with pytest.raises(InputError, match=r"one point of shape \(3,\), got \(2, 3\)"):
        transport_map(P, Q).conditional(np.zeros((2, 3)))


def test_where_no_map_exists_the_pairs_are_named_and_another_way_offered():
    flat = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [5.0, 0.0]], [np.diag([1.0, 0.0]), np.eye(2)]))
    round_ = Mixture([0.5, 0.5], Gaussian([[0.0, 0.0], [5.0, 0.0]], [np.eye(2), np.eye(2)]))
    with pytest.raises(UnsupportedError, match=r"components \(0, 0\) of p and q.*kind=\"random\".*conditional"):
        transport_map(flat, round_)
    assert transport_map(flat, round_, kind="random")([[0.3, 0.0]], rng=0).shape == (1, 2)
    assert transport_map(round_, flat)([[0.3, 0.0]]).shape == (1, 2)


def test_family_without_transport(monkeypatch, rng):
    from mixot.families import registry

    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    @register("mute")
    class Mute(Gaussian):
        cost = between = coupling = None

    p = Mixture([1.0], Mute([[0.0]], [[[1.0]]]))
    for verb in VERBS:
        with pytest.raises(UnsupportedError, match="mute family has no"):
            verb(p, p)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_units_end_in_numbers(scale):
    p, q = (Mixture(m.weights, Gaussian(scale * m.components.means, scale**2 * m.components.covs)) for m in (P, Q))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(transport_map(p, q)(scale * np.ones((2, 3)))).all()
        assert np.isfinite(geodesic(p, q)(0.5).components.covs).all()
