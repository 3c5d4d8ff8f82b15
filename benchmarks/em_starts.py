"""Fits by EM from their own starts: where they end, and what they cost, beside scikit-learn.

    python benchmarks/em_starts.py [starts] [overlapping] [sizes] [folds] [patches] [draws]

Everybody computes in float64 with one thread; seconds are CPU time. *starts*: each set of points under 20 random
rotations and shears; a fit has arrived where its log-likelihood is at most one nat (of all rows together) below that
of EM which starts from the true groups. Crabs (Campbell and Mahon 1974; package MASS) and thyroid (package mclust) are
read through `Rscript`, and left out where it or a package is absent. *overlapping*: 50 random mixtures. *sizes*: K
among 1 .. 10 by BIC. *folds*: held-out log-likelihood of five folds with everybody's defaults. *patches*: 20 000
patches of 3 x 3 colored pixels of a picture, k = 10. *draws*: `sample`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import warnings

import numpy as np
from _table import print_table, time_it, versions
from sklearn import datasets
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

import mixot
from mixot import EM, Gaussian, Mixture, Samples

SEEDS = 20


def timed(fn):
    """What ``fn()`` gives, and its CPU seconds."""
    start = time.process_time()
    value = fn()
    return value, time.process_time() - start


def ours(x, k=None, seed=0):
    return EM().fit(Samples(x), "gaussian", k=k, rng=seed)


def theirs(x, k, seed=0, n_init=1):
    return GaussianMixture(k, n_init=n_init, random_state=seed).fit(x)


def cigars(rng):
    x = [np.column_stack([rng.normal(0, 30, 500), rng.normal(0, 0.5, 500) + 4 * j]) for j in range(3)]
    return np.concatenate(x), np.repeat(np.arange(3), 500)


def overlapping(rng):
    """2 to 7 components in 2 to 6 dimensions, 60 to 300 rows each."""
    k, d = int(rng.integers(2, 8)), int(rng.integers(2, 7))
    n = int(rng.integers(60 * k, 300 * k))
    means, root = 1.6 * rng.standard_normal((k, d)), rng.standard_normal((k, d, d + 1)) / np.sqrt(d)
    labels = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 5.0)))
    return means[labels] + np.einsum("nij,nj->ni", root[labels], rng.standard_normal((n, d + 1))), labels


def from_r(package, name, columns, groups):
    """A data set of an R package and the groups of its rows, or None."""
    code = f'data({name}, package = "{package}"); write.csv({name}, row.names = FALSE, quote = FALSE)'
    try:
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    rows = np.genfromtxt(io.StringIO(done.stdout), delimiter=",", names=True, dtype=None, encoding="utf-8")
    labels = np.unique(["/".join(str(row[g]) for g in groups) for row in rows], return_inverse=True)[1]
    return np.column_stack([rows[c].astype(float) for c in columns]), labels


def sheared(x, rng):
    d = x.shape[1]
    turn = [np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2)]
    return x @ turn[0] @ (np.eye(d) + np.triu(rng.standard_normal((d, d)), 1)) @ turn[1]


def from_the_truth(x, labels):
    k = int(labels.max()) + 1
    parts = [x[labels == j] for j in range(k)]
    law = Gaussian([part.mean(axis=0) for part in parts], [np.cov(part.T) for part in parts])
    start = Mixture(np.bincount(labels) / len(x), law)
    return len(x) * EM(start=start, tol=1e-9, max_iter=5000).fit(Samples(x), "gaussian").log_likelihood


def starts():
    """Share of rotated and sheared sets on which a fit arrives, and its seconds."""
    sets = {
        "three cigars": None,
        "crabs, K = 4": from_r("MASS", "crabs", ("FL", "RW", "CL", "CW", "BD"), ("sp", "sex")),
        "thyroid, K = 3": from_r("mclust", "thyroid", ("RT3U", "T4", "T3", "TSH", "DTSH"), ("Diagnosis",)),
        "iris, K = 3": datasets.load_iris(return_X_y=True),
        "wine, K = 3": datasets.load_wine(return_X_y=True),
    }
    rows = [["points", "mixot", "CPU s", "scikit-learn", "CPU s", "n_init=10", "CPU s"]]
    for name, given in sets.items():
        if given is None and name != "three cigars":
            continue
        arrived, seconds = np.zeros(3), np.zeros(3)
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            x, labels = cigars(rng) if given is None else given
            x, k = sheared(x, rng) if seed else x, int(labels.max()) + 1
            truth = from_the_truth(x, labels)
            fits = [lambda: ours(x, k, seed).log_likelihood, lambda: theirs(x, k, seed).score(x)]  # noqa: B023
            for at, fit in enumerate([*fits, lambda: theirs(x, k, seed, 10).score(x)]):  # noqa: B023
                found, spent = timed(fit)
                arrived[at] += len(x) * found > truth - 1
                seconds[at] += spent / SEEDS
        rows.append([name, *(cell for pair in zip(arrived / SEEDS, seconds, strict=True) for cell in pair)])
    print_table(rows)


def overlapping_problems():
    """How often one is more likely than the other by a tenth of a nat, on 50 random problems."""
    gaps, truths, seconds = [], [], np.zeros(3)
    for seed in range(50):
        x, labels = overlapping(np.random.default_rng(1000 + seed))
        k = int(labels.max()) + 1
        mine, spent = timed(lambda: ours(x, k, seed).log_likelihood)  # noqa: B023
        many, long = timed(lambda: theirs(x, k, seed, 10).score(x))  # noqa: B023
        seconds += [spent, timed(lambda: theirs(x, k, seed))[1], long]  # noqa: B023
        gaps.append(len(x) * (mine - many))
        truths.append(len(x) * mine - from_the_truth(x, labels))
    gaps = np.array(gaps)
    heading = ["more likely than n_init=10", "less", "at most", "arrived", "CPU s", "scikit-learn", "n_init=10"]
    cells = [
        int((gaps > 0.1).sum()),
        int((gaps < -0.1).sum()),
        float(-gaps.min()),
        float(np.mean(np.array(truths) > -1)),
    ]
    print_table([heading, [*cells, *seconds]])


def mixture_of_points(n, d, k):
    rng = np.random.default_rng(0)
    means, root = 2 * rng.standard_normal((k, d)), rng.standard_normal((k, d, d + 2)) / np.sqrt(d)
    labels = rng.integers(k, size=n)
    return means[labels] + np.einsum("nij,nj->ni", root[labels], rng.standard_normal((n, d + 2)))


def numbers_of_components():
    rows = [["n = 4 000", "mixot", "K", "BIC", "scikit-learn", "K", "BIC", "ratio"]]
    for d, k in ((2, 4), (5, 5), (10, 4)):
        x = mixture_of_points(4000, d, k)
        mine, spent = timed(lambda: ours(x))  # noqa: B023
        scores, long = timed(lambda: [theirs(x, j).bic(x) for j in range(1, 11)])  # noqa: B023
        best = int(np.argmin(scores))
        cells = [spent, len(mine.mixture), round(mine.criterion * len(x), 1), long, best + 1, round(scores[best], 1)]
        rows.append([f"d = {d}", *cells, long / spent])
    print_table(rows)


def folds():
    rows = [["points", "mixot", "held out", "scikit-learn", "held out"]]
    sets = {
        "iris (150, 4), k = 3": (datasets.load_iris().data, 3),
        "breast cancer (569, 10), k = 3": (datasets.load_breast_cancer().data[:, :10], 3),
        "overlapping (1 000, 2), k = 4": (mixture_of_points(1000, 2, 4), 4),
        "overlapping (4 000, 3), k = 5": (mixture_of_points(4000, 3, 5), 5),
        "overlapping (20 000, 5), k = 8": (mixture_of_points(20_000, 5, 8), 8),
    }
    for name, (x, k) in sets.items():
        part, seconds, held = np.random.default_rng(0).integers(5, size=len(x)), np.zeros(2), np.zeros(2)
        for fold in range(5):
            train, test = x[part != fold], x[part == fold]
            mine, spent = timed(lambda: ours(train, k, fold))  # noqa: B023
            peer, long = timed(lambda: theirs(train, k, fold))  # noqa: B023
            seconds += [spent, long]
            held += [mine.mixture.log_density(test).mean() / 5, peer.score(test) / 5]
        rows.append([name, seconds[0], held[0], seconds[1], held[1]])
    print_table(rows)


def patches():
    from skimage import data

    rows = [["20 000 patches, d = 27, k = 10", "CPU s", "iterations", "log-likelihood"]]
    for name in ("astronaut", "coffee"):
        picture = getattr(data, name)() / 255
        windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3), axis=(0, 1))
        x = windows.reshape(-1, 27)[
            np.random.default_rng(0).choice(len(windows) * windows.shape[1], 20_000, replace=False)
        ]
        for kind in (np.float64, np.float32):
            fit, spent = timed(lambda: ours(x.astype(kind), 10))  # noqa: B023
            rows.append([f"{name}, {kind.__name__}", spent, fit.iterations, fit.log_likelihood])
        peer, spent = timed(lambda: theirs(x, 10))  # noqa: B023
        rows.append([f"{name}, scikit-learn", spent, peer.n_iter_, peer.score(x)])
    print_table(rows)


def draws():
    rows = [["n, d, k", "mixot", "scikit-learn", "ratio"]]
    for n, d, k in ((1000, 2, 3), (100_000, 2, 5), (1_000_000, 3, 10), (100_000, 16, 10), (10_000, 10, 50)):
        rng = np.random.default_rng(0)
        root, means, weights = (
            rng.standard_normal((k, d, d + 2)),
            rng.standard_normal((k, d)),
            rng.dirichlet(np.ones(k)),
        )
        covs = root @ root.swapaxes(1, 2)
        p, peer = Mixture(weights, Gaussian(means, covs)), GaussianMixture(k, random_state=0)
        peer.weights_, peer.means_, peer.covariances_, peer.precisions_cholesky_ = weights, means, covs, covs
        mine, other = time_it(lambda: p.sample(n, rng=0)), time_it(lambda: peer.sample(n))  # noqa: B023
        rows.append([f"{n}, {d}, {k}", mine, other, other / mine])
    print_table(rows)


PARTS = {
    "starts": starts,
    "overlapping": overlapping_problems,
    "sizes": numbers_of_components,
    "folds": folds,
    "patches": patches,
    "draws": draws,
}


def main():
    os.environ["MIXOT_NUM_THREADS"] = "1"
    print(versions("mixot", "numpy", "scikit-learn"))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours(np.random.default_rng(0).standard_normal((100, 2)), 2)  # what is loaded at the first call costs nobody
        for name in sys.argv[1:] or PARTS:
            print(f"\n{name}\n")
            PARTS[name]()


if __name__ == "__main__":
    warnings.simplefilter("ignore", mixot.AccuracyWarning)
    main()
