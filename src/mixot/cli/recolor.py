"""``mixot recolor``: a picture in the colors of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Kind, Seed, Structure
from mixot.cli.console import emit, note, show_facts, working, written
from mixot.cli.films import Adapt, recolored_moving

if TYPE_CHECKING:
    import numpy as np

    from mixot.imaging.color import Recoloring, RecolorOptions
    from mixot.io import Frames
    from mixot.results import ProgressCallback


class Space(StrEnum):
    """Where colors are compared."""

    rgb = "rgb"
    lab = "lab"


class Keep(StrEnum):
    """What stays as it is."""

    lightness = "lightness"
    neutrals = "neutrals"


PAPER = "The map between mixtures"  # a panel of the help: its options choose that map


def recolor(
    photo: Annotated[
        Path, typer.Argument(help="A picture, a video, or a folder or pattern of pictures.", show_default=False)
    ],
    palette: Annotated[
        Path, typer.Option("--palette", help="A picture with the colors, or a model fitted to one.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The recolored picture.", show_default=False)],
    strength: Annotated[float, typer.Option("--strength", min=0, max=1, help="How far colors move, 0 to 1.")] = 1.0,
    keep: Annotated[
        Keep | None, typer.Option("--keep", help="Change hue and chroma alone, or leave greys and whites alone.")
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option("--gain", min=1, help="By how much differences may grow (2.5, up to 3 where there are few)."),
    ] = None,
    faithful: Annotated[
        bool,
        typer.Option(
            "--faithful", help="Closer to the palette, and it tears: T_mean or T_rand.", rich_help_panel=PAPER
        ),
    ] = False,
    k: Annotated[
        int | None,
        typer.Option("-k", "--components", min=1, help="Components of each palette: 10.", rich_help_panel=PAPER),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="The mean map, or the random one (noisier).", rich_help_panel=PAPER)
    ] = None,
    space: Annotated[
        Space | None, typer.Option("--space", help="rgb, or lab: as the eye compares colors.", rich_help_panel=PAPER)
    ] = None,
    smooth: Annotated[
        float | None,
        typer.Option(
            "--smooth", min=0, help="Remove grain in windows of this radius, in pixels.", rich_help_panel=PAPER
        ),
    ] = None,
    structure: Annotated[
        Structure | None,
        typer.Option("--structure", help="Shape of the covariances: full.", rich_help_panel=PAPER),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="A picture: recolor where it is white, partly where grey.", show_default=False),
    ] = None,
    adapt: Adapt = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Give a picture the colors of another one, by one smooth map that keeps skies whole and grain small.

    Of an animation, a video, or a folder or pattern of pictures every frame is recolored, all by one map.
    """
    import numpy as np

    from mixot.cli.picture_sources import mask_in, naming, told_frames
    from mixot.imaging.color import RecolorOptions
    from mixot.io import write_frames
    from mixot.io.pictures import check_picture_target

    words = (_word(kind), _word(space), smooth, _word(structure))
    options = RecolorOptions(strength, _word(keep), gain, True, faithful, "auto" if k is None else k, *words)
    if recolored_moving(photo, palette, output, options, adapt=adapt, mask=mask, json=json):
        return
    check_picture_target(output)
    frames = told_frames(photo, output)
    check_picture_target(output, has_alpha=any(picture.has_alpha for picture in frames.pictures))
    veil = mask_in(mask)
    rng = np.random.default_rng(seed)
    with working("fitting the palette", quiet=json) as progress:
        colors = _palette(palette, options, rng, progress)
    with working(f"recoloring {photo.name}", quiet=json) as progress, naming(photo):
        result, done = _recolored(frames, colors, options, veil, rng, progress)
    for text in done.notes:
        note(text)
    for text in write_frames(output, result):
        note(f"{output}: {text}")
    paths = {"photo": photo, "palette": palette, "output": output, "mask": mask}
    _tell(paths, result, _what_was_done(done, options), json=json)


def _recolored(
    frames: Frames,
    colors: Any,
    options: RecolorOptions,
    veil: np.ndarray | None,
    rng: np.random.Generator,
    progress: ProgressCallback | None,
) -> tuple[Frames, Recoloring]:
    """The frames in other colors, and how the last of them was done."""
    from mixot.imaging.color import recoloring

    how: list[Recoloring] = []

    def change(pixels: np.ndarray, share: np.ndarray | None) -> np.ndarray:
        how.append(recoloring(pixels, colors, options, mask=share, rng=rng, progress=progress))
        return how[-1].pixels

    return frames.with_pixels(change, veil), how[-1]


def _tell(paths: dict[str, Path | None], result: Frames, how: dict[str, Any], *, json: bool) -> None:
    if json:
        named = {name: str(path) for name, path in paths.items() if path is not None}
        emit({"command": "recolor", **named, **_size(result), **how})
    else:
        done = {"picture": _described(result), **written(paths["output"])}
        show_facts(f"{paths['photo']} in the colors of {paths['palette']}", done)


def _size(frames: Frames) -> dict[str, Any]:
    """Width and height of the first frame, and how many there are where they are several."""
    height, width = frames.pictures[0].pixels.shape[:2]
    return {"width": width, "height": height, **({"frames": len(frames)} if len(frames) > 1 else {})}


def _described(frames: Frames) -> str:
    """Size, bits and frames, in words."""
    pixels = frames.pictures[0].pixels
    bits = {"uint8": "8 bits", "uint16": "16 bits"}.get(str(pixels.dtype), "floats")
    many = f", {len(frames)} frames" if len(frames) > 1 else ""
    return f"{pixels.shape[1]} x {pixels.shape[0]}, {bits}{many}"


def _word(choice: StrEnum | None) -> Any:
    return None if choice is None else choice.value


def _palette(source: Path, options: RecolorOptions, rng: Any, progress: ProgressCallback | None) -> Any:
    """A model, or a picture: as a mixture for the map between mixtures, as it is for the natural one."""
    from mixot.cli.picture_sources import told_picture
    from mixot.imaging.color import palette_for
    from mixot.io import kind_of

    if kind_of(source) == "model":
        from mixot.imaging.palettes import load_palette

        return load_palette(source)
    return palette_for(told_picture(source).pixels, options, rng=rng, progress=progress)


def _what_was_done(done: Recoloring, options: RecolorOptions) -> dict[str, Any]:
    """The options in effect; those of the other map are null."""
    known: dict[str, Any] = {"kind": None, "space": done.space, "k": None, "smooth": None}
    if done.map != "natural":
        known |= {"kind": done.map, "k": options.components, "smooth": options.smooth}
    return {**known, "map": done.map, "strength": options.strength, "keep": options.keep, "gain": done.gain}
