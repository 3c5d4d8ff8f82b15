"""Tables of colors in .cube files and Hald pictures: they come back as they were, and mean what others read in them."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from mixot import AccuracyWarning, InputError
from mixot.imaging.lookup_tables import hald_level, read_color_table, write_color_table
from mixot.imaging.natural.table import ColorTable
from mixot.io import Picture, read_picture, write_picture


def random_table(rng, size):
    return ColorTable((rng.random((size, size, size, 3)) ** 2).astype(np.float32))


def negative_rows(size=2):
    """The rows of a table in a .cube file, red fastest, each color its negative."""
    steps = 1 - np.linspace(0, 1, size)
    return [f"{r} {g} {b}" for b in steps for g in steps for r in steps]


@pytest.mark.parametrize("size", [2, 17, 33])
def test_cube_files_come_back_to_the_last_bit(size, rng, tmp_path):
    table = random_table(rng, size)
    write_color_table(tmp_path / "t.cube", table)
    np.testing.assert_array_equal(read_color_table(tmp_path / "t.cube").values, table.values)


def test_small_numbers_come_back_and_are_written_without_exponents(tmp_path):
    small = np.float32([0.0, 1e-45, 3e-20, 3e-5, 9.9e-4, 0.1, 0.5, 1.0]).reshape(2, 2, 2, 1)
    table = ColorTable(np.repeat(small, 3, axis=3))
    write_color_table(tmp_path / "t.cube", table)
    np.testing.assert_array_equal(read_color_table(tmp_path / "t.cube").values, table.values)
    rows = (tmp_path / "t.cube").read_text().splitlines()[4:]
    assert not [row for row in rows if "e" in row]


def test_the_head_and_the_order_of_cube_files(tmp_path):
    warm = ColorTable.identity(3).values.copy()
    warm[1, 0, 0] = 0.75, 0.5, 0.25  # what half a red becomes
    write_color_table(tmp_path / "t.cube", ColorTable(warm), title="warm evening")
    lines = (tmp_path / "t.cube").read_text().splitlines()
    assert lines[0] == 'TITLE "warm evening"'
    assert lines[1] == "LUT_3D_SIZE 3"
    assert lines[2:4] == ["DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]
    assert len(lines) == 4 + 27
    assert lines[5] == "0.75 0.5 0.25"  # red changes fastest


def test_pillow_reads_the_same_map_in_it(rng, tmp_path):
    from PIL import Image, ImageFilter

    table = random_table(rng, 9)
    write_color_table(tmp_path / "t.cube", table)
    rows = [list(map(float, line.split())) for line in (tmp_path / "t.cube").read_text().splitlines()[4:]]
    pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    theirs = Image.fromarray(pixels).filter(ImageFilter.Color3DLUT(9, np.ravel(rows).tolist()))
    np.testing.assert_allclose(np.asarray(theirs).astype(int), table(pixels).astype(int), atol=1)


def test_a_cube_file_as_other_programs_write_it(tmp_path):
    head = '# made elsewhere\r\nTITLE "Negativ: grün"\r\n\r\nLUT_3D_SIZE 2\r\nLUT_3D_INPUT_RANGE 0.0 1.0\r\n'
    rows = negative_rows()
    text = head + "\r\n".join([*rows[:3], "# half of it", *rows[3:]])
    (tmp_path / "T.CUBE").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_color_table(tmp_path / "T.CUBE")(np.uint8([[255, 100, 0]])).tolist() == [[0, 155, 255]]


def test_colors_outside_are_cut_and_told(tmp_path):
    rows = ["1.5 0 -0.1", *negative_rows()[1:]]
    (tmp_path / "t.cube").write_text("LUT_3D_SIZE 2\n" + "\n".join(rows))
    with pytest.warns(AccuracyWarning, match=r"t\.cube: 1 of 8 colors lie outside"):
        assert read_color_table(tmp_path / "t.cube").values[0, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_unknown_keywords_are_told(tmp_path):
    (tmp_path / "t.cube").write_text("LUT_IN_VIDEO_RANGE\nLUT_3D_SIZE 2\n" + "\n".join(negative_rows()))
    with pytest.warns(AccuracyWarning, match="LUT_IN_VIDEO_RANGE is not known here"):
        read_color_table(tmp_path / "t.cube")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LUT_1D_SIZE 4\n0 0 0\n", "curves for each channel"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n", "curves for each channel"),
        ("", "no line says LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n" + "\n".join(negative_rows()[:-1]), "asks for 8 rows of three numbers, there are 7"),
        ("LUT_3D_SIZE 3\n" + "\n".join(negative_rows()), "asks for 27 rows"),
        ("LUT_3D_SIZE 1\n0 0 0", "a whole number from 2 to 256, got 1"),
        ("LUT_3D_SIZE 4096\n", "a whole number from 2 to 256"),
        ("LUT_3D_SIZE two\n", "a whole number from 2 to 256, got two"),
        ("LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n", "line 2: LUT_3D_SIZE is there twice"),
        ("LUT_3D_SIZE 2\nDOMAIN_MAX 255 255 255\n" + "\n".join(negative_rows()), "DOMAIN_MAX must be 1.0 1.0 1.0"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 0 0 -0.1\n" + "\n".join(negative_rows()), "DOMAIN_MIN must be 0.0 0.0 0.0"),
        ("LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 2\n" + "\n".join(negative_rows()), "LUT_3D_INPUT_RANGE must be 0.0 1.0"),
        ("LUT_3D_SIZE 2\n" + "\n".join(["nan 0 0", *negative_rows()[1:]]), "line 2: expected three finite numbers"),
        ("LUT_3D_SIZE 2\n" + "\n".join(["inf 0 0", *negative_rows()[1:]]), "line 2: expected three finite numbers"),
        ("LUT_3D_SIZE 2\n" + "\n".join([*negative_rows()[:-1], "0 0"]), "line 9: expected three finite numbers"),
        ("LUT_3D_SIZE 2\n" + "\n".join([*negative_rows()[:-1], "0,5 0 0"]), "got '0,5 0 0'"),
    ],
)
def test_cube_files_of_other_kinds_are_refused(text, said, tmp_path):
    (tmp_path / "t.cube").write_text(text)
    with pytest.raises(InputError, match=rf"t\.cube.*{said}"):
        read_color_table(tmp_path / "t.cube")


def test_bytes_are_no_cube_file(tmp_path):
    (tmp_path / "t.cube").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(InputError, match="not a text file"):
        read_color_table(tmp_path / "t.cube")
    with pytest.raises(InputError, match="no such file"):
        read_color_table(tmp_path / "nowhere.cube")


@pytest.mark.parametrize("size", [4, 16, 25])
def test_hald_pictures_come_back_to_sixteen_bits(size, rng, tmp_path):
    steps = rng.integers(0, 65536, (size, size, size, 3))
    table = ColorTable((steps / 65535).astype(np.float32))
    write_color_table(tmp_path / "t.png", table)
    np.testing.assert_array_equal(read_color_table(tmp_path / "t.png").values, table.values)


def test_the_hald_picture_of_no_change_is_the_published_one(tmp_path):
    """Pixel x + 64 y of level 4 holds the color with red x mod 16, then green, then blue (ImageMagick, hald:4)."""
    write_color_table(tmp_path / "t.png", ColorTable.identity(16))
    pixels = read_picture(tmp_path / "t.png").pixels
    assert pixels.shape == (64, 64, 3)
    number = np.arange(64 * 64)
    digits = np.stack([number % 16, number // 16 % 16, number // 256], axis=1)
    np.testing.assert_array_equal(pixels.reshape(-1, 3), np.rint(digits / 15 * 65535))


def test_a_hald_picture_that_an_editor_changed_is_its_map(rng, tmp_path):
    write_color_table(tmp_path / "same.png", ColorTable.identity(16))
    shallow = (read_picture(tmp_path / "same.png").pixels // 257).astype(np.uint8)
    write_picture(tmp_path / "edited.png", Picture(255 - shallow))  # the editor made a negative, with 8 bits
    pixels = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    np.testing.assert_allclose(read_color_table(tmp_path / "edited.png")(pixels), 255 - pixels.astype(int), atol=1)


def test_other_sizes_are_interpolated_to_a_level(tmp_path):
    assert [hald_level(size) for size in (2, 17, 36, 37, 65)] == [2, 5, 6, 7, 9]
    write_color_table(tmp_path / "t.png", ColorTable.identity(17), level=3)
    np.testing.assert_allclose(read_color_table(tmp_path / "t.png").values, ColorTable.identity(9).values, atol=1e-5)


def test_pictures_of_other_shapes_are_no_hald(rng, tmp_path):
    write_picture(tmp_path / "photo.png", Picture(rng.integers(0, 256, (64, 60, 3), dtype=np.uint8)))
    with pytest.raises(InputError, match=r"a square picture in color of side 8, 27, 64.*60 x 64"):
        read_color_table(tmp_path / "photo.png")
    write_picture(tmp_path / "grey.png", Picture(rng.integers(0, 256, (64, 64), dtype=np.uint8)))
    with pytest.raises(InputError, match="64 x 64 and grey"):
        read_color_table(tmp_path / "grey.png")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("t.jpg", {}, "use one of .cube .png .tif .tiff"),
        ("nowhere/t.cube", {}, "does not exist"),
        ("t.cube", {"title": 'a "b"'}, "one short line without quotation marks"),
        ("t.cube", {"title": "a\nb"}, "one short line"),
        ("t.cube", {"title": "a" * 300}, "one short line"),
        ("t.cube", {"level": 4}, "a level is of a Hald CLUT"),
        ("t.png", {"level": 1}, "must be 2 to 16, got 1"),
    ],
)
def test_what_cannot_be_written_is_refused(name, options, said, tmp_path):
    with pytest.raises(InputError, match=said):
        write_color_table(tmp_path / name, ColorTable.identity(4), **options)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"tables of colors are \.cube files"):
        read_color_table(tmp_path / "t.jpg")
