"""Nulls by name: what a person writes, and the set of laws that is meant."""

from __future__ import annotations

import re
from typing import Any

from mixot.errors import InputError, UnsupportedError
from mixot.families.registry import law_of
from mixot.inference.nulls import (
    CLOSED_FORMS,
    NATURAL,
    GaussianMixtures,
    NaturalMixtures,
    Null,
    OneLaw,
    OneMixture,
    bare,
)
from mixot.inference.told_floors import Floor
from mixot.mixture import Mixture
from mixot.results import Fit

_MIXTURE = re.compile(
    r"(?:an? )?(?P<family>[a-z_]+(?:\(\d+\))?) mixtures?(?:,? *(?:every |all )?sds? *>= *(?P<floor>.+))?"
)
_KNOWN = (
    'nulls are "one component", the name of a family for one law of it, "gaussian mixture, sd >= 0.5" or "poisson '
    'mixture" for any number of components, or a Mixture'
)


def null_of(null: Any, floor: Any = None) -> Null:
    """The null that is meant.

    Raises
    ------
    InputError
        On a name that means none, a Gaussian mixture without a floor, or a floor of anything else.
    UnsupportedError
        On a family whose largest likelihood has neither a closed form nor a bound here.
    """
    told = null.mixture if isinstance(null, Fit) else null
    name = told.strip().lower() if isinstance(told, str) else ""
    several = _MIXTURE.fullmatch(name)
    if several is not None:
        return _mixtures(several["family"], several["floor"], floor)
    if floor is not None:
        raise InputError('floor is the least spread of components, and goes with null="gaussian mixture"; leave it out')
    if isinstance(told, Mixture):
        return OneMixture(told)
    if not name:
        what = repr(told) if isinstance(told, str) else type(told).__name__
        raise InputError(f"{_KNOWN}; got {what}")
    return _one_law("gaussian" if name == "one component" else name.removeprefix("one "))


def _mixtures(family: str, named: str | None, floor: Any) -> Null:
    """All mixtures of a family, however many components they have."""
    _known(family)
    if family != "gaussian" and (named is not None or floor is not None):
        raise InputError(
            f"a floor is the least spread of Gaussian components, and {family} mixtures have none; leave it out"
        )
    if bare(family) in NATURAL:
        return NaturalMixtures(family)
    if family != "gaussian":
        raise UnsupportedError(
            f"the likelihood of all {family} mixtures has no bound here; families that have: gaussian, above a floor, "
            f"{', '.join(NATURAL)}"
        )
    if (named is None) == (floor is None):
        raise InputError(
            "any law is nearly a mixture of narrow enough Gaussians, so that a null needs the least standard deviation "
            'of a component, once: null="gaussian mixture, sd >= 0.5", or floor="sd >= 0.5"'
        )
    return GaussianMixtures(Floor.of(floor if named is None else named))


def _one_law(family: str) -> Null:
    if not re.fullmatch(r"[a-z_, ]+(\(\d+\))?", family) or "mixture" in family:
        raise InputError(f"{_KNOWN}; got {family!r}{_hint(family)}")
    _known(family)
    if bare(family) not in CLOSED_FORMS:
        raise UnsupportedError(
            f"the largest likelihood of one {family} law has no closed form, and a test needs one; families that have: "
            f"{', '.join(CLOSED_FORMS)}"
        )
    return OneLaw(family)


def _hint(name: str) -> str:
    """What may have been meant by a name that speaks of a floor."""
    if not re.search(r"[<>=\d]|\bsds?\b", name):
        return ""
    return '; a floor is written "sd >= 0.5", or "sd >= 0.4 sd" as a share, and after "gaussian mixture"'


def _known(family: str) -> None:
    """Raise an error unless there is such a family, and rows can speak against its laws."""
    try:
        _, fixed = law_of(family)
    except InputError as unknown:
        raise InputError(f"{_KNOWN}; {unknown}") from None
    if family == "binomial" and not fixed:
        raise InputError('binomial laws are of a known number of trials: "binomial(10)", or "binomial(10) mixture"')
    if family == "bernoulli":
        raise UnsupportedError("every law on 0 and 1 is one Bernoulli law, so no rows speak against it")
