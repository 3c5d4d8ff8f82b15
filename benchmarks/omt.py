"""Optimal mixture transport: the plan beside OTT's `GaussianMixturePair`, large plans, small lam, a million cells.

    python benchmarks/omt.py [--quick] [--threads 1]

- plan: component costs and coupling at the default lam, K Gaussian components on both sides. OTT works in float64 on
  the same mixtures with the same weight of the entropy (its ``epsilon``, in units of the cost: nothing is scaled) and
  is jitted; compilation is stated apart. Its costs are computed in blocks of 50 rows, as all K^2 at once take 12 GB,
  and its coupling from its own costs, until its marginals are right to 1e-9.
- cost error: largest error of OTT's component costs against mixot's, relative to the largest cost
- plan error: ``|w - w'|_1`` against mixot's plan (gap 1e-15), on OTT's own costs and on mixot's
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any


def main() -> None:
    """Time everything, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, seconds in all")
    parser.add_argument("--threads", default="1", help="threads of every library")
    options = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
        os.environ[f"{name}_NUM_THREADS"] = options.threads
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

    from _table import print_table, versions

    print(versions("mixot", "numpy", "POT", "jax", "ott-jax"), f"; {options.threads} thread(s), CPU seconds\n")
    print_table(
        [["K, d", "mixot", "gap / largest cost", "OTT", "OTT / mixot", "compiling", "cost error", "plan error"]]
        + [beside_ott(k, 20) for k in ((50, 100) if options.quick else (100, 500))]
    )
    print()
    k = 500 if options.quick else 2000
    print_table([["diagonal K, d", "costs", "costs and coupling", "gap / largest cost"], large_diagonal(k, 50)])
    print()
    small_lam(100 if options.quick else 1000)
    random_starts(20 if options.quick else 200)
    n = 10**5 if options.quick else 10**6
    print(f"\npushing {n:,} cells, d = 30, K = 50, built included:\n")
    print_table([["map", "points", "building", "pushing", "together"], *pushing(n)])


def mixture(k: int, d: int, seed: int, *, diagonal: bool = False) -> Any:
    """Random components."""
    import numpy as np

    from mixot import DiagonalGaussian, Gaussian, Mixture

    rng = np.random.default_rng(seed)
    means = 2 * rng.standard_normal((k, d))
    if diagonal:
        return Mixture(rng.dirichlet(np.ones(k)), DiagonalGaussian(means, rng.uniform(0.3, 2.0, (k, d))))
    root = rng.standard_normal((k, d, d + 2)) / np.sqrt(d)
    return Mixture(rng.dirichlet(np.ones(k)), Gaussian(means, root @ root.swapaxes(1, 2)))


def beside_ott(k: int, d: int) -> list[Any]:
    """One row: a plan between Gaussian components, mixot and OTT."""
    from _table import time_it

    from mixot import OMT, plan

    p, q = mixture(k, d, 0), mixture(k, d, 1)
    found = plan(p, q, solver=OMT())
    seconds = time_it(lambda: plan(p, q, solver=OMT()), 3)
    row: list[Any] = [f"{k}, {d}", seconds, f"{found.gap / found.cost_matrix.max():.0e}"]
    try:
        theirs, compiling, errors = ott(p, q, found)
    except ImportError:
        return [*row, "absent", "", "", "", ""]
    plans = " and ".join(f"{error:.0e}" for error in errors[1:])
    return [*row, theirs, round(theirs / seconds, 1), compiling, f"{errors[0]:.0e}", plans]


def ott(p: Any, q: Any, found: Any) -> tuple[float, float, list[float]]:
    """CPU seconds of OTT's costs and coupling, of compiling both, and its errors."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import numpy as np
    from ott.tools.gaussian_mixture.gaussian_mixture import GaussianMixture
    from ott.tools.gaussian_mixture.gaussian_mixture_pair import GaussianMixturePair

    def side(law: Any, part: slice = slice(None)) -> Any:
        arrays = law.components.means[part], law.components.covs[part], law.weights[part]
        return GaussianMixture.from_mean_cov_component_weights(*map(jnp.asarray, arrays))

    def coupling(cost: Any, a: Any, b: Any) -> Any:
        pair = GaussianMixturePair(a, b, epsilon=found.lam, tau=1.0)
        out = pair.get_sinkhorn(cost, threshold=1e-9, max_iterations=20_000)
        return pair.get_normalized_sinkhorn_coupling(out), out.converged

    blocks = [side(p, slice(start, start + 50)) for start in range(0, len(p), 50)]
    whole, target = side(p), side(q)
    costs = jax.jit(lambda a, b: GaussianMixturePair(a, b, epsilon=found.lam).get_cost_matrix())
    solve = jax.jit(coupling)
    compiling, (costs_now, solve_now) = once(
        lambda: (
            costs.lower(blocks[0], target).compile(),
            solve.lower(jnp.asarray(found.cost_matrix), whole, target).compile(),
        )
    )

    def run() -> Any:
        cost = jnp.concatenate([costs_now(block, target) for block in blocks])
        return cost, *jax.block_until_ready(solve_now(cost, whole, target))

    seconds, (cost, w, converged) = once(run)
    assert converged
    same, _ = solve_now(jnp.asarray(found.cost_matrix), whole, target)
    off = float(np.abs(np.asarray(cost) - found.cost_matrix).max() / found.cost_matrix.max())
    return seconds, compiling, [off, *(float(np.abs(np.asarray(x) - found.coupling).sum()) for x in (w, same))]


def large_diagonal(k: int, d: int) -> list[Any]:
    """One row: a plan between many components with diagonal covariances."""
    from mixot import OMT, plan

    p, q = mixture(k, d, 0, diagonal=True), mixture(k, d, 1, diagonal=True)
    costs, _ = once(lambda: p.components.cost(q.components))
    seconds, found = once(lambda: plan(p, q, solver=OMT()))
    return [f"{k}, {d}", costs, seconds, f"{found.gap / found.cost_matrix.max():.0e}"]


def small_lam(problems: int) -> None:
    """Random problems at lam from 10 to 1e-4 of the median cost, and the limit of MW2."""
    import numpy as np

    from mixot import OMT, Exact

    rng = np.random.default_rng(0)
    bad, worst, off = 0, 0.0, 0.0
    start = time.process_time()
    for case in range(problems):
        k, l = rng.integers(2, 101, size=2)  # noqa: E741
        x, y = rng.standard_normal((k, 3)), rng.standard_normal((l, 3)) + rng.uniform(0, 2)
        cost = ((x[:, None] - y) ** 2).sum(axis=2)
        a, b = rng.dirichlet(np.full(k, 0.5)), rng.dirichlet(np.full(l, 0.5))
        lam = float(np.median(cost)) * 10 ** rng.uniform(-4, 1)
        found = OMT(lam=lam).solve(cost, a, b)
        bad += not np.isfinite(found.coupling).all()
        worst = max(worst, found.gap / float(cost.max()))
        if case % 10 == 0:
            best = Exact().solve(cost, a, b).cost
            off = max(off, abs(OMT(lam=1e-8 * float(np.median(cost))).solve(cost, a, b).cost / best - 1))
    seconds = time.process_time() - start
    print(f"{problems} random problems, K up to 100, lam from 10 to 1e-4 of the median cost ({seconds:.1f} s):")
    print(f"  with NaN: {bad}; largest gap / largest cost: {worst:.0e}")
    print(f"  lam = 1e-8 of the median cost, every tenth: cost within {off:.0e} of that of MW2")


def random_starts(starts: int) -> None:
    """The plan from random potentials."""
    import numpy as np

    from mixot import OMT, plan

    rng = np.random.default_rng(0)
    p, q = mixture(30, 5, 0), mixture(40, 5, 1)
    first = plan(p, q, solver=OMT())
    off, size = 0.0, float(first.cost_matrix.max())
    for _ in range(starts):
        start = 3 * size * rng.standard_normal(30), 3 * size * rng.standard_normal(40)
        again = OMT().solve(first.cost_matrix, p.weights, q.weights, start=start)
        off = max(off, float(np.abs(again.coupling - first.coupling).max()))
    print(f"{starts} random starts, K = 30 and 40: largest difference in the plan {off:.0e}")


def pushing(n: int) -> list[list[Any]]:
    """Rows: building a map and moving cells, on average and at random."""
    import numpy as np
    from _table import time_it

    from mixot import OMT, transport_map

    p, q = mixture(50, 30, 0), mixture(50, 30, 1)
    cells = p.sample(n, rng=0)
    rows: list[list[Any]] = []
    for kind, name in (("random", "randomised"), ("mean", "barycentric")):
        building = time_it(lambda kind=kind: transport_map(p, q, kind=kind, solver=OMT()), 3)
        move = transport_map(p, q, kind=kind, solver=OMT())
        for points in (cells, cells.astype(np.float32)):
            seconds = time_it(lambda points=points, move=move: move(points, rng=0), 3)
            rows.append([name, str(points.dtype), building, seconds, building + seconds])
    return rows


def once(fn: Any) -> tuple[float, Any]:
    """CPU seconds of one call, and its value."""
    start = time.process_time()
    value = fn()
    return time.process_time() - start, value


if __name__ == "__main__":
    main()
