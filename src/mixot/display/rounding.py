"""Numbers as they are shown: short, and those that are proven rounded to the safe side."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from math import isfinite


def at_most(value: float, digits: int = 3) -> str:
    """A number with so many digits that is no smaller than ``value``: what holds for it holds for the number shown.

    Examples
    --------
    >>> at_most(0.67814), at_most(0.0548), at_most(-3.2555), at_most(8.0)
    ('0.679', '0.0549', '-3.25', '8')
    """
    if not isfinite(value):
        return f"{value:g}"
    return f"{float(Context(digits, ROUND_CEILING).create_decimal_from_float(float(value))):.{digits}g}"


def at_least(value: float, digits: int = 3) -> str:
    """A number with so many digits that is no larger than ``value``.

    Examples
    --------
    >>> at_least(7.74617, 5)
    '7.7461'
    """
    if not isfinite(value):
        return f"{value:g}"
    return f"{float(Context(digits, ROUND_FLOOR).create_decimal_from_float(float(value))):.{digits}g}"


def short(value: float, digits: int = 4) -> str:
    """A number with so many digits at most.

    Examples
    --------
    >>> short(2322.1923), short(1e-9), short(272.0), short(float("nan"))
    ('2322', '1e-09', '272', 'nan')
    """
    return f"{float(value):.{digits}g}"


def listed(values: Iterable[float], most: int = 6, digits: int = 3) -> str:
    """The first numbers of some, in brackets, and whether there are more.

    Examples
    --------
    >>> listed([0.35641, 0.64359]), listed([0.0, 1.0, 2.0], most=2)
    ('[0.356, 0.644]', '[0, 1, ...]')
    """
    each = [short(value, digits) for value in values]
    return f"[{', '.join(each[:most] + ['...'] * (len(each) > most))}]"
