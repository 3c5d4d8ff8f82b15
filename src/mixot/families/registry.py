"""Families by name: ``@register("poisson")`` enrols one, `lookup` finds it and imports no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mixot._registry import import_every_module, load
from mixot.errors import InputError, UnsupportedError

F = TypeVar("F", bound=type)
_PACKAGE = "mixot.families"
_REGISTRY: dict[str, type[Any]] = {}  # subclasses of `mixot.families.base.Family`, a file that stands on this one


def register(name: str) -> Callable[[F], F]:
    """Class decorator that enrols a family under ``name``, a literal: `lookup` reads it in the source."""

    def enrol(family: F) -> F:
        family.name = name
        _REGISTRY[name] = family
        return family

    return enrol


def registered() -> dict[str, type[Any]]:
    """All families by name, a `Family` each; every file of the package is loaded first, so that a new one is enough."""
    import_every_module(_PACKAGE)
    return dict(_REGISTRY)


def lookup(name: str) -> type[Any]:
    """The family called ``name``, a `Family`; of the package only its own file is loaded.

    Raises
    ------
    InputError
        On a name that no family has; the message lists all.
    UnsupportedError
        On several families for the components of one mixture, "poisson|gaussian".

    Examples
    --------
    >>> lookup("poisson").__name__
    'Poisson'
    """
    if isinstance(name, str) and "|" in name:
        raise UnsupportedError(
            f"mixtures of unlike families, {name!r}, are not fitted: all components of a mixture are laws of one "
            "family; fit each of them and compare the criteria (columns of unlike laws are told by commas: "
            "'gamma,poisson')"
        )
    if not isinstance(name, str) or not load(name, _REGISTRY, _PACKAGE, "register"):
        raise InputError(f"unknown family {name!r}; families are {', '.join(sorted(_REGISTRY))}")
    return _REGISTRY[name]


def factor_names(family: str) -> tuple[str, ...]:
    """The names that a product is told by: "gamma,poisson*20" is a Gamma factor, then twenty Poisson ones.

    A single family is one name. What stands in brackets is left out; see `law_of`.

    Examples
    --------
    >>> factor_names("gamma, poisson*2")
    ('gamma', 'poisson', 'poisson')
    """
    return tuple(name for name, _ in _factors(family))


def law_of(family: str, fixed: Mapping[str, Any] | None = None) -> tuple[type[Any], dict[str, Any]]:
    """The class that a text means, and the parameters that a fit of it holds: those in ``fixed`` and in brackets.

    "binomial(10)" holds the one parameter that fits of the family can hold, here the trials, at 10. A list of names is
    their product, "poisson*20" that of 20 in a row.

    Raises
    ------
    InputError
        On an unknown name, brackets after a family that holds no single parameter, or two values for one.

    Examples
    --------
    >>> law_of("binomial(10)")[1], law_of("binomial(2)*2, poisson")[1]["1.trials"]
    ({'trials': 10.0}, 2.0)
    """
    several = isinstance(family, str) and ("," in family or "*" in family)
    own: dict[str, Any] = {}
    for place, (name, value) in enumerate(_factors(family)):
        if value is not None:
            own[f"{place}." * several + _held_by(name)] = value
    twice = [name for name in own if fixed and name in fixed and fixed[name] != own[name]]
    if twice:
        raise InputError(f"{twice[0]} is told twice, in {family!r} and in fixed; leave one out")
    held = own | dict(fixed or {})
    if several:
        return lookup("product"), held | {"factors": factor_names(family)}
    return lookup(family.partition("(")[0].strip() if own else family), held


def _held_by(name: str) -> str:
    """The one parameter of a family that brackets speak of."""
    holdable = lookup(name).holdable
    if len(holdable) != 1:
        can = ", ".join(holdable) or "nothing"
        raise InputError(
            f"a number in brackets is for families that hold one parameter, as binomial(10) does its trials; fits of "
            f"{name} hold {can}"
        )
    return holdable[0]


def _factors(family: str) -> list[tuple[str, float | None]]:
    """Each factor's name, and the number in brackets after it."""
    if not isinstance(family, str):
        lookup(family)  # refuses it, and lists the families
    out: list[tuple[str, float | None]] = []
    for part in family.split(","):
        name, star, times = part.partition("*")
        if star and not (times.strip().isdecimal() and int(times) >= 1):
            raise InputError(f'a family is repeated by a whole number, as in "poisson*20", got {part.strip()!r}')
        name, bracket, inside = name.strip().partition("(")
        try:
            value = float(inside.removesuffix(")")) if bracket else None
        except ValueError:
            value = None
        if bracket and (value is None or not inside.endswith(")")):
            raise InputError(f'brackets after a family hold one number, as in "binomial(10)", got {part.strip()!r}')
        out += [(name.strip(), value)] * int(times or 1)
    return out
