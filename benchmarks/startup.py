"""Seconds from the start of a fresh process to the end of `import mixot`, `mixot --version`, `mixot --help`.

Elapsed time, medians of fresh processes, the bare interpreter beside them. Run it on a regular install: an editable one
checks for a rebuild at every import.
"""

from __future__ import annotations

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
    rows: list[list[object]] = [["command", "seconds", "at most"]]
    for name, (command, limit) in COMMANDS.items():
        rows.append([name, f"{median_seconds(command):.3f}", "" if limit is None else limit])
    print_table(rows)


def median_seconds(command: list[str]) -> float:
    """Median elapsed seconds of fresh processes, after one that fills the file cache."""
    seconds = []
    for _ in range(REPEAT + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
