"""Integrals of Gaussians over convex regions of the plane, against quadrature in many digits and closed forms."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from scipy.special import log_ndtr, ndtr

from mixot.formulas.gaussian.plane_cells import (
    Regions,
    edge_integrals,
    region_moments,
    region_moments_each,
    transport_gradient,
)

DIGITS = 30
NODES = 24  # a Gauss-Legendre rule whose error on panels of 1.5 standard deviations is below 1e-20


def law(rng, k=1):
    root = rng.standard_normal((k, 2, 2))
    return rng.dirichlet([2.0] * k), rng.standard_normal((k, 2)), root @ root.swapaxes(1, 2) + 0.05 * np.eye(2)


def polygon(rng, size, radius, middle):
    angle = np.sort(2 * np.pi * rng.random(size))
    return np.column_stack([np.cos(angle), np.sin(angle)]) * radius + middle


def rule():
    x, w = [], []
    for start in np.polynomial.legendre.leggauss(NODES)[0]:
        root = mp.findroot(lambda t: mp.legendre(NODES, t), mp.mpf(float(start)))
        slope = NODES * (root * mp.legendre(NODES, root) - mp.legendre(NODES - 1, root)) / (root**2 - 1)
        x.append(root)
        w.append(2 / ((1 - root**2) * slope**2))
    return x, w


@pytest.fixture(scope="module")
def exact():
    """Raw moments about the origin and integrals along the edges of N(mean, cov) over a polygon, by mpmath.

    By Green's theorem on (G(x) y^j phi(y), 0) with G the primitive of x^i phi(x), in whitened coordinates.
    """
    with mp.workdps(DIGITS):
        nodes, node_weights = rule()

    def integrate(corners, mean, cov):
        with mp.workdps(DIGITS):
            l11 = mp.sqrt(mp.mpf(cov[0, 0]))
            l21 = mp.mpf(cov[1, 0]) / l11
            l22 = mp.sqrt(mp.mpf(cov[1, 1]) - l21**2)
            points = []
            for x, y in corners:
                a = (mp.mpf(x) - mp.mpf(mean[0])) / l11
                points.append((a, (mp.mpf(y) - mp.mpf(mean[1]) - l21 * a) / l22))
            sums, lines = [mp.mpf(0)] * 6, []
            for (ax, ay), (bx, by), p, q in zip(
                points, [*points[1:], points[0]], corners, np.roll(corners, -1, axis=0)
            ):
                dx, dy = bx - ax, by - ay
                length = mp.sqrt(dx**2 + dy**2)
                centers = [-(ax * dx + ay * dy) / length**2] + ([-ay / dy] if dy else [])
                cuts = {near + mp.mpf(c) * mp.mpf("1.5") / length for c in range(-10, 11) for near in centers}
                cuts = sorted({mp.mpf(0), mp.mpf(1)} | {c for c in cuts if 0 < c < 1})
                line = mp.mpf(0)
                for low, high in pairwise(cuts):
                    for node, weight in zip(nodes, node_weights):
                        t, h = (low + high) / 2 + node * (high - low) / 2, weight * (high - low) / 2
                        x, y = ax + t * dx, ay + t * dy
                        below = mp.erfc(-x / mp.sqrt(2)) / 2
                        fx, fy = (mp.exp(-v * v / 2) / mp.sqrt(2 * mp.pi) for v in (x, y))
                        line += h * fx * fy
                        terms = (below, -fx, below * y, below - x * fx, -fx * y, below * y * y)
                        sums = [s + h * dy * fy * term for s, term in zip(sums, terms)]
                size = mp.sqrt((mp.mpf(p[0]) - mp.mpf(q[0])) ** 2 + (mp.mpf(p[1]) - mp.mpf(q[1])) ** 2)
                lines.append(float(line * size / (l11 * l22)))
            m, a, b, aa, ab, bb = sums
            cx, cy, ux, uy = mp.mpf(mean[0]), mp.mpf(mean[1]), l11 * a, l21 * a + l22 * b
            moments = [
                m,
                ux + cx * m,
                uy + cy * m,
                l11**2 * aa + 2 * cx * ux + cx**2 * m,
                l11 * (l21 * aa + l22 * ab) + cx * uy + cy * ux + cx * cy * m,
                l21**2 * aa + 2 * l21 * l22 * ab + l22**2 * bb + 2 * cy * uy + cy**2 * m,
            ]
            return np.array([float(value) for value in moments]), np.array(lines)

    return integrate


CASES = {
    "ordinary": lambda rng, m: polygon(rng, 6, rng.uniform(0.3, 2), rng.standard_normal(2)),
    "tiny": lambda rng, m: polygon(rng, 5, 1e-4, m + 0.5 * rng.standard_normal(2)),
    "huge": lambda rng, m: polygon(rng, 7, 200.0, m),
    "around the mean": lambda rng, m: polygon(rng, 5, 0.2, m),
    "sliver": lambda rng, m: m + np.array([[-3, 0], [4, 1e-9], [4, 2e-9], [-3, 1e-9]]),
    "edge through the mean": lambda rng, m: m + np.array([[-3.0, 0], [4, 0], [1, 3]]),
    "mean at a corner": lambda rng, m: m + np.array([[0.0, 0], [4, 1], [1, 3]]),
    "mean near a corner": lambda rng, m: m + 1e-9 + np.array([[0.0, 0], [4, 1], [1, 3]]),
    "mean near an edge": lambda rng, m: m + np.array([[-3, -1e-12], [4, 2e-12], [1, 3]]),
}


@pytest.mark.parametrize("case", CASES)
def test_moments_and_edges_agree_with_quadrature_in_many_digits(case, exact, rng):
    for _ in range(3):
        _, means, covs = law(rng)
        corners = CASES[case](rng, means[0])
        moments, lines = exact(corners, means[0], covs[0])
        regions = Regions.of([corners])
        found = region_moments(regions, [[0, 0]], [1.0], means, covs)[0]
        np.testing.assert_allclose(found, moments, rtol=0, atol=2e-15 * max(1, np.abs(moments).max()))
        np.testing.assert_allclose(edge_integrals(regions, [1.0], means, covs), lines, rtol=0, atol=2e-15)


def test_far_away_the_mass_keeps_its_digits(exact, rng):
    for away in (4.0, 9.0, 25.0):
        _, means, covs = law(rng)
        turn = rng.standard_normal(2)
        middle = means[0] + np.linalg.cholesky(covs[0]) @ turn * (away / np.linalg.norm(turn))
        corners = polygon(rng, 6, 0.5, middle)
        moments, lines = exact(corners, means[0], covs[0])
        regions = Regions.of([corners])
        found = region_moments(regions, [[0, 0]], [1.0], means, covs)[0]
        np.testing.assert_allclose(found[0], moments[0], rtol=1e-11)
        np.testing.assert_allclose(edge_integrals(regions, [1.0], means, covs), lines, rtol=1e-11, atol=1e-290)


PLANE = [(1, 0, 0), (-1, 1, 0), (-1, -1, 0)]


def half_plane(angle, offset):
    """{x : n . x <= offset}, n at an angle."""
    n = np.array([np.cos(angle), np.sin(angle)])
    u = np.array([-n[1], n[0]])
    return [(*(offset * n + 0.3 * u), 1), (*u, 0), (*-n, 0), (*-u, 0)]


def test_the_whole_plane_has_the_moments_of_the_mixture(rng):
    weights, means, covs = law(rng, 11)
    second = covs + means[:, :, None] * means[:, None, :]
    want = np.column_stack([np.ones(11), means, second[:, 0, 0], second[:, 0, 1], second[:, 1, 1]])
    found = region_moments_each(Regions.of([PLANE]), [[0, 0]], means, covs)[0]
    np.testing.assert_allclose(found, want, rtol=1e-14, atol=1e-15)
    total = region_moments(Regions.of([PLANE, []]), np.zeros((2, 2)), weights, means, covs)
    np.testing.assert_allclose(total, [weights @ want, np.zeros(6)], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 2.0, np.pi, 4.5])
def test_half_planes_are_normal_tails(angle, rng):
    weights, means, covs = law(rng)
    n = np.array([np.cos(angle), np.sin(angle)])
    at, spread = means[0] @ n, np.sqrt(n @ covs[0] @ n)
    for z in (-37.0, -20.0, -8.0, -2.1, -1.9, 0.0, 1e-9, 1.0, 5.0, 20.0):
        regions = Regions.of([half_plane(angle, at + z * spread)])
        mass = region_moments(regions, [[0, 0]], weights, means, covs)[0, 0]
        np.testing.assert_allclose(mass, ndtr(z), rtol=0, atol=5e-16)
        np.testing.assert_allclose(np.log(mass), log_ndtr(z), rtol=1e-13, atol=1e-15)
        lines = edge_integrals(regions, weights, means, covs)
        np.testing.assert_allclose(
            lines.sum(), np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / spread, rtol=1e-11, atol=1e-16
        )
        assert lines[1] == lines[2] == 0


def test_quadrants_at_any_angle(rng):
    # P(X > 0, Y > 0) = 1/4 + asin(rho) / (2 pi) for standard normal X, Y of correlation rho (Sheppard)
    for rho in (-0.999, -0.5, 0.0, 0.3, 0.9):
        cov = [[[1, rho], [rho, 1]]]
        mass = region_moments(Regions.of([[(0, 0, 1), (1, 0, 0), (0, 1, 0)]]), [[0, 0]], [1.0], [[0, 0]], cov)[0, 0]
        np.testing.assert_allclose(mass, 0.25 + np.arcsin(rho) / (2 * np.pi), atol=3e-16)
    for angle in 2 * np.pi * rng.random(20):
        c, s = np.cos(angle), np.sin(angle)
        quadrant = Regions.of([[(2, -1, 1), (c, s, 0), (-s, c, 0)]])
        x, y = np.array([[c, s], [-s, c]]) @ [2, -1]
        mass = region_moments(quadrant, [[0, 0]], [1.0], [[0, 0]], [np.eye(2)])[0, 0]
        np.testing.assert_allclose(mass, ndtr(-x) * ndtr(-y), atol=2e-16)


@pytest.mark.parametrize("away", [0.0, 1e-300, 1e-17, 1e-12, 1e-6, 0.1, 3.0])
def test_sectors_around_a_point_fill_the_plane(away, rng):
    """Parts of the plane that meet where the density is largest, or nearly there."""
    weights, means, covs = law(rng, 5)
    angle = np.sort(2 * np.pi * np.concatenate([rng.random(9), [0.0, 0.3, 0.6]]))
    u = np.column_stack([np.cos(angle), np.sin(angle)])
    corner = (*(means[0] + away), 1)
    regions = Regions.of([[corner, (*u[i], 0), (*u[(i + 1) % 12], 0)] for i in range(12)])
    centers = np.tile(rng.standard_normal(2), (12, 1))
    parts = region_moments(regions, centers, weights, means, covs)
    whole = region_moments(Regions.of([PLANE]), centers[:1], weights, means, covs)[0]
    np.testing.assert_allclose(parts.sum(axis=0), whole, rtol=0, atol=1e-14)
    assert (parts[:, 0] >= 0).all()


def test_moments_follow_affine_maps(rng):
    weights, means, covs = law(rng, 3)
    matrix, shift = rng.standard_normal((2, 2)), rng.standard_normal(2)
    matrix *= np.sign(np.linalg.det(matrix))  # in the plane a change of sign of all is no reflection
    matrix[0] *= np.sign(np.linalg.det(matrix))
    corners = [(0.0, 0.5, 1), (1, -0.2, 1), (0.9, 0.1, 0), (-0.2, 1, 0)]
    moved = [(*(matrix @ row[:2] + shift * row[2]), row[2]) for row in corners]
    before = region_moments(Regions.of([corners]), [[0, 0]], weights, means, covs)[0]
    after = region_moments(Regions.of([moved]), [shift], weights, means @ matrix.T + shift, matrix @ covs @ matrix.T)[0]
    second = matrix @ [[before[3], before[4]], [before[4], before[5]]] @ matrix.T
    want = [before[0], *(matrix @ before[1:3]), second[0, 0], second[0, 1], second[1, 1]]
    np.testing.assert_allclose(after, want, rtol=1e-13, atol=1e-15)


def test_threads_change_nothing(rng, monkeypatch):
    weights, means, covs = law(rng, 3)
    regions = Regions.of([polygon(rng, 5, 0.3, rng.standard_normal(2)) for _ in range(300)])
    points, potentials = rng.standard_normal((300, 2)), rng.standard_normal(300)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("MIXOT_NUM_THREADS", threads)
        gradient = transport_gradient(regions, points, potentials, (weights, means, covs))
        moments = region_moments(regions, points, weights, means, covs)
        found.append((moments, gradient.weights, gradient.means, gradient.covs))
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)


def laguerre(points, potentials, size=60.0):
    """Cells by cutting a square with one half-plane after the other."""
    cells = []
    for i, y in enumerate(points):
        cell = size * np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
        for j, z in enumerate(points):
            if j == i or not len(cell):
                continue
            side = cell @ (2 * (z - y)) - (z @ z - y @ y + potentials[i] - potentials[j])
            kept = []
            for a, b, s, t in zip(cell, np.roll(cell, -1, axis=0), side, np.roll(side, -1)):
                kept += [a] if s <= 0 else []
                kept += [a + (b - a) * s / (s - t)] if (s <= 0) != (t <= 0) else []
            cell = np.array(kept).reshape(-1, 2)
        cells.append(cell)
    return Regions.of(cells)


def test_derivatives_by_mixture_parameters_are_those_of_the_dual(rng):
    weights, means, covs = law(rng, 3)
    points, potentials = 1.5 * rng.standard_normal((9, 2)), 0.3 * rng.standard_normal(9)
    regions = laguerre(points, potentials)

    def dual(weights, means, covs):
        m = region_moments(regions, points, weights, means, covs)
        return float((m[:, 3] + m[:, 5] - potentials * m[:, 0]).sum())

    gradient = transport_gradient(regions, points, potentials, (weights, means, covs))
    np.testing.assert_allclose(dual(weights, means, covs), weights @ gradient.weights, rtol=1e-13)
    step = 1e-5
    for k in range(3):
        nudge = np.eye(3)[k] * step
        slope = (dual(weights + nudge, means, covs) - dual(weights - nudge, means, covs)) / (2 * step)
        np.testing.assert_allclose(gradient.weights[k], slope, rtol=1e-9)
        for axis in range(2):
            nudge = np.zeros((3, 2))
            nudge[k, axis] = step
            slope = (dual(weights, means + nudge, covs) - dual(weights, means - nudge, covs)) / (2 * step)
            np.testing.assert_allclose(gradient.means[k, axis], slope, rtol=1e-7, atol=1e-9)
        for i, j in ((0, 0), (0, 1), (1, 1)):
            nudge = np.zeros((3, 2, 2))
            nudge[k, i, j] = nudge[k, j, i] = step
            slope = (dual(weights, means, covs + nudge) - dual(weights, means, covs - nudge)) / (2 * step)
            np.testing.assert_allclose((gradient.covs[k] * nudge[k]).sum() / step, slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("far", [3.0, 40.0, 1e4])
def test_edges_without_length_add_nothing(far):
    """A wall through a corner of the box leaves edges from the corner to itself, far from some components."""
    triangle = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    twice = np.repeat(triangle, [2, 1, 3], axis=0)
    mean, cov = np.array([[-far, -far], [0.5, 0.5]]), np.array([np.eye(2), 0.1 * np.eye(2)])
    plain, doubled = (
        region_moments_each(
            Regions(np.column_stack([c, np.ones(len(c))]), np.array([0, len(c)])), [[0.0, 0.0]], mean, cov
        )
        for c in (triangle, twice)
    )
    assert np.isfinite(doubled).all()
    np.testing.assert_allclose(doubled, plain, rtol=1e-12, atol=1e-300)
