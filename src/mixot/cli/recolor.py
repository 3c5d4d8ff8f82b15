"""``mixot recolor``: a picture in the colors of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Kind, Seed, Shape, Structure
from mixot.cli.console import emit, note, show_facts, working, written

if TYPE_CHECKING:
    from mixot.io import Frames


class Space(StrEnum):
    """Where colors are compared."""

    rgb = "rgb"
    lab = "lab"


def recolor(
    photo: Annotated[Path, typer.Argument(help="The picture to recolor.", show_default=False)],
    palette: Annotated[
        Path, typer.Option("--palette", help="A picture with the colors, or a model fitted to one.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The recolored picture.", show_default=False)],
    k: Annotated[int, typer.Option("-k", "--components", min=1, help="Components of each palette.")] = 10,
    kind: Annotated[Kind, typer.Option("--kind", help="The mean map, or the random one (noisier).")] = Kind.mean,
    space: Annotated[Space, typer.Option("--space", help="rgb, or lab: as the eye compares colors.")] = Space.rgb,
    smooth: Annotated[
        float | None, typer.Option("--smooth", min=0, help="Remove grain in windows of this radius, in pixels.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="A picture: recolor where it is white, partly where grey.", show_default=False),
    ] = None,
    structure: Shape = Structure.full,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Give a picture the colors of another one; of an animation every frame, by one map."""
    import numpy as np

    from mixot.cli.picture_sources import mask_in, naming, told_frames, told_picture
    from mixot.imaging.color import Palette, transfer
    from mixot.imaging.palettes import load_palette
    from mixot.io import kind_of, write_frames
    from mixot.io.pictures import check_picture_target

    check_picture_target(output)
    frames = told_frames(photo, output)
    check_picture_target(output, has_alpha=any(picture.has_alpha for picture in frames.pictures))
    veil = mask_in(mask)
    rng = np.random.default_rng(seed)
    shared: dict[str, Any] = {"k": k, "space": space.value, "structure": structure.value, "rng": rng}
    with working("fitting the palette", quiet=json) as progress:
        if kind_of(palette) == "model":
            colors = load_palette(palette)
        else:
            colors = Palette.of(told_picture(palette).pixels, **shared, progress=progress)
    with working(f"recoloring {photo.name}", quiet=json) as progress, naming(photo):
        result = frames.with_pixels(
            lambda pixels, share: transfer(
                pixels, colors, kind=kind.value, smooth=smooth, mask=share, progress=progress, **shared
            ),
            veil,
        )
    for text in write_frames(output, result):
        note(f"{output}: {text}")
    height, width = result.pictures[0].pixels.shape[:2]
    if json:
        facts = {"photo": str(photo), "palette": str(palette), "output": str(output), "width": width, "height": height}
        facts |= {"frames": len(result)} if len(result) > 1 else {}
        facts |= {} if mask is None else {"mask": str(mask)}
        emit({"command": "recolor", **facts, "kind": kind.value, "space": space.value, "k": k, "smooth": smooth})
        return
    show_facts(f"{photo} in the colors of {palette}", {"picture": _described(result), **written(output)})


def _described(frames: Frames) -> str:
    """Size, bits and frames, in words."""
    pixels = frames.pictures[0].pixels
    bits = {"uint8": "8 bits", "uint16": "16 bits"}.get(str(pixels.dtype), "floats")
    many = f", {len(frames)} frames" if len(frames) > 1 else ""
    return f"{pixels.shape[1]} x {pixels.shape[0]}, {bits}{many}"
