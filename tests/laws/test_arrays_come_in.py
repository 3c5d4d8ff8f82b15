"""Arrays from outside: what is missing stays missing, and what was handed over is not watched any more."""

import numpy as np
import pytest

from mixot import Gaussian, Grid, InputError, Mixture, Moments, Samples, as_measure
from mixot._checks import as_floats
from mixot.imaging.color import Palette, transfer
from mixot.imaging.stipple import density, stipple

MASKED = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, False], [False, True]])


def masked_picture(dtype=np.uint8):
    picture = np.ma.array(np.full((4, 4, 3), 100, dtype=dtype))
    picture[0, 0] = np.ma.masked
    return picture


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Samples(MASKED), "in 1 of 2 rows: 1"),
        (lambda: Samples([MASKED[0], MASKED[1]]), "in 1 of 2 rows: 1"),
        (lambda: Samples(([1.0, 2.0], MASKED[1])), "in 1 of 2 rows: 1"),
        (lambda: as_measure((MASKED, [0.5, 0.5])), "in 1 of 2 rows: 1"),
        (lambda: Samples([[1.0], [2.0]], np.ma.array([0.5, 0.5], mask=[0, 1])), "weights .* in 1 of 2 places: 1"),
        (lambda: Samples(np.ma.array([[1], [2]], mask=[[0], [1]])), "in 1 of 2 rows: 1"),
        (lambda: Grid(np.ma.array([[1.0, 2.0]], mask=[[0, 1]])), r"stands at \[0, 1\]"),
        (lambda: Gaussian(MASKED, np.ones((2, 2))), "means .* in 1 of 2 components: 1"),
        (lambda: as_measure(masked_picture()), "picture must be whole, got 3 masked values of 48"),
        (lambda: Palette.of(masked_picture()), "picture must be whole"),
        (lambda: transfer(np.zeros((4, 4, 3), np.uint8), masked_picture()), "picture must be whole"),
        (lambda: stipple(masked_picture(), 5), "picture must be whole"),
        (lambda: density(masked_picture(np.float64)[:, :, 0] / 255), "picture must be whole"),
    ],
)
def test_what_is_masked_is_missing(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_mask_of_nothing_is_no_mask():
    np.testing.assert_array_equal(Samples(np.ma.array([[1.0, 2.0]])).points, [[1.0, 2.0]])
    np.testing.assert_array_equal(as_measure(np.ma.array(np.full((1, 1, 3), 255, np.uint8))).points, [[1.0, 1.0, 1.0]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_points_are_copied(dtype, order):
    x = np.array([[0, 1], [2, 3]], dtype=dtype, order=order)
    cloud = Samples(x)
    x[0] = 5
    np.testing.assert_array_equal(cloud.points, [[0, 1], [2, 3]])


def test_what_measures_hold_is_their_own():
    weights, bounds, values, moments = np.array([0.5, 0.5]), np.array([[0.0, 1.0]]), np.ones(2), np.array([1.0, 0.0])
    cloud, grid, known = Samples([[0.0], [1.0]], weights), Grid(values, bounds), Moments(moments, order=1)
    mixture = Mixture(weights, Gaussian([0.0, 1.0], [1.0, 1.0]))
    weights[0] = bounds[0, 0] = values[0] = moments[1] = -7.0
    assert cloud.weights.tolist() == mixture.weights.tolist() == [0.5, 0.5]
    assert grid.bounds.tolist() == [[0.0, 1.0]]
    assert grid.values.tolist() == [0.5, 0.5]
    assert known.values.tolist() == [1.0, 0.0]


def test_parameters_of_every_family_are_its_own(family, rng):
    before = family.example(rng, 3)
    given = {name: np.array(value) for name, value in before.parameters().items()}
    made = family.from_parameters(given)
    kept = {name: np.array(value) for name, value in made.parameters().items()}
    for name, value in given.items():
        value[...] = 7.5
        np.testing.assert_array_equal(made.parameters()[name], kept[name], err_msg=name)


def test_floats_never_share_memory():
    x = np.eye(2)
    for given in (x, x[:1], x.T, x.astype(np.float32), memoryview(x)):
        assert not np.shares_memory(as_floats(given, "x"), np.asarray(given))


def arrow(**columns):
    return pytest.importorskip("pyarrow").table(columns)


def polars(**columns):
    return pytest.importorskip("polars").DataFrame(columns)


@pytest.mark.parametrize("frame", [arrow, polars])
def test_frames_of_other_libraries(frame):
    table = frame(a=[1, 2], b=[0.5, 0.25], c=[True, False])
    for read in (as_measure, Samples):
        np.testing.assert_array_equal(read(table).points, [[1, 0.5, 1], [2, 0.25, 0]])
    np.testing.assert_array_equal(as_measure((table, [0.25, 0.75])).weights, [0.25, 0.75])
    with pytest.raises(InputError, match="these are not: town; select the numeric ones"):
        as_measure(frame(a=[1, 2], town=["Rome", None]))
    with pytest.raises(InputError, match="in 1 of 2 rows: 1"):
        as_measure(frame(a=[1, None]))
    with pytest.raises(InputError, match="in 1 of 2 rows: 0"):
        as_measure(frame(a=[None, True]))


def test_decimals_of_frames_are_rounded_once():
    from decimal import Decimal

    assert as_measure(arrow(a=[Decimal("0.1"), Decimal("2.675")])).points.ravel().tolist() == [0.1, 2.675]


def test_a_lazy_frame_is_collected():
    lazy = pytest.importorskip("polars").LazyFrame({"a": [1.0, 3.0]})
    assert as_measure(lazy).points.tolist() == [[1.0], [3.0]]


def test_tensors_that_follow_gradients_or_are_short():
    torch = pytest.importorskip("torch")
    for tensor in (torch.ones(2, 1, requires_grad=True), torch.ones(2, 1, dtype=torch.bfloat16)):
        assert Samples(tensor).points.tolist() == [[1.0], [1.0]]
