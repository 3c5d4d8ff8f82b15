"""Batches of costs are loops of single ones: values, gradients and errors."""

import numpy as np
import pytest

from mixot import Exact, InputError, Samples, SolveError
from mixot.transport import batches
from mixot.transport.array_groups import GridOf
from mixot.transport.cost_functions import cost_function

B = 5


def mixtures(rng, k, d, b=B):
    root = rng.standard_normal((b, k, d, d + 2))
    return rng.dirichlet(np.full(k, 3.0), size=b), rng.standard_normal((b, k, d)), root @ root.swapaxes(-1, -2) / d


def clouds(rng, n, d, b=B):
    return rng.standard_normal((b, n, d)), rng.dirichlet(np.full(n, 3.0), size=b)


def spread(function, arrays, b=B):
    """As a front does: what is shared gets the axis of the batch."""
    pairs = zip(arrays, function.ranks, strict=True)
    return [np.broadcast_to(x, (b, *x.shape)) if x.ndim == rank else x for x, rank in pairs]


def part(argument, at):
    return tuple(x[at] for x in argument) if isinstance(argument, tuple) else argument[at]


def assert_a_loop(p, q, single, rtol=1e-12):
    function, arrays = cost_function(p, q)
    arrays = spread(function, arrays)
    wanted = (True,) * len(arrays)
    values, slopes = function.cost_and_gradients(wanted, *arrays)
    np.testing.assert_allclose(function.cost(*arrays), values, rtol=1e-14)
    assert values.shape == (B,)
    for at in range(B):
        one, its = cost_function(*single(at))
        value, gradients = one.cost_and_gradients(wanted, *its)
        assert values[at] == pytest.approx(value, rel=rtol)
        for slope, gradient in zip(slopes, gradients, strict=True):
            np.testing.assert_allclose(slope[at], gradient, rtol=0, atol=rtol * max(np.abs(gradient).max(), 1e-9))


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_a_batch_of_mixtures_is_a_loop(rng, d):
    p, q = mixtures(rng, 4, d), mixtures(rng, 3, d)
    assert_a_loop(p, q, lambda at: (part(p, at), part(q, at)))


def test_one_side_may_be_shared_and_so_may_weights(rng):
    p, q = mixtures(rng, 4, 2), part(mixtures(rng, 3, 2), 0)
    assert_a_loop(p, q, lambda at: (part(p, at), q))
    assert_a_loop(q, p, lambda at: (q, part(p, at)))
    weights, law = p[0][0], p[1:]
    assert_a_loop((weights, *law), q, lambda at: ((weights, *part(law, at)), q))


def test_a_batch_of_clouds_is_a_loop(rng):
    x, y = clouds(rng, 6, 3), clouds(rng, 5, 3)
    assert_a_loop(x, y, lambda at: (part(x, at), part(y, at)))
    assert_a_loop(x[0], y, lambda at: (x[0][at], part(y, at)))
    shared = Samples(rng.standard_normal((4, 3)))
    assert_a_loop(x[0], shared, lambda at: (x[0][at], shared))


def test_a_batch_against_a_density_is_a_loop(rng):
    x, law = rng.random((B, 4, 2)), part(mixtures(rng, 2, 2), 0)
    grid = GridOf(rng.uniform(0.5, 2.0, (4, 3)), [[0, 1], [0, 1]])
    for q in (grid, law):
        assert_a_loop(x, q, lambda at, q=q: (x[at], q))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_variances_are_diagonal_or_spherical_covariances(rng, d):
    """Of one pair and of a batch; their gradients are the diagonal and the trace of that of the full matrices."""
    (a, m, _), q = mixtures(rng, 4, d), mixtures(rng, 3, d)
    for variances in (rng.uniform(0.5, 2.0, (B, 4, d)), rng.uniform(0.5, 2.0, (B, 4))):
        assert_a_loop((a, m, variances), q, lambda at, v=variances: ((a[at], m[at], v[at]), part(q, at)))
        full = (variances if variances.ndim == 3 else variances[..., None])[..., None] * np.eye(d)
        found, expected = (
            function.cost_and_gradients((True,) * 6, *arrays)
            for function, arrays in (cost_function((a, m, covs), q) for covs in (variances, full))
        )
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
        diagonal = np.diagonal(expected[1][2], axis1=-2, axis2=-1)
        np.testing.assert_allclose(found[1][2], diagonal if variances.ndim == 3 else diagonal.sum(-1), atol=1e-13)


def test_covariances_that_nearly_agree_or_are_singular_or_in_unlike_units(rng):
    (a, m, s), _ = mixtures(rng, 3, 3), None
    near = s * (1 + 1e-9 * rng.standard_normal((B, 3, 1, 1)))
    flat = s.copy()
    flat[1:3, 1] = np.diag([1.0, 0.0, 2.0])
    units = np.array([1.0, 1e5, 1e-3])
    for (n, u), rtol in (((m, near), 1e-9), ((m + 1, flat), 1e-12), ((m + 1, s[:, ::-1]), 1e-12)):
        p, q = (a, m, s), (a, n, u)
        assert_a_loop(p, q, lambda at, p=p, q=q: (part(p, at), part(q, at)), rtol)
    p, q = ((a, x * units, units[:, None] * c * units) for x, c in ((m, s), (m + 1, s[:, ::-1])))
    assert_a_loop(p, q, lambda at: (part(p, at), part(q, at)), 1e-11)


def test_pairs_that_agree_have_no_slope_and_the_others_keep_theirs(rng):
    p, q = mixtures(rng, 3, 2), mixtures(rng, 3, 2)
    for ours, theirs in zip(p, q, strict=True):
        ours[2] = theirs[2]
    function, arrays = cost_function(p, q)
    values, slopes = function.cost_and_gradients((True,) * 6, *arrays)
    assert values[2] == 0
    assert not any(slope[2].any() for slope in slopes)
    assert all(slope[at].any() for slope in slopes for at in (0, 1, 3, 4))


def test_axes_in_front_are_broadcast_and_an_empty_batch_is_empty(rng):
    p, q = mixtures(rng, 3, 2, 6), mixtures(rng, 2, 2, 3)
    function, _ = cost_function(p, tuple(x[0] for x in q))
    nested = [x.reshape(2, 3, *x.shape[1:]) for x in p] + [x[None] for x in q]
    values, slopes = function.cost_and_gradients((True,) * 6, *nested)
    assert values.shape == (2, 3)
    assert slopes[4].shape == (2, 3, 2, 2)
    one, its = cost_function(part(p, 4), part(q, 1))
    assert values[1, 1] == pytest.approx(one.cost(*its), rel=1e-14)
    none = [x[:0] for x in (*p, *p)]
    values, slopes = function.cost_and_gradients((True,) * 6, *none)
    assert values.shape == (0,)
    assert slopes[2].shape == (0, 3, 2, 2)
    assert function.cost(*none).shape == (0,)


def test_bad_input_names_the_pair_and_the_side(rng):
    (a, m, s), q = mixtures(rng, 3, 2), mixtures(rng, 2, 2)

    def solve(p, q):
        function, arrays = cost_function(p, q)
        return function.cost(*spread(function, arrays))

    low = a.copy()
    low[3] *= 2
    with pytest.raises(InputError, match="pair 3 of the batch: weights must sum to one"):
        solve((low, m, s), q)
    bad = s.copy()
    bad[2, 1] = -np.eye(2)
    with pytest.raises(InputError, match="pair 2 of the batch: covs must be positive semi-definite: component 1"):
        solve((a, m, bad), q)
    lost = m.copy()
    lost[4, 0, 1] = np.nan
    with pytest.raises(InputError, match="pair 4 of the batch: means must be finite"):
        solve((a, lost, s), q)
    with pytest.raises(InputError, match="got 5 measures in p and 3 in q"):
        solve((a, m, s), tuple(x[:3] for x in q))
    with pytest.raises(InputError, match="means are 5 measures, covs are 4"):
        solve((a, m, s[:4]), q)
    with pytest.raises(InputError, match=r"\(b, k, d, d\) are full, \(b, k, d\) diagonal"):
        solve((a, m, s[..., None]), q)
    with pytest.raises(InputError, match="expand the others"):
        solve((a, m[0], s[0]), q)
    with pytest.raises(InputError, match=r"one shape, got \(3, 2\) at 0 and \(2, 2\) at 1"):
        solve([m[0], m[1][:2]], m[0])
    with pytest.raises(InputError, match=r"points must have shape \(n, d\), or \(b, n, d\)"):
        solve(m[None], m)
    with pytest.raises(InputError, match="same space"):
        solve(m, np.zeros((2, 3)))
    with pytest.raises(InputError, match="must not be negative: component 1"):
        solve((a[0], m[0], np.array([1.0, -1.0, 1.0])), part(q, 0))


def test_a_program_that_was_stopped_shows_the_plan_it_got_to(rng, monkeypatch):
    monkeypatch.setattr(batches, "Exact", lambda: Exact(max_iter=1))
    function, arrays = cost_function(rng.standard_normal((2, 30, 2)), rng.standard_normal((2, 30, 2)))
    with pytest.raises(SolveError) as stopped:
        function.cost(*arrays)
    assert stopped.value.result.coupling.shape == (30, 30)
