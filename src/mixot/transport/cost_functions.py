"""Squared distances as functions of arrays, with their gradients, in NumPy: what the differentiable fronts call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixot.errors import InputError, UnsupportedError
from mixot.transport.array_groups import Form, Kind, no_batch_of_grids, read, shape_of
from mixot.transport.batches import Atoms, Wanted, couple, gradients
from mixot.transport.gradients import cost_and_gradients, cost_between

Values = Any  # a number, or an array of the shape of the batch


@dataclass(frozen=True)
class CostFunction:
    """The squared distance as a function of the arrays of p followed by those of q, in NumPy, and its gradients.

    Axes in front of the `ranks` of an array count a batch; those of one array are broadcast against those of others.
    Mixtures, and clouds of points, are compared in one call for the whole batch; points and densities, whose solver has
    threads of its own, one pair after the other.
    """

    p: Form
    q: Form

    @property
    def ranks(self) -> tuple[int, ...]:
        """How many axes each array has for one pair."""
        return (*self.p.ranks, *self.q.ranks)

    def cost(self, *arrays: np.ndarray) -> Values:
        """The squared distances, of the shape of the batch."""
        lead, rows = self.in_rows(arrays)
        if not self.discrete:
            return shaped(np.array([cost_between(*self._measures(row)) for row in zip(*rows, strict=True)]), lead)
        return shaped(couple(*self.sides(rows), balanced=False).costs if len(rows[0]) else np.empty(0), lead)

    def cost_and_gradients(
        self, wanted: tuple[bool, ...], *arrays: np.ndarray
    ) -> tuple[Values, tuple[np.ndarray, ...]]:
        """The squared distances, and their gradients in each array, in float64; zero where not wanted.

        A gradient has the axes of the batch, then those of its array.
        """
        lead, rows = self.in_rows(arrays)
        shapes = [(*lead, *row.shape[1:]) for row in rows]
        if not len(rows[0]):
            return np.empty(lead), tuple(np.empty(shape) for shape in shapes)
        costs, slopes = self._batch(wanted, rows) if self.discrete else self._one_by_one(wanted, rows)
        return shaped(costs, lead), tuple(slope.reshape(shape) for slope, shape in zip(slopes, shapes, strict=True))

    def in_rows(self, arrays: Sequence[np.ndarray]) -> tuple[tuple[int, ...], list[np.ndarray]]:
        """The shape of the batch, and all arrays with one axis for it in front."""
        if all(array.ndim == rank for array, rank in zip(arrays, self.ranks, strict=True)):
            return (), [array[None] for array in arrays]
        fronts = [array.shape[: array.ndim - rank] for array, rank in zip(arrays, self.ranks, strict=True)]
        lead = np.broadcast_shapes(*fronts)
        cores = [array.shape[array.ndim - rank :] for array, rank in zip(arrays, self.ranks, strict=True)]
        rows = [np.broadcast_to(array, (*lead, *core)) for array, core in zip(arrays, cores, strict=True)]
        if len(lead) != 1:  # what is shared by a batch is not copied
            rows = [row.reshape(int(np.prod(lead)), *core) for row, core in zip(rows, cores, strict=True)]
        return lead, rows

    def sides(self, rows: Sequence[np.ndarray]) -> tuple[Atoms, Atoms]:
        """The atoms of both sides."""
        return self.p.atoms(rows[: self.p.count]), self.q.atoms(rows[self.p.count :])

    @property
    def discrete(self) -> bool:
        """Whether finitely many atoms are coupled with as many, points or laws."""
        return (self.p.discrete and self.q.discrete) or (self.p.kind is self.q.kind is Kind.MIXTURE)

    def _measures(self, arrays: Sequence[np.ndarray]) -> tuple[Any, Any]:
        return self.p.measure(arrays[: self.p.count]), self.q.measure(arrays[self.p.count :])

    def _batch(self, wanted: Wanted, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        p, q = self.sides(rows)
        want_p, want_q = as_wanted(self.p, wanted[: self.p.count]), as_wanted(self.q, wanted[self.p.count :])
        found = couple(p, q, balanced=want_p[0] or want_q[0])
        in_p, in_q = gradients(p, q, found, want_p, want_q)
        return found.costs, [*in_arrays(self.p, in_p, rows), *in_arrays(self.q, in_q, rows)]

    def _one_by_one(self, wanted: Wanted, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        each = [self._one(wanted, row) for row in zip(*rows, strict=True)]
        return np.array([cost for cost, _ in each]), [np.stack(g) for g in zip(*(g for _, g in each), strict=True)]

    def _one(self, wanted: Wanted, arrays: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        count = self.p.count
        # Weights that are not given are not wanted: the padding is theirs.
        want_p, want_q = (*wanted[:count], False), (*wanted[count:], False)
        both = cost_and_gradients(*self._measures(arrays), want_p, want_q)
        slopes = [*self.p.outside(both.p, arrays), *self.q.outside(both.q, arrays[count:])]
        return both.cost, [slope.reshape(array.shape) for slope, array in zip(slopes, arrays, strict=True)]


def cost_function(p: Any, q: Any) -> tuple[CostFunction, list[Any]]:
    """The cost of p and q as a function of their arrays, and these arrays, as they came; see `array_groups`.

    Raises
    ------
    InputError
        On arguments that are no measures, and on batches of two sizes.
    UnsupportedError
        On a mixture of other than Gaussian laws.

    Examples
    --------
    >>> function, arrays = cost_function(np.zeros((2, 1)), (np.ones((1, 1)), np.ones(1)))
    >>> function.p.kind.value, function.q.kind.value, function.cost(*arrays)
    ('points', 'weighted points', 1.0)
    """
    (form_p, arrays_p), (form_q, arrays_q) = read(p), read(q)
    sizes = [batch_size(form, arrays) for form, arrays in ((form_p, arrays_p), (form_q, arrays_q))]
    if None not in sizes and sizes[0] != sizes[1]:
        raise InputError(
            f"both sides must be batches of one size, or one of them a single measure, got {sizes[0]} "
            f"measures in p and {sizes[1]} in q"
        )
    for grid, other, arrays in ((form_p, form_q, arrays_q), (form_q, form_p, arrays_p)):
        if grid.kind is Kind.GRID and other.discrete and shape_of(arrays[0], "points")[-1:] == (grid.ranks[0] - 1,):
            raise no_batch_of_grids()
    return CostFunction(form_p, form_q), [*arrays_p, *arrays_q]


def batch_size(form: Any, arrays: Sequence[Any]) -> int | None:
    """How many measures, or pairs, the arrays describe; None where they are no batch."""
    shapes = [shape_of(array, "arrays") for array in arrays]
    return next((shape[0] for shape, rank in zip(shapes, form.ranks, strict=True) if len(shape) > rank), None)


def as_wanted(form: Form, wanted: Wanted) -> Wanted:
    """Which gradients are wanted of weights, places and covariances."""
    return (
        wanted if form.kind is Kind.MIXTURE else ((*wanted, False)[1], wanted[0])
    )  # weights that are not given are not


def in_arrays(form: Form, slopes: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """From gradients in weights, places and covariances those in the arrays of a form."""
    return form.outside(slopes if form.kind is Kind.MIXTURE else slopes[1::-1], rows)


def no_second_derivatives() -> UnsupportedError:
    """The error for a gradient that is differentiated again."""
    return UnsupportedError(
        "the gradient of a transport cost cannot be differentiated again; use first derivatives, or finite "
        "differences of them"
    )


def shaped(values: np.ndarray, lead: tuple[int, ...]) -> Values:
    """One value for each pair, in the shape of the batch; a number where there is none."""
    return values.reshape(lead) if lead else float(values[0])
