"""Arrays from outside: real numbers, or an error that names the place."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot.errors import InputError


def as_numbers(value: Any, name: str) -> np.ndarray:
    """Return ``value`` as an array of float32 (where it came so) or float64.

    Masked entries become NaN. `InputError` on ragged rows, text, complex numbers and dates; ``name`` is what the
    caller calls the array.
    """
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(np.float64), np.nan)
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{name} must be an array, or rows of equal length; these rows differ in length") from None
    if array.dtype.kind in "OUS":
        array = _parse(array, name)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must be real numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):  # what overflows becomes infinity, which the caller reports
        return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def as_floats(value: Any, name: str) -> np.ndarray:
    """Return ``value`` as a float64 array; raises as `as_numbers`."""
    return as_numbers(value, name).astype(np.float64, copy=False)


def check_finite(array: np.ndarray, name: str, rows: str, advice: str = "") -> None:
    """Raise an `InputError` that names the first rows (axis 0) with NaN or infinity."""
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))
        shown = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        raise InputError(
            f"{name} must be finite, got NaN or infinity in {len(bad)} of {len(array)} {rows}: {shown}{advice}"
        )


def check_whole(value: Any, name: str, least: int = 1) -> None:
    """Raise an `InputError` unless ``value`` is a whole number of at least ``least``."""
    if not (isinstance(value, int | np.integer) and value >= least):
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_not_negative(value: Any, name: str) -> None:
    """Raise an `InputError` unless ``value`` is finite and not negative."""
    if not (np.isfinite(value) and value >= 0):
        raise InputError(f"{name} must be finite and not negative, got {value!r}")


def _parse(array: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.array([_number(item) for item in array.flat], dtype=np.float64).reshape(array.shape)
    except (TypeError, ValueError, OverflowError):
        at, item = next((at, item) for at, item in np.ndenumerate(array) if not _is_number(item))
        text = item.decode("latin-1") if isinstance(item, bytes) else item
        what = repr(str(text)) if isinstance(text, str) else type(item).__name__
        where = f" at {list(at)}" if at else ""
        raise InputError(f"{name} must be numbers, got {what}{where}") from None


def _number(item: Any) -> float:
    """A number, one in writing, or NaN for None; NumPy would also drop imaginary parts, and count days."""
    if item is None:
        return np.nan
    if getattr(getattr(item, "dtype", None), "kind", "f") in "cmM":
        raise TypeError
    return float(item)


def _is_number(item: Any) -> bool:
    try:
        _number(item)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
