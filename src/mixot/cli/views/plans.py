"""Plans as they are shown: one view a kind of plan, and `show`, which writes, draws or tells any of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from mixot.cli.arguments import FIGURES
from mixot.cli.console import emit, note, say, show_facts, show_table, written
from mixot.cli.sources import Source, sides, title
from mixot.errors import InputError
from mixot.solvers.entropic.omt_plan import OMTPlan
from mixot.transport.pairs import Problem, problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixot.solvers.semidiscrete.plan import SemidiscretePlan

Columns = tuple[list[str], list[Any]]


@runtime_checkable
class View(Protocol):
    """A plan as the command ``plan`` shows it."""

    def table(self) -> Columns:
        """Names and columns: what goes where."""
        ...

    def draw(self) -> Axes:
        """The figure."""
        ...

    def document(self) -> dict[str, Any]:
        """What machines are told."""
        ...

    def tell(self, output: Path | None) -> None:
        """Print what people are told, and which file was written."""
        ...


def view_of(p: Source, q: Source, plan: Any) -> PlanView:
    """The view of a plan between two inputs; what its solver noted is told."""
    for text in getattr(plan, "notes", ()):
        note(text)
    solved = problem(p.measure, q.measure)
    if not solved.pair.exact:
        kind = SmoothView if isinstance(plan, OMTPlan) else ComponentView
        return kind(p, q, plan, solved, plan.distance_name)
    kind = CellView if solved.pair.semidiscrete else PointView
    unit = " pixels" if "picture" in (p.kind, q.kind) else ""
    return kind(p, q, plan, solved, solved.pair.distance_name, unit)


def show(view: View, output: Path | None, quiet: bool) -> None:
    """Write the table or the figure of a plan, if a file is named, and print the plan."""
    if output is not None and output.suffix.lower() in FIGURES:
        from mixot.plot import save

        save(view.draw(), output, close=True)
    elif output is not None:
        from mixot.io import write_table

        names, parts = view.table()
        write_table(output, parts, names)
    if quiet:
        emit(view.document())
    else:
        view.tell(output)


@dataclass(frozen=True, eq=False)
class PlanView:
    """A plan between two inputs, the problem that it solves, and what all kinds of it have in common.

    ``name`` is what its distance is called, ``unit`` stands behind it.
    """

    p: Source
    q: Source
    plan: Any
    problem: Problem
    name: str
    unit: str = ""

    def head(self) -> dict[str, Any]:
        """What machines are told first."""
        return {"distance": self.plan.distance} | ({"exact": True} if self.problem.pair.exact else {})

    def proof(self) -> dict[str, Any]:
        """What machines are told of the plan beside its distance."""
        found = self.plan
        return {"cost": found.cost, "lower_bound": found.lower_bound, "gap": found.gap, "status": str(found.status)}

    def sides(self) -> dict[str, Any]:
        """What machines are told of both inputs."""
        return sides(self.p, self.q)

    def table(self) -> Columns:
        """Names and columns: each pair that the plan joins."""
        rows, cols = np.nonzero(self.plan.coupling)
        return ["source", "target", "mass", "cost"], [
            rows,
            cols,
            self.plan.coupling[rows, cols],
            self.plan.cost_matrix[rows, cols],
        ]

    def draw(self) -> Axes:
        """The masses as a matrix."""
        from mixot.plot import plan_heatmap

        return plan_heatmap(self.plan)

    def document(self) -> dict[str, Any]:
        """What machines are told."""
        names, parts = self.table()
        entries = zip(*(part.tolist() for part in parts), strict=True)
        listed = [dict(zip(names, entry, strict=True)) for entry in entries]
        return {"command": "plan", **self.head(), "plan": listed, **self.proof(), **self.sides()}

    def tell(self, output: Path | None) -> None:
        """Print the table, and below it the distance."""
        names, parts = self.table()
        cells = [map(str, part.tolist()) if part.dtype.kind == "i" else part.tolist() for part in parts]
        show_table(title(self.p, self.q), names, list(zip(*cells, strict=True)))
        show_facts("", self.below() | written(output))
        self.remarks()

    def below(self) -> dict[str, object]:
        """What stands below the table."""
        return self.lines()

    def lines(self, more: dict[str, object] | None = None) -> dict[str, object]:
        """The distance for people, ``more`` about it, and how good the plan is."""
        distance = f"{self.plan.distance:.10g}{self.unit}"
        quality = f"{self.plan.status}, gap {self.plan.gap:.2g} in the squared distance"
        return {self.name: distance, **(more or {}), "plan": quality}

    def remarks(self) -> None:
        """Print what else is to be said; of most plans nothing is."""


class PointView(PlanView):
    """Between points and points: which goes where."""

    def draw(self) -> Axes:
        ax = super().draw()
        ax.set(xlabel=f"row of {self.q.path.name}", ylabel=f"row of {self.p.path.name}")
        return ax


class CellView(PlanView):
    """Between points and a density: the cell of each point, its mass and center."""

    plan: SemidiscretePlan

    @property
    def points(self) -> Source:
        """The side of the points."""
        return self.q if self.problem.turned else self.p

    def table(self) -> Columns:
        found = self.plan
        moved = np.linalg.norm(found.centroids - found.source.points, axis=1)
        names = ["point", "mass", *(f"center {name}" for name in self.points.columns), "moved", "potential"]
        return names, [np.arange(len(moved)), found.masses, *found.centroids.T, moved, found.potentials]

    def draw(self) -> Axes:
        """The cells over the density."""
        from mixot.plot import cells

        if self.p.measure.dim > 2:
            raise InputError(
                "cells are drawn on the line and in the plane, these are in space; write a table: -o plan.csv"
            )
        ax = cells(self.plan, names=self.points.columns)
        if self.unit:
            ax.invert_yaxis()  # rows of a picture go down
        ax.set_title(f"{self.name} = {self.plan.distance:.4g}{self.unit}")
        return ax


class ComponentView(PlanView):
    """Between mixtures: which component goes where."""

    def below(self) -> dict[str, object]:
        return {self.name: self.plan.distance, "status": f"{self.plan.status}, gap {self.plan.gap:.2g}"}


class SmoothView(ComponentView):
    """The same, smoothed by entropy: also the mass made and lost, and how stable the plan is."""

    plan: OMTPlan

    def proof(self) -> dict[str, Any]:
        plan, report = self.plan, self.plan.stability()
        facts: dict[str, Any] = {"lam": plan.lam, "eps": plan.eps, "primal": plan.primal, "dual": plan.dual}
        facts["stability"] = {
            "second_singular_value": report.second_singular_value,
            "margin": report.margin,
            "interaction": report.interaction if plan.lam > 0 else None,
        }
        if not plan.balanced:
            facts |= {"created": _sides(plan.created), "destroyed": _sides(plan.destroyed)}
        return super().proof() | facts

    def remarks(self) -> None:
        if not self.plan.balanced:
            say(_changes(self.plan))
        say(str(self.plan.stability()))


def _changes(plan: OMTPlan) -> str:
    created, destroyed = plan.created, plan.destroyed
    lines = [f"mass moved: {plan.coupling.sum():.4g}"]
    for name, side in (("source", 0), ("target", 1)):
        parts = [
            f"{i}: {change:+.3g}" for i, change in enumerate((created[side] - destroyed[side]).tolist()) if change != 0
        ]
        if parts:
            lines.append(f"mass made (+) and lost (-) by {name}  " + "  ".join(parts))
    return "\n".join(lines)


def _sides(pair: tuple[Any, Any]) -> dict[str, list[float]]:
    return {"source": pair[0].tolist(), "target": pair[1].tolist()}
