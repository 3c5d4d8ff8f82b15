"""The plan between cell types as it is shown: which type goes to which, how much of it, how far and how sure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixot.cli.console import show_facts, show_table, written

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

    from mixot.anndata.results import Transport
    from mixot.fitting.likelihood.labelled import LabelledFit
    from mixot.io import Observations

_LEAST = 5e-3  # flows below are left out of the table on the screen; files have all


@dataclass(frozen=True, eq=False)
class FlowView:
    """A plan between the cell types of two populations."""

    found: Transport

    def table(self) -> tuple[list[str], list[Any]]:
        """Names and columns: each pair of types."""
        table = self.found.table()
        return list(table.columns), [table[name].to_numpy() for name in table.columns]

    def draw(self) -> Axes:
        """The flows as bands, in the colors of the types."""
        from mixot.plot import alluvial

        source, target, types = self.found.source, self.found.target, self.found.labels
        held = source.labels.get(types or "")
        colors = dict(zip(held.names, held.colors, strict=False)) if held else {}
        return alluvial(self.found.flows(), colors=colors, sides=(_short(source.place), _short(target.place)))

    def document(self) -> dict[str, Any]:
        """What machines are told."""
        found, plan = self.found, self.found.plan
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
            "label": found.labels,
            "flows": flows,
            "source": _side(found.source, found.populations.source, out),
            "target": _side(found.target, found.populations.target, back),
        }

    def tell(self, output: Path | None) -> None:
        """Print the flows, the heaviest first."""
        table = self.found.table().sort_values("mass", ascending=False, kind="stable")
        seen = table[table["mass"] >= _LEAST]
        columns = (seen[name].tolist() for name in table.columns)
        rows = [
            (source, target, f"{_share(mass, error)} %", f"{100 * share:.1f} %", f"{distance:.4g}")
            for source, target, mass, share, distance, error in zip(*columns, strict=True)
        ]
        p, q, plan = self.found.source, self.found.target, self.found.plan
        title = f"{p.place} ({len(p):,} cells) to {q.place} ({len(q):,} cells), on {p.rep}"
        show_table(title, ["source", "target", "of all mass", "of the source", "distance"], rows)
        less = table[table["mass"] < _LEAST]["mass"]
        rest = {"smaller flows": f"{len(less)}, {100 * less.sum():.2g} % of all mass"} if len(less) else {}
        facts = {"distance": plan.distance, "status": f"{plan.status}, gap {plan.gap:.2g}"}
        show_facts("", rest | facts | written(output))


def _share(mass: float, error: float) -> str:
    """In percent, with the standard error where it is known."""
    return f"{100 * mass:.1f}" + (f" ± {100 * mass * error:.1f}" if error == error else "")


def _short(place: str) -> str:
    return Path(place).stem if place.endswith(".h5ad") else place


def _side(cells: Observations, fitted: LabelledFit, growth: np.ndarray) -> dict[str, Any]:
    """One population, for machines."""
    each = zip(fitted.names, fitted.counts.tolist(), growth.tolist(), strict=True)
    labels = [{"label": label, "cells": count, "growth": factor} for label, count, factor in each]
    return {"place": cells.place, "rows": len(cells), "labels": labels, "notes": list(fitted.notes)}
