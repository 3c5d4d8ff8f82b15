"""Gradients of transport costs: the first one of a fresh process, and value and gradient of MW2, beside the peers.

    python benchmarks/gradients.py [--sdot /path/to/python] [--full]

First gradient: 200 points against 64 x 64 pixels, seconds of CPU of the whole process, imports included. sdot needs
Python 3.12 or later, so it has an environment of its own; it calls a compiler, whose work it keeps in ~/.cache/loom.
Batches: pairs of small mixtures as training losses, forward and backward, gradients in means and covariances; beside a
loop over POT's torch backend, and a loop over single calls; "entropic" is `entropic_cost` of the same batch.
Descents: steps of 2 000 points on 512 x 512 pixels, medians of 25; `cost`, and `TransportLoss`, which starts warm.
MW2: two mixtures of 5 or 50 components, gradients in means and covariances. OTT differentiates an iterative matrix
root, POT (PyTorch) an eigendecomposition; OTT gets its plan from POT's ``emd``, and at d = 32, where it compiles for
minutes, is left out without ``--full``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

JAX = """
import jax; jax.config.update("jax_enable_x64", True)
import numpy as np
rng = np.random.default_rng(0); points, values = rng.random((200, 2)), rng.random((64, 64)) + 0.1
"""
TORCH = """
import torch
import numpy as np
rng = np.random.default_rng(0); points, values = rng.random((200, 2)), rng.random((64, 64)) + 0.1
"""
UNIT = "((0, 1), (0, 1))"
FIRST = {
    "import jax": JAX,
    "mixot.jax, points and pixels": f"{JAX}from mixot.jax import Grid, cost\n"
    f"jax.grad(lambda x: cost(x, Grid(values, {UNIT})))(jax.numpy.asarray(points))",
    "mixot.jax, MW2": f"{JAX}from mixot.jax import cost\nw, s = np.full(10, 0.1), np.stack([np.eye(2)] * 10)\n"
    "jax.grad(lambda m: cost((w, m, s), (w, points[10:20], 2 * s)))(jax.numpy.asarray(points[:10]))",
    "import torch": TORCH,
    "mixot.torch, points and pixels": f"{TORCH}from mixot.torch import Grid, cost\n"
    f"x = torch.tensor(points, requires_grad=True); cost(x, Grid(torch.tensor(values), {UNIT})).backward()",
    "mixot.torch, MW2": f"{TORCH}from mixot.torch import cost\n"
    "w, s = torch.full((10,), 0.1, dtype=torch.float64), torch.eye(2, dtype=torch.float64).repeat(10, 1, 1)\n"
    "m = torch.tensor(points[:10], requires_grad=True)\n"
    "cost((w, m, s), (w, torch.tensor(points[10:20]), 2 * s)).backward()",
}
SDOT = f"""{JAX}
import sdot
target = sdot.Image(values)
jax.grad(lambda x: sdot.ot_solve(sdot.SumOfDiracs(x), target, tol=1e-8).cost)(jax.numpy.asarray(points))
"""
SIZES = [(5, 2), (50, 2), (50, 10), (50, 32)]
BATCHES = [(16, 8, 4), (256, 8, 4), (64, 3, 2)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sdot", help="a Python in whose environment sdot is installed")
    parser.add_argument("--full", action="store_true", help="time OTT at every size")
    parser.add_argument("--only", choices=["first", "batches", "mw2", "descent"], help="one of the tables")
    parser.add_argument("--repeat", type=int, default=3, help="fresh processes, or calls, of which the median counts")
    options = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "MIXOT"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    from _table import print_table, versions

    print(versions("mixot", "jax", "torch", "POT", "ott-jax"), "; 1 thread, CPU seconds\n")
    tables = {
        "first": lambda: first_gradients(options.sdot, options.repeat),
        "batches": lambda: batches(options.repeat),
        "mw2": lambda: single_pairs(options.full, options.repeat),
        "descent": descents,
    }
    for name in [options.only] if options.only else tables:
        print_table(tables[name]())
        print()


def first_gradients(sdot: str | None, repeat: int) -> list[list[Any]]:
    rows: list[list[Any]] = [["first gradient", "CPU seconds"]]
    rows += [[name, fresh([sys.executable, "-c", code], repeat)] for name, code in FIRST.items()]
    rows.append(["sdot, points and pixels", fresh([sdot, "-c", SDOT], 1) if sdot else "absent"])
    return rows


def batches(repeat: int) -> list[list[Any]]:
    """Forward and backward of B pairs of K components in dimension d."""
    peers = {
        "mixot.torch": batch_in_torch,
        "torch.vmap": vmap_in_torch,
        "loop": loop_in_torch,
        "mixot.jax": batch_in_jax,
        "entropic": entropic_in_torch,
        "POT torch, loop": pot_in_torch,
    }
    rows: list[list[Any]] = [["B, K, d", *peers, "POT / mixot.torch"]]
    for b, k, d in BATCHES:
        sides = [problem(k, d, seed, b) for seed in (0, 1)]
        seconds = [timed(peer, sides, repeat if b > 50 else 10 * repeat) for peer in peers.values()]
        rows.append([f"{b}, {k}, {d}", *seconds, seconds[-1] / seconds[0] if isinstance(seconds[-1], float) else "-"])
    return rows


def single_pairs(full: bool, repeat: int) -> list[list[Any]]:
    peers = {"mixot.torch": mixot_torch, "mixot.jax": mixot_jax, "POT torch": pot_torch, "OTT x64": ott_jax}
    rows: list[list[Any]] = [["K, d", *peers, "POT / mixot.torch", "OTT / mixot.jax"]]
    for k, d in SIZES:
        sides, times = [problem(k, d, seed) for seed in (0, 1)], 300 if k < 50 else repeat
        seconds = [
            timed(peer, sides, times) if peer is not ott_jax or d < 32 or full else "-" for peer in peers.values()
        ]
        ratios = [
            b / a if isinstance(b, float) and isinstance(a, float) else "-"
            for a, b in zip(seconds, seconds[2:], strict=False)
        ]
        rows.append([f"{k}, {d}", *seconds, *ratios])
    return rows


def descents() -> list[list[Any]]:
    """Steps of gradient descent of points on pixels: each from cold, and each from the one before it."""
    import numpy as np
    import torch

    from mixot.torch import Grid, TransportLoss, cost

    torch.set_num_threads(1)
    side = np.linspace(0, 1, 512)
    hill = np.exp(-8 * ((side[:, None] - 0.4) ** 2 + (side - 0.6) ** 2))
    tower = 0.3 * np.exp(-60 * ((side[:, None] - 0.8) ** 2 + (side - 0.2) ** 2))
    grid = Grid(torch.tensor(hill + tower + 0.02), ((0, 1), (0, 1)))
    rows: list[list[Any]] = [
        ["n = 2 000, 512 x 512; steps, of Lloyd's", "cost", "TransportLoss", "ratio", "warm of 25"]
    ]
    for rate in (0.2, 0.5, 1.0):
        x, loss = torch.tensor(np.random.default_rng(0).random((2000, 2))), TransportLoss(grid)
        calls, seconds = [lambda y: cost(y, grid), loss], ([], [])
        for _ in range(25):
            slopes = []
            for call, times in zip(calls, seconds, strict=True):
                y = x.clone().requires_grad_()
                start = time.process_time()
                call(y).backward()
                times.append(time.process_time() - start)
                slopes.append(y.grad)
            x = x - 0.5 * rate * len(x) * slopes[0]
        cold, warm = (statistics.median(times) for times in seconds)
        rows.append([rate, cold, warm, warm / cold, loss.summary.warm])
    return rows


def fresh(command: list[str], repeat: int) -> float | str:
    """Median CPU seconds of fresh processes, children included."""
    spent = []
    for _ in range(repeat):
        before = os.times()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        after = os.times()
        if done.returncode:
            return "fails: " + (done.stderr.strip().splitlines() or ["?"])[-1][:60]
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return sorted(spent)[len(spent) // 2]


def timed(peer: Callable[[Any, Any], Callable[[], Any]], sides: list[Any], repeat: int) -> float | str:
    """Median CPU seconds of one value with its gradient, compilation excluded."""
    from _table import time_it

    try:
        return time_it(peer(*sides), repeat)
    except ImportError:
        return "absent"


def problem(k: int, d: int, seed: int, *batch: int) -> tuple[Any, Any, Any]:
    """Weights, means and covariances of a random mixture, or of a batch of them."""
    import numpy as np

    rng = np.random.default_rng([k, d, seed])
    root = rng.standard_normal((*batch, k, d, d + 2)) / np.sqrt(d)
    weights = rng.dirichlet(np.ones(k), size=batch or None)
    return weights, rng.standard_normal((*batch, k, d)), root @ root.swapaxes(-1, -2)


def in_torch(p: Any, q: Any) -> tuple[list[Any], list[Any]]:
    """As tensors; means and covariances want gradients."""
    import torch

    torch.set_num_threads(1)
    sides = [[torch.tensor(x) for x in side] for side in (p, q)]
    for side in sides:
        side[1].requires_grad_()
        side[2].requires_grad_()
    return sides[0], sides[1]


def mixot_torch(p: Any, q: Any) -> Callable[[], Any]:
    from mixot.torch import cost

    (a, m, s), (b, n, u) = in_torch(p, q)
    return lambda: cost((a, m, s), (b, n, u)).backward()


def pot_torch(p: Any, q: Any) -> Callable[[], Any]:
    import ot

    (a, m, s), (b, n, u) = in_torch(p, q)
    return lambda: ot.gmm.gmm_ot_loss(m, n, s, u, a, b).backward()


def batch_in_torch(p: Any, q: Any) -> Callable[[], Any]:
    from mixot.torch import cost

    p, q = in_torch(p, q)
    return lambda: cost(tuple(p), tuple(q)).sum().backward()


def vmap_in_torch(p: Any, q: Any) -> Callable[[], Any]:
    import torch

    from mixot.torch import cost

    p, q = in_torch(p, q)
    return lambda: torch.vmap(lambda *x: cost(x[:3], x[3:]))(*p, *q).sum().backward()


def loop_in_torch(p: Any, q: Any) -> Callable[[], Any]:
    from mixot.torch import cost

    p, q = in_torch(p, q)
    return lambda: sum(cost(one[:3], one[3:]) for one in zip(*p, *q, strict=True)).backward()


def entropic_in_torch(p: Any, q: Any) -> Callable[[], Any]:
    from mixot import OMT
    from mixot.torch import entropic_cost

    p, q = in_torch(p, q)
    return lambda: entropic_cost(tuple(p), tuple(q), solver=OMT(lam=0.3)).sum().backward()


def pot_in_torch(p: Any, q: Any) -> Callable[[], Any]:
    import ot

    p, q = in_torch(p, q)

    def run() -> None:
        pairs = zip(*p, *q, strict=True)
        sum(ot.gmm.gmm_ot_loss(m, n, s, u, a, b) for a, m, s, b, n, u in pairs).backward()

    return run


def batch_in_jax(p: Any, q: Any) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    from mixot.jax import cost

    (a, *laws), (b, *others) = jax.tree.map(jax.numpy.asarray, (p, q))
    slope = jax.jit(jax.value_and_grad(lambda x, y: cost((a, *x), (b, *y)).sum(), argnums=(0, 1)))
    return lambda: jax.block_until_ready(slope(tuple(laws), tuple(others)))


def mixot_jax(p: Any, q: Any) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    from mixot.jax import cost

    (a, *laws), (b, *others) = jax.tree.map(jax.numpy.asarray, (p, q))
    slope = jax.jit(jax.value_and_grad(lambda x, y: cost((a, *x), (b, *y)), argnums=(0, 1)))
    return lambda: jax.block_until_ready(slope(tuple(laws), tuple(others)))


def ott_jax(p: Any, q: Any) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import numpy as np
    import ot
    from ott.geometry import costs

    d = p[1].shape[1]
    bures = costs.Bures(dimension=d)
    x, y = (jnp.concatenate([side[1], side[2].reshape(-1, d * d)], axis=1) for side in (p, q))
    pairs = jax.jit(lambda x, y: jax.lax.map(lambda row: jax.vmap(lambda z: bures(row, z))(y), x))

    # By the envelope theorem only the pairs that carry mass count: at most 2 K - 1 of them.
    def loss(x: Any, y: Any, rows: Any, cols: Any, mass: Any) -> Any:
        return (mass * jax.vmap(bures)(x[rows], y[cols])).sum()

    slope = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def run() -> Any:
        coupling = ot.emd(p[0], q[0], np.asarray(pairs(x, y)))
        rows, cols = np.nonzero(coupling > 0)
        rows, cols = (np.resize(index, 2 * len(x)) for index in (rows, cols))  # of one shape, so that it compiles once
        mass = np.where(np.arange(len(rows)) < np.count_nonzero(coupling > 0), coupling[rows, cols], 0.0)
        return jax.block_until_ready(slope(x, y, rows, cols, mass))

    return run


if __name__ == "__main__":
    main()
