"""What `mixot recolor` makes besides one picture: several palettes mixed, grids of pictures, and tables of colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mixot.cli.console import emit, note, show_facts, working, written
from mixot.errors import InputError

if TYPE_CHECKING:
    from mixot.imaging.color import RecolorOptions
    from mixot.imaging.color_grid import ColorGrid
    from mixot.io import Frames

CUBE = ".cube"


@dataclass(frozen=True)
class Files:
    """What is read and written, as it was typed: ``palettes`` with their ``weights``, or a table, ``lut``."""

    photo: Path
    palettes: tuple[Path, ...]
    output: Path
    weights: Sequence[float] | None = None
    grid: int | None = None
    table: Path | None = None
    lut: Path | None = None
    mask: Path | None = None

    @classmethod
    def of(cls, photo: Path, palettes: Sequence[Path], output: Path, **more: Any) -> Files:
        """A palette that is a table, in a .cube file, is one; and a table may be all that is written."""
        if len(palettes) == 1 and palettes[0].suffix.lower() == CUBE and more["lut"] is None:
            palettes, more = (), more | {"lut": palettes[0]}
        if output.suffix.lower() == CUBE:
            if more["table"] is not None:
                raise InputError(f"-o {output} is a table already; name the picture with -o, or leave --table out")
            more = more | {"table": output}
        return cls(photo, tuple(palettes), output, **more)

    @property
    def draws(self) -> bool:
        """Whether a picture is written, and not a table alone."""
        return self.output.suffix.lower() != CUBE

    def check(self, options: RecolorOptions) -> None:
        """Raise an error where what was asked for does not fit together, or cannot be written."""
        from mixot.io import check_target
        from mixot.io.pictures import check_picture_target

        self.check_colors(options)
        self._check_places()
        if self.mask is not None and self.grid is not None:
            raise InputError("--grid recolors whole pictures; leave --mask out")
        if self.weights is not None and self.grid is not None:
            raise InputError("--grid shows all weights; leave --weights out")
        if self.table is not None and options.by_components:
            raise InputError("tables are of the natural map; leave the options of the map between mixtures out")
        if self.table is not None and self.grid is not None:
            raise InputError("--grid makes many maps; leave --table out, or name one place by --weights")
        if self.table is not None:
            from mixot.imaging.lookup_tables import SUFFIXES

            check_target(self.table, SUFFIXES)
        if self.draws and (self.grid is None or self.output.suffix):
            check_picture_target(self.output)

    def _check_places(self) -> None:
        """Raise an error where the picture and its table would be one file: the second would replace the first."""
        if self.draws and self.table is not None and self.table.absolute() == self.output.absolute():
            raise InputError(f"-o and --table both name {self.output}; give the table another name")

    def check_colors(self, options: RecolorOptions) -> None:
        """Raise an error where palettes, or a table in their place, are missing or do not fit together."""
        if not self.palettes and self.lut is None:
            raise typer.BadParameter("a picture with the colors is missing, or --lut, a table", param_hint="--palette")
        if self.palettes and self.lut is not None:
            raise InputError("--palette makes a table and --lut applies one that there is; give one of them")
        if len(self.palettes) > 1 and (tables := [path for path in self.palettes if path.suffix.lower() == CUBE]):
            raise InputError(
                f"{tables[0]}: a table of colors is no palette that others can be mixed with; give it alone"
            )
        if self.lut is not None and (self.grid, self.weights, options.keep, options.gain) != (None,) * 4:
            raise InputError("--lut applies a table as it is; leave --grid, --weights, --keep and --gain out")
        if self.lut is not None and options.by_components:
            raise InputError("--lut applies a table as it is; leave the options of the map between mixtures out")

    def frames(self) -> Frames:
        """The photo, or its frames where what is written holds many."""
        from mixot.cli.picture_sources import told_frames
        from mixot.io.pictures import check_picture_target

        frames = told_frames(self.photo, self.output if self.draws else Path("one.png"))
        if self.draws:
            check_picture_target(self.output, has_alpha=any(picture.has_alpha for picture in frames.pictures))
        return frames

    def write(self, frames: Frames) -> None:
        """Write the recolored frames, where not only a table was asked for."""
        from mixot.io import write_frames

        if self.draws:
            for text in write_frames(self.output, frames):
                note(f"{self.output}: {text}")

    @property
    def named(self) -> str:
        """The palettes in words."""
        return ", ".join(map(str, self.palettes)) if self.lut is None else str(self.lut)


def open_palette_or_picture(path: Path) -> Any:
    """The palette in a file, or the pixels of a picture."""
    from mixot.cli.picture_sources import told_picture
    from mixot.io import kind_of

    if kind_of(path) == "model":
        from mixot.imaging.palettes import load_palette

        return load_palette(path)
    pixels = told_picture(path).pixels
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[:, :, 3].any():
        raise InputError(f"{path}: the palette is transparent everywhere: it has no colors")
    return pixels


def palette_between(files: Files, options: RecolorOptions, *, rng: Any, progress: Any) -> Any:
    """The palette of one file, or what lies between those of several."""
    from mixot.imaging.color import palette_for

    opened = [open_palette_or_picture(path) for path in files.palettes]
    if len(opened) == 1:
        return palette_for(opened[0], options, rng=rng, progress=progress)
    if files.weights is not None and 1.0 in files.weights and sum(files.weights) == 1.0:
        return palette_for(opened[list(files.weights).index(1.0)], options, rng=rng, progress=progress)
    from mixot.imaging.palettes import as_palettes, average_palettes

    structure = options.structure or "full"
    fitted = as_palettes(
        opened, k=options.components, space=options.space, structure=structure, rng=rng, progress=progress
    )
    return average_palettes(fitted, files.weights)


def write_table(files: Files, table: Any) -> None:
    """Write the map as a table where one is asked for."""
    from mixot.imaging.lookup_tables import write_color_table

    if files.table is None:
        return
    if table is None:
        raise InputError(f"{files.photo}: no map was made, so there is no table to write; leave --table out")
    name = "".join(letter for letter in f"mixot {files.named}" if letter.isprintable() and letter != '"')
    write_color_table(files.table, table, title=name.encode()[:200].decode(errors="ignore"))


def apply_lut(files: Files, options: RecolorOptions, *, json: bool) -> None:
    """Move a picture by a table from a file; or write that in another format."""
    from mixot.cli.picture_sources import mask_in, naming
    from mixot.imaging.color import apply_table
    from mixot.imaging.lookup_tables import faded, read_color_table

    assert files.lut is not None
    table = faded(read_color_table(files.lut), options.strength)
    facts: dict[str, Any] = {"photo": str(files.photo), "lut": str(files.lut), "output": str(files.output)}
    if files.draws:
        frames, veil = files.frames(), mask_in(files.mask)
        with naming(files.photo):
            pixels = [apply_table(each.pixels, table, grain=options.grain, mask=veil) for each in frames.pictures]
        moved = frames.with_pixels(pixels)
        files.write(moved)
        height, width = moved.pictures[0].pixels.shape[:2]
        facts |= {"width": width, "height": height}
    write_table(files, table)
    if json:
        table_file = None if files.table is None else str(files.table)
        emit({"command": "recolor", **facts, "map": "table", "strength": options.strength, "table": table_file})
        return
    size = f"{table.size} x {table.size} x {table.size}"
    show_facts(f"{files.photo} through {files.lut}", {"table": size, **written(files.output)})


def draw_grid(files: Files, options: RecolorOptions, *, rng: Any, json: bool) -> None:
    """Write a picture in all the colors between some palettes, as a sheet or into a folder."""
    from mixot.cli.picture_sources import naming, told_picture
    from mixot.imaging.color_grid import color_grid
    from mixot.imaging.sheets import tile_of
    from mixot.io import check_folder

    assert files.grid is not None
    folder = None if files.output.suffix else check_folder(files.output)
    picture = told_picture(files.photo)
    opened = [open_palette_or_picture(path) for path in files.palettes]
    with working(f"recoloring {files.photo.name}", quiet=json) as progress, naming(files.photo):
        largest = tile_of(files.grid) if folder is None else None
        grid = color_grid(picture.pixels, opened, files.grid, options, largest=largest, rng=rng, progress=progress)
    for text in grid.notes:
        note(text)
    names = _write_grid(grid, files, folder, picture.icc)
    weights = [[shares.tolist() for shares in row] for row in grid.weights]
    if json:
        facts = {"photo": str(files.photo), "palettes": [str(path) for path in files.palettes]}
        emit(
            {
                "command": "recolor",
                **facts,
                "map": "natural",
                "grid": weights,
                "output": str(files.output),
                "files": names,
            }
        )
        return
    count = sum(map(len, weights))
    show_facts(f"{files.photo} between {files.named}", {"pictures": str(count), **written(files.output)})


def _write_grid(grid: ColorGrid, files: Files, folder: Path | None, icc: bytes | None) -> list[str]:
    """Write the sheet, and into a folder each picture, called by its row and column; the names of the files."""
    from mixot.imaging.sheets import reduced, tile_of
    from mixot.io import Picture, write_picture

    if folder is None:
        write_picture(files.output, Picture(grid.sheet()))
        return [str(files.output)]
    suffix = files.photo.suffix.lower() if files.photo.suffix.lower() in (".jpg", ".jpeg", ".tif", ".tiff") else ".png"
    places = [(i, j) for i, row in enumerate(grid.pictures) for j in range(len(row))]
    names = [folder / f"{i + 1}-{j + 1}{suffix}" for i, j in places]
    for name, (i, j) in zip(names, places, strict=True):
        write_picture(name, Picture(grid.pictures[i][j], icc))
    tiles = [[reduced(image, tile_of(len(grid.pictures[-1]))) for image in row] for row in grid.pictures]
    write_picture(folder / "sheet.png", Picture(type(grid)(tiles, grid.swatches, grid.weights).sheet()))
    return [str(folder / "sheet.png"), *map(str, names)]
