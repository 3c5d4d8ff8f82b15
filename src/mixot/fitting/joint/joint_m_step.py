"""The joint M step: means and covariances of Gaussian components that the plan of a joint fit couples.

The components of both mixtures are the nodes of a graph, the pairs that the plan joins its edges. Given masses n,
means and scatters A of the data (what an E step leaves), the part of the joint objective that is theirs is

``sum_edges w |m_i - m_j|^2 + w B^2(S_i, S_j)  +  sum_nodes c_i (log det S_i + tr S_i^-1 A_i(m_i))``

with ``c = lam n / 2``, ``A(m)`` the scatter about m and B the Bures distance. In the means it is quadratic. For the
covariances there are two steps:

- *Majorisation.* ``-tr (R S R)^1/2`` is concave in ``S^-1``, so its tangent there lies above; what is to be minimised
  is then ``c log det S + tr S^-1 (c A + S0 T S0 w) + w tr S`` (T the maps to the neighbours, S0 the present S), and
  its minimiser has the eigenvectors of the matrix in brackets, with eigenvalues s that solve ``w s^2 + c s = b``.
  Without edges this is the M step of EM. It never fails, but takes ages where the coupling is strong: neighbours that
  agree hardly move.
- *Newton.* With ``S = L L^T`` it is ``B^2 = min_U |L_i - L_j U|^2`` over rotations U: for fixed U quadratic, just as in
  the means, and above B^2 elsewhere. With Fisher's information for the other part this is a positive semi-definite
  quadratic model in which neighbours move together; conjugate gradients minimise it, and a line search makes sure.

Both lower the objective, whatever the plan and the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mixot.fitting.likelihood.gaussian.statistics import Parameters

_CG = 40  # conjugate gradient steps at most
_DIGITS = 1e-2  # to which they solve for Newton's step


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """Nodes 0 .. k - 1 on one side, k .. k + l - 1 on the other, and weighted edges between them."""

    size: int
    left: np.ndarray  # (e,)
    right: np.ndarray  # (e,)
    weights: np.ndarray  # (e,)

    @classmethod
    def of(cls, plan: np.ndarray) -> Graph:
        """The pairs that a plan (k, l) joins."""
        rows, cols = np.nonzero(plan > 0)
        return cls(sum(plan.shape), rows, len(plan) + cols, plan[rows, cols])

    def degrees(self) -> np.ndarray:
        """Weight of all edges at each node."""
        ends, weights = np.concatenate([self.left, self.right]), np.tile(self.weights, 2)
        return np.bincount(ends, weights, minlength=self.size)

    def laplacian(self) -> np.ndarray:
        """``diag(degrees) - weights``, (g, g)."""
        out = np.diag(self.degrees())
        out[self.left, self.right] = out[self.right, self.left] = -self.weights
        return out

    def parts(self) -> list[np.ndarray]:
        """The nodes of each connected component."""
        labels = np.arange(self.size)
        while True:  # each node takes the least label in reach
            least = np.minimum(labels[self.left], labels[self.right])
            before = labels.copy()
            np.minimum.at(labels, self.left, least)
            np.minimum.at(labels, self.right, least)
            labels = labels[labels]
            if (labels == before).all():
                return [np.flatnonzero(labels == part) for part in np.unique(labels)]


class Covariances(Protocol):
    """Covariances of all nodes in one structure."""

    def precisions(self) -> np.ndarray:
        """Inverse covariances: (g, d, d), or (g, d) for diagonal ones."""
        ...

    def m_step(self, graph: Graph, scatters: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Covariances after a step of each kind; ``strength`` is c."""
        ...


def m_step_of_means(
    means: np.ndarray, centers: np.ndarray, precisions: np.ndarray, graph: Graph, strength: np.ndarray
) -> np.ndarray:
    """Means (g, d) that minimise ``sum_edges w |m_i - m_j|^2 + sum_nodes c_i (m_i - x_i)^T P_i (m_i - x_i)``.

    ``centers`` (g, d) are the x_i, ``precisions`` (g, d, d) or, diagonal, (g, d) the P_i. Nodes without edge and c
    stay where they are.
    """
    out, laplacian = means.copy(), graph.laplacian()
    d = means.shape[1]
    for nodes in graph.parts():
        if not (strength[nodes] > 0).any():
            continue
        own = laplacian[np.ix_(nodes, nodes)]
        pull = strength[nodes, None, None] * _as_matrices(precisions[nodes])
        origin = centers[nodes].mean(axis=0)  # differences of nearby numbers keep their digits
        right = np.einsum("gab,gb->ga", pull, centers[nodes] - origin)
        if precisions.ndim == 2:
            system = own + np.einsum("gaa->ag", pull)[:, :, None] * np.eye(len(nodes))
            out[nodes] = origin + np.linalg.solve(system, right.T[:, :, None])[:, :, 0].T
            continue
        system = np.einsum("gh,ab->gahb", own, np.eye(d))
        at = np.arange(len(nodes))
        system[at, :, at, :] += pull
        out[nodes] = origin + np.linalg.solve(system.reshape(right.size, right.size), right.ravel()).reshape(
            right.shape
        )
    return out


@dataclass(frozen=True, eq=False, slots=True)
class DiagonalCovariances:
    """Diagonal covariances, (g, d); spherical ones are (g, 1), one axis for all."""

    variances: np.ndarray

    def precisions(self) -> np.ndarray:
        return 1 / self.variances

    def m_step(self, graph: Graph, scatters: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Everything commutes: deviations are points of the line, and Newton's equation is one system for each axis."""
        stds = np.sqrt(self.variances)
        degrees = graph.degrees()
        for here, there in ((graph.left, graph.right), (graph.right, graph.left)):
            pull = np.zeros_like(stds)
            np.add.at(pull, here, graph.weights[:, None] * stds[there])
            side = np.unique(here)
            b = strength[side, None] * scatters[side] + stds[side] ** 3 * pull[side]
            stds[side] = np.sqrt(_root(degrees[side, None], strength[side, None], b))
        alone = degrees == 0
        stds[alone] = np.sqrt(np.where(strength[alone, None] > 0, scatters[alone], self.variances[alone]))
        if (stds > 0).all():  # otherwise one collapsed, which the next E step tells
            stds = self._newton(stds, graph, scatters, strength[:, None])
        return stds**2

    def _newton(self, stds: np.ndarray, graph: Graph, a: np.ndarray, c: np.ndarray) -> np.ndarray:
        laplacian = graph.laplacian()

        def value(s: np.ndarray) -> float:
            apart = graph.weights @ (s[graph.left] - s[graph.right]) ** 2
            return float((apart + (c * (2 * np.log(s) + a / s**2)).sum(axis=0)).sum())

        slope = 2 * laplacian @ stds + 2 * c * (1 - a / stds**2) / stds
        bend = 2 * laplacian + (4 * c / stds**2).T[:, :, None] * np.eye(len(stds))
        bend += 1e-14 * np.einsum("agg->a", bend)[:, None, None] * np.eye(len(stds))  # a node without c and edges
        step = -np.linalg.solve(bend, slope.T[:, :, None])[:, :, 0].T
        now, share = value(stds), 1.0
        for _ in range(8):
            ahead = stds + share * step
            if (ahead > 0).all() and value(ahead) < now:
                return ahead
            share /= 2
        return stds


@dataclass(frozen=True, eq=False, slots=True)
class FullCovariances:
    """Full covariances, (g, d, d)."""

    covs: np.ndarray

    def precisions(self) -> np.ndarray:
        return np.linalg.inv(self.covs)

    def m_step(self, graph: Graph, scatters: np.ndarray, strength: np.ndarray) -> np.ndarray:
        factors = np.linalg.cholesky(self.covs)
        degrees = graph.degrees()
        alone = (degrees == 0) & (strength > 0)
        factors[alone] = _symmetric_roots(scatters[alone])
        for here, there in ((graph.left, graph.right), (graph.right, graph.left)):
            b = strength[:, None, None] * scatters
            _, mu, pt = np.linalg.svd(factors[there].swapaxes(1, 2) @ factors[here])
            turned = factors[here] @ pt.swapaxes(1, 2)  # S0 T S0 = L P mu P^T L^T, where L_there^T L = Q mu P^T
            np.add.at(b, here, (turned * (graph.weights[:, None] * mu)[:, None, :]) @ turned.swapaxes(1, 2))
            side = np.unique(here)
            lam, axes = np.linalg.eigh(b[side])
            s = _root(degrees[side, None], strength[side, None], np.maximum(lam, 0.0))
            factors[side] = (axes * np.sqrt(s)[:, None, :]) @ axes.swapaxes(1, 2)
        if np.linalg.cond(factors).max() < 1e12:  # otherwise one collapsed, which the next E step tells
            factors = self._newton(factors, graph, scatters, strength)
        return _positive(factors @ factors.swapaxes(1, 2))

    def _newton(self, factors: np.ndarray, graph: Graph, a: np.ndarray, c: np.ndarray) -> np.ndarray:
        model = _Model.of(factors, graph, a, c)
        step = model.minimiser()
        now, share = _value(factors, graph, a, c), 1.0
        for _ in range(8):
            ahead = factors + share * step
            if _value(ahead, graph, a, c) < now:
                return ahead
            share /= 2
        return factors


def _positive(covs: np.ndarray) -> np.ndarray:
    """Covariances whose least eigenvalue was lost to the rounding of the largest, raised by as much as that."""
    lost = 4 * np.finfo(covs.dtype).eps * np.trace(covs, axis1=1, axis2=2)
    low = np.linalg.eigvalsh(covs)[:, 0] < lost
    covs[low] += lost[low, None, None] * np.eye(covs.shape[1])
    return covs


def covariances_of(structure: str, sides: Sequence[Parameters]) -> DiagonalCovariances | FullCovariances:
    """The covariances of both mixtures in one structure, those of the source first."""
    covs = [side.covs for side in sides]
    if structure == "tied":
        return FullCovariances(np.stack(covs))
    joined = np.concatenate(covs)
    if structure == "full":
        return FullCovariances(joined) if joined.shape[1] > 1 else DiagonalCovariances(joined[:, 0])
    return DiagonalCovariances(joined[:, :1] if structure == "spherical" else joined)


def scatters_about(structure: str, data: list[Parameters], mass: list[np.ndarray], away: np.ndarray) -> np.ndarray:
    """Scatters of the data about means that are ``away`` from the data's, in the shape of the covariances."""
    k = len(mass[0])
    if structure == "tied":
        parts = zip(data, mass, (away[:k], away[k:]), strict=True)
        return np.stack([side.covs + (off * share[:, None]).T @ off for side, share, off in parts])
    covs = np.concatenate([side.covs for side in data])
    if structure == "full":
        about = covs + away[:, :, None] * away[:, None, :]
        return about if about.shape[1] > 1 else about[:, 0]
    return (covs + away**2).mean(axis=1, keepdims=True) if structure == "spherical" else covs + away**2


def paired_weights(cost: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """Weights w that minimise ``w @ cost - reward @ log(w)``, summing to one: ``w = reward / (cost + t)``.

    Newton's method for ``1 / sum_k w_k(t) = 1``, concave and increasing in t, from a t below the root: it climbs.
    """
    live = reward > 0
    c, r = cost[live] - cost[live].min(), reward[live]
    level = float(r[c == 0].sum())  # the share of the cheapest alone is one already
    for _ in range(100):
        w = r / (c + level)
        total = w.sum()
        step = (total - 1) * total / (w / (c + level)).sum()
        level += step
        if step <= 1e-16 * level:
            break
    out = np.zeros_like(reward)
    out[live] = r / (c + level)
    return out / out.sum()


@dataclass(frozen=True, eq=False, slots=True)
class _Model:
    """The quadratic model of the covariances' part at factors L: its slope, and what its second derivative does."""

    graph: Graph
    turns: np.ndarray  # (e, d, d), the best rotations
    inverses: np.ndarray  # (g, d, d), of L
    strength: np.ndarray  # (g,)
    slope: np.ndarray  # (g, d, d)
    precondition: np.ndarray  # (g, g)

    @classmethod
    def of(cls, factors: np.ndarray, graph: Graph, a: np.ndarray, c: np.ndarray) -> _Model:
        turns, inverses, d = _turns(factors, graph), np.linalg.inv(factors), a.shape[1]
        white = inverses @ a @ inverses.swapaxes(1, 2)
        slope = 2 * c[:, None, None] * inverses.swapaxes(1, 2) @ (np.eye(d) - white)
        _scatter(slope, graph, turns, factors[graph.left] - factors[graph.right] @ turns)
        bend = 4 * c * (inverses**2).sum(axis=(1, 2)) / d
        system = 2 * graph.laplacian() + np.diag(bend)
        system += 1e-12 * np.trace(system) * np.eye(len(c))
        return cls(graph, turns, inverses, c, slope, np.linalg.inv(system))

    def bend(self, v: np.ndarray) -> np.ndarray:
        """Second derivative along v, (g, d, d): edges ``2 w |v_i - v_j U|^2``, Fisher's ``c |E + E^T|^2``, L E = v."""
        e = self.inverses @ v
        e = e + e.swapaxes(1, 2)
        out = 2 * self.strength[:, None, None] * (self.inverses.swapaxes(1, 2) @ e)
        _scatter(out, self.graph, self.turns, v[self.graph.left] - v[self.graph.right] @ self.turns)
        return out

    def minimiser(self) -> np.ndarray:
        """Newton's step by preconditioned conjugate gradients; a direction of descent wherever it stops."""
        shape = self.slope.shape
        rest = -self.slope
        v = np.zeros(shape)
        z = (self.precondition @ rest.reshape(shape[0], -1)).reshape(shape)
        p, size = z, float((rest * z).sum())
        first = size
        for _ in range(_CG):
            if size <= _DIGITS**2 * first:
                break
            bent = self.bend(p)
            curve = float((p * bent).sum())
            if curve <= 0:
                break
            move = size / curve
            v = v + move * p
            rest = rest - move * bent
            z = (self.precondition @ rest.reshape(shape[0], -1)).reshape(shape)
            before, size = size, float((rest * z).sum())
            p = z + (size / before) * p
        return v


def _scatter(out: np.ndarray, graph: Graph, turns: np.ndarray, apart: np.ndarray) -> None:
    """Add the slopes of ``w |apart|^2`` at both ends of each edge."""
    pull = 2 * graph.weights[:, None, None] * apart
    np.add.at(out, graph.left, pull)
    np.add.at(out, graph.right, -pull @ turns.swapaxes(1, 2))


def _turns(factors: np.ndarray, graph: Graph) -> np.ndarray:
    """Rotations U of ``min |L_i - L_j U|``, one for each edge."""
    q, _, pt = np.linalg.svd(factors[graph.right].swapaxes(1, 2) @ factors[graph.left])
    return q @ pt


def _value(factors: np.ndarray, graph: Graph, a: np.ndarray, c: np.ndarray) -> float:
    """The covariances' part of the objective; infinite where a covariance is singular."""
    signs, logs = np.linalg.slogdet(factors)
    if (signs == 0).any():
        return np.inf
    apart = ((factors[graph.left] - factors[graph.right] @ _turns(factors, graph)) ** 2).sum(axis=(1, 2))
    inverses = np.linalg.inv(factors)
    traces = np.einsum("gab,gbc,gac->g", inverses, a, inverses)
    return float(graph.weights @ apart + c @ (2 * logs + traces))


def _root(w: np.ndarray, c: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The s >= 0 that solves ``w s^2 + c s = b``."""
    bottom = c + np.sqrt(c**2 + 4 * w * b)
    return np.divide(2 * b, bottom, out=np.zeros_like(b), where=bottom > 0)


def _symmetric_roots(covs: np.ndarray) -> np.ndarray:
    lam, q = np.linalg.eigh(covs)
    return (q * np.sqrt(np.maximum(lam, 0.0))[:, None, :]) @ q.swapaxes(1, 2)


def _as_matrices(precisions: np.ndarray) -> np.ndarray:
    return precisions if precisions.ndim == 3 else precisions[:, :, None] * np.eye(precisions.shape[1])
