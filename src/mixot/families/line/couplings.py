"""Optimal couplings on the line that are no affine maps: comonotone ones, and powers.

On the line the optimal coupling of p and q, whatever they are, is the comonotone one: x and y share their rank. Where
p has a density this is the map ``y = F_q^-1(F_p(x))``. An atom x of p holds the ranks from F_p(x-) to F_p(x), and y is
``F_q^-1`` of a rank drawn from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._shapes import Bool, Float
from mixot.families.roles import Ranked

_EDGE = 1e-290  # ranks closer than this to 0 or 1 are not told apart by floating point


@dataclass(frozen=True, eq=False, slots=True)
class QuantileCoupling:
    """Comonotone couplings of component s of ``source`` with component s of ``target``, laws on the line.

    References
    ----------
    Santambrogio, Optimal Transport for Applied Mathematicians (2015), Theorem 2.9.
    """

    source: Ranked
    target: Ranked

    def __len__(self) -> int:
        return len(self.source)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.full(len(self), not self.source.discrete)

    def map(self, x: Float[np.ndarray, "n 1"], pair: int) -> Float[np.ndarray, "n 1"]:
        """Mean of y given x; ``F_q^-1(F_p(x))`` where p has a density."""
        points, back = np.unique(x[:, 0], return_inverse=True)
        inside = np.clip(points, *self._edges(pair))
        y = self._mean_given_atom(inside, pair) if self.source.discrete else self._quantile(inside, pair)
        return self._beyond(points, inside, y, pair)[back][:, None]

    def sample(self, x: Float[np.ndarray, "n 1"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n 1"]:
        """One draw of y given each x; of ranks that x holds where it is an atom."""
        if not self.source.discrete:
            return self.map(x, pair)
        inside = np.clip(x[:, 0], *self._edges(pair))
        (before, after), (below, above) = self.source.tails_before(inside, pair), self.source.tails(inside, pair)
        share = 1.0 - rng.random(len(x))  # in (0, 1]
        lower = before + share * (below - before)
        upper = above + (1.0 - share) * (after - above)
        y = self.target.quantile(lower, upper, pair)
        return self._beyond(x[:, 0], inside, y, pair)[:, None]

    def _edges(self, pair: int) -> tuple[float, float]:
        ends = self.source.quantile(np.array([_EDGE, 1.0]), np.array([1.0, _EDGE]), pair)
        return float(ends[0]), float(ends[1])

    def _quantile(self, x: np.ndarray, pair: int) -> np.ndarray:
        return self.target.quantile(*self.source.tails(x, pair), pair)

    def _mean_given_atom(self, x: np.ndarray, pair: int) -> np.ndarray:
        """``E[y | x] = y_first + sum_y P(Y > y | x)`` over the integers that share ranks with the atom x."""
        (before, after), (below, above) = self.source.tails_before(x, pair), self.source.tails(x, pair)
        upper_half = before > 0.5  # the side on which differences of ranks keep their digits
        mass = np.where(upper_half, after - above, below - before)
        first = self.target.quantile(before, after, pair)
        last = self.target.quantile(below, above, pair)
        atom = mass > 0  # elsewhere x holds a single rank
        out = np.where(atom, first, last)
        for step in range(int((last - first)[atom].max(initial=0))):
            y_below, y_above = self.target.tails(first + step, pair)
            share = np.where(upper_half, y_above - above, below - y_below)
            out[atom] += np.clip(share[atom] / mass[atom], 0.0, 1.0)
        return out

    def _beyond(self, x: np.ndarray, inside: np.ndarray, y: np.ndarray, pair: int) -> np.ndarray:
        """Y continued to the x that lie outside ``inside``, where ranks are 0 or 1 to all digits.

        By the tails' own asymptotics: integers shift; under densities p and q on the half line y grows like x above,
        with the slope p(x) / q(y) found at the edge, and like a power of x near zero.
        """
        out = np.array(y, dtype=np.float64)
        far = np.flatnonzero(x != inside)
        if not len(far):
            return out
        past, edge, image = x[far], inside[far], y[far]
        if self.source.discrete:
            out[far] = np.maximum(image + (past - edge), 0.0)
            return out
        slope = self.source.log_prob(edge[:, None])[:, pair] - self.target.log_prob(image[:, None])[:, pair]
        high, low = past > edge, (past > 0) & (past < edge) & (image > 0)
        out[far[~high]] = 0.0
        out[far[high]] = image[high] + np.exp(slope[high]) * (past - edge)[high]
        out[far[low]] = image[low] * (past[low] / edge[low]) ** (np.exp(slope[low]) * edge[low] / image[low])
        return out


@dataclass(frozen=True, eq=False, slots=True)
class PowerCoupling:
    """Optimal maps ``y = target (x / source)^power`` of s pairs of laws that are powers of one."""

    source: Float[np.ndarray, " s"]
    target: Float[np.ndarray, " s"]
    power: Float[np.ndarray, " s"]

    def __len__(self) -> int:
        return len(self.power)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        return np.ones(len(self), dtype=bool)

    def map(self, x: Float[np.ndarray, "n 1"], pair: int) -> Float[np.ndarray, "n 1"]:
        """The map; points below zero go where zero goes, and none goes beyond what floating point holds."""
        with np.errstate(over="ignore"):
            y = self.target[pair] * (np.maximum(x, 0.0) / self.source[pair]) ** self.power[pair]
        return np.minimum(y, np.finfo(np.float64).max)

    def sample(self, x: Float[np.ndarray, "n 1"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n 1"]:
        return self.map(x, pair)
