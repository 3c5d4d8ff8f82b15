"""CPU time of a large CSV, read and fitted, beside pandas, polars and NumPy that only read it."""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from _table import print_table, versions

READERS = {
    "pandas.read_csv": "import pandas; pandas.read_csv({path!r})",
    "pandas.read_csv, exact": "import pandas; pandas.read_csv({path!r}, float_precision='round_trip')",
    "polars.read_csv": "import polars; polars.read_csv({path!r})",
    "numpy.loadtxt": "import numpy; numpy.loadtxt({path!r}, delimiter=',', skiprows=1)",
    "mixot.io.read_table": "from mixot.io import read_table; read_table({path!r})",
    "mixot fit -k 3": "import sys; sys.argv[1:] = ['fit', {path!r}, '-k', '3']; from mixot.cli import main; main()",
}


def seconds(code: str) -> float:
    """CPU seconds of a process of its own, imports and all."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    points = rng.standard_normal((asked.rows, 4)) + 4.0 * rng.integers(0, 3, (asked.rows, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.csv"
        np.savetxt(path, points, delimiter=",", header="a,b,c,d", comments="", fmt="%.17g")
        runs = {
            name: [seconds(code.format(path=str(path))) for _ in range(asked.repeats)] for name, code in READERS.items()
        }
    base = median(runs["pandas.read_csv"])
    rows = [(name, f"{median(times):.2f}", f"{median(times) / base:.2f}") for name, times in runs.items()]
    print(versions("mixot", "pandas", "polars", "pyarrow", "numpy"))
    print_table([(f"{asked.rows:,} x 4 in CSV", "CPU s", "of pandas"), *rows])


if __name__ == "__main__":
    main()
