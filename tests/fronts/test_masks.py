"""Masks and transparency: pixels count as far as they are let in, by one rule wherever a picture is a measure."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mixot import InputError, Samples, as_measure, distance, read
from mixot.formulas.pixel_weights import mask_values, pixel_weights
from mixot.imaging.color import Palette, fit_colors, transfer
from mixot.imaging.stipple import density, stipple
from mixot.io import Picture


def mixot(*args, folder):
    return subprocess.run([sys.executable, "-m", "mixot", *args], capture_output=True, text=True, cwd=folder)


@pytest.fixture
def photo(rng):
    """The left half is dark and blue, the right half bright and red."""
    pixels = np.empty((24, 40, 3), np.uint8)
    pixels[:, :20] = rng.integers(0, 60, (24, 20, 3)) + np.array([10, 20, 120])
    pixels[:, 20:] = rng.integers(0, 60, (24, 20, 3)) + np.array([180, 90, 20])
    return pixels


LEFT = np.where(np.arange(40) < 20, 255, 0).astype(np.uint8)[None].repeat(24, axis=0)
KINDS = {
    "grey": LEFT,
    "16 bits": LEFT.astype(np.uint16) * 257,
    "truth values": LEFT > 0,
    "floats": LEFT / 255,
    "one channel": LEFT[:, :, None],
    "colors": LEFT[:, :, None].repeat(3, axis=2),
    "alpha": np.stack([np.full_like(LEFT, 255), LEFT], axis=-1),
    "colors and alpha": np.concatenate([np.full((24, 40, 3), 255, np.uint8), LEFT[:, :, None]], axis=2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_white_counts_and_black_does_not(kind):
    np.testing.assert_allclose(mask_values(KINDS[kind], (24, 40)), LEFT / 255, rtol=1e-6)


def test_transparency_and_masks_multiply():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = 255, 51, 0
    np.testing.assert_allclose(pixel_weights(pixels), [[1, 0.2, 0]], rtol=1e-6)
    np.testing.assert_allclose(pixel_weights(pixels, np.uint8([[51, 255, 255]])), [[0.2, 0.2, 0]], rtol=1e-6)
    assert pixel_weights(pixels[..., :3]) is None
    pixels[..., 3] = 255
    assert pixel_weights(pixels) is None  # opaque: all count alike, and nothing is weighted


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_door_weights_by_transparency(channels, dtype, rng, tmp_path):
    """`as_measure` of arrays and of Pillow's pictures, `read` and `Picture.samples` give one measure."""
    top = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    pixels = rng.random((6, 5, channels))
    pixels[0, :, -1], pixels[1, :, -1] = 0, 1
    pixels = (pixels * top).astype(dtype)
    found = Picture(pixels).samples()
    alpha = pixels[..., -1].ravel().astype(float)
    np.testing.assert_allclose(found.weights, alpha / alpha.sum(), rtol=1e-5)
    np.testing.assert_allclose(found.points, pixels[..., :-1].reshape(30, -1) / top)
    if channels == 4:
        np.testing.assert_array_equal(as_measure(pixels).weights, found.weights)
    if dtype == np.uint8:
        image = Image.fromarray(pixels)
        image.save(tmp_path / "p.png")
        for other in (as_measure(image), read(tmp_path / "p.png")):
            np.testing.assert_array_equal(other.weights, found.weights)
            np.testing.assert_array_equal(other.points, found.points)


@pytest.mark.parametrize("grain", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_outside_of_a_mask_the_natural_map_moves_nothing(dtype, grain, photo, rng):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (photo / 255 * top).astype(dtype)
    palette = rng.integers(100, 255, (9, 9, 3), dtype=np.uint8)
    out = transfer(image, palette, mask=LEFT, grain=grain)
    np.testing.assert_array_equal(out[:, 20:], image[:, 20:])
    assert np.abs(out[:, :20].astype(float) - image[:, :20]).mean() > 0.02 * top


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_outside_of_a_mask_nothing_moves(dtype, photo, rng):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (photo / 255 * top).astype(dtype)
    palette = Palette.of(rng.integers(100, 255, (9, 9, 3), dtype=np.uint8), k=1, rng=0)
    out = transfer(image, palette, k=1, mask=LEFT, rng=0)
    np.testing.assert_array_equal(out[:, 20:], image[:, 20:])
    alone = transfer(image[:, :20], palette, k=1, rng=0)  # the fit counts the colors of the left half only
    np.testing.assert_allclose(out[:, :20] / top, alone / top, atol=1.5 / 255)
    half = transfer(image, palette, k=1, mask=LEFT // 2, rng=0)
    between = image[:, :20] + (alone.astype(float) - image[:, :20]) * (127 / 255)
    np.testing.assert_allclose(half[:, :20] / top, between / top, atol=1.5 / 255)


def test_fits_and_palettes_count_what_a_mask_lets_in(photo):
    masked, alone = fit_colors(photo, k=1, mask=LEFT, rng=0).mixture, fit_colors(photo[:, :20], k=1, rng=0).mixture
    assert distance(masked, alone) < 1e-6
    assert distance(Palette.of(photo, k=1, mask=LEFT, rng=0).mixture, alone) < 1e-6
    assert distance(fit_colors(photo, k=1, rng=0).mixture, alone) > 0.1


def test_dots_go_where_a_mask_is_white(photo):
    drawing = stipple(photo, 30, mask=LEFT, rng=0)
    assert drawing.dots[:, 0].max() < 20
    sheet = density(photo, mask=LEFT)
    np.testing.assert_allclose(sheet.values[20:], 0)
    np.testing.assert_allclose(sheet.values[:20], density(photo[:, :20]).values)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (LEFT[:5], "the mask has 40 x 5 pixels, and the picture 40 x 24; make them of one size"),
        (np.zeros_like(LEFT), "the mask is black everywhere"),
        (LEFT.astype(np.int64), "truth values, 8 or 16 unsigned bits, or floats"),
        (LEFT / 100, "floats in \\[0, 1\\], got float64 from 0 to 2.55"),
        (np.full((24, 40), np.nan), "floats in \\[0, 1\\]"),
        (np.zeros((24, 40, 5), np.uint8), "shape \\(h, w\\) or \\(h, w, 1 to 4\\), got \\(24, 40, 5\\)"),
    ],
)
def test_bad_masks(mask, words, photo):
    for call in (
        lambda: transfer(photo, photo, k=1, mask=mask),
        lambda: fit_colors(photo, k=1, mask=mask),
        lambda: stipple(photo, 9, mask=mask),
        lambda: density(photo, mask=mask),
        lambda: Picture(photo).samples(mask),
    ):
        with pytest.raises(InputError, match=words):
            call()


def test_nothing_is_left(photo):
    clear = np.dstack([photo, 255 - LEFT])  # the left half is transparent
    with pytest.raises(InputError, match="transparent wherever the mask lets it count"):
        fit_colors(clear, k=1, mask=LEFT)
    white = photo.copy()
    white[:, :20] = 255
    with pytest.raises(InputError, match="where the mask lets it count, is white"):
        density(white, mask=LEFT)


def test_masks_of_commands(photo, tmp_path):
    """What a person sees, of fits, distances, drawings and colors, and of masks that do not fit."""
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(photo[:, ::-1]).save(tmp_path / "turned.png")
    Image.fromarray(np.dstack([photo, LEFT])).save(tmp_path / "clear.png")
    for name, mask in (("left", LEFT), ("right", 255 - LEFT), ("black", 0 * LEFT), ("small", LEFT[:9])):
        Image.fromarray(mask).save(tmp_path / f"{name}.png")

    def told(*args):
        done = mixot(*args, "--json", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    fitted = told("fit", "photo.png", "-k", "1", "--mask", "left.png")
    assert fitted["rows"] == 480
    clear = told("fit", "clear.png", "-k", "1")
    assert clear["notes"] == ["clear.png: its pixels count as far as they are opaque"]
    assert told("distance", "clear.png", "photo.png", "-k", "1", "--mask", "left.png")["distance"] < 1e-6
    two = ["distance", "photo.png", "turned.png", "-k", "1", "--mask"]
    assert told(*two, "left.png", "--mask", "right.png")["distance"] < 1e-6
    assert told(*two, "left.png")["distance"] > 0.3
    told("quantize", "photo.png", "-n", "20", "--mask", "right.png", "-o", "dots.csv")
    assert read(tmp_path / "dots.csv").points[:, 0].min() > 20
    facts = told("recolor", "photo.png", "--palette", "turned.png", "--mask", "left.png", "-k", "1", "-o", "out.png")
    assert facts["mask"] == "left.png"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png"))[:, 20:], photo[:, 20:])
    shown = told("palette", "photo.png", "photo.png", "-k", "1", "--mask", "left.png", "--mask", "right.png")
    np.testing.assert_allclose(shown["colors"][0]["rgb"], photo.reshape(-1, 3).mean(axis=0), atol=2)
    for wrong, words in (
        (["fit", "photo.png", "--mask", "black.png"], "error: photo.png: the mask is black everywhere"),
        (["fit", "photo.png", "--mask", "small.png"], "error: photo.png: the mask has 40 x 9 pixels"),
        (["fit", "dots.csv", "--mask", "left.png"], "error: dots.csv: --mask is for pictures"),
        ([*two, "left.png", "--mask", "left.png", "--mask", "left.png"], "given 3 times, and there are 2 pictures"),
        (["quantize", "photo.png", "-o", "d.svg", "--mask", "small.png"], "error: photo.png: the mask has 40 x 9"),
    ):
        done = mixot(*wrong, folder=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr
    assert not (tmp_path / "d.svg").exists()


def test_masked_colors_are_samples():
    found = Picture(np.uint8([[[255, 0, 0], [0, 0, 255]]])).samples(np.uint8([[0, 255]]))
    assert isinstance(found, Samples)
    np.testing.assert_array_equal(found.mean(), [0, 0, 1])
