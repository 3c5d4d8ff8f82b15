"""Two populations of many cells whose types are hundreds of Gaussians: `mixot.anndata.transport`, all that it writes.

    python benchmarks/populations.py [--types 40 200 400] [--cells 100000] [--dims 50]

Types have random means and random covariances of full rank; in the second population every type is shifted. CPU
seconds and the largest memory are those of a process of its own, in which the data are made, too (their share is in the
first line); no peer answers this at such a size: a plan between the cells has 1e10 entries.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
import warnings

for name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from _table import print_table, versions  # noqa: E402


def populations(types: int, cells: int, dims: int, seed: int = 0):
    """One object with two populations, "before" and "after"."""
    import pandas as pd
    from anndata import AnnData

    rng = np.random.default_rng(seed)
    means = rng.standard_normal((types, dims)) * np.linspace(6, 0.5, dims)
    roots = rng.standard_normal((types, dims, dims)) * np.linspace(1, 0.2, dims)[:, None] / np.sqrt(dims)
    sides, labels = [], rng.integers(types, size=2 * cells)
    for at, mine in zip((means, means + 0.5 * rng.standard_normal(means.shape)), np.split(labels, 2), strict=True):
        x = np.empty((cells, dims), dtype=np.float32)
        for code in range(types):
            rows = np.flatnonzero(mine == code)
            x[rows] = at[code] + rng.standard_normal((len(rows), dims)) @ roots[code].T
            x[rows] += 0.1 * rng.standard_normal((len(rows), dims))
        sides.append(x)
    names = pd.Categorical.from_codes(labels, [f"type {code}" for code in range(types)])
    obs = pd.DataFrame({"time": np.repeat(["before", "after"], cells), "type": names})
    out = AnnData(obs=obs.set_axis([str(row) for row in range(2 * cells)]))
    out.obsm["X_pca"] = np.concatenate(sides)
    return out


def one(types: int, cells: int, dims: int) -> None:
    """Print seconds of the data and of the transport, GB, and the share that images leave out."""
    from mixot.anndata import transport

    begin = time.process_time()
    adata = populations(types, cells, dims)
    made = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transport(adata, groupby="time", source="before", target="after", labels="type", k=1)
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(made - begin, done - made, peak, adata.uns["transport"]["left_out"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", type=int, nargs="+", default=[40, 200, 400])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=50)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one, asked.cells, asked.dims)
        return
    rows: list[list[object]] = [
        ["types", "making the data, CPU s", "transport, both directions, CPU s", "GiB", "left out"]
    ]
    for types in asked.types:
        words = [sys.executable, __file__, "--one", str(types), "--cells", str(asked.cells), "--dims", str(asked.dims)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        rows.append([types, *map(float, said)])
    print(f"{asked.cells} cells on each side, {asked.dims} dimensions, one thread")
    print(versions("mixot", "numpy", "anndata") + "\n")
    print_table(rows)


if __name__ == "__main__":
    main()
