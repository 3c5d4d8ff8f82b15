"""Levels of tests, and p-values of those that draw what their statistic is like under the null."""

from __future__ import annotations

from typing import Any

from mixot.errors import InputError


def checked_level(value: Any, name: str = "alpha") -> float:
    """A probability above 0 and below 1, or an `InputError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise InputError(f"{name} must be a number above 0 and below 1, got {value!r}")
    return float(value)


_SMALLEST = 1e-300  # below it floats are about to end, and a p-value may be one that was cut


def shown_p(p: float) -> str:
    """A p-value in a sentence."""
    return f"p = {p:.3g}" if p >= _SMALLEST else f"p < {_SMALLEST:g}"


def listed_p(p: float) -> str:
    """A p-value beside its name."""
    return f"{p:.6g}" if p >= _SMALLEST else f"below {_SMALLEST:g}"
