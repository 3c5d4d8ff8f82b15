"""Events of flow cytometry, .fcs of the versions 2.0, 3.0 and 3.1, through flowio."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from mixot.errors import InputError
from mixot.extras import require
from mixot.io.columns import Table, check_finite, listed, pick
from mixot.io.contents import Content
from mixot.io.formats.event_bytes import read_numbers

SUFFIXES = (".fcs",)
_MATRIX = ("spillover", "spill", "comp", "$spillover", "$comp")
_DAMAGE = (OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, EOFError, struct.error)


def read_events(
    content: Content, columns: Sequence[str] | None, missing: str = "error", *, compensate: bool = False
) -> Table:
    """The events of an .fcs file as rows, with gains, decades and the time step of its channels applied.

    Columns are called by the short names of the channels ($PnN); ``columns`` may also hold the names of markers ($PnS),
    where no other channel is called so.

    Raises
    ------
    InputError
        Where the file is damaged or holds several sets of events, there is no such channel, or ``compensate`` asks for
        a spillover matrix that is not there, is singular, or names other channels.
    UnsupportedError
        Where flowio is not installed.
    """
    flowio = require("flowio", "cytometry", "reading .fcs files")
    several = require("flowio.exceptions", "cytometry", "reading .fcs files")
    try:
        with warnings.catch_warnings(record=True) as told, content.open() as file:
            warnings.simplefilter("always")
            data = flowio.FlowData(file, only_text=True)
        names, markers = list(data.pnn_labels), list(data.pns_labels)
        data.events, notes = read_numbers(content, data)
        events, text = data.as_array(), {key.lower(): value for key, value in data.text.items()}
    except InputError:
        raise
    except several.MultipleDataSetsError as many:
        raise InputError(
            f"{content}: this file holds several sets of events; write each into a file of its own"
        ) from many
    except (several.FlowIOException, *_DAMAGE) as damage:
        raise InputError(
            f"{content}: cannot be read as FCS ({_first_line(damage)}); export it again, as FCS 3.1"
        ) from damage
    notes = [*(str(warning.message) for warning in told), *notes]
    if len(events) == 0:
        raise InputError(f"{content}: there are no events in this file")
    matrix = _spillover(content, names, text)
    if compensate:
        events = _compensated(content, events, names, matrix)
    elif matrix is not None and not np.array_equal(matrix[1], np.eye(len(matrix[1]))):
        notes.append("its spillover matrix is not applied; compensate=True in Python, --compensate on the command line")
    wanted = _channels(content, names, markers, columns)
    labels = [names[j] for j in wanted] if columns is None else list(columns)
    values = np.ascontiguousarray(events[:, wanted])
    check_finite(content, values, missing, labels)
    return Table(tuple(labels), values, notes=tuple(dict.fromkeys(notes)))


def _first_line(damage: Exception) -> str:
    return str(damage).strip().partition("\n")[0]


def _channels(content: Content, names: list[str], markers: list[str], columns: Sequence[str] | None) -> list[int]:
    """The places of the channels that are asked for, by either of their names."""
    if columns is None:
        return pick(names, None, content)
    called = [
        marker if marker in columns and marker not in names else name
        for name, marker in zip(names, markers, strict=True)
    ]
    unknown = [name for name in columns if name not in called]
    if unknown:
        both = [f"{name} ({marker})" if marker.strip() else name for name, marker in zip(names, markers, strict=True)]
        raise InputError(f"{content}: no channel {listed(list(map(repr, unknown)))}; channels are {listed(both, 40)}")
    return pick(called, columns, content)


def _spillover(content: Content, names: list[str], text: dict[str, Any]) -> tuple[list[int], np.ndarray] | None:
    """Which channels spill over, and how much of each (row) is seen in each (column); None where nothing is told."""
    told = next((text[key] for key in _MATRIX if text.get(key)), None)
    if told is None:
        return None
    cells = [cell.strip() for cell in str(told).split(",")]
    try:
        count = int(cells[0])
        channels, numbers = cells[1 : count + 1], [float(cell) for cell in cells[count + 1 :]]
        places = [names.index(name) if name in names else int(name) - 1 for name in channels]
        matrix = np.array(numbers).reshape(count, count)
    except ValueError as wrong:
        raise InputError(f"{content}: its spillover matrix cannot be read ({wrong}); export it again") from wrong
    if not np.isfinite(matrix).all() or len(set(places)) < count or not all(0 <= j < len(names) for j in places):
        raise InputError(
            f"{content}: its spillover matrix names other channels, or numbers that are none; export it again"
        )
    return places, matrix


def _compensated(content: Content, events: np.ndarray, names: list[str], matrix: Any) -> np.ndarray:
    """Events with what spilled over taken back: each row times the inverse of the matrix."""
    if matrix is None:
        raise InputError(f"{content}: there is no spillover matrix in this file; leave compensate (--compensate) out")
    places, spill = matrix
    if np.linalg.cond(spill) > 1e8:
        shown = listed([names[j] for j in places])
        raise InputError(f"{content}: the spillover matrix of {shown} has no inverse; export the file again")
    out = events.copy()
    out[:, places] = np.linalg.solve(spill.T, events[:, places].T).T
    return out
