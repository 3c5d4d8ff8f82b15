"""Entropic transport of many pairs of one size at once: couplings, and how they change, in compiled and batched loops.

See `mixot.transport.entropic_losses` for the equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixot._native import balanced_potentials as balance
from mixot._native import entropic_couplings
from mixot._shapes import Float
from mixot.errors import UnsupportedError
from mixot.formulas.gaussian.cost_matrix import gaussian_cost_batch
from mixot.formulas.gaussian.gradients import bures_gradients
from mixot.formulas.gaussian.second_derivatives import Maps
from mixot.solvers.entropic.omt import OMT
from mixot.threads import thread_count
from mixot.transport.batches import Atoms, component_costs

_ERROR = 1e-11  # of the marginals, a total of one: gradients feel it to first order
_APART = 1e-12  # by which the parts of a coupling must hang together for second derivatives

Slopes = tuple[np.ndarray, ...]  # in weights and places of one side, and in its covariances if it has any


@dataclass(frozen=True, eq=False)
class Solved:
    """Losses of a batch, their couplings (b, k, l) and potentials."""

    p: Atoms
    q: Atoms
    lam: float
    eps: float
    rho: tuple[float, float]
    costs: Float[np.ndarray, "b k l"]
    coupling: Float[np.ndarray, "b k l"]
    f: Float[np.ndarray, "b k"]
    g: Float[np.ndarray, "b l"]

    @classmethod
    def of(cls, p: Atoms, q: Atoms, solver: OMT) -> Solved:
        """Solve all pairs; `SolveError` where one does not converge."""
        lam, rho = float(solver.lam), solver.marginal_costs  # pyright: ignore[reportArgumentType]
        costs = component_costs(p, q)
        if solver.eps > 0:
            costs = gaussian_cost_batch(p.places, p.laws, q.places, q.laws, float(solver.eps))
        f, g, w = np.empty(p.weights.shape), np.empty(q.weights.shape), np.empty(costs.shape)
        errors = np.empty(len(costs))
        entropic_couplings(costs, p.weights, q.weights, lam, rho, solver.max_iter, thread_count(), f, g, w, errors)
        for at in np.flatnonzero(~(errors <= _ERROR)):  # rare: the solver has a second way, and an error with a proof
            plan = solver.solve(costs[at], p.weights[at], q.weights[at])
            f[at], g[at] = plan.entropic_potentials
            w[at] = plan.coupling
        solved = cls(p, q, lam, float(solver.eps), rho, costs, w, f, g)
        solved._respond_both(f, g)
        return solved

    def _respond_both(self, f: np.ndarray, g: np.ndarray) -> None:
        self._respond(f, self.costs, g, self.p.weights, self.q.weights, self.rho[0])
        self._respond(g, self.costs.swapaxes(1, 2), f, self.q.weights, self.p.weights, self.rho[1])

    def _respond(
        self, f: np.ndarray, costs: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray, rho: float
    ) -> None:
        """Potentials of atoms without weight, what the other side asks for: ``-lam log sum_j b_j exp(...)``."""
        pair, i = np.nonzero(a == 0)
        if not len(pair):
            return
        reach = costs[pair, i] - g[pair]
        reach[b[pair] == 0] = np.inf
        least = reach.min(axis=1)
        soft = least - self.lam * np.log((np.exp((least[:, None] - reach) / self.lam) * b[pair]).sum(axis=1))
        f[pair, i] = soft if not np.isfinite(rho) else soft * (rho / (rho + self.lam))

    @cached_property
    def _shares(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``e``, ``e b`` and ``e a``: the coupling without weights, and with those of one side."""
        reach = (self.f[:, :, None] + self.g[:, None, :] - self.costs) / self.lam
        with np.errstate(divide="ignore"):
            logs = np.log(self.p.weights)[:, :, None], np.log(self.q.weights)[:, None, :]
        return np.exp(np.minimum(reach, 700.0)), np.exp(reach + logs[1]), np.exp(reach + logs[0])

    @property
    def values(self) -> Float[np.ndarray, " b"]:
        """The dual values, which are right to second order in the potentials."""
        out = -self.lam * (self.coupling.sum(axis=(1, 2)) - 1)
        for rho, weights, potential in zip(self.rho, (self.p.weights, self.q.weights), (self.f, self.g), strict=True):
            part = potential if not np.isfinite(rho) else -rho * np.expm1(-potential / rho)
            out = out + (weights * part).sum(axis=1)
        return out

    def gradients(self, covs: bool, weights: bool) -> tuple[Slopes, Slopes]:
        """In weights, places and covariances of both sides."""
        f, g = self._balanced() if weights and not np.isfinite(self.rho).any() else (self.f, self.g)
        in_x, in_y = self._pulls(self.coupling, *self._centered)
        in_p, in_q = [self._in_weights(f, self.rho[0]), in_x], [self._in_weights(g, self.rho[1]), in_y]
        if self.p.covs is not None:
            for side, slope in zip((in_p, in_q), self._in_covs(covs, self.coupling), strict=True):
                side.append(slope)
        return tuple(in_p), tuple(in_q)

    @cached_property
    def _centered(self) -> tuple[np.ndarray, np.ndarray]:
        """Places seen from the middle of q: products with those far from the origin would lose digits."""
        middle = self.q.places.mean(axis=1, keepdims=True)
        return self.p.places - middle, self.q.places - middle

    @staticmethod
    def _pulls(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``2 sum_l w_kl (x_k - y_l)`` in places of p, and the same from the other side."""
        left, arrived = w.sum(axis=2)[..., None], w.sum(axis=1)[..., None]
        return 2 * (left * x - w @ y), 2 * (arrived * y - w.swapaxes(1, 2) @ x)

    def _in_covs(self, wanted: bool, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``sum_l w_kl dC_kl`` in covariances of p, and the same from the other side."""
        if not wanted:
            return np.zeros(self.p.laws.shape), np.zeros(self.q.laws.shape)
        by_a, by_b = self._cost_slopes
        return np.einsum("bkl,bklij->bkij", w, by_a), np.einsum("bkl,bklij->blij", w, by_b)

    def _balanced(self) -> tuple[np.ndarray, np.ndarray]:
        """Potentials whose offsets between parts of the coupling that nothing joins treat all atoms alike.

        What the solver leaves there is chance, within what is optimal to rounding: the loss has a kink as that of
        `Exact` has.
        """
        f, g = self.f.copy(), self.g.copy()
        links = self._links()
        loose = (links <= _APART) & (self.p.weights > 0)[:, :, None] & (self.q.weights > 0)[:, None, :]
        for at in np.flatnonzero(loose.any(axis=(1, 2))):
            balance(self.costs[at], np.where(links[at] > _APART, self.coupling[at], 0.0), f[at], g[at])
        self._respond_both(f, g)
        return f, g

    def _links(self) -> np.ndarray:
        """Entries of the coupling, relative to the mass that its atoms have."""
        w = self.coupling
        sums = w.sum(axis=2)[:, :, None] * w.sum(axis=1)[:, None, :]
        return np.divide(w, np.sqrt(sums), out=np.zeros(w.shape), where=sums > 0)

    def _in_weights(self, potential: np.ndarray, rho: float) -> np.ndarray:
        if np.isfinite(rho):
            potential = -(rho + self.lam) * np.expm1(-potential / rho)
        return potential - potential.mean(axis=1, keepdims=True)

    @cached_property
    def _maps(self) -> Maps:
        return Maps.between(self.p.laws, self.q.laws, self.eps)

    @cached_property
    def _cost_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the costs in the covariances of both sides, (b, k, l, d, d)."""
        if self.eps > 0:
            eye = np.eye(self.p.dim)
            return eye - self._maps.forth, eye - self._maps.back
        b, k, l = self.costs.shape  # noqa: E741
        problem, i, j = (index.ravel() for index in np.indices((b, k, l)))
        left, right = (side.reshape(-1, self.p.dim, self.p.dim) for side in (self.p.laws, self.q.laws))
        by_a, by_b = bures_gradients(left, right, problem * k + i, problem * l + j)
        shape = (b, k, l, self.p.dim, self.p.dim)
        return by_a.reshape(shape), by_b.reshape(shape)

    def bend(self, step_p: Slopes, step_q: Slopes, covs: bool, weights: bool) -> tuple[Slopes, Slopes]:
        """How the gradients change along steps of weights, places and covariances of both sides.

        Raises
        ------
        UnsupportedError
            At a singular covariance, and in weights where the coupling falls apart.
        """
        (da, dx, *in_a), (db, dy, *in_b) = step_p, step_q
        (x, y), w = self._centered, self.coupling
        dc = 2 * ((x * dx).sum(axis=2)[..., None] + (y * dy).sum(axis=2)[:, None])
        dc -= 2 * (x @ dy.swapaxes(1, 2) + dx @ y.swapaxes(1, 2))
        if covs:
            by_a, by_b = self._cost_slopes
            dc = dc + np.einsum("bklij,bkij->bkl", by_a, *in_a) + np.einsum("bklij,blij->bkl", by_b, *in_b)
        df, dg = self._potentials_along(dc, da, db, weights)
        _, by_row, by_col = self._shares
        dw = w * (df[:, :, None] + dg[:, None, :] - dc) / self.lam + by_row * da[:, :, None] + by_col * db[:, None, :]
        pulls = (first + second for first, second in zip(self._pulls(dw, x, y), self._pulls(w, dx, dy), strict=True))
        in_p, in_q = (
            [self._weights_along(*side), pull]
            for side, pull in zip(((self.f, df, self.rho[0]), (self.g, dg, self.rho[1])), pulls, strict=True)
        )
        if self.p.covs is not None:
            first, second = self._in_covs(covs, dw)
            if covs:
                forth, back = self._maps.changes(*in_a, *in_b)
                first = first - np.einsum("bkl,bklij->bkij", w, forth)
                second = second - np.einsum("bkl,bklij->blij", w, back)
            in_p.append(first)
            in_q.append(second)
        return tuple(in_p), tuple(in_q)

    def _weights_along(self, potential: np.ndarray, change: np.ndarray, rho: float) -> np.ndarray:
        if np.isfinite(rho):
            change = (rho + self.lam) / rho * np.exp(-potential / rho) * change
        return change - change.mean(axis=1, keepdims=True)

    def _potentials_along(
        self, dc: np.ndarray, da: np.ndarray, db: np.ndarray, weights: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Changes of f and g, (b, k) and (b, l), from those of costs and weights.

        Where the coupling falls apart, those of its parts are known up to a constant each, which only weights feel.
        """
        apart = self._in_parts()
        if weights and apart.any():
            raise UnsupportedError(
                f"the coupling of pair {int(np.argmax(apart))} falls apart at lam = {self.lam:g}, so that second "
                "derivatives in its weights are not known to any digit; use a larger lam, or leave weights out of what "
                "is differentiated twice"
            )
        e, by_row, by_col = self._shares
        k, l = self.costs.shape[1:]  # noqa: E741
        matrix = np.zeros((len(e), k + l, k + l))
        rows, cols = np.arange(k), k + np.arange(l)
        matrix[:, rows, rows] = by_row.sum(axis=2) * (1 + self.lam / self.rho[0])
        matrix[:, cols, cols] = by_col.sum(axis=1) * (1 + self.lam / self.rho[1])
        matrix[:, :k, k:], matrix[:, k:, :k] = by_row, by_col.swapaxes(1, 2)
        right = np.concatenate(
            [
                (by_row * dc).sum(axis=2) - self.lam * (e @ db[..., None])[..., 0],
                (by_col * dc).sum(axis=1) - self.lam * (da[:, None] @ e)[:, 0],
            ],
            axis=1,
        )
        if not np.isfinite(self.rho).any():  # potentials are known up to a constant, which (a, -b) tells from the right
            kernel = np.concatenate([np.ones(k), -np.ones(l)])
            left_kernel = np.concatenate([self.p.weights, -self.q.weights], axis=1)
            matrix += left_kernel[:, :, None] * kernel
        found = np.empty(right.shape)
        found[~apart] = np.linalg.solve(matrix[~apart], right[~apart, :, None])[..., 0]
        found[apart] = (np.linalg.pinv(matrix[apart], rcond=_APART) @ right[apart, :, None])[..., 0]
        return found[:, :k], found[:, k:]

    def _in_parts(self) -> np.ndarray:
        """Whether parts of the coupling of each pair hang together by less than rounding, (b,)."""
        sigma = np.linalg.svd(self._links(), compute_uv=False)
        damping = np.sqrt((1 + self.lam / self.rho[0]) * (1 + self.lam / self.rho[1]))
        first = 0 if np.isfinite(self.rho).any() else 1  # balanced, the first stands for the constant
        return (sigma[:, first:] / damping > 1 - _APART).any(axis=1)
