"""No Gaussian mixture above a floor is more likely than the bound says, however many components it has."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from mixot import Gaussian, Mixture
from mixot._native import mixing_climb, mixing_supremum
from mixot.errors import InputError
from mixot.inference.mixing_bound import mixing_bound


def clipped(covs, floor):
    """The covariances with their spectra, as the floor measures them, lifted to one."""
    root = np.linalg.cholesky(floor)
    back = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(back @ covs @ back.T)
    white = (vectors * np.maximum(values, 1.0)[..., None, :]) @ vectors.swapaxes(-1, -2)
    return root @ white @ root.T


def attack(x, times, floor, k, rng, steps=40):
    """A mixture above the floor that EM makes as likely as it can, from a random start; its log-likelihoods."""
    means = x[rng.choice(len(x), k)] + 0.1 * rng.standard_normal((k, x.shape[1]))
    scale = rng.uniform(1.0, 4.0, (k, 1, 1))
    weights, covs, reached = np.full(k, 1 / k), scale * floor, []
    for _ in range(steps):
        y = x[:, None] - means
        squares = np.einsum("nki,kij,nkj->nk", y, np.linalg.inv(covs), y)
        logs = np.log(weights) - 0.5 * (squares + np.linalg.slogdet(2 * np.pi * covs)[1])
        log_density = np.logaddexp.reduce(logs, axis=1)
        reached.append(float(times @ log_density))
        r = np.exp(logs - log_density[:, None]) * times[:, None]
        mass = r.sum(axis=0) + 1e-12
        weights, means = mass / mass.sum(), (r.T @ x) / mass[:, None]
        y = x[:, None] - means
        covs = clipped(np.einsum("nk,nki,nkj->kij", r, y, y) / mass[:, None, None], floor)
    return reached


def sample(rng, n, d, k=3):
    means, covs = 3 * rng.standard_normal((k, d)), np.stack([np.diag(rng.uniform(0.4, 1.5, d)) for _ in range(k)])
    return Mixture(rng.dirichlet(np.full(k, 5.0)), Gaussian(means, covs)).sample(n, rng=rng)


@pytest.mark.parametrize("height", [0.5, 1.0, 1.4])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_supremum_is_above_all_values_and_not_far(d, height, rng):
    z, v = 2 * rng.standard_normal((200, d)), rng.uniform(0, 1, 200)
    places, values = z.copy(), np.empty(len(z))
    mixing_climb(z, v, places, 200, values, 1)
    v *= height / values.max()
    apart = ((places[:, None] - z) ** 2).sum(axis=2)
    np.testing.assert_allclose(np.exp(-apart / 2) @ v, values * height / values.max(), rtol=1e-12)
    tol = 1e-6
    upper, best, _, peaks = mixing_supremum(z, v, tol, 1)
    assert height * (1 - 1e-12) <= upper <= max(1.0, height) * (1 + 2 * tol)
    assert best <= upper
    assert (len(peaks) > 0) == (height > 1)
    if height > 1:
        assert peaks[:, 0].max() == pytest.approx(height, rel=2 * tol)
        top = peaks[peaks[:, 0].argmax(), 1:]
        assert np.linalg.norm(places - top, axis=1).min() < 1e-2
    anywhere = rng.uniform(z.min(axis=0), z.max(axis=0), (5000, d))
    near = places[values.argmax()] + 1e-3 * rng.standard_normal((2000, d))
    for some in (anywhere, near):
        apart = ((some[:, None] - z) ** 2).sum(axis=2)
        assert (np.exp(-apart / 2) @ v).max() <= upper


@pytest.mark.parametrize("d", [1, 2, 3])
def test_no_attack_is_above(d, rng):
    x = sample(rng, 120, d)
    times = rng.integers(1, 4, len(x)).astype(float)
    turn = ortho_group.rvs(d, random_state=rng) if d > 1 else np.eye(1)
    floor = turn @ np.diag(rng.uniform(0.1, 0.5, d)) @ turn.T
    bound = mixing_bound(x, floor[None], times, gap=0.1)
    best = max(max(attack(x, times, floor, k, rng)) for k in (1, 2, 4, 8, 12) for _ in range(3))
    assert best < bound.upper
    assert bound.gap <= 0.1
    assert best > bound.upper - 80  # the attacks were no straw men


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_lower_end_is_reached_by_a_mixture_and_the_gap_is_the_one_asked_for(d, rng):
    x = sample(rng, 100, d)
    floor = 0.5 * np.eye(d)[None]
    wide, narrow = mixing_bound(x, floor, gap=2.0), mixing_bound(x, floor, gap=0.01)
    assert narrow.lower <= narrow.upper <= narrow.lower + 0.01
    assert wide.lower <= narrow.upper
    assert narrow.lower <= wide.upper


@pytest.mark.parametrize("d", [1, 2, 3])
def test_of_equal_points_the_bound_is_the_kernel_at_zero(d):
    floor = np.diag(np.arange(1.0, d + 1))
    bound = mixing_bound(np.full((7, d), 2.5), floor[None], gap=1e-6)
    peak = -0.5 * (d * np.log(2 * np.pi) + np.log(np.diag(floor)).sum())
    assert 7 * peak <= bound.upper <= 7 * peak + 1e-6


@pytest.mark.parametrize("apart", [0.5, 1.9])
def test_of_two_points_within_two_standard_deviations_one_kernel_in_the_middle_is_best(apart):
    bound = mixing_bound(np.array([[0.0], [apart]]), np.ones((1, 1, 1)), gap=1e-5)
    best = 2 * (-(apart**2) / 8 - np.log(2 * np.pi) / 2)
    assert best - 1e-9 <= bound.upper <= best + 1e-5


def test_of_two_points_farther_apart_it_is_not():
    bound = mixing_bound(np.array([[0.0], [2.5]]), np.ones((1, 1, 1)), gap=1e-5)
    assert bound.lower > 2 * (-(2.5**2) / 8 - np.log(2 * np.pi) / 2) + 1e-3


@pytest.mark.parametrize("d", [1, 2, 3])
def test_units_and_places_do_not_matter(d, rng):
    x, floor = sample(rng, 150, d), 0.3 * np.eye(d)
    plain = mixing_bound(x, floor[None], gap=0.02)
    for scale, shift in ((1e6, -3e8), (1e-5, 1e-3)):
        moved = mixing_bound(x * scale + shift, scale**2 * floor[None], gap=0.02)
        assert moved.upper + len(x) * d * np.log(scale) == pytest.approx(plain.upper, abs=0.021)
    turn = ortho_group.rvs(d, random_state=rng) if d > 1 else -np.eye(1)
    turned = mixing_bound(x @ turn.T, (turn @ floor @ turn.T)[None], gap=0.02)
    assert turned.upper == pytest.approx(plain.upper, abs=0.021)


def test_times_count_as_rows_do(rng):
    x, times = sample(rng, 60, 2), rng.integers(1, 5, 60)
    floor = 0.4 * np.eye(2)[None]
    counted = mixing_bound(x, floor, times.astype(float), gap=0.01)
    repeated = mixing_bound(np.repeat(x, times, axis=0), floor, gap=0.01)
    assert counted.upper == pytest.approx(repeated.upper, abs=0.011)


def test_several_floors_bound_mixtures_above_any_of_them(rng):
    x = sample(rng, 150, 2)
    floors = np.stack([np.diag([0.2, 1.0]), np.diag([1.0, 0.2])])
    both = mixing_bound(x, floors, gap=0.05)
    one, other = (mixing_bound(x, floor[None], gap=0.05) for floor in floors)
    common = mixing_bound(x, 0.2 * np.eye(2)[None], gap=0.05)
    assert max(one.upper, other.upper) - 0.05 <= both.upper <= common.upper + 0.05


def test_a_lower_floor_allows_more(rng):
    x = sample(rng, 150, 1)
    bounds = [mixing_bound(x, np.full((1, 1, 1), c), gap=0.01).upper for c in (1.0, 0.5, 0.25, 0.1)]
    assert np.all(np.diff(bounds) > -0.01)
    assert bounds[-1] > bounds[0] + 0.1


def test_a_decision_stops_the_search(rng):
    x, floor = sample(rng, 200, 2), 0.2 * np.eye(2)[None]
    full = mixing_bound(x, floor, gap=0.05)
    early = mixing_bound(x, floor, gap=0.05, between=(full.upper + 100, np.inf))
    assert early.upper < full.upper + 100
    assert early.rounds < full.rounds


def test_an_outlier_far_away_costs_nothing(rng):
    x = np.concatenate([sample(rng, 200, 2), [[2e4, -3e4]]])
    bound = mixing_bound(x, 0.3 * np.eye(2)[None])
    assert bound.gap <= 0.3


def test_data_wider_than_floats_can_tell_are_refused():
    with pytest.raises(InputError, match=r"no wider than 1e\+06 standard deviations of the floor"):
        mixing_bound(np.array([[0.0], [1e9]]), np.ones((1, 1, 1)))
