"""``mixot recolor``: a picture in the colors of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Kind, Seed, Structure
from mixot.cli.barycenter import numbers
from mixot.cli.color_outputs import Files, apply_lut, draw_grid, palette_between, write_table
from mixot.cli.console import emit, note, show_facts, working, written
from mixot.cli.films import Adapt, recolored_moving

if TYPE_CHECKING:
    import numpy as np

    from mixot.imaging.color import Recoloring, RecolorOptions
    from mixot.io import Frames


class Space(StrEnum):
    """Where colors are compared."""

    rgb = "rgb"
    lab = "lab"


class Keep(StrEnum):
    """What stays as it is."""

    lightness = "lightness"
    neutrals = "neutrals"


TABLES = "Tables of colors, for other programs"
PAPER = "The map between mixtures"  # a panel of the help: its options choose that map


def recolor(
    photo: Annotated[
        Path, typer.Argument(help="A picture, a video, or a folder or pattern of pictures.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The recolored picture; or the map alone, as .cube.", show_default=False),
    ],
    palette: Annotated[
        list[Path] | None,
        typer.Option("--palette", metavar="A ...", help="Pictures with the colors, or palettes of mixot palette."),
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option("--weights", metavar="W W ...", help="Of several palettes, their shares.")
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option("--grid", min=2, max=12, help="All between 2, 3 or 4 palettes, so many along a side, on a sheet."),
    ] = None,
    strength: Annotated[float, typer.Option("--strength", min=0, max=1, help="How far colors move, 0 to 1.")] = 1.0,
    keep: Annotated[
        Keep | None, typer.Option("--keep", help="Change hue and chroma alone, or leave greys and whites alone.")
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option("--gain", min=1, help="By how much differences may grow (2.5, up to 3 where there are few)."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="The map, too: .cube, or a Hald CLUT (.png .tif).", rich_help_panel=TABLES),
    ] = None,
    table_size: Annotated[
        int, typer.Option("--table-size", min=2, max=256, help="Its entries a side.", rich_help_panel=TABLES)
    ] = 33,
    lut: Annotated[
        Path | None,
        typer.Option("--lut", help="Apply this table instead: .cube or a Hald CLUT.", rich_help_panel=TABLES),
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
    from mixot.threads import use_one_blas_thread

    use_one_blas_thread()  # before NumPy is loaded
    import numpy as np

    from mixot.imaging.color import RecolorOptions

    words = (_word(kind), _word(space), smooth, _word(structure))
    chosen = "auto" if k is None else k
    options = RecolorOptions(strength, _word(keep), gain, True, faithful, chosen, *words, table_size)
    palettes, rng = palette or [], np.random.default_rng(seed)
    shares = numbers(weights, len(palettes))
    files = Files.of(photo, palettes, output, weights=shares, grid=grid, table=table, lut=lut, mask=mask)
    if recolored_moving(files, options, adapt=adapt, rng=rng, json=json):
        return
    files.check(options)
    if files.lut is not None:
        apply_lut(files, options, json=json)
    elif grid is not None:
        draw_grid(files, options, rng=rng, json=json)
    else:
        _draw(files, options, rng, json=json)


def _draw(files: Files, options: RecolorOptions, rng: np.random.Generator, *, json: bool) -> None:
    """Recolor one picture or all frames of an animation, and write them, their map, or both."""
    from mixot.cli.picture_sources import mask_in, naming
    from mixot.imaging.color import recoloring_frames

    frames, veil = files.frames(), mask_in(files.mask)
    with working("fitting the palette", quiet=json) as progress:
        colors = palette_between(files, options, rng=rng, progress=progress)
    with working(f"recoloring {files.photo.name}", quiet=json) as progress, naming(files.photo):
        pixels = [picture.pixels for picture in frames.pictures]
        every = recoloring_frames(pixels, colors, options, mask=veil, rng=rng, progress=progress)
    result, done = frames.with_pixels([each.pixels for each in every]), every[0]
    for text in done.notes:
        note(text)
    write_table(files, done.table)
    files.write(result)
    how = _what_was_done(done, options)
    if json:
        facts = {"photo": str(files.photo), "palette": files.named, "output": str(files.output), **_size(result)}
        facts |= {} if files.table is None else {"table": str(files.table)}
        facts |= {} if files.weights is None else {"weights": list(files.weights)}
        facts |= {} if files.mask is None else {"mask": str(files.mask)}
        emit({"command": "recolor", **facts, **how})
        return
    lines = {"picture": _described(result), **written(files.output)}
    if files.table not in (None, files.output):
        lines["table"] = files.table
    show_facts(f"{files.photo} in the colors of {files.named}", lines)


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


def _what_was_done(done: Recoloring, options: RecolorOptions) -> dict[str, Any]:
    """The options in effect; those of the other map are null."""
    known: dict[str, Any] = {"kind": None, "space": done.space, "k": None, "smooth": None}
    if done.map != "natural":
        known |= {"kind": done.map, "k": options.components, "smooth": options.smooth}
    return {**known, "map": done.map, "strength": options.strength, "keep": options.keep, "gain": done.gain}
