"""Swatches: what a palette looks like, in pictures and in the files of other programs."""

import struct
from xml.etree import ElementTree

import numpy as np
import pytest

from mixot import Gaussian, InputError, Mixture
from mixot.imaging.swatches import Swatch, swatches_of, write_swatches

COLORS = (Swatch((255, 128, 0), 0.6), Swatch((0, 10, 250), 0.397), Swatch((9, 9, 9), 0.003))


def test_colors_are_the_means_by_their_weights():
    means = [[0.0, 0.5, 1.0], [1.2, -0.1, 0.0], [0.3, 0.3, 0.3]]
    mixture = Mixture([0.3, 0.7, 0.0], Gaussian(means, np.tile(1e-3 * np.eye(3), (3, 1, 1))))
    assert swatches_of(mixture, "rgb") == (Swatch((255, 0, 0), 0.7), Swatch((0, 128, 255), 0.3))


def test_colors_of_the_perceptual_space():
    pytest.importorskip("skimage")
    mixture = Mixture([1.0], Gaussian([[0.53241, 0.80092, 0.67203]], [1e-3 * np.eye(3)]))  # red in L*a*b* / 100
    assert swatches_of(mixture, "lab")[0].hex == "#ff0000"


def test_shares_are_short_and_never_zero():
    assert [each.percent for each in COLORS] == ["60 %", "40 %", "0.3 %"]


def test_gimp_palettes(tmp_path):
    write_swatches(tmp_path / "p.gpl", COLORS, title="dusk")
    lines = (tmp_path / "p.gpl").read_text().splitlines()
    assert lines[:4] == ["GIMP Palette", "Name: dusk", "Columns: 3", "#"]
    assert [tuple(map(int, line.split("\t")[0].split())) for line in lines[4:]] == [each.rgb for each in COLORS]


def read_ase(data):
    """Names and colors of a swatch exchange file, read by its description."""
    signature, major, minor, count = struct.unpack_from(">4sHHI", data)
    assert (signature, major, minor) == (b"ASEF", 1, 0)
    at, found, kinds = 12, [], []
    for _ in range(count):
        kind, length = struct.unpack_from(">HI", data, at)
        block = data[at + 6 : at + 6 + length]
        at += 6 + length
        kinds.append(kind)
        if kind == 1:
            (units,) = struct.unpack_from(">H", block)
            name = block[2 : 2 + 2 * units].decode("utf-16-be")
            model, *values = struct.unpack_from(">4s3fH", block, 2 + 2 * units)
            assert (name[-1], model, values.pop()) == ("\0", b"RGB ", 2)
            assert len(block) == 2 + 2 * units + 18
            found.append((name[:-1], tuple(round(255 * value) for value in values)))
    assert at == len(data)
    assert (kinds[0], kinds[-1]) == (0xC001, 0xC002)  # a group around the colors
    return found


def test_adobe_swatches(tmp_path):
    write_swatches(tmp_path / "p.ase", COLORS, title="dusk")
    found = read_ase((tmp_path / "p.ase").read_bytes())
    assert [rgb for _, rgb in found] == [each.rgb for each in COLORS]
    assert found[0][0] == "#ff8000 60 %"


def test_drawings_show_each_color_twice(tmp_path):
    write_swatches(tmp_path / "p.svg", COLORS, title="<dusk> & 'dawn'")
    root = ElementTree.parse(tmp_path / "p.svg").getroot()
    fills = [each.get("fill") for each in root if each.tag.endswith("rect")]
    assert fills[1:] == [each.hex for each in COLORS] * 2  # the bar, and a chip for each
    widths = [int(each.get("width")) for each in root if each.tag.endswith("rect")][1:4]
    np.testing.assert_allclose(np.array(widths) / sum(widths), [each.share for each in COLORS], atol=2e-3)
    assert root[0].text == "<dusk> & 'dawn'"


def test_pictures_show_the_colors_with_their_shares(tmp_path):
    pytest.importorskip("PIL")
    from mixot.io import read_picture

    write_swatches(tmp_path / "p.png", COLORS)
    pixels = read_picture(tmp_path / "p.png").pixels
    bar = pixels[60]
    assert (bar == COLORS[0].rgb).all(axis=1).mean() == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("name", "colors", "title", "said"),
    [
        ("p.csv", COLORS, "a", "use one of .png .svg .gpl .ase"),
        ("nowhere/p.gpl", COLORS, "a", "does not exist"),
        ("p.gpl", (), "a", "the palette is empty"),
        ("p.gpl", COLORS, "a\nb", "must be one line"),
    ],
)
def test_what_cannot_be_written_is_refused(name, colors, title, said, tmp_path):
    with pytest.raises(InputError, match=said):
        write_swatches(tmp_path / name, colors, title=title)
    assert list(tmp_path.iterdir()) == []
