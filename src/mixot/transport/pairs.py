"""The table: which two measures make which problem, and what is known of each. A new pair of measures is one row.

==================  ========  ====================  ===========================  ====  ===
pair                distance  solvers               plan                         path  map
==================  ========  ====================  ===========================  ====  ===
Mixture, Mixture    MW2, OMT  Exact, OMT            coupling of the components   yes   yes
Samples, Samples    W2        Exact, OMT            coupling of the points
Samples, Grid       W2        Semidiscrete          cells of the points                yes
Samples, Mixture    W2        Semidiscrete          cells of the points                yes
==================  ========  ====================  ===========================  ====  ===
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mixot.errors import UnsupportedError
from mixot.measures import Grid, Measure, Samples
from mixot.mixture import Mixture, aligned, check_squares
from mixot.solvers.base import Task, choose_solver
from mixot.solvers.discrete.exact import Exact
from mixot.solvers.entropic.omt import OMT
from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete
from mixot.transport import cells, envelope, geodesic, maps, plans
from mixot.transport.envelope import Envelope


@dataclass(frozen=True, eq=False)
class Pair:
    """Two kinds of measures, in this order or the other, and the problem that they make: a row of the table.

    Parameters
    ----------
    first, second : kinds of measures
    distance_name : what the root of the least cost is called; "W2" is exact, "MW2" is at least W2
    task : what a solver must solve for it
    solvers : classes that do, the default first
    plan : ``plan(first, second, solver)``
    gradients : how the cost is differentiated in the arrays of both
    path : ``path(p, q, solver)``, a function of time; None where there is none
    map : ``map(p, q, kind, solver)``, in the order in which the measures came; None where there is none
    """

    first: type[Measure]
    second: type[Measure]
    distance_name: str
    task: Task
    solvers: tuple[type[Any], ...]
    plan: Callable[[Any, Any, Any], Any]
    gradients: Envelope
    path: Callable[[Any, Any, Any], Any] | None = None
    map: Callable[[Any, Any, Any, Any], Any] | None = None

    @property
    def exact(self) -> bool:
        """Whether the distance is W2 itself: between mixtures MW2 is more."""
        return self.distance_name == "W2"

    @property
    def semidiscrete(self) -> bool:
        """Whether points are compared with a density, so that its plan is one of cells."""
        return self.task is Task.CELLS

    def solver(self, given: Any = None) -> Any:
        """Return the solver that was asked for, the default where none was; `InputError` names those that fit."""
        return choose_solver(given, self.task, self.solvers)


PAIRS = (
    Pair(
        Mixture,
        Mixture,
        "MW2",
        Task.COUPLING,
        (Exact, OMT),
        plans.between_mixtures,
        envelope.OF_MIXTURES,
        path=geodesic.path_between,
        map=maps.map_between,
    ),
    Pair(Samples, Samples, "W2", Task.COUPLING, (Exact, OMT), plans.between_samples, envelope.OF_SAMPLES),
    *(
        Pair(
            Samples,
            density,
            "W2",
            Task.CELLS,
            (Semidiscrete,),
            plans.between_points_and_density,
            envelope.OF_CELLS,
            map=cells.map_between,
        )
        for density in (Grid, Mixture)
    ),
)


def pair_of(p: type[Measure], q: type[Measure]) -> Pair | None:
    """Return the row of two kinds of measures, in either order; None where no problem joins them.

    Examples
    --------
    >>> pair_of(Grid, Samples).distance_name, pair_of(Grid, Samples).semidiscrete, pair_of(Grid, Grid)
    ('W2', True, None)
    """
    found = _row(p, q)
    return found or _row(q, p)


@cache
def _row(first: type[Measure], second: type[Measure]) -> Pair | None:
    return next((row for row in PAIRS if issubclass(first, row.first) and issubclass(second, row.second)), None)


@dataclass(frozen=True, eq=False)
class Problem:
    """Two measures, and the row that says what can be asked of them; ``turned`` where the row has them in reverse."""

    p: Measure
    q: Measure
    pair: Pair
    turned: bool

    @property
    def ordered(self) -> tuple[Any, Any]:
        """Both measures in the order of the row: points before a density."""
        return (self.q, self.p) if self.turned else (self.p, self.q)

    @property
    def points_side(self) -> int | None:
        """Which side, 0 or 1, the points are on where they are compared with a density; None elsewhere."""
        return int(self.turned) if self.pair.semidiscrete else None

    def plan(self, solver: Any = None) -> Any:
        """Return the optimal plan; between points and a density it is seen from the points."""
        return self.pair.plan(*self.ordered, self.pair.solver(solver))

    def path(self, solver: Any = None) -> Any:
        """Return the path from p to q."""
        assert self.pair.path is not None
        return self.pair.path(self.p, self.q, self.pair.solver(solver))

    def map(self, kind: str = "mean", solver: Any = None) -> Any:
        """Return the map from p to q."""
        assert self.pair.map is not None
        return self.pair.map(self.p, self.q, kind, self.pair.solver(solver))


def problem(p: Measure, q: Measure, needs: Literal["plan", "path", "map"] = "plan") -> Problem:
    """Return the problem that two measures make.

    Parameters
    ----------
    p, q : Measure
        Of any kind.
    needs : "plan", "path" or "map"
        What will be asked of it.

    Raises
    ------
    InputError
        Where squares of the coordinates of one would vanish or overflow.
    UnsupportedError
        Where no row joins p and q, or theirs has no such thing; the message names a way around.
    InputError
        Where both name their coordinates, and differently.

    Examples
    --------
    >>> found = problem(Grid([1.0, 1.0]), Samples([0.5]))
    >>> found.points_side, round(found.plan().cost, 12), round(1 / 3 + 0.25, 12)
    (1, 0.583333333333, 0.583333333333)
    """
    q = aligned(p, q)
    pair = pair_of(type(p), type(q))
    if pair is not None and getattr(pair, needs) is not None:
        check_squares(p)
        check_squares(q)
        return Problem(p, q, pair, _row(type(p), type(q)) is None)
    names = [type(measure).__name__ for measure in (p, q)]
    if needs == "plan":
        raise UnsupportedError(f"no plan between {names[0]} and {names[1]}; fit a mixture to each, or sample both")
    strangers = [type(measure).__name__ for measure in (p, q) if not isinstance(measure, Mixture)]
    raise UnsupportedError(f"expected a mixture, got {strangers[0]}; fit one first: fit(data).mixture")
