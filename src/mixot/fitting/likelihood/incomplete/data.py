"""From incomplete or noisy points to the EM on them, and what has to be said about the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mixot.errors import InputError
from mixot.fitting.likelihood.incomplete.incomplete_em import IncompleteEM
from mixot.fitting.likelihood.incomplete.noise import noise_of_rows
from mixot.incomplete import Incomplete, named
from mixot.measures import Samples

_SHOWN = 5  # columns, or rows, that a note names
_LEAST = 2  # rows that show a coordinate, below which a component's variance there is not determined


@dataclass(frozen=True, eq=False)
class PartialData:
    """Rows to fit to, and notes on what is missing of them."""

    em: IncompleteEM
    notes: tuple[str, ...]


def partial_data(data: Samples | Incomplete, structure: str, reg: float, noise: np.ndarray | None) -> PartialData:
    """The EM on rows of which something was observed, and notes: what is missing, and which rows are left out."""
    seen = ~np.isnan(data.points)
    each = None if noise is None else noise_of_rows(noise, seen)
    used = (data.weights > 0) & seen.any(axis=1)
    if not used.any():
        raise InputError("nothing was observed in any row of positive weight")
    rows = np.flatnonzero(used)
    if each is not None and len(each) > 1:
        each = each[rows]
    kept = data if len(rows) == len(data) else data.take(rows)
    em = IncompleteEM.of_rows(kept.points, kept.weights, structure, reg, kept.observations, each)
    em = replace(em, columns=kept.columns)
    return PartialData(em, (*_gaps(data, rows), *_apart(kept, em)))


def refused_gaps(data: Incomplete) -> InputError:
    """What is raised where missing values are not to be ignored: it names columns and rows."""
    gaps = data.gaps
    columns = ", ".join(f"{named(data.columns, int(j))} ({gaps[j]})" for j in np.flatnonzero(gaps)[:_SHOWN])
    rows = np.flatnonzero(~data.observed.all(axis=1))
    shown = ", ".join(map(str, rows[:_SHOWN].tolist())) + (", ..." if len(rows) > _SHOWN else "")
    return InputError(
        f"points must be complete, values are missing in column {columns}, rows {shown}; EM(missing='ignore') fits "
        "what was observed"
    )


def _gaps(data: Samples | Incomplete, rows: np.ndarray) -> tuple[str, ...]:
    """Notes on how many values of which columns are missing, and on rows that hold none."""
    if not isinstance(data, Incomplete) or not data.gaps.any():
        return ()
    gaps, n = data.gaps, len(data)
    lost = np.flatnonzero(gaps)
    columns = ", ".join(f"{named(data.columns, int(j))} {gaps[j]}" for j in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} columns more" if len(lost) > _SHOWN else ""
    notes = (
        f"{gaps.sum()} of {data.points.size} values are missing ({columns}{more}): the likelihood is that of the "
        "others, as if it were not the values that decided what is missing",
    )
    empty = np.flatnonzero(~data.observed.any(axis=1))
    if len(empty):
        shown = ", ".join(map(str, empty[:_SHOWN].tolist())) + (", ..." if len(empty) > _SHOWN else "")
        notes += (f"{len(empty)} of {n} rows hold no value and are left out: {shown}",)
    return notes


def _apart(data: Samples | Incomplete, em: IncompleteEM) -> tuple[str, ...]:
    """A note on pairs of columns of which no row shows both: nothing says how they vary together."""
    if not em.dense:
        return ()
    seen = em.groups.seen.astype(np.int64)
    pairs = np.argwhere(np.triu(seen.T @ seen == 0))
    if not len(pairs):
        return ()
    shown = "; ".join(f"{named(data.columns, i)} and {named(data.columns, j)}" for i, j in pairs[:_SHOWN].tolist())
    return (
        f"no row holds both {shown}{'; ...' if len(pairs) > _SHOWN else ''}: how they vary together within a component "
        "is what the start made of it; take structure='diagonal', or leave columns out",
    )


def unseen(em: IncompleteEM, seen: np.ndarray) -> str:
    """Why some component is not determined where a coordinate is hardly ever seen of it, in words; empty where it is.

    ``seen`` (k, d) counts the rows of each component that show each coordinate. A coordinate that no more rows show
    than a regression on all others fits exactly has a likelihood without bound, as a component of so few rows has.
    """
    k, d = seen.shape
    own = max(em.model.own_rows(d), _LEAST)
    thin, free = seen < own, seen.sum(axis=0) - k
    if em.structure != "tied" and thin.any():
        low = int(thin.any(axis=1).sum())
        shown = _named(em.columns, np.flatnonzero(thin.any(axis=0)))
        return f"{low} of {k} components have a coordinate that fewer than {own} of their rows show (column {shown})"
    if em.structure == "tied" and free.min() < d:
        shown = _named(em.columns, np.flatnonzero(free < d))
        return (
            f"a coordinate is shown by {free.min():.0f} rows more than means (column {shown}), which do not determine "
            "its covariances"
        )
    return ""


def _named(columns: tuple[str, ...] | None, some: np.ndarray) -> str:
    """Some of the columns as notes call them, of many the first."""
    shown = ", ".join(named(columns, at) for at in some[:_SHOWN].tolist())
    return shown + (f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else "")
