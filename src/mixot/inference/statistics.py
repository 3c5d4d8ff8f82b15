"""Distances between two groups of the same rows, for many ways to split them: what does not change is computed once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import isqrt
from typing import Protocol, runtime_checkable

import numpy as np

from mixot._native import exact_couplings
from mixot._shapes import Bool, Float
from mixot.errors import AccuracyWarning, InputError, SolveError
from mixot.fitting.likelihood.em import EM
from mixot.formulas.gaussian.cost_matrix import point_costs
from mixot.measures import Samples
from mixot.mixture import Mixture
from mixot.solvers.discrete.exact import Exact
from mixot.threads import apart, thread_count
from mixot.transport.batches import Atoms, couple

Groups = Bool[np.ndarray, "b s"]

_MOST = 2**31  # bytes of the cost matrix of all rows
_BATCH = 2**21  # bytes of the costs of couplings that are solved in one call: memory that is new costs time, too
_BLOCK = 2**22  # distances, or signs of rows, that are held at once


@runtime_checkable
class Statistic(Protocol):
    """A squared distance between two groups of rows, for many pairs of groups; the sizes of all are those of the first.

    Groups are told by who is in them, (b, s) twice for s rows in all.
    """

    @property
    def words(self) -> str:
        """What it is called."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of what it stands on."""
        ...

    @property
    def batch(self) -> int:
        """How many groups are best asked for in one call."""
        ...

    def squares(self, first: Groups, second: Groups) -> Float[np.ndarray, " b"]:
        """The squared distance of each pair, (b,)."""
        ...


@dataclass(frozen=True, eq=False)
class SortedW2:
    """W2 on the line: ranks are joined, and the rows are sorted once."""

    rows: Float[np.ndarray, " s"]  # in order
    place: np.ndarray  # of each of them in the rows as they came
    words: str = "W2"
    notes: tuple[str, ...] = ()

    @property
    def batch(self) -> int:
        return _few(len(self.rows))

    @classmethod
    def of(cls, x: Float[np.ndarray, "s 1"]) -> SortedW2:
        order = np.argsort(x[:, 0], kind="stable")
        return cls(x[order, 0], order)

    def squares(self, first: Groups, second: Groups) -> Float[np.ndarray, " b"]:
        """``int_0^1 (F^-1(u) - G^-1(u))^2 du``: where levels i/n and j/m meet depends on n and m alone."""
        n, m = _sizes(first, second)
        every = np.broadcast_to(self.rows, first.shape)
        x, y = (every[group[:, self.place]].reshape(len(group), -1) for group in (first, second))
        ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # levels, times n m: whole numbers
        widths = np.diff(ends, prepend=0) / (n * m)
        return ((x[:, (ends - 1) // m] - y[:, (ends - 1) // n]) ** 2) @ widths


@dataclass(frozen=True, eq=False)
class CoupledW2:
    """W2 in the plane and above: costs between all rows once, an exact coupling for each split."""

    costs: Float[np.ndarray, "s s"]
    words: str = "W2"
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, x: Float[np.ndarray, "s d"]) -> CoupledW2:
        if 8 * len(x) ** 2 > _MOST:
            raise InputError(
                f"W2 between groups of {len(x)} rows needs a cost matrix of {8 * len(x) ** 2 / 2**30:.1f} GiB; take a "
                'sample of the rows, or statistic="mw2"'
            )
        return cls(point_costs(x, x))

    @property
    def batch(self) -> int:
        return max(thread_count(), min(64, _BATCH // (2 * len(self.costs) ** 2)))

    def squares(self, first: Groups, second: Groups) -> Float[np.ndarray, " b"]:
        b, (n, m) = len(first), _sizes(first, second)
        costs = np.empty((b, n, m))
        for at in range(b):
            rows, cols = np.flatnonzero(first[at]), np.flatnonzero(second[at])
            costs[at] = self.costs.take(rows, axis=0).take(cols, axis=1)
        a, c = np.full((b, n), 1 / n), np.full((b, m), 1 / m)
        values, coupling, f, g = np.empty(b), np.zeros(costs.shape), np.empty((b, n)), np.empty((b, m))
        end, at = exact_couplings(costs, a, c, Exact().max_iter, False, thread_count(), values, coupling, f, g)
        if end != "optimal":
            Exact().solve(costs[at], a[at], c[at])  # raises the error, with the plan it got to
            raise SolveError(f"the linear program of split {at} ended with: {end}")
        return values


@dataclass(frozen=True, eq=False)
class Energy:
    """Energy distance, ``2 E|X - Y| - E|X - X'| - E|Y - Y'|``: one matrix product for all splits."""

    rows: Float[np.ndarray, "s d"]
    words: str = "energy distance"
    notes: tuple[str, ...] = ()

    @property
    def batch(self) -> int:
        return max(_few(len(self.rows)), 64)  # the distances are computed once for each call

    def squares(self, first: Groups, second: Groups) -> Float[np.ndarray, " b"]:
        """``-s' D s`` with s = 1/n in one group and -1/m in the other; square blocks of D, the distances, go by.

        D is symmetric: the blocks above its diagonal count twice.
        """
        (b, size), (n, m) = first.shape, _sizes(first, second)
        out, side = np.zeros(b), isqrt(_BLOCK)
        parts = [slice(at, min(at + side, size)) for at in range(0, size, side)]
        for at, rows in enumerate(parts):
            mine = (first[:, rows] / n - second[:, rows] / m).T
            for cols in parts[at:]:
                theirs = mine if cols == rows else (first[:, cols] / n - second[:, cols] / m).T
                distances = np.sqrt(point_costs(self.rows[rows], self.rows[cols]))
                times = 1.0 if cols == rows else 2.0
                out -= times * np.einsum("sb,sb->b", mine, distances @ theirs)
        return np.maximum(out, 0.0)


@dataclass(frozen=True, eq=False)
class SharedMW2:
    """MW2 between the mixtures of both groups under the responsibilities of one fit to all rows.

    ``sums`` holds, for each row, its responsibilities r_k and r_k times the monomials of degree 1 and 2: one product
    with the groups gives all weights, means and covariances, those of an M step.
    """

    fit: Mixture
    sums: Float[np.ndarray, "s q"]
    notes: tuple[str, ...] = ()  # of the fit
    words: str = "MW2"

    @property
    def batch(self) -> int:
        return _few(len(self.sums))

    @classmethod
    def of(cls, x: Float[np.ndarray, "s d"], k: int | None, rng: np.random.Generator) -> SharedMW2:
        """The fit does not know which rows are whose: they come in the order of their values, not of their groups."""
        order = apart(lambda _: np.lexsort(x.T[::-1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)
            found = EM().fit(Samples(x[order]), "gaussian", k=k, rng=rng)
        shares = found.mixture.responsibilities(x)
        upper = np.triu_indices(x.shape[1])
        second = x[:, upper[0]] * x[:, upper[1]]
        monomials = np.concatenate([np.ones((len(x), 1)), x, second], axis=1)
        notes = tuple(f"of the fit to all rows: {note}" for note in found.notes)
        return cls(found.mixture, (shares[:, :, None] * monomials[:, None, :]).reshape(len(x), -1), notes)

    def squares(self, first: Groups, second: Groups) -> Float[np.ndarray, " b"]:
        p, q = (self._atoms(group.astype(np.float64) @ self.sums) for group in (first, second))
        return couple(p, q, balanced=False).costs

    def _atoms(self, sums: Float[np.ndarray, "b q"]) -> Atoms:
        """Weights, means and covariances of the components in each group; one without rows stays where it is."""
        d, k = self.fit.dim, len(self.fit)
        each = sums.reshape(len(sums), k, -1)
        mass = each[:, :, 0]
        held = mass > 1e-12 * mass.sum(axis=1, keepdims=True)
        safe = np.where(held, mass, 1.0)[..., None]
        means = np.where(held[..., None], each[:, :, 1 : d + 1] / safe, self.fit.components.mean())
        second = np.empty((*mass.shape, d, d))
        upper = np.triu_indices(d)
        second[..., upper[0], upper[1]] = second[..., upper[1], upper[0]] = each[:, :, d + 1 :] / safe
        covs = second - means[..., :, None] * means[..., None, :]
        covs = np.where(held[..., None, None], covs, self.fit.components.cov())
        weights = np.where(held, mass, 0.0)
        return Atoms(weights / weights.sum(axis=1, keepdims=True), means, _positive(covs))


def _sizes(first: Groups, second: Groups) -> tuple[int, int]:
    """How many rows are in each group."""
    return int(first[0].sum()), int(second[0].sum())


def _few(rows: int) -> int:
    """Groups of so many rows that are held at once."""
    return max(1, min(256, _BLOCK // rows))


def _positive(covs: Float[np.ndarray, "b k d d"]) -> Float[np.ndarray, "b k d d"]:
    """Covariances without what rounding left below zero: a component may rest on one row."""
    values, vectors = np.linalg.eigh(covs)
    if (values >= 0).all():
        return covs
    return np.einsum("...ij,...j,...kj->...ik", vectors, np.maximum(values, 0.0), vectors)
