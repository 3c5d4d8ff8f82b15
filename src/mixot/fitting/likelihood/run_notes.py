"""What has to be said of the rows and of the run that was chosen, in words."""

from __future__ import annotations

import numpy as np

from mixot.fitting.likelihood.gaussian.gaussian_em import GaussianEM
from mixot.fitting.likelihood.gaussian.statistics import Parameters
from mixot.fitting.likelihood.runs import LEAST_MASS, Run


def constant_columns(em: GaussianEM) -> tuple[str, ...]:
    """A note on columns of one value."""
    columns = np.flatnonzero(em.variances == 0)
    if not len(columns):
        return ()
    shown = ", ".join(f"{c} (value {em.center[c]:g})" for c in columns[:5]) + (", ..." if len(columns) > 5 else "")
    return (f"constant columns: {shown}; their variance is set to reg times the others' average",)


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
