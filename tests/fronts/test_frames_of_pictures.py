"""Animations and pages: every frame whole, with its time, from one format to the next; one map for all of them."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mixot import InputError
from mixot.imaging.color import RecolorOptions, recoloring_frames
from mixot.io import Frames, Picture, read_frames, read_picture, write_frames

AVIF = pytest.mark.skipif(".avif" not in Image.registered_extensions(), reason="this Pillow has no AVIF")
ANIMATED = [".gif", ".webp", ".png", pytest.param(".avif", marks=AVIF)]
TIMES = (100.0, 200.0, 300.0, 50.0)


def mixot(*args, folder):
    return subprocess.run([sys.executable, "-m", "mixot", *args], capture_output=True, text=True, cwd=folder)


def ramps(alpha=True):
    """Four frames that grow bluer, behind a disk that grows, and beyond it nothing."""
    y, x = np.mgrid[:40, :60]
    frames = []
    for t in range(4):
        disk = np.where((x - 30) ** 2 + (y - 20) ** 2 < (14 - 3 * t) ** 2, 255, 0)
        frames.append(np.stack([4 * x, 6 * y, np.full_like(x, 60 * t), disk], axis=-1).astype(np.uint8))
    return [frame if alpha else frame[..., :3] for frame in frames]


def animation(alpha=True, **more):
    return Frames(tuple(Picture(frame) for frame in ramps(alpha)), TIMES, **more)


@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("suffix", ANIMATED)
def test_frames_and_their_times_come_back(suffix, alpha, tmp_path):
    """The disk shrinks: what a frame before has drawn must not show under the next."""
    lost = write_frames(tmp_path / f"p{suffix}", animation(alpha, loop=3))
    found = read_frames(tmp_path / f"p{suffix}")
    assert found.durations == TIMES
    assert found.loop == (None if suffix == ".avif" else 3)
    assert [("256 colors" in line, "how often" in line) for line in lost] == {
        ".gif": [(True, False)], ".avif": [(False, True)]
    }.get(suffix, [])  # fmt: skip
    for picture, frame in zip(found.pictures, ramps(alpha), strict=True):
        assert picture.pixels.shape == frame.shape
        seen = frame[..., 3] == 255 if alpha else np.ones((40, 60), bool)
        if alpha:
            np.testing.assert_array_equal(picture.pixels[..., 3], frame[..., 3])
        error = np.abs(picture.pixels[..., :3].astype(int) - frame[..., :3])[seen].mean()
        assert error < {".png": 1e-9, ".gif": 4}.get(suffix, 2)
    assert read_picture(tmp_path / f"p{suffix}").notes == ("the first of 4 frames is taken",)


def test_frames_of_few_colors_are_exact_in_gif(rng, tmp_path):
    colors = rng.integers(0, 256, (200, 4), dtype=np.uint8)
    colors[:, 3] = np.where(colors[:, 3] < 60, 0, 255)
    frames = [colors[rng.integers(0, 200, (30, 40))] for _ in range(3)]
    assert write_frames(tmp_path / "p.gif", Frames(tuple(map(Picture, frames)), (20.0,) * 3)) == ()
    for picture, frame in zip(read_frames(tmp_path / "p.gif").pictures, frames, strict=True):
        seen = frame[..., 3] == 255
        np.testing.assert_array_equal(picture.pixels[..., 3], frame[..., 3])
        np.testing.assert_array_equal(picture.pixels[seen], frame[seen])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pages_of_a_tiff_may_differ(dtype, rng, tmp_path):
    shapes = ((5, 7), (6, 3, 3), (4, 4, 4), (9, 2, 2))
    pages = [rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype) for shape in shapes]
    assert write_frames(tmp_path / "p.tif", Frames(tuple(map(Picture, pages)))) == ()
    found = read_frames(tmp_path / "p.tif")
    assert (found.durations, found.loop, found.notes) == ((), None, ())
    for picture, page in zip(found.pictures, pages, strict=True):
        np.testing.assert_array_equal(picture.pixels, page)
    assert read_picture(tmp_path / "p.tif").notes == ("the first of 4 pages is taken",)
    lost = write_frames(tmp_path / "q.tif", animation())
    assert lost == ("a TIFF holds pages, without the times of frames",)


def test_smaller_copies_in_a_tiff_are_no_pages(rng, tmp_path):
    import tifffile

    pixels = rng.integers(0, 65_535, (8, 8), dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        file.write(pixels)
        file.write(pixels[::2, ::2], subfiletype=1)
    assert len(read_frames(tmp_path / "p.tif")) == 1
    assert read_picture(tmp_path / "p.tif").notes == ()


def test_each_page_is_turned_as_it_says(rng, tmp_path):
    import tifffile

    pages = [rng.integers(0, 65_536, (3, 5), dtype=np.uint16) for _ in range(3)]
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        for page, turn in zip(pages, (1, 6, 3), strict=True):
            file.write(page, extratags=[(274, 3, 1, turn, True)], metadata=None)
    found = [picture.pixels for picture in read_frames(tmp_path / "p.tif").pictures]
    for pixels, page, quarters in zip(found, pages, (0, -1, 2), strict=True):
        np.testing.assert_array_equal(pixels, np.rot90(page, quarters))


def test_the_picture_for_programs_without_animations_is_no_frame(tmp_path):
    images = [Image.new("RGB", (9, 8), (value, 0, 0)) for value in (10, 100, 200)]
    images[0].save(tmp_path / "p.png", save_all=True, append_images=images[1:], default_image=True, duration=[70, 80])
    found = read_frames(tmp_path / "p.png")
    assert [int(picture.pixels[0, 0, 0]) for picture in found.pictures] == [100, 200]
    assert found.durations == (70, 80)
    assert found.notes == ("the picture for programs that show no animations is left out",)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_one_picture_is_one_frame(suffix, tmp_path):
    one = Frames((Picture(np.full((5, 6, 3), 90, np.uint8)),))
    write_frames(tmp_path / f"p{suffix}", one)
    found = read_frames(tmp_path / f"p{suffix}")
    assert (len(found), found.durations, found.loop) == (1, (), None)
    np.testing.assert_allclose(found.pictures[0].pixels, 90, atol=2)


@pytest.mark.parametrize("options", [RecolorOptions(), RecolorOptions(faithful=True, k=2, smooth=3.0)])
def test_one_map_goes_for_all_frames(options, rng):
    """Of any size and kind; a frame alone would go by a map of its own."""
    palette = rng.integers(150, 255, (20, 20, 3), dtype=np.uint8)
    dark, light = ramps(False)[0], ramps(False)[3]
    deep = (dark[:30].astype(np.uint16) * 257, np.dstack([light, np.full((40, 60), 255, np.uint8)]))
    done = recoloring_frames([dark, light, dark, *deep], palette, options, rng=0)
    np.testing.assert_array_equal(done[0].pixels, done[2].pixels)
    assert [each.pixels.dtype for each in done] == [np.uint8] * 3 + [np.uint16, np.uint8]
    assert [each.pixels.shape for each in done] == [*[(40, 60, 3)] * 3, (30, 60, 3), (40, 60, 4)]
    np.testing.assert_array_equal(done[4].pixels[..., :3], done[1].pixels)
    assert np.abs(done[3].pixels[:20] / 257 - done[0].pixels[:20]).mean() < 2  # but for windows at the lower edge
    alone = recoloring_frames([dark], palette, options, rng=0)[0].pixels
    assert np.abs(alone.astype(int) - done[0].pixels).mean() > 3


def test_a_mask_goes_for_every_frame(rng):
    mask = np.where(np.arange(60) < 30, 255, 0).astype(np.uint8)[None].repeat(40, axis=0)
    frames, palette = ramps(False), rng.integers(150, 255, (20, 20, 3), dtype=np.uint8)
    for before, after in zip(frames, recoloring_frames(frames, palette, mask=mask), strict=True):
        np.testing.assert_array_equal(after.pixels[:, 30:], before[:, 30:])
        assert (after.pixels[:, :30] != before[:, :30]).mean() > 0.5
    with pytest.raises(InputError, match="the mask has 60 x 40 pixels, and the picture 60 x 39"):
        recoloring_frames([frames[0], frames[1][1:]], palette, mask=mask)


def test_other_pixels_keep_times():
    found = animation(loop=1).with_pixels([255 - frame for frame in ramps()])
    np.testing.assert_array_equal(found.pictures[2].pixels, 255 - ramps()[2])
    assert (found.durations, found.loop) == (TIMES, 1)
    with pytest.raises(InputError, match="one array for each of 4 frames, got 1"):
        found.with_pixels(ramps()[:1])


def test_bad_frames(tmp_path):
    picture = Picture(np.zeros((3, 4), np.uint8))
    for wrong, words in (
        ({"pictures": ()}, "must not be empty"),
        ({"pictures": (picture,), "durations": (1.0, 2.0)}, "one for each of 1 frames, got 2"),
        ({"pictures": (picture,), "durations": (-1.0,)}, "must lie in 0"),
        ({"pictures": (picture,), "loop": -1}, "loop must lie in 0"),
    ):
        with pytest.raises(InputError, match=words):
            Frames(**wrong)
    for suffix in (".jpg", ".bmp"):
        with pytest.raises(InputError, match=f"{suffix} holds one picture, not an animation"):
            write_frames(tmp_path / f"p{suffix}", animation(alpha=False))
    mixed = replace(animation(), pictures=(picture, Picture(np.zeros((3, 5), np.uint8))), durations=())
    with pytest.raises(InputError, match="have one size"):
        write_frames(tmp_path / "p.gif", mixed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_that_is_cut(suffix, tmp_path):
    write_frames(tmp_path / f"p{suffix}", animation(alpha=False))
    data = (tmp_path / f"p{suffix}").read_bytes()
    (tmp_path / f"p{suffix}").write_bytes(data[: len(data) // 2])
    # where the file itself does not say that it is cut, the frame is named
    with pytest.raises(
        InputError, match=rf"p\{suffix}: (frame \d of \d is|the PNG is|the picture is) cut|not a picture"
    ):
        read_frames(tmp_path / f"p{suffix}")


def test_an_animation_is_recolored_frame_by_frame(rng, tmp_path):
    """What a person sees: all frames and times in the new file, and of a format that holds one picture a note."""
    write_frames(tmp_path / "a.gif", animation(alpha=False, loop=2))
    Image.fromarray(rng.integers(150, 255, (20, 20, 3), dtype=np.uint8)).save(tmp_path / "palette.png")
    asked = ["recolor", "a.gif", "--palette", "palette.png", "-k", "2"]
    done = mixot(*asked, "-o", "b.webp", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["frames"], facts["width"], facts["height"]) == (4, 60, 40)
    found = read_frames(tmp_path / "b.webp")
    assert (found.durations, found.loop) == (TIMES, 2)
    assert np.mean([picture.pixels.mean() for picture in found.pictures]) > 190  # the palette is bright
    still = mixot(*asked, "-o", "b.jpg", folder=tmp_path)
    assert still.returncode == 0, still.stderr
    assert "note: a.gif: the first of 4 frames is taken" in still.stderr
    assert "4 frames" not in still.stdout
    # one map: the same colors in another frame, at other places, go to the same colors
    one = ramps(False)[1]
    write_frames(tmp_path / "c.png", Frames((Picture(one), Picture(one // 2), Picture(one[:, ::-1])), (10.0,) * 3))
    assert mixot("recolor", "c.png", *asked[2:], "-o", "d.png", folder=tmp_path).returncode == 0
    first, _, last = (picture.pixels for picture in read_frames(tmp_path / "d.png").pictures)
    np.testing.assert_array_equal(first[:, ::-1], last)
