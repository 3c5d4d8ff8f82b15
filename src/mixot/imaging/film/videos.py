"""Video files in and out, through PyAV: frames as RGB, their times, colors and sound as they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.threads import thread_count

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
SUFFIXES = tuple(_FORMATS)
_HDR = {16: "PQ", 18: "HLG"}  # transfer functions, by their number in ITU-T H.273
_UNKNOWN, _BT709, _BT601, _LIMITED, FULL = 2, 1, 5, 1, 2
_HIGH = 720  # rows from which a film that does not tell its matrix has that of BT.709
# Flags of swscale: bilinear, rounded to nearest, and of 8 bits with chroma at full width, without which luma comes back
# darker by 1 to 2 of 255; with more bits that flag gives wrong colors.
_READING_DEEP = 0x2 | 0x40000
_READING = _READING_DEEP | 0x2000
_WRITING = _READING | 0x4000
_ENCODERS = {"webm": ("libvpx-vp9",), "avi": ("mpeg4",)}
_USUAL = ("libx264", "libsvtav1", "mpeg4")
_OPTIONS = {
    "libx264": {"preset": "superfast", "crf": "18"},
    "libvpx-vp9": {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    "libsvtav1": {"crf": "20", "preset": "9"},
    "mpeg4": {"qmin": "2", "qmax": "3"},
}


@dataclass(eq=False)
class Video:
    """A video that is read: ``frames`` decodes them one by one, and refuses what is damaged or changes its size.

    ``packets`` collects what belongs to other streams, in their order, to be copied.
    """

    path: str
    container: Any
    stream: Any
    size: tuple[int, int]  # width and height
    count: int = 0
    packets: list[Any] = field(default_factory=list)
    copied: tuple[Any, ...] = ()

    @property
    def depth(self) -> int:
        """Bits of a channel."""
        return max(part.bits for part in self.stream.codec_context.format.components)

    @property
    def seconds(self) -> float | None:
        """How long it is, where the file tells."""
        if self.stream.duration is not None:
            return float(self.stream.duration * self.stream.time_base)
        return None if self.container.duration is None else self.container.duration / 1e6

    @property
    def expected(self) -> int | None:
        """How many frames there should be, where the file tells, or the number that its length and rate come to."""
        if self.stream.frames:
            return self.stream.frames
        rate = self.stream.average_rate or self.stream.guessed_rate
        return None if rate is None or self.seconds is None else max(1, round(self.seconds * float(rate)))

    def frames(self) -> Iterator[Any]:
        """The frames from the start, as PyAV has them.

        Raises
        ------
        InputError
            Where there is none, one has another size, or the file is cut or damaged.
        """
        last = 0.0
        with _in_words(self.path, lambda: f" after frame {self.count}" if self.count else ""):
            for packet in self.container.demux(self.stream, *self.copied):
                if packet.stream is not self.stream:
                    if packet.dts is not None:
                        self.packets.append(packet)
                    continue
                for frame in packet.decode():
                    if (frame.width, frame.height) != self.size:
                        raise InputError(
                            f"{self.path}: frame {self.count + 1} is {frame.width} x {frame.height}, others are "
                            f"{self.size[0]} x {self.size[1]}; cut the film where its size changes"
                        )
                    self.count += 1
                    last = frame.time if frame.time is not None else last
                    yield frame
        if self.count == 0:
            raise InputError(f"{self.path}: a video without frames")
        self._check_end(last)

    def _check_end(self, last: float) -> None:
        """Whether it ended where the file says that it does: what is cut off decodes well up to there."""
        start = float((self.stream.start_time or 0) * self.stream.time_base)
        rate = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        short = self.stream.frames and self.count < 0.95 * self.stream.frames - 1
        seconds = self.seconds
        if short or (seconds is not None and last - start < 0.9 * seconds - 2.5 / rate - 0.5):
            raise InputError(
                f"{self.path}: the video is cut or damaged: it ends after frame {self.count} of {self.expected}"
            )


@contextmanager
def reading(path: str | os.PathLike[str], *, with_others: bool = False) -> Iterator[Video]:
    """Open a video.

    Raises
    ------
    InputError
        Where there is no such file, or no video in it, or its colors are coded for HDR.
    UnsupportedError
        Where PyAV is not installed: ``pip install "mixot[film]"``.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: {'a folder, not a video' if source.is_dir() else 'no such file'}")
    av = require("av", "film", "reading videos")
    with _in_words(str(path), lambda: ""):
        container = av.open(str(source))
    with container:
        videos = [each for each in container.streams.video if not _is_cover(av, each)]
        if not videos:
            raise InputError(f"{path}: there is no video in this file")
        stream = videos[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", thread_count()
        if stream.codec_context.format is None or not stream.codec_context.width:
            raise InputError(f"{path}: a video without frames")
        if stream.codec_context.color_trc in _HDR:
            raise InputError(
                f"{path}: its colors are coded for HDR ({_HDR[stream.codec_context.color_trc]}); convert it first"
            )
        others = tuple(each for each in container.streams if each.type == "audio") if with_others else ()
        size = stream.codec_context.width, stream.codec_context.height
        yield Video(str(path), container, stream, size, copied=others)


def pixels_of(frame: Any, matrix: int) -> np.ndarray:
    """The colors of a frame as RGB (h, w, 3): uint8, or uint16 of a frame with more than 8 bits."""
    deep = max(part.bits for part in frame.format.components) > 8
    how = {} if frame.format.is_rgb else {"src_colorspace": matrix, "src_color_range": range_of(frame)}
    how |= {"dst_color_range": FULL, "interpolation": _READING_DEEP if deep else _READING, "threads": 1}
    return frame.reformat(format="rgb48le" if deep else "rgb24", **how).to_ndarray()


def matrix_of(context: Any) -> int:
    """The matrix between RGB and YUV, by its number in ITU-T H.273; by the height of the film where it is not told."""
    told = context.colorspace
    return (_BT709 if context.height >= _HIGH else _BT601) if told in (0, _UNKNOWN, 3) else told


def range_of(frame: Any) -> int:
    """1 for video levels, 16 to 235 of 255, 2 for all of them."""
    return FULL if frame.color_range == FULL or frame.format.name.startswith("yuvj") else _LIMITED


@dataclass(eq=False)
class Writer:
    """A video that is written: the frames of ``video`` in other colors, at the same times, and its sound."""

    video: Video
    container: Any
    stream: Any
    others: dict[int, Any]
    matrix: int
    notes: tuple[str, ...]
    av: Any

    @property
    def layout(self) -> str:
        """How pixels are kept, by FFmpeg's name."""
        return self.stream.codec_context.pix_fmt

    def blank(self) -> Any:
        """A frame to be filled, of the size and layout of those that are written."""
        return self.av.VideoFrame(*self.video.size, self.layout)

    def add(self, pixels: np.ndarray, like: Any) -> None:
        """Write a frame in the place of another, and the sound up to there."""
        frame = self.av.VideoFrame.from_ndarray(pixels, format="rgb48le" if pixels.dtype == np.uint16 else "rgb24")
        full = range_of(like)
        target = self.layout
        how = {} if "rgb" in target or "gbr" in target else {"dst_colorspace": self.matrix, "dst_color_range": full}
        frame = frame.reformat(format=target, src_color_range=FULL, interpolation=_WRITING, threads=1, **how)
        self.add_frame(frame, like)

    def add_frame(self, frame: Any, like: Any) -> None:
        """Write a frame that has the layout already in the place of another."""
        frame.pts, frame.time_base = like.pts, like.time_base
        self._copy_sound()
        self.container.mux(self.stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, the rest of the sound and the end of the file."""
        self._copy_sound()
        self.container.mux(self.stream.encode())
        self.container.close()

    def _copy_sound(self) -> None:
        for packet in self.video.packets:
            packet.stream = self.others[packet.stream.index]
            self.container.mux(packet)
        self.video.packets.clear()


@contextmanager
def writing(file: BinaryIO, path: str | os.PathLike[str], video: Video) -> Iterator[Writer]:
    """Open a video for the frames of another, in the container that the extension of ``path`` names.

    Size, times, shape of pixels, matrix, primaries, range and, as far as the encoder goes, bits and subsampling are
    kept. Sound is copied as it is.

    Raises
    ------
    InputError
        Where the container cannot hold the sound, or no encoder for it is there.
    """
    av = require("av", "film", "writing videos")
    name = _FORMATS[Path(path).suffix.lower()]
    container = av.open(file, "w", format=name)
    try:
        stream, notes = _video_stream(av, container, name, video, path)
        others = {each.index: _copied(container, each, path) for each in video.copied}
        left_out = sum(each.type not in ("video", "audio") for each in video.container.streams)
        if left_out:
            notes += (f"{left_out} streams that are neither picture nor sound are left out",)
        writer = Writer(video, container, stream, others, matrix_of(video.stream.codec_context), notes, av)
        yield writer
    finally:
        if not getattr(container, "closed", False):
            with suppress(OSError, ValueError):  # the first error is the one to tell
                container.close()


def _video_stream(
    av: Any, container: Any, name: str, video: Video, path: str | os.PathLike[str]
) -> tuple[Any, tuple[str, ...]]:
    source = video.stream.codec_context
    encoder = next((each for each in _ENCODERS.get(name, _USUAL) if _can(av, each)), None)
    if encoder is None:
        raise InputError(f"{path}: this build of PyAV has no encoder for {Path(path).suffix}; choose another extension")
    rate = video.stream.average_rate or video.stream.guessed_rate or 25
    stream = container.add_stream(encoder, rate=rate, options=_OPTIONS[encoder])
    context = stream.codec_context
    context.width, context.height = video.size
    layout, notes = _layout(av, encoder, source.format.name, video)
    context.pix_fmt = layout
    context.time_base = video.stream.time_base
    context.thread_count = thread_count()
    if source.sample_aspect_ratio:
        context.sample_aspect_ratio = source.sample_aspect_ratio
    for mark in ("color_range", "color_primaries", "color_trc", "colorspace"):
        setattr(context, mark, getattr(source, mark))
    if source.format.name.startswith("yuvj"):
        context.color_range = FULL
    return stream, notes


def _layout(av: Any, encoder: str, source: str, video: Video) -> tuple[str, tuple[str, ...]]:
    """How pixels are kept: as they were, if the encoder can, or else with as many bits and as much color."""
    offered = [each.name for each in av.codec.Codec(encoder, "w").video_formats or ()]
    wanted = source.replace("yuvj", "yuv")
    odd = any(side % 2 for side in video.size)
    if wanted in offered and not (odd and "420" in wanted):
        return wanted, ()
    deep = video.depth > 8
    coarse = "420" in source and not odd
    choices = ["yuv420p", "yuv444p"] if coarse else ["yuv444p", "yuv420p"]
    choices = [f"{each}10le" for each in choices] * deep + choices
    found = next((each for each in choices if each in offered), offered[0] if offered else "yuv420p")
    lost = deep and "10" not in found
    return found, (f"its {video.depth} bits a channel become 8: {encoder} keeps no more",) if lost else ()


def _copied(container: Any, stream: Any, path: str | os.PathLike[str]) -> Any:
    name = stream.codec_context.name if stream.codec_context is not None else "unknown"
    if name not in container.supported_codecs:
        raise InputError(f"{path}: a {Path(path).suffix} file cannot hold the sound ({name}) as it is; write a .mkv")
    return container.add_stream_from_template(stream)


def _can(av: Any, encoder: str) -> bool:
    try:
        av.codec.Codec(encoder, "w")
    except ValueError:  # av.codec.codec.UnknownCodecError is one
        return False
    return True


def _is_cover(av: Any, stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


@contextmanager
def _in_words(path: str, where: Any) -> Iterator[None]:
    av = require("av", "film", "reading videos")
    try:
        yield
    except (av.error.FFmpegError, EOFError) as wrong:
        reason = getattr(wrong, "strerror", None) or wrong
        raise InputError(f"{path}: the video is cut or damaged{where()} ({reason})") from wrong
