"""Barycenters against the tensor of all tuples with HiGHS, and against POT's fixed points, side by side.

Every number is CPU time of one process with BLAS on one thread, medians of repeats.
"""

# ruff: noqa: E402  (BLAS reads its number of threads when it is imported)
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time

import numpy as np
import scipy.sparse as sp
from _table import print_table, time_it, versions
from scipy.optimize import linprog

from mixot import FixedPoint, Gaussian, Mixture, MultiMarginal, barycenter, distance
from mixot.formulas.gaussian.barycenter import gaussian_barycenter
from mixot.formulas.gaussian.bures import sqrtm_psd

try:
    import ot
except ImportError:
    ot = None


def random_mixture(k, d, seed, spread):
    rng = np.random.default_rng(seed)
    root = spread * rng.normal(size=(k, d, d))
    means = rng.uniform(size=(k, d))
    return Mixture(rng.dirichlet(np.full(k, 2.0)), Gaussian(means, root @ root.swapaxes(1, 2) + 2e-4 * np.eye(d)))


def inputs(j, k, d, seed, spread=0.06):
    return [random_mixture(k, d, 100 * seed + at, spread) for at in range(j)]


def plain_exact(mixtures):
    """The peer written plainly: Gaussian barycenters of all tuples, closed-form roots of 2 x 2, and one program."""
    j, sizes = len(mixtures), [len(p) for p in mixtures]
    index = np.array(np.unravel_index(np.arange(np.prod(sizes)), sizes))
    means = np.stack([p.components.means[k] for p, k in zip(mixtures, index, strict=True)], axis=1)
    covs = np.stack([p.components.covs[k] for p, k in zip(mixtures, index, strict=True)], axis=1)
    costs = ((means - means.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)) / j + _plane_costs(covs)
    starts = np.cumsum([0, *sizes[:-1]])
    rows = (index + starts[:, None]).T.ravel()
    matrix = sp.csr_matrix((np.ones(len(rows)), (rows, np.repeat(np.arange(len(costs)), j))))
    return linprog(costs, A_eq=matrix, b_eq=np.concatenate([p.weights for p in mixtures]), method="highs-ds").fun


def _plane_costs(covs, tol=1e-12):
    def root(a):
        s = np.sqrt(np.maximum(np.linalg.det(a), 0))
        t = np.sqrt(np.trace(a, axis1=-2, axis2=-1) + 2 * s)
        return (a + s[..., None, None] * np.eye(2)) / t[..., None, None]

    now, live = covs.mean(axis=1), np.arange(len(covs))
    while len(live):
        half = root(now[live])
        back = np.linalg.inv(half)
        middle = root(half[:, None] @ covs[live] @ half[:, None]).mean(axis=1)
        new = back @ middle @ middle @ back
        moved = np.abs(new - now[live]).max(axis=(1, 2)) / np.abs(new).max(axis=(1, 2))
        now[live] = new
        live = live[moved > tol]
    half = root(now)
    cross = np.trace(root(half[:, None] @ covs @ half[:, None]), axis1=-2, axis2=-1).mean(axis=1)
    return np.trace(covs, axis1=-2, axis2=-1).mean(axis=1) + np.trace(now, axis1=-2, axis2=-1) - 2 * cross


def cpu(fn):
    start = time.process_time()
    return fn(), time.process_time() - start


def against_all_tuples():
    rows = [["instance", "tensor + HiGHS, s", "mixot, s", "ratio", "gap", "objectives differ by"]]
    ratios = []
    barycenter(inputs(4, 3, 2, 0))
    for seed in range(10):
        mixtures = inputs(4, 12, 2, seed)
        best, theirs = cpu(lambda mixtures=mixtures: plain_exact(mixtures))
        ours = time_it(lambda mixtures=mixtures: barycenter(mixtures))
        found = barycenter(mixtures)
        ratios.append(theirs / ours)
        rows.append([seed, theirs, ours, ratios[-1], found.gap, found.objective - best])
    rows.append(["median", "", "", float(np.median(ratios)), "", ""])
    print("\n## Exact barycenter, J = 4, K = 12, d = 2\n")
    print_table(rows)


def against_pot_fixed_point():
    if ot is None:
        print("\nPOT is absent: its fixed points are skipped")
        return
    rows = [["barycenter", "components", "CPU s", "objective, above the optimum by"]]
    seconds, excess = {}, {}
    for seed in range(5):
        mixtures = inputs(4, 12, 2, seed)
        exact = barycenter(mixtures)

        def pot(k, mixtures=mixtures, exact=exact):
            order = np.argsort(-exact.mixture.weights)[:k]  # a start as good as can be had
            start = exact.mixture.components.take(order)
            means, covs = ot.gmm.gmm_barycenter_fixed_point(
                [p.components.means for p in mixtures],
                [p.components.covs for p in mixtures],
                [p.weights for p in mixtures],
                start.means.copy(),
                start.covs.copy(),
                np.full(4, 0.25),
                iterations=10,
            )
            return Mixture(np.full(k, 1 / k), Gaussian(means, (covs + covs.swapaxes(1, 2)) / 2))

        most = len(exact.mixture)
        for name, k, run in (
            ("POT fixed point", 12, lambda pot=pot: pot(12)),
            ("POT fixed point", "as exact", lambda pot=pot, most=most: pot(most)),
            ("mixot FixedPoint", 12, lambda m=mixtures: barycenter(m, solver=FixedPoint(k=12)).mixture),
            ("mixot FixedPoint", "as exact", lambda m=mixtures, k=most: barycenter(m, solver=FixedPoint(k=k)).mixture),
            ("mixot exact", "as exact", lambda m=mixtures: barycenter(m).mixture),
        ):
            mixture = run()
            average = sum(distance(p, mixture) ** 2 for p in mixtures) / 4
            seconds.setdefault((name, k), []).append(time_it(run, repeat=3))
            excess.setdefault((name, k), []).append(100 * (average / exact.objective - 1))
    for key, taken in seconds.items():
        above = f"{min(excess[key]):.3g} ... {max(excess[key]):.3g} %"
        rows.append([key[0], key[1], float(np.median(taken)), above])
    print("\n## The same five instances against POT's fixed point (10 iterations)\n")
    print_table(rows)


def larger_problems():
    rows = [["J, K, d", "covariances", "tol", "tuples", "CPU s", "objective", "proven gap", "components"]]
    for (j, k, d), spread, tol in (
        ((4, 12, 27), 0.06, 1e-10),
        ((8, 10, 3), 0.06, 1e-2),
        ((8, 10, 3), 0.06, 1e-10),
        ((8, 10, 3), 0.3, 1e-2),
        ((8, 10, 3), 0.3, 1e-10),
        ((10, 20, 2), 0.06, 1e-2),
    ):
        mixtures = inputs(j, k, d, 1, spread)
        found, seconds = cpu(lambda m=mixtures, tol=tol: barycenter(m, solver=MultiMarginal(tol=tol)))
        size = f"{float(k) ** j:.0e}"
        rows.append([f"{j}, {k}, {d}", spread, tol, size, seconds, found.objective, found.gap, len(found.mixture)])
    print("\n## Larger problems, exact or to a proven gap\n")
    print_table(rows)


def gaussian_barycenters():
    rows = [["J, d, covariances", "method", "CPU s", "ratio", "residual"]]
    for j, d, kind in (
        (5, 64, "Wishart 2 d"),
        (5, 64, "uniform spectrum"),
        (5, 64, "Wishart d + 1e-3"),
        (5, 27, "Wishart 2 d"),
    ):
        covs, weights = _covs(j, d, kind), np.full(j, 1 / j)
        ours = time_it(lambda c=covs, w=weights: gaussian_barycenter(c[None], w, tol=1e-10), repeat=15)
        found = gaussian_barycenter(covs[None], weights, tol=1e-10)
        name = f"{j}, {d}, {kind}"
        rows.append([name, "mixot, tol 1e-10", ours, 1.0, _residual(found.covs[0], covs, weights)])
        for eps in (1e-7, 1e-10) if ot is not None else ():

            def pot(covs=covs, eps=eps):
                return ot.gaussian.bures_wasserstein_barycenter(np.zeros(covs.shape[:2]), covs, eps=eps)[1]

            theirs = time_it(pot, repeat=5)
            rows.append([name, f"POT, eps {eps:g}", theirs, theirs / ours, _residual(pot(), covs, weights)])
    print("\n## One Gaussian barycenter\n")
    print_table(rows)


def _covs(j, d, kind):
    rng = np.random.default_rng(0)
    if kind == "uniform spectrum":
        q = np.linalg.qr(rng.normal(size=(j, d, d)))[0]
        return (q * rng.uniform(0.1, 2, size=(j, 1, d))) @ q.swapaxes(1, 2)
    root = rng.normal(size=(j, d, 2 * d if kind == "Wishart 2 d" else d))
    return root @ root.swapaxes(1, 2) / root.shape[2] + (1e-3 if kind.endswith("1e-3") else 0.0) * np.eye(d)


def _residual(s, covs, weights):
    root = sqrtm_psd(s)
    right = np.einsum("j,jab->ab", weights, sqrtm_psd(root @ covs @ root))
    return float(np.linalg.norm(s - right) / np.linalg.norm(s))


if __name__ == "__main__":
    print(versions("mixot", "numpy", "scipy", "highspy", "POT"))
    gaussian_barycenters()
    against_all_tuples()
    against_pot_fixed_point()
    larger_problems()
