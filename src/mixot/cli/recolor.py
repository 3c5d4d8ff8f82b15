"""``mixot recolor``: a picture in the colors of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mixot.cli.arguments import Json, Kind, Seed, Shape, Structure
from mixot.cli.console import emit, show_facts, working, written


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
    structure: Shape = Structure.full,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Give a picture the colors of another one."""
    import numpy as np

    from mixot.imaging.color import Palette, transfer
    from mixot.imaging.palettes import load_palette
    from mixot.io import Picture, kind_of, read_picture, write_picture
    from mixot.io.pictures import check_picture_target

    check_picture_target(output)
    picture = read_picture(photo)
    check_picture_target(output, has_alpha=picture.has_alpha)
    rng = np.random.default_rng(seed)
    shared: dict[str, Any] = {"k": k, "space": space.value, "structure": structure.value, "rng": rng}
    with working("fitting the palette", quiet=json) as progress:
        if kind_of(palette) == "model":
            colors = load_palette(palette)
        else:
            colors = Palette.of(read_picture(palette).pixels, **shared, progress=progress)
    with working(f"recoloring {photo.name}", quiet=json) as progress:
        result = transfer(picture.pixels, colors, kind=kind.value, smooth=smooth, progress=progress, **shared)
    write_picture(output, Picture(result, picture.icc))
    height, width = result.shape[:2]
    if json:
        facts = {"photo": str(photo), "palette": str(palette), "output": str(output), "width": width, "height": height}
        emit({"command": "recolor", **facts, "kind": kind.value, "space": space.value, "k": k, "smooth": smooth})
        return
    bits = {np.dtype(np.uint8): "8 bits", np.dtype(np.uint16): "16 bits"}.get(result.dtype, "floats")
    show_facts(f"{photo} in the colors of {palette}", {"picture": f"{width} x {height}, {bits}", **written(output)})
