"""``mixot quantize``: a picture in dots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixot.cli.arguments import Json, Seed
from mixot.cli.console import emit, show_facts, working


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
