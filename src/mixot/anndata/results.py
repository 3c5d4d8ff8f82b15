"""The plan between two populations of cells, and what it says of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mixot._shapes import Float, Int
from mixot.anndata.populations import PopulationPlan
from mixot.io.observations import Observations
from mixot.results import Plan


@dataclass(frozen=True, eq=False)
class Transport:
    """A plan between the cell types of two populations, with their cells.

    Parameters
    ----------
    populations : mixtures of both sides, and the plan between their components
    source, target : the cells
    labels : the column that holds their types; None where the types are components that EM found
    assign : "label", a cell is moved by the components of its own type; "density", by its responsibilities
    """

    populations: PopulationPlan
    source: Observations
    target: Observations
    labels: str | None
    assign: str

    @property
    def plan(self) -> Plan:
        """The plan between the components, with its certificate."""
        return self.populations.plan

    def flows(self) -> pd.DataFrame:
        """Mass that goes from each type of the source (rows) to each type of the target (columns)."""
        return wide(self.populations)

    def table(self) -> pd.DataFrame:
        """The same as one row for each pair of types: mass, share of the source type, distance, and relative error.

        The error is the standard one that comes from the numbers of cells, see `PopulationPlan.errors`.
        """
        return long(self.populations)

    def growth(self) -> Float[np.ndarray, " n"]:
        """Mass that leaves each cell of the source per unit that is there; one where marginals are kept."""
        return self.populations.growth_at(self.source.points, self.source_codes)

    def fates(self) -> pd.DataFrame:
        """Probability of each type of the target for each cell of the source; rows sum to one."""
        values = self.populations.fates(self.source.points, self.source_codes)
        return pd.DataFrame(values, index=self.source.names, columns=pd.Index(self.populations.target.names))

    def ancestors(self) -> pd.DataFrame:
        """Probability of each type of the source for each cell of the target; rows sum to one."""
        values = self.populations.reversed.fates(self.target.points, self.target_codes)
        return pd.DataFrame(values, index=self.target.names, columns=pd.Index(self.populations.source.names))

    def images(self, kind: Literal["mean", "random"] = "mean", *, rng: Any = None) -> Float[np.ndarray, "n d"]:
        """Where each cell of the source goes, in the representation.

        The mean image does not push the source onto the target (the images spread less), the random one does.
        """
        return self.populations.push(self.source.points, self.source_codes, kind=kind, rng=rng)

    def origins(self, kind: Literal["mean", "random"] = "mean", *, rng: Any = None) -> Float[np.ndarray, "n d"]:
        """Where each cell of the target comes from, in the representation."""
        return self.populations.reversed.push(self.target.points, self.target_codes, kind=kind, rng=rng)

    @property
    def source_codes(self) -> Int[np.ndarray, " n"] | None:
        """Types of the source's cells as the map takes them; None where it goes by densities."""
        return self._codes(self.source, self.populations.source.names)

    @property
    def target_codes(self) -> Int[np.ndarray, " n"] | None:
        """The same of the target's cells."""
        return self._codes(self.target, self.populations.target.names)

    def _codes(self, cells: Observations, names: tuple[str, ...]) -> Int[np.ndarray, " n"] | None:
        if self.labels is None or self.assign == "density":
            return None
        held = cells.labels[self.labels]
        place = np.array([names.index(name) if name in names else -1 for name in held.names] + [-1])
        return place[held.codes]


def wide(populations: PopulationPlan) -> pd.DataFrame:
    """Flows as a table, source types down and target types across."""
    index = pd.Index(populations.source.names, name="source")
    return pd.DataFrame(populations.flows(), index=index, columns=pd.Index(populations.target.names, name="target"))


def long(populations: PopulationPlan) -> pd.DataFrame:
    """Flows as one row a pair of types: names in columns and not in keys, so that any file can hold them."""
    flows = populations.flows()
    sums = flows.sum(axis=1, keepdims=True)
    share = np.divide(flows, sums, out=np.zeros_like(flows), where=sums > 0)
    rows, cols = (part.ravel() for part in np.indices(flows.shape))
    columns = {
        "source": np.array(populations.source.names, dtype=object)[rows],
        "target": np.array(populations.target.names, dtype=object)[cols],
        "mass": flows.ravel(),
        "share": share.ravel(),
        "distance": np.sqrt(np.maximum(populations.costs(), 0.0)).ravel(),
        "error": populations.errors().ravel(),
    }
    return pd.DataFrame(columns, index=pd.Index([str(row) for row in range(flows.size)]))
