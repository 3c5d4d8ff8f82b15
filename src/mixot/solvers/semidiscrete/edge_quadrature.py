"""Integrals of a density over segments in the plane."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float, Int
from mixot.measures import Grid
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget

_PIECE = 2.0  # standard deviations of the thinnest law, the most that one piece of a segment runs through
_MOST = 4096  # pieces of one segment


def edge_sums(
    density: Grid | GaussianTarget,
    start: Float[np.ndarray, "e 2"],
    end: Float[np.ndarray, "e 2"],
    middle: Float[np.ndarray, " 2"],
) -> tuple[Float[np.ndarray, " e"], Float[np.ndarray, "e 2"], Float[np.ndarray, "e 2 2"]]:
    """Integrals by arc length of the density, times x, and times x x', x seen from ``middle``, over each segment.

    Pixels are integrated piece by piece, exactly; sums of Gaussians by Gauss-Legendre rules of 16 points, to rounding.

    Examples
    --------
    >>> grid = Grid(np.ones((2, 2)), [[0, 1], [0, 1]])
    >>> line, line_x, _ = edge_sums(grid, np.array([[0.2, 0.5]]), np.array([[0.6, 0.5]]), np.zeros(2))
    >>> line.round(12).tolist(), line_x.round(12).tolist()
    ([0.4], [[0.16, 0.2]])
    """
    if isinstance(density, Grid):
        edge, low, high = _pieces_of_pixels(density, start, end)
        nodes, weights = np.polynomial.legendre.leggauss(3)  # degree 5: bilinear along a line is 2, times x x' 4
    else:
        edge, low, high = _pieces_of_laws(density, start, end)
        nodes, weights = np.polynomial.legendre.leggauss(16)
    t = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
    x = start[edge, None] + t[..., None] * (end - start)[edge, None]
    length = np.linalg.norm(end - start, axis=1)[edge] * (high - low) / 2
    value = length[:, None] * weights * _density_at(density, x)
    y = x - middle
    count = len(start)
    squares = np.einsum("pq,pqa,pqb->abp", value, y, y).reshape(4, -1)
    sums = [value.sum(axis=1), *np.einsum("pq,pqa->ap", value, y), *squares]
    out = np.stack([np.bincount(edge, part, minlength=count) for part in sums], axis=1)
    return out[:, 0], out[:, 1:3], out[:, 3:].reshape(-1, 2, 2)


def _lattice(grid: Grid) -> tuple[np.ndarray, float]:
    """Side lengths of a pixel, and by how much of it the lines of the lattice, or of centers, lie off the corner."""
    return grid.spacing, 0.5 * grid.degree


def _pieces_of_pixels(
    grid: Grid, start: np.ndarray, end: np.ndarray
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Segments cut by the lines of the lattice: the segment of each piece, and from where to where along it."""
    step, shift = _lattice(grid)
    a, b = ((x - grid.bounds[:, 0]) / step + shift for x in (start, end))
    edges, cuts = [np.arange(len(a))] * 2, [np.zeros(len(a)), np.ones(len(a))]
    for axis in range(2):
        low, high = np.minimum(a[:, axis], b[:, axis]), np.maximum(a[:, axis], b[:, axis])
        lines_from = np.floor(low).astype(np.int64) + 1
        count = np.maximum(np.ceil(high).astype(np.int64) - lines_from, 0)
        edge = np.repeat(np.arange(len(a)), count)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + lines_from[edge]
        edges.append(edge)
        cuts.append((line - a[edge, axis]) / (b - a)[edge, axis])
    edge, cut = np.concatenate(edges), np.clip(np.concatenate(cuts), 0.0, 1.0)
    order = np.lexsort((cut, edge))
    edge, cut = edge[order], cut[order]
    inside = np.flatnonzero((edge[1:] == edge[:-1]) & (cut[1:] > cut[:-1]))
    return edge[inside], cut[inside], cut[inside + 1]


def _pieces_of_laws(
    law: GaussianTarget, start: np.ndarray, end: np.ndarray
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Segments in equal pieces, short next to every law."""
    thin = np.sqrt(np.linalg.eigvalsh(law.covs)[:, 0].min())
    count = np.clip(np.ceil(np.linalg.norm(end - start, axis=1) / (_PIECE * thin)), 1, _MOST).astype(np.int64)
    edge = np.repeat(np.arange(len(start)), count)
    at = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    return edge, at / count[edge], (at + 1) / count[edge]


def _density_at(density: Grid | GaussianTarget, x: Float[np.ndarray, "p q 2"]) -> np.ndarray:
    if not isinstance(density, Grid):
        root = np.linalg.inv(np.linalg.cholesky(density.covs))
        out = np.zeros(x.shape[:2])
        for weight, mean, white in zip(density.weights, density.means, root, strict=True):
            z = (x - mean) @ white.T
            out += weight * np.prod(np.diag(white)) / (2 * np.pi) * np.exp(-0.5 * (z**2).sum(axis=-1))
        return out
    step, shift = _lattice(density)
    values = np.pad(density.values, density.degree, mode="edge") / np.prod(step)
    u = (x - density.bounds[:, 0]) / step + shift
    middle = u.mean(axis=1)  # of the piece: it tells the pixel, where nodes near a line may be rounded across
    most = np.array(values.shape) - 1 - density.degree
    i, j = np.clip(np.floor(middle).astype(np.int64), 0, most).T
    if density.degree == 0:
        return np.broadcast_to(values[i, j][:, None], u.shape[:2])
    s, t = u[..., 0] - i[:, None], u[..., 1] - j[:, None]
    corner = [[values[i + a, j + b][:, None] for b in (0, 1)] for a in (0, 1)]
    return (1 - s) * ((1 - t) * corner[0][0] + t * corner[0][1]) + s * ((1 - t) * corner[1][0] + t * corner[1][1])
