"""The options of all commands that read and fit, declared once: `with_options` adds them to a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mixot.cli.arguments import (
    Cofactor,
    Columns,
    Compensate,
    Components,
    Counts,
    FamilyName,
    Label,
    Mask,
    Missing,
    MostComponents,
    OfMissing,
    OnScale,
    Options,
    Rep,
    Seed,
    Shape,
    Structure,
    TakenOn,
    Weights,
)
from mixot.cli.grouping import Body, grouped
from mixot.errors import InputError

_DECLARED: dict[str, tuple[Any, Any]] = {
    "k": (Components, None),
    "k_max": (MostComponents, None),
    "structure": (Shape, Structure.full),
    "family": (FamilyName, "gaussian"),
    "seed": (Seed, 0),
    "columns": (Columns, None),
    "counts": (Counts, None),
    "weights": (Weights, None),
    "missing": (OfMissing, Missing.error),
    "scale": (OnScale, TakenOn.linear),
    "cofactor": (Cofactor, None),
    "compensate": (Compensate, False),
    "mask": (Mask, None),
    "rep": (Rep, None),
    "label": (Label, None),
}
_OF_CELLS = ("rep", "label")


def with_options(*, cells: bool = False, without: tuple[str, ...] = ()) -> Callable[[Body], Body]:
    """Decorator of a command, whose parameter ``options`` gets what the options of reading and fitting come to.

    ``cells`` adds those of annotated data; those in ``without`` are left out, where a command has its own of that name
    or has no use for it.
    """
    names = [name for name in _DECLARED if name not in without and (cells or name not in _OF_CELLS)]
    return grouped("options", {name: _DECLARED[name] for name in names}, _options)


def _options(
    *,
    json: bool,
    structure: Structure = Structure.full,
    columns: str | None = None,
    missing: Missing = Missing.error,
    scale: TakenOn = TakenOn.linear,
    cofactor: float | None = None,
    **given: Any,
) -> Options:
    """How the inputs of a command are read and fitted, from what was typed."""
    names = None if columns is None else tuple(name.strip() for name in columns.split(","))
    read = {"columns": names, "missing": missing.value, "scale": _scale(scale, cofactor)}
    return Options(structure=structure.value, quiet=json, **read, **given)


def _scale(scale: TakenOn, cofactor: float | None) -> Any:
    """The scale of the columns that was typed."""
    if cofactor is None:
        return scale.value
    if scale is not TakenOn.asinh:
        raise InputError("--cofactor is an option of --scale asinh; leave it out, or add that")
    from mixot.io.scales import Asinh

    return Asinh(cofactor)
