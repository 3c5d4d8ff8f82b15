"""How the Schur matrix of one block is summed up: which entries move together, and with which variables.

A block is ``F(y) = sum_g (T y)_g E_g`` with generators E_g that are sparse and symmetric. In a moment matrix many
entries hold the same linear form of the variables; they make one generator, and its row of T is that form. With one
generator for each variable instead, T is the identity. The plan takes whichever needs fewer operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixot._native import add_schur


@dataclass(frozen=True, eq=False)
class Rows:
    """A sparse matrix by rows: row i holds ``data[starts[i]:starts[i+1]]`` at the columns ``columns[...]``."""

    starts: np.ndarray
    columns: np.ndarray
    data: np.ndarray

    @classmethod
    def gathered(cls, rows: np.ndarray, columns: np.ndarray, data: np.ndarray, count: int) -> "Rows":
        """From triplets in any order."""
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))])
        return cls(starts, columns[order], data[order])

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    @property
    def owners(self) -> np.ndarray:
        """The row of each entry."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def at(self, which: np.ndarray) -> "Rows":
        """Some of the rows, in this order."""
        lengths = self.lengths[which]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.arange(starts[-1]) + np.repeat(self.starts[which] - starts[:-1], lengths)
        return Rows(starts, self.columns[entries], self.data[entries])


@dataclass(frozen=True, eq=False)
class SchurPlan:
    """Arguments of the kernel (``linear_algebra/schur.hpp``) for one block of ``size`` rows that ends at ``end``."""

    size: int
    end: int
    forms: int
    arrays: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, entries: Rows, margin: np.ndarray, size: int, end: int) -> "SchurPlan":
        """Plan for the block with entries (n n, m), each times its margin (n n)."""
        row, col = np.divmod(np.arange(size * size), size)
        place = np.flatnonzero((row <= col) & (entries.lengths > 0))
        upper = entries.at(place)
        used, local = np.unique(upper.columns, return_inverse=True)
        upper = Rows(upper.starts, local.ravel(), upper.data)
        single = Rows.gathered(upper.columns, upper.owners, upper.data, len(used))
        itself = Rows(np.arange(len(used) + 1), np.arange(len(used)), np.ones(len(used)))
        generators, forms = min([*_grouped(upper), (single, itself)], key=lambda pair: _work(*pair, size, len(used)))
        weighted = Rows(generators.starts, generators.columns, generators.data * margin[place][generators.columns])
        return cls(size, end, len(forms), _arrays(weighted, forms, place, used, size))

    @property
    def space(self) -> int:
        """Numbers of scratch that `add_to` needs."""
        return self.forms**2

    def add_to(self, s: np.ndarray, inverse: np.ndarray, z: np.ndarray, threads: int, space: np.ndarray) -> None:
        """Add ``tr(A_a X^-1 A_b Z)`` to the upper triangle of s (m, m); ``inverse`` and ``z`` are flat."""
        here = slice(self.end - self.size**2, self.end)
        add_schur(self.size, *self.arrays, inverse[here], z[here], threads, space, s)


def _grouped(upper: Rows) -> list[tuple[Rows, Rows]]:
    """Generators (g, entries) and forms (g, variables): entries whose forms are multiples of each other go together.

    Forms are compared by their values at a random point and then one by one; nothing is returned where that differs.
    """
    probe = np.random.default_rng(0).uniform(1, 2, len(upper.columns) and int(upper.columns.max()) + 1)
    lead = upper.data[upper.starts[:-1]]
    first_column, lengths = upper.columns[upper.starts[:-1]], upper.lengths
    marks = np.add.reduceat(upper.data * probe[upper.columns], upper.starts[:-1]) / lead
    order = np.lexsort((marks, lengths, first_column))
    new = np.append(True, np.diff(first_column[order]) + np.diff(lengths[order]) != 0)
    new[1:] |= (np.diff(first_column[order]) != 0) | (np.abs(np.diff(marks[order])) > 1e-9 * np.abs(marks[order][1:]))
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]
    factor = lead / lead[first][group]
    forms = upper.at(first)
    copies = forms.at(group)
    close = np.abs(copies.data * factor[upper.owners] - upper.data) <= 1e-14 * np.abs(upper.data)
    if not (close.all() and (copies.columns == upper.columns).all()):
        return []
    return [(Rows.gathered(group, np.arange(len(group)), factor, len(first)), forms)]


def _work(generators: Rows, forms: Rows, size: int, variables: int) -> float:
    """Operations, roughly: the images of all generators, reading the forms off, and the change to variables."""
    count, terms = len(forms), len(forms.data)
    images = size * size * float(np.minimum(2 * generators.lengths, size).sum()) / 6
    reading = count * float(len(generators.data))
    change = terms * (count + variables / 4)
    return images + reading + change + (np.inf if count * (count + variables) > 2e8 and count > variables else 0.0)


def _arrays(generators: Rows, forms: Rows, place: np.ndarray, used: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    order = np.argsort(-generators.lengths, kind="stable")  # the first is read off least often
    generators, forms = generators.at(order), forms.at(order)
    row, col = np.divmod(place[generators.columns], size)
    owner, value, off = generators.owners, generators.data, row != col
    owners, rows = np.concatenate([owner, owner[off]]), np.concatenate([row, col[off]])
    columns, values = np.concatenate([col, row[off]]), np.concatenate([value, value[off]])
    by_row = np.argsort((owners * size + rows) * size + columns)
    owners, rows = owners[by_row], rows[by_row]
    starts = np.flatnonzero(np.append(True, np.diff(owners * size + rows) != 0))
    pitch = (size + 23) // 24 * 24
    index = [
        np.searchsorted(owners[starts], np.arange(len(order) + 1)),
        rows[starts],
        np.append(starts, len(owners)),
        columns[by_row],
        values[by_row],
        generators.starts,
        row * pitch + col,
        col * pitch + row,
        np.where(off, value, 0.5 * value),
        forms.starts,
        forms.columns,
        forms.data,
        used,
    ]
    return tuple(np.ascontiguousarray(x, dtype=np.float64 if x.dtype.kind == "f" else np.int32) for x in index)
