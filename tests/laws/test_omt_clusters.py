"""Components in clusters that are far apart: what little mass must go between them finds its way."""

import numpy as np
import pytest

from mixot import OMT


@pytest.mark.parametrize("off", [1e-3, 3e-7, 1e-10])
@pytest.mark.parametrize("apart", [20.0, 40.0, 80.0, 700.0])
def test_a_little_mass_crosses_a_wide_gap(off, apart):
    """The cross-ratio of the plan of two pairs is exp(-2 apart / lam): a quadratic equation for what crosses."""
    a, b = np.array([0.5 + off, 0.5 - off]), np.array([0.5 - off, 0.5 + off])
    found = OMT(lam=1.0).solve(apart * (1 - np.eye(2)), a, b)
    crossing = off + np.sqrt(off**2 + (0.25 - off**2) * np.exp(-2 * apart))  # but for a share of it that is `crossing`
    assert found.status.solved
    assert found.gap <= 1e-12 * apart
    assert found.coupling[0, 1] == pytest.approx(crossing, rel=1e-9 + 2 * crossing, abs=1e-14)


def test_many_clusters_of_nearly_equal_weights(rng):
    for case in range(150):
        k = int(rng.integers(2, 50))
        pieces = int(rng.integers(1, k + 1))
        source = rng.integers(pieces, size=k)
        target = rng.permutation(source)
        centers = rng.normal(size=(pieces, 2)) * 10 ** rng.uniform(0, 3)
        x, y = (centers[labels] + rng.normal(size=(k, 2)) for labels in (source, target))
        cost = ((x[:, None] - y) ** 2).sum(axis=2)
        a, shares = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k))
        mass = np.bincount(source, a, minlength=pieces)
        mass = np.abs(mass * (1 + 10 ** rng.uniform(-12, -1) * rng.normal(size=pieces)))
        b = shares / np.bincount(target, shares, minlength=pieces)[target] * mass[target]
        lam = None if case % 3 == 0 else float(np.median(cost) * 10 ** rng.uniform(-4, 0))
        found = OMT(lam=lam).solve(cost, a, b / b.sum())
        assert found.status.solved
        assert found.gap <= 1e-9 * cost.max()


@pytest.mark.parametrize("seed", [1941, 2243])
@pytest.mark.parametrize("share", [1e-5, 1e-7])
def test_a_descent_that_loses_its_way_starts_again_from_the_linear_program(seed, share):
    """Random problems (of 4,000) on which the way down from large lam alone ends at gaps of 5e-4 to 7e-3."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 3))
    cost = ((x[:, None] - y) ** 2).sum(axis=2)
    a, b = rng.dirichlet(np.full(40, 0.3)), rng.dirichlet(np.full(40, 0.3))
    found = OMT(lam=share * float(np.median(cost))).solve(cost, a, b)
    assert found.status.solved
    assert found.gap <= 1e-12 * cost.max()
