"""Second derivatives of the squared W2 from points to a Gaussian mixture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixot._shapes import Float
from mixot.fitting.wasserstein.cell_walls import Walls
from mixot.formulas.gaussian.plane_cells import MixtureGradient
from mixot.solvers.semidiscrete.gaussian_target import GaussianTarget

_LEAK = 1e-12  # of its own row, added to the Laplacian: parts that nothing joins keep a finite answer
_FAINT = 1e-6  # the least row that counts, over the largest: cells without walls are parts, too
_NO_WALL = 1e-100  # the largest row, where no cell has walls that mass goes through
_CLOSE = 1e-12  # the least distance of two points: walls between closer ones conduct no better


@dataclass(frozen=True, eq=False)
class Curvature:
    """Second derivatives of the cost ``max_w sum_i nu_i w_i + sum_k a_k int phi_w N(c_k, S_k)``.

    A vector of 1 + d + d^2 numbers for each component, (log weight, mean, covariance), the last one symmetric. With w
    held, ``phi`` has the second derivatives 2 I but for its kinks at the walls, and those of N are polynomials times N;
    with ``dm = L dw + R dtheta`` the changes of the cells' masses, w adds ``R' L^-1 R``.
    """

    law: GaussianTarget
    walls: Walls
    gradient: MixtureGradient

    @cached_property
    def matrix(self) -> Float[np.ndarray, "p p"]:
        """All of it."""
        answer = self.rates.T @ self._potentials(self.rates)
        return self._held + (answer + answer.T) / 2

    @cached_property
    def through_weights(self) -> Float[np.ndarray, "k k"]:
        """The part ``R' L^-1 R`` of the logarithms of the weights."""
        rates = self.rates[:, :: self._size]
        out = rates.T @ self._potentials(rates)
        return (out + out.T) / 2

    def lead(self, step: Float[np.ndarray, " p"]) -> Float[np.ndarray, " n"]:
        """Change of the potentials that keeps the masses along a step, to first order."""
        return -self._potentials((self.rates @ step)[:, None])[:, 0]

    def slack(self, missing: Float[np.ndarray, " n"]) -> float:
        """What the dual value is short by where masses are off by these, to second order: ``r' L^-1 r / 2``."""
        return float(missing @ self._potentials(missing[:, None])[:, 0]) / 2

    @cached_property
    def rates(self) -> Float[np.ndarray, "n p"]:
        """Derivatives R of the masses of the cells with potentials held."""
        edge, a = self.walls, self.law.weights
        (n, k), d = edge.shares.shape, self.law.dim
        out = np.zeros((n, k, self._size))
        out[:, :, 0] = (edge.shares - (edge.shares @ a)[:, None]) * a
        flow = np.empty((len(edge.apart), k, d + d * d))  # what goes through each wall, from below to above
        flow[:, :, :d] = edge.normals[:, None, :] * edge.zeroth[:, :, None]
        turned = edge.normals[:, None, :, None] * edge.first[:, :, None, :] / 4
        flow[:, :, d:] = (turned + turned.swapaxes(2, 3)).reshape(*flow.shape[:2], d * d)
        flow *= a[:, None]
        flat = flow.reshape(len(flow), k * (d + d * d))
        moved = self._sum(edge.above, flat, n) - self._sum(edge.below, flat, n)
        out[:, :, 1:] = moved.reshape(n, k, d + d * d)
        return out.reshape(n, k * self._size)

    @property
    def _size(self) -> int:
        return 1 + self.law.dim + self.law.dim**2

    @property
    def _held(self) -> np.ndarray:
        """With the potentials held: blocks of the components, and the weights, which are a softmax."""
        edge, law, by = self.walls, self.law, self.gradient
        a, d, k, size = law.weights, law.dim, len(law.weights), self._size
        out = np.zeros((k, size, k, size))
        value = a * (by.weights - a @ by.weights)
        out[:, 0, :, 0] = np.diag(value) - np.outer(value, a) - np.outer(a, value)
        slopes = np.concatenate([by.means, by.covs.reshape(k, d * d)], axis=1)
        cross = np.einsum("ku,kl->klu", slopes, np.eye(k) - a)  # of component k, by log weight l
        out[:, 1:, :, 0] = cross.swapaxes(1, 2)
        out[:, 0, :, 1:] = cross.swapaxes(0, 1)
        normals = edge.normals[:, :, None] * edge.normals[:, None, :] * edge.apart[:, None, None]
        flat = normals.reshape(len(normals), d * d)
        inverse = np.linalg.inv(law.covs).reshape(k, d * d)
        for at in range(k):
            block = np.empty((size - 1, size - 1))
            zeroth, first = edge.zeroth[:, at], edge.first[:, at]
            second = edge.second[:, at].reshape(len(flat), d * d)
            block[:d, :d] = 2 * np.eye(d) - 2 * (zeroth @ flat).reshape(d, d)
            block[:d, d:] = -(first.T @ flat)
            block[d:, :d] = block[:d, d:].T
            twice = flat.T @ (second - zeroth[:, None] * inverse[at])
            block[d:, d:] = -(twice + twice.T) / 4
            out[at, 1:, at, 1:] = a[at] * block
        return out.reshape(k * size, k * size)

    def balance(
        self, masses: Float[np.ndarray, " n"], shares: Float[np.ndarray, "n k"], weights: Float[np.ndarray, " k"]
    ) -> Float[np.ndarray, " k"]:
        """Weights with which cells that hold these shares of the laws have these masses.

        Of the masses left over, r, ``r' L^-1 r`` is least: what it costs to move them, to second order.
        """
        rest = masses - shares @ weights
        moves = shares[:, 1:] - shares[:, :1]
        answer = self._potentials(moves)
        found = np.linalg.lstsq(moves.T @ answer, answer.T @ rest, rcond=1e-14)[0]
        return weights + np.concatenate([[-found.sum()], found])

    @cached_property
    def _laplacian(self) -> tuple[Any, np.ndarray]:
        """Derivatives L of the masses by the potentials, ``L_ij = -int_wall f / (2 |y_i - y_j|)``, factorised.

        One point, the one that answers most, is held: a constant does not matter.
        """
        from scipy.sparse import coo_array, csc_array, diags_array
        from scipy.sparse.linalg import splu

        edge, n = self.walls, len(self.walls.shares)
        flux = edge.zeroth @ self.law.weights / (2 * np.maximum(edge.apart, _CLOSE))
        ends = np.concatenate([edge.below, edge.above]), np.concatenate([edge.above, edge.below])
        off = coo_array((np.concatenate([flux, flux]), ends), shape=(n, n)).tocsc()
        own = np.asarray(off.sum(axis=1)).ravel()
        held = int(np.argmax(own))
        free = np.arange(n) != held
        if not free.any():
            return None, free
        most = own[held] if own[held] > _NO_WALL else 1.0
        own += _LEAK * np.maximum(own, _FAINT * most)
        inner = csc_array((diags_array(own) - off).tocsc()[free][:, free])
        factors = splu(inner, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return factors.solve, free

    def _potentials(self, change: np.ndarray) -> np.ndarray:
        """Potentials (n, c) that change the masses like this (n, c)."""
        solve, free = self._laplacian
        out = np.zeros_like(change)
        if solve is not None:
            out[free] = solve(np.ascontiguousarray(change[free]))
        return out

    @staticmethod
    def _sum(cell: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
        from scipy.sparse import csr_array

        rows = csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(n, len(cell)))
        return rows @ values
