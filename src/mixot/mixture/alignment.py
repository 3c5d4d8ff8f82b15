"""Coordinates of several measures in one order: by their names, and the levels of a categorical law by theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from mixot._checks import check_range
from mixot._frames import column_order
from mixot.incomplete import Incomplete
from mixot.measures import Grid, Measure, Samples
from mixot.mixture.mixture import Mixture

M = TypeVar("M", bound=Measure)


def check_squares(measure: Measure) -> None:
    """Raise an `InputError` where squares of a measure's coordinates vanish or overflow, on which costs and fits stand.

    Examples
    --------
    >>> check_squares(Samples([1e-200]))
    Traceback (most recent call last):
    mixot.errors.InputError: points must have a largest size between 1e-152 and 1e+152, ...
    """
    match measure:
        case Samples():
            check_range(measure.points, "points")
        case Incomplete():
            check_range(np.nan_to_num(measure.points), "points")
        case Grid():
            check_range(measure.bounds, "bounds")
        case Mixture():
            for name in {"means", "locs"} & measure.components.parameters().keys():
                check_range(measure.components.parameters()[name], name)


def columns_of(*measures: Measure) -> tuple[str, ...] | None:
    """Names of the coordinates: those of the first of some measures that has any."""
    names = (measure.columns for measure in measures if isinstance(measure, Samples | Incomplete | Mixture))
    return next((each for each in names if each is not None), None)


def aligned(p: Measure, q: M) -> M:
    """Return q with its coordinates in the order of p's where both have names; `InputError` where those differ.

    Levels of mixtures, where both name them, are coded in the order of p's, too.

    Examples
    --------
    >>> p, q = Samples([[1.0, 20.0]], columns=["age", "income"]), Samples([[20.0, 1.0]], columns=["income", "age"])
    >>> aligned(p, q).points.tolist(), aligned(p, Samples([[20.0, 1.0]])).points.tolist()
    ([[1.0, 20.0]], [[20.0, 1.0]])
    """
    mine, theirs = columns_of(p), columns_of(q)
    order = None if mine is None or theirs is None or len(mine) != len(theirs) else column_order(mine, theirs, "both")
    turned: Any = q
    if order is not None and isinstance(q, Mixture):
        turned = q.marginal(order)
    elif order is not None and isinstance(q, Samples | Incomplete):
        turned = q.moved(q.points[:, order], columns=mine)
    if isinstance(p, Mixture) and isinstance(q, Mixture) and p.components.level_names:
        laws = turned.components.in_level_order(p.components.level_names)
        turned = Mixture(turned.weights, laws, columns=turned.columns)
    return turned


def aligned_all(measures: Sequence[M]) -> list[M]:
    """The measures with their coordinates in the order of the first that has names; see `aligned`."""
    named = next((measure for measure in measures if columns_of(measure) is not None), None)
    return list(measures) if named is None else [aligned(named, measure) for measure in measures]
