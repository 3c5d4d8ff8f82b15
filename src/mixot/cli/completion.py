"""What the shell offers after an option: names of families, and columns of the table that was typed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def families(incomplete: str) -> list[str]:
    """Families whose names begin so."""
    from mixot.families.registry import registered

    return sorted(name for name in registered() if name != "product" and name.startswith(incomplete))


def columns(incomplete: str) -> list[str]:
    """Columns of the first table on the line that has names, after those that stand before the last comma."""
    *before, last = incomplete.split(",")
    found = next(filter(None, map(_names, _words())), [])
    head = "".join(f"{name}," for name in before)
    return [f"{head}{name}" for name in found if name.startswith(last) and name not in before]


def _words() -> list[str]:
    """The words of the line, as shells hand it over: where an option waits for its value, none of it is parsed."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    try:
        return shlex.split(line)
    except ValueError:  # a quote that is still open
        return line.split()


def _names(path: str) -> list[str]:
    """The names in the first line of a table in text."""
    if Path(path).suffix.lower() not in (".csv", ".tsv", ".txt"):
        return []
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
            line = file.readline(1 << 16)
    except OSError:
        return []
    mark = next((mark for mark in ("\t", ";", ",") if mark in line), None)
    names = [cell.strip().strip('"') for cell in (line.split(mark) if mark else line.split())]
    return [] if any(_is_number(name) for name in names) else names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
