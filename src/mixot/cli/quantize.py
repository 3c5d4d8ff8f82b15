"""``mixot quantize``: a picture in dots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixot.cli.arguments import Json, Seed
from mixot.cli.console import emit, show_facts, working, written

if TYPE_CHECKING:
    from mixot.imaging.stipple import Stipple


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
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="A picture: dots where it is white, fewer where grey.", show_default=False),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw a picture in dots, spread like blue noise: the points nearest to its darkness in W2."""
    from mixot.cli.picture_sources import mask_in, naming, told_picture
    from mixot.imaging.stipple import stipple
    from mixot.io import check_target
    from mixot.io.tables import SUFFIXES

    check_target(output, (".svg", ".png", *SUFFIXES))
    picture = told_picture(photo)
    veil = mask_in(mask)
    with working(f"drawing {photo.name}", quiet=json) as progress, naming(photo):
        drawing = stipple(picture.pixels, n, size=size, gamma=gamma, mask=veil, rng=seed, progress=progress)
    _write(drawing, output, scale)
    found = drawing.quantization
    if json:
        facts = {"photo": str(photo), "output": str(output), "points": n, "distance": found.distance}
        emit({"command": "quantize", **facts, "status": str(found.status), "iterations": found.iterations})
        return
    status = f"{found.status} after {found.iterations} steps"
    facts = {"W2": f"{found.distance:.6g} pixels", "status": status, **written(output)}
    show_facts(f"{photo} in {n:,} dots", facts)


def _write(drawing: Stipple, output: Path, scale: float) -> None:
    """Write the drawing as a vector or a pixel picture, or its dots as a table."""
    from mixot.io import Picture, replacing, write_picture, write_table

    suffix = output.suffix.lower()
    if suffix == ".svg":
        with replacing(output) as file:
            file.write(drawing.svg().encode())
    elif suffix == ".png":
        write_picture(output, Picture(drawing.pixels(scale)))
    else:
        write_table(output, drawing.dots, ["x", "y"])
