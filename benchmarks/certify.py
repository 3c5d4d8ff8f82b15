"""Certificates: what they exclude, what they cost, and whether any mixture is above them.

``python benchmarks/certify.py [faithful] [speed] [fresh] [poisson] [binomial] [rivals] [attacks]`` runs some, or all.
There is no peer: no other package bounds the likelihood of mixtures of any number of components. The attacks are EM
inside the floor, from random starts, with up to twelve components.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _table import print_table, versions

from mixot import AccuracyWarning, Binomial, Gaussian, Mixture, Poisson, certify, fit
from mixot.families.base import Family
from mixot.inference.floors import common_floor
from mixot.inference.mixing_bound import mixing_bound

FAITHFUL = Path(__file__).parents[1] / "docs" / "data" / "old-faithful.csv"


def law(rng: np.random.Generator, k: int, d: int, unlike: float = 0.5, apart: float = 4.0) -> Mixture:
    """A mixture whose means are at least ``apart`` from each other, variances in 1 ± ``unlike``, turned at random."""
    means = np.zeros((0, d))
    while len(means) < k:
        m = rng.uniform(-1, 1, d) * apart * k ** (1 / d)
        if not len(means) or np.linalg.norm(means - m, axis=1).min() >= apart:
            means = np.vstack([means, m])
    turns = np.linalg.qr(rng.standard_normal((k, d, d)))[0]
    covs = (turns * rng.uniform(1 - unlike, 1 + unlike, (k, 1, d))) @ turns.swapaxes(1, 2)
    return Mixture(rng.dirichlet(np.full(k, 8.0)), Gaussian(means, (covs + covs.swapaxes(1, 2)) / 2))


def faithful() -> None:
    x = np.loadtxt(FAITHFUL, delimiter=",", skiprows=1)
    rows = [["Old Faithful", "K", "K_max .9", "gain", "K_max .5", "gain", "K_max .25", "gain", "critical", "CPU s"]]
    for name, data in {"waiting": x[:, 1:], "eruptions": x[:, :1], "both": x}.items():
        found = fit(data, rng=0)
        start = time.process_time()
        proof = certify(data, found)
        seconds = time.process_time() - start
        at = [certify(data, found, c=c) for c in (0.9, 0.5, 0.25)]
        rows.append([name, len(found.mixture), *(value for each in at for value in (each.k_max, each.gain)),
                     proof.critical_floor or "none", seconds])  # fmt: skip
    print_table(rows)


def speed() -> None:
    rows = [["d", "n", "atoms", "gap", "CPU s"]]
    for d, n in ((1, 100_000), (2, 10_000), (3, 2_000)):
        for seed in range(3):
            rng = np.random.default_rng(seed)
            p = law(rng, 3, d)
            x = p.sample(n, rng=rng)
            start = time.process_time()
            bound = mixing_bound(x, 0.5 * common_floor(p.components.cov())[None])
            rows.append([d, n, bound.atoms, bound.gap, time.process_time() - start])
    print_table(rows)


def fresh(count: int) -> None:
    heads = "K_max = K at .9", "at .5", "at .25", "<= K + 1 at .9", "at .5", "at .25"
    rows = [["d", "n", "variances", "sets", *heads, "CPU s each"]]
    for d, n, unlike in ((1, 500, 0.2), (1, 5000, 0.2), (1, 500, 0.5), (2, 1000, 0.2), (2, 4000, 0.2), (2, 1000, 0.5)):
        over, seconds = [], 0.0
        for seed in range(count):
            rng = np.random.default_rng([d, seed])
            k = 2 + seed % 4
            x = law(rng, k, d, unlike).sample(n, rng=rng)
            found = fit(x, k=k, rng=seed)
            start = time.process_time()
            over.append([certify(x, found, c=c).k_max - k for c in (0.9, 0.5, 0.25)])
            seconds += time.process_time() - start
        table = np.array(over)
        shares = [f"{100 * share:.0f} %" for most in (0, 1) for share in (table <= most).mean(axis=0)]
        rows.append([d, n, f"1 ± {unlike}", count, *shares, seconds / count / 3])
        print(rows[-1], flush=True)
    print_table(rows)


def rates(rng: np.random.Generator, k: int) -> Poisson:
    return Poisson(np.cumsum(rng.uniform(1.0, 3.0, k) ** 2))


def chances(rng: np.random.Generator, k: int) -> Binomial:
    """Probabilities two to four standard deviations apart, on the scale on which these are equal."""
    angles = np.cumsum(rng.uniform(2.0, 4.0, k)) / np.sqrt(4 * 20)
    return Binomial(np.sin(angles) ** 2, 20)


def one_parameter(family: str, laws: Callable[[np.random.Generator, int], Family], count: int) -> None:
    rows = [["n", "sets", "K_max = K", "<= K + 1", "largest gain", "CPU s, most"]]
    for n in (1_000, 10_000, 100_000):
        over, gains, seconds = [], [], []
        for seed in range(count):
            rng = np.random.default_rng([n, seed])
            k = 1 + seed % 3
            components = laws(rng, k)
            x = Mixture(rng.dirichlet(np.full(k, 8.0)), components).sample(n, rng=rng)
            found = fit(x, family, k=k, rng=seed)
            start = time.process_time()
            proof = certify(x, found)
            seconds.append(time.process_time() - start)
            over.append(proof.k_max - k)
            gains.append(proof.gain)
        table = np.array(over)
        rows.append([n, count, *(f"{100 * (table <= most).mean():.0f} %" for most in (0, 1)), max(gains), max(seconds)])
    print_table(rows)


def best_attacks(
    x: np.ndarray, floor: np.ndarray, k: int, runs: int, rng: np.random.Generator, steps: int
) -> np.ndarray:
    """Largest log-likelihoods that EM reaches from random starts when covariances stay above the floor, (runs,)."""
    z = x @ np.linalg.inv(np.linalg.cholesky(floor)).T
    n, d = z.shape
    means = z[rng.integers(n, size=(runs, k))] + 0.1 * rng.standard_normal((runs, k, d))
    covs = rng.uniform(1, 4, (runs, k, 1, 1)) * np.eye(d)
    return climbed(x, floor, np.full((runs, k), 1 / k), means, covs, steps)


def climbed(
    x: np.ndarray, floor: np.ndarray, weights: np.ndarray, means: np.ndarray, covs: np.ndarray, steps: int
) -> np.ndarray:
    """What EM inside the floor reaches from starts (runs, k), (runs, k, d), (runs, k, d, d) in its units, (runs,)."""
    root = np.linalg.cholesky(floor)
    z = x @ np.linalg.inv(root).T
    n, best = len(z), np.full(len(weights), -np.inf)
    for _ in range(steps):
        y = z[:, None, None] - means
        squares = np.einsum("nrki,rkij,nrkj->nrk", y, np.linalg.inv(covs), y, optimize=True)
        logs = np.log(weights) - 0.5 * (squares + np.linalg.slogdet(2 * np.pi * covs)[1])
        total = np.logaddexp.reduce(logs, axis=2)
        best = np.maximum(best, total.sum(axis=0))
        shares = np.exp(logs - total[..., None])
        mass = shares.sum(axis=0) + 1e-12
        weights = mass / mass.sum(axis=1, keepdims=True)
        means = np.einsum("nrk,ni->rki", shares, z) / mass[..., None]
        second = np.einsum("nrk,ni,nj->rkij", shares, z, z, optimize=True) / mass[..., None, None]
        values, vectors = np.linalg.eigh(second - means[..., :, None] * means[..., None, :])
        covs = (vectors * np.maximum(values, 1.0)[..., None, :]) @ vectors.swapaxes(-1, -2)
    return best - n * np.linalg.slogdet(root)[1]


def split(found: Mixture, root: np.ndarray, k: int, runs: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Starts of k components: those of a fit, some of them split along a random direction, in units of the floor."""
    back = np.linalg.inv(root)
    weights, means, covs = [], [], []
    for _ in range(runs):
        w, m = found.weights.copy(), found.components.means @ back.T
        s = back @ found.components.covs @ back.T
        while len(w) < k:
            i = int(rng.integers(len(w)))
            step = np.linalg.cholesky(s[i]) @ rng.standard_normal(len(root)) * rng.uniform(0.2, 1.0)
            values, vectors = np.linalg.eigh(s[i] * rng.uniform(0.25, 1.0))
            narrow = (vectors * np.maximum(values, 1.0)) @ vectors.T
            w, m, s = np.append(w, w[i] / 2), np.vstack([m, m[i] + step]), np.concatenate([s, narrow[None]])
            w[i], m[i] = w[i] / 2, m[i] - step
        weights.append(w)
        means.append(m)
        covs.append(s)
    return np.array(weights), np.array(means), np.array(covs)


def rivals(count: int) -> None:
    """Where more components are not excluded: whether EM finds a mixture inside the floor that is better by BIC."""
    rows = [["d", "n", "c", "sets", "K_max = K", "better found", "largest gain of K + 1", "its bound"]]
    for d, n, c in ((1, 500, 0.5), (1, 500, 0.25), (2, 1000, 0.5)):
        kept = better = 0
        nearest = (0.0, np.inf)
        for seed in range(count):
            rng = np.random.default_rng([d, seed])
            k = 2 + seed % 4
            x = law(rng, k, d, 0.2).sample(n, rng=rng)
            found = fit(x, k=k, rng=seed)
            proof = certify(x, found, c=c)
            kept += proof.k_max == k
            real = False
            for more in range(1, min(proof.k_max - k, 2) + 1):
                starts = split(found.mixture, np.linalg.cholesky(proof.floors[0]), k + more, 16, rng)
                gain = float(climbed(x, proof.floors[0], *starts, 150).max()) - proof.log_likelihood
                real |= gain > more * proof.price
                if more == 1 and gain > nearest[0]:
                    nearest = (gain, proof.gain)
            better += real
        rows.append([d, n, c, count, kept, better, *nearest])
        print(rows[-1], flush=True)
    print_table(rows)


def attacks(count: int) -> None:
    rows = [["d", "data sets", "attacks", "above the bound", "nearest, nats"]]
    for d in (1, 2, 3):
        above, nearest, made, sets = 0, np.inf, 0, 0
        while made < count // 3:
            rng = np.random.default_rng([d, sets])
            n = int(rng.integers(30, 120))
            x = law(rng, int(rng.integers(1, 5)), d).sample(n, rng=rng)
            floor = rng.uniform(0.2, 1.0) * np.diag(rng.uniform(0.5, 1.0, d))
            bound = mixing_bound(x, floor[None], gap=0.02)
            for k in (1, 2, 3, 4, 6, 8, 12):
                ends = best_attacks(x, floor, k, 12, rng, 40)
                above += int((ends > bound.upper).sum())
                nearest = min(nearest, float((bound.upper - ends).min()))
                made += len(ends)
            sets += 1
        rows.append([d, sets, made, above, nearest])
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--attacks", type=int, default=10_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore", AccuracyWarning)
    print(versions("numpy", "scipy"))
    parts = {
        "faithful": faithful,
        "speed": speed,
        "fresh": lambda: fresh(args.sets),
        "poisson": lambda: one_parameter("poisson", rates, args.sets),
        "binomial": lambda: one_parameter("binomial(20)", chances, args.sets),
        "rivals": lambda: rivals(args.sets),
        "attacks": lambda: attacks(args.attacks),
    }
    for name in args.parts or parts:
        print(f"\n{name}\n")
        parts[name]()


if __name__ == "__main__":
    main()
