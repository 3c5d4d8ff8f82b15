"""What ``mixot recolor`` does with videos, and with folders and patterns of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.color_outputs import Files, palette_between
from mixot.cli.console import emit, note, show_facts, working, written
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.imaging.color import RecolorOptions
    from mixot.imaging.film import RecoloredFilm
    from mixot.results import ProgressCallback

Adapt = Annotated[
    float | None,
    typer.Option("--adapt", metavar="SECONDS", help="Of a video: follow its colors, averaged over so long; cuts, too."),
]
# What is read as a video; what is written is fewer, `mixot.imaging.film.SUFFIXES`.
_VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv")
_VIDEOS += (".ogv", ".3gp")


def recolored_moving(files: Files, options: RecolorOptions, *, adapt: float | None, rng: Any, json: bool) -> bool:
    """Recolor a video, a folder or a pattern of pictures, and tell what came out; whether it was one of these."""
    photo = files.photo
    video = photo.suffix.lower() in _VIDEOS and not photo.is_dir()
    if adapt is not None and not video:
        raise InputError("--adapt is for videos, whose frames have times; leave it out")
    if not (video or photo.is_dir() or _is_pattern(photo)):
        return False
    for name in ("mask", "grid", "table"):
        if getattr(files, name) is not None:
            raise InputError(f"--{name} is for one picture; leave it out")
    if options.by_components:
        why = "--faithful" if options.faithful else ", ".join(f"--{name}" for name in options.of_components)
        raise InputError(f"a film is moved by the natural map; leave {why} out")
    files.check_colors(options)
    _recolor(files, options, adapt=adapt, rng=rng, json=json, video=video)
    return True


def _recolor(files: Files, options: RecolorOptions, *, adapt: float | None, rng: Any, json: bool, video: bool) -> None:
    from mixot.imaging.film import SUFFIXES, recolor_film, recolor_frames
    from mixot.io import check_folder, check_target

    if video:
        check_target(files.output, SUFFIXES)
    pictures = [] if video else _files(files.photo)
    if not video:
        check_folder(files.output)
    how: dict[str, Any] = {"strength": options.strength, "keep": options.keep, "gain": options.gain}
    with working(f"recoloring {files.photo.name}", quiet=json) as progress:
        colors = _colors(files, options, rng, progress)
        if video:
            made = recolor_film(files.photo, colors, files.output, adapt=adapt, progress=progress, **how)
        else:
            made = recolor_frames(pictures, colors, files.output, progress=progress, **how)
    for text in made.notes:
        note(f"{files.photo}: {text}")
    _show(made, files.photo, files.named, files.output, json=json)


def _is_pattern(photo: Path) -> bool:
    return any(mark in str(photo) for mark in "*?[") and not photo.exists()


def _files(photo: Path) -> list[Path]:
    from glob import glob

    from mixot.imaging.film import series

    if not _is_pattern(photo):
        return series(photo)
    found = [Path(each) for each in glob(str(photo), recursive=True) if Path(each).is_file()]
    if not found:
        raise InputError(f"{photo}: no file fits this pattern")
    return series(found)


def _colors(files: Files, options: RecolorOptions, rng: Any, progress: ProgressCallback | None) -> Any:
    """A table, or the palette of one file, or what lies between those of several."""
    if files.lut is None:
        return palette_between(files, options, rng=rng, progress=progress)
    from mixot.imaging.lookup_tables import faded, read_color_table

    return faded(read_color_table(files.lut), options.strength)


def _show(made: RecoloredFilm, photo: Path, palette: str, output: Path, *, json: bool) -> None:
    count = max(made.frames, 1)
    per_frame = {task: round(1000 * spent / count, 3) for task, spent in made.cpu_seconds.items() if task != "fit"}
    if json:
        facts = {"photo": str(photo), "palette": palette, "output": str(output)}
        size = {"width": made.width, "height": made.height, "frames": made.frames, "scenes": made.scenes}
        spent = {"fit_seconds": made.cpu_seconds["fit"], "milliseconds_per_frame": per_frame}
        emit({"command": "recolor", **facts, **size, **spent})
        return
    facts = {
        "frames": f"{made.frames:,} of {made.width} x {made.height}",
        **({"scenes": made.scenes} if made.scenes > 1 else {}),
        "CPU ms a frame": ", ".join(f"{task} {spent:.3g}" for task, spent in per_frame.items()),
    }
    show_facts(f"{photo} in the colors of {palette}", facts | written(output))
