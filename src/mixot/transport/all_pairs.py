"""Distances between all pairs of many measures: costs in large blocks, couplings many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot._native import transport_values
from mixot._shapes import Float, Int
from mixot.errors import InputError
from mixot.families.base import Family
from mixot.families.roles import Compared, require
from mixot.formulas.gaussian.cost_matrix import point_costs
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture, aligned_all
from mixot.results import Progress, ProgressCallback
from mixot.threads import thread_count

_BLOCK = 1024  # atoms on each side of a cost matrix, unless one measure has more
_LARGE = 2**24  # costs of one pair from which its plan is a long computation of its own

One = Callable[[Any, Any], float]


def between_all(
    ps: Sequence[Measure], qs: Sequence[Measure] | None, one: One, progress: ProgressCallback | None = None
) -> Float[np.ndarray, "n m"]:
    """Return the distance of each p to each q, or to each other p where there are no q.

    Mixtures of one family, and samples, are compared in blocks of many pairs; any other list pair by pair, with
    ``one(p, q)``. The distance of p to q is taken for that of q to p, which is the same up to rounding.

    Examples
    --------
    >>> clouds = [Samples([0.0]), Samples([3.0]), Samples([4.0, 4.0])]
    >>> between_all(clouds, None, one=lambda p, q: 0.0).tolist()
    [[0.0, 3.0, 4.0], [3.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
    """
    both = aligned_all([*ps, *(qs or ())])
    ps, qs = both[: len(ps)], None if qs is None else both[len(ps) :]
    laid = _laid_out(both)
    ticker = _Ticker(progress, len(ps) * len(qs) if qs is not None else len(ps) * (len(ps) + 1) // 2)
    if qs is None:
        fill = _pair_by_pair(ps, ps, one, ticker, True) if laid is None else _by_blocks(laid, laid, ticker, True)
        return np.triu(fill) + np.triu(fill, 1).T
    if laid is None:
        return _pair_by_pair(ps, qs, one, ticker, False)
    return _by_blocks(laid.part(0, len(ps)), laid.part(len(ps), len(both)), ticker, False)


@dataclass
class _Ticker:
    """Counts the pairs that are done for the caller's callback."""

    progress: ProgressCallback | None
    total: int
    done: int = 0

    def add(self, pairs: int) -> None:
        self.done += pairs
        if self.progress is not None:
            self.progress(Progress("distances", self.done, self.total))


def _pair_by_pair(
    ps: Sequence[Measure], qs: Sequence[Measure], one: One, ticker: _Ticker, upper: bool
) -> Float[np.ndarray, "n m"]:
    out = np.zeros((len(ps), len(qs)))
    for i, p in enumerate(ps):
        for j in range(i if upper else 0, len(qs)):
            out[i, j] = one(p, qs[j])
            ticker.add(1)
    return out


@dataclass(frozen=True, eq=False)
class _Atoms:
    """Many measures one after the other: measure i has the atoms ``starts[i]`` to ``starts[i + 1]``."""

    starts: Int[np.ndarray, " j"]
    weights: Float[np.ndarray, " s"]
    laws: Family | np.ndarray  # components, or points

    def __len__(self) -> int:
        return len(self.starts) - 1

    def part(self, first: int, last: int) -> _Atoms:
        """Measures ``first`` to ``last``, the latter excluded."""
        at = slice(self.starts[first], self.starts[last])
        laws = self.laws.take(np.arange(at.start, at.stop)) if isinstance(self.laws, Family) else self.laws[at]
        return _Atoms(self.starts[first : last + 1] - self.starts[first], self.weights[at], laws)

    def blocks(self) -> Iterator[tuple[int, _Atoms]]:
        """Runs of measures with about as many atoms as a block holds, each with the place of its first."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, self.starts[first] + _BLOCK, side="right")) - 1
            last = max(last, first + 1)
            yield first, self.part(first, last)
            first = last

    def costs(self, other: _Atoms) -> Float[np.ndarray, "s t"]:
        if isinstance(self.laws, Family):
            return np.ascontiguousarray(require(self.laws, Compared).cost(other.laws))
        return point_costs(self.laws, other.laws)  # pyright: ignore[reportArgumentType]


def _laid_out(measures: Sequence[Measure]) -> _Atoms | None:
    """All measures as one, or None where they are not of one kind, or single pairs are large enough."""
    if len({m.dim for m in measures}) != 1:
        return None
    samples = [m for m in measures if isinstance(m, Samples)]
    mixtures = [m for m in measures if isinstance(m, Mixture)]
    if max(map(len, [*samples, *mixtures]), default=0) ** 2 > _LARGE:
        return None
    if len(samples) == len(measures):
        return _Atoms(*_stacked(samples), np.concatenate([m.points for m in samples], dtype=np.float64))
    laws = _as_one([m.components for m in mixtures]) if len(mixtures) == len(measures) else None
    return None if laws is None else _Atoms(*_stacked(mixtures), laws)


def _stacked(measures: Sequence[Samples | Mixture]) -> tuple[Int[np.ndarray, " j"], Float[np.ndarray, " s"]]:
    starts = np.cumsum([0, *map(len, measures)], dtype=np.int64)
    return starts, np.concatenate([m.weights for m in measures])


def _as_one(families: list[Family]) -> Family | None:
    """All components in one family, the widest if need be; None where there is no such family."""
    if len({type(f) for f in families}) > 1:
        families = [f.widen() for f in families]
    if len({type(f) for f in families}) > 1:
        return None
    try:
        return _joined(families)
    except InputError:  # products of different factors do not join; pair by pair it is said which do not
        return None


def _joined(families: list[Family]) -> Family:
    while len(families) > 1:  # in pairs, so that nothing is copied more often than the logarithm of their number
        joined = [p.append(q) for p, q in zip(families[::2], families[1::2], strict=False)]
        families = [*joined, families[-1]] if len(families) % 2 else joined
    return families[0]


def _by_blocks(p: _Atoms, q: _Atoms, ticker: _Ticker, upper: bool) -> Float[np.ndarray, "n m"]:
    out = np.zeros((len(p), len(q)))
    right = list(q.blocks())
    for i, rows in p.blocks():
        for j, cols in right:
            if upper and j + len(cols) <= i:
                continue
            left, top = np.meshgrid(np.arange(len(cols)), np.arange(len(rows)))
            keep = left + j >= top + i if upper else np.ones(left.shape, dtype=bool)
            pairs = np.stack([top[keep], left[keep]], axis=1)
            values = np.empty(len(pairs))
            cost = rows.costs(cols)
            transport_values(cost, rows.weights, cols.weights, rows.starts, cols.starts, pairs, thread_count(), values)
            out[i + pairs[:, 0], j + pairs[:, 1]] = np.sqrt(np.maximum(values, 0.0))
            ticker.add(len(pairs))
    return out
