"""``mixot plan`` between cell types: two .h5ad files, or two groups of one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixot.cli.console import emit, remark, show_facts, show_table, working

if TYPE_CHECKING:
    import numpy as np

    from mixot.anndata.results import Transport
    from mixot.cli.sources import Options
    from mixot.fitting.likelihood.labelled import LabelledFit
    from mixot.io import Observations
    from mixot.solvers.entropic.omt import OMT

_TABLES = (".csv", ".tsv", ".txt", ".parquet")
_FIGURES = (".png", ".svg", ".pdf")
_LEAST = 5e-3  # flows below are left out of the table on the screen; files have all


@dataclass(frozen=True)
class Groups:
    """How one file is split, whether the groups grow and shrink, and by which solver they are joined."""

    groupby: str | None
    source: str | None
    target: str | None
    growth: bool = False
    solver: OMT | None = None


def plan(a: Path, b: Path | None, groups: Groups, options: Options, output: Path | None) -> None:
    """Read both populations, join their types, and tell, write or draw the flows."""
    from mixot.extras import require
    from mixot.io import check_target, write_table

    if output is not None:
        check_target(output, (*_TABLES, *_FIGURES))
    require("anndata", "anndata", "reading .h5ad files")
    p, q = _populations(a, b, groups, options)
    with working(f"joining {p.place} and {q.place}", quiet=options.quiet):
        found = _transport(p, q, options, groups)
    table = found.table()
    parts = [table[name].to_numpy() for name in table.columns]
    if output is not None and output.suffix.lower() in _FIGURES:
        _draw(found, output)
    elif output is not None:
        write_table(output, parts, list(table.columns))
    if options.quiet:
        emit(_facts(found, options))
        return
    _show(found, output)


def _populations(a: Path, b: Path | None, groups: Groups, options: Options) -> tuple[Observations, Observations]:
    from mixot.anndata.moving import split
    from mixot.errors import InputError
    from mixot.io import kind_of, read_observations

    for path in (a, b):
        if path is not None and kind_of(path) != "cells":
            raise InputError(f"{path}: --label and --groupby are for annotated data (.h5ad); leave them out")
    if options.columns is not None or options.k_max is not None:
        raise InputError("--columns and --k-max are not for cells with labels; leave them out")
    rep, labels = options.rep or "X_pca", () if options.label is None else (options.label,)
    if b is not None:
        if groups.groupby is not None:
            raise InputError("--groupby splits one file; leave it out, or the second file")
        return read_observations(a, rep=rep, labels=labels), read_observations(b, rep=rep, labels=labels)
    if groups.groupby is None:
        raise InputError(f"{a}: where does it go? Name a second file, or --groupby, the column that splits this one")
    held = read_observations(a, rep=rep, labels=(groups.groupby, *labels))
    return split(held, groups.groupby, groups.source, groups.target)[:2]


def _transport(p: Observations, q: Observations, options: Options, groups: Groups) -> Transport:
    """The plan; what warnings say becomes remarks."""
    from mixot.anndata import between

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        how: dict[str, Any] = {"labels": options.label, "k": options.k, "structure": options.structure}
        how |= {"growth": groups.growth, "solver": groups.solver}
        found = between(p, q, **how, rep=p.rep, rng=options.seed)
    for text in dict.fromkeys(str(warning.message) for warning in told):
        remark(f"note: {text}")
    return found


def _draw(found: Transport, output: Path) -> None:
    from mixot import plot

    held = found.source.labels.get(found.labels or "")
    colors = dict(zip(held.names, held.colors, strict=False)) if held else {}
    sides = _short(found.source.place), _short(found.target.place)
    plot.save(plot.alluvial(found.flows(), colors=colors, sides=sides), output, close=True)


def _share(mass: float, error: float) -> str:
    """In percent, with the standard error where it is known."""
    return f"{100 * mass:.1f}" + (f" ± {100 * mass * error:.1f}" if error == error else "")


def _short(place: str) -> str:
    return Path(place).stem if place.endswith(".h5ad") else place


def _facts(found: Transport, options: Options) -> dict[str, Any]:
    """What machines are told."""
    plan = found.plan
    rows = found.table().to_dict("records")
    flows = [{name: None if value != value else value for name, value in row.items()} for row in rows]
    out, back = found.populations.growth()
    return {
        "command": "plan",
        "distance": plan.distance,
        "cost": plan.cost,
        "lower_bound": plan.lower_bound,
        "gap": plan.gap,
        "status": str(plan.status),
        "rep": found.source.rep,
        "label": options.label,
        "flows": flows,
        "source": _side(found.source, found.populations.source, out),
        "target": _side(found.target, found.populations.target, back),
    }


def _side(cells: Observations, fitted: LabelledFit, growth: np.ndarray) -> dict[str, Any]:
    """One population, for machines."""
    each = zip(fitted.names, fitted.counts.tolist(), growth.tolist(), strict=True)
    labels = [{"label": label, "cells": count, "growth": factor} for label, count, factor in each]
    return {"place": cells.place, "rows": len(cells), "labels": labels, "notes": list(fitted.notes)}


def _show(found: Transport, output: Path | None) -> None:
    """What people are told."""
    table = found.table().sort_values("mass", ascending=False, kind="stable")
    seen = table[table["mass"] >= _LEAST]
    columns = (seen[name].tolist() for name in table.columns)
    rows = [
        (source, target, f"{_share(mass, error)} %", f"{100 * share:.1f} %", f"{distance:.4g}")
        for source, target, mass, share, distance, error in zip(*columns, strict=True)
    ]
    p, q = found.source, found.target
    title = f"{p.place} ({len(p):,} cells) to {q.place} ({len(q):,} cells), on {p.rep}"
    show_table(title, ["source", "target", "of all mass", "of the source", "distance"], rows)
    less = table[table["mass"] < _LEAST]["mass"]
    written = {} if output is None else {"written": output}
    rest = {"smaller flows": f"{len(less)}, {100 * less.sum():.2g} % of all mass"} if len(less) else {}
    status = f"{found.plan.status}, gap {found.plan.gap:.2g}"
    show_facts("", {**rest, "distance": found.plan.distance, "status": status, **written})
