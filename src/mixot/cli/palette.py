"""``mixot palette``: the colors of a picture, shown, kept in a file, or averaged with those of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Mask, Seed, Shape, Structure
from mixot.cli.barycenter import numbers
from mixot.cli.console import emit, working
from mixot.cli.recolor import Space

if TYPE_CHECKING:
    from mixot.imaging.color import Palette
    from mixot.imaging.swatches import Swatch


def palette(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="A ...", help="Pictures, or palettes that were kept (.json).", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The palette (.json), or swatches: .png .svg .gpl .ase."),
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option("--weights", metavar="W W ...", help="Of several, their shares in the average.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--components", min=1, help="Colors to fit to each picture.")] = 10,
    space: Annotated[Space, typer.Option("--space", help="Of the fits: rgb, or lab, as the eye compares.")] = Space.rgb,
    structure: Shape = Structure.full,
    mask: Mask = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Show the colors of a picture with their shares, of several their average, and keep them for `mixot recolor`."""
    from mixot.cli.picture_sources import masks_of
    from mixot.cli.views.palettes import show_palette
    from mixot.imaging import palettes, swatches
    from mixot.io import check_target, kind_of

    if output is not None:
        check_target(output, (palettes.SUFFIX, *swatches.SUFFIXES))
    shares = numbers(weights, len(inputs))
    options: dict[str, Any] = {"k": k, "space": space.value, "structure": structure.value}
    masks = masks_of(inputs, [kind_of(path) for path in inputs], mask)
    given = [
        open_palette(path, options, mask=veil, seed=seed, quiet=json) for path, veil in zip(inputs, masks, strict=True)
    ]
    found = given[0] if len(given) == 1 else palettes.average_palettes(given, shares)
    colors = swatches.swatches_of(found.mixture, found.space)
    if output is not None:
        _write(found, colors, output, " + ".join(path.stem for path in inputs))
    if json:
        emit(_document(found, colors, inputs, shares, output))
    else:
        show_palette(f"the colors of {', '.join(map(str, inputs))}", found, colors, output)


def open_palette(path: Path, options: dict[str, Any], *, mask: Path | None = None, seed: int, quiet: bool) -> Palette:
    """The palette in a file, or fitted to a picture; that of a picture is the same whatever else is read."""
    from mixot.cli.picture_sources import mask_in, naming, told_picture
    from mixot.imaging.color import Palette
    from mixot.imaging.palettes import load_palette
    from mixot.io import kind_of

    if kind_of(path) == "model":
        return load_palette(path)
    picture, veil = told_picture(path), mask_in(mask)
    with working(f"fitting the colors of {path.name}", quiet=quiet) as progress, naming(path):
        return Palette.of(picture.pixels, **options, mask=veil, rng=seed, progress=progress)


def _write(found: Palette, colors: tuple[Swatch, ...], output: Path, title: str) -> None:
    from mixot.imaging.palettes import SUFFIX, save_palette
    from mixot.imaging.swatches import write_swatches

    if output.suffix.lower() == SUFFIX:
        save_palette(found, output)
    else:
        write_swatches(output, colors, title=title)


def _document(
    found: Palette, colors: tuple[Swatch, ...], inputs: list[Path], shares: list[float] | None, output: Path | None
) -> dict[str, Any]:
    """What machines are told."""
    return {
        "command": "palette",
        "inputs": [str(path) for path in inputs],
        "weights": shares or [1 / len(inputs)] * len(inputs),
        "space": found.space,
        "grey": found.grey,
        "k": len(colors),
        "colors": [{"hex": each.hex, "rgb": list(each.rgb), "share": each.share} for each in colors],
        "output": None if output is None else str(output),
    }
