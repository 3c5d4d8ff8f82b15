"""``mixot recolor | quantize``: a picture in the colors of another, and in dots."""

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

    from mixot import io
    from mixot.imaging.color import Palette, transfer
    from mixot.io.pictures import check_picture_target

    check_picture_target(output)
    picture = io.read_picture(photo)
    check_picture_target(output, has_alpha=picture.has_alpha)
    rng = np.random.default_rng(seed)
    shared: dict[str, Any] = {"k": k, "space": space.value, "structure": structure.value, "rng": rng}
    with working("fitting the palette", quiet=json) as progress:
        if io.kind_of(palette) == "model":
            colors = Palette(io.load(palette), "rgb")
        else:
            colors = Palette.of(io.read_picture(palette).pixels, **shared, progress=progress)
    with working(f"recoloring {photo.name}", quiet=json) as progress:
        result = transfer(picture.pixels, colors, kind=kind.value, smooth=smooth, progress=progress, **shared)
    io.write_picture(output, io.Picture(result, picture.icc))
    height, width = result.shape[:2]
    if json:
        facts = {"photo": str(photo), "palette": str(palette), "output": str(output), "width": width, "height": height}
        emit({"command": "recolor", **facts, "kind": kind.value, "space": space.value, "k": k, "smooth": smooth})
        return
    bits = {np.dtype(np.uint8): "8 bits", np.dtype(np.uint16): "16 bits"}.get(result.dtype, "floats")
    show_facts(f"{photo} in the colors of {palette}", {"picture": f"{width} x {height}, {bits}", **written(output)})


def quantize(
    photo: Annotated[Path, typer.Argument(help="The picture to draw.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The drawing (.svg .png), or a table of dots (.csv ...).")
    ],
    n: Annotated[int, typer.Option("-n", "--points", min=1, help="Number of dots.")] = 2000,
    size: Annotated[float, typer.Option("--size", min=0.01, help="Of the dots; 1 gives the ink of the picture.")] = 1.0,
    gamma: Annotated[float, typer.Option("--gamma", min=0.01, help="Above 1: fewer dots where it is light.")] = 1.0,
    scale: Annotated[
        float, typer.Option("--scale", min=0.1, help="Of a .png: its pixels for each of the photo's.")
    ] = 2.0,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw a picture in dots, spread like blue noise: the points nearest to its darkness in W2."""
    from mixot import io
    from mixot.errors import InputError
    from mixot.imaging.stipple import stipple
    from mixot.io import tables

    io.check_target(output, (".svg", ".png", *tables.SUFFIXES))
    picture = io.read_picture(photo)
    try:
        with working(f"drawing {photo.name}", quiet=json) as progress:
            drawing = stipple(picture.pixels, n, size=size, gamma=gamma, rng=seed, progress=progress)
    except InputError as wrong:
        raise InputError(f"{photo}: {wrong}") from None
    suffix = output.suffix.lower()
    if suffix == ".svg":
        with io.replacing(output) as file:
            file.write(drawing.svg().encode())
    elif suffix == ".png":
        io.write_picture(output, io.Picture(drawing.pixels(scale)))
    else:
        io.write_table(output, drawing.dots, ["x", "y"])
    found = drawing.quantization
    if json:
        facts = {"photo": str(photo), "output": str(output), "points": n, "distance": found.distance}
        emit({"command": "quantize", **facts, "status": str(found.status), "iterations": found.iterations})
        return
    status = f"{found.status} after {found.iterations} steps"
    show_facts(f"{photo} in {n:,} dots", {"W2": f"{found.distance:.6g} pixels", "status": status, "written": output})
