"""The scale on which columns of a table are taken: asinh or logicle, as cytometers' channels are."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from mixot.errors import InputError
from mixot.formulas.line.cytometry_scales import Asinh, Logicle
from mixot.io.columns import Table, listed

Scale = str | Asinh | Logicle
# Scatter, time and pulse widths are looked at as they are.
_LINEAR = re.compile(r"(fsc|ssc|time|event|width|length)\b|(fsc|ssc|event)[-_ .]?", re.IGNORECASE)


def as_scale(scale: object) -> Asinh | Logicle | None:
    """The scale that a word, an `Asinh` or a `Logicle` stands for; None for the columns as they are."""
    if scale is None or isinstance(scale, Asinh | Logicle):
        return scale
    known = {"linear": None, "asinh": Asinh(), "logicle": Logicle()}
    if not isinstance(scale, str) or scale not in known:
        raise InputError(f'scale must be "linear", "asinh", "logicle", Asinh(...) or Logicle(...), got {scale!r}')
    return known[scale]


def scaled(table: Table, scale: Asinh | Logicle | None) -> Table:
    """The table with its columns on a scale, but those of scatter and time; a note says which."""
    if scale is None:
        return table
    on = [j for j, name in enumerate(table.columns) if not (table.named and _LINEAR.match(name))]
    values = np.array(table.values, dtype=np.float64)
    values[:, on] = scale(values[:, on])
    left = [name for j, name in enumerate(table.columns) if j not in on]
    text = f"{scale} is taken of {listed([table.columns[j] for j in on], 8) or 'no column'}"
    text += f"; {listed(left, 8)} {'are as they stand' if len(left) > 1 else 'is as it stands'}" if left else ""
    return replace(table, values=values, notes=(*table.notes, text))
