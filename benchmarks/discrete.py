"""Exact couplings, distances and all pairs of distances, beside POT's NumPy backend.

    python benchmarks/discrete.py [couplings] [structured] [distances] [pairs] [first]

CPU seconds, medians of repeats that alternate between the two. POT gets the same costs and the same weights, and is
timed with its Python, which prepares and checks what its simplex is given, as mixot's is.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

for _name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")
for _name in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):  # POT would load them all
    os.environ.setdefault(f"POT_BACKEND_DISABLE_{_name}", "1")

import numpy as np  # noqa: E402
from _table import print_table, versions  # noqa: E402

from mixot import Exact, Gaussian, Mixture, Samples, distance, distances  # noqa: E402

REPEATS = {5: 400, 50: 60, 500: 7, 2000: 3}


def main() -> None:
    print(versions("mixot", "POT", "numpy"), "; one thread, CPU seconds\n")
    asked = sys.argv[1:]
    for name, part in PARTS.items():
        if not asked or name in asked:
            print(f"## {name}\n")
            print_table(part())
            print()


def couplings() -> list[list[Any]]:
    """`Exact().solve` against `ot.emd`: one kind of costs, equal and random weights."""
    rows: list[list[Any]] = [["n = m", "costs", "weights", "mixot", "POT emd", "POT / mixot", "off by"]]
    for n in (5, 50, 500, 2000):
        for kind, make in COSTS.items():
            for weights in ("equal", "random"):
                rng = np.random.default_rng([n, len(kind)])
                rows.append([n, kind, weights, *against_emd(make(rng, n), *sides(weights, rng, n), REPEATS[n])])
    return rows


def structured() -> list[list[Any]]:
    """Costs that are hard on simplex methods: Monge costs, the line, lattices."""
    rows: list[list[Any]] = [["n = m", "costs", "weights", "mixot", "POT emd", "POT / mixot", "off by"]]
    for n in (100, 500, 1024):
        for kind, cost in hard_costs(np.random.default_rng(n), n).items():
            for weights in ("equal", "random"):
                a, b = sides(weights, np.random.default_rng(n), len(cost))
                if not (kind == "lattice" and weights == "equal"):  # nothing moves
                    rows.append([len(cost), kind, weights, *against_emd(cost, a, b, 3 if n < 1000 else 1)])
    return rows


def against_emd(cost: np.ndarray, a: np.ndarray, b: np.ndarray, repeats: int) -> list[Any]:
    import ot

    cost = np.ascontiguousarray(cost)
    ours, theirs, (plan, other) = alternate(
        [lambda: Exact().solve(cost, a, b), lambda: ot.emd(a, b, cost, numItermax=10**8)], repeats
    )
    size = max(abs(plan.cost), 1e-3 * np.abs(cost).max())
    return [ours, theirs, theirs / ours, f"{(plan.cost - (other * cost).sum()) / size:.0e}"]


def mixture_distances() -> list[list[Any]]:
    """`distance` between two mixtures against `ot.gmm.gmm_ot_loss`."""
    import ot

    rows: list[list[Any]] = [["K, d", "mixot", "POT", "POT / mixot"]]
    for k, d in ((2, 2), (3, 3), (4, 3), (6, 4), (500, 2)):
        p, q = (mixture(np.random.default_rng([k, d, side]), k, d) for side in (0, 1))
        m, n, a, b = p.components.means, q.components.means, p.components.covs, q.components.covs
        calls = [lambda: distance(p, q), lambda: ot.gmm.gmm_ot_loss(m, n, a, b, p.weights, q.weights)]  # noqa: B023
        ours, theirs, _ = alternate(calls, 5 if k > 100 else 300)
        rows.append([f"{k}, {d}", ours, theirs, theirs / ours])
    return rows


def pairs() -> list[list[Any]]:
    """`distances` between all pairs of many measures."""
    rows: list[list[Any]] = [["measures", "pairs", "mixot", "per pair"]]
    for count, k, d in ((200, 4, 3), (200, 10, 16), (1000, 10, 16)):
        laws = [mixture(np.random.default_rng([i, k, d]), k, d) for i in range(count)]
        seconds = once(lambda: distances(laws))  # noqa: B023
        total = count * (count + 1) // 2
        rows.append([f"{count} mixtures, K = {k}, d = {d}", total, seconds, seconds / total])
    clouds = [Samples(np.random.default_rng(i).standard_normal((100, 3))) for i in range(100)]
    seconds = once(lambda: distances(clouds))
    return [*rows, ["100 samples of 100 points, d = 3", 5050, seconds, seconds / 5050]]


def first() -> list[list[Any]]:
    """A fresh process that compares two mixtures."""
    code = (
        "import mixot; p = mixot.Mixture([.5, .5], mixot.Gaussian([[0., 0], [1, 1]], [[[1, .5], [.5, 1]]] * 2)); "
        "mixot.distance(p, mixot.Mixture([1.], mixot.Gaussian([[3., 0]], [[[2, .5], [.5, 1]]])))"
    )
    rows: list[list[Any]] = [["fresh process", "CPU seconds"]]
    for name, run in (("python -c pass", "pass"), ("import numpy", "import numpy"), ("the first distance", code)):
        seconds = []
        for _ in range(8):
            before = os.times()
            subprocess.run([sys.executable, "-c", run], check=True)
            after = os.times()
            seconds.append(sum(after[2:4]) - sum(before[2:4]))
        rows.append([name, statistics.median(seconds[1:])])
    return rows


def alternate(calls: list[Callable[[], Any]], repeats: int) -> tuple[float, float, list[Any]]:
    """Median CPU seconds of two calls, by turns, after one of each to warm up, and what they returned.

    Many repeats are of short calls: they are timed ten by ten, for the clock itself takes a microsecond.
    """
    values, seconds = [call() for call in calls], ([], [])
    batch = 10 if repeats >= 50 else 1
    for _ in range(repeats // batch):
        for call, times in zip(calls, seconds, strict=True):
            start = time.process_time()
            for _ in range(batch):
                call()
            times.append((time.process_time() - start) / batch)
    return statistics.median(seconds[0]), statistics.median(seconds[1]), values


def once(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum((x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T, 0)


def mixture(rng: np.random.Generator, k: int, d: int) -> Mixture:
    root = rng.standard_normal((k, d, d + 2)) / np.sqrt(d)
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(rng.standard_normal((k, d)), root @ root.swapaxes(1, 2)))


def mw2(rng: np.random.Generator, n: int) -> np.ndarray:
    return mixture(rng, n, 2).components.cost(mixture(rng, n, 2).components)


COSTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda rng, n: rng.random((n, n)),
    "points, d = 2": lambda rng, n: squares(rng.standard_normal((n, 2)), rng.standard_normal((n, 2))),
    "points, d = 10": lambda rng, n: squares(rng.standard_normal((n, 10)), rng.standard_normal((n, 10))),
    "MW2, d = 2": mw2,
}


def hard_costs(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    x, y = np.sort(rng.standard_normal((2, n)))
    near, far = rng.random((n, 2)), rng.random((n, 2)) + np.array([3, 0])
    at = np.arange(n, dtype=float)
    lattice = np.stack(np.meshgrid(*2 * [np.arange(int(n**0.5))], indexing="ij"), -1).reshape(-1, 2).astype(float)
    return {
        "i j": np.outer(at, at),
        "- i j": -np.outer(at, at),
        "|x - y|": np.abs(x[:, None] - y),
        "(x - y)^2": (x[:, None] - y) ** 2,
        "far away, |x - y|": np.sqrt(squares(near, far)),
        "lattice": squares(lattice, lattice),
    }


def sides(kind: str, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    if kind == "equal":
        return np.full(n, 1 / n), np.full(n, 1 / n)
    a, b = rng.dirichlet(np.ones(n), 2)
    return a / a.sum(), b / b.sum()


PARTS = {
    "couplings": couplings,
    "structured": structured,
    "distances": mixture_distances,
    "pairs": pairs,
    "first": first,
}

if __name__ == "__main__":
    main()
