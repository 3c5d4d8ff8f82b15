"""Integrals of Gaussians over polyhedra, against closed forms and nested quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr

from mixot.formulas.gaussian.solid_cells import face_integrals

SIDES = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
BITS = np.array([[corner >> axis & 1 for axis in range(3)] for corner in range(8)])
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
TETRAHEDRON = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))


def law(rng, k=1):
    root = rng.standard_normal((k, 3, 3))
    return rng.dirichlet([2.0] * k), rng.standard_normal((k, 3)), root @ root.swapaxes(1, 2) + 0.05 * np.eye(3)


def moments(corners, faces, law):
    return face_integrals([corners[list(face)] for face in faces], *law)[0].sum(axis=0)


def tetrahedron(corners):
    """Faces that look outward, whatever the order of the corners."""
    left = np.linalg.det(corners[1:] - corners[0]) < 0
    return [face[::-1] for face in TETRAHEDRON] if left else TETRAHEDRON


def normal(z):
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def brick(low, high):
    """Integrals of 1, z, z z' times the standard normal law between low and high."""
    m0 = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    m1, m2 = normal(low) - normal(high), m0 + low * normal(low) - high * normal(high)
    rows = np.stack([m0, m1, m2])

    def product(*orders):
        return np.prod([rows[order, axis] for axis, order in enumerate(orders)])

    unit = np.eye(3, dtype=int)
    first = np.array([product(*unit[a]) for a in range(3)])
    second = np.array([[product(*(unit[a] + unit[b])) for b in range(3)] for a in range(3)])
    return product(0, 0, 0), first, second


def unwhitened(mass, first, second, root, mean):
    u = root @ first
    whole = root @ second @ root.T + np.outer(u, mean) + np.outer(mean, u) + mass * np.outer(mean, mean)
    return np.array([mass, *(u + mass * mean), *(whole[a, b] for a, b in PAIRS)])


@pytest.mark.parametrize("size", [1e-3, 0.1, 1.0, 6.0, 30.0])
@pytest.mark.parametrize("place", ["anywhere", "at the mean", "nearly at the mean", "away"])
def test_bricks_in_whitened_coordinates(size, place, rng):
    for _ in range(10):
        low = {"anywhere": rng.standard_normal(3), "at the mean": np.zeros(3)}.get(place, np.full(3, 1e-9))
        if place == "away":
            low = 5 * rng.standard_normal(3)
        high = low + size * rng.uniform(0.1, 1.0, 3)
        _, (mean,), (cov,) = law(rng)
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        root = np.linalg.cholesky(cov) @ (turn * np.sign(np.linalg.det(turn)))
        corners = mean + (low + (high - low) * BITS) @ root.T
        parts, areas = face_integrals([corners[list(side)] for side in SIDES], [1.0], [mean], [cov])
        want = unwhitened(*brick(low, high), root, mean)
        np.testing.assert_allclose(parts.sum(axis=0), want, rtol=0, atol=1e-14 * max(1.0, np.abs(want).max()))
        across = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
        for side, area in enumerate(areas):
            axis, others = side // 2, [a for a in range(3) if a != side // 2]
            scale = np.linalg.norm(np.cross(*root[:, others].T)) / abs(np.linalg.det(root))
            on = normal((low, high)[side % 2][axis]) * across[others].prod() * scale
            np.testing.assert_allclose(area, on, rtol=0, atol=1e-14 * scale)


def nested(corners, mean, cov):
    """Moments of one Gaussian over a tetrahedron, by nested adaptive quadrature."""
    apex, edges = corners[0], (corners[1:] - corners[0]).T
    inverse, scale = np.linalg.inv(cov), 1 / np.sqrt(np.linalg.det(2 * np.pi * cov))

    def integrand(u, v, w, order):
        x = apex + edges @ [u, v * (1 - u), w * (1 - u) * (1 - v)]
        off = x - mean
        power = np.array([1.0, *x, *(x[a] * x[b] for a, b in PAIRS)])[order]
        return scale * np.exp(-0.5 * off @ inverse @ off) * power * (1 - u) ** 2 * (1 - v) * abs(np.linalg.det(edges))

    nodes, weights = np.polynomial.legendre.leggauss(24)  # the inner two: smooth over a tetrahedron of this size
    nodes, weights = (nodes + 1) / 2, weights / 2

    def outer(u, order):
        return sum(
            a * b * integrand(u, v, w, order)
            for v, a in zip(nodes, weights, strict=True)
            for w, b in zip(nodes, weights, strict=True)
        )

    return [quad(outer, 0, 1, args=(order,), epsabs=1e-13, epsrel=1e-13)[0] for order in (0, 2, 9)]


def test_tetrahedra_by_nested_quadrature(rng):
    for _ in range(2):
        corners = rng.standard_normal((4, 3))
        _, (mean,), _ = law(rng)
        root = 0.3 * rng.standard_normal((3, 3))
        cov = np.eye(3) + root @ root.T
        found = moments(corners, tetrahedron(corners), ([1.0], [mean], [cov]))
        np.testing.assert_allclose(found[[0, 2, 9]], nested(corners, mean, cov), rtol=1e-10, atol=1e-13)


def test_half_spaces_and_orthants(rng):
    """A large cube cut by a plane; and P(all x > 0) = 1/8 + (asin r_12 + asin r_13 + asin r_23) / (4 pi) (Sheppard)."""
    for _ in range(10):
        weights, means, covs = law(rng, 3)
        n = rng.standard_normal(3)
        n /= np.linalg.norm(n)
        frame = np.linalg.svd(n[None])[2]
        frame[0] = n
        frame[2] *= np.sign(np.linalg.det(frame))
        level = rng.standard_normal()
        low, high = np.array([-60.0, -60, -60]), np.array([level, 60, 60])
        corners = (low + (high - low) * BITS) @ frame
        want = sum(w * ndtr((level - n @ m) / np.sqrt(n @ s @ n)) for w, m, s in zip(weights, means, covs, strict=True))
        np.testing.assert_allclose(moments(corners, SIDES, (weights, means, covs))[0], want, rtol=0, atol=1e-14)
        cov = covs[0] / np.sqrt(np.outer(np.diag(covs[0]), np.diag(covs[0])))
        angles = np.arcsin([cov[0, 1], cov[0, 2], cov[1, 2]]).sum()
        orthant = moments(40.0 * BITS, SIDES, ([1.0], np.zeros((1, 3)), [cov]))[0]
        np.testing.assert_allclose(orthant, 1 / 8 + angles / (4 * np.pi), rtol=0, atol=3e-15)


@pytest.mark.parametrize("away", [0.0, 1e-300, 1e-17, 1e-12, 1e-6, 0.1, 3.0, 8.0])
def test_pyramids_around_a_point_fill_space(away, rng):
    """Parts of space that meet where the density is largest, or nearly there; each has faces of its own."""
    weights, means, covs = law(rng, 9)
    apex = means[0] + away
    cube = 2 * BITS - 1.0
    total, areas = 0, []
    for side in SIDES:
        for corner in (1, 2):
            outer = 60 * cube[[side[0], side[corner], side[corner + 1]]]
            corners = np.vstack([apex, outer])
            faces = tetrahedron(corners)
            parts, on = face_integrals([corners[list(face)] for face in faces], weights, means, covs)
            assert parts[:, 0].sum() >= -1e-15
            total = total + parts.sum(axis=0)
            areas.append(on)
    second = (weights[:, None, None] * (covs + means[:, :, None] * means[:, None, :])).sum(axis=0)
    want = [1.0, *(weights @ means), *(second[a, b] for a, b in PAIRS)]
    np.testing.assert_allclose(total, want, rtol=0, atol=3e-14)
    on = np.concatenate(areas)
    inner = np.sort(on[on > 1e-30])  # the faces on the cube have no density
    np.testing.assert_allclose(inner[::2], inner[1::2], rtol=1e-9, atol=1e-15)  # each is the face of two


def test_thin_laws_far_laws_and_slivers(rng):
    for thin in (1e-2, 1e-4, 1e-6, 1e-8):
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        low, high = np.array([-0.3, -1.0, -0.7 * thin]), np.array([2.0, 0.4, 1.3 * thin])
        want = brick(low / [1, 0.5**0.5, thin], high / [1, 0.5**0.5, thin])[0]
        # turned, the smallest variance is known to rounding of the largest
        for frame, atol in ((np.eye(3), 1e-14), (turn, 1e-15 / thin**2)):
            if atol < 1e-3:
                cov = frame @ np.diag([1.0, 0.5, thin**2]) @ frame.T
                corners = (low + (high - low) * BITS) @ frame.T
                found = moments(corners, SIDES, ([1.0], np.zeros((1, 3)), [cov]))[0]
                np.testing.assert_allclose(found, want, rtol=0, atol=atol)
    far = moments(100 + BITS, SIDES, ([0.5, 0.5], np.zeros((2, 3)), [np.eye(3), 0.1 * np.eye(3)]))
    np.testing.assert_allclose(far, 0, atol=1e-14)
    corners = BITS - 0.5
    flat = np.array([corners[0], corners[0], corners[0]])
    needle = np.array([corners[0], corners[7], corners[0] + 1e-16])
    for face in (flat, needle):
        found, area = face_integrals([face], [1.0], np.zeros((1, 3)), [np.eye(3)])
        np.testing.assert_allclose(found, 0, atol=1e-15)
        assert 0 <= abs(area[0]) < 1e-14


def test_moments_follow_affine_maps(rng):
    weights, means, covs = law(rng, 9)
    matrix, shift = rng.standard_normal((3, 3)), rng.standard_normal(3)
    matrix *= np.sign(np.linalg.det(matrix))
    corners = rng.standard_normal((4, 3))
    before = moments(corners, tetrahedron(corners), (weights, means, covs))
    moved = corners @ matrix.T + shift
    after = moments(moved, tetrahedron(moved), (weights, means @ matrix.T + shift, matrix @ covs @ matrix.T))
    second = np.empty((3, 3))
    for (a, b), value in zip(PAIRS, before[4:], strict=True):
        second[a, b] = second[b, a] = value
    want = unwhitened(before[0], before[1:4], second, matrix, shift)
    np.testing.assert_allclose(after, want, rtol=1e-12, atol=1e-14)
