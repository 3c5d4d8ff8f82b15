"""Points from outside, read as a mixture has its coordinates: by name, and levels by theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import as_numbers
from mixot._frames import Frame, column_names, column_order, opened, row_names
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.families.base import Family


def read_points(x: Any, components: Family, columns: tuple[str, ...] | None) -> Float[np.ndarray, "n d"]:
    """Points as an array (n, d), NaN and infinity as they are; the coordinates are called ``columns``."""
    dim, x = components.dim, _opened(x, components, columns)
    points = as_numbers(x, "x")
    shape = points.shape
    came = None if columns is None else column_names(x) or row_names(x, dim)
    order = None if columns is None else column_order(columns, came, "x")
    if points.ndim <= 1:
        points = points.reshape(-1, 1) if dim == 1 else points.reshape(1, -1)
    points = points if order is None else points[:, order]
    if points.ndim != 2 or points.shape[1] != dim:
        raise InputError(f"x must have shape (n, {dim}), got {shape}")
    return points


def _opened(x: Any, components: Family, columns: tuple[str, ...] | None) -> Any:
    """What came; of a frame its columns, those of levels by the names that these have in the components."""
    x, levels = opened(x), components.level_names
    if not levels or not isinstance(x, Frame):
        return x
    came = None if columns is None else column_names(x)
    order = None if columns is None else column_order(columns, came, "x")
    return (x if order is None else x.ordered(order)).reading_levels(levels)
