"""Color profiles: what is read is sRGB, whatever it was stored in, and what is written says what it is."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from mixot import InputError, as_measure, read
from mixot.formulas import color_profiles
from mixot.imaging.color import Palette
from mixot.io import Picture, read_picture, write_picture

# Colorants under D50 of sRGB (its own profile), and of it with red and blue exchanged.
RED, GREEN, BLUE = (0.436066, 0.222488, 0.013916), (0.385147, 0.716873, 0.097076), (0.143066, 0.060608, 0.714096)
WHITE = (0.9642, 1.0, 0.8249)


def profile(space, pcs, tags, kind=b"mntr"):
    """An ICC profile, version 2, of these tags."""
    tags = {b"wtpt": xyz(WHITE), b"desc": text("made here"), b"cprt": b"text\0\0\0\0none\0", **tags}
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def text(words):
    data = words.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(data)) + data + bytes(78)


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def sampled(function, count=1024):
    values = np.rint(65535 * function(np.linspace(0, 1, count))).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", count) + values.tobytes()


def parametric(kind, *values):
    return (
        b"para\0\0\0\0"
        + struct.pack(">HH", kind, 0)
        + struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    )


def srgb_curve(x):
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def rgb_profile(red=RED, green=GREEN, blue=BLUE, curve=None):
    curve = curve or sampled(srgb_curve)
    colorants = {b"rXYZ": xyz(red), b"gXYZ": xyz(green), b"bXYZ": xyz(blue)}
    return profile(b"RGB ", b"XYZ ", colorants | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def grey_profile(curve):
    return profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def table_profile(space, channels, lab):
    """A profile whose colors are a table of two entries an axis: ``lab`` of each corner, in 8 bits."""
    corners = np.stack(np.meshgrid(*[[0, 1]] * channels, indexing="ij"), axis=-1).reshape(-1, channels)
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 if j % 4 == 0 else 0 for j in range(9)))
    table = b"mft1\0\0\0\0" + bytes([channels, 3, 2, 0]) + identity + ramp * channels
    table += np.array([lab(corner) for corner in corners], np.uint8).tobytes() + ramp * 3
    return profile(space, b"Lab ", {b"A2B0": table}, b"prtr")


SWAPPED = rgb_profile(BLUE, GREEN, RED)  # its red is our blue
LINEAR_GREY = grey_profile(gamma(1.0))
INK = table_profile(b"CMYK", 4, lambda c: (0, 128, 128) if c.any() else (255, 128, 128))  # any ink is black


def saved(path, image, icc, **options):
    image.save(path, icc_profile=icc, **options)
    return path


def test_the_profiles_made_here_are_what_they_say():
    image = Image.new("RGB", (1, 1), (255, 0, 0))
    swapped = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(SWAPPED)), ImageCms.createProfile("sRGB")
    )
    assert swapped.getpixel((0, 0)) == (0, 0, 255)
    assert color_profiles.is_srgb(rgb_profile())
    assert not color_profiles.is_srgb(SWAPPED)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_swapped_primaries_are_swapped_back(suffix, dtype, rng, tmp_path):
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top, (6, 5, 3), dtype=dtype)
    write_picture(tmp_path / f"p{suffix}", Picture(pixels, SWAPPED))
    found = read_picture(tmp_path / f"p{suffix}")
    assert found.pixels.dtype == dtype
    assert np.abs(found.pixels.astype(float) - pixels[:, :, ::-1]).max() <= (1 if dtype == np.uint8 else 16)
    assert color_profiles.is_srgb(found.icc)
    np.testing.assert_array_equal(read(tmp_path / f"p{suffix}").points, found.samples().points)


def test_alpha_stays_under_a_profile(tmp_path):
    pixels = np.array([[[200, 0, 10, 7], [0, 90, 200, 255]]], np.uint8)
    saved(tmp_path / "p.png", Image.fromarray(pixels), SWAPPED)
    np.testing.assert_allclose(read_picture(tmp_path / "p.png").pixels, pixels[:, :, [2, 1, 0, 3]], atol=1)
    colors = Image.new("P", (1, 1))
    colors.putpalette([255, 0, 0])
    assert read_picture(saved(tmp_path / "q.png", colors, SWAPPED)).pixels.tolist() == [[[0, 0, 255]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_linear_grey_becomes_grey_of_srgb(dtype, suffix, tmp_path):
    top = np.iinfo(dtype).max
    linear = np.linspace(0, top, 40).astype(dtype)[None]
    write_picture(tmp_path / f"p{suffix}", Picture(linear, LINEAR_GREY))
    found = read_picture(tmp_path / f"p{suffix}")
    assert found.is_grey
    x = linear / top
    expected = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * top
    assert np.abs(found.pixels - expected).max() <= 1


@pytest.mark.parametrize(
    ("curve", "function"),
    [
        (gamma(2.0), lambda x: x**2),
        (b"curv\0\0\0\0\0\0\0\0", lambda x: x),
        (sampled(lambda x: x**3, 4096), lambda x: x**3),
        (parametric(0, 2.5), lambda x: x**2.5),
        (parametric(1, 2.0, 1.25, -0.25), lambda x: np.maximum(1.25 * x - 0.25, 0) ** 2),
        (parametric(2, 2.0, 1.0, -0.2, 0.1), lambda x: np.maximum(x - 0.2, 0) ** 2 + 0.1),
        (parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045), srgb_curve),
        (
            parametric(4, 2.0, 0.9, 0.0, 0.2, 0.25, 0.05, 0.01),
            lambda x: np.where(x >= 0.25, (0.9 * x) ** 2 + 0.05, 0.2 * x + 0.01),
        ),
    ],
    ids=["gamma", "identity", "sampled", "power", "type 1", "type 2", "type 3", "type 4"],
)
def test_curves_of_more_than_eight_bits(curve, function):
    levels = np.linspace(0, 1, 101)
    stored = np.stack([levels] * 3, axis=-1)[None].astype(np.float32)
    linear = np.clip(function(levels), 0, 1)
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    found = color_profiles.to_srgb(stored, rgb_profile(curve=curve))
    np.testing.assert_allclose(found[0], np.stack([expected] * 3, axis=-1), atol=2e-3)  # s15.16 near a root of zero
    sixteen = np.rint(stored * 65535).astype(np.uint16)
    exact = color_profiles.to_srgb(sixteen / 65535, rgb_profile(curve=curve)) * 65535
    np.testing.assert_array_equal(color_profiles.to_srgb(sixteen, rgb_profile(curve=curve)), np.rint(exact))
    if function(0.0) > 0:
        return  # littleCMS would take the darkest color for black
    eight = color_profiles.to_srgb(np.rint(stored * 255).astype(np.uint8), rgb_profile(curve=curve))
    deep = color_profiles.to_srgb(np.rint(stored * 255).astype(np.uint16) * 257, rgb_profile(curve=curve))
    assert np.abs(deep / 257 - eight).max() < 2.5  # littleCMS, of 255: its own rounding in the steep darks


def test_inks_go_through_their_profile(tmp_path):
    paper = Image.new("CMYK", (2, 1))
    paper.putpixel((1, 0), (255, 0, 0, 0))  # cyan by Pillow's rule, black by the profile
    for suffix in (".jpg", ".tif"):
        found = read_picture(saved(tmp_path / f"p{suffix}", paper, INK))
        assert found.pixels.shape == (1, 2, 3)
        assert found.pixels[0, 0].min() > 200
        assert color_profiles.is_srgb(found.icc)
    np.testing.assert_allclose(found.pixels[0], [[255] * 3, [0] * 3], atol=2)
    plain = read_picture(saved(tmp_path / "q.tif", paper, None))
    assert plain.icc is None  # by Pillow's rule, which promises nothing
    np.testing.assert_allclose(plain.pixels[0, 1], [0, 255, 255])


def test_lab_becomes_srgb(tmp_path):
    image = Image.new("LAB", (1, 1), (138, 81 + 128, 70 + 128))  # the red of sRGB: L* 54.3, a* 80.8, b* 69.9 under D50
    found = read_picture(saved(tmp_path / "p.tif", image, None))
    np.testing.assert_allclose(found.pixels[0, 0], [255, 0, 0], atol=6)
    assert color_profiles.is_srgb(found.icc)


@pytest.mark.parametrize(("image", "icc"), [("RGB", LINEAR_GREY), ("RGB", INK), ("L", INK)])
def test_a_profile_of_another_kind_says_nothing(image, icc, tmp_path):
    found = read_picture(saved(tmp_path / "p.tif", Image.new(image, (2, 2), 9), icc))
    assert found.icc is None
    np.testing.assert_array_equal(found.pixels, np.asarray(Image.new(image, (2, 2), 9)))


def test_grey_under_a_profile_of_rgb(tmp_path):
    icc = rgb_profile(curve=gamma(1.0))
    for pixels in (np.array([[0, 55, 255]], np.uint8), np.array([[0, 55 * 257, 65535]], np.uint16)):
        write_picture(tmp_path / "p.tif", Picture(pixels, LINEAR_GREY))
        expected = read_picture(tmp_path / "p.tif").pixels
        found, _ = color_profiles.in_srgb(pixels, icc)
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_what_cannot_be_converted_is_refused_by_name(tmp_path, rng):
    table = table_profile(b"RGB ", 3, lambda c: (255 * c.mean(), 128, 128))
    deep = rng.integers(0, 65535, (3, 3, 3)).astype(np.uint16)
    write_picture(tmp_path / "p.png", Picture(deep, table))
    with pytest.raises(InputError, match=r"p\.png: its color profile is a table.*convert the picture to sRGB first"):
        read_picture(tmp_path / "p.png")
    for cut in (140, 200, 300):
        saved(tmp_path / "q.png", Image.new("RGB", (2, 2)), SWAPPED[:cut])
        with pytest.raises(InputError, match=r"q\.png: its color profile"):
            read_picture(tmp_path / "q.png")


def test_what_is_written_is_tagged_for_what_it_is(tmp_path):
    srgb = color_profiles.srgb_profile()
    write_picture(tmp_path / "grey.png", Picture(np.zeros((2, 2), np.uint8), srgb))
    with Image.open(tmp_path / "grey.png") as written:
        assert "icc_profile" not in written.info  # a profile of RGB may not stand there
    for icc, pixels in (
        (LINEAR_GREY, np.zeros((2, 2, 3), np.uint8)),
        (INK, np.zeros((2, 2), np.uint8)),
        (b"x", pixels_of()),
    ):
        with pytest.raises(InputError, match="leave it out, or give one for these pixels"):
            write_picture(tmp_path / "p.png", Picture(pixels, icc))


def pixels_of():
    return np.zeros((2, 2, 3), np.uint16)


def test_pictures_of_pillow_are_converted_too(tmp_path):
    with Image.open(saved(tmp_path / "p.png", Image.new("RGB", (3, 3), (255, 0, 0)), SWAPPED)) as image:
        np.testing.assert_array_equal(as_measure(image).points, np.tile([0.0, 0.0, 1.0], (9, 1)))
        np.testing.assert_allclose(Palette.of(image, k=1).mixture.mean(), [0, 0, 1], atol=1e-6)
    colors = Image.new("P", (4, 4), 1)
    colors.putpalette([0, 0, 0, 255, 0, 0])
    np.testing.assert_allclose(Palette.of(colors, k=1).mixture.mean(), [1, 0, 0], atol=1e-6)
    with pytest.raises(InputError, match="'HSV' are not read here; convert"):
        as_measure(Image.new("HSV", (2, 2)))


def test_recoloring_writes_what_others_read(tmp_path, rng):
    import subprocess
    import sys

    for mode, icc in (("L", LINEAR_GREY), ("CMYK", INK), ("LAB", None), ("RGB", SWAPPED)):
        shape = (12, 12) if mode == "L" else (12, 12, 4 if mode == "CMYK" else 3)
        saved(
            tmp_path / "in.tif",
            Image.frombytes(mode, (12, 12), rng.integers(0, 200, shape, dtype=np.uint8).tobytes()),
            icc,
        )
        Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(tmp_path / "palette.png")
        command = ["recolor", "in.tif", "--palette", "palette.png", "-o", "out.png", "-k", "2", "--json"]
        subprocess.run([sys.executable, "-m", "mixot", *command], cwd=tmp_path, check=True, capture_output=True)
        with Image.open(tmp_path / "out.png") as out:
            assert out.mode == "RGB"
            assert color_profiles.is_srgb(out.info["icc_profile"])


def test_sixteen_bits_of_other_kinds_of_tiff(tmp_path, rng):
    import tifffile

    grey = rng.integers(0, 65535, (4, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "w.tif", 65535 - grey, photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "w.tif").pixels, grey)
    for name in ("separated", "cielab"):
        shape = (4, 3, 4 if name == "separated" else 3)
        tifffile.imwrite(tmp_path / "p.tif", rng.integers(0, 65535, shape).astype(np.uint16), photometric=name)
        with pytest.raises(InputError, match=rf"are read in grey and RGB, this is {name.upper()}; convert it first"):
            read_picture(tmp_path / "p.tif")
    for big, order in ((True, "<"), (True, ">"), (False, ">")):
        tifffile.imwrite(tmp_path / "b.tif", grey, bigtiff=big, byteorder=order)
        np.testing.assert_array_equal(read_picture(tmp_path / "b.tif").pixels, grey)


@pytest.mark.parametrize("icc", [LINEAR_GREY[:100], bytes(500), b"\x07" * 600], ids=["cut", "zeros", "other bytes"])
def test_a_profile_without_a_header_is_damaged(icc, tmp_path):
    path = saved(tmp_path / "p.tif", Image.new("RGB", (2, 2), 9), icc)
    with pytest.raises(InputError, match=r"p\.tif: its color profile is damaged \(it has no header\)"):
        read_picture(path)
