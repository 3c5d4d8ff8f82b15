"""Seconds from the start of a fresh process to the end of `import mixot`, `mixot --version`, `mixot --help`.

Medians of fresh processes, the bare interpreter beside them. Run it on a regular install: an editable one checks for
a rebuild at every import. On a busy machine the CPU seconds are the figure to read.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from _table import print_table, versions

REPEAT = 11
COMMANDS = {
    "python -c pass": ([sys.executable, "-c", "pass"], None),
    "import mixot": ([sys.executable, "-c", "import mixot"], 0.3),
    "from mixot import fit, plan": ([sys.executable, "-c", "from mixot import fit, plan"], None),
    "mixot --version": ([sys.executable, "-m", "mixot", "--version"], None),
    "mixot --help": ([sys.executable, "-m", "mixot", "--help"], 0.6),
    "mixot distance --help": ([sys.executable, "-m", "mixot", "distance", "--help"], None),
}


def main() -> None:
    print(versions("mixot", "numpy", "scipy", "typer", "rich"), f"Python {sys.version.split()[0]}", sep=", ")
    rows: list[list[object]] = [["command", "CPU seconds", "elapsed seconds", "at most"]]
    for name, (command, limit) in COMMANDS.items():
        cpu, wall = median_seconds(command)
        rows.append([name, f"{cpu:.3f}", f"{wall:.3f}", "" if limit is None else limit])
    print_table(rows)


def median_seconds(command: list[str]) -> tuple[float, float]:
    """Median CPU and elapsed seconds of fresh processes, after one that fills the file cache."""
    cpu, wall = [], []
    for _ in range(REPEAT + 1):
        start, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        wall.append(time.perf_counter() - start)
        cpu.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(cpu[1:]), statistics.median(wall[1:])


if __name__ == "__main__":
    main()
