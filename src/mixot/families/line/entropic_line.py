"""Entropic couplings of laws on the line: one finite problem for each pair, on atoms or on the nodes of a quadrature.

The potentials of ``min_g E(x - y)^2 + eps KL(g | p x q)`` are smooth at the scale of sqrt(eps), whatever p and q are:

    f(x) = -eps log int exp((g(y) - (x - y)^2) / eps) q(dy),

and likewise for g, where ``KL(g | p x q) = int log(dg / d(p x q)) dg``. So integrals are replaced by Gauss-Legendre
sums on panels of 3 sqrt(eps) and less, graded towards the lower end, where densities may be singular; laws on the
integers are sums as they are. What is left out of a law is 1e-12 of its mass at each end (1e-20 of a law on the
integers), and costs are right to 1e-8 of themselves; a pair takes ten milliseconds or so at eps near the variances, and
up to seconds where eps is a thousandth of them.

Mass that is left out has changed the law of y given x by the time x is nearly as rare: relatively by that mass over
the mass beyond x. Couplings therefore leave out less, 1e-16, and where that is more than 1e-8 of what lies beyond x
they continue the law of y by a shift that is linear in x, of slope ``d E[y | x] / dx = 2 Var(y | x) / eps``. Between
Gaussian laws this is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import entropic_coupling
from mixot._shapes import Bool, Float, Int
from mixot.errors import UnsupportedError
from mixot.families.roles import Ranked

_LEFT_OUT = 1e-12  # of the mass, at each end, where there is a density
_LEFT_OUT_OF_MAPS = 1e-16  # the same for couplings, as long as that makes the rule no longer than
_WIDER = 0.5  # by this share at each end
_NO_ATOM = 1e-20  # what is left out of laws on the integers
_SEEN = 1e8  # the mass beyond a point must be so many times what is left out for the point to be unaware of it
_EDGE = 1e-290  # ranks closer than this to 0 or 1 are not told apart by floating point
_PANEL = 3.0  # longest panel, in roots of eps,
_SMOOTH = 2.0  # and in standard deviations
_GRADED = 8.0  # ratio of neighboring panels at the lower end, down to
_FIRST = 1e-6  # this share of the longest
_MOST = 2000  # nodes of one law
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """A law as ``weights`` (n,), of sum one, on increasing ``nodes`` (n,); ``outside`` is left out, at one end."""

    nodes: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    outside: float

    @classmethod
    def of(cls, laws: Ranked, at: int, eps: float, *, wide: bool = False) -> Rule:
        """The rule for component ``at`` that resolves the scale of eps; one for couplings is ``wide``."""
        if laws.discrete:
            low, _, high = _ends(laws, at, _NO_ATOM)
            _check_count(high - low + 1, eps)
            nodes = np.arange(low, high + 1)
            weights = np.exp(laws.log_prob(nodes[:, None])[:, at])
            kept = weights > 0
            return cls(nodes[kept], weights[kept] / weights.sum(), _NO_ATOM)
        low, middle, high = _ends(laws, at, _LEFT_OUT)
        length = min(_PANEL * np.sqrt(eps), _SMOOTH * float(np.sqrt(laws.cov()[at, 0, 0])))
        count = len(_NODES) / length
        _check_count(count * (high - low), eps)
        if wide and count * (1 + 2 * _WIDER) * (high - low) <= _MOST:
            far_low, _, far_high = _ends(laws, at, _LEFT_OUT_OF_MAPS)
            room = _WIDER * (high - low)
            low, high = max(far_low, low - room), min(far_high, high + room)
        edges = np.union1d(_edges(low, high, length), middle)  # the median: a kink of the density may be there
        half = np.diff(edges) / 2
        nodes = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        density = np.exp(laws.log_prob(nodes.reshape(-1, 1))[:, at]).reshape(nodes.shape)
        weights = density * half[:, None] * _WEIGHTS
        masses, outside = _masses(laws, edges, at)
        weights *= (masses / weights.sum(axis=1))[:, None]
        seen = weights.ravel() > 0
        return cls(nodes.ravel()[seen], weights.ravel()[seen] / weights.sum(), outside)


def entropic_line_costs(p: Ranked, q: Ranked, eps: float) -> Float[np.ndarray, "k l"]:
    """``min_g E(x - y)^2 + eps KL(g | p_k x q_l)`` for all pairs of laws on the line -> (k, l).

    Examples
    --------
    >>> from mixot.families.line.poisson import Poisson
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
    q itself. Outside ``inside`` the law is that at the end of it, shifted.
    """

    target: Ranked
    targets: tuple[Rule, ...]
    potentials: tuple[np.ndarray, ...]
    inside: Float[np.ndarray, "s 2"]
    eps: float

    @classmethod
    def of(
        cls, p: Ranked, q: Ranked, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"], eps: float
    ) -> EntropicLineCoupling:
        """Solve for the couplings of the pairs ``(rows[s], cols[s])``."""
        left = {k: Rule.of(p, k, eps, wide=True) for k in np.unique(rows).tolist()}
        right = {l: Rule.of(q, l, eps, wide=True) for l in np.unique(cols).tolist()}  # noqa: E741
        pairs = list(zip(rows.tolist(), cols.tolist(), strict=True))
        potentials = tuple(_potentials(left[k], right[l], eps)[1] for k, l in pairs)  # noqa: E741
        inside = np.array(
            [_inside(p, k, q, l, eps, max(left[k].outside, right[l].outside)) for k, l in pairs]  # noqa: E741
        )
        return cls(q.take(cols), tuple(right[l] for _, l in pairs), potentials, inside.reshape(-1, 2), eps)  # noqa: E741

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.zeros(len(self), dtype=bool)

    def map(self, x: Float[np.ndarray, "n 1"], pair: int) -> Float[np.ndarray, "n 1"]:
        """Mean of y given x."""
        points, back = np.unique(x[:, 0], return_inverse=True)
        near = np.clip(points, *self.inside[pair])
        y = self._odds(near, pair) @ self.targets[pair].nodes + self._shift(points - near, pair)
        return self._on_support(y, pair)[back][:, None]

    def sample(self, x: Float[np.ndarray, "n 1"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n 1"]:
        """One draw of y for each x."""
        rule, u = self.targets[pair], rng.random(len(x))
        near = np.clip(x[:, 0], *self.inside[pair])
        shift = self._shift(x[:, 0] - near, pair)
        picked = np.empty(len(x), dtype=np.int64)
        step = max(2**22 // len(rule.nodes), 1)
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            odds = np.cumsum(self._odds(near[part], pair), axis=1)
            picked[part] = (u[part, None] * odds[:, -1:] >= odds[:, :-1]).sum(axis=1)
        share = rng.random(len(x))
        if self.target.discrete:  # up or down to an integer, with the mean kept
            return self._on_support(rule.nodes[picked] + np.floor(shift + share), pair)[:, None]
        below = np.concatenate([[0.0], np.cumsum(rule.weights)])
        above = np.append(np.cumsum(rule.weights[::-1])[::-1], 0.0)
        lower = below[picked] + share * rule.weights[picked]
        upper = above[picked + 1] + (1 - share) * rule.weights[picked]
        y = self.target.quantile(lower, upper, pair)
        return np.where(shift == 0, y, self._on_support(y + shift, pair))[:, None]

    def _odds(self, x: np.ndarray, pair: int) -> Float[np.ndarray, "n m"]:
        """Probabilities of the nodes of q given each x."""
        rule = self.targets[pair]
        level = np.log(rule.weights) + (self.potentials[pair] - (x[:, None] - rule.nodes) ** 2) / self.eps
        odds = np.exp(level - level.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _shift(self, past: Float[np.ndarray, " n"], pair: int) -> Float[np.ndarray, " n"]:
        """``2 Var(y | end) / eps`` times how far past an end of ``inside``."""
        out = np.zeros_like(past)
        for end, beyond in zip(self.inside[pair].tolist(), (past < 0, past > 0), strict=True):
            if beyond.any():
                odds, nodes = self._odds(np.array([end]), pair)[0], self.targets[pair].nodes
                spread = odds @ (nodes - odds @ nodes) ** 2
                out[beyond] = 2 * spread / self.eps * past[beyond]
        return out

    def _on_support(self, y: Float[np.ndarray, " n"], pair: int) -> Float[np.ndarray, " n"]:
        low, _, high = _ends(self.target, pair, _EDGE)
        return np.clip(y, min(low, self.targets[pair].nodes[0]), np.inf if not self.target.discrete else high)


def _inside(p: Ranked, k: int, q: Ranked, l: int, eps: float, outside: float) -> tuple[float, float]:  # noqa: E741
    """Between which x the law of y given x does not feel what is left out; no limit where the support of q ends."""
    low, _, high = _ends(p, k, min(_SEEN * outside, 0.1))
    first, _, last = _ends(q, l, _EDGE)
    near_first, _, near_last = _ends(q, l, _LEFT_OUT)
    some = 1e-3 * np.sqrt(eps)
    return -np.inf if near_first - first < some else low, np.inf if last - near_last < some else high


def _ends(laws: Ranked, at: int, mass: float) -> tuple[float, float, float]:
    """Where so much mass lies below, the median, and where so much lies above."""
    low, middle, high = laws.quantile(np.array([mass, 0.5, 1.0]), np.array([1.0, 0.5, mass]), at).tolist()
    return low, middle, high


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


def _masses(laws: Ranked, edges: np.ndarray, at: int) -> tuple[np.ndarray, float]:
    """Mass between neighboring edges, from the side on which it keeps its digits, and what is outside at an end."""
    below, above = laws.tails(edges, at)
    return np.where(below[1:] <= 0.5, np.diff(below), -np.diff(above)), float(max(below[0], above[-1]))


def _check_count(count: float, eps: float) -> None:
    if count > _MOST:
        raise UnsupportedError(
            f"eps = {eps:g} is too small for a law as wide as this one: about {count:.0f} nodes would be needed, and "
            f"{_MOST} are allowed; take a larger eps, or eps = 0, which is exact"
        )
