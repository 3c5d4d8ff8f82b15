"""Points against Gaussian mixtures: exact transport, its gradients, bounds between mixtures, and pictures in dots.

POT has no solver for points against a density with full covariances on the plane; what it offers is exact transport to
a sample of it, whose error is the sample's.
"""

from __future__ import annotations

import numpy as np
from _table import print_table, time_it, versions

from mixot import Gaussian, Grid, Mixture, Samples, Semidiscrete, bounds, plan, quantize
from mixot._native import isa
from mixot.threads import thread_count


def mixture(rng: np.random.Generator, k: int, d: int = 2) -> Mixture:
    """k Gaussians of full covariances, in the plane where d is not given."""
    root = 0.7 * rng.standard_normal((k, d, d))
    return Mixture(
        np.full(k, 1 / k), Gaussian(3 * rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) + 0.05 * np.eye(d))
    )


def transport(rows: list[list[object]]) -> None:
    """Clouds of several shapes against ten Gaussians."""
    rng = np.random.default_rng(1)
    q = mixture(rng, 10)
    shapes = {
        "drawn from a mixture nearby": lambda n: mixture(np.random.default_rng(2), 10).sample(n, rng=0),
        "drawn from the mixture": lambda n: q.sample(n, rng=0),
        "uniform on a square": lambda n: np.random.default_rng(0).random((n, 2)) * 10 - 5,
        "Student t, 2 degrees": lambda n: np.random.default_rng(0).standard_t(2, size=(n, 2)),
    }
    for name, draw in shapes.items():
        for n in (500, 5000):
            p = Samples(draw(n))
            found = plan(p, q)
            seconds = time_it(lambda p=p: plan(p, q), repeat=3)
            slope = time_it(found.mixture_gradient, repeat=3)
            rows.append([f"{n} points {name}", seconds, slope, found.marginal_error, found.gap])


def in_space(rows: list[list[object]]) -> None:
    """Clouds in three dimensions against ten Gaussians."""
    q = mixture(np.random.default_rng(1), 10, 3)
    shapes = {
        "drawn from a mixture nearby": lambda n: mixture(np.random.default_rng(2), 10, 3).sample(n, rng=0),
        "drawn from the mixture": lambda n: q.sample(n, rng=0),
    }
    for name, draw in shapes.items():
        for n in (1000, 5000):
            p = Samples(draw(n))
            found = plan(p, q)
            seconds = time_it(lambda p=p: plan(p, q), repeat=1)
            slope = time_it(found.mixture_gradient, repeat=3)
            rows.append([f"{n} points {name}", seconds, slope, found.marginal_error, found.gap])


def with_pot(rows: list[list[object]]) -> None:
    """Distance by transport to a sample, against the exact one."""
    try:
        import ot
    except ImportError:
        print("POT is absent: its rows are skipped")
        return
    rng = np.random.default_rng(3)
    q = mixture(rng, 10)
    p = Samples(mixture(rng, 10).sample(500, rng=rng))
    exact = plan(p, q, solver=Semidiscrete(tol=1e-11)).distance
    rows.append(["mixot, exact", time_it(lambda: plan(p, q), repeat=3), 0.0])
    for m in (500, 2000, 8000):
        x = q.sample(m, rng=rng)
        table = ot.dist(p.points, x)
        a, b = np.full(500, 1 / 500), np.full(m, 1 / m)
        cost = ot.emd2(a, b, table, numItermax=10**7)
        seconds = time_it(lambda a=a, b=b, table=table: ot.emd2(a, b, table, numItermax=10**7), repeat=1)
        rows.append([f"POT emd2 to {m} draws", seconds, abs(np.sqrt(cost) - exact) / exact])


def enclosures(rows: list[list[object]]) -> None:
    """Width of the interval around W2 between two mixtures."""
    rng = np.random.default_rng(0)
    p, q = mixture(rng, 3), mixture(rng, 4)
    for n in (0, 64, 256, 1024):
        found = bounds(p, q, points=n)
        seconds = time_it(lambda n=n: bounds(p, q, points=n), repeat=3)
        rows.append([n, f"{found.lower:.5f}", f"{found.upper:.5f}", found.width / found.upper, seconds])


def dots(rows: list[list[object]]) -> None:
    """Quantizing a picture of 512 x 512 pixels, two bumps on a grey ground."""
    t = (np.arange(512) + 0.5) / 512
    x, y = np.meshgrid(t, t, indexing="ij")
    bumps = (np.exp(-50 * ((x - a) ** 2 + (y - a) ** 2)) for a in (0.3, 0.7))
    q = Grid(0.1 + sum(bumps), [[0, 1], [0, 1]])
    for n in (500, 2000, 8000):
        found = quantize(q, n, rng=0)
        seconds = time_it(lambda n=n: quantize(q, n, rng=0), repeat=1)
        rows.append([n, found.iterations, n * found.cost, seconds])


def main() -> None:
    """Print the tables."""
    print(versions("mixot", "numpy", "POT"), f"| {isa()}, {thread_count()} threads, CPU seconds\n")
    rows: list[list[object]] = [["ten Gaussians in the plane", "plan", "gradient", "error of masses", "gap"]]
    transport(rows)
    print_table(rows)
    rows = [["ten Gaussians in space", "plan", "gradient", "error of masses", "gap"]]
    in_space(rows)
    print()
    print_table(rows)
    rows = [["500 points", "seconds", "relative error of W2"]]
    with_pot(rows)
    print()
    print_table(rows)
    rows = [["points", "W2 at least", "at most", "relative width", "seconds"]]
    enclosures(rows)
    print()
    print_table(rows)
    rows = [["dots", "steps", "n cost", "seconds"]]
    dots(rows)
    print()
    print_table(rows)


if __name__ == "__main__":
    main()
