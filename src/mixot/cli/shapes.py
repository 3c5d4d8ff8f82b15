"""``mixot shapes``: silhouettes and grey densities averaged, as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixot.cli.arguments import Json, Seed
from mixot.cli.barycenter import numbers
from mixot.cli.console import emit, note, show_facts, show_table, working, written
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.imaging.shapes import Shape


def shapes(
    inputs: Annotated[list[Path], typer.Argument(metavar="A B ...", help="Pictures of shapes.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture of the averages.", show_default=False)],
    weights: Annotated[
        list[str] | None, typer.Option("--weights", metavar="W W ...", help="One for each input; equal if not given.")
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option("--grid", min=2, help="Of two inputs a row of so many, of four a square with sides so."),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--components", min=1, help="Components to fit to each.")] = 30,
    silhouette: Annotated[
        bool, typer.Option("--silhouette", help="The pictures have two tones; draw averages so, areas kept.")
    ] = False,
    invert: Annotated[
        bool | None,
        typer.Option("--invert/--no-invert", help="The shapes are light, or dark; by their borders if not given."),
    ] = None,
    symmetry: Annotated[
        bool, typer.Option("--symmetry/--no-symmetry", help="Keep the mirror symmetry that shapes have.")
    ] = True,
    size: Annotated[
        int | None,
        typer.Option(
            "--size", min=1, help="Pixels along the longer side of each; of the inputs, in a grid at most 256."
        ),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Average shapes, or grey densities: a picture of the average, or of averages between two or four of them."""
    from mixot.imaging.shapes import Shape
    from mixot.io import Picture, read_picture, write_picture
    from mixot.io.pictures import check_picture_target

    check_picture_target(output)
    shares = numbers(weights, len(inputs))
    _check_layout(len(inputs), grid, weights is not None)
    found: list[Shape] = []
    for path in inputs:
        picture = read_picture(path)
        try:
            with working(f"fitting {path.name}", quiet=json) as progress:
                options: dict[str, Any] = {"silhouette": silhouette, "invert": invert, "symmetric": symmetry}
                found.append(Shape.of(picture.pixels, k=k, rng=seed, progress=progress, **options))
        except InputError as wrong:
            raise InputError(f"{path}: {wrong}") from None
        for text in found[-1].notes:
            note(f"{path}: {text}")
    averages = _averages(found, shares, grid)
    write_picture(output, Picture(_drawn(averages, size)))
    if json:
        emit(_document(inputs, found, averages, output))
    else:
        _tell(inputs, found, averages, output)


def _check_layout(count: int, grid: int | None, weighted: bool) -> None:
    if grid is None:
        return
    if weighted:
        raise InputError("--weights are those of one average and --grid draws many; leave one of them out")
    if count not in (2, 4):
        raise InputError(f"--grid takes two shapes, for a row, or four, for a square, got {count}")


def _averages(found: list[Shape], shares: list[float] | None, grid: int | None) -> list[list[Shape]]:
    from mixot.imaging.shapes import average, four_corners, path

    sizes = {(round(shape.width * shape.resolution), round(shape.height * shape.resolution)) for shape in found}
    if len(sizes) > 1:
        listed = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        note(f"the pictures have different sizes ({listed}): their longer sides are made one length")
    if grid is None:
        return [[average(found, shares)]]
    return [path(found[0], found[1], grid)] if len(found) == 2 else four_corners(found, grid)


def _drawn(averages: list[list[Shape]], size: int | None) -> Any:
    from mixot.imaging.shapes import contact_sheet

    resolution = averages[0][0].resolution
    if len(averages) * len(averages[0]) == 1:
        return averages[0][0].pixels(size)
    return contact_sheet(averages, size=size or min(resolution, 256))


def _tell(inputs: list[Path], found: list[Shape], averages: list[list[Shape]], output: Path) -> None:
    rows = [
        (str(path), shape.kind, str(len(shape.mixture)), f"{shape.mass:.4g}", _axis(shape))
        for path, shape in zip(inputs, found, strict=True)
    ]
    show_table("", ["input", "shape", "components", "area" if found[0].silhouette else "ink", "mirror"], rows)
    facts: dict[str, object] = {}
    if len(averages) * len(averages[0]) > 1:
        facts["averages"] = f"{len(averages)} x {len(averages[0])}"
    elif (proof := averages[0][0].barycenter) is not None:
        facts |= {"components": len(averages[0][0].mixture), "objective": proof.objective}
        facts |= {"at least": f"{proof.lower_bound:.10g} (proven: gap {proof.gap:.2g})"}
    show_facts("", facts | written(output))


def _axis(shape: Shape) -> str:
    return "none" if shape.mirror is None else f"{shape.mirror.angle:g} degrees"


def _document(inputs: list[Path], found: list[Shape], averages: list[list[Shape]], output: Path) -> dict[str, Any]:
    """What machines are told."""
    return {
        "command": "shapes",
        "inputs": [{"path": str(path), **_facts(shape)} for path, shape in zip(inputs, found, strict=True)],
        "averages": [[_facts(shape) for shape in row] for row in averages],
        "output": str(output),
    }


def _facts(shape: Shape) -> dict[str, Any]:
    facts = {
        "shape": shape.kind,
        "components": len(shape.mixture),
        "mass": shape.mass,
        "mirror": None if shape.mirror is None else shape.mirror.angle,
    }
    proof = shape.barycenter
    if proof is None:
        return facts
    bounds = {"objective": proof.objective, "lower_bound": proof.lower_bound, "gap": proof.gap}
    return facts | {"weights": proof.weights.tolist(), **bounds}
