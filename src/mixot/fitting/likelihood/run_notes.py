"""What has to be said of the rows and of the run that was chosen, in words."""

from __future__ import annotations

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.runs import LEAST_MASS, Run
from mixot.incomplete import named


def constant_columns(em: GaussianEM, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """A note on columns of one value, which are called by their ``names`` where they have any."""
    columns = np.flatnonzero(em.variances == 0)
    if not len(columns):
        return ()
    shown = of_one_value(columns, em.center, names)
    return (f"constant columns: {shown}; their variance is set to reg times the others' average",)


def of_one_value(columns: np.ndarray, values: np.ndarray, names: tuple[str, ...] | None) -> str:
    """Some columns with their values, as notes name them, of many the first.

    Examples
    --------
    >>> of_one_value(np.array([1]), np.array([2.0, 3.0]), ("height", "weight"))
    "'weight' (value 3)"
    """
    shown = ", ".join(f"{named(names, c)} (value {values[c]:g})" for c in columns[:5].tolist())
    return shown + (", ..." if len(columns) > 5 else "")


def flat_rows(em: GaussianEM, state: Parameters) -> tuple[str, ...]:
    """A note where the rows lie in a flat, up to the noise of ``reg``; constant columns have one of their own."""
    d, varied = em.points.shape[1], int((em.variances > 0).sum())
    rank = em.spread(state).rank
    if em.structure in ("diagonal", "spherical") or rank >= varied:
        return ()
    return (
        f"the rows vary in {rank} of {d} directions only, as if some columns were sums of others: across these, "
        "densities and the log-likelihood are what reg makes them; leave columns out",
    )


def empty_components(em: GaussianEM, run: Run) -> tuple[str, ...]:
    """A note on components without mass."""
    empty = int((run.shares * len(em.points) < LEAST_MASS).sum())
    return (f"{empty} of {len(run.state.weights)} components carry no mass; ask for fewer",) if empty else ()
