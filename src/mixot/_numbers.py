"""One number from outside, and the whole numbers that float64 would round."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixot.errors import InputError


def is_rounded(whole: int) -> bool:
    """Whether a whole number is none of float64, which holds all of them up to 2^53 and ever fewer above."""
    try:
        return float(whole) != whole
    except OverflowError:
        return True


def check_exact(array: np.ndarray, name: str) -> None:
    """Raise an `InputError` where one of an array's whole numbers is none of float64."""
    if array.dtype.itemsize < 8 or not array.size or (array.min() >= -(2**53) and array.max() <= 2**53):
        return
    size = np.where(array < 0, -array.astype(np.uint64), array.astype(np.uint64))
    lowest = size & -size  # the lowest bit that is set: the bits from there on up must fit into the 53 of float64
    odd = size // np.maximum(lowest, 1)
    if (odd >= 2**53).any():
        at = tuple(np.argwhere(odd >= 2**53)[0].tolist())
        raise inexact(name, at, int(array[at]))


def inexact(name: str, at: tuple[int, ...], item: int) -> InputError:
    """What to raise where a whole number would be rounded."""
    shown = f"the whole number {item}" if abs(item) < 10**40 else "a whole number of more than 40 digits"
    where = f" at {list(at)}" if at else ""
    return InputError(
        f"{name} must be numbers that float64 holds, got {shown}{where}, which would be rounded; "
        "leave it out if it is an identifier, or pass floats"
    )


def as_number(item: Any) -> float:
    """A number, one in writing, or NaN for None; NumPy would also drop imaginary parts, and count days."""
    if item is None:
        return np.nan
    if getattr(getattr(item, "dtype", None), "kind", "f") in "cmM":
        raise TypeError
    if isinstance(item, int) and is_rounded(item):
        raise OverflowError
    return float(item)


def is_number(item: Any) -> bool:
    """Whether `as_number` takes it."""
    try:
        as_number(item)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
