"""Sheets of workbooks: .xlsx .xlsm .xlsb .xls .ods, through python-calamine."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import Any

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.arrays import check_inflation
from mixot.io.columns import Table, listed, pick
from mixot.io.contents import BOOKS, MARK, Content
from mixot.io.formats.cells import table_of
from mixot.io.text.gaps import is_missing

SUFFIXES = BOOKS
_HOLE = "empty, or an error such as #DIV/0!"  # the reader hands out errors as empty cells


def read_sheet(content: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    """The table on one sheet of a workbook.

    Its header is the first row that is as wide as the table; what stands above is a title, and has a note. Columns
    without a name are left out.

    Raises
    ------
    InputError
        Where the workbook is damaged or locked by a password, there are several sheets with cells and none is named,
        the sheet is empty, cells of the header are merged, or a cell that is asked for holds no number.
    UnsupportedError
        Where python-calamine is not installed.
    """
    calamine = require("python_calamine", "excel", f"reading {content.suffix} files")
    _bounded(content)
    try:
        with content.open() as file, calamine.load_workbook(file) as book:
            sheet = _sheet(content, book)
            rows, merged = sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges or []
    except InputError:
        raise
    except calamine.PasswordError as locked:
        raise InputError(f"{content}: this workbook is locked by a password; save a copy without one") from locked
    except (calamine.CalamineError, OSError, ValueError) as damage:
        if _is_locked(content):
            raise InputError(f"{content}: this workbook is locked by a password; save a copy without one") from damage
        raise InputError(f"{content}: not a complete workbook ({damage}); save it again") from damage
    if not content.part:
        content = Content(content.path, content.suffix, content.member, sheet.name, content.stream)
    return _table(content, rows, merged, columns, missing)


def _sheet(content: Content, book: Any) -> Any:
    """The sheet that is named, or the only one with cells."""
    if content.part is not None:
        if content.part not in book.sheet_names:
            raise InputError(
                f"{content.path}: no sheet {content.part!r} in this workbook; there are {listed(book.sheet_names)}"
            )
        return book.get_sheet_by_name(content.part)
    held = [sheet for sheet in map(book.get_sheet_by_name, book.sheet_names) if sheet.height]
    if len(held) != 1:
        names = [sheet.name for sheet in held]
        what = (
            f"several sheets with cells, name one: '{content.path}{MARK}{names[0]}'; there are {listed(names)}"
            if held
            else "no cells"
        )
        raise InputError(f"{content.path}: this workbook has {what}")
    return held[0]


def _table(
    content: Content, rows: list[list[Any]], merged: Sequence[Any], columns: Sequence[str] | None, missing: str
) -> Table:
    filled = [(at, row) for at, row in enumerate(rows) if any(map(_is_filled, row))]
    if not filled:
        raise InputError(f"{content}: this sheet is empty; there are no rows of numbers in it")
    used = [j for j in range(len(filled[0][1])) if any(_is_filled(row[j]) for _, row in filled)]
    widths = [sum(_is_filled(row[j]) for j in used) for _, row in filled]
    head = _head(widths, [row for _, row in filled])
    at, first = filled[head]
    notes: tuple[str, ...] = ()
    named = any(isinstance(first[j], str) and not is_missing(first[j]) for j in used)
    if head:
        above = listed([str(number + 1) for number, _ in filled[:head]], 5)
        notes = (f"row {above} above the header in row {at + 1} is a title, and left out",)
    if named:
        _check_header(content, at, merged, filled[head:])
    names = (
        [str(first[j]).strip() if _is_filled(first[j]) else "" for j in used]
        if named
        else [f"x{j + 1}" for j in range(len(used))]
    )
    body = filled[head + named :]
    if not body:
        raise InputError(f"{content}: there are no rows of numbers in this sheet, only the header {listed(names)}")
    wanted = pick(names, columns, content) if columns is not None else [j for j, name in enumerate(names) if name]
    held = [[row[used[j]] for _, row in body] for j in wanted]
    held = [[value if _is_filled(value) else None for value in column] for column in held]
    if missing == "ignore" and any(value is None for column in held for value in column):
        notes += ("empty cells are missing values, and so are cells with an error such as #DIV/0!",)
    return table_of(
        content,
        [names[j] for j in wanted],
        held,
        lambda row, j: f"cell {_letters(used[wanted[j]])}{body[row][0] + 1}",
        named=named,
        hole=_HOLE,
        missing=missing,
        notes=notes,
    )


def _head(widths: list[int], rows: list[list[Any]]) -> int:
    """The first row as wide as the table, where all above it are texts alone; else the first row."""
    wide = max(widths)
    # one cell may lack: the name of the labels of rows
    head = next(i for i, width in enumerate(widths) if width >= max(wide - 1, 2) or width == wide)
    above = (cell for row in rows[:head] for cell in row if _is_filled(cell))
    return head if all(isinstance(cell, str) for cell in above) else 0


def _check_header(content: Content, at: int, merged: Sequence[Any], rows: list[tuple[int, list[Any]]]) -> None:
    """Refuse a header with merged cells over several columns that hold data."""
    for (top, left), (bottom, right) in merged:
        if (
            top <= at <= bottom
            and right > left
            and any(_is_filled(row[j]) for _, row in rows[1:] for j in range(left + 1, right + 1))
        ):
            cells = f"{_letters(left)}{top + 1}:{_letters(right)}{bottom + 1}"
            raise InputError(
                f"{content}: the cells {cells} of the header are merged over several columns; take them apart and give "
                "each column its own name"
            )


def _is_filled(value: Any) -> bool:
    return not (value is None or (isinstance(value, str) and not value.strip()))


def _letters(column: int) -> str:
    """What a sheet calls a column: A, ..., Z, AA, ..."""
    name = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _bounded(content: Content) -> None:
    """Refuse a workbook whose parts inflate out of all proportion, or that is a single cell far away."""
    try:
        with content.open() as file, zipfile.ZipFile(file) as archive:
            full = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return  # .xls, or damage, which the reader names
    check_inflation(content, "the workbook", content.size, full)


def _is_locked(content: Content) -> bool:
    """Whether this is a container of what a password locks, in which the name of its part is written in UTF-16."""
    return (
        content.start(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        and "EncryptedPackage".encode("utf-16-le") in content.data
    )
