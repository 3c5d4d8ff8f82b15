"""Records in JSON: a list of them, .json, or one on each line, .jsonl and .ndjson."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from mixot.errors import InputError
from mixot.io.columns import LET_IN, Table, listed, pick
from mixot.io.contents import Content
from mixot.io.formats.cells import table_of
from mixot.io.models import once

SUFFIXES = (".jsonl", ".ndjson")


def read_records(content: Content, columns: Sequence[str] | None, missing: str = "error") -> Table:
    """The records of a file as rows; a field that a record lacks, or null, is a hole.

    Where ``missing`` is "ignore", the columns are the fields of all records together, and a note tells which of them
    the first record has not: it may be a name that was written in two ways.

    Records may also be lists of numbers, all of one length; then columns are x1, x2, ...

    Raises
    ------
    InputError
        Where the text is damaged, a record is something else, has a field twice, or other fields than the first (unless
        gaps are let in), or a field that is asked for holds no number.
    """
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as binary:
        raise InputError(f"{content}: not a text file in UTF-8, which JSON must be; export it again") from binary
    lines = content.suffix in SUFFIXES
    records, numbers = _lines(content, text) if lines else _list(content, text)

    def where(row: int, j: int = 0) -> str:
        return f"line {numbers[row]}" if lines else f"record {numbers[row]}"

    if not records:
        raise InputError(f"{content}: there are no records in this file")
    kind, word = (dict, "objects") if isinstance(records[0], dict) else (list, "lists of numbers")
    for row, record in enumerate(records):
        if not isinstance(record, kind) or not isinstance(record, dict | list):
            raise InputError(
                f"{content}: {where(row)} is {_described(record)}, and the records must be objects or lists of "
                f"numbers, here {word} like the first; mend it"
            )
    if kind is list:
        return _of_lists(content, records, columns, where, missing)
    for row, record in enumerate(records):
        more = [name for name in record if name not in records[0]]
        if more and missing == "error":
            raise InputError(
                f"{content}: {where(row)} has the field {more[0]!r}, which the first one has not; give all the same, "
                f"or {LET_IN}"
            )
    held = Counter(chain.from_iterable(records))  # the fields, in the order in which they come first
    names = [list(held)[j] for j in pick(list(held), columns, content)]
    later = [f"{name!r} ({held[name]} of {len(records)})" for name in names if name not in records[0]]
    notes = (f"the first record lacks fields that others have, which are columns: {listed(later)}",) if later else ()
    parts = [[record.get(name) for record in records] for name in names]
    return table_of(content, names, parts, where, hole="missing", missing=missing, notes=notes)


def _of_lists(
    content: Content, records: list[list[Any]], columns: Sequence[str] | None, where: Any, missing: str
) -> Table:
    width = len(records[0])
    for row, record in enumerate(records):
        if len(record) != width:
            raise InputError(f"{content}: {where(row)} has {len(record)} numbers, expected {width}; mend it")
    names = [f"x{j + 1}" for j in range(width)]
    wanted = pick(names, columns, content)
    parts = [[record[j] for record in records] for j in wanted]
    return table_of(content, [names[j] for j in wanted], parts, where, named=False, hole="missing", missing=missing)


def _lines(content: Content, text: str) -> tuple[list[Any], list[int]]:
    """The record of each line, and the number of the line; empty lines are left out."""
    held = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_parsed(content, line, f"line {number}") for number, line in held], [number for number, _ in held]


def _list(content: Content, text: str) -> tuple[list[Any], list[int]]:
    records = _parsed(content, text, "")
    if not isinstance(records, list):
        raise InputError(f"{content}: JSON, but no list of records")
    return records, list(range(1, len(records) + 1))


def _parsed(content: Content, text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as damage:
        line = place or f"line {damage.lineno}"
        raise InputError(f"{content}: not complete JSON ({line}: {damage.msg}); the file is cut or damaged") from damage
    except InputError as wrong:
        raise InputError(f"{content}: {place + ': ' if place else ''}{wrong}; mend it") from wrong
    except (ValueError, RecursionError) as damage:  # a number of thousands of digits, or thousands of brackets
        raise InputError(
            f"{content}: {place + ': ' if place else ''}JSON that cannot be read ({type(damage).__name__})"
        ) from damage


def _described(record: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(record), "a number")
