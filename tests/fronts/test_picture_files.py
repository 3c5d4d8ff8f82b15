"""Files of pictures: what they tell besides pixels goes from one to the next, and what cannot is said."""

import io
import struct
import zlib
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mixot import InputError, read
from mixot.errors import AccuracyWarning
from mixot.formulas import color_profiles, color_spaces
from mixot.io import Metadata, Picture, read_picture, write_picture
from mixot.io.pictures import SUFFIXES, exif, png16

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6">a caption</d></x:xmpmeta>'
IPTC = b"\x1c\x02\x78\x00\x05hello"
KEPT = {
    ".png": {"exif", "xmp", "text", "dpi"},
    ".jpg": {"exif", "xmp", "iptc", "comment", "dpi"},
    ".tif": {"exif", "xmp", "iptc", "dpi"},
    ".bmp": {"dpi"},
    ".webp": {"exif", "xmp"},
    ".gif": {"comment"},
    ".avif": {"exif", "xmp"},
}
AVIF = pytest.mark.skipif(".avif" not in Image.registered_extensions(), reason="this Pillow has no AVIF")
FORMATS = [pytest.param(suffix, marks=AVIF) if suffix == ".avif" else suffix for suffix in KEPT]


TURNED = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).T,
    8: np.rot90,
}


def exif_block(orientation=1):
    """A block of a maker, an artist, a time, the sides of the picture, and a place."""
    when = [exif.Entry(36867, 2, b"2020:01:02 03:04:05\0"), exif.short(40961, 65535), exif.short(40962, 30)]
    place = [exif.Entry(1, 2, b"N\0"), exif.Entry(2, 5, struct.pack("<6I", 1, 1, 2, 1, 7, 2))]
    fields = [exif.Entry(271, 2, b"Maker\0"), exif.short(274, orientation), exif.Entry(315, 2, b"Someone\0")]
    return exif.written(fields, {exif.DETAILS: [*when, exif.short(40963, 20)], exif.PLACE: place})


def told(path):
    """EXIF as Pillow reads it from a file, where other readers look for it."""
    with Image.open(path) as image:
        image.load()
        block = image.getexif()
        return {**dict(block), **dict(block.get_ifd(0x8769)), **{-k: v for k, v in block.get_ifd(0x8825).items()}}


def whole(pixels):
    text = (("Comment", "hello"), ("Title", "Tür"))
    return Picture(pixels, None, Metadata(exif_block(), XMP, IPTC, text, (300.0, 150.0)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_a_format_holds_comes_back_and_the_rest_is_said(suffix, dtype, rng, tmp_path):
    pixels = rng.integers(0, 255, (20, 30, 3)).astype(dtype) * (257 if dtype == np.uint16 else 1)
    lost = write_picture(tmp_path / f"p{suffix}", whole(pixels))
    found, kept = read_picture(tmp_path / f"p{suffix}"), KEPT[suffix]
    assert found.pixels.dtype == (dtype if suffix in (".png", ".tif") else np.uint8)
    assert any("8 bits" in line for line in lost) == (found.pixels.dtype != dtype)
    words = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "text": "texts", "dpi": "dots"}
    said = " ".join(lost).replace("8 bits a channel", "")
    for name, word in words.items():
        held = name in kept or (name == "dpi" and suffix in (".webp", ".avif"))  # there EXIF tells it, if it does
        assert (word in said) != held, (name, lost)
    assert bool(found.metadata.exif) == ("exif" in kept)
    if "exif" in kept:
        values = told(tmp_path / f"p{suffix}")
        assert (values[271], values[315], values[36867]) == ("Maker", "Someone", "2020:01:02 03:04:05")
        assert values[-2] == (1.0, 2.0, 3.5)
    assert found.metadata.xmp == (XMP.replace(b'"6"', b'"1"') if "xmp" in kept else b"")
    assert found.metadata.iptc == (IPTC if "iptc" in kept else b"")
    texts = (("Comment", "hello"), ("Title", "Tür")) if "text" in kept else (("Comment", "hello"),)
    assert found.metadata.text == (texts if kept & {"text", "comment"} else ())
    if "dpi" in kept:
        np.testing.assert_allclose(found.metadata.dpi, (300, 150), rtol=1e-4)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_words_gets_none(suffix, tmp_path):
    assert write_picture(tmp_path / f"p{suffix}", Picture(np.full((9, 8), 70, np.uint8))) == ()
    found = read_picture(tmp_path / f"p{suffix}")
    assert replace(found.metadata, dpi=None) == Metadata()
    assert found.notes == ()
    np.testing.assert_allclose(found.pixels, 70, atol=2)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_pictures_are_turned_once(suffix, number, tmp_path):
    """By each number of EXIF (CIPA DC-008, section 4.6.4), and not again when they are written and read."""
    pixels = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((16, 16), np.uint8))
    Image.fromarray(pixels).save(tmp_path / f"p{suffix}", exif=b"Exif\0\0" + exif_block(number), quality=100)
    expected = TURNED[number](pixels).astype(int)
    found = read_picture(tmp_path / f"p{suffix}")
    np.testing.assert_allclose(found.pixels, expected, atol=1)
    write_picture(tmp_path / "q.jpg", found)
    np.testing.assert_allclose(read_picture(tmp_path / "q.jpg").pixels, expected, atol=3)
    values = told(tmp_path / "q.jpg")
    assert values.get(274, 1) == 1
    if suffix != ".tif":  # there Pillow writes the first directory only
        assert (values[40962], values[40963]) == ((20, 30) if number > 4 else (30, 20))


@pytest.mark.parametrize("channels", [1, 3])
def test_deep_pictures_are_turned_too(channels, rng, tmp_path):
    pixels = rng.integers(0, 65_536, (4, 6, channels) if channels > 1 else (4, 6), dtype=np.uint16)
    for suffix in (".png", ".tif"):
        write_picture(tmp_path / f"p{suffix}", Picture(pixels, metadata=Metadata(exif_block(6))))
        if suffix == ".png":
            np.testing.assert_array_equal(read_picture(tmp_path / "p.png").pixels, np.rot90(pixels, -1))
        else:  # a block of a picture in memory is that of one that is upright
            np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").pixels, pixels)
    import tifffile

    tifffile.imwrite(tmp_path / "t.tif", pixels, photometric="rgb" if channels == 3 else "minisblack",
                     extratags=[(274, 3, 1, 6, True)])  # fmt: skip
    np.testing.assert_array_equal(read_picture(tmp_path / "t.tif").pixels, np.rot90(pixels, -1))


def test_the_small_picture_of_the_old_colors_is_cut_off():
    """A second directory holds a thumbnail, which programs would go on to show."""
    first = exif.packed([exif.Entry(271, 2, b"Maker\0"), exif.short(274, 8)], 8)
    end = 8 + len(first)
    block = b"II*\0\x08\0\0\0" + exif.packed([exif.Entry(271, 2, b"Maker\0"), exif.short(274, 8)], 8, after=end)
    block += exif.packed([exif.long(513, end + 30), exif.long(514, 4)], end) + b"JPEG"
    assert exif.directory(block, 8)[1] == end
    found = exif.upright(block, converted=False)
    assert exif.directory(found, 8)[1] == 0
    assert exif.orientation(found) == 1
    assert len(found) == len(block)  # all else stays at its place


@pytest.mark.parametrize(
    "damage", [b"II*\0\x08\0\0\0\x05\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff" + bytes(20)]
)
def test_damaged_metadata_are_left_out_and_said(damage, tmp_path):
    Image.new("RGB", (8, 8), (9, 99, 200)).save(tmp_path / "p.jpg", exif=b"Exif\0\0" + damage)
    found = read_picture(tmp_path / "p.jpg")
    assert found.metadata.exif == b""
    assert any("EXIF is damaged" in line for line in found.notes)


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 215), st.integers(0, 255)), min_size=1, max_size=6),
    end=st.integers(0, 300),
)
def test_no_bytes_of_exif_do_harm(changes, end):
    """Whatever is altered or cut, the block is edited in place, or it is damage."""
    block = bytearray(exif_block(6))
    for at, value in changes:
        block[at % len(block)] = value
    data = exif.block_of(bytes(block[: end + 8]))
    with suppress(ValueError, struct.error):
        assert len(exif.upright(data, converted=True)) == len(data)
    with suppress(ValueError, struct.error):
        fields, inner = exif.for_tiff(data)
        exif.written(fields, inner)


def test_a_tiff_of_the_other_order(tmp_path):
    import tifffile

    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2000
    tifffile.imwrite(tmp_path / "p.tif", pixels, byteorder=">", software="Program", resolution=(300, 200),
                     resolutionunit="INCH")  # fmt: skip
    found = read_picture(tmp_path / "p.tif")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.metadata.dpi == (300, 200)
    write_picture(tmp_path / "q.tif", found)
    assert told(tmp_path / "q.tif")[305] == "Program"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_others_read_our_tiff(channels, dtype, rng, tmp_path):
    """tifffile, with several strips; Pillow reads eight bits."""
    import tifffile

    shape = (301, 200) if channels == 1 else (301, 200, channels)
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    write_picture(tmp_path / "p.tif", Picture(pixels))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "p.tif"), pixels)
    if dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "p.tif")), pixels)


@pytest.mark.parametrize(("numbers", "name"), [((12, 13), "Display P3"), ((9, 13), "Rec. 2020")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colors_beyond_srgb_are_counted(numbers, name, dtype, tmp_path):
    """The greens of wide color spaces: two pixels that sRGB cannot show, and greys that all can."""
    top = np.iinfo(dtype).max
    pixels = np.array([[[0, top, 0], [top, 0, 0], [top // 2] * 3, [top] * 3, [0, 0, 0]]], dtype)
    icc = color_spaces.coded_profile(*numbers)
    assert icc is not None
    if dtype == np.uint8:
        Image.fromarray(pixels).save(tmp_path / "p.png", icc_profile=icc)
    else:
        write_picture(tmp_path / "p.png", Picture(pixels, icc))
    found = read_picture(tmp_path / "p.png")
    assert found.notes == ("2 pixels (40.00 %) have colors that sRGB cannot show; they went to its border",), name
    np.testing.assert_allclose(found.pixels[0, 2:] / top, pixels[0, 2:] / top, atol=2 / 255)
    assert color_profiles.beyond_srgb(pixels, icc) == 2
    np.testing.assert_allclose(found.pixels[0, 0] / top, [0, 1, 0], atol=2 / 255)


@pytest.mark.parametrize("shape", [(9, 11), (1, 1), (2, 5), (8, 8)])
def test_an_interlaced_png_of_sixteen_bits(shape, rng, tmp_path):
    """Seven passes over the sheet, here in the words of the specification: starts and steps of rows and columns."""
    pixels = rng.integers(0, 65_536, (*shape, 3), dtype=np.uint16)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [pixels[y::dy, x::dx] for y, x, dy, dx in passes]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts if part.size for row in part)
    head = struct.pack(">IIBBBBB", shape[1], shape[0], 16, 2, 0, 0, 1)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png16._chunk(*chunk) for chunk in chunks))
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png").pixels, pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_of_pgm_and_ppm(channels, rng, tmp_path):
    pixels = rng.integers(0, 1024, (5, 7, channels), dtype=np.uint16)
    head = b"P%d # a camera\n7 5\n1023\n" % (5 if channels == 1 else 6)
    path = tmp_path / ("p.pgm" if channels == 1 else "p.ppm")
    path.write_bytes(head + pixels.astype(">u2").tobytes())
    found = read_picture(path).pixels
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found.reshape(pixels.shape), np.rint(pixels / 1023 * 65535))
    path.write_bytes(head + pixels.astype(">u2").tobytes()[:-1])
    with pytest.raises(InputError, match="the picture is cut"):
        read_picture(path)
    path.write_bytes(head.replace(b"7 5", b"700000 500000"))
    with pytest.raises(InputError, match="too large"):
        read_picture(path)


# Bad files


def test_what_did_not_come_is_a_warning_of_read(tmp_path):
    images = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (10, 100)]
    images[0].save(tmp_path / "p.gif", save_all=True, append_images=images[1:])
    with pytest.warns(AccuracyWarning, match=r"p\.gif: the first of 2 frames is taken"):
        read(tmp_path / "p.gif")
    images[0].convert("CMYK").save(tmp_path / "p.jpg")
    with pytest.warns(AccuracyWarning, match="CMYK became RGB, by a rule of thumb"):
        read(tmp_path / "p.jpg")


def test_the_format_is_told_by_what_is_in_the_file(rng, tmp_path):
    Image.fromarray(rng.integers(0, 255, (9, 8, 3), dtype=np.uint8)).save(tmp_path / "p.jpg")
    (tmp_path / "p.jpg").rename(tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").notes == (
        "the file is JPEG, whatever its extension says, and is read as that",
    )


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".ppm"])
def test_an_empty_file_and_a_folder(suffix, tmp_path):
    path = tmp_path / f"p{suffix}"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=rf"p\{suffix}: not a picture: the file is empty"):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="folder"):
        read_picture(path)


@pytest.mark.parametrize(("data", "name"), [(b"#?RADIANCE\n", "Radiance"), (b"v/1\x01" + bytes(9), "OpenEXR")])
def test_high_dynamic_range_is_refused_by_name(data, name, tmp_path):
    (tmp_path / "p.png").write_bytes(data)
    with pytest.raises(InputError, match=rf"{name} .*develop it first"):
        read_picture(tmp_path / "p.png")


def test_a_bomb(tmp_path):
    """A small file that would take two gigabytes."""
    Image.new("1", (60_000, 30_000)).save(tmp_path / "p.png")
    with pytest.raises(InputError, match=r"p\.png: .*(too large|bomb|exceeds limit)"):
        read_picture(tmp_path / "p.png")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_is_cut_leaves_nothing_behind(suffix, rng, tmp_path):
    buffer = io.BytesIO()
    write_picture(tmp_path / f"p{suffix}", Picture(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)))
    data = (tmp_path / f"p{suffix}").read_bytes()
    assert not buffer.getvalue()
    for share in (0.3, 0.7):
        (tmp_path / f"p{suffix}").write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError, match=rf"p\{suffix}"):
            read_picture(tmp_path / f"p{suffix}")
    assert [file.name for file in tmp_path.iterdir()] == [f"p{suffix}"]


@AVIF
def test_an_avif_says_how_its_colors_are_coded(tmp_path):
    """The box with numbers: primaries of Display P3 are converted, and brightness of a display is refused."""
    Image.new("RGB", (16, 16), (0, 200, 0)).save(tmp_path / "p.avif", quality=100)
    data = (tmp_path / "p.avif").read_bytes()
    at = data.find(b"colrnclx")
    assert at > 0
    plain = read_picture(tmp_path / "p.avif").pixels
    (tmp_path / "p.avif").write_bytes(data[: at + 8] + struct.pack(">HH", 12, 13) + data[at + 12 :])
    wide = read_picture(tmp_path / "p.avif")
    assert wide.notes  # sRGB has no such green
    assert plain[0, 0, 0] == wide.pixels[0, 0, 0] == 0
    assert wide.pixels[0, 0, 1] > plain[0, 0, 1]
    (tmp_path / "p.avif").write_bytes(data[: at + 8] + struct.pack(">HH", 9, 16) + data[at + 12 :])
    with pytest.raises(InputError, match="transfer 16"):
        read_picture(tmp_path / "p.avif")
