"""Films in other colors: one map for all frames, times, sound and ranges kept, and what is broken told."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("av")

import av
from typer.testing import CliRunner

from mixot import Gaussian, Mixture
from mixot.cli import app
from mixot.errors import InputError
from mixot.imaging.color import Palette
from mixot.imaging.film import flicker, frame_table, recolor_film, recolor_frames
from mixot.imaging.film.planes import Layout, PlaneTable, moved_planes
from mixot.imaging.film.recoloring import moved_by
from mixot.imaging.natural import ColorTable
from mixot.io import Picture, read_picture, write_picture

SAME, NEGATIVE = ColorTable.identity(9), ColorTable(1 - ColorTable.identity(2).values)


def write_film(path, frames, *, codec="libx264", layout="yuv420p", rate=25, marks=None, sound=None, options=None):
    """Write frames (h, w, 3) of 8 bits as a video; ``marks`` are attributes of the encoder, ``sound`` its codec."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {"crf": "4"} if codec == "libx264" else {})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, layout
        for name, value in (marks or {}).items():
            setattr(context, name, value)
        audio = container.add_stream(sound, rate=48000) if sound else None
        how = {"dst_colorspace": context.colorspace} if context.colorspace in (1, 5) else {}
        how |= {"dst_color_range": context.color_range} if context.color_range else {}
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=layout, **how)
            frame.pts, frame.time_base = i, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            for i in range(int(48000 * len(frames) / rate) // 1024):
                tone = np.sin(np.arange(1024, dtype=np.float32)[None] / 9) / 9
                part = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                part.sample_rate, part.pts = 48000, 1024 * i
                container.mux(audio.encode(part))
            container.mux(audio.encode())
    return path


def read_film(path, layout="rgb24", **how):
    """All frames as arrays, without the bias that fast conversions have."""
    how |= {"interpolation": 0x42002 if layout == "rgb24" else 0x40002}
    with av.open(str(path)) as container:
        return [frame.reformat(format=layout, **how).to_ndarray() for frame in container.decode(video=0)]


def facts(path):
    """What the file says of its picture and of its sound."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        times = [float(frame.time) for frame in container.decode(video=0)]
        return {
            "size": (context.width, context.height), "layout": context.pix_fmt, "rate": stream.average_rate,
            "times": times, "marks": (context.color_range, context.colorspace, context.color_primaries),
            "aspect": stream.sample_aspect_ratio,
        }  # fmt: skip


def sound_of(path):
    """The packets of the first sound, as bytes."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def meadow(count=8, size=(48, 64), seed=0, noise=2.0, drift=0.0):
    """Frames of green and blue that hardly move, with grain."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size)
    base = np.stack([60 + x, 110 + y, 150 - x], axis=2).astype(float)
    frames = [base + drift * i + noise * rng.standard_normal(base.shape) for i in range(count)]
    return [np.clip(frame, 0, 255).round().astype(np.uint8) for frame in frames]


@pytest.fixture
def sunset(rng):
    return np.clip([0.7, 0.45, 0.3] + 0.12 * rng.standard_normal((40, 40, 3)), 0, 1)


KINDS = {
    "h264.mp4": {"sound": "aac", "rate": 30},
    "bt709.mkv": {"marks": {"color_range": 1, "colorspace": 1, "color_primaries": 1}, "sound": "aac"},
    "full.mov": {"layout": "yuvj420p", "marks": {"color_range": 2}},
    "ten.mkv": {"layout": "yuv420p10le"},
    "wide.mp4": {"layout": "yuv422p", "marks": {"sample_aspect_ratio": "4/3"}},
    "dense.mp4": {"layout": "yuv444p"},
    "old.avi": {"codec": "mpeg4"},
    "web.webm": {"codec": "libvpx-vp9"},
}


@pytest.mark.parametrize("name", KINDS)
def test_the_identity_leaves_a_film_as_it_was(name, tmp_path):
    kind = dict(KINDS[name])
    if "sample_aspect_ratio" in kind.get("marks", {}):
        kind["marks"] = {"sample_aspect_ratio": Fraction(4, 3)}
    film, out = write_film(tmp_path / name, meadow(10, noise=0.5), **kind), tmp_path / f"out-{name}"
    made = recolor_film(film, SAME, out)
    before, after = facts(film), facts(out)
    assert made.frames == len(after["times"]) == 10
    assert (made.width, made.height) == after["size"] == (64, 48)
    assert after["times"] == pytest.approx(before["times"], abs=1e-3)
    for mark in ("layout", "rate", "marks", "aspect"):
        assert after[mark] == before[mark]
    apart = [abs(a.astype(int) - b) for a, b in zip(read_film(film), read_film(out), strict=True)]
    assert np.mean(apart) < 2.5  # two lossy codings of 8 bits: a wrong matrix or range costs 5 and more
    assert abs(np.mean(read_film(film)) - np.mean(read_film(out))) < 0.5
    if "sound" in kind:
        assert sound_of(out) == sound_of(film)


def test_colors_are_those_that_players_show(tmp_path):
    """The negative of a film is that of its colors, whatever its matrix and range."""
    for marks in ({"colorspace": 1, "color_range": 1}, {"colorspace": 5, "color_range": 2}):
        film = write_film(tmp_path / "a.mkv", meadow(3, noise=0), marks=marks)
        recolor_film(film, NEGATIVE, tmp_path / "b.mkv")
        shown = {"src_colorspace": marks["colorspace"], "src_color_range": marks["color_range"], "dst_color_range": 2}
        for a, b in zip(read_film(film, **shown), read_film(tmp_path / "b.mkv", **shown), strict=True):
            assert abs(255 - a.mean(axis=(0, 1)) - b.mean(axis=(0, 1))).max() < 1.5


def test_ten_bits_go_through_sixteen(tmp_path):
    film = write_film(tmp_path / "a.mkv", meadow(2, noise=0), layout="yuv420p10le", options={"qp": "0"})
    recolor_film(film, SAME, tmp_path / "b.mkv")
    luma = [read_film(each, "yuv420p10le")[0][:48].astype(int) for each in (film, tmp_path / "b.mkv")]
    assert abs(luma[0] - luma[1]).mean() < 2  # of 1023; through 8 bits it could not tell them apart by less than 4
    assert len(np.unique(luma[1] % 4)) == 4


def test_one_map_of_all_frames_reaches_the_palette(tmp_path, sunset):
    frames = meadow(60, drift=0.5)
    film = write_film(tmp_path / "a.mp4", frames)
    ticks = []
    made = recolor_film(film, sunset, tmp_path / "b.mp4", progress=ticks.append)
    assert ticks[-1].stage == "frames"
    assert (ticks[-1].step, ticks[-1].total) == (60, 60)
    out = np.concatenate(read_film(tmp_path / "b.mp4")).reshape(-1, 3) / 255
    assert abs(out.mean(axis=0) - sunset.reshape(-1, 3).mean(axis=0)).max() < 0.04
    seen = frames[30].reshape(-1, 3)
    alone = frame_table(read_film(film), sunset)
    assert abs(alone(seen).astype(int) - made.table(seen)).mean() < 3
    law = Mixture([1.0], Gaussian([[0.7, 0.45, 0.3]], [0.12**2 * np.eye(3)]))
    fitted = recolor_film(film, Palette(law), tmp_path / "c.mp4")
    assert abs(fitted.table(seen).astype(int) - made.table(seen)).mean() < 6


def test_maps_that_follow_change_slowly_and_at_cuts(tmp_path, sunset):
    """A scene that darkens is lifted at its end, which one map would not do; after a cut another map begins."""
    dim = [(frame * (1 - 0.5 * i / 29)).astype(np.uint8) for i, frame in enumerate(meadow(30))]
    other = [frame[:, :, ::-1] // 2 + 100 for frame in meadow(30, seed=1)]
    flash = np.full_like(dim[0], 255)
    film = write_film(tmp_path / "a.mp4", [*dim[:15], flash, *dim[16:], *other])
    made = recolor_film(film, sunset, tmp_path / "b.mp4", adapt=0.25)
    assert made.scenes == 2  # a flash of one frame is no scene
    assert made.table is None
    assert made.frames == 60
    steady = recolor_film(film, sunset, tmp_path / "c.mp4")
    light = [np.array([frame.mean() for frame in read_film(tmp_path / name)]) for name in ("b.mp4", "c.mp4")]
    assert light[0][29] - light[1][29] > 10
    assert abs(light[0][[1, 29, 31, 58]] - 255 * sunset.mean()).max() < 16
    calm = np.delete(np.abs(np.diff(light[0])), [14, 15, 29])
    assert calm.max() < 4
    assert steady.scenes == 1


def test_flicker_is_that_of_flat_areas():
    frames = [np.full((20, 20, 3), 90 + 10 * t, np.uint8) for t in range(5)]
    assert flicker(frames) < 1e-12  # an even fade is none
    frames[2] = frames[2] + np.uint8(6)
    assert flicker(frames) * 255 == pytest.approx((3 + 6 + 3) / 3)
    rough = [np.random.default_rng(t).integers(0, 255, (20, 20, 3), dtype=np.uint8) for t in range(5)]
    with pytest.raises(InputError, match="flat"):
        flicker(rough)
    assert flicker(rough, frames) > 0.1


def test_grain_that_is_kept_flickers_as_before():
    steep = ColorTable(np.clip(2 * ColorTable.identity(9).values - 0.5, 0, 1))
    grain = 110 + 1.5 * np.random.default_rng(0).standard_normal((4, 240, 320, 3))
    frames = list(grain.round().astype(np.uint8))
    moved = [[moved_by(steep, frame, grain=kept) for frame in frames] for kept in (True, False)]
    ratios = [flicker(each, frames) / flicker(frames) for each in moved]
    assert ratios[0] < 1.35 < 1.8 < ratios[1]  # at the border, and of small pictures, windows are narrow


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv420p10le"])
def test_planes_are_moved_as_their_colors_are(name):
    """The identity leaves every code, and a map of contrast moves grey codes as its formula says, grain or not."""
    layout = Layout.of(name, (64, 48))
    codes = 1 << layout.depth
    frame, out = av.VideoFrame(64, 48, name), av.VideoFrame(64, 48, name)
    rng = np.random.default_rng(0)
    kind = np.uint8 if layout.depth == 8 else np.uint16
    for plane in frame.planes:
        np.frombuffer(plane, kind)[:] = rng.integers(0, codes, plane.buffer_size // kind().itemsize)
    full = name.startswith("yuvj")
    for grain in (True, False):
        moved_planes(PlaneTable.of(SAME, 1, full=full), frame, layout, out, grain=grain)
        assert np.array_equal(out.to_ndarray(), frame.to_ndarray())
    for plane in list(frame.planes)[1:]:
        np.frombuffer(plane, kind)[:] = codes // 2
    np.frombuffer(frame.planes[0], kind)[:] = round(0.3 * codes)
    moved_planes(PlaneTable.of(NEGATIVE, 1, full=full), frame, layout, out, grain=True)
    luma = np.frombuffer(out.planes[0], kind).reshape(48, -1)[:, :64]
    low, high = (0, 255) if full else (16, 235)
    assert abs(luma - ((low + high) * codes / 256 - round(0.3 * codes))).max() <= 1
    assert abs(np.frombuffer(out.planes[1], kind)[:8].astype(int) - codes // 2).max() <= 1


def test_series_of_pictures_keep_their_names_and_kinds(tmp_path, sunset):
    folder = tmp_path / "frames"
    folder.mkdir()
    frames = meadow(3)
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[:, 32:] = 0
    pictures = {
        "f10.png": frames[0],
        "f2.png": np.concatenate([frames[1], alpha], axis=2),
        "f1.png": frames[2][:, :, 0],
    }
    for name, pixels in pictures.items():
        write_picture(folder / name, Picture(pixels))
    (folder / "notes.txt").write_text("no picture")
    seen = []
    made = recolor_frames(folder, sunset, tmp_path / "out", progress=seen.append)
    assert made.frames == len(seen) == 3
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["f1.png", "f10.png", "f2.png"]
    moved = read_picture(tmp_path / "out" / "f2.png").pixels
    assert np.array_equal(moved[:, :, 3:], alpha)
    assert np.array_equal(recolor_frames([folder / "f10.png"], SAME, tmp_path / "same").table.values, SAME.values)
    assert np.array_equal(read_picture(tmp_path / "same" / "f10.png").pixels, frames[0])


def test_broken_films_are_told_and_nothing_is_written(tmp_path, sunset):
    good = write_film(tmp_path / "a.mp4", meadow(20, noise=20), options={"movflags": "faststart", "crf": "4"})
    whole = good.read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    matroska = write_film(tmp_path / "a.mkv", meadow(60, noise=20)).read_bytes()
    (tmp_path / "half.mkv").write_bytes(matroska[: len(matroska) // 2])
    (tmp_path / "words.mp4").write_text("no video " * 100)
    (tmp_path / "empty.mkv").write_bytes(b"")
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        audio = container.add_stream("aac", rate=48000)
        for i in range(9):
            part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, 1024 * i
            container.mux(audio.encode(part))
        container.mux(audio.encode())
    hdr = write_film(tmp_path / "hdr.mkv", meadow(2), layout="yuv420p10le", marks={"color_trc": 16})
    cases = {
        "half.mp4": "cut or damaged", "half.mkv": "cut or damaged", "words.mp4": "damaged", "empty.mkv": "damaged",
        "sound.mkv": "no video", hdr.name: "HDR", "absent.mp4": "no such file",
    }  # fmt: skip
    (tmp_path / "out.mp4").write_bytes(b"before")
    for name, words in cases.items():
        with pytest.raises(InputError, match=words):
            recolor_film(tmp_path / name, sunset, tmp_path / "out.mp4")
    with pytest.raises(InputError, match=r"\.mkv"):
        recolor_film(good, sunset, tmp_path / "out.xyz")
    with pytest.raises(InputError, match="adapt"):
        recolor_film(good, sunset, tmp_path / "out.mp4", adapt=0)
    with pytest.raises(InputError, match="adapt"):
        recolor_film(good, SAME, tmp_path / "out.mp4", adapt=1)
    assert (tmp_path / "out.mp4").read_bytes() == b"before"
    assert not list(tmp_path.glob(".mixot*"))


def test_a_film_that_changes_its_size_is_refused(tmp_path, sunset):
    parts = [write_film(tmp_path / f"{i}.ts", meadow(6, size=size)) for i, size in enumerate([(48, 64), (64, 96)])]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match="cut the film where its size changes"):
        recolor_film(tmp_path / "both.ts", sunset, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_sound_that_a_container_cannot_hold_is_not_lost_in_silence(tmp_path, sunset):
    film = write_film(tmp_path / "a.mp4", meadow(4), sound="aac")
    with pytest.raises(InputError, match="cannot hold the sound"):
        recolor_film(film, sunset, tmp_path / "out.webm")


def test_series_that_cannot_be_are_refused(tmp_path, sunset):
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        recolor_frames(tmp_path / "none", sunset, tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        recolor_frames(tmp_path / "absent", sunset, tmp_path / "out")
    write_picture(tmp_path / "a.png", Picture(meadow(1)[0]))
    with pytest.raises(InputError, match="another folder"):
        recolor_frames([tmp_path / "a.png"], sunset, tmp_path)
    (tmp_path / "none" / "a.png").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(InputError, match=r"called a\.png"):
        recolor_frames([tmp_path / "a.png", tmp_path / "none" / "a.png"], sunset, tmp_path / "out")


def mixot(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def palette(tmp_path, sunset):
    write_picture(tmp_path / "sunset.png", Picture((255 * sunset).astype(np.uint8)))
    return tmp_path / "sunset.png"


def test_the_command_takes_videos_folders_and_patterns(tmp_path, palette):
    film = write_film(tmp_path / "a.mp4", meadow(6), sound="aac")
    result = mixot("recolor", film, "--palette", palette, "-o", tmp_path / "b.mp4", "--json")
    found = json.loads(result.stdout)
    assert (found["command"], found["frames"], found["width"], found["height"]) == ("recolor", 6, 64, 48)
    assert set(found["milliseconds_per_frame"]) == {"decode", "apply", "encode"}
    assert sound_of(tmp_path / "b.mp4") == sound_of(film)
    (tmp_path / "in").mkdir()
    for i, frame in enumerate(meadow(3)):
        write_picture(tmp_path / "in" / f"{i}.png", Picture(frame))
    result = mixot("recolor", tmp_path / "in", "--palette", palette, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "3 of 64 x 48" in result.stdout
    result = mixot("recolor", tmp_path / "in" / "[12].png", "--palette", palette, "-o", tmp_path / "two")
    assert sorted(each.name for each in (tmp_path / "two").iterdir()) == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.mp4", "-o", "b.png"], ".mkv"),
        (["none/*.png", "-o", "out"], "no file fits"),
        (["sunset.png", "-o", "b.png", "--adapt", "2"], "--adapt is for videos"),
        (["in", "-o", "out", "--adapt", "2"], "--adapt is for videos"),
        (["a.mp4", "-o", "b.mp4", "--adapt", "-1"], "adapt must be"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path, palette, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "a.mp4", meadow(3))
    (tmp_path / "in").mkdir()
    result = mixot("recolor", *arguments, "--palette", palette)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert not (tmp_path / "b.mp4").exists()
    assert not (tmp_path / "b.png").exists()


def test_ctrl_c_leaves_no_half_film(tmp_path, palette):
    film = write_film(tmp_path / "a.mkv", meadow(8, size=(480, 640)) * 60, options={"preset": "ultrafast"})
    command = ["recolor", str(film), "--palette", str(palette), "-o", str(tmp_path / "b.mkv")]
    with subprocess.Popen([sys.executable, "-m", "mixot", *command], stderr=subprocess.DEVNULL) as running:
        for _ in range(600):  # until frames are being written
            if any(each.stat().st_size for each in tmp_path.glob(".mixot*")):
                break
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGINT)
        asked = time.perf_counter()
        assert running.wait(timeout=20) == 130
    assert time.perf_counter() - asked < 3  # half a second where nothing else runs
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.mkv", "sunset.png"]


def test_a_missing_extra_is_named(tmp_path, palette):
    film = write_film(tmp_path / "a.mp4", meadow(3))
    code = "import sys; sys.modules['av'] = None; from mixot.cli import main; main()"
    command = ["recolor", str(film), "--palette", str(palette), "-o", str(tmp_path / "b.mp4")]
    result = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert 'pip install "mixot[film]"' in result.stderr
