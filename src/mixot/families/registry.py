"""Families by name: ``@register("poisson")`` enrols one, `lookup` finds it and imports no other."""

from __future__ import annotations

from collections.abc import Callable
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

    A single family is one name.

    Examples
    --------
    >>> factor_names("gamma, poisson*2")
    ('gamma', 'poisson', 'poisson')
    """
    if not isinstance(family, str):
        lookup(family)  # refuses it, and lists the families
    names: list[str] = []
    for part in family.split(","):
        name, star, times = part.partition("*")
        if star and not (times.strip().isdecimal() and int(times) >= 1):
            raise InputError(f'a family is repeated by a whole number, as in "poisson*20", got {part.strip()!r}')
        names += [name.strip()] * int(times or 1)
    return tuple(names)
