"""Films and series of pictures moved by one map, or by maps that follow them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixot._checks import as_path
from mixot.errors import InputError
from mixot.imaging.film.maps import SAMPLES, Following, Maker, merged, split_alpha, thinned
from mixot.imaging.film.planes import Layout, PlaneTable, moved_planes, moves_planes
from mixot.imaging.film.videos import FULL, SUFFIXES, Video, Writer, matrix_of, pixels_of, range_of, reading, writing
from mixot.imaging.natural import ColorCounts, ColorTable, count_colors, move_without_grain
from mixot.io.atomic import check_folder, check_target, replacing
from mixot.io.pictures import SUFFIXES as PICTURES
from mixot.io.pictures import Picture, check_picture_target, read_picture, write_picture
from mixot.results import Progress, ProgressCallback

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, eq=False)
class RecoloredFilm:
    """What was written: ``frames`` of ``width`` x ``height`` pixels (of the first, in a series), in ``scenes``.

    ``cpu_seconds`` are those of the process, by task: "decode", "fit", "apply", "encode". ``table`` is the map, where
    there was one for all frames; ``notes`` say what one should know.
    """

    frames: int
    width: int
    height: int
    scenes: int
    cpu_seconds: dict[str, float]
    table: ColorTable | None = None
    notes: tuple[str, ...] = ()


def recolor_film(
    film: str | os.PathLike[str],
    palette: Any,
    output: str | os.PathLike[str],
    *,
    strength: float | int = 1.0,
    keep: Any = None,
    gain: float | int | None = None,
    grain: bool = True,
    adapt: float | int | None = None,
    progress: ProgressCallback | None = None,
) -> RecoloredFilm:
    """Write a video in the colors of a palette, with its sound.

    The colors of 48 frames, spread over the film, are counted together, and one map moves all frames, so that nothing
    flickers that did not before. With ``adapt`` the map follows slow changes, and changes at cuts.

    Parameters
    ----------
    film : path
        A video that PyAV can read, 8 bits a channel or more.
    palette : Palette, array or ColorTable
        Colors to go to: a palette, or a picture (h, w) or (h, w, 1 to 4); or a table, which is applied as it is.
    output : path
        ``.mp4 .m4v .mov .mkv .webm .avi``; size, times, matrix and range of the colors are kept, sound is copied.
    strength, keep, gain
        As in `mixot.imaging.natural.ColorMap` and `mixot.imaging.natural.natural_map`.
    grain : bool
        Whether grain is to be made neither larger nor smaller. Frames that are stored as luma and chroma are smoothed
        plane by plane, which is cheap; others as RGB (`move_without_grain`), several times as long as the map itself.
    adapt : float, optional
        Seconds over which colors are averaged, on either side of each frame, where the map is to follow them.
    progress : callable, optional
        Called with a `Progress` after each frame.

    Raises
    ------
    InputError
        Where the file is no video, damaged, without frames, or changes its size; where the output cannot hold it. What
        was there stays there then, and after Ctrl-C.
    UnsupportedError
        Where PyAV is not installed: ``pip install "mixot[film]"``.
    """
    target = check_target(output, SUFFIXES)
    following = _following(adapt, palette)
    spent = _Spent()
    make = None if isinstance(palette, ColorTable) else Maker.to(palette, strength=strength, keep=keep, gain=gain)
    table = palette if isinstance(palette, ColorTable) else None
    if make is not None and following is None:
        with spent.on("fit"):
            table = make(_counted(film, progress))
    with reading(film, with_others=True) as video:
        scouting = reading(film) if following else nullcontext()
        with scouting as scout, replacing(target) as file, writing(file, target, video) as writer:
            notes = _notes(video) + writer.notes
            maps = None if scout is None or make is None or following is None else _ahead(scout, make, following)
            mover, frames = _Mover(writer, matrix_of(video.stream.codec_context)), video.frames()
            while True:
                with spent.on("decode"):
                    frame = next(frames, None)
                    if frame is None:
                        break
                with spent.on("fit"):
                    used = table if maps is None else maps.table(frame.time or 0.0)
                mover.move(used, frame, grain=grain, spent=spent)
                if progress is not None:
                    progress(Progress("frames", video.count, video.expected))
            with spent.on("encode"):
                writer.close()
    notes += () if make is None else tuple(make.notes)
    width, height = video.size
    return RecoloredFilm(video.count, width, height, 1 if maps is None else maps.scenes, spent.seconds, table, notes)


def recolor_frames(
    frames: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    palette: Any,
    folder: str | os.PathLike[str],
    *,
    strength: float | int = 1.0,
    keep: Any = None,
    gain: float | int | None = None,
    grain: bool = True,
    progress: ProgressCallback | None = None,
) -> RecoloredFilm:
    """Write a series of pictures in the colors of a palette, by one map, into a folder, under their names.

    Parameters
    ----------
    frames : folder, or sequence of paths
        Of a folder the pictures in it, in the order of their names, numbers by their size. They may differ in size.
    palette, strength, keep, gain, progress
        As in `recolor_film`.
    folder : path
        Made, if only its last part is missing.
    grain : bool
        Whether grain is to be made neither larger nor smaller.

    Raises
    ------
    InputError
        Where there are no pictures, one cannot be read, or two have one name; the pictures before it are written.
    """
    files = series(frames)
    target = check_folder(folder)
    if target.resolve() in {file.resolve().parent for file in files}:
        raise InputError(f"{folder}: the pictures would be replaced by their copies; choose another folder")
    for file in files:
        check_picture_target(target / file.name)
    spent, notes = _Spent(), dict[str, None]()
    if isinstance(palette, ColorTable):
        table = palette
    else:
        with spent.on("fit"):
            make = Maker.to(palette, strength=strength, keep=keep, gain=gain)
            table = make(merged([_picture_counts(file) for file in _spread(files)]))
            notes = make.notes
    size = (0, 0)
    for i, file in enumerate(files):
        with spent.on("decode"):
            picture = read_picture(file)
        with spent.on("apply"):
            moved = _moved_picture(table, picture, grain=grain)
        with spent.on("encode"):
            write_picture(target / file.name, moved)
        notes |= dict.fromkeys(picture.notes)
        size = size if i else (picture.pixels.shape[1], picture.pixels.shape[0])
        if progress is not None:
            progress(Progress("pictures", i + 1, len(files)))
    return RecoloredFilm(len(files), *size, 1, spent.seconds, table, tuple(notes))


def series(frames: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> list[Path]:
    """The pictures of a folder, or those that are named, in the order of a film."""
    if isinstance(frames, str | os.PathLike):
        folder = as_path(frames)
        if not folder.is_dir():
            raise InputError(f"{frames}: {'a file' if folder.exists() else 'no such folder'}; expected one of pictures")
        files = [file for file in folder.iterdir() if file.suffix.lower() in PICTURES and not file.name.startswith(".")]
    else:
        files = [as_path(file) for file in frames]
    if not files:
        raise InputError(f"{frames}: there are no pictures in it; expected some of {' '.join(PICTURES)}")
    files.sort(key=lambda file: [int(part) if part.isdigit() else part.lower() for part in _DIGITS.split(file.name)])
    twice = sorted({file.name for file in files if sum(file.name == other.name for other in files) > 1})
    if twice:
        raise InputError(f"two of the pictures are called {twice[0]}, and would be written to one place; rename one")
    return files


def moved_by(table: ColorTable | None, pixels: np.ndarray, *, grain: bool) -> np.ndarray:
    """A frame (h, w, 3) moved by a table."""
    if table is None:
        return pixels
    return move_without_grain(pixels, table) if grain else table(pixels)


@dataclass(eq=False)
class _Spent:
    """CPU seconds by task."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("decode", "fit", "apply", "encode"), 0.0))

    def on(self, task: str) -> _Task:
        return _Task(self.seconds, task)


@dataclass(eq=False)
class _Task:
    seconds: dict[str, float]
    task: str
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = time.process_time()

    def __exit__(self, *error: object) -> None:
        self.seconds[self.task] += time.process_time() - self.began


@dataclass(eq=False)
class _Mover:
    """What moves frames: plane by plane, where they are written as they were stored, or else through RGB."""

    writer: Writer
    matrix: int
    baked: dict[bool, PlaneTable] = field(default_factory=dict)
    of: ColorTable | None = None

    def move(self, table: ColorTable | None, frame: Any, *, grain: bool, spent: _Spent) -> None:
        layout = Layout.of(frame.format.name, (frame.width, frame.height)) if moves_planes(self.matrix) else None
        if table is None or layout is None or frame.format.name.replace("yuvj", "yuv") != self.writer.layout:
            with spent.on("decode"):
                pixels = pixels_of(frame, self.matrix)
            with spent.on("apply"):
                moved = moved_by(table, pixels, grain=grain)
            with spent.on("encode"):
                self.writer.add(moved, frame)
            return
        with spent.on("apply"):
            out = self.writer.blank()
            moved_planes(self._planes_of(table, full=range_of(frame) == FULL), frame, layout, out, grain=grain)
        with spent.on("encode"):
            self.writer.add_frame(out, frame)

    def _planes_of(self, table: ColorTable, *, full: bool) -> PlaneTable:
        if table is not self.of:
            self.of, self.baked = table, {}
        if full not in self.baked:
            self.baked[full] = PlaneTable.of(table, self.matrix, full=full)
        return self.baked[full]


def _following(adapt: float | int | None, palette: Any) -> float | None:
    if adapt is None:
        return None
    if not (np.isfinite(adapt) and adapt > 0):
        raise InputError(f"adapt must be a positive number of seconds, got {adapt!r}")
    if isinstance(palette, ColorTable):
        raise InputError("a table is one map for all frames; leave adapt out, or name a palette")
    return float(adapt)


def _notes(video: Video) -> tuple[str, ...]:
    context = video.stream.codec_context
    notes = ()
    if context.color_trc not in (1, 2, 6, 13, 14, 15, 0, 5, 7):
        notes += ("its transfer function is another than that of sRGB, for which its colors are taken",)
    if context.color_primaries == 9:
        notes += ("its primaries are those of BT.2020, and its colors are taken for those of sRGB",)
    return notes


def _counted(film: str | os.PathLike[str], progress: ProgressCallback | None) -> ColorCounts:
    """The colors of frames spread over a film: the first after each of so many equal steps.

    Every frame is decoded, for that is what seeking comes to in films with few keyframes, and exact in all.
    """
    with reading(film) as video:
        matrix, expected = matrix_of(video.stream.codec_context), video.expected
        every = 1 if expected is None else max(1.0, expected / SAMPLES)
        counts: list[ColorCounts] = []
        due = 0.0
        for i, frame in enumerate(video.frames()):
            if i >= due:
                counts.append(count_colors(thinned(pixels_of(frame, matrix))))
                due += every
                if len(counts) > 2 * SAMPLES:  # the file told less than there is, or nothing
                    counts, every = counts[::2], 2 * every
                    due = i + every
            if progress is not None:
                progress(Progress("looking at colors", i + 1, expected))
    return merged(counts)


def _ahead(scout: Video, make: Maker, seconds: float) -> Following:
    matrix = matrix_of(scout.stream.codec_context)

    def pixels() -> Iterator[tuple[float, np.ndarray]]:
        for frame in scout.frames():
            yield frame.time or 0.0, pixels_of(frame, matrix)

    return Following(pixels(), make, seconds)


def _spread(files: Sequence[Path]) -> Sequence[Path]:
    chosen = np.unique(np.linspace(0, len(files) - 1, min(SAMPLES, len(files))).round().astype(int))
    return [files[i] for i in chosen]


def _picture_counts(file: Path) -> ColorCounts:
    colors, opaque = split_alpha(read_picture(file).pixels)
    rows = colors.reshape(-1, 3)
    if opaque is not None and not opaque.any():
        raise InputError(f"{file}: the picture is transparent everywhere; leave it out")
    return count_colors(rows, None if opaque is None else opaque.ravel()) if opaque is not None else count_colors(rows)


def _moved_picture(table: ColorTable, picture: Picture, *, grain: bool) -> Picture:
    colors, opaque = split_alpha(picture.pixels)
    moved = move_without_grain(colors, table, weights=opaque) if grain else table(colors)
    if opaque is not None:
        moved = np.concatenate([moved, picture.pixels[:, :, -1:]], axis=2)
    return replace(picture, pixels=moved, icc=None if picture.is_grey else picture.icc)
