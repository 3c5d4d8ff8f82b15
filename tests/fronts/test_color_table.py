"""Tables of colors: what they must do to pixels, against SciPy's interpolation."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mixot import InputError
from mixot.imaging.natural.table import ColorTable


def bent(size):
    """A smooth map that mixes the channels."""
    grid = ColorTable.identity(size).values.astype(float)
    return ColorTable(np.clip(grid @ np.array([[0.8, 0.1, 0.0], [0.1, 0.7, 0.2], [0.05, 0.1, 0.75]]), 0, 1) ** 1.3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("size", [2, 17, 49])
def test_a_table_is_interpolated_linearly(dtype, size, rng):
    table, colors = bent(size), rng.random((7, 11, 3))
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    pixels = np.rint(colors * top).astype(dtype) if top > 1 else colors.astype(dtype)
    pixels[0, :2] = [[0, 0, 0], [top, top, top]]
    at = (pixels.reshape(-1, 3) / top * (size - 1)).T
    expected = np.stack([map_coordinates(table.values[..., j].astype(float), at, order=1) for j in range(3)], axis=1)
    moved = table(pixels)
    assert moved.dtype == dtype
    assert moved.shape == pixels.shape
    slack = 2e-6 + (0.5 / top if top > 1 else 0)  # float32, and half a step of rounding
    np.testing.assert_allclose(moved.reshape(-1, 3) / top, expected, atol=slack)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_identity_moves_nothing(dtype, rng):
    pixels = rng.integers(0, 256, (500, 3)).astype(dtype) if dtype != np.float32 else rng.random((500, 3), np.float32)
    moved = ColorTable.identity(33)(pixels)
    np.testing.assert_allclose(moved, pixels, atol=0 if dtype != np.float32 else 2e-7)


def test_large_pictures_and_views(rng):
    pixels, table = rng.integers(0, 256, (300, 400, 4)).astype(np.uint8), bent(9)
    view = pixels[::-1, ::2, 2::-1]  # strides in no order
    np.testing.assert_array_equal(table(view), table(np.ascontiguousarray(view)))
    np.testing.assert_array_equal(table(view)[5, 7], table(view[5, 7]))
    assert table(np.empty((0, 3), np.uint8)).shape == (0, 3)


def test_what_lies_outside_is_cut():
    table = bent(5)
    wild = np.array([[-1.0, 2.0, np.nan], [np.inf, -np.inf, 0.5]])
    np.testing.assert_array_equal(table(wild), table(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.5]])))


def test_bad_tables_and_pixels():
    with pytest.raises(InputError, match=r"\(n, n, n, 3\)"):
        ColorTable(np.zeros((4, 4, 5, 3)))
    with pytest.raises(InputError, match=r"\(n, n, n, 3\)"):
        ColorTable(np.zeros((1, 1, 1, 3)))
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        ColorTable(np.full((2, 2, 2, 3), np.nan))
    with pytest.raises(InputError, match="at least 2"):
        ColorTable.identity(1)
    with pytest.raises(InputError, match="uint8, uint16 or floats"):
        bent(3)(np.zeros((4, 4, 4), np.uint8))
