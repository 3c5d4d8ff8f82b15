"""Contact sheets: where each picture and the colors of its palette stand."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from mixot.imaging.sheets import contact_sheet, reduced
from mixot.imaging.swatches import Swatch

RED, BLUE = Swatch((200, 0, 0), 0.25), Swatch((0, 0, 90), 0.75)


def flat(value, channels=3, height=40, width=60):
    return np.full((height, width, channels), value, np.uint8)


def test_each_picture_stands_in_its_place():
    sheet = contact_sheet([[flat(10), flat(20)], [flat(30), flat(40)]])
    assert sheet.dtype == np.uint8
    found, counts = np.unique(sheet, return_counts=True)
    assert found.tolist() == [10, 20, 30, 40, 255]
    assert (counts[:4] == 40 * 60 * 3).all()
    half = sheet.shape[1] // 2
    assert (sheet[5, 5, 0], sheet[5, half + 5, 0], sheet[-5, 5, 0], sheet[-5, half + 5, 0]) == (10, 20, 30, 40)


def test_rows_of_a_triangle_are_centered():
    sheet = contact_sheet([[flat(10)], [flat(30), flat(40)]])[:, :, 0]
    left, right = np.flatnonzero((sheet == 10).any(axis=0))[[0, -1]]
    assert left == sheet.shape[1] - 1 - right


def test_colors_stand_below_from_dark_to_light():
    sheet = contact_sheet([[flat(10)]], [[[BLUE, RED]]])
    below = sheet[np.flatnonzero((sheet == 10).all(axis=2).any(axis=1))[-1] + 1 :]
    blue, red = (np.argwhere((below == each.rgb).all(axis=2)) for each in (BLUE, RED))
    assert blue[:, 1].max() < red[:, 1].min()
    assert len(blue) == 3 * len(red) > 0


@pytest.mark.parametrize(("channels", "seen"), [(1, 100), (2, 178), (3, 100), (4, 178)])
def test_grey_and_transparent_pictures(channels, seen):
    picture = flat(100, channels)
    if channels in (2, 4):
        picture[:, :, -1] = 127  # half of the white shows
    assert contact_sheet([[picture]])[20, 30].tolist() == [seen] * 3


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64])
def test_reduced_pictures_are_averages(kind):
    top = np.iinfo(kind).max if np.dtype(kind).kind == "u" else 1
    board = (np.indices((60, 80)).sum(axis=0) % 2 * np.array(top, dtype=kind)).astype(kind)
    small = reduced(board, 20)
    assert (small.shape, small.dtype) == ((15, 20, 1), np.uint8)
    np.testing.assert_allclose(small, 127.5, atol=1)
    assert reduced(board, 500).shape == (60, 80, 1)
    assert reduced(np.zeros((1, 5000, 3), np.uint8)).shape == (1, 512, 3)
