"""Optimal mixture transport against plans between the points themselves: what grows with K, and what with N.

    python benchmarks/omt_points.py [--threads 1] [--most 4000]

First K components on both sides: component costs, and the coupling at the default lam with its gap. Then N points on
both sides of which mixtures of 20 components are fitted: the fits, and the plan between them, beside POT's ``emd`` and
``sinkhorn`` between the points (cost matrix included, sinkhorn at 0.05 of the median cost as lam is, to POT's default
tolerance). POT's answer is finer, point by point; ``pushing`` is what mixot takes to give each point an image, too.
"""

from __future__ import annotations

import argparse
import os
import warnings
from typing import Any

COMPONENTS = (5, 10, 20, 50, 100, 200, 500)
POINTS = (250, 500, 1000, 2000, 4000, 100_000)
DIM = 10


def main() -> None:
    """Time everything, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", default="1", help="threads of every library")
    parser.add_argument("--most", type=int, default=4000, help="most points that plans between points are timed for")
    parser.add_argument("--repeat", type=int, default=5, help="repeats, of which the median counts")
    options = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
        os.environ[f"{name}_NUM_THREADS"] = options.threads

    from _table import print_table, versions

    print(versions("mixot", "POT", "numpy"), f"; {options.threads} thread(s), CPU seconds, d = {DIM}\n")
    print_table(
        [["K", "costs", "coupling", "together", "gap / largest cost"]]
        + [over_components(k, options) for k in COMPONENTS]
    )
    print()
    heading = ["N", "two fits", "plan", "pushing", "POT emd", "/ plan", "POT sinkhorn", "/ plan"]
    print_table([heading] + [over_points(n, options) for n in POINTS])
    print("\nThe plan between fits does not depend on N. -: a cost matrix too large for this table (--most).")


def mixture(k: int, seed: int) -> Any:
    """Random components."""
    import numpy as np

    from mixot import Gaussian, Mixture

    rng = np.random.default_rng(seed)
    root = rng.standard_normal((k, DIM, DIM + 2)) / np.sqrt(DIM)
    means = 2 * rng.standard_normal((k, DIM))
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(means, root @ root.swapaxes(1, 2)))


def over_components(k: int, options: argparse.Namespace) -> list[Any]:
    """One row of the first table."""
    from _table import time_it

    from mixot import OMT, plan

    p, q = mixture(k, k), mixture(k, k + 1)
    cost = p.components.cost(q.components)
    found = OMT().solve(cost, p.weights, q.weights)
    return [
        k,
        time_it(lambda: p.components.cost(q.components), options.repeat),
        time_it(lambda: OMT().solve(cost, p.weights, q.weights), options.repeat),
        time_it(lambda: plan(p, q, solver=OMT()), options.repeat),
        f"{found.gap / cost.max():.0e}",
    ]


def over_points(n: int, options: argparse.Namespace) -> list[Any]:
    """One row of the second table."""
    from _table import time_it

    from mixot import OMT, fit, plan, transport_map

    x, y = (mixture(20, seed).sample(n, rng=seed) for seed in (1, 2))
    repeat = options.repeat if n <= 1000 else 3

    def fits() -> list[Any]:
        return [fit(side, k=20, rng=0) for side in (x, y)]

    p, q = fits()
    mover = transport_map(p, q, solver=OMT())
    row: list[Any] = [f"{n:,}", time_it(fits, 1 if n > 2000 else repeat)]
    seconds = time_it(lambda: plan(p, q, solver=OMT()), 5 * options.repeat)
    row += [seconds, time_it(lambda: mover(x), repeat)]
    for peer in (emd, sinkhorn):
        try:
            theirs = peer(x, y, repeat) if n <= options.most else None
        except ImportError:
            row += ["absent", "-"]
            continue
        row += ["-", "-"] if theirs is None else [theirs, round(theirs / seconds)]
    return row


def emd(x: Any, y: Any, repeat: int) -> float:
    """CPU seconds of POT's exact plan between the points."""
    import numpy as np
    import ot
    from _table import time_it

    even = np.full(len(x), 1 / len(x))
    return time_it(lambda: ot.emd(even, even, ot.dist(x, y), numItermax=10_000_000), repeat)


def sinkhorn(x: Any, y: Any, repeat: int) -> float:
    """CPU seconds of POT's entropic plan between the points."""
    import numpy as np
    import ot
    from _table import time_it

    even = np.full(len(x), 1 / len(x))

    def solve() -> Any:
        cost = ot.dist(x, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ot.sinkhorn(even, even, cost, 0.05 * float(np.median(cost)))

    return time_it(solve, repeat)


if __name__ == "__main__":
    main()
