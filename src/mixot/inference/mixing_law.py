"""Mixing laws of the largest likelihood: how many components, and where, is left to the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import mixing_climb, mixing_supremum
from mixot._shapes import Float, Int
from mixot.inference.mixing_weights import best_weights
from mixot.threads import thread_count

_APART = {1: 0.7, 2: 1.2, 3: 1.7}  # of the first atoms, in standard deviations of the kernel
_MOST_ATOMS = 800
_LEAST_WEIGHT = 1e-10
_STEPS = 12  # of an ascent


@dataclass(frozen=True, eq=False)
class Kernels:
    """Gaussian kernels of J shapes: points whitened by each, and the kernels' heights relative to the largest.

    ``points`` (j, n, d); the kernel of shape j at m is ``heights[j] exp(-|points[j] - m|^2 / 2)``.
    """

    points: Float[np.ndarray, "j n d"]
    heights: Float[np.ndarray, " j"]

    def densities(self, atoms: Atoms) -> Float[np.ndarray, "n k"]:
        """The kernel of each atom at each point."""
        out = np.empty((self.points.shape[1], len(atoms.shapes)))
        for j, (z, height) in enumerate(zip(self.points, self.heights, strict=True)):
            mine = atoms.shapes == j
            out[:, mine] = height * _gauss(z, atoms.places[mine])
        return out


@dataclass(frozen=True, eq=False)
class Atoms:
    """A mixing law: atoms at ``places``, in the coordinates whitened by their shape, with weights that sum to one."""

    places: Float[np.ndarray, "k d"]
    shapes: Int[np.ndarray, " k"]
    weights: Float[np.ndarray, " k"]

    def joined(self, places: list[Float[np.ndarray, "_ d"]]) -> Atoms:
        """These, and further ones of each shape, of weight zero."""
        more = np.concatenate(places)
        shapes = np.repeat(np.arange(len(places)), [len(each) for each in places])
        return Atoms(
            np.concatenate([self.places, more]),
            np.concatenate([self.shapes, shapes]),
            np.concatenate([self.weights, np.zeros(len(more))]),
        )


def first_atoms(kernels: Kernels) -> Atoms:
    """Points that are farther apart than about a standard deviation of the kernel, each the farthest from those before.

    So every point has an atom near it, as long as they are no more than some hundreds.
    """
    dim = kernels.points.shape[2]
    each = _MOST_ATOMS // len(kernels.points)
    places = [_spread_out(z, _APART[dim], each) for z in kernels.points]
    shapes = np.repeat(np.arange(len(places)), [len(some) for some in places])
    return Atoms(np.concatenate(places), shapes, np.full(len(shapes), 1.0 / len(shapes)))


def weighed(
    kernels: Kernels, shares: Float[np.ndarray, " n"], atoms: Atoms, tol: float
) -> tuple[Atoms, Float[np.ndarray, " n"]]:
    """The atoms with the weights of the largest likelihood, those of none left out, and the mixture's densities."""
    densities = kernels.densities(atoms)
    best, _ = best_weights(densities, shares, atoms.weights, tol=tol)
    kept = best > _LEAST_WEIGHT
    weights = best[kept] / best[kept].sum()
    return Atoms(atoms.places[kept], atoms.shapes[kept], weights), np.maximum(densities[:, kept] @ weights, 1e-290)


@dataclass(frozen=True, eq=False)
class Peaks:
    """Where the likelihood would gain: places of each shape where D exceeds one, and how much at most and at best.

    ``upper`` is proven to be no less than the supremum of D; where the search was not asked for a proof it is infinite.
    """

    places: list[Float[np.ndarray, "_ d"]]
    best: float
    upper: float


def climbed(kernels: Kernels, ratios: Float[np.ndarray, " n"], atoms: Atoms, tol: float) -> Peaks:
    """Maxima of D near the atoms, ``D(m) = sum_i ratios_i kernel(x_i - m)``."""
    places, best = [], 0.0
    for j, (z, height) in enumerate(zip(kernels.points, kernels.heights, strict=True)):
        ends, values = ascents(z, height * ratios, atoms.places[atoms.shapes == j])
        best = max(best, float(values.max(initial=0.0)))
        places.append(ends[values > 1 + tol])
    return Peaks(places, best, np.inf)


def searched(kernels: Kernels, ratios: Float[np.ndarray, " n"], tol: float, most: int = 200) -> Peaks:
    """Maxima of D wherever they are, and a proven bound of the supremum; values within tol are not told apart."""
    places, best, upper = [], 0.0, 0.0
    for z, height in zip(kernels.points, kernels.heights, strict=True):
        v = np.ascontiguousarray(height * ratios)
        top, seen, _, peaks = mixing_supremum(z, v, tol, thread_count())
        upper, best = max(upper, top), max(best, seen)
        order = np.argsort(-peaks[:, 0], kind="stable")[:most]
        ends, values = ascents(z, v, peaks[order, 1:])
        best = max(best, float(values.max(initial=0.0)))
        places.append(ends)
    return Peaks(places, best, upper)


def ascents(
    z: Float[np.ndarray, "n d"], v: Float[np.ndarray, " n"], starts: Float[np.ndarray, "k d"]
) -> tuple[Float[np.ndarray, "_ d"], Float[np.ndarray, " _"]]:
    """Ends of Newton's ascents of ``log D``, ``D(m) = sum_i v_i exp(-|z_i - m|^2 / 2)``, each once, and D there."""
    ends, values = np.array(starts), np.empty(len(starts))
    mixing_climb(z, np.ascontiguousarray(v), ends, _STEPS, values, thread_count())
    _, first = np.unique(np.round(ends, 3), axis=0, return_index=True)
    first.sort()
    return ends[first], values[first]


def compressed(
    kernels: Kernels, shares: Float[np.ndarray, " n"], width: float
) -> tuple[Kernels, Float[np.ndarray, " m"]]:
    """Points that share a cell of this width become their mean, with all their weight; for kernels of one shape."""
    z = kernels.points[0]
    cells = np.floor((z - z.min(axis=0)) / width).astype(np.int64)
    _, owner = np.unique(cells, axis=0, return_inverse=True)
    owner = owner.ravel()
    mass = np.bincount(owner, shares)
    means = np.stack([np.bincount(owner, shares * column) / mass for column in z.T], axis=1)
    return Kernels(means[None], kernels.heights), mass


def _gauss(z: Float[np.ndarray, "n d"], m: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "n k"]:
    squares = (z**2).sum(axis=1)[:, None] + (m**2).sum(axis=1) - 2 * z @ m.T
    return np.exp(-0.5 * np.maximum(squares, 0.0))


def _spread_out(z: Float[np.ndarray, "n d"], radius: float, most: int) -> Float[np.ndarray, "k d"]:
    rows = [int((z**2).sum(axis=1).argmax())]  # whitened points are centered: the first one is the farthest of all
    apart = ((z - z[rows[0]]) ** 2).sum(axis=1)
    while apart.max() > radius**2 and len(rows) < most:
        rows.append(int(apart.argmax()))
        apart = np.minimum(apart, ((z - z[rows[-1]]) ** 2).sum(axis=1))
    return z[rows].copy()
