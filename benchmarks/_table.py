"""What every benchmark prints: CPU time, medians, versions, a Markdown table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def time_it(fn: Callable[[], Any], repeat: int = 5) -> float:
    """Median CPU seconds of ``fn()``, all threads together, after one call to warm up."""
    fn()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        fn()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def print_table(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as a Markdown table; the first is the heading."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for at, row in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if at == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def versions(*names: str) -> str:
    """Name and version of each distribution, on one line."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)
