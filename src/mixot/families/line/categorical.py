"""Categorical laws: one of m levels, which have names and no order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._checks import as_floats
from mixot._shapes import ArrayLike, Bool, Float, Int
from mixot.errors import InputError, UnsupportedError
from mixot.families.base import Family, register
from mixot.families.line.base import check_rows
from mixot.formulas.line.bregman import bregman_log

_OFF = 1e-6  # what rows that were printed may lack to one
_MOST = 2**16  # levels: more of them are numbers or identifiers


@register("categorical")
@dataclass(frozen=True, eq=False)
class Categorical(Family):
    """k laws over m levels without an order, coded 0, 1, ..., m - 1: level j has probability ``probs[i, j]``.

    The codes are names, not numbers: W2 stands on the discrete metric, in which any two levels are one apart, so that

    ``W2^2 = 1/2 sum_j |p_j - q_j|``,

    the mass that changes its level (the distance in total variation). The coupling that attains it leaves
    ``min(p_j, q_j)`` where it is, and sends the rest to the levels that lack mass, in proportion. There is no way from
    one level to another: geodesics, barycenters and mean images are refused. `mean`, `cov` and `moments` are those of
    the codes.

    Several columns, or others beside them, are a product: ``fit(x, "categorical*12")`` finds latent classes, and
    ``fit(frame, "diagonal*4,categorical")`` reads the text of the last column as levels. A single column does not tell
    the components of a mixture apart. In a product a change of level costs as much as one unit of a numeric column.

    Parameters
    ----------
    probs : (k, m), not negative, each row summing to one (to 1e-6, the rest is taken off)
    levels : m different names, or None; a fit to a dataframe has those of its column

    Raises
    ------
    InputError
        Where a row is no law, or names do not fit.

    Examples
    --------
    >>> laws = Categorical([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]], levels=["red", "green", "blue"])
    >>> laws.cost(laws).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """

    probs: Float[np.ndarray, "k m"]
    levels: tuple[str, ...] | None = None

    def __init__(self, probs: ArrayLike, levels: Sequence[str] | None = None) -> None:
        values = as_floats(probs, "probs")
        if values.ndim != 2 or not values.size:
            raise InputError(f"probs must have shape (k, m), a row for each of k >= 1 components, got {values.shape}")
        bad = np.argwhere(~((values >= 0) & (values <= 1 + _OFF)))
        if len(bad):
            raise InputError(
                f"probs must lie between 0 and 1, got {values[tuple(bad[0])]:g} for level {bad[0][1]} of "
                f"component {bad[0][0]}"
            )
        total = values.sum(axis=1)
        off = np.flatnonzero(np.abs(total - 1) > _OFF)
        if len(off):
            raise InputError(f"each row of probs must sum to one, got {total[off[0]]:.9g} for component {off[0]}")
        # Rows that sum to one up to rounding stay as they are, so that what is saved and loaded is the same to the bit.
        exact = np.abs(total - 1) <= 8 * np.finfo(np.float64).eps
        object.__setattr__(self, "probs", np.where(exact[:, None], values, values / total[:, None]))
        object.__setattr__(self, "levels", _checked_names(levels, values.shape[1]))

    def __len__(self) -> int:
        return len(self.probs)

    @property
    def dim(self) -> int:
        return 1

    @property
    def discrete(self) -> bool:
        return True

    @property
    def euclidean(self) -> bool:
        return False

    @property
    def level_names(self) -> dict[int, tuple[str, ...]]:
        return {} if self.levels is None else {0: self.levels}

    def with_level_names(self, names: Mapping[int, Sequence[str]]) -> Categorical:
        """The same laws with levels called so; of more names than levels, the last are levels without mass."""
        if 0 not in names:
            return self
        given = tuple(names[0])
        more = max(len(given) - self.probs.shape[1], 0)
        return Categorical(np.pad(self.probs, ((0, 0), (0, more))), given)

    def in_level_order(self, names: Mapping[int, Sequence[str]]) -> Categorical:
        """The same laws with levels in the order of ``names``, then those that are not among these."""
        if 0 not in names or self.levels is None or tuple(names[0]) == self.levels:
            return self
        order = (*names[0], *(level for level in self.levels if level not in names[0]))
        probs = np.zeros((len(self), len(order)))
        probs[:, [order.index(level) for level in self.levels]] = self.probs
        return Categorical(probs, order)

    def squared_distances(self, x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """One where the level changes, else zero."""
        return (x[:, 0] != y[:, 0]).astype(np.float64)

    def parameters(self) -> dict[str, np.ndarray]:
        return {"probs": self.probs}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, np.ndarray]) -> Categorical:
        if sorted(parameters) != ["probs"]:
            raise InputError(f"components of the categorical family are ['probs'], got {sorted(parameters)}")
        return cls(parameters["probs"])

    def take(self, index: Int[np.ndarray, " j"]) -> Categorical:
        return Categorical(self.probs[index], self.levels)

    def append(self, other: Any) -> Categorical:
        """The components here, then those of ``other``, over the levels of both."""
        if not isinstance(other, Categorical):
            return super().append(other)  # which refuses it
        other = other.in_level_order(self.level_names)
        probs = np.vstack(_padded(self.probs, other.probs))
        return Categorical(probs, max(self.levels or (), other.levels or (), key=len) or None)

    def mean(self) -> Float[np.ndarray, "k d"]:
        """Means of the codes, (k, 1)."""
        return self.moments(1)[:, 1:]

    def cov(self) -> Float[np.ndarray, "k d d"]:
        """Variances of the codes, (k, 1, 1)."""
        away = np.arange(self.probs.shape[1]) - self.mean()
        return (self.probs * away**2).sum(axis=1)[:, None, None]

    def moments(self, order: int) -> Float[np.ndarray, "k s"]:
        """Raw moments of the codes, (k, order + 1)."""
        out = self.probs @ np.arange(self.probs.shape[1])[:, None] ** np.arange(order + 1.0)
        out[:, 0] = 1.0
        return out

    def log_prob(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Log-mass of the points, (n, 1) -> (n, k); -inf where they are the code of no level."""
        m = self.probs.shape[1]
        known = (x[:, 0] >= 0) & (x[:, 0] < m) & (x[:, 0] == np.floor(x[:, 0]))
        with np.errstate(divide="ignore"):
            table = np.log(np.vstack([self.probs.T, np.zeros(len(self))]))  # the last row: no level
        return table[np.where(known, x[:, 0], m).astype(np.intp)]

    def sample(self, labels: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        return _drawn(self.probs, labels, rng)[:, None]

    def marginal(self, axes: Sequence[int]) -> Categorical:
        if list(axes) not in ([0], [-1]):
            raise InputError(f"axes must be [0] of one column, got {list(axes)}")
        return self

    def cost(self, other: Family) -> Float[np.ndarray, "k l"]:
        """``W2^2 = 1/2 sum_j |p_j - q_j|`` in the discrete metric."""
        p, q = _padded(self.probs, other.probs)  # type: ignore[attr-defined]
        return np.abs(p[:, None] - q).sum(axis=2) / 2

    def coupling(
        self, other: Categorical, rows: Int[np.ndarray, " s"], cols: Int[np.ndarray, " s"]
    ) -> CategoricalCoupling:
        """Couplings that leave as much mass in place as both laws have there."""
        p, q = _padded(self.probs, other.probs)
        return CategoricalCoupling(p[rows], q[cols])

    def divergence(self, other: Categorical) -> Float[np.ndarray, "k l"]:
        """``KL(p_k | q_l) = sum_j p_j log(p_j / q_j)``; infinite where q rules out what p has."""
        # Each term is taken with q_j - p_j, which add up to nothing: then it is positive, and no digits cancel.
        p, q = _padded(self.probs, other.probs)
        p, q = np.broadcast_arrays(p[:, None], q)
        some = p > 0
        out = np.where(some, 0.0, q)
        out[some] = p[some] * bregman_log((q[some] - p[some]) / p[some])
        return out.sum(axis=2)

    @classmethod
    def check_points(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> None:
        if x.shape[1] != 1:
            raise InputError(
                f"categorical laws have one column, got {x.shape[1]}; for columns that are independent in each "
                f'component, fit the product family "categorical*{x.shape[1]}"'
            )
        good = (x[:, 0] >= 0) & (x[:, 0] == np.floor(x[:, 0])) & (x[:, 0] < _MOST)
        check_rows(good, f"levels must be coded by whole numbers from 0 to {_MOST - 1}", x[:, 0])

    @classmethod
    def features(cls, x: Float[np.ndarray, "n d"], fixed: Mapping[str, Any]) -> Float[np.ndarray, "n e"]:
        """A column of zeros and ones for each level, so that any two levels are one apart."""
        return (x == np.unique(x)) * np.sqrt(0.5)

    @classmethod
    def start(
        cls, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Mapping[str, Any]
    ) -> Categorical:
        m = int(x.max()) + 1
        return cls(np.full((shares.shape[1], m), 1 / m)).m_step(x, shares)

    def m_step(
        self, x: Float[np.ndarray, "n d"], shares: Float[np.ndarray, "n k"], fixed: Collection[str] = ()
    ) -> Categorical:
        """Probabilities of maximum likelihood: the weighted share of each level."""
        m = max(self.probs.shape[1], int(x.max()) + 1)
        codes = x[:, 0].astype(np.intp)
        seen = np.stack([np.bincount(codes, part, minlength=m) for part in shares.T])
        return Categorical(seen / seen.sum(axis=1, keepdims=True), self.levels if m == self.probs.shape[1] else None)

    def free_parameters(self, fixed: Collection[str] = ()) -> int:
        """One less than the levels that some component has, for each component."""
        return len(self) * (int((self.probs > 0).any(axis=0).sum()) - 1)

    @classmethod
    def example(cls, rng: np.random.Generator, k: int) -> Categorical:
        return cls(rng.dirichlet(np.ones(3), size=k))


@dataclass(frozen=True, eq=False, slots=True)
class CategoricalCoupling:
    """Couplings of s pairs of laws ``p[s]`` and ``q[s]`` over the same m levels, of least mass that changes its level.

    Of level j the share ``min(p_j, q_j) / p_j`` stays; what leaves goes to level i with probability proportional to
    ``max(q_i - p_i, 0)``.
    """

    p: Float[np.ndarray, "s m"]
    q: Float[np.ndarray, "s m"]

    def __len__(self) -> int:
        return len(self.p)

    @property
    def is_map(self) -> Bool[np.ndarray, " s"]:
        """Whether each level with mass stays, or all that leaves goes to one level."""
        whole = ((self.p <= self.q) | (self.q == 0)).all(axis=1)
        return np.asarray(((self.p == self.q).all(axis=1)) | (whole & ((self.q > self.p).sum(axis=1) == 1)))

    def map(self, x: Float[np.ndarray, "n d"], pair: int) -> Float[np.ndarray, "n d"]:
        """Where the levels go under a map; levels have no mean, so that all else is refused."""
        if not self.is_map[pair]:
            raise UnsupportedError(
                'levels have no mean to be sent to: take kind="random", or map.sample(x), which draws a level for each '
                "point, or destinations(x), the probabilities of the components"
            )
        return self.sample(x, pair, np.random.default_rng(0))

    def sample(self, x: Float[np.ndarray, "n d"], pair: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        p, q = self.p[pair], self.q[pair]
        codes = np.minimum(np.maximum(x[:, 0], 0), len(p) - 1).astype(np.intp)
        stays = np.where(p > 0, np.minimum(p, q) / np.where(p > 0, p, 1.0), q > 0)
        leaves = rng.random(len(x)) >= stays[codes]
        lacking = np.maximum(q - p, 0.0)
        lacking = lacking if lacking.any() else q
        y = codes.astype(np.float64)
        y[leaves] = _drawn(lacking[None], np.zeros(int(leaves.sum()), np.intp), rng)
        return y[:, None]


def _drawn(
    probs: Float[np.ndarray, "k m"], labels: Int[np.ndarray, " n"], rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """One level for each label, by the inverse of the distribution function of its row."""
    reach = np.cumsum(probs, axis=1)
    reach /= reach[:, -1:]
    # Row i of the table runs from i to i + 1, so that one sorted search serves all rows; the last level of each row
    # that has mass ends there exactly.
    table = (reach + np.arange(len(probs))[:, None]).ravel()
    found = np.searchsorted(table, labels + rng.random(len(labels)), side="right") - labels * probs.shape[1]
    last = probs.shape[1] - 1 - np.argmax(probs[:, ::-1] > 0, axis=1)
    return np.minimum(found, last[labels]).astype(np.float64)


def _padded(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both with the levels that only the other has, which have no mass here."""
    m = max(p.shape[1], q.shape[1])
    first, second = (np.pad(probs, ((0, 0), (0, m - probs.shape[1]))) for probs in (p, q))
    return first, second


def _checked_names(levels: Any, m: int) -> tuple[str, ...] | None:
    if levels is None:
        return None
    names = tuple(levels) if not isinstance(levels, str) and hasattr(levels, "__iter__") else ()
    if len(names) != m or not all(isinstance(name, str) for name in names) or len(set(names)) < m:
        raise InputError(f"levels must be {m} different names, one for each column of probs, got {levels!r}")
    return tuple(str(name) for name in names)
