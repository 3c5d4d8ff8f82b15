"""What a way to fit must do, and the registry that enrols it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from mixot._registry import load
from mixot.errors import InputError
from mixot.measures import Measure
from mixot.mixture import Mixture
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


def checked_start(start: Any, name: str = "start") -> Mixture | None:
    """The mixture that a fit is to start from, that of a `Fit` too; None where none is given; else an `InputError`."""
    start = start.mixture if isinstance(start, Fit) else start
    if start is not None and not isinstance(start, Mixture):
        raise InputError(
            f"{name} must be a Mixture or a Fit, got {type(start).__name__}; centers become one with covariances: "
            "Mixture(weights, Gaussian(centers, covs)), and EM(start=centers) takes them alone"
        )
    return start


T = TypeVar("T", bound=type)
_REGISTRY: dict[str, type] = {}


def register_fitter(name: str) -> Callable[[T], T]:
    """Class decorator that enrols a fitter under ``name``."""

    def enrol(fitter: T) -> T:
        _REGISTRY[name] = fitter
        return fitter

    return enrol


def as_fitter(method: Any) -> Fitter:
    """The fitter called ``method`` with its default options, or ``method`` itself.

    Only the module of that fitter is imported.

    Raises
    ------
    InputError
        On a name that no fitter has; the message lists all.

    Examples
    --------
    >>> type(as_fitter("em")).__name__
    'EM'
    """
    if isinstance(method, Fitter) and not isinstance(method, type):
        return method
    if not isinstance(method, str) or not load(method, _REGISTRY, "mixot.fitting", "register_fitter"):
        raise InputError(f"unknown method {method!r}; methods are {', '.join(sorted(_REGISTRY))}, or a fitter object")
    return _REGISTRY[method]()
