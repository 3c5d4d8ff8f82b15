"""What the hierarchy owes: bounds below every mixture's distance, growing with the order, whatever the coordinates."""

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid, trapezoid

from mixot import Box, DiagonalGaussian, Exponential, Gamma, Gaussian, Mixture, Samples
from mixot.families.registry import lookup
from mixot.formulas.polynomial.regions import Ball, Inequality, Linear
from mixot.sos import regularizers
from mixot.sos.certificate import variable_bounds
from mixot.sos.hierarchy import solve
from mixot.sos.relaxation import Relaxation
from mixot.sos.target import target_of

ROUNDING = 1e-6  # what solving to 1e-8 may leave in a value


def relaxation(measure, family, order, *, dim=1, structure="full", weighted=True, region=None, **options):
    model = lookup(family).moment_model(dim, structure=structure, weighted=weighted)
    target = target_of(measure, model, 2 * order)
    return Relaxation(model, model.region(target.extent) if region is None else region, target, order, **options)


@pytest.fixture(scope="module")
def skewed():
    """A law that few Gaussians fit badly."""
    return Mixture([0.5, 0.5], Gamma([1.0, 6.0], [1.0, 1.0]))


def test_the_bound_is_below_the_total_variation_to_any_mixture(skewed):
    law = Mixture([0.6, 0.4], Exponential([0.8, 0.25]))
    x = np.linspace(0, 80, 400_001)
    apart = trapezoid(np.abs(skewed.density(x[:, None]) - law.density(x[:, None])), x)
    found = [solve(relaxation(skewed, "exponential", r, distance="tv")) for r in (2, 3, 4)]
    for level in found:
        assert level.accurate
        assert 0 < level.bound <= level.objective + ROUNDING
        assert level.bound <= apart
        assert level.objective - level.bound < 1e-5  # a proof that loses little
    assert np.all(np.diff([level.bound for level in found]) > -ROUNDING)


def test_the_bound_is_below_the_wasserstein_distance_to_any_mixture(skewed):
    law = Mixture([0.5, 0.5], Exponential([1.0, 0.2]))
    x, u = np.linspace(0, 120, 400_001), (np.arange(200_000) + 0.5) / 200_000
    ranks = [cumulative_trapezoid(p.density(x[:, None]), x, initial=0.0) for p in (skewed, law)]
    apart = ((np.interp(u, ranks[0], x) - np.interp(u, ranks[1], x)) ** 2).mean()
    found = [solve(relaxation(skewed, "exponential", r, distance="w2")) for r in (1, 2, 3)]
    assert all(level.accurate for level in found)
    assert np.all(np.diff([level.bound for level in found]) > -1e-5)
    assert 0 < found[-1].bound <= apart
    assert found[-1].bound <= found[-1].objective + 1e-5


@pytest.mark.parametrize("distance", ["tv", "w2"])
@pytest.mark.parametrize("basis", ["chebyshev", "monomial", "orthonormal"])
def test_a_mixture_of_the_family_is_at_distance_zero(distance, basis):
    p = Mixture([0.4, 0.6], DiagonalGaussian([[0.0, 1.0], [3.0, -1.0]], [[0.5, 0.2], [0.3, 1.0]]))
    level = solve(relaxation(p, "diagonal", 2, dim=2, distance=distance, basis=basis))
    assert abs(level.objective) < 1e-5
    assert level.bound <= ROUNDING


@pytest.mark.parametrize("distance", ["tv", "w2"])
def test_values_do_not_depend_on_the_coordinates(distance, rng):
    x = rng.exponential(size=(200, 1)) + np.array([0.0])
    region = (Box([-1.0, 0.3], [4.0, 0.5]),)
    moved = (Box([-3.0 + 100, 0.3 * 9], [12.0 + 100, 0.5 * 9]),)
    here = solve(relaxation(Samples(x), "diagonal", 3, region=region, distance=distance))
    there = solve(relaxation(Samples(3 * x + 100), "diagonal", 3, region=moved, distance=distance))
    unit = 9.0 if distance == "w2" else 1.0
    assert there.objective == pytest.approx(unit * here.objective, abs=unit * ROUNDING)
    assert there.bound == pytest.approx(unit * here.bound, abs=unit * 1e-4)


def test_the_metric_stays_that_of_the_data_where_axes_differ_in_scale():
    # components are all but one law, so that the relaxation of order 1 is Gelbrich's distance to it
    p = Mixture([1.0], DiagonalGaussian([[0.0, 0.0]], [[100.0, 0.04]]))
    tight = 1e-3
    region = (Box([-tight, -tight, 4.0, 0.01], [tight, tight, 4.0 + tight, 0.01 + tight]),)
    level = solve(relaxation(p, "diagonal", 1, dim=2, region=region, distance="w2"))
    assert level.objective == pytest.approx((10.0 - 2.0) ** 2 + (0.2 - 0.1) ** 2, rel=1e-3)


def test_the_published_parameterisation_is_at_least_as_tight(rng):
    x = Samples(rng.exponential(size=(300, 1)))
    weighted = solve(relaxation(x, "diagonal", 2, region=(Box([0.0, 0.01], [3.0, 0.04]),)))
    published = solve(relaxation(x, "diagonal", 2, weighted=False, region=(Box([0.0, 0.1], [3.0, 0.2]),)))
    assert published.relaxation.layout.mixing > weighted.relaxation.layout.mixing
    assert published.objective >= weighted.objective - ROUNDING


def test_sizes_are_those_of_the_literature(rng):
    # d = 2, r = 4, diagonal: 580 variables and blocks 70, 30, 6 x 16 for W2; 219 for total variation; 900 as published
    x = Samples(rng.normal(size=(300, 2)))
    w2, tv, published = (
        relaxation(x, "diagonal", 4, dim=2, tightened=False, **options).problem
        for options in ({"distance": "w2"}, {"distance": "tv"}, {"distance": "w2", "weighted": False})
    )
    assert (len(w2.cost), len(tv.cost), len(published.cost)) == (580, 219, 900)
    assert sorted(map(len, w2.blocks)) == [16] * 6 + [30, 70]
    assert sorted(map(len, tv.blocks)) == [15] * 3 + [16] * 6 + [30]


@pytest.mark.parametrize("distance", ["tv", "w2"])
def test_full_covariances_hold_in_space(distance, rng):
    p = Mixture([0.5, 0.5], Gaussian.example(rng, 2))
    level = solve(relaxation(p, "gaussian", 1, dim=3, distance=distance))
    assert level.status.solved
    assert abs(level.objective) < 1e-5
    blocks = [len(block) for block in level.relaxation.problem.blocks]
    assert blocks.count(3) == 2  # one matrix for each side of a I <= S <= b I


def test_slack_lets_go_of_sampling_noise(rng):
    x = Samples(rng.exponential(size=(200, 1)))
    region = (Box([0.0, 0.01], [3.0, 0.04]),)
    values = [solve(relaxation(x, "diagonal", 3, region=region, slack=s)).objective for s in (None, 0.5, 2.0)]
    assert values[0] > values[1] > values[2] - ROUNDING
    level = solve(relaxation(x, "diagonal", 3, region=region, slack=0.5))
    assert level.bound <= level.objective + ROUNDING


@pytest.mark.parametrize("distance", ["tv", "w2", "matched"])
def test_true_moments_stay_within_the_bounds_of_the_certificate(distance, rng):
    """Unknowns of a mixture of known atoms, coupled independently or by the smaller of both densities."""
    p = Mixture([0.4, 0.6], DiagonalGaussian([-1.0, 2.0], [0.5, 0.3]))
    case = relaxation(p, "diagonal", 3, distance=distance)
    limit = variable_bounds(case)
    atoms = (np.array([[-1.0, 0.5], [2.0, 0.3]]) - case.frame.offset) / case.frame.factor
    phi = np.array([0.4, 0.6]) @ case.parameters.values(atoms)
    free = phi[~case.bound] if distance == "matched" else phi[1:]
    assert (np.abs(free) <= limit[: len(free)] + 1e-12).all()
    mu = case.target.moments(case.points)
    if distance == "tv":
        assert (np.abs(mu) <= limit[case.layout.couple :] + 1e-12).all()  # all of mu is common
    if distance == "w2":
        powers = case.coupling.basis.exponents
        both = powers[(powers > 0).all(axis=1)]
        values = mu[case.points.find(both[:, :1])] * mu[case.points.find(both[:, 1:])]
        assert (np.abs(values) <= limit[case.layout.couple :] + 1e-12).all()


@pytest.mark.parametrize(
    "more",
    [
        Ball([1.0, 0.5], [1.5, 0.4]),
        Linear([[1.0, -1.0]], [0.5]),
        Inequality(lambda m, v: 2.0 - m**2 - v),
        Inequality(lambda m, v: [[1.0 - v, m * 0.1], [m * 0.1, 1.0]]),
    ],
)
def test_more_constraints_never_lower_the_value(more, rng):
    x = Samples(rng.exponential(size=(100, 1)))
    box = Box([-1.0, 0.1], [3.0, 1.0])
    wide = solve(relaxation(x, "diagonal", 2, region=(box,)))
    narrow = solve(relaxation(x, "diagonal", 2, region=(box, more)))
    assert narrow.objective >= wide.objective - ROUNDING


def test_regularizers_are_nonnegative_and_known_at_an_atom():
    p = Mixture([0.4, 0.6], DiagonalGaussian([[-1.0, 0.0], [2.0, 1.0]], [[0.5, 0.3], [0.3, 0.4]]))
    case = relaxation(p, "diagonal", 2, dim=2)
    t = np.array([[0.2, -0.5, 0.3, 0.4]])
    m, v = t[0, :2] * case.frame.half[:2] + case.frame.shift[:2], t[0, 2:] * case.frame.half[2:]
    published = (
        case.parameters.values(t)
        @ Relaxation(case.model, case.region, case.target, 2, regularizer=regularizers.published(case)).penalty
    )
    squares = sum((m ** (2 * k)).sum() + (v**k).sum() for k in (1, 2))
    products = m[0] ** 2 + m[1] ** 2 + m[0] ** 4 + (m[0] * m[1]) ** 2 + m[1] ** 4
    np.testing.assert_allclose(published, squares + products, rtol=1e-12)
    trace = case.parameters.values(t) @ regularizers.trace(case)
    size = case.parameters.size(2)
    np.testing.assert_allclose(trace, (case.parameters.values(t)[:, :size] ** 2).sum(), rtol=1e-12)
