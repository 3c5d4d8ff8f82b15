"""Transport from points to a mixture on the line: the dual proves the cost, and derivatives are differences."""

import numpy as np
import pytest
from scipy.special import ndtri

from mixot.formulas.gaussian.points_on_line import points_to_line
from mixot.formulas.gaussian.quantiles import Line


def mixture(rng, k):
    return Line(rng.dirichlet([2.0] * k), 2 * rng.standard_normal(k), rng.uniform(0.1, 1.5, k))


def cloud(rng, n):
    return 2 * rng.standard_normal(n), rng.dirichlet([2.0] * n)


def dual(found):
    """``sum nu w + int min_i ((x - y_i)^2 - w_i) f``, by Gauss-Legendre rules between all knots and cuts."""
    law = found.law
    cuts = np.unique(np.concatenate([law.knots(), found.ends[np.isfinite(found.ends)]]))
    cuts = np.unique(np.concatenate([cuts, (cuts[:-1] + cuts[1:]) / 2]))
    nodes, weights = np.polynomial.legendre.leggauss(24)
    x = ((cuts[:-1] + cuts[1:])[:, None] / 2 + nodes * np.diff(cuts)[:, None] / 2).ravel()
    z = (x[:, None] - law.means) / law.stds
    f = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) @ (law.weights / law.stds)
    phi = ((x[:, None] - found.points) ** 2 - found.potentials).min(axis=1)
    return found.masses @ found.potentials + (np.diff(cuts)[:, None] / 2 * weights).ravel() @ (f * phi)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 3), (7, 1), (40, 5), (300, 3)])
def test_the_dual_attains_the_cost(n, k, rng):
    points, masses = cloud(rng, n)
    found = points_to_line(points, masses, mixture(rng, k))
    np.testing.assert_allclose(dual(found), found.cost, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.masses @ found.centers, found.law.weights @ found.law.means, atol=1e-14)


def test_one_point_pays_distance_and_variance():
    law = Line(np.array([1.0]), np.array([0.3]), np.array([1.7]))
    found = points_to_line(np.array([2.0]), np.ones(1), law)
    assert found.cost == pytest.approx(1.7**2 + 1.7**2, rel=1e-15)


def test_equal_cells_of_a_normal_law_have_known_costs():
    n = 64
    edge = ndtri(np.arange(1, n) / n)
    phi = np.concatenate([[0], np.exp(-0.5 * edge**2) / np.sqrt(2 * np.pi), [0]])
    means = n * (phi[:-1] - phi[1:])
    found = points_to_line(means, np.full(n, 1 / n), Line(np.ones(1), np.zeros(1), np.ones(1)))
    np.testing.assert_allclose(found.centers, means, atol=1e-13)
    np.testing.assert_allclose(found.cost, 1 - np.mean(means**2), atol=1e-14)


def test_order_equal_points_and_points_without_mass_do_not_matter(rng):
    points, masses = cloud(rng, 12)
    law = mixture(rng, 3)
    found = points_to_line(points, masses, law)
    mixed = rng.permutation(12)
    np.testing.assert_allclose(points_to_line(points[mixed], masses[mixed], law).potentials, found.potentials[mixed])
    split = points_to_line(np.append(points, points[3]), np.append(masses, masses[3] / 2) - masses[3] / 2 *
                           (np.arange(13) == 3), law)  # fmt: skip
    np.testing.assert_allclose(split.cost, found.cost, atol=1e-14)
    extra = np.array([points[5], 0.123, -50.0, 50.0])
    more = points_to_line(np.append(points, extra), np.append(masses, np.zeros(4)), law)
    np.testing.assert_allclose(more.cost, found.cost, atol=1e-14)
    np.testing.assert_allclose(dual(more), found.cost, rtol=0, atol=1e-12)


def test_derivatives_are_differences(rng):
    points, masses = cloud(rng, 9)
    law, step = mixture(rng, 3), 1e-5
    found = points_to_line(points, masses, law)

    def slope(change):
        return (change(step) - change(-step)) / (2 * step)

    by_weight, by_mean, by_variance = found.law_gradient()
    for i in range(9):
        unit = np.eye(9)[i]
        moved = slope(lambda h: points_to_line(points + h * unit, masses, law).cost)
        np.testing.assert_allclose(found.point_gradient()[i], moved, rtol=1e-7, atol=1e-9)
        given = slope(lambda h: points_to_line(points, masses + h * (unit - np.eye(9)[0]), law).cost)
        np.testing.assert_allclose(found.potentials[i] - found.potentials[0], given, rtol=1e-7, atol=1e-8)
    for k in range(3):
        unit = np.eye(3)[k]
        cost = lambda *parameters: points_to_line(points, masses, Line(*parameters)).cost  # noqa: E731
        got = slope(lambda h: cost(law.weights, law.means + h * unit, law.stds))
        np.testing.assert_allclose(by_mean[k], got, rtol=1e-7, atol=1e-9)
        got = slope(lambda h: cost(law.weights, law.means, np.sqrt(law.stds**2 + h * unit)))
        np.testing.assert_allclose(by_variance[k], got, rtol=1e-6, atol=1e-8)
        got = slope(lambda h: cost(law.weights + h * (unit - np.eye(3)[0]), law.means, law.stds))
        np.testing.assert_allclose(by_weight[k] - by_weight[0], got, rtol=1e-7, atol=1e-8)


def test_atoms_of_the_mixture_are_shared_out():
    law = Line(np.array([0.5, 0.5]), np.array([0.0, 3.0]), np.array([0.0, 0.0]))
    found = points_to_line(np.array([0.0, 1.0, 3.0]), np.array([0.25, 0.5, 0.25]), law)
    assert found.cost == pytest.approx(0.25 * 1 + 0.25 * 4, abs=1e-14)
