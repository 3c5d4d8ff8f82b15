"""What a way to fit must do, and the registry that enrols it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeVar, runtime_checkable

from mixot.errors import InputError
from mixot.measures import Measure
from mixot.results import Fit, ProgressCallback


@runtime_checkable
class Fitter(Protocol):
    """A frozen dataclass whose fields are its options."""

    def fit(
        self,
        data: Measure,
        family: str,
        *,
        k: int | None = None,
        structure: str = "full",
        rng: Any = None,
        progress: ProgressCallback | None = None,
    ) -> Fit:
        """Return the mixture of ``k`` components of ``family`` that is closest to ``data``."""
        ...


T = TypeVar("T", bound=type)
_REGISTRY: dict[str, type] = {}


def register_fitter(name: str) -> Callable[[T], T]:
    """Class decorator that enrols a fitter under ``name``."""

    def enrol(fitter: T) -> T:
        _REGISTRY[name] = fitter
        return fitter

    return enrol


def as_fitter(method: str | Fitter) -> Fitter:
    """The fitter called ``method`` with its default options, or ``method`` itself."""
    if isinstance(method, Fitter):
        return method
    import mixot.fitting as package

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    if method not in _REGISTRY:
        raise InputError(f"unknown method {method!r}; methods are {', '.join(sorted(_REGISTRY))}, or a fitter object")
    return _REGISTRY[method]()
