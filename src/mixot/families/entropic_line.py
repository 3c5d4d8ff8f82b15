"""Entropic couplings of laws on the line: one finite problem for each pair, on atoms or on the nodes of a quadrature.

The potentials of ``min_g E(x - y)^2 + eps KL(g | p x q)`` are smooth at the scale of sqrt(eps), whatever p and q are:

    f(x) = -eps log int exp((g(y) - (x - y)^2) / eps) q(dy),

and likewise for g. So integrals are replaced by Gauss-Legendre sums on panels of 2 sqrt(eps) and less, graded towards
the lower end, where densities may be singular; laws on the integers are sums as they are. What is left out of a law is
1e-12 of its mass at each end (1e-16 of a law on the integers). Costs are right to 1e-8 of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import entropic_coupling
from mixot._shapes import Bool, Float, Int
from mixot.errors import UnsupportedError
from mixot.families.line import LineFamily

_LEFT_OUT = 1e-12  # of the mass, at each end, where there is a density
_NO_ATOM = 1e-16  # the same for laws on the integers
_PANEL = 2.0  # longest panel, in roots of eps,
_SMOOTH = 1.5  # and in standard deviations
_GRADED = 4.0  # ratio of neighboring panels at the lower end, down to
_FIRST = 1e-5  # this share of the longest
_MOST = 3000  # nodes of one law
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """A law as ``weights`` (n,), of sum one, on increasing ``nodes`` (n,)."""

    nodes: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, laws: LineFamily, at: int, eps: float) -> Rule:
        """The rule for component ``at`` that resolves the scale of eps."""
        left_out = _NO_ATOM if laws.discrete else _LEFT_OUT
        ends = laws.quantile(np.array([left_out, 0.5, 1.0]), np.array([1.0, 0.5, left_out]), at)
        low, middle, high = ends.tolist()
        if laws.discrete:
            _check_count(high - low + 1, eps)
            nodes = np.arange(low, high + 1)
            weights = np.exp(laws.log_prob(nodes[:, None])[:, at])
            kept = weights > 0
            return cls(nodes[kept], weights[kept] / weights.sum())
        length = min(_PANEL * np.sqrt(eps), _SMOOTH * float(np.sqrt(laws.cov()[at, 0, 0])))
        _check_count(len(_NODES) * (high - low) / length, eps)
        edges = np.union1d(_edges(low, high, length), middle)  # the median: a kink of the density may be there
        half = np.diff(edges) / 2
        nodes = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        density = np.exp(laws.log_prob(nodes.reshape(-1, 1))[:, at]).reshape(nodes.shape)
        weights = density * half[:, None] * _WEIGHTS
        weights *= (_masses(laws, edges, at) / weights.sum(axis=1))[:, None]
        seen = weights.ravel() > 0
        return cls(nodes.ravel()[seen], weights.ravel()[seen] / weights.sum())


def entropic_line_costs(p: LineFamily, q: LineFamily, eps: float) -> Float[np.ndarray, "k l"]:
    """``min_g E(x - y)^2 + eps KL(g | p_k x q_l)`` for all pairs of laws on the line -> (k, l).

    Examples
    --------
    >>> from mixot.families.poisson import Poisson
    >>> p = Poisson([2.0])
    >>> round(float(entropic_line_costs(p, p, 1e9)[0, 0]), 5)  # x and y are independent: both variances
    4.0
    """
    left, right = ([Rule.of(laws, at, eps) for at in range(len(laws))] for laws in (p, q))
    out = np.empty((len(left), len(right)))
    for k, source in enumerate(left):
        for l, target in enumerate(right):  # noqa: E741
            f, g = _potentials(source, target, eps)
            out[k, l] = f @ source.weights + g @ target.weights
    return out


@dataclass(frozen=True, eq=False, slots=True)
class EntropicLineCoupling:
    """Entropic couplings of s pairs of laws on the line, each as the law of y given x.

    ``y | x`` has the density ``exp((f(x) + g(y) - (x - y)^2) / eps)`` with respect to q. A draw takes a node of q by
    these odds, and then a rank from the part of q that the node stands for: where x is drawn from p, y is drawn from
    q itself.
    """

    target: LineFamily
    sources: tuple[Rule, ...]
    targets: tuple[Rule, ...]
    potentials: tuple[Float[np.ndarray, " m"], ...]
    eps: float

    @classmethod
    def of(
        cls, p: LineFamily, q: LineFamily, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> EntropicLineCoupling:
        """Solve for the couplings of the pairs ``(rows[s], cols[s])``."""
        left = {k: Rule.of(p, k, eps) for k in np.unique(rows).tolist()}
        right = {l: Rule.of(q, l, eps) for l in np.unique(cols).tolist()}  # noqa: E741
        sources, targets = tuple(left[k] for k in rows.tolist()), tuple(right[l] for l in cols.tolist())  # noqa: E741
        potentials = tuple(_potentials(*pair, eps)[1] for pair in zip(sources, targets, strict=True))
        return cls(q.take(cols), sources, targets, potentials, eps)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.zeros(len(self), dtype=bool)

    def map(self, x: Float[np.ndarray, "n 1"], pair: int) -> Float[np.ndarray, "n 1"]:
        """Mean of y given x."""
        points, back = np.unique(x[:, 0], return_inverse=True)
        return (self._odds(points, pair) @ self.targets[pair].nodes)[back][:, None]

    def sample(self, x: Float[np.ndarray, "n 1"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n 1"]:
        """One draw of y for each x."""
        rule, u = self.targets[pair], rng.random(len(x))
        picked = np.empty(len(x), dtype=np.int64)
        step = max(2**22 // len(rule.nodes), 1)
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            odds = np.cumsum(self._odds(x[part, 0], pair), axis=1)
            picked[part] = (u[part, None] * odds[:, -1:] >= odds[:, :-1]).sum(axis=1)
        if self.target.discrete:
            return rule.nodes[picked][:, None]
        share = rng.random(len(x))
        below = np.concatenate([[0.0], np.cumsum(rule.weights)])
        above = np.append(np.cumsum(rule.weights[::-1])[::-1], 0.0)
        lower = below[picked] + share * rule.weights[picked]
        upper = above[picked + 1] + (1 - share) * rule.weights[picked]
        return self.target.quantile(lower, upper, pair)[:, None]

    def _odds(self, x: np.ndarray, pair: int) -> Float[np.ndarray, "n m"]:
        """Probabilities of the nodes of q given each x."""
        rule = self.targets[pair]
        level = np.log(rule.weights) + (self.potentials[pair] - (x[:, None] - rule.nodes) ** 2) / self.eps
        odds = np.exp(level - level.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def _potentials(p: Rule, q: Rule, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Optimal dual potentials on the nodes."""
    if len(q.nodes) > len(p.nodes):  # Newton's system is in the second
        g, f = _potentials(q, p, eps)
        return f, g
    cost = np.subtract.outer(p.nodes, q.nodes) ** 2
    f = cost.min(axis=1)
    rest = cost - f[:, None]
    g = rest.min(axis=0)
    first = max(eps, float((rest - g).max()))
    logs, free = (np.log(p.weights), np.log(q.weights)), (np.inf, np.inf)
    entropic_coupling(cost, *logs, eps, free, first, 500, f, g, np.empty_like(cost))
    return f, g


def _edges(low: float, high: float, length: float) -> np.ndarray:
    """Ends of panels: short ones at the lower end, each so many times longer than the last, then equal ones."""
    lengths = _FIRST * length * _GRADED ** np.arange(np.ceil(np.log(1 / _FIRST) / np.log(_GRADED)))
    start = np.concatenate([[low], low + np.cumsum(lengths)])
    start = start[start < high]
    count = max(int(np.ceil((high - start[-1]) / length)), 1)
    return np.concatenate([start[:-1], np.linspace(start[-1], high, count + 1)])


def _masses(laws: LineFamily, edges: np.ndarray, at: int) -> np.ndarray:
    """Mass between neighboring edges, from the side on which it keeps its digits."""
    below, above = laws.tails(edges, at)
    return np.where(below[1:] <= 0.5, np.diff(below), -np.diff(above))


def _check_count(count: float, eps: float) -> None:
    if count > _MOST:
        raise UnsupportedError(
            f"eps = {eps:g} is too small for a law as wide as this one: about {count:.0f} nodes would be needed, and "
            f"{_MOST} are allowed; take a larger eps, or eps = 0, which is exact"
        )
