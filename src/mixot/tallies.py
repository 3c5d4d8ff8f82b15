"""How much points count: weights, and how often each was seen, checked where they come in."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import as_floats, check_finite
from mixot._frames import Frame
from mixot._shapes import Float
from mixot.errors import InputError
from mixot.formulas.weights import effective_count

MASS_TOL = 1e-6  # decimals printed in a paper or float32 sums are normalised; anything further off is an error


def check_tally(
    weights: Any, counts: Any, n: int
) -> tuple[Float[np.ndarray, " n"], float, Float[np.ndarray, " n"] | None]:
    """Weights of n points, how many observations they stand for, and their counts where they have some."""
    if counts is not None:
        if weights is not None:
            raise InputError("weights say how much points count, counts how often they were seen; give one of them")
        times = _check_counts(counts, n)
        return times / times.sum(), float(times.sum()), times
    if weights is None:
        return np.full(n, 1.0 / n), float(n), None
    share = check_weights(weights, n, "points")
    return share, effective_count(share), None


def check_weights(weights: Any, n: int, of: str) -> Float[np.ndarray, " n"]:
    """Weights as (n,) float64 that sum to one, or an `InputError` that says what is wrong with them."""
    out = as_floats(weights, "weights")
    if out.shape != (n,):
        raise InputError(f"weights must have shape {(n,)}, one for each of the {of}, got {out.shape}")
    check_finite(out, "weights", "places")
    if (out < 0).any():
        raise InputError(f"weights must not be negative, got {out.min():g} at {int(out.argmin())}")
    total = out.sum()
    if total == 0:
        raise InputError("weights must not be all zero: there is no mass")
    if abs(total - 1.0) > MASS_TOL:
        raise InputError(f"weights must sum to one, got {total:.9g}; pass weights / weights.sum() to normalise them")
    # Weights that sum to one up to rounding stay as they are, so that what is saved and loaded is the same to the bit.
    return out if abs(total - 1.0) <= 8 * np.finfo(np.float64).eps else out / total


def _check_counts(counts: Any, n: int) -> Float[np.ndarray, " n"]:
    """Counts as (n,) float64, whole numbers that are not negative and not all zero."""
    out = as_floats(counts, "counts")
    if out.shape != (n,):
        raise InputError(f"counts must have shape {(n,)}, one for each of the points, got {out.shape}")
    check_finite(out, "counts", "places")
    bad = np.flatnonzero((out < 0) | (out != np.round(out)))
    if len(bad):
        raise InputError(
            f"counts must be whole numbers and not negative, got {out[bad[0]]:g} at {bad[0]}; what says how much "
            "a point matters is weights="
        )
    if not out.any():
        raise InputError("counts must not be all zero: there is no mass")
    return out


def with_named(points: Any, weights: Any, counts: Any) -> tuple[Any, Any, Any]:
    """The three as they came, but for weights or counts that name a column of a frame: these are taken out of it."""
    for role, given in (("weights", weights), ("counts", counts)):
        if isinstance(given, str):
            if not isinstance(points, Frame):
                raise InputError(
                    f"{role}={given!r} names a column, and points are no frame; give the numbers themselves"
                )
            points, column = points.without(given, role)
            if role == "counts":
                counts = column
            else:
                check_finite(column, f"weights, column {given!r},", "rows")
                total = column.sum()
                weights = column / total if total > 0 else column
    return points, weights, counts
