"""T_mean and T_rand on the colors of a 1024 x 768 picture, side by side with POT; then larger dimensions.

The error is the largest one over all coordinates, relative to the largest coordinate, against the formula written out
in float64 NumPy.
"""

from __future__ import annotations

import warnings

import numpy as np
from _table import print_table, time_it, versions

from mixot import Gaussian, Mixture, TransportMap, transport_map
from mixot._native import isa
from mixot.threads import thread_count


def palette(rng: np.random.Generator, k: int, d: int) -> Mixture:
    """k clusters of colors in the unit cube."""
    root = 0.12 * rng.standard_normal((k, d, d + 2)) / np.sqrt(d + 2)
    return Mixture(rng.dirichlet(np.full(k, 4.0)), Gaussian(rng.random((k, d)), root @ root.swapaxes(1, 2)))


def written_out(move: TransportMap, x: np.ndarray) -> np.ndarray:
    """T_mean by its formula, pair by pair."""
    source = move.source
    joint = source.components.log_prob(x) + np.log(source.weights)
    r = np.exp(joint - joint.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    out = np.zeros_like(x)
    for s, (k, l) in enumerate(zip(move.rows, move.cols, strict=True)):  # noqa: E741
        share = move.plan.coupling[k, l] / move.plan.coupling[k].sum()
        out += share * r[:, k, None] * (x @ move.pieces.linear[s].T + move.pieces.shift[s])
    return out


def compare(n: int, d: int, k: int, *, peer_repeat: int) -> list[list[object]]:
    """Rows of the table for one size."""
    rng = np.random.default_rng(0)
    p, q = palette(rng, k, d), palette(rng, k, d)
    x = p.sample(n, rng=rng)
    move = transport_map(p, q)
    exact = written_out(move, x)
    peer, peer_time, peer_error = None, float("nan"), float("nan")
    try:
        from ot.gmm import gmm_ot_apply_map
    except ImportError:
        print("POT is absent: its rows are skipped")
    else:
        a, b = p.components, q.components
        plan = move.plan.coupling

        def peer() -> np.ndarray:
            return gmm_ot_apply_map(x, a.means, b.means, a.covs, b.covs, p.weights, q.weights, plan=plan)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # its densities overflow far from a component
            peer_time = time_it(peer, peer_repeat)
            peer_error = np.abs(peer() - exact).max() / np.abs(exact).max()
    rows: list[list[object]] = []
    size = f"{n}, {d}, {k}"
    for points in (x.astype(np.float32), x):
        name = f"mixot {points.dtype}"
        seconds = time_it(lambda points=points: move(points), 15)
        reference = exact if points is x else written_out(move, points.astype(np.float64))
        error = np.abs(move(points) - reference).max() / np.abs(exact).max()
        rows.append([size, f"{name} mean", seconds, peer_time / seconds, float(error)])
        seconds = time_it(lambda points=points: move.sample(points, rng=0), 5)
        rows.append([size, f"{name} random", seconds, "", ""])
    if peer is not None:
        rows.append([size, "POT mean", peer_time, 1.0, float(peer_error)])
    return rows


def main() -> None:
    print(versions("mixot", "numpy", "POT"), f"- {isa()}, {thread_count()} threads, CPU seconds of all threads\n")
    table: list[list[object]] = [["points, d, k", "map", "CPU s", "POT / it", "relative error"]]
    table += compare(1024 * 768, 3, 10, peer_repeat=3)
    table += compare(100_000, 27, 10, peer_repeat=1)
    print_table(table)


if __name__ == "__main__":
    main()
