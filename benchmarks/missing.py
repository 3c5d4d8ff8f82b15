"""Missing values and known noise in EM: what a pass costs, and what is found, beside the ways around.

    python benchmarks/missing.py

A pass is one iteration of plain EM, full covariances, one thread: the difference between a run of 1 + m passes and one
of one, divided by m; CPU seconds, medians. Accuracy is the mean log-density, under the mixture that was fitted, of
complete rows from the true law that no fit has seen (nats per row; "truth" is that of the law itself).
Whether a value is missing depends on the first column, which always is there. scikit-learn fits rows whose gaps are
filled with the means of the columns. The peer for noise is astroML's XDGMM; peers that are absent are left out.
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
from _table import print_table, versions

import mixot
from mixot import EM, Gaussian, Incomplete, Mixture, Samples
from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.paths import EMLimits
from mixot.fitting.likelihood.incomplete.incomplete_em import IncompleteEM

N, D, K, PATTERNS = 100_000, 8, 5, 10
MORE, REPEAT = 4, 5


def law(k, d, rng):
    """Clusters that overlap a little."""
    root = rng.standard_normal((k, d, d + 2))
    return Mixture(np.full(k, 1 / k), Gaussian(2 * rng.standard_normal((k, d)), root @ root.swapaxes(1, 2) / d))


def per_pass(em, p):
    """CPU seconds of one pass from p."""
    start, seconds = em.into_kernel(em.state(p)), []

    def run(passes):
        begun = time.process_time()
        em.run(start, EMLimits(passes, 0.0, accelerated=False))
        return time.process_time() - begun

    run(1)
    for _ in range(REPEAT):
        seconds.append((run(1 + MORE) - run(1)) / MORE)
    return statistics.median(seconds)


def passes(rng):
    """A table of what a pass costs."""
    p = law(K, D, rng)
    x, w = p.sample(N, rng=rng), np.full(N, 1 / N)
    gone = np.array([np.isin(np.arange(D), rng.choice(D, 1 + at % (D // 2), replace=False)) for at in range(PATTERNS)])
    y = np.where(gone[rng.integers(PATTERNS, size=N)], np.nan, x)
    many = np.where(rng.random(x.shape) < 0.3, np.nan, x)
    some = rng.uniform(0.1, 0.5, (10, D))[rng.integers(10, size=N)]
    few, each = x[: N // 10], rng.uniform(0.1, 0.5, (N // 10, D))
    whole = per_pass(GaussianEM.of(x, w, "full", 1e-6), p)
    cases = [
        (f"{PATTERNS} patterns", per_pass(IncompleteEM.of_rows(y, w, "full", 1e-6), p)),
        (f"{2**D} patterns", per_pass(IncompleteEM.of_rows(many, w, "full", 1e-6), p)),
        ("10 noises", per_pass(IncompleteEM.of_rows(x, w, "full", 1e-6, None, some), p)),
        ("a noise for each row", 10 * per_pass(IncompleteEM.of_rows(few, w[: N // 10], "full", 1e-6, None, each), p)),
    ]
    print(f"One pass, {N:,} rows, d = {D}, k = {K}\n")
    rows = [(what, 1e3 * seconds, seconds / whole) for what, seconds in (("complete rows", whole), *cases)]
    print_table([("rows", "ms", "times complete"), *rows])


def by_means(x, k):
    """scikit-learn on rows filled with the means of the columns, or None."""
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError:
        return None
    filled = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    found = GaussianMixture(k, n_init=10, random_state=0).fit(filled)
    return Mixture(found.weights_, Gaussian(found.means_, found.covariances_))


def accuracy(rng):
    """A table of held-out likelihoods."""
    rows = []
    for share in (0.1, 0.3):
        scores = {"truth": [], "ignored": [], "complete rows": [], "filled with means": []}
        for seed in range(5):
            p = law(3, 4, rng)
            x, held = p.sample(1000, rng=rng), p.sample(5000, rng=rng)
            gone = rng.random(x.shape) < 2 * share * (x[:, :1] > np.median(x[:, 0]))  # depends on the first column
            gone[:, 0] = False
            y = np.where(gone, np.nan, x)
            complete = Incomplete(y).complete()
            fits = {
                "truth": p,
                "ignored": mixot.fit(y, k=3, method=EM(missing="ignore"), rng=seed).mixture,
                "complete rows": mixot.fit(complete, k=3, rng=seed).mixture,
                "filled with means": by_means(y, 3),
            }
            for name, found in fits.items():
                if found is not None:
                    scores[name].append(found.log_density(held).mean())
        rows.append((share, *(statistics.mean(each) if each else "absent" for each in scores.values())))
    print("\nMean held-out log-density, n = 1000, d = 4, k = 3, five laws\n")
    print_table([("share missing", *scores), *rows])


def noise(rng):
    """A table of extreme deconvolution."""
    n, k = 5000, 3
    p = Mixture([0.3, 0.3, 0.4], Gaussian([[-2.0, 0], [2, 0], [0, 2.5]], [0.3 * np.eye(2)] * 3))
    variances = rng.uniform(0.05, 1.5, (n, 2))
    x, held = p.sample(n, rng=rng) + np.sqrt(variances) * rng.standard_normal((n, 2)), p.sample(5000, rng=rng)
    begun = time.process_time()
    found = mixot.fit(x, k=k, method=EM(noise=variances), rng=0)
    took = time.process_time() - begun
    rows = [("truth", p.log_density(held).mean(), ""), ("EM(noise=...)", found.mixture.log_density(held).mean(), took)]
    begun = time.process_time()
    plain = mixot.fit(Samples(x), k=k, rng=0).mixture
    rows.append(("EM, noise unknown", plain.log_density(held).mean(), time.process_time() - begun))
    try:
        from astroML.density_estimation import XDGMM
    except ImportError:
        rows.append(("astroML", "absent", ""))
    else:
        begun = time.process_time()
        peer = XDGMM(k, max_iter=500, random_state=0).fit(x, variances[:, :, None] * np.eye(2))
        took = time.process_time() - begun
        rows.append(("astroML", Mixture(peer.alpha, Gaussian(peer.mu, peer.V)).log_density(held).mean(), took))
    print(f"\nKnown noise of each row, n = {n}, d = 2, k = {k}\n")
    print_table([("fit", "held-out log-density", "CPU s"), *rows])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    generator = np.random.default_rng(0)
    print(versions("mixot", "scikit-learn", "astroML"), "\n")
    passes(generator)
    accuracy(generator)
    noise(generator)
