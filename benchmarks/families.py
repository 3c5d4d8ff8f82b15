"""Costs between laws beyond the Gaussian beside SciPy's adaptive quadrature of their quantiles, and their fits."""

from __future__ import annotations

import warnings

import numpy as np
from _table import print_table, time_it, versions
from scipy import integrate, stats

from mixot import Exponential, FamilyEM, Gamma, Mixture, Poisson, Product, Samples, StudentT

PEERS = {
    StudentT: lambda u, k: stats.t.ppf(u, 8.0),  # one law on the line; the peer has no matrices
    Exponential: lambda u, k: stats.expon.ppf(u, scale=1.0 + k),
    Gamma: lambda u, k: stats.gamma.ppf(u, 2.3 + k),
    Poisson: lambda u, k: stats.poisson.ppf(u, 3.0 + k),
}


def one_pair(quantile) -> float:
    """W2^2 of one pair by adaptive quadrature, to about 1e-8 (1e-4 for integers)."""
    return integrate.quad(lambda u: (quantile(u, 0) - quantile(u, 1)) ** 2, 0, 1, epsabs=1e-8, limit=200)[0]


def costs(rng: np.random.Generator) -> None:
    """k = l = 100: one call beside 10 000 quadratures, of which one is timed."""
    rows = [["family", "mixot, 100 x 100 (s)", "SciPy quad, 10 000 pairs (s)", "ratio"]]
    for law, quantile in PEERS.items():
        p, q = law.example(rng, 100), law.example(rng, 100)
        ours = time_it(lambda p=p, q=q: p.cost(q))
        with np.errstate(all="ignore"):
            theirs = 10_000 * time_it(lambda f=quantile: one_pair(f), repeat=3)
        rows.append([law.name, ours, theirs, theirs / max(ours, 1e-9)])
    p, q = (Product((Gamma.example(rng, 100), Poisson.example(rng, 100))) for _ in range(2))
    rows.append(["gamma x poisson", time_it(lambda: p.cost(q)), "", ""])
    print_table(rows)


def overlapping(rng: np.random.Generator) -> np.ndarray:
    """20 000 points of eight t laws in dimension 8 that overlap."""
    root = rng.standard_normal((8, 8, 8))
    scales = root @ root.swapaxes(1, 2) / 8 + 0.3 * np.eye(8)
    law = Mixture(rng.dirichlet(np.full(8, 5.0)), StudentT(rng.standard_normal((8, 8)), scales, 5.0))
    return law.sample(20_000, rng=rng)


def fits(rng: np.random.Generator) -> None:
    """Whole fits: four starts, k given."""
    plane = Mixture([0.4, 0.6], StudentT([[0.0, 0.0], [5.0, 1.0]], np.stack([np.eye(2)] * 2), 5.0))
    data = {
        "poisson": (rng.poisson(np.repeat([3.0, 20.0, 60.0], 333_333)), 3),
        "exponential": (rng.exponential(np.repeat([0.3, 5.0], 50_000)), 2),
        "gamma": (np.concatenate([rng.gamma(2, 1, 50_000), rng.gamma(30, 0.8, 50_000)]), 2),
        "student": (plane.sample(100_000, rng=rng), 2),
        "student ": (overlapping(rng), 8),
    }
    rows = [["family", "n", "k", "fit (s)"]]
    for name, (x, k) in data.items():
        for df in ("common", "each") if name.strip() == "student" else ("common",):
            method = FamilyEM(df=df)
            seconds = time_it(
                lambda x=x, name=name, k=k, m=method: m.fit(Samples(x), name.strip(), k=k, rng=0), repeat=1
            )
            rows.append([name if df == "common" else f"{name}, a df each", len(x), k, seconds])
    print_table(rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore", integrate.IntegrationWarning)
    print(versions("mixot", "numpy", "scipy"))
    generator = np.random.default_rng(0)
    costs(generator)
    print()
    fits(generator)
