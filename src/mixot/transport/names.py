"""Measures whose coordinates have names, brought into one order."""

from __future__ import annotations

from typing import Any, TypeVar

from mixot._checks import column_order
from mixot.measures import Measure, Samples
from mixot.mixture import Mixture

M = TypeVar("M", bound=Measure)


def aligned(p: Measure, q: M) -> M:
    """Return q with its coordinates in the order of p's where both have names; `InputError` where those differ.

    Examples
    --------
    >>> p, q = Samples([[1.0, 20.0]], columns=["age", "income"]), Samples([[20.0, 1.0]], columns=["income", "age"])
    >>> aligned(p, q).points.tolist(), aligned(p, Samples([[20.0, 1.0]])).points.tolist()
    ([[1.0, 20.0]], [[20.0, 1.0]])
    """
    mine, theirs = (measure.columns if isinstance(measure, Samples | Mixture) else None for measure in (p, q))
    order = None if mine is None or theirs is None or len(mine) != len(theirs) else column_order(mine, theirs, "both")
    if order is None:
        return q
    turned: Any = q.marginal(order) if isinstance(q, Mixture) else None
    if isinstance(q, Samples):
        turned = Samples(q.points[:, order], q.weights, columns=mine)
    return turned
