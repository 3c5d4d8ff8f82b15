"""Known noise of the rows: what a user gives for it, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot._checks import as_numbers
from mixot._shapes import Bool, Float
from mixot.errors import InputError

_ROUNDING = 1e-9  # of the largest variance of a row: an eigenvalue may be so far below zero, an entry off its mirror
_BLOCK = 65_536  # matrices whose eigenvalues are computed at once


def as_noise(noise: Any) -> Float[np.ndarray, "..."]:
    """Return ``noise`` as an array of numbers that nobody else writes to; its shape is checked against the rows later.

    Examples
    --------
    >>> as_noise([1, 2]).tolist()
    [1.0, 2.0]
    """
    array = np.array(as_numbers(noise, "noise"), dtype=np.float64, order="C")
    if not 1 <= array.ndim <= 3 or not array.size:
        raise InputError(
            "noise must be variances (d,) or (n, d), or covariances (d, d) or (n, d, d), of all rows or one for each, "
            f"got shape {array.shape}"
        )
    array.flags.writeable = False
    return array


def noise_of_rows(noise: Float[np.ndarray, "..."], seen: Bool[np.ndarray, "n d"]) -> Float[np.ndarray, "m ..."] | None:
    """The noise of each row, or one for all (m is n or one): variances (m, d) or covariances (m, d, d); None if zero.

    Raises
    ------
    InputError
        On a shape that does not fit the rows, or two ways to read it, on values that are not finite where something was
        observed, and on what is no covariance; the first row is named.
    """
    n, d = seen.shape
    each = _by_rows(noise, n, d)
    full = each.ndim == 3
    there = np.broadcast_to(seen.any(axis=0), (1, d)) if len(each) == 1 else seen
    mask = there[:, :, None] & there[:, None, :] if full else there
    _check(~np.isfinite(each) & mask, "must be finite where something was observed, got NaN or infinity")
    each = np.where(mask, each, 0.0)
    variances = np.diagonal(each, axis1=1, axis2=2) if full else each
    _check(variances < 0, "must not be negative, got a negative variance")
    if full:
        top = _ROUNDING * variances.max(axis=1)[:, None, None]
        _check(np.abs(each - each.swapaxes(1, 2)) > top, "must be symmetric, got entries that differ from their mirror")
        each = (each + each.swapaxes(1, 2)) / 2
        if not (each * (1 - np.eye(d))).any():
            each = np.diagonal(each, axis1=1, axis2=2).copy()
        else:
            for low in range(0, len(each), _BLOCK):
                part = each[low : low + _BLOCK]
                least = np.linalg.eigvalsh(part)[:, 0] + top[low : low + _BLOCK, 0, 0]
                _check(least[:, None] < 0, "must be positive semidefinite, got a negative eigenvalue", low)
    return each if each.any() else None


def _by_rows(noise: np.ndarray, n: int, d: int) -> np.ndarray:
    """``noise`` with an axis for the rows, of length one where it is common to them."""
    shapes: dict[tuple[int, ...], np.ndarray] = {(d,): noise[None]}
    if noise.shape == (n, d) == (d, d) and n > 1:
        raise InputError(
            f"noise of shape {noise.shape} may be the variances of {n} rows or a covariance of all; give it as "
            "(n, d, d)"
        )
    shapes |= {(d, d): noise[None], (n, d): noise, (n, d, d): noise}
    if n == 1:
        shapes[1, d] = noise
    if noise.shape not in shapes:
        raise InputError(
            f"noise must have shape {(d,)}, {(d, d)}, {(n, d)} or {(n, d, d)} to go with {n} rows of dimension {d}, "
            f"got {noise.shape}"
        )
    return shapes[noise.shape]


def _check(bad: np.ndarray, what: str, low: int = 0) -> None:
    """Raise an `InputError` that names the first rows where something is bad."""
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1)) + low
    if len(rows):
        shown = ", ".join(map(str, rows[:5].tolist())) + (", ..." if len(rows) > 5 else "")
        where = f" in {len(rows)} rows: {shown}" if len(bad) > 1 or low else ""
        raise InputError(f"noise {what}{where}")
