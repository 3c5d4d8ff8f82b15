"""Animations and pages: every frame read whole, and written again with its time."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

import mixot.io.pictures.png16 as png16
import mixot.io.pictures.tiff as tiff
from mixot.errors import InputError
from mixot.extras import require
from mixot.io.atomic import replacing
from mixot.io.pictures.formats import FORMATS, MANY, SUFFIXES, Format, format_of
from mixot.io.pictures.metadata import Metadata
from mixot.io.pictures.picture import Picture
from mixot.io.pictures.reading import (
    as_picture,
    coding_of,
    extension_note,
    in_srgb,
    opened_pixels,
    picture_bytes,
    turned,
)
from mixot.io.pictures.writing import (
    as_image,
    check_picture_target,
    few_colors,
    kept,
    rounded,
    save,
    stored,
    tag_of,
    write_picture,
)

_MOST_VALUES = 1 << 31  # numbers of all frames together: 2 GiB of 8 bits
_CLEARED = 2  # disposal of GIF: what a frame has drawn is taken away before the next
_USUAL = 100  # ms, of frames without a time
_LONGEST = 655_350  # ms; GIF counts hundredths of a second in 16 bits
_REDUCED = 1  # bit of NewSubfileType: a smaller copy of another page (TIFF 6.0, page 36)


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of an animation, or the pages of a file, each a whole `Picture` as it is to be seen.

    Parameters
    ----------
    pictures : one or more; those of an animation have one size
    durations : how long each is shown, in ms; none of pages
    loop : how often an animation is shown, 0 for ever; None where nothing is said
    notes : what of the file did not come
    """

    pictures: tuple[Picture, ...]
    durations: tuple[float | int, ...] = ()
    loop: int | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.pictures:
            raise InputError("frames must not be empty: there are no pictures")
        if self.durations and len(self.durations) != len(self.pictures):
            raise InputError(f"durations must be one for each of {len(self)} frames, got {len(self.durations)}")
        if not all(0 <= time <= _LONGEST for time in self.durations):
            raise InputError(f"durations must lie in 0 .. {_LONGEST:,} ms, got {list(self.durations)}")
        if self.loop is not None and not 0 <= self.loop <= 65_535:
            raise InputError(f"loop must lie in 0 (for ever) .. 65535, got {self.loop}")

    def __len__(self) -> int:
        return len(self.pictures)

    def with_pixels(self, pixels: Sequence[np.ndarray]) -> Frames:
        """The same frames, with their times and what their file told, and other pixels, one array for each."""
        if len(pixels) != len(self):
            raise InputError(f"pixels must be one array for each of {len(self)} frames, got {len(pixels)}")
        return replace(self, pictures=tuple(replace(p, pixels=x) for p, x in zip(self.pictures, pixels, strict=True)))


def read_frames(path: str | os.PathLike[str]) -> Frames:
    """Return all frames of an animation (GIF, WebP, PNG, AVIF), all pages of a TIFF, or the one picture of a file.

    Each frame is whole: what earlier ones leave on the sheet is in it. Smaller copies of pages are left out.

    Raises
    ------
    InputError
        As `read_picture` does; where a frame is damaged, which is named, or all together take more than 2 GiB.

    Examples
    --------
    >>> import tempfile
    >>> blink = Frames(tuple(Picture(np.full((4, 4), v, np.uint8)) for v in (0, 255)), (100, 300), loop=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_frames(f"{folder}/blink.gif", blink)
    ...     found = read_frames(f"{folder}/blink.gif")
    >>> found.durations, found.loop, [int(p.pixels.max()) for p in found.pictures]
    ((100.0, 300.0), 0, [0, 255])
    """
    data = picture_bytes(path)
    with as_picture(path):
        found = _tiff_pages(data) if tiff.is_tiff(data) else _frames(data)
        return replace(found, notes=(*extension_note(path, data), *found.notes))


def holds_many(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds more than one frame or page; raises as `read_picture` does, but looks at no pixels."""
    data = picture_bytes(path)
    with as_picture(path):
        if tiff.is_tiff(data):
            return len(tiff.page_numbers(data)) > 1
        with require("PIL.Image", "image", "reading pictures").open(io.BytesIO(data)) as image:
            return image.format in MANY and getattr(image, "n_frames", 1) > 1


def _frames(data: bytes) -> Frames:
    pillow = require("PIL.Image", "image", "reading pictures")
    with pillow.open(io.BytesIO(data)) as image:
        count = getattr(image, "n_frames", 1) if image.format in MANY else 1
        _check_size(count * image.width * image.height * max(len(image.getbands()), 3))
        # a PNG may have a picture for programs that show no animations, which is no frame
        still = bool(image.info.get("default_image")) and count > 1
        pictures, times, notes, coding = [], [], [], coding_of(image, data)
        loop = image.info.get("loop")
        for number in range(int(still), count):
            with _frame_of(number, count):
                image.seek(number)
                image.load()
                times.append(float(image.info.get("duration") or 0.0))
                pictures.append(_frame(image, data, coding))
        notes += ["the picture for programs that show no animations is left out"] if still else []
    if png16.is_deep(data) and count > 1:
        notes.append("frames of more than 8 bits a channel are read with 8")
    if count == 1:
        loop, times = None, []
    pictures = [replace(p, pixels=_alike(p.pixels, pictures)) for p in pictures]
    pictures, told = _gathered(pictures)
    return Frames(tuple(pictures), tuple(times), loop, (*notes, *told))


def _frame(image: Any, data: bytes, coding: tuple[int, int] | None) -> Picture:
    pixels, icc, metadata, notes, turn = opened_pixels(image, data, coding)
    return in_srgb(turned(pixels, turn), icc, metadata, notes)


@contextmanager
def _frame_of(number: int, count: int) -> Iterator[None]:
    """Let what is wrong with one frame of several name it."""
    try:
        yield
    except InputError:
        raise
    except Exception as damage:  # decoders raise nearly anything
        if count == 1:
            raise
        raise InputError(f"frame {number + 1} of {count} is cut or damaged ({damage})") from damage


def _tiff_pages(data: bytes) -> Frames:
    pictures = []
    numbers, (flat, turns) = tiff.page_numbers(data), tiff.unturned(data)
    for number in numbers:
        with _frame_of(number, len(numbers)):
            deep = tiff.deep_pixels(data, number)
            if deep is not None:
                pixels, icc, metadata, notes, _ = deep
            else:
                with require("PIL.Image", "image", "reading pictures").open(io.BytesIO(flat)) as image:
                    image.seek(number)
                    pixels, icc, metadata, notes, _ = opened_pixels(image, data, None)
            found = in_srgb(turned(pixels, turns[number]), icc, metadata, notes)
        pictures.append(replace(found, metadata=found.metadata if number == numbers[0] else Metadata()))
        _check_size(sum(picture.pixels.nbytes for picture in pictures))
    whole, told = _gathered(pictures)
    return Frames(tuple(whole), notes=told)


def _check_size(values: int) -> None:
    if values > _MOST_VALUES:
        raise InputError(
            f"its frames take {values / 2**30:.1f} GiB together, more than {_MOST_VALUES >> 30}; take fewer, or "
            "smaller ones"
        )


def _gathered(pictures: list[Picture]) -> tuple[list[Picture], tuple[str, ...]]:
    """Pictures without their notes, and those notes, each once, with the frame where it is not that of all."""
    told: dict[str, list[int]] = {}
    for number, picture in enumerate(pictures, 1):
        for text in picture.notes:
            told.setdefault(text, []).append(number)
    single = len(pictures) == 1
    notes = tuple(text if single or len(at) == len(pictures) else f"frame {at[0]}: {text}" for text, at in told.items())
    return [replace(picture, notes=()) for picture in pictures], notes


def write_frames(path: str | os.PathLike[str], frames: Frames) -> tuple[str, ...]:
    """Write an animation (.gif .webp .png .avif) or pages (.tif), and return a line for each thing that is not kept.

    One frame alone is written as `write_picture` does. The frames of an animation without times are shown for 100 ms.

    Raises
    ------
    InputError
        As `write_picture` does; where the format holds one picture, or the frames of an animation differ in size.
    """
    if len(frames) == 1:
        return write_picture(path, frames.pictures[0])
    alpha = any(picture.has_alpha for picture in frames.pictures)
    target = check_frames_target(path, has_alpha=alpha)
    kind, first = format_of(target), frames.pictures[0]
    metadata, lost = kept(first.metadata, kind)
    notes = [*rounded(first.pixels, kind if kind.pages else replace(kind, deep=False)), *lost]
    if kind.pages:
        pages = [(stored(picture.pixels, kind), tag_of(path, picture)) for picture in frames.pictures]
        with replacing(target) as file:
            tiff.write(file, pages, metadata)
        return (*notes, "a TIFF holds pages, without the times of frames") if frames.durations else tuple(notes)
    sizes = {picture.pixels.shape[:2] for picture in frames.pictures}
    if len(sizes) > 1:
        raise InputError(f"{path}: the frames of an animation have one size, got {sorted(sizes)}; write pages, .tif")
    shallow = replace(kind, deep=False)
    images = [as_image(_alike(stored(p.pixels, shallow), frames.pictures), kind) for p in frames.pictures]
    if kind.name == "GIF":
        notes += few_colors(images, frames.pictures)
    if kind.name == "AVIF" and frames.loop:
        notes.append("AVIF does not hold how often it is shown")
    with replacing(target) as file:
        _animate(file, images, frames, kind, tag_of(path, first), metadata)
    return tuple(notes)


def check_frames_target(path: str | os.PathLike[str], *, has_alpha: bool = False) -> Any:
    """Return ``path`` if frames can be written there; raises as `write_frames` does."""
    target = check_picture_target(path, has_alpha=has_alpha)
    if not format_of(target).holds_many:
        several = " ".join(suffix for suffix in SUFFIXES if FORMATS[suffix].holds_many)
        raise InputError(f"{path}: {target.suffix} holds one picture, not an animation or pages; write {several}")
    return target


def _animate(
    file: BinaryIO, images: list[Any], frames: Frames, kind: Format, icc: bytes | None, metadata: Metadata
) -> None:
    """Write frames that Pillow joins: each whole, so that nothing of one stays under the next."""
    times = [round(time) for time in frames.durations or [_USUAL] * len(frames)]
    more: dict[str, Any] = {"save_all": True, "append_images": images[1:], "duration": times}
    if kind.name != "AVIF" and frames.loop is not None:
        more["loop"] = frames.loop
    if kind.name == "GIF":
        more["optimize"] = False  # which would change what is transparent
        if any("transparency" in image.info for image in images):
            more["disposal"] = _CLEARED
    save(file, images[0], kind, icc, metadata, **more)


def _alike(pixels: np.ndarray, pictures: Sequence[Picture]) -> np.ndarray:
    """Pixels with the channels of all frames together: an animation has one kind."""
    color = any(not picture.is_grey for picture in pictures)
    alpha = any(picture.has_alpha for picture in pictures)
    stacked = pixels if pixels.ndim == 3 else pixels[:, :, None]
    opaque = stacked.shape[2] in (1, 3)
    colors = stacked if opaque else stacked[:, :, :-1]
    colors = colors.repeat(3, axis=2) if color and colors.shape[2] == 1 else colors
    if not alpha:
        return colors if color else colors[:, :, 0]
    veil = np.full((*stacked.shape[:2], 1), 255, stacked.dtype) if opaque else stacked[:, :, -1:]
    return np.concatenate([colors, veil], axis=2)
