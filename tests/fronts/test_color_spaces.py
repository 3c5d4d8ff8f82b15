"""PNG without a profile: gamma, primaries and coded colors are believed, in the order of the specification."""

import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mixot import InputError, as_measure
from mixot.formulas import color_profiles, color_spaces
from mixot.io import Picture, read_picture, write_picture
from mixot.io.pictures import png16

P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
BT2020 = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
SWAPPED = (0.3127, 0.3290, 0.15, 0.06, 0.30, 0.60, 0.64, 0.33)  # sRGB with red and blue exchanged


def gamma_chunk(value):
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def primaries_chunk(values):
    return b"cHRM", struct.pack(">8I", *(round(v * 100_000) for v in values))


SRGB_CHUNK = (b"sRGB", b"\0")


def png(path, pixels, *chunks):
    """A PNG of these pixels, 8 or 16 bits, with these chunks before them."""
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        data = png16.encode(pixels)
        more = b"".join(png16._chunk(*chunk) for chunk in chunks)
        path.write_bytes(data[:33] + more + data[33:])
        return path
    info = PngImagePlugin.PngInfo()
    for kind, body in chunks:
        info.add(kind, body)
    Image.fromarray(pixels).save(path, pnginfo=info)
    return path


def encoded(light):
    """Linear light as sRGB (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_linear_light_becomes_srgb(dtype, channels, rng, tmp_path):
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top + 1, (5, 7) if channels == 1 else (5, 7, channels)).astype(dtype)
    found = read_picture(png(tmp_path / "linear.png", pixels, gamma_chunk(1.0)))
    expected = encoded(pixels / top) * top
    if channels == 4:
        expected[:, :, 3] = pixels[:, :, 3]
    assert abs(found.pixels - expected).max() <= (2 if dtype == np.uint8 else 6)
    assert found.icc == color_profiles.srgb_profile()
    write_picture(tmp_path / "out.png", found)
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").pixels, found.pixels)


def test_other_primaries_are_converted(rng, tmp_path):
    pixels = rng.integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    found = read_picture(png(tmp_path / "swapped.png", pixels, primaries_chunk(SWAPPED))).pixels
    assert abs(found.astype(int) - pixels[:, :, ::-1]).max() <= 80  # the dark end, where the curve is steep


def test_a_color_of_p3_goes_through_the_published_matrix(tmp_path):
    pixels = np.full((2, 2, 3), (0.5, 0.4, 0.3)) * 65535
    found = read_picture(png(tmp_path / "p3.png", pixels.astype(np.uint16), primaries_chunk(P3))).pixels / 65535
    # the matrix of CSS Color 4, section 10.8, from linear P3 to linear sRGB
    matrix = np.array([[1.2249402, -0.2249402, 0.0], [-0.0420569, 1.0420569, 0.0], [-0.0196376, -0.0786361, 1.0982736]])
    light = ((np.array([0.5, 0.4, 0.3]) + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(found[0, 0], encoded(matrix @ light), atol=2e-4)


@pytest.mark.parametrize(
    "chunks",
    [
        (SRGB_CHUNK, gamma_chunk(1.0)),  # sRGB wins over what contradicts it
        (SRGB_CHUNK, primaries_chunk(SWAPPED)),
        (gamma_chunk(0.45455), primaries_chunk(color_spaces.SRGB)),  # what writers of sRGB add for old readers
        (gamma_chunk(0.45455),),
        (gamma_chunk(0.0),),  # is to be ignored
        ((b"cICP", bytes([1, 13, 0, 1])), gamma_chunk(1.0)),
    ],
)
def test_srgb_stays_as_it_is(chunks, rng, tmp_path):
    pixels = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    found = read_picture(png(tmp_path / "srgb.png", pixels, *chunks))
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.icc is None


def test_a_profile_wins_over_gamma(rng, tmp_path):
    pixels = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add(*gamma_chunk(1.0))
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=info, icc_profile=color_profiles.srgb_profile())
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, pixels)


def test_coded_colors_are_converted_or_refused(rng, tmp_path):
    pixels = rng.integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    wide = read_picture(png(tmp_path / "wide.png", pixels, (b"cICP", bytes([9, 8, 0, 1])))).pixels
    told = read_picture(png(tmp_path / "told.png", pixels, gamma_chunk(1.0), primaries_chunk(BT2020))).pixels
    np.testing.assert_array_equal(wide, told)
    with pytest.raises(InputError, match=r"hdr\.png: its colors are coded as primaries 9 and transfer 16"):
        read_picture(png(tmp_path / "hdr.png", pixels, (b"cICP", bytes([9, 16, 0, 1]))))


def test_primaries_on_a_line_are_refused(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    line = (0.3127, 0.3290, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3)
    with pytest.raises(InputError, match="chromaticities lie on a line"):
        read_picture(png(tmp_path / "line.png", pixels, primaries_chunk(line)))


def test_the_matrix_of_srgb_is_that_of_its_profile():
    np.testing.assert_allclose(color_spaces.primaries_matrix(color_spaces.SRGB), color_spaces.SRGB_MATRIX, atol=2e-4)
    np.testing.assert_allclose(color_spaces.primaries_matrix(P3) @ np.ones(3), [0.9642, 1.0, 0.8249], atol=1e-9)


def test_palettes_and_pillow_pictures_are_converted_too(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([64, 128, 192] + [0] * 765)
    info = PngImagePlugin.PngInfo()
    info.add(*gamma_chunk(1.0))
    image.save(tmp_path / "palette.png", pnginfo=info)
    expected = encoded(np.array([64, 128, 192]) / 255)
    found = read_picture(tmp_path / "palette.png")
    np.testing.assert_allclose(found.pixels[0, 0] / 255, expected, atol=0.005)
    opened = as_measure(Image.open(tmp_path / "palette.png"))
    np.testing.assert_allclose(opened.points[0], expected, atol=0.005)


def test_what_is_written_says_nothing_of_gamma(tmp_path):
    found = read_picture(png(tmp_path / "a.png", np.full((2, 2, 3), 100, np.uint8), gamma_chunk(1.0)))
    write_picture(tmp_path / "b.png", Picture(found.pixels, found.icc))
    with Image.open(tmp_path / "b.png") as image:
        assert "gamma" not in image.info
        assert color_profiles.is_srgb(image.info["icc_profile"])
