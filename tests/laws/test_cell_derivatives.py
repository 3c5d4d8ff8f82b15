"""Derivatives of masses and centers of cells, against differences, and of the plan that fixes the masses."""

import numpy as np
import pytest

from mixot import Gaussian, Grid, Mixture, Samples, Semidiscrete, UnsupportedError
from mixot._native import pixel_graph
from mixot.solvers.semidiscrete.cell_derivatives import CellDerivatives
from mixot.solvers.semidiscrete.line import cells_of_potentials
from mixot.solvers.semidiscrete.moments import cell_moments
from mixot.transport.plans import gaussian_target

TILTED = np.array([[0.2, 0.05, 0.0], [0.05, 0.1, 0.03], [0.0, 0.03, 0.3]])
DENSITIES = {
    "line, constant": lambda rng: Grid(rng.uniform(0.5, 2.0, 6), [[1, 3]]),
    "line, linear": lambda rng: Grid(rng.uniform(0.5, 2.0, 5), [[1, 3]], 1),
    "line, mixture": lambda rng: gaussian_target(Mixture([0.4, 0.6], Gaussian([[1.5], [2.5]], [[[0.3]], [[0.05]]]))),
    "space, constant": lambda rng: Grid(rng.uniform(0.5, 2.0, (4, 3, 5)), [[1, 3], [-1, 0], [0, 1]]),
    "space, linear": lambda rng: Grid(rng.uniform(0.5, 2.0, (3, 4, 3)), [[1, 3], [-1, 0], [0, 1]], 1),
    "space, mixture": lambda rng: gaussian_target(
        Mixture([0.4, 0.6], Gaussian([[1.5, -0.5, 0.5], [2.5, -0.4, 0.2]], [np.diag([0.3, 0.2, 0.1]), TILTED]))
    ),
    "constant": lambda rng: Grid(rng.uniform(0.5, 2.0, (7, 5)), [[1, 3], [-1, 0]]),
    "linear": lambda rng: Grid(rng.uniform(0.5, 2.0, (4, 6)), [[1, 3], [-1, 0]], 1),
    "mixture": lambda rng: gaussian_target(
        Mixture([0.4, 0.6], Gaussian([[1.5, -0.5], [2.5, -0.4]], [[[0.3, 0.1], [0.1, 0.2]], [[0.05, 0.0], [0.0, 0.4]]]))
    ),
}


def cloud(rng, d=2, n=15):
    return rng.random((n, d)) * [2.0, 1.0, 1.0][:d] + [1.0, -1.0, 0.0][:d]


def fourth_order(values, h):
    return (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)


def steps(h):
    return [t * h for t in (1, -1, 2, -2)]


@pytest.mark.parametrize("kind", DENSITIES)
def test_masses_and_centroids_of_given_potentials(rng, kind):
    density = DENSITIES[kind](rng)
    d = density.dim
    y = cloud(rng, d)
    w = 0.02 * rng.standard_normal(15)
    dy, dw = rng.standard_normal((15, d)), 0.1 * rng.standard_normal(15)
    w[3] = -5.0  # hidden
    found = CellDerivatives.of(y, w, density)

    def at(t):
        sums = cell_moments(y + t * dy, w + t * dw, density)
        full = sums[:, 0] > 0
        return sums[:, 0], np.where(
            full[:, None], sums[:, 1 : 1 + d] / np.where(full, sums[:, 0], 1)[:, None], y + t * dy
        )

    h = 1e-5 if "constant" in kind else 1e-4  # the density jumps there: differences are of lower order
    near = [at(t) for t in steps(h)]
    for change, which in zip(found.along(dy, dw), (0, 1), strict=True):
        numeric = fourth_order([part[which] for part in near], h)
        np.testing.assert_allclose(change, numeric, rtol=0, atol=2e-6 * np.abs(numeric).max())
    np.testing.assert_array_equal(found.along(dy, dw)[1][3], dy[3])


@pytest.mark.parametrize("kind", DENSITIES)
def test_centroids_of_the_optimal_plan(rng, kind):
    """Cells of given masses: potentials follow points and weights, and the centers with them."""
    density = DENSITIES[kind](rng)
    d = density.dim
    y = cloud(rng, d)
    nu = rng.dirichlet(np.full(15, 5.0))
    dy, dnu = rng.standard_normal((15, d)), rng.standard_normal(15)
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
    density = DENSITIES[kind](rng)
    d = density.dim
    y = cloud(rng, d)
    plan = Semidiscrete().solve(Samples(y), density)
    found = plan.cell_derivatives()
    dy, dw, mu, c = (rng.standard_normal(shape) for shape in ((15, d), 15, 15, (15, d)))
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


@pytest.mark.parametrize("n", [1, 2, 9, 200])
def test_cells_on_the_line_are_those_of_the_nearest(rng, n):
    """Whoever has the least power distance at a place has it in its cell."""
    y, w = rng.random(n), 0.02 * rng.random(n)
    y[-1] = y[0]  # of equal points that of the larger potential
    visible, cuts = cells_of_potentials(y, w)
    x = rng.uniform(-0.5, 1.5, 500)
    nearest = ((x[:, None] - y) ** 2 - w).argmin(axis=1)
    np.testing.assert_array_equal(visible[np.searchsorted(cuts, x)], nearest)


def test_the_centers_of_all_mass_stay_where_they_are(rng):
    """Mass only changes hands: masses sum to one, and first moments to that of the density."""
    density, y, d = DENSITIES["linear"](rng), cloud(rng), 2
    plan = Semidiscrete(tol=1e-12).solve(Samples(y), density)
    masses, centroids = plan.cell_derivatives().along(rng.standard_normal((15, d)), rng.standard_normal(15))
    assert abs(masses.sum()) < 1e-12
    middle = density.bounds.mean(axis=1)
    total = masses @ (plan.centroids - middle) + plan.masses @ centroids
    np.testing.assert_allclose(total, 0.0, atol=1e-10)


def test_where_cells_have_no_derivatives_it_is_said(rng):
    atom = gaussian_target(Mixture([0.5, 0.5], Gaussian([[0.0], [1.0]], [[[1.0]], [[0.0]]])))
    with pytest.raises(UnsupportedError, match="variance zero"):
        Semidiscrete().solve(Samples([0.2, 0.7]), atom).cell_derivatives()
    gap = CellDerivatives.of(np.array([[0.1], [0.9]]), np.zeros(2), Grid([1.0, 0.0, 0.0, 1.0], [[0, 1]]))
    with pytest.raises(UnsupportedError, match="places without density"):
        gap.optimal_along(np.ones((2, 1)), np.zeros(2))
    twice = Semidiscrete().solve(Samples([[0.2, 0.2], [0.2, 0.2], [0.7, 0.5]]), Grid(np.ones((4, 4)), [[0, 1], [0, 1]]))
    with pytest.raises(UnsupportedError, match="shares its cell"):
        twice.cell_derivatives()
