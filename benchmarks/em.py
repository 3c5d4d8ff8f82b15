"""One iteration of expectation-maximisation, full covariances: mixot, scikit-learn and oneDAL from one start.

    python benchmarks/em.py [dimension ...]
    MIXOT_BENCH_ONEDAL=/path/to/python python benchmarks/em.py

oneDAL (daal4py 2024.7, the last with `em_gmm`) needs scikit-learn 1.4 and numpy 1, so it runs in an interpreter of its
own, on the same arrays. Everybody computes in float64 with one thread; an iteration is the difference between a fit of
1 + m iterations and a fit of one, divided by m, so that checks, starts and results cost nobody anything. Seconds are
CPU time, medians of repeats; threads are compared by the wall time of whole fits. "differs" is the largest
difference of a parameter from scikit-learn's after 1 + m iterations, relative to the largest of its kind. mixot leaves
out responsibilities below 1e-20; "all overlap" is its time where there are none, the components being alike, and
GFLOP/s are those of that case.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _table import print_table, versions

import mixot
from mixot import EM, Gaussian, Mixture, Samples, _native

SIZES = [(1_000_000, 3, 10), (300_000, 16, 10), (50_000, 64, 20)]
MORE = 4  # iterations between the two fits
REPEAT = 3
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

ONEDAL = """
import sys, time, json, statistics
import numpy as np, daal4py
folder, more, repeat = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
daal4py.daalinit(1)
a = np.load(folder + "/problem.npz")
x, weights, means, covs = a["x"], a["weights"], a["means"], a["covs"]

def fit(iterations):
    em = daal4py.em_gmm(len(weights), fptype="double", maxIterations=iterations, accuracyThreshold=0.0)
    start = time.process_time()
    result = em.compute(x, weights.reshape(1, -1), means, [np.ascontiguousarray(c) for c in covs])
    return time.process_time() - start, result

fit(1)
seconds = statistics.median((fit(1 + more)[0] - fit(1)[0]) / more for _ in range(repeat))
result = fit(1 + more)[1]
np.savez(folder + "/onedal.npz", weights=result.weights.ravel(), means=result.means, covs=np.stack(result.covariances))
from importlib.metadata import version
print(json.dumps([seconds, version("daal4py")]))
"""


def problem(n, d, k):
    """Overlapping clusters, and a start that is wrong everywhere: k rows, the covariance of all."""
    rng = np.random.default_rng(0)
    root = rng.standard_normal((k, d, d)) / np.sqrt(d)
    x = (1.5 * rng.standard_normal((k, d)))[labels := rng.integers(k, size=n)]
    for j in range(k):
        mine = labels == j
        x[mine] += rng.standard_normal((mine.sum(), d)) @ (root[j] + np.eye(d))
    means = x[rng.choice(n, k, replace=False)]
    return x, np.full(k, 1 / k), means, np.broadcast_to(np.cov(x[:20_000].T), (k, d, d)).copy()


def per_iteration(fit):
    """Seconds of an iteration, and what 1 + MORE of them give."""
    fit(1)
    seconds = []
    for _ in range(REPEAT):
        start = time.process_time()
        fit(1)
        middle = time.process_time()
        result = fit(1 + MORE)
        seconds.append((time.process_time() - middle - (middle - start)) / MORE)
    return statistics.median(seconds), result


def ours(x, weights, means, covs):
    data, start = Samples(x), Mixture(weights, Gaussian(means, covs))

    def fit(iterations):
        p = EM(start=start, max_iter=iterations, tol=0.0, reg=0.0).fit(data, "gaussian").mixture
        return p.weights, p.components.means, p.components.covs

    return fit


def scikit(x, weights, means, covs):
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    def fit(iterations):
        peer = GaussianMixture(
            len(weights), reg_covar=0.0, tol=0.0, max_iter=iterations, init_params="random_from_data", random_state=0,
            weights_init=weights, means_init=means, precisions_init=np.linalg.inv(covs),
        )  # fmt: skip
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            peer.fit(x)
        return peer.weights_, peer.means_, peer.covariances_

    return fit


def onedal(arrays):
    """Seconds, parameters and version, or None where there is no oneDAL."""
    python = os.environ.get("MIXOT_BENCH_ONEDAL")
    if not python:
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "problem.npz"), **dict(zip(("x", "weights", "means", "covs"), arrays, strict=True)))
        command = [python, "-c", ONEDAL, folder, str(MORE), str(REPEAT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ONE_THREAD)
        if done.returncode:
            print(f"oneDAL failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        seconds, version = json.loads(done.stdout.splitlines()[-1])
        found = np.load(Path(folder, "onedal.npz"))
        return seconds, (found["weights"], found["means"], found["covs"]), version


def difference(p, q):
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(p, q, strict=True))


def threads(count, arrays):
    """Wall seconds of a whole fit of 1 + MORE iterations, the best of several: others may be using the machine."""
    os.environ["MIXOT_NUM_THREADS"] = str(count)
    fit, seconds = ours(*arrays), []
    for _ in range(3 * REPEAT):
        start = time.perf_counter()
        fit(1 + MORE)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def alike(x, weights, means, covs):
    """The same data, and components so alike that for some iterations each point belongs to all of them."""
    return x, weights, x.mean(axis=0) + (means - x.mean(axis=0)) / 2000, covs


def row(n, d, k):
    arrays = problem(n, d, k)
    os.environ["MIXOT_NUM_THREADS"] = "1"
    double, mine = per_iteration(ours(*arrays))
    overlapping, _ = per_iteration(ours(*alike(*arrays)))
    single, _ = per_iteration(ours(arrays[0].astype(np.float32), *arrays[1:]))
    flops = n * k * (2 * d * (d + 1) + 6 * d)  # whitening and moments; the exponentials come on top
    try:
        peer, theirs = per_iteration(scikit(*arrays))
    except ImportError:
        peer, theirs = np.nan, mine
    one = onedal(arrays)
    speed_up = threads(1, arrays) / threads(2, arrays)
    cells = [
        f"{n}, {d}, {k}", double, overlapping, single, peer, peer / double, difference(mine, theirs),
        one[0] if one else "absent", one[0] / double if one else "", difference(one[1], theirs) if one else "",
        speed_up, flops / overlapping / 1e9,
    ]  # fmt: skip
    return cells, one[2] if one else "absent (set MIXOT_BENCH_ONEDAL to a Python that has daal4py)"


def main():
    heading = [
        "n, d, k", "mixot", "all overlap", "float32", "scikit-learn", "ratio", "differs", "oneDAL", "ratio", "differs",
        "2 threads", "GFLOP/s",
    ]  # fmt: skip
    rows, version = [heading], ""
    asked = set(map(int, sys.argv[1:]))
    for size in (size for size in SIZES if not asked or size[1] in asked):
        cells, version = row(*size)
        rows.append(cells)
    print(f"{versions('mixot', 'numpy', 'scikit-learn')}, oneDAL {version}, {_native.isa()}\n")
    print_table(rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore", mixot.AccuracyWarning)
    main()
