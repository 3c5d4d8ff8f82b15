"""Tables of colors in files that other programs read: .cube (Adobe, Iridas) and pictures that hold a Hald CLUT."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixot._shapes import Float
from mixot.errors import AccuracyWarning, InputError
from mixot.formulas.oklab import from_oklab, to_oklab
from mixot.imaging.natural.color_map import between
from mixot.imaging.natural.table import LARGEST, ColorTable
from mixot.io.atomic import check_target, replacing
from mixot.io.pictures import Picture, read_picture, write_picture

__all__ = ["faded", "hald_level", "read_color_table", "write_color_table"]

CUBE = ".cube"
HALD = (".png", ".tif", ".tiff")  # a picture of a table has to come back as it was: no JPEG, and 16 bits
SUFFIXES = (CUBE, *HALD)
_TITLE = 250  # bytes of a line, which the format ends there


def write_color_table(
    path: str | os.PathLike[str], table: ColorTable, *, title: str = "mixot", level: int | None = None
) -> None:
    """Write a table of colors for other programs: ``.cube``, or a picture that holds a Hald CLUT.

    A .cube file is read back to the last bit of float32. A Hald CLUT of level n is a picture of n^3 x n^3 pixels, 16
    bits, with the table of n^2 entries a side row by row; a table of another size is interpolated to that (trilinear),
    which moves it a little: 16, 25, 36, 49 and 64 entries stay as they are, up to 1 / 131070.

    Parameters
    ----------
    path : str or path
        ``.cube``, ``.png`` or ``.tif``.
    table : ColorTable
        The map, sRGB to sRGB.
    title : str
        The title in a .cube file, one line.
    level : int, optional
        Of a Hald CLUT, at least 2; what `hald_level` says where not given.

    Raises
    ------
    InputError
        Where the file cannot be written or its extension is another, the title is no single line, or the table is
        larger than the format allows (256 entries a side).

    Examples
    --------
    >>> import tempfile
    >>> from mixot.imaging.natural.table import ColorTable
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_color_table(f"{folder}/same.cube", ColorTable.identity(17))
    ...     read_color_table(f"{folder}/same.cube").size
    17

    References
    ----------
    Adobe, *Cube LUT Specification*, version 1.0, 2013. ImageMagick, *Hald CLUT* (E. Heimburger's format).
    """
    target = check_target(path, SUFFIXES)
    if target.suffix.lower() != CUBE:
        write_picture(target, Picture(_hald(table, hald_level(table.size) if level is None else level)))
        return
    if level is not None:
        raise InputError(f"{path}: a level is of a Hald CLUT (.png, .tif), leave it out")
    text = _cube_text(table, title)
    with replacing(target) as file:
        file.write(text.encode())


def read_color_table(path: str | os.PathLike[str]) -> ColorTable:
    """Return the table of colors in a ``.cube`` file or in a picture that holds a Hald CLUT.

    Raises
    ------
    InputError
        Where there is no such file, or it holds something else: curves for each channel (LUT_1D_SIZE), another domain
        than 0 to 1, too many or too few rows, values that are no finite numbers, a picture of another shape.

    Warns
    -----
    AccuracyWarning
        Where values outside [0, 1] were cut, or a keyword is not known and was left out.
    """
    source = Path(path)
    if source.suffix.lower() == CUBE:
        return _read_cube(source)
    if source.suffix.lower() not in (*HALD, ".bmp"):
        raise InputError(f"{path}: tables of colors are {CUBE} files, or pictures of a Hald CLUT: {' '.join(HALD)}")
    return _of_hald(read_picture(source), path)


def faded(table: ColorTable, strength: float | int) -> ColorTable:
    """Return the table that moves colors only so far, 0 (not at all) to 1, in Oklab.

    So does `mixot.imaging.natural.ColorMap.table`.

    Raises
    ------
    InputError
        Where the strength lies outside [0, 1].

    Examples
    --------
    >>> faded(ColorTable(0 * ColorTable.identity(2).values), 0.5).values[1, 1, 1].astype(float).round(2).tolist()
    [0.47, 0.47, 0.47]
    """
    if not 0 <= strength <= 1:
        raise InputError(f"strength must lie in [0, 1], got {strength:g}")
    if strength == 1:
        return table
    start, end = (to_oklab(each.values.astype(np.float64)) for each in (ColorTable.identity(table.size), table))
    moved = between(start.reshape(-1, 3), end.reshape(-1, 3), float(strength))
    return ColorTable(from_oklab(moved).reshape(table.values.shape))


def hald_level(size: int) -> int:
    """The level of the smallest Hald CLUT that holds ``size`` entries a side: it has level^2.

    Examples
    --------
    >>> [hald_level(size) for size in (17, 33, 49, 64, 65)]
    [5, 6, 7, 8, 9]
    """
    return max(2, int(np.ceil(np.sqrt(size) - 1e-9)))


def _cube_text(table: ColorTable, title: str) -> str:
    if table.size > LARGEST:
        raise InputError(f"a .cube file has at most {LARGEST} entries a side, the table {table.size}")
    if not title.isprintable() or '"' in title or len(title.encode()) > _TITLE - len('TITLE ""'):
        raise InputError(f"the title of a .cube file is one short line without quotation marks, got {title!r}")
    # As few digits as give each float32 back; small ones are written out, since not every reader knows exponents.
    rows = table.values.transpose(2, 1, 0, 3).reshape(-1, 3)  # red changes fastest
    words = rows.astype("U").tolist()
    for i, j in np.argwhere((rows < 1e-3) & (rows > 0)).tolist():
        words[i][j] = np.format_float_positional(rows[i, j], trim="-")
    lines = [" ".join(row) for row in words]
    head = [f'TITLE "{title}"', f"LUT_3D_SIZE {table.size}", "DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]
    return "\n".join([*head, *lines, ""])


def _read_cube(path: Path) -> ColorTable:
    if not path.is_file():
        raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: a folder, not a table of colors")
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file, so no .cube table; save it again") from None
    told, rows = _parts(lines, path)
    size = _size(told, path)
    values = _numbers(lines, rows, path)
    if len(values) != size**3:
        raise InputError(
            f"{path}: LUT_3D_SIZE {size} asks for {size**3} rows of three numbers, there are {len(values)}; the file "
            "is cut or damaged"
        )
    outside = int(((values < 0) | (values > 1)).any(axis=1).sum())
    if outside:
        text = f"{path}: {outside} of {size**3} colors lie outside [0, 1] and were cut to it"
        warnings.warn(text, AccuracyWarning, stacklevel=3)
    cube = np.clip(values, 0.0, 1.0).reshape(size, size, size, 3).transpose(2, 1, 0, 3)
    return ColorTable(cube)


def _parts(lines: Sequence[str], path: Path) -> tuple[dict[str, str], list[int]]:
    """What keywords say, and the numbers of the lines that hold data."""
    told: dict[str, str] = {}
    rows = []
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        word = text.split(maxsplit=1)[0]
        if not text[0].isalpha() or word.lower() in ("nan", "inf"):
            rows.append(number)
            continue
        if word in told:
            raise InputError(f"{path}, line {number + 1}: {word} is there twice; save the table again")
        told[word] = text.removeprefix(word).strip()
    return told, rows


def _size(told: dict[str, str], path: Path) -> int:
    """Entries a side; what else keywords say is checked."""
    if "LUT_1D_SIZE" in told:
        raise InputError(
            f"{path}: holds curves for each channel (LUT_1D_SIZE); expected a table of colors (LUT_3D_SIZE): export "
            "it as a 3D LUT"
        )
    if "LUT_3D_SIZE" not in told:
        raise InputError(f"{path}: no line says LUT_3D_SIZE, so this is no .cube table of colors")
    ends = {"DOMAIN_MIN": 0.0, "DOMAIN_MAX": 1.0}
    for word, text in told.items():
        parts = text.split()
        wanted = [ends[word]] * 3 if word in ends else [0.0, 1.0] if word == "LUT_3D_INPUT_RANGE" else None
        if wanted is not None and (len(parts) != len(wanted) or [_number(part) for part in parts] != wanted):
            raise InputError(f"{path}: {word} must be {' '.join(map(str, wanted))}, got {text}; export it for 0 to 1")
        if wanted is None and word not in ("TITLE", "LUT_3D_SIZE"):
            warnings.warn(f"{path}: {word} is not known here and was left out", AccuracyWarning, stacklevel=4)
    size = told["LUT_3D_SIZE"]
    if not (size.isdecimal() and size.isascii() and 2 <= int(size) <= LARGEST):
        raise InputError(f"{path}: LUT_3D_SIZE must be a whole number from 2 to {LARGEST}, got {size[:40]}")
    return int(size)


def _numbers(lines: Sequence[str], rows: Sequence[int], path: Path) -> Float[np.ndarray, "n 3"]:
    """The rows of data, three finite numbers each, as float32."""
    try:
        split = [lines[number].split() for number in rows]
        values = np.array(split, dtype=np.float64).reshape(len(rows), 3) if rows else np.empty((0, 3))
    except ValueError:  # look for the line
        values = None
    if values is None or not np.isfinite(values).all():
        wrong = next(
            number
            for number in rows
            if len(lines[number].split()) != 3
            or not np.isfinite([_number(part) for part in lines[number].split()]).all()
        )
        raise InputError(f"{path}, line {wrong + 1}: expected three finite numbers, got {lines[wrong].strip()[:60]!r}")
    return values.astype(np.float32)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _hald(table: ColorTable, level: int) -> np.ndarray:
    """The picture of a table, (level^3, level^3, 3) uint16."""
    if not 2 <= level <= 16:
        raise InputError(f"the level of a Hald CLUT must be 2 to 16, got {level}")
    side = level * level
    values = table.values if table.size == side else table(ColorTable.identity(side).values)
    steps = np.rint(values.astype(np.float64) * 65535).astype(np.uint16)
    return steps.transpose(2, 1, 0, 3).reshape(level**3, level**3, 3)  # red changes fastest


def _of_hald(picture: Picture, path: str | os.PathLike[str]) -> ColorTable:
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    level = round(height ** (1 / 3))
    if height != width or level < 2 or level**3 != height or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise InputError(
            f"{path}: a Hald CLUT is a square picture in color of side 8, 27, 64, 125, 216, 343, 512, ..., this one is "
            f"{width} x {height}{' and grey' if picture.is_grey else ''}"
        )
    side = level * level
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
    values = (pixels[:, :, :3].astype(np.float64) / top).astype(np.float32)
    return ColorTable(values.reshape(side, side, side, 3).transpose(2, 1, 0, 3))
