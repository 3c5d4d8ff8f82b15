"""``mixot texture``: a picture of any size with the texture of another one."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mixot.cli.arguments import Json, Seed
from mixot.cli.console import emit, note, show_facts, working, written


class Method(StrEnum):
    """How textures are made."""

    patches = "patches"
    gaussian = "gaussian"


class Preset(StrEnum):
    """What kind of texture it is."""

    auto = "auto"
    stochastic = "stochastic"
    structured = "structured"


def texture(
    exemplar: Annotated[Path, typer.Argument(help="The picture of a texture.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture that is made.", show_default=False)],
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WIDTHxHEIGHT", help="In pixels; that of the exemplar if not given."),
    ] = None,
    method: Annotated[
        Method, typer.Option("--method", help="patches: photographic; gaussian: quick, for textures without edges.")
    ] = Method.patches,
    preset: Annotated[
        Preset, typer.Option("--preset", help="Of patches: without, or with, repeats and long edges.")
    ] = Preset.auto,
    periodic: Annotated[bool, typer.Option("--periodic/--no-periodic", help="Make a tile, to be repeated.")] = False,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="A picture, white where the exemplar is to be filled; the rest of it stays."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Make a picture of any size with the texture of another one, or fill its holes."""
    from mixot.cli.picture_sources import naming, told_picture
    from mixot.imaging.texture import synthesize
    from mixot.io import write_picture
    from mixot.io.pictures import check_picture_target

    shape = _shape(size)
    check_picture_target(output)
    picture = told_picture(exemplar)
    holes = None if mask is None else told_picture(mask).pixels
    with working(f"making {output.name}", quiet=json) as progress, naming(exemplar):
        options: dict[str, Any] = {"periodic": periodic, "mask": holes, "rng": seed, "progress": progress}
        made = synthesize(picture.pixels, shape, method=method.value, preset=preset.value, **options)
    lost = write_picture(output, replace(picture, pixels=made.pixels))
    for text in (*made.notes, *lost):
        note(text)
    height, width = made.pixels.shape[:2]
    if json:
        facts = {"command": "texture", "exemplar": str(exemplar), "output": str(output), "width": width}
        facts |= {"height": height, "method": method.value, "preset": made.preset, "periodic": periodic}
        emit(facts | {"mask": None if mask is None else str(mask), "seed": seed})
        return
    what = f"filled where {mask} is white" if mask is not None else "a tile" if periodic else "a picture"
    facts = {"picture": f"{width} x {height}, {what}", "method": method.value, **written(output)}
    show_facts(f"the texture of {exemplar}", facts)


def _shape(size: str | None) -> tuple[int, int] | None:
    """Height and width from ``WIDTHxHEIGHT``; one number is both."""
    if size is None:
        return None
    found = re.fullmatch(r"\s*([1-9]\d{0,8})\s*(?:[xX\u00d7]\s*([1-9]\d{0,8}))?\s*", size)
    if not found:
        raise typer.BadParameter(
            f"expected a width and a height in pixels, such as 512x384, got {size!r}", param_hint="--size"
        )
    return int(found[2] or found[1]), int(found[1])
