"""Pictures: as many bits, channels and profile as went in come out; pixels are exact where the format is."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from mixot import InputError, _native, read
from mixot.io import Picture, read_picture, write_picture
from mixot.io.pictures import png16
from mixot.io.pictures.reading import in_srgb as _in_srgb

EXACT = [".png", ".tif", ".tiff"]


def pixels_of(rng, dtype, channels):
    shape = (13, 7) if channels == 1 else (13, 7, channels)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_exact_formats_round_trip(suffix, channels, dtype, rng, tmp_path):
    pixels = pixels_of(rng, dtype, channels)
    write_picture(tmp_path / f"p{suffix}", Picture(pixels))
    after = read_picture(tmp_path / f"p{suffix}").pixels
    assert after.dtype == dtype
    np.testing.assert_array_equal(after, pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_are_close(suffix, tmp_path):
    y, x = np.mgrid[:64, :64]
    pixels = np.stack([4 * y, 4 * x, 255 - 2 * (x + y)], axis=-1).astype(np.uint8)
    write_picture(tmp_path / f"p{suffix}", Picture(pixels))
    after = read_picture(tmp_path / f"p{suffix}").pixels.astype(int)
    assert np.abs(after - pixels).mean() < 2  # of 255: what quality 95 loses on a smooth ramp


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".jpg"])
def test_sixteen_bits_are_rounded_where_eight_is_all_there_is(suffix, tmp_path):
    deep = np.full((8, 8, 3), 40_000, np.uint16)
    write_picture(tmp_path / f"p{suffix}", Picture(deep))
    assert np.abs(read_picture(tmp_path / f"p{suffix}").pixels.astype(int) - round(40_000 / 257)).max() <= 1


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight(tmp_path):
    deep = np.array([[0, 128, 129, 385, 386, 40_000, 65_406, 65_407, 65_535]], np.uint16)
    write_picture(tmp_path / "p.bmp", Picture(deep))
    assert read_picture(tmp_path / "p.bmp").pixels.tolist() == np.rint(deep / 257).astype(int).tolist()


def test_floats_out_of_range_are_written_at_its_ends(tmp_path):
    write_picture(tmp_path / "p.png", Picture(np.array([[-0.5, 0.0, 0.25, 1.0, 1.5]], np.float32)))
    assert read_picture(tmp_path / "p.png").pixels.tolist() == [[0, 0, 16384, 65535, 65535]]


@pytest.mark.parametrize(
    ("suffix", "dtype"), [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint16), (".jpg", np.uint8)]
)
def test_the_color_profile_stays(suffix, dtype, rng, tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_picture(tmp_path / f"p{suffix}", Picture(pixels_of(rng, dtype, 3), icc))
    assert read_picture(tmp_path / f"p{suffix}").icc == icc


@pytest.mark.parametrize("filter_type", range(5))
@pytest.mark.parametrize("step", [2, 6, 8])
def test_every_png_filter_is_undone(filter_type, step, rng):
    raw = rng.integers(0, 256, (9, 4 * step)).astype(int)
    left, above, corner = (np.zeros_like(raw) for _ in range(3))
    left[:, step:], above[1:], corner[1:, step:] = raw[:, :-step], raw[:-1], raw[:-1, :-step]
    distances = np.abs(np.stack([above - corner, left - corner, left + above - 2 * corner]))
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    guess = [0, left, above, (left + above) // 2, paeth][filter_type]
    lines = np.concatenate([np.full((9, 1), filter_type), (raw - guess) % 256], axis=1).astype(np.uint8)
    plain = np.empty(raw.shape, np.uint8)
    _native.png_unfilter(lines, step, plain)
    np.testing.assert_array_equal(plain, raw)


def test_our_deep_png_is_what_others_read(rng):
    import io

    pixels = pixels_of(rng, np.uint16, 3)
    eight = np.asarray(Image.open(io.BytesIO(png16.encode(pixels))))  # Pillow keeps the upper eight bits
    np.testing.assert_array_equal(eight, pixels >> 8)


def test_pictures_come_upright(tmp_path):
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    exif = Image.Exif()
    exif[274] = 6  # turn by a quarter to the right
    image.save(tmp_path / "p.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png").pixels, np.rot90(np.asarray(image), -1))


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"), [("P", ".png", 3), ("1", ".png", 1), ("CMYK", ".tif", 3), ("P", ".gif", 3)]
)
def test_other_kinds_of_pictures_become_rgb_or_grey(mode, suffix, channels, tmp_path):
    Image.new("RGB", (5, 4), (255, 0, 0)).convert(mode).save(tmp_path / f"p{suffix}")
    colors = read_picture(tmp_path / f"p{suffix}").samples()
    assert colors.dim == channels
    if channels == 3:
        np.testing.assert_allclose(colors.points, np.tile([1.0, 0.0, 0.0], (20, 1)), atol=0.02)


def test_a_transparent_color_of_a_color_table_becomes_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "p.png", transparency=1)
    assert read_picture(tmp_path / "p.png").pixels.tolist() == [[[255, 0, 0, 255], [0, 255, 0, 0]]]


def test_read_gives_colors_between_zero_and_one(tmp_path):
    Image.fromarray(np.array([[[255, 0, 51, 7]]], dtype=np.uint8)).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read(tmp_path / "p.png").points, [[1.0, 0.0, 0.2]])
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(tmp_path / "g.png")
    np.testing.assert_array_equal(read(tmp_path / "g.png").points, [[0.0], [1.0]])


def test_float_tiff(tmp_path, rng):
    import tifffile

    pixels = rng.random((6, 5, 3)).astype(np.float32)
    tifffile.imwrite(tmp_path / "p.tif", pixels, photometric="rgb")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").pixels, pixels)
    write_picture(tmp_path / "q.tif", Picture(pixels))  # written with 16 bits
    np.testing.assert_allclose(read_picture(tmp_path / "q.tif").pixels / 65535, pixels, atol=0.5001 / 65535)


def test_the_colors_of_a_picture_leave_transparency_out(rng):
    for channels, kept in ((1, 1), (2, 1), (3, 3), (4, 3)):
        pixels = rng.integers(0, 255, (2, 5, channels), dtype=np.uint8)
        points = Picture(pixels).samples().points
        np.testing.assert_array_equal(points, pixels[:, :, :kept].reshape(10, kept) / 255)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_deep_tiff_in_planes_or_with_white_as_zero(dtype, tmp_path):
    import tifffile

    top = 65535 if dtype == np.uint16 else 1
    pixels = (np.linspace(0, 1, 5 * 7 * 3).reshape(5, 7, 3) * top).astype(dtype)
    assert (pixels.min(), pixels.max()) == (0, top)  # both ends are colors
    tifffile.imwrite(tmp_path / "p.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").pixels, pixels)
    tifffile.imwrite(tmp_path / "w.tif", pixels[:, :, 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "w.tif").pixels, top - pixels[:, :, 0])
    tifffile.imwrite(tmp_path / "b.tif", pixels[:, :, 0], photometric="minisblack")
    np.testing.assert_array_equal(read_picture(tmp_path / "b.tif").pixels, pixels[:, :, 0])


@pytest.mark.parametrize("worst", [-1e-3, 1.001, np.nan])
def test_floats_that_are_no_colors(worst, tmp_path):
    import tifffile

    pixels = np.full((4, 4), 0.5, np.float32)
    pixels[1, 2] = worst
    tifffile.imwrite(tmp_path / "p.tif", pixels)
    with pytest.raises(InputError, match=r"p\.tif: expected 8 or 16 bits a channel, or floats in \[0, 1\]"):
        read_picture(tmp_path / "p.tif")


def test_pictures_of_other_shapes_and_kinds():
    for shape in ((3,), (0, 3), (2, 2, 5), (2, 2, 2, 2)):
        with pytest.raises(InputError, match=r"a picture has shape \(h, w\) or \(h, w, 1 to 4\)"):
            _in_srgb(np.zeros(shape, np.uint8), None)
    for dtype in (np.int16, np.bool_, np.complex64):
        with pytest.raises(InputError, match=f"expected 8 or 16 bits a channel.*got {np.dtype(dtype)}"):
            _in_srgb(np.zeros((2, 2), dtype), None)
    for channels in (1, 2, 3, 4):
        found = _in_srgb(np.full((2, 3, channels), 7, np.uint8), None)
        assert found.pixels.shape == ((2, 3) if channels == 1 else (2, 3, channels))
        assert found.is_grey == (channels <= 2)
        assert found.has_alpha == (channels in (2, 4))


@pytest.mark.parametrize("suffix", [".webp", ".png", ".tif"])
def test_grey_with_transparency(suffix, tmp_path):
    pixels = np.zeros((4, 6, 2), np.uint8)
    pixels[..., 0], pixels[..., 1] = 90, 255
    write_picture(tmp_path / f"p{suffix}", Picture(pixels))
    found = read_picture(tmp_path / f"p{suffix}")
    np.testing.assert_allclose(found.samples().points, 90 / 255, atol=0.02)
    for opaque in (".jpg", ".jpeg", ".bmp"):
        with pytest.raises(InputError, match=f"{opaque} keeps no transparency"):
            write_picture(tmp_path / f"p{opaque}", Picture(pixels))
        write_picture(tmp_path / f"p{opaque}", Picture(pixels[..., 0]))
        np.testing.assert_allclose(read_picture(tmp_path / f"p{opaque}").samples().points, 90 / 255, atol=0.02)


def png(width, height, depth, rows, *, interlaced=0):
    """A grey PNG with these bytes for its rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, interlaced)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_png_without_its_last_row_is_cut(depth, tmp_path):
    row = b"\0" + bytes(-(-9 * depth // 8))
    (tmp_path / "p.png").write_bytes(png(9, 40, depth, 40 * row))
    assert read_picture(tmp_path / "p.png").pixels.shape == (40, 9)
    (tmp_path / "p.png").write_bytes(png(9, 40, depth, 39 * row))
    with pytest.raises(InputError, match="the PNG is cut or damaged"):
        read_picture(tmp_path / "p.png")


def test_interlaced_grey_of_sixteen_bits(tmp_path):
    (tmp_path / "p.png").write_bytes(png(1, 1, 16, b"\0\x12\x34", interlaced=1))
    assert read_picture(tmp_path / "p.png").pixels.tolist() == [[0x1234]]
