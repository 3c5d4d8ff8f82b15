"""How the Schur matrix of one block is summed up: which entries move together, and with which variables.

A block is ``F(y) = sum_g (T y)_g E_g`` with generators E_g that are sparse and symmetric. In a moment matrix many
entries hold the same linear form of the variables; they make one generator, and its row of T is that form. With one
generator for each variable instead, T is the identity. The plan takes whichever needs fewer operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mixot import _native


@dataclass(frozen=True, eq=False)
class SchurPlan:
    """Arguments of the kernel (``native/schur.hpp``) for one block of ``size`` rows that ends at ``end``."""

    size: int
    end: int
    arrays: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, operator: sparse.csr_array, column: np.ndarray, margin: np.ndarray, size: int, end: int) -> "SchurPlan":
        """Plan for ``diag(margin) @ operator @ diag(column)``, operator (n n, m)."""
        places = np.arange(size * size)
        upper = operator[(places // size <= places % size) & (np.diff(operator.indptr) > 0)]
        place = places[(places // size <= places % size) & (np.diff(operator.indptr) > 0)]
        used = np.unique(upper.indices)
        local = sparse.csr_array(upper[:, used])
        scaled = local.copy()
        scaled.data = scaled.data * column[used][scaled.indices]
        forms = _grouped(scaled, place, margin, size)
        single = sparse.csr_array(scaled.T)
        single.data = single.data * margin[place][single.indices]
        if forms is None or _work(single, sparse.eye_array(len(used)), size) <= _work(*forms, size):
            forms = single, sparse.csr_array(sparse.eye_array(len(used)))
        return cls(size, end, _arrays(*forms, place, used, size))

    @property
    def space(self) -> int:
        """Numbers of scratch that `add_to` needs."""
        return (len(self.arrays[9]) - 1) ** 2

    def add_to(self, s: np.ndarray, inverse: np.ndarray, z: np.ndarray, threads: int, space: np.ndarray) -> None:
        """Add ``tr(A_a X^-1 A_b Z)`` to the upper triangle of s (m, m); ``inverse`` and ``z`` are flat."""
        here = slice(self.end - self.size**2, self.end)
        _native.add_schur(self.size, *self.arrays, inverse[here], z[here], threads, space, s)


def _grouped(
    local: sparse.csr_array, place: np.ndarray, margin: np.ndarray, size: int
) -> tuple[sparse.csr_array, sparse.csr_array] | None:
    """Generators (g, entries) and forms (g, variables): entries whose forms are multiples of each other go together."""
    local.sort_indices()
    lead = local.data[local.indptr[:-1]]
    probe = np.random.default_rng(0).uniform(1, 2, size=(local.shape[1], 2))
    marks = (local @ probe) / lead[:, None]
    keys = np.column_stack([local.indices[local.indptr[:-1]], np.diff(local.indptr), np.round(marks, 9)])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    factor = lead / lead[first][group]
    forms = sparse.csr_array(local[first])
    entries = sparse.csr_array((factor, (np.arange(len(place)), group)), shape=(len(place), len(first)))
    if abs(entries @ forms - local).max() > 1e-14 * np.abs(local.data).max():
        return None
    generators = sparse.csr_array(entries.T)
    generators.data = generators.data * margin[place][generators.indices]
    return generators, forms


def _work(generators: sparse.csr_array, forms: sparse.csr_array, size: int) -> float:
    """Operations, roughly: the images of all generators, reading the forms off, and the change to variables."""
    count, variables = forms.shape
    images = size * size * float(np.minimum(2 * np.diff(generators.indptr), size).sum()) / 6
    reading = count * float(generators.nnz)
    change = (
        0.0 if count == variables == forms.nnz else forms.nnz * (count + variables / 4) + count * (count + variables)
    )
    return images + reading + change + (np.inf if count * (count + variables) > 2e8 else 0.0)


def _arrays(
    generators: sparse.csr_array, forms: sparse.csr_array, place: np.ndarray, used: np.ndarray, size: int
) -> tuple[np.ndarray, ...]:
    order = np.argsort(-np.diff(generators.indptr), kind="stable")  # the first is read off least often
    generators, forms = sparse.csr_array(generators[order]), sparse.csr_array(forms[order])
    row, col = place[generators.indices] // size, place[generators.indices] % size
    owner = np.repeat(np.arange(len(order)), np.diff(generators.indptr))
    off = row != col
    full = [np.concatenate([a, b[off]]) for a, b in ((owner, owner), (row, col), (col, row), (generators.data,) * 2)]
    by_row = np.lexsort((full[2], full[1], full[0]))
    owners, rows, columns, values = (part[by_row] for part in full)
    starts = np.flatnonzero(np.append(True, (np.diff(owners) != 0) | (np.diff(rows) != 0)))
    row_at = np.searchsorted(owners[starts], np.arange(len(order) + 1))
    pitch = (size + 23) // 24 * 24
    index = [
        row_at,
        rows[starts],
        np.append(starts, len(owners)),
        columns,
        values,
        generators.indptr,
        row * pitch + col,
        col * pitch + row,
        np.where(off, generators.data, 0.5 * generators.data),
        forms.indptr,
        forms.indices,
        forms.data,
        used,
    ]
    kinds = ("i", "i", "i", "i", "f", "i", "i", "i", "f", "i", "i", "f", "i")
    return tuple(
        np.ascontiguousarray(part, dtype=np.int32 if kind == "i" else np.float64)
        for part, kind in zip(index, kinds, strict=True)
    )
