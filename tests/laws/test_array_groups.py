"""Groups of arrays stand for the measures that the table of their module names; steps and gradients are adjoint."""

import numpy as np
import pytest

from mixot import (
    DiagonalGaussian,
    Gaussian,
    Grid,
    InputError,
    Mixture,
    Moments,
    Samples,
    StudentT,
    UnsupportedError,
    fit,
)
from mixot.transport import array_groups
from mixot.transport.array_groups import Form, GridOf, Kind, _box, read, shape_of

K, D = 3, 2


class Traced:
    """An array of a framework."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, "float of a framework"


def parts(rng, *batch):
    root = rng.standard_normal((*batch, K, D, D + 1))
    covs = root @ root.swapaxes(-1, -2)
    weights = rng.dirichlet(np.full(K, 3.0), size=batch or None)
    return weights, rng.standard_normal((*batch, K, D)), covs


def same(p, q):
    assert type(p) is type(q)
    if isinstance(p, Samples):
        pairs = (p.points, q.points), (p.weights, q.weights)
    elif isinstance(p, Grid):
        pairs = (p.values, q.values), (p.bounds, q.bounds), (p.degree, q.degree)
    else:
        pairs = (p.weights, q.weights), (p.components.means, q.components.means), (p.components.covs, q.components.covs)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_each_group_is_the_measure_of_the_table(rng):
    weights, means, covs = parts(rng)
    variances, one = rng.uniform(1, 2, (K, D)), rng.uniform(1, 2, K)
    values, box = rng.uniform(1, 2, (4, 3)), ((0.0, 2.0), (-1.0, 1.0))
    spherical = covs_of(np.repeat(one[:, None], D, axis=1))
    for argument, kind, ranks, expected in (
        (means, Kind.POINTS, (2,), Samples(means)),
        (means[:, 0], Kind.POINTS, (1,), Samples(means[:, 0])),
        ((means, weights), Kind.WEIGHTED, (2, 1), Samples(means, weights)),
        ((weights, means, covs), Kind.MIXTURE, (1, 2, 3), Mixture(weights, Gaussian(means, covs))),
        ((weights, means, variances), Kind.MIXTURE, (1, 2, 2), Mixture(weights, Gaussian(means, covs_of(variances)))),
        ((weights, means, one), Kind.MIXTURE, (1, 2, 1), Mixture(weights, Gaussian(means, spherical))),
        (GridOf(values), Kind.GRID, (2,), Grid(values)),
        (GridOf(values, box, 1), Kind.GRID, (2,), Grid(values, box, 1)),
        (Grid(values, box, 1), Kind.GRID, (2,), Grid(values, box, 1)),
        (Samples(means, weights), Kind.WEIGHTED, (2, 1), Samples(means, weights)),
        (Mixture(weights, Gaussian(means, covs)), Kind.MIXTURE, (1, 2, 3), Mixture(weights, Gaussian(means, covs))),
        (
            Mixture(weights, DiagonalGaussian(means, variances)),
            Kind.MIXTURE,
            (1, 2, 3),
            Mixture(weights, Gaussian(means, covs_of(variances))),
        ),
    ):
        form, arrays = read(argument)
        assert (form.kind, form.ranks, form.count) == (kind, ranks, len(arrays))
        assert form.discrete == isinstance(expected, Samples)
        assert form.measure_type is type(expected)
        same(form.measure(arrays), expected)
        assert hash(form) == hash(read(argument)[0])  # fronts compile for it


def covs_of(variances):
    return variances[..., None] * np.eye(D)


def test_bounds_that_a_framework_traces_are_an_array_of_the_group(rng):
    values, box = rng.uniform(1, 2, (4, 3)), np.array([[0.0, 2.0], [-1.0, 1.0]])
    bounds = Traced(box)
    form, arrays = read(GridOf(values, bounds, 1))
    assert (form, arrays[1]) == (Form(Kind.GRID, (2, 2), None, 1), bounds)
    same(form.measure([values, box]), Grid(values, box, 1))
    form, arrays = read(GridOf(values, box, 1))
    assert (form, len(arrays)) == (Form(Kind.GRID, (2,), ((0.0, 2.0), (-1.0, 1.0)), 1), 1)
    assert _box(None) is None


def test_a_batch_has_an_axis_in_front_of_each_array(rng):
    b = 4
    weights, means, covs = parts(rng, b)
    for argument, ranks in (
        (means, (2,)),
        ((means, weights), (2, 1)),
        ((means, weights[0]), (2, 1)),
        ((weights, means, covs), (1, 2, 3)),
        ((weights[0], means, np.ones((b, K, D))), (1, 2, 2)),
        ((weights, means, np.ones((b, K))), (1, 2, 1)),
    ):
        form, arrays = read(argument)
        assert form.ranks == ranks
        whole = [np.broadcast_to(a, (b, *a.shape)) if a.ndim == r else a for a, r in zip(arrays, ranks, strict=True)]
        atoms = form.atoms(whole)
        for at in range(b):
            one = form.measure([array[at] for array in whole])
            np.testing.assert_allclose(atoms.weights[at], one.weights, rtol=1e-14)
            places = one.points if form.discrete else one.components.means
            np.testing.assert_allclose(atoms.places[at], places, rtol=1e-14)
            if not form.discrete:
                np.testing.assert_allclose(atoms.laws[at], one.components.covs, rtol=1e-14)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradients_outside_are_adjoint_to_steps_inside(rank, rng):
    b = 2
    weights, means, covs = parts(rng, b)
    given = {1: np.ones((b, K)), 2: np.ones((b, K, D)), 3: covs}[rank]
    form, arrays = read((weights, means, given))
    steps = [rng.standard_normal(array.shape) for array in arrays]
    slopes = [rng.standard_normal(array.shape) for array in (weights, means, covs)]
    slopes[0] -= slopes[0].mean(axis=1, keepdims=True)  # along weights that keep their sum
    slopes[2] = (slopes[2] + slopes[2].swapaxes(-1, -2)) / 2
    inside = form.inside(steps, form.atoms(arrays))
    outside = form.outside(slopes, arrays)
    assert [array.shape for array in outside] == [array.shape for array in arrays]
    one, other = (
        sum((x * y).sum() for x, y in zip(*pair, strict=True)) for pair in ((slopes, inside), (outside, steps))
    )
    assert one == pytest.approx(other, rel=1e-12)


def test_gradients_of_points_outside_are_adjoint_to_steps_inside(rng):
    weights, means, _ = parts(rng, 2)
    for argument in (means, (means, weights)):
        form, arrays = read(argument)
        steps = [rng.standard_normal(array.shape) for array in arrays]
        mass, place = form.inside(steps, form.atoms(arrays))
        np.testing.assert_array_equal(place, steps[0])
        expected = 0 * mass if len(arrays) == 1 else steps[1] - steps[1].mean(axis=1, keepdims=True)
        np.testing.assert_allclose(mass, expected, atol=1e-15)
        slopes = [rng.standard_normal(means.shape), rng.standard_normal(weights.shape)]
        for one, other in zip(form.outside(slopes, arrays), slopes, strict=False):
            np.testing.assert_array_equal(one, other)
    values = rng.uniform(1, 2, (4, 3))
    form, arrays = read(GridOf(values, Traced(np.eye(2))))
    slope, box = rng.standard_normal((4, 3)), rng.standard_normal((2, 2))
    outside = form.outside([slope, box], [values, np.eye(2)])
    np.testing.assert_allclose(outside[0], slope / values.sum(), rtol=1e-14)  # values are scaled to mass one
    np.testing.assert_array_equal(outside[1], box)


@pytest.mark.parametrize("size", [1, 3])
def test_what_is_wrong_in_a_batch_is_named_with_its_pair(size, rng):
    weights, means, covs = parts(rng, size)
    last = size - 1
    pair = f"pair {last} of the batch: " if size > 1 else "^"
    form, _ = read((weights, means, covs))
    points, _ = read((means, weights))
    for change, message in (
        ([-0.1, 0.6, 0.5], "weights must not be negative, got -0.1 at 0"),
        ([0.4, np.nan, 0.6], "weights must be finite"),
        ([0.4, 0.4, 0.4], "weights must sum to one"),
    ):
        bad = weights.copy()
        bad[last] = change
        with pytest.raises(InputError, match=f"{pair}{message}"):
            form.atoms([bad, means, covs])
        with pytest.raises(InputError, match=f"{pair}{message}"):
            points.atoms([means, bad])
    with pytest.raises(InputError, match="weights must have shape"):
        points.atoms([means, weights[:, :-1] / weights[:, :-1].sum(axis=1, keepdims=True)])
    zero = weights.copy()
    zero[last] = [0.0, 0.25, 0.75]
    np.testing.assert_allclose(form.atoms([zero, means, covs]).weights, zero, rtol=1e-14)
    lopsided = covs.copy()
    lopsided[last, 1, 0, 1] += 0.1 * np.abs(covs[last, 1]).max()
    with pytest.raises(InputError, match=f"{pair}covs must be symmetric"):
        form.atoms([weights, means, lopsided])


def test_the_rounding_of_covariances_and_weights_is_taken_off(rng):
    weights, means, covs = parts(rng)
    form, _ = read((weights, means, covs))
    slant = covs.copy()
    slant[:, 0, 1] += 1e-4 * np.abs(covs).max(axis=(1, 2))
    middle = (slant + slant.swapaxes(1, 2)) / 2
    np.testing.assert_allclose(form.measure([weights, means, slant]).components.covs, middle, rtol=1e-14)
    narrow = weights.astype(np.float32)
    narrow[0] += np.float32(1e-7)
    assert form.measure([narrow, means, covs]).weights.sum() == pytest.approx(1.0, abs=1e-15)
    flat = np.array([[[1.0, 1.0], [1.0, 1.0 - 2e-7]]] * K, np.float32)  # an eigenvalue below zero by rounding
    lam = np.linalg.eigvalsh(flat.astype(np.float64))
    assert (lam[:, 0] < 0).all()
    found = form.measure([weights, means, flat]).components.covs
    np.testing.assert_allclose(np.linalg.eigvalsh(found), np.maximum(lam, 0.0), atol=1e-15)
    for unit in (1e-4, 1.0, 1e4):
        form.measure([weights, means, np.float32(unit) * flat])
        with pytest.raises(InputError, match="positive semi-definite"):
            form.measure([weights, means, np.float32(unit) * np.array([[[1.0, 1.0], [1.0, 0.99]]] * K, np.float32)])


def test_arrays_of_other_ranks_are_refused_by_name(rng):
    weights, means, covs = parts(rng)
    for argument, message in (
        ((means,), "a tuple of 1"),
        ((means,) * 4, "a tuple of 4"),
        (np.zeros((2, 2, 2, 2)), r"points must have shape \(n, d\), or \(b, n, d\) for a batch, got \(2, 2, 2, 2\)"),
        ((means, np.float64(1.0)), r"weights must have 1 axes, got shape \(\)"),
        ((means, np.ones((2, 2))), r"weights must have 1 axes, got shape \(2, 2\); in a batch all arrays"),
        ((weights, means, np.float64(1.0)), r"covs must have 1 or 2 or 3 axes, got shape \(\)"),
        ((weights, means, covs[None]), r"\(k, d, d\) are full, \(k, d\) diagonal and \(k\) spherical covariances"),
        ((weights, means[None], np.float64(1.0)), r"covs must have 2 or 3 or 4 axes"),
        ((np.ones((2, 2, K)), means[None], covs[None]), "weights must have 1 or 2 axes"),
    ):
        with pytest.raises(InputError, match=message):
            read(argument)
    assert [shape_of(value, "x") for value in ([], 3.0, [[1, 2, 3]], means, [means, means])] == [
        (0,),
        (),
        (1, 3),
        (K, D),
        (2, K, D),
    ]


def test_a_fit_is_its_mixture(rng):
    found = fit(rng.standard_normal((20, 2)), k=1, rng=0)
    form, arrays = read(found)
    same(form.measure(arrays), found.mixture)
    student = Mixture([1.0], StudentT([[0.0, 0.0]], [np.eye(2)], [5.0]))
    with pytest.raises(UnsupportedError, match="mixtures of Gaussian laws, not of student laws"):
        read(student)
    with pytest.raises(UnsupportedError, match="no gradients of a distance to Moments"):
        read(Moments([1.0, 0.0], order=1))


def test_arrays_out_of_range_or_of_no_numbers_are_named(rng):
    weights, means, covs = parts(rng, 2)
    for argument, name in (((weights, means * 1e160, covs), "means"), (means * 1e160, "points")):
        form, arrays = read(argument)
        with pytest.raises(InputError, match=f"{name} .*1e"):
            form.atoms(arrays)
    for argument in (means[0] + 1j, (means[0] + 1j, weights[0])):
        form, arrays = read(argument)
        with pytest.raises(InputError, match=r"^points must"):
            form.measure(arrays)
    form, arrays = read((weights[0] + 1j, means[0], covs[0]))
    with pytest.raises(InputError, match=r"^weights must"):
        form.measure(arrays)


def test_good_arrays_are_looked_at_together(rng, monkeypatch):
    """What nothing is wrong with is not taken apart, which would cost a call for each pair of the batch."""

    def slow(*_, **__):
        raise AssertionError("looked at one by one")

    weights, means, covs = parts(rng, 4)
    weights[0] = [0.0, 0.25, 0.75]
    form, _ = read((weights, means, covs))
    points, _ = read((means, weights))
    monkeypatch.setattr(array_groups, "check_weights", slow)
    monkeypatch.setattr(array_groups.Form, "_laws", slow)
    np.testing.assert_array_equal(form.atoms([weights, means, covs]).laws, covs)
    np.testing.assert_array_equal(points.atoms([means, weights]).places, means)
    narrow = weights.astype(np.float32)
    assert form.atoms([narrow, means, covs]).weights.sum(axis=1) == pytest.approx(1.0, abs=1e-15)
    for bad in (np.nan, np.inf):
        far = means.copy()
        far[1, 1, 0] = bad
        with pytest.raises(AssertionError, match="one by one"):
            form.atoms([weights, far, covs])
    for at in range(2):  # not symmetric; not definite
        other = covs.copy()
        other[2, 1, 0, 1 - at] = 1e3 if at else other[2, 1, 0, 1] + 1e-9
        other[2, 1, 0, 0] = -1.0 if at else other[2, 1, 0, 0]
        with pytest.raises(AssertionError, match="one by one"):
            form.atoms([weights, means, other])


def test_entries_that_are_masked_are_not_read(rng):
    weights, means, covs = parts(rng, 2)
    masked = np.ma.array(means, mask=np.zeros(means.shape, bool))
    masked[1, 0, 0] = np.ma.masked
    for argument in (masked, (weights, masked, covs)):
        form, arrays = read(argument)
        with pytest.raises(InputError, match="must be finite, got NaN"):
            form.atoms(arrays)
