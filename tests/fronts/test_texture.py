"""Textures from an exemplar: types, sizes, seeds, tiles, masks, and what is refused."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mixot import InputError, Samples, distance
from mixot.imaging.texture import synthesize
from mixot.imaging.texture.exemplar import largest_rectangle
from mixot.imaging.texture.gaussian import synthesize_gaussian
from mixot.imaging.texture.gaussian.patch_transport import patches_of
from mixot.imaging.texture.gaussian.spot_noise import SpotNoise
from mixot.io import Picture, read_picture, write_picture

METHOD = {"method": "gaussian"}


def cloth(rng, shape=(32, 36), channels=3):
    """Soft threads in color, floats in [0, 1]."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = np.maximum(np.sin(x / 2 + 0.2 * y), 0)[:, :, None] * np.linspace(0.5, 0.2, channels)
    return (0.2 + light + 0.04 * rng.normal(size=(*shape, channels))).clip(0, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_types_and_channels_are_those_of_the_exemplar(dtype, channels, rng):
    picture = cloth(rng, (20, 18), channels or 1)
    if channels in (2, 4):
        picture[:, :, -1] = 1
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    picture = (picture * top).astype(dtype)
    made = synthesize(picture[:, :, 0] if channels is None else picture, (17, 30), rng=0, **METHOD)
    assert made.pixels.dtype == dtype
    assert made.pixels.shape == (17, 30, *{None: (), 1: (1,), 2: (1,), 3: (3,), 4: (3,)}[channels])
    assert made.pixels.std() > 0.05 * top
    assert made.notes == ()


def test_a_seed_gives_a_texture(rng):
    picture = cloth(rng)
    first, again, other = (synthesize(picture, rng=seed, **METHOD).pixels for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).mean() > 0.02
    assert first.shape == picture.shape


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (8, 16), (33, 47), (100, 20)])
@pytest.mark.parametrize("periodic", [False, True])
def test_every_size_is_made(size, periodic, rng):
    if periodic and min(size) < 8:
        with pytest.raises(InputError, match="a tile must have at least"):
            synthesize(cloth(rng), size, periodic=True, **METHOD)
    else:
        assert synthesize(cloth(rng), size, periodic=periodic, rng=0, **METHOD).pixels.shape == (*size, 3)


def test_tiles_continue_across_their_borders(rng):
    """The step from the last column to the first is like steps inside; where it is no tile it is larger."""
    picture = cloth(rng, (64, 64), 1)
    picture = np.stack([picture[:, :, 0]] * 3, axis=2) ** 0.5  # smooth along the threads

    def jump(periodic):
        pixels = synthesize(picture, (64, 96), periodic=periodic, rng=3, **METHOD).pixels[:, :, 0]
        return [
            abs(each[0] - each[-1]).mean() / abs(np.diff(each, axis=0)).mean() for each in (pixels, pixels.T)
        ]  # fmt: skip

    assert max(jump(True)) < 1.3
    assert max(jump(False)) > 1.4


def test_colors_and_contrast_are_the_exemplars(rng):
    picture = cloth(rng, (48, 48))
    pixels = synthesize(picture, (60, 52), rng=0, **METHOD).pixels
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=0.01)
    np.testing.assert_allclose(pixels.std(axis=(0, 1)), picture.std(axis=(0, 1)), rtol=0.02)


def test_grey_is_one_channel_of_a_grey_picture_in_color(rng):
    grey = cloth(rng, channels=1)
    one = synthesize(grey[:, :, 0], rng=4, **METHOD).pixels
    three = synthesize(np.repeat(grey, 3, axis=2), rng=4, **METHOD).pixels
    for channel in range(3):
        np.testing.assert_array_equal(three[:, :, channel], one)


def test_patches_come_closer_to_the_exemplars_than_those_of_spot_noise(rng):
    picture = np.kron(rng.random((16, 16)) ** 4, np.ones((4, 4)))[:, :, None].astype(np.float32)  # mostly dark squares

    def far(pixels):
        mine, theirs = (patches_of(each, 3)[rng.integers(60 * 60, size=300)] for each in (pixels, picture))
        return distance(Samples(mine), Samples(theirs))

    noise = SpotNoise.of(picture).sample((64, 64), rng)
    one, four = (synthesize_gaussian(picture, (64, 64), levels=levels, rng=rng).pixels for levels in (1, 4))
    assert far(one) < 0.9 * far(noise)
    assert far(four) < 0.9 * far(noise)


def test_holes_are_filled_and_the_rest_stays_to_the_last_bit(rng):
    picture = (255 * cloth(rng, (48, 40))).astype(np.uint8)
    mask = np.zeros((48, 40), bool)
    mask[10:20, 12:25] = True
    mask[40:, 30:] = True
    holed = np.where(mask[:, :, None], np.uint8([255, 0, 255]), picture)
    made = synthesize(holed, mask=mask, rng=0, **METHOD)
    np.testing.assert_array_equal(made.pixels[~mask], picture[~mask])
    np.testing.assert_allclose(made.pixels[mask].mean(axis=0), picture[~mask].mean(axis=0), atol=30)
    grey = synthesize(holed, mask=255 * mask.astype(np.uint8), rng=0, **METHOD)
    np.testing.assert_array_equal(grey.pixels, made.pixels)


def test_of_a_picture_with_holes_the_largest_opaque_rectangle_is_taken(rng):
    picture = np.concatenate([cloth(rng, (40, 50)), np.ones((40, 50, 1))], axis=2)
    picture[:12, 20:30, 3] = 0.5
    made = synthesize(picture, (20, 20), rng=0, **METHOD)
    assert made.notes == (
        "the exemplar is transparent in places: its largest opaque rectangle is used, 50 x 28 pixels from (0, 12)",
    )
    np.testing.assert_array_equal(made.pixels, synthesize(picture[12:, :, :3], (20, 20), rng=0, **METHOD).pixels)


def test_largest_rectangles(rng):
    for _ in range(20):
        inside = rng.random((6, 7)) < 0.7
        top, bottom, left, right = largest_rectangle(inside)
        assert inside[top:bottom, left:right].all()
        best = max(
            (b - a) * (d - c)
            for a in range(6)
            for b in range(a + 1, 7)
            for c in range(7)
            for d in range(c + 1, 8)
            if inside[a:b, c:d].all()
        )
        assert (bottom - top) * (right - left) == best
    assert largest_rectangle(np.zeros((3, 3), bool)) == (0, 0, 0, 0)


HOLE = np.zeros((32, 36), bool)
HOLE[4:8, 4:8] = True


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda u: u[:7], {}, "at least 8 x 8 pixels, got 36 x 7"),
        (lambda u: np.full((20, 20, 3), 0.3), {}, "one color everywhere"),
        (lambda u: u * 2, {}, "floats must lie in"),
        (lambda u: u * np.nan, {}, "floats must lie in"),
        (lambda u: u.astype(np.int64), {}, "must be uint8, uint16 or floats"),
        (lambda u: u[None], {}, "must have shape"),
        (lambda u: np.concatenate([u, 0 * u[:, :, :1]], axis=2), {}, "transparent everywhere"),
        (lambda u: u, {"size": (0, 5)}, "whole numbers of at least 1, got \\(0, 5\\)"),
        (lambda u: u, {"size": (5.5, 5)}, "whole numbers"),
        (lambda u: u, {"size": 64}, "a height and a width"),
        (lambda u: u, {"size": (100_000, 90_000)}, "GiB of memory"),
        (lambda u: u, {"method": "gauss"}, "'patches' or 'gaussian', got 'gauss'"),
        (lambda u: u, {"preset": "brick"}, "'auto', 'stochastic' or 'structured'"),
        (lambda u: u, {"preset": "structured"}, "a preset is for method 'patches'"),
        (lambda u: u, {"mask": HOLE[:20]}, "the mask has 36 x 20 pixels, and the picture 36 x 32"),
        (lambda u: u, {"mask": ~HOLE & False}, "black everywhere"),
        (lambda u: u, {"mask": np.full((32, 36), 0.2)}, "nowhere brighter than half"),
        (lambda u: u, {"mask": HOLE | True}, "leaves 0 pixels"),
        (lambda u: u, {"mask": HOLE, "size": (9, 9)}, "keeps its size, 36 x 32"),
        (lambda u: u, {"mask": HOLE, "periodic": True}, "not made periodic"),
        (lambda u: np.concatenate([u, u[:, :, :1] / 2], axis=2), {"mask": HOLE}, "transparent in places, and a mask"),
        (lambda u: u, {"rng": "seven"}, "rng must be a seed"),
    ],
)
def test_what_cannot_be_made_is_refused(change, options, message, rng):
    plain = inspect.unwrap(synthesize)  # without the check of annotations, which users do not have
    with pytest.raises(InputError, match=message):
        plain(change(cloth(rng)), **(METHOD | options))


@pytest.mark.parametrize("channels", [1, 3])
def test_both_methods_are_asked_alike(channels, rng):
    picture = (255 * cloth(rng, (40, 48), channels)).astype(np.uint8)
    picture = picture if channels == 3 else picture[:, :, 0]
    mask = np.zeros((40, 48), bool)
    mask[10:18, 20:30] = True
    for method, preset in (("patches", "stochastic"), ("gaussian", None)):
        made = synthesize(picture, (30, 60), method=method, preset=preset or "auto", periodic=True, rng=0)
        assert made.pixels.shape == (30, 60, *picture.shape[2:])
        assert (made.pixels.dtype, made.method, made.preset, made.periodic) == (np.uint8, method, preset, True)
        filled = synthesize(picture, method=method, mask=mask, rng=0).pixels
        np.testing.assert_array_equal(filled[~mask], picture[~mask])
        assert (filled[mask] != picture[mask]).any()


def test_progress_is_told(rng):
    ticks = []
    synthesize(cloth(rng, (40, 40)), rng=0, progress=ticks.append, **METHOD)
    assert [(tick.step, tick.total) for tick in ticks if tick.stage == "moving patches"] == [(0, 2), (1, 2)]


@pytest.fixture
def folder(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = (255 * cloth(rng, (40, 48))).astype(np.uint8)
    write_picture("cloth.png", Picture(picture))
    write_picture("deep.png", Picture(picture.astype(np.uint16) * 257))
    hole = np.zeros((40, 48), np.uint8)
    hole[10:20, 10:20] = 255
    write_picture("hole.png", Picture(hole))
    write_picture("small.png", Picture(hole[:30]))
    write_picture("flat.png", Picture(np.full((40, 48), 9, np.uint8)))
    (tmp_path / "cut.png").write_bytes((tmp_path / "cloth.png").read_bytes()[:900])
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "mixot", "texture", *words], capture_output=True, text=True, check=False
    )


def test_the_command_writes_a_texture_and_says_so(folder):
    told = run("cloth.png", "-o", "out.png", "--size", "64x32", "--method", "gaussian", "--periodic", "--json")
    assert told.returncode == 0, told.stderr
    assert told.stderr == ""
    assert json.loads(told.stdout) == {
        "command": "texture", "exemplar": "cloth.png", "output": "out.png", "width": 64, "height": 32,
        "method": "gaussian", "preset": None, "periodic": True, "mask": None, "seed": 0, "notes": [],
    }  # fmt: skip
    made = synthesize(read_picture("cloth.png").pixels, (32, 64), method="gaussian", periodic=True, rng=0)
    np.testing.assert_array_equal(read_picture("out.png").pixels, made.pixels)


def test_the_command_fills_holes_and_keeps_bits(folder):
    told = run("deep.png", "-o", "out.png", "--mask", "hole.png", "--method", "gaussian")
    assert told.returncode == 0, told.stderr
    assert "filled where hole.png is white" in told.stdout
    before, after = (read_picture(name).pixels for name in ("deep.png", "out.png"))
    hole = read_picture("hole.png").pixels > 0
    assert after.dtype == np.uint16
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).mean() > 0.9


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("cloth.png -o out.csv", 1, "cannot tell what to write"),
        ("cloth.png -o no/out.png", 1, "does not exist"),
        ("cloth.png -o out.png --size 0x9", 2, "expected a width and a height"),
        ("cloth.png -o out.png --size 9by9", 2, "expected a width and a height"),
        ("cloth.png -o out.png --size 90000", 1, "GiB of memory"),
        ("cloth.png -o out.png --mask small.png", 1, "the mask has 48 x 30 pixels"),
        ("cloth.png -o out.png --mask no.png", 1, "no such file"),
        ("flat.png -o out.png", 1, "flat.png: the exemplar has one color"),
        ("cut.png -o out.png", 1, "cut.png: "),
        ("text.png -o out.png", 1, "not a picture"),
    ],
)
def test_bad_commands_leave_no_file(words, code, message, folder):
    from typer.testing import CliRunner

    from mixot.cli import app

    before = sorted(folder.iterdir())
    told = CliRunner().invoke(app, ["texture", *words.split(), "--method", "gaussian"])
    assert told.exit_code == code
    assert message in " ".join(told.stderr.replace("│", " ").split())
    assert sorted(folder.iterdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_ctrl_c_is_heard_while_a_texture_is_made(folder):
    code = (
        "import sys, mixot.cli; sys.argv = ['mixot', 'texture', 'cloth.png', '-o', 'out.png', '--size', '3000x3000', "
        "'--method', 'gaussian']; print('ready', flush=True); mixot.cli.main()"
    )
    before = sorted(folder.iterdir())
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "error: interrupted\n"
    assert sorted(folder.iterdir()) == before
