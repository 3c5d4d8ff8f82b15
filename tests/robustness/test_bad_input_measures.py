"""Bad input at the constructors: each kind gives an error that says what was expected, what came, and where."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mixot import DiagonalGaussian, Gaussian, Grid, InputError, Measure, Mixture, Moments, Samples, as_measure

EYE = np.eye(2)
PAIR = Gaussian(np.zeros((2, 2)), np.stack([EYE, EYE]))
ONE = Mixture([1.0], Gaussian(np.zeros((1, 2)), EYE[None]))


def with_nan(shape, *rows):
    out = np.ones(shape)
    out[list(rows), -1] = np.nan
    return out


def frame(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def picture(dtype):
    return np.zeros((2, 2, 3), dtype=dtype)


BAD = {
    # points
    "NaN, rows named": (lambda: Samples(with_nan((9, 2), 3, 7)), r"NaN or infinity in 2 of 9 rows: 3, 7; drop or fill"),
    "many NaN": (lambda: Samples(with_nan((9, 2), *range(7))), r"in 7 of 9 rows: 0, 1, 2, 3, 4, \.\.\.; drop"),
    "infinity": (lambda: Samples([[1.0], [np.inf]]), "in 1 of 2 rows: 1"),
    "overflowing integer": (
        lambda: Samples([[1], [10**400]]),
        "points must be numbers that float64 holds, got a whole number of more than 40 digits",
    ),
    "masked": (lambda: Samples(np.ma.array([[1.0], [2.0]], mask=[[False], [True]])), "in 1 of 2 rows: 1"),
    "zero rows": (lambda: Samples(np.zeros((0, 3))), "points must not be empty: there are zero rows"),
    "empty list": (lambda: Samples([]), "zero rows"),
    "zero columns": (lambda: Samples(np.zeros((3, 0))), r"points must have shape \(n, d\), got \(3, 0\)"),
    "a number": (lambda: Samples(3.0), r"points must have shape \(n, d\), got \(\)"),
    "three axes": (lambda: Samples(np.zeros((2, 2, 2))), r"got \(2, 2, 2\)"),
    "ragged rows": (lambda: Samples([[1.0, 2.0], [3.0]]), "rows of equal length"),
    "text": (lambda: Samples([["1", "2"], ["3", "four"]]), r"points must be numbers, got 'four' at \[1, 1\]"),
    "mixed text": (lambda: Samples(np.array([[1, "a"]], dtype=object)), r"got 'a' at \[0, 1\]"),
    "bytes": (lambda: Samples(np.array([b"1", b"x"])), r"got 'x' at \[1\]"),
    "none": (lambda: Samples([[1.0], [None]]), "in 1 of 2 rows: 1"),
    "complex": (lambda: Samples([[1j]]), "points must be real numbers, got an array of complex128"),
    "complex among objects": (lambda: Samples(np.array([1.0, 1j], object)), r"must be numbers, got complex at \[1\]"),
    "dates in arrays": (
        lambda: as_measure((np.array(1.0), np.array("NaT", "datetime64[Y]"))),
        r"must be numbers, got ndarray at \[1\]",
    ),
    "dates": (lambda: Samples(np.array(["2020-01-01"], dtype="M8[D]")), r"real numbers, got an array of datetime64"),
    "a set": (lambda: as_measure({1.0, 2.0}), "points must be numbers, got set"),
    "nothing": (lambda: as_measure(None), r"points must have shape \(n, d\)"),
    "a path": (lambda: as_measure("photo.png"), r"got the path 'photo.png'; read it first: mixot.read"),
    "ragged pair": (lambda: as_measure(([[1.0], [2.0, 3.0]], [0.5, 0.5])), "rows of equal length"),
    # weights
    "negative weight": (lambda: Samples([[0.0], [1.0]], [-0.5, 1.5]), "weights must not be negative, got -0.5 at 0"),
    "weights of sum 2": (lambda: Samples([[0.0], [1.0]], [1.0, 1.0]), r"sum to one, got 2; pass weights / weights.sum"),
    "weights a little more than one": (lambda: Samples([[0.0], [1.0]], [0.5, 0.500002]), "sum to one, got 1.000002"),
    "weights a little less than one": (lambda: Mixture([0.5, 0.499998], PAIR), "sum to one, got 0.999998"),
    "mass a little more than one": (lambda: Moments([1.000002, 0.0], order=1), "must be 1, got 1"),
    "weights all zero": (lambda: Mixture([0.0, 0.0], PAIR), "weights must not be all zero"),
    "wrong number": (lambda: Mixture([1.0], PAIR), r"shape \(2,\), one for each of the components, got \(1,\)"),
    "too many": (lambda: Samples([[0.0]], [0.5, 0.5]), r"shape \(1,\), one for each of the points, got \(2,\)"),
    "NaN weight": (
        lambda: Mixture([np.nan, 1.0], PAIR),
        "weights must be finite, got NaN or infinity in 1 of 2 places: 0",
    ),
    "text weight": (lambda: Mixture(["half", "half"], PAIR), r"weights must be numbers, got 'half' at \[0\]"),
    "weights in a column": (lambda: Mixture([[0.5], [0.5]], PAIR), r"got \(2, 1\)"),
    # components
    "no component": (lambda: Gaussian(np.zeros((0, 2)), np.zeros((0, 2, 2))), r"k, d >= 1, got \(0, 2\)"),
    "NaN mean": (lambda: Gaussian(with_nan((3, 2), 1), np.stack([EYE] * 3)), "means .* in 1 of 3 components: 1"),
    "NaN covariance": (lambda: Gaussian([[0.0]], [[[np.nan]]]), "covs must be finite.* in 1 of 1 components: 0"),
    "one covariance for two": (
        lambda: Gaussian(np.zeros((2, 2)), EYE),
        r"covs must have shape \(2, 2, 2\).*got \(2, 2\)",
    ),
    "wrong size": (lambda: Gaussian(np.zeros((1, 3)), EYE[None]), r"covs must have shape \(1, 3, 3\).*got \(1, 2, 2\)"),
    "not symmetric": (
        lambda: Gaussian(np.zeros((2, 2)), [EYE, [[1.0, 0.5], [0.2, 1.0]]]),
        "covs must be symmetric: component 1 differs from its transpose by 0.3",
    ),
    "not PSD": (
        lambda: Gaussian(np.zeros((2, 2)), [EYE, [[1.0, 2.0], [2.0, 1.0]]]),
        r"positive semi-definite: component 1 has the eigenvalue -1 \(largest entry 2\)",
    ),
    "negative variance": (lambda: Gaussian([0.0, 1.0], [1.0, -2.0]), "component 1 has the eigenvalue -2"),
    "negative diagonal": (
        lambda: DiagonalGaussian(np.zeros((3, 2)), [[1, 1], [1, -0.5], [1, 1]]),
        "variances must not be negative: component 1 has -0.5",
    ),
    "diagonal of the wrong shape": (
        lambda: DiagonalGaussian(np.zeros((3, 2)), np.ones((2, 2))),
        r"variances must have shape \(3, 2\) like means, got \(2, 2\)",
    ),
    "NaN variance": (lambda: DiagonalGaussian([[0.0]], [[np.nan]]), "variances must be finite.* components: 0"),
    # grids
    "grid of a number": (lambda: Grid(3.0), "one axis per dimension"),
    "negative pixel": (lambda: Grid([[1.0, 1.0], [1.0, -1.0]]), r"first that is not stands at \[1, 1\]"),
    "NaN pixel": (lambda: Grid([1.0, np.nan]), r"first that is not stands at \[1\]"),
    "black picture": (lambda: Grid(np.zeros((2, 2))), "no mass to transport"),
    "bounds upside down": (
        lambda: Grid([1.0, 1.0], [[1, 0]]),
        r"1 increasing pairs, one per axis, got \[\[1.0, 0.0\]\]",
    ),
    "bounds of another space": (lambda: Grid([1.0, 1.0], [[0, 1], [0, 1]]), "1 increasing pairs"),
    "degree 2": (lambda: Grid([1.0], degree=2), "degree must be 0 .* or 1 .*, got 2"),
    # moments
    "no such number": (lambda: Moments([1.0, 0.0], order=2), r"got shape \(2,\) and order 2"),
    "no moments": (lambda: Moments([], order=2), r"got shape \(0,\)"),
    "mass 2": (lambda: Moments([2.0, 0.0], order=1), "must be 1, got 2"),
    "order 0": (lambda: Moments([1.0], order=0), "order must be a whole number of 1 or more, got 0"),
    "negative order": (lambda: Grid([1.0]).moments(-1), "order must be a whole number that is not negative, got -1"),
    "order too high": (lambda: ONE.moments(2).moments(3), "have the orders 1 to 2, order 3 was asked"),
    "covariance of order 1": (lambda: ONE.moments(1).cov(), "needs moments of order 2 or more, these end at 1"),
    "NaN moment": (lambda: Moments([1.0, np.nan], order=1), "moments must be finite"),
    # what a mixture is asked
    "points of another space": (lambda: ONE.density([[1.0, 2.0, 3.0]]), r"x must have shape \(n, 2\), got \(1, 3\)"),
    "NaN point": (lambda: ONE.density(with_nan((4, 2), 2)), "x must be finite.* in 1 of 4 rows: 2"),
    "text point": (lambda: ONE.responsibilities([["a", "b"]]), r"x must be numbers, got 'a' at \[0, 0\]"),
    "minus one draw": (lambda: ONE.sample(-1), "n must be a whole number that is not negative, got -1"),
    "axis out of reach": (lambda: ONE.marginal([0, 2]), r"some of the 2 coordinates, each once, got \[0, 2\]"),
    "one axis out of reach": (lambda: ONE.marginal([2]), r"some of the 2 coordinates, each once, got \[2\]"),
    "one axis below reach": (lambda: ONE.marginal([-3]), r"each once, got \[-3\]"),
    "axis twice": (lambda: ONE.marginal([1, -1]), r"each once, got \[1, -1\]"),
    "no axis": (lambda: ONE.marginal([]), r"each once, got \[\]"),
    "matrix of another space": (lambda: ONE.affine(np.eye(3)), r"shape \(e, 2\) or be a number, got \(3, 3\)"),
    "NaN matrix": (lambda: ONE.affine(np.nan), "matrix must be finite"),
    "shift of another space": (lambda: ONE.affine(1.0, [1.0, 2.0, 3.0]), r"shape \(2,\) or be a number, got \(3,\)"),
    # tables and pictures
    "text column": (lambda: as_measure(frame(a=[1.0], town=["Rome"])), "these are not: town; select the numeric ones"),
    "date column": (lambda: as_measure(frame(day=np.array(["2020"], dtype="M8[s]"))), "these are not: day"),
    "missing value": (lambda: as_measure(frame(a=[1.0, None, 3.0])), "in 1 of 3 rows: 1"),
    "empty table": (lambda: as_measure(frame(a=np.zeros(0))), "zero rows"),
    "picture of 64 bits": (lambda: as_measure(picture(np.int64)), r"8 or 16 unsigned bits.*got int64.*np.uint8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    call, message = BAD[case]
    with pytest.raises(InputError, match=message):
        call()


WRONG_KINDS = """
from mixot import Gaussian, InputError, Mixture
one = Gaussian([0.0], [1.0])
calls = {
    "a family such as Gaussian(means, covs), got list": lambda: Mixture([1.0], [[0.0]]),
    "order must be a whole number that is not negative, got 1.5": lambda: Mixture([1.0], one).moments(1.5),
    "n must be a whole number that is not negative, got 2.0": lambda: Mixture([1.0], one).sample(2.0),
}
for message, call in calls.items():
    try:
        call()
    except InputError as error:
        assert message in str(error), error
    else:
        raise AssertionError(message)
"""


def test_wrong_kinds_are_named_where_no_annotation_is_checked():
    subprocess.run([sys.executable, "-c", WRONG_KINDS], check=True)


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


def test_integers_that_pandas_lacks_are_missing_values():
    pd = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="in 1 of 2 rows: 1"):
        as_measure(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}))


def test_rounding_is_forgiven():
    close = Samples([[0.0], [1.0]], [0.5, 0.5000005])
    np.testing.assert_allclose(close.weights, [0.5 / 1.0000005, 0.5000005 / 1.0000005], rtol=1e-15)
    assert Moments([1.0000005, 0.0], order=1).dim == 1
    thirds = Mixture(np.full(3, 0.333333333), Gaussian(np.zeros(3), np.ones(3)))
    assert thirds.weights.sum() == pytest.approx(1, abs=1e-15)
    slightly = np.array([[1.0, 0.5], [0.5 + 1e-12, 1.0]])
    cov = Gaussian(np.zeros((1, 2)), slightly[None]).covs[0]
    assert cov[0, 1] == cov[1, 0]
    almost = np.array([[1.0, 1.0], [1.0, 1.0 - 1e-12]])  # an eigenvalue of -5e-13
    assert Gaussian(np.zeros((1, 2)), almost[None]).rank()[0] == 1


def test_constant_and_repeated_data_are_measures():
    p = Samples(np.ones((5, 2)))
    np.testing.assert_array_equal(p.mean(), [1, 1])
    np.testing.assert_array_equal(p.cov(), np.zeros((2, 2)))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)
ARRAYS = hnp.arrays(
    dtype=hnp.scalar_dtypes(),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@given(ANYTHING | ARRAYS | st.tuples(ARRAYS, ARRAYS))
def test_as_measure_gives_a_sound_measure_or_an_input_error(data):
    try:
        p = as_measure(data)
    except InputError:
        return
    assert isinstance(p, Measure)
    assert isinstance(p, Samples)
    assert np.isfinite(p.points).all()
    assert p.points.ndim == 2
    assert p.weights.shape == (len(p),)
    assert p.weights.min() >= 0
    assert p.weights.sum() == pytest.approx(1.0)


NUMBERS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    elements=st.floats(width=64) | st.sampled_from([0.0, 0.5, 1.0]),
)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_mixture_is_sound_or_an_input_error(weights, means, covs):
    try:
        with np.errstate(over="ignore"):  # means and covariances of 1e308
            p = Mixture(weights, Gaussian(means, covs))
    except InputError:
        return
    assert p.weights.sum() == pytest.approx(1.0)
    assert len(p) == len(p.components)
    assert p.components.covs.shape == (len(p), p.dim, p.dim)
    assert (p.components.rank() >= 0).all()


@given(st.integers(1, 3), st.integers(1, 3), st.data())
def test_draws_of_any_mixture_are_finite(k, d, data):
    reals = st.floats(-1e6, 1e6)
    root = data.draw(hnp.arrays(np.float64, (k, d, d), elements=reals))
    means = data.draw(hnp.arrays(np.float64, (k, d), elements=reals))
    p = Mixture(np.full(k, 1 / k), Gaussian(means, root @ root.swapaxes(1, 2)))
    x = p.sample(20, rng=0)
    assert np.isfinite(x).all()
    r = p.responsibilities(x)
    np.testing.assert_allclose(r.sum(axis=1), 1.0, rtol=1e-12)
    if (p.components.rank() == d).all():
        assert np.isfinite(p.log_density(x)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_counts_that_are_not_finite_are_located(bad):
    with pytest.raises(InputError, match=r"counts must be finite"):
        Samples([[0.0], [1.0]], counts=[1.0, bad])


def test_limits_of_what_is_forgiven():
    points = np.zeros((2, 1))
    for off, good in ((0.9e-6, True), (-0.9e-6, True), (1.1e-6, False), (-1.1e-6, False)):
        weights = [0.5, 0.5 + off]
        if good:
            assert Samples(points, weights).weights.sum() == pytest.approx(1.0, abs=1e-15)
            assert Moments([1.0 + off, 0.0], order=1).mean() == 0.0
            continue
        with pytest.raises(InputError, match="weights must sum to one"):
            Samples(points, weights)
        with pytest.raises(InputError, match="the moment of degree 0 is the mass and must be 1"):
            Moments([1.0 + off, 0.0], order=1)
    eps = np.finfo(float).eps
    near = np.array([0.5, 0.5 + 4 * eps])
    np.testing.assert_array_equal(Samples(points, near).weights, near)  # to the bit
    far = np.array([0.5, 0.5 + 12 * eps])
    assert Samples(points, far).weights.sum() != far.sum()
    with pytest.raises(InputError, match=r"weights must not be negative, got -0\.5 at 1"):
        Samples(points, [1.5, -0.5])
    assert Samples(points, [1.0, 0.0]).weights.tolist() == [1.0, 0.0]
    assert Samples(points, counts=[3, 0]).observations == 3.0
    for counts in ([1, 2, 3], [1], [[1, 2]]):
        with pytest.raises(InputError, match=r"counts must have shape \(2,\), one for each of the points"):
            Samples(points, counts=counts)
    with pytest.raises(InputError, match=r"^counts must be"):
        Samples(points, counts=["a", "b"])
    for counts, said in (([1.5, 1], r"got 1\.5 at 0"), ([2, -1], "got -1 at 1"), ([0, 0], "must not be all zero")):
        with pytest.raises(InputError, match=said):
            Samples(points, counts=counts)


def test_the_mass_of_a_grid_is_one_to_the_bit(rng):
    for shape in ((3,), (7, 5), (3, 4, 5), (11, 13)):
        for degree in (0, 1):
            assert Grid(rng.uniform(0.1, 1.0, shape), degree=degree).moments(2).values[0] == 1.0


def test_orders_and_degrees_have_ends():
    known = Moments([1.0, 0.0, 1.0, 0.0], order=3)
    assert [known.moments(order).order for order in (1, 2, 3)] == [1, 2, 3]
    for order in (0, 4):
        with pytest.raises(InputError, match=f"the orders 1 to 3, order {order} was asked for"):
            known.moments(order)
    with pytest.raises(InputError, match="a covariance needs moments of order 2 or more, these end at 1"):
        Moments([1.0, 0.0], order=1).cov()
    assert Moments([1.0, 0.0, 1.0], order=2).cov().tolist() == [[1.0]]
    for order in (0, -1):
        with pytest.raises(InputError, match="order must be a whole number of 1 or more"):
            Moments([1.0, 0.0], order=order)
    for length in (1, 4):
        with pytest.raises(InputError, match=r"C\(d \+ order, order\) moments"):
            Moments(np.eye(length)[0], order=2)
    for bounds in ([[0.0, 0.0]], [[1.0, 0.0]], [[0.0, np.inf]], [[0.0, 1.0], [0.0, 1.0]]):
        with pytest.raises(InputError, match="bounds must be 1 increasing pairs"):
            Grid([1.0, 2.0], bounds)


def test_coordinates_of_a_mixture_are_counted_from_both_ends(rng):
    p = Mixture([0.5, 0.5], Gaussian(rng.standard_normal((2, 3)), [np.eye(3)] * 2))
    for axes in ([2], [-3], [0, 1, 2], [-1, 0]):
        np.testing.assert_array_equal(p.marginal(axes).mean(), p.mean()[axes])
    for axes in ([3], [-4], [], [0, -3], [1, 1]):
        with pytest.raises(InputError, match="axes must name some of the 3 coordinates, each once"):
            p.marginal(axes)
