"""Points against pictures, next to sdot: `MIXOT_SDOT=path/to/python3.12 python benchmarks/semidiscrete.py`.

CPU seconds of a whole solve, centroids and cost included, to 1e-8 in the masses; the peer needs Python 3.12, so that it
runs in an interpreter of its own, and is skipped without one. Arguments pick cases whose names begin with them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

TOL = 1e-8


def bumps(side: int, background: float, d: int = 2) -> np.ndarray:
    t = (np.arange(side) + 0.5) / side
    x = np.stack(np.meshgrid(*[t] * d, indexing="ij"), axis=-1)
    sharp = 50 if d == 2 else 20
    return sum(np.exp(-sharp * ((x - c) ** 2).sum(axis=-1)) for c in (0.3, 0.7)) + background


def disks(*centers: tuple[float, float], radius: float, side: int = 128) -> np.ndarray:
    t = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(t, t, indexing="ij")
    return np.any([(x - a) ** 2 + (y - b) ** 2 < radius**2 for a, b in centers], axis=0).astype(float)


def clusters(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random((20, 2))[rng.integers(0, 20, n)] + 0.01 * rng.standard_normal((n, 2))


def boxes(shape: tuple[int, ...], *parts: tuple[float, tuple[slice | int, ...]]) -> np.ndarray:
    """Zero but for boxes of constant value."""
    out = np.zeros(shape)
    for value, part in parts:
        out[part] = value
    return out


def stars() -> np.ndarray:
    rng, out = np.random.default_rng(7), np.zeros((256, 256))
    i, j = rng.integers(0, 256, (60, 2)).T
    out[i, j] = rng.pareto(1.2, 60) + 0.1
    return out


def spots() -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    """Densities that are zero but for a few pixels."""

    def cloud(n: int, d: int = 2) -> np.ndarray:
        return np.random.default_rng(0).random((n, d))

    at = np.s_
    pixels = boxes((200, 200), (1, at[3, 3]), (2, at[190, 180]), (1, at[100:103, 50]))
    squares = boxes((64, 64), (0.3498, at[14:18, 16:20]), (0.2935, at[44:48, 5:9]))
    rectangles = boxes((2048, 2048), (1, at[200:700, 300:900]), (2, at[1300:1900, 1200:1700]))
    solid = boxes((32, 32, 32), (1, at[2:5, 3:6, 4:7]), (2, at[25:28, 20:24, 22:27]))
    return {
        "spots: 500 to five pixels": lambda: (cloud(500), pixels),
        "spots: 5000 to two squares": lambda: (cloud(5000), squares),
        "spots: 3000 to stars": lambda: (cloud(3000), stars()),
        "spots: 3000 to a diagonal": lambda: (cloud(3000), np.eye(128)),
        "spots: 10000 to two rectangles": lambda: (cloud(10_000), rectangles),
        "spots: 2000 to two boxes": lambda: (cloud(2000, 3), solid),
    }


def cases() -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    def plain(n: int, side: int, background: float, d: int = 2) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
        return lambda: (np.random.default_rng(n).random((n, d)), bumps(side, background, d))

    out = {f"{n} on {side}^2": plain(n, side, 0.1) for n in (200, 2000, 20_000) for side in (64, 512)}
    out["100000 on 512^2"] = plain(100_000, 512, 0.1)
    out["20000 on 64^2, zero background"] = plain(20_000, 64, 0.0)
    rng, n = np.random.default_rng, 5000
    two = disks((0.25, 0.5), (0.75, 0.5), radius=0.2)
    out["hard: two disks"] = lambda: (rng(1).random((n, 2)), two)
    out["hard: clusters to a disk"] = lambda: (clusters(rng(2), n), disks((0.5, 0.5), radius=0.4))
    out["hard: heavy tails"] = lambda: (0.5 + 0.1 * rng(3).standard_t(1.5, (n, 2)), bumps(128, 0.1))
    out["hard: noise"] = lambda: (rng(4).random((n, 2)), rng(5).random((128, 128)))
    out["space: 2000 on 32^3"] = plain(2000, 32, 0.1, d=3)
    out["space: 10000 on 64^3"] = plain(10_000, 64, 0.1, d=3)
    out["large: 1000000 on 512^2"] = plain(1_000_000, 512, 0.1)
    out["large: 100000 on 64^3"] = plain(100_000, 64, 0.1, d=3)
    return out | spots()


def measure(solve: Callable[[np.ndarray, np.ndarray], float], wanted: list[str]) -> None:
    """Print one line of JSON for each case: CPU seconds, wall seconds, cost, peak memory in MB."""
    for name, make in cases().items():
        if wanted and not any(name.startswith(prefix) for prefix in wanted):
            continue
        points, values = make()
        repeat = 5 if len(points) <= 2000 else 1
        if repeat > 1:
            solve(points, values)
        spent, waited = [], []
        try:
            for _ in range(repeat):
                cpu, wall = time.process_time(), time.perf_counter()
                cost = solve(points, values)
                spent.append(time.process_time() - cpu)
                waited.append(time.perf_counter() - wall)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            row = [name, float(np.median(spent)), float(np.median(waited)), cost, memory]
        except Exception as error:  # a peer that gives up is a result
            row = [name, None, None, type(error).__name__, 0.0]
        print(json.dumps(row), flush=True)


def by_mixot(points: np.ndarray, values: np.ndarray) -> float:
    from mixot import Grid, plan

    return plan(points, Grid(values, [[0.0, 1.0]] * values.ndim)).cost


def by_sdot(points: np.ndarray, values: np.ndarray) -> float:
    import sdot

    solved = sdot.ot_solve(sdot.SumOfDiracs(points), sdot.Image(values), tol=TOL)
    np.asarray(solved.barycenters)
    return float(solved.cost)


def run(python: str, mode: str, wanted: list[str], threads: int = 1) -> dict[str, list]:
    environment = os.environ | {"MIXOT_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
    command = [python, __file__, mode, *wanted]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in answer.splitlines() if line.startswith('["')]
    return {row[0]: row[1:] for row in rows}


def main(wanted: list[str]) -> None:
    from _table import print_table, versions

    peer = os.environ.get("MIXOT_SDOT")
    print(versions("mixot", "numpy"), "" if peer else "; sdot absent: MIXOT_SDOT names no Python that has it")
    one, two = run(sys.executable, "--mixot", wanted), run(sys.executable, "--mixot", wanted, threads=2)
    theirs = run(peer, "--sdot", wanted) if peer else {}
    rows: list[list] = [["case", "mixot, s", "sdot, s", "ratio", "cost apart", "MB", "sdot, MB", "wall, 2 threads"]]
    for name, (spent, wall, cost, memory) in one.items():
        other, _, other_cost, other_memory = theirs.get(name, [None, None, None, 0.0])
        both = isinstance(cost, float) and isinstance(other_cost, float)
        ratio = other / spent if other and spent else "-"
        apart = abs(cost / other_cost - 1) if both else str(other_cost)
        speed = f"{wall / two[name][1]:.2f} x" if wall and two[name][1] else "-"
        rows.append([name, spent, other or "-", ratio, apart, round(memory), round(other_memory), speed])
    print_table(rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--mixot", *wanted]:
            measure(by_mixot, wanted)
        case ["--sdot", *wanted]:
            measure(by_sdot, wanted)
        case wanted:
            main(wanted)
