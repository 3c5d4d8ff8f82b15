"""Nulls by name: what a person writes, and the set of laws that is meant."""

from __future__ import annotations

from typing import Any

from mixot.errors import InputError, UnsupportedError
from mixot.families.registry import lookup
from mixot.inference.nulls import CLOSED_FORMS, Null, OneLaw, OneMixture
from mixot.mixture import Mixture
from mixot.results import Fit

_KNOWN = 'nulls are "one component", the name of a family for one law of it, or a Mixture'


def null_of(null: Any) -> Null:
    """The null that is meant.

    Raises
    ------
    InputError
        On a name that means none.
    UnsupportedError
        On a family whose largest likelihood has neither a closed form nor a bound here.
    """
    told = null.mixture if isinstance(null, Fit) else null
    name = told.strip().lower() if isinstance(told, str) else ""
    if isinstance(told, Mixture):
        return OneMixture(told)
    if not name:
        what = repr(told) if isinstance(told, str) else type(told).__name__
        raise InputError(f"{_KNOWN}; got {what}")
    return _one_law("gaussian" if name == "one component" else name.removeprefix("one "))


def _one_law(family: str) -> Null:
    try:
        lookup(family)
    except InputError as unknown:
        raise InputError(f"{_KNOWN}; {unknown}") from None
    if family == "bernoulli":
        raise UnsupportedError("every law on 0 and 1 is one Bernoulli law, so no rows speak against it")
    if family not in CLOSED_FORMS:
        raise UnsupportedError(
            f"the largest likelihood of one {family} law has no closed form, and a test needs one; families that have: "
            f"{', '.join(CLOSED_FORMS)}"
        )
    return OneLaw(family)
