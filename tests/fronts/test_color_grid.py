"""Grids between palettes: each place is what recoloring makes there, though nearly all of the work is shared."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from mixot import InputError
from mixot.imaging.color import Palette, RecolorOptions, apply_table, recoloring, transfer
from mixot.imaging.color_grid import color_grid
from mixot.imaging.lookup_tables import faded, read_color_table, write_color_table
from mixot.imaging.natural import ColorTable, count_colors, natural_map
from mixot.imaging.palettes import as_palettes, average_palettes


def scene(rng, center, spread=0.12, size=(30, 36)):
    """A picture with a gradient, an object and noise."""
    height, width = size
    down = np.linspace(-1, 1, height)[:, None, None] * [0.15, 0.1, -0.1]
    picture = center + down + rng.normal(0, spread / 3, (height, width, 3))
    picture[8:20, 10:24] += [spread, -spread, 0]
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


@pytest.fixture
def photo(rng):
    return scene(rng, [0.5, 0.5, 0.5])


@pytest.fixture
def corners(rng):
    return [scene(rng, center) for center in ([0.8, 0.4, 0.2], [0.2, 0.3, 0.7], [0.3, 0.6, 0.3], [0.7, 0.7, 0.8])]


def test_corners_are_what_each_palette_alone_makes(photo, corners):
    grid = color_grid(photo, corners, 3, rng=0)
    for place, palette in zip([(0, 0), (0, 2), (2, 0), (2, 2)], corners, strict=True):
        np.testing.assert_array_equal(grid.pictures[place[0]][place[1]], transfer(photo, palette))


@pytest.mark.parametrize("options", [RecolorOptions(), RecolorOptions(strength=0.6, keep="lightness", grain=False)])
def test_other_places_are_what_the_averages_make(options, photo, corners):
    grid = color_grid(photo, corners, 3, options, rng=0)
    palettes = as_palettes(corners, rng=0)
    for i, j in ((0, 1), (1, 1), (2, 1)):
        mean = average_palettes(palettes, grid.weights[i][j])
        np.testing.assert_allclose(
            grid.pictures[i][j].astype(int), recoloring(photo, mean, options).pixels.astype(int), atol=1
        )


def test_equal_palettes_make_equal_pictures(photo, corners):
    palette = Palette.of(corners[0], k=3, rng=0)
    (row,) = color_grid(photo, [palette, palette], 3).pictures
    assert np.abs(row[1].astype(int) - row[0]).max() <= 1
    np.testing.assert_array_equal(row[0], row[2])


def test_palettes_that_change_places_turn_the_row_round(photo, corners):
    palettes = as_palettes(corners[:2], rng=0)
    (row,), (turned,) = (color_grid(photo, given, 3).pictures for given in (palettes, palettes[::-1]))
    for one, other in zip(row, turned[::-1], strict=True):
        np.testing.assert_allclose(one.astype(int), other.astype(int), atol=1)


def test_pictures_on_sheets_are_small_and_their_maps_those_of_the_whole(photo, corners):
    grid = color_grid(photo, corners[:3], 2, largest=18, rng=0)
    assert [len(row) for row in grid.pictures] == [1, 2]
    assert {image.shape for row in grid.pictures for image in row} == {(15, 18, 3)}
    whole = transfer(photo, corners[0]).mean(axis=(0, 1))
    np.testing.assert_allclose(grid.pictures[0][0].mean(axis=(0, 1)), whole, atol=2)
    assert grid.sheet().dtype == np.uint8


def test_transparency_stays(photo, corners):
    alpha = np.full((*photo.shape[:2], 1), 200, np.uint8)
    (row,) = color_grid(np.concatenate([photo, alpha], axis=2), corners[:2], 2, rng=0).pictures
    assert {image.shape for image in row} == {(30, 36, 4)}
    assert (row[0][:, :, 3] == 200).all()


def test_maps_that_begin_beside_another_are_the_same(photo, corners):
    source, target = (count_colors(image.reshape(-1, 3)) for image in (photo, corners[1]))
    afresh = natural_map(source, target)
    for near in (1, afresh.ridge, 20, 31):
        beside = natural_map(source, target, near=near)
        assert beside.ridge == afresh.ridge
        np.testing.assert_array_equal(beside.smooth.heights, afresh.smooth.heights)


def test_options_of_the_other_map_are_refused(photo, corners):
    with pytest.raises(InputError, match="made by the natural map"):
        color_grid(photo, corners, 3, RecolorOptions(faithful=True))
    with pytest.raises(InputError, match="two, three or four palettes, got 1"):
        color_grid(photo, corners[:1], 3)


def test_a_table_from_a_file_makes_the_same_picture(photo, corners, tmp_path):
    for size in (17, 33):
        done = recoloring(photo, corners[0], RecolorOptions(table_size=size))
        assert done.table.size == size
        write_color_table(tmp_path / "look.cube", done.table)
        np.testing.assert_array_equal(apply_table(photo, read_color_table(tmp_path / "look.cube")), done.pixels)
    write_color_table(tmp_path / "look.png", done.table)
    from_hald = apply_table(photo, read_color_table(tmp_path / "look.png"))
    assert np.abs(from_hald.astype(int) - done.pixels).max() <= 1  # 33 entries are interpolated to 36


def test_part_of_a_table_is_what_part_of_the_map_is(photo, corners):
    done, half = (recoloring(photo, corners[0], RecolorOptions(strength=share)) for share in (1.0, 0.5))
    np.testing.assert_allclose(faded(done.table, 0.5).values, half.table.values, atol=2e-3)
    assert faded(done.table, 1) is done.table
    np.testing.assert_allclose(faded(done.table, 0).values, ColorTable.identity(33).values, atol=1e-5)
    with pytest.raises(InputError, match="strength must lie in"):
        faded(done.table, 1.5)


def test_grey_pictures_through_tables(photo):
    grey = photo[:, :, 0]
    assert apply_table(grey, ColorTable(1 - ColorTable.identity(5).values)).shape == grey.shape
    warm = ColorTable.identity(5).values * np.float32([1.0, 0.8, 0.5])
    assert apply_table(grey, ColorTable(warm)).shape == (*grey.shape, 3)
