"""Planted shifts of cell types, recovered from two populations: mixot, POT on the cells, moscot.

    python benchmarks/single_cell.py [--moscot PYTHON] [--splits 5] [--sizes]

The 700 blood cells that scanpy ships (pbmc68k_reduced) are split at random into two conditions. In the second one every
type is shifted by a vector of its own in the space of 20 principal components, of length 4 where types have standard
deviations of 1 to 5 along an axis; with "grow", 70 % of its monocytes and 50 % of its dendritic cells are taken away.
A method sees cells (and, where it can use them, their types) and answers, for each cell of the first condition, where
it goes.

- own type: mass that goes from cells to cells of their own type
- shift: error of the mean displacement of a type, root mean square over the cells; "floor" is that of the difference of
  the types' means, which nothing can beat that does not know more than the cells
- cell: distance of a cell's image to its true place, root mean square
- growth: factor between found and true growth of a type, on average (geometric) over types with 30 cells or more

moscot needs an environment of its own: ``--moscot /path/to/python`` names its interpreter, which runs this file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402

DIMS, LENGTH = 20, 4.0
LOST = {"CD14+ Monocyte": 0.7, "Dendritic": 0.5}


@dataclass(frozen=True)
class Planted:
    """Two populations, the types of their cells as indices, and the truth."""

    x: np.ndarray
    y: np.ndarray
    source: np.ndarray
    target: np.ndarray
    shifts: np.ndarray
    names: tuple[str, ...]

    @property
    def growth(self) -> np.ndarray:
        """Share of each type in the target over that in the source."""
        size = len(self.names)
        counts = [np.bincount(types, minlength=size) / len(types) for types in (self.source, self.target)]
        return counts[1] / counts[0]


@dataclass(frozen=True)
class Answer:
    """Images of the source's cells, types of their fates (n, types), growth of each type."""

    images: np.ndarray
    fates: np.ndarray
    growth: np.ndarray | None = None


def planted(seed: int, *, grow: bool) -> Planted:
    """The blood cells, split, shifted and thinned."""
    import scanpy

    cells = scanpy.datasets.pbmc68k_reduced()
    rng = np.random.default_rng(seed)
    types, names = cells.obs["bulk_labels"].cat.codes.to_numpy(), tuple(cells.obs["bulk_labels"].cat.categories)
    x = cells.obsm["X_pca"][:, :DIMS].astype(np.float64)
    shifts = rng.standard_normal((len(names), DIMS))
    shifts *= LENGTH / np.linalg.norm(shifts, axis=1, keepdims=True)
    second = rng.random(len(x)) < 0.5
    kept = np.ones(len(x), dtype=bool)
    for name, share in LOST.items() if grow else ():
        kept &= ~(second & (types == names.index(name)) & (rng.random(len(x)) < share))
    first, second = kept & ~second, kept & second
    return Planted(x[first], x[second] + shifts[types[second]], types[first], types[second], shifts, names)


def scores(data: Planted, answer: Answer) -> list[float]:
    """The columns of the table."""
    moved = answer.images - data.x
    errors = np.zeros(len(data.names))
    for code in np.unique(data.source):
        errors[code] = ((moved[data.source == code].mean(axis=0) - data.shifts[code]) ** 2).sum()
    counts = np.bincount(data.source, minlength=len(data.names))
    own = answer.fates[np.arange(len(data.x)), data.source].mean()
    cell = ((moved - data.shifts[data.source]) ** 2).sum(axis=1).mean()
    return [100 * own, np.sqrt(counts @ errors / counts.sum()), np.sqrt(cell), growth_error(data, answer)]


def growth_error(data: Planted, answer: Answer) -> float:
    if answer.growth is None:
        return float("nan")
    many = np.bincount(data.source, minlength=len(data.names)) >= 30
    off = np.log(np.maximum(answer.growth[many], 1e-12) / data.growth[many])
    return float(np.exp(np.abs(off).mean()))


def floor(data: Planted) -> float:
    """Error of the differences of the types' means."""
    squares = 0.0
    for code in np.unique(data.source):
        here, there = data.x[data.source == code], data.y[data.target == code]
        if len(there):
            squares += len(here) * ((there.mean(axis=0) - here.mean(axis=0) - data.shifts[code]) ** 2).sum()
    return float(np.sqrt(squares / len(data.x)))


def with_mixot(data: Planted, *, labels: bool = True, **options: Any) -> Answer:
    """A plan between the types, or between components that EM finds."""
    import pandas as pd
    from anndata import AnnData

    from mixot.anndata import between

    sides = []
    for points, types in ((data.x, data.source), (data.y, data.target)):
        obs = pd.DataFrame({"type": pd.Categorical.from_codes(types, list(data.names))})
        side = AnnData(obs=obs.set_index(np.arange(len(points)).astype(str)))
        side.obsm["X_pca"] = points
        sides.append(side)
    found = between(*sides, labels="type" if labels else None, rng=0, **options)
    populations, size = found.populations, len(data.names)
    growth = np.full(size, np.nan)
    fates = np.zeros((len(data.x), size))
    if labels:
        codes = [data.names.index(name) for name in populations.target.names]
        fates[:, codes] = found.fates().to_numpy()
        growth[[data.names.index(name) for name in populations.source.names]] = populations.growth()[0]
    else:  # a component is worth the types of the cells that it is responsible for
        shares = populations.target.responsibilities(data.y).T @ np.eye(size)[data.target]
        fates = found.fates().to_numpy() @ (shares / shares.sum(axis=1, keepdims=True))
    return Answer(found.images(), fates, growth if labels and options.get("growth") else None)


def from_coupling(data: Planted, coupling: np.ndarray) -> Answer:
    """Barycentric images and fates under a coupling of cells."""
    mass = coupling.sum(axis=1, keepdims=True)
    share = np.divide(coupling, mass, out=np.zeros_like(coupling), where=mass > 0)
    growth = np.bincount(data.source, mass[:, 0] / mass.sum(), minlength=len(data.names))
    before = np.bincount(data.source, minlength=len(data.names)) / len(data.x)
    return Answer(share @ data.y, share @ np.eye(len(data.names))[data.target], growth / np.maximum(before, 1e-300))


def with_pot(data: Planted, method: str) -> Answer:
    """Exact, entropic or unbalanced transport of the cells; entropy of 5 % of the median cost, as OMT's."""
    import ot

    a, b = np.full(len(data.x), 1 / len(data.x)), np.full(len(data.y), 1 / len(data.y))
    cost = ot.dist(data.x, data.y)
    reg, relax = 0.05 * np.median(cost), 0.2 * np.median(cost)
    if method == "exact":
        return without_growth(from_coupling(data, ot.emd(a, b, cost)))
    if method == "entropic":
        return without_growth(from_coupling(data, ot.sinkhorn(a, b, cost, reg, method="sinkhorn_log", numItermax=5000)))
    relaxed = ot.unbalanced.sinkhorn_unbalanced(
        a, b, cost, reg, (relax, np.inf), method="sinkhorn_stabilized", numItermax=5000
    )
    return from_coupling(data, np.asarray(relaxed))


def without_growth(answer: Answer) -> Answer:
    return Answer(answer.images, answer.fates)


def with_moscot(data: Planted, python: str, tau: float) -> tuple[Answer, float]:
    """moscot's TemporalProblem at its default epsilon, in its own interpreter; CPU time of its second solve."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/in.npz", x=data.x, y=data.y, tau=tau)
        subprocess.run([python, __file__, "--run-moscot", folder], check=True, stdout=subprocess.DEVNULL)
        with np.load(f"{folder}/out.npz") as found:
            answer, seconds = from_coupling(data, found["coupling"]), float(found["seconds"])
    return (without_growth(answer) if tau == 1.0 else answer), seconds


def run_moscot(folder: str) -> None:
    """What moscot's interpreter runs."""
    warnings.simplefilter("ignore")
    import pandas as pd
    from anndata import AnnData
    from moscot.problems.time import TemporalProblem

    with np.load(f"{folder}/in.npz") as data:
        x, y, tau = data["x"], data["y"], float(data["tau"])
    stage = pd.Categorical([0] * len(x) + [1] * len(y))
    cells = AnnData(
        np.zeros((len(stage), 1)), obs=pd.DataFrame({"time": stage}, index=np.arange(len(stage)).astype(str))
    )
    cells.obsm["X_pca"] = np.concatenate([x, y])
    for _ in range(2):  # the first one compiles
        start = time.process_time()
        problem = TemporalProblem(cells).prepare(time_key="time", joint_attr="X_pca").solve(tau_a=tau, tau_b=1.0)
        coupling = np.asarray(problem[(0, 1)].solution.transport_matrix, dtype=np.float64)
        seconds = time.process_time() - start
    np.savez(f"{folder}/out.npz", coupling=coupling, seconds=seconds)


def methods() -> dict[str, Callable[[Planted], Answer]]:
    """What is compared, all in this process."""
    from mixot import Exact

    return {
        "mixot, types, Exact()": lambda data: with_mixot(data, solver=Exact()),
        "mixot, types, OMT()": lambda data: with_mixot(data),
        "mixot, types, growth": lambda data: with_mixot(data, growth=True),
        "mixot, no types, k = 8, growth": lambda data: with_mixot(
            data, labels=False, k=8, structure="diagonal", growth=True
        ),
        "POT, cells, exact": lambda data: with_pot(data, "exact"),
        "POT, cells, entropic": lambda data: with_pot(data, "entropic"),
        "POT, cells, unbalanced": lambda data: with_pot(data, "unbalanced"),
    }


def compare(splits: int, moscot: str | None, *, grow: bool) -> None:
    """Print one table: means over the splits."""
    from _table import print_table

    sets = [planted(seed, grow=grow) for seed in range(splits)]
    rows: list[list[Any]] = [["method", "own type, %", "shift", "cell", "growth", "CPU s"]]
    for name, method in methods().items():
        method(sets[0])
        found, seconds = [], []
        for data in sets:
            start = time.process_time()
            answer = method(data)
            seconds.append(time.process_time() - start)
            found.append(scores(data, answer))
        rows.append([name, *summary(found), float(np.median(seconds))])
    if moscot is None:
        rows.append(["moscot", *["absent: --moscot PYTHON"], *[""] * 4])
    for tau in (1.0, 0.9) if moscot is not None else ():
        pairs = [with_moscot(data, moscot or "", tau) for data in sets]
        found = [scores(data, answer) for data, (answer, _) in zip(sets, pairs, strict=True)]
        rows.append([f"moscot, cells, tau_a = {tau:g}", *summary(found), float(np.median([s for _, s in pairs]))])
    title = "types grow and shrink" if grow else "equal shares"
    print(f"{title}; floor of the shift {np.mean([*map(floor, sets)]):.2f}\n")
    print_table(rows)
    print()


def summary(found: list[list[float]]) -> list[str]:
    own, shift, cell, growth = np.mean(found, axis=0)
    return [f"{own:.1f}", f"{shift:.2f}", f"{cell:.2f}", "" if np.isnan(growth) else f"{growth:.2f}"]


def grown(n: int) -> Planted:
    """As many cells as asked for on each side, drawn from the mixtures of the types."""
    from mixot.fitting.likelihood.labelled import fit_labelled

    data = planted(0, grow=True)
    rng = np.random.default_rng(0)
    sides = []
    for points, types in ((data.x, data.source), (data.y, data.target)):
        law = fit_labelled(points, types, data.names).mixture
        codes = np.flatnonzero(np.bincount(types, minlength=len(data.names)) > 0)
        drawn = rng.choice(len(codes), n, p=law.weights)
        sides.append((law.components.sample(drawn, rng), codes[drawn]))
    return Planted(sides[0][0], sides[1][0], sides[0][1], sides[1][1], data.shifts, data.names)


def sizes() -> None:
    """CPU time against the number of cells on each side."""
    from _table import print_table

    rows: list[list[Any]] = [["cells on each side", "mixot, types, growth", "POT, cells, exact", "POT, unbalanced"]]
    for n in (1_000, 3_000, 10_000, 100_000, 1_000_000):
        data = grown(n)
        row: list[Any] = [f"{n:,}"]
        for most, method in (
            (10**6, lambda d: with_mixot(d, growth=True)),
            (3_000, lambda d: with_pot(d, "exact")),
            (1_000, lambda d: with_pot(d, "unbalanced")),
        ):
            if n > most:
                row.append(f"not tried: costs of {8 * n * n / 2**30:,.2f} GiB")
                continue
            start = time.process_time()
            method(data)
            row.append(time.process_time() - start)
        rows.append(row)
    print_table(rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moscot", metavar="PYTHON", default=os.environ.get("MOSCOT_PYTHON"))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--sizes", action="store_true", help="time larger populations instead")
    parser.add_argument("--run-moscot", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run_moscot:
        run_moscot(options.run_moscot)
        return
    from _table import versions

    warnings.simplefilter("ignore")
    print(versions("mixot", "POT", "numpy", "scanpy"), "; 1 thread, CPU seconds\n")
    if options.moscot:
        code = "from importlib.metadata import version as v; print('moscot', v('moscot'), ', ott-jax', v('ott-jax'))"
        print(subprocess.run([options.moscot, "-c", code], capture_output=True, text=True, check=True).stdout)
    if options.sizes:
        sizes()
        return
    for grow in (False, True):
        compare(options.splits, options.moscot, grow=grow)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
