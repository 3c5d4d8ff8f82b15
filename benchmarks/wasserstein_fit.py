"""The mixture of least W2 against that of maximum likelihood, and against stochastic descent with POT and PyTorch.

The peer draws from the mixture with the reparametrisation of each component, solves transport between the draws and
the data with POT's network simplex, and follows Adam: what one writes without a solver for points against a density.
All distances are exact W2 between the data and the mixture.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from _table import print_table, time_it, versions

from mixot import AccuracyWarning, Gaussian, MinimumWasserstein, Mixture, Samples, distance, fit
from mixot.threads import thread_count

STEPS = 200


def clouds() -> dict[str, tuple[np.ndarray, int]]:
    """Data, and numbers of components that are too small for them."""
    rng = np.random.default_rng(0)
    root = 0.7 * rng.standard_normal((6, 2, 2))
    law = Mixture(np.full(6, 1 / 6), Gaussian(3 * rng.standard_normal((6, 2)), root @ root.swapaxes(1, 2)))
    angle = rng.uniform(0, 2 * np.pi, 500)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 0.1 * rng.standard_normal((500, 1)))
    return {
        "500 points on the line, exponential": (rng.exponential(size=(500, 1)), 3),
        "500 points of 6 Gaussians in the plane": (law.sample(500, rng=0), 3),
        "500 points on a ring": (ring, 4),
        "500 points of Student t, 3 degrees, in the plane": (rng.standard_t(3, size=(500, 2)), 3),
        "200 points in a cube": (rng.uniform(size=(200, 3)), 2),
    }


def with_pot(x: np.ndarray, start: Mixture, steps: int = STEPS, batch: int = 500) -> Mixture:
    """Adam on W2^2 between the data and draws from the mixture; weights through the shares of equal-mass strata."""
    import ot
    import torch

    torch.manual_seed(0)
    k, d = len(start), x.shape[1]
    logs = torch.tensor(np.log(start.weights), requires_grad=True)
    means = torch.tensor(start.components.mean(), requires_grad=True)
    roots = torch.tensor(np.linalg.cholesky(start.components.cov()), requires_grad=True)
    data, mass = torch.tensor(x), torch.full((len(x),), 1 / len(x), dtype=torch.float64)
    optimiser = torch.optim.Adam([logs, means, roots], lr=0.02)
    each = batch // k
    for _ in range(steps):
        weights = torch.softmax(logs, 0)
        draws = means[:, None] + torch.randn(k, each, d, dtype=torch.float64) @ roots.transpose(1, 2)
        loss = ot.emd2(weights.repeat_interleave(each) / each, mass, ot.dist(draws.reshape(-1, d), data))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        covs = roots @ roots.transpose(1, 2)
        return Mixture(torch.softmax(logs, 0).numpy(), Gaussian(means.numpy(), covs.numpy()))


def rows_of(name: str, x: np.ndarray, k: int) -> list[list[object]]:
    """EM, least W2, and the peer, on the same data from the same start."""
    em = fit(x, k=k, rng=0)
    found = MinimumWasserstein().fit(Samples(x), k=k, rng=0)
    em_seconds = time_it(lambda: fit(x, k=k, rng=0), repeat=3)
    seconds = time_it(lambda: MinimumWasserstein().fit(Samples(x), k=k, rng=0), repeat=3)
    first = distance(Samples(x), em.mixture)
    ours = f"least W2 ({found.status}, {found.iterations} steps)"
    rows: list[list[object]] = [
        [f"{name}, k = {k}", "EM", first, "1.000", em_seconds, em.log_likelihood],
        ["", ours, found.distance, f"{found.distance / first:.3f}", seconds, found.log_likelihood],
    ]
    try:
        start = time.process_time()
        peer = with_pot(x, em.mixture)
        peer_seconds = time.process_time() - start
    except ImportError:
        return [*rows, ["", "PyTorch and POT: absent", "", "", "", ""]]
    reached = distance(Samples(x), peer)
    score = float(peer.log_density(x).mean())
    return [
        *rows,
        ["", f"Adam on draws, {STEPS} steps", reached, f"{reached / first:.3f}", peer_seconds, score],
    ]


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", AccuracyWarning)
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        pass
    print(f"{versions('mixot', 'numpy', 'POT', 'torch')}; {thread_count()} threads\n")
    rows: list[list[object]] = [["data", "method", "W2", "over EM's", "CPU seconds", "log-likelihood"]]
    for name, (x, k) in clouds().items():
        rows += rows_of(name, x, k)
    print_table(rows)


if __name__ == "__main__":
    main()
