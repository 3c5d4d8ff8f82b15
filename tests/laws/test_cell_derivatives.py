"""Derivatives of masses and centers of cells, against differences, and of the plan that fixes the masses."""

import numpy as np
import pytest

from mixot import Gaussian, Grid, Mixture, Samples, Semidiscrete, UnsupportedError
from mixot._native import pixel_graph
from mixot.solvers.semidiscrete.cell_derivatives import CellDerivatives
from mixot.solvers.semidiscrete.moments import cell_moments
from mixot.transport.plans import gaussian_target

DENSITIES = {
    "constant": lambda rng: Grid(rng.uniform(0.5, 2.0, (7, 5)), [[1, 3], [-1, 0]]),
    "linear": lambda rng: Grid(rng.uniform(0.5, 2.0, (4, 6)), [[1, 3], [-1, 0]], 1),
    "mixture": lambda rng: gaussian_target(
        Mixture([0.4, 0.6], Gaussian([[1.5, -0.5], [2.5, -0.4]], [[[0.3, 0.1], [0.1, 0.2]], [[0.05, 0.0], [0.0, 0.4]]]))
    ),
}


def cloud(rng, n=15):
    return rng.random((n, 2)) * [2.0, 1.0] + [1.0, -1.0]


def fourth_order(values, h):
    return (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)


def steps(h):
    return [t * h for t in (1, -1, 2, -2)]


@pytest.mark.parametrize("kind", DENSITIES)
def test_masses_and_centroids_of_given_potentials(rng, kind):
    density, y = DENSITIES[kind](rng), cloud(rng)
    w = 0.02 * rng.standard_normal(15)
    dy, dw = rng.standard_normal((15, 2)), 0.1 * rng.standard_normal(15)
    w[3] = -5.0  # hidden
    found = CellDerivatives.of(y, w, density)

    def at(t):
        sums = cell_moments(y + t * dy, w + t * dw, density)
        full = sums[:, 0] > 0
        return sums[:, 0], np.where(full[:, None], sums[:, 1:3] / np.where(full, sums[:, 0], 1)[:, None], y + t * dy)

    h = 1e-5 if kind == "constant" else 1e-4  # the density jumps there: differences are of lower order
    near = [at(t) for t in steps(h)]
    for change, which in zip(found.along(dy, dw), (0, 1), strict=True):
        numeric = fourth_order([part[which] for part in near], h)
        np.testing.assert_allclose(change, numeric, rtol=0, atol=2e-6 * np.abs(numeric).max())
    np.testing.assert_array_equal(found.along(dy, dw)[1][3], dy[3])


@pytest.mark.parametrize("kind", DENSITIES)
def test_centroids_of_the_optimal_plan(rng, kind):
    """Cells of given masses: potentials follow points and weights, and the centers with them."""
    density, y = DENSITIES[kind](rng), cloud(rng)
    nu = rng.dirichlet(np.full(15, 5.0))
    dy, dnu = rng.standard_normal((15, 2)), rng.standard_normal(15)
    dnu -= dnu.mean()
    dnu *= 0.1 * nu.min()

    def at(t):
        return Semidiscrete(tol=1e-13).solve(Samples(y + t * dy, nu + t * dnu), density)

    found = at(0.0).cell_derivatives()
    potentials, centroids = found.optimal_along(dy, dnu)
    h = 2e-4
    near = [at(t) for t in steps(h)]
    numeric = fourth_order([plan.centroids for plan in near], h)
    np.testing.assert_allclose(centroids, numeric, rtol=0, atol=1e-4 * np.abs(numeric).max())
    numeric = fourth_order([plan.potentials for plan in near], h)
    np.testing.assert_allclose(potentials, numeric - numeric.mean(), rtol=0, atol=1e-4 * np.abs(numeric).max())


@pytest.mark.parametrize("kind", DENSITIES)
def test_back_is_the_transpose(rng, kind):
    density, y = DENSITIES[kind](rng), cloud(rng)
    plan = Semidiscrete().solve(Samples(y), density)
    found = plan.cell_derivatives()
    dy, dw, mu, c = (rng.standard_normal(shape) for shape in ((15, 2), 15, 15, (15, 2)))
    masses, centroids = found.along(dy, dw)
    in_points, in_potentials = found.back(mu, c)
    assert masses @ mu + (centroids * c).sum() == pytest.approx((in_points * dy).sum() + in_potentials @ dw, rel=1e-9)
    dw -= dw.mean()
    _, centroids = found.optimal_along(dy, dw)
    in_points, in_weights = found.optimal_back(c)
    assert (centroids * c).sum() == pytest.approx((in_points * dy).sum() + in_weights @ dw, rel=1e-9)


def test_edges_are_the_laplacian_of_newtons_method(rng):
    grid, y = Grid(rng.uniform(0.5, 2.0, (9, 7)), [[-0.5, 0.5], [-0.5, 0.5]]), rng.random((20, 2)) - 0.5
    w = 0.01 * rng.standard_normal(20)
    found = CellDerivatives.of(y, w, grid)
    first, to, weight = pixel_graph(y, w, grid.values, grid.bounds, 0, 1)
    known = {
        (i, int(j)): x
        for i in range(20)
        for j, x in zip(to[first[i] : first[i + 1]], weight[first[i] : first[i + 1]], strict=True)
    }
    for i, j, x in zip(found.first.tolist(), found.second.tolist(), found.line, strict=True):
        assert x == pytest.approx(known[i, j], rel=1e-10, abs=1e-14)


def test_the_centers_of_all_mass_stay_where_they_are(rng):
    """Mass only changes hands: masses sum to one, and first moments to that of the density."""
    density, y = DENSITIES["linear"](rng), cloud(rng)
    plan = Semidiscrete(tol=1e-12).solve(Samples(y), density)
    masses, centroids = plan.cell_derivatives().along(rng.standard_normal((15, 2)), rng.standard_normal(15))
    assert abs(masses.sum()) < 1e-12
    middle = density.bounds.mean(axis=1)
    total = masses @ (plan.centroids - middle) + plan.masses @ centroids
    np.testing.assert_allclose(total, 0.0, atol=1e-10)


def test_where_cells_have_no_derivatives_it_is_said(rng):
    line = Semidiscrete().solve(Samples([0.2, 0.7]), Grid(np.ones(4), [[0, 1]]))
    with pytest.raises(UnsupportedError, match="in the plane, got dimension 1"):
        line.cell_derivatives()
    twice = Semidiscrete().solve(Samples([[0.2, 0.2], [0.2, 0.2], [0.7, 0.5]]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]]))
    with pytest.raises(UnsupportedError, match="shares its cell"):
        twice.cell_derivatives()
