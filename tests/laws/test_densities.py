"""Every family's density is one: its integral or sum is one, and its own draws follow it."""

import itertools
import warnings

import numpy as np
import pytest
from scipy import integrate, stats

from mixot import DiagonalGaussian, Exponential, Gamma, Gaussian, Poisson, Product, StudentT
from mixot.families.base import Family

DRAWS = 20_000
PROPOSALS = 100_000
LEAST_CHANCE = 1e-6  # of a correct family to fail, in each of some hundred looks; seeds are fixed


def assert_density(laws, k, rng):
    """The density of component k has mass one, and draws fall where it says."""
    draws = laws.sample(np.full(DRAWS, k), rng)
    if laws.dim == 1:
        assert_density_on_the_line(laws, k, draws, rng)
    else:
        assert_density_in_space(laws, k, draws, rng)


# -- on the line: masses of cells by quadrature, or summed, and the chi^2 test of the draws ----------------------------


def assert_density_on_the_line(laws, k, draws, rng):
    edges = cells(laws, k, rng)
    mass = summed(laws, k, edges) if laws.discrete else integrated(laws, k, edges)
    assert mass.sum() == pytest.approx(1.0, abs=1e-6), f"the density of component {k} has mass {mass.sum():.7g}"
    seen = np.bincount(np.searchsorted(edges, draws[:, 0]), minlength=len(mass))
    full = DRAWS * mass > 5  # the others are one cell
    seen, expected = (np.append(x[full], x[~full].sum()) for x in (seen, DRAWS * mass / mass.sum()))
    held = expected > 0
    assert not seen[~held].any(), f"draws of component {k} fall where it has no mass"
    chance = stats.chisquare(seen[held], expected[held]).pvalue if held.sum() > 1 else 1.0
    assert chance > LEAST_CHANCE, f"draws of component {k} do not follow its density: {chance:.1g} by the chi^2 test"


def cells(laws, k, rng):
    """Edges of cells of like mass, from draws of their own; of atoms, between the integers."""
    ranks = np.concatenate([[1e-3, 1e-2], np.linspace(0.05, 0.95, 19), [0.99, 0.999]])
    edges = np.unique(np.quantile(laws.sample(np.full(DRAWS, k), rng)[:, 0], ranks))
    return np.unique(np.floor(edges)) + 0.5 if laws.discrete else edges


def integrated(laws, k, edges):
    """Masses between the edges, and beyond the outer ones by panels that grow until nothing is left."""

    def density(x):
        return float(np.exp(laws.log_prob(np.array([[x]]))[0, k]))

    def mass(a, b):  # ends may be singular, and a kink or the end of the support may lie inside
        return integrate.quad(density, a, b, limit=400, epsabs=1e-10, epsrel=1e-9)[0]

    width = edges[-1] - edges[0]
    steps = width * 3.0 ** np.arange(-8, 9)
    with warnings.catch_warnings():  # where quad doubts its last digits, the mass it found is good enough
        warnings.simplefilter("ignore", integrate.IntegrationWarning)
        inner = [mass(a, b) for a, b in itertools.pairwise(edges)]
        lower, upper = edges[0] - np.append(0.0, steps), edges[-1] + np.append(0.0, steps)
        below = sum(mass(b, a) for a, b in itertools.pairwise(lower))
        above = sum(mass(a, b) for a, b in itertools.pairwise(upper))
    return np.array([below, *inner, above])


def summed(laws, k, edges):
    """Masses of the integers between the edges, and beyond."""
    x = np.arange(np.floor(edges[0]) - 3000.0, np.ceil(edges[-1]) + 3000.0)
    return np.bincount(np.searchsorted(edges, x), np.exp(laws.log_prob(x[:, None])[:, k]), minlength=len(edges) + 1)


# -- in space: importance sampling from a wide law, and the shares of slabs --------------------------------------------


def assert_density_in_space(laws, k, draws, rng):
    x, log_q = proposals(draws, rng)
    weights = np.exp(laws.log_prob(x)[:, k] - log_q)
    total, error = weights.mean(), weights.std() / np.sqrt(PROPOSALS)
    assert error < 0.01, f"the look is too rough to tell, give it more proposals: {error:.2g}"
    assert abs(total - 1) < 5 * error, f"the density of component {k} has mass {total:.4g} +- {error:.1g}"
    spread = draws.std(axis=0)
    for direction in rng.standard_normal((12, laws.dim)) / spread:
        edges = np.quantile(draws @ direction, np.linspace(0.1, 0.9, 9))
        seen, expected = (np.searchsorted(edges, points @ direction)[:, None] == np.arange(10) for points in (draws, x))
        inside = expected * weights[:, None]
        gap = seen.mean(axis=0) - inside.mean(axis=0)
        error = np.sqrt(seen.var(axis=0) / DRAWS + inside.var(axis=0) / PROPOSALS)
        assert (np.abs(gap) < 5 * error).all(), f"draws of component {k} do not follow its density along {direction}"


def proposals(draws, rng):
    """Points of a law with wider tails than the draws, and its log-density; along atoms, its log-mass."""
    atomic = (draws == np.round(draws)).all(axis=0)
    x, log_q = np.empty((PROPOSALS, draws.shape[1])), np.zeros(PROPOSALS)
    if not atomic.all():
        center, cov = draws[:, ~atomic].mean(axis=0), np.atleast_2d(np.cov(draws[:, ~atomic].T))
        wide = stats.multivariate_t(center, 1.2 * cov, df=4, seed=rng)
        x[:, ~atomic] = wide.rvs(PROPOSALS).reshape(PROPOSALS, -1)
        log_q += wide.logpdf(x[:, ~atomic])
    for axis in np.flatnonzero(atomic):
        wide = stats.t(4, draws[:, axis].mean(), 1.2 * draws[:, axis].std() + 0.5)
        x[:, axis] = np.round(wide.rvs(PROPOSALS, random_state=rng))
        log_q += np.log(wide.cdf(x[:, axis] + 0.5) - wide.cdf(x[:, axis] - 0.5))
    return x, log_q


# -- the law, and what it must catch -----------------------------------------------------------------------------------


def test_the_density_has_mass_one_and_draws_follow_it(family, rng):
    laws = family.example(rng, 3)
    for k in range(3):
        assert_density(laws, k, rng)


@pytest.mark.parametrize(
    "laws",
    [
        Product((Poisson([3.0]), Gamma([2.0], [1.0]))),
        Product((Gaussian([[0.0, 1.0]], [[[1.0, 0.6], [0.6, 2.0]]]), Poisson([0.4]))),
        StudentT([0.5], [2.0], 3.0),
        Gamma([0.7], [2.0]),
    ],
    ids=["counts and sizes", "a plane and counts", "heavy tails", "a singular density"],
)
def test_atoms_and_densities_side_by_side_and_hard_cases(laws, rng):
    assert_density(laws, 0, rng)


EXAMPLES = {
    "line": Exponential([2.0]),
    "atoms": Poisson([3.0]),
    "space": DiagonalGaussian([[0.0, 1.0, -1.0]], [[1.0, 0.5, 2.0]]),
    "mixed": Product((Poisson([3.0]), Exponential([1.0]))),
}


def broken(laws: Family, *, factor=1.0, stretch=1.0) -> Family:
    """The laws with a density that is too large by the factor, or draws that are spread too far about their mean."""

    class Broken(type(laws)):  # type: ignore[misc]
        def log_prob(self, x):
            return super().log_prob(x) + np.log(factor)

        def sample(self, labels, rng):
            center = np.floor(self.mean()[labels])
            return center + stretch * (super().sample(labels, rng) - center)

    return Broken.from_parameters(laws.parameters())


@pytest.mark.parametrize("place", EXAMPLES)
@pytest.mark.parametrize("factor", [0.5, 0.95, 1.05, 2.0])
def test_a_density_of_another_mass_does_not_pass(place, factor, rng):
    with pytest.raises(AssertionError, match="has mass"):
        assert_density(broken(EXAMPLES[place], factor=factor), 0, rng)


@pytest.mark.parametrize(("place", "stretch"), [("line", 1.1), ("atoms", 2.0), ("space", 1.1), ("mixed", 2.0)])
def test_draws_of_another_law_do_not_pass(place, stretch, rng):
    with pytest.raises(AssertionError, match="do not follow"):
        assert_density(broken(EXAMPLES[place], stretch=stretch), 0, rng)


@pytest.mark.parametrize("place", EXAMPLES)
def test_the_examples_themselves_pass(place, rng):
    assert_density(broken(EXAMPLES[place]), 0, rng)
